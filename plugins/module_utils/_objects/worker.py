# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that looks at objects: it is told which, and says what it saw. PRIVATE to coffer.velero."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import pickle
import socket
import struct
import time
import typing as t
from collections.abc import Generator

from ansible_collections.coffer.velero.plugins.module_utils._objects.inquiry import OBJECT_CODES, inquire
from ansible_collections.coffer.velero.plugins.module_utils._objects.listing import question, read_page
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    Entry,
    Listing,
    Page,
    Request,
    Response,
    Seen,
    Wanted,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.pace import Pace
from ansible_collections.coffer.velero.plugins.module_utils._objects.sign import (
    Credentials,
    Endpoint,
    Signer,
    object_path,
    query_string,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.wire import Job, Message, Pool
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Done, Ledger, Listed, Unit

LENGTH = struct.Struct("!I")
_CUSTOMER = "x-amz-server-side-encryption-customer"

#: A status that says something of the object; any other is left to boto3.
_TELLING = frozenset({200, 400, 403, 404, 405})


class Looked(t.NamedTuple):
    """How many objects this process has looked at."""

    objects: int


class Handed(t.NamedTuple):
    """A unit that this process cannot do."""

    number: int


def pack(message: t.Any) -> bytes:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


class Setup(t.NamedTuple):
    """What a process needs to know."""

    wanted: Wanted
    endpoint: Endpoint
    connections: int
    per_second: float | None


class Worker:
    """Answers units with events, until the channel is closed."""

    def __init__(self, setup: Setup) -> None:
        self._wanted = setup.wanted
        self._endpoint = setup.endpoint
        self._pool = Pool(setup.endpoint, setup.connections, Pace(setup.per_second))
        self._credentials: Credentials | None = None
        self._signer: Signer | None = None
        self._second = 0
        self.looked = 0
        self._customer = _customer_headers(setup.wanted.customer_key)

    async def run(self, channel: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=channel)
        tasks = {asyncio.create_task(self._pool.watch()), asyncio.create_task(self._report())}
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
                message: Unit | Credentials = pickle.loads(await reader.readexactly(size))
                if isinstance(message, Credentials):
                    self._credentials, self._signer = message, None
                    continue
                task = asyncio.create_task(self._work(message))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        for task in tasks:
            task.cancel()

    async def _report(self) -> None:
        """Say how far this process is, for ever."""
        while True:
            await asyncio.sleep(1)
            self._tell(Looked(self.looked))

    async def _work(self, unit: Unit) -> None:
        try:
            await self._unit(unit)
        except Exception:  # whatever it is, boto3 does the unit, or says what is wrong
            self._tell(Handed(unit.number))

    async def _unit(self, unit: Unit) -> None:
        page = Page(unit.entries, unit.delete_markers)
        if unit.listing:
            listed = await self._list(unit.listing)
            if listed is None:
                self._tell(Handed(unit.number))
                return
            page = listed
            if unit.listing.delimited and page.following:
                self._tell(Done(unit.number, undivided=True))
                return
            self._tell(Listed(unit.number, page.following))
        ledger = Ledger(self._wanted)
        ledger.tally.delete_markers = page.delete_markers
        left = []
        for entry, seen in zip(page.entries, await self._look(page.entries), strict=True):
            if seen is None:
                left.append(entry)
            else:
                ledger.enter(entry, seen)
        self._tell(Done(unit.number, ledger.tally, ledger.lines(), tuple(left), page.prefixes))

    def _tell(self, event: t.Any) -> None:
        self._writer.write(pack(event))

    async def _list(self, listing: Listing) -> Page | None:
        future: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        path = self._endpoint.base or "/"
        query = query_string(question(listing, self._wanted))
        owner = {"x-amz-expected-bucket-owner": self._wanted.owner} if self._wanted.owner else {}
        job = Job("GET", lambda: self._sign("GET", path, query, owner), future.set_result)
        self._pool.submit(job, first=True)
        message = await future
        if message is None or message.status != 200:
            return None
        try:
            return read_page(message.body, self._wanted)
        except ValueError:
            return None

    async def _look(self, entries: tuple[Entry, ...]) -> list[Seen | None]:
        """What is seen of each; ``None`` where boto3 has to ask."""
        look = _Look(self, entries)
        for index in range(len(entries)):
            look.begin(index)
        if look.open:
            await look.finished
        return look.seen

    def ask(self, request: Request, answered: t.Callable[[Message | None], None]) -> None:
        path = object_path(self._endpoint, request.key)
        query = query_string({"versionId": request.version_id}) if request.version_id else ""
        extra = self._customer if request.with_customer_key else None
        more = "range: bytes=0-0\r\n" if request.method == "GET" else ""
        job = Job(request.method, lambda: self._sign(request.method, path, query, extra, more), answered)
        self._pool.submit(job)

    def _sign(self, method: str, path: str, query: str, extra: dict[str, str] | None, more: str = "") -> bytes:
        second = int(time.time())
        if self._signer is None or second != self._second:
            credentials = t.cast(Credentials, self._credentials)
            self._signer, self._second = Signer(self._endpoint, credentials, second), second
        return self._signer.head(method, path, query, extra, more)


class _Look:
    """The inquiries of one page."""

    def __init__(self, worker: Worker, entries: tuple[Entry, ...]) -> None:
        self._worker = worker
        self._entries = entries
        self.seen: list[Seen | None] = [None] * len(entries)
        self.open = len(entries)
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self, index: int) -> None:
        entry = self._entries[index]
        if entry.told and not entry.ask:
            self._end(index, entry.told)
            return
        inquiry = inquire(entry, self._worker._wanted)
        self._ask(index, inquiry, next(inquiry))

    def _ask(self, index: int, inquiry: Generator[Request, Response, Seen], request: Request) -> None:
        def answered(message: Message | None) -> None:
            if message is None:
                self._end(index, None)
                return
            response = message.response
            if response.status not in _TELLING or (response.code and response.code not in OBJECT_CODES):
                self._end(index, None)
                return
            try:
                following = inquiry.send(response)
            except StopIteration as end:
                self._end(index, end.value)
            else:
                self._ask(index, inquiry, following)

        self._worker.ask(request, answered)

    def _end(self, index: int, seen: Seen | None) -> None:
        self.seen[index] = seen
        self.open -= 1
        self._worker.looked += seen is not None
        if not self.open and not self.finished.done():
            self.finished.set_result(None)


def _customer_headers(key: bytes | None) -> dict[str, str]:
    if key is None:
        return {}
    digest = hashlib.md5(key, usedforsecurity=False).digest()
    return {
        f"{_CUSTOMER}-algorithm": "AES256",
        f"{_CUSTOMER}-key": base64.b64encode(key).decode(),
        f"{_CUSTOMER}-key-md5": base64.b64encode(digest).decode(),
    }


def serve(channel: socket.socket, setup: Setup) -> None:
    """Work until the channel is closed."""

    async def main() -> None:
        await Worker(setup).run(channel)

    asyncio.run(main())
