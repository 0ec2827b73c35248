# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another mode, key or place for a location that holds backups: done right, or refused before anything is changed.

With the real Velero under its role, on moto, which judges by the bucket policy, and not by IAM or the key policy: that
the role may still read what is under an old key is shown by the statement in that key's policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack
from tests.stack.api import DEPLOYMENT, LOCATION, SECRET, Json
from tests.support.emulators import Moto
from tests.support.installation import Encryption, Installation, open_shop
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        yield moto


@pytest.fixture(scope="module")
def proxy(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), moto) as stack:
        open_shop(stack)
        yield stack


# --- done right ---------------------------------------------------------------------------------------------------

#: What each step asks for, what the location and the bucket's rule say then, and which modules have something to do.
IN_LOCATION = {"s3_bucket_encryption", "s3_bucket_policy", "backup_storage_location"}
STEPS: list[tuple[str, dict[str, Any], dict[str, str], str, set[str]]] = [
    ("dsse", {"velero_encryption_mode": "dsse-kms"}, {}, "aws:kms:dsse", IN_LOCATION),
    ("kms-again", {}, {"kmsKeyId": "KEY"}, "aws:kms", IN_LOCATION),
    (
        "key-b",
        {"velero_kms_alias": "alias/b"},
        {"kmsKeyId": "KEY"},
        "aws:kms",
        {*IN_LOCATION, "kms_key", "kms_key_policy", "iam_policy"},
    ),
    (
        "s3",
        {"velero_encryption_mode": "sse-s3"},
        {"serverSideEncryption": "AES256"},
        "AES256",
        {*IN_LOCATION, "iam_policy"},
    ),
]
LEAVES_A_KEY = ("key-b", "s3")
ENCRYPTION = ("kmsKeyId", "serverSideEncryption", "customerKeyEncryptionSecret", "customerKeyEncryptionFile")


@pytest.fixture(scope="module")
def live(moto: Moto, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The location that is switched, with its first backup."""
    directory = tmp_path_factory.mktemp("live")
    live = Installation(directory, stack, moto, "live", moto, variables={"velero_kms_alias": "alias/a"})
    live.install()
    live.complete_backup("first")
    live.write_volume_data("before")
    return live


@pytest.mark.parametrize(("name", "variables", "config", "algorithm", "modules"), STEPS, ids=[s[0] for s in STEPS])
def test_switch(
    moto: Moto,
    live: Installation,
    name: str,
    variables: dict[str, Any],
    config: dict[str, str],
    algorithm: str,
    modules: set[str],
) -> None:
    before = live.encryptions()
    wanted = live.with_(**variables)
    if name in LEAVES_A_KEY:
        key = live.location["spec"]["config"]["kmsKeyId"]
        told = f"which Velero cannot read without the key {key} that they may be encrypted under. "
        assert told in wanted.refused()
        under = {encryption.key for encryption in before.values() if encryption.key}
        assert key in under
        wanted = wanted.with_(velero_kms_previous_key_arns=sorted(under))
    made = wanted.install()
    assert {module for module, result in made.items() if result["changed"]} == modules
    assert made["backup_storage_location"]["phase"] == "Available"
    key_arn = made.get("kms_key", {}).get("key_arn")

    expected = {option: key_arn if value == "KEY" else value for option, value in config.items()}
    assert {k: v for k, v in live.location["spec"]["config"].items() if k in ENCRYPTION} == expected
    assert rule_of(live)["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": algorithm,
        **({"KMSMasterKeyID": key_arn} if key_arn else {}),
    }
    assert denial_of(live, "DenyOtherAlgorithm")["StringNotEquals"] == {"s3:x-amz-server-side-encryption": algorithm}
    if key_arn:
        (denied,) = denial_of(live, "DenyOtherKey")["StringNotEquals"].values()
        assert denied == key_arn

    live.complete_backup(name)
    live.write_volume_data(name)
    live.restore("first", f"first-after-{name}")
    after = live.encryptions()
    assert {key: after[key] for key in before if not changeable(key)} == {
        key: encryption for key, encryption in before.items() if not changeable(key)
    }, "what was there stays as it was"
    new = {encryption for key, encryption in after.items() if key not in before}
    assert new == {Encryption(algorithm, key_arn, bucket_key=algorithm == "aws:kms")}
    assert wanted.changed() == set()


def changeable(key: str) -> bool:
    """Whether Velero writes an object again while it restores."""
    return "/restores/" in key


def rule_of(installation: Installation) -> dict[str, Any]:
    bucket = installation.variables["velero_bucket"]
    answer = installation.aws.client("s3").get_bucket_encryption(Bucket=bucket)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return dict(rule)


def denial_of(installation: Installation, purpose: str) -> dict[str, Any]:
    bucket = installation.variables["velero_bucket"]
    policy = json.loads(installation.aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    (statement,) = (one for one in policy["Statement"] if one["Sid"].startswith(f"Velero{purpose}"))
    return dict(statement["Condition"])


def test_role_may_still_use_the_old_keys(moto: Moto, live: Installation) -> None:
    kms = moto.client("kms")
    for alias in ("alias/a", "alias/b"):
        key_id = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
        policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
        (use,) = (one for one in policy["Statement"] if one["Sid"].startswith("VeleroUseOfKey"))
        assert use["Principal"]["AWS"] in (
            "arn:aws:iam::123456789012:role/velero",
            ["arn:aws:iam::123456789012:role/velero"],
        )
        assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_nothing_was_restarted(stack: Stack, live: Installation) -> None:
    """Velero reads its locations anew each time: one rollout, for the role, is all there ever was."""
    deployment = stack.api.get(DEPLOYMENT, "velero", stack.namespace)
    assert deployment["metadata"]["generation"] <= 2


# --- refused ------------------------------------------------------------------------------------------------------

UNREADABLE = (
    "holds {backups}, which Velero could no longer read: with a customer-provided key (SSE-C) it reads nothing else. "
    "Make a"
)
DELETED = "holds {backups}, and Velero deletes Backup objects that it does not find in the new place. Set {option} to "
CUSTOMER = "customer_key_encryption_secret"
LOST = (
    'secret: Secret "velero-sse-c/key" does not exist, and 1 backup (customer) in customer can be read with its old '
    "key only. Put that key back from your copy."
)


@pytest.fixture(scope="module")
def customer(moto: Moto, stack: Stack, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A location under a customer's key, with a backup; moto takes no notice of that key."""
    variables = {"velero_encryption_mode": "sse-c", "velero_sse_c_create_if_missing": True}
    directory = tmp_path_factory.mktemp("customer")
    customer = Installation(directory, stack, moto, "customer", moto, proxy.url, variables)
    customer.install()
    customer.complete_backup("customer")
    return customer


@pytest.fixture(scope="module")
def plain(moto: Moto, stack: Stack, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A location under a KMS key, with a backup."""
    plain = Installation(tmp_path_factory.mktemp("plain"), stack, moto, "plain", moto, proxy.url)
    plain.install()
    plain.complete_backup("plain")
    return plain


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("plain", {"velero_encryption_mode": "sse-c", "velero_sse_c_create_if_missing": True}, CUSTOMER, UNREADABLE),
    ("customer", {"velero_encryption_mode": "sse-kms"}, CUSTOMER, UNREADABLE),
    ("customer", {"velero_encryption_mode": "sse-s3"}, CUSTOMER, UNREADABLE),
    ("customer", {"velero_sse_c_secret": "another/key"}, CUSTOMER, UNREADABLE),
    ("plain", {"velero_prefix": "elsewhere"}, "prefix", DELETED),
    ("plain", {"velero_prefix": ""}, "prefix", DELETED),
    ("plain", {"velero_bucket": "elsewhere"}, "bucket", DELETED),
    ("plain", {"velero_s3_url": "http://127.0.0.1:9"}, "s3_url", DELETED),
]


@pytest.mark.parametrize(("which", "variables", "option", "text"), REFUSED)
def test_refused_before_anything_is_changed(
    request: pytest.FixtureRequest,
    stack: Stack,
    proxy: Proxy,
    which: str,
    variables: dict[str, Any],
    option: str,
    text: str,
) -> None:
    """AWS is only asked, and in the cluster everything stays."""
    installation: Installation = request.getfixturevalue(which)
    before = in_cluster(stack)
    proxy.clear()
    message = installation.with_(**variables).refused()
    reason = text.format(backups=f"1 backup ({which})", option=option)
    assert message.startswith(f'{option}: BackupStorageLocation "{which}" {reason}')
    assert " under another name" in message
    assert_only_read(proxy)
    assert in_cluster(stack) == before


def test_lost_customer_key_is_not_replaced(stack: Stack, proxy: Proxy, customer: Installation) -> None:
    secret = stack.api.get(SECRET, "velero-sse-c", stack.namespace)
    stack.api.delete(SECRET, "velero-sse-c", stack.namespace)
    before = in_cluster(stack)
    proxy.clear()
    assert customer.refused().startswith(LOST)
    assert_only_read(proxy)
    assert in_cluster(stack) == before
    body = {"metadata": {"name": "velero-sse-c"}, "data": secret["data"]}
    stack.api.create(SECRET, body, stack.namespace)
    assert customer.changed() == set()


def test_remedy_works(moto: Moto, stack: Stack, plain: Installation, tmp_path: Path) -> None:
    """Another location, in a bucket of its own since a bucket has one default encryption; the old one goes on."""
    variables = {
        "velero_encryption_mode": "sse-c",
        "velero_sse_c_create_if_missing": True,
        "velero_sse_c_secret": "own/key",
    }
    remediation = Installation(tmp_path, stack, moto, "remediation", moto, variables=variables)
    assert remediation.install()["backup_storage_location"]["phase"] == "Available"
    remediation.complete_backup("remediation")
    plain.restore("plain", "plain-still")
    assert plain.changed() == set()


def assert_only_read(proxy: Proxy) -> None:
    operations = {request.operation for request in proxy.requests}
    assert "GetCallerIdentity" in operations
    assert [name for name in operations if not name.startswith(("Get", "Describe", "Head", "List"))] == []


def in_cluster(stack: Stack) -> dict[str, Json]:
    """What the playbook could have changed in the cluster, without what the server itself writes."""
    locations = {item["metadata"]["name"]: item["spec"] for item in stack.api.list(LOCATION, stack.namespace)}
    secrets = {item["metadata"]["name"]: item["data"] for item in stack.api.list(SECRET, stack.namespace)}
    generation = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["metadata"]["generation"]
    return {"locations": locations, "secrets": secrets, "velero": {"generation": generation}}
