# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to S3 over many sockets at once, and no more of HTTP than S3 needs. PRIVATE to coffer.velero.

Each connection has one request under way and is kept. Where S3 is busy the number of requests under way shrinks at
once and grows again slowly. What is not understood is not guessed at: the request is given up, and boto3 asks.
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

from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Response
from ansible_collections.coffer.velero.plugins.module_utils._objects.pace import Pace
from ansible_collections.coffer.velero.plugins.module_utils._objects.sign import Endpoint

#: S3 asks to slow down, or has a moment of its own.
BUSY = frozenset({429, 500, 502, 503, 504})
MOST_TRIES = 12
MOST_LOST = 4
MOST_BODY = 64 * 2**20
TIMEOUT = 60.0
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class Message:
    """One answer, read as it comes in."""

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
        """Take what came in; whether the answer is complete.

        :raises ValueError: where it is no HTTP
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
            self.headers[name.lower()] = value.strip()
        length = self.headers.get("content-length")
        self._length = None if length is None else int(length)
        if self._length is not None and self._length > MOST_BODY and self._method != "HEAD":
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
        """The answer in the words of an inquiry."""
        code = _CODE.search(self.body[:4096]) if self.status >= 300 else None
        status = 200 if self.status == 206 else self.status
        return Response(status, self.headers, code[1].decode("latin-1") if code else "")


class Job:
    """A request, until it is answered.

    :param write: makes the bytes of the request, at the moment they are sent
    :param answered: gets the answer, or ``None`` where the request was given up
    """

    __slots__ = ("answered", "lost", "method", "tries", "write")

    def __init__(self, method: str, write: Callable[[], bytes], answered: Callable[[Message | None], None]) -> None:
        self.method = method
        self.write = write
        self.answered = answered
        self.tries = 0
        self.lost = 0


class _Connection(asyncio.Protocol):
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._message: Message | None = None
        self.job: Job | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = t.cast(asyncio.Transport, transport)

    def send(self, job: Job) -> None:
        transport = t.cast(asyncio.Transport, self._transport)
        self.job, self._message, self.since = job, Message(job.method), self._pool.now
        transport.write(job.write())

    def data_received(self, data: bytes) -> None:
        message, job = self._message, self.job
        if message is None or job is None:  # nothing was asked
            self._drop()
            return
        try:
            if not message.feed(data):
                return
        except ValueError:
            self._drop()
            self._pool.give_up(job)
            return
        self._finish(job, message)

    def _finish(self, job: Job, message: Message) -> None:
        self.job = self._message = None
        if message.last:
            self._drop()
        else:
            self._pool.idle.append(self)
        self._pool.answer(job, message)

    def connection_lost(self, exc: Exception | None) -> None:
        job, message = self.job, self._message
        self._transport = None
        if job is None or message is None:
            self._pool.forget(self)
        elif message.end():
            message.last = True
            self._finish(job, message)
        else:
            self.job = self._message = None
            self._pool.forget(self)
            self._pool.lose(job)

    def _drop(self) -> None:
        self.job = self._message = None
        self._pool.forget(self)
        self.abort()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()


class Pool:
    """The connections to one endpoint.

    :param size: the most requests that are under way
    """

    def __init__(self, endpoint: Endpoint, size: int, pace: Pace) -> None:
        self._endpoint = endpoint
        self._size = size
        self._limit = float(size)
        self._pace = pace
        self._context = _context(endpoint)
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[Job] = deque()
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._asleep = False
        self._slowed = 0.0
        self.idle: list[_Connection] = []
        self.now = time.monotonic()

    def submit(self, job: Job, *, first: bool = False) -> None:
        if first:
            self._jobs.appendleft(job)
        else:
            self._jobs.append(job)
        self._pump()

    def _pump(self) -> None:
        while self._jobs and not self._asleep:
            if self._under_way >= int(self._limit):
                return
            if not self.idle:
                if len(self._connections) + len(self._opening) < self._size:
                    task = self._loop.create_task(self._open())
                    self._opening.add(task)
                    task.add_done_callback(self._opening.discard)
                    if len(self._opening) < len(self._jobs):
                        continue
                return
            pause = self._pace.reserve()
            if pause > 0.001:
                self._asleep = True
                self._loop.call_later(pause, self._awake)
                return
            self.idle.pop().send(self._jobs.popleft())

    def _awake(self) -> None:
        self._asleep = False
        if self._jobs and self.idle:  # its moment is reserved already
            self.idle.pop().send(self._jobs.popleft())
        self._pump()

    @property
    def _under_way(self) -> int:
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
            if self._jobs and not self._connections:
                self.lose(self._jobs.popleft())
            return
        self._connections.add(connection)
        self.idle.append(connection)
        self._opening.discard(asyncio.current_task())
        self._pump()

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(ValueError):
            self.idle.remove(connection)

    def answer(self, job: Job, message: Message) -> None:
        if message.status in BUSY:
            self._slow_down()
            self._again(job, MOST_TRIES)
        else:
            self._limit = min(self._size, self._limit + 1 / self._limit)
            job.answered(message)
        self._pump()

    def lose(self, job: Job) -> None:
        """The connection broke off before the answer."""
        job.lost += 1
        self._again(job, MOST_TRIES if job.lost < MOST_LOST else 0)

    def give_up(self, job: Job) -> None:
        job.answered(None)
        self._pump()

    def _again(self, job: Job, most: int) -> None:
        job.tries += 1
        if job.tries > most:
            self.give_up(job)
            return
        pause = min(0.05 * 2**job.tries, 20) * random.uniform(0.5, 1)
        self._loop.call_later(pause, self.submit, job)

    def _slow_down(self) -> None:
        now = time.monotonic()
        if now - self._slowed > 0.25:  # the requests that were under way together are one reason
            self._slowed = now
            self._limit = max(1.0, self._limit * 0.6)

    async def watch(self) -> None:
        """Break off requests that take too long, for ever."""
        while True:
            await asyncio.sleep(1)
            self.now = time.monotonic()
            for connection in list(self._connections):
                if connection.job and self.now - connection.since > TIMEOUT:
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
