# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for key policies."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.model import Principal
from ansible_collections.coffer.velero.plugins.module_utils._kms.policy import (
    KeyPolicy,
    decide_key_policy,
    is_as_created,
    named_principals,
    new_key_policy,
    refuse_key_lockout,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired, text
from tests.support.refusal import refusal

ROOT = "arn:aws:iam::111122223333:root"
ADMIN = "arn:aws:iam::111122223333:role/admin"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Document = dict[str, Any]


def use(role: str = "velero", **elements: Any) -> Document:
    principal = {"AWS": f"arn:aws:iam::111122223333:role/{role}"}
    return {
        "Sid": "Use",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "kms:Decrypt",
        "Resource": "*",
        **elements,
    }


OLD = use(Action="kms:Encrypt")


def decide(desired: Desired, *more: Document, bypass: bool = False) -> Plan:
    document = new_key_policy(ROOT)
    document = {**document, "Statement": [*document["Statement"], *more]}
    return decide_key_policy(desired, KeyPolicy(KEY, document, "aws"), bypass=bypass)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (new_key_policy(ROOT), True),
        ({**new_key_policy("111122223333"), "Id": "other"}, True),
        ({"Version": "2012-10-17", "Statement": [*new_key_policy(ROOT)["Statement"], use()]}, False),
        (new_key_policy(ADMIN), False),
    ],
)
def test_policy_of_a_new_key(document: Document, expected: bool) -> None:
    assert is_as_created(text(document), KEY) is expected


@pytest.mark.parametrize(
    ("desired", "more", "after", "differences"),
    [
        (Desired([use()]), [], [use()], [Difference("Use", None, use())]),
        (Desired([use()]), [OLD], [use()], [Difference("Use", OLD, use())]),
        (Desired(absent_sids=["Use"]), [use()], [], [Difference("Use", use(), None)]),
        (Desired([use()]), [use(Action=["KMS:Decrypt"])], None, []),
    ],
)
@pytest.mark.parametrize("bypass", [False, True])
def test_plan(
    desired: Desired, more: list[Document], after: list[Document] | None, differences: list[Difference], bypass: bool
) -> None:
    plan = decide(desired, *more, bypass=bypass)
    document = new_key_policy(ROOT)
    document = {**document, "Statement": [*document["Statement"], *(more if after is None else after)]}
    arguments: Document = {"KeyId": KEY, "PolicyName": "default", "Policy": text(document)}
    if bypass:
        arguments["BypassPolicyLockoutSafetyCheck"] = True
    assert plan.steps == ((Step("kms:PutKeyPolicy", arguments),) if differences else ())
    assert plan.differences == tuple(differences)
    assert plan.result == {
        "key_id": KEY,
        "policy": document,
        "kept_statements": ["Enable IAM User Permissions"],
        "orphaned_principals": [],
    }


ORPHAN = use(Sid="Theirs", Principal={"AWS": "AROADBQP57FF2AEXAMPLE"})


def test_orphans_of_others_are_told() -> None:
    plan = decide(Desired([use()]), use(), ORPHAN)
    assert plan.result["orphaned_principals"] == [{"sid": "Theirs", "principal": "AROADBQP57FF2AEXAMPLE"}]
    assert [warning[: len(KEY) + 46] for warning in plan.warnings] == [
        f"{KEY}: statement Theirs names AROADBQP57FF2AEXAMPLE"
    ]


@pytest.mark.parametrize(
    ("desired", "message"),
    [
        (
            Desired(purge=True),
            f"statements: {KEY} would have no statement left in its policy. A key policy needs a statement: keep the "
            "one that lets the key be managed.",
        ),
        (
            Desired([use(Principal={"AWS": [f"arn:aws:iam::111122223333:role/{n:04}" for n in range(900)]})]),
            "bytes where AWS takes 32768. Put several principals",
        ),
    ],
)
def test_refused(desired: Desired, message: str) -> None:
    assert message in refusal(decide, desired)


def test_lockout() -> None:
    before = new_key_policy(ROOT)
    for principal, who in ((ADMIN, "the account root"), (f"{ADMIN}2", "the caller")):
        after = {"Statement": [use(Principal={"AWS": principal}, Action="kms:*")]}
        assert refusal(refuse_key_lockout, before, after, KEY, Principal(ADMIN)) == (
            f"statements: the policy of {KEY} would no longer let {who} call kms:PutKeyPolicy: "
            f"no statement of the new policy allows it. Keep {who} allowed, or "
            "set bypass_policy_lockout_safety_check=true if somebody else is to manage the policy."
        )


def test_named_principals() -> None:
    several = use(Principal={"AWS": [ADMIN, ROOT, "*", "111122223333"], "Service": "s3.amazonaws.com"})
    assert named_principals([several, use()]) == [ADMIN, "arn:aws:iam::111122223333:role/velero"]
