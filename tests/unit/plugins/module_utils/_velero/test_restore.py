# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore needs, and which one is taken."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._velero.restore import DesiredRestore, decide_restore

LOCATION = {"metadata": {"name": "default"}, "spec": {"default": True}, "status": {"phase": "Available"}}


def there(phase: str = "Completed", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b"}, "spec": spec, "status": {"phase": phase}}


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
    desired = DesiredRestore(name="r", namespace="velero", backup_name="b")
    unmet_dependency = decide_restore(desired, None, there(phase), LOCATION).unmet_dependency
    assert (unmet_dependency is None) == (text is None)
    assert text is None or text in str(unmet_dependency)


def test_restore_needs_the_location() -> None:
    """One that is read-only will do."""
    desired = DesiredRestore(name="r", namespace="velero", backup_name="b")
    backup = there(storageLocation="x")
    assert 'backup_name: BackupStorageLocation "x" does not exist' in str(
        decide_restore(desired, None, backup, None).unmet_dependency
    )
    broken = {"metadata": {"name": "x"}, "status": {"phase": "Unavailable", "message": "NoSuchBucket"}}
    assert "is Unavailable: NoSuchBucket" in str(decide_restore(desired, None, backup, broken).unmet_dependency)
    read_only = {**LOCATION, "spec": {"accessMode": "ReadOnly"}}
    assert decide_restore(desired, None, backup, read_only).unmet_dependency is None


def test_restore_is_taken_with_what_velero_adds() -> None:
    desired = DesiredRestore(name="r", namespace="velero", backup_name="b", excluded_resources=["pods"])
    spec = {"backupName": "b", "excludedResources": ["pods", "nodes", "events"], "itemOperationTimeout": "4h0m0s"}
    assert not decide_restore(desired, {"metadata": {"name": "r"}, "spec": spec}, None, None).changed
    other = {**spec, "namespaceMapping": {"a": "b"}}
    with pytest.raises(ValidationError, match="namespaceMapping is"):
        decide_restore(desired, {"metadata": {"name": "r"}, "spec": other}, None, None)
