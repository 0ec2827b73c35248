#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_policy
short_description: Manage a customer managed IAM policy and its versions
version_added: 0.1.0
description:
  - Creates a customer managed policy, and puts the statements of O(policy) into it. A statement is found again by its
    C(Sid); all others are kept, so that several installations can share a policy.
  - The policy gets a new default version where a statement means something else. The order of statements, actions and
    the like means nothing, nor does a list of one for a single value.
  - The policy is found by its ARN, which follows from account, path and name. Only where there is none, policies are
    listed once, to find one whose name differs in path or case; where the credentials may not do so, IAM tells.
  - What IAM would answer with an error is said before anything is sent, the limit of 6144 characters included.
  - After a write the module reads the policy again, and puts its statements in once more where somebody else replaced
    them meanwhile.
  - A run that changes nothing sends 2 requests, and one more to STS where O(account_id) or O(partition) is not set.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description: Name of the policy. Names are unique in an account, whatever the path.
    type: str
    required: true
  path:
    description: Path of the policy; it is part of the ARN, and IAM cannot change it.
    type: str
    default: /
  state:
    description:
      - V(present) makes sure that the policy exists as described.
      - V(absent) removes the statements of O(policy) and O(absent_sids), and with the last statement the policy.
        Without both it deletes the policy and all its versions.
      - A policy that a user, group or role still has is not deleted; the error names them.
    type: str
    choices: ['present', 'absent']
    default: present
  policy:
    description:
      - A document with the statements that the task owns, each with a C(Sid), as a mapping or as JSON. Required with
        O(state=present).
      - A document that differs from the default version becomes a new version and the default, also where an older
        version has the same document. IAM keeps five versions; where there are five already, the oldest that is not
        the default is deleted, and RV(deleted_version_id) and the diff name it.
    type: json
  absent_sids:
    description: The Sids of statements that must not be in the policy.
    type: list
    elements: str
    default: []
    aliases: ['sids']
  purge_statements:
    description: Whether to remove all statements that O(policy) does not have. Only for O(state=present).
    type: bool
    default: false
  description:
    description:
      - Description of the policy. IAM cannot change it (there is no request for that), so where an existing policy has
        another one, the policy is left as it is and a warning says so.
    type: str
  account_id:
    description:
      - The 12 digits of the account of the credentials. With O(partition) it saves a request to STS.
      - Before a policy is created, it is compared with the account of the credentials.
    type: str
  partition:
    description: Partition of the account, such as V(aws), V(aws-cn), V(aws-us-gov) or V(aws-eusc).
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.replace_sids
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: What Velero may do
  coffer.velero.iam_policy:
    name: velero-backups
    description: Velero backups of the production cluster
    policy:
      Version: '2012-10-17'
      Statement:
        - Sid: VeleroObjects
          Effect: Allow
          Action: [s3:AbortMultipartUpload, s3:DeleteObject, s3:GetObject, s3:PutObject]
          Resource: arn:aws:s3:::backups/*
        - Sid: VeleroBucket
          Effect: Allow
          Action: s3:ListBucket
          Resource: arn:aws:s3:::backups
    tags:
      service: velero
  register: policy

- name: Take the statements of an installation out of a policy that others use
  coffer.velero.iam_policy:
    name: velero-backups
    absent_sids: [VeleroObjects1a2b3c4d, VeleroBucket1a2b3c4d]
    state: absent

- name: Delete a policy that is attached to nothing any more
  coffer.velero.iam_policy:
    name: velero-backups-2021
    state: absent
"""

RETURN = r"""
policy_arn:
  description: ARN of the policy, in check mode that of the policy that would be created.
  returned: success
  type: str
  sample: arn:aws:iam::111122223333:policy/velero-backups
policy_name:
  description: Name of the policy.
  returned: when O(state=present)
  type: str
  sample: velero-backups
path:
  description: Path of the policy.
  returned: when O(state=present)
  type: str
  sample: /
policy:
  description: The document that is in force.
  returned: when O(state=present)
  type: dict
  sample:
    Version: '2012-10-17'
    Statement:
      - {Sid: VeleroBucket, Effect: Allow, Action: 's3:ListBucket', Resource: 'arn:aws:s3:::backups'}
kept_statements:
  description: The Sids of the statements that the task does not own, or their positions where they have none.
  returned: when the policy is not deleted
  type: list
  elements: str
  sample: ['VeleroObjects1a2b3c4d', '#3']
default_version_id:
  description: The version that is in force.
  returned: when O(state=present)
  type: str
  sample: v3
deleted_version_id:
  description: The version that was deleted to make room for a new one; V(null) where there was room.
  returned: when O(state=present)
  type: str
  sample: v1
description:
  description: Description of the policy.
  returned: when O(state=present)
  type: str
  sample: Velero backups of the production cluster
tags:
  description: Tags of the policy.
  returned: when O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import REPLACE_SIDS, STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account, PolicyResource
from ansible_collections.coffer.velero.plugins.module_utils._iam.decide_policy import DesiredPolicy
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True},
        "path": {"type": "str", "default": "/"},
        **STATE,
        "policy": {"type": "json"},
        "absent_sids": {"type": "list", "elements": "str", "default": [], "aliases": ["sids"]},
        **REPLACE_SIDS,
        "purge_statements": {"type": "bool", "default": False},
        "description": {"type": "str"},
        "account_id": {"type": "str"},
        "partition": {"type": "str"},
        **TAGS,
    },
    required_if=[("state", "present", ["policy"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = DesiredPolicy.of(params)
    aws = Aws(params)
    account = Account(aws, params["account_id"], params["partition"])
    absent = params["state"] == "absent"
    return task.reconcile(PolicyResource(aws, desired, account, absent=absent, sleep=task.sleep))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
