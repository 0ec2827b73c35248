# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to S3 over many sockets at once, and no more of HTTP than S3 needs. PRIVATE to coffer.velero.

Each connection has one request in flight and is kept. Where S3 throttles, the number of requests in flight shrinks at
once and grows again slowly. An answer that is not understood is not guessed at: boto3 repeats the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import ssl
import time
import typing as t
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .model import Response
from .rate_limiter import RateLimiter
from .sigv4 import Endpoint

#: S3 throttles, or has a temporary error.
BUSY = frozenset({429, 500, 502, 503, 504})
MAX_TRIES = 12
MAX_LOST = 4
MAX_BODY = 64 * 2**20
TIMEOUT = 60.0
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class HttpResponse:
    """One answer, parsed as it arrives."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._data = b""
        self._length: int | None = None
        self._chunked = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.last = False

    def feed(self, data: bytes) -> bool:
        """Take what arrived; whether the answer is complete.

        :raises ValueError: where it is not HTTP
        """
        self._data = self._data + data if self._data else data
        if not self.status:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._head(self._data[:end])
            self._data = self._data[end + 4 :]
        if self._method == "HEAD" or self.status in (204, 304):
            return True
        if self._chunked:
            return self._chunks()
        if self._length is None or len(self._data) < self._length:
            return False
        self.body = self._data[: self._length]
        return True

    @property
    def has_surplus(self) -> bool:
        """Whether more arrived than belongs to the answer: then nobody knows which answer belongs to which request."""
        if self._method == "HEAD" or self.status in (204, 304):
            return bool(self._data)
        return self._length is not None and not self._chunked and len(self._data) > self._length

    def end(self) -> bool:
        """The connection was closed; whether that completes the answer."""
        if not self.status or self._chunked or self._length is not None:
            return False
        self.body = self._data
        return True

    def _head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status = first.split(" ", 2)[:2]
        if version not in ("HTTP/1.1", "HTTP/1.0") or int(status) < 200:
            raise ValueError(first)
        self.status = int(status)
        for line in lines:
            name, dummy, value = line.partition(":")
            known = self.headers.setdefault(name.lower(), value.strip())
            if known != value.strip() and name.lower().startswith(("x-amz-", "content-length", "etag")):
                raise ValueError(f"{name} is given twice")
        length = self.headers.get("content-length")
        self._length = None if length is None else int(length)
        if self._length is not None and self._length > MAX_BODY and self._method != "HEAD":
            raise ValueError("a body that was not asked for")
        self._chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        self.last = self.headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"

    def _chunks(self) -> bool:
        if not self._data.endswith(b"\r\n\r\n"):  # of the last chunk, or in the midst of the body
            return False
        parts: list[bytes] = []
        rest = self._data
        while rest:
            line, _end, rest = rest.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if not size:
                self.body = b"".join(parts)
                return True
            if len(rest) < size + 2:
                return False
            parts.append(rest[:size])
            rest = rest[size + 2 :]
        return False

    @property
    def response(self) -> Response:
        """The answer as a probe takes it."""
        code = _CODE.search(self.body[:4096]) if self.status >= 300 else None
        status = 200 if self.status == 206 else self.status
        return Response(status, self.headers, code[1].decode("latin-1") if code else "")


@dataclass(slots=True, eq=False)
class HttpRequest:
    """A request, until it is answered.

    :param write: makes the bytes of the request, at the moment they are sent
    :param on_answer: gets the answer, or ``None`` where the request was given up
    """

    method: str
    write: Callable[[], bytes]
    on_answer: Callable[[HttpResponse | None], None]
    response: HttpResponse = field(init=False)
    tries: int = 0
    lost: int = 0


class _Connection(asyncio.Protocol):
    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self.request: HttpRequest | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = t.cast(asyncio.Transport, transport)

    def send(self, request: HttpRequest) -> None:
        transport = t.cast(asyncio.Transport, self._transport)
        self.request, self.since = request, self._pool.now
        request.response = HttpResponse(request.method)
        transport.write(request.write())

    def data_received(self, data: bytes) -> None:
        request = self.request
        if request is None:  # nothing was requested
            self._drop()
            return
        try:
            is_complete = request.response.feed(data)
        except ValueError:
            self._drop()
            self._pool.give_up(request)
            return
        if is_complete and request.response.has_surplus:
            self._drop()
            self._pool.retry_lost(request)
        elif is_complete:
            self._finish(request)

    def _finish(self, request: HttpRequest) -> None:
        self.request = None
        if request.response.last:
            self._drop()
        else:
            self._pool.idle.append(self)
        self._pool.answer(request)

    def connection_lost(self, exc: Exception | None) -> None:
        request = self.request
        self._transport = None
        self._drop()
        if request and request.response.end():
            self._pool.answer(request)
        elif request:
            self._pool.retry_lost(request)

    def _drop(self) -> None:
        self.request = None
        self._pool.forget(self)
        self.abort()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()


class ConnectionPool:
    """The connections to one endpoint.

    :param size: the most requests in flight
    """

    def __init__(self, endpoint: Endpoint, size: int, rate_limiter: RateLimiter) -> None:
        self._endpoint = endpoint
        self._size = size
        self._limit = float(size)
        self._rate_limiter = rate_limiter
        self._context = _context(endpoint)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[HttpRequest] = deque()
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_paused = False
        self._slowed = 0.0
        self.idle: list[_Connection] = []
        self.now = time.monotonic()

    def submit(self, request: HttpRequest, *, first: bool = False) -> None:
        if first:
            self._waiting.appendleft(request)
        else:
            self._waiting.append(request)
        self._pump()

    def _pump(self) -> None:
        while self._waiting and not self._is_paused:
            if self._in_flight >= int(self._limit):
                return
            if not self.idle:
                if len(self._connections) + len(self._opening) < self._size:
                    task = self._loop.create_task(self._open())
                    self._opening.add(task)
                    task.add_done_callback(self._opening.discard)
                    if len(self._opening) < len(self._waiting):
                        continue
                return
            pause = self._rate_limiter.reserve()
            if pause > 0.001:
                self._is_paused = True
                self._loop.call_later(pause, self._resume)
                return
            self.idle.pop().send(self._waiting.popleft())

    def _resume(self) -> None:
        self._is_paused = False
        if self._waiting and self.idle:  # its moment is reserved already
            self.idle.pop().send(self._waiting.popleft())
        self._pump()

    @property
    def _in_flight(self) -> int:
        return len(self._connections) - len(self.idle)

    async def _open(self) -> None:
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(TIMEOUT):
                _transport, connection = await self._loop.create_connection(
                    lambda: _Connection(self), endpoint.address, endpoint.port, ssl=self._context
                )
        except (OSError, TimeoutError):
            self._opening.discard(asyncio.current_task())
            if self._waiting and not self._connections:
                self.retry_lost(self._waiting.popleft())
            return
        self._connections.add(connection)
        self.idle.append(connection)
        self._opening.discard(asyncio.current_task())
        self._pump()

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(ValueError):
            self.idle.remove(connection)

    def answer(self, request: HttpRequest) -> None:
        if request.response.status in BUSY:
            self._slow_down()
            self._retry(request, MAX_TRIES)
        else:
            self._limit = min(self._size, self._limit + 1 / self._limit)
            request.on_answer(request.response)
        self._pump()

    def retry_lost(self, request: HttpRequest) -> None:
        """The connection broke off before the answer."""
        request.lost += 1
        self._retry(request, MAX_TRIES if request.lost < MAX_LOST else 0)

    def give_up(self, request: HttpRequest) -> None:
        request.on_answer(None)
        self._pump()

    def _retry(self, request: HttpRequest, max_tries: int) -> None:
        request.tries += 1
        if request.tries > max_tries:
            self.give_up(request)
            return
        pause = min(0.05 * 2**request.tries, 20) * random.uniform(0.5, 1)
        self._loop.call_later(pause, self.submit, request)

    def _slow_down(self) -> None:
        now = time.monotonic()
        if now - self._slowed > 0.25:  # the requests that were in flight together are one reason
            self._slowed = now
            self._limit = max(1.0, self._limit * 0.6)

    async def watch(self) -> None:
        """Abort requests that take too long, until this task is canceled."""
        while True:
            await asyncio.sleep(1)
            self.now = time.monotonic()
            for connection in list(self._connections):
                if connection.request and self.now - connection.since > TIMEOUT:
                    connection.abort()


def _context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """TLS as botocore does it: the same authorities, the name of the host checked, or nothing at all."""
    if not endpoint.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if endpoint.certificates is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif os.path.isdir(endpoint.certificates):
        context.load_verify_locations(capath=endpoint.certificates)
    else:
        context.load_verify_locations(endpoint.certificates)
    return context
