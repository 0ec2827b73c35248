# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The questions to CloudTrail Lake, as SQL. Pure. PRIVATE to coffer.velero.

Lake speaks Trino's SQL; the request parameters are a map of texts, the resources an array of structures (CloudTrail
User Guide, "Supported SQL schemas for event data stores", "CloudTrail Lake SQL constraints").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ansible_collections.coffer.velero.plugins.module_utils._usage.insights import OBJECT_EVENTS
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KMS, Target, Window

MOST_ROWS = 10_000

_PRINCIPAL = (
    "COALESCE(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy,"
    " userIdentity.principalId)"
)
_SOURCE = "COALESCE(userIdentity.invokedBy, sourceIPAddress)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Iterable[str]) -> str:
    return f"({', '.join(map(_text, values))})"


def _time(moment: dt.datetime) -> str:
    return _text(moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S"))


def _between(window: Window) -> str:
    return f"eventTime >= {_time(window.start)} AND eventTime <= {_time(window.end)}"


def _concerns(target: Target) -> str:
    """The same conditions as those of Logs Insights."""
    arn = _text(target.arn)
    named = " OR ".join(
        f"element_at(requestParameters, {_text(name)}) IN {_texts(target.names)}"
        for name in ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
    )
    here = f"awsRegion = {_text(target.region)} AND userIdentity.accountId = {_text(target.account_id)}"
    return (
        f"(any_match(resources, r -> r.arn = {arn}) OR strpos(errorMessage, {arn}) > 0"
        f" OR ((resources IS NULL OR cardinality(resources) = 0)"
        f" AND (element_at(requestParameters, 'keyId') = {arn} OR ({here} AND ({named})))))"
    )


def usage_sql(store: str, target: Target, window: Window, *, most: int = MOST_ROWS) -> str:
    """The calls that are alike, counted.

    :param store: id of the event data store
    """
    return (
        f"SELECT eventName, {_PRINCIPAL} AS principal, userAgent, {_SOURCE} AS source, errorCode,"
        " COUNT(*) AS calls, MIN(eventTime) AS first_call, MAX(eventTime) AS last_call"
        f" FROM {store} WHERE {_between(window)} AND eventSource = {_text(KMS)} AND {_concerns(target)}"
        f" GROUP BY 1, 2, 3, 4, 5 ORDER BY calls DESC LIMIT {most}"
    )


def failures_sql(store: str, target: Target, window: Window, *, most: int) -> str:
    """The latest calls that failed."""
    return (
        f"SELECT eventTime, eventName, {_PRINCIPAL} AS principal, {_SOURCE} AS source, userAgent, errorCode,"
        f" errorMessage, eventID FROM {store} WHERE {_between(window)} AND eventSource = {_text(KMS)}"
        f" AND errorCode IS NOT NULL AND {_concerns(target)} ORDER BY eventTime DESC LIMIT {most}"
    )


def objects_sql(store: str, bucket: str, window: Window) -> str:
    """The object requests that would each have been a request to KMS without a Bucket Key."""
    return (
        f"SELECT eventName, COUNT(*) AS calls FROM {store} WHERE {_between(window)}"
        f" AND eventSource = 's3.amazonaws.com' AND element_at(requestParameters, 'bucketName') = {_text(bucket)}"
        f" AND eventName IN {_texts(OBJECT_EVENTS)} AND errorCode IS NULL GROUP BY 1"
    )
