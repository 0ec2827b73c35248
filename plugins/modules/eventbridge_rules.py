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
  - Creates, corrects and deletes rules of the default event bus, and adds their targets. A rule is owned by its name, a
    target by its id. Other rules are left alone, and other targets of our rules are kept.
  - Patterns are compared by meaning, so that the order of keys and of alternatives is no difference.
  - A rule that an AWS service manages is refused. Schedule and role that somebody else gave a rule of ours are kept.
  - All rules are judged before the first is changed.
  - A run that changes nothing sends 1 request, and for each rule 1 where it names targets and 1 where O(tags) is set.
author:
  - The coffer.velero authors (@coffer-velero)
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
        description: The events that the rule is about. Required where O(state=present).
        type: dict
      state:
        description:
          - V(ENABLED) sees all events but the read-only management events of CloudTrail, to which the use of a key
            belongs (C(Decrypt), C(GenerateDataKey)). The module warns where the pattern names such events.
          - V(ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS) sees them too. Either way a trail must record them.
          - V(DISABLED) sees nothing.
        type: str
        choices: ['ENABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS', 'DISABLED']
        default: ENABLED
      description:
        description: Description of the rule. Left alone where it is not set.
        type: str
      targets:
        description:
          - Who is told. At most five, foreign ones included. Left alone where it is not set.
          - A target of ours is replaced as a whole where it differs.
        type: list
        elements: dict
        suboptions:
          id:
            description: Name of the target in the rule.
            type: str
            required: true
          arn:
            description: ARN of the target, such as a topic. Its policy must let C(events.amazonaws.com) in.
            type: str
            required: true
          input_paths:
            description: What O(rules[].targets[].input_template) uses, by name, with its JSON path in the event.
            type: dict
          input_template:
            description: What the target is sent, with C(<name>) for each of O(rules[].targets[].input_paths). The
              whole event where it is not set.
            type: str
          dead_letter_arn:
            description: ARN of the queue that takes events which could not be delivered.
            type: str
          role_arn:
            description: Role that EventBridge assumes. A topic or queue needs none, for its policy decides.
            type: str
  state:
    description:
      - V(present) makes sure that the rules are there.
      - V(absent) removes the targets of the rules and deletes these. It refuses where there are other targets than
        those of O(rules), unless O(purge_targets=true).
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
- name: Tell of what happens to the key and the bucket, sooner than an alarm does
  coffer.velero.eventbridge_rules:
    region: eu-central-1
    rules: "{{ profile | coffer.velero.audit_event_rules(topic_arn=topic.topic_arn) }}"

- name: A rule of one's own
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
      targets: [{Id: topic, Arn: 'arn:aws:sns:eu-central-1:111122223333:velero-acme-backups'}]
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
      description: What it sees.
      type: str
    event_pattern:
      description: The events that it is about.
      type: dict
    description:
      description: Its description.
      type: str
    targets:
      description: Our targets, as EventBridge has them.
      type: list
      elements: dict
    kept_targets:
      description: Ids of the foreign targets, where O(rules[].targets) is set.
      type: list
      elements: str
    tags:
      description: Its tags; empty where O(tags) is not set.
      type: dict
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS, Options
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules import STATES, DesiredTags, wanted_rules
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
    wanted = wanted_rules(params["rules"], absent=absent)
    tags = DesiredTags(params["tags"], params["purge_tags"])
    return task.reconcile(RulesResource(Aws(params), wanted, params["purge_targets"], absent, tags))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
