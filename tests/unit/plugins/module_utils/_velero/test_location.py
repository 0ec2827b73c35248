# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a BackupStorageLocation."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.location import (
    DesiredLocation,
    Validation,
    delete_location,
)
from tests.support.location import current_location, plan_location
from tests.support.refusal import refusal

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PATH = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations"


def test_create() -> None:
    plan = plan_location(None, kms_key_id=KEY, s3_force_path_style=True, insecure_skip_tls_verify=False, default=False)
    (step,) = plan.steps
    assert step.action == f"POST {PATH}"
    assert step.arguments["body"] == {
        "apiVersion": "velero.io/v1",
        "kind": "BackupStorageLocation",
        "metadata": {"name": "default", "namespace": "velero"},
        "spec": {
            "provider": "aws",
            "objectStorage": {"bucket": "b", "prefix": "p"},
            "config": {"region": "us-east-1", "kmsKeyId": KEY, "s3ForcePathStyle": "true"},
        },
    }


PATCHES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # from one mode to another: explicit nulls for what must go
    ({"config": {"kmsKeyId": KEY}}, {}, {"config": {"kmsKeyId": None}}),
    (
        {"config": {"kmsKeyId": KEY}},
        {"server_side_encryption": "AES256"},
        {"config": {"kmsKeyId": None, "serverSideEncryption": "AES256"}},
    ),
    (
        {"config": {"customerKeyEncryptionSecret": "s/k"}},
        {"kms_key_id": KEY},
        {"config": {"customerKeyEncryptionSecret": None, "kmsKeyId": KEY}},
    ),
    (
        {"config": {"kmsKeyId": KEY, "serverSideEncryption": "aws:kms"}},
        {"kms_key_id": KEY},
        {"config": {"serverSideEncryption": None}},
    ),
    # one certificate takes the other away
    (
        {"objectStorage": {"bucket": "b", "prefix": "p", "caCert": "eA=="}},
        {"object_storage_ca_cert_ref": {"name": "s", "key": "k"}},
        {"objectStorage": {"caCert": None, "caCertRef": {"name": "s", "key": "k"}}},
    ),
    ({"config": {"s3Url": "https://a"}}, {"s3_url": ""}, {"config": {"s3Url": None}}),
    ({"config": {"s3ForcePathStyle": "T"}}, {"s3_force_path_style": False}, {"config": {"s3ForcePathStyle": None}}),
    ({}, {"checksum_algorithm": ""}, {"config": {"checksumAlgorithm": ""}}),
    ({"credential": {"name": "s", "key": "k"}}, {"credential": {"name": None, "key": None}}, {"credential": None}),
    ({"default": True}, {"default": False}, {"default": False}),
    ({"accessMode": "ReadOnly"}, {"access_mode": "ReadWrite"}, {"accessMode": "ReadWrite"}),
    ({}, {"prefix": ""}, {"objectStorage": {"prefix": None}}),
]


@pytest.mark.parametrize(("current", "desired", "patch"), PATCHES)
def test_change(current: dict[str, Any], desired: dict[str, Any], patch: dict[str, Any]) -> None:
    plan = plan_location(current_location(**current), **desired)
    (step,) = plan.steps
    assert step.action == f"PATCH {PATH}/default"
    assert step.arguments["body"] == {"metadata": {"resourceVersion": "7"}, "spec": patch}


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"config": {"unmanaged": "x", "s3Url": "https://a", "checksumAlgorithm": ""}, "accessMode": "ReadOnly"}, {}),
    ({"provider": "velero.io/aws"}, {}),
    ({"config": {"s3Url": "https://minio/"}}, {"s3_url": "https://minio"}),
    ({"objectStorage": {"bucket": "b", "prefix": "/p/"}}, {"prefix": "p/"}),
    ({"config": {"s3ForcePathStyle": "1"}}, {"s3_force_path_style": True}),
    ({"config": {"s3ForcePathStyle": "false"}}, {"s3_force_path_style": False}),
    ({"credential": {"name": "s", "key": "k", "optional": False}}, {"credential": {"name": "s", "key": "k"}}),
    ({"validationFrequency": "1h0m0s"}, {"validation_frequency": "60m"}),
    ({"backupSyncPeriod": "0s"}, {"backup_sync_period": "0"}),
    ({}, {"access_mode": "ReadWrite", "default": False, "credential": {}, "s3_url": ""}),
]


@pytest.mark.parametrize(("current", "desired"), SAME)
def test_no_change(current: dict[str, Any], desired: dict[str, Any]) -> None:
    plan = plan_location(current_location(**current), **desired)
    assert not plan.changed
    assert plan.result["spec"] == current_location(**current)["spec"]


def test_delete() -> None:
    desired = DesiredLocation(name="default", namespace="velero")
    assert not delete_location(desired, None).changed
    plan = delete_location(desired, current_location())
    assert [step.action for step in plan.steps] == [f"DELETE {PATH}/default"]
    assert plan.diff["after"] == {}


def test_warnings() -> None:
    assert "in China" in plan_location(None, region="cn-north-1").warnings[0]
    assert not plan_location(None, region="cn-north-1", s3_url="https://s3.cn-north-1.amazonaws.com.cn").warnings
    labels = {"labels": {"app.kubernetes.io/managed-by": "Helm"}}
    helm = {**current_location(), "metadata": {"resourceVersion": "7", **labels}}
    assert plan_location(helm, access_mode="ReadOnly").warnings == (
        'BackupStorageLocation "default" is also managed by Helm, which may undo the change.',
    )
    assert not plan_location(helm).warnings


STATIC: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"credential": {"name": "cloud", "key": "aws"}},
        {},
        "credential: {} has a credential of its own, aws in Secret cloud, which wins over the role of Velero's pods. "
        "Set credential={{name: cloud, key: aws}} to keep it, or credential={{}} to take it away (velero_credential in "
        "the roles).",
    ),
    (
        {"config": {"credentialsFile": "/credentials/cloud"}},
        {"profile": ""},
        "credential: {} has a credentials file of its own, /credentials/cloud, which wins over the role of Velero's "
        "pods. Set credential={{}} to take it away (velero_credential in the roles); what is to stay belongs into a "
        "Secret that credential names.",
    ),
    (
        {"config": {"profile": "backup"}},
        {"credential": {}},
        "profile: {} has a profile of its own, backup, which wins over the role of Velero's pods. "
        "Set profile=backup to keep it, or profile='' to take it away (velero_credential_profile in the roles).",
    ),
]


@pytest.mark.parametrize(("current", "desired", "text"), STATIC)
def test_credential_that_nobody_asked_for(current: dict[str, Any], desired: dict[str, Any], text: str) -> None:
    assert refusal(plan_location, current_location(**current), **desired) == text.format(
        'BackupStorageLocation "default"'
    )
    elsewhere = current_location(**{**current, "config": {"s3Url": "https://minio", **current.get("config", {})}})
    assert not plan_location(elsewhere, **{**desired, "credential": None, "profile": None}).changed


def test_credential_that_the_task_names() -> None:
    """Kept or taken away; the file that Velero would replace by that of the credential goes in both cases."""
    credential = {"name": "cloud", "key": "aws"}
    current = current_location(
        credential=credential, config={"profile": "backup", "credentialsFile": "/credentials/cloud"}
    )
    kept = plan_location(current, credential=credential)
    assert [difference.name for difference in kept.differences] == ["config.credentialsFile"]
    gone = plan_location(current, credential={}, profile="")
    assert gone.result["spec"] == current_location()["spec"]


@pytest.mark.parametrize("key", ["kmsKeyID", "kmskeyid", "S3Url", "serversideencryption", "CACert"])
def test_key_that_differs_in_case_is_refused_before_velero_says_so(key: str) -> None:
    text = refusal(plan_location, current_location(config={key: "x"}))
    assert f"has {key} in its config, which Velero's plugin for AWS does not know. Remove it: kubectl" in text
    assert not plan_location(current_location(config={"ofAnotherVersion": "x", "signatureVersion": "4"})).changed


def _entry(manager: str, time: str, *fields: str) -> dict[str, Any]:
    return {"manager": manager, "time": time, "fieldsV1": {name: {} for name in fields}}


@pytest.mark.parametrize(
    ("entries", "validated", "outdated"),
    [
        ([], None, False),
        ([_entry("coffer.velero", "2026-01-01T00:00:05Z", "f:spec")], None, True),
        ([_entry("coffer.velero", "2026-01-01T00:00:05Z", "f:spec")], "2026-01-01T00:00:04Z", True),
        ([_entry("coffer.velero", "2026-01-01T00:00:05Z", "f:spec")], "2026-01-01T00:00:05Z", False),
        # the server's entry is renewed after each validation, even if it once wrote spec.default
        ([_entry("velero-server", "2026-01-01T00:00:05Z", "f:spec", "f:status")], "2026-01-01T00:00:04Z", False),
        ([_entry("kubectl", "2026-01-01T00:00:05Z", "f:metadata")], "2026-01-01T00:00:04Z", False),
    ],
)
def test_validation(entries: list[dict[str, Any]], validated: str | None, outdated: bool) -> None:
    status = {"phase": "Available", "lastValidationTime": validated}
    location = {"metadata": {"managedFields": entries}, "status": status}
    assert Validation.of(location) == Validation("Available", validated, "", outdated)
