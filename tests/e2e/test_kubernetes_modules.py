# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes modules with the real Velero server, its plugin, and a pod that takes its role when it is created."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack
from tests.stack.api import BACKUP, CONFIG_MAP, LOCATION, NAMESPACE
from tests.support.emulators import Moto
from tests.support.running import ModuleRunner

BUCKET = "velero-backups"
ROLE = "arn:aws:iam::123456789012:role/velero"
SUBJECT = 'BackupStorageLocation "{}"'


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        moto.client("s3").create_bucket(Bucket=BUCKET)
        yield moto


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), moto) as stack:
        stack.api.create(NAMESPACE, {"metadata": {"name": "shop"}})
        stack.api.create(CONFIG_MAP, {"metadata": {"name": "price"}, "data": {"euro": "1"}}, "shop")
        os.environ["KUBECONFIG"] = str(stack.kubeconfig)
        yield stack
        del os.environ["KUBECONFIG"]


@pytest.fixture(scope="module")
def module() -> ModuleRunner:
    return ModuleRunner("module")


def _options(moto: Moto, name: str, **more: Any) -> dict[str, Any]:
    place = {"bucket": BUCKET, "prefix": name, "region": moto.region, "s3_url": moto.url, "s3_force_path_style": True}
    return {"name": name, **place, "wait_timeout": 60, "validation_frequency": "5s", **more}


def test_identity(stack: Stack, module: ModuleRunner) -> None:
    """The role reaches the pod by the rollout, and the server answers when the task is done."""
    result = module.ok("velero_identity", role_arn=ROLE, wait_timeout=90)
    assert result["restarted"] == ["Deployment/velero"]
    assert result["server_version"] == "v1.18.3"
    again = module.ok("velero_identity", role_arn=ROLE)
    assert not again["changed"]
    assert "server_version" not in again


def test_location_becomes_available(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    key = moto.client("kms").create_key()["KeyMetadata"]["Arn"]
    created = module.ok("backup_storage_location", **_options(moto, "kms", kms_key_id=key))
    assert created["phase"] == "Available"
    again = module.ok("backup_storage_location", **_options(moto, "kms", kms_key_id=key))
    assert not again["changed"]
    backup = stack.backup("first", ["shop"], location="kms")
    assert backup["status"]["phase"] == "Completed"
    objects = moto.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="kms/backups/first/")["Contents"]
    heads = [moto.client("s3").head_object(Bucket=BUCKET, Key=item["Key"]) for item in objects]
    assert {head["SSEKMSKeyId"] for head in heads} == {key}


def test_mode_switch_with_backups(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    """From a key to the bucket's default, without a leftover; the backup stays; the customer's key is refused."""
    options = _options(moto, "kms")
    key = stack.api.get(LOCATION, "kms", stack.namespace)["spec"]["config"]["kmsKeyId"]
    message = module.refused("backup_storage_location", **options, server_side_encryption="AES256")
    assert f"holds 1 backup (first), which Velero cannot read without the key {key}" in message
    options["previous_kms_key_ids"] = [key]
    assert module.ok("backup_storage_location", **options, server_side_encryption="AES256")["phase"] == "Available"
    config = stack.api.get(LOCATION, "kms", stack.namespace)["spec"]["config"]
    assert "kmsKeyId" not in config
    message = module.refused("backup_storage_location", **options, customer_key_encryption_secret="velero-sse-c/key")
    assert "holds 1 backup (first), which Velero could no longer read" in message
    assert stack.api.find(BACKUP, "first", stack.namespace)


def test_customer_key(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    """The plugin's own word on a Secret that is missing, and on one that the module made."""
    options = _options(moto, "customer", customer_key_encryption_secret="velero-sse-c/key")
    message = module.refused("backup_storage_location", **options)
    assert "failed to get secret velero/velero-sse-c" in message
    assert "coffer.velero.sse_c_secret does." in message
    module.ok("sse_c_secret", secret="velero-sse-c/key", create_if_missing=True)
    result = module.ok("backup_storage_location", **options)
    assert not result["changed"]
    assert result["phase"] == "Available"


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "bucket": ({"bucket": "nowhere"}, "Correct bucket and s3_url, or make the bucket"),
    "endpoint": ({"s3_url": "http://127.0.0.1:9"}, "Velero's pod does not reach the endpoint"),
    "file": ({"customer_key_encryption_file": "/nowhere"}, "Mount the Secret at that path in the Deployment of Velero"),
    "credential": ({"credential": {"name": "nothing", "key": "cloud"}}, "Make the Secret that credential names."),
    "ca": ({"object_storage_ca_cert_ref": {"name": "nothing", "key": "ca"}}, "object_storage_ca_cert_ref names."),
}


def test_unavailable(stack: Stack, moto: Moto, module: ModuleRunner, subtests: pytest.Subtests) -> None:
    """What the real server says of a location that nobody waited for is told by the next run, with its remediation."""
    try:
        for name, (arguments, _text) in BROKEN.items():
            module.ok("backup_storage_location", **{**_options(moto, name), **arguments, "wait": False})
        for name, (arguments, text) in BROKEN.items():
            with subtests.test(name):
                message = module.refused("backup_storage_location", **{**_options(moto, name), **arguments})
                assert message.startswith(f"{SUBJECT.format(name)} is Unavailable: ")
                assert text in message
    finally:
        for name in BROKEN:
            module.ok("backup_storage_location", name=name, state="absent")


def test_foreign_objects_under_the_prefix(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    moto.client("s3").put_object(Bucket=BUCKET, Key="logs/AWSLogs/x", Body=b"")
    message = module.refused("backup_storage_location", **_options(moto, "logs"))
    assert "invalid top-level directories" in message
    assert "Move what is not Velero's" in message
    moto.client("s3").delete_object(Bucket=BUCKET, Key="logs/AWSLogs/x")
    assert module.ok("backup_storage_location", **_options(moto, "logs"))["phase"] == "Available"


def test_foreign_key_of_the_plugin(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    """A misspelled key that somebody left in the spec is refused before the plugin says so."""
    module.ok("backup_storage_location", **_options(moto, "misspelled"))
    stack.api.patch(LOCATION, "misspelled", {"spec": {"config": {"kmsKeyID": "x"}}}, stack.namespace)
    message = module.refused("backup_storage_location", **_options(moto, "misspelled"))
    assert "has kmsKeyID in its config, which Velero's plugin for AWS does not know." in message


def test_identity_is_taken_away(stack: Stack, module: ModuleRunner) -> None:
    assert "has the role by which Velero reaches" in module.refused("velero_identity", state="absent")
    options = {"state": "absent", "replace_role": True, "wait_timeout": 90}
    assert module.ok("velero_identity", **options)["restarted"] == ["Deployment/velero"]
    assert not module.ok("velero_identity", state="absent")["changed"]
