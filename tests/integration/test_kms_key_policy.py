# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kms_key_policy against moto."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._kms import policy_api
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle

MODULE = "kms_key_policy"
ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/moto"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
ROOT_SID = "Enable IAM User Permissions"

Document = dict[str, Any]


def use(**elements: Any) -> Document:
    return {
        "Sid": "VeleroUse",
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
        **elements,
    }


def root_statement() -> Document:
    return {"Sid": ROOT_SID, "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}


FOREIGN = {
    "Version": "2008-10-17",
    "Id": "key-consolepolicy-3",
    "Statement": [
        {"Action": "kms:*", "Resource": "*", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}},
        {
            "Sid": "Services",
            "Effect": "Allow",
            "Principal": {"Service": ["cloudtrail.amazonaws.com"]},
            "Action": ["kms:generatedatakey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": True}, "StringLike": {"aws:SourceArn": "${aws:username}"}},
        },
    ],
}


@pytest.fixture
def kms(aws: Aws) -> Any:
    create_role(aws, "velero")
    return aws.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName="alias/velero", TargetKeyId=arn)
    return arn


def create_role(aws: Aws, name: str) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))


def stored(kms: Any, key: str) -> Document:
    return dict(json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]))


def store(kms: Any, key: str, policy: Document) -> None:
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


def test_lifecycle(run: ModuleRunner, kms: Any, key: str) -> None:
    store(kms, key, FOREIGN)
    admin = use(Sid="Administrators", Principal={"AWS": CALLER}, Action="kms:Describe*")
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"key_id": key, "statements": [use(), admin]},
        modify={"key_id": key, "statements": [use(Action="kms:Decrypt"), admin]},
        delete={"key_id": key, "statements": [use()], "sids": ["Administrators", "Gone"], "state": "absent"},
        state=lambda: stored(kms, key),
    )
    assert created["diff"] == {"before": {}, "after": {"VeleroUse": use(), "Administrators": admin}}
    assert modified["diff"] == {"before": {"VeleroUse": use()}, "after": {"VeleroUse": use(Action="kms:Decrypt")}}
    assert set(deleted["diff"]["before"]) == {"VeleroUse", "Administrators"}
    assert deleted["diff"]["after"] == {}
    assert created["policy"] == {**FOREIGN, "Statement": [*FOREIGN["Statement"], use(), admin]}
    assert json.dumps(deleted["policy"]) == json.dumps(FOREIGN) == json.dumps(stored(kms, key))
    for result in (created, modified, deleted):
        assert result["kept_statements"] == ["#1", "Services"]
        assert result["orphaned_principals"] == []
        assert result["key_id"] == key


def test_same_meaning_is_no_change(run: ModuleRunner, kms: Any, key: str) -> None:
    """Not only the policy stays: the text of it does."""
    ours = use(Action=["kms:generatedatakey", "KMS:Decrypt", "kms:Decrypt"], Principal={"AWS": [ROLE]})
    store(kms, key, {**FOREIGN, "Statement": [ours, *FOREIGN["Statement"]]})
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    result = run.ok(MODULE, key_id=key, statements=[use()])
    assert not result["changed"]
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before


def test_purge(run: ModuleRunner, kms: Any, key: str) -> None:
    root = {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    result = run.ok(MODULE, key_id=key, statements=[root, use()], purge_statements=True)
    assert result["kept_statements"] == []
    assert set(result["diff"]["before"]) == {ROOT_SID}
    assert stored(kms, key)["Statement"] == [root, use()]
    assert not run.ok(MODULE, key_id=key, statements=[root, use()], purge_statements=True)["changed"]


@pytest.mark.parametrize(
    ("how", "calls"),
    [("arn", ["GetKeyPolicy"]), ("id", ["GetKeyPolicy"]), ("alias", ["DescribeKey", "GetKeyPolicy"])],
)
def test_requests(run: ModuleRunner, aws: Aws, key: str, how: str, calls: list[str]) -> None:
    key_id = {"arn": key, "id": key.rpartition("/")[2], "alias": "alias/velero"}[how]
    aws.proxy.clear()
    changed = run.ok(MODULE, key_id=key_id, statements=[use()])
    assert [call.operation for call in aws.proxy.requests] == [
        *calls,
        "GetCallerIdentity",
        "PutKeyPolicy",
        *calls,  # whether it is still there
    ]
    assert changed["key_id"] == (key_id if how == "id" else key)
    aws.proxy.clear()
    assert not run.ok(MODULE, key_id=key_id, statements=[use()])["changed"]
    assert [call.operation for call in aws.proxy.requests] == calls


@pytest.mark.parametrize(
    "key_id",
    [
        f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{PLACEHOLDER_KEY_ID}",
        PLACEHOLDER_KEY_ID,
        "alias/new",
        f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/new",
    ],
)
def test_key_that_is_yet_to_be_created(run: ModuleRunner, kms: Any, key_id: str) -> None:
    placeholder = run.ok(MODULE, check=True, key_id=key_id, statements=[use()])
    assert placeholder["changed"]
    assert placeholder["key_id"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{PLACEHOLDER_KEY_ID}"
    key = kms.create_key()["KeyMetadata"]["Arn"]
    real = run.ok(MODULE, key_id=key, statements=[use()])
    assert placeholder["diff"] == real["diff"]
    assert placeholder["kept_statements"] == real["kept_statements"] == [ROOT_SID]
    assert placeholder["policy"]["Statement"] == real["policy"]["Statement"]


@pytest.mark.parametrize(
    "options",
    [
        {"statements": [use()]},
        {"statements": [root_statement()], "purge_statements": True},
        {"state": "absent", "sids": ["VeleroUse"]},
    ],
)
@pytest.mark.parametrize("key_id", ["alias/new", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{PLACEHOLDER_KEY_ID}"])
def test_key_that_an_earlier_task_has_to_create(run: ModuleRunner, kms: Any, key_id: str, options: Document) -> None:
    """Also where nothing would be changed: a mistyped alias is no success."""
    assert run.ok(MODULE, check=True, key_id=key_id, **options)["changed"] is (options.get("statements") == [use()])
    assert run.refused(MODULE, key_id=key_id, **options) == (
        f"key_id: {key_id} does not exist. Create it first: coffer.velero.kms_key creates a key with its alias in "
        "us-east-1."
    )


def test_missing_key(run: ModuleRunner, kms: Any) -> None:
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    for check in (True, False):
        refused = run.refused(MODULE, check=check, key_id=arn, statements=[use()])
        assert refused == (
            f"key_id: {arn} does not exist. Give a key in us-east-1, or its alias with alias/; coffer.velero.kms_key "
            "creates one."
        )


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ({"statements": [use()]}, json.dumps([use()])),
        ({"state": "absent", "sids": ["VeleroUse"]}, "Remove the statements VeleroUse"),
    ],
)
def test_key_of_another_account(run: ModuleRunner, aws: Aws, kms: Any, options: Document, request_: str) -> None:
    arn = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    for check in (True, False):
        assert run.refused(MODULE, check=check, key_id=arn, **options) == (
            f"key_id: {arn} belongs to account 444455556666. KMS shows and changes a key policy to its own account "
            f"only, and {ACCOUNT} asks here: use credentials of 444455556666, or leave this task out and hand this to "
            f"the key's owner: {request_}"
        )


def test_predicted_key_of_another_account(run: ModuleRunner, kms: Any) -> None:
    arn = f"arn:aws:kms:us-east-1:444455556666:key/{PLACEHOLDER_KEY_ID}"
    assert "belongs to account 444455556666" in run.refused(MODULE, check=True, key_id=arn, statements=[use()])


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, kms: Any, key: str) -> None:
    aws.proxy.deny("kms", "GetKeyPolicy")
    refused = run.refused(MODULE, key_id=key, statements=[use()])
    assert refused.startswith("kms:GetKeyPolicy failed: AccessDenied")
    assert aws.proxy.count(operation="PutKeyPolicy") == 0


DENY_ALL = use(Sid="Lock", Effect="Deny", Principal="*", Action="kms:*", Condition={})
ONLY_CALLER = use(Principal={"AWS": CALLER}, Action="kms:*", Condition={})


@pytest.mark.parametrize(
    ("options", "might", "who", "reason"),
    [
        ({"statements": [DENY_ALL]}, "would", "the caller", "statement Lock of the new policy denies it"),
        (
            {"statements": [{**DENY_ALL, "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}]},
            "might",
            "the caller",
            "statement Lock of the new policy may deny it, which depends on aws:SourceVpce, which the identity of "
            "the caller does not tell",
        ),
        (
            {"statements": [ONLY_CALLER], "purge_statements": True},
            "would",
            "the account root",
            "no statement of the new policy allows it",
        ),
        (
            {"state": "absent", "sids": [ROOT_SID], "statements": []},
            "would",
            "the caller",
            "no statement of the new policy allows it",
        ),
    ],
)
def test_lockout(  # pylint: disable=too-many-positional-arguments
    run: ModuleRunner, kms: Any, key: str, options: Document, might: str, who: str, reason: str
) -> None:
    store(kms, key, {"Version": "2012-10-17", "Statement": [root_statement(), use()]})
    for check in (True, False):
        assert run.refused(MODULE, check=check, key_id=key, **options) == (
            f"statements: the policy of {key} {might} no longer let {who} call kms:PutKeyPolicy: {reason}. Keep {who} "
            "allowed, or set bypass_policy_lockout_safety_check=true if somebody else is to manage the policy."
        )
    assert stored(kms, key)["Statement"] == [root_statement(), use()]
    assert run.ok(MODULE, key_id=key, bypass_policy_lockout_safety_check=True, **options)["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state is present but all of the following are missing: statements"),
        ({"state": "absent", "purge_statements": True}, "purge_statements: true contradicts state=absent."),
        ({"statements": [use(Sid="")]}, "statements: #1 has no Sid. Give it one: a statement is found again,"),
        (
            {"statements": [], "purge_statements": True},
            "would have no statement left in its policy. A key policy needs",
        ),
        (
            {"statements": [use(Action=[f"kms:{number:05}" for number in range(3000)])]},
            "bytes where AWS takes 32768. Put several principals, actions or conditions into one statement",
        ),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, kms: Any, key: str, options: Document, message: str) -> None:
    before = stored(kms, key)
    aws.proxy.clear()
    for check in (True, False):
        assert message in run.refused(MODULE, check=check, key_id=key, **options)
    assert stored(kms, key) == before
    assert aws.proxy.count(operation="PutKeyPolicy") == 0


def test_policy_variable_in_an_old_policy(run: ModuleRunner, kms: Any, key: str) -> None:
    # Also where it stands there already and nothing is to be changed.
    variable = use(Condition={"StringLike": {"kms:EncryptionContext:user": "${aws:username}"}})
    for policy in (FOREIGN, {**FOREIGN, "Statement": [*FOREIGN["Statement"], variable]}):
        store(kms, key, policy)
        refused = run.refused(MODULE, key_id=key, statements=[variable])
        assert "VeleroUse uses a policy variable, which is plain text in this document of Version 2008-10" in refused


@pytest.mark.parametrize(("policy", "message"), [("{", "is not valid JSON"), ("{}", "has a policy without Statement")])
def test_policy_that_cannot_be_read(
    run: ModuleRunner, kms: Any, key: str, monkeypatch: pytest.MonkeyPatch, policy: str, message: str
) -> None:
    monkeypatch.setattr(policy_api.KeyPolicyResource, "_policy", lambda *_: policy)
    assert message in run.refused(MODULE, key_id=key, statements=[use()])


# --- principals


def test_a_rival_that_puts_back_what_was_there(
    run: ModuleRunner, kms: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, before, puts = policy_api.verify_write, stored(kms, key), []

    def rival(*arguments: Any, **options: Any) -> None:
        if len(puts) < times:
            store(kms, key, before)
        puts.append(arguments)
        real(*arguments, **options)

    monkeypatch.setattr(policy_api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0, 0))
    times = 2
    assert run.ok(MODULE, key_id=key, statements=[use()])["changed"]
    assert len(puts) == 3
    assert stored(kms, key)["Statement"] == [root_statement(), use()]
    store(kms, key, before)
    puts.clear()
    times = 99
    assert run.refused(MODULE, key_id=key, statements=[use()]) == (
        "kms:PutKeyPolicy failed: ConcurrentModification: Somebody else keeps replacing the policy, and takes back "
        "what this task puts in. Find out who, and run the task again when that has ended."
    )
    assert len(puts) == 3


def test_new_role_is_waited_for(run: ModuleRunner, aws: Aws, kms: Any, key: str) -> None:
    late = use(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/late"})
    timer = threading.Timer(0.5, create_role, (aws, "late"))
    timer.start()
    aws.proxy.clear()
    assert run.ok(MODULE, key_id=key, statements=[late])["changed"]
    timer.join()
    puts = [call.status for call in aws.proxy.requests if call.operation == "PutKeyPolicy"]
    assert puts in ([400, 200], [400, 400, 200])
    assert aws.proxy.count(operation="GetKeyPolicy") == 1 + len(puts), "a policy that was waited with may be outdated"
    assert stored(kms, key)["Statement"][1] == late


def test_role_that_never_comes(run: ModuleRunner, aws: Aws, kms: Any, key: str) -> None:
    missing = use(Principal={"AWS": [f"arn:aws:iam::{ACCOUNT}:role/missing", ROLE, ROOT]})
    refused = run.refused(MODULE, key_id=key, statements=[missing], principal_timeout=1)
    assert refused == (
        f"statements: a policy that names arn:aws:iam::{ACCOUNT}:role/missing, {ROLE} cannot be set: KMS still says "
        "after 1 s that a principal does not exist. Create the roles and users first, correct their names, or set a "
        "longer principal_timeout."
    )
    assert aws.proxy.count(operation="PutKeyPolicy") == 2
    assert run.ok(MODULE, check=True, key_id=key, statements=[missing])["changed"]


def orphaned(kms: Any, key: str, sid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the role of a statement be deleted; moto would not take the id that AWS then puts in its place."""
    broken = use(Sid=sid, Principal={"AWS": "AROADBQP57FF2AEXAMPLE"})
    text = json.dumps({"Version": "2012-10-17", "Statement": [root_statement(), broken]})
    real, before = policy_api.KeyPolicyResource._policy, stored(kms, key)

    def until_it_is_written(*arguments: Any) -> str:
        written = real(*arguments)
        return text if json.loads(written) == before else written

    monkeypatch.setattr(policy_api.KeyPolicyResource, "_policy", until_it_is_written)


def test_deleted_principal_of_ours_is_repaired(
    run: ModuleRunner, kms: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphaned(kms, key, "VeleroUse", monkeypatch)
    result = run.ok(MODULE, key_id=key, statements=[use()])
    assert result["diff"]["before"]["VeleroUse"]["Principal"] == {"AWS": "AROADBQP57FF2AEXAMPLE"}
    assert result["diff"]["after"]["VeleroUse"]["Principal"] == {"AWS": ROLE}
    assert result["orphaned_principals"] == []
    assert result["warnings"] == []
    assert stored(kms, key)["Statement"] == [root_statement(), use()]


def test_deleted_principal_of_others(
    run: ModuleRunner, aws: Aws, kms: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphaned(kms, key, "Theirs", monkeypatch)
    result = run.ok(MODULE, key_id=key, state="absent", sids=["Gone"])
    assert not result["changed"]
    assert result["orphaned_principals"] == [{"sid": "Theirs", "principal": "AROADBQP57FF2AEXAMPLE"}]
    assert result["warnings"] == [
        f"{key}: statement Theirs names AROADBQP57FF2AEXAMPLE, a role or user that was deleted. It lets nobody in, "
        "also not a new one of the same name, and AWS takes no change of the policy while it is there: correct or "
        "remove the statement."
    ]
    for check in (True, False):
        assert run.refused(MODULE, check=check, key_id=key, statements=[use()]) == (
            f"key_id: {key} has a policy that AWS refuses for principals that were deleted: AROADBQP57FF2AEXAMPLE in "
            "statement Theirs. Correct these statements, remove them with state=absent and sids, or set "
            "purge_statements=true."
        )
    assert aws.proxy.count(operation="PutKeyPolicy") == 0, "no waiting for somebody who cannot come back"
    removed = run.ok(MODULE, key_id=key, state="absent", sids=["Theirs"])
    assert removed["orphaned_principals"] == []
