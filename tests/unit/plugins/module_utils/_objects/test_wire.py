# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of HTTP that the fast path reads, and when it leaves everything to boto3."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import SentRequest
from ansible_collections.coffer.velero.plugins.module_utils._objects import pace
from ansible_collections.coffer.velero.plugins.module_utils._objects.hire import endpoint_of
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Response
from ansible_collections.coffer.velero.plugins.module_utils._objects.sign import Endpoint
from ansible_collections.coffer.velero.plugins.module_utils._objects.wire import Message

HEAD = b"HTTP/1.1 200 OK\r\nX-Amz-Server-Side-Encryption:  aws:kms \r\nContent-Length: 42\r\n\r\n"


def whole(method: str, data: bytes, step: int) -> Message:
    message = Message(method)
    complete = [message.feed(data[start : start + step]) for start in range(0, len(data), step)]
    assert complete == [False] * (len(complete) - 1) + [True]
    return message


@pytest.mark.parametrize("step", [1, 7, 10**6])
@pytest.mark.parametrize(
    ("method", "data", "status", "body"),
    [
        ("HEAD", HEAD, 200, b""),
        ("GET", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nabc", 403, b"abc"),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\nA;x=y\r\n123456\r\n\r\n\r\n0\r\n\r\n",
            200,
            b"a\r\n123456\r\n\r\n",
        ),
        ("GET", b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0\r\nx: y\r\n\r\n", 200, b""),
    ],
)
def test_answers(method: str, data: bytes, status: int, body: bytes, step: int) -> None:
    message = whole(method, data, step)
    assert (message.status, message.body, message.last) == (status, body, False)


def test_headers_have_lower_case_names() -> None:
    assert whole("HEAD", HEAD, 1000).headers["x-amz-server-side-encryption"] == "aws:kms"


@pytest.mark.parametrize("line", ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"])
def test_a_connection_that_will_be_closed(line: str) -> None:
    message = Message("GET")
    assert not message.feed(f"{line}\r\n\r\nabc".encode())
    assert message.last
    assert message.end()
    assert message.body == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n\r\n",
    ],
)
def test_what_is_not_understood_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Message("GET").feed(data)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"])
def test_a_connection_that_broke_off_is_no_answer(data: bytes) -> None:
    message = Message("GET")
    assert not message.feed(data)
    assert not message.end()


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx", Response(200, {"content-length": "1"})),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 45\r\n\r\n<Error><Code>InvalidRequest</Code><M/></Error>",
            Response(400, {"content-length": "45"}, "InvalidRequest"),
        ),
    ],
)
def test_response(data: bytes, response: Response) -> None:
    message = Message("GET")
    message.feed(data)
    assert message.response == response


@pytest.mark.parametrize(("per_second", "pauses"), [(None, [0, 0, 0]), (100, [0, 0.01, 0.02])])
def test_pace(monkeypatch: pytest.MonkeyPatch, per_second: float | None, pauses: list[float]) -> None:
    monkeypatch.setattr(pace, "_LATE", 0.0)
    monkeypatch.setattr(pace.time, "monotonic", lambda: 50.0)
    made = pace.Pace(per_second)
    assert [made.reserve() for dummy in pauses] == pytest.approx(pauses)


SCOPE = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/s3/aws4_request"
SIGNED = f"{SCOPE}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0"
HEADERS = {"authorization": SIGNED, "x-amz-date": "", "x-amz-content-sha256": "", "user-agent": "x"}
URL = "https://acme-backups.s3.eu-central-1.amazonaws.com/?versions&prefix=p"
HOST = "acme-backups.s3.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (URL, Endpoint(HOST, HOST, 443, "", "eu-central-1", True, "/ca.pem")),
        (
            "https://s3.dualstack.eu-central-1.amazonaws.com/acme.backups?versions",
            Endpoint(
                "s3.dualstack.eu-central-1.amazonaws.com",
                "s3.dualstack.eu-central-1.amazonaws.com",
                443,
                "/acme.backups",
                "eu-central-1",
                True,
                "/ca.pem",
            ),
        ),
        (
            "http://127.0.0.1:9000/b?versions",
            Endpoint("127.0.0.1:9000", "127.0.0.1", 9000, "/b", "eu-central-1", False, "/ca.pem"),
        ),
        ("http://[::1]:9000/b", Endpoint("[::1]:9000", "::1", 9000, "/b", "eu-central-1", False, "/ca.pem")),
    ],
)
def test_the_endpoint_is_that_of_boto3(url: str, endpoint: Endpoint) -> None:
    assert endpoint_of(SentRequest(url, HEADERS, True, "/ca.pem")) == endpoint


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(SentRequest(URL, HEADERS, False, None), id="a proxy or a client certificate"),
        pytest.param(SentRequest(URL, {}, True, None), id="anonymous"),
        pytest.param(SentRequest(URL, {"authorization": "AWS AKID:x"}, True, None), id="signature version 2"),
        pytest.param(
            SentRequest(URL, {"authorization": SIGNED.replace("HMAC", "ECDSA")}, True, None), id="several Regions"
        ),
        pytest.param(
            SentRequest(URL, {"authorization": SIGNED.replace("/s3/", "/s3express/")}, True, None), id="another service"
        ),
        pytest.param(
            SentRequest(
                URL,
                {**HEADERS, "authorization": SIGNED.replace("x-amz-date", "x-amz-date;x-amz-request-payer")},
                True,
                None,
            ),
            id="a header of the user's",
        ),
    ],
)
def test_what_is_unusual_is_left_to_boto3(sent: SentRequest) -> None:
    assert endpoint_of(sent) is None
