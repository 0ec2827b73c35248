# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of S3 as a scan of objects needs, and fast: HEAD with encryption headers, and listings.

``python -m tests.benchmarks.s3_stub --help``. Signatures are not checked. The access key ``EXPIRES1790000000``
expires at that moment.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import re
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "9999abcd")
PREFIX = "production/"
PAGE = 1000
SSE = "x-amz-server-side-encryption"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def kms(algorithm: str = "aws:kms", key: str = KEY, bucket_key: bool = True) -> tuple[int, str, str]:
    text = f"{SSE}: {algorithm}\r\n{SSE}-aws-kms-key-id: {key}\r\n"
    return 200, text + (f"{SSE}-bucket-key-enabled: true\r\n" if bucket_key else ""), ""


#: The answer to a HEAD by kind: status, headers, and the code that only a GET returns.
KINDS: dict[str, tuple[int, str, str]] = {
    "good": kms(),
    "plain": (200, f"{SSE}: AES256\r\n", ""),
    "none": (200, "", ""),
    "other-key": kms(key=OTHER_KEY),
    "no-bucket-key": kms(bucket_key=False),
    "dsse": kms("aws:kms:dsse", bucket_key=False),
    "denied": (403, "", "AccessDenied"),
    "sse-c": (400, "", "InvalidRequest"),
    "deleted": (404, "", "NoSuchKey"),
    "marker": (405, "", "MethodNotAllowed"),
    "broken": (501, "", "NotImplemented"),
}
ODD = [kind for kind in KINDS if kind != "good"]
NAMES = [
    "new\nline",
    "%41",
    "a b",
    " lead",
    "p+q",
    "é中",
    "~tilde",
    "//",
    "../up",
    "<script>",
    "&amp;",
    "'\"",
    "#?=",
    "",
]
EXPIRES = re.compile(rb"Credential=EXPIRES(\d+)/")
STATUS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Slow Down"}


def objects(count: int, spread: bool) -> Iterator[tuple[str, str]]:
    """Keys and kinds: a tenth belongs to backups, the rest to the kopia repositories of eight namespaces."""
    for number in range(count):
        kind, odd = "good", ""
        if spread and number % 20 == 7:
            kind = ODD[number // 20 % len(ODD)]
            odd = NAMES[number // 20 % len(NAMES)]
        if number % 10 == 0:
            yield f"{PREFIX}backups/b{number // 90:06}/{odd}{number:08}.gz", kind
        else:
            yield f"{PREFIX}kopia/ns{number % 8}/p{number * 2654435761 % 2**32:08x}{number:08x}{odd}", kind


class Bucket:
    """The objects, sorted, and the pages of their listing."""

    def __init__(self, count: int, spread: bool = False, rate: float = 0.0, region: str = "") -> None:
        self.rate, self.second, self.answered = rate, 0, 0
        self.region = region
        kinds = dict(objects(count, spread))
        self.keys = sorted(kinds, key=str.encode)
        self.odd = {key: kind for key, kind in kinds.items() if kind != "good"}

    def is_busy(self) -> bool:
        second = int(time.time())
        self.answered = self.answered + 1 if second == self.second else 1
        self.second = second
        return self.answered > self.rate

    def page(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("key-marker") or query.get("continuation-token") or query.get("start-after") or ""
        start = bisect.bisect_right(self.keys, after.encode(), key=str.encode) if after else 0
        start = max(start, bisect.bisect_left(self.keys, prefix.encode(), key=str.encode))
        end = bisect.bisect_left(self.keys, f"{prefix}\U0010ffff".encode(), key=str.encode)
        versions = "versions" in query
        rows: list[str] = []
        last = ""
        while start < end and len(rows) < PAGE:
            last = key = self.keys[start]
            head, found, _tail = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if prefix == key and self.odd.get(key) in ("deleted", "marker"):  # gone when somebody looks again
                start += 1
                continue
            if found:
                whole = prefix + head + delimiter
                rows.append(f"<CommonPrefixes><Prefix>{quote(whole)}</Prefix></CommonPrefixes>")
                start = bisect.bisect_left(self.keys, f"{whole}\U0010ffff".encode(), key=str.encode)
                continue
            tag, more = (
                ("Version", "<VersionId>null</VersionId><IsLatest>true</IsLatest>") if versions else ("Contents", "")
            )
            rows.append(
                f"<{tag}><Key>{quote(key)}</Key>{more}<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f'<ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag><Size>42</Size><StorageClass>STANDARD</StorageClass></{tag}>'
            )
            start += 1
        next_page = ""
        if start < end:
            name = "NextKeyMarker" if versions else "NextContinuationToken"
            next_page = f"<{name}>{quote(last)}</{name}><NextVersionIdMarker>null</NextVersionIdMarker>"
        root = "ListVersionsResult" if versions else "ListBucketResult"
        state = f"<EncodingType>url</EncodingType><IsTruncated>{str(start < end).lower()}</IsTruncated>{next_page}"
        return f'<?xml version="1.0" encoding="UTF-8"?><{root} {XMLNS}>{state}{"".join(rows)}</{root}>'.encode()


GOOD = f"HTTP/1.1 200 OK\r\nx-amz-request-id: 0\r\n{kms()[1]}Content-Length: 42\r\nServer: stub\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """Answers each request at once."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.rest = (self.rest + data).split(b"\r\n\r\n")
        self.transport.write(b"".join(map(self.answer, requests)))

    def answer(self, request: bytes) -> bytes:
        method, target = request.split(b" ", 2)[:2]
        if self.bucket.rate and self.bucket.is_busy():
            return refusal(method, 503, "SlowDown")
        expires = EXPIRES.search(request)
        if expires and time.time() > int(expires[1]):
            return refusal(method, 400, "ExpiredToken")
        if self.bucket.region and f"/{self.bucket.region}/s3/".encode() not in request:
            return refusal(method, 301, "PermanentRedirect", f"x-amz-bucket-region: {self.bucket.region}\r\n")
        path, dummy, query = target.decode().partition("?")
        if path.startswith("http://"):  # as a proxy is asked
            path = path[path.index("/", 7) :]
        key = unquote(path[1:].partition("/")[2])
        if method == b"GET" and not key:
            values = {name: value[0] for name, value in parse_qs(query, keep_blank_values=True).items()}
            body = b"<ListMultipartUploadsResult/>" if "uploads" in values else self.bucket.page(values)
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (
                len(body),
                body,
            )
        kind = self.bucket.odd.get(key, "good")
        if kind == "good":
            return GOOD if method == b"HEAD" else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        return refusal(method, *KINDS[kind][::2], KINDS[kind][1])


def refusal(method: bytes, status: int, code: str, headers: str = "") -> bytes:
    body = f"<Error><Code>{code}</Code></Error>".encode() if code and method != b"HEAD" else b""
    line = f"HTTP/1.1 {status} {STATUS.get(status, 'Error')}\r\n{headers}"
    return f"{line}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def serve(port: int, bucket: Bucket, certificate: str | None = None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(bucket), "127.0.0.1", port, backlog=512, ssl=context)
    print(f"ready, {'uvloop' if 'uvloop' in sys.modules else 'asyncio'}", flush=True)
    await server.serve_forever()


def main() -> None:
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    parser = argparse.ArgumentParser(description="As much of S3 as a scan of objects needs.")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int, help="objects in the bucket, whose name is any")
    parser.add_argument("--spread", action="store_true", help="make every 20th of another kind")
    parser.add_argument("--rate", type=float, default=0.0, help="answer so many requests a second, and no more")
    parser.add_argument("--region", default="", help="redirect requests for another Region")
    parser.add_argument("--certificate", help="speak TLS with this file of a certificate and its key")
    arguments = parser.parse_args()
    bucket = Bucket(arguments.count, arguments.spread, arguments.rate, arguments.region)
    run(serve(arguments.port, bucket, arguments.certificate))


if __name__ == "__main__":
    main()
