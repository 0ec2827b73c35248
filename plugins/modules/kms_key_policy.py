#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_key_policy
short_description: Manage statements of a KMS key policy
version_added: 0.1.0
description:
  - Adds, corrects and removes statements of a key policy by their C(Sid), and leaves all others alone.
  - Refuses a change after which the caller, or the account root and with it the account's IAM policies, could not
    change the policy any more. KMS itself checks the caller only, and a key that no principal can manage is a case for
    AWS Support.
    In check mode too. What the identity of the caller decides (C(aws:PrincipalArn), C(aws:PrincipalAccount),
    C(aws:userid), C(aws:PrincipalType), C(kms:CallerAccount)) is decided. A statement that depends on anything else,
    such as C(aws:SourceVpce) or C(aws:MultiFactorAuthPresent), needs O(bypass_policy_lockout_safety_check).
  - Waits for a role that was created a moment ago and that KMS cannot see yet.
  - Names the roles and users that were deleted since. AWS shows their unique id (C(AROA...), C(AIDA...)) in the policy
    instead of their ARN, and a new role of the same name is not let in. Where such an id stands in one of
    O(statements), it is corrected by this module; in an unmanaged statement, KMS takes no change of the policy while it
    is there, and a change is refused, in check mode too.
  - Works on the policy V(default). A second policy, C(AWS_RAM), belongs to a share of AWS RAM and is managed there.
  - KMS shows and changes a key policy with credentials of the key's own account only. For a key of another account the
    module fails with the statements to hand to its owner.
  - A run that changes nothing sends 1 request for a key id or ARN and 2 for an alias.
author: The coffer.velero authors (@coffer-velero)
options:
  key_id:
    description:
      - The key, by id, ARN, alias (with C(alias/)) or alias ARN. KMS takes no alias for a key policy, so that one costs
        a request (C(kms:DescribeKey)) more.
      - A key that does not exist is an error, also where nothing of its policy would be changed. A check run goes on
        with the policy of a new key where it is named by an alias or as the placeholder that an earlier task of a check
        run returned.
    type: str
    required: true
    aliases: ['key_arn']
  bypass_policy_lockout_safety_check:
    description:
      - Allows a policy that the caller or the account root cannot change again, or may not, and has KMS allow it. The
        module then does not look whether its statements are still there.
    type: bool
    default: false
  principal_timeout:
    description:
      - Seconds to try again while KMS answers that a principal does not exist. It takes some seconds until KMS sees a
        new role.
    type: int
    default: 60
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.replace_sids
  - coffer.velero._velero.statements
"""

EXAMPLES = r"""
- name: Let Velero's role use the key for S3
  coffer.velero.kms_key_policy:
    key_id: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    statements:
      - Sid: VeleroUse
        Effect: Allow
        Principal:
          AWS: arn:aws:iam::111122223333:role/velero
        Action: [kms:GenerateDataKey, kms:Decrypt]
        Resource: '*'
        Condition:
          StringEquals:
            kms:ViaService: s3.eu-central-1.amazonaws.com

- name: Remove a statement by its Sid
  coffer.velero.kms_key_policy:
    key_id: alias/velero-backups
    state: absent
    sids: [VeleroUse]
"""

RETURN = r"""
key_id:
  description:
    - The key as it was given, and its ARN where an alias was given. In check mode the id of a key that is yet to be
      created is all zeros.
  returned: success
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
policy:
  description: The key policy after the task.
  returned: success
  type: dict
  sample:
    Version: '2012-10-17'
    Id: key-default-1
    Statement:
      - Sid: Enable IAM User Permissions
        Effect: Allow
        Principal: {AWS: 'arn:aws:iam::111122223333:root'}
        Action: kms:*
        Resource: '*'
kept_statements:
  description: Sids of the unmanaged statements in it; one without Sid by its position, C(#3).
  returned: success
  type: list
  elements: str
  sample: ['Enable IAM User Permissions']
orphaned_principals:
  description: Roles and users that were deleted and that unmanaged statements still name. Each is a warning, too.
  returned: success
  type: list
  elements: dict
  sample: [{sid: Administrators, principal: AROADBQP57FF2AEXAMPLE}]
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
from ansible_collections.coffer.velero.plugins.module_utils._kms.policy_api import KeyPolicyResource
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "key_id": {"type": "str", "required": True, "aliases": ["key_arn"]},
        **STATEMENTS,
        "bypass_policy_lockout_safety_check": {"type": "bool", "default": False},
        "principal_timeout": {"type": "int", "default": 60},
    },
    required_if=[("state", "present", ["statements"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = Desired.of(params)
    return task.reconcile(
        KeyPolicyResource(
            Aws(params),
            desired,
            params["key_id"],
            bypass=params["bypass_policy_lockout_safety_check"],
            principal_timeout=params["principal_timeout"],
            sleep=task.sleep,
        )
    )


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
