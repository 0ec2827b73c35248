# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes after which nobody could change a policy again."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.evaluate import EVERYTHING, evaluate
from ansible_collections.coffer.velero.plugins.module_utils._access.lockout import refuse_lockout
from ansible_collections.coffer.velero.plugins.module_utils._access.model import Policies, Policy, Principal
from ansible_collections.coffer.velero.plugins.module_utils._access.requests import direct
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


def document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/me"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
REQUESTS = {
    "the caller": direct(Principal(SESSION), "kms:PutKeyPolicy", KEY),
    "the account root": direct(Principal(ROOT), "kms:PutKeyPolicy", KEY),
}
CONDITION = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def without_principal(statement: Document, **elements: Any) -> Document:
    return {name: value for name, value in {**statement, **elements}.items() if name != "Principal"}


@pytest.mark.parametrize(
    ("statements", "caller", "root"),
    [
        pytest.param([], False, False, id="nothing"),
        pytest.param([allow()], True, True, id="everybody"),
        pytest.param([allow(Principal={"AWS": ROOT})], True, True, id="root delegates to IAM"),
        pytest.param([allow(Principal={"AWS": ACCOUNT})], True, True, id="account id"),
        pytest.param([allow(Principal={"AWS": ADMIN})], True, False, id="role"),
        pytest.param([allow(Principal={"AWS": SESSION})], True, False, id="session"),
        pytest.param(
            [allow(Principal={"AWS": ADMIN.replace("role/", "role/a/b/")})], True, False, id="role with a path"
        ),
        pytest.param([allow(Principal={"AWS": OTHER})], False, False, id="another role"),
        pytest.param([allow(Principal={"AWS": "222233334444"})], False, False, id="another account"),
        pytest.param([allow(Principal={"Service": "*"})], False, False, id="services"),
        pytest.param([allow(Action="kms:Put*")], True, True, id="wildcard"),
        pytest.param([allow(Action="KMS:putkeypolic?")], True, True, id="other case and question mark"),
        pytest.param([allow(Action=["kms:Get*", "kms:Decrypt"])], False, False, id="other actions"),
        pytest.param([allow(Action="kms:Put.*")], False, False, id="no regular expression"),
        pytest.param([allow(Resource=KEY)], True, True, id="this key"),
        pytest.param([allow(Resource=f"{KEY}x")], False, False, id="another key"),
        pytest.param([{"Effect": "Allow", "Principal": "*", "Action": "*"}], False, False, id="no Resource, no effect"),
        pytest.param([{"Effect": "Allow", "Principal": "*", "Resource": "*"}], False, False, id="no Action, no effect"),
        pytest.param(
            [{"Effect": "Allow", "Principal": "*", "NotAction": "kms:Put*", "Resource": "*"}],
            False,
            False,
            id="NotAction",
        ),
        pytest.param(
            [{"Effect": "Allow", "Principal": "*", "NotAction": "kms:Get*", "Resource": "*"}],
            True,
            True,
            id="NotAction else",
        ),
        pytest.param(
            [{"Effect": "Allow", "Principal": "*", "Action": "*", "NotResource": KEY}], False, False, id="NotResource"
        ),
        pytest.param([allow(Condition=CONDITION)], None, None, id="conditional Allow is nothing to rely on"),
        pytest.param([allow(), deny(Condition=CONDITION)], None, None, id="conditional Deny is something to fear"),
        pytest.param([allow(), deny(Condition={})], False, False, id="empty condition is none"),
        pytest.param([deny(), allow()], False, False, id="Deny wins"),
        pytest.param([allow(), deny(Principal={"AWS": ADMIN})], False, True, id="Deny of the role"),
        pytest.param([allow(), deny(Principal={"AWS": ROOT})], False, False, id="Deny of the account"),
        pytest.param([allow(), deny(Action="kms:Delete*")], True, True, id="Deny of something else"),
        pytest.param([without_principal(allow(), NotPrincipal={"AWS": OTHER})], True, True, id="all but another"),
        pytest.param([without_principal(allow(), NotPrincipal={"AWS": ADMIN})], None, True, id="all but the caller"),
        pytest.param(
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [SESSION, ADMIN, ROOT]})],
            True,
            True,
            id="Deny all but us",
        ),
        pytest.param(
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [ADMIN, ROOT]})],
            False,
            True,
            id="session not spared",
        ),
        pytest.param(
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [SESSION, ROOT]})],
            False,
            True,
            id="role not spared",
        ),
        pytest.param(
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [ADMIN]})], False, False, id="root not spared"
        ),
        pytest.param(
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [ROOT]})], False, True, id="caller not spared"
        ),
    ],
)
def test_decision(statements: list[Document], caller: bool | None, root: bool | None) -> None:
    decisions = {True: "allowed", False: "denied", None: "unknown"}
    policies = Policies([EVERYTHING], resource=Policy("the key policy", document(*statements)))
    found = [evaluate(request, policies).decision for request in REQUESTS.values()]
    assert found == [decisions[caller], decisions[root]]


def test_root_as_caller_is_the_root() -> None:
    shared = document(allow(), without_principal(deny(), NotPrincipal={"AWS": [ROOT]}))
    policies = Policies([EVERYTHING], resource=Policy("the key policy", shared))
    assert evaluate(REQUESTS["the account root"], policies).decision == "allowed"


VPC = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
SPARED = {"ArnNotEquals": {"aws:PrincipalArn": ADMIN}}
SPARED_PATH = {"StringNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}
NOT_SPARED = {"StringNotEquals": {"aws:PrincipalArn": OTHER}}


@pytest.mark.parametrize(
    ("before", "after", "who"),
    [
        pytest.param([allow()], [allow(Principal={"AWS": ADMIN})], "the account root", id="root loses its Allow"),
        pytest.param([allow()], [allow(Principal={"AWS": OTHER})], "the caller", id="caller loses its Allow"),
        pytest.param([allow()], [allow(), deny(Principal={"AWS": ADMIN})], "the caller", id="new Deny"),
        pytest.param(
            [allow(Condition=CONDITION)],
            [allow(Condition=CONDITION), deny(Principal={"AWS": ADMIN})],
            "the caller",
            id="new Deny where the Allow has a condition",
        ),
        pytest.param(
            [allow()],
            [allow(), without_principal(deny(), NotPrincipal={"AWS": [ADMIN, ROOT]})],
            "the caller",
            id="new Deny that spares the role and not its session",
        ),
        pytest.param([allow()], [allow(Principal={"AWS": ROOT})], None, id="still by IAM"),
        pytest.param([allow(Principal={"AWS": ADMIN})], [allow(Principal={"AWS": ADMIN})], None, id="root never was"),
        pytest.param([allow(Condition=CONDITION)], [], "the caller", id="the only Allow, under a condition"),
        pytest.param([allow()], [allow(), deny(Condition=NOT_SPARED)], "the caller", id="Deny that spares another"),
        pytest.param(
            [allow()],
            [allow(), deny(Condition=SPARED_PATH)],
            "the account root",
            id="Deny that spares all roles, not the root",
        ),
        pytest.param(
            [allow()],
            [allow(), deny(Condition={"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}})],
            None,
            id="Deny that spares the account",
        ),
        pytest.param(
            [allow()],
            [allow(), deny(Condition={"StringNotEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}})],
            "the caller",
            id="Deny of all that is not for a service",
        ),
        pytest.param(
            [allow()],
            [allow(), deny(Condition={"Bool": {"aws:SecureTransport": "false"}})],
            None,
            id="Deny of plain HTTP",
        ),
        pytest.param(
            [allow(), deny(Condition=VPC)], [allow(), deny(Condition=VPC)], None, id="condition that was there"
        ),
        pytest.param([allow(), deny()], [allow(Action="kms:Get*"), deny()], None, id="had nothing to lose"),
        pytest.param([], [allow()], None, id="gains"),
    ],
)
def test_lockout(before: list[Document], after: list[Document], who: str | None) -> None:
    if who is None:
        return lockout(before, after)
    found = refusal(lockout, before, after)
    assert found.startswith(f"statements: the policy of {KEY} would no longer let {who} call kms:PutKeyPolicy: ")
    assert found.endswith(f". Keep {who}.")
    return None


def lockout(before: list[Document], after: list[Document]) -> None:
    refuse_lockout(document(*before), document(*after), REQUESTS, option="statements", remediation="Keep {who}.")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param(
            [allow()],
            [allow(), deny(Sid="Vpc", Condition=VPC)],
            "statement Vpc of the new policy may deny it, which depends on aws:SourceVpce",
            id="wanted Deny",
        ),
        pytest.param(
            [allow()],
            [allow(Condition=CONDITION)],
            "statement #1 of the new policy may allow it, which depends on aws:MultiFactorAuthPresent",
            id="only under a condition now",
        ),
        pytest.param(
            [allow()],
            [allow(), deny(Sid="Admins", Condition=SPARED)],
            "statement Admins of the new policy may deny it, which depends on aws:PrincipalArn",
            id="the path of the caller's role is not known",
        ),
        pytest.param(
            [allow(), deny(Sid="Vpc", Condition=VPC)],
            [allow(), deny(Sid="Vpc", Condition=VPC), deny(Condition=CONDITION)],
            "statement Vpc of the new policy may deny it, which depends on aws:SourceVpce; "
            "statement #3 of the new policy may deny it, which depends on aws:MultiFactorAuthPresent",
            id="one more",
        ),
        pytest.param(
            [allow(Condition=CONDITION), allow(Condition=VPC)],
            [allow(Condition=VPC)],
            "statement #1 of the new policy may allow it, which depends on aws:SourceVpce",
            id="one of two conditional Allows",
        ),
    ],
)
def test_what_the_identity_does_not_tell_is_refused(before: list[Document], after: list[Document], reason: str) -> None:
    assert refusal(lockout, before, after) == (
        f"statements: the policy of {KEY} might no longer let the caller call kms:PutKeyPolicy: {reason}, which the "
        "identity of the caller does not tell. Keep the caller."
    )


def test_path_of_the_role_decides() -> None:
    request = {"the caller": direct(Principal(SESSION, role_arn=ADMIN), "kms:PutKeyPolicy", KEY)}
    after = document(allow(), deny(Condition=SPARED))
    refuse_lockout(document(allow()), after, request, option="statements", remediation="")
