# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change the rules of the default event bus. PRIVATE to coffer.velero."""

from __future__ import annotations

import os.path
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._arn import Arn
from .._aws import Aws
from .._errors import ConflictError, ServiceError
from .._plan import Plan, Step, outputs_of
from .._sts import caller
from .._tags import tag_dict
from .rules import DesiredRule, DesiredTags, Rule, Rules, decide_rules, delete_rules

#: A rule that was made a moment ago, or deleted meanwhile.
_MISSING = "ResourceNotFoundException"


@dataclass
class RulesResource:
    """Several rules of the default event bus, for the runner.

    :param purge: whether unmanaged targets are removed
    """

    aws: Aws
    desired: Sequence[DesiredRule]
    purge: bool = False
    absent: bool = False
    tags: DesiredTags = field(default_factory=DesiredTags)

    def read(self) -> Rules:
        """One list for all rules, by what their names have in common, and one for the targets of each."""
        names = [rule.name for rule in self.desired]
        prefix = os.path.commonprefix(names)  # noqa: RUF071 - character by character is what a NamePrefix is
        where = {"NamePrefix": prefix} if prefix else {}
        found = {answer["Name"]: answer for answer in self.aws.pages("events:ListRules", "Rules", **where)}
        targets = {rule.name: self._targets(rule) for rule in self.desired if rule.name in found}
        there = {
            name: Rule(found[name], listed, self._tags(found[name]["Arn"]))
            for name, listed in targets.items()
            if listed is not None
        }
        if self.absent or len(there) == len(names):
            return Rules(there)
        who = caller(self.aws)
        return Rules(there, str(Arn(who.partition, "events", self.aws.region, who.account_id, "rule/")))

    def _targets(self, rule: DesiredRule) -> Sequence[Mapping[str, t.Any]] | None:
        """The targets of a rule, ``None`` where it was deleted since it was listed."""
        if rule.targets is None and not self.absent:
            return ()
        try:
            return tuple(self.aws.pages("events:ListTargetsByRule", "Targets", Rule=rule.name))
        except ServiceError as error:
            if error.code == _MISSING:
                return None
            raise

    def _tags(self, arn: str) -> dict[str, str]:
        if self.tags.tags is None or self.absent:
            return {}
        answer = self.aws.call_or_none("events:ListTagsForResource", _MISSING, ResourceARN=arn)
        return tag_dict((answer or {}).get("Tags", ()))

    def decide(self, current: Rules) -> Plan:
        if self.absent:
            return delete_rules(self.desired, current, purge=self.purge)
        return decide_rules(self.desired, current, purge=self.purge, tags=self.tags)

    def guard(self, plan: Plan) -> None:
        """Nothing that EventBridge does not ask itself."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        outputs: dict[str, t.Any] = {}
        for step in plan.steps:
            answer = self.aws.run_step(step, outputs, conflicts=frozenset({_MISSING}))
            _refuse_failed_entries(step, answer)
            outputs.update(outputs_of(step, answer))
        return outputs


def _refuse_failed_entries(step: Step, answer: Mapping[str, t.Any]) -> None:
    """PutTargets and RemoveTargets succeed although some of the targets did not.

    :raises ServiceError: for the first that failed
    :raises ConflictError: where it failed because a concurrent writer changes the rule
    """
    for entry in answer.get("FailedEntries", ()):
        resource = f"target {entry.get('TargetId')} of {step.arguments['Rule']}"
        error = ServiceError(step.action, str(entry.get("ErrorCode")), f"{entry.get('ErrorMessage')} ({resource})")
        if error.code == "ConcurrentModificationException":
            raise ConflictError(error)
        raise error
