# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's EventBridge."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventPattern, Rule
from moto.events.responses import EventsHandler

from tests.support.moto_patches.registry import around, patch

TARGETS = 5


@patch
def managed_rule_is_changed_by_its_service_alone() -> None:
    """ManagedRuleException for whoever else changes it; moto lets everybody. The rule of an archive is one."""
    for operation in ("put_rule", "delete_rule", "put_targets", "remove_targets"):

        @around(EventsHandler, operation)
        def change(original: Any, self: Any) -> Any:
            name = self._get_param("Rule") or self._get_param("Name")
            rule = self.events_backend.event_buses["default"].rules.get(name)
            if rule is not None and rule.managed_by:
                raise JsonRESTError("ManagedRuleException", f"Rule {name} is managed by {rule.managed_by}.")
            return original(self)


@patch
def rule_has_at_most_five_targets() -> None:
    """LimitExceededException beyond five; moto has no limit."""

    @around(Rule, "put_targets")
    def put_targets(original: Any, self: Any, targets: Any) -> None:
        if len({target["Id"] for target in (*self.targets, *targets)}) > TARGETS:
            raise JsonRESTError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        original(self, targets)


def objects_apart(node: Any) -> list[Any]:
    """An event with arrays of objects as events with one object in the place of each array."""
    if isinstance(node, dict):
        parts: list[dict[str, Any]] = [{}]
        for name, value in node.items():
            parts = [{**part, name: one} for part in parts for one in objects_apart(value)]
        return parts
    if isinstance(node, list) and node and all(isinstance(one, dict) for one in node):
        return [part for one in node for part in objects_apart(one)]
    return [node]


@patch
def pattern_looks_into_arrays_of_objects() -> None:
    """A pattern on a field of objects in an array matches where one of them does; moto looks into no array.

    EventBridge matches with event-ruler (its pull request 17 on GitHub has an example): all fields that a pattern names
    have to be those of the same object.
    """

    @around(EventPattern, "matches_event")
    def matches_event(original: Any, self: Any, event: Any) -> bool:
        return any(original(self, one) for one in objects_apart(event))
