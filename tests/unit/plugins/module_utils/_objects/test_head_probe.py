# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that one object takes, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.head_probe import key_md5, probe
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    ObjectVersion,
    Observation,
    Page,
    PageRequest,
    Request,
    Response,
    ScanOptions,
)

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OLD = "arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
MRK = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
REPLICA = MRK.replace("eu-central-1", "us-east-1")
SSE = "x-amz-server-side-encryption"

KMS = ScanOptions(
    bucket="acme-backups", owner="", prefix="p/", mode="sse-kms", key_arns=(KEY, OLD), bucket_key_enabled=True
)
CUSTOMER = replace(KMS, mode="sse-c", key_arns=(), bucket_key_enabled=False, customer_key=bytes(32))
BACKUP = ObjectVersion("p/backups/b/velero-backup.json", "v1", True, 1, "2026-01-01T00:00:00Z")
KOPIA = BACKUP._replace(key="p/kopia/ns/p1")


Exchange = Sequence[tuple["Request | PageRequest", "Response | Page | None"]]


def seen(algorithm: str = "aws:kms", key: str | None = KEY, bucket_key: bool = True) -> Observation:
    return Observation("read", algorithm, key, bucket_key)


HEAD, KEYED = Request("HEAD", BACKUP.key, "v1"), Request("HEAD", BACKUP.key, "v1", True)
GET = Request("GET", BACKUP.key, "v1")
LIST = PageRequest(BACKUP.key)
GONE, STILL_THERE = Page(()), Page((BACKUP._replace(version_id="v2"), BACKUP))
MORE = Page((BACKUP._replace(version_id="v2"),), next_marker=(BACKUP.key, "v2"))
GOOD = Response(200, {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY, f"{SSE}-bucket-key-enabled": "true"})
SSE_C = Response(200, {f"{SSE}-customer-algorithm": "AES256", f"{SSE}-customer-key-md5": key_md5(bytes(32))})
OTHER_SSE_C = Response(200, {**SSE_C.headers, f"{SSE}-customer-key-md5": key_md5(bytes(31) + b"1")})
WITH_KEY = replace(KMS, customer_key=bytes(32))


@pytest.mark.parametrize(
    ("options", "exchange", "outcome"),
    [
        pytest.param(KMS, [(HEAD, GOOD)], seen(), id="200"),
        pytest.param(KMS, [(HEAD, Response(200, {SSE: "AES256"}))], seen("AES256", None, False), id="AES256"),
        pytest.param(KMS, [(HEAD, Response(200))], seen("none", None, False), id="no header"),
        pytest.param(KMS, [(HEAD, Response(404)), (LIST, GONE)], Observation("deleted", detail="404"), id="404"),
        pytest.param(KMS, [(HEAD, Response(405)), (LIST, GONE)], Observation("deleted", detail="405"), id="405"),
        pytest.param(
            KMS,
            [(HEAD, Response(404)), (LIST, STILL_THERE)],
            Observation("failed", detail="404, and the listing still has it"),
            id="404 of what is listed",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(404)), (LIST, MORE)],
            Observation("failed", detail="404, and the listing does not say whether it was deleted"),
            id="404 among many versions",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(404)), (LIST, None)],
            Observation("failed", detail="404, and no listing confirms that it was deleted"),
            id="404 without a listing",
        ),
        pytest.param(
            KMS,
            [(HEAD, GOOD._replace(headers={**GOOD.headers, "x-amz-version-id": "v2"}))],
            Observation("failed", detail="the answer is of another version"),
            id="another version",
        ),
        pytest.param(KMS, [(HEAD, Response(501))], Observation("failed", detail="501"), id="501"),
        pytest.param(
            KMS,
            [(HEAD, Response(400)), (GET, Response(400, code="InvalidRequest"))],
            Observation("key_required", "SSE-C"),
            id="sse-c without a key",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(400)), (GET, Response(400, code="ExpiredToken"))],
            Observation("failed", detail="ExpiredToken"),
            id="400 that is not SSE-C",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(403)), (GET, Response(403, code="AccessDenied"))],
            Observation("denied", detail="AccessDenied"),
            id="403",
        ),
        pytest.param(
            KMS,
            [(HEAD, Response(403)), (GET, Response(404)), (LIST, GONE)],
            Observation("deleted", detail="404"),
            id="deleted meanwhile",
        ),
        pytest.param(KMS, [(HEAD, Response(400)), (GET, Response(200)), (HEAD, GOOD)], seen(), id="over meanwhile"),
        pytest.param(
            KMS,
            [(HEAD, Response(403)), (GET, Response(200)), (HEAD, Response(403))],
            Observation("failed", detail="403"),
            id="contradiction",
        ),
        pytest.param(WITH_KEY, [(HEAD, Response(400)), (KEYED, SSE_C)], seen("SSE-C", None, False), id="a key at hand"),
        pytest.param(
            WITH_KEY,
            [(HEAD, Response(400)), (KEYED, Response(403)), (GET, Response(400, code="InvalidRequest"))],
            Observation("wrong_key", "SSE-C"),
            id="a wrong key at hand",
        ),
        pytest.param(CUSTOMER, [(KEYED, SSE_C)], seen("SSE-C", None, False), id="sse-c desired and found"),
        pytest.param(CUSTOMER, [(KEYED, Response(400)), (HEAD, GOOD)], seen(), id="sse-c desired, kms found"),
        pytest.param(
            CUSTOMER,
            [(KEYED, Response(403)), (HEAD, Response(403)), (GET, Response(403, code="AccessDenied"))],
            Observation("denied", detail="AccessDenied"),
            id="sse-c desired, nothing allowed",
        ),
        pytest.param(
            CUSTOMER,
            [(KEYED, Response(403)), (HEAD, Response(400)), (GET, Response(400, code="InvalidRequest"))],
            Observation("wrong_key", "SSE-C"),
            id="sse-c under another key",
        ),
        pytest.param(
            CUSTOMER,
            [(KEYED, Response(404)), (LIST, GONE)],
            Observation("deleted", detail="404"),
            id="sse-c desired, deleted",
        ),
        pytest.param(CUSTOMER, [(KEYED, OTHER_SSE_C)], Observation("wrong_key", "SSE-C"), id="the MD5 of another key"),
        pytest.param(KMS, [(HEAD, SSE_C)], Observation("key_required", "SSE-C"), id="sse-c without a request for it"),
    ],
)
def test_probe(options: ScanOptions, exchange: Exchange, outcome: Observation) -> None:
    answered(BACKUP, options, exchange, outcome)


NULL = BACKUP._replace(version_id="null")
PLAIN, NAMED = Request("HEAD", BACKUP.key, None), Request("HEAD", BACKUP.key, "null")
LATER = Response(200, {**GOOD.headers, "x-amz-version-id": "v9"})
AES256 = Response(200, {SSE: "AES256", "x-amz-version-id": "null"})


@pytest.mark.parametrize(
    ("exchange", "outcome"),
    [
        pytest.param([(PLAIN, GOOD)], seen(), id="never versioned"),
        pytest.param([(PLAIN, AES256)], seen("AES256", None, False), id="before versioning"),
        pytest.param([(PLAIN, LATER), (NAMED, AES256)], seen("AES256", None, False), id="overwritten meanwhile"),
        pytest.param([(PLAIN, Response(404)), (NAMED, AES256)], seen("AES256", None, False), id="a delete marker"),
        pytest.param(
            [(PLAIN, Response(404)), (NAMED, Response(404)), (LIST, GONE)],
            Observation("deleted", detail="404"),
            id="deleted",
        ),
    ],
)
def test_null_version(exchange: Exchange, outcome: Observation) -> None:
    """It stays under its name when a newer one or a delete marker hides it."""
    answered(NULL, KMS, exchange, outcome)


LISTED = BACKUP._replace(etag="a")
MIXED = Observation("failed", detail="the answer is of another object than the listing has")
A, B = (Response(200, {**GOOD.headers, "etag": f'"{etag}"'}) for etag in "ab")


@pytest.mark.parametrize(
    ("exchange", "outcome"),
    [
        pytest.param([(HEAD, A)], seen(), id="its own"),
        pytest.param([(HEAD, B), (LIST, Page((BACKUP._replace(etag="b"),)))], seen(), id="replaced"),
        pytest.param([(HEAD, B), (LIST, Page((LISTED,)))], MIXED, id="mixed"),
    ],
)
def test_answer_of_another_object_is_not_credited(exchange: Exchange, outcome: Observation) -> None:
    answered(LISTED, KMS, exchange, outcome)


def answered(version: ObjectVersion, options: ScanOptions, exchange: Exchange, outcome: Observation) -> None:
    """The probe asks this, in turn, and comes to that."""
    requests = probe(version, options)
    request = next(requests)
    for index, (expected, response) in enumerate(exchange):
        assert request == expected
        if index == len(exchange) - 1:
            with pytest.raises(StopIteration) as end:
                requests.send(response)
            assert end.value.value == outcome
        else:
            request = requests.send(response)


@pytest.mark.parametrize(
    ("version", "latest", "asked"),
    [(None, True, None), ("null", True, None), ("null", False, "null"), ("v", True, "v"), ("v", False, "v")],
)
def test_a_version_is_named_only_where_it_has_to_be(version: str | None, latest: bool, asked: str | None) -> None:
    entry = BACKUP._replace(version_id=version, is_latest=latest)
    first = next(probe(entry, KMS))
    assert isinstance(first, Request)
    assert first.version_id == asked
