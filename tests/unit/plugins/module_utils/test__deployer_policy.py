# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of whoever runs site.yml: those of the requests that the code can send, and no other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _aws
from ansible_collections.coffer.velero.plugins.module_utils._deployer_policy import deployer_policy
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import policy_document
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile, with_created_key
from tests.support.permissions import ROOT, actions_of, requests, statement

SERVICES = "eks|iam|kms|resourcegroupstaggingapi|s3|sts"

#: Every request that the code can send, with the actions that AWS asks for (Service Authorization Reference).
GRANTED: dict[str, set[str]] = {
    "eks:DescribeCluster": {"eks:DescribeCluster"},
    "iam:AddClientIDToOpenIDConnectProvider": {"iam:AddClientIDToOpenIDConnectProvider"},
    "iam:AttachRolePolicy": {"iam:AttachRolePolicy"},
    "iam:CreateOpenIDConnectProvider": {"iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"},
    "iam:CreatePolicy": {"iam:CreatePolicy", "iam:TagPolicy"},
    "iam:CreatePolicyVersion": {"iam:CreatePolicyVersion"},
    "iam:CreateRole": {"iam:CreateRole", "iam:TagRole"},
    "iam:DeletePolicyVersion": {"iam:DeletePolicyVersion"},  # the oldest of five, to make room
    "iam:GetOpenIDConnectProvider": {"iam:GetOpenIDConnectProvider"},
    "iam:GetPolicy": {"iam:GetPolicy"},
    "iam:GetPolicyVersion": {"iam:GetPolicyVersion"},
    "iam:GetRole": {"iam:GetRole"},
    "iam:ListAttachedRolePolicies": {"iam:ListAttachedRolePolicies"},
    "iam:ListPolicies": {"iam:ListPolicies"},
    "iam:ListPolicyVersions": {"iam:ListPolicyVersions"},
    "iam:ListRoles": {"iam:ListRoles"},
    "iam:PutRolePermissionsBoundary": {"iam:PutRolePermissionsBoundary"},
    "iam:Tag": {"iam:TagOpenIDConnectProvider", "iam:TagPolicy", "iam:TagRole"},
    "iam:UpdateAssumeRolePolicy": {"iam:UpdateAssumeRolePolicy"},
    "iam:UpdateRole": {"iam:UpdateRole"},
    "kms:CreateAlias": {"kms:CreateAlias"},
    "kms:CreateKey": {"kms:CreateKey", "kms:TagResource"},
    "kms:DescribeKey": {"kms:DescribeKey"},
    "kms:EnableKeyRotation": {"kms:EnableKeyRotation"},
    "kms:GetKeyPolicy": {"kms:GetKeyPolicy"},
    "kms:GetKeyRotationStatus": {"kms:GetKeyRotationStatus"},
    "kms:ListResourceTags": {"kms:ListResourceTags"},
    "kms:PutKeyPolicy": {"kms:PutKeyPolicy"},
    "kms:TagResource": {"kms:TagResource"},
    "kms:UpdateKeyDescription": {"kms:UpdateKeyDescription"},
    "resourcegroupstaggingapi:GetResources": {"tag:GetResources"},
    "s3:CreateBucket": {"s3:CreateBucket", "s3:PutBucketOwnershipControls"},
    "s3:GetBucketEncryption": {"s3:GetEncryptionConfiguration"},
    "s3:GetBucketOwnershipControls": {"s3:GetBucketOwnershipControls"},
    "s3:GetBucketPolicy": {"s3:GetBucketPolicy"},
    "s3:GetBucketTagging": {"s3:GetBucketTagging"},
    "s3:GetBucketVersioning": {"s3:GetBucketVersioning"},
    "s3:GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "s3:PutBucketOwnershipControls": {"s3:PutBucketOwnershipControls"},
    "s3:PutBucketPolicy": {"s3:PutBucketPolicy"},
    "s3:PutBucketTagging": {"s3:PutBucketTagging"},
    "s3:PutBucketVersioning": {"s3:PutBucketVersioning"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "sts:GetCallerIdentity": set(),  # takes none
}
#: What S3 asks for where the proof looks at objects, and KMS where S3 decrypts one of them.
READING = {
    "kms:Decrypt",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
}
_ABSENT = "state=absent, which no role has"
_OPTION = "an option that no role sets"
_PURGE = "purging, which the roles never ask for"
#: And those that a run of site.yml does not send.
NOT_GRANTED: dict[str, str] = {
    "iam:DeleteOpenIDConnectProvider": _ABSENT,
    "iam:DeletePolicy": _ABSENT,
    "iam:DeleteRole": _ABSENT,
    "iam:DeleteRolePermissionsBoundary": _OPTION,
    "iam:DeleteRolePolicy": _ABSENT,
    "iam:DetachRolePolicy": _PURGE,
    "iam:ListEntitiesForPolicy": _ABSENT,
    "iam:ListInstanceProfilesForRole": _ABSENT,
    "iam:ListRolePolicies": _ABSENT,
    "iam:Untag": _PURGE,
    "iam:UpdateOpenIDConnectProviderThumbprint": _OPTION,
    "kms:CancelKeyDeletion": _OPTION,
    "kms:DeleteAlias": _ABSENT,
    "kms:DisableKey": _OPTION,
    "kms:DisableKeyRotation": _OPTION,
    "kms:EnableKey": _OPTION,
    "kms:ReplicateKey": _OPTION,
    "kms:ScheduleKeyDeletion": "state=absent, and the key of a run that lost a race for the alias, which then stays",
    "kms:UntagResource": _PURGE,
    "kms:UpdateAlias": _OPTION,
    "s3:DeleteBucketPolicy": _ABSENT,
    "s3:DeleteBucketTagging": _PURGE,
}

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FOREIGN_KEY = KEY.replace("111122223333", "999988887777")
ISSUER = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"
VALUES: dict[str, Any] = {
    "account_id": "111122223333",
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
    "oidc_issuer_url": ISSUER,
}
EVERYTHING: dict[str, Any] = {
    "kms_alias": "alias/velero",
    "cluster_name": "production",
    "bucket_versioning": "enabled",
    "role_permissions_boundary": "arn:aws:iam::111122223333:policy/boundary",
    "role_max_session_duration": 7200,
    "tags": {"service": "velero"},
}


def site_roles() -> set[str]:
    """The roles that the deployer's policy is for."""
    plan = (ROOT / "roles" / "velero_plan" / "tasks" / "main.yml").read_text()
    roles = {"velero", *re.findall(r"coffer\.velero\.(\w+)", plan)}
    # What the proof reads is in READING; test_deployer_policy.py shows that it needs each. The audit has a policy of
    # its own, and test__audit_deployer_policy.py.
    return roles - {"kms_audit"}


def policy(values: dict[str, Any] | None = None, **variables: Any) -> dict[str, Any]:
    return deployer_policy(StorageProfile.parse(VALUES | (values or {})), **variables)


def test_every_request_is_decided_upon() -> None:
    """A request that is new in the code: is it one of site.yml's, and which actions does AWS ask for?"""
    assert requests(site_roles(), SERVICES) == GRANTED.keys() | NOT_GRANTED.keys()
    assert not GRANTED.keys() & NOT_GRANTED.keys()


def test_actions_are_those_of_the_requests() -> None:
    assert actions_of(policy(**EVERYTHING)) == set().union(*GRANTED.values(), READING)


def test_errors_name_the_same_actions() -> None:
    for request, action in _aws._PERMISSIONS.items():
        assert request not in GRANTED or action in GRANTED[request]


PROOF = "(GetLifecycleConfiguration|ListBucket(Versions|MultipartUploads)?|GetObject(Version)?|Decrypt)$"
WITHOUT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"encryption_mode": "sse-s3", "kms_key_arn": None}, {}, r"kms:.*|tag:.*"),
    ({"encryption_mode": "sse-c", "kms_key_arn": None}, {}, r"kms:.*|tag:.*"),
    ({}, {"manage_bucket": False}, rf"s3:(?!{PROOF}|(GetBucketPolicy|GetEncryptionConfiguration)$).*"),
    ({}, {"proof": False}, rf"(s3:(?!ListBucket$)|kms:)({PROOF})"),
    ({}, {"bucket_versioning": ""}, r"s3:(Get|Put)BucketVersioning"),
    ({}, {"cluster_name": ""}, r"eks:.*"),
    ({}, {"role_permissions_boundary": ""}, r"iam:PutRolePermissionsBoundary"),
    ({}, {"role_max_session_duration": 0}, r"iam:UpdateRole"),
    ({}, {"tags": {}}, r"iam:Tag.*|s3:PutBucketTagging"),
    ({}, {"kms_alias": ""}, r"tag:.*|kms:(?!Decrypt|DescribeKey|GetKeyPolicy|PutKeyPolicy).*"),
    ({"kms_key_arn": FOREIGN_KEY}, {"kms_alias": ""}, r"tag:.*|kms:(?!Decrypt|DescribeKey).*"),
]


@pytest.mark.parametrize(("values", "variables", "missing"), WITHOUT)
def test_what_is_not_done_is_not_allowed(values: dict[str, Any], variables: dict[str, Any], missing: str) -> None:
    everything = actions_of(policy(**EVERYTHING))
    allowed = actions_of(policy(values, **EVERYTHING | variables))
    assert allowed == {action for action in everything if not re.fullmatch(missing, action)}


@pytest.mark.parametrize("variables", [EVERYTHING, {}, EVERYTHING | {"kms_alias": ""}])
def test_iam_takes_it(variables: dict[str, Any]) -> None:
    document = policy(**variables)
    assert policy_document(document, option="policy", resource="deployer") == document


def test_resources_are_the_names_and_nothing_wider() -> None:
    document = policy(**EVERYTHING | {"role_name": "backup", "role_path": "/ours/", "policy_name": "backups"})
    iam, kms = "arn:aws:iam::111122223333:", "arn:aws:kms:eu-central-1:111122223333:"
    assert {one["Sid"]: one["Resource"] for one in document["Statement"]} == {
        "VeleroFindKey": f"{kms}key/*",
        "VeleroFindKeyByTag": "*",
        "VeleroCreateKey": "*",
        "VeleroTagNewKey": f"{kms}key/*",
        "VeleroAlias": f"{kms}alias/velero",
        "VeleroKey": f"{kms}key/*",
        "VeleroCluster": f"{iam}oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC",
        "VeleroPolicy": f"{iam}policy/backups",
        "VeleroRole": [f"{iam}role/ours/backup", f"{iam}role/backup"],
        "VeleroRolePolicy": [f"{iam}role/ours/backup", f"{iam}role/backup"],
        "VeleroNames": "*",
        "VeleroClusterIssuer": "arn:aws:eks:eu-central-1:111122223333:cluster/production",
        "VeleroBucket": "arn:aws:s3:::acme-backups",
        "VeleroProofList": "arn:aws:s3:::acme-backups",
        "VeleroProofObjects": "arn:aws:s3:::acme-backups/production/*",
        "VeleroProofKey": f"{kms}key/*",
    }
    assert statement(document, "VeleroRolePolicy")["Condition"] == {
        "ArnEquals": {"iam:PolicyARN": f"{iam}policy/backups"}
    }


def test_keys_are_known_by_the_tag_that_they_are_created_with() -> None:
    document = policy(**EVERYTHING)
    request = {"StringEquals": {"aws:RequestTag/coffer.velero:alias": "alias/velero"}}
    assert statement(document, "VeleroCreateKey")["Condition"] == request
    assert statement(document, "VeleroTagNewKey")["Condition"] == {**request, "Null": {"kms:ResourceAliases": "true"}}
    resource = {"StringEquals": {"aws:ResourceTag/coffer.velero:alias": "alias/velero"}}
    assert statement(document, "VeleroKey")["Condition"] == resource
    unconditional = [one for one in document["Statement"] if "key/*" in one["Resource"] and "Condition" not in one]
    assert actions_of({"Statement": unconditional}) == {"kms:DescribeKey"}


def test_alias_is_spelled_as_by_the_module() -> None:
    assert policy(kms_alias="velero") == policy(kms_alias="alias/velero")
    with pytest.raises(ValidationError):
        policy(kms_alias="alias/aws/s3")


def test_existing_key_is_named() -> None:
    assert statement(policy(), "VeleroKey")["Resource"] == KEY


@pytest.mark.parametrize(
    ("region", "issuer"),
    [
        ("eu-central-1", "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/*"),
        ("cn-north-1", "arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/*"),
    ],
)
def test_issuer_of_a_cluster_is_not_known_beforehand(region: str, issuer: str) -> None:
    values = with_created_key({**VALUES, "region": region, "kms_key_arn": None, "oidc_issuer_url": None})
    document = deployer_policy(StorageProfile.parse(values), kms_alias="velero", cluster_name="production")
    assert statement(document, "VeleroCluster")["Resource"] == issuer


def test_cluster_has_to_be_known() -> None:
    with pytest.raises(
        ValidationError, match=r"cluster_name: it is not set, and oidc_issuer_url neither\. Name the EKS cluster"
    ):
        policy({"oidc_issuer_url": None})
