# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module s3_bucket_encryption against moto, run both ways."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Connection
from ansible_collections.coffer.velero.plugins.module_utils._documents import bucket_policy_statements
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.cloudtrail import Account
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

BUCKET = "velero-backups"
ACCOUNT = "123456789012"
OTHER_ACCOUNT = "111122223333"
ALIAS = "alias/velero"
PREDICTED = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
KMS = {"bucket": BUCKET, "sse_algorithm": "aws:kms"}


@pytest.fixture
def s3(aws: Aws) -> Any:
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def kms(aws: Aws) -> Any:
    return aws.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a key that has the alias."""
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=arn)
    return arn


def state(s3: Any) -> Any:
    return s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]


def rule(algorithm: str, key: str | None, *, bucket_key: bool, blocked: str = "SSE-C") -> list[dict[str, Any]]:
    default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
    return [
        {
            "ApplyServerSideEncryptionByDefault": default,
            "BucketKeyEnabled": bucket_key,
            "BlockedEncryptionTypes": {"EncryptionType": [blocked]},
        }
    ]


def put(s3: Any, rules: list[dict[str, Any]]) -> None:
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})


def test_lifecycle(run: ModuleRunner, s3: Any, key: str) -> None:
    created, modified, deleted = assert_lifecycle(
        run,
        "s3_bucket_encryption",
        create={**KMS, "kms_master_key_id": ALIAS},
        modify={
            "bucket": BUCKET,
            "sse_algorithm": "aws:kms:dsse",
            "kms_master_key_id": key,
            "blocked_encryption_types": ["NONE"],
        },
        delete={"bucket": BUCKET, "state": "absent"},
        state=lambda: state(s3),
    )
    assert created["diff"] == {
        "before": {"sse_algorithm": "AES256", "bucket_key_enabled": False},
        "after": {"sse_algorithm": "aws:kms", "kms_master_key_id": key, "bucket_key_enabled": True},
    }
    assert {name: created[name] for name in created["diff"]["after"]} == created["diff"]["after"]
    assert modified["diff"] == {
        "before": {"sse_algorithm": "aws:kms", "bucket_key_enabled": True, "blocked_encryption_types": ["SSE-C"]},
        "after": {"sse_algorithm": "aws:kms:dsse", "bucket_key_enabled": False, "blocked_encryption_types": ["NONE"]},
    }
    assert deleted["diff"]["after"] == {"sse_algorithm": "AES256"}
    assert state(s3) == rule("AES256", None, bucket_key=False, blocked="NONE")


def test_what_no_option_names_is_kept(run: ModuleRunner, s3: Any, kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    put(s3, rule("aws:kms", key, bucket_key=False, blocked="NONE"))
    assert not run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=key)["changed"]
    run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=other)
    assert state(s3) == rule("aws:kms", other, bucket_key=False, blocked="NONE")
    run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=other, bucket_key_enabled=True)
    assert state(s3) == rule("aws:kms", other, bucket_key=True, blocked="NONE")
    run.ok("s3_bucket_encryption", bucket=BUCKET, sse_algorithm="AES256")
    assert state(s3) == rule("AES256", None, bucket_key=True, blocked="NONE")


@pytest.mark.parametrize("form", ["alias", "id", "arn", "alias_arn"])
def test_the_key_is_the_same_in_every_form(run: ModuleRunner, s3: Any, key: str, form: str) -> None:
    forms = {
        "alias": ALIAS,
        "id": key.rpartition("/")[2],
        "arn": key,
        "alias_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:{ALIAS}",
    }
    result = run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=forms[form], expected_bucket_owner=ACCOUNT)
    assert result["kms_master_key_id"] == key
    for other in forms.values():
        assert not run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=other)["changed"]
    assert state(s3) == rule("aws:kms", key, bucket_key=True)


@pytest.mark.parametrize("stored", ["alias", "id"])
def test_a_stored_alias_or_id_becomes_the_arn(run: ModuleRunner, s3: Any, key: str, stored: str) -> None:
    written = {"alias": ALIAS, "id": key.rpartition("/")[2]}[stored]
    put(s3, rule("aws:kms", written, bucket_key=True))
    result = run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=ALIAS)
    assert result["diff"] == {"before": {"kms_master_key_id": written}, "after": {"kms_master_key_id": key}}
    assert state(s3) == rule("aws:kms", key, bucket_key=True)


def test_the_key_that_aws_manages_must_be_named(run: ModuleRunner, s3: Any) -> None:
    result = run.ok("s3_bucket_encryption", **KMS, kms_master_key_id="alias/aws/s3", expected_bucket_owner=ACCOUNT)
    assert ":key/" in result["kms_master_key_id"]
    assert not run.ok("s3_bucket_encryption", **KMS, kms_master_key_id="alias/aws/s3")["changed"]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("AES256", ["GetBucketEncryption"]),
        ("aws:kms", ["GetBucketEncryption", "DescribeKey"]),
        ("aws:kms:dsse", ["GetBucketEncryption", "DescribeKey"]),
    ],
)
def test_requests(run: ModuleRunner, aws: Aws, s3: Any, key: str, algorithm: str, expected: list[str]) -> None:
    options = {"bucket": BUCKET, "sse_algorithm": algorithm, "blocked_encryption_types": ["NONE"]}
    if algorithm != "AES256":
        options["kms_master_key_id"] = ALIAS
    for more in (["GetBucketPolicy", "PutBucketEncryption"], []):
        aws.proxy.clear()
        run.ok("s3_bucket_encryption", **options)
        assert [call.operation for call in aws.proxy.requests] == [*expected, *more]


@controller_only
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "fail", "throttle"])
@pytest.mark.parametrize("operation", ["GetBucketEncryption", "DescribeKey", "GetBucketPolicy", "PutBucketEncryption"])
def test_a_disturbed_request_is_repeated(
    run: ModuleRunner, aws: Aws, s3: Any, key: str, operation: str, kind: Any
) -> None:
    aws.proxy.fault(1, kind, operation=operation)
    run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=ALIAS)
    assert state(s3) == rule("aws:kms", key, bucket_key=True)


# --- what an earlier task makes -----------------------------------------------------------------------------------


def test_a_check_run_goes_on_without_the_bucket_and_the_key(run: ModuleRunner, aws: Aws, key: str) -> None:
    result = run.ok("s3_bucket_encryption", check=True, **KMS, kms_master_key_id=PREDICTED)
    assert result["changed"]
    assert result["kms_master_key_id"] == PREDICTED
    result = run.ok("s3_bucket_encryption", check=True, **KMS, kms_master_key_id=key)
    aws.client("s3").create_bucket(Bucket=BUCKET)
    assert run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=key)["diff"] == result["diff"]


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_a_real_run_needs_the_bucket(run: ModuleRunner, aws: Aws, key: str, algorithm: str) -> None:
    options = {"kms_master_key_id": key} if algorithm == "aws:kms" else {}
    message = run.refused("s3_bucket_encryption", bucket=BUCKET, sse_algorithm=algorithm, **options)
    assert message.startswith("s3:GetBucketEncryption failed: NoSuchBucket: ")
    assert message.endswith("Create it first, as coffer.velero.s3_bucket does, or correct the option bucket.")


def test_a_real_run_needs_the_key(run: ModuleRunner, s3: Any) -> None:
    before = state(s3)
    assert run.refused("s3_bucket_encryption", **KMS, kms_master_key_id=PREDICTED) == (
        f"kms_master_key_id: {PREDICTED} is the placeholder of a check run, not a key. Use the ARN that the real run "
        "of the task that makes the key returns."
    )
    assert state(s3) == before


def test_there_is_nothing_to_reset_where_there_is_no_bucket(run: ModuleRunner, aws: Aws) -> None:
    assert not run.ok("s3_bucket_encryption", bucket=BUCKET, state="absent")["changed"]


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sse_algorithm": "aws:kms"},
            "kms_master_key_id: aws:kms is without a key. S3 would take the key that AWS manages (alias/aws/s3), whose "
            "policy cannot be edited and which no other account can use. Give your key, or say "
            "kms_master_key_id=alias/aws/s3 where you want just that.",
        ),
        ({}, "state is present but all of the following are missing: sse_algorithm"),
    ],
)
def test_contradictions_are_refused_before_any_request(
    run: ModuleRunner, aws: Aws, options: dict[str, Any], message: str
) -> None:
    assert run.refused("s3_bucket_encryption", bucket=BUCKET, **options) == message
    assert not aws.proxy.requests


def _disable(kms: Any, key: str) -> None:
    kms.disable_key(KeyId=key)


def _schedule(kms: Any, key: str) -> None:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("options", "spoil", "message"),
    [
        ({}, _disable, "is disabled. Find out who disabled it; coffer.velero.kms_key enables it with enabled=true."),
        ({}, _schedule, "is pending deletion until "),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
            None,
            "is a RSA_2048 key. S3 encrypts with symmetric keys only: choose one.",
        ),
    ],
)
def test_a_key_that_s3_could_not_use_is_refused_also_where_nothing_changes(
    run: ModuleRunner, s3: Any, kms: Any, check: bool, options: dict[str, str], spoil: Any, message: str
) -> None:
    key = kms.create_key(**options)["KeyMetadata"]["Arn"]
    if spoil:
        spoil(kms, key)
    before = state(s3)
    refused = run.refused("s3_bucket_encryption", check=check, **KMS, kms_master_key_id=key)
    assert refused.startswith(f"kms_master_key_id: {key} {message}")
    assert state(s3) == before
    put(s3, rule("aws:kms", key, bucket_key=True))
    assert run.refused("s3_bucket_encryption", check=check, **KMS, kms_master_key_id=key) == refused


@pytest.mark.parametrize(
    "key_id",
    ["alias/unknown", "velero", f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-123456789"],
)
def test_a_key_that_is_not_there_is_refused(run: ModuleRunner, s3: Any, key_id: str) -> None:
    assert run.refused("s3_bucket_encryption", **KMS, kms_master_key_id=key_id) == (
        f"kms_master_key_id: {key_id} does not exist, or not for these credentials. Give a key in us-east-1 by its id "
        "or ARN, or an alias as alias/name."
    )


def test_a_key_of_another_account_than_the_buckets_is_taken_by_its_arn_only(
    run: ModuleRunner, aws: Aws, key: str
) -> None:
    """The task has the credentials of the key's account, and the bucket belongs to another one."""
    other = Account(aws, OTHER_ACCOUNT).client("s3")
    other.create_bucket(Bucket=BUCKET)
    options = {**KMS, "expected_bucket_owner": OTHER_ACCOUNT}
    for form in (ALIAS, key.rpartition("/")[2], f"arn:aws:kms:us-east-1:{ACCOUNT}:{ALIAS}"):
        assert run.refused("s3_bucket_encryption", **options, kms_master_key_id=form) == (
            f"kms_master_key_id: {form} is a key of account {ACCOUNT}, the bucket is {OTHER_ACCOUNT}'s. If it is "
            f"meant, give its ARN, {key}."
        )
    managed = aws.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    message = run.refused("s3_bucket_encryption", **options, kms_master_key_id=managed)
    assert message == (
        f"kms_master_key_id: {managed} is managed by AWS for account {ACCOUNT}, the bucket is {OTHER_ACCOUNT}'s. No "
        "other account can use a key that AWS manages: give a key of your own by its ARN."
    )
    assert run.ok("s3_bucket_encryption", **options, kms_master_key_id=key)["changed"]
    assert not run.ok("s3_bucket_encryption", **options, kms_master_key_id=key)["changed"]


def test_a_bucket_of_another_account_is_refused(run: ModuleRunner, s3: Any) -> None:
    message = run.refused(
        "s3_bucket_encryption", bucket=BUCKET, sse_algorithm="AES256", expected_bucket_owner=OTHER_ACCOUNT
    )
    assert message == (
        "s3:GetBucketEncryption failed: AccessDenied: Access Denied The credentials of this task need "
        f"s3:GetEncryptionConfiguration there. Or the bucket does not belong to account {OTHER_ACCOUNT}: "
        "bucket names are global, so correct the option bucket, or expected_bucket_owner."
    )


def test_a_bucket_in_another_region_is_refused(run: ModuleRunner, aws: Aws, kms: Any, key: str) -> None:
    """botocore follows S3's redirect silently; moto sends none, so another retried request stands in for it."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    aws.proxy.fault(1, "fail", operation="GetBucketEncryption")
    assert run.refused("s3_bucket_encryption", **KMS, kms_master_key_id=key) == (
        f"bucket: {BUCKET} is in eu-central-1, the task works in us-east-1. Set region=eu-central-1, or choose another "
        "name: a bucket cannot be moved."
    )


@pytest.mark.parametrize("operation", ["GetBucketEncryption", "DescribeKey", "GetBucketPolicy", "PutBucketEncryption"])
def test_what_cannot_be_read_or_written_is_an_error(
    run: ModuleRunner, aws: Aws, s3: Any, key: str, operation: str
) -> None:
    before = state(s3)
    service = "kms" if operation == "DescribeKey" else "s3"
    aws.proxy.deny(service, operation)
    assert f"{service}:{operation} failed: AccessDenied" in run.refused(
        "s3_bucket_encryption", **KMS, kms_master_key_id=key
    )
    assert state(s3) == before


@pytest.mark.parametrize("check", [True, False])
def test_what_another_installation_relies_on_is_not_changed(
    run: ModuleRunner, s3: Any, kms: Any, key: str, check: bool
) -> None:
    profile = {"account_id": ACCOUNT, "region": "us-east-1", "bucket": BUCKET, "prefix": "first", "kms_key_arn": key}
    statements = bucket_policy_statements(StorageProfile.parse(profile))
    run.ok("s3_bucket_encryption", **KMS, kms_master_key_id=key, prefix="first")
    run.ok("s3_bucket_policy", bucket=BUCKET, statements=statements)
    assert not run.ok("s3_bucket_encryption", check=check, **KMS, kms_master_key_id=key, prefix="second")["changed"]
    before, other = state(s3), kms.create_key()["KeyMetadata"]["Arn"]
    (sid,) = (one["Sid"] for one in statements if one["Sid"].startswith("VeleroDenyOtherKey"))
    assert run.refused("s3_bucket_encryption", check=check, **KMS, kms_master_key_id=other, prefix="second") == (
        f"kms_master_key_id: {other} is not what another installation in the bucket relies on: the statement {sid} for "
        f"arn:aws:s3:::{BUCKET}/first/* requires {key}. A bucket has one default encryption, and kopia's objects "
        "follow nothing else: keep to it, or use a bucket of its own. If that is this installation, say so with "
        "prefix. If it is gone, or changes too, remove its statements by their Sids with "
        "coffer.velero.s3_bucket_policy; its next run brings the new ones."
    )
    assert run.refused("s3_bucket_encryption", check=check, bucket=BUCKET, state="absent").startswith("sse_algorithm: ")
    assert state(s3) == before
    assert run.ok("s3_bucket_encryption", check=check, **KMS, kms_master_key_id=other, prefix="/first/")["changed"]


def test_a_boto3_that_would_lose_the_block_is_refused(
    run: ModuleRunner, s3: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "supports_member", lambda *_: False)
    before = state(s3)
    assert run.refused("s3_bucket_encryption", **KMS, kms_master_key_id=key) == (
        "blocked_encryption_types: this boto3 does not know BlockedEncryptionTypes. Install boto3 >= 1.41.0."
    )
    assert state(s3) == before
    assert not run.ok("s3_bucket_encryption", bucket=BUCKET, sse_algorithm="AES256")["changed"]
