# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every control: what passes, what fails and why, what does not apply; and that nothing unread ever passes."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.controls import CONTROLS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    BucketFacts,
    Facts,
    Known,
    Missing,
    PolicyFacts,
    RoleFacts,
    RuleFacts,
    TopicFacts,
    TrailState,
    Unread,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    SEVERITIES,
    STANDARDS,
    Expected,
    Finding,
    coverage,
    judge,
    summary,
    verdict,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.notice import CIS_BUCKETS, CIS_KEYS
from ansible_collections.coffer.velero.plugins.module_utils._audit.trail import relied_on
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import settings_of
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import shown
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

ACCOUNT, OTHER = "111122223333", "999988887777"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd"
OTHER_KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0987dcba"
BUCKET_ARN = "arn:aws:s3:::acme-backups"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/velero"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/velero"
GROUP = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:trail:*"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:velero-acme-backups"
UNREAD = Unread("kms:GetKeyPolicy failed: AccessDenied: no.", "kms:GetKeyPolicy")

Doc = dict[str, Any]


def profile(**values: Any) -> StorageProfile:
    base = {
        "account_id": ACCOUNT,
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "kms_key_arn": KEY,
        "kms_key_administrators": [f"arn:aws:iam::{ACCOUNT}:role/admin"],
        "role_arns": [ROLE],
        "oidc_issuer_url": "https://oidc.example.com/id/1",
    }
    return StorageProfile.parse(base | values)


WANTED = profile()
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
SILENCE: Doc = {**ALARM, "AlarmName": "velero-acme-backups-no-recent-backup", "TreatMissingData": "breaching"}
RULE: Doc = {
    "Name": "velero-acme-backups-key-disabled-or-deleted",
    "EventPattern": {"source": ["aws.kms"]},
    "State": "ENABLED",
    "Targets": [{"Id": "topic", "Arn": TOPIC}],
}


def expected(**values: Any) -> Expected:
    base: Doc = {
        "profile": WANTED,
        "alias": "alias/velero",
        "rotation_period_in_days": 180,
        "policy_arn": POLICY,
        "metric_filters": [{"name": FILTER["filterName"], **shown(FILTER)}],
        "alarms": [{"name": one["AlarmName"], **settings_of(one)} for one in (ALARM, SILENCE)],
        "rules": [
            {
                "name": RULE["Name"],
                "event_pattern": RULE["EventPattern"],
                "state": RULE["State"],
                "targets": [{"id": "topic", "arn": TOPIC}],
            }
        ],
    }
    return Expected(**(base | values))


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


def key_policy(*more: Doc, of: StorageProfile = WANTED) -> Doc:
    root = {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    return document(root, *_documents.key_policy_statements(of), *more)


def bucket_policy(*more: Doc) -> Doc:
    return document(*_documents.bucket_policy_statements(WANTED), *more)


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
        "TrailARN": TRAIL,
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
        selectors=Known({"AdvancedEventSelectors": list(selectors or (MANAGEMENT, EVERY_OBJECT))}),
        status=Known({"IsLogging": True} if status is None else status),
    )


def good() -> Facts:
    """Everything as every control wants it."""
    prescribed = [
        {
            "filterName": name,
            "filterPattern": pattern,
            "metricTransformations": [{"metricNamespace": "Velero/Audit", "metricName": ALARM["MetricName"]}],
        }
        for name, pattern in (("keys", CIS_KEYS), ("buckets", CIS_BUCKETS))
    ]
    return Facts(
        key=Known({"KeyId": "1234abcd", "Arn": KEY, "KeyState": "Enabled"}),
        rotation=Known({"KeyRotationEnabled": True, "RotationPeriodInDays": 180}),
        key_policy=Known(key_policy()),
        shared_policy=Known(None),
        alias_target=Known(KEY),
        bucket=BucketFacts(
            encryption=Known({"Rules": [_documents.encryption_rule(WANTED)]}),
            policy=Known(bucket_policy()),
            public_access_block=Known(BLOCK),
            ownership=Known("BucketOwnerEnforced"),
            versioning=Known({"Status": "Enabled", "MFADelete": "Enabled"}),
            lifecycle=Known([{"ID": "expire", "Status": "Enabled"}]),
            logging=Known({"TargetBucket": "logs", "TargetPrefix": "s3/"}),
            replication=Known({"Rules": [{"Status": "Enabled"}]}),
            notifications=Known({"EventBridgeConfiguration": {}}),
            object_lock=Known({"ObjectLockEnabled": "Enabled"}),
        ),
        account_block=Known(BLOCK),
        role_policy=Known(_documents.iam_policy(WANTED)),
        roles=[
            RoleFacts(
                arn=ROLE,
                trust=Known(document(*_documents.trust_policy_statements(WANTED))),
                attached=Known([PolicyFacts(arn=POLICY, document=Known(_documents.iam_policy(WANTED)))]),
                inline=Known({}),
            )
        ],
        trails=Known([trail()]),
        trail_bucket=BucketFacts(
            public_access_block=Known(BLOCK),
            policy=Known(None),
            ownership=Known("BucketOwnerEnforced"),
            logging=Known({"TargetBucket": "logs"}),
        ),
        log_group=Known({"logGroupName": "trail", "retentionInDays": 400}),
        metric_filters=Known([{**FILTER, "logGroupName": "trail"}, *prescribed]),
        alarms=Known({alarm["AlarmName"]: {**alarm, "StateValue": "OK"} for alarm in (ALARM, SILENCE)}),
        topics=Known(
            [
                TopicFacts(
                    arn=TOPIC,
                    attributes=Known({"KmsMasterKeyId": OTHER_KEY}),
                    subscriptions=Known([{"SubscriptionArn": f"{TOPIC}:1"}]),
                )
            ]
        ),
        rules=Known(
            {
                RULE["Name"]: RuleFacts(
                    rule={**RULE, "EventPattern": '{"source":["aws.kms"]}'}, targets=Known(RULE["Targets"])
                )
            }
        ),
    )


def of_bucket(**parts: Any) -> Facts:
    return replace(good(), bucket=replace(good().bucket, **parts))


def of_trail(*selectors: Doc, **values: Any) -> Facts:
    return replace(good(), trails=Known([trail(*selectors, **values)]))


def of_role(**parts: Any) -> Facts:
    return replace(good(), roles=[replace(good().roles[0], **parts)])


def facts(**values: Any) -> Facts:
    return replace(good(), **{name: Known(value) for name, value in values.items()})


def findings(control: str, state: Facts, wanted: Expected | None = None) -> list[Finding]:
    chosen = [one for one in CONTROLS if one.identifier == control]
    assert chosen, f"no control {control}"
    return judge(chosen, state, wanted or expected())


# --- the table itself ------------------------------------------------------------------------------------------------


def test_identifiers_are_unique_and_ours_are_numbered_in_order() -> None:
    names = [control.identifier for control in CONTROLS]
    assert len(names) == len(set(names))
    ours = [name for name in names if name.startswith("coffer.")]
    assert ours == [f"coffer.{number}" for number in range(1, len(ours) + 1)]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.identifier)
def test_a_control_is_whole(control: Any) -> None:
    assert control.severity in SEVERITIES
    assert control.checked.endswith(".")
    assert control.remediation.endswith(".")
    assert set(control.standards) <= set(STANDARDS.values())
    if control.identifier.startswith("coffer."):
        assert not control.standards
    fsbp = control.standards.get(STANDARDS["fsbp"])
    assert fsbp in (None, (control.identifier,))
    nist = control.standards.get(STANDARDS["nist"], ())
    assert [name for name in nist if not re.fullmatch(r"[A-Z]{2}-\d+(\(\d+\))?", name)] == []
    assert len(nist) == len(set(nist))


# --- good, and unread ------------------------------------------------------------------------------------------------


def test_a_good_installation_passes_everything() -> None:
    found = judge(CONTROLS, good(), expected())
    assert [(one["control"], one["reason"]) for one in found if one["status"] != "pass"] == []
    assert {one["control"] for one in found} == {control.identifier for control in CONTROLS}
    assert verdict(found) == "sound"
    assert [one for one in found if one["remediation"]] == []


def test_nothing_that_was_not_read_passes() -> None:
    found = judge(CONTROLS, Facts(roles=[RoleFacts(arn=ROLE)]), expected())
    assert {one["status"] for one in found} == {"could not be read"}
    assert {one["control"] for one in found} == {control.identifier for control in CONTROLS}


def parts() -> list[tuple[str, ...]]:
    """Every fact, by its path."""
    whole = [("bucket", field.name) for field in fields(BucketFacts)]
    whole += [("trail_bucket", name) for name in ("public_access_block", "policy", "ownership", "logging")]
    whole += [("role", name) for name in ("trust", "attached", "inline")]
    whole += [("trail", name) for name in ("selectors", "status")]
    whole += [("topic", name) for name in ("attributes", "subscriptions")]
    skipped = {"bucket", "trail_bucket", "roles"}
    return [*whole, *((field.name,) for field in fields(Facts) if field.name not in skipped)]


def without(path: tuple[str, ...]) -> Facts:
    state = good()
    if len(path) == 1:
        return replace(state, **{path[0]: UNREAD})
    owner, name = path
    if owner == "role":
        return of_role(**{name: UNREAD})
    if owner == "trail":
        return replace(state, trails=Known([replace(trail(), **{name: UNREAD})]))
    if owner == "topic":
        return replace(state, topics=Known([replace(state.topics.value[0], **{name: UNREAD})]))
    return replace(state, **{owner: replace(getattr(state, owner), **{name: UNREAD})})


@pytest.mark.parametrize("path", parts(), ids=".".join)
def test_what_was_not_read_is_said_with_the_permission_and_hides_nothing_else(path: tuple[str, ...]) -> None:
    found = judge(CONTROLS, without(path), expected())
    changed = [one for one in found if one["status"] != "pass"]
    assert changed or path in {("bucket", "acl"), ("trail_bucket", "policy"), ("trail_bucket", "ownership")}
    for one in changed:
        assert one["status"] == "could not be read"
        assert one["missing_permission"] == "kms:GetKeyPolicy"
        assert one["remediation"] == "Grant kms:GetKeyPolicy to whoever audits, and run again."
        assert "AccessDenied" in one["reason"]


@pytest.mark.parametrize(("owner", "number"), [("key", 12), ("bucket", 20)])
def test_what_is_not_there_fails(owner: str, number: int) -> None:
    gone = Missing("It does not exist.")
    state = good()
    if owner == "key":
        state = replace(state, key=gone, rotation=gone, key_policy=gone, shared_policy=gone)
    else:
        state = replace(state, bucket=BucketFacts(**{field.name: gone for field in fields(BucketFacts)}))
    failed = [one for one in judge(CONTROLS, state, expected()) if one["status"] == "fail"]
    assert {one["reason"] for one in failed} == {"It does not exist."}
    assert len(failed) >= number - 3


# --- each control ----------------------------------------------------------------------------------------------------

ANYBODY: Doc = allow("*")
READER: Doc = allow("*", "s3:GetObject", f"{BUCKET_ARN}/*")
PUBLIC_ACL = {
    "Owner": {"ID": "me"},
    "Grants": [
        {
            "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
            "Permission": "READ",
        }
    ],
}
OWN_ACL = {"Owner": {"ID": "me"}, "Grants": [{"Grantee": {"ID": "me"}, "Permission": "FULL_CONTROL"}]}


def opened(**parts: Any) -> Facts:
    """A bucket without any block."""
    state = of_bucket(**{"public_access_block": Known({}), **parts})
    return replace(state, account_block=Known({}))


EVERYTHING = document({"Sid": "All", "Effect": "Allow", "Action": "kms:*", "Resource": "*"})
TLS_BY_OTHERS = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "s3:*",
    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": False}},
}
DEMANDS_HEADER = {
    "Sid": "Header",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": f"{BUCKET_ARN}/*",
    "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
}


def encrypted(**rule: Any) -> Facts:
    return of_bucket(encryption=Known({"Rules": [{**_documents.encryption_rule(WANTED), **rule}]}))


def default(**values: Any) -> Facts:
    return encrypted(ApplyServerSideEncryptionByDefault=values)


def without_sid(statements: list[Doc], purpose: str) -> list[Doc]:
    return [one for one in statements if purpose not in one["Sid"]]


def data(operator: str, value: str, read_only: str | None = None) -> Doc:
    selector = [*EVERY_OBJECT["FieldSelectors"], {"Field": "resources.ARN", operator: [value]}]
    if read_only:
        selector.append({"Field": "readOnly", "Equals": [read_only]})
    return {"FieldSelectors": selector}


NO_KMS = {
    "FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]
}
WRITES = {"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "readOnly", "Equals": ["false"]}]}

CASES: list[tuple[str, Facts, str, str]] = [
    ("KMS.3", facts(key={"KeyState": "PendingDeletion", "DeletionDate": "2026-12-24"}), "fail", "until 2026-12-24"),
    ("KMS.3", facts(key={"KeyState": "Disabled"}), "pass", "Disabled and not scheduled"),
    ("KMS.4", facts(rotation={"KeyRotationEnabled": False}), "fail", "off"),
    ("KMS.4", facts(rotation={"KeyRotationEnabled": True}), "pass", "every 365 days"),
    ("KMS.4", facts(key={"Origin": "EXTERNAL"}), "not applicable", "imported"),
    ("KMS.5", facts(key_policy=key_policy(ANYBODY)), "fail", "Partner"),
    ("KMS.5", facts(key_policy=key_policy(allow({"AWS": "*"}, "kms:DescribeKey"))), "fail", "Partner"),
    (
        "KMS.5",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}})),
        "pass",
        "No statement",
    ),
    (
        "KMS.5",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}})),
        "fail",
        "Partner",
    ),
    (
        "KMS.5",
        facts(
            key_policy=key_policy({**ANYBODY, "Condition": {"StringEqualsIfExists": {"kms:CallerAccount": ACCOUNT}}})
        ),
        "fail",
        "Partner",
    ),
    (
        "KMS.5",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringNotEquals": {"kms:CallerAccount": ACCOUNT}}})),
        "fail",
        "Partner",
    ),
    (
        "KMS.5",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})),
        "fail",
        "Partner",
    ),
    ("KMS.5", facts(key_policy=key_policy({**ANYBODY, "Effect": "Deny"})), "pass", "No statement"),
    ("coffer.1", facts(key={"Arn": KEY, "KeyState": "Disabled"}), "fail", "is disabled"),
    ("coffer.1", facts(key={"Arn": KEY, "KeyState": "Enabled", "KeySpec": "RSA_2048"}), "fail", "RSA_2048"),
    ("coffer.2", facts(rotation={"KeyRotationEnabled": True, "RotationPeriodInDays": 90}), "fail", "90 days, not 180"),
    ("coffer.2", facts(rotation={"KeyRotationEnabled": False}), "fail", "off"),
    ("coffer.2", facts(key={"Origin": "EXTERNAL"}), "not applicable", "cannot rotate"),
    ("coffer.3", facts(key_policy=document(allow(ROOT, "kms:*"))), "fail", "is missing"),
    ("coffer.3", facts(key_policy=key_policy(of=profile(role_arns=[f"{ROLE}2"]))), "fail", "is missing"),
    (
        "coffer.3",
        facts(key_policy=key_policy(*_documents.key_policy_statements(WANTED))),
        "fail",
        "is there 2 times",
    ),
    ("coffer.4", facts(key_policy=key_policy(allow({"AWS": "AROAEXAMPLEEXAMPLE123"}))), "fail", "AROAEXAMPLE"),
    ("coffer.5", facts(key_policy=document(*_documents.key_policy_statements(WANTED))), "fail", "the key is lost"),
    (
        "coffer.5",
        facts(key_policy=key_policy({**allow("*", "kms:PutKeyPolicy"), "Effect": "Deny"})),
        "fail",
        "the key is lost",
    ),
    ("coffer.6", facts(shared_policy=document(allow({"AWS": OTHER}))), "fail", f"with {OTHER}"),
    ("coffer.7", facts(alias_target=OTHER_KEY), "fail", f"points at {OTHER_KEY}"),
    ("coffer.7", facts(alias_target=None), "fail", "There is no alias alias/velero"),
    ("coffer.8", facts(key_policy=key_policy(allow({"AWS": f"arn:aws:iam::{OTHER}:root"}))), "fail", "by Partner"),
    ("coffer.8", facts(key_policy=key_policy(allow({"AWS": OTHER}, "kms:*"))), "fail", f"{OTHER} by Partner"),
    ("coffer.8", facts(key_policy=key_policy(allow({"AWS": OTHER}, "kms:DescribeKey"))), "pass", "No other account"),
    (
        "coffer.8",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}})),
        "pass",
        "No other account",
    ),
    (
        "coffer.8",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": OTHER}}})),
        "fail",
        "* by Partner",
    ),
    (
        "coffer.8",
        facts(
            key_policy=key_policy(
                {
                    "Sid": "Not",
                    "Effect": "Allow",
                    "NotPrincipal": {"AWS": ROOT},
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                }
            )
        ),
        "fail",
        "everybody else by Not",
    ),
    ("coffer.8", facts(key_policy=key_policy(allow({"Service": "logs.amazonaws.com"}))), "pass", "No other account"),
    ("S3.1", facts(account_block={**BLOCK, "BlockPublicAcls": False}), "fail", "lacks BlockPublicAcls"),
    ("S3.8", of_bucket(public_access_block=Known({})), "fail", "lacks BlockPublicAcls, IgnorePublicAcls"),
    ("S3.2", opened(policy=Known(bucket_policy(READER))), "fail", "lets anybody read (Partner)"),
    ("S3.3", opened(policy=Known(bucket_policy(READER))), "pass", "Neither policy nor ACL lets anybody write"),
    ("S3.3", opened(policy=Known(bucket_policy(allow("*", "s3:*", f"{BUCKET_ARN}/*")))), "fail", "write (Partner)"),
    ("S3.2", of_bucket(policy=Known(bucket_policy(READER))), "pass", "The bucket blocks public access"),
    ("S3.2", opened(ownership=Known("ObjectWriter"), acl=Known(PUBLIC_ACL)), "fail", "lets AllUsers read"),
    ("S3.3", opened(ownership=Known("ObjectWriter"), acl=Known(PUBLIC_ACL)), "pass", "Neither"),
    ("S3.2", opened(ownership=Known("ObjectWriter"), acl=Known(OWN_ACL)), "pass", "Neither"),
    ("S3.2", replace(opened(policy=Known(bucket_policy(READER))), account_block=Known(BLOCK)), "pass", "and account"),
    ("S3.5", of_bucket(policy=Known(document(TLS_BY_OTHERS))), "pass", "Tls denies"),
    ("S3.5", of_bucket(policy=Known(document({**TLS_BY_OTHERS, "Action": "s3:GetObject"}))), "fail", "No statement"),
    ("S3.5", of_bucket(policy=Known(document({**TLS_BY_OTHERS, "Resource": BUCKET_ARN}))), "fail", "No statement"),
    ("S3.5", of_bucket(policy=Known(None)), "fail", "No statement"),
    (
        "S3.6",
        of_bucket(policy=Known(bucket_policy(allow({"AWS": OTHER}, "s3:Put*", f"{BUCKET_ARN}/*")))),
        "fail",
        f"{OTHER} by Partner",
    ),
    (
        "S3.6",
        of_bucket(policy=Known(bucket_policy(allow({"AWS": OTHER}, "s3:GetObject", f"{BUCKET_ARN}/*")))),
        "pass",
        "no other account",
    ),
    ("S3.7", of_bucket(replication=Known(None)), "fail", "Nothing is replicated"),
    ("S3.9", of_bucket(logging=Known(None)), "fail", "off"),
    ("S3.10", of_bucket(lifecycle=Known([])), "fail", "No lifecycle rule"),
    ("S3.10", of_bucket(versioning=Known({})), "not applicable", "does not use versioning"),
    ("S3.11", of_bucket(notifications=Known({"ResponseMetadata": {}})), "fail", "notifies nobody"),
    ("S3.12", of_bucket(ownership=Known(None), acl=Known(PUBLIC_ACL)), "fail", "1 grants to others"),
    ("S3.12", of_bucket(ownership=Known(None), acl=Known(OWN_ACL)), "pass", "nobody but the owner"),
    ("S3.13", of_bucket(lifecycle=Known([{"Status": "Disabled"}])), "fail", "No lifecycle rule"),
    ("S3.14", of_bucket(versioning=Known({"Status": "Suspended"})), "fail", "Suspended"),
    ("S3.15", of_bucket(object_lock=Known(None)), "fail", "off"),
    ("S3.17", default(SSEAlgorithm="AES256"), "fail", "AES256"),
    ("S3.17", default(SSEAlgorithm="aws:kms"), "pass", "aws:kms"),
    ("S3.17", of_bucket(encryption=Known(None)), "fail", "AES256"),
    ("S3.20", of_bucket(versioning=Known({"Status": "Enabled"})), "not applicable", "lifecycle configuration"),
    ("S3.20", of_bucket(versioning=Known({}), lifecycle=Known([])), "fail", "off"),
    ("coffer.9", default(SSEAlgorithm="aws:kms"), "fail", "without a key that it names"),
    ("coffer.9", default(SSEAlgorithm="aws:kms", KMSMasterKeyID=OTHER_KEY), "fail", f"under {OTHER_KEY}, not under"),
    ("coffer.9", default(SSEAlgorithm="aws:kms", KMSMasterKeyID="alias/velero"), "fail", "under alias/velero"),
    ("coffer.9", default(SSEAlgorithm="aws:kms:dsse", KMSMasterKeyID=KEY), "fail", "not with aws:kms"),
    ("coffer.10", encrypted(BucketKeyEnabled=False), "fail", "off, and should be on"),
    ("coffer.11", encrypted(BlockedEncryptionTypes={"EncryptionType": ["NONE"]}), "fail", "takes writes"),
    ("coffer.11", encrypted(BlockedEncryptionTypes={}), "fail", "takes writes"),
    ("coffer.12", of_bucket(policy=Known(None)), "fail", "VeleroDenyInsecureTransport is missing"),
    (
        "coffer.12",
        of_bucket(policy=Known(document(*without_sid(_documents.bucket_policy_statements(WANTED), "OtherKey")))),
        "fail",
        "is missing",
    ),
    ("coffer.13", of_bucket(policy=Known(bucket_policy(DEMANDS_HEADER))), "fail", "Header"),
    ("coffer.13", of_bucket(policy=Known(None)), "pass", "No statement"),
    ("coffer.14", of_bucket(policy=Known(bucket_policy(allow({"AWS": "AIDAEXAMPLEEXAMPLE123"})))), "fail", "AIDA"),
    ("coffer.14", of_bucket(policy=Known(None)), "pass", "exists"),
    ("KMS.1", replace(good(), role_policy=Known(EVERYTHING), roles=[]), "fail", "All"),
    (
        "KMS.1",
        of_role(attached=Known([PolicyFacts(arn=f"{POLICY}2", document=Known(EVERYTHING))])),
        "fail",
        "under every key: All",
    ),
    (
        "KMS.1",
        of_role(attached=Known([PolicyFacts(arn="arn:aws:iam::aws:policy/PowerUserAccess", document=UNREAD)])),
        "pass",
        "named keys only",
    ),
    ("KMS.2", of_role(inline=Known({"extra": EVERYTHING})), "fail", "All of extra"),
    ("KMS.2", of_role(inline=Known({"extra": _documents.iam_policy(WANTED)})), "pass", "1 inline policies"),
    ("coffer.15", facts(role_policy=EVERYTHING), "fail", "VeleroObjects is missing"),
    (
        "coffer.15",
        facts(role_policy=document(*_documents.iam_policy(WANTED)["Statement"], EVERYTHING["Statement"][0])),
        "fail",
        "All was added",
    ),
    (
        "coffer.15",
        facts(role_policy={**_documents.iam_policy(WANTED), "Version": "2008-10-17"}),
        "fail",
        "its Version",
    ),
    ("coffer.16", of_role(trust=Known(document())), "fail", "is missing"),
    (
        "coffer.16",
        of_role(
            trust=Known(document(*_documents.trust_policy_statements(WANTED), allow({"AWS": ROOT}, "sts:AssumeRole")))
        ),
        "fail",
        "Partner lets others in",
    ),
    ("coffer.17", of_role(attached=Known([])), "fail", "is not attached"),
    (
        "coffer.18",
        of_role(attached=Known([PolicyFacts(arn="arn:aws:iam::aws:policy/AmazonS3FullAccess", document=UNREAD)])),
        "fail",
        "AmazonS3FullAccess",
    ),
    ("coffer.18", of_role(inline=Known({"extra": EVERYTHING})), "fail", "inline extra"),
    ("coffer.19", default(SSEAlgorithm="aws:kms"), "fail", "no key"),
    ("coffer.19", default(SSEAlgorithm="aws:kms", KMSMasterKeyID=OTHER_KEY), "fail", "does not allow kms:decrypt"),
    ("coffer.19", facts(role_policy=document()), "fail", "does not allow"),
    ("coffer.19", facts(key_policy=document()), "fail", f"lets {ROLE} neither in"),
    ("CloudTrail.1", of_trail(IsMultiRegionTrail=False), "fail", "No trail of all Regions"),
    ("CloudTrail.1", of_trail(NO_KMS), "fail", "No trail of all Regions"),
    ("CloudTrail.1", of_trail(WRITES), "fail", "No trail of all Regions"),
    ("CloudTrail.2", of_trail(KmsKeyId=None), "fail", "not under a KMS key"),
    ("CloudTrail.3", of_trail(status={"IsLogging": False}), "fail", "No trail is logging"),
    ("CloudTrail.4", of_trail(LogFileValidationEnabled=False), "fail", "off"),
    ("CloudTrail.5", of_trail(CloudWatchLogsLogGroupArn=None), "fail", "no log group"),
    (
        "CloudTrail.6",
        replace(
            good(),
            trail_bucket=replace(good().trail_bucket, public_access_block=Known({}), policy=Known(document(READER))),
        ),
        "fail",
        "lets anybody read",
    ),
    (
        "CloudTrail.7",
        replace(good(), trail_bucket=replace(good().trail_bucket, logging=Known(None))),
        "fail",
        "off",
    ),
    ("S3.22", of_trail(MANAGEMENT, data("StartsWith", f"{BUCKET_ARN}/")), "fail", "backups' alone is not enough"),
    ("S3.22", of_trail(MANAGEMENT, data("StartsWith", "arn:aws:s3", "false")), "pass", "write events of all buckets"),
    ("S3.23", of_trail(MANAGEMENT, data("StartsWith", "arn:aws:s3", "false")), "fail", "read events of all buckets"),
    ("S3.23", of_trail(MANAGEMENT, EVERY_OBJECT, IsMultiRegionTrail=False), "fail", "read events of all buckets"),
    ("CloudWatch.16", facts(log_group={"retentionInDays": 90}), "fail", "90 days, not for 365"),
    ("CloudWatch.16", facts(log_group={}), "pass", "never expire"),
    ("coffer.20", facts(trails=[]), "fail", "There is no trail"),
    ("coffer.20", of_trail(status={"IsLogging": False}), "fail", "is not logging"),
    ("coffer.20", of_trail(NO_KMS), "fail", "records no calls of KMS"),
    (
        "coffer.21",
        of_trail(status={"IsLogging": True, "LatestDeliveryError": "AccessDenied"}),
        "fail",
        "s3: AccessDenied",
    ),
    ("coffer.22", of_trail(MANAGEMENT), "fail", "it records none, not write"),
    ("coffer.22", of_trail(MANAGEMENT, data("StartsWith", f"{BUCKET_ARN}/production/", "false")), "pass", "write"),
    ("coffer.22", of_trail(MANAGEMENT, data("StartsWith", f"{BUCKET_ARN}/production/", "true")), "fail", "read, not"),
    ("coffer.23", of_trail(S3BucketName="acme-backups"), "fail", "the bucket of the backups"),
    ("CloudWatch.7", facts(metric_filters=[FILTER]), "fail", "exactly the pattern"),
    (
        "CloudWatch.7",
        facts(alarms={"velero-acme-backups-no-recent-backup": {**SILENCE, "AlarmActions": []}}),
        "fail",
        "no alarm of this installation",
    ),
    ("CloudWatch.8", facts(metric_filters=[FILTER]), "fail", "exactly the pattern"),
    ("CloudWatch.15", facts(alarms={ALARM["AlarmName"]: {**ALARM, "AlarmActions": []}}), "fail", "notifies nobody"),
    ("CloudWatch.17", facts(alarms={ALARM["AlarmName"]: {**ALARM, "ActionsEnabled": False}}), "fail", "are off"),
    ("CloudWatch.17", facts(alarms={}), "fail", "no such alarm"),
    ("SNS.1", facts(topics=[]), "not applicable", "No alarm of this installation"),
    ("SNS.1", facts(topics=[TopicFacts(arn=TOPIC, attributes=Known({}))]), "fail", "not encrypted"),
    ("coffer.24", facts(metric_filters=[]), "fail", "no such metric filter"),
    ("coffer.24", facts(metric_filters=[{**FILTER, "filterPattern": "ERROR"}]), "fail", "differs in filter_pattern"),
    (
        "coffer.24",
        facts(metric_filters=[{**FILTER, "filterPattern": "{  $.eventName =  PutKeyPolicy }"}]),
        "pass",
        "as wanted",
    ),
    ("coffer.25", facts(alarms={ALARM["AlarmName"]: {**ALARM, "Threshold": 5.0}}), "fail", "differs in threshold"),
    ("coffer.25", facts(alarms={ALARM["AlarmName"]: {**ALARM, "Threshold": 1.0}}), "pass", "what is wanted"),
    ("coffer.26", facts(alarms={ALARM["AlarmName"]: ALARM}), "fail", "no such alarm"),
    (
        "coffer.26",
        facts(alarms={SILENCE["AlarmName"]: {**SILENCE, "TreatMissingData": "missing"}}),
        "fail",
        "differs in treat_missing_data",
    ),
    ("coffer.27", facts(topics=[]), "fail", "No alarm of this installation"),
    (
        "coffer.27",
        facts(
            topics=[
                TopicFacts(
                    arn=TOPIC, attributes=Known({}), subscriptions=Known([{"SubscriptionArn": "PendingConfirmation"}])
                )
            ]
        ),
        "fail",
        "1 subscriptions wait",
    ),
    (
        "coffer.27",
        facts(topics=[TopicFacts(arn=TOPIC, attributes=Known({}), subscriptions=Known([]))]),
        "fail",
        "Nobody listens.",
    ),
    ("coffer.28", facts(rules={}), "fail", "no such rule"),
    (
        "coffer.28",
        facts(rules={RULE["Name"]: RuleFacts(rule={**RULE, "State": "DISABLED"}, targets=Known(RULE["Targets"]))}),
        "fail",
        "differs in state",
    ),
    (
        "coffer.28",
        facts(
            rules={
                RULE["Name"]: RuleFacts(
                    rule={**RULE, "EventPattern": '{"source":["aws.s3"]}'}, targets=Known(RULE["Targets"])
                )
            }
        ),
        "fail",
        "differs in event_pattern",
    ),
    (
        "coffer.28",
        facts(rules={RULE["Name"]: RuleFacts(rule=RULE, targets=Known([]))}),
        "fail",
        f"does not tell {TOPIC}",
    ),
]


@pytest.mark.parametrize(
    ("control", "state", "status", "reason"), CASES, ids=[f"{number}-{row[0]}" for number, row in enumerate(CASES)]
)
def test_cases(control: str, state: Facts, status: str, reason: str) -> None:
    found = findings(control, state)
    assert reason in " ".join(one["reason"] for one in found if one["status"] == status), found
    if status == "fail":
        assert all(one["remediation"] for one in found if one["status"] == "fail")


def test_every_control_has_a_case_that_fails() -> None:
    assert {row[0] for row in CASES if row[2] == "fail"} == {control.identifier for control in CONTROLS}


# --- what does not apply ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sse-s3", "sse-c"])
def test_without_a_key_its_controls_do_not_apply(mode: str) -> None:
    wanted = profile(encryption_mode=mode, kms_key_arn=None)
    state = replace(
        Facts(bucket=replace(good().bucket, encryption=Known({"Rules": [_documents.encryption_rule(wanted)]}))),
    )
    found = judge(CONTROLS, state, expected(profile=wanted, alias=None))
    no_key = {one["control"] for one in found if one["status"] == "not applicable"}
    assert no_key >= {"KMS.3", "KMS.4", "KMS.5", "coffer.1", "coffer.3", "coffer.5", "coffer.10", "coffer.19"}
    assert ("coffer.11" in no_key) == (mode == "sse-c")
    (kms,) = [one for one in found if one["control"] == "S3.17"]
    assert kms["status"] == "fail", "the control is not passed by a wish"


def test_what_was_not_asked_for_does_not_apply() -> None:
    wanted = expected(notices=False, data_events="none", alias=None, rotation_period_in_days=None, policy_arn=None)
    found = {one["control"]: one["status"] for one in judge(CONTROLS, good(), wanted)}
    names = {"CloudWatch.7", "CloudWatch.8", "CloudWatch.15", "CloudWatch.17", "SNS.1"}
    names |= {f"coffer.{number}" for number in (2, 7, 15, 17, 22, 24, 25, 26, 27, 28)}
    assert {name for name, status in found.items() if status == "not applicable"} == names


def test_without_a_trail_what_is_of_a_trail_does_not_apply() -> None:
    state = facts(trails=[])
    for control in ("CloudTrail.2", "CloudTrail.4", "CloudTrail.5", "CloudTrail.7", "coffer.21", "coffer.23"):
        (found,) = findings(control, state)
        assert (found["status"], found["reason"]) == ("not applicable", "There is no trail to look at.")
    (found,) = findings("CloudTrail.2", state, expected(trail_name="ours"))
    assert found["reason"] == "There is no trail ours to look at."


def test_the_key_of_another_account_and_its_account_are_no_strangers() -> None:
    foreign = f"arn:aws:kms:eu-central-1:{OTHER}:key/1234abcd"
    wanted = expected(profile=profile(kms_key_arn=foreign))
    (found,) = findings("coffer.8", facts(key_policy=document(allow({"AWS": OTHER}, "kms:*"))), wanted)
    assert found["status"] == "pass"


# --- the trail that is judged ----------------------------------------------------------------------------------------


def test_the_best_trail_is_judged_where_none_is_named() -> None:
    silent = replace(trail(NO_KMS, Name="first", TrailARN=f"{TRAIL}1"))
    locked = replace(trail(Name="locked", TrailARN=f"{TRAIL}2"), selectors=UNREAD)
    best = trail(Name="best", TrailARN=f"{TRAIL}3")
    trails = [silent, locked, best]
    assert relied_on(trails, expected()) is best
    assert relied_on([silent, locked], expected()) is silent
    assert relied_on([], expected()) is None
    for name in ("locked", f"{TRAIL}2"):
        assert relied_on(trails, expected(trail_name=name)) is locked
    assert relied_on(trails, expected(trail_name="none")) is None


def test_one_trail_that_is_enough_makes_up_for_one_that_was_not_read() -> None:
    locked = replace(trail(Name="locked", TrailARN=f"{TRAIL}2"), selectors=UNREAD, status=UNREAD)
    for control in ("CloudTrail.1", "CloudTrail.3", "S3.22", "S3.23"):
        (found,) = findings(control, facts(trails=[locked, trail()]))
        assert found["status"] == "pass"
        (found,) = findings(control, facts(trails=[trail(NO_KMS, status={}), locked]))
        assert found["status"] == "could not be read"


def test_a_trail_without_selectors_records_management_events() -> None:
    plain = replace(trail(HasCustomEventSelectors=False), selectors=Known(None))
    state = facts(trails=[plain])
    assert [findings(name, state)[0]["status"] for name in ("CloudTrail.1", "coffer.20", "S3.22", "coffer.22")] == [
        "pass",
        "pass",
        "fail",
        "fail",
    ]


# --- sums ------------------------------------------------------------------------------------------------------------


def finding(status: str, severity: str = "low", **standards: list[str]) -> Finding:
    return {"status": status, "severity": severity, "standards": standards}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([finding("pass", "critical"), finding("not applicable")], "sound"),
        ([finding("pass", "critical"), finding("fail", "medium")], "weak"),
        ([finding("could not be read", "low")], "weak"),
        ([finding("could not be read", "high"), finding("fail", "low")], "incomplete"),
        ([finding("could not be read", "critical"), finding("fail", "high")], "wrong"),
        ([], "sound"),
    ],
)
def test_verdict(found: list[Finding], word: str) -> None:
    assert verdict(found) == word


def test_sums_and_coverage() -> None:
    found = [
        finding("pass", "high", A=["1", "2"]),
        finding("fail", "low", A=["2"]),
        finding("not applicable", "low", A=["3"], B=["x"]),
        finding("could not be read", "low", A=["1"]),
    ]
    assert summary(found)["by_status"] == {"pass": 1, "fail": 1, "not applicable": 1, "could not be read": 1}
    assert summary(found)["by_severity"]["high"]["pass"] == 1
    assert coverage(found) == [
        {"standard": "A", "pass": [], "fail": ["2"], "not_applicable": ["3"], "could_not_be_read": ["1"]},
        {"standard": "B", "pass": [], "fail": [], "not_applicable": ["x"], "could_not_be_read": []},
    ]
