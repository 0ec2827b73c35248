# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that start an operation of Velero, await its end and remove it. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .._errors import CofferError, ServiceError
from .._kube import Kube
from .._plan import Plan
from . import operation
from .backup import DELETION_PLURAL, DesiredBackup, decide_backup, delete_backup, undeleted
from .diagnosis import diagnose, report
from .evidence_api import DiagnosticsCollector
from .location_api import find_location
from .model import velero_path
from .restore import DesiredRestore, decide_restore, delete_restore

_W = t.TypeVar("_W", bound=operation.DesiredOperation)

#: Seconds between two looks: soon at first, for a test backup takes a second, and rarer as it takes longer.
_POLL = (0.3, 5.0)

RETRY_ANNOTATION = "coffer.velero/retried"


@dataclass(frozen=True)
class WaitOptions:
    """How long a task waits.

    :param timeout: seconds in all
    :param stall_timeout: seconds without any progress until the cause is diagnosed
    :param accepted: the terminal phases that are well
    """

    timeout: int
    stall_timeout: int
    accepted: tuple[str, ...]

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> WaitOptions | None:
        """From the options of a task; ``None`` where it does not wait."""
        if not params["wait"]:
            return None
        return cls(params["wait_timeout"], params["stall_timeout"], tuple(params["accepted_phases"]))


@dataclass
class OperationResource(t.Generic[_W]):
    """A Backup or Restore, for the runner.

    :param wait_options: ``None`` not to wait
    """

    kube: Kube
    desired: _W
    absent: bool = False
    wait_options: WaitOptions | None = None
    _current: operation.Object | None = field(default=None, init=False)
    _answer: operation.Object | None = field(default=None, init=False)
    _retried: bool = field(default=False, init=False)

    def read(self) -> operation.Object | None:
        self._current = self.kube.get_or_none(self.desired.path)
        return self._current

    def decide(self, current: operation.Object | None) -> Plan:
        raise NotImplementedError

    def guard(self, plan: Plan) -> None:
        """Nothing: what must hold is part of the plan."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        self._answer = self.kube.apply(plan)
        return {}

    def confirm(self) -> dict[str, t.Any]:
        """Wait for the end: of the operation, or of its removal."""
        if self.wait_options is None or (self.absent and self._current is None):
            return {}
        tracker = _ProgressTracker(self.wait_options)
        return self._removed(tracker) if self.absent else self._ended(tracker)

    def _ended(self, tracker: _ProgressTracker) -> dict[str, t.Any]:
        item = self._answer or self._current
        while item is not None and operation.phase_of(item) not in operation.TERMINAL:
            self._check_progress(item, tracker)
            time.sleep(tracker.pause)
            item = self.kube.get_or_none(self.desired.path)
        if item is None:
            raise CofferError(
                f"{self.desired.resource} is gone. It was removed by hand, or by Velero because it is not in its "
                "location: was the location pointed elsewhere meanwhile?"
            )
        if operation.phase_of(item) not in tracker.wait_options.accepted:
            evidence = DiagnosticsCollector(self.kube, self.desired).evidence(item)
            raise report(evidence, diagnose(evidence))
        return _outcome(item)

    def _removed(self, tracker: _ProgressTracker) -> dict[str, t.Any]:
        while (item := self.kube.get_or_none(self.desired.path)) is not None:
            self._refused()
            self._check_progress(item, tracker)
            time.sleep(tracker.pause)
        return {}

    def _refused(self) -> None:
        """Raise what Velero says against the removal."""

    def _check_progress(self, item: operation.Object, tracker: _ProgressTracker) -> None:
        """Look for the cause where nothing moves, and end the task where waiting does not help or is over."""
        tracker.update(item)
        if not (tracker.stalled or tracker.timed_out):
            return
        collector = DiagnosticsCollector(self.kube, self.desired)
        evidence = collector.evidence(item, deleting=self.absent, retried=self._retried)
        evidence = replace(evidence, seconds=tracker.seconds)
        diagnosis = diagnose(evidence)
        if tracker.timed_out or diagnosis.final:
            raise report(evidence, diagnosis)
        if operation.phase_of(item) in operation.FINALIZING and not self._retried:
            self._try_again()
        tracker.reset()

    def _try_again(self) -> None:
        """Any change of the object makes Velero try at once what it would try by itself within 16 minutes."""
        self._retried = True
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with contextlib.suppress(ServiceError):  # it may not be allowed, and Velero tries by itself as well
            self.kube.merge_patch(self.desired.path, {"metadata": {"annotations": {RETRY_ANNOTATION: moment}}})


class BackupResource(OperationResource[DesiredBackup]):
    """A Backup, for the runner."""

    _location: operation.Object | None = None

    def read(self) -> operation.Object | None:
        current = super().read()
        if current is None and not self.absent:
            self._location = find_location(self.kube, self.desired.namespace, self.desired.storage_location)
        return current

    def decide(self, current: operation.Object | None) -> Plan:
        if self.absent:
            return delete_backup(self.desired, current)
        return decide_backup(self.desired, current, self._location)

    def _refused(self) -> None:
        """A request that failed stays for a day with its errors; one that went well takes itself away."""
        if self._answer is None or self._answer.get("kind") != "DeleteBackupRequest":
            return
        path = velero_path(DELETION_PLURAL, self.desired.namespace, self._answer["metadata"]["name"])
        errors = [str(text) for text in ((self.kube.get_or_none(path) or {}).get("status") or {}).get("errors") or ()]
        if errors and self.kube.get_or_none(self.desired.path) is not None:
            raise CofferError(undeleted(self.desired.resource, errors))


class RestoreResource(OperationResource[DesiredRestore]):
    """A Restore, for the runner."""

    _backup: operation.Object | None = None
    _location: operation.Object | None = None

    def read(self) -> operation.Object | None:
        current = super().read()
        if current is None and not self.absent:
            namespace = self.desired.namespace
            self._backup = self.kube.get_or_none(velero_path("backups", namespace, str(self.desired.backup_name)))
            if self._backup is not None and (name := self._backup["spec"].get("storageLocation")):
                self._location = find_location(self.kube, namespace, name)
        return current

    def decide(self, current: operation.Object | None) -> Plan:
        if self.absent:
            return delete_restore(self.desired, current)
        return decide_restore(self.desired, current, self._backup, self._location)


class _ProgressTracker:
    """Whether anything moves, and whether the time is over."""

    def __init__(self, wait_options: WaitOptions) -> None:
        self.wait_options = wait_options
        self._began = self._moved = self._looked = time.monotonic()
        self._seen: t.Any = None

    def update(self, item: operation.Object) -> None:
        status = item.get("status") or {}
        state = [status.get(name) for name in ("phase", "progress", "queuePosition")]
        state += [value for name, value in sorted(status.items()) if "perations" in name]
        if state != self._seen:
            self._seen = state
            self._moved = self._looked = time.monotonic()

    def reset(self) -> None:
        """Wait for progress from now on."""
        self._looked = time.monotonic()

    @property
    def stalled(self) -> bool:
        return time.monotonic() - self._looked >= self.wait_options.stall_timeout

    @property
    def timed_out(self) -> bool:
        return time.monotonic() - self._began >= self.wait_options.timeout

    @property
    def seconds(self) -> int:
        """Since when nothing has moved."""
        return int(time.monotonic() - self._moved)

    @property
    def pause(self) -> float:
        elapsed = time.monotonic() - self._began
        return min(_POLL[1], max(_POLL[0], elapsed / 20))


def _outcome(item: operation.Object) -> dict[str, t.Any]:
    """What a task returns of an operation that has ended."""
    status = item.get("status") or {}
    kept = {"name", "namespace", "uid", "creationTimestamp", "labels", "annotations"}
    metadata = {name: value for name, value in item["metadata"].items() if name in kept}
    return {
        "phase": operation.phase_of(item),
        "error_count": int(status.get("errors") or 0),
        "warning_count": int(status.get("warnings") or 0),
        item["kind"].lower(): {**item, "metadata": metadata},
    }
