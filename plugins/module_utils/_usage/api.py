# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The usage of a key in a window, from whichever source there is. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Callable, Mapping

from .._arn import Arn
from .._aws import Aws
from .._errors import CofferError, ServiceError, ValidationError
from .._kms.api import describe
from .._types import Document
from .event_history import EventHistorySource
from .logs_insights import LogsInsightsSource
from .model import KeyIdentifiers, MissingError, Usage, Window, iso
from .polling import Poller
from .summary import bucket_key_savings, summarize

Params = Mapping[str, t.Any]
Source: t.TypeAlias = "LogsInsightsSource | EventHistorySource"

#: The object requests of S3's request metrics that need the key (Amazon S3 User Guide, "Metrics and dimensions").
_METRICS = ("GetRequests", "PutRequests")
#: CloudWatch gives at most so many values at once.
_MAX_DATAPOINTS = 1440


def key_usage(
    params: Params, poller: Poller, *, missing: Callable[[CofferError], None], warn: Callable[[str], None]
) -> Document:
    """Usage of the key; the result of the task.

    :param missing: is called for a key or source that does not exist yet; where it returns, the key was not used
    """
    now = dt.datetime.now(dt.UTC)
    window = Window.parse(params, now)
    for option, least in (("max_failures", 0), ("max_events", 1), ("timeout", 1)):
        if params[option] < least:
            raise ValidationError(option, str(params[option]), "is too low", f"Give {least} or more.")
    aws = Aws(params)
    source: Source = EventHistorySource(aws, params["lookup_scope"], params["max_events"], poller)
    if params["source"] == "logs" or (params["source"] == "auto" and params["log_group"]):
        source = LogsInsightsSource(aws, params["log_group"], poller)
    result: Document = {"window": window.as_dict(), "source": source.kind, "last_usage": None}
    try:
        key = _identify(aws, params)
        if key.region != aws.region:
            # A trail of all Regions delivers to one of them; KMS and Event history know the key's own only.
            aws = Aws({**params, "region": key.region})
            if isinstance(source, EventHistorySource):
                source.aws = aws
        key = _with_aliases(aws, params, key)
        usage = source.usage(key, window, now, max_failures=params["max_failures"])
    except MissingError as absent:
        missing(absent)
        unknown = bucket_key_savings((), None, str(absent), "")
        return result | summarize(Usage()) | {"key_arn": None, "aliases": [], "bucket_key": unknown, "notes": []}
    for warning in usage.warnings:
        warn(warning)
    if params["last_usage"]:
        result["last_usage"] = _last_usage(aws, key)
    return {
        **result,
        **summarize(usage),
        "key_arn": key.arn,
        "aliases": list(key.aliases),
        "bucket_key": _bucket_key(aws, params, source, usage, window),
        "notes": [*usage.warnings, *usage.notes],
    }


def _identify(aws: Aws, params: Params) -> KeyIdentifiers:
    """The key. Where an ARN is given, KMS is not asked: the key may be deleted, or another account's."""
    arn = str(params["key_id"])
    parts = Arn.parse(arn)
    if parts is None or not parts.resource.startswith("key/"):
        key = describe(aws, arn)
        if key is None:
            remediation = f"Give the ARN of the key, or an alias or id of one in {aws.region}."
            raise MissingError("key_id", arn, "does not exist", remediation)
        arn = key.arn
    return KeyIdentifiers.parse(arn, params["aliases"] or ())


def _with_aliases(aws: Aws, params: Params, key: KeyIdentifiers) -> KeyIdentifiers:
    if params["aliases"] is not None:
        return key
    try:
        listed = aws.pages("kms:ListAliases", "Aliases", KeyId=key.arn)
        return KeyIdentifiers.parse(key.arn, [alias["AliasName"] for alias in listed])
    except ServiceError as error:
        error.add_hint("Or name the aliases of the key in the option aliases, an empty list where there are none.")
        raise


def _last_usage(aws: Aws, key: KeyIdentifiers) -> Document:
    """The last successful cryptographic operation, from KMS itself, which may be an hour late."""
    try:
        answer = aws.call("kms:GetKeyLastUsage", KeyId=key.arn)
    except ServiceError as error:
        if error.code == "UnknownOperation":
            return {"known": False, "reason": "This boto3 does not know kms:GetKeyLastUsage yet; a newer one does."}
        error.add_hint("Or set last_usage=false.")
        raise
    used = answer.get("KeyLastUsage") or {}

    def time(moment: dt.datetime | None) -> str | None:
        return iso(moment) if moment else None

    return {
        "known": True,
        "event": used.get("Operation"),
        "time": time(used.get("Timestamp")),
        "event_id": used.get("CloudTrailEventId"),
        "tracked_since": time(answer.get("TrackingStartDate")),
        "key_created": time(answer.get("KeyCreationDate")),
    }


def _bucket_key(aws: Aws, params: Params, source: Source, usage: Usage, window: Window) -> Document:
    """The object requests by request metrics where there are some, else by the trail's data events."""
    bucket, metrics = params["bucket"], params["request_metrics_filter"]
    if not bucket:
        return bucket_key_savings(usage.calls, None, "The option bucket is not set.", "")
    if metrics:
        reason = f"S3 has no request metrics {metrics} of bucket {bucket} in the window."
        requests = _request_metrics(aws, bucket, metrics, window)
        return bucket_key_savings(usage.calls, requests, reason, "request metrics")
    if isinstance(source, EventHistorySource):
        reason = "Event history has no data events. Choose another source, or use request metrics."
        return bucket_key_savings(usage.calls, None, reason, "")
    requests = source.object_requests(bucket, window) or None
    reason = f"No data events of bucket {bucket} were recorded in the window. Record them, or use request metrics."
    return bucket_key_savings(usage.calls, requests, reason, "data events")


def _request_metrics(aws: Aws, bucket: str, filter_id: str, window: Window) -> int | None:
    period = 60 if window.hours * 60 <= _MAX_DATAPOINTS else 3600 if window.hours <= _MAX_DATAPOINTS else 86400
    sums: list[float] = []
    for metric in _METRICS:
        answer = aws.call(
            "cloudwatch:GetMetricStatistics",
            Namespace="AWS/S3",
            MetricName=metric,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": filter_id}],
            StartTime=window.start,
            EndTime=window.end,
            Period=period,
            Statistics=["Sum"],
        )
        sums += [point["Sum"] for point in answer["Datapoints"]]
    return round(sum(sums)) if sums else None
