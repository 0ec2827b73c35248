# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of moto's EventBridge."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import Rule
from moto.events.responses import EventsHandler

from tests.support.moto_server.registry import around, correction

TARGETS = 5


@correction
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


@correction
def rule_has_at_most_five_targets() -> None:
    """LimitExceededException beyond five; moto has no limit."""

    @around(Rule, "put_targets")
    def put_targets(original: Any, self: Any, targets: Any) -> None:
        if len({target["Id"] for target in (*self.targets, *targets)}) > TARGETS:
            raise JsonRESTError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        original(self, targets)
