# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scan objects with boto3: any endpoint, any proxy, any credentials. PRIVATE to coffer.velero."""

from __future__ import annotations

import queue
import threading
import time
import typing as t
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .._aws import Aws
from .._errors import CofferError, ServiceError, UnforeseenError
from . import model
from .batch import Batch, BatchDone, BatchFailed, Event, PageListed
from .head_probe import CREDENTIAL_CODES, probe
from .listing import build_page, page_parameters
from .rate_limiter import RateLimiter
from .result_collector import ResultCollector

_BUSY = frozenset({"503", "429", "500", "502", "504", "SlowDown", "InternalError", "Throttling", "ThrottlingException"})
_BUSY |= {"ServiceUnavailable", "RequestTimeout", "TooManyRequests", "RequestLimitExceeded"}
#: Seconds between two tries of a request that S3 throttles, after those of the SDK.
_PAUSES = (1, 2, 4, 8, 15, 30, 60)


class Boto3Scanner:
    """A pool of threads that send one request after the other.

    :param per_second: the most requests a second, ``None`` for no limit
    :ivar scanned: how many objects were scanned, those of unfinished batches too
    """

    def __init__(self, aws: Aws, options: model.ScanOptions, threads: int, per_second: float | None = None) -> None:
        self._aws = aws
        self._options = options
        self._rate_limiter = RateLimiter(per_second)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads)
        self._batches = ThreadPoolExecutor(2)
        self._running = 0
        self.scanned = 0
        self._lock = threading.Lock()

    def has_room(self) -> bool:
        """Whether another batch would be started soon."""
        return self._running < 2

    def submit(self, batch: Batch) -> None:
        """Start a batch."""
        self._running += 1
        self._batches.submit(self._run, batch)

    def wait(self, seconds: float) -> list[Event]:
        """The events since the last call; empty where nothing happens in time."""
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=seconds) if seconds > 0 else self._events.get_nowait())
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            pass
        self._running -= sum(not isinstance(event, PageListed) for event in events)
        return events

    def close(self) -> None:
        """Stop, whatever is in progress."""
        for pool in (self._batches, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, batch: Batch) -> None:
        try:
            self._events.put(self._scan(batch))
        except CofferError as error:
            self._events.put(BatchFailed(batch.number, error))
        except Exception as error:  # what is not foreseen must end the task, not the thread alone
            self._events.put(BatchFailed(batch.number, UnforeseenError(error)))

    def _scan(self, batch: Batch) -> BatchDone:
        page = model.Page(batch.objects, batch.delete_markers)
        if batch.listing:
            page = self._list(batch.listing)
            if batch.listing.delimited and page.next_marker:
                return BatchDone(batch.number, has_many_prefixes=True)
            self._events.put(PageListed(batch.number, page.next_marker))
        collector = ResultCollector(self._options)
        collector.totals.delete_markers = page.delete_markers
        for version, seen in zip(page.objects, self._observe(page.objects), strict=True):
            collector.add(version, seen)
            with self._lock:
                self.scanned += 1
        return BatchDone(batch.number, collector.totals, collector.lines(), prefixes=page.prefixes)

    def _observe(self, objects: Iterable[model.ObjectVersion]) -> Iterable[model.Observation]:
        futures = [self._pool.submit(self._probe, version) for version in objects]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    def _probe(self, version: model.ObjectVersion) -> model.Observation:
        if version.reported and not version.probe:
            return version.reported
        requests = probe(version, self._options)
        request = next(requests)
        while True:
            answer = self._confirmation(request) if isinstance(request, model.PageRequest) else self._send(request)
            try:
                request = requests.send(answer)
            except StopIteration as end:
                return t.cast("model.Observation", end.value)

    def _list(self, listing: model.PageRequest) -> model.Page:
        """One page of a listing.

        :raises ServiceError: where the answer is none
        """
        action, arguments = listing_call(listing, self._options)
        answer = self._call(action, arguments)
        try:
            return _page(answer, self._options)
        except (ValueError, TypeError, AttributeError) as error:
            message = f"The answer is not one of S3 ({error})."
            hint = "Find out what answers in its place: a proxy, or another server."
            raise ServiceError(action, "InvalidResponse", message, hint=hint) from error

    def _confirmation(self, listing: model.PageRequest) -> model.Page | None:
        """The page that shows whether an object was deleted; who reads an Inventory report need not be allowed to."""
        try:
            return self._list(listing)
        except ServiceError:
            return None

    def _send(self, request: model.Request) -> model.Response:
        arguments: dict[str, t.Any] = {"Bucket": self._options.bucket, "Key": request.key}
        if request.version_id:
            arguments["VersionId"] = request.version_id
        if request.with_customer_key:  # botocore encodes it, and adds its digest
            arguments |= {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": self._options.customer_key}
        action = "s3:HeadObject"
        if request.method == "GET":
            action, arguments["Range"] = "s3:GetObject", "bytes=0-0"
        try:
            answer = self._call(action, arguments)
        except ServiceError as error:
            if error.code in CREDENTIAL_CODES:
                raise
            code = "" if error.code.isdigit() else error.code
            return model.Response(error.status, {}, code or ("" if error.status else "no answer"))
        if request.method == "GET":
            answer["Body"].close()
        return model.Response(200, answer["ResponseMetadata"]["HTTPHeaders"])

    def _call(self, action: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """Send a request; where S3 throttles it, again and again with longer pauses."""
        pauses = iter(_PAUSES)
        while True:
            time.sleep(self._rate_limiter.reserve())
            try:
                return self._aws.call(action, **arguments)
            except ServiceError as error:
                pause = next(pauses, None)
                if pause is None or error.code not in _BUSY:
                    raise
                time.sleep(pause)


def listing_call(listing: model.PageRequest, options: model.ScanOptions) -> tuple[str, dict[str, t.Any]]:
    """The action that lists a page, and its arguments in boto3, whose names are those of REST in other letters."""
    parameters = page_parameters(listing, options)
    arguments = {name.title().replace("-", ""): value for name, value in parameters.items()}
    if options.owner:
        arguments["ExpectedBucketOwner"] = options.owner
    action = "s3:ListObjectVersions" if options.versions else "s3:ListObjectsV2"
    return action, {"Bucket": options.bucket, **arguments}


def _page(answer: dict[str, t.Any], options: model.ScanOptions) -> model.Page:
    found = answer.get("Versions" if options.versions else "Contents", [])
    rows = [{**row, "LastModified": row["LastModified"].isoformat()} for row in found]
    prefixes = [row["Prefix"] for row in answer.get("CommonPrefixes", [])]
    return build_page(rows, prefixes, len(answer.get("DeleteMarkers", [])), answer, options)
