# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a source has told to what the task returns. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._usage.model import (
    DENIED,
    OBJECT_OPERATIONS,
    Answer,
    Row,
    Window,
)

#: Hours of a month as AWS's own calculator has them.
MONTH_HOURS = 730
GIB = 1024**3

Result = dict[str, t.Any]


def report(answer: Answer) -> Result:
    """Totals, and the calls by each of the five."""
    rows = answer.rows
    return {
        "totals": totals(rows),
        "by_event": _by(rows, lambda row: row.event, "event"),
        "by_principal": _by(rows, lambda row: row.principal, "principal"),
        "by_user_agent": _by(rows, lambda row: row.user_agent, "user_agent"),
        "by_source": _by(rows, lambda row: row.source, "source"),
        "by_error": _by_error(rows),
        "failures": [failure._asdict() for failure in answer.failures],
        "truncated": answer.truncated,
    }


def totals(rows: Iterable[Row]) -> Result:
    calls = failed = denied = 0
    for row in rows:
        calls += row.calls
        failed += row.calls if row.error else 0
        denied += row.calls if row.error in DENIED else 0
    return {"calls": calls, "succeeded": calls - failed, "failed": failed, "denied": denied}


def _by(rows: Iterable[Row], of: Callable[[Row], str], name: str) -> list[Result]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(of(row), []).append(row)
    told = [
        {
            name: value,
            **totals(group),
            "first": min(row.first for row in group),
            "last": max(row.last for row in group),
        }
        for value, group in groups.items()
    ]
    return sorted(told, key=lambda entry: (-entry["calls"], entry[name]))


def _by_error(rows: Iterable[Row]) -> list[Result]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.error:
            groups.setdefault(row.error, []).append(row)
    told = [
        {
            "error": error,
            "denied": error in DENIED,
            "calls": sum(row.calls for row in group),
            "events": sorted({row.event for row in group}),
            "principals": sorted({row.principal for row in group}),
            "first": min(row.first for row in group),
            "last": max(row.last for row in group),
        }
        for error, group in groups.items()
    ]
    return sorted(told, key=lambda entry: (-entry["calls"], entry["error"]))


def bucket_key(rows: Iterable[Row], requests: int | None, reason: str, method: str) -> Result:
    """The calls that a Bucket Key has saved.

    Without one S3 asks KMS once for each object request (Amazon S3 User Guide, "Reducing the cost of SSE-KMS with
    Amazon S3 Bucket Keys"), so what is missing to that was saved. The key's other users make it look like less.

    :param requests: object requests of the window, ``None`` where nobody counted them
    :param reason: why nobody did
    :param method: who did
    """
    calls = sum(row.calls for row in rows if row.event in OBJECT_OPERATIONS and not row.error)
    if requests is None:
        return {"object_requests": None, "kms_calls": calls, "calls_saved": None, "reason": reason, "method": None}
    return {
        "object_requests": requests,
        "kms_calls": calls,
        "calls_saved": max(0, requests - calls),
        "reason": None,
        "method": method,
    }


def cost(answer: Answer, saved: int | None, window: Window, prices: Mapping[str, t.Any], per_gb: float) -> Result:
    """What the key costs in a month that is like the window, and what the question has cost.

    :param saved: calls that the Bucket Key has saved
    :param per_gb: price of a GB that the source scans
    """
    months = window.hours / MONTH_HOURS
    each = prices["requests_per_10000"] / 10_000

    def monthly(calls: int) -> float:
        return round(float(calls / months * each), 4)

    requests = monthly(totals(answer.rows)["calls"])
    scanned = answer.bytes_scanned
    return {
        "currency": prices["currency"],
        "key_per_month": prices["key_per_month"],
        "requests_per_month": requests,
        "total_per_month": round(prices["key_per_month"] + requests, 4),
        "saved_per_month": None if saved is None else monthly(saved),
        "this_query": None if scanned is None else round(scanned / GIB * per_gb, 6),
        "assumes": [
            f"A month of {MONTH_HOURS} hours that is like the {window.hours:g} of the window.",
            "Every recorded call is paid for, one that failed too, and there is no free tier.",
            "The key has been rotated never; KMS adds the price of a key for the first and the second rotation.",
        ],
    }
