# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the alerts match in CloudTrail's records: by a metric filter and by an EventBridge rule. Pure.

PRIVATE to coffer.velero. Each function is a part of a row of the table in ``_alerts``.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence

from ._profile import StorageProfile
from ._types import Document

_SUCCEEDED = "($.errorCode NOT EXISTS)"

# --- calls, as CloudTrail spells them ---

ENDS_KEY = ("DisableKey", "ScheduleKeyDeletion", "DeleteImportedKeyMaterial", "DeleteAlias")
CHANGES_ENCRYPTION = ("PutBucketEncryption", "DeleteBucketEncryption")
CHANGES_POLICY = ("PutBucketPolicy", "DeleteBucketPolicy")
CHANGES_KEY = ("DisableKeyRotation", "ReplicateKey", "UpdatePrimaryRegion", "ImportKeyMaterial")
#: As CloudTrail spells them (S3 user guide, "Amazon S3 bucket-level actions tracked by CloudTrail logging").
CHANGES_PROTECTION = (
    "PutBucketLifecycle",
    "DeleteBucketLifecycle",
    "PutBucketVersioning",
    "PutBucketReplication",
    "DeleteBucketReplication",
    "PutBucketObjectLockConfiguration",
    "DeleteBucket",
)
_CHANGES_ROLE = (
    "UpdateAssumeRolePolicy",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "DeleteRole",
)
_VERSIONS_POLICY = ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy")
_MONITORING_SOURCES = (
    "cloudtrail.amazonaws.com",
    "events.amazonaws.com",
    "logs.amazonaws.com",
    "monitoring.amazonaws.com",
)
_STOPS_TRAIL = ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors")
#: By the member of the request that names what the collection made for an alert.
_STOPS_ALERTS = {
    "name": ("DisableRule", "DeleteRule"),
    "rule": ("RemoveTargets",),
    "filterName": ("DeleteMetricFilter",),
    "alarmNames[0]": ("DeleteAlarms", "DisableAlarmActions"),
}
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


def resource_name(profile: StorageProfile, alert: str) -> str:
    """The name of the metric filter, the alarm and the rule of an alert."""
    return f"velero-{profile.bucket}-{alert}"


# --- filter patterns (CloudWatch Logs user guide, "Filter pattern syntax") ---


def _all(*conditions: str) -> str:
    return " && ".join(conditions)


def _any(conditions: Sequence[str]) -> str:
    return f"({' || '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def _is(field: str, *values: str) -> str:
    return _any([f'($.{field} = "{value}")' for value in values])


def _calls(service: str, *names: str) -> str:
    return _all(_is("eventSource", f"{service}.amazonaws.com"), _is("eventName", *names))


def _on_key(profile: StorageProfile, *positions: int) -> str:
    """A request may name the key by its id, ARN or alias; where it succeeded, ``resources`` has the ARN.

    An alias that is deleted is in ``resources`` too, before or after its key (KMS Developer Guide, "Find aliases in
    CloudTrail logs", "DeleteAlias"). One that is moved to another key is recorded with that key alone.
    """
    return _any([_is(f"resources[{position}].ARN", str(profile.kms_key_arn)) for position in positions])


def _on_bucket(profile: StorageProfile) -> str:
    return _is("requestParameters.bucketName", profile.bucket)


def _by_velero(profile: StorageProfile) -> str:
    """A session of the role; its own ARN has the name of the session in it, so that of the role is compared."""
    return _is("userIdentity.sessionContext.sessionIssuer.arn", *profile.role_arns)


def key_refused(profile: StorageProfile) -> str:
    """A refused request names the key in its message, and often nowhere else.

    A message that ends with "on this resource because the resource does not exist in this Region, no resource-based
    policies allow access, ..." names none: KMS does not tell another account whether there is such a key.
    """
    arn = str(profile.kms_key_arn)
    # An id is resolved in the caller's Region; a replica of a multi-Region key has the same one elsewhere.
    here = _all(_is("requestParameters.keyId", arn.rpartition("/")[2]), _is("awsRegion", arn.split(":")[3]))
    named = [_is("errorMessage", f"*{arn}*"), _is("requestParameters.keyId", arn), f"({here})"]
    key = _any([_on_key(profile, 0, 1), *named])
    codes = _is("errorCode", "AccessDenied*", "*UnauthorizedOperation", "DisabledException", "KMSInvalidState*")
    return _all(_is("eventSource", "kms.amazonaws.com"), codes, key)


def key_policy(profile: StorageProfile) -> str:
    """Grants that an AWS service creates for itself, as EBS does, are left out."""
    grant = f"({_all(_is('eventName', 'CreateGrant'), '($.userIdentity.invokedBy NOT EXISTS)')})"
    changed = _any([_is("eventName", "PutKeyPolicy"), grant])
    return _all(_is("eventSource", "kms.amazonaws.com"), changed, _on_key(profile, 0), _SUCCEEDED)


def bucket_calls(*names: str) -> Callable[[StorageProfile], str]:
    return lambda profile: _all(_calls("s3", *names), _on_bucket(profile), _SUCCEEDED)


def key_ended(profile: StorageProfile) -> str:
    return _all(_calls("kms", *ENDS_KEY), _on_key(profile, 0, 1), _SUCCEEDED)


def key_calls(*names: str) -> Callable[[StorageProfile], str]:
    return lambda profile: _all(_is("eventName", *names), _on_key(profile, 0), _SUCCEEDED)


def access(profile: StorageProfile) -> str:
    """Changes of Velero's roles and of their managed policies; IAM's records name a role by its name."""
    roles = [arn.rpartition("/")[2] for arn in profile.role_arns]
    changes = [_all(_is("eventName", *_CHANGES_ROLE), _is("requestParameters.roleName", *roles))]
    if profile.policy_arns:
        policies = _is("requestParameters.policyArn", *profile.policy_arns)
        changes.append(_all(_is("eventName", *_VERSIONS_POLICY), policies))
    changed = _any([f"({change})" for change in changes])
    account = _is("recipientAccountId", profile.role_arns[0].split(":")[4])
    return _all(changed, account, _SUCCEEDED)


def monitoring(profile: StorageProfile) -> str:
    """Which trail delivers here is not known to the profile: of a trail each change is told."""
    stopped = [f"({_all(_is('eventName', *_STOPS_TRAIL), _is('recipientAccountId', profile.account_id))})"]
    own = resource_name(profile, "*")
    for field, names in _STOPS_ALERTS.items():
        stopped.append(f"({_all(_is('eventName', *names), _is(f'requestParameters.{field}', own))})")
    return _all(_any(stopped), _SUCCEEDED)


def updated_encryption(profile: StorageProfile) -> str:
    return _all(_is("eventName", "UpdateObjectEncryption"), *_on_objects(profile), _SUCCEEDED)


def _on_objects(profile: StorageProfile) -> list[str]:
    key = [_is("requestParameters.key", f"{profile.prefix}/*")] if profile.prefix else []
    return [_on_bucket(profile), *key]


def public_access(profile: StorageProfile) -> str:
    """Block Public Access of the account names no bucket. The trail may be of an organization."""
    account = f"({_all(_is('eventName', *_OPENS_ACCOUNT), _is('recipientAccountId', profile.account_id))})"
    bucket = f"({_all(_is('eventName', *_OPENS_BUCKET), _on_bucket(profile))})"
    return _all('($.eventSource = "s3*")', _any([account, bucket]), _SUCCEEDED)


def denied_writes(profile: StorageProfile) -> str:
    conditions = (_is("errorCode", "AccessDenied*"), "($.readOnly IS FALSE)", *_on_objects(profile))
    return _all(_is("eventSource", "s3.amazonaws.com"), *conditions)


def written(profile: StorageProfile) -> str:
    """The heartbeat: Velero asks KMS for a data key, or without KMS writes an object."""
    if profile.encrypts_with_kms:
        return _all(_calls("kms", "GenerateDataKey"), _on_key(profile, 0), _by_velero(profile), _SUCCEEDED)
    calls = _calls("s3", "PutObject", "CompleteMultipartUpload")
    return _all(calls, _on_bucket(profile), _by_velero(profile), _SUCCEEDED)


# --- event patterns (EventBridge user guide, "Comparison operators") ---


def _event(service: str, *alternatives: Document, **more: t.Any) -> Document:
    which = alternatives[0] if len(alternatives) == 1 else {"$or": list(alternatives)}
    return {"eventSource": [f"{service}.amazonaws.com"], "errorCode": [{"exists": False}], **which, **more}


def named(*names: str, **more: t.Any) -> Document:
    return {"eventName": list(names), **more}


def key_event(*alternatives: Document) -> Callable[[StorageProfile], Document]:
    """``resources`` is an array of objects; a pattern looks into each of them."""
    return lambda profile: _event("kms", *alternatives, resources={"ARN": [str(profile.kms_key_arn)]})


def bucket_event(*names: str) -> Callable[[StorageProfile], Document]:
    return lambda profile: _event("s3", named(*names, requestParameters={"bucketName": [profile.bucket]}))


def monitoring_event(profile: StorageProfile) -> Document:
    """EventBridge compares whole names or prefixes."""
    own = [{"prefix": resource_name(profile, "")}]
    alternatives = [named(*_STOPS_TRAIL)]
    for field, names in _STOPS_ALERTS.items():
        alternatives.append(named(*names, requestParameters={field.partition("[")[0]: own}))
    sources = {"eventSource": list(_MONITORING_SOURCES)}
    return {**sources, "errorCode": [{"exists": False}], "$or": alternatives}


def public_access_event(profile: StorageProfile) -> Document:
    bucket = named(*_OPENS_BUCKET, requestParameters={"bucketName": [profile.bucket]})
    return _event("s3", bucket, named(*_OPENS_ACCOUNT))
