# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An alarm in the words of the options of ``cloudwatch_metric_alarms``, and its way to PutMetricAlarm and back. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._errors import ValidationError
from .._names import refuse_names

#: "Period multiplied by EvaluationPeriods can't be more than 604,800 seconds. For alarms with a period of less than
#: one hour (3,600 seconds), the total evaluation period can't be longer than one day (86,400 seconds)" (CloudWatch API
#: reference, PutMetricAlarm).
_WEEK, _DAY, _HOUR = 604_800, 86_400, 3_600
_MAX_DESCRIPTION = 1024

#: An alarm by option.
Settings = dict[str, t.Any]

#: The metric of an alarm: owned as a whole, so that what the task does not set is not there.
IDENTITY = ("namespace", "metric_name", "dimensions", "unit")
ACTIONS = ("alarm_actions", "ok_actions", "insufficient_data_actions")
#: The options of an alarm with the members of PutMetricAlarm, in the order in which they are shown.
MEMBERS: Mapping[str, str] = {
    "description": "AlarmDescription",
    "namespace": "Namespace",
    "metric_name": "MetricName",
    "dimensions": "Dimensions",
    "unit": "Unit",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
    "period": "Period",
    "evaluation_periods": "EvaluationPeriods",
    "datapoints_to_alarm": "DatapointsToAlarm",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
    "treat_missing_data": "TreatMissingData",
    "actions_enabled": "ActionsEnabled",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "insufficient_data_actions": "InsufficientDataActions",
}
#: Members that no option sets and that others may have given an owned alarm; PutMetricAlarm would reset them.
KEPT: Mapping[str, str] = {
    "evaluate_low_sample_count_percentile": "EvaluateLowSampleCountPercentile",
    "evaluation_window": "EvaluationWindow",
    "warm_up_configuration": "WarmUpConfiguration",
    "action_configuration": "ActionConfiguration",
}
STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
COMPARISONS = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanThreshold",
)
MISSING_DATA = ("breaching", "ignore", "missing", "notBreaching")
_REQUIRED = ("namespace", "metric_name", "period", "evaluation_periods", "threshold", "comparison")


def is_set(value: t.Any) -> bool:
    return value is not None and value not in ("", [], {})


def settings_of(answer: Mapping[str, t.Any]) -> Settings:
    """The settings of an alarm that DescribeAlarms returns."""
    found = {name: answer.get(member) for name, member in {**MEMBERS, **KEPT}.items()}
    found["dimensions"] = {one["Name"]: one["Value"] for one in found["dimensions"] or ()}
    return {name: value for name, value in found.items() if is_set(value)}


def arguments_of(name: str, settings: Settings) -> dict[str, t.Any]:
    """The arguments of PutMetricAlarm."""
    members = {**MEMBERS, **KEPT}
    arguments = {"AlarmName": name, **{members[option]: value for option, value in settings.items()}}
    if "dimensions" in settings:
        listed = [{"Name": name, "Value": value} for name, value in sorted(settings["dimensions"].items())]
        arguments["Dimensions"] = listed
    return arguments


@dataclass(frozen=True)
class DesiredAlarm:
    """An alarm as it should be.

    :param settings: what the task sets; everything else is left as it is
    """

    name: str
    settings: Settings

    @classmethod
    def parse(cls, given: Mapping[str, t.Any], region: str) -> DesiredAlarm:
        """From an entry of the option ``alarms``.

        :raises ValidationError: for what CloudWatch would refuse
        """
        name = given["name"]
        settings = {option: given[option] for option in MEMBERS if given.get(option) is not None}
        if "dimensions" in settings:
            settings["dimensions"] = {str(key): str(value) for key, value in settings["dimensions"].items()}
        _validate_required(name, settings)
        _validate_window(name, settings)
        for option in ACTIONS:
            if option in settings:
                settings[option] = list(dict.fromkeys(settings[option]))
            for arn in settings.get(option, ()):
                _validate_action(name, option, arn, region)
        return cls(name, settings)


def desired_names(given: Sequence[Mapping[str, t.Any]], prefix: str | None) -> list[str]:
    """The names of the alarms of a task.

    :raises ValidationError: for none, one that CloudWatch would refuse, and one that is there twice
    """
    names = [str(one["name"]) for one in given]
    for name in names:
        if not 1 <= len(name) <= 255:
            raise ValidationError("alarms", repr(name), "is not the name of an alarm", "Use 1 to 255 characters.")
    refuse_names("alarms", names, prefix=prefix, scope="Region")
    return names


def _validate_required(name: str, settings: Settings) -> None:
    missing = next((option for option in _REQUIRED if option not in settings), None)
    if missing is not None:
        raise ValidationError("alarms", name, f"has no {missing}", "Set it, or delete the alarm with state=absent.")
    statistics = [option for option in ("statistic", "extended_statistic") if option in settings]
    if len(statistics) != 1:
        reason = "has statistic and extended_statistic" if statistics else "has no statistic"
        raise ValidationError("alarms", name, reason, "Set one of statistic and extended_statistic.")
    length = len(settings.get("description", ""))
    if length > _MAX_DESCRIPTION:
        reason = f"has a description of {length} characters, and CloudWatch takes {_MAX_DESCRIPTION}"
        raise ValidationError("alarms", name, reason, "Shorten it.")


def _validate_window(name: str, settings: Settings) -> None:
    period, periods = settings["period"], settings["evaluation_periods"]
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError("alarms", name, f"has period {period}", "Use 10, 20, 30 or a multiple of 60.")
    points = {"datapoints_to_alarm": periods, **settings}["datapoints_to_alarm"]
    if periods < 1 or not 1 <= points <= periods:
        reason = f"has datapoints_to_alarm {points} of evaluation_periods {periods}"
        raise ValidationError("alarms", name, reason, "Use 1 or more, and no more than evaluation_periods.")
    most, why = (_WEEK, "a week") if period >= _HOUR else (_DAY, "a day where period is shorter than an hour")
    if period * periods > most:
        reason = f"looks back for {period * periods} seconds, and CloudWatch for {most}, {why}"
        raise ValidationError("alarms", name, reason, "Use fewer periods, or periods of an hour.")


def _validate_action(name: str, option: str, text: t.Any, region: str) -> None:
    arn = Arn.parse(str(text))
    if arn is None:
        raise ValidationError("alarms", f"{name}: {text}", f"is not an ARN, in {option}", "Give the ARN of a topic.")
    if arn.service == "sns" and arn.region != region:
        remediation = f"An alarm notifies topics of its own Region: choose one in {region}."
        raise ValidationError("alarms", f"{name}: {text}", f"is in {arn.region}, the alarm is in {region}", remediation)
