# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Did a backup and a restore really happen? Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.coffer.velero.plugins.module_utils._report.part import Part
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many

Told = dict[str, t.Any]
_TERMINAL = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")


def backup_and_restore(evidence: Part, objects: Told) -> Told:
    """What was tried, how it ended, and the verdict on it with its reasons.

    :param objects: the objects as they are in the document, among which those of the backup have to be
    """
    backup, restore = (_operation(evidence.part(kind), kind) for kind in ("backup", "restore"))
    told = {
        "backup": backup,
        "metadata": _metadata(evidence.part("metadata")),
        "restore": restore,
        "content": _content(evidence.part("content")),
        "objects": _objects_of(backup, objects),
    }
    if backup is None and restore is None:
        return {"verdict": "not_done", "reasons": [], **told}
    wrong = _wrong(told)
    missing = [] if wrong else _missing(told, objects)
    return {"verdict": "wrong" if wrong else "incomplete" if missing else "proven", "reasons": wrong or missing, **told}


def _operation(result: Part | None, kind: str) -> Told | None:
    """The result of the module backup or restore, also of a failed one."""
    if result is None:
        return None
    resource = result.part(kind) or Part(result.where, {})
    status = resource.part("status") or Part(result.where, {})
    spec = resource.part("spec") or result.part("spec") or Part(result.where, {})
    progress = status.part("progress") or Part(result.where, {})
    metadata = resource.part("metadata") or Part(result.where, {})
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
        "errors": status.number("errors"),
        "warnings": status.number("warnings"),
        "failure": _failure(result, status),
    }


def _failure(result: Part, status: Part) -> Told | None:
    if not result.flag("failed"):
        reason = status.text("failureReason")
        return {"message": reason, "layer": None, "cause": None, "remediation": None} if reason else None
    error = result.part("error") or Part(result.where, {})
    return {
        "message": result.text("msg") or status.text("failureReason") or "The task failed.",
        "layer": error.text("layer"),
        "cause": error.text("cause"),
        "remediation": error.text("remediation"),
    }


def _metadata(result: Part | None) -> Told | None:
    """The result of backup_metadata_info."""
    if result is None:
        return None
    return {
        "key": result.text("key"),
        "exists": bool(result.flag("exists")),
        "agrees": bool(result.flag("agrees")),
        "contradictions": [
            {name: one.get(name) for name in ("field", "backup", "metadata")} for one in result.parts("contradictions")
        ],
        "remediation": result.text("remediation"),
    }


def _content(given: Part | None) -> Told | None:
    """What was put in and what came out, by name; a value would be a secret's."""
    if given is None:
        return None
    items = [
        {"kind": item.text("kind"), "name": item.text("name"), "same": bool(item.flag("same"))}
        for item in given.parts("items")
    ]
    return {
        "namespace": given.text("namespace"),
        "restored_namespace": given.text("restored_namespace"),
        "items": items,
    }


def _objects_of(backup: Told | None, objects: Told) -> Told | None:
    """The counts of the backup's own objects, where they are among those that were looked at."""
    groups = (group for group in objects["groups"] if group["kind"] == "backup")
    return next((group["counts"] for group in groups if backup and group["name"] == backup["name"]), None)


def _wrong(told: Told) -> list[str]:
    reasons = []
    for kind in ("backup", "restore"):
        operation = told[kind]
        if operation and (operation["failure"] or operation["phase"] in _TERMINAL[1:]):
            failure: Mapping[str, t.Any] = operation["failure"] or {}
            phase = operation["phase"] or "did not end"
            reasons.append(f"The {kind} {operation['name']} {_ended(phase)}" + _because(failure) + ".")
    if told["metadata"] and not told["metadata"]["agrees"]:
        where = "contradicts the Backup of the cluster" if told["metadata"]["exists"] else "is not in the bucket"
        reasons.append(f"velero-backup.json {where}.")
    changed = [item for item in (told["content"] or {"items": []})["items"] if not item["same"]]
    if changed:
        reasons.append(f"{many(len(changed), 'item')} did not come back as put in.")
    return reasons


def _ended(phase: str) -> str:
    return phase if phase == "did not end" else f"ended as {phase}"


def _because(failure: Mapping[str, t.Any]) -> str:
    why = failure.get("cause") or failure.get("message")
    return f": {str(why).rstrip('.')}" if why else ""


def _missing(told: Told, objects: Told) -> list[str]:
    reasons = []
    for kind in ("backup", "restore"):
        operation = told[kind]
        if operation is None:
            reasons.append(f"No {kind} was made.")
        elif operation["phase"] != "Completed":
            reasons.append(f"The {kind} {operation['name']} had not ended (phase {operation['phase'] or 'unknown'}).")
    if told["backup"] and told["restore"] and told["restore"]["backup_name"] not in (None, told["backup"]["name"]):
        reasons.append(f"The restore is of another backup, {told['restore']['backup_name']}.")
    if told["restore"] and not (told["content"] or {"items": []})["items"]:
        reasons.append("What was restored was not compared with what was backed up.")
    if told["backup"] and told["objects"] is None and not objects["groups_omitted"]:
        reasons.append("No object of the backup is among those that were looked at.")
    return reasons
