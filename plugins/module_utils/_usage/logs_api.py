# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of CloudTrail's records: Logs Insights. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._usage.insights import (
    MOST_ROWS,
    failures_query,
    objects_query,
    usage_query,
)
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import (
    Answer,
    Failure,
    Row,
    Target,
    Window,
    iso,
    refuse_older,
    young,
)
from ansible_collections.coffer.velero.plugins.module_utils._usage.watch import Watch, stopped_unless_done

_ENDED = ("Complete", "Failed", "Cancelled", "Timeout")
_OTHER_SOURCE = "choose another source."


class Missing(CofferError):
    """The source is not there yet; an earlier task may be there to make it."""

    def __init__(self, refusal: ValidationError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Found(t.NamedTuple):
    """The answer to one query."""

    rows: tuple[Mapping[str, str], ...]
    matched: int
    bytes_scanned: int


@dataclass
class LogsSource:
    """CloudTrail's records in a log group.

    :param group: its name, or its ARN, which may be of a source account that this one monitors
    """

    aws: Aws
    group: str
    watch: Watch
    kind: str = "logs"

    def __post_init__(self) -> None:
        self.group = self.group.removesuffix(":*")
        arn = Arn.parse(self.group)
        if arn is not None and (arn.service != "logs" or not arn.resource.startswith("log-group:")):
            remediation = "Give the name of the log group, or arn:aws:logs:REGION:ACCOUNT:log-group:NAME."
            raise ValidationError("log_group", self.group, "is not the ARN of a log group", remediation)

    def usage(self, target: Target, window: Window, now: dt.datetime, *, max_failures: int) -> Answer:
        """All of it: one query for the counts, a second one where there are failures to show."""
        warnings = self._refuse_older(window, now)
        found = self._ask(usage_query(target), window)
        rows = tuple(map(_row, found.rows))
        failures: tuple[Failure, ...] = ()
        scanned = found.bytes_scanned
        if max_failures and any(row.error for row in rows):
            told = self._ask(failures_query(target, most=max_failures), window)
            failures = tuple(map(_failure, told.rows))
            scanned += told.bytes_scanned
        counted = sum(row.calls for row in rows)
        cut = counted < found.matched
        if cut:
            warnings.append(
                f"{found.matched} events matched and the answer of Logs Insights accounts for {counted} of them: it has"
                f" at most {MOST_ROWS} rows. Ask for a shorter window."
            )
        return Answer(rows, failures, found.matched, scanned, cut, tuple(warnings))

    def objects(self, bucket: str, window: Window) -> int:
        """Object requests that the trail's data events tell of."""
        return sum(int(float(row["calls"])) for row in self._ask(objects_query(bucket), window).rows)

    def _refuse_older(self, window: Window, now: dt.datetime) -> list[str]:
        group = self._describe()
        if group is None:
            remediation = "Give the log group that the trail delivers to, in this Region, or " + _OTHER_SOURCE
            raise Missing(ValidationError("log_group", self.group, "does not exist", remediation))
        days = group.get("retentionInDays")
        if days:
            refuse_older(window, days, now, f"log group {self.group}", _OTHER_SOURCE)
        created = dt.datetime.fromtimestamp(group.get("creationTime", 0) // 1000, dt.UTC)
        if window.end < created:
            # StartQuery would call it a malformed query.
            reason = f"is before log group {self.group} was made, at {iso(created)}"
            raise ValidationError("end", iso(window.end), reason, "Give a later end, or " + _OTHER_SOURCE)
        return young(f"Log group {self.group}", created, window)

    def _describe(self) -> Mapping[str, t.Any] | None:
        is_arn = self.group.startswith("arn:")
        search: dict[str, t.Any] = {"logGroupNamePrefix": self.group}
        if is_arn:
            search = {"logGroupIdentifiers": [self.group], "includeLinkedAccounts": True}
        for group in self.aws.pages("logs:DescribeLogGroups", "logGroups", **search):
            name = str(group.get("arn", "")).removesuffix(":*") if is_arn else group["logGroupName"]
            if name == self.group:
                return t.cast("Mapping[str, t.Any]", group)
        return None

    def _ask(self, query: str, window: Window) -> Found:
        try:
            started = self.aws.call(
                "logs:StartQuery",
                logGroupIdentifiers=[self.group],
                startTime=int(window.start.timestamp()),
                endTime=int(window.end.timestamp()),
                queryString=query,
            )
        except ServiceError as error:
            if error.code == "LimitExceededException":
                error.add_hint("Too many queries run in this account at once: wait for them and try again.")
            raise
        with stopped_unless_done(lambda: self.aws.call("logs:StopQuery", queryId=started["queryId"])):
            answer = self._await(started["queryId"])
        if answer["status"] != "Complete":
            remediation = "Ask for a shorter window, or try again."
            raise ValidationError(
                "log_group", self.group, f"was queried, and the query ended {answer['status']}", remediation
            )
        statistics = answer.get("statistics", {})
        rows = tuple({field["field"]: field.get("value", "") for field in row} for row in answer["results"])
        return Found(rows, int(statistics.get("recordsMatched", 0)), int(statistics.get("bytesScanned", 0)))

    def _await(self, query_id: str) -> Mapping[str, t.Any]:
        for _pause in self.watch.pauses(f"Logs Insights query {query_id}"):
            answer = self.aws.call("logs:GetQueryResults", queryId=query_id)
            if answer["status"] in _ENDED:
                return answer
        raise AssertionError("unreachable")


def _row(row: Mapping[str, str]) -> Row:
    return Row(
        int(float(row["calls"])),
        row.get("eventName", ""),
        row.get("principal", ""),
        row.get("userAgent", ""),
        row.get("source", ""),
        row.get("errorCode") or None,
        row.get("first_call", ""),
        row.get("last_call", ""),
    )


def _failure(row: Mapping[str, str]) -> Failure:
    return Failure(
        row.get("eventTime", ""),
        row.get("eventName", ""),
        row.get("principal", ""),
        row.get("source", ""),
        row.get("userAgent", ""),
        row.get("errorCode", ""),
        row.get("errorMessage", ""),
        row.get("eventID", ""),
    )
