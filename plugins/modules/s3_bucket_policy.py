#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_bucket_policy
short_description: Manage statements of an S3 bucket policy
version_added: 0.1.0
description:
  - Adds, corrects and removes statements of a bucket policy by their C(Sid), and leaves all others alone. A policy that
    is left without a statement is deleted.
  - Refuses a statement that requires an encryption header of every write, since kopia, which writes Velero's file
    system backups and data movement, sends none and relies on the bucket's default encryption. These are a C(Deny) with
    a negated operator, with or without C(IfExists), or with C(Null) of V(true), on C(s3:x-amz-server-side-encryption)
    and its kin, which see the header of the request only. The right form denies a wrong header, with C(Null) of
    V(false) beside it.
  - Warns of such a statement where it is unmanaged, and refuses to go on where it surely stands in Velero's way. For
    that O(role_arns) must be set, and the statement have no further conditions. Without a statement of one's own this
    only checks a policy that is managed elsewhere.
  - Refuses a change that denies the caller to change the policy again. Statements with a condition are not counted,
    since it cannot be known whether it will hold.
  - A run that changes nothing sends 1 request.
author: The coffer.velero authors (@coffer-velero)
options:
  bucket:
    description:
      - Name of the bucket. In check mode one that does not exist is taken for one without policy, since an earlier task
        may be there to create it.
      - The C(Resource) of each statement must be of this bucket.
    type: str
    required: true
    aliases: ['name']
  prefix:
    description: Where Velero writes. A statement about other objects may require headers. The whole bucket if not set.
    type: str
    default: ''
  role_arns:
    description:
      - ARNs of the roles that Velero runs as. A statement about other principals may require headers. Where it is not
        set, every principal may be Velero.
    type: list
    elements: str
    default: []
  expected_bucket_owner:
    description: Id of the account that must own the bucket. S3 refuses every request where another one does.
    type: str
  confirm_remove_self_bucket_access:
    description:
      - Allows a policy that denies the caller to change it again, and has S3 allow it. The account root still can. The
        module then does not look whether its statements are still there.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.statements
"""

EXAMPLES = r"""
- name: Refuse the wrong key, and let writes without a header take the bucket's default
  coffer.velero.s3_bucket_policy:
    bucket: velero-backups
    statements:
      - Sid: DenyWrongKey
        Effect: Deny
        Principal: '*'
        Action: s3:PutObject
        Resource: arn:aws:s3:::velero-backups/*
        Condition:
          'Null':
            s3:x-amz-server-side-encryption-aws-kms-key-id: 'false'
          StringNotEquals:
            s3:x-amz-server-side-encryption-aws-kms-key-id: "{{ key.key_arn }}"

- name: Refuse to work in a bucket whose owner requires headers that kopia does not send
  coffer.velero.s3_bucket_policy:
    bucket: velero-backups
    statements: []
    prefix: production
    role_arns: [arn:aws:iam::111122223333:role/velero]
  check_mode: true

- name: Remove a statement by its Sid
  coffer.velero.s3_bucket_policy:
    bucket: velero-backups
    state: absent
    sids: [DenyWrongKey]
"""

RETURN = r"""
bucket:
  description: Name of the bucket.
  returned: success
  type: str
  sample: velero-backups
policy:
  description: The bucket policy after the task; V(null) where there is none.
  returned: success
  type: dict
  sample:
    Version: '2012-10-17'
    Statement:
      - Sid: DenyInsecureTransport
        Effect: Deny
        Principal: '*'
        Action: s3:*
        Resource: ['arn:aws:s3:::velero-backups', 'arn:aws:s3:::velero-backups/*']
        Condition: {Bool: {'aws:SecureTransport': 'false'}}
kept_statements:
  description: Sids of the unmanaged statements in it; one without Sid by its position, C(#3).
  returned: success
  type: list
  elements: str
  sample: [AWSCloudTrailAclCheck20150319]
orphaned_principals:
  description: Roles and users that were deleted and that unmanaged statements still name. Each is a warning, too.
  returned: success
  type: list
  elements: dict
  sample: [{sid: Readers, principal: AROADBQP57FF2AEXAMPLE}]
  contains:
    sid:
      description: Sid of the statement, or its position.
      type: str
    principal:
      description: Unique id of the role or user.
      type: str
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATEMENTS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy_api import BucketPolicyResource
from ansible_collections.coffer.velero.plugins.module_utils._s3.write_principals import WritePrincipals

SPEC = aws_spec(
    {
        "bucket": {"type": "str", "required": True, "aliases": ["name"]},
        **STATEMENTS,
        "prefix": {"type": "str", "default": ""},
        "role_arns": {"type": "list", "elements": "str", "default": []},
        "expected_bucket_owner": {"type": "str"},
        "confirm_remove_self_bucket_access": {"type": "bool", "default": False},
    },
    required_if=[("state", "present", ["statements"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = Desired.of(params)
    write_principals = WritePrincipals(params["prefix"].strip("/"), params["role_arns"])
    write_principals.refuse_other_names()
    return task.reconcile(
        BucketPolicyResource(
            Aws(params),
            desired,
            params["bucket"],
            owner=params["expected_bucket_owner"],
            bypass=params["confirm_remove_self_bucket_access"],
            write_principals=write_principals,
            sleep=task.sleep,
        )
    )


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
