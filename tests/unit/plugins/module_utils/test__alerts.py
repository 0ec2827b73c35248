# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of alerts: alarms, rules, names and limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms import (
    AlarmOptions,
    Alarms,
    decide_alarms,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import DesiredAlarm
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import DesiredFilters, decide_filters
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules import (
    DesiredTags,
    Rules,
    decide_rules,
    desired_rules,
)
from tests.support.cloudtrail_events import (
    ACCOUNT,
    FOREIGN_KEY,
    KEY,
    PROFILES,
    REGION,
    ROLE,
    TOPIC,
    WITHOUT_KMS,
    profile,
)
from tests.support.refusal import refusal

ROOT = Path(__file__).resolve().parents[4]
ALERT_NAMES = [alert.name for alert in _alerts.ALERTS]
WITH_RULES = {alert.name for alert in _alerts.ALERTS if alert.event_detail}


# --- which alerts can fire -----------------------------------------------------------------------------------------

HEARTBEAT = "no-recent-backup"
ON_BUCKET = ["bucket-encryption-changed", "bucket-policy-changed", "public-access-opened"]
ON_KEY = ["key-disabled-or-deleted", "key-policy-changed"]
PROTECTION, ACCESS, MONITORING = "bucket-protection-changed", "access-changed", "monitoring-changed"
#: Those of objects.
DATA = ["object-encryption-updated", "object-writes-denied"]


@pytest.mark.parametrize(
    ("changes", "data_events", "expected"),
    [
        (
            {},
            False,
            [*("key-access-denied", *ON_KEY, *ON_BUCKET, "key-changed"), *(PROTECTION, ACCESS, MONITORING, HEARTBEAT)],
        ),
        ({}, True, ALERT_NAMES),
        ({"encryption_mode": "dsse-kms"}, True, ALERT_NAMES),
        (
            {"kms_key_arn": FOREIGN_KEY},
            False,
            ["key-access-denied", *ON_BUCKET, PROTECTION, ACCESS, MONITORING, HEARTBEAT],
        ),
        ({"role_arns": []}, False, ["key-access-denied", *ON_KEY, *ON_BUCKET, "key-changed", PROTECTION, MONITORING]),
        (WITHOUT_KMS, False, [*ON_BUCKET, PROTECTION, ACCESS, MONITORING]),
        (WITHOUT_KMS, True, [*ON_BUCKET, PROTECTION, ACCESS, MONITORING, *DATA, HEARTBEAT]),
        (
            {"encryption_mode": "sse-c", "kms_key_arn": None},
            True,
            [*ON_BUCKET, PROTECTION, ACCESS, MONITORING, *DATA, HEARTBEAT],
        ),
    ],
)
def test_alerts_that_can_fire(changes: dict[str, Any], data_events: bool, expected: list[str]) -> None:
    wanted = profile(**changes)
    prefix = _alerts.resource_name(wanted, "")
    assert [one.name for one in _alerts.alerts(wanted, data_events=data_events)] == expected
    filters = _alerts.metric_filters(wanted, data_events=data_events)
    alarms = _alerts.alarms(wanted, topic_arn=TOPIC, schedule_hours=24, data_events=data_events)
    assert [one["name"].removeprefix(prefix) for one in filters] == expected
    assert [one["name"].removeprefix(prefix) for one in alarms] == expected
    assert [one["metric_transformation"]["metric_name"] for one in filters] == [one["metric_name"] for one in alarms]
    rules = _alerts.event_rules(wanted, topic_arn=TOPIC)
    assert [one["name"].removeprefix(prefix) for one in rules] == [name for name in expected if name in WITH_RULES]


# --- alarms ----------------------------------------------------------------------------------------------------------


def test_alarm_of_an_event() -> None:
    alarm = _alerts.alarms(PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=24)[0]
    assert alarm == {
        "name": "velero-acme-backups-key-access-denied",
        "description": (
            f"KMS denied a request that uses the key {KEY} of Velero's backups in acme-backups, or the key is "
            "disabled. Find the caller with coffer.velero.kms_usage_info. If it is Velero, run ansible-playbook "
            "coffer.velero.site --check --diff: backups are failing."
        ),
        "namespace": "Velero/Audit",
        "metric_name": "acme-backups-key-access-denied",
        "dimensions": {},
        "statistic": "Sum",
        "period": 300,
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "threshold": 1.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "treat_missing_data": "notBreaching",
        "actions_enabled": True,
        "alarm_actions": [TOPIC],
    }
    assert {
        len(one["alarm_actions"]) for one in _alerts.alarms(PROFILES["sse-kms"], topic_arn=None, schedule_hours=24)
    } == {0}


@pytest.mark.parametrize("hours", [1, 24, 167])
def test_heartbeat_alarm_waits_longer_than_the_schedule(hours: int) -> None:
    """An alarm looks back for seven days at most (CloudWatch API reference, PutMetricAlarm, "EvaluationPeriods")."""
    heartbeat = _alerts.alarms(PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=hours)[-1]
    assert heartbeat["name"] == "velero-acme-backups-no-recent-backup"
    assert heartbeat["period"] == 3600
    assert heartbeat["evaluation_periods"] == heartbeat["datapoints_to_alarm"] == hours + 1 <= 7 * 24
    assert heartbeat["comparison"] == "LessThanThreshold"
    assert heartbeat["treat_missing_data"] == "breaching"


@pytest.mark.parametrize("hours", [0, 168, -1])
def test_schedule_that_no_alarm_can_wait_for(hours: int) -> None:
    assert refusal(_alerts.alarms, PROFILES["sse-kms"], topic_arn=TOPIC, schedule_hours=hours) == (
        f"kms_audit_backup_schedule_hours: {hours} is not between 1 and 167: an alarm looks back for seven days at"
        " most. Back up more often, or let coffer.velero.audit_info look for what is overdue."
    )


def test_without_a_log_group_the_metric_of_the_key_is_the_heartbeat() -> None:
    (alarm,) = _alerts.alarms(profile(role_arns=[]), topic_arn=TOPIC, schedule_hours=24, log_group=False)
    assert (alarm["namespace"], alarm["metric_name"]) == ("AWS/KMS", "SuccessfulRequest")
    assert alarm["dimensions"] == {"KeyArn": KEY, "Operation": "GenerateDataKey"}
    assert alarm["treat_missing_data"] == "breaching"


@pytest.mark.parametrize("name", ["sse-s3", "foreign-key"])
def test_without_a_log_group_and_an_own_key_there_is_no_heartbeat(name: str) -> None:
    assert _alerts.alarms(PROFILES[name], topic_arn=TOPIC, schedule_hours=24, data_events=True, log_group=False) == []


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

    filters = {"log_group_name": "trail", "filters": _alerts.metric_filters(wanted, data_events=True)}
    plans = [decide_filters(DesiredFilters.of({**filters, "state": "present", "purge_prefix": None}), {})]
    alarms = _alerts.alarms(wanted, topic_arn=TOPIC, schedule_hours=24, data_events=True)
    plans.append(decide_alarms([DesiredAlarm.parse(one, REGION) for one in alarms], Alarms({}), AlarmOptions()))
    rules = desired_rules(_alerts.event_rules(wanted, topic_arn=TOPIC), absent=False)
    plans.append(decide_rules(rules, Rules({}), purge=False, tags=DesiredTags()))
    for step in (step for plan in plans for step in plan.steps):
        service, _colon, operation = step.action.partition(":")
        check(service, operation, dict(step.arguments))
        for target in step.arguments.get("Targets", ()):
            json.loads(target["InputTransformer"]["InputTemplate"])


def _check_text(shape: Any, value: Any) -> None:
    if shape.type_name == "string":
        assert len(value) <= shape.metadata.get("max", 4096)
        assert re.fullmatch(shape.metadata.get("pattern", ".*"), value, re.DOTALL)


def test_names_of_rules_are_unlike_each_other() -> None:
    buckets = ["b" * 63, "b" * 62 + "c", "b" * 40, "b", "b-" + "c" * 61]
    wanted = [profile(bucket=bucket) for bucket in buckets if len(bucket) >= 3]
    names = [_alerts.rule_name(one, alert) for one in wanted for alert in ALERT_NAMES]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64
    assert _alerts.rule_name(PROFILES["sse-kms"], "no-recent-backup") == "velero-acme-backups-no-recent-backup"
    assert re.fullmatch(r"velero-b{31}-[0-9a-f]{8}-no-recent-backup", _alerts.rule_name(wanted[0], "no-recent-backup"))


def test_pattern_that_is_too_long() -> None:
    roles = [f"arn:aws:iam::{ACCOUNT}:role/{number}{'r' * 60}" for number in range(10)]
    with pytest.raises(ValidationError) as raised:
        _alerts.metric_filters(profile(role_arns=roles))
    assert re.fullmatch(
        r"velero_role_arns: velero-acme-backups-access-changed would have a pattern of [0-9]{4} characters, and"
        r" CloudWatch takes 1024\. Name fewer roles, or give them shorter names\.",
        str(raised.value),
    )


def test_message_of_a_rule() -> None:
    (target,) = _alerts.event_rules(PROFILES["sse-kms"], topic_arn=TOPIC)[0]["targets"]
    assert json.loads(target["input_template"]) == (
        f"The key {KEY} of Velero's backups in acme-backups was disabled, its deletion was scheduled, its imported key "
        "material was deleted, or its alias was deleted. <who> called <call> at <time> in account <account>. Cancel "
        "the deletion and enable the key with coffer.velero.kms_key (cancel_deletion and enabled): no backup can be "
        "restored without it."
    )
    assert set(re.findall(r"<(\w+)>", target["input_template"])) == set(target["input_paths"])
    assert {len(one["targets"]) for one in _alerts.event_rules(PROFILES["sse-kms"], topic_arn=None)} == {0}


# --- the guide -------------------------------------------------------------------------------------------------------


def test_guide_has_every_alert_in_its_table() -> None:
    rows = {
        cells[0].strip(" `"): [cell.strip() for cell in cells]
        for line in (ROOT / "docs" / "guide" / "audit.md").read_text().splitlines()
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 6
    }
    assert list(rows) == ALERT_NAMES
    for alert in _alerts.ALERTS:
        assert ("EventBridge" in rows[alert.name][2]) == bool(alert.event_detail)
        assert rows[alert.name][4] == alert.severity
