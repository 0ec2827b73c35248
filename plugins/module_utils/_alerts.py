# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The alerts, as one table, and the metric filters, alarms and EventBridge rules that follow from it. Pure.

PRIVATE to coffer.velero. An alert is something that CloudTrail records and the operator of the backups must learn of.
CloudWatch has no metric of KMS that counts errors (KMS Developer Guide, "Monitor KMS keys with CloudWatch"), so the
records of CloudTrail are counted instead. Every document here is in the form of the options of
``cloudwatch_metric_filters``, ``cloudwatch_metric_alarms`` and ``eventbridge_rules``.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Callable
from dataclasses import dataclass

from . import _alert_patterns as patterns
from ._alert_patterns import resource_name
from ._arn import Arn
from ._errors import ValidationError
from ._profile import StorageProfile
from ._types import Document

NAMESPACE = "Velero/Audit"
NO_RECENT_BACKUP = "no-recent-backup"

#: PutMetricFilter's limit.
_MAX_PATTERN = 1024
#: PutMetricAlarm: seven days where a period is an hour or more, and an hour is left for backups that start later.
_MAX_HOURS = 167
#: PutRule's limit.
_MAX_RULE_NAME = 64


@dataclass(frozen=True)
class Alert:
    """Something that the operator of the backups must learn of.

    :param summary: what has happened; with ``{key}``, ``{bucket}``, ``{backups}`` and ``{namespace}`` of the profile
    :param event_category: which events the trail has to record
    :param filter_pattern: the pattern of the metric filter
    :param remediation: what to do first
    :param applies_to: whether it can happen with this profile, in this account
    :param event_detail: what EventBridge compares the ``detail`` of an event with; None where a rule is no faster
    """

    name: str
    summary: str
    severity: str
    event_category: t.Literal["management", "data"]
    filter_pattern: Callable[[StorageProfile], str]
    remediation: str
    applies_to: Callable[[StorageProfile], bool] = lambda _profile: True
    event_detail: Callable[[StorageProfile], Document] | None = None

    def summary_of(self, profile: StorageProfile) -> str:
        return self.summary.format(
            key=profile.kms_key_arn,
            bucket=profile.bucket,
            backups=f"{profile.bucket}/{profile.prefix}".rstrip("/"),
            namespace=profile.namespace,
        )


# --- what can happen with a profile ---


def _with_own_key(profile: StorageProfile) -> bool:
    """Who changes the key of another account is recorded there."""
    arn = Arn.parse(str(profile.kms_key_arn)) if profile.encrypts_with_kms else None
    return arn is not None and arn.account_id == profile.account_id


_CHECK = "ansible-playbook coffer.velero.site --check --diff"
_REPAIR = "ansible-playbook coffer.velero.site"

ALERTS: tuple[Alert, ...] = (
    Alert(
        name="key-access-denied",
        summary="KMS denied a request that uses the key {key} of Velero's backups in {bucket}, or the key is disabled.",
        severity="high",
        event_category="management",
        filter_pattern=patterns.key_refused,
        applies_to=lambda profile: profile.encrypts_with_kms,
        remediation=(
            f"Find the caller with coffer.velero.kms_usage_info. If it is Velero, run {_CHECK}: backups are failing."
        ),
    ),
    Alert(
        name="key-disabled-or-deleted",
        summary=(
            "The key {key} of Velero's backups in {bucket} was disabled, its deletion was scheduled, its imported key "
            "material was deleted, or its alias was deleted."
        ),
        severity="critical",
        event_category="management",
        filter_pattern=patterns.key_ended,
        event_detail=patterns.key_event(patterns.named(*patterns.ENDS_KEY)),
        applies_to=_with_own_key,
        remediation=(
            "Cancel the deletion and enable the key with coffer.velero.kms_key (cancel_deletion and enabled): no "
            "backup can be restored without it."
        ),
    ),
    Alert(
        name="key-policy-changed",
        summary="The policy of the key {key} of Velero's backups in {bucket} was changed, or a grant was created.",
        severity="high",
        event_category="management",
        filter_pattern=patterns.key_policy,
        event_detail=patterns.key_event(
            patterns.named("PutKeyPolicy"),
            patterns.named("CreateGrant", userIdentity={"invokedBy": [{"exists": False}]}),
        ),
        applies_to=_with_own_key,
        remediation=f"Run {_CHECK} to see what changed; revoke a grant that is not expected.",
    ),
    Alert(
        name="bucket-encryption-changed",
        summary=(
            "The default encryption of the bucket {bucket} of Velero's backups was changed. The objects that kopia "
            "writes follow it."
        ),
        severity="high",
        event_category="management",
        filter_pattern=patterns.bucket_calls(*patterns.CHANGES_ENCRYPTION),
        event_detail=patterns.bucket_event(*patterns.CHANGES_ENCRYPTION),
        remediation=f"Run {_REPAIR}, then coffer.velero.verify for the objects that were written meanwhile.",
    ),
    Alert(
        name="bucket-policy-changed",
        summary="The policy of the bucket {bucket} of Velero's backups was changed or deleted.",
        severity="high",
        event_category="management",
        filter_pattern=patterns.bucket_calls(*patterns.CHANGES_POLICY),
        event_detail=patterns.bucket_event(*patterns.CHANGES_POLICY),
        remediation=f"Run {_CHECK} to see what changed.",
    ),
    Alert(
        name="public-access-opened",
        summary=(
            "Block Public Access, the ACL or the object ownership of the bucket {bucket} of Velero's backups was "
            "changed, or Block Public Access of the account."
        ),
        severity="critical",
        event_category="management",
        filter_pattern=patterns.public_access,
        event_detail=patterns.public_access_event,
        remediation=f"Run {_REPAIR}, which blocks public access to the bucket again; then find the caller.",
    ),
    Alert(
        name="key-changed",
        summary=(
            "The rotation of the key {key} of Velero's backups in {bucket} was disabled, the key was replicated to "
            "another Region, or key material was imported."
        ),
        severity="high",
        event_category="management",
        filter_pattern=patterns.key_calls(*patterns.CHANGES_KEY),
        event_detail=patterns.key_event(patterns.named(*patterns.CHANGES_KEY)),
        applies_to=_with_own_key,
        remediation=f"Run {_CHECK} to see what changed; delete a replica that is not expected.",
    ),
    Alert(
        name="bucket-protection-changed",
        summary=(
            "The lifecycle, versioning, Object Lock or replication of the bucket {bucket} of Velero's backups was "
            "changed, or the bucket was deleted."
        ),
        severity="critical",
        event_category="management",
        filter_pattern=patterns.bucket_calls(*patterns.CHANGES_PROTECTION),
        event_detail=patterns.bucket_event(*patterns.CHANGES_PROTECTION),
        remediation=(
            "Remove a lifecycle rule that expires backups, and a replication that is not expected, before they take "
            "effect; then find the caller."
        ),
    ),
    Alert(
        name="access-changed",
        summary="The IAM role of Velero (backups in {bucket}) or its policy was changed.",
        severity="high",
        event_category="management",
        filter_pattern=patterns.access,
        applies_to=lambda profile: bool(profile.role_arns),
        remediation=f"Run {_CHECK} to see what changed.",
    ),
    Alert(
        name="monitoring-changed",
        summary=(
            "A trail of the account was changed or stopped, or an alarm, metric filter or rule for Velero's backups in "
            "{bucket} was removed."
        ),
        severity="critical",
        event_category="management",
        filter_pattern=patterns.monitoring,
        event_detail=patterns.monitoring_event,
        remediation=f"Run {_REPAIR}, which sets the monitoring up again; then find the caller.",
    ),
    Alert(
        name="object-encryption-updated",
        summary="The encryption of an object of Velero's backups in {backups} was changed in place.",
        severity="critical",
        event_category="data",
        filter_pattern=patterns.updated_encryption,
        remediation=(
            "Run coffer.velero.verify at once: objects under a key of somebody else cannot be restored. Then find the "
            "caller; the bucket policy allows it only to velero_update_encryption_arns."
        ),
    ),
    Alert(
        name="object-writes-denied",
        summary="S3 denied a request to write or delete an object of Velero's backups in {backups}.",
        severity="medium",
        event_category="data",
        filter_pattern=patterns.denied_writes,
        remediation=(
            f"Find the caller in CloudTrail. If it is Velero, its backups are failing: run {_CHECK}. If not, find out "
            "what it wanted there."
        ),
    ),
    Alert(
        name=NO_RECENT_BACKUP,
        summary="Velero (namespace {namespace}) has written nothing to {backups} for longer than its schedule allows.",
        severity="high",
        event_category="management",
        filter_pattern=patterns.written,
        applies_to=lambda profile: bool(profile.role_arns),
        remediation=(
            "Check the Schedule (velero schedule get), the BackupStorageLocation (velero backup-location get) and "
            "Velero's pods."
        ),
    ),
)


def metric_name(profile: StorageProfile, alert: str) -> str:
    return f"{profile.bucket}-{alert}"


def alerts(profile: StorageProfile, *, data_events: bool) -> tuple[Alert, ...]:
    """The alerts that can fire. Without KMS it takes data events to see that Velero writes."""

    def recorded(alert: Alert) -> bool:
        heartbeat = alert.name == NO_RECENT_BACKUP and not profile.encrypts_with_kms
        return data_events or not (alert.event_category == "data" or heartbeat)

    return tuple(alert for alert in ALERTS if alert.applies_to(profile) and recorded(alert))


def metric_filters(profile: StorageProfile, *, data_events: bool = False) -> list[Document]:
    """The metric filters for the log group that the trail delivers to.

    :raises ValidationError: where a pattern grows beyond what CloudWatch takes
    """
    return [_metric_filter(profile, alert) for alert in alerts(profile, data_events=data_events)]


def _metric_filter(profile: StorageProfile, alert: Alert) -> Document:
    name, pattern = resource_name(profile, alert.name), f"{{ {alert.filter_pattern(profile)} }}"
    if len(pattern) > _MAX_PATTERN:
        reason = f"would have a pattern of {len(pattern)} characters, and CloudWatch takes {_MAX_PATTERN}"
        raise ValidationError("velero_role_arns", name, reason, "Name fewer roles, or give them shorter names.")
    # Without a default CloudWatch has no value for times without a match, and an alarm no data.
    metric = {"metric_name": metric_name(profile, alert.name), "metric_namespace": NAMESPACE, "metric_value": "1"}
    return {"name": name, "filter_pattern": pattern, "metric_transformation": {**metric, "default_value": 0.0}}


def alarms(
    profile: StorageProfile,
    *,
    topic_arn: str | None,
    schedule_hours: int,
    data_events: bool = False,
    log_group: bool = True,
) -> list[Document]:
    """The alarms.

    :param schedule_hours: hours between two backups at most
    :param log_group: without one only KMS's own metric is left, which shows that the key is used, but not by whom, in
        the account of the key
    :raises ValidationError: where CloudWatch cannot wait for so long
    """
    if not 1 <= schedule_hours <= _MAX_HOURS:
        reason = f"is not between 1 and {_MAX_HOURS}: an alarm looks back for seven days at most"
        remediation = "Back up more often, or let coffer.velero.audit_info look for what is overdue."
        raise ValidationError("kms_audit_backup_schedule_hours", str(schedule_hours), reason, remediation)
    actions = [topic_arn] if topic_arn else []
    found = alerts(profile, data_events=data_events)
    if not log_group:
        found = tuple(one for one in ALERTS if one.name == NO_RECENT_BACKUP and _with_own_key(profile))
    return [_alarm(profile, alert, actions, schedule_hours, log_group=log_group) for alert in found]


def _alarm(
    profile: StorageProfile, alert: Alert, actions: list[str], schedule_hours: int, *, log_group: bool
) -> Document:
    metric: Document = {"namespace": NAMESPACE, "metric_name": metric_name(profile, alert.name), "dimensions": {}}
    if not log_group:
        dimensions = {"KeyArn": str(profile.kms_key_arn), "Operation": "GenerateDataKey"}
        metric = {"namespace": "AWS/KMS", "metric_name": "SuccessfulRequest", "dimensions": dimensions}
    return {
        "name": resource_name(profile, alert.name),
        "description": f"{alert.summary_of(profile)} {alert.remediation}",
        **metric,
        "statistic": "Sum",
        **(_heartbeat_alarm(schedule_hours) if alert.name == NO_RECENT_BACKUP else EVENT_ALARM),
        "actions_enabled": True,
        "alarm_actions": actions,
    }


#: One event in five minutes is enough.
EVENT_ALARM: Document = {
    "period": 300,
    "evaluation_periods": 1,
    "datapoints_to_alarm": 1,
    "threshold": 1.0,
    "comparison": "GreaterThanOrEqualToThreshold",
    "treat_missing_data": "notBreaching",
}


def _heartbeat_alarm(hours: int) -> Document:
    """No hour of so many had a write. One more than the schedule says, since a backup may start a little later.

    A Bucket Key does not hide a backup: S3 asks KMS for a new one for each requester after "a limited time" (S3 user
    guide, "Reducing the cost of SSE-KMS"), which AWS does not state and which users have seen to be minutes.
    """
    periods = {"period": 3600, "evaluation_periods": hours + 1, "datapoints_to_alarm": hours + 1}
    return {**periods, "threshold": 1.0, "comparison": "LessThanThreshold", "treat_missing_data": "breaching"}


# --- EventBridge rules ---

#: "KMS events" (KMS Developer Guide): what KMS does by itself, which CloudTrail records no API call for.
_KMS_EVENTS = {
    "key-deleted": (
        "KMS CMK Deletion",
        "KMS has deleted the key of Velero's backups in {bucket}.",
        "KMS has deleted the key <key> of Velero's backups in {bucket} at <time>. What was encrypted under it can "
        "never be decrypted again: restore from a copy that is encrypted under another key.",
    ),
    "key-material-expired": (
        "KMS Imported Key Material Expiration",
        "The imported key material of the key of Velero's backups in {bucket} has expired.",
        "The imported key material of the key <key> of Velero's backups in {bucket} has expired at <time>. No backup "
        "can be written or restored: import the key material again.",
    ),
}


def event_rules(profile: StorageProfile, *, topic_arn: str | None) -> list[Document]:
    """The EventBridge rules of the alerts that a rule notices sooner than a metric filter."""
    paths = {"call": "$.detail.eventName", "who": "$.detail.userIdentity.arn", "time": "$.time", "account": "$.account"}
    rules = []
    for alert in alerts(profile, data_events=False):
        if alert.event_detail is None:
            continue
        detail, summary = alert.event_detail(profile), alert.summary_of(profile)
        sources = [f"aws.{name.partition('.')[0]}" for name in detail["eventSource"]]
        pattern = {"source": sources, "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}
        message = f"{summary} <who> called <call> at <time> in account <account>. {alert.remediation}"
        rules.append(_event_rule(profile, alert.name, summary, pattern, _target(topic_arn, paths, message)))
    return rules


def kms_event_rules(profile: StorageProfile, *, topic_arn: str | None) -> list[Document]:
    """The rules of KMS's own events, which it sends to the account and Region of the key and nowhere else."""
    if not _with_own_key(profile):
        return []
    rules = []
    for name, (detail_type, summary, message) in _KMS_EVENTS.items():
        pattern = {"source": ["aws.kms"], "detail-type": [detail_type], "resources": [str(profile.kms_key_arn)]}
        paths = {"key": "$.resources[0]", "time": "$.time"}
        target = _target(topic_arn, paths, message.format(bucket=profile.bucket))
        rules.append(_event_rule(profile, name, summary.format(bucket=profile.bucket), pattern, target))
    return rules


def _event_rule(
    profile: StorageProfile, alert: str, description: str, pattern: Document, targets: list[Document]
) -> Document:
    return {
        "name": rule_name(profile, alert),
        "description": description,
        "event_pattern": pattern,
        "state": "ENABLED",
        "targets": targets,
    }


def _target(topic_arn: str | None, paths: Document, message: str) -> list[Document]:
    if not topic_arn:
        return []
    return [{"id": "velero-audit", "arn": topic_arn, "input_paths": paths, "input_template": json.dumps(message)}]


def rule_name(profile: StorageProfile, alert: str) -> str:
    """As :func:`resource_name`, in the 64 characters that a rule's name may have."""
    whole = resource_name(profile, alert)
    if len(whole) <= _MAX_RULE_NAME:
        return whole
    digest = hashlib.sha256(profile.bucket.encode()).hexdigest()[:8]
    room = _MAX_RULE_NAME - len(whole) + len(profile.bucket) - len(digest) - 1
    return f"velero-{profile.bucket[:room]}-{digest}-{alert}"
