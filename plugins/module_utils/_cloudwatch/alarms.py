# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the alarms that are wanted and those that there are, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.wanted_alarm import (
    ACTIONS,
    IDENTITY,
    MEMBERS,
    Members,
    WantedAlarm,
    dimensions,
)
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Changes, Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._tags import tag_changes, tag_dict, tag_list

#: Actions for each state, and names of a DeleteAlarms (CloudWatch API reference, PutMetricAlarm and DeleteAlarms).
_MOST_ACTIONS = 5
_MOST_NAMES = 100
#: What somebody else may have given an alarm of ours; PutMetricAlarm would reset it.
_KEPT = ("EvaluateLowSampleCountPercentile", "EvaluationWindow", "WarmUpConfiguration", "ActionConfiguration")
#: What CloudWatch takes where nothing is said.
_DEFAULTS: Mapping[str, t.Any] = {"ActionsEnabled": True, "TreatMissingData": "missing"}
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
    def members(self) -> Members:
        """What PutMetricAlarm would have to be given to leave it as it is."""
        there = {member: self.answer[member] for member in (*MEMBERS, *_KEPT) if _given(self.answer.get(member))}
        return {**there, **({"Dimensions": dimensions(there["Dimensions"])} if "Dimensions" in there else {})}


@dataclass(frozen=True)
class Alarms:
    """The alarms that are there, by name, and where a new one would be: its ARN up to its name."""

    there: Mapping[str, Alarm]
    place: str = ""


@dataclass(frozen=True)
class Manner:
    """What holds for all alarms of a task.

    :param prefix: other alarms whose name begins so go; ``None`` keeps them all
    :param purge_actions: whether actions go that nobody has named
    :param silent: whether an alarm may be without action
    :param tags: ``None`` leaves them alone
    """

    prefix: str | None = None
    purge_actions: bool = False
    silent: bool = False
    tags: Mapping[str, t.Any] | None = None
    purge_tags: bool = True


def decide_alarms(wanted: Sequence[WantedAlarm], current: Alarms, manner: Manner) -> Plan:
    """The plan for alarms that should exist; nothing is sent before all of them were judged."""
    after = {one.name: _after(one, current.there.get(one.name), manner) for one in wanted}
    parts = [_alarm(one.name, after[one.name], current.there.get(one.name), manner) for one in wanted]
    parts.append(_deletion(_surplus([one.name for one in wanted], current, manner), current))
    told = [_told(one, after[one.name], current) for one in wanted]
    return Plan(
        tuple(step for part in parts for step in part[0]),
        tuple(difference for part in parts for difference in part[1]),
        {"alarms": told, "alarm_arns": {one["name"]: one["arn"] for one in told}},
        _muted(wanted, after),
    )


def delete_alarms(names: Sequence[str], current: Alarms, manner: Manner) -> Plan:
    """The plan for alarms that should not exist."""
    gone = [name for name in names if name in current.there]
    for name in gone:
        _refuse_other(name, current.there[name])
    steps, differences = _deletion([*gone, *_surplus(names, current, manner)], current)
    return Plan(tuple(steps), tuple(differences), {"alarms": [], "alarm_arns": {}})


def _surplus(names: Sequence[str], current: Alarms, manner: Manner) -> list[str]:
    """The alarms that go although nobody has named them; one that this module cannot have made stays."""
    prefix = manner.prefix
    if prefix is None:
        return []
    ours = {name for name, alarm in current.there.items() if name.startswith(prefix) and not alarm.kind}
    return sorted(ours - set(names))


def _deletion(names: Sequence[str], current: Alarms) -> Changes:
    batches = [list(names[begin : begin + _MOST_NAMES]) for begin in range(0, len(names), _MOST_NAMES)]
    steps = [Step("cloudwatch:DeleteAlarms", {"AlarmNames": batch}) for batch in batches]
    return steps, [Difference(name, _shown(current.there[name].members), None) for name in names]


def _refuse_other(name: str, there: Alarm) -> None:
    if there.kind:
        raise ValidationError(
            "alarms", name, f"is {there.kind} already", "Choose another name, or delete that one first."
        )


def _after(wanted: WantedAlarm, there: Alarm | None, manner: Manner) -> Members:
    """The alarm as it will be: what the task does not name is kept, but for what says which metric it is about.

    :raises ValidationError: where it would tell nobody, or would be replaced although it is none of ours
    """
    if there:
        _refuse_other(wanted.name, there)
    before = there.members if there else {}
    # Statistics of the two kinds exclude each other, and the low samples are of percentiles only.
    other = ("Statistic",) if "ExtendedStatistic" in wanted.members else ("ExtendedStatistic", _KEPT[0])
    kept = {member: value for member, value in before.items() if member not in (*IDENTITY, *other)}
    after: Members = {**kept, **wanted.members}
    for member in ACTIONS:
        after[member] = _actions(wanted, member, before.get(member, []), manner)
    points, periods = after.get("DatapointsToAlarm"), after["EvaluationPeriods"]
    if points is not None and points > periods:
        reason = f"would have DatapointsToAlarm {points} of EvaluationPeriods {periods}"
        raise ValidationError("alarms", wanted.name, reason, "Set both.")
    if not after["AlarmActions"] and not manner.silent:
        remediation = "Give the ARN of a topic, as coffer.velero.sns_topic returns it, or set allow_silent=true."
        raise ValidationError(
            "alarms", wanted.name, "has no AlarmActions, so that nobody would hear of it", remediation
        )
    if wanted.members.get("ActionsEnabled") is False and not manner.silent:
        remediation = "Set ActionsEnabled to true, or allow_silent=true."
        raise ValidationError(
            "alarms", wanted.name, "has ActionsEnabled false, so that nobody would hear of it", remediation
        )
    return {member: value for member, value in after.items() if _given(value)}


def _actions(wanted: WantedAlarm, member: str, there: Sequence[str], manner: Manner) -> list[str]:
    """Ours behind those of others, in the order that is there already."""
    ours = wanted.members.get(member)
    if ours is None:
        return list(there)
    kept = [arn for arn in there if arn in ours or not manner.purge_actions]
    after = [*kept, *(arn for arn in ours if arn not in kept)]
    if len(after) > _MOST_ACTIONS:
        reason = f"would have {len(after)} {member} where CloudWatch takes {_MOST_ACTIONS}"
        remediation = "Let a topic tell several, or remove foreign ones with purge_actions=true."
        raise ValidationError("alarms", wanted.name, reason, remediation)
    return after


def _alarm(name: str, after: Members, there: Alarm | None, manner: Manner) -> Changes:
    if there is None:
        tags = tag_dict(tag_list(manner.tags or {}))
        arguments = {"AlarmName": name, **after, **({"Tags": tag_list(tags)} if tags else {})}
        shown = {**_shown(after), **({"Tags": tags} if tags else {})}
        return (Step("cloudwatch:PutMetricAlarm", arguments),), (Difference(name, None, shown),)
    before = _shown(there.members)
    steps, differences = _tags(name, there, manner)
    if before == _shown(after):
        return steps, differences
    step = Step("cloudwatch:PutMetricAlarm", {"AlarmName": name, **after})
    return (step, *steps), (Difference(name, before, _shown(after)), *differences)


def _tags(name: str, there: Alarm, manner: Manner) -> Changes:
    before = dict(there.tags or {})
    put, gone = tag_changes(manner.tags, before, purge=manner.purge_tags)
    arn = there.answer["AlarmArn"]
    steps = []
    if gone:
        steps.append(Step("cloudwatch:UntagResource", {"ResourceARN": arn, "TagKeys": list(gone)}))
    if put:
        steps.append(Step("cloudwatch:TagResource", {"ResourceARN": arn, "Tags": tag_list(put)}))
    if not steps:
        return (), ()
    after = {**{key: value for key, value in before.items() if key not in gone}, **put}
    return steps, (Difference(f"{name}: tags", before or None, after or None),)


def _given(value: t.Any) -> bool:
    return value is not None and value not in ("", [], {})


def _shown(members: Members) -> dict[str, t.Any]:
    """An alarm to be compared and shown, with what stands for what is not said."""
    shown = {**_DEFAULTS, "DatapointsToAlarm": members.get("EvaluationPeriods"), **members}
    return {member: shown[member] for member in (*MEMBERS, *_KEPT) if _given(shown.get(member))}


def _told(wanted: WantedAlarm, after: Members, current: Alarms) -> dict[str, t.Any]:
    there = current.there.get(wanted.name)
    state, reason = (there.answer.get("StateValue"), there.answer.get("StateReason")) if there else _NEW
    named = {arn for member in ACTIONS for arn in wanted.members.get(member) or ()}
    every = {arn: None for member in ACTIONS for arn in after.get(member, ())}
    return {
        "name": wanted.name,
        "arn": there.answer["AlarmArn"] if there else f"{current.place}{wanted.name}",
        "state": state,
        "state_reason": reason,
        "alarm_actions": list(after.get("AlarmActions", ())),
        "kept_actions": [arn for arn in every if arn not in named],
    }


def _muted(wanted: Sequence[WantedAlarm], after: Mapping[str, Members]) -> tuple[str, ...]:
    """Alarms that somebody has muted, and that the task leaves so."""
    return tuple(
        f"{one.name}: its actions are disabled, so that nobody hears of it. Set ActionsEnabled to true."
        for one in wanted
        if after[one.name].get("ActionsEnabled") is False and "ActionsEnabled" not in one.members
    )
