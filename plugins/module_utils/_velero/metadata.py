# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""velero-backup.json beside the Backup that it was written from. Pure. PRIVATE to coffer.velero.

Velero sets a Backup to Completed and then writes it to the bucket, and goes on where that fails: then the bucket says
Finalizing for ever, and no other cluster will ever see the backup.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from .._errors import CofferError

Object = Mapping[str, t.Any]

_COMPARED = (
    "status.phase",
    "status.startTimestamp",
    "status.completionTimestamp",
    "status.expiration",
    "status.errors",
    "status.warnings",
    "status.progress.totalItems",
    "status.progress.itemsBackedUp",
)

REMEDY = (
    "Velero could not write its last word: look for a denied or failed s3:PutObject or kms:GenerateDataKey at that "
    "time. Make another backup, and delete this one: other clusters do not see it, and after a loss of this cluster it "
    "cannot be restored."
)


def metadata_key(prefix: str, name: str) -> str:
    """Where Velero keeps it (object_store_layout.go)."""
    return "/".join(filter(None, (prefix.strip("/"), "backups", name, "velero-backup.json")))


def parse(content: bytes, key: str) -> Object:
    """The Backup in an object of the bucket.

    :raises CofferError: where it is none
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CofferError(f"{key}: is no JSON ({error}). {REMEDY}") from error
    if not isinstance(found, dict) or found.get("kind") != "Backup":
        raise CofferError(f"{key}: is no Backup of Velero's. {REMEDY}")
    return found


def mismatches(backup: Object, written: Object) -> list[dict[str, t.Any]]:
    """Every field in which the two differ, with both values."""
    created = str(backup.get("metadata", {}).get("creationTimestamp") or "")
    # One that Velero synchronized was made after the backup began, and has an identity of its own.
    made_here = created <= str((backup.get("status") or {}).get("startTimestamp") or created)
    names = ["metadata.name", *(("metadata.uid",) if made_here else ()), *_COMPARED]
    pairs = ((name, _value(backup, name), _value(written, name)) for name in names)
    return [{"field": name, "backup": here, "metadata": there} for name, here, there in pairs if here != there]


def _value(item: Object, name: str) -> t.Any:
    value: t.Any = item
    for part in name.split("."):
        value = (value or {}).get(part)
    return value or None  # 0 is left out of one and written in the other
