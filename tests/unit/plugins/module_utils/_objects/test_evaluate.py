# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an object compares with the storage profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.evaluate import evaluate
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    STATUS_OF,
    ObjectVersion,
    Observation,
    ScanOptions,
)

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OLD = "arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
MRK = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
REPLICA = MRK.replace("eu-central-1", "us-east-1")

KMS = ScanOptions(
    bucket="acme-backups", owner="", prefix="p/", mode="sse-kms", key_arns=(KEY, OLD), bucket_key_enabled=True
)
CUSTOMER = replace(KMS, mode="sse-c", key_arns=(), bucket_key_enabled=False, customer_key=bytes(32))
BACKUP = ObjectVersion("p/backups/b/velero-backup.json", "v1", True, 1, "2026-01-01T00:00:00Z")
KOPIA = BACKUP._replace(key="p/kopia/ns/p1")


def seen(algorithm: str = "aws:kms", key: str | None = KEY, bucket_key: bool = True) -> Observation:
    return Observation("read", algorithm, key, bucket_key)


COMPLIANT = ("compliant", "compliant", "")
S3_MODE = replace(KMS, mode="sse-s3", key_arns=())
NO_KEY = "has aws:kms, but an Inventory report does not contain the key"


def wrong(algorithm: str, more: str = "") -> tuple[str, str, str]:
    return "non_compliant", "wrong_algorithm", f"is encrypted with {algorithm}, not with aws:kms{more}"


def another_key(key: str) -> tuple[str, str, str]:
    return "non_compliant", "wrong_kms_key", f"is encrypted under {key}, not {KEY}"


NO_BUCKET_KEY = ("non_compliant", "bucket_key_disabled", "does not use a Bucket Key")


@pytest.mark.parametrize(
    ("options", "what", "expected"),
    [
        pytest.param(KMS, seen(), COMPLIANT, id="as desired"),
        pytest.param(KMS, seen(key=OLD), COMPLIANT, id="accepted key"),
        pytest.param(KMS, seen("AES256", None, False), wrong("AES256"), id="AES256"),
        pytest.param(
            KMS,
            seen("none", None, False),
            ("non_compliant", "not_encrypted", "is not encrypted by S3, aws:kms is desired"),
            id="none",
        ),
        pytest.param(KMS, seen("aws:kms:dsse"), wrong("aws:kms:dsse"), id="dsse"),
        pytest.param(KMS, seen("SSE-C", None), wrong("SSE-C"), id="sse-c, read"),
        pytest.param(KMS, seen(key=MRK), another_key(MRK), id="another key"),
        pytest.param(KMS, seen(key=None), another_key("a key that S3 does not name"), id="?"),
        pytest.param(KMS, seen(bucket_key=False), NO_BUCKET_KEY, id="no Bucket Key"),
        pytest.param(replace(KMS, bucket_key_enabled=False), seen(), COMPLIANT, id="a Bucket Key does no harm"),
        pytest.param(replace(KMS, key_arns=(MRK,)), seen(key=REPLICA), COMPLIANT, id="replica"),
        pytest.param(
            replace(KMS, mode="dsse-kms", bucket_key_enabled=False), seen("aws:kms:dsse"), COMPLIANT, id="dsse desired"
        ),
        pytest.param(S3_MODE, seen("AES256", None), COMPLIANT, id="sse-s3"),
        pytest.param(
            KMS,
            Observation("deleted"),
            (
                "not_evaluated",
                "deleted_during_scan",
                "was deleted between the listing and the request for its encryption",
            ),
            id="deleted",
        ),
        pytest.param(
            KMS,
            Observation("denied", detail="AccessDenied"),
            ("not_evaluated", "access_denied", "S3 denied the request (AccessDenied)"),
            id="403",
        ),
        pytest.param(
            KMS,
            Observation("failed", detail="501"),
            ("not_evaluated", "encryption_unknown", "S3 did not return its encryption (501)"),
            id="501",
        ),
        pytest.param(KMS, Observation("key_required", "SSE-C"), wrong("SSE-C"), id="sse-c"),
        pytest.param(
            KMS,
            Observation("wrong_key", "SSE-C"),
            wrong("SSE-C", ", and not under the given customer_key"),
            id="sse-c under another key",
        ),
        pytest.param(CUSTOMER, seen("SSE-C", None), COMPLIANT, id="sse-c as desired"),
        pytest.param(
            CUSTOMER,
            seen(),
            ("non_compliant", "wrong_algorithm", "is encrypted with aws:kms, not with SSE-C"),
            id="sse-c is desired",
        ),
        pytest.param(
            CUSTOMER,
            Observation("key_required", "SSE-C"),
            ("not_evaluated", "customer_key_required", "is encrypted with SSE-C: its key is needed"),
            id="sse-c without the key",
        ),
        pytest.param(
            CUSTOMER,
            Observation("wrong_key", "SSE-C"),
            ("not_evaluated", "wrong_customer_key", "is encrypted with SSE-C under another key than customer_key"),
            id="sse-c with a wrong key",
        ),
        pytest.param(KMS, Observation("from_inventory", "AES256"), wrong("AES256"), id="reported"),
        pytest.param(
            KMS,
            Observation("from_inventory", "aws:kms", None, True),
            ("not_evaluated", "source_has_no_key", NO_KEY),
            id="reported without the key",
        ),
        pytest.param(KMS, Observation("from_inventory", "aws:kms"), NO_BUCKET_KEY, id="reported, no Bucket Key"),
        pytest.param(
            S3_MODE,
            Observation("from_inventory", "AES256"),
            (
                "not_evaluated",
                "only_reported",
                "had AES256 when the Inventory report was made, and was not requested since",
            ),
            id="a report alone",
        ),
    ],
)
def test_evaluation(options: ScanOptions, what: Observation, expected: tuple[str, str, str]) -> None:
    evaluation = evaluate(BACKUP, what, options)
    reason = evaluation.reason or "compliant"
    assert (STATUS_OF[reason], reason, evaluation.message) == expected
    assert bool(evaluation.remediation) == bool(evaluation.reason)


def test_the_message_has_both_faults_and_the_reason_is_the_first() -> None:
    evaluation = evaluate(BACKUP, seen(key=MRK, bucket_key=False), KMS)
    assert evaluation.reason == "wrong_kms_key"
    assert evaluation.message == f"is encrypted under {MRK}, not {KEY}; does not use a Bucket Key"


def test_kopia_has_the_buckets_default_with_sse_c() -> None:
    assert evaluate(KOPIA, seen("AES256", None), CUSTOMER).reason is None
    assert evaluate(KOPIA, Observation("wrong_key", "SSE-C"), CUSTOMER).reason == "wrong_algorithm"


def test_remediation_fits() -> None:
    noncurrent = BACKUP._replace(is_latest=False)
    assert "default" in evaluate(KOPIA, seen("AES256", None), KMS).remediation
    assert "NoncurrentVersionExpiration" in evaluate(noncurrent, seen("AES256", None), KMS).remediation
    assert "s3:GetObjectVersion" in evaluate(BACKUP, Observation("denied", detail="AccessDenied"), KMS).remediation


ACCEPTING = replace(KMS, accepted_before="2026-01-02T00:00:00Z", accepted_until="2026-12-31")


@pytest.mark.parametrize(
    ("version", "what", "reason"),
    [
        (BACKUP, seen("AES256", None, False), "accepted"),
        (BACKUP, seen(key=MRK), "accepted"),
        (BACKUP._replace(last_modified="2026-01-02T00:00:00Z"), seen("AES256", None, False), "wrong_algorithm"),
        (BACKUP._replace(last_modified=""), seen("AES256", None, False), "wrong_algorithm"),
        (BACKUP, seen(), None),
        (BACKUP, Observation("denied"), "access_denied"),  # what was not read is not known to be old and wrong
        (BACKUP, Observation("deleted"), "deleted_during_scan"),
    ],
)
def test_what_is_from_before_is_accepted_and_not_compliant(
    version: ObjectVersion, what: Observation, reason: str | None
) -> None:
    found = evaluate(version, what, ACCEPTING)
    assert found.reason == reason
    if reason == "accepted":
        assert STATUS_OF[reason] == "non_compliant"
        assert found.message.endswith("; it was written before 2026-01-02T00:00:00Z, and is accepted until 2026-12-31")
