# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server that keeps to the protocol just enough to lie within it: one lie at a time.

Under the prefix are two objects that are encrypted with AES256, and between them one that is not. A lie changes what
the server answers; whatever it is, a scan must not find that all are as they should be.
"""

from __future__ import annotations

import re
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET, PREFIX = "acme-backups", "production/"
GOOD, BAD, LAST = f"{PREFIX}backups/b/1", f"{PREFIX}backups/b/2", f"{PREFIX}backups/b/3"
KEYS = (GOOD, BAD, LAST)
ETAGS = {GOOD: "1" * 32, BAD: "2" * 32, LAST: "3" * 32}
VERSIONS = {GOOD: "v1", BAD: "v2", LAST: "v3"}


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    key: str
    query: Mapping[str, str]

    @property
    def lists(self) -> bool:
        return self.method == "GET" and not self.key

    @property
    def versions(self) -> bool:
        return "versions" in self.query


def answer(status: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(key: str, **more: str) -> bytes:
    """The true answer to a HEAD."""
    algorithm = "aws:kms" if key == BAD else "AES256"
    headers = {"ETag": f'"{ETAGS[key]}"', "x-amz-server-side-encryption": algorithm, "Content-Length": "5"}
    return answer("200 OK", headers | {name.replace("_", "-"): value for name, value in more.items()})


def row(key: str, *, versions: bool, **more: str) -> str:
    tag = "Version" if versions else "Contents"
    version = f"<VersionId>{VERSIONS.get(key, 'v')}</VersionId><IsLatest>true</IsLatest>" if versions else ""
    fields = {"Key": key, "LastModified": "2026-01-01T00:00:00.000Z", "ETag": f'"{ETAGS.get(key, "0")}"', "Size": "5"}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in (fields | more).items())
    return f"<{tag}>{inner}{version}</{tag}>"


def listing(
    asked: Asked, rows: str = "", *, truncated: bool | None = False, more: str = "", name: str = BUCKET
) -> bytes:
    root = "ListVersionsResult" if asked.versions else "ListBucketResult"
    state = "" if truncated is None else f"<IsTruncated>{str(truncated).lower()}</IsTruncated>"
    return f"<?xml version='1.0'?><{root}><Name>{name}</Name>{state}{more}{rows}</{root}>".encode()


def page(asked: Asked) -> bytes:
    """The true page."""
    prefix = asked.query.get("prefix", "")
    after = asked.query.get("key-marker") or asked.query.get("start-after") or ""
    keys = [key for key in KEYS if key.startswith(prefix) and key > after]
    if asked.query.get("delimiter"):
        names = sorted({key[: key.index("/", len(prefix)) + 1] for key in keys})
        return listing(asked, "".join(f"<CommonPrefixes><Prefix>{one}</Prefix></CommonPrefixes>" for one in names))
    return listing(asked, "".join(row(key, versions=asked.versions) for key in keys))


#: What is sent, in parts with a pause between them; ``None`` for the truth.
Lie = Callable[["HostileS3", Asked], "list[bytes] | None"]


@dataclass
class HostileS3:
    """The server, with the lie of the moment."""

    lie: Lie = lambda _server, _asked: None
    seen: list[Asked] = field(default_factory=list)

    def __enter__(self) -> HostileS3:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def tell(self, lie: Lie) -> None:
        self.lie = lie
        self.seen.clear()

    def serve(self, handler: socketserver.StreamRequestHandler) -> None:
        while line := handler.rfile.readline():
            while handler.rfile.readline() not in (b"\r\n", b""):
                pass
            asked = parse(line.decode("latin-1"))
            self.seen.append(asked)
            parts = self.lie(self, asked) or [self.truth(asked)]
            try:
                for number, part in enumerate(parts):
                    time.sleep(0.03 if number else 0)
                    handler.wfile.write(part)
                    handler.wfile.flush()
            except OSError:
                return
            if any(b"Connection: close" in part for part in parts):
                return

    def truth(self, asked: Asked) -> bytes:
        if asked.lists:
            return answer(
                "200 OK", {"Content-Type": "application/xml"}, b"" if "uploads" in asked.query else page(asked)
            )
        if asked.key in ETAGS and asked.method == "GET":
            return answer("200 OK", {"ETag": f'"{ETAGS[asked.key]}"'}, b"12345")
        if asked.key in ETAGS:
            return head(asked.key, **({"x_amz_version_id": VERSIONS[asked.key]} if "versionId" in asked.query else {}))
        return answer("404 Not Found", {})


def parse(line: str) -> Asked:
    method, target = line.split(" ")[:2]
    url = urlsplit(target)
    path = unquote(re.sub(r"^/", "", url.path))
    key = path.removeprefix(BUCKET).removeprefix("/")
    query: dict[str, Any] = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    return Asked(method, key, query)
