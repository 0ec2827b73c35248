# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's CloudWatch: alarms."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import EmptyResult

from tests.support.moto_patches.registry import around, patch

WEEK, DAY, HOUR = 604_800, 86_400, 3_600
PAGE = 100
MINE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history")


@patch
def alarm_looks_back_for_a_week_at_most() -> None:
    """ValidationError for more than a week, or a day with periods below an hour; moto takes any period."""

    @around(CloudWatchBackend, "put_metric_alarm")
    def put_metric_alarm(original: Any, self: Any, **arguments: Any) -> Any:
        period, periods = arguments.get("period"), arguments.get("evaluation_periods")
        if period is not None:
            if period not in (10, 20, 30) and period % 60:
                raise ValidationError(f"Period must be 10, 20, 30 or a multiple of 60, not {period}.")
            if period * periods > (WEEK if period >= HOUR else DAY):
                raise ValidationError("Metrics cannot be checked across more than a day or a week.")
        return original(self, **arguments)


@patch
def alarm_is_made_without_data() -> None:
    """A new alarm is in INSUFFICIENT_DATA, and one that is changed keeps its state; moto begins with OK each time."""

    @around(CloudWatchBackend, "put_metric_alarm")
    def put_metric_alarm(original: Any, self: Any, **arguments: Any) -> Any:
        before = self.alarms.get(arguments["name"])
        alarm = original(self, **arguments)
        alarm.state_value = "INSUFFICIENT_DATA"
        for attribute in MINE if before else ():
            setattr(alarm, attribute, getattr(before, attribute))
        return alarm


@patch
def alarm_is_tagged_when_it_is_made() -> None:
    """PutMetricAlarm of one that is there ignores Tags, and a deleted alarm leaves none; moto does the opposite."""

    @around(CloudWatchBackend, "put_metric_alarm")
    def put_metric_alarm(original: Any, self: Any, **arguments: Any) -> Any:
        tags = None if arguments["name"] in self.alarms else arguments.get("tags")
        return original(self, **{**arguments, "tags": tags})

    @around(CloudWatchBackend, "delete_alarms")
    def delete_alarms(original: Any, self: Any, alarm_names: list[str]) -> None:
        for name in alarm_names:
            if name in self.alarms:
                self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
        original(self, alarm_names)


@patch
def composite_alarm_is_made() -> None:
    """PutCompositeAlarm; moto would list such alarms and cannot make one."""

    def put_composite_alarm(self: Any) -> EmptyResult:
        nothing = ("namespace", "metric_name", "comparison_operator", "evaluation_periods", "period", "threshold")
        alarm = self.cloudwatch_backend.put_metric_alarm(
            name=self._get_param("AlarmName"),
            **dict.fromkeys((*nothing, "statistic", "description")),
            dimensions=[],
            alarm_actions=self._get_param("AlarmActions", []),
            rule=self._get_param("AlarmRule"),
        )
        alarm.alarm_rule = alarm.rule
        return EmptyResult()

    CloudWatchResponse.put_composite_alarm = put_composite_alarm


@patch
def alarms_come_in_pages() -> None:
    """At most 100 names at once, and MaxRecords alarms; moto lists all."""

    @around(CloudWatchResponse, "describe_alarms")
    def describe_alarms(original: Any, self: Any) -> Any:
        if len(self._get_param("AlarmNames", [])) > PAGE:
            raise ValidationError("Member must have length less than or equal to 100")
        answer = original(self)
        begin, size = int(self._get_param("NextToken") or 0), int(self._get_param("MaxRecords") or 50)
        whole = len(answer._result["MetricAlarms"])
        answer._result["MetricAlarms"] = answer._result["MetricAlarms"][begin : begin + size]
        if begin + size < whole:
            answer._result["NextToken"] = str(begin + size)
        return answer
