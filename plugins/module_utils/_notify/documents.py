# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a storage profile to what tells people: topic policy, key policy of the topic, rules. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import json

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._documents import sid
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._signals import rule_name, rules
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: The same in every partition.
ALARMS = {"Service": "cloudwatch.amazonaws.com"}
EVENTS = {"Service": "events.amazonaws.com"}
#: "KMS events" (KMS Developer Guide): what KMS does by itself, which no record of CloudTrail's API calls tells of.
_KMS_EVENTS = {
    "key-deleted": (
        "KMS CMK Deletion",
        "KMS has deleted the key <key> at <time>. What was encrypted under it cannot be read by anybody any more: "
        "restore from a copy under another key.",
    ),
    "key-material-expired": (
        "KMS Imported Key Material Expiration",
        "The imported material of the key <key> has expired at <time>. No backup can be written or read: import it "
        "again.",
    ),
}


def topic_name(profile: StorageProfile) -> str:
    """A bucket's dots are no characters of a topic's name."""
    return f"velero-{profile.bucket.replace('.', '_')}"


def audit_topic_statements(profile: StorageProfile, topic_arn: str | None = None) -> list[Document]:
    """What the policy of the topic must say: who may publish, and nobody without TLS.

    The rules are let in without a condition, since "You can't use Condition blocks in Amazon SNS topic policies for
    EventBridge" (EventBridge user guide, "Using resource-based policies"): with one every message is dropped.
    """
    topic = topic_arn or profile.arn("sns", topic_name(profile))
    _topic(topic)
    publish = {"Action": "sns:Publish", "Resource": topic}
    return [
        {
            "Sid": sid(profile, "Alarms"),
            "Effect": "Allow",
            "Principal": ALARMS,
            **publish,
            "Condition": _alarms_of(profile),
        },
        {"Sid": sid(profile, "Rules"), "Effect": "Allow", "Principal": EVENTS, **publish},
        {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            **publish,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


def audit_topic_key_statements(profile: StorageProfile, topic_arn: str | None = None) -> list[Document]:
    """What the policy of the topic's own key must say, so that alarms and rules can publish.

    "Adding the aws:SourceAccount and aws:SourceArn to a AWS KMS policy is not supported for EventBridge-to-encrypted
    topics" (SNS developer guide, "Managing Amazon SNS encryption keys and costs").
    """
    topic = topic_arn or profile.arn("sns", topic_name(profile))
    _topic(topic)
    use = {"Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}
    return [
        {
            "Sid": sid(profile, "AlarmsEncrypt"),
            "Effect": "Allow",
            "Principal": ALARMS,
            **use,
            "Condition": _alarms_of(profile),
        },
        {"Sid": sid(profile, "RulesEncrypt"), "Effect": "Allow", "Principal": EVENTS, **use},
    ]


def audit_event_rules(profile: StorageProfile, topic_arn: str) -> list[Document]:
    """The rules that notice sooner than a metric filter, as ``coffer.velero.eventbridge_rules`` takes them.

    :raises ValidationError: where the topic is in another Region: a rule tells only what is in its own
    """
    topic = _topic(topic_arn)
    if topic.region != profile.region:
        remediation = "Give a topic there; it may forward to others."
        raise ValidationError(
            "topic_arn", topic_arn, f"is in {topic.region}, the rules are in {profile.region}", remediation
        )
    return [*(_rule(rule) for rule in rules(profile, topic_arn=topic_arn)), *_kms_rules(profile, topic_arn)]


def _rule(rule: Document) -> Document:
    """A rule in the words of the module."""
    return {
        "name": rule["Name"],
        "description": rule["Description"],
        "event_pattern": json.loads(rule["EventPattern"]),
        "state": rule["State"],
        "targets": [
            {
                "id": target["Id"],
                "arn": target["Arn"],
                "input_paths": target["InputTransformer"]["InputPathsMap"],
                "input_template": target["InputTransformer"]["InputTemplate"],
            }
            for target in rule["Targets"]
        ],
    }


def _kms_rules(profile: StorageProfile, topic_arn: str) -> list[Document]:
    """KMS sends its events to the account and Region of the key, and nowhere else."""
    key = Arn.parse(str(profile.kms_key_arn)) if profile.encrypts_with_kms else None
    if key is None or key.account_id != profile.account_id:
        return []
    return [
        {
            "name": rule_name(profile, name),
            "description": text.partition(".")[0].replace("<key>", "of the backups").partition(" at <time>")[0] + ".",
            "event_pattern": {"source": ["aws.kms"], "detail-type": [event], "resources": [str(key)]},
            "state": "ENABLED",
            "targets": [
                {
                    "id": "velero-audit",
                    "arn": topic_arn,
                    "input_paths": {"key": "$.resources[0]", "time": "$.time"},
                    "input_template": json.dumps(text),
                }
            ],
        }
        for name, (event, text) in _KMS_EVENTS.items()
    ]


def _alarms_of(profile: StorageProfile) -> Document:
    """Our alarms, and no others: CloudWatch may not be talked into publishing for somebody else."""
    alarms = profile.arn("cloudwatch", f"alarm:velero-{profile.bucket}-*")
    return {
        "StringEquals": {"aws:SourceAccount": profile.account_id},
        "ArnLike": {"aws:SourceArn": alarms},
    }


def _topic(text: str) -> Arn:
    arn = Arn.parse(text)
    if arn is None or arn.service != "sns" or ":" in arn.resource:
        remediation = "Give its ARN: arn:aws:sns:eu-central-1:111122223333:velero-acme-backups."
        raise ValidationError("topic_arn", text, "is not the ARN of a topic", remediation)
    return arn
