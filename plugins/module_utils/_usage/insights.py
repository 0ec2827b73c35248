# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The questions to CloudWatch Logs Insights, as text. Pure. PRIVATE to coffer.velero.

Fields are those of CloudTrail's records: Insights reaches into JSON with dots, an element of an array by its number
(CloudWatch Logs User Guide, "Supported logs and discovered fields").
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KMS, Target

#: Most rows of an answer without paging (CloudWatch Logs API reference, GetQueryResults).
MOST_ROWS = 10_000

#: A session counts for its role, else every pod would be a principal of its own.
PRINCIPAL = (
    "coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy,"
    " userIdentity.principalId) as principal"
)
SOURCE = "coalesce(userIdentity.invokedBy, sourceIPAddress) as source"
#: What S3 records of an object request that needs the key: a data key to write, one decrypted to read.
OBJECT_EVENTS = ("CopyObject", "CreateMultipartUpload", "GetObject", "PutObject", "UploadPart", "UploadPartCopy")


def quoted(text: str) -> str:
    return f'"{text}"'


def one_of(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def filters(target: Target) -> tuple[str, ...]:
    """The conditions on an event that concerns the key.

    An event names the key's ARN in its resources, whatever the request called it; that settles an alias that has moved
    since. One that was refused early may have no resources: then the ARN in its message counts, or the name in its
    request, which is resolved in the caller's account and Region.
    """
    arn = quoted(target.arn)
    named = " or ".join(
        f"requestParameters.{name} in {one_of(target.names)}"
        for name in ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
    )
    here = f"awsRegion = {quoted(target.region)} and userIdentity.accountId = {quoted(target.account_id)}"
    return (
        f"filter eventSource = {quoted(KMS)}",
        f"filter resources.0.ARN = {arn} or resources.1.ARN = {arn} or errorMessage like {arn}"
        f" or (not ispresent(resources.0.ARN) and (requestParameters.keyId = {arn} or ({here} and ({named}))))",
    )


def usage_query(target: Target, *, most: int = MOST_ROWS) -> str:
    """The calls that are alike, counted: one scan answers by event, principal, user agent, source and error."""
    return _piped(
        *filters(target),
        f"fields {PRINCIPAL}, {SOURCE}",
        "stats count(*) as calls, earliest(eventTime) as first_call, latest(eventTime) as last_call"
        " by eventName, principal, userAgent, source, errorCode",
        "sort calls desc",
        f"limit {most}",
    )


def failures_query(target: Target, *, most: int) -> str:
    """The latest calls that failed."""
    return _piped(
        *filters(target),
        "filter ispresent(errorCode)",
        f"fields eventTime, eventName, {PRINCIPAL}, {SOURCE}, userAgent, errorCode, errorMessage, eventID",
        "sort @timestamp desc",
        f"limit {most}",
    )


def objects_query(bucket: str) -> str:
    """The object requests that would each have been a request to KMS without a Bucket Key."""
    return _piped(
        'filter eventSource = "s3.amazonaws.com"',
        f"filter requestParameters.bucketName = {quoted(bucket)} and eventName in {one_of(OBJECT_EVENTS)}",
        "filter not ispresent(errorCode)",
        "stats count(*) as calls by eventName",
        "limit 100",
    )


def _piped(*commands: str) -> str:
    return "\n| ".join(commands)
