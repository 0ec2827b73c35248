# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of moto's EventBridge."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventsBackend, Rule

from tests.support.moto_server.registry import around, correction

TARGETS = 5


def _refuse_managed(backend: Any, name: str) -> None:
    rule = backend.event_buses["default"].rules.get(name)
    if rule is not None and rule.managed_by:
        raise JsonRESTError("ManagedRuleException", f"Rule {name} is managed by an AWS service can only be modified.")


@correction
def managed_rule_is_changed_by_its_service_alone() -> None:
    """ManagedRuleException for whoever else changes it; moto lets everybody."""

    @around(EventsBackend, "put_rule")
    def put_rule(original: Any, self: Any, name: Any, *arguments: Any, **keywords: Any) -> Any:
        _refuse_managed(self, name)
        return original(self, name, *arguments, **keywords)

    for operation in ("delete_rule", "put_targets", "remove_targets"):

        @around(EventsBackend, operation)
        def change(original: Any, self: Any, name: Any, *arguments: Any, **keywords: Any) -> Any:
            _refuse_managed(self, name)
            return original(self, name, *arguments, **keywords)


@correction
def rule_has_at_most_five_targets() -> None:
    """LimitExceededException beyond five; moto has no limit."""

    @around(Rule, "put_targets")
    def put_targets(original: Any, self: Any, targets: Any) -> None:
        if len({target["Id"] for target in (*self.targets, *targets)}) > TARGETS:
            raise JsonRESTError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        original(self, targets)
