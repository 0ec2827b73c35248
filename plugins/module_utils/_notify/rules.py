# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the rules that are desired on the default event bus and those that there are, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._arn import Arn
from .._errors import ValidationError
from .._names import refuse_names
from .._plan import NOTHING, Changes, Computed, Difference, Plan, Step, joined
from .._tags import tag_list, tag_part, tags_after
from .pattern import Pattern, fault, reads, same_pattern

ENABLED = "ENABLED"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
STATES = (ENABLED, ALL_EVENTS, "DISABLED")
#: "Each rule can have up to five (5) targets associated with it at one time" (EventBridge API reference, PutTargets).
_TARGETS = 5
_TARGET_MEMBERS = ("Id", "Arn", "InputTransformer", "DeadLetterConfig", "RoleArn")

#: A target as EventBridge takes it.
Target = Mapping[str, t.Any]


@dataclass(frozen=True)
class DesiredRule:
    """A rule as it should be.

    :param description: ``None`` leaves it as it is
    :param targets: as EventBridge takes them; ``None`` leaves them as they are
    """

    name: str
    pattern: Pattern | None = None
    state: str = ENABLED
    description: str | None = None
    targets: Sequence[Target] | None = None

    @classmethod
    def parse(cls, given: Mapping[str, t.Any], *, absent: bool) -> DesiredRule:
        """From an entry of the option ``rules``.

        :raises ValidationError: for what EventBridge would refuse
        """
        name, pattern = str(given["name"]), given["event_pattern"]
        if not re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name):
            remediation = "Use 1 to 64 letters, digits and ._-."
            raise ValidationError("rules", repr(name), "is not the name of a rule", remediation)
        if not absent:
            if pattern is None:
                raise ValidationError("rules", name, "has no event_pattern", "Say which events it is about.")
            reason = fault(pattern)
            if reason:
                raise ValidationError("rules", name, f"has a pattern that {reason}", "Correct event_pattern.")
        targets = given["targets"]
        parsed = None if targets is None else tuple(_target(name, target) for target in targets)
        ids = [target["Id"] for target in parsed or ()]
        if len(set(ids)) < len(ids):
            raise ValidationError("rules", name, "has two targets of one id", "Give each target an id of its own.")
        return cls(name, pattern, given["state"], given["description"], parsed)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(str(target["Id"]) for target in self.targets or ())


def desired_rules(given: Sequence[Mapping[str, t.Any]], *, absent: bool) -> list[DesiredRule]:
    """The rules of a task.

    :raises ValidationError: for none, one that is there twice, and see :meth:`DesiredRule.parse`
    """
    rules = [DesiredRule.parse(rule, absent=absent) for rule in given]
    refuse_names("rules", [rule.name for rule in rules])
    return rules


def _target(rule: str, given: Mapping[str, t.Any]) -> Target:
    target: dict[str, t.Any] = {"Id": given["id"], "Arn": given["arn"]}
    if Arn.parse(given["arn"]) is None:
        raise ValidationError("rules", f"{rule}: {given['arn']}", "is not an ARN", "Give the ARN of the target.")
    template, paths = given.get("input_template"), given.get("input_paths") or {}
    if template is not None:
        unknown = sorted(set(re.findall(r"<([A-Za-z0-9_]+)>", template)) - set(paths))
        if unknown:
            reason = f"uses <{unknown[0]}> in input_template, which input_paths does not name"
            remediation = "Say where in the event it is, $.detail.eventName."
            raise ValidationError("rules", f"{rule}: {given['id']}", reason, remediation)
        target["InputTransformer"] = {"InputPathsMap": dict(paths), "InputTemplate": template}
    if given.get("dead_letter_arn"):
        target["DeadLetterConfig"] = {"Arn": given["dead_letter_arn"]}
    if given.get("role_arn"):
        target["RoleArn"] = given["role_arn"]
    return target


def target_options(target: Target) -> dict[str, t.Any]:
    """A target by suboption of ``targets``; members without a suboption, as EventBridge names them."""
    others = {name: value for name, value in target.items() if name not in _TARGET_MEMBERS}
    transformer = target.get("InputTransformer") or {}
    found = {
        "id": target["Id"],
        "arn": target["Arn"],
        "input_paths": transformer.get("InputPathsMap"),
        "input_template": transformer.get("InputTemplate"),
        "dead_letter_arn": (target.get("DeadLetterConfig") or {}).get("Arn"),
        "role_arn": target.get("RoleArn"),
        **others,
    }
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class DesiredTags:
    """The tags of every rule of a task; ``None`` leaves them as they are."""

    tags: Mapping[str, str] | None = None
    purge: bool = True

    def after(self, current: Mapping[str, str]) -> dict[str, str]:
        return tags_after(self.tags, current, purge=self.purge)


@dataclass(frozen=True)
class Rule:
    """A rule as EventBridge tells of it, with its targets."""

    answer: Mapping[str, t.Any]
    targets: Sequence[Target] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def pattern(self) -> Pattern:
        return t.cast(Pattern, json.loads(self.answer.get("EventPattern") or "{}"))

    @property
    def state(self) -> str:
        return str(self.answer.get("State", ENABLED))

    def unmanaged(self, desired: DesiredRule) -> list[Target]:
        return [target for target in self.targets if target["Id"] not in desired.ids]


@dataclass(frozen=True)
class Rules:
    """The rules that are there, by name, and where a new one would be: its ARN up to its name."""

    there: Mapping[str, Rule]
    place: str = ""


def decide_rules(desired: Sequence[DesiredRule], current: Rules, *, purge: bool, tags: DesiredTags) -> Plan:
    """The plan for rules that should exist; nothing is sent before all of them were judged."""
    parts: list[Changes] = []
    for rule in desired:
        there = current.there.get(rule.name)
        parts += [_rule(rule, there, purge=purge, tags=tags), _tags(rule, there, tags)]
    warnings = [
        f"{rule.name}: {', '.join(unseen)} are read-only events, which a rule in state {ENABLED} never sees. Set the "
        f"state to {ALL_EVENTS}."
        for rule in desired
        if rule.state == ENABLED and (unseen := reads(rule.pattern or {}))
    ]
    result = {"rules": [_told(rule, current, purge=purge, tags=tags) for rule in desired]}
    return Plan(*joined(parts), result, tuple(warnings))


def delete_rules(desired: Sequence[DesiredRule], current: Rules, *, purge: bool) -> Plan:
    """The plan for rules that should not exist: targets first, for EventBridge keeps a rule that has some."""
    parts = [_deletion(rule, there, purge=purge) for rule in desired if (there := current.there.get(rule.name))]
    return Plan(*joined(parts), {"rules": []})


def _refuse_managed(rule: DesiredRule, there: Rule) -> None:
    manager = there.answer.get("ManagedBy")
    if manager:
        remediation = "Choose another name: only that service may change it."
        raise ValidationError("rules", rule.name, f"is a rule that {manager} manages", remediation)


def _tags(rule: DesiredRule, there: Rule | None, tags: DesiredTags) -> Changes:
    """Those of a new rule are given to it when it is made; PutRule ignores them later."""
    if there is None:
        shown = tags.after({})
        return (), (Difference(f"{rule.name}: tags", None, shown),) if shown else ()
    where = {"ResourceARN": there.answer["Arn"]}
    actions = ("events:TagResource", "events:UntagResource")
    return tag_part(actions, where, tags.tags, there.tags, purge=tags.purge, name=f"{rule.name}: tags")


def _rule(rule: DesiredRule, there: Rule | None, *, purge: bool, tags: DesiredTags) -> Changes:
    if there:
        _refuse_managed(rule, there)
    targets, differences = _targets(rule, there or Rule({}), purge=purge)
    change = _change(rule, there)
    if change is None:
        return targets, differences
    # PutRule replaces the rule as a whole: what is not owned is sent along.
    keep = {name: there.answer[name] for name in ("ScheduleExpression", "RoleArn") if there and name in there.answer}
    arguments: dict[str, t.Any] = {
        "Name": rule.name,
        "EventPattern": json.dumps(rule.pattern),
        "State": rule.state,
        **keep,
    }
    description = _shown(rule, there).get("description")
    if description:
        arguments["Description"] = description
    if there is None and tags.tags:
        arguments["Tags"] = tag_list(tags.tags)
    step = Step("events:PutRule", arguments, {f"rule {rule.name}": "RuleArn"})
    return (step, *targets), (change, *differences)


def _shown(rule: DesiredRule, there: Rule | None) -> dict[str, t.Any]:
    description = rule.description if rule.description is not None else (there or Rule({})).answer.get("Description")
    shown = {"event_pattern": rule.pattern, "state": rule.state, "description": description}
    return {name: value for name, value in shown.items() if value}


def _change(rule: DesiredRule, there: Rule | None) -> Difference | None:
    if there is None:
        return Difference(rule.name, None, _shown(rule, None))
    description = there.answer.get("Description", "")
    same = rule.state == there.state and rule.description in (None, description)
    if same and same_pattern(rule.pattern or {}, there.pattern):
        return None
    before = {"event_pattern": there.pattern, "state": there.state, "description": description}
    return Difference(rule.name, {name: value for name, value in before.items() if value}, _shown(rule, there))


def _targets(rule: DesiredRule, there: Rule, *, purge: bool) -> Changes:
    if rule.targets is None:
        return NOTHING
    before = {str(target["Id"]): target for target in there.targets}
    put = [target for target in rule.targets if not _same_target(before.get(target["Id"]), target)]
    surplus = there.unmanaged(rule) if purge else []
    total = len(rule.targets) + len(there.unmanaged(rule)) - len(surplus)
    if total > _TARGETS:
        reason = f"would have {total} targets where EventBridge takes {_TARGETS}"
        remediation = "Remove unmanaged ones with purge_targets=true, or use a rule of another name."
        raise ValidationError("rules", rule.name, reason, remediation)
    steps: list[Step] = []
    if surplus:
        # First, so that there is room for the owned ones.
        steps.append(Step("events:RemoveTargets", {"Rule": rule.name, "Ids": [target["Id"] for target in surplus]}))
    if put:
        steps.append(Step("events:PutTargets", {"Rule": rule.name, "Targets": put}))
    differences = [Difference(f"{rule.name}: {one['Id']}", target_options(one), None) for one in surplus]
    for one in put:
        shown = target_options(before[one["Id"]]) if one["Id"] in before else None
        differences.append(Difference(f"{rule.name}: {one['Id']}", shown, target_options(one)))
    return steps, differences


def _same_target(one: Target | None, other: Target) -> bool:
    return one is not None and {k: v for k, v in one.items() if v} == {k: v for k, v in other.items() if v}


def _deletion(rule: DesiredRule, there: Rule, *, purge: bool) -> Changes:
    _refuse_managed(rule, there)
    foreign = [str(target["Id"]) for target in there.unmanaged(rule)]
    if foreign and not purge:
        reason = f"has unmanaged targets that would be removed: {', '.join(foreign)}"
        remediation = "Ask their owners, then set purge_targets=true, or name them as targets of the rule."
        raise ValidationError("state", rule.name, reason, remediation)
    steps = [Step("events:DeleteRule", {"Name": rule.name})]
    ids = [target["Id"] for target in there.targets]
    if ids:
        steps.insert(0, Step("events:RemoveTargets", {"Rule": rule.name, "Ids": ids}))
    differences = [Difference(f"{rule.name}: {one['Id']}", target_options(one), None) for one in there.targets]
    before = {"event_pattern": there.pattern, "state": there.state}
    return steps, (*differences, Difference(rule.name, before, None))


def _told(rule: DesiredRule, current: Rules, *, purge: bool, tags: DesiredTags) -> dict[str, t.Any]:
    there = current.there.get(rule.name)
    foreign = there.unmanaged(rule) if there else []
    kept = [] if purge and rule.targets is not None else [str(target["Id"]) for target in foreign]
    return {
        "name": rule.name,
        "arn": there.answer["Arn"] if there else Computed(f"rule {rule.name}", f"{current.place}{rule.name}"),
        "state": rule.state,
        "event_pattern": rule.pattern,
        "description": _shown(rule, there).get("description", ""),
        "targets": [target_options(target) for target in rule.targets or ()],
        "kept_targets": kept,
        "tags": tags.after(there.tags if there else {}),
    }
