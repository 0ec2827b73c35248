# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of CloudTrail's records: CloudTrail Lake. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._usage.lake import (
    MOST_ROWS,
    failures_sql,
    objects_sql,
    usage_sql,
)
from ansible_collections.coffer.velero.plugins.module_utils._usage.logs_api import Missing
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import (
    Answer,
    Failure,
    Row,
    Target,
    Window,
    refuse_older,
    young,
)
from ansible_collections.coffer.velero.plugins.module_utils._usage.watch import Watch, stopped_unless_done

_ENDED = ("FINISHED", "FAILED", "CANCELLED", "TIMED_OUT")
_STORE = re.compile(
    r"(arn:[a-z-]+:cloudtrail:[a-z0-9-]+:[0-9]{12}:eventdatastore/)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
#: Rows of a page; the most that GetQueryResults gives.
_PAGE = 1000


class Found(t.NamedTuple):
    """The answer to one query."""

    rows: tuple[Mapping[str, str], ...]
    bytes_scanned: int


@dataclass
class LakeSource:
    """CloudTrail's records in an event data store.

    :param store: its ARN or id
    """

    aws: Aws
    store: str
    watch: Watch
    kind: str = "lake"

    def __post_init__(self) -> None:
        if not _STORE.fullmatch(self.store):
            remediation = "Give arn:aws:cloudtrail:REGION:ACCOUNT:eventdatastore/ID."
            raise ValidationError("event_data_store", self.store, "is not the ARN of an event data store", remediation)

    @property
    def store_id(self) -> str:
        return self.store.rpartition("/")[2]

    def usage(self, target: Target, window: Window, now: dt.datetime, *, max_failures: int) -> Answer:
        """All of it: one query for the counts, a second one where there are failures to show."""
        warnings = self._refuse_older(window, now)
        found = self._ask(usage_sql(self.store_id, target, window))
        rows = tuple(map(_row, found.rows))
        failures: tuple[Failure, ...] = ()
        scanned = found.bytes_scanned
        if max_failures and any(row.error for row in rows):
            told = self._ask(failures_sql(self.store_id, target, window, most=max_failures))
            failures = tuple(map(_failure, told.rows))
            scanned += told.bytes_scanned
        cut = len(rows) >= MOST_ROWS
        if cut:
            warnings.append(f"There are more than the {MOST_ROWS} rows that were asked for. Ask for a shorter window.")
        return Answer(rows, failures, None, scanned, cut, tuple(warnings))

    def objects(self, bucket: str, window: Window) -> int:
        """Object requests that the store's data events tell of."""
        return sum(int(row["calls"]) for row in self._ask(objects_sql(self.store_id, bucket, window)).rows)

    def _refuse_older(self, window: Window, now: dt.datetime) -> list[str]:
        store = self.aws.call_or_none(
            "cloudtrail:GetEventDataStore", "EventDataStoreNotFoundException", EventDataStore=self.store
        )
        remediation = "choose another source."
        if store is None:
            refusal = ValidationError(
                "event_data_store", self.store, "does not exist", "Give one of this Region, or " + remediation
            )
            raise Missing(refusal)
        if store.get("Status") == "PENDING_DELETION":
            raise ValidationError(
                "event_data_store", self.store, "is pending deletion", "Restore it, or " + remediation
            )
        if store.get("RetentionPeriod"):
            resource = f"event data store {self.store_id}"
            refuse_older(window, store["RetentionPeriod"], now, resource, remediation)
        created = store.get("CreatedTimestamp")
        return young(f"Event data store {self.store_id}", created, window) if created else []

    def _ask(self, sql: str) -> Found:
        query = self.aws.call("cloudtrail:StartQuery", QueryStatement=sql)["QueryId"]
        named: dict[str, t.Any] = {"EventDataStore": self.store, "QueryId": query}
        with stopped_unless_done(lambda: self.aws.call("cloudtrail:CancelQuery", **named)):
            answer = self._await(named)
        if answer["QueryStatus"] != "FINISHED":
            why = f": {answer['ErrorMessage']}" if answer.get("ErrorMessage") else ""
            reason = f"was queried, and the query ended {answer['QueryStatus']}{why}"
            raise ValidationError("event_data_store", self.store, reason, "Ask for a shorter window, or try again.")
        rows = [_flat(row) for row in answer.get("QueryResultRows", ())]
        statistics = answer.get("QueryStatistics", {})
        while answer.get("NextToken"):
            answer = self.aws.call(
                "cloudtrail:GetQueryResults", MaxQueryResults=_PAGE, NextToken=answer["NextToken"], **named
            )
            rows += [_flat(row) for row in answer.get("QueryResultRows", ())]
        return Found(tuple(rows), int(statistics.get("BytesScanned", 0)))

    def _await(self, named: dict[str, t.Any]) -> Mapping[str, t.Any]:
        for _pause in self.watch.pauses(f"CloudTrail Lake query {named['QueryId']}"):
            answer = self.aws.call("cloudtrail:GetQueryResults", MaxQueryResults=_PAGE, **named)
            if answer["QueryStatus"] in _ENDED:
                return answer
        raise AssertionError("unreachable")


def _flat(row: list[Mapping[str, str]]) -> Mapping[str, str]:
    """A row comes as a list of its columns, each a dictionary of one; the case of a name means nothing in SQL."""
    return {name.lower(): value for column in row for name, value in column.items()}


def _time(text: str) -> str:
    """Lake writes ``2026-11-24 08:00:00.000``."""
    return f"{text[:10]}T{text[11:19]}Z" if len(text) >= 19 else text


def _row(row: Mapping[str, str]) -> Row:
    return Row(
        int(row["calls"]),
        row.get("eventname") or "",
        row.get("principal") or "",
        row.get("useragent") or "",
        row.get("source") or "",
        row.get("errorcode") or None,
        _time(row.get("first_call") or ""),
        _time(row.get("last_call") or ""),
    )


def _failure(row: Mapping[str, str]) -> Failure:
    return Failure(
        _time(row.get("eventtime") or ""),
        row.get("eventname") or "",
        row.get("principal") or "",
        row.get("source") or "",
        row.get("useragent") or "",
        row.get("errorcode") or "",
        row.get("errormessage") or "",
        row.get("eventid") or "",
    )
