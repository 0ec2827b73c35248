# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudTrail records one by one, for a source that does not count them itself. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .model import GROUPED_BY, KEY_PARAMETERS, KMS, CallGroup, FailedCall, KeyIdentifiers

Record = Mapping[str, t.Any]


def concerns(record: Record, key: KeyIdentifiers) -> bool:
    """Whether an event is about the key; the same conditions as those of the queries."""
    if record.get("eventSource") != KMS:
        return False
    resources = record.get("resources") or []
    named = any(resource.get("ARN") == key.arn for resource in resources)
    named = named or key.arn in str(record.get("errorMessage") or "")
    if named or resources:
        return named
    request = record.get("requestParameters") or {}
    if request.get("keyId") == key.arn:
        return True
    here = record.get("awsRegion") == key.region and _identity(record).get("accountId") == key.account_id
    return here and any(request.get(name) in key.all for name in KEY_PARAMETERS)


def _identity(record: Record) -> Mapping[str, t.Any]:
    return record.get("userIdentity") or {}


def _fields(record: Record) -> dict[str, str]:
    """The fields that the queries select, by their names there."""
    identity = _identity(record)
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    named = issuer.get("arn") or identity.get("arn") or identity.get("invokedBy") or identity.get("principalId")
    names = ("eventTime", "eventName", "userAgent", "errorCode", "errorMessage", "eventID")
    return {
        **{name: str(record.get(name) or "") for name in names},
        "principal": str(named or ""),
        "source": str(identity.get("invokedBy") or record.get("sourceIPAddress") or ""),
    }


def count(records: Iterable[Record]) -> tuple[CallGroup, ...]:
    """The records, counted where they are alike, most frequent first."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for fields in map(_fields, records):
        groups.setdefault(tuple(fields[name] for name in GROUPED_BY), []).append(fields["eventTime"])
    counted = [CallGroup._make((len(times), *alike, min(times), max(times))) for alike, times in groups.items()]
    return tuple(sorted(counted, key=lambda group: -group.calls))


def latest_failures(records: Iterable[Record], limit: int) -> tuple[FailedCall, ...]:
    """The latest calls that failed."""
    failed = [FailedCall.parse(_fields(record)) for record in records if record.get("errorCode")]
    return tuple(sorted(failed, key=lambda failure: failure.time, reverse=True)[:limit])
