# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto's alarms, of its name: what AWS does, seen through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.fixtures import Aws

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:one"
ALARM = {
    "AlarmName": "one",
    "Namespace": "Velero/Audit",
    "MetricName": "denied",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
WINDOWS = [(7, 1, False), (90, 1, False), (10, 1, True), (60, 1440, True), (60, 1441, False), (3600, 168, True)]


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws.client("cloudwatch")


@pytest.mark.parametrize(("period", "periods", "taken"), [*WINDOWS, (3600, 169, False)])
def test_alarm_looks_back_for_a_week_at_most(cloudwatch: Any, period: int, periods: int, taken: bool) -> None:
    alarm = {**ALARM, "Period": period, "EvaluationPeriods": periods}
    if taken:
        cloudwatch.put_metric_alarm(**alarm)
        return
    with pytest.raises(ClientError, match="ValidationError"):
        cloudwatch.put_metric_alarm(**alarm)


def test_alarm_is_made_without_data(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="tried")
    cloudwatch.put_metric_alarm(**{**ALARM, "Threshold": 2.0})
    alarm = cloudwatch.describe_alarms()["MetricAlarms"][0]
    assert (alarm["StateValue"], alarm["StateReason"], alarm["Threshold"]) == ("ALARM", "tried", 2.0)


def test_alarm_is_tagged_when_it_is_made(cloudwatch: Any) -> None:
    def tags() -> Any:
        return cloudwatch.list_tags_for_resource(ResourceARN=ARN)["Tags"]

    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "a", "Value": "b"}])
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "c", "Value": "d"}])
    assert tags() == [{"Key": "a", "Value": "b"}]
    cloudwatch.delete_alarms(AlarmNames=["one"])
    cloudwatch.put_metric_alarm(**ALARM)
    assert tags() == []


def test_composite_alarm_is_made(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("one")')
    answer = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [alarm["AlarmName"] for alarm in answer["MetricAlarms"]] == ["one"]
    assert [(alarm["AlarmName"], alarm["AlarmRule"]) for alarm in answer["CompositeAlarms"]] == [
        ("both", 'ALARM("one")')
    ]


def test_alarms_come_in_pages(cloudwatch: Any) -> None:
    names = [f"alarm-{number:03}" for number in range(101)]
    for name in names:
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": name})
    with pytest.raises(ClientError, match="ValidationError"):
        cloudwatch.describe_alarms(AlarmNames=names)
    first = cloudwatch.describe_alarms(MaxRecords=100)
    second = cloudwatch.describe_alarms(MaxRecords=100, NextToken=first["NextToken"])
    assert (len(first["MetricAlarms"]), len(second["MetricAlarms"])) == (100, 1)
    assert "NextToken" not in second
