# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup_storage_location against a real kube-apiserver; the server's validations are written by the test."""

from __future__ import annotations

import base64
import time
from functools import partial
from typing import Any

import pytest

from tests.stack.api import BACKUP, CRD, LOCATION
from tests.support.cluster import Cluster
from tests.support.running import ModuleRunner, assert_lifecycle

MODULE = "backup_storage_location"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:us-east-1:444455556666:key/00000000-0000-0000-0000-000000000000"
SUBJECT = 'BackupStorageLocation "default"'
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def options(cluster: Cluster) -> dict[str, Any]:
    return {
        "namespace": cluster.namespace,
        "bucket": "velero-backups",
        "prefix": "production",
        "region": "us-east-1",
        "wait": False,
    }


def test_lifecycle(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    created, modified, _deleted = assert_lifecycle(
        run,
        MODULE,
        create={**options, "kms_key_id": KEY, "s3_force_path_style": True, "validation_frequency": "1m"},
        modify={**options, "server_side_encryption": "AES256", "s3_force_path_style": False, "access_mode": "ReadOnly"},
        delete={"namespace": cluster.namespace, "state": "absent"},
        state=cluster.spec,
    )
    assert created["spec"]["config"] == {"region": "us-east-1", "kmsKeyId": KEY, "s3ForcePathStyle": "true"}
    assert modified["spec"] == {
        "provider": "aws",
        "accessMode": "ReadOnly",
        "validationFrequency": "1m",
        "objectStorage": {"bucket": "velero-backups", "prefix": "production"},
        "config": {"region": "us-east-1", "serverSideEncryption": "AES256"},
    }
    assert modified["diff"]["before"]["config.kmsKeyId"] == KEY


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"object_storage_ca_cert": PEM}, id="certificate"),
        pytest.param({"object_storage_ca_cert_ref": {"name": "ca", "key": "ca.crt"}}, id="certificate reference"),
        pytest.param({"credential": {"name": "cloud", "key": "cloud"}}, id="credential"),
        pytest.param({"checksum_algorithm": ""}, id="no checksum"),
        pytest.param({"tagging": "team=backup&env=prod"}, id="tagging"),
        pytest.param(
            {"s3_url": "https://minio.example:9000", "public_url": "https://example", "profile": "p"}, id="url"
        ),
        pytest.param({"insecure_skip_tls_verify": True}, id="no verification"),
        pytest.param({"default": True, "backup_sync_period": "0"}, id="default"),
        pytest.param({"customer_key_encryption_file": "/keys/key"}, id="customer's key"),
    ],
)
def test_parameter(run: ModuleRunner, options: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Each is written once, and taken back by leaving it, or by an empty value where it is kept otherwise."""
    plain = run.ok(MODULE, **options)["spec"]
    assert run.ok(MODULE, **options, **arguments)["spec"] != plain
    assert not run.ok(MODULE, **options, **arguments)["changed"]
    empty = {name: {} if isinstance(value, dict) else "" for name, value in arguments.items()}
    empty |= {name: False for name, value in arguments.items() if isinstance(value, bool)}
    empty |= {name: "1m" for name in arguments if name == "backup_sync_period"}
    empty |= {name: "CRC32" for name in arguments if name == "checksum_algorithm"}
    assert run.ok(MODULE, **options, **empty)["changed"]
    assert not run.ok(MODULE, **options, **empty)["changed"]


def test_no_op_is_one_request(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    run.ok(MODULE, **options)
    cluster.validate("Available")
    cluster.proxy.reset()
    result = run.ok(MODULE, **{**options, "wait": True})
    assert not result["changed"]
    assert result["phase"] == "Available"
    path = f"/apis/velero.io/v1/namespaces/{cluster.namespace}/backupstoragelocations/default"
    assert cluster.proxy.requests == [f"GET {path}"]


def test_foreign_state_is_kept(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    config = {"region": "us-east-1", "kmsKeyId": KEY, "enableSharedConfig": "true", "s3ForcePathStyle": "1"}
    cluster.location(config=config, backupSyncPeriod="2m", metadata={"labels": {"team": "a"}})
    cluster.validate("Available", at="2026-01-01T00:00:00Z")
    result = run.ok(MODULE, **options, s3_force_path_style=True, customer_key_encryption_secret="velero-sse-c/key")
    assert result["diff"]["before"] == {"config.kmsKeyId": KEY}
    assert result["diff"]["after"] == {"config.customerKeyEncryptionSecret": "velero-sse-c/key"}
    found = cluster.find(LOCATION, "default")
    assert found is not None
    assert found["metadata"]["labels"] == {"team": "a"}
    assert found["status"]["lastValidationTime"] == "2026-01-01T00:00:00Z"
    assert found["spec"] == result["spec"]
    assert found["spec"]["backupSyncPeriod"] == "2m"
    assert found["spec"]["config"]["enableSharedConfig"] == "true"
    assert found["spec"]["config"]["s3ForcePathStyle"] == "1"


def test_what_means_the_same_is_no_change(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    certificate = base64.b64encode(PEM.strip().encode()).decode()
    storage = {"bucket": "velero-backups", "prefix": "/production/", "caCert": certificate}
    spec = {"objectStorage": storage, "validationFrequency": "1m0s", "provider": "velero.io/aws"}
    cluster.location(**spec)
    wanted = {
        "object_storage_ca_cert": PEM,
        "validation_frequency": "60s",
        "access_mode": "ReadWrite",
        "default": False,
    }
    assert not run.ok(MODULE, **options, **wanted, s3_force_path_style=False, s3_url="")["changed"]


def test_check_run_without_velero(run: ModuleRunner, options: dict[str, Any]) -> None:
    result = run.ok(MODULE, check=True, **{**options, "namespace": "nothing-here", "wait": True}, kms_key_id=OTHER_KEY)
    assert result["changed"]
    assert result["diff"]["after"]["config.kmsKeyId"] == OTHER_KEY


def test_missing_namespace(run: ModuleRunner, options: dict[str, Any]) -> None:
    message = run.refused(MODULE, **{**options, "namespace": "nothing-here"})
    assert 'namespaces "nothing-here" not found. Install Velero first, or name its namespace' in message


CONTRADICTIONS = [
    ({"bucket": ""}, "bucket: it is empty."),
    ({"bucket": "b/p"}, "bucket: b/p contains a slash, which Velero does not accept. Put what follows"),
    ({"provider": "gcp"}, "provider: gcp is another plugin's. Use aws;"),
    ({"s3_url": "minio:9000"}, "s3_url: minio:9000 is not an http or https URL. Write https://HOST"),
    (
        {"s3_url": "https://minio/b"},
        "s3_url: https://minio/b has a path, which Velero does not accept. Give scheme, host and port.",
    ),
    ({"public_url": "ftp://x"}, "public_url: ftp://x is not an http or https URL."),
    ({"name": "Default"}, "name: Default is not a name for Kubernetes. Give up to 253 lower-case letters, digits,"),
    (
        {"kms_key_id": KEY, "server_side_encryption": "AES256"},
        "server_side_encryption: AES256 has no effect beside kms_key_id: the plugin encrypts with aws:kms.",
    ),
    (
        {"kms_key_id": KEY, "server_side_encryption": "aws:kms:dsse"},
        "server_side_encryption: aws:kms:dsse has no effect beside kms_key_id: the plugin encrypts with aws:kms.",
    ),
    (
        {"customer_key_encryption_secret": "s/k", "server_side_encryption": "AES256"},
        "has no effect beside customer_key_encryption_secret: the plugin encrypts with the customer-provided key.",
    ),
    (
        {"server_side_encryption": "aws:kms"},
        "aws:kms without a key encrypts under the managed key aws/s3, not under the bucket's key.",
    ),
    (
        {"server_side_encryption": "aws:kms:dsse"},
        "server_side_encryption: aws:kms:dsse without a key encrypts under the managed key aws/s3",
    ),
    (
        {"kms_key_id": KEY, "customer_key_encryption_secret": "s/k"},
        "kms_key_id: it and customer_key_encryption_secret exclude each other. Give one of them.",
    ),
    ({"kms_key_id": "alias/velero"}, "kms_key_id: alias/velero is not the ARN of a key. Give the full ARN"),
    ({"kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab"}, "is not the ARN of a key. Give the full ARN of the key"),
    ({"kms_key_id": "arn:aws:kms:us-east-1:111122223333:alias/velero"}, "is not the ARN of a key."),
    (
        {"kms_key_id": "arn:aws:s3:::velero-backups"},
        "is not the ARN of a key. Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: ",
    ),
    ({"kms_key_id": KEY, "region": "eu-central-1"}, "is in us-east-1, the bucket is in eu-central-1. S3 encrypts with"),
    (
        {"customer_key_encryption_secret": "velero-sse-c"},
        "customer_key_encryption_secret: velero-sse-c does not name a key",
    ),
    ({"customer_key_encryption_file": "keys/key"}, "customer_key_encryption_file: keys/key is not an absolute path."),
    (
        {"customer_key_encryption_secret": "s/k", "s3_url": "http://s3.us-east-1.amazonaws.com"},
        "s3_url: http://s3.us-east-1.amazonaws.com is not encrypted. S3 takes a customer-provided key over TLS only",
    ),
    (
        {"tagging": "a=b"},
        "tagging: a=b is a single tag, which velero-plugin-for-aws takes for an error. Give two or more",
    ),
    (
        {"checksum_algorithm": "crc32"},
        "value of checksum_algorithm must be one of: , CRC32, CRC32C, CRC64NVME, SHA1, SHA256",
    ),
    ({"validation_frequency": "1 minute"}, "validation_frequency: 1 minute is not a duration. Write it as in 30s"),
    ({"backup_sync_period": "-1m"}, "backup_sync_period: -1m is not a duration."),
    ({"object_storage_ca_cert": "/etc/ca.crt"}, "object_storage_ca_cert: it is not a certificate in PEM form."),
    (
        {"object_storage_ca_cert": PEM, "object_storage_ca_cert_ref": {"name": "a", "key": "b"}},
        "object_storage_ca_cert: it and object_storage_ca_cert_ref exclude each other.",
    ),
    ({"credential": {"name": "cloud"}}, "parameters are required together: name, key found in credential"),
    ({"region": None}, f"region: {SUBJECT} has no Region. Give the bucket's Region;"),
]


@pytest.mark.parametrize(("arguments", "text"), CONTRADICTIONS, ids=[text[:40] for _a, text in CONTRADICTIONS])
def test_contradiction(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], arguments: dict[str, Any], text: str
) -> None:
    message = run.refused(MODULE, check=True, **{**options, **arguments})
    assert text in message
    assert len(cluster.proxy.requests) == ("has no Region" in text)


def _backups(cluster: Cluster, count: int = 1, location: str = "default") -> None:
    for number in range(count):
        spec = {"storageLocation": location}
        cluster.create(BACKUP, f"nightly-{number}", spec=spec, status={"phase": "Completed"})


CONTENTS = [
    ({}, {"bucket": "other"}, "bucket"),
    ({}, {"prefix": "other"}, "prefix"),
    ({}, {"prefix": ""}, "prefix"),
    ({}, {"s3_url": "https://other.example"}, "s3_url"),
    ({"kmsKeyId": KEY}, {"customer_key_encryption_secret": "a/b"}, "customer_key_encryption_secret"),
    ({"customerKeyEncryptionSecret": "a/b"}, {"kms_key_id": KEY}, "customer_key_encryption_secret"),
    ({"customerKeyEncryptionSecret": "a/b"}, {}, "customer_key_encryption_secret"),
    (
        {"customerKeyEncryptionSecret": "a/b"},
        {"customer_key_encryption_secret": "a/c"},
        "customer_key_encryption_secret",
    ),
    (
        {"customerKeyEncryptionFile": "/a"},
        {"server_side_encryption": "AES256"},
        "customer_key_encryption_file",
    ),
]


@pytest.mark.parametrize(("config", "arguments", "option"), CONTENTS)
@pytest.mark.parametrize("check", [True, False])
def test_what_backups_forbid(
    run: ModuleRunner,
    cluster: Cluster,
    options: dict[str, Any],
    config: dict[str, str],
    arguments: dict[str, Any],
    option: str,
    check: bool,
) -> None:
    """A location with backups is not moved and not made unreadable; an empty one is, and one with others' backups."""
    cluster.location(config={"region": "us-east-1", **config})
    before = cluster.spec()
    _backups(cluster, 7)
    message = run.refused(MODULE, check=check, **{**options, **arguments})
    names = "nightly-0, nightly-1, nightly-2, nightly-3, nightly-4 and 2 more"
    assert message.startswith(f"{option}: {SUBJECT} holds 7 backups ({names}), ")
    assert "ake a location under another name" in message
    assert cluster.spec() == before
    for number in range(7):
        cluster.patch(BACKUP, f"nightly-{number}", {"spec": {"storageLocation": "another"}})
    assert run.ok(MODULE, check=check, **{**options, **arguments})["changed"]


def test_whole_texts_of_what_backups_forbid(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location(config={"region": "us-east-1", "customerKeyEncryptionFile": "/key"})
    _backups(cluster)
    secret = {"customer_key_encryption_secret": "a/b"}
    assert run.refused(MODULE, **options, **secret) == (
        f"customer_key_encryption_secret: {SUBJECT} holds 1 backup (nightly-0), which Velero could no longer read: "
        "with a customer-provided key (SSE-C) it reads nothing else. Make a location under another name "
        "(velero_backup_location_name in the roles), with another prefix or bucket, for each customer-provided key. "
        "Where it is the same key in another place, let a task of coffer.velero.backup_storage_location with "
        "customer_provided_key_unchanged=true change it."
    )
    assert run.refused(MODULE, **options) == (
        f"customer_key_encryption_file: {SUBJECT} holds 1 backup (nightly-0), which Velero could no longer read: with "
        "a customer-provided key (SSE-C) it reads nothing else. Make a location under another name "
        "(velero_backup_location_name in the roles), with another prefix or bucket, for each customer-provided key."
    )
    assert run.refused(MODULE, **{**options, "prefix": "other"}) == (
        f"prefix: {SUBJECT} holds 1 backup (nightly-0), and Velero deletes Backup objects that it does not find in "
        "the new place. Set prefix to production to leave them where they are (velero_prefix in the roles), make a "
        "location under another name (velero_backup_location_name), or let a task of "
        "coffer.velero.backup_storage_location with allow_relocation=true change it; the objects in the old place stay."
    )
    config = run.ok(MODULE, **options, **secret, customer_provided_key_unchanged=True)["spec"]["config"]
    assert config == {"region": "us-east-1", "customerKeyEncryptionSecret": "a/b"}


def test_allowed_relocation(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """ConflictError on request; then the other key does not matter either, for nothing in the new place is older."""
    cluster.location()
    _backups(cluster)
    moved = {**options, "prefix": "new", "customer_key_encryption_secret": "a/b"}
    assert "allow_relocation=true" in run.refused(MODULE, **moved)
    assert run.ok(MODULE, **moved, allow_relocation=True)["spec"]["objectStorage"]["prefix"] == "new"


@pytest.mark.parametrize(
    "arguments",
    [{"kms_key_id": OTHER_KEY}, {"server_side_encryption": "AES256"}, {"previous_kms_key_ids": []}],
)
def test_key_that_backups_need(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], arguments: dict[str, Any]
) -> None:
    """It is given up only by who says that Velero may still use it."""
    cluster.location(config={"region": "us-east-1", "kmsKeyId": KEY})
    _backups(cluster)
    before = cluster.spec()
    for check in (True, False):
        assert run.refused(MODULE, check=check, **options, **arguments) == (
            f"kms_key_id: {SUBJECT} holds 1 backup (nightly-0), which Velero cannot read without the key {KEY} that "
            "they may be encrypted under. Let Velero's role decrypt with it and list it in previous_kms_key_ids; the "
            "roles do both for a key in velero_kms_previous_key_arns."
        )
    assert cluster.spec() == before
    arguments = {**arguments, "previous_kms_key_ids": [KEY]}
    assert run.ok(MODULE, **options, **arguments)["changed"]
    assert (cluster.spec() or {})["config"].get("kmsKeyId") == arguments.get("kms_key_id")
    cluster.proxy.reset()
    assert not run.ok(MODULE, **options, **arguments)["changed"]
    assert len(cluster.proxy.requests) == 1


def test_key_of_a_location_without_backups(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location(config={"region": "us-east-1", "kmsKeyId": KEY})
    assert run.ok(MODULE, **options, kms_key_id=OTHER_KEY)["changed"]


def test_key_that_was_named_by_an_alias(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location(config={"region": "us-east-1", "kmsKeyId": "alias/velero"})
    _backups(cluster)
    assert "named its key as alias/velero." in run.ok(MODULE, **options, kms_key_id=KEY)["warnings"][0]
    assert run.ok(MODULE, **options, kms_key_id=KEY)["warnings"] == []


def test_question_that_names_no_encryption(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """It is about the other rules: a playbook may ask before the key is known."""
    cluster.location(config={"region": "us-east-1", "kmsKeyId": KEY})
    _backups(cluster)
    assert run.ok(MODULE, check=True, **options)["warnings"] == []


@pytest.mark.parametrize("check", [True, False])
def test_not_under_a_running_backup(run: ModuleRunner, cluster: Cluster, options: dict[str, Any], check: bool) -> None:
    cluster.location()
    cluster.create(BACKUP, "nightly", spec={"storageLocation": "default"}, status={"phase": "Finalizing"})
    refused = (
        f"Backup nightly (Finalizing) is under way in {SUBJECT}, and what it writes needs key, mode and place as they "
        "are. Run the task again when it has ended."
    )
    assert run.refused(MODULE, check=check, **options, kms_key_id=KEY) == f"kms_key_id: {refused}"
    assert run.refused(MODULE, check=check, **options, require_idle=True) == f"require_idle: {refused}"
    absent = {"namespace": cluster.namespace, "state": "absent", "allow_orphaned_backups": True}
    assert refused in run.refused(MODULE, check=check, **absent)
    assert run.ok(MODULE, check=check, **options, validation_frequency="5m")["changed"]  # nothing is written otherwise
    cluster.patch(BACKUP, "nightly", {"status": {"phase": "Completed"}})
    assert run.ok(MODULE, check=check, **options, kms_key_id=KEY, require_idle=True)["changed"]


def test_where_unnamed_backups_go(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location("old", default=True)
    new = {**options, "name": "new", "wait": False}
    warning = (
        'Backups and Schedules that name no location go to BackupStorageLocation "old", not to "new". default=true '
        "(velero_default_location in the roles) changes that."
    )
    assert run.ok(MODULE, check=True, **new)["warnings"] == [warning]
    assert run.ok(MODULE, check=True, **new, default=True)["warnings"] == []
    assert run.ok(MODULE, **new)["warnings"] == [warning]
    cluster.proxy.reset()
    assert run.ok(MODULE, **new)["warnings"] == []
    assert len(cluster.proxy.requests) == 1


def test_absent_with_backups(run: ModuleRunner, cluster: Cluster) -> None:
    cluster.location()
    _backups(cluster)
    absent = {"namespace": cluster.namespace, "state": "absent"}
    message = run.refused(MODULE, check=True, **absent)
    assert message.startswith(f"state: {SUBJECT} holds 1 backup (nightly-0). Delete them first")
    assert run.ok(MODULE, **absent, allow_orphaned_backups=True)["changed"]
    assert cluster.spec() is None
    assert cluster.find(BACKUP, "nightly-0")


def test_default_beside_a_newer_default(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location()
    cluster.location("newer", default=True)
    assert run.refused(MODULE, **options, default=True) == (
        f"default: {SUBJECT} is older than newer, which is the default too, so that Velero would reset it. Let a task "
        "of coffer.velero.backup_storage_location set default=false there first."
    )
    cluster.patch(LOCATION, "newer", {"spec": {"default": False}})
    assert run.ok(MODULE, **options, default=True)["changed"]


def test_warnings(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    owner = {"apiVersion": "oadp/v1", "kind": "DataProtectionApplication", "name": "dpa", "uid": "u"}
    cluster.location(metadata={"ownerReferences": [owner]})
    assert run.ok(MODULE, **options, access_mode="ReadOnly")["warnings"] == [
        f"{SUBJECT} is also managed by DataProtectionApplication dpa, which may undo the change."
    ]


def test_credential_that_nobody_asked_for(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.location(credential={"name": "cloud", "key": "aws"})
    before = cluster.spec()
    for check in (True, False):
        assert run.refused(MODULE, check=check, **options) == (
            f"credential: {SUBJECT} has a credential of its own, aws in Secret cloud, which wins over the role of "
            "Velero's pods. Set credential={name: cloud, key: aws} to keep it, or credential={} to take it away "
            "(velero_credential in the roles)."
        )
    assert cluster.spec() == before
    assert not run.ok(MODULE, **options, credential={"name": "cloud", "key": "aws"})["changed"]
    assert "credential" not in run.ok(MODULE, **options, credential={})["spec"]


def test_waits_for_the_validation(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """A created location is awaited until the first validation, a changed one not misled by the phase of before."""
    waiting = {**options, "wait": True, "wait_timeout": 20}

    def server() -> None:
        if cluster.spec():
            cluster.validate("Available")

    with cluster.soon(1.5, server, server):  # twice, as a slow machine may have made or changed it after the first
        assert run.ok(MODULE, **waiting)["phase"] == "Available"
    with cluster.soon(1.5, server, server):
        begun = time.monotonic()
        assert run.ok(MODULE, **waiting, kms_key_id=KEY)["changed"]
    assert time.monotonic() - begun > 4


def test_unavailable(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """What only the spec can cause fails at once, anything else when it is said twice."""
    waiting = {**options, "wait": True, "wait_timeout": 20}
    cluster.location()
    wrapped = f"{SUBJECT} is unavailable: rpc error: code = Unknown desc = "
    cluster.validate("Unavailable", f"{wrapped}invalid checksum algorithm: x", at="2126-01-01T00:00:00Z")
    text = (
        f"{SUBJECT} is Unavailable: invalid checksum algorithm: x. Choose a checksum_algorithm that this plugin knows."
    )
    assert run.refused(MODULE, **waiting) == text
    assert run.ok(MODULE, check=True, **waiting)["warnings"] == [f"When this task began, {text}"]
    denied = f"{wrapped}operation error S3: ListObjectsV2, StatusCode: 403, AccessDenied"
    cluster.validate("Unavailable", denied, at="2126-01-01T00:00:01Z")
    with cluster.soon(1.5, partial(cluster.validate, "Unavailable", denied, at="2126-01-01T00:01:01Z")):
        message = run.refused(MODULE, **waiting)
    assert "AccessDenied. Velero's role needs s3:ListBucket on the bucket" in message
    with cluster.soon(1.5, partial(cluster.validate, "Available", at="2126-01-01T00:02:01Z")):
        assert run.ok(MODULE, **waiting)["phase"] == "Available"


def test_no_server(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    message = run.refused(MODULE, **{**options, "wait": True, "wait_timeout": 1})
    assert message == (
        f"{SUBJECT} was not validated within 1 s. Is the Velero server running in namespace {cluster.namespace}?"
    )


def test_cut_while_waiting(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """The next run knows that the phase it finds is older than the spec."""
    cluster.location()
    cluster.validate("Available", at="2026-01-01T00:00:00Z")
    run.ok(MODULE, **options, kms_key_id=KEY)
    message = run.refused(MODULE, **{**options, "wait": True, "wait_timeout": 1}, kms_key_id=KEY)
    assert "was not validated within 1 s" in message


@pytest.mark.parametrize("lost", [1, 2])
def test_lost_answer(run: ModuleRunner, cluster: Cluster, options: dict[str, Any], lost: int) -> None:
    cluster.proxy.lose_answer_of = lost
    result = run.ok(MODULE, **options, kms_key_id=KEY)
    assert result["changed"]
    assert cluster.spec() == result["spec"]
    assert not run.ok(MODULE, **options, kms_key_id=KEY)["changed"]


def test_unknown_field_is_an_error(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """A Velero before 1.18 would drop the reference silently."""
    name = "backupstoragelocations.velero.io"
    crd = cluster.api.get(CRD, name)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    reference = schema["objectStorage"]["properties"].pop("caCertRef")
    versions = crd["spec"]["versions"]
    cluster.api.patch(CRD, name, {"spec": {"versions": versions}})
    try:
        time.sleep(2)
        message = run.refused(MODULE, **options, object_storage_ca_cert_ref={"name": "ca", "key": "ca.crt"})
        assert 'unknown field "spec.objectStorage.caCertRef"' in message
    finally:
        schema["objectStorage"]["properties"]["caCertRef"] = reference
        cluster.api.patch(CRD, name, {"spec": {"versions": versions}})
        time.sleep(2)


def test_what_is_said_of_a_location(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """Also in check mode, of the location as it is so far."""
    new = run.ok(MODULE, check=True, **options)
    assert (new["previous_spec"], new["annotations"], new["phase"]) == (None, {}, None)
    theirs = cluster.location(metadata={"annotations": {"example.com/owner": "platform"}})
    cluster.validate("Available")
    for check in (True, False):
        told = run.ok(MODULE, check=check, **options, access_mode="ReadOnly")
        assert told["previous_spec"] == theirs["spec"]
        assert told["annotations"] == {"example.com/owner": "platform"}
        assert told["phase"] == "Available"
