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
  - Asks of every C(Deny) in the policy whether it is about what Velero does in O(prefix), as O(role_arns) and with the
    headers of O(encryption_mode) - list, read, write and delete - and about the writes of kopia, which have no
    encryption header. An unmanaged statement that denies them is refused where O(role_arns) is set, also if nothing is
    to be changed; one that denies only deletions, or that depends on what is not known here, such as
    C(aws:SourceVpce), is a warning that names it. Without a statement of one's own this only checks a policy that is
    managed elsewhere.
  - Refuses a change after which the caller could not change the policy again, also in check mode. What the identity of
    the caller decides (C(aws:PrincipalArn), C(aws:PrincipalAccount), C(aws:userid), C(aws:PrincipalType)) is decided; a
    C(Deny) that depends on anything else, such as C(aws:SourceVpce) or C(aws:SourceIp), needs
    O(confirm_remove_self_bucket_access).
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
  encryption_mode:
    description:
      - How the BackupStorageLocation has Velero's own writes encrypted, which says what headers they carry. The writes
        of kopia carry none in any mode.
      - If not set, no statement about encryption headers is checked for Velero's own writes.
    type: str
    choices: [sse-s3, sse-kms, dsse-kms, sse-c]
  kms_key_arn:
    description: ARN of the key that Velero's own writes name, with V(sse-kms).
    type: str
  uses_kopia:
    description:
      - Whether kopia writes here too, for file system backups and data movement.
      - With V(false) a statement that requires an encryption header of every write is a warning only. Every file system
        backup and data movement would fail.
    type: bool
    default: true
  expected_bucket_owner:
    description: Id of the account that must own the bucket. S3 refuses every request where another one does.
    type: str
  confirm_remove_self_bucket_access:
    description:
      - Allows a policy that denies the caller to change it again, or may, and has S3 allow it. The account root still
        can. The
        module then does not look whether its statements are still there.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.replace_sids
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
    encryption_mode: sse-kms
    kms_key_arn: "{{ key.key_arn }}"
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
from ansible_collections.coffer.velero.plugins.module_utils._profile import MODES
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy_api import BucketPolicyResource
from ansible_collections.coffer.velero.plugins.module_utils._s3.velero_access import VeleroAccess

SPEC = aws_spec(
    {
        "bucket": {"type": "str", "required": True, "aliases": ["name"]},
        **STATEMENTS,
        "prefix": {"type": "str", "default": ""},
        "role_arns": {"type": "list", "elements": "str", "default": []},
        "encryption_mode": {"type": "str", "choices": list(MODES)},
        "kms_key_arn": {"type": "str", "no_log": False},
        "uses_kopia": {"type": "bool", "default": True},
        "expected_bucket_owner": {"type": "str"},
        "confirm_remove_self_bucket_access": {"type": "bool", "default": False},
    },
    required_if=[("state", "present", ["statements"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = Desired.of(params)
    velero = VeleroAccess(
        params["prefix"].strip("/"),
        params["role_arns"],
        params["encryption_mode"],
        params["kms_key_arn"],
        uses_kopia=params["uses_kopia"],
    )
    velero.refuse_other_names()
    return task.reconcile(
        BucketPolicyResource(
            Aws(params),
            desired,
            params["bucket"],
            owner=params["expected_bucket_owner"],
            bypass=params["confirm_remove_self_bucket_access"],
            velero=velero,
            sleep=task.sleep,
        )
    )


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
