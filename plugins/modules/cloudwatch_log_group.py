#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_log_group
short_description: Manage a log group of CloudWatch Logs
version_added: 0.1.0
description:
  - Creates a log group, and corrects retention, key, protection and tags of one that is there, in place. It is never
    deleted and made anew, and what no option names is left as it is.
  - The log events are evidence. What would lose some (deletion, a shorter retention) is refused, unless
    O(delete_data=true).
  - A run that changes nothing sends 1 request, one more where O(tags) is set, and one to KMS where O(kms_key_id) is not
    the ARN of the key that the log group has.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description: Name of the log group, of 1 to 512 letters, digits and C(._-/#). It cannot begin with C(aws/).
    type: str
    required: true
    aliases: ['log_group_name']
  state:
    description:
      - V(present) makes sure that the log group is there.
      - V(absent) deletes it with all its log events, and refuses without O(delete_data=true). One that is protected is
        refused, unless O(deletion_protection_enabled=false).
    type: str
    choices: ['present', 'absent']
    default: present
  retention_in_days:
    description:
      - How long log events are kept. CloudWatch Logs takes certain numbers of days only, such as 90, 365, 400, 731 and
        3653. V(0) keeps them for good, as a new log group does. Left alone where it is not set.
      - A shorter time is refused where the log group is so old that it may hold events to be deleted, unless
        O(delete_data=true).
    type: int
  kms_key_id:
    description:
      - Customer managed key to encrypt new log events under, by id, ARN or alias. The log group gets the ARN of the
        key, so that an alias that is moved later does not move it.
      - Its policy must let CloudWatch Logs use it, see the filter P(coffer.velero.log_group_key_statements#filter).
      - Do not take the key whose use is recorded here. When that key is disabled or deleted, the records of who did
        that cannot be read.
      - What was written under an earlier key stays encrypted under that one, so it must not be deleted before.
      - An empty string ends the encryption with KMS. Left alone where it is not set.
      - In check mode a key that does not exist is taken for one that an earlier task makes.
    type: str
  deletion_protection_enabled:
    description:
      - Whether CloudWatch Logs refuses to delete the log group. Left alone where it is not set.
      - Needs a boto3 that knows C(PutLogGroupDeletionProtection).
    type: bool
  delete_data:
    description: Whether log events may be lost, by O(state=absent) or by a shorter O(retention_in_days).
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: Where the trail delivers to, kept for a year
  coffer.velero.cloudwatch_log_group:
    name: velero-acme-backups
    region: eu-central-1
    retention_in_days: 365
    kms_key_id: alias/velero-audit
    deletion_protection_enabled: true
    tags:
      service: velero

- name: Delete it with all that it holds
  coffer.velero.cloudwatch_log_group:
    name: velero-acme-backups
    region: eu-central-1
    state: absent
    delete_data: true
    deletion_protection_enabled: false
"""

RETURN = r"""
name:
  description: Name of the log group.
  returned: success
  type: str
  sample: velero-acme-backups
log_group_arn:
  description: Its ARN, without C(:*) at the end.
  returned: when O(state=present)
  type: str
  sample: arn:aws:logs:eu-central-1:111122223333:log-group:velero-acme-backups
retention_in_days:
  description: How long log events are kept; V(null) for good.
  returned: when O(state=present)
  type: int
  sample: 365
kms_key_arn:
  description: Key that new log events are encrypted under; V(null) for one of CloudWatch Logs.
  returned: when O(state=present)
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
deletion_protection_enabled:
  description: Whether the log group is protected from deletion.
  returned: when O(state=present)
  type: bool
  sample: true
tags:
  description: Its tags; empty where O(tags) is not set.
  returned: when O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.logs import DesiredGroup
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.logs_api import GroupResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True, "aliases": ["log_group_name"]},
        **STATE,
        "retention_in_days": {"type": "int"},
        "kms_key_id": {"type": "str"},
        "deletion_protection_enabled": {"type": "bool"},
        "delete_data": {"type": "bool", "default": False},
        **TAGS,
    },
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = DesiredGroup.of(params)
    return task.reconcile(GroupResource(Aws(params), desired, absent=params["state"] == "absent"))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
