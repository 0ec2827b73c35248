# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""object_encryption_info and a server that lies: no object counts as compliant that was not seen to be so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.hostile_s3 import (
    BAD,
    BUCKET,
    ETAGS,
    GOOD,
    LAST,
    PREFIX,
    Asked,
    HostileS3,
    Lie,
    answer,
    head,
    listing,
    row,
)
from tests.support.running import run_in_controller

#: Only tests fork beside threads, those of their servers; a module and Ansible's worker have none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

PROFILE = {
    "account_id": "123456789012",
    "region": "us-east-1",
    "bucket": BUCKET,
    "prefix": PREFIX.strip("/"),
    "encryption_mode": "sse-s3",
}
PYTHON = re.compile(r"Traceback|NoneType|object has no|<class|Error\(|\bException\b")


@pytest.fixture(scope="module")
def server() -> Iterator[HostileS3]:
    with HostileS3() as hostile:
        yield hostile


def of_listing(*bodies: bytes, **headers: str) -> Lie:
    """Every page of a listing without a delimiter is this."""

    def lie(_server: HostileS3, asked: Asked) -> list[bytes] | None:
        if asked.lists and "uploads" not in asked.query and not asked.query.get("delimiter"):
            return [answer("200 OK", headers, body) for body in bodies]
        return None

    return lie


def of_page(**more: object) -> Lie:
    """A page made for the request."""

    def lie(_server: HostileS3, asked: Asked) -> list[bytes] | None:
        if asked.lists and "uploads" not in asked.query and not asked.query.get("delimiter"):
            rows = "".join(row(key, versions=asked.versions) for key in (GOOD, LAST))
            return [answer("200 OK", {}, listing(asked, **({"rows": rows} | more)))]  # type: ignore[arg-type]
        return None

    return lie


def of_head(*parts: bytes) -> Lie:
    """The answer for the object that is not as it should be."""
    return lambda _server, asked: list(parts) if asked.method == "HEAD" and asked.key == BAD else None


def surplus(late: bool) -> Lie:
    """A good answer twice: the second one would be credited to whoever asks next on the connection."""

    def lie(_server: HostileS3, asked: Asked) -> list[bytes] | None:
        if asked.method != "HEAD" or asked.key == BAD:
            return None
        return [head(asked.key), head(asked.key)] if late else [head(asked.key) * 2]

    return lie


def loop(_server: HostileS3, asked: Asked) -> list[bytes] | None:
    """Markers that come back: a, b, a."""
    if not asked.lists or "uploads" in asked.query or asked.query.get("delimiter"):
        return None
    at = asked.query.get("key-marker") or asked.query.get("start-after") or ""
    key = LAST if at == GOOD else GOOD
    more = f"<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
    return [answer("200 OK", {}, listing(asked, row(key, versions=asked.versions), truncated=True, more=more))]


def token(_server: HostileS3, asked: Asked) -> list[bytes] | None:
    """Empty pages with the same token for ever."""
    if not asked.lists or "uploads" in asked.query or asked.query.get("delimiter"):
        return None
    more = "<NextContinuationToken>t</NextContinuationToken><NextKeyMarker></NextKeyMarker>"
    return [answer("200 OK", {}, listing(asked, "", truncated=True, more=more))]


def elsewhere(_server: HostileS3, asked: Asked) -> list[bytes] | None:
    if asked.method == "HEAD" and asked.key == BAD:
        return [answer("307 Temporary Redirect", {"Location": f"/{BUCKET}/{GOOD}"})]
    return None


AES256, KMS = "x-amz-server-side-encryption: AES256", "x-amz-server-side-encryption: aws:kms"
TWICE = head(BAD).replace(f"{KMS}\r\n".encode(), f"{KMS}\r\n{AES256}\r\n".encode())
LIES: dict[str, Lie] = {
    "an empty body": of_listing(b""),
    "a page of a proxy": of_listing(b"<html><body>Welcome</body></html>"),
    "no word on whether there is more": of_page(truncated=None),
    "more, and no marker": of_page(rows="", truncated=True),
    "another bucket": of_page(name="other"),
    "objects elsewhere": of_page(rows="<Contents><Key>other/x</Key></Contents><Version><Key>other/x</Key></Version>"),
    "markers that come back": loop,
    "a token for ever": token,
    "not there, and listed": of_head(answer("404 Not Found", {})),
    "a delete marker, and listed": of_head(answer("405 Method Not Allowed", {})),
    "the answer of another object": of_head(head(GOOD)),
    "no answer of S3": of_head(answer("200 OK", {"ETag": f'"{ETAGS[BAD]}"'})),
    "two encryptions": of_head(TWICE),
    "an algorithm that looks alike": of_head(head(BAD).replace(KMS.encode(), AES256.encode() + b", aws:kms")),
    "somewhere else": elsewhere,
    "SSE-C without a key": of_head(
        head(BAD).replace(KMS.encode(), b"x-amz-server-side-encryption-customer-algorithm: AES256")
    ),
    "one answer too many": surplus(late=False),
    "one answer too many, late": surplus(late=True),
    "unavailable": of_head(answer("501 Not Implemented", {})),
    "forbidden": of_head(answer("403 Forbidden", {})),
}


@pytest.mark.parametrize("engine", ["auto", "boto3"])
@pytest.mark.parametrize("versions", [False, True], ids=["objects", "versions"])
@pytest.mark.parametrize("lie", LIES)
def test_lie(server: HostileS3, monkeypatch: pytest.MonkeyPatch, lie: str, versions: bool, engine: str) -> None:
    for name, value in {"ACCESS_KEY_ID": "AKIALIES", "SECRET_ACCESS_KEY": "x", "ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server.tell(LIES[lie])
    options = {"storage_profile": PROFILE, "versions": versions, "engine": engine, "concurrency": 1}
    result = run_in_controller("object_encryption_info", options, check=False)
    if result.get("failed"):
        assert not PYTHON.search(result["msg"]), result["msg"]
        assert result["error"]
    else:
        assert result["status"] != "compliant", result
        assert BAD in {one["key"] for one in result["non_compliant_objects"]}


@pytest.mark.parametrize("engine", ["auto", "boto3"])
def test_truth(server: HostileS3, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Without a lie each object is what it is."""
    for name, value in {"ACCESS_KEY_ID": "AKIALIES", "SECRET_ACCESS_KEY": "x", "ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server.tell(lambda _server, _asked: None)
    result = run_in_controller("object_encryption_info", {"storage_profile": PROFILE, "engine": engine}, check=False)
    assert (result["counts"]["total"], result["counts"]["compliant"]) == (3, 2)
    assert [one["reason"] for one in result["non_compliant_objects"]] == ["wrong_algorithm"]
