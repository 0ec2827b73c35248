# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and refusals for IAM, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ConflictError, ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam import decide_policy, decide_provider, decide_role
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account, RoleResource
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import (
    policy_document,
    trust_statements,
    trust_warnings,
)
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import (
    Owner,
    Policy,
    Provider,
    Role,
    issuer_name,
    issuer_of,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan

OWNER = Owner("aws", "111122223333")
POLICY_ARN = OWNER.arn("policy/velero")
OTHER_ARN = OWNER.arn("policy/other")
PROVIDER_ARN = OWNER.arn("oidc-provider/oidc.example.com")


def document(action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "A", "Effect": "Allow", "Action": action, "Resource": "*", **more}],
    }


def trust(sid: str = "Ours", user: str = "velero", **more: Any) -> dict[str, Any]:
    principal = {"AWS": OWNER.arn(f"user/{user}")}
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


SUB = "oidc.example.com:sub"
ACCOUNT_OF_VELERO = "system:serviceaccount:velero:velero"


def irsa(condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"Principal": {"Federated": PROVIDER_ARN}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return trust("Velero", **{**given, "Condition": condition, **more})


def policy(default: str = "v1", versions: tuple[str, ...] = (), **metadata: Any) -> Policy:
    return Policy({"Arn": POLICY_ARN, "DefaultVersionId": default, **metadata}, document(), versions)


def role(
    *statements: Mapping[str, Any], attached: tuple[str, ...] = (), inline: tuple[str, ...] = (), **more: Any
) -> Role:
    metadata = {
        "Arn": OWNER.arn("role/velero"),
        "RoleId": "AROA1",
        "Path": "/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": list(statements or (trust(),))},
        **more,
    }
    return Role(metadata, attached, inline)


def steps(plan: Plan) -> list[str]:
    """The requests with the one argument that tells them apart."""
    names = ("VersionId", "PolicyArn", "ClientID", "PolicyName")
    told = []
    for step in plan.steps:
        argument = next((step.arguments[name] for name in names if name in step.arguments), "")
        told.append(f"{step.action.removeprefix('iam:')} {argument}".strip())
    return told


# --- names


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://oidc.example.com", "oidc.example.com"),
        ("https://oidc.example.com/id/ABC/", "oidc.example.com/id/ABC"),
        ("OIDC.Example.com/id/ABC", "oidc.example.com/id/ABC"),
        ("HTTPS://oidc.example.com:6443/a", "oidc.example.com:6443/a"),
    ],
)
def test_issuer_name(url: str, name: str) -> None:
    assert issuer_name(url) == name


CLUSTER = {
    "name": "one",
    "status": "ACTIVE",
    "arn": "arn:aws-cn:eks:cn-north-1:111122223333:cluster/one",
    "identity": {"oidc": {"issuer": "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC"}},
}


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_issuer_of_a_cluster(status: str) -> None:
    expected = ("oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC", Owner("aws-cn", "111122223333"))
    assert issuer_of({**CLUSTER, "status": status}) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "CREATING"}, "cluster_name: one is CREATING. Wait until it is ACTIVE, or give issuer_url."),
        ({"status": "DELETING"}, "cluster_name: one is DELETING. Wait until it is ACTIVE, or give issuer_url."),
        ({"identity": {}}, "cluster_name: one has no OIDC issuer. Use EKS Pod Identity there, or give issuer_url."),
        ({"identity": None}, "cluster_name: one has no OIDC issuer. Use EKS Pod Identity there, or give issuer_url."),
    ],
)
def test_cluster_without_a_usable_issuer(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        issuer_of({**CLUSTER, **change})
    assert str(refused.value) == message


# --- documents


def test_document_of_6144_characters_is_taken() -> None:
    room = 6144 - len(str(document("")).replace(" ", ""))
    assert policy_document(document("x" * room), option="policy", resource="velero")
    with pytest.raises(ValidationError, match="has a policy of 6145 characters, and IAM takes 6144"):
        policy_document(document("x" * (room + 1)), option="policy", resource="velero")


@pytest.mark.parametrize(
    "statement",
    [
        trust(),
        trust(Principal={"Service": "pods.eks.amazonaws.com"}, Action=["sts:AssumeRole", "sts:TagSession"]),
        trust(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        trust(Principal="*", Effect="Deny"),
        irsa({"StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"stringequalsignorecase": {SUB.upper(): [ACCOUNT_OF_VELERO]}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero:*"}}),
        irsa({"StringLike": {SUB: ["system:serviceaccount:velero-*:velero", ACCOUNT_OF_VELERO]}}),
        irsa({"ForAnyValue:StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringLike": {SUB: "*"}, "StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({}, Effect="Deny"),
        irsa({}, Action="sts:TagSession"),
        irsa({}, Principal={"Federated": OWNER.arn("saml-provider/a")}),
    ],
)
def test_trust_statement_is_taken(statement: dict[str, Any]) -> None:
    assert trust_statements([statement]) == [statement]


@pytest.mark.parametrize(
    "statement",
    [
        irsa({}),
        irsa({"StringEquals": {"oidc.example.com:aud": "sts.amazonaws.com"}}),
        irsa({"StringEquals": {"oidc.other.com:sub": ACCOUNT_OF_VELERO}}),
        irsa({"StringLike": {SUB: "*"}}),
        irsa({"StringLike": {SUB: [ACCOUNT_OF_VELERO, "*"]}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:*"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero*"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:*:velero"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:??*:velero"}}),
        irsa({"StringLike": {SUB: "*:velero:velero"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero:"}}),
        irsa({"StringEquals": {SUB: []}}),
        irsa({"StringNotEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringNotLike": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringEqualsIfExists": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"ForAllValues:StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"Null": {SUB: "false"}}),
        irsa({}, Action="sts:*"),
        irsa({}, Action=["sts:TagSession", "STS:assumerolewith*"]),
        {name: value for name, value in irsa({}, NotAction="sts:TagSession").items() if name != "Action"},
    ],
)
def test_trust_in_everybody_of_a_cluster_is_refused(statement: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        trust_statements([statement])
    assert str(refused.value) == (
        f"trust_statements: Velero has no condition on {SUB} that names the ServiceAccount, so that others of the "
        f"cluster could assume the role. Add StringEquals: {{'{SUB}': 'system:serviceaccount:NAMESPACE:NAME'}}."
    )


def test_only_others_who_are_let_in_are_warned_of() -> None:
    foreign = [trust("Same"), trust("Denied", "b", Effect="Deny"), trust("Other", "c")]
    merged = {"Version": "2012-10-17", "Statement": [trust(), *foreign]}
    warnings = list(trust_warnings("velero", merged, [trust()], partition="aws"))
    assert len(warnings) == 1
    assert f"trust statement Other, which is not one of trust_statements, lets {OWNER.arn('user/c')}" in warnings[0]


# --- managed policies


def wanted_policy(**more: Any) -> decide_policy.WantedPolicy:
    return decide_policy.WantedPolicy(name="velero", **{"document": document(), **more})


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        ({}, policy(), []),
        ({"document": document("s3:getobject")}, policy(), []),
        ({"document": None}, policy(), []),
        ({"document": document("s3:*")}, policy(versions=("v1",)), ["CreatePolicyVersion " + POLICY_ARN]),
        (
            {"document": document("s3:*")},
            policy("v3", ("v3", "v4", "v8", "v9", "v10")),
            ["DeletePolicyVersion v4", "CreatePolicyVersion " + POLICY_ARN],
        ),
        ({"tags": {"a": "1"}}, policy(), ["TagPolicy " + POLICY_ARN]),
        ({"tags": {}}, policy(Tags=[{"Key": "a", "Value": "1"}]), ["UntagPolicy " + POLICY_ARN]),
        ({"tags": {}, "purge_tags": False}, policy(Tags=[{"Key": "a", "Value": "1"}]), []),
        ({"tags": {}}, policy(Tags=[{"Key": "aws:a", "Value": "1"}]), []),
        ({"description": "other"}, policy(), []),
    ],
)
def test_change_policy(wanted: dict[str, Any], current: Policy, expected: list[str]) -> None:
    assert steps(decide_policy.change_policy(wanted_policy(**wanted), current)) == expected


def test_next_version_is_predicted_by_number() -> None:
    changed = decide_policy.change_policy(wanted_policy(document=document("s3:*")), policy("v9", ("v9", "v10")))
    assert changed.result["default_version_id"].placeholder == "v11"


def test_delete_policy_takes_the_versions_first() -> None:
    plan = decide_policy.delete_policy(policy("v2", ("v1", "v2", "v3")))
    assert steps(plan) == ["DeletePolicyVersion v1", "DeletePolicyVersion v3", "DeletePolicy " + POLICY_ARN]


# --- roles


def wanted_role(**more: Any) -> decide_role.WantedRole:
    return decide_role.WantedRole(name="velero", **{"trust_statements": [trust()], **more})


def test_create_role_with_what_is_given_only() -> None:
    plan = decide_role.create_role(wanted_role(managed_policies=[POLICY_ARN, POLICY_ARN]), OWNER)
    assert steps(plan) == ["CreateRole", "AttachRolePolicy " + POLICY_ARN]
    assert set(plan.steps[0].arguments) == {"RoleName", "Path", "AssumeRolePolicyDocument"}


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        ({}, role(), []),
        ({"trust_statements": None}, role(trust("Foreign")), []),
        ({"trust_statements": None, "purge_trust_statements": True}, role(trust("Foreign")), []),
        ({}, role(trust("Foreign")), ["UpdateAssumeRolePolicy"]),
        ({}, role(trust("Foreign"), trust()), []),
        ({"purge_trust_statements": True}, role(trust("Foreign"), trust()), ["UpdateAssumeRolePolicy"]),
        ({"description": "a"}, role(), ["UpdateRole"]),
        ({"description": ""}, role(), []),
        ({"max_session_duration": 3600}, role(), []),
        ({"max_session_duration": 7200}, role(), ["UpdateRole"]),
        ({"permissions_boundary": OTHER_ARN}, role(), ["PutRolePermissionsBoundary"]),
        (
            {"permissions_boundary": ""},
            role(PermissionsBoundary={"PermissionsBoundaryArn": OTHER_ARN}),
            ["DeleteRolePermissionsBoundary"],
        ),
        ({"permissions_boundary": ""}, role(), []),
        ({"managed_policies": [POLICY_ARN]}, role(attached=(OTHER_ARN,)), ["AttachRolePolicy " + POLICY_ARN]),
        (
            {"managed_policies": [POLICY_ARN], "purge_policies": True},
            role(attached=(OTHER_ARN,)),
            ["AttachRolePolicy " + POLICY_ARN, "DetachRolePolicy " + OTHER_ARN],
        ),
        ({"managed_policies": None, "purge_policies": True}, role(attached=(OTHER_ARN,)), []),
        (
            {"managed_policies": [], "purge_policies": True},
            role(attached=(OTHER_ARN,)),
            ["DetachRolePolicy " + OTHER_ARN],
        ),
        ({"path": "/"}, role(), []),
    ],
)
def test_change_role(wanted: dict[str, Any], current: Role, expected: list[str]) -> None:
    assert steps(decide_role.change_role(wanted_role(**wanted), current)) == expected


def test_trust_policy_is_never_purged_to_nothing() -> None:
    with pytest.raises(ValidationError) as refused:
        decide_role.change_role(wanted_role(trust_statements=[], purge_trust_statements=True), role())
    assert str(refused.value) == (
        "purge_trust_statements: velero would be left without a trust statement. "
        "Name who may assume it in trust_statements, or delete the role with state=absent."
    )


def test_update_role_names_only_what_differs() -> None:
    plan = decide_role.change_role(wanted_role(description="a", max_session_duration=3600), role())
    assert plan.steps[0].arguments == {"RoleName": "velero", "Description": "a"}


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        ({}, role(), ["DeleteRole"]),
        (
            {"managed_policies": [POLICY_ARN, OTHER_ARN]},
            role(attached=(POLICY_ARN,)),
            ["DetachRolePolicy " + POLICY_ARN, "DeleteRole"],
        ),
        (
            {"purge_policies": True},
            role(attached=(POLICY_ARN,), inline=("mine",)),
            ["DetachRolePolicy " + POLICY_ARN, "DeleteRolePolicy mine", "DeleteRole"],
        ),
    ],
)
def test_delete_role(wanted: dict[str, Any], current: Role, expected: list[str]) -> None:
    assert steps(decide_role.delete_role(wanted_role(**wanted), current)) == expected


# --- OIDC providers

PROVIDER = Provider(PROVIDER_ARN, ("sts.amazonaws.com", "theirs"), ("1" * 40, "2" * 40), {"owner": "them"})


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, []),
        ({"client_ids": ["theirs"]}, []),
        ({"client_ids": ["a", "b", "a"]}, [f"AddClientIDToOpenIDConnectProvider {one}" for one in ("a", "b")]),
        ({"thumbprints": ["2" * 40, "1" * 40]}, []),
        ({"thumbprints": ["2" * 40]}, ["UpdateOpenIDConnectProviderThumbprint"]),
        ({"tags": {"a": "1"}}, ["TagOpenIDConnectProvider", "UntagOpenIDConnectProvider"]),
        ({"tags": {"a": "1"}, "purge_tags": False}, ["TagOpenIDConnectProvider"]),
    ],
)
def test_change_provider(wanted: dict[str, Any], expected: list[str]) -> None:
    plan = decide_provider.change_provider(
        decide_provider.WantedProvider(issuer="oidc.example.com", **wanted), PROVIDER
    )
    assert steps(plan) == expected


def test_create_provider_leaves_thumbprints_to_iam() -> None:
    plan = decide_provider.create_provider(
        decide_provider.WantedProvider(issuer="oidc.example.com", client_ids=["a"]), PROVIDER_ARN
    )
    assert plan.steps[0].arguments == {"Url": "https://oidc.example.com", "ClientIDList": ["a"]}


# --- what is tried again


@pytest.mark.parametrize(
    ("action", "code", "message", "again"),
    [
        ("iam:AttachRolePolicy", "NoSuchEntity", "Policy does not exist or is not attachable.", True),
        ("iam:DeleteRole", "DeleteConflict", "must detach all policies first", True),
        ("iam:CreatePolicyVersion", "LimitExceeded", "up to 5 versions", True),
        ("iam:CreateRole", "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", False),
        ("iam:CreateRole", "MalformedPolicyDocument", "Invalid principal in policy: AWS", True),
        ("iam:CreateRole", "MalformedPolicyDocument", "Syntax errors in policy.", False),
        ("iam:CreateRole", "AccessDenied", "no", False),
    ],
)
def test_what_iam_may_still_agree_to_is_tried_again(action: str, code: str, message: str, again: bool) -> None:
    class Refusing:
        def apply(self, plan: Plan, *, creates: frozenset[str]) -> dict[str, Any]:
            raise ServiceError(action, code, message)

    resource = RoleResource(cast(Aws, Refusing()), wanted_role(), Account(cast(Aws, None)))
    with pytest.raises(ConflictError if again else ServiceError):
        resource.apply(Plan())
