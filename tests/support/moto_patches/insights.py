# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's Logs Insights. Tests plant CloudTrail's records as the events of a log group."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

from tests.support import insights
from tests.support.moto_patches.registry import around, patch

#: How old the log group with the planted records is from the beginning.
YEAR = dt.timedelta(days=366)


@around(LogGroup, "__init__")
def _old(original: Any, self: Any, *arguments: Any, **keywords: Any) -> None:
    original(self, *arguments, **keywords)
    if self.name == insights.HISTORY:
        self.creation_time -= YEAR


def _group_names(response: LogsResponse) -> list[str]:
    given = [response._get_param(name) for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers")]
    if sum(bool(names) for names in given) != 1:
        raise JsonRESTError("InvalidParameterException", "Specify exactly one of the three.")
    (names,) = [names for names in given if names]
    names = [names] if isinstance(names, str) else names
    return [name.split(":log-group:")[-1] for name in names]


@patch
def insights_queries_filter_and_count() -> None:
    """Logs Insights carries out the query and is done a moment later; moto ignores all but fields, sort and limit."""

    def start_query(self: LogsResponse) -> str:
        backend = self.logs_backend
        names = _group_names(self)
        absent = [name for name in names if name not in backend.groups]
        if absent:
            message = f"Log group '{absent[0]}' does not exist for account ID '{self.current_account}'"
            raise JsonRESTError("ResourceNotFoundException", message)
        start, end = self._get_int_param("startTime"), self._get_int_param("endTime")
        events = [
            (event.timestamp, event.message)
            for name in names
            for stream in backend.groups[name].streams.values()
            for event in stream.events
            if start * 1000 <= event.timestamp <= end * 1000
        ]
        try:
            rows, matched = insights.execute(self._get_param("queryString"), events)
        except insights.MalformedQuery as error:
            raise JsonRESTError("MalformedQueryException", str(error)) from error
        query_id = str(uuid.uuid4())
        wanted = names[0].removeprefix(insights.STATUS) if names[0].startswith(insights.STATUS) else "Complete"
        statistics = {
            "recordsMatched": float(matched),
            "recordsScanned": float(len(events)),
            "bytesScanned": float(sum(len(message) for _at, message in events)),
        }
        backend.queries[query_id] = {"looks": 0, "status": wanted, "rows": rows, "statistics": statistics}
        return json.dumps({"queryId": query_id})

    def get_query_results(self: LogsResponse) -> str:
        query = _insights_query(self)
        query["looks"] += 1
        status = query["status"] if query["looks"] > 1 else "Running"
        rows = query["rows"] if status == "Complete" else []
        results = [[{"field": name, "value": value} for name, value in row.items()] for row in rows]
        return json.dumps({"status": status, "results": results, "statistics": query["statistics"]})

    def stop_query(self: LogsResponse) -> str:
        query = _insights_query(self)
        if query["looks"] > 1 and query["status"] != "Running":
            raise JsonRESTError("InvalidParameterException", "Query is not in Running state")
        query["status"] = "Cancelled"
        return json.dumps({"success": True})

    LogsResponse.start_query = start_query
    LogsResponse.get_query_results = get_query_results
    LogsResponse.stop_query = stop_query


def _insights_query(response: LogsResponse) -> dict[str, Any]:
    query: dict[str, Any] | None = response.logs_backend.queries.get(response._get_param("queryId"))
    if query is None:
        raise JsonRESTError("ResourceNotFoundException", "Query does not exist")
    return query
