# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of object scans, beside those of botocore."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.config import Config
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coffer.velero.plugins.module_utils._objects.sigv4 import (
    Credentials,
    Endpoint,
    Signer,
    object_path,
    query_string,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.worker import customer_key_headers

MOMENT = 1790000000.0
NAMES = [
    "plain.json",
    "a b",
    " lead",
    "trail ",
    "new\nline",
    "carriage\rreturn",
    "tab\t",
    "nul\x01\x7f",
    "50%",
    "%41",
    "%2F",
    "a+b",
    "tilde~",
    "a//b",
    "/lead",
    "//",
    "../up",
    "./here",
    "a/../b",
    "trail/",
    "é",
    "e\u0301",
    "中文",
    "😀",
    "<script>alert(1)</script>",
    "&amp;",
    "quote'\"",
    "#fragment",
    "?query=1",
    "a=b&c=d",
    "back\\slash",
    "semi;colon,comma:at@",
    "(paren)[bracket]{brace}",
    "!*$^|`",
    "-._",
]
VERSIONS = [None, "null", "3HL4kqtJvjVBH40Nrjfkd", "a/b+c=d e~"]
STYLES = ["path", "virtual"]


class Wired(Exception):
    """Carries the request that botocore would have sent."""


_SESSION = Session()
_SENT: list[Any] = []


def _capture(request: Any, **_details: Any) -> None:
    _SENT.append(request)
    raise Wired


@cache
def client(style: str, token: str | None) -> Any:
    made = _SESSION.create_client(
        "s3",
        region_name="eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/with+signs",
        aws_session_token=token,
        config=Config(s3={"addressing_style": style}, signature_version="s3v4"),
    )
    made.meta.events.register("before-send.s3.HeadObject", _capture)
    return made


def by_botocore(
    key: str, version: str | None, style: str, token: str | None, customer_key: bytes | None = None
) -> tuple[str, str, str]:
    """Method and target, Host, Authorization."""
    arguments: dict[str, Any] = {"Bucket": "acme-backups", "Key": key}
    if version:
        arguments["VersionId"] = version
    if customer_key:
        arguments |= {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": customer_key}
    _SENT.clear()
    with at_the_moment(), pytest.raises(Wired):
        client(style, token).head_object(**arguments)
    url = _SENT[0].url
    parts = urlsplit(url)
    target = url[len(f"{parts.scheme}://{parts.netloc}") :]
    authorization = _SENT[0].headers["Authorization"]
    return f"HEAD {target}", parts.netloc, authorization.decode() if isinstance(authorization, bytes) else authorization


def at_the_moment() -> Any:
    """botocore's clock stands still."""
    moment = dt.datetime.fromtimestamp(MOMENT, dt.UTC).replace(tzinfo=None)
    if hasattr(botocore.auth, "get_current_datetime"):
        return mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment)
    clock = mock.Mock(wraps=dt.datetime, utcnow=lambda: moment)
    return mock.patch.object(botocore.auth.datetime, "datetime", clock)


def by_us(
    key: str, version: str | None, style: str, token: str | None, extra: dict[str, str] | None = None
) -> tuple[str, str, str]:
    region = "eu-central-1"
    host = f"s3.{region}.amazonaws.com"
    base = "/acme-backups"
    if style == "virtual":
        host, base = f"acme-backups.{host}", ""
    endpoint = Endpoint(host, host, 443, base, region, True)
    signer = Signer(endpoint, Credentials("AKIDEXAMPLE", "secret/with+signs", token), MOMENT)
    query = query_string({"versionId": version}) if version else ""
    text = signer.head("HEAD", object_path(endpoint, key), query, extra).decode()
    assert text.endswith("\r\n\r\n")
    first, *lines = text.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert first.endswith(" HTTP/1.1")
    return first.removesuffix(" HTTP/1.1"), headers["host"], headers["authorization"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("key", NAMES)
def test_every_kind_of_name_is_signed_as_botocore_does(key: str, style: str) -> None:
    name = f"production/kopia/ns/{key}"
    for place in (name, key):
        assert by_us(place, None, style, None) == by_botocore(place, None, style, None)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("token", [None, "session/token+=="])
def test_versions_and_sessions(version: str | None, token: str | None) -> None:
    assert by_us("a b", version, "virtual", token) == by_botocore("a b", version, "virtual", token)


def test_a_customers_key() -> None:
    key = bytes(range(32))
    ours = by_us("a", "v", "path", None, customer_key_headers(key))
    assert ours == by_botocore("a", "v", "path", None, key)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_whatever_the_name(key: str) -> None:
    assert by_us(key, None, "virtual", None) == by_botocore(key, None, "virtual", None)


def test_nothing_secret_is_shown() -> None:
    assert "hidden" not in repr(Credentials("AKID", "hidden", "hidden"))
