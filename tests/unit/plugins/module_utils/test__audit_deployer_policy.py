# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of whoever runs the role kms_audit: those of the requests that the code can send, and no other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _aws
from ansible_collections.coffer.velero.plugins.module_utils._alerts import alarms
from ansible_collections.coffer.velero.plugins.module_utils._audit.permissions import PERMISSIONS
from ansible_collections.coffer.velero.plugins.module_utils._audit_deployer_policy import audit_deployer_policy
from ansible_collections.coffer.velero.plugins.module_utils._deployer_policy import deployer_policy
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import policy_document
from ansible_collections.coffer.velero.plugins.module_utils._notify.documents import audit_event_rules
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile, with_created_key
from tests.support.permissions import actions_of, requests, statement

SERVICES = "cloudtrail|cloudwatch|eks|events|iam|kms|logs|resourcegroupstaggingapi|s3|s3control|sns|sts"

#: Every request that the code can send, with the actions that AWS asks for (Service Authorization Reference).
GRANTED: dict[str, set[str]] = {
    "cloudtrail:AddTags": {"cloudtrail:AddTags"},
    # iam:CreateServiceLinkedRole and organizations:* only for the trail of an organization, which the role makes none.
    "cloudtrail:CreateTrail": {"cloudtrail:CreateTrail", "cloudtrail:AddTags", "iam:GetRole", "iam:PassRole"},
    "cloudtrail:DeleteTrail": {"cloudtrail:DeleteTrail"},
    "cloudtrail:DescribeTrails": {"cloudtrail:DescribeTrails"},
    "cloudtrail:GetEventSelectors": {"cloudtrail:GetEventSelectors"},
    "cloudtrail:GetTrailStatus": {"cloudtrail:GetTrailStatus"},
    "cloudtrail:ListTags": {"cloudtrail:ListTags"},
    "cloudtrail:LookupEvents": {"cloudtrail:LookupEvents"},
    "cloudtrail:PutEventSelectors": {"cloudtrail:PutEventSelectors"},
    "cloudtrail:StartLogging": {"cloudtrail:StartLogging"},
    "cloudtrail:UpdateTrail": {"cloudtrail:UpdateTrail", "iam:GetRole", "iam:PassRole"},
    "cloudwatch:DeleteAlarms": {"cloudwatch:DeleteAlarms"},
    "cloudwatch:DeleteDashboards": {"cloudwatch:DeleteDashboards"},
    "cloudwatch:DescribeAlarms": {"cloudwatch:DescribeAlarms"},
    "cloudwatch:GetDashboard": {"cloudwatch:GetDashboard"},
    "cloudwatch:ListTagsForResource": {"cloudwatch:ListTagsForResource"},
    "cloudwatch:PutDashboard": {"cloudwatch:PutDashboard"},
    "cloudwatch:PutMetricAlarm": {"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"},
    "cloudwatch:TagResource": {"cloudwatch:TagResource"},
    "events:DeleteRule": {"events:DeleteRule"},
    "events:ListRules": {"events:ListRules"},
    "events:ListTagsForResource": {"events:ListTagsForResource"},
    "events:ListTargetsByRule": {"events:ListTargetsByRule"},
    "events:PutRule": {"events:PutRule", "events:TagResource"},
    "events:PutTargets": {"events:PutTargets"},
    "events:RemoveTargets": {"events:RemoveTargets"},
    "events:TagResource": {"events:TagResource"},
    "iam:AttachRolePolicy": {"iam:AttachRolePolicy"},
    "iam:CreatePolicy": {"iam:CreatePolicy", "iam:TagPolicy"},
    "iam:CreatePolicyVersion": {"iam:CreatePolicyVersion"},
    "iam:CreateRole": {"iam:CreateRole", "iam:TagRole"},
    "iam:DeletePolicyVersion": {"iam:DeletePolicyVersion"},  # the oldest of five, to make room
    "iam:GetPolicy": {"iam:GetPolicy"},
    "iam:GetPolicyVersion": {"iam:GetPolicyVersion"},
    "iam:GetRole": {"iam:GetRole"},
    "iam:GetRolePolicy": {"iam:GetRolePolicy"},
    "iam:ListAttachedRolePolicies": {"iam:ListAttachedRolePolicies"},
    "iam:ListPolicies": {"iam:ListPolicies"},
    "iam:ListPolicyVersions": {"iam:ListPolicyVersions"},
    "iam:ListRoles": {"iam:ListRoles"},
    "iam:ListRolePolicies": {"iam:ListRolePolicies"},
    "iam:Tag": {"iam:TagPolicy", "iam:TagRole"},
    "iam:UpdateAssumeRolePolicy": {"iam:UpdateAssumeRolePolicy"},
    "kms:CreateAlias": {"kms:CreateAlias"},
    "kms:CreateKey": {"kms:CreateKey", "kms:TagResource"},
    "kms:DescribeKey": {"kms:DescribeKey"},
    "kms:EnableKeyRotation": {"kms:EnableKeyRotation"},
    "kms:GetKeyLastUsage": {"kms:GetKeyLastUsage"},
    "kms:GetKeyPolicy": {"kms:GetKeyPolicy"},
    "kms:GetKeyRotationStatus": {"kms:GetKeyRotationStatus"},
    "kms:ListAliases": {"kms:ListAliases"},
    "kms:ListResourceTags": {"kms:ListResourceTags"},
    "kms:PutKeyPolicy": {"kms:PutKeyPolicy"},
    "kms:TagResource": {"kms:TagResource"},
    "kms:UpdateKeyDescription": {"kms:UpdateKeyDescription"},
    "logs:AssociateKmsKey": {"logs:AssociateKmsKey"},
    "logs:CreateLogGroup": {"logs:CreateLogGroup", "logs:TagResource"},
    "logs:DeleteMetricFilter": {"logs:DeleteMetricFilter"},
    "logs:DeleteRetentionPolicy": {"logs:DeleteRetentionPolicy"},  # where 0 days are asked for, which means for ever
    "logs:DescribeLogGroups": {"logs:DescribeLogGroups"},
    "logs:DescribeMetricFilters": {"logs:DescribeMetricFilters"},
    "logs:GetQueryResults": {"logs:GetQueryResults", "kms:Decrypt"},  # through CloudWatch Logs
    "logs:ListTagsForResource": {"logs:ListTagsForResource"},
    "logs:PutMetricFilter": {"logs:PutMetricFilter"},
    "logs:PutRetentionPolicy": {"logs:PutRetentionPolicy"},
    "logs:StartQuery": {"logs:StartQuery", "kms:Decrypt"},
    "logs:StopQuery": {"logs:StopQuery"},
    "logs:TagResource": {"logs:TagResource"},
    "resourcegroupstaggingapi:GetResources": {"tag:GetResources"},
    "s3:CreateBucket": {"s3:CreateBucket", "s3:PutBucketOwnershipControls"},
    "s3:GetBucketAcl": {"s3:GetBucketAcl"},
    "s3:GetBucketEncryption": {"s3:GetEncryptionConfiguration"},
    "s3:GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"},
    "s3:GetBucketLogging": {"s3:GetBucketLogging"},
    "s3:GetBucketOwnershipControls": {"s3:GetBucketOwnershipControls"},
    "s3:GetBucketPolicy": {"s3:GetBucketPolicy"},
    "s3:GetBucketTagging": {"s3:GetBucketTagging"},
    "s3:GetBucketVersioning": {"s3:GetBucketVersioning"},
    "s3:GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration"},
    "s3:GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:PutBucketOwnershipControls": {"s3:PutBucketOwnershipControls"},
    "s3:PutBucketPolicy": {"s3:PutBucketPolicy"},
    "s3:PutBucketTagging": {"s3:PutBucketTagging"},
    "s3:PutBucketVersioning": {"s3:PutBucketVersioning"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "s3control:GetPublicAccessBlock": {"s3:GetAccountPublicAccessBlock"},
    "sns:CreateTopic": {"sns:CreateTopic", "sns:TagResource"},  # iam:PassRole for the log of deliveries, set by nobody
    "sns:DeleteTopic": {"sns:DeleteTopic"},
    "sns:GetTopicAttributes": {"sns:GetTopicAttributes"},
    "sns:ListSubscriptionsByTopic": {"sns:ListSubscriptionsByTopic"},
    "sns:ListTagsForResource": {"sns:ListTagsForResource"},
    "sns:SetTopicAttributes": {"sns:SetTopicAttributes"},
    "sns:Subscribe": {"sns:Subscribe"},
    "sns:TagResource": {"sns:TagResource"},
    "sts:GetCallerIdentity": set(),  # takes none
}
_STAYS = "of what stays, which the role never deletes"
_OPTION = "an option that the role does not set"
_PURGE = "purging, which the role never asks for"
_OTHER = "a module of another role, whose code is in the same file"
#: And those that the role does not send.
NOT_GRANTED: dict[str, str] = {
    "cloudtrail:RemoveTags": _PURGE,
    "cloudtrail:StopLogging": _OPTION,
    "cloudwatch:GetMetricStatistics": _OPTION,
    "cloudwatch:UntagResource": _PURGE,
    "eks:DescribeCluster": _OTHER,
    "events:UntagResource": _PURGE,
    "iam:AddClientIDToOpenIDConnectProvider": _OTHER,
    "iam:CreateOpenIDConnectProvider": _OTHER,
    "iam:DeleteOpenIDConnectProvider": _OTHER,
    "iam:DeletePolicy": _STAYS,
    "iam:DeleteRole": _STAYS,
    "iam:DeleteRolePermissionsBoundary": _OPTION,
    "iam:DeleteRolePolicy": _STAYS,
    "iam:DetachRolePolicy": _PURGE,
    "iam:GetOpenIDConnectProvider": _OTHER,
    "iam:ListEntitiesForPolicy": _STAYS,
    "iam:ListInstanceProfilesForRole": _STAYS,
    "iam:PutRolePermissionsBoundary": _OPTION,
    "iam:Untag": _PURGE,
    "iam:UpdateOpenIDConnectProviderThumbprint": _OTHER,
    "iam:UpdateRole": _OPTION,
    "kms:CancelKeyDeletion": _OPTION,
    "kms:DeleteAlias": _STAYS,
    "kms:DisableKey": _OPTION,
    "kms:DisableKeyRotation": _OPTION,
    "kms:EnableKey": _OPTION,
    "kms:ReplicateKey": _OPTION,
    "kms:ScheduleKeyDeletion": "the key of a run that lost a race for the alias, which then stays",
    "kms:UntagResource": _PURGE,
    "kms:UpdateAlias": _OPTION,
    "logs:DeleteLogGroup": _STAYS,
    "logs:DisassociateKmsKey": _OPTION,
    "logs:PutLogGroupDeletionProtection": _OPTION,
    "logs:UntagResource": _PURGE,
    "s3:DeleteBucketPolicy": _STAYS,
    "s3:DeleteBucketTagging": _PURGE,
    "s3:PutBucketEncryption": _OTHER,
    "sns:Unsubscribe": _PURGE,
    "sns:UntagResource": _PURGE,
}

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:security"
ROLE = "arn:aws:iam::111122223333:role/velero"
VALUES: dict[str, Any] = {
    "account_id": "111122223333",
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
}
EVERYTHING: dict[str, Any] = {
    "trail": True,
    "backup_kms_alias": "alias/velero",
    "tags": {"service": "velero"},
    "usage": True,
    "teardown": True,
}


def policy(values: dict[str, Any] | None = None, **variables: Any) -> dict[str, Any]:
    return audit_deployer_policy(StorageProfile.parse(VALUES | (values or {})), **variables)


def test_every_request_is_decided_upon() -> None:
    """A request that is new in the code: does the role send it, and which actions does AWS ask for?"""
    # That of the role velero is in the scan too, which asks who the caller is.
    assert requests({"velero", "kms_audit"}, SERVICES) == GRANTED.keys() | NOT_GRANTED.keys()
    assert not GRANTED.keys() & NOT_GRANTED.keys()


def test_actions_are_those_of_the_requests() -> None:
    assert actions_of(policy(**EVERYTHING)) == set().union(*GRANTED.values())


def test_errors_name_the_same_actions() -> None:
    for request, action in _aws._PERMISSIONS.items():
        assert request not in GRANTED or action in GRANTED[request]


def test_who_only_looks_has_what_an_audit_takes_and_changes_nothing() -> None:
    allowed = actions_of(policy(manage=False))
    assert allowed == set(PERMISSIONS)
    assert {action for action in allowed if not re.match(r"\w+:(Describe|Get|List)", action)} == set()
    looked = actions_of(policy(manage=False, trail=True, usage=True, backup_kms_alias="velero"))
    assert looked - allowed == {
        "cloudtrail:LookupEvents",
        "kms:Decrypt",
        "kms:GetKeyLastUsage",
        "kms:ListAliases",
        "kms:ListResourceTags",
        "logs:GetQueryResults",
        "logs:StartQuery",
        "logs:StopQuery",
        "tag:GetResources",
    }


KMS = "kms:.*|tag:.*"
OF_TRAIL = (
    r"cloudtrail:(AddTags|CreateTrail|DeleteTrail|ListTags|PutEventSelectors|StartLogging|UpdateTrail)"
    r"|iam:(?!Get(Role|RolePolicy|Policy|PolicyVersion)$|List(AttachedRole|Role)Policies$).*"
    r"|logs:(AssociateKmsKey|CreateLogGroup|\w+RetentionPolicy|ListTagsForResource|TagResource)"
    r"|s3:(CreateBucket|ListBucket|Put.*|GetBucketTagging)"
)
WITHOUT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"trail": False}, OF_TRAIL),
    ({}, {"tags": {}}, r"(events|sns|logs|cloudwatch):TagResource|cloudtrail:AddTags|iam:Tag.*|s3:PutBucketTagging"),
    ({}, {"topic_arn": TOPIC}, r"sns:(?!GetTopicAttributes|ListSubscriptionsByTopic).*"),
    (
        {},
        {"usage": False},
        r"cloudtrail:LookupEvents|kms:(Decrypt|GetKeyLastUsage|ListAliases)|logs:(\w+Query|GetQueryResults)",
    ),
    (
        {},
        {"teardown": False},
        r"cloudtrail:DeleteTrail|cloudwatch:Delete.*|events:(DeleteRule|RemoveTargets)|sns:DeleteTopic",
    ),
    (
        {"encryption_mode": "sse-s3", "kms_key_arn": None},
        {"backup_kms_alias": None, "topic_arn": TOPIC, "trail": False},
        f"{KMS}|{OF_TRAIL}|sns:(?!GetTopicAttributes|ListSubscriptionsByTopic).*"
        r"|cloudtrail:LookupEvents|logs:(\w+Query|GetQueryResults)",
    ),
]


@pytest.mark.parametrize(("values", "variables", "missing"), WITHOUT)
def test_what_is_not_done_is_not_allowed(values: dict[str, Any], variables: dict[str, Any], missing: str) -> None:
    everything = actions_of(policy(**EVERYTHING))
    allowed = actions_of(policy(values, **EVERYTHING | variables))
    assert allowed == {action for action in everything if not re.fullmatch(missing, action)}


MANAGED: list[dict[str, Any]] = [
    EVERYTHING | {"usage": False},
    EVERYTHING | {"trail": False},
    EVERYTHING | {"manage": False},
    {},
    {"topic_arn": TOPIC},
]


@pytest.mark.parametrize("variables", MANAGED)
def test_is_a_managed_policy_unless_it_has_everything(variables: dict[str, Any]) -> None:
    document = policy(**variables)
    assert policy_document(document, option="policy", resource="deployer") == document


def test_is_an_inline_policy_with_the_longest_names() -> None:
    document = policy({"bucket": "b" * 63}, **EVERYTHING)
    assert len(re.sub(r"\s", "", json.dumps(document))) <= 10240  # IAM User Guide, "IAM and AWS STS quotas"


@pytest.mark.parametrize("variables", [*MANAGED, EVERYTHING])
def test_stands_beside_the_policy_of_the_site(variables: dict[str, Any]) -> None:
    document = policy(**variables)
    sids = {one["Sid"] for one in document["Statement"]}
    others = deployer_policy(StorageProfile.parse(VALUES), kms_alias="velero", cluster_name="production")
    assert not sids & {one["Sid"] for one in others["Statement"]}
    assert all(sid.startswith("VeleroAudit") for sid in sids)


def test_resources_are_the_names_and_nothing_wider() -> None:
    names = {"trail_name": "security", "audit_bucket": "acme-logs", "log_group_name": "trails"}
    document = policy(**EVERYTHING | names)
    iam, kms = "arn:aws:iam::111122223333:", "arn:aws:kms:eu-central-1:111122223333:"
    here = "eu-central-1:111122223333"
    assert {one["Sid"].removeprefix("VeleroAudit"): one["Resource"] for one in document["Statement"]} == {
        "List": "*",
        "Trails": "arn:aws:cloudtrail:*:*:trail/*",
        "Backups": "arn:aws:s3:::acme-backups",
        "Velero": ROLE,
        "Policies": f"{iam}policy/*",
        "BackupKey": f"{kms}key/*",
        "LogGroup": [f"arn:aws:logs:{here}:log-group:trails", f"arn:aws:logs:{here}:log-group:trails:*"],
        "Events": f"{kms}key/*",
        "Topic": f"arn:aws:sns:{here}:velero-acme-backups",
        "Alarms": f"arn:aws:cloudwatch:{here}:alarm:velero-acme-backups-*",
        "Rules": f"arn:aws:events:{here}:rule/velero-acme-backups-*",
        "Dashboard": "arn:aws:cloudwatch::111122223333:dashboard/velero-acme-backups",
        "FindKey": f"{kms}key/*",
        "FindKeyByTag": "*",
        "CreateKey": "*",
        "TagNewKey": f"{kms}key/*",
        "Alias": f"{kms}alias/velero-acme-backups-audit",
        "Key": f"{kms}key/*",
        "Trail": f"arn:aws:cloudtrail:{here}:trail/security",
        "Bucket": "arn:aws:s3:::acme-logs",
        "DeliveryPolicy": f"{iam}policy/velero-acme-backups-trail",
        "DeliveryRole": f"{iam}role/velero-acme-backups-trail",
        "DeliveryRolePolicy": f"{iam}role/velero-acme-backups-trail",
        "DeliveryNames": "*",
        "PassRole": f"{iam}role/velero-acme-backups-trail",
    }
    passed = {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}
    assert statement(document, "VeleroAuditPassRole")["Condition"] == passed


def test_what_knows_no_resource_is_only_read() -> None:
    everywhere = [one for one in policy(**EVERYTHING)["Statement"] if one["Resource"] == "*" and "Condition" not in one]
    wide = actions_of({"Statement": everywhere}) - {"logs:StopQuery"}
    assert {action for action in wide if not re.match(r"\w+:(Describe|Get|List|Lookup)", action)} == set()


def test_names_have_defaults_where_the_trail_is_ones_own() -> None:
    document = policy(trail=True)
    assert statement(document, "VeleroAuditBucket")["Resource"] == "arn:aws:s3:::acme-backups-audit"
    assert statement(document, "VeleroAuditTrail")["Resource"].endswith(":trail/velero-acme-backups")
    assert statement(document, "VeleroAuditLogGroup")["Resource"][0].endswith(":log-group:velero-acme-backups")


def test_of_a_trail_that_is_found_the_names_are_not_known() -> None:
    document = policy()
    bucket = statement(document, "VeleroAuditBucket")
    assert bucket["Resource"] == "arn:aws:s3:::*"
    assert [action for action in bucket["Action"] if not action.startswith("s3:Get")] == []
    assert (
        statement(document, "VeleroAuditLogGroup")["Resource"] == "arn:aws:logs:eu-central-1:111122223333:log-group:*"
    )
    named = policy(audit_bucket="logs", log_group_name="trails")
    assert statement(named, "VeleroAuditBucket")["Resource"] == "arn:aws:s3:::logs"
    assert statement(named, "VeleroAuditLogGroup")["Resource"][1].endswith(":log-group:trails:*")


@pytest.mark.parametrize("bucket", ["acme-backups", "acme.backups", "b" * 63])
def test_resources_match_what_the_role_makes(bucket: str) -> None:
    """Names of rules are shortened, those of topics, dashboards and aliases have no dots."""
    profile = StorageProfile.parse(VALUES | {"bucket": bucket})
    document = audit_deployer_policy(profile)
    topic = statement(document, "VeleroAuditTopic")["Resource"]
    dashboard, alias = (statement(document, f"VeleroAudit{one}")["Resource"] for one in ("Dashboard", "Alias"))
    assert [name for name in (topic, dashboard, alias) if "." in name] == []
    rules = statement(document, "VeleroAuditRules")["Resource"].removesuffix("*")
    made = [f"arn:aws:events:eu-central-1:111122223333:rule/{one['name']}" for one in audit_event_rules(profile, topic)]
    assert rules.rpartition("/")[2].startswith(f"velero-{bucket[:12]}")
    assert all(name.startswith(rules) for name in made)
    prefix = statement(document, "VeleroAuditAlarms")["Resource"].removesuffix("*").rpartition(":")[2]
    names = [one["name"] for one in alarms(profile, topic_arn=topic, schedule_hours=24, data_events=True)]
    assert all(name.startswith(prefix) for name in names)


def test_keys_are_known_by_the_tag_that_they_are_created_with() -> None:
    document = policy(trail=True, backup_kms_alias="velero")
    tag = "coffer.velero:alias"
    own = {"StringEquals": {f"aws:ResourceTag/{tag}": "alias/velero-acme-backups-audit"}}
    assert statement(document, "VeleroAuditKey")["Condition"] == own
    assert statement(document, "VeleroAuditBackupKey")["Condition"] == {
        "StringEquals": {f"aws:ResourceTag/{tag}": "alias/velero"}
    }
    with pytest.raises(ValidationError):
        policy(kms_alias="alias/aws/s3")


@pytest.mark.parametrize(("variables", "group"), [({"trail": True}, "velero-acme-backups"), ({}, "*")])
def test_events_are_decrypted_by_cloudwatch_logs_only(variables: dict[str, Any], group: str) -> None:
    assert statement(policy(usage=True, **variables), "VeleroAuditEvents")["Condition"] == {
        "StringEquals": {"kms:ViaService": "logs.eu-central-1.amazonaws.com"},
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-central-1:111122223333:log-group:{group}",
        },
    }


def test_key_of_the_backups_that_is_named_is_only_read() -> None:
    found = statement(policy(), "VeleroAuditBackupKey")
    assert found["Resource"] == KEY
    assert found["Action"] == ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"]


def test_key_of_the_backups_is_looked_for_where_there_is_no_key_of_its_own() -> None:
    """A topic of somebody else and no trail: nothing to encrypt."""
    created = with_created_key({**VALUES, "kms_key_arn": None})
    document = audit_deployer_policy(StorageProfile.parse(created), topic_arn=TOPIC, backup_kms_alias="velero")
    sids = {one["Sid"] for one in document["Statement"]}
    assert {"VeleroAuditFindKey", "VeleroAuditFindKeyByTag", "VeleroAuditBackupKey"} <= sids
    assert not {"VeleroAuditCreateKey", "VeleroAuditKey", "VeleroAuditAlias"} & sids


def test_roles_of_velero_are_those_of_the_profile() -> None:
    other = "arn:aws:iam::999988887777:role/velero"
    roles = [f"{ROLE}-a", f"{ROLE}-b", other]
    assert statement(policy({"role_arns": roles}), "VeleroAuditVelero")["Resource"] == roles[:2]
    assert statement(policy({"role_arns": [other]}, role_name="backup"), "VeleroAuditVelero")["Resource"].endswith(
        "backup"
    )


def test_topic_has_to_be_in_the_region() -> None:
    with pytest.raises(ValidationError, match=r"topic_arn: .* is in us-east-1, the rules are in eu-central-1"):
        policy(topic_arn=TOPIC.replace("eu-central-1", "us-east-1"))
