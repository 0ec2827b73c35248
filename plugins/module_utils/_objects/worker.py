# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that scans the objects of batches, and reports what it observed. PRIVATE to coffer.velero."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import pickle
import socket
import struct
import time
import typing as t

from . import http_client, model, sigv4
from .batch import Batch, BatchDone, PageListed
from .head_probe import OBJECT_CODES, Probe, key_md5, probe
from .listing import build_query, parse_page
from .rate_limiter import RateLimiter
from .result_collector import ResultCollector

LENGTH = struct.Struct("!I")
_CUSTOMER = "x-amz-server-side-encryption-customer"

#: A status that says something of the object; boto3 repeats a request with any other.
_OBJECT_STATUSES = frozenset({200, 400, 403, 404, 405})
_OBJECT_CODES = OBJECT_CODES | {""}


class Progress(t.NamedTuple):
    """How many objects this process has scanned."""

    objects: int


class BatchDeclined(t.NamedTuple):
    """A batch that this process cannot do."""

    number: int


class WorkerConfig(t.NamedTuple):
    """What a process needs to know."""

    options: model.ScanOptions
    endpoint: sigv4.Endpoint
    connections: int
    per_second: float | None


def pack(message: t.Any) -> bytes:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


async def serve(channel: socket.socket, config: WorkerConfig) -> None:
    """Answer batches with events, until the channel is closed."""
    await Worker(config).run(channel)


class Worker:
    """Scans batches inside an event loop."""

    def __init__(self, config: WorkerConfig) -> None:
        self.options = config.options
        self._endpoint = config.endpoint
        self._pool = http_client.ConnectionPool(config.endpoint, config.connections, RateLimiter(config.per_second))
        self._credentials: sigv4.Credentials | None = None
        self._signer: sigv4.Signer | None = None
        self._second = 0
        self._customer_headers = customer_key_headers(config.options.customer_key)
        self.scanned = 0

    async def run(self, channel: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=channel)
        tasks = {asyncio.create_task(self._pool.watch()), asyncio.create_task(self._report_progress())}
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
                message: Batch | sigv4.Credentials = pickle.loads(await reader.readexactly(size))
                if isinstance(message, sigv4.Credentials):
                    self._credentials, self._signer = message, None
                    continue
                task = asyncio.create_task(self._run(message))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        for task in tasks:
            task.cancel()

    async def _report_progress(self) -> t.NoReturn:
        while True:
            await asyncio.sleep(1)
            self._send(Progress(self.scanned))

    def _send(self, event: t.Any) -> None:
        self._writer.write(pack(event))

    async def _run(self, batch: Batch) -> None:
        try:
            self._send(await self._scan(batch))
        except Exception:  # whatever it is, boto3 does the batch, or says what is wrong
            self._send(BatchDeclined(batch.number))

    async def _scan(self, batch: Batch) -> BatchDone:
        page = model.Page(batch.objects, batch.delete_markers)
        if batch.listing:
            page = await self._list(batch.listing)
            if batch.listing.delimited and page.next_marker:
                return BatchDone(batch.number, has_many_prefixes=True)
            self._send(PageListed(batch.number, page.next_marker))
        collector = ResultCollector(self.options)
        collector.totals.delete_markers = page.delete_markers
        remaining = []
        for version, seen in zip(page.objects, await _PageScan(self, page.objects).run(), strict=True):
            if seen is None:
                remaining.append(version)
            else:
                collector.add(version, seen)
        return BatchDone(batch.number, collector.totals, collector.lines(), tuple(remaining), page.prefixes)

    async def _list(self, listing: model.PageRequest) -> model.Page:
        """One page of a listing.

        :raises ValueError: where the answer is none
        """
        future: asyncio.Future[model.Page | None] = asyncio.get_running_loop().create_future()
        self.list_page(listing, future.set_result, first=True)
        page = await future
        if page is None:
            raise ValueError("no listing")
        return page

    def list_page(
        self, listing: model.PageRequest, on_page: t.Callable[[model.Page | None], None], *, first: bool = False
    ) -> None:
        """Request one page of a listing; ``None`` where the answer is none."""

        def on_answer(answer: http_client.HttpResponse | None) -> None:
            page = None
            if answer is not None and answer.status == 200:
                with contextlib.suppress(ValueError):
                    page = parse_page(answer.body, self.options)
            on_page(page)

        path = self._endpoint.base or "/"
        query = sigv4.query_string(build_query(listing, self.options))
        owner = {"x-amz-expected-bucket-owner": self.options.owner} if self.options.owner else {}
        request = http_client.HttpRequest("GET", lambda: self._sign("GET", path, query, owner), on_answer)
        self._pool.submit(request, first=first)

    def submit(self, request: model.Request, on_answer: t.Callable[[http_client.HttpResponse | None], None]) -> None:
        path = sigv4.object_path(self._endpoint, request.key)
        query = sigv4.query_string({"versionId": request.version_id}) if request.version_id else ""
        extra = self._customer_headers if request.with_customer_key else None
        more = "range: bytes=0-0\r\n" if request.method == "GET" else ""
        self._pool.submit(
            http_client.HttpRequest(
                request.method, lambda: self._sign(request.method, path, query, extra, more), on_answer
            )
        )

    def _sign(self, method: str, path: str, query: str, extra: dict[str, str] | None, more: str = "") -> bytes:
        second = int(time.time())
        if self._signer is None or second != self._second:
            credentials = t.cast(sigv4.Credentials, self._credentials)
            self._signer, self._second = sigv4.Signer(self._endpoint, credentials, second), second
        return self._signer.head(method, path, query, extra, more)


class _PageScan:
    """The probes of the objects of one page, all at once."""

    def __init__(self, worker: Worker, objects: tuple[model.ObjectVersion, ...]) -> None:
        self._worker = worker
        self._objects = objects
        self._seen: list[model.Observation | None] = [None] * len(objects)
        self._open = len(objects)
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> list[model.Observation | None]:
        """What is observed of each object; ``None`` where boto3 has to send the requests."""
        for index, version in enumerate(self._objects):
            if version.reported and not version.probe:
                self._end(index, version.reported)
            else:
                requests = probe(version, self._worker.options)
                self._submit(index, requests, next(requests))
        if self._open:
            await self._finished
        return self._seen

    def _submit(self, index: int, requests: Probe, request: model.Request | model.PageRequest) -> None:
        def advance(answer: model.Response | model.Page) -> None:
            try:
                following = requests.send(answer)
            except StopIteration as end:
                self._end(index, end.value)
            else:
                self._submit(index, requests, following)

        def on_page(page: model.Page | None) -> None:
            if page is None:
                self._end(index, None)
            else:
                advance(page)

        def on_answer(answer: http_client.HttpResponse | None) -> None:
            response = answer and answer.response
            if not response or response.status not in _OBJECT_STATUSES or response.code not in _OBJECT_CODES:
                self._end(index, None)
            else:
                advance(response)

        if isinstance(request, model.PageRequest):
            self._worker.list_page(request, on_page)
        else:
            self._worker.submit(request, on_answer)

    def _end(self, index: int, seen: model.Observation | None) -> None:
        self._seen[index] = seen
        self._open -= 1
        self._worker.scanned += seen is not None
        if not self._open and not self._finished.done():
            self._finished.set_result(None)


def customer_key_headers(key: bytes | None) -> dict[str, str]:
    if key is None:
        return {}
    return {
        f"{_CUSTOMER}-algorithm": "AES256",
        f"{_CUSTOMER}-key": base64.b64encode(key).decode(),
        f"{_CUSTOMER}-key-md5": key_md5(key),
    }
