# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Restore: what is wanted and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .._errors import CofferError, ValidationError
from .._plan import Plan, Step
from .backup import unusable
from .operation import TERMINAL, DesiredOperation, Object, decide_operation, phase_of, remove


@dataclass(frozen=True, kw_only=True)
class DesiredRestore(DesiredOperation):
    """The names are those of the options."""

    backup_name: str | None = None
    namespace_mapping: Mapping[str, str] | None = None
    existing_resource_policy: str | None = None
    restore_pvs: bool | None = None

    KIND: t.ClassVar[str] = "Restore"
    PLURAL: t.ClassVar[str] = "restores"


def decide_restore(
    desired: DesiredRestore, current: Object | None, backup: Object | None, location: Object | None
) -> Plan:
    """The plan that makes a restore.

    :param backup: what it would be made from; only read where there is no restore yet
    :param location: where that is; only read where there is a backup
    """
    plan = decide_operation(desired, current)
    return replace(plan, unmet_dependency=_unrestorable(desired, backup, location)) if plan.changed else plan


def _unrestorable(desired: DesiredRestore, backup: Object | None, location: Object | None) -> CofferError | None:
    resource = f'Backup "{desired.backup_name}"'
    if backup is None:
        remediation = (
            "Make it first (coffer.velero.backup). One of another cluster appears when Velero has synchronized it."
        )
        return ValidationError("backup_name", resource, "does not exist", remediation)
    phase = phase_of(backup)
    if phase in ("Completed", "PartiallyFailed"):  # it has everything that it will ever have
        return unusable("backup_name", backup["spec"].get("storageLocation"), location, writes=False)
    if phase in TERMINAL or phase == "Deleting":
        remediation = "There is nothing to restore from: name another backup."
        return ValidationError("backup_name", resource, f"is {phase}", remediation)
    remediation = "Wait until it is Completed: coffer.velero.backup does."
    return ValidationError("backup_name", resource, f"is {phase} yet", remediation)


def delete_restore(desired: DesiredRestore, current: Object | None) -> Plan:
    """The plan that deletes a restore; Velero takes its objects away before the object is gone."""
    return remove(desired, current, Step(f"DELETE {desired.path}"))
