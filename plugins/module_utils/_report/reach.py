# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the objects of a location do not show: backups that go elsewhere, and keys that travel in them. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .._types import Document
from .._velero.model import default_location
from .._velero.sse_c import EXCLUDE_LABEL, LABEL_TEXT
from .evidence_reader import EvidenceReader
from .formatting import clock, listed
from .limitation import Limitation


def reach(evidence: EvidenceReader, document: Document) -> Iterator[Limitation]:
    """The limitations that follow from the objects of the cluster, as far as they were given."""
    cluster = evidence.child("cluster")
    schedules = [dict(reader.values) for reader in cluster.mappings("schedules")]
    yield from _elsewhere([dict(reader.values) for reader in cluster.mappings("locations")], schedules, document)
    yield from _secrets(cluster, schedules, document["location"]["namespace"])
    yield from _expiry([dict(reader.values) for reader in cluster.mappings("backups")], document)


def _elsewhere(locations: list[Document], schedules: list[Document], document: Document) -> Iterator[Limitation]:
    name, chosen = document["installation"]["backup_storage_location"], default_location(locations)
    other = chosen["metadata"]["name"] if chosen else name
    if other == name:
        return
    unnamed = [one["metadata"]["name"] for one in schedules if not _template(one).get("storageLocation")]
    among = f", among them Schedule {listed(unnamed[:10])}" if unnamed else ""
    message = (
        f'Backups and Schedules that name no location go to BackupStorageLocation "{other}"{among}. This report does '
        "not cover it."
    )
    remediation = "Name the location in them, set velero_default_location=true, or verify the other location too."
    yield Limitation("unnamed_backups_elsewhere", message, remediation)


def _secrets(cluster: EvidenceReader, schedules: list[Document], namespace: str) -> Iterator[Limitation]:
    """Velero backs up its own namespace where nothing keeps it out."""
    covering = [one["metadata"]["name"] for one in schedules if _covers(_template(one), namespace)]
    for metadata in cluster.mappings("secrets"):
        labels = metadata.get("labels") or {}
        if any(labels.get(label) == value for label, value in EXCLUDE_LABEL.items()):
            continue
        where = f"the backups of Schedule {listed(covering[:10])}" if covering else f"each backup of {namespace}"
        message = f"Secret {metadata.required('name')} travels in {where}, which it protects."
        remediation = f"Give it the label {LABEL_TEXT}, and keep a copy of it elsewhere."
        yield Limitation("secret_in_backups", message, remediation)


def _template(schedule: Document) -> Document:
    return (schedule.get("spec") or {}).get("template") or {}


def _covers(template: Mapping[str, list[str]], namespace: str) -> bool:
    included, excluded = template.get("includedNamespaces") or ["*"], template.get("excludedNamespaces") or []
    return namespace not in excluded and bool({"*", namespace} & {*included})


def _expiry(backups: list[Document], document: Document) -> Iterator[Limitation]:
    """Until when the objects from before the change stay, if nobody encrypts them again."""
    last = document["objects"]["last_written"]["non_compliant"]
    statuses = [
        one.get("status") or {}
        for one in backups
        if (one.get("spec") or {}).get("storageLocation") == document["installation"]["backup_storage_location"]
    ]
    old = [one for one in statuses if last and str(one.get("startTimestamp") or "~") <= last]
    ends = [str(one["expiration"]) for one in old if one.get("expiration")]
    if ends:
        message = (
            f"The Backups from before {clock(last)}, when the last non-compliant object version was written, expire by "
            f"{clock(max(ends))}. Noncurrent versions and data of kopia that newer backups share stay longer."
        )
        yield Limitation("backups_from_before", message)
