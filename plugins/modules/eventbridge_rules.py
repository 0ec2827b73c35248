#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: eventbridge_rules
short_description: Manage EventBridge rules and their targets
version_added: 0.1.0
description:
  - Creates, updates and deletes rules of the default event bus, and adds their targets. A rule is owned by its name, a
    target by its id. Other rules are left alone, and unmanaged targets of owned rules are kept.
  - Patterns are compared by meaning, so that the order of keys and of alternatives is no difference.
  - A rule that an AWS service manages is refused. The schedule and the role that an owned rule already has are kept.
  - All rules are validated before the first is changed.
  - A run that changes nothing sends 1 request, and for each rule 1 where it names targets and 1 where O(tags) is set.
author: The coffer.velero authors (@coffer-velero)
options:
  rules:
    description: The rules to own.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the rule.
        type: str
        required: true
      event_pattern:
        description: The events that the rule matches. Required where O(state=present).
        type: dict
      state:
        description:
          - V(ENABLED) matches all events but the read-only management events of CloudTrail, to which the use of a key
            belongs (C(Decrypt), C(GenerateDataKey)). The module warns where the pattern names such events.
          - V(ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS) matches them too. Either way a trail must record them.
          - V(DISABLED) matches nothing.
        type: str
        choices: ['ENABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS', 'DISABLED']
        default: ENABLED
      description:
        description: Description of the rule. Left alone where it is not set.
        type: str
      targets:
        description:
          - The targets of the rule. At most five, unmanaged ones included. Left alone where it is not set.
          - An owned target is replaced as a whole where it differs.
        type: list
        elements: dict
        suboptions:
          id:
            description: Id of the target in the rule.
            type: str
            required: true
          arn:
            description: ARN of the target, such as a topic. Its policy must allow C(events.amazonaws.com).
            type: str
            required: true
          input_paths:
            description: JSON paths in the event by the name that O(rules[].targets[].input_template) uses.
            type: dict
          input_template:
            description: The message to the target, with C(<name>) for each of O(rules[].targets[].input_paths). The
              whole event where it is not set.
            type: str
          dead_letter_arn:
            description: ARN of the queue for events that could not be delivered.
            type: str
          role_arn:
            description: Role that EventBridge assumes. A topic or a queue needs none, because it has a policy.
            type: str
  state:
    description:
      - V(present) creates or updates the rules.
      - V(absent) removes the targets of the rules and deletes the rules. It refuses where a rule has unmanaged targets,
        unless O(purge_targets=true).
    type: str
    choices: ['present', 'absent']
    default: present
  purge_targets:
    description: Removes the targets that O(rules) does not name, from the rules whose targets it names.
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
- name: Manage the rules of the backups
  coffer.velero.eventbridge_rules:
    region: eu-central-1
    rules: "{{ profile | coffer.velero.audit_event_rules(topic_arn=topic.topic_arn) }}"

- name: Manage a rule of your own
  coffer.velero.eventbridge_rules:
    region: eu-central-1
    rules:
      - name: velero-acme-backups-key-deletion
        event_pattern:
          source: [aws.kms]
          detail-type: [KMS CMK Deletion]
        targets:
          - id: topic
            arn: "{{ topic.topic_arn }}"
            input_paths:
              key: $.resources[0]
              time: $.time
            input_template: '"KMS has deleted the key <key> at <time>."'
"""

RETURN = r"""
rules:
  description: The rules of the task; empty where O(state=absent).
  returned: success
  type: list
  elements: dict
  sample:
    - name: velero-acme-backups-key-deletion
      arn: arn:aws:events:eu-central-1:111122223333:rule/velero-acme-backups-key-deletion
      state: ENABLED
      event_pattern: {source: [aws.kms], detail-type: [KMS CMK Deletion]}
      description: ''
      targets: [{id: topic, arn: 'arn:aws:sns:eu-central-1:111122223333:velero-acme-backups'}]
      kept_targets: []
      tags: {service: velero}
  contains:
    name:
      description: Name of the rule.
      type: str
    arn:
      description: ARN of the rule.
      type: str
    state:
      description: State of the rule.
      type: str
    event_pattern:
      description: The events that the rule matches.
      type: dict
    description:
      description: Its description.
      type: str
    targets:
      description: The owned targets, as in O(rules[].targets).
      type: list
      elements: dict
    kept_targets:
      description: Ids of the unmanaged targets, where O(rules[].targets) is set.
      type: list
      elements: str
    tags:
      description: Its tags; empty where O(tags) is not set.
      type: dict
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS, Options
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules import STATES, DesiredTags, desired_rules
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules_api import RulesResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

TARGET: Options = {
    "id": {"type": "str", "required": True},
    "arn": {"type": "str", "required": True},
    "input_paths": {"type": "dict"},
    "input_template": {"type": "str"},
    "dead_letter_arn": {"type": "str"},
    "role_arn": {"type": "str"},
}
RULE: Options = {
    "name": {"type": "str", "required": True},
    "event_pattern": {"type": "dict"},
    "state": {"type": "str", "choices": list(STATES), "default": "ENABLED"},
    "description": {"type": "str"},
    "targets": {"type": "list", "elements": "dict", "options": TARGET},
}
SPEC = aws_spec(
    {
        "rules": {"type": "list", "elements": "dict", "required": True, "options": RULE},
        **STATE,
        "purge_targets": {"type": "bool", "default": False},
        **TAGS,
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    absent = params["state"] == "absent"
    desired = desired_rules(params["rules"], absent=absent)
    tags = DesiredTags(params["tags"], params["purge_tags"])
    return task.reconcile(RulesResource(Aws(params), desired, params["purge_targets"], absent, tags))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
