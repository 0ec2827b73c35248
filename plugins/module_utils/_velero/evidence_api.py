# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at a backup or restore that does not end, or not well, layer by layer. PRIVATE to coffer.velero.

The task's credentials may create a Backup and yet not see all of it: what they may not read is left out.
"""

from __future__ import annotations

import json
import re
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from .._errors import ServiceError
from .._kube import Kube
from . import diagnosis, operation
from .download import Download, download
from .identity import Installation
from .location import CUSTOMER_KEY
from .location_api import find_location
from .model import API_VERSION, object_path, velero_path
from .server_api import ask

_ANSWER_SECONDS = 10
_LINES = 20

#: What keeps others waiting; a backup that is finalized does not.
_AT_WORK = frozenset({"ReadyToStart", "InProgress"})

_ERROR_LINE = re.compile(rb'level=(error|fatal)|"level":"(error|fatal)"')

#: The label that leads to the work of data movers and of node-agent, and the kinds that report its progress.
_MOVERS = {
    "Backup": ("velero.io/backup-name", "datauploads", "podvolumebackups"),
    "Restore": ("velero.io/restore-name", "datadownloads", "podvolumerestores"),
}
_T = t.TypeVar("_T")


def _allowed(look: Callable[[], _T]) -> _T | None:
    """What is seen, where the credentials of the task let it be seen."""
    try:
        return look()
    except ServiceError:
        return None


@dataclass(frozen=True)
class DiagnosticsCollector:
    """Gathers the evidence for one backup or restore, as of now."""

    kube: Kube
    desired: operation.DesiredOperation

    def evidence(self, item: operation.Object, *, deleting: bool = False, retried: bool = False) -> diagnosis.Evidence:
        status = item.get("status") or {}
        phase = operation.phase_of(item)
        common: dict[str, t.Any] = {
            "resource": self.desired.resource,
            "namespace": self.desired.namespace,
            "phase": phase,
            "deleting": deleting,
            "status_texts": tuple(filter(None, (status.get("failureReason"), *(status.get("validationErrors") or ())))),
            "errors": int(status.get("errors") or 0),
            "progress": _progress(status),
            "retried": retried,
        }
        place = _allowed(lambda: self._location(item))
        common["location"] = self._judged(item, place)
        ended = phase in operation.TERMINAL and not deleting
        looked = self._of_an_end(phase, place) if ended else self._of_a_standstill(phase, place)
        return diagnosis.Evidence(**common, **looked)

    def _of_an_end(self, phase: str, place: operation.Object | None) -> dict[str, t.Any]:
        if phase == "FailedValidation":
            return {}
        results = self._download("Results", place)
        errors = tuple(_errors(results.content))
        looked = {"results": errors, "repositories": self._repositories(place)}
        if errors:
            return looked
        log = self._download("Log", place)
        return {**looked, "log": tuple(_error_lines(log.content)), "unread": _unread(log.read_result)}

    def _of_a_standstill(self, phase: str, place: operation.Object | None) -> dict[str, t.Any]:
        server = self._server()
        if server.answers is False:
            return {"server": server}
        looked: dict[str, t.Any] = {"server": server, "repositories": self._repositories(place)}
        if phase in operation.FINALIZING:
            looked["read_result"] = self._download("Results", place).read_result
        elif phase in operation.UNSTARTED:
            looked["running"] = _allowed(lambda: tuple(self._running())) or ()
        else:
            looked["operations"] = tuple(self._operations())
        return looked

    def _server(self) -> diagnosis.Server:
        namespace = self.desired.namespace
        try:
            status = ask(self.kube, namespace, "ServerStatusRequest", {}, time.monotonic() + _ANSWER_SECONDS)
        except ServiceError:
            return diagnosis.Server(None)
        if status is None:
            return diagnosis.Server(False, workload=_allowed(self._workload) or "")
        plugins = status.get("plugins") or ()
        return diagnosis.Server(True, tuple(p["name"] for p in plugins if p.get("kind") == "ObjectStore"))

    def _workload(self) -> str:
        deployments = self.kube.list(object_path("apps/v1", "deployments", self.desired.namespace))
        servers = Installation.of(None, deployments, ()).servers
        if not servers:
            return f"namespace {self.desired.namespace} has no Deployment of it"
        server = servers[0]
        if server.content["spec"].get("replicas", 1) == 0:
            return f"{server.title} is scaled to 0"
        return f"{server.title} has a pod that is up" if server.available else f"{server.title} has no pod that is up"

    def _location(self, item: operation.Object) -> operation.Object | None:
        """The location of the backup, or of the backup that is restored."""
        namespace, spec = self.desired.namespace, item.get("spec") or {}
        if self.desired.KIND == "Restore":
            backup = self.kube.get_or_none(velero_path("backups", namespace, str(spec.get("backupName"))))
            spec = (backup or {}).get("spec") or {}
            if not spec.get("storageLocation"):
                return None
        name = spec.get("storageLocation")
        found = find_location(self.kube, namespace, name)
        return {} if name and found is None else found

    def _judged(self, item: operation.Object, place: operation.Object | None) -> diagnosis.Location | None:
        if place is None:
            return None
        if not place:
            return diagnosis.Location(str((item.get("spec") or {}).get("storageLocation")), "Missing")
        status, provider = place.get("status") or {}, str(place["spec"]["provider"])
        return diagnosis.Location(
            place["metadata"]["name"],
            str(status.get("phase") or ""),
            str(status.get("message") or ""),
            provider if "/" in provider else f"velero.io/{provider}",
        )

    def _repositories(self, place: operation.Object | None) -> tuple[str, ...]:
        """What the repositories of the location say that are not ready."""
        items = _allowed(lambda: self.kube.list(velero_path("backuprepositories", self.desired.namespace)))
        name = place["metadata"]["name"] if place else None
        return tuple(
            f"{item['spec'].get('volumeNamespace')}: {item['status'].get('message') or item['status']['phase']}"
            for item in items or ()
            if item["spec"].get("backupStorageLocation") == name
            and (item.get("status") or {}).get("phase") == "NotReady"
        )

    def _running(self) -> Iterator[str]:
        for other in self.kube.list(velero_path(self.desired.PLURAL, self.desired.namespace)):
            phase = operation.phase_of(other)
            if other["metadata"]["name"] != self.desired.name and phase in _AT_WORK:
                yield f"{other['metadata']['name']} ({phase})"

    def _operations(self) -> Iterator[str]:
        label, data_movers, volumes = _MOVERS[self.desired.KIND]
        selector = f"{label}={self.desired.name}"
        for version, plural in (("velero.io/v2alpha1", data_movers), (API_VERSION, volumes)):
            path = object_path(version, plural, self.desired.namespace)
            items = _allowed(partial(self.kube.list, path, labelSelector=selector))
            yield from filter(None, map(_mover, items or ()))

    def _download(self, what: str, place: operation.Object | None) -> Download:
        """One of the objects that Velero keeps of it: Results, Log."""
        if {*CUSTOMER_KEY} & ((place or {}).get("spec") or {}).get("config", {}).keys():
            reason = "what is under a customer-provided key (SSE-C) cannot be read by a URL"
            return Download(diagnosis.ObjectReadResult("unreachable", reason))
        desired = self.desired
        kind = f"{desired.KIND}{what}"
        found = _allowed(partial(download, self.kube, desired.namespace, kind, desired.name, place, _ANSWER_SECONDS))
        reason = "the task's credentials may not create a DownloadRequest"
        return found or Download(diagnosis.ObjectReadResult("unreachable", reason))


def _unread(read_result: diagnosis.ObjectReadResult) -> str:
    if read_result.outcome == "missing":
        return "The bucket holds no log of it: usual where Velero could not write there"
    return "" if read_result.outcome == "read" else f"Its log could not be read: {read_result.text.rstrip('.')}"


def _progress(status: Mapping[str, t.Any]) -> str:
    progress = status.get("progress") or {}
    done = progress.get("itemsBackedUp", progress.get("itemsRestored", 0))
    return f"{done} of {progress['totalItems']} items" if progress.get("totalItems") else ""


def _mover(item: operation.Object) -> str:
    """What a data mover is at, unless it is done."""
    status = item.get("status") or {}
    phase = status.get("phase") or "New"
    if phase == "Completed":
        return ""
    message = f": {status['message']}" if status.get("message") else ""
    return f"{item.get('kind') or 'volume'} {item['metadata']['name']} is {phase}{message}"


def _errors(content: bytes) -> Iterator[str]:
    """The errors of a results object, {"errors": {"velero": [..], "cluster": [..], "namespaces": {"x": [..]}}}."""
    try:
        errors = json.loads(content or b"{}").get("errors") or {}
    except (ValueError, AttributeError):
        return
    for place in ("velero", "cluster"):
        yield from map(str, errors.get(place) or ())
    for namespace, texts in (errors.get("namespaces") or {}).items():
        yield from (f"namespace {namespace}: {text}" for text in texts)


def _error_lines(content: bytes) -> list[str]:
    lines = [line for line in content.splitlines() if _ERROR_LINE.search(line)]
    return [line.decode(errors="replace") for line in lines[-_LINES:]]
