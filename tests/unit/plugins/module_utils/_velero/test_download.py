# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What S3 answers to a signed URL."""

from __future__ import annotations

import gzip
import http.server
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.download import _trust, fetch, is_of_endpoint

DENIED = b"<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt</Message></Error>"


ANSWERS = {
    "/read": (200, gzip.compress(b"content")),
    "/denied": (403, DENIED),
    "/missing": (404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"),
    "/odd": (502, b"Bad gateway"),
    "/elsewhere": (302, b""),
    "/plain": (200, b"not compressed"),
    "/cut": (200, gzip.compress(b"content" * 1000)[:20]),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = ANSWERS[self.path.partition("?")[0]]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/read")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "outcome", "text"),
    [
        ("/read", "read", ""),
        ("/denied", "refused", "AccessDenied: not authorized to perform: kms:Decrypt"),
        ("/missing", "missing", "NoSuchKey: no such key"),
        ("/elsewhere", "refused", "HTTP 302: "),
        ("/odd", "refused", "HTTP 502: Bad gateway"),
        ("/plain", "unreachable", "its content cannot be used: it was cut off or is damaged"),
        ("/cut", "unreachable", "its content cannot be used: it was cut off or is damaged"),
    ],
)
def test_fetch(url: str, path: str, outcome: str, text: str) -> None:
    found = fetch(f"{url}{path}?X-Amz-Signature=secret", ssl.create_default_context())
    assert found.read_result.outcome == outcome
    assert found.read_result.text.startswith(text)
    assert "secret" not in found.read_result.text
    assert found.content == (b"content" if outcome == "read" else b"")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x?X-Amz-Signature=secret", "http://no-such-host.invalid/?secret"]
)
def test_nothing_listens(address: str) -> None:
    found = fetch(address, ssl.create_default_context())
    assert found.read_result.outcome == "unreachable"
    assert found.read_result.text.startswith("S3 cannot be reached from here (")
    assert "secret" not in found.read_result.text


def test_trust_is_that_of_the_plugin() -> None:
    assert _trust({}).verify_mode == ssl.CERT_REQUIRED
    assert _trust({"spec": {"config": {"insecureSkipTLSVerify": "false"}}}).verify_mode == ssl.CERT_REQUIRED
    assert _trust({"spec": {"config": {"insecureSkipTLSVerify": "true"}}}).verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    ("url", "s3_url", "followed"),
    [
        ("https://acme-backups.s3.eu-central-1.amazonaws.com/x?X-Amz-Signature=1", "", True),
        ("http://minio:9000/x", "http://minio:9000", True),
        ("http://minio:9000/x", "", False),
        ("http://minio:9000/x", "https://minio:9000", False),
        ("file:///etc/passwd", "http://minio:9000", False),
        ("ftp://host/x", "", False),
        ("x.gz", "", False),
    ],
)
def test_links_that_are_followed(url: str, s3_url: str, followed: bool) -> None:
    assert is_of_endpoint(url, s3_url) is followed
