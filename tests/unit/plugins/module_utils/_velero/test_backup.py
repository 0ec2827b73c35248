# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which location a backup may go to, and how Velero deletes it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.backup import (
    DesiredBackup,
    decide_backup,
    delete_backup,
    undeleted,
    unusable,
)

LOCATION = {"metadata": {"name": "default"}, "spec": {"default": True}, "status": {"phase": "Available"}}


def backup(**more: Any) -> DesiredBackup:
    return DesiredBackup(name="b", namespace="velero", **more)


def there(phase: str = "Completed", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b"}, "spec": spec, "status": {"phase": phase}}


UNUSABLE = [
    (None, "does not exist. Make it first"),
    ({"metadata": {"name": "x"}}, "was never validated. Is the Velero server running?"),
    (
        {"metadata": {"name": "x"}, "spec": {"accessMode": "ReadOnly"}},
        "is read-only. Set access_mode=ReadWrite (coffer.velero.backup_storage_location), or name another.",
    ),
    (
        {
            "metadata": {"name": "x"},
            "status": {"phase": "Unavailable", "message": "invalid top-level directories: [a]"},
        },
        "is Unavailable: invalid top-level directories: [a]. Move what is not Velero's",
    ),
]


@pytest.mark.parametrize(("location", "text"), UNUSABLE)
def test_unusable(location: dict[str, Any] | None, text: str) -> None:
    assert text in str(unusable("storage_location", "x", location))
    assert decide_backup(backup(), None, location).unmet_dependency is not None


@pytest.mark.parametrize("phase", ["Completed", "PartiallyFailed", "Failed", "Finalizing", "Deleting", "New"])
def test_deleted_by_velero(phase: str) -> None:
    (step,) = delete_backup(backup(), there(phase, ttl="1h")).steps
    assert step.action.endswith("/deletebackuprequests")
    assert step.arguments["body"]["spec"] == {"backupName": "b"}


def test_invalid_is_deleted_without_velero() -> None:
    (step,) = delete_backup(backup(), there("FailedValidation")).steps
    assert step.action == "DELETE /apis/velero.io/v1/namespaces/velero/backups/b"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("backup is still in progress", "Wait for its end"),
        ("cannot delete backup because backup storage location x is currently in Unavailable state", "only from a loc"),
        (
            "cannot delete backup because backup storage location x is currently in read-only mode",
            "only from a location",
        ),
        ("backup storage location x not found", "only from a location"),
        ("error removing backup from backup storage: DeleteObject StatusCode: 403", "Allow s3:DeleteObject"),
        ("error downloading backup tarball: error getting object: kms:Decrypt", "Allow kms:GenerateDataKey"),
        ("odd", "See the log of the Velero server."),
    ],
)
def test_undeleted(error: str, text: str) -> None:
    message = undeleted('Backup "b"', [error])
    assert message.startswith(f'Backup "b" was not deleted: {error}. ')
    assert text in message
