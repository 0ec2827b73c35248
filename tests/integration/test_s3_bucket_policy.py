# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""s3_bucket_policy against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle

MODULE = "s3_bucket_policy"
BUCKET = "velero-backups"
ARN = f"arn:aws:s3:::{BUCKET}"
ACCOUNT = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/moto"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SSE = "s3:x-amz-server-side-encryption"
KEY_ID = f"{SSE}-aws-kms-key-id"

Document = dict[str, Any]


def deny(sid: str = "DenyOtherKey", **elements: Any) -> Document:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{ARN}/*",
        "Condition": {"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}},
        **elements,
    }


INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
FOREIGN = {
    "Version": "2008-10-17",
    "Id": "Policy1415115909152",
    "Statement": [
        {
            "Sid": "S3PolicyStmt-DO-NOT-MODIFY-1429136655940",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": ["s3:PutObject"],
            "Resource": [f"{ARN}/inventory/*"],
            "Condition": {
                "StringEquals": {"aws:SourceAccount": [ACCOUNT], "s3:x-amz-acl": "bucket-owner-full-control"}
            },
        },
        {"Effect": "Deny", "NotPrincipal": {"AWS": ACCOUNT}, "NotAction": "s3:Get*", "Resource": [f"{ARN}/*", ARN]},
    ],
}


@pytest.fixture
def s3(aws: Aws) -> Any:
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def stored(s3: Any) -> Document | None:
    try:
        return dict(json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchBucketPolicy"  # noqa: PT017
        return None


def store(s3: Any, *statements: Document, **elements: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": list(statements), **elements}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def test_lifecycle(run: ModuleRunner, s3: Any) -> None:
    tls = deny("Tls", Action="s3:*", Condition=INSECURE)
    other = deny(Condition={"Null": {SSE: False}, "StringNotEquals": {SSE: "aws:kms"}})
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"bucket": BUCKET, "statements": [tls, deny()]},
        modify={"bucket": BUCKET, "statements": [other, tls]},
        delete={"bucket": BUCKET, "statements": [tls], "sids": ["DenyOtherKey"], "state": "absent"},
        state=lambda: stored(s3),
    )
    assert created["diff"] == {"before": {}, "after": {"Tls": tls, "DenyOtherKey": deny()}}
    assert modified["diff"] == {"before": {"DenyOtherKey": deny()}, "after": {"DenyOtherKey": other}}
    assert deleted["diff"] == {"before": {"Tls": tls, "DenyOtherKey": other}, "after": {}}
    assert created["policy"] == {"Version": "2012-10-17", "Statement": [tls, deny()]}
    assert deleted["policy"] is None
    assert stored(s3) is None
    assert [result["kept_statements"] for result in (created, modified, deleted)] == [[], [], []]


def test_foreign_statements_are_kept(run: ModuleRunner, s3: Any) -> None:
    store(s3, **FOREIGN)
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"bucket": BUCKET, "statements": [deny()], "expected_bucket_owner": ACCOUNT},
        modify={"bucket": BUCKET, "statements": [deny(Resource=f"{ARN}/velero/*")]},
        delete={"bucket": BUCKET, "sids": ["DenyOtherKey"], "state": "absent"},
        state=lambda: stored(s3),
    )
    assert created["policy"] == {**FOREIGN, "Statement": [*FOREIGN["Statement"], deny()]}
    assert deleted["policy"] == FOREIGN
    assert json.dumps((stored(s3) or {})["Statement"]) == json.dumps(FOREIGN["Statement"]), "to the letter"
    for result in (created, modified, deleted):
        assert result["kept_statements"] == ["S3PolicyStmt-DO-NOT-MODIFY-1429136655940", "#2"]
        assert result["warnings"] == []


def test_same_meaning_is_no_change(run: ModuleRunner, s3: Any) -> None:
    condition = {"stringnotequals": {KEY_ID.upper(): [KEY]}, "null": {KEY_ID: False}}
    store(s3, deny(Principal={"AWS": ["*"]}, Action=["S3:putobject"], Condition=condition))
    before = stored(s3)
    assert not run.ok(MODULE, bucket=BUCKET, statements=[deny()])["changed"]
    assert stored(s3) == before


def test_purge(run: ModuleRunner, s3: Any) -> None:
    store(s3, **FOREIGN)
    result = run.ok(MODULE, bucket=BUCKET, statements=[deny()], purge_statements=True)
    assert set(result["diff"]["before"]) == {"S3PolicyStmt-DO-NOT-MODIFY-1429136655940", "#2"}
    assert stored(s3) == {**FOREIGN, "Statement": [deny()]}
    assert run.ok(MODULE, bucket=BUCKET, statements=[], purge_statements=True)["policy"] is None
    assert stored(s3) is None


def test_requests(run: ModuleRunner, aws: Aws, s3: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, bucket=BUCKET, **options)
        return [call.operation for call in aws.proxy.requests]

    assert calls(state="absent", sids=["DenyOtherKey"]) == ["GetBucketPolicy"]
    assert calls(statements=[deny()]) == [
        "GetBucketPolicy",
        "GetCallerIdentity",
        "PutBucketPolicy",
        "GetBucketPolicy",  # whether it is still there
    ]
    assert calls(statements=[deny()]) == ["GetBucketPolicy"]
    assert calls(state="absent", sids=["DenyOtherKey"]) == [
        "GetBucketPolicy",
        "DeleteBucketPolicy",
        "GetBucketPolicy",
    ]


def test_bucket_that_is_yet_to_be_created(run: ModuleRunner, aws: Aws) -> None:
    placeholder = run.ok(MODULE, check=True, bucket=BUCKET, statements=[deny()])
    assert placeholder["changed"]
    failed = run.refused(MODULE, bucket=BUCKET, statements=[deny()])
    assert failed.startswith("s3:PutBucketPolicy failed: NoSuchBucket: ")
    assert failed.endswith("Create it first, as coffer.velero.s3_bucket does, or correct the option bucket.")
    assert not run.ok(MODULE, bucket=BUCKET, state="absent", sids=["DenyOtherKey"])["changed"]
    aws.client("s3").create_bucket(Bucket=BUCKET)
    real = run.ok(MODULE, bucket=BUCKET, statements=[deny()])
    assert {**placeholder, "invocation": None} == {**real, "invocation": None}


def test_bucket_of_another_account(run: ModuleRunner, s3: Any) -> None:
    failed = run.refused(MODULE, bucket=BUCKET, statements=[deny()], expected_bucket_owner="444455556666")
    assert failed == (
        "s3:GetBucketPolicy failed: AccessDenied: Access Denied The credentials of this task need s3:GetBucketPolicy "
        "there. Or the bucket does not belong to account 444455556666: bucket names are global, so correct the option "
        "bucket, or expected_bucket_owner."
    )
    assert stored(s3) is None


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, s3: Any) -> None:
    store(s3, **FOREIGN)
    aws.proxy.deny("s3", "GetBucketPolicy")
    assert "s3:GetBucketPolicy failed: AccessDenied" in run.refused(MODULE, bucket=BUCKET, statements=[deny()])
    assert stored(s3) == FOREIGN


def test_caller_does_not_lock_itself_out(run: ModuleRunner, s3: Any) -> None:
    everything = deny(Action="s3:*", Resource=[ARN, f"{ARN}/*"], Condition={})
    for check in (True, False):
        assert run.refused(MODULE, check=check, bucket=BUCKET, statements=[everything]) == (
            f"statements: the policy of {ARN} would no longer let the caller call s3:PutBucketPolicy: statement "
            "DenyOtherKey of the new policy denies it. Keep the caller allowed, or set "
            "confirm_remove_self_bucket_access=true if somebody else is to manage the policy."
        )
    assert stored(s3) is None
    vpc = {**everything, "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}
    for check in (True, False):
        assert run.refused(MODULE, check=check, bucket=BUCKET, statements=[vpc]) == (
            f"statements: the policy of {ARN} might no longer let the caller call s3:PutBucketPolicy: statement "
            "DenyOtherKey of the new policy may deny it, which depends on aws:SourceVpce, which the identity of the "
            "caller does not tell. Keep the caller allowed, or set confirm_remove_self_bucket_access=true if somebody "
            "else is to manage the policy."
        )
    assert stored(s3) is None
    assert run.ok(MODULE, bucket=BUCKET, statements=[everything], confirm_remove_self_bucket_access=True)["changed"]


def test_path_of_the_callers_role_decides(run: ModuleRunner, aws: Aws, s3: Any) -> None:
    """aws:PrincipalArn has the path of the role, which the ARN of a session does not tell: IAM is asked for it."""
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = aws.client("iam").create_role(RoleName="admin", Path="/team/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    session = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="deploy")["Credentials"]
    names = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "session_token": "SessionToken"}
    options: Document = {option: session[name] for option, name in names.items()} | {"bucket": BUCKET}

    def deny_all_but(arn: str) -> Document:
        everything = deny(Action="s3:*", Resource=[ARN, f"{ARN}/*"])
        return {**everything, "Condition": {"StringNotEquals": {"aws:PrincipalArn": arn}}}

    wrong = role.replace("/team", "")
    head = "no longer let the caller call s3:PutBucketPolicy: statement DenyOtherKey of the new policy"
    assert f"would {head} denies it." in run.refused(MODULE, statements=[deny_all_but(wrong)], **options)
    assert run.ok(MODULE, check=True, statements=[deny_all_but(role)], **options)["changed"]
    aws.proxy.deny("iam", "GetRole")
    refused = run.refused(MODULE, statements=[deny_all_but(role)], **options)
    assert f"might {head} may deny it, which depends on aws:PrincipalArn" in refused
    assert stored(s3) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {SSE: "aws:kms"}},
        {"StringNotEquals": {KEY_ID: KEY}},
        {"StringNotEqualsIfExists": {KEY_ID: KEY}},
        {"Null": {SSE: "true"}},
        {"Null": {f"{SSE}-customer-algorithm": True}},
    ],
)
def test_demanding_a_header(run: ModuleRunner, s3: Any, condition: Document) -> None:
    """Refused where it would be ours, told of where it is foreign."""
    demand = deny(Condition=condition)
    assert "statements: DenyOtherKey denies writes that carry no encryption header (" in run.refused(
        MODULE, bucket=BUCKET, statements=[demand]
    )
    store(s3, demand)
    for check in (True, False):
        result = run.ok(MODULE, check=check, bucket=BUCKET, statements=[deny("Ours")])
        assert [warning.partition(" (")[0] for warning in result["warnings"]] == [
            f"{BUCKET}: the unmanaged statement DenyOtherKey denies writes that carry no encryption header"
        ]


@pytest.mark.parametrize("check", [True, False])
def test_looking_at_the_policy_of_somebody_else(run: ModuleRunner, aws: Aws, s3: Any, check: bool) -> None:
    """No statement of one's own: one request that reads, and a refusal where kopia could not write."""
    role = f"arn:aws:iam::{ACCOUNT}:role/velero"
    options = {"bucket": BUCKET, "statements": [], "prefix": "/production/", "role_arns": [role]}

    def look() -> Document:
        aws.proxy.clear()
        result = run(MODULE, check=check, **options)
        assert [call.operation for call in aws.proxy.requests] == ["GetBucketPolicy"]
        assert not result.get("changed")
        return result

    assert look()["policy"] is None
    store(s3, **FOREIGN)
    assert look()["msg"] == (
        f"bucket: {BUCKET} has the unmanaged statement #2, which denies {role} its writes and lists. Except the role, "
        "or change what the statement denies, where it is managed."
    )
    store(s3, deny("Theirs", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}))
    assert look()["warnings"] == [
        f"{BUCKET}: the unmanaged statement Theirs may deny {role} its writes. It depends on aws:SourceVpce, which is "
        "not known here."
    ]
    store(s3, deny("Theirs", Resource=f"{ARN}/logs/*", Condition={"Null": {SSE: "true"}}))
    assert look()["warnings"] == []
    store(s3, deny("Theirs", Condition={"Null": {SSE: "true"}}))
    assert look()["msg"] == (
        f"bucket: {BUCKET} has the unmanaged statement Theirs, which denies {role} writes that carry no encryption "
        f"header (null {SSE}), and kopia sends none. Deny a wrong header, not a missing one: a negated operator "
        f'together with "Null": {{"{SSE}": "false"}} (IfExists does not help in a Deny), or except the role. Change it '
        "where the statement is managed. Or set uses_kopia=false (velero_uses_kopia) if no backup of this cluster is "
        "to be a file system backup or to move data: these would fail."
    )
    options["uses_kopia"] = False
    assert len(look()["warnings"]) == 1
    options["role_arns"] = ["velero"]
    message = "role_arns: velero is not the ARN of a role. Give the ARN of a role, like "
    assert run.refused(MODULE, check=check, **options).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state is present but all of the following are missing: statements"),
        ({"statements": [deny()], "sids": ["A"]}, "sids: A contradicts state=present."),
        ({"statements": [deny(Sid="")]}, "statements: #1 has no Sid."),
        (
            {"statements": [deny(Resource="arn:aws:s3:::other/*")]},
            "statements: DenyOtherKey speaks of arn:aws:s3:::other/*, which is not of this bucket. S3 takes "
            f"statements about the bucket itself only: {ARN} and {ARN}/*.",
        ),
        (
            {"statements": [deny(Resource=[f"{ARN}/{number:05}" for number in range(900)])]},
            f"statements: {BUCKET} would have a policy of ",
        ),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, s3: Any, options: Document, message: str) -> None:
    aws.proxy.clear()
    for check in (True, False):
        assert message in run.refused(MODULE, check=check, bucket=BUCKET, **options)
    assert stored(s3) is None
    assert aws.proxy.count(operation="PutBucketPolicy") == 0


def test_policy_variable_in_an_old_policy(run: ModuleRunner, s3: Any) -> None:
    store(s3, **FOREIGN)
    refused = run.refused(MODULE, bucket=BUCKET, statements=[deny(Resource=f"{ARN}/${{aws:username}}/*")])
    assert "DenyOtherKey uses a policy variable, which is plain text in this document of Version 2008-10-17." in refused


@pytest.mark.parametrize("check", [True, False])
def test_deleted_principal_of_others(run: ModuleRunner, s3: Any, check: bool) -> None:
    """moto takes the id that AWS puts in the place of a deleted role, and AWS does not: it is refused before."""
    orphan = deny("Theirs", Principal={"AWS": "AROADBQP57FF2AEXAMPLE"})
    store(s3, orphan)
    assert run.refused(MODULE, check=check, bucket=BUCKET, statements=[deny()]) == (
        f"bucket: {BUCKET} has a policy that AWS refuses for principals that were deleted: "
        "AROADBQP57FF2AEXAMPLE in statement Theirs. Correct these statements, remove them with state=absent and sids, "
        "or set purge_statements=true."
    )
    assert stored(s3) == {"Version": "2012-10-17", "Statement": [orphan]}
    result = run.ok(MODULE, check=check, bucket=BUCKET, state="absent", sids=["Ours"])
    assert not result["changed"]
    assert result["orphaned_principals"] == [{"sid": "Theirs", "principal": "AROADBQP57FF2AEXAMPLE"}]
    assert result["warnings"][0].startswith(f"{BUCKET}: statement Theirs names AROADBQP57FF2AEXAMPLE, a role or user")
    assert run.ok(MODULE, check=check, bucket=BUCKET, statements=[deny("Theirs")])["changed"], "corrected"
