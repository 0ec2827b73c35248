# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the alarms that are desired and those that there are, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import ValidationError
from .._plan import Changes, Difference, Plan, Step, joined
from .._tags import tag_list, tag_part, tags_after
from .desired_alarm import ACTIONS, IDENTITY, KEPT, MEMBERS, DesiredAlarm, Settings, arguments_of, is_set, settings_of

#: Actions for each state, and names of a DeleteAlarms (CloudWatch API reference, PutMetricAlarm and DeleteAlarms).
_MOST_ACTIONS = 5
_MOST_NAMES = 100
#: What CloudWatch takes where nothing is said.
_DEFAULTS: Mapping[str, t.Any] = {"actions_enabled": True, "treat_missing_data": "missing"}
#: What a new alarm is in ("the alarm state is immediately set to INSUFFICIENT_DATA", PutMetricAlarm).
_NEW = ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")


@dataclass(frozen=True)
class Alarm:
    """An alarm as CloudWatch tells of it.

    :param tags: ``None`` where they were not asked for
    """

    answer: Mapping[str, t.Any]
    tags: Mapping[str, str] | None = None

    @property
    def kind(self) -> str:
        """What it is, where it is none that this module makes."""
        if "AlarmRule" in self.answer:
            return "a composite alarm"
        if any(self.answer.get(member) for member in ("Metrics", "ThresholdMetricId", "EvaluationCriteria")):
            return "an alarm on an expression, an anomaly or a query"
        return ""

    @property
    def settings(self) -> Settings:
        """What PutMetricAlarm would have to be given to leave it as it is."""
        return settings_of(self.answer)


@dataclass(frozen=True)
class Alarms:
    """The alarms that are there, by name, and where a new one would be: its ARN up to its name."""

    there: Mapping[str, Alarm]
    place: str = ""


@dataclass(frozen=True)
class AlarmOptions:
    """What holds for all alarms of a task.

    :param prefix: unmanaged alarms whose name begins so are deleted; ``None`` keeps them all
    :param purge_actions: whether unmanaged actions are removed
    :param allow_no_actions: whether an alarm may have no action that is enabled
    :param tags: ``None`` leaves them alone
    """

    prefix: str | None = None
    purge_actions: bool = False
    allow_no_actions: bool = False
    tags: Mapping[str, t.Any] | None = None
    purge_tags: bool = True


def decide_alarms(desired: Sequence[DesiredAlarm], current: Alarms, options: AlarmOptions) -> Plan:
    """The plan for alarms that should exist; nothing is sent before all of them were judged."""
    after = {one.name: _after(one, current.there.get(one.name), options) for one in desired}
    parts = [_alarm(one.name, after[one.name], current.there.get(one.name), options) for one in desired]
    parts.append(_deletion(_surplus([one.name for one in desired], current, options), current))
    told = [_told(one, after[one.name], current) for one in desired]
    steps, differences = joined(parts)
    # Their actions were disabled elsewhere, and the task leaves it so.
    muted = [
        f"{one.name}: its actions are disabled, so that it notifies nobody. Set actions_enabled to true."
        for one in desired
        if after[one.name].get("actions_enabled") is False and "actions_enabled" not in one.settings
    ]
    result = {"alarms": told, "alarm_arns": {one["name"]: one["arn"] for one in told}}
    return Plan(steps, differences, result, tuple(muted))


def delete_alarms(names: Sequence[str], current: Alarms, options: AlarmOptions) -> Plan:
    """The plan for alarms that should not exist."""
    gone = [name for name in names if name in current.there]
    for name in gone:
        _refuse_other(name, current.there[name])
    steps, differences = _deletion([*gone, *_surplus(names, current, options)], current)
    return Plan(tuple(steps), tuple(differences), {"alarms": [], "alarm_arns": {}})


def _surplus(names: Sequence[str], current: Alarms, options: AlarmOptions) -> list[str]:
    """The unmanaged alarms to delete; one of a kind that this module does not create is kept."""
    prefix = options.prefix
    if prefix is None:
        return []
    found = {name for name, alarm in current.there.items() if name.startswith(prefix) and not alarm.kind}
    return sorted(found - set(names))


def _deletion(names: Sequence[str], current: Alarms) -> Changes:
    batches = [list(names[begin : begin + _MOST_NAMES]) for begin in range(0, len(names), _MOST_NAMES)]
    steps = [Step("cloudwatch:DeleteAlarms", {"AlarmNames": batch}) for batch in batches]
    return steps, [Difference(name, _shown(current.there[name].settings), None) for name in names]


def _refuse_other(name: str, there: Alarm) -> None:
    if there.kind:
        remediation = "Choose another name, or delete that one first."
        raise ValidationError("alarms", name, f"is {there.kind} already", remediation)


def _after(desired: DesiredAlarm, there: Alarm | None, options: AlarmOptions) -> Settings:
    """The alarm as it will be: what the task does not name is kept, but for what says which metric it is about.

    :raises ValidationError: where it would notify nobody, or would replace an alarm of another kind
    """
    if there:
        _refuse_other(desired.name, there)
    before = there.settings if there else {}
    # Statistics of the two kinds exclude each other, and evaluate_low_sample_count_percentile needs the extended one.
    excluded: tuple[str, ...] = ("statistic",)
    if "extended_statistic" not in desired.settings:
        excluded = ("extended_statistic", "evaluate_low_sample_count_percentile")
    kept = {option: value for option, value in before.items() if option not in (*IDENTITY, *excluded)}
    after: Settings = {**kept, **desired.settings}
    for option in ACTIONS:
        after[option] = _actions(desired, option, before.get(option, []), options)
    points, periods = after.get("datapoints_to_alarm"), after["evaluation_periods"]
    if points is not None and points > periods:
        reason = f"would have datapoints_to_alarm {points} of evaluation_periods {periods}"
        raise ValidationError("alarms", desired.name, reason, "Set both.")
    if not options.allow_no_actions:
        _refuse_no_actions(desired, after)
    return {option: value for option, value in after.items() if is_set(value)}


def _refuse_no_actions(desired: DesiredAlarm, after: Settings) -> None:
    if not after["alarm_actions"]:
        reason = "has no alarm_actions, so that it would notify nobody"
        remediation = "Give the ARN of a topic, as coffer.velero.sns_topic returns it, or set allow_no_actions=true."
        raise ValidationError("alarms", desired.name, reason, remediation)
    if desired.settings.get("actions_enabled") is False:
        reason = "has actions_enabled false, so that it would notify nobody"
        remediation = "Set actions_enabled to true, or allow_no_actions=true."
        raise ValidationError("alarms", desired.name, reason, remediation)


def _actions(desired: DesiredAlarm, option: str, there: Sequence[str], options: AlarmOptions) -> list[str]:
    """The owned actions behind the unmanaged ones, in the order that is there already."""
    owned = desired.settings.get(option)
    if owned is None:
        return list(there)
    kept = [arn for arn in there if arn in owned or not options.purge_actions]
    after = [*kept, *(arn for arn in owned if arn not in kept)]
    if len(after) > _MOST_ACTIONS:
        reason = f"would have {len(after)} {option} where CloudWatch takes {_MOST_ACTIONS}"
        remediation = "Subscribe several endpoints to one topic, or remove unmanaged actions with purge_actions=true."
        raise ValidationError("alarms", desired.name, reason, remediation)
    return after


def _alarm(name: str, after: Settings, there: Alarm | None, options: AlarmOptions) -> Changes:
    if there is None:
        tags = tags_after(options.tags, None, purge=False)
        arguments = {**arguments_of(name, after), **({"Tags": tag_list(tags)} if tags else {})}
        shown = {**_shown(after), **({"tags": tags} if tags else {})}
        return (Step("cloudwatch:PutMetricAlarm", arguments),), (Difference(name, None, shown),)
    before, where = _shown(there.settings), {"ResourceARN": there.answer["AlarmArn"]}
    tagging = ("cloudwatch:TagResource", "cloudwatch:UntagResource")
    steps, differences = tag_part(
        tagging, where, options.tags, there.tags or {}, purge=options.purge_tags, name=f"{name}: tags"
    )
    if before == _shown(after):
        return steps, differences
    step = Step("cloudwatch:PutMetricAlarm", arguments_of(name, after))
    return (step, *steps), (Difference(name, before, _shown(after)), *differences)


def _shown(settings: Settings) -> dict[str, t.Any]:
    """An alarm to be compared and shown, with the defaults of what is not set."""
    shown = {**_DEFAULTS, "datapoints_to_alarm": settings.get("evaluation_periods"), **settings}
    return {option: shown[option] for option in (*MEMBERS, *KEPT) if is_set(shown.get(option))}


def _told(desired: DesiredAlarm, after: Settings, current: Alarms) -> dict[str, t.Any]:
    there = current.there.get(desired.name)
    state, reason = (there.answer.get("StateValue"), there.answer.get("StateReason")) if there else _NEW
    named = {arn for option in ACTIONS for arn in desired.settings.get(option) or ()}
    every = {arn: None for option in ACTIONS for arn in after.get(option, ())}
    return {
        "name": desired.name,
        "arn": there.answer["AlarmArn"] if there else f"{current.place}{desired.name}",
        "state": state,
        "state_reason": reason,
        "alarm_actions": list(after.get("alarm_actions", ())),
        "kept_actions": [arn for arn in every if arn not in named],
    }
