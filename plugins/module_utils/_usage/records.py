# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One CloudTrail record at a time, for the sources that do not count themselves. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KMS, Failure, Row, Target

Record = Mapping[str, t.Any]
_NAMING = ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")


def concerns(record: Record, target: Target) -> bool:
    """Whether an event is about the key; the same conditions as those of the queries."""
    if record.get("eventSource") != KMS:
        return False
    resources = record.get("resources") or []
    if any(resource.get("ARN") == target.arn for resource in resources):
        return True
    if target.arn in str(record.get("errorMessage") or ""):
        return True
    if resources:
        return False
    request = record.get("requestParameters") or {}
    if request.get("keyId") == target.arn:
        return True
    here = record.get("awsRegion") == target.region and _who(record).get("accountId") == target.account_id
    return here and any(request.get(name) in target.names for name in _NAMING)


def _who(record: Record) -> Mapping[str, t.Any]:
    return record.get("userIdentity") or {}


def principal(record: Record) -> str:
    who = _who(record)
    issuer = (who.get("sessionContext") or {}).get("sessionIssuer") or {}
    return str(issuer.get("arn") or who.get("arn") or who.get("invokedBy") or who.get("principalId") or "")


def source(record: Record) -> str:
    return str(_who(record).get("invokedBy") or record.get("sourceIPAddress") or "")


def rows(records: Iterable[Record]) -> tuple[Row, ...]:
    """The records, counted where they are alike, most frequent first."""
    groups: dict[tuple[str, str, str, str, str | None], list[str]] = {}
    for record in records:
        alike = (
            str(record.get("eventName") or ""),
            principal(record),
            str(record.get("userAgent") or ""),
            source(record),
            record.get("errorCode"),
        )
        groups.setdefault(alike, []).append(str(record.get("eventTime") or ""))
    counted = [Row(len(times), *alike, min(times), max(times)) for alike, times in groups.items()]
    return tuple(sorted(counted, key=lambda row: -row.calls))


def failures(records: Iterable[Record], most: int) -> tuple[Failure, ...]:
    """The latest records of calls that failed."""
    failed = sorted(
        (record for record in records if record.get("errorCode")),
        key=lambda record: str(record.get("eventTime")),
        reverse=True,
    )
    return tuple(
        Failure(
            str(record.get("eventTime") or ""),
            str(record.get("eventName") or ""),
            principal(record),
            source(record),
            str(record.get("userAgent") or ""),
            str(record["errorCode"]),
            str(record.get("errorMessage") or ""),
            str(record.get("eventID") or ""),
        )
        for record in failed[:most]
    )
