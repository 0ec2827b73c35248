# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of the topic and of its key, and the rules against events."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from moto.events.models import EventPattern

from ansible_collections.coffer.velero.plugins.module_utils._alerts import ALERTS
from ansible_collections.coffer.velero.plugins.module_utils._notify import documents
from ansible_collections.coffer.velero.plugins.module_utils._policy import desired_statements
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.profiles import ACCOUNT, ELSEWHERE, KEY, PLAIN, PROFILE, TOPIC
from tests.support.refusal import refusal

Document = dict[str, Any]


# --- topic and key ---------------------------------------------------------------------------------------------------


def test_topic_statements() -> None:
    statements = documents.audit_topic_statements(PROFILE)
    assert desired_statements(statements) == statements
    alarms, rules, tls = statements
    assert {statement["Resource"] for statement in statements} == {TOPIC}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:velero-acme-backups-*"},
    }
    assert rules["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in rules, "EventBridge takes none in the policy of a topic"
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_key_statements() -> None:
    alarms, rules = documents.audit_topic_key_statements(PROFILE)
    assert alarms["Condition"] == documents.audit_topic_statements(PROFILE)[0]["Condition"]
    assert "Condition" not in rules, "KMS is not told the source of a message of EventBridge"
    for statement in (alarms, rules):
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]


def test_two_installations_do_not_share_a_sid() -> None:
    other = replace(PROFILE, prefix="staging")
    for build in (documents.audit_topic_statements, documents.audit_topic_key_statements):
        ours, theirs = ({one["Sid"] for one in build(profile)} for profile in (PROFILE, other))
        assert ours & theirs <= {"DenyInsecureTransport"}


def test_bucket_with_dots_has_a_topic() -> None:
    dotted = replace(PROFILE, bucket="acme.backups")
    assert documents.audit_topic_statements(dotted)[0]["Resource"].endswith(":velero-acme_backups")


@pytest.mark.parametrize("build", ["audit_topic_statements", "audit_topic_key_statements", "audit_event_rules"])
def test_what_is_not_a_topic_is_refused(build: str) -> None:
    message = (
        "topic_arn: velero is not the ARN of a topic. Give its ARN: "
        "arn:aws:sns:eu-central-1:111122223333:velero-acme-backups."
    )
    assert refusal(getattr(documents, build), PROFILE, "velero") == message


# --- rules -----------------------------------------------------------------------------------------------------------


def rules(profile: StorageProfile = PROFILE) -> dict[str, Document]:
    return {str(rule["name"]).removeprefix("velero-acme-backups-"): rule for rule in _rules(profile)}


def _rules(profile: StorageProfile) -> list[Document]:
    return documents.audit_event_rules(profile, TOPIC)


def test_rules_are_those_of_the_alerts_and_of_kms() -> None:
    noticed = {alert.name for alert in ALERTS if alert.event_detail}
    assert set(rules()) == noticed | {"key-deleted", "key-material-expired"}
    about_keys = {name for name in rules() if name.startswith("key")}
    assert set(rules(ELSEWHERE)) == set(rules(PLAIN)) == set(rules()) - about_keys


def cloudtrail(service: str, name: str, **detail: Any) -> Document:
    """An event as CloudTrail hands it to EventBridge. EventBridge looks into each element of a list; moto does not,

    so that the one resource stands for the list of it.
    """
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": ACCOUNT,
        "time": "2026-11-24T12:00:00Z",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "userIdentity": {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/ada"},
            **detail,
        },
    }


def on_key(name: str, key: str = KEY, **detail: Any) -> Document:
    return cloudtrail("kms", name, resources={"ARN": key, "type": "AWS::KMS::Key"}, **detail)


def on_bucket(name: str, bucket: str = "acme-backups", **detail: Any) -> Document:
    return cloudtrail("s3", name, requestParameters={"bucketName": bucket}, **detail)


def kms_event(name: str, key: str = KEY) -> Document:
    return {"source": "aws.kms", "detail-type": name, "resources": [key], "time": "2026-11-24T12:00:00Z", "detail": {}}


OTHER = KEY.replace("1234abcd", "99999999")
BY_SERVICE = {"userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}}


@pytest.mark.parametrize(
    ("event", "noticed"),
    [
        (on_key("DisableKey"), "key-disabled-or-deleted"),
        (on_key("ScheduleKeyDeletion"), "key-disabled-or-deleted"),
        (on_key("PutKeyPolicy"), "key-policy-changed"),
        (on_key("CreateGrant"), "key-policy-changed"),
        (on_bucket("PutBucketEncryption"), "bucket-encryption-changed"),
        (on_bucket("DeleteBucketPolicy"), "bucket-policy-changed"),
        (on_bucket("DeleteBucketPublicAccessBlock"), "public-access-opened"),
        (kms_event("KMS CMK Deletion"), "key-deleted"),
        (kms_event("KMS Imported Key Material Expiration"), "key-material-expired"),
        (on_key("DisableKey", OTHER), None),
        (on_key("DisableKey", errorCode="AccessDenied"), None),
        (on_key("EnableKey"), None),
        (on_key("CreateGrant", **BY_SERVICE), None),
        (on_key("GenerateDataKey"), None),
        (on_bucket("PutBucketEncryption", "acme-backups-2"), None),
        (on_bucket("PutBucketPolicy", errorCode="AccessDenied"), None),
        (kms_event("KMS CMK Deletion", OTHER), None),
        (kms_event("KMS CMK Rotation"), None),
    ],
)
def test_events_that_the_rules_notice(event: Document, noticed: str | None) -> None:
    """With moto's reading of the pattern language."""
    found = [
        name
        for name, rule in rules().items()
        if EventPattern.load(json.dumps(rule["event_pattern"])).matches_event(event)  # type: ignore[arg-type]
    ]
    assert found == ([noticed] if noticed else [])


def message(rule: Document, event: Document) -> str:
    """What EventBridge sends: the template with what is found at the paths."""
    (target,) = rule["targets"]

    def value(match: re.Match[str]) -> str:
        found: Any = event
        for part in re.findall(r"[^.\[\]$]+", target["input_paths"][match[1]]):
            found = found[int(part)] if isinstance(found, list) else found.get(part, "")
        return str(found)

    return str(json.loads(re.sub(r"<(\w+)>", value, target["input_template"])))


def test_messages_can_be_read() -> None:
    disabled = message(rules()["key-disabled-or-deleted"], on_key("DisableKey"))
    assert "called DisableKey at 2026-11-24T12:00:00Z in account 111122223333" in disabled
    assert "assumed-role/admin/ada" in disabled
    assert message(rules()["key-deleted"], kms_event("KMS CMK Deletion")) == (
        f"KMS has deleted the key {KEY} of Velero's backups in acme-backups at 2026-11-24T12:00:00Z. What was "
        "encrypted under it can never be decrypted again: restore from a copy that is encrypted under another key."
    )
    assert rules()["key-deleted"]["description"] == "KMS has deleted the key of Velero's backups in acme-backups."
    assert rules()["key-material-expired"]["description"] == (
        "The imported key material of the key of Velero's backups in acme-backups has expired."
    )


def test_rules_and_topic_are_in_one_region() -> None:
    assert refusal(documents.audit_event_rules, PROFILE, TOPIC.replace("eu-central-1", "us-east-1")).endswith(
        "is in us-east-1, the rules are in eu-central-1. Give a topic there; it may forward to others."
    )
