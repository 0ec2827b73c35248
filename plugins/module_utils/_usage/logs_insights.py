# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key's usage from a log group, by CloudWatch Logs Insights. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._arn import Arn
from .._aws import Aws
from .._errors import ServiceError, ValidationError
from .insights_queries import MAX_ROWS, failures_query, objects_query, usage_query
from .model import GROUPED_BY, OTHER_SOURCE, CallGroup, FailedCall, KeyIdentifiers, MissingError, Usage, Window, iso
from .polling import Poller, stop_on_error

_ENDED = ("Complete", "Failed", "Cancelled", "Timeout")
Rows = list[Mapping[str, str]]


@dataclass
class LogsInsightsSource:
    """CloudTrail records in a log group.

    :param group: its name, or its ARN, which may be of a source account that this one monitors
    """

    aws: Aws
    group: str
    poller: Poller
    kind: str = "logs"

    def __post_init__(self) -> None:
        self.group = self.group.removesuffix(":*")
        arn = Arn.parse(self.group)
        if arn is not None and (arn.service != "logs" or not arn.resource.startswith("log-group:")):
            remediation = "Give the name of the log group, or arn:aws:logs:REGION:ACCOUNT:log-group:NAME."
            raise ValidationError("log_group", self.group, "is not the ARN of a log group", remediation)

    def usage(self, key: KeyIdentifiers, window: Window, now: dt.datetime, *, max_failures: int) -> Usage:
        """One query for the counts, a second one where there are failures to show."""
        warnings = self._check_window(window, now)
        rows, matched = self._query(usage_query(key), window)
        names = (*GROUPED_BY, "first_call", "last_call")
        calls = tuple(CallGroup(int(float(row["calls"])), *(row.get(name, "") for name in names)) for row in rows)
        failures: tuple[FailedCall, ...] = ()
        if max_failures and any(group.error for group in calls):
            rows, _matched = self._query(failures_query(key, limit=max_failures), window)
            failures = tuple(map(FailedCall.parse, rows))
        counted = sum(group.calls for group in calls)
        if counted < matched:
            warnings.append(
                f"{matched} events matched and the answer of Logs Insights accounts for {counted} of them: it"
                f" has at most {MAX_ROWS} rows. Ask for a shorter window."
            )
        return Usage(calls, failures, counted < matched, tuple(warnings))

    def object_requests(self, bucket: str, window: Window) -> int:
        """Object requests of the window, by the trail's data events."""
        rows, _matched = self._query(objects_query(bucket), window)
        return sum(int(float(row["calls"])) for row in rows)

    def _check_window(self, window: Window, now: dt.datetime) -> list[str]:
        """Refuse a window that the log group cannot answer for; a warning where it can for a part only."""
        group = self._describe()
        if group is None:
            remediation = f"Give the log group that the trail delivers to, in this Region, or {OTHER_SOURCE}"
            raise MissingError("log_group", self.group, "does not exist", remediation)
        if group.get("retentionInDays"):
            window.require_retained(group["retentionInDays"], now, f"log group {self.group}")
        created = dt.datetime.fromtimestamp(group.get("creationTime", 0) // 1000, dt.UTC)
        if window.end < created:
            # StartQuery would call it a malformed query.
            reason = f"is before log group {self.group} was made, at {iso(created)}"
            raise ValidationError("end", iso(window.end), reason, f"Give a later end, or {OTHER_SOURCE}")
        if window.start < created:
            made = f"Log group {self.group} was made at {iso(created)}"
            return [f"{made}, within the window: what was before is not in it."]
        return []

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

    def _query(self, query: str, window: Window) -> tuple[Rows, int]:
        """The rows of the answer, and how many events matched."""
        try:
            query_id = self.aws.call(
                "logs:StartQuery",
                logGroupIdentifiers=[self.group],
                startTime=int(window.start.timestamp()),
                endTime=int(window.end.timestamp()),
                queryString=query,
            )["queryId"]
        except ServiceError as error:
            if error.code == "LimitExceededException":
                error.add_hint("Too many queries run in this account at once: wait for them and try again.")
            raise
        with stop_on_error(lambda: self.aws.call("logs:StopQuery", queryId=query_id)):
            for _poll in self.poller.polls(f"Logs Insights query {query_id}"):
                answer = self.aws.call("logs:GetQueryResults", queryId=query_id)
                if answer["status"] in _ENDED:
                    break
        if answer["status"] != "Complete":
            reason = f"was queried, and the query ended {answer['status']}"
            raise ValidationError("log_group", self.group, reason, "Ask for a shorter window, or try again.")
        rows: Rows = [{field["field"]: field.get("value", "") for field in row} for row in answer["results"]]
        return rows, int(answer.get("statistics", {}).get("recordsMatched", 0))
