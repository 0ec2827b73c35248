# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for alarms, held against the model of CloudWatch."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms import (
    Alarm,
    AlarmOptions,
    Alarms,
    decide_alarms,
    delete_alarms,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import MEMBERS, DesiredAlarm
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from tests.support.models import valid

PLACE = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:velero"
THEIRS = "arn:aws:sns:eu-central-1:111122223333:theirs"
GIVEN: dict[str, Any] = {
    "name": "one",
    "description": "What has happened.",
    "namespace": "Velero/Audit",
    "metric_name": "denied",
    "dimensions": {"b": 2, "a": 1},
    "statistic": "Sum",
    "period": 300,
    "evaluation_periods": 3,
    "datapoints_to_alarm": 2,
    "threshold": 1.0,
    "comparison": "GreaterThanThreshold",
    "treat_missing_data": "notBreaching",
    "actions_enabled": True,
    "unit": "Count",
    "alarm_actions": [TOPIC],
    "ok_actions": [TOPIC],
    "insufficient_data_actions": [TOPIC],
}
LIVE = {
    **{MEMBERS[option]: value for option, value in GIVEN.items() if option != "name"},
    "AlarmName": "one",
    "AlarmArn": f"{PLACE}one",
    "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}],
    "StateValue": "OK",
    "StateReason": "fine",
}


def plan(live: dict[str, Any] | None, given: dict[str, Any] | None = None, **options: Any) -> Plan:
    tags = {"old": "1"} if options.get("tags") is not None else None
    there = {} if live is None else {"one": Alarm(live, tags)}
    desired = DesiredAlarm.parse({**GIVEN, **(given or {})}, "eu-central-1")
    return decide_alarms([desired], Alarms(there, PLACE), AlarmOptions(**options))


PLANS: list[tuple[str, dict[str, Any] | None, dict[str, Any], dict[str, Any], list[str]]] = [
    ("new", None, {}, {}, ["PutMetricAlarm"]),
    ("new with tags", None, {}, {"tags": {"a": True}}, ["PutMetricAlarm"]),
    ("as it is", LIVE, {}, {}, []),
    ("other threshold", LIVE, {"threshold": 2}, {}, ["PutMetricAlarm"]),
    ("no unit", LIVE, {"unit": None}, {}, ["PutMetricAlarm"]),
    ("no description is kept", LIVE, {"description": None}, {}, []),
    ("an empty description is set", LIVE, {"description": ""}, {}, ["PutMetricAlarm"]),
    ("tags", LIVE, {}, {"tags": {"a": "b"}}, ["UntagResource", "TagResource"]),
    ("kept tags", LIVE, {}, {"tags": {"a": "b"}, "purge_tags": False}, ["TagResource"]),
    ("foreign action", {**LIVE, "OKActions": [THEIRS, TOPIC]}, {}, {}, []),
    ("purged action", {**LIVE, "OKActions": [THEIRS, TOPIC]}, {}, {"purge_actions": True}, ["PutMetricAlarm"]),
    ("as AWS says it", {**LIVE, "TreatMissingData": "missing"}, {"treat_missing_data": "missing"}, {}, []),
]


@pytest.mark.parametrize(("case", "live", "given", "options", "operations"), PLANS, ids=[row[0] for row in PLANS])
def test_plans(
    case: str,
    live: dict[str, Any] | None,
    given: dict[str, Any],
    options: dict[str, Any],
    operations: list[str],
) -> None:
    decided = plan(live, given, **options)
    assert valid(decided.steps) == operations
    assert decided.result["alarm_arns"] == {"one": f"{PLACE}one"}


def test_what_others_gave_an_alarm_is_sent_along() -> None:
    """Members that moto does not know: PutMetricAlarm would reset them."""
    live = {**LIVE, "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}}
    arguments = plan(live, {"threshold": 2}).steps[0].arguments
    assert arguments["WarmUpConfiguration"] == {"WarmUpPeriodDurationInMinutes": 5}
    assert "StateValue" not in arguments
    assert plan(live).steps == ()


@pytest.mark.parametrize("member", ["AlarmRule", "Metrics", "ThresholdMetricId", "EvaluationCriteria"])
def test_alarm_of_another_kind_is_refused(member: str) -> None:
    live = {"AlarmName": "one", "AlarmArn": f"{PLACE}one", member: ["x"]}
    with pytest.raises(ValidationError, match="already"):
        plan(live)
    current = Alarms({"one": Alarm(live)})
    with pytest.raises(ValidationError, match="already"):
        delete_alarms(["one"], current, AlarmOptions())
    assert delete_alarms([], current, AlarmOptions(prefix="o")).steps == ()


def test_deletions_come_in_batches() -> None:
    names = [f"{number}" for number in range(150)]
    decided = delete_alarms(names, Alarms({name: Alarm({**LIVE, "AlarmName": name}) for name in names}), AlarmOptions())
    assert valid(decided.steps) == ["DeleteAlarms"] * 2
    assert [len(step.arguments["AlarmNames"]) for step in decided.steps] == [100, 50]
