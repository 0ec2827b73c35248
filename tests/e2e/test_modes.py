# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All four modes from an empty account to a restored backup: ``site.yml``, the real Velero, its plugin and kopia.

On moto Velero has nothing but its role (IRSA). What is proven: the location is Available, a backup and its restore
complete, and every object, kopia's too, is in the algorithm, under the key and with the Bucket Key of the mode; a
second run changes nothing. What is not: moto encrypts nothing, and asks nobody whether he may (tests of access do).
That DSSE-KMS has two layers is AWS's word, whatever the emulator.

SeaweedFS does encrypt what it stores, with keys that moto's KMS makes. It knows no roles, so Velero gets its static
keys by a ``credential`` that the location has beforehand and the playbook keeps; and it knows neither public access
blocks nor the SSE-C block, so the playbook runs against a bucket of the same name on moto, and SeaweedFS's gets the
same default encryption by the same module. What is proven there: SSE-KMS and SSE-C are on the disk; the plugin reads
the customer's key from the Secret as Velero's ServiceAccount; nobody reads an object without it. What is not: that AWS
lets SSE-C through once it is not blocked (only the rule is), and only over TLS; Bucket Keys, DSSE-KMS and SSE-S3, which
SeaweedFS does not know, and how AWS words that a key is disabled: SeaweedFS says 500, and the words to its log.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, sandbox
from tests.stack.api import LOCATION, POD, SECRET
from tests.support.emulators import Moto, SeaweedFS
from tests.support.installation import REFUSED, Encryption, Installation, customer_key_arguments, open_shop
from tests.support.running import run_in_controller

Install = Callable[..., Installation]


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        yield moto


@pytest.fixture(scope="module")
def weed(moto: Moto) -> Iterator[SeaweedFS]:
    with SeaweedFS(kms=moto) as weed:
        yield weed


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), moto) as stack:
        open_shop(stack)
        yield stack


# --- what is written, on moto -------------------------------------------------------------------------------------

MODES = {
    "sse-s3": Encryption("AES256"),
    "sse-kms": Encryption("aws:kms", "KEY", bucket_key=True),
    "sse-kms-each": Encryption("aws:kms", "KEY"),
    "dsse-kms": Encryption("aws:kms:dsse", "KEY"),
}
VARIABLES: dict[str, dict[str, Any]] = {"sse-kms-each": {"velero_bucket_key_enabled": False}}


@pytest.mark.parametrize("name", MODES)
def test_mode(moto: Moto, stack: Stack, tmp_path: Path, name: str) -> None:
    variables = {"velero_encryption_mode": name.removesuffix("-each"), **VARIABLES.get(name, {})}
    installation = Installation(tmp_path, stack, moto, name, moto, variables=variables)
    made = installation.install()
    assert made["backup_storage_location"]["phase"] == "Available"
    assert installation.changed() == set()

    installation.complete_backup(name)
    installation.restore(name, f"{name}-again")
    installation.write_volume_data()

    expected = MODES[name]
    if expected.key:
        expected = expected._replace(key=made["kms_key"]["key_arn"])
    found = installation.encryptions()
    assert {key: encryption for key, encryption in found.items() if encryption != expected} == {}
    assert {key.split("/")[1] for key in found} == {"backups", "restores", "kopia"}


def test_velero_had_nothing_but_its_role(moto: Moto, stack: Stack) -> None:
    """The role was given once, and each location's policy was added to it."""
    (pod,) = stack.api.list(POD, stack.namespace, labelSelector="deploy=velero")
    variables = {item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]}
    assert variables["AWS_ROLE_ARN"] == "arn:aws:iam::123456789012:role/velero"
    assert not {"AWS_SHARED_CREDENTIALS_FILE", "AWS_ACCESS_KEY_ID"} & set(variables)
    assert [item for item in stack.api.list(LOCATION, stack.namespace) if "credential" in item["spec"]] == []
    attached = moto.client("iam").list_attached_role_policies(RoleName="velero")["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} == {f"velero-{name}" for name in MODES}


# --- what is on the disk, on SeaweedFS ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_weed(moto: Moto, weed: SeaweedFS, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """A location with the static keys that SeaweedFS knows, before the playbook has seen it."""
    file = f"[default]\naws_access_key_id={weed.access_key}\naws_secret_access_key={weed.secret_key}\n"
    secret = {"metadata": {"name": "seaweedfs"}, "stringData": {"cloud": file}}
    stack.api.create(SECRET, secret, stack.namespace)

    def install(name: str, **variables: Any) -> Installation:
        installation = Installation(tmp_path_factory.mktemp(name), stack, moto, name, weed, variables=variables)
        bucket = installation.variables["velero_bucket"]
        weed.client("s3").create_bucket(Bucket=bucket)
        spec = {
            "provider": "aws",
            "objectStorage": {"bucket": bucket, "prefix": installation.variables["velero_prefix"]},
            "config": {"region": weed.region, "s3Url": weed.url, "s3ForcePathStyle": "true"},
            "credential": {"name": "seaweedfs", "key": "cloud"},
        }
        stack.create(LOCATION, name, spec)
        return installation

    return install


def encrypt_by_default(installation: Installation, key_arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SeaweedFS's bucket as moto's: the same module, pointed at another S3."""
    for name, value in {**installation.aws.environment, "AWS_ENDPOINT_URL_S3": installation.store.url}.items():
        monkeypatch.setenv(name, value)
    options = {"bucket": installation.variables["velero_bucket"], "region": installation.aws.region}
    options |= {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn}
    assert run_in_controller("s3_bucket_encryption", options, check=False)["changed"]
    assert not run_in_controller("s3_bucket_encryption", options, check=False)["changed"]


def readable_on_disk(weed: SeaweedFS, bucket: str, keys: Iterable[str], **headers: str) -> list[str]:
    """The objects a piece of whose content, as S3 hands it out, can be found in SeaweedFS's files."""
    disk = [path.read_bytes() for path in (weed.directory / "data").rglob("*.dat")]
    s3 = weed.client("s3")
    pieces = {key: s3.get_object(Bucket=bucket, Key=key, **headers)["Body"].read()[-64:] for key in keys}
    return [key for key, piece in pieces.items() if len(piece) > 20 and any(piece in file for file in disk)]


def test_what_is_on_the_disk_can_be_found(weed: SeaweedFS) -> None:
    """The control of the tests below: an object that is not encrypted is there to be read."""
    s3 = weed.client("s3")
    s3.create_bucket(Bucket="control")
    s3.put_object(Bucket="control", Key="object", Body=bytes(range(256)) * 8)
    assert readable_on_disk(weed, "control", ["object"]) == ["object"]


@pytest.fixture(scope="module")
def kms(on_weed: Install) -> Installation:
    return on_weed("weed-kms", velero_kms_alias="alias/weed")


def test_sse_kms_encrypts(moto: Moto, weed: SeaweedFS, kms: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kms.install()
    key_arn = made["kms_key"]["key_arn"]
    assert made["backup_storage_location"]["phase"] == "Available"
    encrypt_by_default(kms, key_arn, monkeypatch)
    assert kms.changed() == set()

    kms.complete_backup("weed-kms")
    kms.restore("weed-kms", "weed-kms-again")
    kms.write_volume_data()

    found = kms.encryptions()
    assert {(encryption.algorithm, encryption.key) for encryption in found.values()} == {("aws:kms", key_arn)}
    assert {key.split("/")[1] for key in found} == {"backups", "restores", "kopia"}
    assert readable_on_disk(weed, kms.variables["velero_bucket"], found) == []


def test_disabled_key_fails_the_backup(moto: Moto, weed: SeaweedFS, kms: Installation) -> None:
    """Velero says that it cannot write, SeaweedFS's log says why, and so does the playbook, which changes nothing."""
    (key_arn,) = {encryption.key for encryption in kms.encryptions("backups/").values()}
    moto.client("kms").disable_key(KeyId=key_arn)
    try:
        status = kms.back_up("disabled")["status"]
        assert status["phase"] == "Failed"
        assert "error putting object production/backups/disabled/velero-backup.json" in status["failureReason"]
        assert f"{key_arn} is disabled." in weed.log(), "KMS's words"
        assert kms.stack.wait_location(kms.name, "Available", touch=True), "validation only lists"
        assert f"{key_arn} is disabled. Find out who disabled it" in kms.refused()
    finally:
        moto.client("kms").enable_key(KeyId=key_arn)
    kms.complete_backup("enabled-again")


# --- a customer's key ---------------------------------------------------------------------------------------------

TEXT = 'Secret "velero-sse-c/key" in namespace velero gets a new random key. Keep a copy of it outside this cluster'


@pytest.fixture(scope="module")
def customer(stack: Stack, on_weed: Install) -> Installation:
    if not sandbox.allowed(stack.logs):
        pytest.skip("user namespaces are not allowed here: the plugin finds no cluster around it")
    return on_weed("weed-c", velero_encryption_mode="sse-c")


def test_sse_c_without_a_key_is_refused(moto: Moto, stack: Stack, customer: Installation) -> None:
    """In the first place: no bucket is made, no policy, and the location stays."""
    before = customer.location["spec"]
    message = customer.refused()
    assert message.startswith(
        'secret: Secret "velero-sse-c/key" does not exist in namespace velero. Make it: head -c 32'
    )
    assert "without it the backups are lost. create_if_missing=true creates a random key once." in message
    assert customer.location["spec"] == before
    names = [bucket["Name"] for bucket in moto.client("s3").list_buckets()["Buckets"]]
    assert customer.variables["velero_bucket"] not in names
    policies = moto.client("iam").list_policies(Scope="Local")["Policies"]
    assert "velero-weed-c" not in {policy["PolicyName"] for policy in policies}
    assert stack.api.find(SECRET, "velero-sse-c", stack.namespace) is None


def test_sse_c_encrypts(moto: Moto, weed: SeaweedFS, stack: Stack, customer: Installation) -> None:
    generating = customer.with_(velero_sse_c_create_if_missing=True)
    made = generating.install()
    (warning,) = made["sse_c_secret"]["warnings"]
    assert warning.startswith(TEXT)
    assert "every backup that is written with it is lost" in warning
    assert made["backup_storage_location"]["phase"] == "Available"
    key = customer_key(stack)

    again = {line["action"].rpartition(".")[2]: line["result"] for line in generating.site.run()}
    assert [module for module, result in again.items() if result["changed"]] == []
    assert "warnings" not in again["sse_c_secret"]
    assert customer_key(stack) == key, "made once"
    assert customer.changed() == set(), "nor does anything hang on generate now"

    customer.complete_backup("weed-c")
    customer.restore("weed-c", "weed-c-again")
    volume_data = customer.write_volume_data()

    bucket = customer.variables["velero_bucket"]
    rule = moto.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["NONE"]}
    for under in ("backups/", "restores/"):
        without, with_key = customer.encryptions(under), customer.encryptions(under, key)
        assert set(without.values()) == {REFUSED}
        assert set(with_key.values()) == {Encryption("customer:AES256")}
        assert set(customer.encryptions(under, bytes(32)).values()) == {REFUSED}, "another key"
        assert readable_on_disk(weed, bucket, with_key, **customer_key_arguments(key)) == []
    # Velero gives no customer's key to kopia; on AWS the bucket's default, AES256, encrypts what it writes.
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert REFUSED not in customer.encryptions(volume_data.removeprefix("production/")).values()


def customer_key(stack: Stack) -> bytes:
    key = base64.b64decode(stack.api.get(SECRET, "velero-sse-c", stack.namespace)["data"]["key"])
    assert len(key) == 32
    return key
