# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What should be noticed, and how: one table. Pure. PRIVATE to coffer.velero.

A signal is something that CloudTrail records and somebody should hear of. Metric filters, alarms and rules of
EventBridge follow from :data:`SIGNALS`, in the shape in which ``PutMetricFilter``, ``PutMetricAlarm`` and ``PutRule``
take them. CloudWatch has no metric of KMS that counts errors (KMS Developer Guide, "Monitor KMS keys with CloudWatch"),
so the records of CloudTrail are what there is to count.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

Needs = t.Literal["management", "data"]

NAMESPACE = "Velero/Audit"
SILENCE = "silence"

#: PutMetricFilter's limit.
_MOST_CHARACTERS = 1024
#: PutMetricAlarm: seven days where a period is an hour or more, and an hour is left for backups that start later.
_MOST_HOURS = 167
#: PutRule's limit.
_MOST_OF_A_RULE = 64
_HOUR, _FIVE_MINUTES = 3600, 300

_SUCCEEDED = "($.errorCode NOT EXISTS)"


@dataclass(frozen=True)
class Signal:
    """Something that somebody should hear of.

    :param what: what has happened, in words
    :param needs: which events the trail has to record
    :param pattern: the metric filter's pattern
    :param event: what EventBridge compares the ``detail`` of an event with; None where a rule would notice no sooner
    :param applies: whether it can happen with this profile, in this account
    :param remediation: what to do when it has happened
    """

    name: str
    what: str
    severity: str
    needs: Needs
    pattern: Callable[[StorageProfile], str]
    applies: Callable[[StorageProfile], bool]
    remediation: str
    event: Callable[[StorageProfile], Document] | None = None


# --- the words of metric filters (CloudWatch Logs user guide, "Filter pattern syntax") ---


def _all(*conditions: str) -> str:
    return " && ".join(conditions)


def _any(conditions: Sequence[str]) -> str:
    return f"({' || '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def _is(field: str, *values: str) -> str:
    return _any([f'($.{field} = "{value}")' for value in values])


def _calls(service: str, *names: str) -> str:
    return _all(_is("eventSource", f"{service}.amazonaws.com"), _is("eventName", *names))


def _on_key(profile: StorageProfile, *places: int) -> str:
    """A request may name the key by its id, ARN or alias; where it succeeded, ``resources`` has the ARN.

    An alias that is deleted is in ``resources`` too, before or after its key (KMS Developer Guide, "Find aliases in
    CloudTrail logs", "DeleteAlias"). One that is moved to another key is recorded with that key alone.
    """
    return _any([_is(f"resources[{place}].ARN", str(profile.kms_key_arn)) for place in places])


def _on_bucket(profile: StorageProfile) -> str:
    return _is("requestParameters.bucketName", profile.bucket)


def _by_velero(profile: StorageProfile) -> str:
    """A session of the role; its own ARN has the name of the session in it, so that of the role is compared."""
    return _is("userIdentity.sessionContext.sessionIssuer.arn", *profile.role_arns)


def _key_refused(profile: StorageProfile) -> str:
    """A refused request names the key in its message, and often nowhere else.

    A message that ends with "on this resource because the resource does not exist in this Region, no resource-based
    policies allow access, ..." names none: KMS does not tell another account whether there is such a key.
    """
    arn = str(profile.kms_key_arn)
    named = [_is("errorMessage", f"*{arn}*"), *_named_in_request(arn)]
    key = _any([_on_key(profile, 0, 1), *named])
    codes = _is("errorCode", "AccessDenied*", "*UnauthorizedOperation", "DisabledException", "KMSInvalidState*")
    return _all(_is("eventSource", "kms.amazonaws.com"), codes, key)


def _named_in_request(arn: str) -> list[str]:
    """An id is resolved in the caller's Region; a replica of a multi-Region key has the same one elsewhere."""
    here = _all(_is("requestParameters.keyId", arn.rpartition("/")[2]), _is("awsRegion", arn.split(":")[3]))
    return [_is("requestParameters.keyId", arn), f"({here})"]


def _key_ended(profile: StorageProfile) -> str:
    return _all(_calls("kms", *_ENDS_KEY), _on_key(profile, 0, 1), _SUCCEEDED)


def _key_policy(profile: StorageProfile) -> str:
    """A grant that an AWS service makes for itself, as EBS does, is no news."""
    grant = f"({_all(_is('eventName', 'CreateGrant'), '($.userIdentity.invokedBy NOT EXISTS)')})"
    changed = _any([_is("eventName", "PutKeyPolicy"), grant])
    return _all(_is("eventSource", "kms.amazonaws.com"), changed, _on_key(profile, 0), _SUCCEEDED)


def _bucket_calls(*names: str) -> Callable[[StorageProfile], str]:
    return lambda profile: _all(_calls("s3", *names), _on_bucket(profile), _SUCCEEDED)


def _public_access(profile: StorageProfile) -> str:
    """The settings of the account open the bucket too, and name none. The trail may be of an organization."""
    account = f"({_all(_is('eventName', *_OPENS_ACCOUNT), _is('recipientAccountId', profile.account_id))})"
    bucket = f"({_all(_is('eventName', *_OPENS_BUCKET), _on_bucket(profile))})"
    return _all('($.eventSource = "s3*")', _any([account, bucket]), _SUCCEEDED)


def _denied_writes(profile: StorageProfile) -> str:
    key = [_is("requestParameters.key", f"{profile.prefix}/*")] if profile.prefix else []
    conditions = (_is("errorCode", "AccessDenied*"), "($.readOnly IS FALSE)", _on_bucket(profile), *key)
    return _all(_is("eventSource", "s3.amazonaws.com"), *conditions)


def _written(profile: StorageProfile) -> str:
    """What shows that Velero writes: it asks KMS for a data key, or without KMS writes an object."""
    if profile.encrypts_with_kms:
        return _all(_calls("kms", "GenerateDataKey"), _on_key(profile, 0), _by_velero(profile), _SUCCEEDED)
    calls = _calls("s3", "PutObject", "CompleteMultipartUpload")
    return _all(calls, _on_bucket(profile), _by_velero(profile), _SUCCEEDED)


# --- the words of EventBridge (EventBridge user guide, "Comparison operators") ---


def _event(service: str, *alternatives: Document, **more: t.Any) -> Document:
    which = alternatives[0] if len(alternatives) == 1 else {"$or": list(alternatives)}
    return {"eventSource": [f"{service}.amazonaws.com"], "errorCode": [{"exists": False}], **which, **more}


def _named(*names: str, **more: t.Any) -> Document:
    return {"eventName": list(names), **more}


def _key_event(*alternatives: Document) -> Callable[[StorageProfile], Document]:
    """``resources`` is an array of objects; a pattern looks into each of them."""
    return lambda profile: _event("kms", *alternatives, resources={"ARN": [str(profile.kms_key_arn)]})


def _bucket_event(*names: str) -> Callable[[StorageProfile], Document]:
    return lambda profile: _event("s3", _named(*names, requestParameters={"bucketName": [profile.bucket]}))


def _public_access_event(profile: StorageProfile) -> Document:
    bucket = _named(*_OPENS_BUCKET, requestParameters={"bucketName": [profile.bucket]})
    return _event("s3", bucket, _named(*_OPENS_ACCOUNT))


# --- what can happen with a profile ---


def _with_key(profile: StorageProfile) -> bool:
    return profile.encrypts_with_kms


def _with_own_key(profile: StorageProfile) -> bool:
    """Who changes the key of another account is recorded there."""
    arn = Arn.parse(str(profile.kms_key_arn)) if profile.encrypts_with_kms else None
    return arn is not None and arn.account_id == profile.account_id


def _always(_profile: StorageProfile) -> bool:
    return True


_ENDS_KEY = ("DisableKey", "ScheduleKeyDeletion", "DeleteImportedKeyMaterial", "DeleteAlias")
_CHANGES_ENCRYPTION = ("PutBucketEncryption", "DeleteBucketEncryption")
_CHANGES_POLICY = ("PutBucketPolicy", "DeleteBucketPolicy")
_OPENS_BUCKET = (
    "PutBucketPublicAccessBlock",
    "DeleteBucketPublicAccessBlock",
    "PutBucketAcl",
    "PutBucketOwnershipControls",
    "DeleteBucketOwnershipControls",
)
#: As CloudTrail spells them; S3's own guide names the operations, ``PutPublicAccessBlock`` and so on.
_OPENS_ACCOUNT = (
    "PutAccountPublicAccessBlock",
    "DeleteAccountPublicAccessBlock",
    "PutPublicAccessBlock",
    "DeletePublicAccessBlock",
)

SIGNALS: tuple[Signal, ...] = (
    Signal(
        name="key-access-denied",
        what="Somebody was refused the use of the key, or the key is disabled.",
        severity="high",
        needs="management",
        pattern=_key_refused,
        applies=_with_key,
        remediation="Look who with coffer.velero.kms_usage_info. Is it Velero, run coffer.velero.site --check --diff.",
    ),
    Signal(
        name="key-disabled-or-deleted",
        what="The key was disabled, its deletion was scheduled, or it lost an alias.",
        severity="critical",
        needs="management",
        pattern=_key_ended,
        event=_key_event(_named(*_ENDS_KEY)),
        applies=_with_own_key,
        remediation=(
            "Cancel the deletion and enable the key with coffer.velero.kms_key: no backup can be read without it."
        ),
    ),
    Signal(
        name="key-policy-changed",
        what="The key's policy was changed, or somebody was given a grant.",
        severity="high",
        needs="management",
        pattern=_key_policy,
        event=_key_event(
            _named("PutKeyPolicy"), _named("CreateGrant", userIdentity={"invokedBy": [{"exists": False}]})
        ),
        applies=_with_own_key,
        remediation="Run coffer.velero.site --check --diff; revoke a grant that nobody asked for.",
    ),
    Signal(
        name="bucket-encryption-changed",
        what="The bucket's default encryption was changed. kopia's data follows it.",
        severity="high",
        needs="management",
        pattern=_bucket_calls(*_CHANGES_ENCRYPTION),
        event=_bucket_event(*_CHANGES_ENCRYPTION),
        applies=_always,
        remediation="Run coffer.velero.site, and coffer.velero.verify for what was written meanwhile.",
    ),
    Signal(
        name="bucket-policy-changed",
        what="The bucket's policy was changed.",
        severity="high",
        needs="management",
        pattern=_bucket_calls(*_CHANGES_POLICY),
        event=_bucket_event(*_CHANGES_POLICY),
        applies=_always,
        remediation="Run coffer.velero.site --check --diff.",
    ),
    Signal(
        name="public-access-opened",
        what="The block of public access, the ACL or the ownership of the bucket was changed, or the account's block.",
        severity="critical",
        needs="management",
        pattern=_public_access,
        event=_public_access_event,
        applies=_always,
        remediation="Run coffer.velero.site, which closes the bucket again; look who it was.",
    ),
    Signal(
        name="denied-writes",
        what="Somebody was refused to write or delete an object of the backups.",
        severity="medium",
        needs="data",
        pattern=_denied_writes,
        applies=_always,
        remediation="Is it Velero, its backups fail: run coffer.velero.site --check --diff. Else look who it was.",
    ),
    Signal(
        name=SILENCE,
        what="Velero has written nothing for longer than its schedule allows.",
        severity="high",
        needs="management",
        pattern=_written,
        applies=lambda profile: bool(profile.role_arns),
        remediation="Look at the Schedule, the BackupStorageLocation and Velero's pods.",
    ),
)


def place(profile: StorageProfile, signal: str) -> str:
    """The name of everything that is made for a signal."""
    return f"velero-{profile.bucket}-{signal}"


def signals(profile: StorageProfile, *, data_events: bool) -> tuple[Signal, ...]:
    """The signals that can be noticed. Without KMS it takes data events to see that Velero writes."""

    def recorded(signal: Signal) -> bool:
        needs_data = signal.needs == "data" or (signal.name == SILENCE and not profile.encrypts_with_kms)
        return data_events or not needs_data

    return tuple(signal for signal in SIGNALS if signal.applies(profile) and recorded(signal))


def metric_filters(profile: StorageProfile, *, data_events: bool = False) -> list[Document]:
    """The metric filters for the log group that the trail delivers to.

    :raises ValidationError: where a pattern grows beyond what CloudWatch takes
    """
    return [_metric_filter(profile, signal) for signal in signals(profile, data_events=data_events)]


def _metric_filter(profile: StorageProfile, signal: Signal) -> Document:
    name, pattern = place(profile, signal.name), f"{{ {signal.pattern(profile)} }}"
    if len(pattern) > _MOST_CHARACTERS:
        reason = f"would have a pattern of {len(pattern)} characters, and CloudWatch takes {_MOST_CHARACTERS}"
        raise ValidationError("velero_role_arns", name, reason, "Name fewer roles, or give them shorter names.")
    # Without a default CloudWatch has no value for times without a match, and an alarm no data.
    metric = {"metricName": _metric(profile, signal), "metricNamespace": NAMESPACE, "metricValue": "1"}
    return {"filterName": name, "filterPattern": pattern, "metricTransformations": [{**metric, "defaultValue": 0.0}]}


def _metric(profile: StorageProfile, signal: Signal) -> str:
    return f"{profile.bucket}-{signal.name}"


def alarms(
    profile: StorageProfile,
    *,
    topic_arn: str | None,
    schedule_hours: int = 24,
    data_events: bool = False,
    log_group: bool = True,
) -> list[Document]:
    """The alarms.

    :param schedule_hours: hours between two backups at most
    :param log_group: without one only KMS's own metric is left, which tells that somebody uses the key, not
        who, in the account of the key
    :raises ValidationError: where CloudWatch cannot wait for so long
    """
    if not 1 <= schedule_hours <= _MOST_HOURS:
        reason = f"is not between 1 and {_MOST_HOURS}: an alarm looks back for seven days at most"
        remediation = "Back up more often, or let coffer.velero.audit_info look for what is overdue."
        raise ValidationError("velero_audit_backup_schedule_hours", str(schedule_hours), reason, remediation)
    actions = [topic_arn] if topic_arn else []
    found = signals(profile, data_events=data_events)
    if not log_group:
        found = tuple(one for one in SIGNALS if one.name == SILENCE and _with_own_key(profile))
    return [_alarm(profile, signal, actions, schedule_hours, log_group=log_group) for signal in found]


def _alarm(
    profile: StorageProfile, signal: Signal, actions: list[str], schedule_hours: int, *, log_group: bool
) -> Document:
    metric: Document = {"Namespace": NAMESPACE, "MetricName": _metric(profile, signal), "Dimensions": []}
    if not log_group:
        dimensions = {"KeyArn": str(profile.kms_key_arn), "Operation": "GenerateDataKey"}
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        metric = {"Namespace": "AWS/KMS", "MetricName": "SuccessfulRequest", "Dimensions": named}
    return {
        "AlarmName": place(profile, signal.name),
        "AlarmDescription": f"{signal.what} {signal.remediation}",
        **metric,
        "Statistic": "Sum",
        **(_silent(schedule_hours) if signal.name == SILENCE else _LOUD),
        "ActionsEnabled": True,
        "AlarmActions": actions,
    }


_LOUD: Document = {
    "Period": _FIVE_MINUTES,
    "EvaluationPeriods": 1,
    "DatapointsToAlarm": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


def _silent(hours: int) -> Document:
    """No hour of so many had a write. One more than the schedule says, since a backup may start a little later.

    A Bucket Key does not hide a backup: S3 asks KMS for a new one for each requester after "a limited time" (S3 user
    guide, "Reducing the cost of SSE-KMS"), which is not told and which users have seen to be minutes.
    """
    return {
        "Period": _HOUR,
        "EvaluationPeriods": hours + 1,
        "DatapointsToAlarm": hours + 1,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }


def event_patterns(profile: StorageProfile) -> dict[str, Document]:
    """The patterns of the rules that notice sooner than a metric filter, by signal."""
    return {
        signal.name: {
            "source": [f"aws.{signal.event(profile)['eventSource'][0].partition('.')[0]}"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": signal.event(profile),
        }
        for signal in signals(profile, data_events=False)
        if signal.event
    }


def rules(profile: StorageProfile, *, topic_arn: str | None) -> list[Document]:
    """The rules of EventBridge with their target, whose message a person can read."""
    patterns = event_patterns(profile)
    return [
        {
            "Name": rule_name(profile, signal.name),
            "Description": signal.what,
            "EventPattern": json.dumps(patterns[signal.name], sort_keys=True),
            "State": "ENABLED",
            "Targets": [_target(topic_arn, signal)] if topic_arn else [],
        }
        for signal in SIGNALS
        if signal.name in patterns
    ]


def rule_name(profile: StorageProfile, signal: str) -> str:
    """As :func:`place`, in the 64 characters that a rule's name may have."""
    whole = place(profile, signal)
    if len(whole) <= _MOST_OF_A_RULE:
        return whole
    digest = hashlib.sha256(profile.bucket.encode()).hexdigest()[:8]
    room = _MOST_OF_A_RULE - len(place(profile, signal)) + len(profile.bucket) - len(digest) - 1
    return f"velero-{profile.bucket[:room]}-{digest}-{signal}"


def _target(topic_arn: str, signal: Signal) -> Document:
    paths = {"call": "$.detail.eventName", "who": "$.detail.userIdentity.arn", "time": "$.time", "account": "$.account"}
    text = f"{signal.what} <who> called <call> at <time> in account <account>. {signal.remediation}"
    return {
        "Id": "velero-audit",
        "Arn": topic_arn,
        "InputTransformer": {"InputPathsMap": paths, "InputTemplate": json.dumps(text)},
    }
