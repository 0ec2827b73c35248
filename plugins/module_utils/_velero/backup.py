# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Backup: what is wanted and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .._errors import CofferError, ValidationError
from .._plan import Plan, Step
from .error_catalog import explain
from .messages import plain, remediation_for
from .model import API_VERSION, velero_path
from .operation import DesiredOperation, Object, decide_operation, phase_of, remove

DELETION_PLURAL = "deletebackuprequests"


@dataclass(frozen=True, kw_only=True)
class DesiredBackup(DesiredOperation):
    """The names are those of the options."""

    storage_location: str | None = None
    ttl: str | None = None
    snapshot_volumes: bool | None = None
    snapshot_move_data: bool | None = None
    default_volumes_to_fs_backup: bool | None = None

    KIND: t.ClassVar[str] = "Backup"
    PLURAL: t.ClassVar[str] = "backups"


def decide_backup(desired: DesiredBackup, current: Object | None, location: Object | None) -> Plan:
    """The plan that makes a backup.

    :param location: where it would go; only read where there is no backup yet
    """
    plan = decide_operation(desired, current)
    if not plan.changed:
        return plan
    return replace(plan, unmet_dependency=unusable("storage_location", desired.storage_location, location))


def unusable(option: str, name: str | None, location: Object | None, *, writes: bool = True) -> CofferError | None:
    """Why Velero would refuse an operation on a location. The object would only be in the way afterwards.

    :param option: what leads to the location
    """
    resource = f'BackupStorageLocation "{name}"' if name else "The default BackupStorageLocation"
    if location is None:
        remediation = "Make it first (coffer.velero.backup_storage_location), or name another."
        return ValidationError(option, resource, "does not exist", remediation)
    resource = f'BackupStorageLocation "{location["metadata"]["name"]}"'
    if writes and (location.get("spec") or {}).get("accessMode") == "ReadOnly":
        remediation = "Set access_mode=ReadWrite (coffer.velero.backup_storage_location), or name another."
        return ValidationError(option, resource, "is read-only", remediation)
    status = location.get("status") or {}
    if status.get("phase") == "Available":
        return None
    if not status.get("phase"):
        reason, remediation = "was never validated", "Is the Velero server running?"
    else:
        message = str(status.get("message") or "")
        reason, remediation = f"is {status['phase']}: {plain(message)}", remediation_for(message)
    return ValidationError(option, resource, reason, f"{remediation} Then wait for it: backup_storage_location does.")


def delete_backup(desired: DesiredBackup, current: Object | None) -> Plan:
    """The plan that deletes a backup with its objects, which only Velero can.

    A backup that failed its validation has none, and Velero would not delete it while its location is not well.
    """
    if current is not None and phase_of(current) == "FailedValidation":
        return remove(desired, current, Step(f"DELETE {desired.path}"))
    metadata = {"generateName": f"{desired.name[:50]}-", "namespace": desired.namespace}
    spec = {"backupName": desired.name}
    body = {"apiVersion": API_VERSION, "kind": "DeleteBackupRequest", "metadata": metadata, "spec": spec}
    step = Step(f"POST {velero_path(DELETION_PLURAL, desired.namespace)}", {"body": body})
    return remove(desired, current, step)


#: What backup_deletion_controller.go says against a deletion.
_AGAINST_DELETION: tuple[tuple[str, str], ...] = (
    (
        r"still in progress",
        "Wait for its end: the same task with state=present says why it does not come. A restart of the Velero server "
        "ends it in any case.",
    ),
    (
        r"in Unavailable state|read-only mode|storage location \S+ not found",
        "Velero deletes only from a location that is Available and ReadWrite (coffer.velero.backup_storage_location).",
    ),
)


def undeleted(resource: str, errors: Iterable[str]) -> str:
    """Why a backup is still there, and what to do about it."""
    text = "; ".join(errors)
    remediation = next((remediation for pattern, remediation in _AGAINST_DELETION if re.search(pattern, text)), None)
    if remediation is None:
        known = explain(text)
        remediation = known.remediation if known else "See the log of the Velero server."
    return f"{resource} was not deleted: {text}. {remediation}"
