# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key's usage from CloudTrail's Event history, by LookupEvents. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .._aws import Aws
from .._objects.rate_limiter import RateLimiter
from . import records
from .model import KMS, KeyIdentifiers, Usage, Window
from .polling import Poller

#: Event history keeps management events that long (CloudTrail API reference, LookupEvents).
_RETENTION_DAYS = 90
#: "The rate of lookup requests is limited to two per second, per account, per Region" (CloudTrail API reference).
_PER_SECOND = 2.0
#: Events of a page; the most that LookupEvents gives.
_PAGE_SIZE = 50


@dataclass
class EventHistorySource:
    """Event history: the management events of 90 days, which needs no trail.

    :param scope: ``key`` looks up the events that name the key as their resource, ``service`` all events of KMS
    :param max_events: the most to read
    """

    aws: Aws
    scope: str
    max_events: int
    poller: Poller
    kind: str = "lookup"

    def usage(self, key: KeyIdentifiers, window: Window, now: dt.datetime, *, max_failures: int) -> Usage:
        """LookupEvents gives whole events, the latest first, and counts nothing."""
        window.require_retained(_RETENTION_DAYS, now, "CloudTrail's event history")
        truncated, found = False, []
        for read, event in enumerate(self._events(key, window)):
            if read == self.max_events:
                truncated = True
                break
            record = json.loads(event["CloudTrailEvent"])
            if records.concerns(record, key):
                found.append(record)
        warnings, notes = [], []
        if truncated:
            warnings.append(
                f"There are more events than the latest {self.max_events} that were read. Raise max_events, at 100 a"
                " second, or ask for a shorter window."
            )
        if self.scope == "key":
            notes.append(
                "Event history finds the key's events by the resource that they name. Calls that were refused before"
                " KMS looked at the key may name none: lookup_scope=service finds them too, and reads all of KMS."
            )
        failures = records.latest_failures(found, max_failures)
        return Usage(records.count(found), failures, truncated, tuple(warnings), tuple(notes))

    def _events(self, key: KeyIdentifiers, window: Window) -> Iterator[t.Any]:
        # Only one attribute can be given.
        attribute = ("ResourceName", key.arn) if self.scope == "key" else ("EventSource", KMS)
        search: dict[str, t.Any] = {
            "LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}],
            "StartTime": window.start,
            "EndTime": window.end,
            "MaxResults": _PAGE_SIZE,
        }
        pace, read = RateLimiter(_PER_SECOND), 0
        while True:
            wait = pace.reserve()
            if wait:
                self.poller.sleep(wait)
            answer = self.aws.call("cloudtrail:LookupEvents", **search)
            read += len(answer["Events"])
            yield from answer["Events"]
            if not answer.get("NextToken"):
                return
            self.poller.report(f"LookupEvents, {read} events")
            search["NextToken"] = answer["NextToken"]
