#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sns_topic
short_description: Manage the SNS topic that alarms and rules publish to
version_added: 0.1.0
description:
  - Creates a topic, its encryption, our statements of its policy, our subscriptions and its tags. Statements and
    subscriptions of others are kept, also the statement C(__default_statement_ID) that SNS gives a topic.
  - Refuses a key of AWS (C(alias/aws/sns)), because CloudWatch alarms and EventBridge rules cannot publish to a topic
    that is encrypted under it. They fail silently.
  - A topic that is made with O(statements) has no others. One that is made without gets SNS's own.
  - SNS replaces a policy as a whole, and the later of two runs at once may take back what the earlier one has put in.
    So a second after a change of the policy it looks whether its own statements are still there.
  - A run that changes nothing sends 1 request, and one more for each of O(subscriptions), O(tags) and
    O(kms_master_key_id) that is set, and one to STS where O(account_id) is not.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description:
      - Name of the topic, of 1 to 256 letters, digits, hyphens and underscores. FIFO topics are refused, for most
        kinds of subscription do not exist for them.
    type: str
    required: true
    aliases: ['topic']
  state:
    description:
      - V(present) makes sure that the topic is there.
      - V(absent) deletes it with its subscriptions. It refuses where there are others than those of O(subscriptions),
        unless O(purge_subscriptions=true).
    type: str
    choices: ['present', 'absent']
    default: present
  display_name:
    description: Name that e-mails come from and text messages begin with. Left alone where it is not set.
    type: str
  kms_master_key_id:
    description:
      - Customer managed key to encrypt messages with while SNS has them, by id, ARN or alias. SNS is given the ARN of
        the key, so that an alias that is moved later does not move the topic.
      - Its policy must let C(cloudwatch.amazonaws.com) and C(events.amazonaws.com) use it, see the filter
        P(coffer.velero.audit_topic_key_statements#filter).
      - Do not take the key that the topic is to warn of. When that key is disabled or deleted, SNS can no longer
        publish the message that says so.
      - An empty string ends the encryption with KMS. Left alone where it is not set.
      - In check mode a key that does not exist is taken for one that an earlier task makes.
    type: str
  statements:
    description:
      - Statements of the topic's policy to own, each with a C(Sid) and complete, for the topic alone. A statement is
        found again by its C(Sid) and compared by meaning; all others are unmanaged and kept to the letter.
      - A statement that would deny the caller to change the policy again is refused.
    type: list
    elements: dict
    default: []
  absent_sids:
    description: The C(Sid) of each statement to remove.
    type: list
    elements: str
    default: []
  purge_statements:
    description: Removes every statement that is not among O(statements), also those without C(Sid).
    type: bool
    default: false
  subscriptions:
    description:
      - Who gets the messages. Those that are missing are added, others are kept. Left alone where it is not set.
      - SNS asks the owner of an e-mail address, a URL, and a queue or function of another account. Until they confirm,
        nothing is delivered and each run warns. SNS drops what is not confirmed after two days.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: How the messages are sent. V(https) and never plain HTTP, for messages tell of the account.
        type: str
        choices: ['email', 'email-json', 'https', 'lambda', 'sms', 'sqs']
        required: true
      endpoint:
        description:
          - Address, URL, telephone number, or ARN of the queue or function.
          - The password of a URL and all after its question mark are hidden in what the module returns and logs.
            Where SNS hides the password too, a change of it alone is not seen.
        type: str
        required: true
  purge_subscriptions:
    description:
      - Ends the confirmed subscriptions that are not among O(subscriptions).
      - With O(state=absent), lets the topic be deleted although others have subscribed to it.
    type: bool
    default: false
  account_id:
    description:
      - Id of the account of the topic; asked of STS where it is not set.
      - Where a topic is to be created, it must be the account of the credentials.
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
- name: A topic for the alarms, that tells the people on call
  coffer.velero.sns_topic:
    name: velero-acme-backups
    region: eu-central-1
    kms_master_key_id: alias/velero-audit
    statements: "{{ profile | coffer.velero.audit_topic_statements }}"
    subscriptions:
      - protocol: email
        endpoint: oncall@example.com
    tags:
      service: velero

- name: Delete it
  coffer.velero.sns_topic:
    name: velero-acme-backups
    region: eu-central-1
    subscriptions:
      - protocol: email
        endpoint: oncall@example.com
    state: absent
"""

RETURN = r"""
topic:
  description: Name of the topic.
  returned: success
  type: str
  sample: velero-acme-backups
topic_arn:
  description: ARN of the topic, also where there is none (any more).
  returned: success
  type: str
  sample: arn:aws:sns:eu-central-1:111122223333:velero-acme-backups
display_name:
  description: Name that messages come from; empty where there is none.
  returned: when O(state=present)
  type: str
  sample: Velero backups
kms_master_key_id:
  description: Key that messages are encrypted with; V(null) where there is none.
  returned: when O(state=present)
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
policy:
  description: The policy of the topic after the task.
  returned: when O(state=present)
  type: dict
  sample:
    Version: '2012-10-17'
    Statement:
      - Sid: AlarmsPublish
        Effect: Allow
        Principal: {Service: cloudwatch.amazonaws.com}
        Action: sns:Publish
        Resource: arn:aws:sns:eu-central-1:111122223333:velero-acme-backups
kept_statements:
  description: Sids of the unmanaged statements in it; one without Sid by its position, C(#3).
  returned: when O(state=present)
  type: list
  elements: str
  sample: [__default_statement_ID]
subscriptions:
  description: The subscriptions of the topic; only the new ones where O(subscriptions) is not set.
  returned: when O(state=present)
  type: list
  elements: dict
  sample:
    - protocol: email
      endpoint: oncall@example.com
      arn:
      confirmed: false
      owned: true
  contains:
    protocol:
      description: How the messages are sent.
      type: str
    endpoint:
      description: Where to, of a URL the host only and four digits of the hash of the rest.
      type: str
    arn:
      description: ARN of the subscription; V(null) until it is confirmed.
      type: str
    confirmed:
      description: Whether messages are delivered.
      type: bool
    owned:
      description: Whether it is one of O(subscriptions).
      type: bool
tags:
  description: Tags of the topic; empty where O(tags) is not set.
  returned: when O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import REPLACE_SIDS, STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account
from ansible_collections.coffer.velero.plugins.module_utils._notify.subscription import PROTOCOLS, secrets
from ansible_collections.coffer.velero.plugins.module_utils._notify.topic import DesiredTopic
from ansible_collections.coffer.velero.plugins.module_utils._notify.topic_api import TopicResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True, "aliases": ["topic"]},
        **STATE,
        "display_name": {"type": "str"},
        "kms_master_key_id": {"type": "str"},
        "statements": {"type": "list", "elements": "dict", "default": []},
        "absent_sids": {"type": "list", "elements": "str", "default": []},
        "purge_statements": {"type": "bool", "default": False},
        **REPLACE_SIDS,
        "subscriptions": {
            "type": "list",
            "elements": "dict",
            "options": {
                "protocol": {"type": "str", "choices": list(PROTOCOLS), "required": True},
                "endpoint": {"type": "str", "required": True},
            },
        },
        "purge_subscriptions": {"type": "bool", "default": False},
        "account_id": {"type": "str"},
        **TAGS,
    },
    secrets=lambda params: [
        secret for one in params.get("subscriptions") or () for secret in secrets(str(one["endpoint"]))
    ],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    aws = Aws(params)
    account = Account(aws, params["account_id"], aws.partition)
    desired = DesiredTopic.of(
        params, lambda name: str(Arn(aws.partition, "sns", aws.region, account.owner().account_id, name))
    )
    absent = params["state"] == "absent"
    return task.reconcile(TopicResource(aws, desired, account, task.sleep, absent=absent))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
