# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders that are carried out once: what agrees with what is there, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._velero.backup import DesiredBackup, decide_backup
from tests.support.refusal import refusal

LOCATION = {"metadata": {"name": "default"}, "spec": {"default": True}, "status": {"phase": "Available"}}


def backup(**more: Any) -> DesiredBackup:
    return DesiredBackup(name="b", namespace="velero", **more)


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


@pytest.mark.parametrize(("desired", "present"), AGREE)
def test_taken(desired: dict[str, Any], present: dict[str, Any]) -> None:
    plan = decide_backup(backup(**desired), there(**present), None)
    assert not plan.changed
    assert plan.result["spec"] == present


@pytest.mark.parametrize(("desired", "present", "text"), DIFFER)
def test_refused(desired: dict[str, Any], present: dict[str, Any], text: str) -> None:
    message = refusal(decide_backup, backup(**desired), there(**present), None)
    assert message.startswith('name: Backup "b" exists with another spec (')
    assert text in message


def test_made() -> None:
    plan = decide_backup(backup(included_namespaces=["shop"], snapshot_volumes=False), None, LOCATION)
    (step,) = plan.steps
    assert step.action == "POST /apis/velero.io/v1/namespaces/velero/backups"
    assert step.arguments["body"]["spec"] == {"includedNamespaces": ["shop"], "snapshotVolumes": False}
    assert plan.diff["after"] == {"includedNamespaces": ["shop"], "snapshotVolumes": False}
    assert plan.unmet_dependency is None


def test_deleting_is_not_taken() -> None:
    for item in (there("Deleting"), {"metadata": {"name": "b", "deletionTimestamp": "now"}}):
        with pytest.raises(ValidationError, match="is being deleted"):
            decide_backup(backup(), item, None)


@pytest.mark.parametrize("option", ["ttl", "item_operation_timeout"])
def test_durations(option: str) -> None:
    with pytest.raises(ValidationError, match=f"{option}: 30 days is not a duration. Write it as in 30s"):
        backup(**{option: "30 days"}).refuse_contradictions()
