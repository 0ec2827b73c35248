# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared policy documents: what is refused, what means the same, what a merge leaves, who is locked out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _policy as policy
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference
from tests.support.refusal import refusal

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Document = dict[str, Any]


def allow(**elements: Any) -> Document:
    return {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", **elements}


def deny(**elements: Any) -> Document:
    return allow(Effect="Deny", **elements)


def document(*statements: Document, **elements: Any) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements), **elements}


# --- parse


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "has a policy that is not valid JSON (Expecting property name"),
        ("", "has a policy that is not valid JSON (Expecting value"),
        ("[]", "has a policy that is not a JSON object"),
        ('{"Version": "2012-10-17"}', "has a policy without Statement"),
        ('{"Statement": ["Allow"]}', "has a policy whose statement #1 is not a JSON object"),
        ('{"Statement": [{"Effect": "Deny"}, {}]}', "has a policy whose statement #2 has no Effect"),
        ('{"Statement": {"Sid": "A", "Action": "s3:*"}}', "has a policy whose statement A has no Effect"),
        ('{"Statement": {"Effect": "Deny", "Effect": "Allow"}}', "not valid JSON (Effect is given twice)"),
        (
            '{"Statement": {"Effect": "Deny", "Condition": []}}',
            "has a policy whose statement #1 has a malformed Condition",
        ),
        ({"Statement": {"Effect": "Deny", "Condition": {"Null": "x"}}}, "statement #1 has a malformed Condition"),
        ({"Statement": {"Sid": "A", "Effect": "Deny", "Action": {}}}, "statement A has a malformed Action"),
        ({"Statement": {"Sid": "A", "Effect": "Deny", "NotAction": 7}}, "statement A has a malformed NotAction"),
        ({"Statement": {"Effect": "Deny", "Resource": [None]}}, "statement #1 has a malformed Resource"),
    ],
)
def test_parse_refuses(given: Any, message: str) -> None:
    text = refusal(policy.parse, given, option="key_id", resource=KEY)
    assert text.startswith(f"key_id: {KEY} has a policy ")
    assert message in text
    assert text.endswith("Correct the document first: nothing can be merged into it as it is.")


def test_parse_changes_nothing() -> None:
    written = document(allow(Sid="A"), {"Effect": "Deny"}, Id="x")
    assert policy.parse(json.dumps(written), option="o", resource="s") == written
    assert policy.parse(written, option="o", resource="s") is written


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("Allow", "#1 is not a statement. Give a mapping"),
        (allow(), "#1 has no Sid. Give it one"),
        (allow(Sid=""), "#1 has no Sid"),
        (allow(Sid=" über"), " über is not a Sid. Give printable"),
        (allow(Sid="#3"), "#3 is not a Sid"),
        (allow(Sid="two\nlines"), "two\nlines is not a Sid"),
        (allow(Sid=7), "7 is not a Sid"),
        (allow(Sid="A", Effect="allow"), "A has no Effect of Allow or Deny"),
        ({"Sid": "A", "Principal": "*", "Action": "*", "Resource": "*"}, "A has no Effect of Allow or Deny"),
        (allow(Sid="A", Actions="kms:*"), "A has Actions, which AWS does not know. Elements are Sid, Effect,"),
        (allow(Sid="A", NotAction="kms:*"), "A has both Action and NotAction. Give exactly one"),
        (allow(Sid="A", NotPrincipal="*"), "A has both Principal and NotPrincipal"),
        ({"Sid": "A", "Effect": "Deny", "Principal": "*", "Action": "*"}, "A has neither Resource nor NotResource"),
        ({"Sid": "A", "Effect": "Deny", "Action": "*", "Resource": "*"}, "A has neither Principal nor NotPrincipal"),
        (allow(Sid="A", Condition={"Null": "true"}), "A has a malformed Condition"),
        (allow(Sid="A", Principal={"AWS": 111122223333}), "A has a principal that is not text. Put account ids"),
        (allow(Sid="A", Principal=111122223333), "A has a principal that is not text"),
        (allow(Sid="A", Principal={}), "A has a malformed Principal. Write '*', or"),
        (allow(Sid="A", Principal={"AWS": []}), "A has a malformed Principal"),
        *(
            (allow(Sid="A", Action=wrong), "A has a malformed Action. Write the name of an action")
            for wrong in (None, "", [], {}, 7, ["kms:Decrypt", None], [["kms:Decrypt"]], {"kms:Decrypt": None})
        ),
        (allow(Sid="A", Resource=None), "A has a malformed Resource. Write an ARN"),
        (allow(Sid="A", Condition={"StringEquals": {"a": {"b": "c"}}}), "A has a malformed Condition"),
    ],
)
def test_wanted_statement_refused(statement: Any, message: str) -> None:
    assert f"statements: {message}" in refusal(policy.desired_statements, [statement])


@pytest.mark.parametrize(
    "sid", ["Allow_CloudWatch_for_CMK", "__owner", "Allow_Velero.prod", "Allow use of the key", "S3-Console", "über"]
)
def test_sids_that_aws_takes(sid: str) -> None:
    assert policy.desired_statements([allow(Sid=sid)]) == [allow(Sid=sid)]


def test_wanted_sids_are_unique() -> None:
    assert refusal(policy.desired_statements, [allow(Sid="A"), allow(Sid="B"), allow(Sid="A")]) == (
        "statements: A is the Sid of more than one statement. Give each statement a Sid of its own: it is owned by "
        "that name."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sids": ["A", "B"]}, "sids: A, B contradicts state=present."),
        ({"state": "absent", "purge_statements": True}, "purge_statements: true contradicts state=absent."),
        ({"state": "absent", "statements": [allow()]}, "statements: #1 has no Sid."),
    ],
)
def test_options_that_contradict(options: Document, message: str) -> None:
    defaults = {"statements": None, "sids": None, "state": "present", "purge_statements": False, "replace_sids": []}
    assert message in refusal(policy.Desired.of, {**defaults, **options})


def test_absent_by_statement_and_by_sid() -> None:
    params = {
        "statements": [allow(Sid="A")],
        "sids": ["B"],
        "state": "absent",
        "purge_statements": False,
        "replace_sids": [],
    }
    assert policy.Desired.of(params) == policy.Desired(absent_sids=("A", "B"), absent_statements=[allow(Sid="A")])


# --- compare


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"Action": "kms:Decrypt"}, {"Action": ["kms:Decrypt"]}, id="one is a list of one"),
        pytest.param({"Action": ["a:B", "a:C"]}, {"Action": ["a:C", "a:B"]}, id="order of actions"),
        pytest.param({"Action": ["a:B", "a:B"]}, {"Action": "a:B"}, id="repeated action"),
        pytest.param({"Action": "KMS:decrypt"}, {"Action": "kms:Decrypt"}, id="case of an action"),
        pytest.param({"NotAction": "KMS:decrypt"}, {"NotAction": ["kms:Decrypt"]}, id="case of a not-action"),
        pytest.param({"Resource": ["b", "a"]}, {"Resource": ["a", "b", "a"]}, id="resources"),
        pytest.param({"Principal": "*"}, {"Principal": {"AWS": "*"}}, id="everybody"),
        pytest.param({"Principal": "*"}, {"Principal": {"AWS": ["*"]}}, id="everybody in a list"),
        pytest.param({"Principal": {"AWS": ACCOUNT}}, {"Principal": {"AWS": ROOT}}, id="account is its root"),
        pytest.param({"NotPrincipal": {"AWS": [ACCOUNT]}}, {"NotPrincipal": {"AWS": ROOT}}, id="not the account"),
        pytest.param({"Sid": ""}, {}, id="empty Sid"),
        pytest.param({"Condition": {}}, {}, id="no condition"),
        pytest.param({"Condition": {"StringEquals": {}}}, {}, id="no key"),
        pytest.param({"Condition": {"Bool": {"k": True}}}, {"Condition": {"Bool": {"k": "true"}}}, id="boolean"),
        pytest.param({"Condition": {"Null": {"k": False}}}, {"Condition": {"Null": {"k": ["False"]}}}, id="Null"),
        pytest.param(
            {"Condition": {"BoolIfExists": {"k": "True"}}}, {"Condition": {"BoolIfExists": {"k": True}}}, id="IfExists"
        ),
        pytest.param(
            {"Condition": {"ForAllValues:Bool": {"k": "True"}}},
            {"Condition": {"ForAllValues:Bool": {"k": ["true"]}}},
            id="every boolean",
        ),
        pytest.param(
            {"Condition": {"StringEqualsIgnoreCaseIfExists": {"k": "Ab"}}},
            {"Condition": {"StringEqualsIgnoreCaseIfExists": {"k": "aB"}}},
            id="case where it means nothing",
        ),
        pytest.param(
            {"Condition": {"NumericEquals": {"k": "1.0"}}}, {"Condition": {"NumericEquals": {"k": 1}}}, id="decimals"
        ),
        pytest.param(
            {"Condition": {"NotIpAddress": {"k": "10.1.2.3"}}},
            {"Condition": {"NotIpAddress": {"k": ["10.1.2.3/32"]}}},
            id="one address",
        ),
        pytest.param(
            {"Condition": {"NumericLessThan": {"k": 10}}}, {"Condition": {"NumericLessThan": {"k": "10"}}}, id="number"
        ),
        pytest.param(
            {"Condition": {"stringequals": {"AWS:SourceIp": ["b", "a"]}}},
            {"Condition": {"StringEquals": {"aws:sourceip": ["a", "b"]}}},
            id="case of operator and key",
        ),
    ],
)
def test_same_meaning(one: Document, other: Document) -> None:
    assert policy.same_statement(one, other, partition="aws")
    assert policy.same_document(
        document({"Effect": "Deny", **one}),
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", **other}},
        partition="aws",
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Action": "a:B"}, {"NotAction": "a:B"}),
        ({"Resource": "a"}, {"NotResource": "a"}),
        ({"Principal": "*"}, {"NotPrincipal": "*"}),
        ({"Principal": "*"}, {"Principal": {"Service": "*"}}),
        ({"Principal": {"Service": ACCOUNT}}, {"Principal": {"Service": ROOT}}),
        ({"Principal": {"AWS": ROOT}}, {"Principal": {"AWS": ROOT.replace("aws", "aws-cn")}}),
        ({"Principal": {"AWS": ADMIN}}, {"Principal": {"AWS": "AROADBQP57FF2AEXAMPLE"}}),
        ({"Resource": "a"}, {"Resource": "A"}),
        ({"Sid": "a"}, {"Sid": "A"}),
        ({"Condition": {"StringEquals": {"k": "a"}}}, {"Condition": {"StringEquals": {"k": "A"}}}),
        ({"Condition": {"StringEquals": {"k": "a"}}}, {"Condition": {"StringLike": {"k": "a"}}}),
        ({"Condition": {"StringEquals": {"k": "a"}}}, {"Condition": {"StringEqualsIfExists": {"k": "a"}}}),
        ({"Condition": {"StringEquals": {"k": "a"}}}, {}),
        ({"Condition": {"StringEquals": {"k": None}}}, {"Condition": {"StringEquals": {"k": "null"}}}),
        ({"Condition": {"Null": {"k": None}}}, {"Condition": {"Null": {"k": "null"}}}),
        ({"Condition": {"StringEquals": {"k": "True"}}}, {"Condition": {"StringEquals": {"k": True}}}),
        ({"Condition": {"NumericEquals": {"k": "1x"}}}, {"Condition": {"NumericEquals": {"k": "1"}}}),
        ({"Effect": "Allow"}, {"Effect": "Deny"}),
        ({"Action": "a:B"}, {"Action": "a:*"}),
    ],
)
def test_other_meaning(one: Document, other: Document) -> None:
    assert not policy.same_statement(one, other, partition="aws")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_account_is_its_root_in_every_partition(partition: str) -> None:
    by_id = {"Principal": {"AWS": ACCOUNT}}
    by_root = {"Principal": {"AWS": f"arn:{partition}:iam::{ACCOUNT}:root"}}
    assert policy.same_statement(by_id, by_root, partition=partition)


def test_documents() -> None:
    one, two = allow(Sid="A"), deny(Sid="B")

    def same(first: Document, second: Document) -> bool:
        return policy.same_document(first, second, partition="aws")

    assert same(document(one, two), document(two, one, one))
    assert same(document(one, Id="x"), document(one))
    assert same({"Statement": one}, document(one, Version="2008-10-17"))
    assert not same({"Statement": one}, document(one))
    assert not same(document(one), document(one, two))


# --- what is not ours

USERS = {name: {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{name}"} for name in ("app", "velero")}
ID = {"AWS": "AROAEXAMPLEIDOFAROLE"}


def unmanaged(statement: Document, given: Document) -> str | None:
    desired = policy.Desired([given])
    try:
        policy.refuse_unmanaged(document(statement), desired, option="statements", partition="aws")
    except ValidationError as error:
        return str(error)
    return None


HASH, OF_ROLE = "1a2b3c4d", "5e6f7a8b"
BOTH = {"AWS": [*USERS["app"].values(), *USERS["velero"].values()]}


def guard(**elements: Any) -> Document:
    return deny(**{"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*", **elements})


def iam(**elements: Any) -> Document:
    """A statement of a policy of IAM, which names nobody."""
    statement = allow(**{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **elements})
    return {element: value for element, value in statement.items() if element != "Principal"}


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (allow(Action="kms:Decrypt"), allow()),
        (allow(Principal=USERS["app"]), allow(Principal=BOTH)),
        (allow(Principal=ID), allow(Principal=USERS["velero"])),
        (allow(Principal=ID), allow()),
        (allow(Principal={"AWS": ACCOUNT}), allow(Principal={"AWS": ROOT}, Action="kms:*Key")),
        (deny(Condition={"Null": {"a": "true"}}), deny()),
        (guard(Action="s3:*"), guard()),
        (guard(Resource="arn:aws:s3:::b/production/*"), guard()),
        (iam(Action=["s3:Get*", "s3:PutObject"]), iam()),
    ],
)
def test_earlier_form_of_a_statement_is_replaced(statement: Document, given: Document) -> None:
    assert unmanaged({**statement, "Sid": "Use"}, {**given, "Sid": "Use"}) is None


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (allow(Principal=USERS["app"]), allow(Principal=USERS["velero"])),
        (allow(Principal=BOTH), allow(Principal=USERS["velero"])),
        (allow(Principal=USERS["app"]), allow()),
        (allow(Principal={"Service": "s3.amazonaws.com"}), allow(Principal={"AWS": "s3.amazonaws.com"})),
        (deny(), allow()),
        (allow(NotPrincipal=USERS["app"], Principal=None), allow(Principal=USERS["app"])),
        (guard(Action="s3:*", Resource="arn:aws:s3:::b"), guard()),
        (iam(Resource="arn:aws:s3:::other/*"), iam()),
        (iam(Action="ec2:*"), iam()),
    ],
)
def test_statement_of_others_under_the_same_sid_is_refused(statement: Document, given: Document) -> None:
    plain = {name: value for name, value in statement.items() if value is not None}
    theirs, ours = {**plain, "Sid": "Allow use of the key"}, {**given, "Sid": "Allow use of the key"}
    assert unmanaged(theirs, ours) == (
        "statements: Allow use of the key is the Sid of a statement that this task did not write: "
        f"{json.dumps(theirs)} in place of {json.dumps(ours)}. Give the statement of this task another Sid. If the "
        "other one is not needed, remove it where it is managed, or list its Sid in replace_sids."
    )
    for desired in (policy.Desired([ours]), policy.Desired.absent([ours], [])):
        with pytest.raises(ValidationError, match="did not write"):
            desired.merged_into(document(FOREIGN, theirs), partition="aws")
        named = replace(desired, replace_sids=("Allow use of the key",))
        assert theirs not in named.merged_into(document(FOREIGN, theirs), partition="aws").document["Statement"]


@pytest.mark.parametrize(
    ("purpose", "statement", "given", "ours"),
    [
        ("KeyAdministration", allow(Principal=USERS["app"]), allow(Principal=USERS["velero"]), True),
        ("KeyAdministration", allow(Principal=USERS["app"]), allow(Principal=BOTH, Action="kms:Get*"), True),
        ("KeyAdministration", allow(Principal=USERS["app"], Action="a:B"), allow(Principal=USERS["velero"]), False),
        ("KeyAdministration", deny(Principal=USERS["app"]), allow(Principal=USERS["app"]), False),
        ("Key", iam(Action="kms:Decrypt", Resource="old"), iam(Action=["kms:*"], Resource="new"), True),
        ("Key", iam(Action="s3:*", Resource="old"), iam(Action=["kms:*"], Resource="new"), False),
    ],
)
def test_statement_of_an_installation_follows_its_variables(
    purpose: str, statement: Document, given: Document, ours: bool
) -> None:
    sid = {"Sid": f"Velero{purpose}{HASH}"}
    assert (unmanaged({**statement, **sid}, {**given, **sid}) is None) is ours
    if "Principal" in given:  # a Sid that also says whom it names
        sid = {"Sid": f"Velero{purpose}{HASH}{OF_ROLE}"}
        named = policy.listed(statement["Principal"]["AWS"])[0] in str(given["Principal"])
        assert (unmanaged({**statement, **sid}, {**given, **sid}) is None) is (ours and named)


def test_sid_that_occurs_twice_does_not_say_which_is_meant() -> None:
    ours, theirs = allow(Sid="Use", Principal=USERS["velero"]), allow(Sid="Use", Principal=USERS["app"])
    both, wanted = document(ours, theirs), policy.Desired([ours])
    for desired in (wanted, policy.Desired.absent([ours], []), policy.Desired.absent([], ["Use"])):
        with pytest.raises(ValidationError, match="is the Sid of a statement that this task did not write"):
            desired.merged_into(both, partition="aws")
    assert policy.Desired.absent([], ["Use"]).merged_into(document(theirs), partition="aws").document["Statement"] == []
    assert policy.Desired([ours], purge=True).merged_into(both, partition="aws").document["Statement"] == [ours]


# --- merge

FOREIGN = allow(Sid="Enable IAM User Permissions", Principal={"AWS": ROOT})
NAMELESS = deny(Condition={"Bool": {"aws:SecureTransport": False}})
OURS = allow(Sid="Ours", Action=["kms:Decrypt", "kms:GenerateDataKey"])
OURS_OTHERWISE_SPELLED = allow(Sid="Ours", Action=["kms:generatedatakey", "kms:Decrypt"])
OLD = allow(Sid="Ours", Action="kms:Decrypt")
NEW = allow(Sid="New")


@pytest.mark.parametrize(
    ("before", "wanted", "options", "after", "differences", "kept"),
    [
        pytest.param(None, [], {}, [], [], [], id="nothing into nothing"),
        pytest.param(None, [OURS], {}, [OURS], [Difference("Ours", None, OURS)], [], id="first of all"),
        pytest.param(
            [FOREIGN, NAMELESS],
            [OURS, NEW],
            {},
            [FOREIGN, NAMELESS, OURS, NEW],
            [Difference("Ours", None, OURS), Difference("New", None, NEW)],
            ["Enable IAM User Permissions", "#2"],
            id="appended in the order given",
        ),
        pytest.param(
            [OLD, FOREIGN], [OURS], {}, [OURS, FOREIGN], [Difference("Ours", OLD, OURS)], [FOREIGN["Sid"]],
            id="replaced in place",
        ),
        pytest.param(
            [OURS_OTHERWISE_SPELLED], [OURS], {}, [OURS_OTHERWISE_SPELLED], [], [], id="left as it is written"
        ),
        pytest.param(
            [OLD, FOREIGN, OURS],
            [OURS],
            {},
            [OURS, FOREIGN],
            [Difference("Ours", [OLD, OURS], OURS)],
            [FOREIGN["Sid"]],
            id="one Sid twice",
        ),
        pytest.param(
            [OURS, OLD], [OURS], {}, [OURS], [Difference("Ours", [OURS, OLD], OURS)], [], id="one right, one wrong"
        ),
        pytest.param(
            [FOREIGN, OLD], [], {"absent_sids": ["Ours", "New"]}, [FOREIGN], [Difference("Ours", OLD, None)],
            [FOREIGN["Sid"]],
            id="absent",
        ),
        pytest.param(
            [FOREIGN, OURS, NAMELESS],
            [OURS],
            {"purge": True},
            [OURS],
            [Difference(FOREIGN["Sid"], FOREIGN, None), Difference("#3", NAMELESS, None)],
            [],
            id="purge",
        ),
        pytest.param([NAMELESS], [], {"absent_sids": ["#1"]}, [NAMELESS], [], ["#1"], id="a position is not a Sid"),
    ],
)  # fmt: skip
def test_merge(
    before: list[Document] | None,
    wanted: list[Document],
    options: Document,
    after: list[Document],
    differences: list[Difference],
    kept: list[str],
) -> None:
    current = None if before is None else document(*before)
    merged = policy.merge(current, wanted, **options)
    assert merged == policy.Merge(document(*after), tuple(differences), tuple(kept))


def test_merge_keeps_what_is_not_a_statement() -> None:
    before = {"Version": "2008-10-17", "Id": "key-consolepolicy-3", "Statement": FOREIGN}
    assert policy.merge(before, []).document is before
    after = policy.merge(before, [OURS]).document
    assert after == {"Version": "2008-10-17", "Id": "key-consolepolicy-3", "Statement": [FOREIGN, OURS]}
    assert "Version" not in policy.merge({"Statement": []}, [OURS]).document


def test_orphan_in_our_statement_is_repaired() -> None:
    broken = allow(Sid="Ours", Principal={"AWS": ["AROADBQP57FF2AEXAMPLE", ROOT]})
    wanted = allow(Sid="Ours", Principal={"AWS": [ADMIN, ROOT]})
    assert policy.orphaned_principals(document(broken)) == [{"sid": "Ours", "principal": "AROADBQP57FF2AEXAMPLE"}]
    assert policy.orphaned_principals(policy.merge(document(broken), [wanted]).document) == []


def test_orphans() -> None:
    shared = document(
        allow(Principal={"AWS": "AIDACKCEVSQ6C2EXAMPLE"}),
        deny(Sid="B", Principal=None, NotPrincipal={"AWS": ["AROADBQP57FF2AEXAMPLE", ADMIN]}),
        allow(Sid="C", Principal={"Service": "AROADBQP57FF2AEXAMPLE", "AWS": "AROA"}),
    )
    del shared["Statement"][1]["Principal"]
    orphans = policy.orphaned_principals(shared)
    assert [(orphan["sid"], orphan["principal"][:4]) for orphan in orphans] == [("#1", "AIDA"), ("B", "AROA")]
    assert policy.orphan_warnings(orphans, resource=KEY)[0].startswith(
        f"{KEY}: statement #1 names AIDACKCEVSQ6C2EXAMPLE, a"
    )


@pytest.mark.parametrize(
    ("sids", "named", "how"),
    [
        (["A"], "AROADBQP57FF2AEXAMPLE in statement A", ", remove them with state=absent and sids"),
        (["A", "#2"], "AROADBQP57FF2AEXAMPLE in statement A, AROADBQP57FF2AEXAMPLE in statement #2", ""),
    ],
)
def test_orphans_are_refused(sids: list[str], named: str, how: str) -> None:
    """A statement without Sid cannot be removed by it."""
    with pytest.raises(ValidationError) as refused:
        policy.refuse_orphans(
            [{"sid": sid, "principal": "AROADBQP57FF2AEXAMPLE"} for sid in sids], option="key_id", resource=KEY
        )
    assert str(refused.value) == (
        f"key_id: {KEY} has a policy that AWS refuses for principals that were deleted: {named}. "
        f"Correct these statements{how}, or set purge_statements=true."
    )


def test_no_orphans_are_not_refused() -> None:
    policy.refuse_orphans([], option="key_id", resource=KEY)


@pytest.mark.parametrize(("version", "refused"), [(None, True), ("2008-10-17", True), ("2012-10-17", False)])
def test_policy_variables_in_an_old_document(version: str | None, refused: bool) -> None:
    current = {"Version": version, "Statement": FOREIGN} if version else {"Statement": FOREIGN}
    wanted = [allow(Sid="Ours", Resource="arn:aws:s3:::b/${aws:username}")]
    merged = policy.merge(current, wanted)
    if not refused:
        return policy.refuse_plain_variables(merged, wanted)
    with pytest.raises(
        ValidationError, match="statements: Ours uses a policy variable, which is plain text in this document of"
    ):
        policy.refuse_plain_variables(merged, wanted)
    return policy.refuse_plain_variables(merged, [OURS])


def test_text_is_sent_and_counted_in_utf_8() -> None:
    spelled = document(allow(Sid="A", Condition={"StringEquals": {"aws:PrincipalTag/team": "équipe 日本"}}))
    assert "équipe 日本" in policy.text(spelled)
    size = len(json.dumps(spelled, separators=(",", ":"), ensure_ascii=False).encode())
    policy.refuse_size(spelled, size, option="statements", resource=KEY)


def test_size() -> None:
    exact = len(policy.text(document(OURS)).encode())
    policy.refuse_size(document(OURS), exact, option="statements", resource=KEY)
    with pytest.raises(
        ValidationError, match=rf"would have a policy of {exact} bytes where AWS takes {exact - 1}\. Put"
    ):
        policy.refuse_size(document(OURS), exact - 1, option="statements", resource=KEY)
