# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way, what of it a change would harm, and what is stuck."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.activity import (
    BACKUP,
    MAINTENANCE,
    MAINTENANCE_LABEL,
    MOVERS,
    NODE_AGENT_RESTART,
    OBJECTS_CHANGE,
    RESTORE,
    SERVER_RESTART,
    Kind,
    refuse_work,
    work_in,
)
from tests.support.refusal import refusal

UPLOAD = next(kind for kind in MOVERS if kind.name == "DataUpload")
VOLUME = MOVERS[0]


def _object(
    phase: str = "InProgress", name: str = "b", age: float = 0, labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    written = (datetime.now(UTC) - timedelta(hours=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": name, "labels": labels or {}, "creationTimestamp": written}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase, "active": 1}}


@pytest.mark.parametrize(
    ("phase", "harmed_by"),
    [
        ("", "server node-agent objects"),
        ("New", "server node-agent objects"),
        ("Queued", "server node-agent objects"),
        ("ReadyToStart", "server node-agent objects"),
        ("InProgress", "server node-agent objects"),
        ("WaitingForPluginOperations", "node-agent objects"),
        ("Finalizing", "objects"),
        ("FinalizingPartiallyFailed", "objects"),
        ("Completed", ""),
        ("FailedValidation", ""),
        ("Deleting", ""),
    ],
)
@pytest.mark.parametrize("kind", [BACKUP, RESTORE])
def test_what_a_change_harms(kind: Kind, phase: str, harmed_by: str) -> None:
    changes = {"server": SERVER_RESTART, "node-agent": NODE_AGENT_RESTART, "objects": OBJECTS_CHANGE}
    found = [name for name, harmed in changes.items() if work_in({kind: [_object(phase)]}, harmed)]
    assert found == harmed_by.split()


@pytest.mark.parametrize(
    ("kind", "item", "counts"),
    [
        (BACKUP, _object(storageLocation="a"), True),
        (BACKUP, _object(storageLocation="other"), False),
        (BACKUP, _object(), True),  # nobody knows
        (RESTORE, _object(backupName="in-a"), True),
        (RESTORE, _object(backupName="in-other"), False),
        (RESTORE, _object(backupName="gone"), True),
        *((kind, _object(backupStorageLocation="a"), True) for kind in MOVERS),
        *((kind, _object(backupStorageLocation="other"), False) for kind in MOVERS),
        *((kind, _object("Completed", backupStorageLocation="a"), False) for kind in MOVERS),
        (VOLUME, _object("Canceling", backupStorageLocation="a"), True),
        (MAINTENANCE, _object(labels={MAINTENANCE_LABEL: "shop-a-kopia-x7"}), True),
        (MAINTENANCE, _object(labels={MAINTENANCE_LABEL: "shop-other-kopia-x7"}), False),
        (MAINTENANCE, {**_object(labels={MAINTENANCE_LABEL: "shop-a-kopia-x7"}), "status": {"succeeded": 1}}, False),
    ],
)
def test_only_what_is_in_the_location(kind: Kind, item: dict[str, Any], counts: bool) -> None:
    backups = [
        _object("Completed", "in-a", storageLocation="a"),
        _object("Completed", "in-other", storageLocation="other"),
    ]
    objects = {BACKUP: backups}
    objects[kind] = [*objects.get(kind, []), item]
    assert bool(work_in(objects, OBJECTS_CHANGE, "a")) == counts


def _refusal(objects: dict[Kind, list[dict[str, Any]]]) -> str:
    return refusal(refuse_work, "bucket", work_in(objects, OBJECTS_CHANGE), "is busy", "Wait.", "velero")


@pytest.mark.parametrize(
    ("kind", "item", "text"),
    [
        (BACKUP, _object(age=0.9), ""),
        (
            BACKUP,
            _object(age=3.5),
            " Backup b has not moved for 3 h and is stuck: kubectl -n velero rollout restart deployment/velero marks "
            "it Failed.",
        ),
        (
            BACKUP,
            _object("Queued", age=72.5),
            " Backup b has not moved for 3 days and is stuck: kubectl -n velero delete backups.velero.io b removes it.",
        ),
        (
            UPLOAD,
            _object("Accepted", age=2.5),
            " DataUpload b has not moved for 2 h and is stuck: kubectl -n velero patch datauploads.velero.io b --type "
            """merge -p '{"spec": {"cancel": true}}' cancels it.""",
        ),
        (
            MAINTENANCE,
            _object(age=2.5),
            " Job b has not moved for 2 h and is stuck: kubectl -n velero delete jobs.batch b removes it.",
        ),
    ],
)
def test_what_is_stuck(kind: Kind, item: dict[str, Any], text: str) -> None:
    phase = "active" if kind == MAINTENANCE else item["status"]["phase"]
    assert _refusal({kind: [item]}) == f"bucket: {kind.name} b ({phase}) is busy. Wait.{text}"


def test_backup_whose_data_mover_works_is_not_stuck() -> None:
    mover = _object(labels={"velero.io/backup-name": "b"}, name="b-1")
    assert "stuck" not in _refusal({BACKUP: [_object(age=5)], VOLUME: [mover]})


def test_last_write_counts() -> None:
    item = _object(age=5)
    item["metadata"]["managedFields"] = [{"time": item["metadata"]["creationTimestamp"]}, {"time": None}, {}]
    assert "stuck" in _refusal({BACKUP: [item]})
    item["metadata"]["managedFields"].append({"time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})
    assert "stuck" not in _refusal({BACKUP: [item]})


def test_nothing_is_under_way() -> None:
    refuse_work("bucket", [], "is busy", "Wait.", "velero")
