# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a test backup and its restore succeeded. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from .._types import Document
from .evidence_reader import EvidenceReader, outcome
from .formatting import many

_FAILED = ("PartiallyFailed", "Failed", "FailedValidation")
#: The code of a reason, and its sentence.
Reasons: t.TypeAlias = Iterator[tuple[str, str]]


def read_backup_restore(evidence: EvidenceReader, objects: Document) -> Document:
    """What was backed up and restored, how it ended, and the status that follows with its reasons.

    :param objects: the objects as they are in the document, among which those of the backup have to be
    """
    backup, restore = (_operation(evidence.mapping(kind), kind) for kind in ("backup", "restore"))
    found = {
        "backup": backup,
        "metadata": _metadata(evidence.mapping("metadata")),
        "restore": restore,
        "content": _content(evidence.mapping("content")),
        "objects": _objects_of(backup, objects),
    }
    return {**_outcome(found, objects), **found}


def _outcome(found: Document, objects: Document) -> Document:
    if found["backup"] is None and found["restore"] is None:
        return outcome("not_evaluated", "not_requested", "No backup was made for this report.")
    for status, reasons in (("non_compliant", list(_faults(found))), ("not_evaluated", list(_gaps(found, objects)))):
        if reasons:
            return outcome(status, reasons[0][0], " ".join(sentence for _code, sentence in reasons))
    items = many(len(found["content"]["items"]), "item")
    return outcome("compliant", None, f"A backup and a restore completed, and {items} matched after the restore.")


def _operation(result: EvidenceReader | None, kind: str) -> Document | None:
    """The result of the module backup or restore, also of a failed one."""
    if result is None:
        return None
    resource = result.child(kind)
    status, metadata = resource.child("status"), resource.child("metadata")
    spec, progress = resource.mapping("spec") or result.child("spec"), status.child("progress")
    return {
        "name": result.text("name") or metadata.text("name"),
        "namespace": result.text("namespace") or metadata.text("namespace"),
        "uid": metadata.text("uid"),
        "phase": result.text("phase") or status.text("phase"),
        "started": status.text("startTimestamp"),
        "completed": status.text("completionTimestamp"),
        "storage_location": spec.text("storageLocation"),
        "backup_name": spec.text("backupName"),
        "namespaces": spec.texts("includedNamespaces"),
        "namespace_mapping": dict(spec.get("namespaceMapping") or {}),
        "items": progress.number("itemsBackedUp") or progress.number("itemsRestored"),
        **status.fields(number=("errors", "warnings")),
        "failure": _failure(result, status),
    }


def _failure(result: EvidenceReader, status: EvidenceReader) -> Document | None:
    failed = result.flag("failed")
    message = (result.text("msg") if failed else None) or status.text("failureReason")
    if not (failed or message):
        return None
    error = result.child("error")
    return {"message": message or "The task failed.", **error.fields(text=("layer", "cause", "remediation"))}


def _metadata(result: EvidenceReader | None) -> Document | None:
    """The result of backup_metadata_info."""
    if result is None:
        return None
    mismatches = [
        {name: one.get(name) for name in ("field", "backup", "metadata")} for one in result.mappings("mismatches")
    ]
    return {**result.fields(text=("key", "remediation"), flag=("exists", "matches")), "mismatches": mismatches}


def _content(given: EvidenceReader | None) -> Document | None:
    """What was backed up beside what was restored, by name; a value might be that of a Secret."""
    if given is None:
        return None
    items = [item.fields(text=("kind", "name"), flag=("matches",)) for item in given.mappings("items")]
    return {**given.fields(text=("namespace", "restored_namespace")), "items": items}


def _objects_of(backup: Document | None, objects: Document) -> Document | None:
    """The counts of the backup's own objects, where the scan found them."""
    groups = (group for group in objects["groups"] if group["kind"] == "backup")
    return next((group["counts"] for group in groups if backup and group["name"] == backup["name"]), None)


def _faults(found: Document) -> Reasons:
    for kind in ("backup", "restore"):
        operation = found[kind]
        if operation and (operation["failure"] or operation["phase"] in _FAILED):
            ended = f"ended as {operation['phase']}" if operation["phase"] else "did not end"
            failure: Mapping[str, t.Any] = operation["failure"] or {}
            cause = failure.get("cause") or failure.get("message")
            because = f": {str(cause).rstrip('.')}" if cause else ""
            yield f"{kind}_failed", f"The {kind} {operation['name']} {ended}{because}."
    if found["metadata"] and not found["metadata"]["matches"]:
        if found["metadata"]["exists"]:
            yield "metadata_differs", "velero-backup.json does not match the Backup of the cluster."
        else:
            yield "metadata_missing", "velero-backup.json is not in the bucket."
    changed = [item for item in _items(found) if not item["matches"]]
    if changed:
        yield "content_differs", f"{many(len(changed), 'item')} did not match after the restore."


def _gaps(found: Document, objects: Document) -> Reasons:
    backup, restore = found["backup"], found["restore"]
    for kind in ("backup", "restore"):
        operation = found[kind]
        if operation is None:
            yield f"no_{kind}", f"No {kind} was made."
        elif operation["phase"] != "Completed":
            phase = operation["phase"] or "unknown"
            yield f"{kind}_not_completed", f"The {kind} {operation['name']} had not ended (phase {phase})."
    if backup and restore and restore["backup_name"] not in (None, backup["name"]):
        yield "other_backup_restored", f"The restore is of another backup, {restore['backup_name']}."
    if restore and not _items(found):
        yield "content_not_compared", "What was restored was not compared with what was backed up."
    if backup and found["objects"] is None and not objects["groups_omitted"]:
        yield "objects_not_found", "The scan found no object of the backup."


def _items(found: Document) -> list[Document]:
    return list((found["content"] or {"items": []})["items"])
