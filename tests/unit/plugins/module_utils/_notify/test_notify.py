# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the topic, its key, the rules and the dashboard have to say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from botocore.session import get_session
from botocore.validate import ParamValidator
from moto.events.models import EventPattern

from ansible_collections.coffer.velero.plugins.filter.notify import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._notify import dashboard, documents, overview
from ansible_collections.coffer.velero.plugins.module_utils._notify.pattern import fault, reads, same_pattern
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules import (
    DesiredTags,
    Rules,
    decide_rules,
    wanted_rules,
)
from ansible_collections.coffer.velero.plugins.module_utils._notify.subscription import masked, secrets
from ansible_collections.coffer.velero.plugins.module_utils._policy import wanted_statements
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._signals import SIGNALS
from ansible_collections.coffer.velero.plugins.modules import eventbridge_rules

PLUGINS = Path(__file__).resolve().parents[5] / "plugins"
FILTERS = FilterModule().filters()
ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:velero-acme-backups"
PROFILE = StorageProfile.parse(
    {
        "account_id": ACCOUNT,
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "kms_key_arn": KEY,
        "role_arns": [f"arn:aws:iam::{ACCOUNT}:role/velero"],
    }
)
ELSEWHERE = replace(PROFILE, kms_key_arn=KEY.replace(ACCOUNT, "444455556666"))
PLAIN = replace(PROFILE, encryption_mode="sse-s3", kms_key_arn=None, role_arns=())

Document = dict[str, Any]


# --- topic and key ---------------------------------------------------------------------------------------------------


def test_topic_statements() -> None:
    statements = documents.audit_topic_statements(PROFILE)
    assert wanted_statements(statements) == statements
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
    with pytest.raises(ValidationError) as raised:
        getattr(documents, build)(PROFILE, "velero")
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("endpoint", "shown", "hidden"),
    [
        ("https://hooks.example.com/a", "https://hooks.example.com/a", []),
        ("https://u:p@h.example.com/a", "https://u:****@h.example.com/a", ["p"]),
        ("https://u:p:q@h/a?k=v#f", "https://u:****@h/a?****", ["p:q", "k=v"]),
        ("https://u@h/a", "https://u@h/a", []),
        ("HTTPS://u:p@h", "HTTPS://u:****@h", ["p"]),
        ("oncall@example.com", "oncall@example.com", []),
        ("https://[u:p@h", "https://[u:****@h", ["https://[u:p@h"]),
    ],
)
def test_secrets_of_an_endpoint(endpoint: str, shown: str, hidden: list[str]) -> None:
    assert masked(endpoint) == shown
    assert secrets(endpoint) == hidden


# --- patterns --------------------------------------------------------------------------------------------------------


def test_pattern_faults() -> None:
    assert fault({"source": ["a"], "$or": [{"b": ["c"]}]}) is None
    assert fault({"$or": [{"b": "c"}]}) == 'has "c" at $or.b, where EventBridge takes a list of what matches'
    assert fault({"$or": ["b"]}) == "has no pattern at $or"
    assert fault({"detail": {}}) == "has nothing at detail"


def test_same_pattern() -> None:
    assert same_pattern({"a": ["x", "y", "x"]}, {"a": ["y", "x"]})
    assert not same_pattern({"a": ["1"]}, {"a": [1]})
    assert not same_pattern({"a": [True]}, {"a": [1]})
    assert not same_pattern({"a": ["x"]}, {"a": ["x"], "b": ["y"]})


def test_read_only_events_are_found_where_they_are_named() -> None:
    either = {"$or": [{"detail": {"eventName": ["ListAliases"]}}, {"detail": {"eventName": ["PutKeyPolicy"]}}]}
    assert reads(either) == ["ListAliases"]
    assert reads({"detail": {"eventName": [{"prefix": "Get"}]}}) == []


# --- rules -----------------------------------------------------------------------------------------------------------


def rules(profile: StorageProfile = PROFILE) -> dict[str, Document]:
    return {str(rule["name"]).removeprefix("velero-acme-backups-"): rule for rule in _rules(profile)}


def _rules(profile: StorageProfile) -> list[Document]:
    return documents.audit_event_rules(profile, TOPIC)


def test_rules_are_those_of_the_signals_and_of_kms() -> None:
    noticed = {signal.name for signal in SIGNALS if signal.event}
    assert set(rules()) == noticed | {"key-deleted", "key-material-expired"}
    about_keys = {name for name in rules() if name.startswith("key")}
    assert set(rules(ELSEWHERE)) == set(rules(PLAIN)) == set(rules()) - about_keys


@pytest.mark.parametrize("profile", [PROFILE, ELSEWHERE, PLAIN])
def test_rules_are_what_the_module_and_eventbridge_take(profile: StorageProfile) -> None:
    empty = dict.fromkeys(eventbridge_rules.RULE)
    target = dict.fromkeys(eventbridge_rules.TARGET)
    given = [{**empty, **rule, "targets": [{**target, **one} for one in rule["targets"]]} for rule in _rules(profile)]
    plan = decide_rules(wanted_rules(given, absent=False), Rules({}), purge=False, tags=DesiredTags())
    assert plan.warnings == (), "no rule names events that it would not see"
    model = get_session().get_service_model("events")
    for step in plan.steps:
        shape = model.operation_model(step.action.partition(":")[2]).input_shape
        report = ParamValidator().validate(dict(step.arguments), shape)
        assert not report.has_errors(), report.generate_report()
    longest = max(len(step.arguments.get("Description", "")) for step in plan.steps)
    assert longest <= 512


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
        f"KMS has deleted the key {KEY} at 2026-11-24T12:00:00Z. What was encrypted under it cannot be read by anybody "
        "any more: restore from a copy under another key."
    )
    assert rules()["key-deleted"]["description"] == "KMS has deleted the key of the backups."
    assert rules()["key-material-expired"]["description"] == (
        "The imported material of the key of the backups has expired."
    )


def test_rules_and_topic_are_in_one_region() -> None:
    with pytest.raises(ValidationError) as raised:
        documents.audit_event_rules(PROFILE, TOPIC.replace("eu-central-1", "us-east-1"))
    assert str(raised.value).endswith(
        "is in us-east-1, the rules are in eu-central-1. Give a topic there; it may forward to others."
    )


# --- dashboard -------------------------------------------------------------------------------------------------------

#: The values that "Dashboard Body Structure and Syntax" names, for what the dashboard uses of them.
_METRIC = {"title", "region", "metrics", "view", "stacked", "period", "stat", "yAxis"}
_KNOWN = {
    "text": {"markdown"},
    "alarm": {"title", "alarms"},
    "log": {"title", "region", "query", "view"},
    "metric": _METRIC,
}


@pytest.mark.parametrize("profile", [PROFILE, ELSEWHERE, PLAIN, replace(PLAIN, role_arns=PROFILE.role_arns)])
@pytest.mark.parametrize(
    "options",
    [{}, {"data_events": True}, {"data_events": True, "log_group_name": "audit", "prometheus_cluster": "production"}],
)
def test_dashboard_is_what_cloudwatch_takes(profile: StorageProfile, options: Document) -> None:
    body = overview.audit_dashboard(profile, **options)
    assert list(dashboard.faults(body)) == []
    assert set(body) == {"start", "periodOverride", "widgets"}
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
        assert set(widget["properties"]) <= _KNOWN[widget["type"]]
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, "no widget lies over another"
        taken |= cells
    assert json.loads(json.dumps(body)) == body


def shown(**options: Any) -> str:
    return json.dumps(overview.audit_dashboard(PROFILE, **options))


def test_dashboard_says_what_it_cannot_show() -> None:
    assert "Container Insights for Prometheus" in shown()
    assert "velero_backup_success_total' in" not in shown()
    assert "records no data events" in shown(data_events=True), "nobody has said where they are delivered"
    whole = shown(data_events=True, log_group_name="audit", prometheus_cluster="production")
    assert "Container Insights" not in whole
    assert "records no data events" not in whole
    for words in (
        'MetricName=\\\\\\"velero_backup_partial_failure_total\\\\\\" ClusterName=\\\\\\"production\\\\\\"',
        "SOURCE 'audit'",
        "production/backups/",
    ):
        assert words.replace("\\\\\\", "\\") in whole


def test_dashboard_shows_the_alarms() -> None:
    widgets = {widget["type"]: widget for widget in overview.audit_dashboard(PROFILE)["widgets"]}
    alarms = widgets["alarm"]["properties"]["alarms"]
    assert f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:velero-acme-backups-silence" in alarms
    mine = overview.audit_dashboard(PROFILE, alarm_arns=["arn:aws:cloudwatch:eu-central-1:1:alarm:mine"])
    assert mine["widgets"][1]["properties"]["alarms"] == ["arn:aws:cloudwatch:eu-central-1:1:alarm:mine"]
    assert all(widget["type"] != "alarm" for widget in overview.audit_dashboard(PROFILE, alarm_arns=[])["widgets"])


def test_key_of_another_account_is_shown_from_there() -> None:
    text = json.dumps(overview.audit_dashboard(ELSEWHERE))
    assert '"accountId": "444455556666"' in text
    assert "needs CloudWatch cross-account observability with 444455556666" in text
    assert "accountId" not in shown()


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_page(name: str) -> None:
    """Each filter has its page, whose example works."""
    page = yaml.safe_load((PLUGINS / "filter" / f"{name}.yml").read_text())
    assert page["DOCUMENTATION"]["name"] == name
    for task in yaml.safe_load(page["EXAMPLES"]):
        assert f"coffer.velero.{name}" in str(task)
        arguments = {key: value for key, value in task["vars"].items() if key != "profile"}
        assert FILTERS[name](task["vars"]["profile"], **arguments)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_refusal_is_a_filter_error(name: str) -> None:
    arguments = {"topic_arn": TOPIC} if name == "audit_event_rules" else {}
    with pytest.raises(AnsibleFilterError, match="velero_account_id: it is not set"):
        FILTERS[name]({}, **arguments)
    with pytest.raises(AnsibleFilterError, match="A storage profile is a dictionary"):
        FILTERS[name]("acme-backups", **arguments)
