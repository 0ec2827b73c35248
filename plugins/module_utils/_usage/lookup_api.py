# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of CloudTrail's records: Event history. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._objects.rate_limiter import RateLimiter
from ansible_collections.coffer.velero.plugins.module_utils._usage import records
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import (
    HISTORY_DAYS,
    KMS,
    Answer,
    Target,
    Window,
    refuse_older,
)
from ansible_collections.coffer.velero.plugins.module_utils._usage.watch import Watch

#: "The rate of lookup requests is limited to two per second, per account, per Region" (CloudTrail API reference).
PER_SECOND = 2.0
#: Events of a page; the most that LookupEvents gives.
_PAGE = 50


@dataclass
class LookupSource:
    """Event history: the management events of 90 days, which needs no trail.

    :param scope: ``key`` looks up the events that name the key as their resource, ``service`` all events of KMS
    :param max_events: the most to read
    """

    aws: Aws
    scope: str
    max_events: int
    watch: Watch
    kind: str = "lookup"

    def usage(self, target: Target, window: Window, now: dt.datetime, *, max_failures: int) -> Answer:
        """All of it; LookupEvents gives whole events, the latest first, and counts nothing."""
        refuse_older(window, HISTORY_DAYS, now, "CloudTrail's event history", "choose another source.")
        read, more, found = 0, False, []
        for event in self._events(target, window):
            if read == self.max_events:
                more = True
                break
            read += 1
            record = json.loads(event["CloudTrailEvent"])
            if records.concerns(record, target):
                found.append(record)
        warnings, notes = [], []
        if more:
            warnings.append(
                f"There are more events than the latest {read} that were read. Raise max_events, at 100 a second, or"
                " ask for a shorter window."
            )
        if self.scope == "key":
            notes.append(
                "Event history finds the key's events by the resource that they name. Calls that were refused before"
                " KMS looked at the key may name none: lookup_scope=service finds them too, and reads all of KMS."
            )
        rows, failures = records.rows(found), records.failures(found, max_failures)
        return Answer(rows, failures, truncated=more, warnings=tuple(warnings), notes=tuple(notes))

    def objects(self, bucket: str, window: Window) -> None:
        """Event history has no data events."""

    def _events(self, target: Target, window: Window) -> Iterator[t.Any]:
        # Only one attribute can be given.
        attribute = ("ResourceName", target.arn) if self.scope == "key" else ("EventSource", KMS)
        search: dict[str, t.Any] = {
            "LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}],
            "StartTime": window.start,
            "EndTime": window.end,
            "MaxResults": _PAGE,
        }
        pace, read = RateLimiter(PER_SECOND), 0
        while True:
            wait = pace.reserve()
            if wait:
                self.watch.sleep(wait)
            answer = self.aws.call("cloudtrail:LookupEvents", **search)
            read += len(answer["Events"])
            yield from answer["Events"]
            if not answer.get("NextToken"):
                return
            self.watch.tell(f"LookupEvents, {read} events")
            search["NextToken"] = answer["NextToken"]
