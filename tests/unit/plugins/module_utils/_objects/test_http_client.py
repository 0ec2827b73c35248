# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of HTTP that the client of object scans reads, and what it leaves to boto3."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.http_client import HttpResponse
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Response

HEAD = b"HTTP/1.1 200 OK\r\nX-Amz-Server-Side-Encryption:  aws:kms \r\nContent-Length: 42\r\n\r\n"


def whole(method: str, data: bytes, step: int) -> HttpResponse:
    response = HttpResponse(method)
    complete = [response.feed(data[start : start + step]) for start in range(0, len(data), step)]
    assert complete == [False] * (len(complete) - 1) + [True]
    return response


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
    response = whole(method, data, step)
    assert (response.status, response.body, response.last) == (status, body, False)


def test_headers_have_lower_case_names() -> None:
    assert whole("HEAD", HEAD, 1000).headers["x-amz-server-side-encryption"] == "aws:kms"


@pytest.mark.parametrize("line", ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"])
def test_a_connection_that_will_be_closed(line: str) -> None:
    response = HttpResponse("GET")
    assert not response.feed(f"{line}\r\n\r\nabc".encode())
    assert response.last
    assert response.end()
    assert response.body == b"abc"


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
        HttpResponse("GET").feed(data)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"])
def test_a_connection_that_broke_off_is_no_answer(data: bytes) -> None:
    response = HttpResponse("GET")
    assert not response.feed(data)
    assert not response.end()


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
    answer = HttpResponse("GET")
    answer.feed(data)
    assert answer.response == response


@pytest.mark.parametrize(
    ("method", "data", "surplus"),
    [
        ("HEAD", HEAD, False),
        ("HEAD", HEAD + HEAD, True),
        ("HEAD", HEAD + b"body", True),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", False),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc", True),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nx", True),
    ],
)
def test_more_than_an_answer_is_noticed(method: str, data: bytes, surplus: bool) -> None:
    response = HttpResponse(method)
    assert response.feed(data)
    assert response.has_surplus is surplus


@pytest.mark.parametrize("name", ["X-Amz-Server-Side-Encryption", "ETag", "Content-Length"])
def test_header_that_contradicts_itself_is_not_understood(name: str) -> None:
    same = f"HTTP/1.1 200 OK\r\n{name}: 1\r\n{name.lower()}: 1\r\n\r\n".encode()
    assert HttpResponse("HEAD").feed(same)
    with pytest.raises(ValueError, match="is given twice"):
        HttpResponse("HEAD").feed(same.replace(b": 1\r\n\r\n", b": 2\r\n\r\n"))
