# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a storage profile to the dashboard. Pure. PRIVATE to coffer.velero.

What cannot be shown without more than this collection makes is said on the dashboard itself, with what it takes: an
empty graph looks like good news.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from .._alert_patterns import resource_name
from .._alerts import NAMESPACE, NO_RECENT_BACKUP, alerts, metric_name
from .._arn import Arn
from .._profile import StorageProfile
from .._types import Document

Row = Sequence[Document]

_HOUR, _DAY = 3600, 86400
_REFUSED = ("key-access-denied", "object-writes-denied")

_OUTCOMES_NEEDED = """\
### Succeeded and failed
Only Velero knows how a backup ended, and tells it in its own metrics (`velero_backup_success_total` and others). They \
come to CloudWatch with Container Insights for Prometheus, which this collection does not install. With it in place, \
render this dashboard with `prometheus_cluster` set to the name of the cluster. Until then \
`velero backup get` and the alarm *no-recent-backup* are what there is."""
_STORED_NEEDED = """\
### Backups stored
The trail records no data events of the bucket, so CloudWatch cannot tell when a backup was stored. They are recorded \
with `data_events` of the trail (they cost money per event), and shown with `data_events` and `log_group_name` of this \
dashboard."""


def audit_dashboard(
    profile: StorageProfile,
    alarm_arns: Sequence[str] | None = None,
    *,
    schedule_hours: int,
    data_events: bool = False,
    log_group_name: str | None = None,
    prometheus_cluster: str | None = None,
) -> Document:
    """The body of the dashboard.

    :param alarm_arns: the alarms to show; those of the alerts where none are given
    :param schedule_hours: hours between two backups at most
    :param data_events: whether the trail records the writes of the objects
    :param log_group_name: where the trail delivers to
    :param prometheus_cluster: name of the cluster in Container Insights, where it collects Velero's metrics
    """
    if alarm_arns is None:
        names = [resource_name(profile, alert.name) for alert in alerts(profile, data_events=data_events)]
        alarm_arns = [profile.arn("cloudwatch", f"alarm:{name}") for name in names]
    states = {"title": "Alarms", "alarms": list(alarm_arns[:100])}  # an alarm widget takes no more
    rows: list[Row] = [
        [_text(_headline(profile, schedule_hours), height=3)],
        [{"type": "alarm", "height": 4, "properties": states}] if alarm_arns else [],
        [_bytes(profile), _objects(profile)],
        [_key_calls(profile), _writes(profile)] if profile.encrypts_with_kms else [_writes(profile)],
        [_alerts(profile, data_events, refused=True), _alerts(profile, data_events, refused=False)],
        [_outcomes(profile, prometheus_cluster), _stored(profile, log_group_name if data_events else None)],
    ]
    return {"start": "-P14D", "periodOverride": "inherit", "widgets": _placed(rows)}


def _placed(rows: Sequence[Row]) -> list[Document]:
    """The widgets of each row side by side over the whole width, row below row."""
    widgets: list[Document] = []
    y = 0
    for row in rows:
        width = 24 // len(row) if row else 0
        widgets += [{**widget, "x": place * width, "y": y, "width": width} for place, widget in enumerate(row)]
        y += max((int(widget["height"]) for widget in row), default=0)
    return widgets


def _text(markdown: str, *, height: int = 6) -> Document:
    return {"type": "text", "height": height, "properties": {"markdown": markdown}}


def _graph(profile: StorageProfile, title: str, metrics: Sequence[t.Any], **properties: t.Any) -> Document:
    shown = {"title": title, "region": profile.region, "metrics": list(metrics), "view": "timeSeries", **properties}
    return {"type": "metric", "height": 6, "properties": shown}


def _headline(profile: StorageProfile, schedule_hours: int) -> str:
    where = f"{profile.bucket}/{profile.prefix}" if profile.prefix else profile.bucket
    key = f" under `{profile.kms_key_arn}`" if profile.kms_key_arn else ""
    return (
        f"# Backups in {where}\nEncrypted with {profile.encryption_mode}{key}. A backup is due every {schedule_hours} "
        "hours. Made by coffer.velero, which puts back what is changed here."
    )


def _bytes(profile: StorageProfile) -> Document:
    """Every storage class has a metric of its own, and a lifecycle rule may move objects into any of them."""
    words = f'{{AWS/S3,BucketName,StorageType}} MetricName="BucketSizeBytes" BucketName="{profile.bucket}"'
    metric = [{"expression": f"SEARCH('{words}', 'Average', {_DAY})", "id": "bytes"}]
    title = "Bytes in the bucket, by storage class (S3 counts once a day)"
    return _graph(profile, title, [metric], stacked=True, period=_DAY)


def _objects(profile: StorageProfile) -> Document:
    metric = ["AWS/S3", "NumberOfObjects", "BucketName", profile.bucket, "StorageType", "AllStorageTypes"]
    title = "Objects in the bucket, versions included (S3 counts once a day)"
    return _graph(profile, title, [metric], stat="Average", period=_DAY)


def _key_calls(profile: StorageProfile) -> Document:
    """Of all callers, in the account of the key, which CloudWatch has to be linked to from another account."""
    key, linked = str(profile.kms_key_arn), {}
    arn, title = Arn.parse(key), "Calls of the key that succeeded, by all callers"
    if arn and arn.account_id != profile.account_id:
        linked = {"accountId": arn.account_id}
        title = f"{title} (needs CloudWatch cross-account observability with {arn.account_id})"
    metrics = [
        ["AWS/KMS", "SuccessfulRequest", "KeyArn", key, "Operation", operation, {"label": operation, **linked}]
        for operation in ("GenerateDataKey", "Decrypt")
    ]
    return _graph(profile, title, metrics, stat="Sum", period=_HOUR)


def _writes(profile: StorageProfile) -> Document:
    """The metric of the alarm no-recent-backup."""
    what = "Data keys that Velero got to write with" if profile.encrypts_with_kms else "Objects that Velero wrote"
    if not profile.role_arns:
        return _text(f"### {what}\nNot counted: no role of Velero is known (`velero_role_arns`).")
    metric = [NAMESPACE, metric_name(profile, NO_RECENT_BACKUP), {"label": "Velero"}]
    return _graph(profile, f"{what}, per hour", [metric], stat="Sum", period=_HOUR)


def _alerts(profile: StorageProfile, data_events: bool, *, refused: bool) -> Document:
    found = [
        alert
        for alert in alerts(profile, data_events=data_events)
        if alert.name != NO_RECENT_BACKUP and (alert.name in _REFUSED) == refused
    ]
    title = "Refused" if refused else "Changes of the key, the bucket and who may see it"
    if not found:
        return _text(f"### {title}\nNothing is counted: the bucket has no key of its own, and no data events are kept.")
    metrics = [[NAMESPACE, metric_name(profile, alert.name), {"label": alert.name}] for alert in found]
    return _graph(profile, title, metrics, stat="Sum", period=_HOUR, yAxis={"left": {"min": 0}})


def _outcomes(profile: StorageProfile, cluster: str | None) -> Document:
    """Whatever other dimensions the agent gives the metrics: that is for its configuration to say.

    The agent turns counters of Prometheus into what they have grown by, so that they are added up.
    """
    if not cluster:
        return _text(_OUTCOMES_NEEDED)
    metrics = []
    for name, label in {"success": "succeeded", "partial_failure": "partially failed", "failure": "failed"}.items():
        words = f'MetricName="velero_backup_{name}_total" ClusterName="{cluster}"'
        metrics.append([{"expression": f"SUM(SEARCH('{words}', 'Sum', {_DAY}))", "label": label}])
    return _graph(profile, "Backups by outcome, of the whole cluster, per day", metrics, period=_DAY)


def _stored(profile: StorageProfile, log_group_name: str | None) -> Document:
    """Velero writes ``velero-backup.json`` when a backup ends, and again when it is finalized."""
    if not log_group_name:
        return _text(_STORED_NEEDED)
    folder = f"{profile.prefix}/backups/" if profile.prefix else "backups/"
    query = " | ".join(
        (
            f"SOURCE '{log_group_name}'",
            'filter eventSource = "s3.amazonaws.com" and eventName = "PutObject" and not ispresent(errorCode)',
            f'filter requestParameters.bucketName = "{profile.bucket}"',
            f'filter strcontains(requestParameters.key, "{folder}")',
            'filter strcontains(requestParameters.key, "/velero-backup.json")',
            "stats max(eventTime) as stored by requestParameters.key as backup",
            "sort stored desc",
            "limit 50",
        )
    )
    shown = {"title": "Backups stored, however they ended", "region": profile.region, "query": query, "view": "table"}
    return {"type": "log", "height": 6, "properties": shown}
