# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""velero-backup.json beside its Backup."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError
from ansible_collections.coffer.velero.plugins.module_utils._velero.metadata import metadata_key, mismatches, parse

BACKUP: dict[str, Any] = {
    "apiVersion": "velero.io/v1",
    "kind": "Backup",
    "metadata": {"name": "b", "uid": "1", "creationTimestamp": "2026-11-24T07:00:00Z"},
    "status": {
        "phase": "Completed",
        "startTimestamp": "2026-11-24T07:00:01Z",
        "completionTimestamp": "2026-11-24T07:00:02Z",
        "progress": {"totalItems": 4, "itemsBackedUp": 4},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    item = copy.deepcopy(BACKUP)
    *parents, last = path.split(".")
    place = item
    for part in parents:
        place = place[part]
    place[last] = value
    return item


def test_matches() -> None:
    assert mismatches(BACKUP, copy.deepcopy(BACKUP)) == []
    assert mismatches(BACKUP, changed("status.errors", 0)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status.phase", "Finalizing"),
        ("status.completionTimestamp", None),
        ("status.errors", 3),
        ("status.warnings", 1),
        ("status.progress.itemsBackedUp", 3),
        ("metadata.name", "c"),
        ("metadata.uid", "2"),
    ],
)
def test_contradiction(field: str, value: Any) -> None:
    here = mismatches(BACKUP, changed(field, value))
    assert [item["field"] for item in here] == [field]
    assert here[0]["metadata"] == value


def test_a_synchronized_backup_has_an_identity_of_its_own() -> None:
    synchronized = changed("metadata.creationTimestamp", "2026-11-25T00:00:00Z")
    assert mismatches(synchronized, changed("metadata.uid", "2")) == []


@pytest.mark.parametrize("prefix", ["production", "/production/"])
def test_key(prefix: str) -> None:
    assert metadata_key(prefix, "b") == "production/backups/b/velero-backup.json"
    assert metadata_key("", "b") == "backups/b/velero-backup.json"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"kind": "Restore"}', b"\xff"])
def test_no_backup(content: bytes) -> None:
    with pytest.raises(CofferError, match=r"^x: is no (JSON|Backup)"):
        parse(content, "x")
