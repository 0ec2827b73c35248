# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for bucket policies, and the statements that would block kopia's writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.model import Principal
from ansible_collections.coffer.velero.plugins.module_utils._documents import bucket_policy_statements
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired, desired_statements, text
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy import (
    ANYBODY,
    decide_bucket_policy,
    refuse_bucket_lockout,
)
from ansible_collections.coffer.velero.plugins.module_utils._s3.velero_access import VeleroAccess
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


def decide(desired: Desired, *current: Document, bypass: bool = False, velero: VeleroAccess = ANYBODY) -> Plan:
    document = {"Version": "2012-10-17", "Statement": list(current)} if current else None
    arguments = {"Bucket": BUCKET}
    return decide_bucket_policy(desired, document, partition="aws", arguments=arguments, bypass=bypass, velero=velero)


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
VELERO = VeleroAccess("production", [ROLE], "sse-kms", KEY)
REQUIREMENT = {"Null": {SSE: "true"}}


def test_header_requirement_of_others_that_stands_in_the_way_is_refused() -> None:
    """Also where nothing is to be changed, as in a bucket that somebody else manages."""
    theirs = deny(Sid="Theirs", Condition=REQUIREMENT)
    for desired in (Desired(), Desired([OWNED])):
        assert refusal(decide, desired, UNMANAGED, theirs, velero=VELERO) == (
            f"bucket: {BUCKET} has the unmanaged statement Theirs, which denies {ROLE} writes that carry no encryption "
            f"header (null {SSE}), and kopia sends none. Deny a wrong header, not a missing one: a negated operator "
            f'together with "Null": {{"{SSE}": "false"}} (IfExists does not help in a Deny), or except the role. '
            "Change it where the statement is managed. Or set uses_kopia=false (velero_uses_kopia) if no backup of "
            "this cluster is to be a file system backup or to move data: these would fail."
        )
    assert decide(Desired(purge=True), theirs, velero=VELERO).changed
    assert decide(Desired(absent_sids=["Tls"]), UNMANAGED, theirs, velero=VELERO).warnings, "one after the other"


def test_condition_that_is_not_known_is_a_warning() -> None:
    theirs = deny(Sid="Theirs", Condition={**REQUIREMENT, "StringNotEquals": {"aws:PrincipalTag/team": "velero"}})
    assert decide(Desired(), theirs, velero=VELERO).warnings == (
        f"{BUCKET}: the unmanaged statement Theirs may deny writes that carry no encryption header (null {SSE}). It "
        "depends on aws:PrincipalTag/team, which is not known here. Where it applies to Velero's role, every write of "
        "kopia fails: file system backups and data movement.",
    )


def test_condition_that_spares_the_role_is_decided() -> None:
    theirs = deny(Sid="Theirs", Condition={**REQUIREMENT, "ArnNotEquals": {"aws:PrincipalArn": ROLE}})
    assert decide(Desired(), theirs, velero=VELERO).warnings == ()


def test_a_cluster_without_kopia() -> None:
    theirs = deny(Sid="DenyUnEncryptedObjectUploads", Condition=REQUIREMENT)
    assert decide(Desired(), theirs, velero=replace(VELERO, uses_kopia=False)).warnings == (
        f"{BUCKET}: the unmanaged statement DenyUnEncryptedObjectUploads denies writes that carry no encryption "
        "header, and uses_kopia=false (velero_uses_kopia) says that kopia writes nothing here: file system backups and "
        "data movement would fail.",
    )
    none = replace(VELERO, uses_kopia=False, encryption_mode="dsse-kms")
    assert "denies arn:aws:iam::111122223333:role/velero its writes" in refusal(decide, Desired(), theirs, velero=none)


@pytest.mark.parametrize(
    ("elements", "what"),
    [
        ({"Principal": {"AWS": ROLE}}, "writes"),
        ({"Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}, "writes and reads and lists"),
        ({"Principal": {"AWS": ROLE}, "Action": "s3:List*", "Resource": ARN}, "lists"),
        ({"NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:root", ROLE.replace("velero", "admin")]}}, "writes"),
        ({"Condition": {"StringNotLike": {"aws:PrincipalArn": [ROLE.replace("velero", "admin")]}}}, "writes"),
        ({"Condition": {"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: "arn:aws:kms:::key/old"}}}, "writes"),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}}, "writes"),
        ({"Resource": f"{ARN}/production/backups/*"}, "writes"),
    ],
)
def test_unmanaged_statement_that_denies_velero_is_refused(elements: Document, what: str) -> None:
    theirs = {**deny(Sid="Theirs"), **elements}
    if "NotPrincipal" in theirs:
        del theirs["Principal"]
    assert refusal(decide, Desired(), theirs, velero=VELERO) == (
        f"bucket: {BUCKET} has the unmanaged statement Theirs, which denies {ROLE} its {what}. Except the role, or "
        "change what the statement denies, where it is managed."
    )


@pytest.mark.parametrize(
    ("elements", "warning"),
    [
        (
            {"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}},
            f"may deny {ROLE} its writes. It depends on aws:SourceVpce, which is not known here.",
        ),
        ({"Action": "s3:DeleteObject*"}, f"denies {ROLE} its deletions."),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, None),
        ({"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}, None),
        ({"Condition": {"StringEquals": {"s3:x-amz-acl": "public-read"}}}, None),
        ({"Condition": {"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}}}, None),
        ({"Resource": f"{ARN}/staging/*"}, None),
    ],
)
def test_unmanaged_statement_that_does_not_stand_in_the_way(elements: Document, warning: str | None) -> None:
    found = decide(Desired(), deny(Sid="Theirs", **elements), velero=VELERO).warnings
    assert found == ((f"{BUCKET}: the unmanaged statement Theirs {warning}",) if warning else ())


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Principal": "*"}, f"statements: One denies {ROLE} its writes. Except {ROLE} from it, for example with "),
        ({"Principal": {"AWS": ROLE}, "Action": "s3:*"}, f"statements: One denies {ROLE} its writes and reads"),
    ],
)
def test_own_statement_that_denies_velero_is_refused(elements: Document, message: str) -> None:
    assert message in refusal(decide, Desired([deny(Sid="One", **elements)]), velero=VELERO)


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
        refuse_bucket_lockout(one, other, ARN, Principal("arn:aws:iam::111122223333:user/me"))

    if not refused:
        return change()
    with pytest.raises(
        ValidationError, match=r"no longer let the caller call s3:PutBucketPolicy: .*confirm_remove_self_bucket"
    ):
        change()
    return None
