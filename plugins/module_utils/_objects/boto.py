# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at objects with boto3: any endpoint, any proxy, any credentials. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import hashlib
import queue
import threading
import time
import typing as t
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._objects.inquiry import CREDENTIAL_CODES, inquire
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
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import (
    Broken,
    Done,
    Event,
    Ledger,
    Listed,
    Unit,
)

_BUSY = frozenset({"503", "429", "500", "502", "504", "SlowDown", "InternalError", "Throttling", "ThrottlingException"})
_BUSY |= {"ServiceUnavailable", "RequestTimeout", "TooManyRequests", "RequestLimitExceeded"}
#: Seconds between two tries of a request that S3 had no time for, after those of the SDK.
_PAUSES = (1, 2, 4, 8, 15, 30, 60)


class BotoCrew:
    """A pool of threads that send one request after the other.

    :param per_second: the most requests a second, ``None`` for no limit
    """

    def __init__(
        self,
        aws: Aws,
        wanted: Wanted,
        threads: int,
        per_second: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._aws = aws
        self._wanted = wanted
        self._sleep = sleep
        self._pace = Pace(per_second)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads)
        self._pages = ThreadPoolExecutor(2)
        self._running = 0
        self.looked = 0
        self._lock = threading.Lock()

    def has_room(self) -> bool:
        return self._running < 2

    def submit(self, unit: Unit) -> None:
        self._running += 1
        self._pages.submit(self._work, unit)

    def wait(self, seconds: float) -> list[Event]:
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=seconds) if seconds > 0 else self._events.get_nowait())
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            pass
        self._running -= sum(not isinstance(event, Listed) for event in events)
        return events

    def close(self) -> None:
        for pool in (self._pages, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, unit: Unit) -> None:
        try:
            self._events.put(self._unit(unit))
        except ServiceError as error:
            self._events.put(Broken(unit.number, error))
        except Exception as error:  # what is not foreseen must end the task, not the thread alone
            self._events.put(Broken(unit.number, ServiceError("s3:HeadObject", type(error).__name__, str(error))))

    def _unit(self, unit: Unit) -> Done:
        page = Page(unit.entries, unit.delete_markers)
        if unit.listing:
            page = self._list(unit.listing)
            if unit.listing.delimited and page.following:
                return Done(unit.number, undivided=True)
            self._events.put(Listed(unit.number, page.following))
        ledger = Ledger(self._wanted)
        ledger.tally.delete_markers = page.delete_markers
        for entry, seen in zip(page.entries, self._look(page.entries), strict=True):
            ledger.enter(entry, seen)
            with self._lock:
                self.looked += 1
        return Done(unit.number, ledger.tally, ledger.lines(), prefixes=page.prefixes)

    def _look(self, entries: Iterable[Entry]) -> Iterable[Seen]:
        futures: list[Future[Seen]] = [self._pool.submit(self._inquire, entry) for entry in entries]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    def _inquire(self, entry: Entry) -> Seen:
        if entry.told and not entry.ask:
            return entry.told
        inquiry = inquire(entry, self._wanted)
        request = next(inquiry)
        while True:
            response = self._send(request)
            try:
                request = inquiry.send(response)
            except StopIteration as end:
                return t.cast("Seen", end.value)

    def _send(self, request: Request) -> Response:
        arguments: dict[str, t.Any] = {"Bucket": self._wanted.bucket, "Key": request.key}
        if request.version_id:
            arguments["VersionId"] = request.version_id
        if request.with_customer_key:
            key = self._wanted.customer_key or b""
            digest = base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
            encoded = base64.b64encode(key).decode()
            arguments |= {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": encoded, "SSECustomerKeyMD5": digest}
        action = "s3:HeadObject"
        if request.method == "GET":
            action, arguments["Range"] = "s3:GetObject", "bytes=0-0"
        try:
            answer = self._patiently(action, arguments)
        except ServiceError as error:
            if error.code in CREDENTIAL_CODES:
                raise
            code = "" if error.code.isdigit() else error.code
            return Response(error.status, {}, code or ("" if error.status else "no answer"))
        if request.method == "GET":
            answer["Body"].close()
        metadata = answer["ResponseMetadata"]
        return Response(200, metadata["HTTPHeaders"])

    def _patiently(self, action: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """Send a request; where S3 is busy, again and again with longer pauses."""
        for pause in (*_PAUSES, None):
            self._sleep(self._pace.reserve())
            try:
                return self._aws.call(action, **arguments)
            except ServiceError as error:
                if pause is None or error.code not in _BUSY:
                    raise
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _list(self, listing: Listing) -> Page:
        wanted = self._wanted
        arguments: dict[str, t.Any] = {"Bucket": wanted.bucket, "Prefix": listing.prefix}
        if wanted.owner:
            arguments["ExpectedBucketOwner"] = wanted.owner
        if listing.delimited:
            arguments["Delimiter"] = "/"
        if listing.marker and wanted.versions:
            arguments["KeyMarker"], arguments["VersionIdMarker"] = listing.marker
        elif listing.marker:
            arguments["StartAfter"] = listing.marker[0]
        action = "s3:ListObjectVersions" if wanted.versions else "s3:ListObjectsV2"
        return _page(self._patiently(action, arguments), wanted)


def _page(answer: dict[str, t.Any], wanted: Wanted) -> Page:
    rows = answer.get("Versions" if wanted.versions else "Contents", [])
    prefixes = tuple(row["Prefix"] for row in answer.get("CommonPrefixes", []))
    following = None
    if answer.get("IsTruncated"):
        last = rows[-1]["Key"] if rows else "".join(prefixes[-1:])
        key = answer.get("NextKeyMarker", "") if wanted.versions else last
        following = (key, answer.get("NextVersionIdMarker", ""))
    entries = tuple(
        Entry(
            row["Key"],
            row.get("VersionId"),
            bool(row.get("IsLatest", True)),
            int(row.get("Size", 0)),
            row["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for row in rows
    )
    return Page(entries, len(answer.get("DeleteMarkers", [])), prefixes, following)
