# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted of a bucket's default encryption and what there is, to a plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from ansible_collections.coffer.velero.plugins.module_utils._s3.encryption import DesiredEncryption, decide_encryption
from ansible_collections.coffer.velero.plugins.module_utils._s3.model import DEFAULT_RULE, NO_RULE, Encryption
from tests.support.refusal import refusal

BUCKET = "velero-backups"
REGION = "eu-central-1"
OWNER = "111122223333"
OTHER = "444455556666"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:{REGION}:{OWNER}:key/{KEY_ID}"
UNMANAGED = ARN.replace(OWNER, OTHER)
PREDICTED = ARN.replace(KEY_ID, PLACEHOLDER_KEY_ID)


def desired(algorithm: str = "aws:kms", key_id: str | None = ARN, **options: Any) -> DesiredEncryption:
    key_id = None if algorithm == "AES256" else key_id
    return DesiredEncryption(bucket=BUCKET, region=REGION, algorithm=algorithm, key_id=key_id, **options)


def key(arn: str = ARN, **metadata: Any) -> Key:
    return Key({"Arn": arn, "KeyId": arn.rpartition("/")[2], "KeyState": "Enabled", **metadata})


def rule(algorithm: str, key_id: str | None = None, **members: Any) -> dict[str, Any]:
    default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key_id} if key_id else {})}
    return {"ApplyServerSideEncryptionByDefault": default, **members}


BLOCK = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
NO_BLOCK = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
ON = {"BucketKeyEnabled": True}
OFF = {"BucketKeyEnabled": False}


@pytest.mark.parametrize(
    ("want", "current", "sent"),
    [
        pytest.param(desired(), DEFAULT_RULE, rule("aws:kms", ARN, **ON, **BLOCK), id="bucket key by default"),
        pytest.param(desired(), NO_RULE, rule("aws:kms", ARN, **ON), id="no block where there is none"),
        pytest.param(desired(), rule("aws:kms", ARN, **OFF, **BLOCK), None, id="bucket key stays off"),
        pytest.param(desired(), rule("aws:kms", ARN, **BLOCK), None, id="bucket key not told is off"),
        pytest.param(desired(), rule("aws:kms", ARN, **ON, **BLOCK), None, id="bucket key stays on"),
        pytest.param(
            desired(bucket_key_enabled=False),
            rule("aws:kms", ARN, **ON, **BLOCK),
            rule("aws:kms", ARN, **OFF, **BLOCK),
            id="bucket key off when asked",
        ),
        pytest.param(
            desired(),
            rule("aws:kms", UNMANAGED, **ON, **NO_BLOCK),
            rule("aws:kms", ARN, **ON, **NO_BLOCK),
            id="another key keeps the rest",
        ),
        pytest.param(
            desired(), rule("aws:kms", "alias/velero", **ON), rule("aws:kms", ARN, **ON), id="stored alias becomes ARN"
        ),
        pytest.param(desired(), rule("aws:kms", KEY_ID, **ON), rule("aws:kms", ARN, **ON), id="stored id becomes ARN"),
        pytest.param(desired(key_id=KEY_ID), rule("aws:kms", ARN, **ON), None, id="id is the same key"),
        pytest.param(desired(key_id="alias/velero"), rule("aws:kms", ARN, **ON), None, id="alias is the same key"),
        pytest.param(
            desired("aws:kms:dsse"), rule("aws:kms", ARN, **ON), rule("aws:kms:dsse", ARN, **OFF), id="no key for dsse"
        ),
        pytest.param(desired("aws:kms:dsse"), rule("aws:kms:dsse", ARN), None, id="dsse stays"),
        pytest.param(
            desired(), rule("aws:kms:dsse", ARN, **OFF), rule("aws:kms", ARN, **ON), id="bucket key back from dsse"
        ),
        pytest.param(desired("AES256"), DEFAULT_RULE, None, id="the default"),
        pytest.param(desired("AES256"), NO_RULE, None, id="no rule is AES256"),
        pytest.param(
            desired("AES256"), rule("aws:kms", ARN, **ON, **BLOCK), rule("AES256", **ON, **BLOCK), id="back to AES256"
        ),
        pytest.param(
            desired(blocked=["SSE-C"]),
            rule("aws:kms", ARN, **ON, **NO_BLOCK),
            rule("aws:kms", ARN, **ON, **BLOCK),
            id="block",
        ),
        pytest.param(
            desired(blocked=["NONE"]),
            rule("aws:kms", ARN, **ON, **BLOCK),
            rule("aws:kms", ARN, **ON, **NO_BLOCK),
            id="block no more",
        ),
        pytest.param(desired(blocked=["NONE"]), rule("aws:kms", ARN, **ON), None, id="nothing blocked is NONE"),
        pytest.param(
            desired(blocked=["SSE-C"]),
            rule("aws:kms", ARN, **ON),
            rule("aws:kms", ARN, **ON, **BLOCK),
            id="first block",
        ),
        pytest.param(
            desired(),
            {
                **rule("AES256", **OFF),
                "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"], "New": 1},
                "Newer": {"a": 2},
            },
            {
                **rule("aws:kms", ARN, **ON),
                "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"], "New": 1},
                "Newer": {"a": 2},
            },
            id="unknown members stay",
        ),
    ],
)
def test_one_request_with_the_whole_rule(
    want: DesiredEncryption, current: dict[str, Any], sent: dict[str, Any] | None
) -> None:
    plan = decide_encryption(want, Encryption([current], key() if want.key_id else None))
    rules = [step.arguments["ServerSideEncryptionConfiguration"]["Rules"] for step in plan.steps]
    assert rules == ([[sent]] if sent else [])
    if sent:
        again = decide_encryption(want, Encryption([sent], key() if want.key_id else None))
        assert not again.changed
        assert again.result == plan.result


def test_other_rules_and_the_owner_are_kept() -> None:
    other = rule("AES256")
    (step,) = decide_encryption(desired(owner=OWNER), Encryption([DEFAULT_RULE, other], key())).steps
    assert step.arguments["ExpectedBucketOwner"] == OWNER
    assert step.arguments["ServerSideEncryptionConfiguration"]["Rules"][1] is other


def test_the_diff_tells_of_an_alias_that_becomes_an_arn() -> None:
    plan = decide_encryption(desired(), Encryption([rule("aws:kms", "alias/velero", **ON)], key()))
    assert plan.diff == {"before": {"kms_master_key_id": "alias/velero"}, "after": {"kms_master_key_id": ARN}}


NOT_THERE = ServiceError("s3:GetBucketEncryption", "NoSuchBucket", "The specified bucket does not exist", status=404)


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_a_missing_bucket_is_planned_as_a_new_one_and_ends_a_real_run(algorithm: str) -> None:
    want = desired(algorithm)
    missing = Encryption([DEFAULT_RULE], key() if want.key_id else None, NOT_THERE)
    plan = decide_encryption(want, missing)
    assert plan.unmet_dependency is NOT_THERE
    assert plan.diff == decide_encryption(want, Encryption([DEFAULT_RULE], missing.key)).diff


def test_there_is_nothing_to_reset_where_there_is_no_bucket() -> None:
    plan = decide_encryption(desired("AES256", bucket_may_be_missing=True), Encryption([DEFAULT_RULE], None, NOT_THERE))
    assert plan.unmet_dependency is None
    assert not plan.changed


def test_a_predicted_key_is_planned_with_and_ends_a_real_run() -> None:
    plan = decide_encryption(desired(key_id=PREDICTED), Encryption([DEFAULT_RULE]))
    assert plan.result["kms_master_key_id"] == PREDICTED
    assert str(plan.unmet_dependency).startswith(
        f"kms_master_key_id: {PREDICTED} is the placeholder of a check run, not a key. "
    )


@pytest.mark.parametrize(
    ("want", "message"),
    [
        (
            DesiredEncryption(bucket=BUCKET, region=REGION, algorithm="AES256", key_id=ARN),
            f"kms_master_key_id: {ARN} contradicts sse_algorithm=AES256. SSE-S3 has no key of yours: leave the key "
            "out, or set sse_algorithm=aws:kms.",
        ),
        (desired(key_id=None), "kms_master_key_id: aws:kms is without a key. S3 would take the key that AWS manages"),
        (desired("aws:kms:dsse", None), "kms_master_key_id: aws:kms:dsse is without a key. "),
        (
            desired("aws:kms:dsse", bucket_key_enabled=True),
            "bucket_key_enabled: true contradicts sse_algorithm=aws:kms:dsse. DSSE-KMS has no Bucket Keys: leave the "
            "option out, or set sse_algorithm=aws:kms.",
        ),
        (desired(blocked=["SSE-C", "NONE"]), "blocked_encryption_types: ['SSE-C', 'NONE'] says nothing definite. "),
        (
            desired(blocked=[]),
            "blocked_encryption_types: [] says nothing definite. Say [SSE-C] to block it and [NONE] to block nothing.",
        ),
        (
            desired(key_id="arn:aws:s3:::velero"),
            "kms_master_key_id: arn:aws:s3:::velero is not the ARN of a KMS key. Give the ARN of a key, or its alias.",
        ),
        (
            desired(key_id=ARN.replace(REGION, "us-east-1")),
            f"kms_master_key_id: {ARN.replace(REGION, 'us-east-1')} is in us-east-1, the bucket is in {REGION}. ",
        ),
        (
            desired(key_id=f"arn:aws:kms:us-east-1:{OWNER}:alias/velero"),
            f"kms_master_key_id: arn:aws:kms:us-east-1:{OWNER}:alias/velero is in us-east-1, the bucket is in {REGION}"
            f". S3 encrypts with keys of the bucket's Region only: choose a key in {REGION}.",
        ),
        (
            desired(key_id="alias/aws/ebs"),
            "kms_master_key_id: alias/aws/ebs is not a key for S3. AWS manages it for another service, whose key S3 "
            "may not use: give a key of your own.",
        ),
        (
            desired(key_id=f"arn:aws:kms:{REGION}:{OWNER}:alias/aws/ebs"),
            "kms_master_key_id: alias/aws/ebs is not a key for S3. ",
        ),
    ],
)
def test_contradictions_are_refused(want: DesiredEncryption, message: str) -> None:
    assert refusal(want.refuse_contradictions).startswith(message)


@pytest.mark.parametrize(
    "want",
    [desired(), desired("AES256"), desired(key_id="alias/aws/s3"), desired(blocked=["NONE"]), desired(key_id=KEY_ID)],
)
def test_good_options(want: DesiredEncryption) -> None:
    want.refuse_contradictions()


@pytest.mark.parametrize(
    ("want", "found", "message"),
    [
        (desired(), key(KeyState="Disabled"), f"kms_master_key_id: {ARN} is disabled. Find out who disabled it"),
        (desired(), key(KeySpec="RSA_2048"), f"kms_master_key_id: {ARN} is a RSA_2048 key. S3 encrypts with symmetric"),
        (
            desired(key_id="alias/velero", owner=OWNER),
            key(UNMANAGED),
            f"kms_master_key_id: alias/velero is a key of account {OTHER}, the bucket is {OWNER}'s. "
            f"If it is meant, give its ARN, {UNMANAGED}.",
        ),
        (
            desired(key_id=KEY_ID, owner=OWNER),
            key(UNMANAGED),
            f"kms_master_key_id: {KEY_ID} is a key of account {OTHER}, the bucket is {OWNER}'s. ",
        ),
        (
            desired(key_id=UNMANAGED, owner=OWNER),
            key(UNMANAGED, KeyManager="AWS"),
            f"kms_master_key_id: {UNMANAGED} is managed by AWS for account {OTHER}, the bucket is {OWNER}'s. ",
        ),
    ],
)
@pytest.mark.parametrize("current", [DEFAULT_RULE, rule("aws:kms", ARN, **ON)], ids=["change", "no-op"])
def test_a_key_that_s3_could_not_use_is_refused(
    want: DesiredEncryption, found: Key, message: str, current: dict[str, Any]
) -> None:
    assert refusal(decide_encryption, want, Encryption([current], found)).startswith(message)


@pytest.mark.parametrize(
    ("want", "found"),
    [
        (desired(key_id=UNMANAGED, owner=OWNER), key(UNMANAGED)),
        (desired(key_id="alias/velero", owner=OWNER), key()),
        (desired(key_id="alias/aws/s3", owner=OWNER), key(KeyManager="AWS")),
        (desired(key_id="alias/velero"), key(UNMANAGED)),
        (desired(), key(KeyState="Updating")),
    ],
)
def test_a_key_that_s3_can_use_is_taken_by_its_arn(want: DesiredEncryption, found: Key) -> None:
    assert decide_encryption(want, Encryption([DEFAULT_RULE], found)).result["kms_master_key_id"] == found.arn
