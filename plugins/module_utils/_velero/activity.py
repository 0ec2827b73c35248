# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Velero is at work on, and what a change under it would harm. Pure. PRIVATE to coffer.velero.

This is the one place that says when pods may be restarted, and when key, mode or place of the objects may change.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .._errors import ValidationError
from .model import API_VERSION, enumerate_names, object_path

Object = Mapping[str, t.Any]

#: After this time without any change an operation is called stuck.
STUCK_AFTER = timedelta(hours=1)

_IN_SERVER = frozenset({"", "New", "Queued", "ReadyToStart", "InProgress"})
#: Here the server only waits, but data movers of the node-agent do the work.
_IN_NODE_AGENT = frozenset({"WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"})
_FINALIZING = frozenset({"Finalizing", "FinalizingPartiallyFailed"})
_MOVING = frozenset({"", "New", "Accepted", "Prepared", "InProgress", "Canceling"})


@dataclass(frozen=True)
class Kind:
    """A kind of work.

    :param location: the field of its spec that names the location
    """

    name: str
    plural: str
    api_version: str = API_VERSION
    location: str = "backupStorageLocation"

    def path(self, namespace: str) -> str:
        return object_path(self.api_version, self.plural, namespace)


BACKUP = Kind("Backup", "backups", location="storageLocation")
RESTORE = Kind("Restore", "restores", location="")
MOVERS = (
    Kind("PodVolumeBackup", "podvolumebackups"),
    Kind("PodVolumeRestore", "podvolumerestores"),
    Kind("DataUpload", "datauploads", "velero.io/v2alpha1"),
    Kind("DataDownload", "datadownloads", "velero.io/v2alpha1"),
)
#: Of a BackupRepository; there is no other trace of it while it runs.
MAINTENANCE = Kind("Job", "jobs", "batch/v1", location="")
MAINTENANCE_LABEL = "velero.io/repo-name"
KINDS = (BACKUP, RESTORE, *MOVERS, MAINTENANCE)

#: A server that is restarted marks ``InProgress`` as Failed, and leaves a Backup in ``ReadyToStart`` behind.
#: ``Finalizing`` survives it, and may be waiting for the very role that the restart brings.
SERVER_RESTART: Mapping[Kind, frozenset[str]] = {BACKUP: _IN_SERVER, RESTORE: _IN_SERVER}
NODE_AGENT_RESTART: Mapping[Kind, frozenset[str]] = {
    BACKUP: _IN_SERVER | _IN_NODE_AGENT,
    RESTORE: _IN_SERVER | _IN_NODE_AGENT,
}
#: An upload keeps the key that it began with, and needs kms:GenerateDataKey on it for each part; the end of a backup
#: goes to the location as it is then.
OBJECTS_CHANGE: Mapping[Kind, frozenset[str]] = {
    BACKUP: _IN_SERVER | _IN_NODE_AGENT | _FINALIZING,
    RESTORE: _IN_SERVER | _IN_NODE_AGENT | _FINALIZING,
    **dict.fromkeys(MOVERS, _MOVING),
    MAINTENANCE: frozenset({"active"}),
}


class Work(t.NamedTuple):
    """An operation that is not at its end.

    :param moved: when anything of it changed last
    """

    kind: Kind
    name: str
    phase: str
    moved: datetime

    @property
    def text(self) -> str:
        return f"{self.kind.name} {self.name} ({self.phase or 'New'})"


def phase_of(kind: Kind, item: Object) -> str:
    status = item.get("status") or {}
    if kind == MAINTENANCE:
        return "active" if status.get("active") else "ended"
    return str(status.get("phase") or "")


def work_in(
    objects: Mapping[Kind, Sequence[Object]], harmed: Mapping[Kind, frozenset[str]], location: str | None = None
) -> list[Work]:
    """What is under way and would be harmed.

    :param location: only of this one; of an operation that names none it is not known, so that it counts
    """
    found = [(kind, one) for kind in harmed for one in objects.get(kind, ()) if phase_of(kind, one) in harmed[kind]]
    if location is not None:
        places = {one["metadata"]["name"]: _place(BACKUP, one) for one in objects.get(BACKUP, ())}
        found = [(kind, one) for kind, one in found if _in(location, kind, one, places)]
    work = (Work(kind, one["metadata"]["name"], phase_of(kind, one), _moved(one, objects)) for kind, one in found)
    return sorted(work, key=lambda one: one.text)


def _place(kind: Kind, item: Object) -> str | None:
    return (item.get("spec") or {}).get(kind.location) or None


def _in(location: str, kind: Kind, item: Object, backups: Mapping[str, str | None]) -> bool:
    if kind == MAINTENANCE:  # a repository is called NAMESPACE-LOCATION-kopia-SUFFIX
        return f"-{location}-" in str((item["metadata"].get("labels") or {}).get(MAINTENANCE_LABEL))
    spec = item.get("spec") or {}
    place = backups.get(str(spec.get("backupName"))) if kind == RESTORE else _place(kind, item)
    return place in (None, location)


def _moved(item: Object, objects: Mapping[Kind, Sequence[Object]]) -> datetime:
    """The last change of an operation, and of the data movers that work for it."""
    name = item["metadata"]["name"]
    owners = ("velero.io/backup-name", "velero.io/restore-name")
    movers = (
        one
        for kind in MOVERS
        for one in objects.get(kind, ())
        if name in {(one["metadata"].get("labels") or {}).get(label) for label in owners}
    )
    return max(map(_written, (item, *movers)))


def _written(item: Object) -> datetime:
    metadata = item["metadata"]
    times = [entry.get("time") for entry in metadata.get("managedFields") or ()]
    text = max(filter(None, (*times, metadata.get("creationTimestamp"))), default=None)
    return datetime.fromisoformat(text) if text else datetime.max.replace(tzinfo=UTC)


def refuse_work(option: str, work: Sequence[Work], reason: str, remediation: str, namespace: str) -> None:
    """Refuse a change under what is at work; what has not moved for an hour is named, with what ends it."""
    if not work:
        return
    now = datetime.now(UTC)
    stuck = [one for one in work if now - one.moved > STUCK_AFTER]
    advice = " ".join((remediation, *_ends(stuck, namespace, now)))
    raise ValidationError(option, enumerate_names(one.text for one in work), reason, advice)


def _ends(stuck: Iterable[Work], namespace: str, now: datetime) -> Iterable[str]:
    for one in stuck:
        hours = int((now - one.moved).total_seconds() // 3600)
        since = f"{hours} h" if hours < 48 else f"{hours // 24} days"
        yield f"{one.kind.name} {one.name} has not moved for {since} and is stuck: {_end(one, namespace)}"


def _end(work: Work, namespace: str) -> str:
    kubectl = f"kubectl -n {namespace}"
    if work.kind in (BACKUP, RESTORE) and work.phase == "InProgress":
        return f"{kubectl} rollout restart deployment/velero marks it Failed."
    if work.kind.name.startswith("Data"):
        patch = '{"spec": {"cancel": true}}'
        return f"{kubectl} patch {work.kind.plural}.velero.io {work.name} --type merge -p '{patch}' cancels it."
    group = work.kind.api_version.partition("/")[0]
    return f"{kubectl} delete {work.kind.plural}.{group} {work.name} removes it."
