# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of signals: every metric filter and every rule against every event, alarms, names and limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from botocore.session import Session
from botocore.validate import ParamValidator
from moto.events.models import EventPattern

from ansible_collections.coffer.velero.plugins.filter.audit import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils import _signals
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._usage import insights_queries, records
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import CallGroup, KeyIdentifiers, Usage
from ansible_collections.coffer.velero.plugins.module_utils._usage.summary import summarize
from tests.support import cloudtrail_events
from tests.support.filter_pattern import matches
from tests.support.insights import execute
from tests.support.moto_patches.events import objects_apart

ROOT = Path(__file__).resolve().parents[4]
ACCOUNT, OTHER_ACCOUNT, REGION = "111122223333", "444455556666", "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FOREIGN_KEY = f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/5678efab-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-velero"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:velero-acme-backups"
VALUES: dict[str, Any] = {
    "account_id": ACCOUNT,
    "region": REGION,
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
    "role_arns": [ROLE],
}
WITHOUT_KMS = {"encryption_mode": "sse-s3", "kms_key_arn": None}


def profile(**changes: Any) -> StorageProfile:
    return StorageProfile.parse({**VALUES, **changes})


PROFILES = {
    "sse-kms": profile(),
    "sse-s3": profile(**WITHOUT_KMS),
    "foreign-key": profile(kms_key_arn=FOREIGN_KEY),
}
ENTRIES = cloudtrail_events.entries()
RECORDS: list[dict[str, Any]] = [entry["record"] for entry in ENTRIES.values()]
SIGNAL_NAMES = [signal.name for signal in _signals.SIGNALS]
WITH_RULES = {signal.name for signal in _signals.SIGNALS if signal.event}


# --- every filter and every rule against every event -----------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("name", PROFILES)
def test_metric_filters_count_what_they_should(name: str, entry: dict[str, Any]) -> None:
    filters = _signals.metric_filters(PROFILES[name], data_events=True)
    prefix = _signals.place(PROFILES[name], "")
    counting = [
        one["filterName"].removeprefix(prefix) for one in filters if matches(one["filterPattern"], entry["record"])
    ]
    assert counting == entry["noticed"][name]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("name", PROFILES)
def test_rules_match_what_they_should(name: str, entry: dict[str, Any]) -> None:
    """With moto's matcher of event patterns, and what it lacks."""
    record = entry["record"]
    event = {
        "version": "0",
        "id": record["eventID"],
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }
    matching = [
        rule["Name"].removeprefix(_signals.place(PROFILES[name], ""))
        for rule in _signals.rules(PROFILES[name], topic_arn=TOPIC)
        if any(EventPattern.load(rule["EventPattern"]).matches_event(one) for one in objects_apart(event))
    ]
    arrives = record["recipientAccountId"] == ACCOUNT and record["awsRegion"] == REGION
    assert not arrives or matching == [signal for signal in entry["noticed"][name] if signal in WITH_RULES]


def test_every_signal_has_true_events_and_near_misses() -> None:
    noticed = [{signal for signals in entry["noticed"].values() for signal in signals} for entry in ENTRIES.values()]
    assert set.union(*noticed) == set(SIGNAL_NAMES)
    assert sum(not signals for signals in noticed) >= 40


@pytest.mark.parametrize("name", ["sse-kms", "sse-s3"])
def test_no_condition_is_idle(name: str) -> None:
    """Each condition of each pattern is needed: always true or never true in its place, a record is judged wrongly."""
    idle = []
    for one in _signals.metric_filters(PROFILES[name], data_events=True):
        pattern = one["filterPattern"]
        judged = [matches(pattern, record) for record in RECORDS]
        for found in re.finditer(r"\(\$[^()]*\)", pattern):
            for constant in ('($.eventVersion = "*")', "($.eventVersion NOT EXISTS)"):
                other = pattern[: found.start()] + constant + pattern[found.end() :]
                if all(matches(other, record) == was for record, was in zip(RECORDS, judged, strict=True)):
                    idle.append((one["filterName"], found[0], constant))
    assert idle == []


def test_records_are_as_cloudtrail_has_them() -> None:
    """What every record has (CloudTrail User Guide, "Record contents"), and requests that the services know."""
    session = Session()
    kms = session.get_service_model("kms")
    for record in RECORDS:
        assert list(record)[:7] == [
            *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress")
        ]
        assert {"requestID", "eventID", "readOnly", "eventType", "recipientAccountId", "eventCategory"} <= set(record)
        assert ("errorCode" in record) == ("errorMessage" in record)
        if record["eventSource"] == "kms.amazonaws.com":
            known = kms.operation_model(record["eventName"]).input_shape.members
            assert {name[:1].upper() + name[1:] for name in record["requestParameters"] or {}} <= set(known)
    assert len({record["eventID"] for record in RECORDS}) == len(RECORDS)


# --- the same events in the usage query ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sse-kms", "foreign-key"])
def test_usage_query_agrees(name: str) -> None:
    """What the filters count as refused and as written is what kms_usage_info tells of the same records."""
    wanted = PROFILES[name]
    target = KeyIdentifiers.parse(str(wanted.kms_key_arn))
    query = insights_queries.usage_query(target)
    told, _matched = execute(query, [(at, json.dumps(one)) for at, one in enumerate(RECORDS)])
    rows = [
        CallGroup(
            *(int(row["calls"]), row["eventName"], row["principal"], row["userAgent"], row["source"]),
            *(row.get("errorCode", ""), row["first_call"], row["last_call"]),
        )
        for row in told
    ]
    assert set(rows) == set(records.count(one for one in RECORDS if records.concerns(one, target)))

    counted = {
        one["filterName"]: [record for record in RECORDS if matches(one["filterPattern"], record)]
        for one in _signals.metric_filters(wanted)
    }
    refused = counted[_signals.place(wanted, "key-access-denied")]
    stopped = sum(row.calls for row in rows if row.error in ("DisabledException", "KMSInvalidStateException"))
    assert len(refused) == summarize(Usage(tuple(rows)))["totals"]["denied"] + stopped > 0

    written = [row for row in rows if row.event == "GenerateDataKey" and not row.error and row.principal == ROLE]
    assert len(counted[_signals.place(wanted, "silence")]) == sum(row.calls for row in written) > 0


# --- which signals there are -----------------------------------------------------------------------------------------

ON_BUCKET = ["bucket-encryption-changed", "bucket-policy-changed", "public-access-opened"]
ON_KEY = ["key-disabled-or-deleted", "key-policy-changed"]


@pytest.mark.parametrize(
    ("changes", "data_events", "expected"),
    [
        ({}, False, ["key-access-denied", *ON_KEY, *ON_BUCKET, "silence"]),
        ({}, True, SIGNAL_NAMES),
        ({"encryption_mode": "dsse-kms"}, True, SIGNAL_NAMES),
        ({"kms_key_arn": FOREIGN_KEY}, False, ["key-access-denied", *ON_BUCKET, "silence"]),
        ({"role_arns": []}, False, ["key-access-denied", *ON_KEY, *ON_BUCKET]),
        (WITHOUT_KMS, False, ON_BUCKET),
        (WITHOUT_KMS, True, [*ON_BUCKET, "denied-writes", "silence"]),
        ({"encryption_mode": "sse-c", "kms_key_arn": None}, True, [*ON_BUCKET, "denied-writes", "silence"]),
    ],
)
def test_signals_that_can_be_noticed(changes: dict[str, Any], data_events: bool, expected: list[str]) -> None:
    wanted = profile(**changes)
    prefix = _signals.place(wanted, "")
    assert [one.name for one in _signals.signals(wanted, data_events=data_events)] == expected
    filters = _signals.metric_filters(wanted, data_events=data_events)
    alarms = _signals.alarms(wanted, topic_arn=TOPIC, data_events=data_events)
    assert [one["filterName"].removeprefix(prefix) for one in filters] == expected
    assert [one["AlarmName"].removeprefix(prefix) for one in alarms] == expected
    assert [one["metricTransformations"][0]["metricName"] for one in filters] == [one["MetricName"] for one in alarms]
    assert list(_signals.event_patterns(wanted)) == [name for name in expected if name in WITH_RULES]


def test_whole_bucket_is_watched_without_a_prefix() -> None:
    denied = next(
        one for one in _signals.metric_filters(profile(prefix=None), data_events=True) if "denied-w" in str(one)
    )
    outside = next(e["record"] for e in ENTRIES.values() if e["is"] == "an object outside of the prefix")
    assert matches(denied["filterPattern"], outside)


# --- alarms ----------------------------------------------------------------------------------------------------------


def test_loud_alarm() -> None:
    alarm = _signals.alarms(PROFILES["sse-kms"], topic_arn=TOPIC)[0]
    assert alarm == {
        "AlarmName": "velero-acme-backups-key-access-denied",
        "AlarmDescription": alarm["AlarmDescription"],
        "Namespace": "Velero/Audit",
        "MetricName": "acme-backups-key-access-denied",
        "Dimensions": [],
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "ActionsEnabled": True,
        "AlarmActions": [TOPIC],
    }
    assert {len(one["AlarmActions"]) for one in _signals.alarms(PROFILES["sse-kms"], topic_arn=None)} == {0}


@pytest.mark.parametrize("hours", [1, 24, 167])
def test_silence_is_longer_than_the_schedule(hours: int) -> None:
    """An alarm looks back for seven days at most (CloudWatch API reference, PutMetricAlarm, "EvaluationPeriods")."""
    silence = _signals.alarms(PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=hours)[-1]
    assert silence["AlarmName"] == "velero-acme-backups-silence"
    assert silence["Period"] == 3600
    assert silence["EvaluationPeriods"] == silence["DatapointsToAlarm"] == hours + 1 <= 7 * 24
    assert silence["ComparisonOperator"] == "LessThanThreshold"
    assert silence["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("hours", [0, 168, -1])
def test_schedule_that_no_alarm_can_wait_for(hours: int) -> None:
    with pytest.raises(ValidationError) as raised:
        _signals.alarms(PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=hours)
    assert str(raised.value) == (
        f"velero_audit_backup_schedule_hours: {hours} is not between 1 and 167: an alarm looks back for seven days at"
        " most. Back up more often, or let coffer.velero.audit_info look for what is overdue."
    )


def test_without_a_log_group_the_key_tells_of_silence() -> None:
    (alarm,) = _signals.alarms(profile(role_arns=[]), topic_arn=TOPIC, log_group=False)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/KMS", "SuccessfulRequest")
    assert alarm["Dimensions"] == [
        {"Name": "KeyArn", "Value": KEY},
        {"Name": "Operation", "Value": "GenerateDataKey"},
    ]
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("name", ["sse-s3", "foreign-key"])
def test_without_a_log_group_no_key_of_ours_tells_nothing(name: str) -> None:
    assert _signals.alarms(PROFILES[name], topic_arn=TOPIC, data_events=True, log_group=False) == []


# --- limits ----------------------------------------------------------------------------------------------------------

LONG = {
    "bucket": "b" * 63,
    "prefix": "p" * 100,
    "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-1234567890abcdef1234567890abcdef",
    "role_arns": [f"arn:aws:iam::{ACCOUNT}:role/{'r' * 64}"],
}


@pytest.mark.parametrize("changes", [{}, LONG, {**LONG, **WITHOUT_KMS}, {"bucket": "a.b.c"}, {"role_arns": [ROLE] * 7}])
def test_services_take_every_request(changes: dict[str, Any]) -> None:
    """By botocore's own validator, and by what the service models say beyond it."""
    wanted, session = profile(**changes), Session()

    def check(service: str, operation: str, request: dict[str, Any]) -> None:
        shape = session.get_service_model(service).operation_model(operation).input_shape
        assert not ParamValidator().validate(request, shape).has_errors()
        for name, value in request.items():
            _check_text(shape.members[name], value)

    for one in _signals.metric_filters(wanted, data_events=True):
        check("logs", "PutMetricFilter", {"logGroupName": "trail", **one})
    for one in _signals.alarms(wanted, topic_arn=TOPIC, data_events=True):
        check("cloudwatch", "PutMetricAlarm", one)
    for one in _signals.rules(wanted, topic_arn=TOPIC):
        targets = one.pop("Targets")
        check("events", "PutRule", one)
        check("events", "PutTargets", {"Rule": one["Name"], "Targets": targets})
        json.loads(targets[0]["InputTransformer"]["InputTemplate"])


def _check_text(shape: Any, value: Any) -> None:
    if shape.type_name == "string":
        assert len(value) <= shape.metadata.get("max", 4096)
        assert re.fullmatch(shape.metadata.get("pattern", ".*"), value, re.DOTALL)


def test_names_of_rules_are_unlike_each_other() -> None:
    buckets = ["b" * 63, "b" * 62 + "c", "b" * 40, "b", "b-" + "c" * 61]
    wanted = [profile(bucket=bucket) for bucket in buckets if len(bucket) >= 3]
    names = [_signals.rule_name(one, signal) for one in wanted for signal in SIGNAL_NAMES]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64
    assert _signals.rule_name(PROFILES["sse-kms"], "silence") == "velero-acme-backups-silence"
    assert re.fullmatch(r"velero-b{40}-[0-9a-f]{8}-silence", _signals.rule_name(wanted[0], "silence"))


def test_pattern_that_is_too_long() -> None:
    roles = [f"arn:aws:iam::{ACCOUNT}:role/{number}{'r' * 60}" for number in range(10)]
    with pytest.raises(ValidationError) as raised:
        _signals.metric_filters(profile(role_arns=roles))
    assert re.fullmatch(
        r"velero_role_arns: velero-acme-backups-silence would have a pattern of [0-9]{4} characters, and CloudWatch"
        r" takes 1024\. Name fewer roles, or give them shorter names\.",
        str(raised.value),
    )


def test_message_of_a_rule() -> None:
    (target,) = _signals.rules(PROFILES["sse-kms"], topic_arn=TOPIC)[0]["Targets"]
    transformer = target["InputTransformer"]
    assert json.loads(transformer["InputTemplate"]).startswith(
        "The key was disabled, its deletion was scheduled, or it lost an alias. <who> called <call> at <time> in"
        " account <account>. "
    )
    assert set(re.findall(r"<(\w+)>", transformer["InputTemplate"])) == set(transformer["InputPathsMap"])
    assert {len(one["Targets"]) for one in _signals.rules(PROFILES["sse-kms"], topic_arn=None)} == {0}


# --- the filters of Ansible ------------------------------------------------------------------------------------------

FILTERS = FilterModule().filters()


def test_filters_give_what_the_table_gives() -> None:
    """A variable from the command line is a text."""
    filters = FILTERS["audit_metric_filters"](VALUES, data_events="true")
    assert filters == _signals.metric_filters(PROFILES["sse-kms"], data_events=True)
    alarms = FILTERS["audit_alarms"](VALUES, TOPIC, "12", log_group=False)
    assert alarms == _signals.alarms(PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=12, log_group=False)
    assert FILTERS["audit_alarms"](VALUES, topic_arn="")[0]["AlarmActions"] == []


@pytest.mark.parametrize(
    ("name", "value", "options", "text"),
    [
        ("audit_alarms", VALUES, {"schedule_hours": "daily"}, "schedule_hours: 'daily' is not a number of hours."),
        ("audit_alarms", VALUES, {"schedule_hours": 168}, "168 is not between 1 and 167"),
        ("audit_alarms", VALUES, {"log_group": "trail"}, "log_group: 'trail' is neither true nor false."),
        ("audit_metric_filters", VALUES, {"data_events": "all"}, "data_events: 'all' is neither true nor false."),
        ("audit_metric_filters", "acme-backups", {}, "A storage profile is a dictionary of bucket"),
        ("audit_metric_filters", {**VALUES, "bucket": "A"}, {}, "velero_bucket: 'A' is too short."),
    ],
)
def test_filters_refuse(name: str, value: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        FILTERS[name](value, **options)
    assert text in str(raised.value)


# --- the guide -------------------------------------------------------------------------------------------------------


def test_guide_has_every_signal_in_its_table() -> None:
    rows = {
        cells[0].strip(" `"): [cell.strip() for cell in cells]
        for line in (ROOT / "docs" / "guide" / "audit.md").read_text().splitlines()
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 6
    }
    assert list(rows) == SIGNAL_NAMES
    for signal in _signals.SIGNALS:
        assert ("EventBridge" in rows[signal.name][2]) == bool(signal.event)
        assert rows[signal.name][4] == signal.severity
