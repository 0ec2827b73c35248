# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An alarm as a task asks for it, in the words of PutMetricAlarm. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError

#: "Period multiplied by EvaluationPeriods can't be more than 604,800 seconds. For alarms with a period of less than
#: one hour (3,600 seconds), the total evaluation period can't be longer than one day (86,400 seconds)" (CloudWatch API
#: reference, PutMetricAlarm).
_WEEK, _DAY, _HOUR = 604_800, 86_400, 3_600
_MOST_CHARACTERS = 1024

Members = dict[str, t.Any]

#: Which metric an alarm is about: owned as a whole, so that what is not said is not there.
IDENTITY = ("Namespace", "MetricName", "Dimensions", "Unit")
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_CHOICES = {
    "Statistic": ("Average", "Maximum", "Minimum", "SampleCount", "Sum"),
    "ComparisonOperator": (
        "GreaterThanOrEqualToThreshold",
        "GreaterThanThreshold",
        "LessThanOrEqualToThreshold",
        "LessThanThreshold",
    ),
    "TreatMissingData": ("breaching", "ignore", "missing", "notBreaching"),
}
_NUMBERS: Mapping[str, Callable[[t.Any], t.Any]] = {
    "Period": int,
    "EvaluationPeriods": int,
    "DatapointsToAlarm": int,
    "Threshold": float,
}
_NEEDED = ("Namespace", "MetricName", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
#: What a task can say of an alarm, in the order in which it is shown.
MEMBERS = (
    "AlarmDescription",
    *IDENTITY,
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "ActionsEnabled",
    *ACTIONS,
)


@dataclass(frozen=True)
class WantedAlarm:
    """An alarm as it should be.

    :param members: what the task says of it; what is not there is left as it is
    """

    name: str
    members: Members

    @classmethod
    def parse(cls, given: Mapping[str, t.Any], region: str) -> WantedAlarm:
        """From an entry of the option ``alarms``.

        :raises ValidationError: for what CloudWatch would refuse
        """
        name = _name(given)
        unknown = sorted(set(given) - {"AlarmName", *MEMBERS})
        if unknown:
            remediation = f"It takes AlarmName, {', '.join(MEMBERS)}; tags are an option of the task."
            raise ValidationError("alarms", name, f"has {unknown[0]}, which this module does not take", remediation)
        members = {member: _value(name, member, given[member]) for member in MEMBERS if given.get(member) is not None}
        _refuse_missing(name, members)
        _refuse_choices(name, members)
        _refuse_window(name, members)
        for member in ACTIONS:
            for arn in members.get(member, ()):
                _refuse_action(name, member, arn, region)
        return cls(name, members)


def wanted_names(given: Sequence[Mapping[str, t.Any]], prefix: str | None) -> list[str]:
    """The names of the alarms of a task.

    :raises ValidationError: for none, and for one that is there twice
    """
    names = [_name(one) for one in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValidationError(
            "alarms", twice, "is given twice", "An alarm is owned by its name: leave one of them out."
        )
    if prefix is not None and not prefix:
        remediation = "Give the prefix of your alarms' names, or leave it out."
        raise ValidationError(
            "purge_prefix", "the prefix", "is empty, so that every alarm of the Region would go", remediation
        )
    if not names and prefix is None:
        raise ValidationError("alarms", "the list", "is empty", "Name the alarms, also those to delete.")
    return names


def dimensions(given: t.Any) -> list[dict[str, str]]:
    """Dimensions in an order of their own, which CloudWatch has none for."""
    listed = [{"Name": str(one["Name"]), "Value": str(one["Value"])} for one in given]
    return sorted(listed, key=lambda one: one["Name"])


def _name(given: Mapping[str, t.Any]) -> str:
    name = str(given.get("AlarmName") or "")
    if not 1 <= len(name) <= 255:
        raise ValidationError(
            "alarms", repr(name), "is not the name of an alarm", "Set AlarmName to 1 to 255 characters."
        )
    return name


def _value(name: str, member: str, value: t.Any) -> t.Any:
    try:
        if member == "Dimensions":
            return dimensions(value)
        if member in _NUMBERS:
            return _NUMBERS[member](value)
    except (KeyError, TypeError, ValueError):
        form = "a list of Name and Value" if member == "Dimensions" else "a number"
        raise ValidationError("alarms", name, f"has {member} {value!r}", f"Give {form}.") from None
    if member in ACTIONS:
        return list(dict.fromkeys(value))
    # A template may make a text of it.
    return str(value).lower() in ("true", "yes", "1") if member == "ActionsEnabled" else str(value)


def _refuse_missing(name: str, members: Members) -> None:
    missing = next((member for member in _NEEDED if member not in members), None)
    if missing is not None:
        raise ValidationError("alarms", name, f"has no {missing}", "Set it, or delete the alarm with state=absent.")
    statistics = [member for member in ("Statistic", "ExtendedStatistic") if member in members]
    if len(statistics) != 1:
        reason = "has Statistic and ExtendedStatistic" if statistics else "has no Statistic"
        raise ValidationError("alarms", name, reason, "Set one of Statistic and ExtendedStatistic.")
    length = len(members.get("AlarmDescription", ""))
    if length > _MOST_CHARACTERS:
        reason = f"has an AlarmDescription of {length} characters, and CloudWatch takes {_MOST_CHARACTERS}"
        raise ValidationError("alarms", name, reason, "Shorten it.")


def _refuse_choices(name: str, members: Members) -> None:
    for member, choices in _CHOICES.items():
        if member in members and members[member] not in choices:
            remediation = f"Use one of {', '.join(choices)}."
            raise ValidationError("alarms", name, f"has {member} {members[member]!r}", remediation)


def _refuse_window(name: str, members: Members) -> None:
    period, periods = members["Period"], members["EvaluationPeriods"]
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError("alarms", name, f"has Period {period}", "Use 10, 20, 30 or a multiple of 60.")
    points = {"DatapointsToAlarm": periods, **members}["DatapointsToAlarm"]
    if periods < 1 or not 1 <= points <= periods:
        reason = f"has DatapointsToAlarm {points} of EvaluationPeriods {periods}"
        raise ValidationError("alarms", name, reason, "Ask for one at least, and for no more than there are.")
    most, why = (_WEEK, "a week") if period >= _HOUR else (_DAY, "a day where Period is shorter than an hour")
    if period * periods > most:
        reason = f"looks back for {period * periods} seconds, and CloudWatch for {most}, {why}"
        raise ValidationError("alarms", name, reason, "Use fewer periods, or periods of an hour.")


def _refuse_action(name: str, member: str, text: t.Any, region: str) -> None:
    arn = Arn.parse(str(text))
    if arn is None:
        raise ValidationError(
            "alarms", f"{name}: {text}", f"is not an ARN, as {member} takes them", "Give that of a topic."
        )
    if arn.service == "sns" and arn.region != region:
        remediation = f"An alarm tells topics of its own Region: choose one in {region}."
        raise ValidationError("alarms", f"{name}: {text}", f"is in {arn.region}, the alarm is in {region}", remediation)
