# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live state for the controls of the audit: an installation that meets all of them, and what a test changes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.controls import CONTROLS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    BucketFacts,
    CheckResult,
    Facts,
    PolicyFacts,
    Present,
    RoleFacts,
    RuleFacts,
    TopicFacts,
    TrailState,
    Unavailable,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Control,
    Desired,
    Finding,
    evaluate_controls,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import settings_of
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import shown
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

ACCOUNT, OTHER = "111122223333", "999988887777"
KEY_ARN = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd"
OTHER_KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0987dcba"
BUCKET_ARN = "arn:aws:s3:::acme-backups"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/velero"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRAIL_ARN = f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/velero"
GROUP = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:trail:*"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:velero-acme-backups"
UNREAD = Unavailable("kms:GetKeyPolicy failed: AccessDenied: no.", "access_denied", "kms:GetKeyPolicy")

Doc = dict[str, Any]


def profile(**values: Any) -> StorageProfile:
    base = {
        "account_id": ACCOUNT,
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "kms_key_arn": KEY_ARN,
        "kms_key_administrators": [f"arn:aws:iam::{ACCOUNT}:role/admin"],
        "role_arns": [ROLE],
        "oidc_issuer_url": "https://oidc.example.com/id/1",
    }
    return StorageProfile.parse(base | values)


PROFILE = profile()
FILTER = {
    "filterName": "velero-acme-backups-key-policy-changed",
    "filterPattern": "{ $.eventName = PutKeyPolicy }",
    "metricTransformations": [
        {"metricNamespace": "Velero/Audit", "metricName": "acme-backups-key-policy-changed", "metricValue": "1"}
    ],
}
ALARM: Doc = {
    "AlarmName": "velero-acme-backups-key-policy-changed",
    "Namespace": "Velero/Audit",
    "MetricName": "acme-backups-key-policy-changed",
    "Statistic": "Sum",
    "Threshold": 1,
    "AlarmActions": [TOPIC],
    "ActionsEnabled": True,
}
HEARTBEAT: Doc = {**ALARM, "AlarmName": "velero-acme-backups-no-recent-backup", "TreatMissingData": "breaching"}
RULE: Doc = {
    "Name": "velero-acme-backups-key-disabled-or-deleted",
    "EventPattern": {"source": ["aws.kms"]},
    "State": "ENABLED",
    "Targets": [{"Id": "topic", "Arn": TOPIC}],
}


def desired(**values: Any) -> Desired:
    base: Doc = {
        "profile": PROFILE,
        "alias": "alias/velero",
        "rotation_period_in_days": 180,
        "policy_arn": POLICY,
        "metric_filters": [{"name": FILTER["filterName"], **shown(FILTER)}],
        "alarms": [{"name": one["AlarmName"], **settings_of(one)} for one in (ALARM, HEARTBEAT)],
        "rules": [
            {
                "name": RULE["Name"],
                "event_pattern": RULE["EventPattern"],
                "state": RULE["State"],
                "targets": [{"id": "topic", "arn": TOPIC}],
            }
        ],
    }
    return Desired(**(base | values))


def document(*statements: Doc) -> Doc:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(principal: Any, action: Any = "kms:Decrypt", resource: str = "*", **more: Any) -> Doc:
    return {
        "Sid": "Partner",
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": resource,
        **more,
    }


def key_policy(*more: Doc, of: StorageProfile = PROFILE) -> Doc:
    root = {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    return document(root, *_documents.key_policy_statements(of), *more)


def bucket_policy(*more: Doc) -> Doc:
    return document(*_documents.bucket_policy_statements(PROFILE), *more)


BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
EVERY_OBJECT = {
    "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
}


def trail(*selectors: Doc, status: Doc | None = None, **values: Any) -> TrailState:
    told: Doc = {
        "Name": "velero",
        "TrailARN": TRAIL_ARN,
        "S3BucketName": "acme-backups-audit",
        "HomeRegion": "eu-central-1",
        "IsMultiRegionTrail": True,
        "LogFileValidationEnabled": True,
        "KmsKeyId": OTHER_KEY,
        "CloudWatchLogsLogGroupArn": GROUP,
        "HasCustomEventSelectors": True,
    }
    return TrailState(
        trail=told | values,
        selectors=Present({"AdvancedEventSelectors": list(selectors or (MANAGEMENT, EVERY_OBJECT))}),
        status=Present({"IsLogging": True} if status is None else status),
    )


def good() -> Facts:
    """Everything as every control wants it."""
    return Facts(
        key=Present({"KeyId": "1234abcd", "Arn": KEY_ARN, "KeyState": "Enabled"}),
        rotation=Present({"KeyRotationEnabled": True, "RotationPeriodInDays": 180}),
        key_policy=Present(key_policy()),
        shared_policy=Present(None),
        alias_target=Present(KEY_ARN),
        bucket=BucketFacts(
            encryption=Present({"Rules": [_documents.encryption_rule(PROFILE)]}),
            policy=Present(bucket_policy()),
            public_access_block=Present(BLOCK),
            ownership=Present("BucketOwnerEnforced"),
            versioning=Present({"Status": "Enabled", "MFADelete": "Enabled"}),
            lifecycle=Present([{"ID": "expire", "Status": "Enabled"}]),
            logging=Present({"TargetBucket": "logs", "TargetPrefix": "s3/"}),
            object_lock=Present({"ObjectLockEnabled": "Enabled"}),
        ),
        account_block=Present(BLOCK),
        role_policy=Present(_documents.iam_policy(PROFILE)),
        roles=[
            RoleFacts(
                arn=ROLE,
                trust=Present(document(*_documents.trust_policy_statements(PROFILE))),
                attached=Present([PolicyFacts(arn=POLICY, document=Present(_documents.iam_policy(PROFILE)))]),
                inline=Present({}),
            )
        ],
        trails=Present([trail()]),
        trail_bucket=BucketFacts(
            public_access_block=Present(BLOCK),
            policy=Present(None),
            ownership=Present("BucketOwnerEnforced"),
            logging=Present({"TargetBucket": "logs"}),
        ),
        log_group=Present({"logGroupName": "trail", "retentionInDays": 400}),
        metric_filters=Present([{**FILTER, "logGroupName": "trail"}]),
        alarms=Present({alarm["AlarmName"]: {**alarm, "StateValue": "OK"} for alarm in (ALARM, HEARTBEAT)}),
        topics=Present(
            [
                TopicFacts(
                    arn=TOPIC,
                    attributes=Present({"KmsMasterKeyId": OTHER_KEY}),
                    subscriptions=Present([{"SubscriptionArn": f"{TOPIC}:1"}]),
                )
            ]
        ),
        rules=Present(
            {
                RULE["Name"]: RuleFacts(
                    rule={**RULE, "EventPattern": '{"source":["aws.kms"]}'}, targets=Present(RULE["Targets"])
                )
            }
        ),
    )


def of_bucket(**parts: Any) -> Facts:
    return replace(good(), bucket=replace(good().bucket, **parts))


def of_trail(*selectors: Doc, **values: Any) -> Facts:
    return replace(good(), trails=Present([trail(*selectors, **values)]))


def of_role(**parts: Any) -> Facts:
    return replace(good(), roles=[replace(good().roles[0], **parts)])


def facts(**values: Any) -> Facts:
    changes: Any = {name: Present(value) for name, value in values.items()}
    return replace(good(), **changes)


READER: Doc = allow("*", "s3:GetObject", f"{BUCKET_ARN}/*")


#: A control, the live state, and the result with a part of the message.
Case = tuple[str, Facts, CheckResult]


def findings(control: str, state: Facts, goal: Desired | None = None) -> list[Finding]:
    chosen = [one for one in CONTROLS if one.identifier == control]
    assert chosen, f"no control {control}"
    return evaluate_controls(chosen, state, goal or desired())


def assert_case(control: str, state: Facts, result: CheckResult) -> None:
    """A finding of the control has the status, the reason and the message; the others have other ones."""
    found = findings(control, state)
    same = [one for one in found if (one["status"], one["reason"]) == (result.status, result.reason)]
    assert result.message in " ".join(one["message"] for one in same), found
    assert all(bool(one["remediation"]) == (one["status"] in ("non_compliant", "not_evaluated")) for one in found)


def of_cases(cases: list[Case]) -> pytest.MarkDecorator:
    ids = [f"{number}-{row[0]}" for number, row in enumerate(cases)]
    return pytest.mark.parametrize(("control", "state", "result"), cases, ids=ids)


def failing(cases: list[Case]) -> set[str]:
    return {control for control, _state, result in cases if result.status == "non_compliant"}


def names(controls: tuple[Control, ...]) -> set[str]:
    return {control.identifier for control in controls}
