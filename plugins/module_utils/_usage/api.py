# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Use of a key in a window, from whichever source there is. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._kms.api import describe
from ansible_collections.coffer.velero.plugins.module_utils._usage.lake_api import LakeSource
from ansible_collections.coffer.velero.plugins.module_utils._usage.logs_api import LogsSource, Missing
from ansible_collections.coffer.velero.plugins.module_utils._usage.lookup_api import LookupSource
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import Answer, Target, Window, iso, window
from ansible_collections.coffer.velero.plugins.module_utils._usage.tally import bucket_key, cost, report
from ansible_collections.coffer.velero.plugins.module_utils._usage.watch import Watch

Params = Mapping[str, t.Any]
Result = dict[str, t.Any]


class Source(t.Protocol):
    """Where CloudTrail's records are read."""

    kind: str

    def usage(self, target: Target, window: Window, now: dt.datetime, *, max_failures: int) -> Answer:
        """The calls of the window, counted, and the latest failures.

        :raises Missing: where the source is not there
        """

    def objects(self, bucket: str, window: Window) -> int | None:
        """Object requests of the window, ``None`` where the source can have none."""


#: The object requests of S3's request metrics that need the key (Amazon S3 User Guide, "Metrics and dimensions").
_METRICS = ("GetRequests", "PutRequests")
#: CloudWatch gives at most so many values at once.
_MOST_POINTS = 1440


def usage(
    params: Params,
    *,
    sleep: Callable[[float], None],
    progress: Callable[[str], None],
    missing: Callable[[CofferError], None],
    warn: Callable[[str], None],
    now: dt.datetime | None = None,
) -> Result:
    """Use of the key; the result of the task.

    :param missing: is told of a key or source that is not there yet; where it does not end the task, nothing was used
    """
    now = now or dt.datetime.now(dt.UTC)
    asked = window(params, now)
    _refuse_numbers(params)
    aws = Aws(params)
    source = _source(aws, params, Watch(params["timeout"], sleep, progress))
    try:
        target = _target(aws, params)
        if target.region != aws.region:
            # A trail of all Regions delivers to one of them; KMS and Event history know the key's own only.
            aws = Aws({**params, "region": target.region})
            if isinstance(source, LookupSource):
                source.aws = aws
        target = _named(aws, params, target)
        answer = source.usage(target, asked, now, max_failures=params["max_failures"])
    except Missing as absent:
        missing(absent.refusal)
        return _result(params, source, None, asked, Answer(), None, bucket_key((), None, str(absent), ""))
    for warning in answer.warnings:
        warn(warning)
    last = _last_usage(aws, target) if params["last_usage"] else None
    saved = _bucket_key(aws, params, source, answer, asked)
    return _result(params, source, target, asked, answer, last, saved)


def _refuse_numbers(params: Params) -> None:
    for option, least in (("max_failures", 0), ("max_events", 1), ("timeout", 1)):
        if params[option] < least:
            raise ValidationError(option, str(params[option]), "is too low", f"Give {least} or more.")


def _source(aws: Aws, params: Params, watch: Watch) -> Source:
    kind = params["source"]
    if kind == "auto":
        kind = "logs" if params["log_group"] else "lake" if params["event_data_store"] else "lookup"
    if kind == "logs":
        return LogsSource(aws, params["log_group"], watch)
    if kind == "lake":
        return LakeSource(aws, params["event_data_store"], watch)
    return LookupSource(aws, params["lookup_scope"], params["max_events"], watch)


def _target(aws: Aws, params: Params) -> Target:
    """The key. The ARN of a key is not asked for: the key may be deleted, or another account's."""
    given = str(params["key_id"])
    parts = Arn.parse(given)
    arn = given
    if parts is None or not parts.resource.startswith("key/"):
        key = describe(aws, given)
        if key is None:
            remediation = f"Give the ARN of the key, or an alias or id of one in {aws.region}."
            raise Missing(ValidationError("key_id", given, "does not exist", remediation))
        arn = key.arn
    return Target.parse(arn, params["aliases"] or ())


def _named(aws: Aws, params: Params, target: Target) -> Target:
    """The key with its aliases."""
    if params["aliases"] is not None:
        return target
    try:
        listed = aws.pages("kms:ListAliases", "Aliases", KeyId=target.arn)
        return Target.parse(target.arn, [alias["AliasName"] for alias in listed])
    except ServiceError as error:
        error.add_hint("Or name the aliases of the key in the option aliases, an empty list where there are none.")
        raise


def _last_usage(aws: Aws, target: Target) -> Result:
    """The last successful cryptographic operation, from KMS itself, which may be an hour late."""
    try:
        answer = aws.call("kms:GetKeyLastUsage", KeyId=target.arn)
    except ServiceError as error:
        if error.code == "UnknownOperation":
            return {"known": False, "reason": "This boto3 does not know kms:GetKeyLastUsage yet; a newer one does."}
        error.add_hint("Or set last_usage=false.")
        raise
    used = answer.get("KeyLastUsage") or {}
    return {
        "known": True,
        "event": used.get("Operation"),
        "time": _time(used.get("Timestamp")),
        "event_id": used.get("CloudTrailEventId"),
        "tracked_since": _time(answer.get("TrackingStartDate")),
        "key_created": _time(answer.get("KeyCreationDate")),
    }


def _time(moment: dt.datetime | None) -> str | None:
    return iso(moment) if moment else None


def _bucket_key(aws: Aws, params: Params, source: Source, answer: Answer, asked: Window) -> Result:
    """The object requests by request metrics where there are some, else by the trail's data events."""
    bucket = params["bucket"]
    if not bucket:
        return bucket_key(answer.rows, None, "The option bucket is not set.", "")
    if params["request_metrics_filter"]:
        requests = _request_metrics(aws, bucket, params["request_metrics_filter"], asked)
        reason = f"S3 has no request metrics {params['request_metrics_filter']} of bucket {bucket} in the window."
        return bucket_key(answer.rows, requests, reason, "request metrics")
    requests = source.objects(bucket, asked)
    reason = f"No data events of bucket {bucket} were recorded in the window. Record them, or use request metrics."
    if source.kind == "lookup":
        reason = "Event history has no data events. Choose another source, or use request metrics."
    return bucket_key(answer.rows, requests or None, reason, "data events")


def _request_metrics(aws: Aws, bucket: str, name: str, asked: Window) -> int | None:
    period = 60 if asked.hours * 60 <= _MOST_POINTS else 3600 if asked.hours <= _MOST_POINTS else 86400
    points: list[float] = []
    for metric in _METRICS:
        answer = aws.call(
            "cloudwatch:GetMetricStatistics",
            Namespace="AWS/S3",
            MetricName=metric,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": name}],
            StartTime=asked.start,
            EndTime=asked.end,
            Period=period,
            Statistics=["Sum"],
        )
        points += [point["Sum"] for point in answer["Datapoints"]]
    return round(sum(points)) if points else None


def _result(
    params: Params,
    source: Source,
    target: Target | None,
    asked: Window,
    answer: Answer,
    last: Result | None,
    saved: Result,
) -> Result:
    per_gb = {
        "logs": params["prices"]["logs_insights_per_gb"],
        "lake": params["prices"]["lake_per_gb"],
    }.get(source.kind, 0.0)
    return {
        "key_arn": target.arn if target else None,
        "aliases": list(target.aliases) if target else [],
        "window": asked.as_dict(),
        "source": source.kind,
        **report(answer),
        "last_usage": last,
        "bucket_key": saved,
        "cost": cost(answer, saved["calls_saved"], asked, params["prices"], per_gb),
        "notes": [*answer.warnings, *answer.notes],
    }
