# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for bucket policies, and the statements that would block kopia's writes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._documents import bucket_policy_statements
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired, desired_statements, text
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy import (
    ANY_PRINCIPALS,
    decide_bucket_policy,
    header_requirement,
    refuse_bucket_lockout,
)
from ansible_collections.coffer.velero.plugins.module_utils._s3.write_principals import WritePrincipals
from tests.support.refusal import refusal

BUCKET = "velero-backups"
ARN = f"arn:aws:s3:::{BUCKET}"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SSE = "s3:x-amz-server-side-encryption"
KEY_ID = f"{SSE}-aws-kms-key-id"
CUSTOMER = f"{SSE}-customer-algorithm"

Document = dict[str, Any]


def deny(**elements: Any) -> Document:
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{ARN}/*", **elements}


OWNED = deny(Sid="DenyOtherKey", Condition={"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}})
UNMANAGED = deny(Sid="Tls", Action="s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})


def decide(
    desired: Desired, *current: Document, bypass: bool = False, write_principals: WritePrincipals = ANY_PRINCIPALS
) -> Plan:
    document = {"Version": "2012-10-17", "Statement": list(current)} if current else None
    arguments = {"Bucket": BUCKET}
    return decide_bucket_policy(
        desired, document, partition="aws", arguments=arguments, bypass=bypass, write_principals=write_principals
    )


@pytest.mark.parametrize(
    ("condition", "requirement"),
    [
        pytest.param({"StringNotEquals": {SSE: "aws:kms"}}, f"stringnotequals {SSE}", id="no header, no write"),
        pytest.param({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, f"stringnotequalsifexists {SSE}", id="IfExists"),
        pytest.param({"StringNotLike": {KEY_ID: "*key*"}}, f"stringnotlike {KEY_ID}", id="NotLike"),
        pytest.param({"ArnNotEquals": {KEY_ID: KEY}}, f"arnnotequals {KEY_ID}", id="ArnNotEquals"),
        pytest.param({"Null": {SSE: "true"}}, f"null {SSE}", id="Null true"),
        pytest.param({"Null": {SSE: True}}, f"null {SSE}", id="Null as a boolean"),
        pytest.param({"null": {SSE.upper(): ["True"]}}, f"null {SSE}", id="any case"),
        pytest.param({"StringEqualsIfExists": {SSE: "AES256"}}, f"stringequalsifexists {SSE}", id="EqualsIfExists"),
        pytest.param({"ForAllValues:StringEquals": {SSE: "x"}}, f"forallvalues:stringequals {SSE}", id="ForAllValues"),
        pytest.param({"Null": {CUSTOMER: "true"}}, f"null {CUSTOMER}", id="requires SSE-C"),
        pytest.param(
            {"StringNotEquals": {SSE: "aws:kms", "aws:PrincipalTag/x": "y"}}, f"stringnotequals {SSE}", id="narrowed"
        ),
        pytest.param({"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}}, None, id="wrong key only"),
        pytest.param({"Null": {SSE: False}, "StringNotEquals": {SSE: "aws:kms"}}, None, id="wrong algorithm only"),
        pytest.param({"StringEquals": {SSE: "aws:kms"}, "Null": {KEY_ID: "true"}}, None, id="no key beside aws:kms"),
        pytest.param({"StringEquals": {SSE: "AES256"}}, None, id="forbids one algorithm"),
        pytest.param({"ForAnyValue:StringNotEquals": {SSE: "x"}}, None, id="ForAnyValue"),
        pytest.param({"Null": {CUSTOMER: "false"}}, None, id="forbids SSE-C"),
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, None, id="no header at all"),
        pytest.param({}, None, id="no condition"),
    ],
)
def test_header_requirement(condition: Document, requirement: str | None) -> None:
    found = header_requirement(deny(Condition=condition))
    assert (" ".join(found) if found else None) == requirement


@pytest.mark.parametrize(
    ("elements", "requirements"),
    [
        ({"Action": "s3:*"}, True),
        ({"Action": ["s3:GetObject", "S3:put*"]}, True),
        ({"Action": "*"}, True),
        ({"Action": "s3:GetObject"}, False),
        ({"Effect": "Allow"}, False),
        ({"Action": None, "NotAction": "s3:Get*"}, True),
        ({"Action": None, "NotAction": "s3:Put*"}, False),
    ],
)
def test_header_requirement_of_writes_only(elements: Document, requirements: bool) -> None:
    statement = deny(Condition={"Null": {SSE: "true"}}, **elements)
    statement = {name: value for name, value in statement.items() if value is not None}
    assert bool(header_requirement(statement)) is requirements


@pytest.mark.parametrize(
    ("desired", "current", "action", "after", "differences"),
    [
        (Desired([OWNED]), [], "s3:PutBucketPolicy", [OWNED], [Difference("DenyOtherKey", None, OWNED)]),
        (
            Desired([OWNED]),
            [UNMANAGED],
            "s3:PutBucketPolicy",
            [UNMANAGED, OWNED],
            [Difference("DenyOtherKey", None, OWNED)],
        ),
        (
            Desired(absent_sids=["DenyOtherKey"]),
            [UNMANAGED, OWNED],
            "s3:PutBucketPolicy",
            [UNMANAGED],
            [Difference("DenyOtherKey", OWNED, None)],
        ),
        (
            Desired(absent_sids=["DenyOtherKey"]),
            [OWNED],
            "s3:DeleteBucketPolicy",
            None,
            [Difference("DenyOtherKey", OWNED, None)],
        ),
        (Desired(purge=True), [UNMANAGED], "s3:DeleteBucketPolicy", None, [Difference("Tls", UNMANAGED, None)]),
        (Desired([OWNED]), [OWNED], None, [OWNED], []),
        (Desired(absent_sids=["DenyOtherKey"]), [], None, None, []),
    ],
)
def test_plan(
    desired: Desired,
    current: list[Document],
    action: str | None,
    after: list[Document] | None,
    differences: list[Difference],
) -> None:
    plan = decide(desired, *current)
    document = {"Version": "2012-10-17", "Statement": after} if after else None
    sent = {"Policy": text(document)} if document else {}
    assert plan.steps == ((Step(action, {"Bucket": BUCKET, **sent}),) if action else ())
    assert plan.differences == tuple(differences)
    assert plan.result["policy"] == document
    assert plan.result["bucket"] == BUCKET


def test_bypass_is_told_to_s3() -> None:
    assert decide(Desired([OWNED]), bypass=True).steps[0].arguments["ConfirmRemoveSelfBucketAccess"] is True


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::*", f"{ARN}-2/*", "arn:aws:s3:::other/*", f"arn:aws-cn:s3:::{BUCKET}/*"]
)
@pytest.mark.parametrize("element", ["Resource", "NotResource"])
def test_resource_of_another_bucket(resource: str, element: str) -> None:
    statement = {name: value for name, value in OWNED.items() if name != "Resource"}
    assert refusal(decide, Desired([{**statement, element: [ARN, resource]}])) == (
        f"statements: DenyOtherKey speaks of {resource}, which is not of this bucket. "
        f"S3 takes statements about the bucket itself only: {ARN} and {ARN}/*."
    )


def test_header_requirement_of_owned_is_refused() -> None:
    assert refusal(decide, Desired([deny(Sid="Encrypted", Condition={"StringNotEquals": {SSE: "aws:kms"}})])) == (
        f"statements: Encrypted denies writes that carry no encryption header (stringnotequals {SSE}), and kopia sends "
        f'none. Deny a wrong header, not a missing one: a negated operator together with "Null": {{"{SSE}": "false"}} '
        "(IfExists does not help in a Deny), and let the bucket's default encryption do the rest."
    )


def test_header_requirement_of_others_is_a_warning() -> None:
    theirs = deny(Condition={"Null": {SSE: "true"}})
    assert decide(Desired([OWNED]), UNMANAGED, theirs, OWNED).warnings == (
        f"{BUCKET}: the unmanaged statement #2 denies writes that carry no encryption header (null {SSE}). Where it "
        "applies to Velero's role, every write of kopia fails: file system backups and data movement.",
    )
    assert decide(Desired([OWNED], purge=True), theirs).warnings == ()


ROLE = "arn:aws:iam::111122223333:role/velero"
PRINCIPALS = WritePrincipals("production", [ROLE])
REQUIREMENT = {"Null": {SSE: "true"}}


def test_header_requirement_of_others_that_stands_in_the_way_is_refused() -> None:
    """Also where nothing is to be changed, as in a bucket that somebody else manages."""
    theirs = deny(Sid="Theirs", Condition=REQUIREMENT)
    for desired in (Desired(), Desired([OWNED])):
        assert refusal(decide, desired, UNMANAGED, theirs, write_principals=PRINCIPALS) == (
            f"bucket: {BUCKET} has the unmanaged statement Theirs, which denies {ROLE} writes that carry no encryption "
            f"header (null {SSE}), and kopia sends none. Deny a wrong header, not a missing one: a negated operator "
            f'together with "Null": {{"{SSE}": "false"}} (IfExists does not help in a Deny), or except the role. '
            "Change it where the statement is managed."
        )
    assert decide(Desired(purge=True), theirs, write_principals=PRINCIPALS).changed
    assert decide(Desired(absent_sids=["Tls"]), UNMANAGED, theirs, write_principals=PRINCIPALS).warnings, (
        "one after the other"
    )


def test_header_requirement_of_others_with_more_conditions_is_a_warning() -> None:
    """Nobody can tell whether they hold; they may be there to except the role."""
    theirs = deny(Sid="Theirs", Condition={**REQUIREMENT, "ArnNotEquals": {"aws:PrincipalArn": ROLE}})
    (warning,) = decide(Desired(), theirs, write_principals=PRINCIPALS).warnings
    assert warning.startswith(f"{BUCKET}: the unmanaged statement Theirs denies writes")


@pytest.mark.parametrize("mode", ["sse-s3", "sse-kms", "dsse-kms", "sse-c"])
def test_the_collections_own_statements_are_taken(mode: str) -> None:
    values = {
        "account_id": "111122223333",
        "partition": "aws",
        "region": "eu-central-1",
        "bucket": BUCKET,
        "encryption_mode": mode,
        "kms_key_arn": KEY if "kms" in mode else None,
    }
    statements = desired_statements(bucket_policy_statements(StorageProfile.parse(values)))
    plan = decide(Desired(statements))
    assert plan.result["policy"]["Statement"] == statements
    assert plan.warnings == ()


ORPHAN = {"AWS": "AROADBQP57FF2AEXAMPLE"}


@pytest.mark.parametrize(
    ("orphans", "names", "remediation"),
    [
        (
            [deny(Sid="Theirs", Principal=ORPHAN)],
            "AROADBQP57FF2AEXAMPLE in statement Theirs",
            "Correct these statements, remove them with state=absent and sids, or set purge_statements=true.",
        ),
        (
            [deny(Sid="Theirs", Principal=ORPHAN), deny(Principal=ORPHAN)],
            "AROADBQP57FF2AEXAMPLE in statement Theirs, AROADBQP57FF2AEXAMPLE in statement #2",
            "Correct these statements, or set purge_statements=true.",
        ),
    ],
)
def test_deleted_principals_are_in_the_way_of_a_change(orphans: list[Document], names: str, remediation: str) -> None:
    assert refusal(decide, Desired([OWNED]), *orphans) == (
        f"bucket: {BUCKET} has a policy that AWS refuses for principals that were deleted: {names}. {remediation}"
    )
    assert decide(Desired([OWNED], purge=True), *orphans).changed
    assert decide(Desired(purge=True), *orphans).changed, "the policy is deleted"
    assert not decide(Desired(absent_sids=["Ours"]), *orphans).changed


def test_size() -> None:
    many = [f"{ARN}/{number:04}/*" for number in range(700)]
    with pytest.raises(
        ValidationError, match=r"statements: velero-backups would have a policy of \d+ bytes where AWS takes 20480"
    ):
        decide(Desired([{**OWNED, "Resource": many}]))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (None, [deny(Action="s3:*", Resource=ARN)], True),
        ([deny(Action="s3:*", Resource=ARN)], [deny(Action="s3:*", Resource=[ARN])], False),
        (None, [deny(Action="s3:*", Resource=f"{ARN}/*")], False),
        (None, [UNMANAGED], False),
        ([{**UNMANAGED, "Effect": "Allow", "Resource": ARN, "Condition": {}}], None, False),
    ],
)
def test_lockout(before: list[Document] | None, after: list[Document] | None, refused: bool) -> None:
    def change() -> None:
        one, other = ({"Statement": statements} if statements else None for statements in (before, after))
        root = "arn:aws:iam::111122223333:root"
        refuse_bucket_lockout(one, other, bucket_arn=ARN, root=root, identities=("arn:aws:iam::111122223333:user/me",))

    if not refused:
        return change()
    with pytest.raises(
        ValidationError, match=r"no longer let the caller call s3:PutBucketPolicy\. .*confirm_remove_self_bucket"
    ):
        change()
    return None
