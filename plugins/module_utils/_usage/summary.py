# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a source's answer to the task's result. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .._types import Document
from .model import DENIED, CallGroup, Usage

#: The cryptographic operations that S3 sends for an object.
_OBJECT_OPERATIONS = ("GenerateDataKey", "Decrypt")


def summarize(usage: Usage) -> Document:
    """Totals, and the calls by event, principal, user agent, source and error."""
    calls = usage.calls
    return {
        "totals": _totals(calls),
        **{f"by_{name}": _by(name, calls) for name in ("event", "principal", "user_agent", "source")},
        "by_error": _by("error", [group for group in calls if group.error], _error_details),
        "failures": [failure._asdict() for failure in usage.failures],
        "truncated": usage.truncated,
    }


def _totals(calls: Sequence[CallGroup]) -> Document:
    total = sum(group.calls for group in calls)
    failed = sum(group.calls for group in calls if group.error)
    denied = sum(group.calls for group in calls if group.error in DENIED)
    return {"calls": total, "succeeded": total - failed, "failed": failed, "denied": denied}


def _error_details(calls: Sequence[CallGroup]) -> Document:
    return {
        "denied": calls[0].error in DENIED,
        "calls": sum(group.calls for group in calls),
        "events": sorted({group.event for group in calls}),
        "principals": sorted({group.principal for group in calls}),
    }


def _by(
    name: str, calls: Iterable[CallGroup], details: Callable[[Sequence[CallGroup]], Document] = _totals
) -> list[Document]:
    """The calls with the same value of one field, most frequent first."""
    groups: dict[str, list[CallGroup]] = {}
    for group in calls:
        groups.setdefault(getattr(group, name), []).append(group)
    entries = [
        {
            name: value,
            **details(alike),
            "first": min(group.first for group in alike),
            "last": max(group.last for group in alike),
        }
        for value, alike in groups.items()
    ]
    return sorted(entries, key=lambda entry: (-entry["calls"], entry[name]))


def bucket_key_savings(calls: Iterable[CallGroup], requests: int | None, reason: str, method: str) -> Document:
    """The calls that a Bucket Key has saved.

    Without one S3 asks KMS once for each object request (Amazon S3 User Guide, "Reducing the cost of SSE-KMS with
    Amazon S3 Bucket Keys"), so what is missing to that was saved. The key's other users make it look like less.

    :param requests: object requests of the window, ``None`` where they were not counted
    :param reason: why they were not
    :param method: how they were
    """
    kms_calls = sum(group.calls for group in calls if group.event in _OBJECT_OPERATIONS and not group.error)
    result = {"object_requests": requests, "kms_calls": kms_calls}
    if requests is None:
        return {**result, "calls_saved": None, "reason": reason, "method": None}
    return {**result, "calls_saved": max(0, requests - kms_calls), "reason": None, "method": method}
