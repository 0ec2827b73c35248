# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a listing: their queries and answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.listing import build_query, parse_page
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    ObjectVersion,
    PageRequest,
    ScanOptions,
)

OPTIONS = ScanOptions(bucket="acme-backups", owner="", prefix="p/", mode="sse-s3", versions=False)


@pytest.mark.parametrize(
    ("listing", "versions", "query"),
    [
        (PageRequest("p/"), False, {"list-type": "2"}),
        (PageRequest("p/"), True, {"versions": ""}),
        (PageRequest("p/", True), False, {"list-type": "2", "delimiter": "/"}),
        (PageRequest("p/", marker=("p/a b", "")), False, {"list-type": "2", "start-after": "p/a b"}),
        (PageRequest("p/", marker=("", "t")), False, {"list-type": "2", "continuation-token": "t"}),
        (PageRequest("p/", marker=("p/a", "v")), True, {"versions": "", "key-marker": "p/a", "version-id-marker": "v"}),
    ],
)
def test_query(listing: PageRequest, versions: bool, query: dict[str, str]) -> None:
    common = {"encoding-type": "url", "prefix": "p/"}
    assert build_query(listing, replace(OPTIONS, versions=versions)) == {**common, **query}


def page(kind: str, inner: str, *, truncated: bool = False, encoded: bool = True, more: str = "") -> bytes:
    encoding = "<EncodingType>url</EncodingType>" if encoded else ""
    head = f"<{kind} xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{encoding}"
    return f"{head}<IsTruncated>{str(truncated).lower()}</IsTruncated>{more}{inner}</{kind}>".encode()


def test_a_page_of_versions() -> None:
    body = page(
        "ListVersionsResult",
        "<Version><Key>p/a%0A+b%2B</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><Size>7</Size>"
        "<ETag>&quot;e-1&quot;</ETag>"
        "<LastModified>2026-01-01T02:03:04.000Z</LastModified></Version>"
        "<DeleteMarker><Key>p/a</Key><VersionId>v3</VersionId></DeleteMarker>"
        "<CommonPrefixes><Prefix>p/k%2F/</Prefix></CommonPrefixes>",
        truncated=True,
        more="<NextKeyMarker>p/a%0A</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>",
    )
    found = parse_page(body, replace(OPTIONS, versions=True))
    assert found.objects == (ObjectVersion("p/a\n b+", "v2", False, 7, "2026-01-01T02:03:04Z", "e-1"),)
    assert (found.delete_markers, found.prefixes, found.next_marker) == (1, ("p/k//",), ("p/a\n", "v2"))


def test_a_page_of_objects() -> None:
    inner = "<Contents><Key>p/a%25</Key><Size>0</Size></Contents>"
    found = parse_page(page("ListBucketResult", inner, truncated=True), OPTIONS)
    assert found.objects[0].key == "p/a%"
    assert found.next_marker == ("p/a%", "")
    assert found.objects[0].version_id is None
    assert parse_page(page("ListBucketResult", inner, encoded=False), OPTIONS).objects[0].key == "p/a%25"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"<html></html>",
        b"<Error><Code>x</Code></Error>",
        b"<ListBucketResult></ListBucketResult>",
        page("ListBucketResult", "", truncated=True),
        page("ListBucketResult", "", more="<Name>other</Name>"),
        page("ListBucketResult", "<Contents><Key>q/a</Key></Contents>"),
    ],
)
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(ValueError, match="listing"):
        parse_page(body, OPTIONS)


def test_page_without_an_object_goes_on_at_its_token() -> None:
    more = "<NextContinuationToken>t</NextContinuationToken>"
    assert parse_page(page("ListBucketResult", "", truncated=True, more=more), OPTIONS).next_marker == ("", "t")


def test_last_name_of_a_page_may_be_a_prefix() -> None:
    inner = (
        "<Contents><Key>p/a</Key></Contents><CommonPrefixes><Prefix>p/b/</Prefix><Prefix>p/c/</Prefix></CommonPrefixes>"
    )
    found = parse_page(page("ListBucketResult", inner, truncated=True), OPTIONS)
    assert (found.prefixes, found.next_marker) == (("p/b/", "p/c/"), ("p/c/", ""))
