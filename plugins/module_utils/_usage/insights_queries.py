# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queries of CloudWatch Logs Insights, as text. Pure. PRIVATE to coffer.velero.

Fields are those of CloudTrail's records: Insights reaches into JSON with dots, an element of an array by its number
(CloudWatch Logs User Guide, "Supported logs and discovered fields").
"""

from __future__ import annotations

from collections.abc import Iterable

from .model import GROUPED_BY, KEY_PARAMETERS, KMS, KeyIdentifiers

#: Most rows of an answer without paging (CloudWatch Logs API reference, GetQueryResults).
MAX_ROWS = 10_000

#: A session counts for its role, else every pod would be a principal of its own.
_PRINCIPAL = (
    "coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy,"
    " userIdentity.principalId) as principal"
)
_SOURCE = "coalesce(userIdentity.invokedBy, sourceIPAddress) as source"
#: What S3 records of an object request that needs the key: a data key to write, one decrypted to read.
_OBJECT_EVENTS = ("CopyObject", "CreateMultipartUpload", "GetObject", "PutObject", "UploadPart", "UploadPartCopy")


def _quoted(text: str) -> str:
    return f'"{text}"'


def _one_of(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"


def _filters(key: KeyIdentifiers) -> tuple[str, ...]:
    """The conditions on an event that concerns the key.

    An event names the key's ARN in its resources, whatever the request called it; that settles an alias that has moved
    since. One that was refused early may have no resources: then the ARN in its message counts, or the name in its
    request, which is resolved in the caller's account and Region.
    """
    arn = _quoted(key.arn)
    named = " or ".join(f"requestParameters.{name} in {_one_of(key.all)}" for name in KEY_PARAMETERS)
    here = f"awsRegion = {_quoted(key.region)} and userIdentity.accountId = {_quoted(key.account_id)}"
    return (
        f"filter eventSource = {_quoted(KMS)}",
        f"filter resources.0.ARN = {arn} or resources.1.ARN = {arn} or errorMessage like {arn}"
        f" or (not ispresent(resources.0.ARN) and (requestParameters.keyId = {arn} or ({here} and ({named}))))",
    )


def usage_query(key: KeyIdentifiers, *, limit: int = MAX_ROWS) -> str:
    """The calls that are alike, counted: one scan answers by event, principal, user agent, source and error."""
    return _piped(
        *_filters(key),
        f"fields {_PRINCIPAL}, {_SOURCE}",
        "stats count(*) as calls, earliest(eventTime) as first_call, latest(eventTime) as last_call"
        f" by {', '.join(GROUPED_BY)}",
        "sort calls desc",
        f"limit {limit}",
    )


def failures_query(key: KeyIdentifiers, *, limit: int) -> str:
    """The latest calls that failed."""
    return _piped(
        *_filters(key),
        "filter ispresent(errorCode)",
        f"fields eventTime, eventName, {_PRINCIPAL}, {_SOURCE}, userAgent, errorCode, errorMessage, eventID",
        "sort @timestamp desc",
        f"limit {limit}",
    )


def objects_query(bucket: str) -> str:
    """The object requests that would each have been a request to KMS without a Bucket Key."""
    return _piped(
        'filter eventSource = "s3.amazonaws.com"',
        f"filter requestParameters.bucketName = {_quoted(bucket)} and eventName in {_one_of(_OBJECT_EVENTS)}",
        "filter not ispresent(errorCode)",
        "stats count(*) as calls by eventName",
        "limit 100",
    )


def _piped(*commands: str) -> str:
    return "\n| ".join(commands)
