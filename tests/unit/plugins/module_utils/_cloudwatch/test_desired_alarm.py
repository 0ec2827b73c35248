# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An alarm as a task gives it: its members, and what CloudWatch would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import desired_alarm
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import (
    KEPT,
    MEMBERS,
    DesiredAlarm,
    desired_names,
)
from tests.support.models import model
from tests.support.refusal import refusal

MODEL = model("cloudwatch")
TOPIC = "arn:aws:sns:us-east-1:123456789012:velero"
ALARM: dict[str, Any] = {
    "name": "one",
    "namespace": "Velero/Audit",
    "metric_name": "denied",
    "statistic": "Sum",
    "period": 300,
    "evaluation_periods": 1,
    "threshold": 1.0,
    "comparison": "GreaterThanThreshold",
}


def test_settings_are_those_of_the_answer() -> None:
    settings = DesiredAlarm.parse({**ALARM, "dimensions": {"b": 2, "a": 1}, "unit": None}, "us-east-1").settings
    arguments = desired_alarm.arguments_of("one", settings)
    assert arguments["Dimensions"] == [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    assert desired_alarm.settings_of({**arguments, "OKActions": [], "Unit": None, "StateValue": "OK"}) == settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"period": 300, "evaluation_periods": 289},
            "looks back for 86700 seconds, and CloudWatch for 86400, a day where period is shorter than an hour. Use "
            "fewer periods, or periods of an hour.",
        ),
        (
            {"period": 3600, "evaluation_periods": 169},
            "looks back for 608400 seconds, and CloudWatch for 604800, a week. Use fewer periods, or periods of an "
            "hour.",
        ),
        (
            {"datapoints_to_alarm": 2},
            "has datapoints_to_alarm 2 of evaluation_periods 1. Use 1 or more, and no more than evaluation_periods.",
        ),
        ({"metric_name": None}, "has no metric_name. Set it, or delete the alarm with state=absent."),
        ({"statistic": None}, "has no statistic. Set one of statistic and extended_statistic."),
        (
            {"extended_statistic": "p99"},
            "has statistic and extended_statistic. Set one of statistic and extended_statistic.",
        ),
        (
            {"description": "x" * 1025},
            "has a description of 1025 characters, and CloudWatch takes 1024. Shorten it.",
        ),
    ],
)
def test_alarm_that_cloudwatch_would_refuse(change: dict[str, Any], message: str) -> None:
    assert refusal(DesiredAlarm.parse, {**ALARM, **change}, "us-east-1") == f"alarms: one {message}"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("oncall", "is not an ARN, in ok_actions. Give the ARN of a topic."),
        (
            TOPIC.replace("us-east-1", "eu-west-1"),
            "is in eu-west-1, the alarm is in us-east-1. An alarm notifies topics of its own Region: choose one in "
            "us-east-1.",
        ),
    ],
)
def test_action_that_cloudwatch_would_refuse(action: str, message: str) -> None:
    assert (
        refusal(DesiredAlarm.parse, {**ALARM, "ok_actions": [TOPIC, action]}, "us-east-1")
        == f"alarms: one: {action} {message}"
    )


def test_name_that_cloudwatch_would_refuse() -> None:
    message = "alarms: '' is not the name of an alarm. Use 1 to 255 characters."
    assert refusal(desired_names, [{"name": ""}], None) == message


def test_members_are_those_of_the_model() -> None:
    """What is kept of an answer can be sent, and what is read is there."""
    takes, tells = MODEL.operation_model("PutMetricAlarm").input_shape.members, MODEL.shape_for("MetricAlarm").members
    known = {*MEMBERS.values(), *KEPT.values()}
    unknown = known - set(takes)
    assert unknown == known - set(tells)
    if unknown:
        pytest.skip(f"this botocore is too old to know {', '.join(sorted(unknown))}")
    assert {"AlarmArn", "StateValue", "StateReason", "Metrics", "ThresholdMetricId", "EvaluationCriteria"} <= set(tells)
    assert "AlarmRule" in MODEL.shape_for("CompositeAlarm").members
    left = set(takes) & set(tells) - known - {"AlarmName"}
    assert left == {"Metrics", "ThresholdMetricId", "EvaluationCriteria", "EvaluationInterval"}, (
        "kinds that are refused"
    )


@pytest.mark.parametrize(
    ("member", "choices"), [("Statistic", desired_alarm.STATISTICS), ("ComparisonOperator", desired_alarm.COMPARISONS)]
)
def test_choices_are_those_of_the_model(member: str, choices: tuple[str, ...]) -> None:
    assert set(choices) <= set(MODEL.shape_for(member).enum)
