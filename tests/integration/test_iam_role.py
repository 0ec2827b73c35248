# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_role against moto."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._iam import api
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:role/velero"
MODULE = "iam_role"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/ABC"

pytestmark = pytest.mark.usefixtures("aws")


def irsa(service_account: str = "velero", **more: Any) -> dict[str, Any]:
    subject = f"system:serviceaccount:velero:{service_account}"
    return {
        "Sid": "Velero",
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
        **more,
    }


POD_IDENTITY = {
    "Sid": "PodIdentity",
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
BREAK_GLASS = {
    "Sid": "BreakGlass",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/admin"},
    "Action": "sts:AssumeRole",
}
GIVEN = {"name": "velero", "trust_statements": [irsa()]}
BREAK_GLASS_WARNING = (
    f"velero: trust statement BreakGlass, which is not one of trust_statements, lets arn:aws:iam::{ACCOUNT}:user/admin "
    "assume the role too. It was kept; purge_trust_statements=true removes it."
)


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")


@pytest.fixture
def policy(iam: Any) -> str:
    return managed_policy(iam, "velero")


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


def managed_policy(iam: Any, name: str) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT)["Policy"]["Arn"])


def roles(iam: Any) -> Any:
    """Every role with whatever belongs to it."""
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    return {
        name: {
            **{key: value for key, value in iam.get_role(RoleName=name)["Role"].items() if key != "RoleLastUsed"},
            "attached": sorted(
                policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ),
            "inline": iam.list_role_policies(RoleName=name)["PolicyNames"],
        }
        for name in names
    }


def operations(aws: Aws) -> list[str]:
    return [request.operation for request in aws.proxy.requests]


def existing(iam: Any, *statements: dict[str, Any]) -> None:
    trust = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument=json.dumps(trust))


@pytest.mark.parametrize("path", [None, "/backup/"])
def test_lifecycle(run: ModuleRunner, iam: Any, policy: str, path: str | None) -> None:
    other = managed_policy(iam, "other")
    boundary = managed_policy(iam, "boundary")
    given = {"name": "velero", **({"path": path} if path else {})}
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={
            **given,
            "trust_statements": [irsa()],
            "managed_policies": [policy],
            "description": "one",
            "permissions_boundary": boundary,
            "tags": {"a": "1"},
        },
        modify={
            **given,
            "trust_statements": [irsa("backup"), POD_IDENTITY],
            "managed_policies": [other],
            "purge_policies": True,
            "description": "two",
            "max_session_duration": 7200,
            "permissions_boundary": "",
            "tags": {"b": "2"},
        },
        delete={**given, "managed_policies": [other], "state": "absent"},
        state=lambda: roles(iam),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:role{path or '/'}velero"
    assert created["role_arn"] == modified["role_arn"] == deleted["role_arn"] == arn
    assert created["role_id"] == modified["role_id"] != "AROA00000000000000000"
    assert created["diff"]["after"] == {
        "role_arn": arn,
        "trust_statements": {"Velero": irsa()},
        "description": "one",
        "managed_policies": [policy],
        "max_session_duration": 3600,
        "permissions_boundary": boundary,
        "tags": {"a": "1"},
    }
    assert modified["diff"] == {
        "before": {
            "trust_statements": {"Velero": irsa()},
            "description": "one",
            "max_session_duration": 3600,
            "permissions_boundary": boundary,
            "managed_policies": [policy],
            "tags": {"a": "1"},
        },
        "after": {
            "trust_statements": {"Velero": irsa("backup"), "PodIdentity": POD_IDENTITY},
            "description": "two",
            "max_session_duration": 7200,
            "managed_policies": [other],
            "tags": {"b": "2"},
        },
    }
    assert deleted["diff"] == {"before": {"role_arn": arn, "managed_policies": [other]}, "after": {}}


def test_no_op_sends_two_requests(run: ModuleRunner, aws: Aws, policy: str) -> None:
    given = {**GIVEN, "managed_policies": [policy], "tags": {"a": "1"}, "description": "one"}
    run.ok(MODULE, **given)
    aws.proxy.clear()
    assert not run.ok(MODULE, **given)["changed"]
    assert operations(aws) == ["GetRole", "ListAttachedRolePolicies"]


def test_a_change_of_the_trust_policy_is_looked_at_again(run: ModuleRunner, aws: Aws, iam: Any) -> None:
    existing(iam, BREAK_GLASS)
    aws.proxy.clear()
    assert run.ok(MODULE, **GIVEN)["changed"]
    assert operations(aws) == ["GetRole", "UpdateAssumeRolePolicy", "GetRole"]
    aws.proxy.clear()
    assert run.ok(MODULE, **GIVEN, description="one")["changed"]
    assert operations(aws) == ["GetRole", "UpdateRole"]


@pytest.mark.parametrize("put_back", [[BREAK_GLASS], [BREAK_GLASS, POD_IDENTITY]], ids=["before", "theirs"])
def test_rival_that_takes_our_trust_statement_back(
    run: ModuleRunner, iam: Any, monkeypatch: pytest.MonkeyPatch, put_back: list[dict[str, Any]]
) -> None:
    """Both clusters that share the role are in its trust policy in the end."""
    existing(iam, BREAK_GLASS)
    looked: list[Any] = []
    real = api.verify_write

    def rival(*arguments: Any, **options: Any) -> None:
        if not looked:
            trust = json.dumps({"Version": "2012-10-17", "Statement": put_back})
            iam.update_assume_role_policy(RoleName="velero", PolicyDocument=trust)
        looked.append(arguments)
        real(*arguments, **options)

    monkeypatch.setattr(api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    assert run.ok(MODULE, **GIVEN)["changed"]
    assert len(looked) == 2
    assert roles(iam)["velero"]["AssumeRolePolicyDocument"]["Statement"] == [*put_back, irsa()]


def test_rival_that_does_not_stop(run: ModuleRunner, iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    existing(iam, BREAK_GLASS)
    before = roles(iam)["velero"]["AssumeRolePolicyDocument"]
    real = api.verify_write

    def rival(*arguments: Any, **options: Any) -> None:
        iam.update_assume_role_policy(RoleName="velero", PolicyDocument=json.dumps(before))
        real(*arguments, **options)

    monkeypatch.setattr(api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    assert run.refused(MODULE, **GIVEN) == (
        "iam:UpdateAssumeRolePolicy failed: ConcurrentModification: Somebody else keeps replacing the trust policy, "
        "and takes back what this task puts in. Find out who, and run the task again when that has ended."
    )


def test_role_that_is_deleted_meanwhile_is_made_again(
    run: ModuleRunner, iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    existing(iam, BREAK_GLASS)
    real = api.verify_write

    def rival(*arguments: Any, **options: Any) -> None:
        iam.delete_role(RoleName="velero")
        real(*arguments, **options)

    monkeypatch.setattr(api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    assert run.ok(MODULE, **GIVEN)["changed"]
    assert roles(iam)["velero"]["AssumeRolePolicyDocument"]["Statement"] == [irsa()]


def test_check_on_an_empty_account_tells_the_arn(run: ModuleRunner, iam: Any) -> None:
    missing = f"arn:aws:iam::{ACCOUNT}:policy/not-yet"
    result = run.ok(MODULE, check=True, **GIVEN, managed_policies=[missing], permissions_boundary=missing)
    assert result["changed"]
    assert (result["role_arn"], result["role_id"]) == (ARN, "AROA00000000000000000")
    assert result["managed_policies"] == [missing]
    assert roles(iam) == {}


def test_foreign_state_is_kept(run: ModuleRunner, iam: Any, policy: str) -> None:
    foreign = managed_policy(iam, "foreign")
    unnamed = {**POD_IDENTITY}
    del unnamed["Sid"]
    existing(iam, BREAK_GLASS, unnamed, {**irsa(), "Sid": "ByHand"})
    iam.attach_role_policy(RoleName="velero", PolicyArn=foreign)
    iam.put_role_policy(RoleName="velero", PolicyName="inline", PolicyDocument=DOCUMENT)
    iam.tag_role(RoleName="velero", Tags=[{"Key": "owner", "Value": "somebody"}])
    iam.update_role(RoleName="velero", Description="by hand", MaxSessionDuration=7200)
    result = run.ok(MODULE, **GIVEN, managed_policies=[policy])
    assert result["kept_trust_statements"] == ["BreakGlass", "#2", "ByHand"]
    assert result["kept_policies"] == [foreign]
    assert result["managed_policies"] == [foreign, policy]
    # The one that was written by hand lets in nobody else than ours does.
    assert result["warnings"] == [
        BREAK_GLASS_WARNING,
        BREAK_GLASS_WARNING.replace("BreakGlass", "#2").replace(
            f"arn:aws:iam::{ACCOUNT}:user/admin", "pods.eks.amazonaws.com"
        ),
    ]
    role = roles(iam)["velero"]
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        BREAK_GLASS,
        unnamed,
        {**irsa(), "Sid": "ByHand"},
        irsa(),
    ]
    assert role["attached"] == sorted([foreign, policy])
    assert role["inline"] == ["inline"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("by hand", 7200)
    assert role["Tags"] == [{"Key": "owner", "Value": "somebody"}]


def test_foreign_state_is_purged_where_asked(run: ModuleRunner, iam: Any, policy: str) -> None:
    existing(iam, BREAK_GLASS)
    iam.attach_role_policy(RoleName="velero", PolicyArn=managed_policy(iam, "foreign"))
    result = run.ok(MODULE, **GIVEN, managed_policies=[policy], purge_policies=True, purge_trust_statements=True)
    assert (result["kept_trust_statements"], result["kept_policies"], result["warnings"]) == ([], [], [])
    role = roles(iam)["velero"]
    assert role["AssumeRolePolicyDocument"]["Statement"] == [irsa()]
    assert role["attached"] == [policy]


def test_what_is_not_given_is_left_alone(run: ModuleRunner, aws: Aws, iam: Any) -> None:
    existing(iam, BREAK_GLASS)
    before = roles(iam)
    aws.proxy.clear()
    result = run.ok(MODULE, name="velero")
    assert (result["changed"], result["warnings"]) == (False, [])
    assert result["kept_trust_statements"] == ["BreakGlass"]
    assert operations(aws) == ["GetRole"]
    assert roles(iam) == before


def test_same_meaning_is_no_change(run: ModuleRunner) -> None:
    run.ok(MODULE, **GIVEN)
    other = irsa(Action=["sts:assumerolewithwebidentity"])
    assert not run.ok(MODULE, name="velero", trust_statements=[other])["changed"]


def test_orphaned_principal_is_named(run: ModuleRunner, iam: Any) -> None:
    orphan = {**BREAK_GLASS, "Principal": {"AWS": "AROA1234567890EXAMPLE"}}
    existing(iam, orphan, irsa())
    result = run.ok(MODULE, **GIVEN)
    assert not result["changed"]
    assert any("names AROA1234567890EXAMPLE, a role or user that was deleted" in one for one in result["warnings"])
    for check in (True, False):
        assert run.refused(MODULE, check=check, name="velero", trust_statements=[irsa("backup")]) == (
            "trust_statements: velero has a trust statement BreakGlass for AROA1234567890EXAMPLE, which was deleted. "
            "IAM takes no trust policy that names it: correct that statement, or set purge_trust_statements=true."
        )
    repaired = run.ok(MODULE, name="velero", trust_statements=[irsa("backup")], purge_trust_statements=True)
    assert repaired["warnings"] == []


SID_REMEDY = "Give it one: a statement is found again, replaced and removed by its Sid."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"name": "x" * 65},
            f"name: {'x' * 65} is not a name for IAM. Give 1 to 64 letters, digits and _+=,.@- without path or ARN.",
        ),
        ({"path": "/backup"}, "path: /backup is not a path of IAM. Begin and end it with a slash: /backup/."),
        (
            {"managed_policies": ["AmazonS3FullAccess"]},
            "managed_policies: AmazonS3FullAccess is not the ARN of a managed policy. "
            "Give its ARN, arn:aws:iam::ACCOUNT:policy/NAME; coffer.velero.iam_policy returns it.",
        ),
        (
            {"permissions_boundary": "boundary"},
            "permissions_boundary: boundary is not the ARN of a managed policy. "
            "Give its ARN, arn:aws:iam::ACCOUNT:policy/NAME; coffer.velero.iam_policy returns it.",
        ),
        (
            {"max_session_duration": 900},
            "max_session_duration: 900 is not the duration of a session. IAM takes 3600 to 43200 seconds.",
        ),
        (
            {"trust_statements": []},
            "trust_statements: velero does not exist, and a role needs a trust policy. Say who may assume it; "
            "the filter coffer.velero.trust_policy_statements makes the statements.",
        ),
        (
            {"trust_statements": [{key: value for key, value in irsa().items() if key != "Sid"}]},
            f"trust_statements: #1 has no Sid. {SID_REMEDY}",
        ),
        (
            {"trust_statements": [irsa(Sid="our velero")]},
            "trust_statements: our velero is a Sid with other characters than letters and digits. "
            "Rename it: IAM takes no others.",
        ),
        (
            {"trust_statements": [irsa(Resource="*")]},
            "trust_statements: Velero has a Resource. Leave it out: a trust policy speaks of its own role.",
        ),
        (
            {"trust_statements": [irsa(Action="s3:GetObject")]},
            "trust_statements: Velero has the action s3:GetObject. "
            "A trust policy knows those of STS alone, such as sts:AssumeRole.",
        ),
        (
            {"trust_statements": [{**BREAK_GLASS, "Principal": "*"}]},
            "trust_statements: BreakGlass lets everybody assume the role. Name the principal, or add a condition.",
        ),
        (
            {"trust_statements": [{**BREAK_GLASS, "Principal": {"AWS": ["*"]}}]},
            "trust_statements: BreakGlass lets everybody assume the role. Name the principal, or add a condition.",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refusals(run: ModuleRunner, iam: Any, given: dict[str, Any], message: str, check: bool) -> None:
    assert run.refused(MODULE, check=check, **{**GIVEN, **given}) == message
    assert roles(iam) == {}


@pytest.mark.parametrize("check", [True, False])
def test_role_at_another_path_is_refused(run: ModuleRunner, iam: Any, check: bool) -> None:
    existing(iam, irsa())
    assert run.refused(MODULE, check=check, **GIVEN, path="/backup/") == (
        "path: velero exists at /, not at /backup/. IAM cannot move it: give / (velero_role_path or velero_policy_path "
        "of the roles), or choose another name."
    )
    assert run.refused(MODULE, check=check, **{**GIVEN, "name": "Velero"}) == (
        "name: Velero exists as velero. IAM does not tell names apart by case: write velero, or choose another name."
    )


def test_role_that_others_assume_too_is_kept(run: ModuleRunner, iam: Any, policy: str) -> None:
    """What is taken back is our trust statement; the role goes with the last one."""
    existing(iam, irsa(Sid="Theirs"))
    given = {**GIVEN, "managed_policies": [policy]}
    before = roles(iam)
    run.ok(MODULE, **GIVEN)
    result = run.ok(MODULE, **given, state="absent")
    assert result["changed"]
    assert result["kept_trust_statements"] == ["Theirs"]
    assert result["warnings"] == [
        "velero: the role is kept with its policies, since it has trust statements of others: Theirs."
    ]
    assert roles(iam) == before
    assert not run.ok(MODULE, **given, state="absent")["changed"]
    assert run.ok(MODULE, name="velero", sids=["Theirs"], state="absent")["changed"]
    assert roles(iam) == {}


def test_trust_policy_that_is_too_long(run: ModuleRunner, iam: Any) -> None:
    long, longer = ([irsa(Sid=f"S{number}", Effect="Allow") for number in range(count)] for count in (7, 14))
    said = run.ok(MODULE, check=True, name="velero", trust_statements=long)["warnings"]
    assert len(said) == 1
    assert "characters. IAM takes 2048, and 4096 at most where the quota of the account was raised" in said[0]
    for check in (True, False):
        refused = run.refused(MODULE, check=check, name="velero", trust_statements=longer)
        assert refused.startswith("trust_statements: velero would have a trust policy of ")


@pytest.mark.parametrize("check", [True, False])
def test_role_with_foreign_policies_is_not_deleted(run: ModuleRunner, iam: Any, policy: str, check: bool) -> None:
    existing(iam, irsa())
    iam.attach_role_policy(RoleName="velero", PolicyArn=policy)
    iam.put_role_policy(RoleName="velero", PolicyName="inline", PolicyDocument=DOCUMENT)
    before = roles(iam)
    assert run.refused(MODULE, check=check, name="velero", state="absent") == (
        f"state: velero has what managed_policies does not name: {policy}, inline policy inline. "
        "Others may rely on the role. Find out who; purge_policies=true detaches and deletes them with it."
    )
    assert roles(iam) == before
    assert run.ok(MODULE, check=check, name="velero", state="absent", purge_policies=True)["changed"]
    assert roles(iam) == (before if check else {})


@pytest.mark.parametrize("check", [True, False])
def test_role_of_an_instance_profile_is_not_deleted(run: ModuleRunner, iam: Any, check: bool) -> None:
    existing(iam, irsa())
    iam.create_instance_profile(InstanceProfileName="nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="velero")
    assert run.refused(MODULE, check=check, name="velero", state="absent", purge_policies=True) == (
        "state: velero is in the instance profile nodes. Instances may run as it: take it out of there first."
    )


def test_policy_variable_in_an_old_document_is_refused(run: ModuleRunner, iam: Any) -> None:
    trust = {"Version": "2008-10-17", "Statement": [BREAK_GLASS]}
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument=json.dumps(trust))
    subject = "system:serviceaccount:${aws:PrincipalTag/ns}:velero"
    variable = irsa(Condition={"StringEquals": {f"{ISSUER}:sub": subject}})
    said = run.refused(MODULE, name="velero", trust_statements=[variable])
    assert "uses a policy variable, which is plain text in this document of Version 2008-10-17" in said


def test_no_instance_profile_is_made(run: ModuleRunner, iam: Any) -> None:
    run.ok(MODULE, **GIVEN)
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


def test_attaching_is_tried_again_until_iam_knows_the_policy(run: ModuleRunner, iam: Any) -> None:
    late = f"arn:aws:iam::{ACCOUNT}:policy/late"
    timer = threading.Timer(0.2, managed_policy, [iam, "late"])
    timer.start()
    result = run.ok(MODULE, **GIVEN, managed_policies=[late])
    timer.join()
    assert set(result["diff"]["after"]) >= {"role_arn", "managed_policies"}
    assert result["role_id"].startswith("AROA")
    assert roles(iam)["velero"]["attached"] == [late]


def test_policy_that_never_appears_is_said(run: ModuleRunner, iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    said = run.refused(MODULE, **GIVEN, managed_policies=[missing])
    assert said.startswith("iam:AttachRolePolicy failed: NoSuchEntity: ")
    assert missing in said


def test_unreadable_state_is_not_an_empty_one(run: ModuleRunner, aws: Aws, iam: Any, policy: str) -> None:
    existing(iam, irsa())
    aws.proxy.deny("iam", "ListAttachedRolePolicies")
    said = run.refused(MODULE, **GIVEN, managed_policies=[policy])
    assert "The credentials of this task need iam:ListAttachedRolePolicies there." in said


@controller_only
@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_interrupted_anywhere_ends_the_same(
    run: ModuleRunner, aws: Aws, iam: Any, policy: str, kind: Any, number: int
) -> None:
    given = {**GIVEN, "managed_policies": [policy], "tags": {"a": "1"}}
    aws.proxy.fault(number, kind)
    run(MODULE, **given)
    run.ok(MODULE, **given)
    assert not run.ok(MODULE, **given)["changed"]
    assert list(roles(iam)) == ["velero"]
    assert roles(iam)["velero"]["attached"] == [policy]
