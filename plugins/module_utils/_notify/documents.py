# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a storage profile to the policies of the topic and of its key, and to the EventBridge rules. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

from .._alerts import event_rules, kms_event_rules
from .._arn import Arn
from .._documents import sid
from .._errors import ValidationError
from .._profile import StorageProfile
from .._types import Document

#: The same in every partition.
ALARMS = {"Service": "cloudwatch.amazonaws.com"}
EVENTS = {"Service": "events.amazonaws.com"}


def topic_name(profile: StorageProfile) -> str:
    """A bucket's dots are no characters of a topic's name."""
    return f"velero-{profile.bucket.replace('.', '_')}"


def audit_topic_statements(profile: StorageProfile, topic_arn: str | None = None) -> list[Document]:
    """The statements of the policy of the topic: who may publish, and only over TLS.

    EventBridge is allowed without a condition, since "You can't use Condition blocks in Amazon SNS topic policies for
    EventBridge" (EventBridge user guide, "Using resource-based policies"): with one every message is dropped.
    """
    publish = {"Action": "sns:Publish", "Resource": str(_topic(profile, topic_arn))}
    allow = {"Effect": "Allow", **publish}
    return [
        {"Sid": sid(profile, "Alarms"), **allow, "Principal": ALARMS, "Condition": _alarms_of(profile)},
        {"Sid": sid(profile, "Rules"), **allow, "Principal": EVENTS},
        {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            **publish,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


def audit_topic_key_statements(profile: StorageProfile, topic_arn: str | None = None) -> list[Document]:
    """The statements of the policy of the topic's key that let alarms and rules publish.

    "Adding the aws:SourceAccount and aws:SourceArn to a AWS KMS policy is not supported for EventBridge-to-encrypted
    topics" (SNS developer guide, "Managing Amazon SNS encryption keys and costs").
    """
    _topic(profile, topic_arn)
    allow = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}
    return [
        {"Sid": sid(profile, "AlarmsEncrypt"), **allow, "Principal": ALARMS, "Condition": _alarms_of(profile)},
        {"Sid": sid(profile, "RulesEncrypt"), **allow, "Principal": EVENTS},
    ]


def audit_event_rules(profile: StorageProfile, topic_arn: str) -> list[Document]:
    """The EventBridge rules, as ``coffer.velero.eventbridge_rules`` takes them.

    :raises ValidationError: where the topic is in another Region: a rule has targets in its own Region only
    """
    topic = _topic(profile, topic_arn)
    if topic.region != profile.region:
        reason = f"is in {topic.region}, the rules are in {profile.region}"
        raise ValidationError("topic_arn", topic_arn, reason, "Give a topic there; it may forward to others.")
    return [*event_rules(profile, topic_arn=topic_arn), *kms_event_rules(profile, topic_arn=topic_arn)]


def _alarms_of(profile: StorageProfile) -> Document:
    """The alarms of this installation alone, against the confused deputy."""
    alarms = profile.arn("cloudwatch", f"alarm:velero-{profile.bucket}-*")
    return {"StringEquals": {"aws:SourceAccount": profile.account_id}, "ArnLike": {"aws:SourceArn": alarms}}


def _topic(profile: StorageProfile, topic_arn: str | None) -> Arn:
    text = topic_arn or profile.arn("sns", topic_name(profile))
    arn = Arn.parse(text)
    if arn is None or arn.service != "sns" or ":" in arn.resource:
        remediation = "Give its ARN: arn:aws:sns:eu-central-1:111122223333:velero-acme-backups."
        raise ValidationError("topic_arn", text, "is not the ARN of a topic", remediation)
    return arn
