# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_policy against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents, _runner
from ansible_collections.coffer.velero.plugins.module_utils._iam import api
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:policy/velero"
MODULE = "iam_policy"

pytestmark = pytest.mark.usefixtures("aws")


def document(*actions: str, **more: Any) -> dict[str, Any]:
    statement = {"Sid": "Velero", "Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


POLICY = document("s3:GetObject", "s3:PutObject")
STATEMENT = POLICY["Statement"][0]
OTHERS = document("s3:ListBucket", Sid="Others", Resource="arn:aws:s3:::others")


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")


def policies(iam: Any) -> Any:
    """Every policy with its versions, documents and tags."""
    return {
        policy["Arn"]: {
            "policy": {name: value for name, value in policy.items() if name not in ("UpdateDate", "PolicyId")},
            "tags": iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["Tags"],
            "versions": {
                version["VersionId"]: iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=version["VersionId"])[
                    "PolicyVersion"
                ]["Document"]
                for version in iam.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]
            },
        }
        for policy in iam.list_policies(Scope="Local")["Policies"]
    }


def operations(aws: Aws) -> list[str]:
    return [request.operation for request in aws.proxy.requests]


@pytest.mark.parametrize("path", ["/", "/backup/"])
def test_lifecycle(run: ModuleRunner, aws: Aws, iam: Any, path: str) -> None:
    given = {"name": "velero", "path": path}
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={**given, "policy": POLICY, "description": "Backups", "tags": {"a": "1"}},
        modify={**given, "policy": document("s3:GetObject"), "description": "Backups", "tags": {"b": "2"}},
        delete={**given, "state": "absent"},
        state=lambda: policies(iam),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:policy{path}velero"
    assert created["policy_arn"] == modified["policy_arn"] == deleted["policy_arn"] == arn
    assert (created["default_version_id"], modified["default_version_id"]) == ("v1", "v2")
    assert created["policy"] == POLICY
    assert created["diff"]["after"] == {
        "policy_arn": arn,
        "description": "Backups",
        "policy": POLICY,
        "tags": {"a": "1"},
    }
    assert (created["tags"], modified["tags"]) == ({"a": "1"}, {"b": "2"})
    assert modified["diff"] == {
        "before": {"Velero": STATEMENT, "tags": {"a": "1"}},
        "after": {"Velero": document("s3:GetObject")["Statement"][0], "tags": {"b": "2"}},
    }
    assert deleted["diff"] == {"before": {"policy_arn": arn, "versions": ["v1", "v2"]}, "after": {}}


def test_no_op_sends_two_requests(run: ModuleRunner, aws: Aws) -> None:
    given = {"name": "velero", "policy": POLICY, "description": "Backups", "tags": {"a": "1"}}
    run.ok(MODULE, **given)
    aws.proxy.clear()
    assert not run.ok(MODULE, **given, account_id=ACCOUNT, partition="aws")["changed"]
    assert operations(aws) == ["GetPolicy", "GetPolicyVersion"]
    aws.proxy.clear()
    assert not run.ok(MODULE, **given)["changed"]
    assert operations(aws) == ["GetCallerIdentity", "GetPolicy", "GetPolicyVersion"]


def test_same_meaning_is_no_change(run: ModuleRunner) -> None:
    run.ok(MODULE, name="velero", policy=POLICY)
    other = document("s3:putobject", "s3:GetObject", Resource=["*"])
    assert not run.ok(MODULE, name="velero", policy=json.dumps(other, indent=4))["changed"]


def test_check_on_an_empty_account_tells_the_arn(run: ModuleRunner, iam: Any) -> None:
    result = run.ok(MODULE, check=True, name="velero", policy=POLICY, tags={"a": "1"})
    assert result["changed"]
    assert (result["policy_arn"], result["default_version_id"]) == (ARN, "v1")
    assert policies(iam) == {}


def test_sixth_version_pushes_the_oldest_out(run: ModuleRunner, iam: Any) -> None:
    for number in range(1, 6):
        run.ok(MODULE, name="velero", policy=document(f"s3:Get{number}"))
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    placeholder = run.ok(MODULE, check=True, name="velero", policy=document("s3:Get6"))
    real = run.ok(MODULE, name="velero", policy=document("s3:Get6"))
    assert placeholder["diff"] == real["diff"]
    assert real["diff"]["before"]["deleted_version_id"] == "v2"
    assert (placeholder["deleted_version_id"], real["deleted_version_id"]) == ("v2", "v2")
    assert (placeholder["default_version_id"], real["default_version_id"]) == ("v6", "v6")
    assert set(policies(iam)[ARN]["versions"]) == {"v1", "v3", "v4", "v5", "v6"}


def test_document_of_an_older_version_becomes_a_new_one(run: ModuleRunner, iam: Any) -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:GetObject"):
        result = run.ok(MODULE, name="velero", policy=document(action))
    assert result["default_version_id"] == "v3"
    assert policies(iam)[ARN]["versions"]["v3"] == document("s3:GetObject")


def test_foreign_tags_are_kept_where_asked(run: ModuleRunner, iam: Any) -> None:
    run.ok(MODULE, name="velero", policy=POLICY, tags={"a": "1"})
    assert run.ok(MODULE, name="velero", policy=POLICY)["tags"] == {"a": "1"}
    result = run.ok(MODULE, name="velero", policy=POLICY, tags={"b": "2"}, purge_tags=False)
    assert result["tags"] == {"a": "1", "b": "2"}
    assert {tag["Key"]: tag["Value"] for tag in policies(iam)[ARN]["tags"]} == {"a": "1", "b": "2"}


def test_other_description_is_a_warning(run: ModuleRunner) -> None:
    run.ok(MODULE, name="velero", policy=POLICY, description="one")
    result = run.ok(MODULE, name="velero", policy=POLICY, description="two")
    assert not result["changed"]
    assert result["description"] == "one"
    assert result["warnings"] == [
        f"description: {ARN} is described as 'one', and IAM cannot change that. It is left as it is; delete the policy "
        "first to have it created again."
    ]


def current(iam: Any) -> list[Any]:
    version = iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=ARN, VersionId=version)["PolicyVersion"]["Document"]["Statement"]
    return list(found)


def test_policy_that_others_use(run: ModuleRunner, iam: Any) -> None:
    """Each task adds, changes and removes its own statements and no other."""
    (theirs,) = OTHERS["Statement"]
    run.ok(MODULE, name="velero", policy=OTHERS)
    for check in (True, False):
        added = run.ok(MODULE, check=check, name="velero", policy=POLICY, absent_sids=["Gone"])
        assert added["diff"] == {"before": {}, "after": {"Velero": STATEMENT}}
        assert added["kept_statements"] == ["Others"]
    assert current(iam) == [theirs, STATEMENT]
    assert not run.ok(MODULE, name="velero", policy=OTHERS)["changed"]
    for check in (True, False):
        removed = run.ok(MODULE, check=check, name="velero", state="absent", policy=POLICY)
        assert removed["diff"] == {"before": {"Velero": STATEMENT}, "after": {}}
    assert current(iam) == [theirs]
    assert not run.ok(MODULE, name="velero", state="absent", absent_sids=["Velero"])["changed"]
    run.ok(MODULE, name="velero", policy=POLICY, purge_statements=True)
    assert current(iam) == [STATEMENT]
    assert run.ok(MODULE, name="velero", state="absent", absent_sids=["Velero"])["changed"]
    assert policies(iam) == {}


def test_last_statement_of_an_attached_policy_stays(run: ModuleRunner, iam: Any) -> None:
    run.ok(MODULE, name="velero", policy=POLICY)
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="velero", PolicyArn=ARN)
    for check in (True, False):
        said = run.refused(MODULE, check=check, name="velero", state="absent", absent_sids=["Velero"])
        assert said.startswith(f"state: {ARN} is attached to role velero. ")
    assert current(iam) == [STATEMENT]


def test_statement_of_others_under_the_sid_is_refused(run: ModuleRunner, iam: Any) -> None:
    theirs = document("s3:GetObject", Resource="arn:aws:s3:::others/*")
    run.ok(MODULE, name="velero", policy=theirs)
    ours = document("s3:GetObject", Resource="arn:aws:s3:::backups/*")
    for check in (True, False):
        assert "policy: Velero is the Sid of a statement that this task did not write: " in run.refused(
            MODULE, check=check, name="velero", policy=ours
        )
    assert current(iam) == theirs["Statement"]


def test_attached_policy_is_not_deleted(run: ModuleRunner, iam: Any) -> None:
    run.ok(MODULE, name="velero", policy=POLICY)
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="velero", PolicyArn=ARN)
    iam.create_user(UserName="somebody")
    iam.attach_user_policy(UserName="somebody", PolicyArn=ARN)
    before = policies(iam)
    for check in (True, False):
        assert run.refused(MODULE, check=check, name="velero", state="absent") == (
            f"state: {ARN} is attached to role velero, user somebody. "
            "Detach it there first; for a role, coffer.velero.iam_role does so."
        )
    assert policies(iam) == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"name": "a/b"},
            "name: a/b is not a name for IAM. Give 1 to 128 letters, digits and _+=,.@- without path or ARN.",
        ),
        ({"path": "backup"}, "path: backup is not a path of IAM. Begin and end it with a slash: /backup/."),
        ({"account_id": "12345"}, "account_id: 12345 is not an account. Give its 12 digits, quoted."),
        (
            {"account_id": "999999999999", "partition": "aws"},
            f"account_id: 999999999999 is not the account of arn:aws:iam::{ACCOUNT}:user/moto. "
            "Use credentials of that account, or leave account_id out.",
        ),
        ({"policy": "{"}, "policy: velero has a policy that is not valid JSON ("),
        ({"policy": {"Version": "2012-10-17"}}, "policy: velero has a policy without Statement. "),
        (
            {"policy": {"Statement": [STATEMENT]}},
            "policy: velero has a policy of Version none. Write 2012-10-17: a managed policy has to have it.",
        ),
        (
            {"policy": {"Version": "2008-10-17", "Statement": [STATEMENT]}},
            "policy: velero has a policy of Version 2008-10-17. Write 2012-10-17: a managed policy has to have it.",
        ),
        (
            {"policy": document("s3:GetObject", Sid="a b")},
            "policy: velero has a policy whose statement a b has a Sid with other characters than letters and digits. "
            "Rename it: IAM takes no others.",
        ),
        (
            {"policy": {"Version": "2012-10-17", "Statement": [STATEMENT, STATEMENT]}},
            "policy: velero has a policy with two statements of the Sid Velero. Give each a Sid of its own, or none.",
        ),
        (
            {"policy": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}},
            "policy: velero has a policy whose statement #1 has no Sid. "
            "Give it one: a statement is found again, replaced and removed by its Sid.",
        ),
        (
            {"absent_sids": ["Velero"]},
            "absent_sids: Velero is the Sid of a statement of policy too. Leave one of them out.",
        ),
        (
            {"policy": document("s3:GetObject", Principal="*")},
            "policy: velero has a policy whose statement Velero names a principal. "
            "Leave it out: the principal is the one that the policy is attached to.",
        ),
        (
            {"policy": document("s3:GetObject", Effect="allow")},
            "policy: velero has a policy whose statement Velero has the Effect allow. "
            "Write Allow or Deny, spelled like this.",
        ),
        (
            {"policy": document("s3:GetObject", NotAction="s3:*")},
            "policy: velero has a policy whose statement Velero has not exactly one of Action and NotAction. "
            "Give one of them.",
        ),
        (
            {"policy": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*"}}},
            "policy: velero has a policy whose statement #1 has not exactly one of Resource and NotResource. "
            "Give one of them.",
        ),
        (
            {"policy": document("x" * 6200)},
            "policy: velero would have a policy of 6301 characters, and IAM takes 6144. "
            "Use wildcards or fewer statements, or give this installation a policy of its own beside it "
            "(name; velero_policy_name of the roles).",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refusals(run: ModuleRunner, iam: Any, given: dict[str, Any], message: str, check: bool) -> None:
    said = run.refused(MODULE, check=check, **{"name": "velero", "policy": POLICY, **given})
    assert said == message or (message.endswith((" ", "(")) and said.startswith(message))
    assert policies(iam) == {}


def test_white_space_does_not_count(run: ModuleRunner) -> None:
    long = document("s3:GetObject", Condition={"StringEquals": {"s3:prefix": " " * 7000}})
    run.ok(MODULE, name="velero", policy=long)


@pytest.mark.parametrize("check", [True, False])
def test_name_in_another_spelling_is_said(run: ModuleRunner, aws: Aws, iam: Any, check: bool) -> None:
    run.ok(MODULE, name="Velero", path="/backup/", policy=POLICY)
    assert run.refused(MODULE, check=check, name="Velero", policy=POLICY) == (
        "path: Velero exists at /backup/, not at /. IAM cannot move it: give /backup/ (velero_role_path or "
        "velero_policy_path of the roles), or choose another name."
    )
    assert run.refused(MODULE, check=check, name="velero", policy=POLICY) == (
        "name: velero exists as Velero. IAM does not tell names apart by case: write Velero, or choose another name."
    )
    assert list(policies(iam)) == [f"arn:aws:iam::{ACCOUNT}:policy/backup/Velero"]


def test_name_at_another_path_that_may_not_be_looked_for(
    run: ModuleRunner, aws: Aws, iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    run.ok(MODULE, name="velero", path="/backup/", policy=POLICY)
    aws.proxy.deny("iam", "ListPolicies")
    assert run.refused(MODULE, name="velero", policy=POLICY) == (
        "iam:CreatePolicy failed: EntityAlreadyExists: The name is taken. "
        "Names are unique whatever the path: if it is not at /, give its path."
    )


# --- several installations share a policy


def installation(bucket: str, **values: Any) -> dict[str, Any]:
    """The options that the role velero_irsa gives."""
    defaults = {"account_id": ACCOUNT, "region": "us-east-1", "encryption_mode": "sse-s3"}
    profile = StorageProfile.parse({**defaults, "bucket": bucket, **values})
    absent = _documents.iam_policy_absent_sids(profile)
    return {"name": "velero", "policy": _documents.iam_policy(profile), "absent_sids": absent}


def by_sid(iam: Any, arn: str = ARN) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"]
    return {statement.get("Sid"): statement for statement in found}


KEYS = [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{digit * 8}-0000-0000-0000-000000000000" for digit in "12"]
FIRST, SECOND = (installation("first", prefix=prefix)["policy"] for prefix in ("", "a"))
THEIRS = {"Effect": "Allow", "Action": "ec2:DescribeVolumes", "Resource": "*"}


def test_installations_share_a_policy(run: ModuleRunner, iam: Any) -> None:
    """Each leaves the others' statements as they are, whatever its own become, and takes its own back."""
    before = {"Version": "2012-10-17", "Statement": [THEIRS, *FIRST["Statement"]]}
    iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps(before))
    first = by_sid(iam)
    for more in (
        {},
        {"encryption_mode": "sse-kms", "kms_key_arn": KEYS[0], "tagging": "a=b&c=d", "ebs_snapshots": True},
        {"encryption_mode": "sse-kms", "kms_key_arn": KEYS[1], "kms_previous_key_arns": [KEYS[0]]},
    ):
        wanted = installation("first", prefix="a", **more)
        plan = run.ok(MODULE, check=True, **wanted)
        result = run.ok(MODULE, **wanted)
        assert plan["diff"] == result["diff"]
        assert result["kept_statements"] == ["#1", *(statement["Sid"] for statement in FIRST["Statement"])]
        assert by_sid(iam) == {**first, **{statement["Sid"]: statement for statement in wanted["policy"]["Statement"]}}
        assert not run.ok(MODULE, **wanted)["changed"]
    assert run.ok(MODULE, **wanted, state="absent")["changed"]
    assert by_sid(iam) == first
    assert not run.ok(MODULE, **wanted, state="absent")["changed"]
    sids = [statement["Sid"] for statement in FIRST["Statement"]]
    assert run.ok(MODULE, name="velero", state="absent", sids=sids)["kept_statements"] == ["#1"]
    assert by_sid(iam) == {None: THEIRS}


@pytest.mark.parametrize("bucket", ["first", "second"])
def test_statements_of_an_earlier_version(run: ModuleRunner, iam: Any, bucket: str) -> None:
    """Those without digits in their Sids are ours only where they are for the same place."""
    old = installation("first", encryption_mode="sse-kms", kms_key_arn=KEYS[0], ebs_snapshots=True)
    for statement in old["policy"]["Statement"]:
        statement["Sid"] = statement["Sid"][:-8]
    iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps(old["policy"]))
    before, wanted = by_sid(iam), installation(bucket)
    run.ok(MODULE, **wanted)
    kept = before if bucket == "second" else {}
    assert by_sid(iam) == {**kept, **{statement["Sid"]: statement for statement in wanted["policy"]["Statement"]}}


def test_policy_that_has_no_room_for_one_more(run: ModuleRunner, iam: Any) -> None:
    theirs = document(*(f"s3:Get{number:0>100}" for number in range(50)), Sid="Theirs")
    iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps(theirs))
    before = policies(iam)
    for check in (True, False):
        assert run.refused(
            MODULE, check=check, name="velero", policy=document(*(f"s3:Put{number:0>100}" for number in range(20)))
        ).endswith(
            "characters, and IAM takes 6144. Use wildcards or fewer statements, or give this installation a policy of "
            "its own beside it (name; velero_policy_name of the roles)."
        )
    assert policies(iam) == before


@pytest.mark.parametrize("put_back", [[THEIRS], [THEIRS, *SECOND["Statement"]]], ids=["before", "theirs"])
def test_rival_that_takes_our_statements_back(
    run: ModuleRunner, iam: Any, monkeypatch: pytest.MonkeyPatch, put_back: list[Any]
) -> None:
    def put(statements: list[Any]) -> None:
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=text, SetAsDefault=True)

    iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [THEIRS]}))
    looked: list[Any] = []
    real = api.verify_write

    def rival(*arguments: Any, **options: Any) -> None:
        if not looked:
            put(put_back)
        looked.append(arguments)
        real(*arguments, **options)

    monkeypatch.setattr(api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0,))
    assert run.ok(MODULE, name="velero", policy=FIRST)["changed"]
    assert len(looked) == 2
    assert list(by_sid(iam).values()) == [*put_back, *FIRST["Statement"]]


def test_unreadable_state_is_not_an_empty_one(run: ModuleRunner, aws: Aws, iam: Any) -> None:
    aws.proxy.deny("iam", "GetPolicy")
    said = run.refused(MODULE, name="velero", policy=POLICY)
    assert "The credentials of this task need iam:GetPolicy there." in said
    assert policies(iam) == {}


@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
def test_one_new_version_whatever_happens_to_the_answer(run: ModuleRunner, aws: Aws, iam: Any, kind: Any) -> None:
    run.ok(MODULE, name="velero", policy=POLICY)
    aws.proxy.fault(1, kind, service="iam", operation="CreatePolicyVersion")
    assert run.ok(MODULE, name="velero", policy=document("s3:GetObject"))["changed"]
    assert set(policies(iam)[ARN]["versions"]) == {"v1", "v2"}
    assert policies(iam)[ARN]["versions"]["v2"] == document("s3:GetObject")


@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
def test_created_once_whatever_happens_to_the_answer(run: ModuleRunner, aws: Aws, iam: Any, kind: Any) -> None:
    aws.proxy.fault(1, kind, service="iam", operation="CreatePolicy")
    result = run.ok(MODULE, name="velero", policy=POLICY)
    assert result["changed"]
    assert result["default_version_id"] == "v1"
    assert list(policies(iam)) == [ARN]
