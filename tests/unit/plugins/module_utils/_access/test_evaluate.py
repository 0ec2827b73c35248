# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a request is allowed, by the policies of AWS's user guide."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.evaluate import EVERYTHING, evaluate
from ansible_collections.coffer.velero.plugins.module_utils._access.model import (
    Grant,
    Policies,
    Policy,
    Principal,
    Request,
)

ACCOUNT, OTHER = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/velero/me"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
FOREIGN_KEY = f"arn:aws:kms:eu-central-1:{OTHER}:key/1"


def policy(*statements: dict[str, Any], name: str = "the policy") -> Policy:
    return Policy(name, {"Version": "2012-10-17", "Statement": list(statements)})


def one(effect: str, principal: Any = None, action: str = "*", **more: Any) -> dict[str, Any]:
    named = {"Principal": principal if principal == "*" else {"AWS": principal}} if principal else {}
    return {"Sid": effect, "Effect": effect, "Action": action, "Resource": "*", **named, **more}


ALLOW = policy(one("Allow"), name="IAM")
NOTHING = policy(name="nothing")
UNREAD = Policy("unread", None)
CONTEXT = {"EncryptionContextSubset": {"a": "b"}}
WHEN = {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}


def ask(policies: Policies, who: str = ROLE, action: str = "s3:PutObject", owner: str | None = ACCOUNT) -> str:
    return evaluate(Request(Principal(who), action, "arn:aws:s3:::bucket/x", owner), policies).decision


@pytest.mark.parametrize(
    ("policies", "decision"),
    [
        (Policies(), "denied"),
        (Policies([ALLOW]), "allowed"),
        (Policies([ALLOW, policy(one("Deny"))]), "denied"),
        (Policies([ALLOW, policy(one("Deny", **WHEN))]), "unknown"),
        (Policies([policy(one("Allow", **WHEN))]), "unknown"),
        (Policies([UNREAD]), "unknown"),
        (Policies([ALLOW, UNREAD]), "unknown"),
        (Policies([UNREAD], resource=policy(one("Deny", "*"))), "denied"),
        (Policies([ALLOW], boundary=NOTHING), "denied"),
        (Policies([ALLOW], boundary=ALLOW), "allowed"),
        (Policies([ALLOW], boundary=UNREAD), "unknown"),
        (Policies([ALLOW], session=[NOTHING]), "denied"),
        (Policies([ALLOW], limits=[[ALLOW], [NOTHING]]), "denied"),
        (Policies(resource=policy(one("Allow", ROLE))), "allowed"),
        (Policies(resource=policy(one("Allow", "*"))), "allowed"),
        (Policies(resource=policy(one("Allow", ROOT))), "denied"),
        (Policies(resource=policy(one("Allow", ROLE)), boundary=NOTHING), "denied"),
        (Policies(resource=policy(one("Allow", SESSION)), boundary=NOTHING), "unknown"),
        (Policies(resource=policy(one("Allow", "*")), boundary=NOTHING), "unknown"),
        (Policies(resource=policy(one("Allow", "*")), boundary=ALLOW), "allowed"),
        (Policies(resource=policy(one("Allow", "*")), boundary=policy(one("Deny"))), "denied"),
        (Policies([ALLOW], resource=policy(one("Deny", ROOT))), "denied"),
    ],
)
def test_one_account(policies: Policies, decision: str) -> None:
    assert ask(policies) == decision


@pytest.mark.parametrize(
    ("who", "named"), [(SESSION, [ROOT, ROLE, SESSION]), (USER, [ROOT, USER])], ids=["session", "user"]
)
def test_boundary(who: str, named: list[str]) -> None:
    """It does not limit what a policy gives to a session or a user itself; no NotPrincipal spares who has one."""
    direct = policy(one("Allow", who))
    assert ask(Policies(resource=direct, boundary=NOTHING, session=[NOTHING]), who) == "allowed"
    assert ask(Policies(resource=direct, boundary=policy(one("Deny"))), who) == "denied"
    assert ask(Policies(resource=direct, boundary=NOTHING), who, owner=OTHER) == "denied"
    spared = policy({"Effect": "Deny", "NotPrincipal": {"AWS": named}, "Action": "*", "Resource": "*"})
    assert ask(Policies([ALLOW], resource=spared), who) == "allowed"
    assert ask(Policies([ALLOW], resource=spared, boundary=ALLOW), who) == "denied"
    everybody = policy({"Effect": "Deny", "NotPrincipal": "*", "Action": "*", "Resource": "*"})
    assert ask(Policies([ALLOW], resource=everybody, boundary=ALLOW), who) == "denied"
    assert ask(Policies([ALLOW], resource=spared, boundary=UNREAD), who) == "unknown"
    assert ask(Policies([ALLOW], resource=everybody, boundary=UNREAD), ROOT) == "unknown"


@pytest.mark.parametrize(
    ("policies", "decision"),
    [
        (Policies([ALLOW]), "denied"),
        (Policies(resource=policy(one("Allow", ROLE))), "denied"),
        (Policies([ALLOW], resource=policy(one("Allow", ROLE))), "allowed"),
        (Policies([ALLOW], resource=policy(one("Allow", ACCOUNT))), "allowed"),
        (Policies([ALLOW], resource=policy(one("Allow", f"arn:aws:iam::{OTHER}:root"))), "denied"),
        (Policies([ALLOW], resource=UNREAD), "unknown"),
    ],
)
def test_two_accounts(policies: Policies, decision: str) -> None:
    assert ask(policies, owner=OTHER) == decision


def test_owner_that_is_not_known() -> None:
    assert ask(Policies([ALLOW]), owner=None) == "unknown"
    assert ask(Policies([ALLOW], resource=policy(one("Allow", ROLE))), owner=None) == "allowed"


@pytest.mark.parametrize(
    ("who", "key", "policies", "decision"),
    [
        (ROLE, KEY, Policies([ALLOW], resource=policy(one("Allow", ROOT))), "allowed"),
        (ROLE, KEY, Policies([ALLOW], resource=NOTHING), "denied"),
        (ROLE, KEY, Policies(resource=policy(one("Allow", ROOT))), "denied"),
        (ROLE, KEY, Policies(resource=policy(one("Allow", ROLE))), "allowed"),
        (ROOT, KEY, Policies(resource=policy(one("Allow", ROLE))), "denied"),
        (ROOT, KEY, Policies(resource=policy(one("Allow", ROOT))), "allowed"),
        (ROLE, FOREIGN_KEY, Policies(resource=policy(one("Allow", ROLE))), "denied"),
        (ROLE, FOREIGN_KEY, Policies([ALLOW], resource=policy(one("Allow", ROLE))), "allowed"),
        (ROLE, KEY, Policies(resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"])]), "allowed"),
        (ROLE, KEY, Policies(resource=NOTHING, grants=[Grant(ROLE, ["Encrypt"])]), "denied"),
        (
            ROLE,
            KEY,
            Policies(resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"], {"EncryptionContextSubset": {}})]),
            "allowed",
        ),
        (
            ROLE,
            KEY,
            Policies(resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"], CONTEXT)]),
            "unknown",
        ),
        (ROLE, KEY, Policies(resource=NOTHING, grants=None), "unknown"),
        (ROLE, KEY, Policies(resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"])], boundary=NOTHING), "unknown"),
        (ROLE, FOREIGN_KEY, Policies(resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"])]), "unknown"),
        (ROLE, FOREIGN_KEY, Policies([ALLOW], resource=NOTHING, grants=[Grant(ROLE, ["Decrypt"])]), "allowed"),
        (ROLE, KEY, Policies([EVERYTHING], resource=policy(one("Allow", ROOT)), grants=None), "allowed"),
        ("s3.amazonaws.com", KEY, Policies(resource=policy(one("Allow", ROOT))), "denied"),
    ],
)
def test_keys(who: str, key: str, policies: Policies, decision: str) -> None:
    assert evaluate(Request(Principal(who), "kms:Decrypt", key), policies).decision == decision


def test_root_can_always_change_a_bucket_policy() -> None:
    everything = Policies(resource=policy(one("Deny", "*")))
    assert ask(everything, ROOT, "s3:PutBucketPolicy") == "allowed"
    assert ask(everything, ROOT, "s3:PutObject") == "denied"
    assert ask(everything, ROOT, "s3:PutBucketPolicy", owner=OTHER) == "denied"


def test_trust() -> None:
    def assume(*trust: dict[str, Any], identity: Policy = NOTHING) -> str:
        request = Request(Principal(USER), "sts:AssumeRole", ROLE)
        return evaluate(request, Policies([identity], resource=policy(*trust))).decision

    def trusting(principal: str) -> dict[str, Any]:
        return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}

    assert assume(trusting(USER)) == "allowed"
    assert assume(trusting(ROOT)) == "denied"
    assert assume(trusting(ROOT), identity=ALLOW) == "allowed"
    assert assume(identity=ALLOW) == "denied"
    tagging = Request(Principal(USER), "sts:TagSession", ROLE)
    assert evaluate(tagging, Policies([ALLOW], resource=policy(trusting(ROOT)))).decision == "denied"


@pytest.mark.parametrize(
    "document", [{}, {"Statement": None}, {"Statement": "x"}, {"Statement": [[]]}, [], "x"], ids=str
)
def test_document_that_aws_would_not_take(document: Any) -> None:
    odd = Policy("odd", document)
    assert ask(Policies([ALLOW, odd])) == "unknown"
    assert ask(Policies([ALLOW], boundary=odd)) == "unknown"
    assert ask(Policies([odd], resource=policy(one("Deny", "*")))) == "denied"
    assert ask(Policies([ALLOW], resource=Policy("empty", {"Statement": []}))) == "allowed"


def test_service_linked_role_is_not_ours_to_know() -> None:
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    assert ask(Policies([ALLOW]), linked) == "unknown"


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        (Policies([ALLOW], resource=policy(one("Deny", "*"), name="P")), "statement Deny of P denies it"),
        (Policies([ALLOW]), "statement Allow of IAM allows it"),
        (Policies(), "no statement of the IAM policies allows it"),
        (Policies([ALLOW], boundary=NOTHING), "no statement of nothing allows it"),
        (Policies(resource=policy(one("Allow", "*"))), "statement Allow of the policy allows it"),
        (Policies(boundary=NOTHING), "no statement of the IAM policies allows it; no statement of nothing allows it"),
        (
            Policies([ALLOW], boundary=NOTHING, resource=policy(one("Allow", "*"))),
            "no statement of nothing allows it",
        ),
        (
            Policies([ALLOW, UNREAD], resource=policy(one("Deny", "*", **WHEN), name="P")),
            "statement Deny of P may deny it, which depends on aws:SourceVpce; unread was not read",
        ),
    ],
)
def test_reasons(policies: Policies, words: str) -> None:
    request = Request(Principal(ROLE), "s3:PutObject", "arn:aws:s3:::bucket/x", ACCOUNT)
    assert str(evaluate(request, policies)) == words
