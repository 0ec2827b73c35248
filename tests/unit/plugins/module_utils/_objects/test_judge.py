# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What S3 says of an object, and the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.inquiry import inquire
from ansible_collections.coffer.velero.plugins.module_utils._objects.judge import judge
from ansible_collections.coffer.velero.plugins.module_utils._objects.layout import Group, group_of, splits
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Entry, Request, Response, Seen, Wanted

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OLD = "arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
MRK = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
REPLICA = MRK.replace("eu-central-1", "us-east-1")
SSE = "x-amz-server-side-encryption"

KMS = Wanted(bucket="acme-backups", owner="", prefix="p/", mode="sse-kms", key_arns=(KEY, OLD), bucket_key_enabled=True)
CUSTOMER = replace(KMS, mode="sse-c", key_arns=(), bucket_key_enabled=False, customer_key=bytes(32))
BACKUP = Entry("p/backups/b/velero-backup.json", "v1", True, 1, "2026-01-01T00:00:00Z")
KOPIA = BACKUP._replace(key="p/kopia/ns/p1")


def seen(algorithm: str = "aws:kms", key: str | None = KEY, bucket_key: bool = True) -> Seen:
    return Seen("read", algorithm, key, bucket_key)


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "what", "verdict", "reason"),
    [
        pytest.param(KMS, seen(), "proven", "", id="as wanted"),
        pytest.param(KMS, seen(key=OLD), "proven", "", id="accepted key"),
        pytest.param(
            KMS, seen("AES256", None, False), "wrong", "is encrypted with AES256, not with aws:kms", id="AES256"
        ),
        pytest.param(KMS, seen("none", None, False), "wrong", "is not encrypted by S3, aws:kms is wanted", id="none"),
        pytest.param(KMS, seen("aws:kms:dsse"), "wrong", "is encrypted with aws:kms:dsse, not with aws:kms", id="dsse"),
        pytest.param(KMS, seen("SSE-C", None), "wrong", "is encrypted with SSE-C, not with aws:kms", id="sse-c, read"),
        pytest.param(KMS, seen(key=MRK), "wrong", f"is encrypted under {MRK}, not {KEY}", id="another key"),
        pytest.param(
            KMS, seen(key=None), "wrong", f"is encrypted under a key that S3 does not name, not {KEY}", id="?"
        ),
        pytest.param(KMS, seen(bucket_key=False), "wrong", "does not use a Bucket Key", id="no Bucket Key"),
        pytest.param(replace(KMS, bucket_key_enabled=False), seen(), "proven", "", id="a Bucket Key does no harm"),
        pytest.param(replace(KMS, key_arns=(MRK,)), seen(key=REPLICA), "proven", "", id="replica"),
        pytest.param(
            replace(KMS, mode="dsse-kms", bucket_key_enabled=False), seen("aws:kms:dsse"), "proven", "", id="dsse"
        ),
        pytest.param(replace(KMS, mode="sse-s3", key_arns=()), seen("AES256", None), "proven", "", id="sse-s3"),
        pytest.param(KMS, Seen("gone"), "gone", "deleted between the listing and the look at it", id="gone"),
        pytest.param(
            KMS, Seen("denied", detail="AccessDenied"), "unreadable", "S3 refused to tell (AccessDenied)", id="403"
        ),
        pytest.param(KMS, Seen("failed", detail="501"), "unreadable", "S3 did not tell (501)", id="501"),
        pytest.param(KMS, Seen("needs_key", "SSE-C"), "wrong", "is encrypted with SSE-C, not with aws:kms", id="sse-c"),
        pytest.param(
            KMS,
            Seen("wrong_key", "SSE-C"),
            "wrong",
            "is encrypted with SSE-C, not with aws:kms, and not under the given customer_key",
            id="sse-c under another key",
        ),
        pytest.param(CUSTOMER, seen("SSE-C", None), "proven", "", id="sse-c as wanted"),
        pytest.param(CUSTOMER, seen(), "wrong", "is encrypted with aws:kms, not with SSE-C", id="sse-c is wanted"),
        pytest.param(
            CUSTOMER,
            Seen("needs_key", "SSE-C"),
            "unreadable",
            "is encrypted with SSE-C: its key is needed",
            id="sse-c without the key",
        ),
        pytest.param(
            CUSTOMER,
            Seen("wrong_key", "SSE-C"),
            "unreadable",
            "is encrypted with SSE-C under another key than customer_key",
            id="sse-c with a wrong key",
        ),
        pytest.param(KMS, Seen("told", "AES256"), "wrong", "is encrypted with AES256, not with aws:kms", id="told"),
        pytest.param(
            KMS,
            Seen("told", "aws:kms", None, True),
            "unproven",
            "has aws:kms, but an Inventory report does not tell the key",
            id="told without the key",
        ),
        pytest.param(KMS, Seen("told", "aws:kms"), "wrong", "does not use a Bucket Key", id="told, no Bucket Key"),
        pytest.param(
            replace(KMS, mode="sse-s3", key_arns=()), Seen("told", "AES256"), "proven", "", id="told is enough"
        ),
    ],
)
def test_verdict(wanted: Wanted, what: Seen, verdict: str, reason: str) -> None:
    judgment = judge(BACKUP, what, wanted)
    assert (judgment.verdict, "; ".join(judgment.reasons)) == (verdict, reason)
    assert bool(judgment.remediation) == (verdict != "proven")


def test_two_reasons_are_both_told() -> None:
    assert len(judge(BACKUP, seen(key=MRK, bucket_key=False), KMS).reasons) == 2


def test_kopia_has_the_buckets_default_with_sse_c() -> None:
    assert judge(KOPIA, seen("AES256", None), CUSTOMER).verdict == "proven"
    assert judge(KOPIA, Seen("wrong_key", "SSE-C"), CUSTOMER).verdict == "wrong"


def test_remedies_fit() -> None:
    assert "default" in judge(KOPIA, seen("AES256", None), KMS).remediation
    assert (
        "NoncurrentVersionExpiration" in judge(BACKUP._replace(is_latest=False), seen("AES256", None), KMS).remediation
    )
    assert "s3:GetObjectVersion" in judge(BACKUP, Seen("denied", detail="AccessDenied"), KMS).remediation


# --- the questions ---------------------------------------------------------------------------------------------------

HEAD, KEYED = Request("HEAD", BACKUP.key, "v1"), Request("HEAD", BACKUP.key, "v1", True)
GET = Request("GET", BACKUP.key, "v1")
GOOD = Response(200, {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY, f"{SSE}-bucket-key-enabled": "true"})
SSE_C = Response(200, {f"{SSE}-customer-algorithm": "AES256"})
WITH_KEY = replace(KMS, customer_key=bytes(32))


@pytest.mark.parametrize(
    ("wanted", "talk", "outcome"),
    [
        pytest.param(KMS, [(HEAD, GOOD)], seen(), id="200"),
        pytest.param(KMS, [(HEAD, Response(200, {SSE: "AES256"}))], seen("AES256", None, False), id="AES256"),
        pytest.param(KMS, [(HEAD, Response(200))], seen("none", None, False), id="no header"),
        pytest.param(KMS, [(HEAD, Response(404))], Seen("gone"), id="404"),
        pytest.param(KMS, [(HEAD, Response(405))], Seen("gone", detail="405"), id="405"),
        pytest.param(KMS, [(HEAD, Response(501))], Seen("failed", detail="501"), id="501"),
        pytest.param(
            KMS,
            [(HEAD, Response(400)), (GET, Response(400, code="InvalidRequest"))],
            Seen("needs_key", "SSE-C"),
            id="sse-c without a key",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(400)), (GET, Response(400, code="ExpiredToken"))],
            Seen("failed", detail="ExpiredToken"),
            id="400 that is not SSE-C",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(403)), (GET, Response(403, code="AccessDenied"))],
            Seen("denied", detail="AccessDenied"),
            id="403",
        ),
        pytest.param(KMS, [(HEAD, Response(403)), (GET, Response(404))], Seen("gone"), id="gone at the second look"),
        pytest.param(KMS, [(HEAD, Response(400)), (GET, Response(200)), (HEAD, GOOD)], seen(), id="over meanwhile"),
        pytest.param(
            KMS,
            [(HEAD, Response(403)), (GET, Response(200)), (HEAD, Response(403))],
            Seen("failed", detail="403"),
            id="contradiction",
        ),
        pytest.param(WITH_KEY, [(HEAD, Response(400)), (KEYED, SSE_C)], seen("SSE-C", None, False), id="a key at hand"),
        pytest.param(
            WITH_KEY,
            [(HEAD, Response(400)), (KEYED, Response(403)), (GET, Response(400, code="InvalidRequest"))],
            Seen("wrong_key", "SSE-C"),
            id="a wrong key at hand",
        ),
        pytest.param(CUSTOMER, [(KEYED, SSE_C)], seen("SSE-C", None, False), id="sse-c wanted and found"),
        pytest.param(CUSTOMER, [(KEYED, Response(400)), (HEAD, GOOD)], seen(), id="sse-c wanted, kms found"),
        pytest.param(
            CUSTOMER,
            [(KEYED, Response(403)), (HEAD, Response(403)), (GET, Response(403, code="AccessDenied"))],
            Seen("denied", detail="AccessDenied"),
            id="sse-c wanted, nothing allowed",
        ),
        pytest.param(
            CUSTOMER,
            [(KEYED, Response(403)), (HEAD, Response(400)), (GET, Response(400, code="InvalidRequest"))],
            Seen("wrong_key", "SSE-C"),
            id="sse-c under another key",
        ),
        pytest.param(CUSTOMER, [(KEYED, Response(404))], Seen("gone"), id="sse-c wanted, gone"),
    ],
)
def test_inquiry(wanted: Wanted, talk: list[tuple[Request, Response]], outcome: Seen) -> None:
    inquiry = inquire(BACKUP, wanted)
    request = next(inquiry)
    for index, (expected, response) in enumerate(talk):
        assert request == expected
        if index == len(talk) - 1:
            with pytest.raises(StopIteration) as end:
                inquiry.send(response)
            assert end.value.value == outcome
        else:
            request = inquiry.send(response)


@pytest.mark.parametrize(
    ("version", "latest", "asked"),
    [(None, True, None), ("null", True, None), ("null", False, "null"), ("v", True, "v"), ("v", False, "v")],
)
def test_a_version_is_named_only_where_it_has_to_be(version: str | None, latest: bool, asked: str | None) -> None:
    entry = BACKUP._replace(version_id=version, is_latest=latest)
    assert next(inquire(entry, KMS)).version_id == asked


# --- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("p/backups/b/b.tar.gz", Group("backup", "b")),
        ("p/backups/b/deep/x", Group("backup", "b")),
        ("p/backups/stray", Group("other", "backups")),
        ("p/restores/r/r-logs.gz", Group("restore", "r")),
        ("p/kopia/ns/kopia.repository", Group("kopia", "ns")),
        ("p/kopia/", Group("other", "kopia")),
        ("p/kopia//x", Group("other", "kopia")),
        ("p/restic/ns/config", Group("other", "restic")),
        ("p/probe", Group("other", "")),
        ("p/", Group("other", "")),
        ("p//x", Group("other", "")),
    ],
)
def test_group(key: str, group: Group) -> None:
    assert group_of(key, "p/") == group


def test_what_is_listed_side_by_side() -> None:
    assert [splits(prefix, "p/") for prefix in ("p/", "p/kopia/", "p/backups/", "p/kopia/ns/")] == [
        True,
        True,
        False,
        False,
    ]
    assert splits("", "")
    assert splits("kopia/", "")
