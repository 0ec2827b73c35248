# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that read, change and await a BackupStorageLocation. PRIVATE to coffer.velero."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .._errors import CofferError, ValidationError
from .._kube import Kube
from .._plan import Plan
from .._types import Document
from . import model
from .activity import OBJECTS_CHANGE, refuse_work
from .activity_api import read_work
from .breaking_changes import alias_warning, breaking_change, relocation, writing_option
from .location import PLURAL, DesiredLocation, Validation, decide_location, delete_location, unavailable
from .messages import is_final

_POLL_SECONDS = 1.0

#: After a change the first new result may be that of a validation that was under way with the old spec.
_SETTLE_SECONDS = 3.0


def find_location(kube: Kube, namespace: str, name: str | None) -> Document | None:
    """A location by its name, else the one that Velero takes where none is named."""
    if name:
        return kube.get_or_none(model.velero_path(PLURAL, namespace, name))
    return model.default_location(kube.list(model.velero_path(PLURAL, namespace)))


@dataclass
class LocationResource:
    """A location, for the runner.

    :param absent: take the object away
    :param require_idle: something else changes how its objects are written
    :param wait_timeout: seconds to wait for a validation, ``None`` not to wait
    """

    kube: Kube
    desired: DesiredLocation
    absent: bool = False
    require_idle: bool = False
    allow_relocation: bool = False
    allow_orphaned_backups: bool = False
    wait_timeout: int | None = None
    _current: Document | None = field(default=None, init=False)
    _written: Document | None = field(default=None, init=False)

    def read(self) -> Document | None:
        self._current = self.kube.get_or_none(self.desired.path)
        return self._current

    def decide(self, current: Document | None) -> Plan:
        if self.absent:
            return delete_location(self.desired, current)
        plan = decide_location(self.desired, current)
        if not plan.changed:
            self._guard_contents(plan)  # a key that the location does not name can be dropped without a difference
            self._guard_work(plan)
        warnings = (*plan.warnings, *alias_warning(self.desired, plan), *self._default_warning(plan))
        return replace(plan, warnings=warnings, result={**plan.result, "api_server": self.kube.server})

    def guard(self, plan: Plan) -> None:
        if self._current is None:
            return
        if self.absent:
            self._guard_backups()
            self._guard_work(plan)
            return
        self._guard_contents(plan)
        self._guard_work(plan)
        if any(difference.name == "default" and difference.after for difference in plan.differences):
            self._guard_default(self._current)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        self._written = self.kube.apply(plan)
        return {}

    def _guard_backups(self) -> None:
        if self.allow_orphaned_backups:
            return
        if backups := self._backups():
            remediation = (
                "Delete them first (velero backup delete), or set allow_orphaned_backups=true: their objects stay in "
                "the bucket, and Velero can no longer restore, expire or delete them."
            )
            raise ValidationError("state", self.desired.resource, f"holds {backups}", remediation)

    def _guard_contents(self, plan: Plan) -> None:
        found = breaking_change(self.desired, plan)
        if found is None or (self.allow_relocation and relocation(plan)):  # in a new place nothing is older
            return
        if backups := self._backups():
            reason = f"holds {backups}, {found.reason}"
            raise ValidationError(found.option, self.desired.resource, reason, found.remediation)

    def _default_warning(self, plan: Plan) -> tuple[str, ...]:
        """Asked only with a change: a run that changes nothing sends no further request."""
        if not plan.changed or plan.result["spec"].get("default"):
            return ()
        others = self.kube.list(model.velero_path(PLURAL, self.desired.namespace))
        chosen = model.default_location(others)
        name = chosen["metadata"]["name"] if chosen else self.desired.name
        if name == self.desired.name:
            return ()
        return (
            f'Backups and Schedules that name no location go to BackupStorageLocation "{name}", not to '
            f'"{self.desired.name}". default=true (velero_default_location in the roles) changes that.',
        )

    def _guard_work(self, plan: Plan) -> None:
        """An upload keeps the key that it began with, and a backup ends in the location as it is then."""
        option = "require_idle" if self.require_idle else writing_option(plan)
        if option is None or self._current is None:
            return
        work = read_work(self.kube, self.desired.namespace, OBJECTS_CHANGE, self.desired.name)
        reason = f"is under way in {self.desired.resource}, and what it writes needs key, mode and place as they are"
        remediation = "Run the task again when it has ended."
        refuse_work(option, work, reason, remediation, self.desired.namespace)

    def _guard_default(self, current: Document) -> None:
        """Of two default locations Velero resets the older one."""
        others = self.kube.list(model.velero_path(PLURAL, self.desired.namespace))
        newer = [
            other["metadata"]["name"]
            for other in others
            if other["spec"].get("default")
            and other["metadata"]["name"] != self.desired.name
            and other["metadata"]["creationTimestamp"] >= current["metadata"]["creationTimestamp"]
        ]
        if newer:
            names = model.enumerate_names(newer)
            reason = f"is older than {names}, which is the default too, so that Velero would reset it"
            remediation = "Let a task of coffer.velero.backup_storage_location set default=false there first."
            raise ValidationError("default", self.desired.resource, reason, remediation)

    def _backups(self) -> str:
        """The backups in the location, for a sentence; empty where there are none."""
        backups = self.kube.list(model.velero_path("backups", self.desired.namespace))
        return model.backups_in(backups, [self.desired.name])

    def confirm(self) -> dict[str, t.Any]:
        """Wait until the server has validated what is there now, and fail where it is not Available."""
        if self.absent or self.wait_timeout is None:
            return {}
        validation = self._validated(self.wait_timeout)
        return {"phase": validation.phase, "last_validation_time": validation.time}

    def _validated(self, timeout: int) -> Validation:
        """The first good validation of the present spec, else the second bad one.

        A role or a Secret may have been put right after the first; an error of the spec itself stays.
        """
        deadline = time.monotonic() + timeout
        validation = self._first_validation(deadline, timeout)
        if validation.phase != "Available" and not is_final(validation.message):
            validation = self._next_validation(validation.time, deadline) or validation
        if validation.phase != "Available":
            raise CofferError(unavailable(self.desired, validation))
        return validation

    def _first_validation(self, deadline: float, timeout: int) -> Validation:
        """A validation of the spec as it is now: at once where nothing was written and the server is not behind."""
        location = self._written or self._current
        validation = Validation.of(location) if location else Validation(None, None, "", True)
        if self._written is None and validation.phase and not validation.outdated:
            return validation
        following = self._next_validation(validation.time, deadline)
        if following is None:
            raise CofferError(
                f"{self.desired.resource} was not validated within {timeout} s. Is the Velero server running in "
                f"namespace {self.desired.namespace}?"
            )
        if validation.time is not None:
            time.sleep(_SETTLE_SECONDS)
            following = Validation.of(self.kube.get(self.desired.path))
        return following

    def _next_validation(self, after: str | None, deadline: float) -> Validation | None:
        """The first validation later than ``after``, or ``None`` where there is none in time."""
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            validation = Validation.of(self.kube.get(self.desired.path))
            if validation.phase and validation.time != after:
                return validation
        return None
