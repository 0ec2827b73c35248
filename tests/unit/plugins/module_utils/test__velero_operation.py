# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders that are carried out once: what agrees with what is there, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._velero.backup import (
    WantedBackup,
    choose_location,
    decide_backup,
    delete_backup,
    undeleted,
    unusable,
)
from ansible_collections.coffer.velero.plugins.module_utils._velero.restore import WantedRestore, decide_restore

LOCATION = {"metadata": {"name": "default"}, "spec": {"default": True}, "status": {"phase": "Available"}}


def backup(**more: Any) -> WantedBackup:
    return WantedBackup(name="b", namespace="velero", **more)


def there(phase: str = "Completed", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b"}, "spec": spec, "status": {"phase": phase}}


AGREE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    # what Velero completes
    ({}, {"includedNamespaces": ["*"], "ttl": "720h0m0s", "storageLocation": "default", "snapshotMoveData": False}),
    ({"included_namespaces": ["a", "b"]}, {"includedNamespaces": ["b", "a"]}),
    ({"excluded_namespaces": ["a"]}, {"excludedNamespaces": ["a", "labelled"]}),
    ({"excluded_resources": ["pods"]}, {"excludedResources": ["pods", "volumesnapshots.snapshot.storage.k8s.io"]}),
    ({"ttl": "1h"}, {"ttl": "1h0m0s"}),
    ({"ttl": "90m"}, {"ttl": "1h30m0s"}),
    ({"include_cluster_resources": False}, {"includeClusterResources": False}),
    ({"label_selector": {"matchLabels": {"a": "b"}}}, {"labelSelector": {"matchLabels": {"a": "b"}}}),
    ({"included_namespaces": []}, {}),
]
DIFFER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"included_namespaces": ["a"]}, {"includedNamespaces": ["a", "b"]}, "includedNamespaces is ['a', 'b'], not ['a']"),
    ({}, {"includedNamespaces": ["a"]}, "includedNamespaces is ['a'], not None"),
    ({"included_namespaces": ["a"]}, {"includedNamespaces": ["*"]}, "includedNamespaces is ['*'], not ['a']"),
    ({"excluded_namespaces": ["a"]}, {}, "excludedNamespaces is None, not ['a']"),
    ({}, {"labelSelector": {"matchLabels": {"a": "b"}}}, "labelSelector"),
    ({}, {"orLabelSelectors": [{"matchLabels": {"a": "b"}}]}, "orLabelSelectors"),
    ({"ttl": "1h"}, {"ttl": "2h0m0s"}, "ttl is '2h0m0s', not '1h'"),
    ({"storage_location": "a"}, {"storageLocation": "b"}, "storageLocation is 'b', not 'a'"),
    ({}, {"includeClusterResources": False}, "includeClusterResources is False, not None"),
    ({"snapshot_volumes": False}, {}, "snapshotVolumes is None, not False"),
]


@pytest.mark.parametrize(("wanted", "present"), AGREE)
def test_taken(wanted: dict[str, Any], present: dict[str, Any]) -> None:
    plan = decide_backup(backup(**wanted), there(**present), None)
    assert not plan.changed
    assert plan.result["spec"] == present


@pytest.mark.parametrize(("wanted", "present", "text"), DIFFER)
def test_refused(wanted: dict[str, Any], present: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        decide_backup(backup(**wanted), there(**present), None)
    assert str(refusal.value).startswith('name: Backup "b" exists with another spec (')
    assert text in str(refusal.value)


def test_made() -> None:
    plan = decide_backup(backup(included_namespaces=["shop"], snapshot_volumes=False), None, LOCATION)
    (step,) = plan.steps
    assert step.action == "POST /apis/velero.io/v1/namespaces/velero/backups"
    assert step.arguments["body"]["spec"] == {"includedNamespaces": ["shop"], "snapshotVolumes": False}
    assert plan.diff["after"] == {"includedNamespaces": ["shop"], "snapshotVolumes": False}
    assert plan.unmet_dependency is None


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


def test_choose_location() -> None:
    other, plain = {"metadata": {"name": "other"}}, {"metadata": {"name": "default"}}
    marked = {"metadata": {"name": "marked"}, "spec": {"default": True}}
    assert choose_location("other", [other, marked]) is other
    assert choose_location("none", [other, marked]) is None
    assert choose_location(None, [other, plain, marked]) is marked
    assert choose_location(None, [other, plain]) is plain
    assert choose_location(None, [other]) is None


@pytest.mark.parametrize("phase", ["Completed", "PartiallyFailed", "Failed", "Finalizing", "Deleting", "New"])
def test_deleted_by_velero(phase: str) -> None:
    (step,) = delete_backup(backup(), there(phase, ttl="1h")).steps
    assert step.action.endswith("/deletebackuprequests")
    assert step.arguments["body"]["spec"] == {"backupName": "b"}


def test_invalid_is_deleted_without_velero() -> None:
    (step,) = delete_backup(backup(), there("FailedValidation")).steps
    assert step.action == "DELETE /apis/velero.io/v1/namespaces/velero/backups/b"


def test_deleting_is_not_taken() -> None:
    for item in (there("Deleting"), {"metadata": {"name": "b", "deletionTimestamp": "now"}}):
        with pytest.raises(ValidationError, match="is being deleted"):
            decide_backup(backup(), item, None)


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


@pytest.mark.parametrize("option", ["ttl", "item_operation_timeout"])
def test_durations(option: str) -> None:
    with pytest.raises(ValidationError, match=f"{option}: 30 days is not a duration. Write it as in 30m"):
        backup(**{option: "30 days"}).refuse_contradictions()


RESTORABLE = [
    ("Completed", None),
    ("PartiallyFailed", None),
    ("Failed", "is Failed. There is nothing to restore from"),
    ("FailedValidation", "is FailedValidation. There is nothing"),
    ("Deleting", "is Deleting. There is nothing"),
    ("InProgress", "is InProgress yet. Wait until it is Completed"),
    ("Finalizing", "is Finalizing yet. Wait"),
]


@pytest.mark.parametrize(("phase", "text"), RESTORABLE)
def test_restorable(phase: str, text: str | None) -> None:
    wanted = WantedRestore(name="r", namespace="velero", backup_name="b")
    unmet_dependency = decide_restore(wanted, None, there(phase), LOCATION).unmet_dependency
    assert (unmet_dependency is None) == (text is None)
    assert text is None or text in str(unmet_dependency)


def test_restore_needs_the_location() -> None:
    """One that is read-only will do."""
    wanted = WantedRestore(name="r", namespace="velero", backup_name="b")
    backup = there(storageLocation="x")
    assert 'backup_name: BackupStorageLocation "x" does not exist' in str(
        decide_restore(wanted, None, backup, None).unmet_dependency
    )
    broken = {"metadata": {"name": "x"}, "status": {"phase": "Unavailable", "message": "NoSuchBucket"}}
    assert "is Unavailable: NoSuchBucket" in str(decide_restore(wanted, None, backup, broken).unmet_dependency)
    read_only = {**LOCATION, "spec": {"accessMode": "ReadOnly"}}
    assert decide_restore(wanted, None, backup, read_only).unmet_dependency is None


def test_restore_is_taken_with_what_velero_adds() -> None:
    wanted = WantedRestore(name="r", namespace="velero", backup_name="b", excluded_resources=["pods"])
    spec = {"backupName": "b", "excludedResources": ["pods", "nodes", "events"], "itemOperationTimeout": "4h0m0s"}
    assert not decide_restore(wanted, {"metadata": {"name": "r"}, "spec": spec}, None, None).changed
    other = {**spec, "namespaceMapping": {"a": "b"}}
    with pytest.raises(ValidationError, match="namespaceMapping is"):
        decide_restore(wanted, {"metadata": {"name": "r"}, "spec": other}, None, None)
