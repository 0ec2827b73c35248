# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every policy: nothing foreign is touched, ours is exact, and nobody is locked out by accident.

Some 2,700 generated key and bucket policies. What is right is told without the code under test: by comparing text, and
by the evaluator of the emulators in ``tests/support``.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.coffer.velero.plugins.module_utils._access.evaluate import EVERYTHING, evaluate
from ansible_collections.coffer.velero.plugins.module_utils._access.lockout import refuse_lockout
from ansible_collections.coffer.velero.plugins.module_utils._access.model import Policies, Policy, Principal
from ansible_collections.coffer.velero.plugins.module_utils._access.requests import direct
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._policy import (
    merge,
    orphaned_principals,
    parse,
    same_statement,
    text,
)
from tests.support.moto_patches import policy as independent

Document = dict[str, Any]

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CALLER = f"arn:aws:iam::{ACCOUNT}:role/admin"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BUCKET = "arn:aws:s3:::velero-backups"
OUR_SIDS = ("VeleroUse", "VeleroAdministration", "VeleroDenyOtherKey")

# --- policies as others write them

AWS_PRINCIPALS = (
    "*",
    ACCOUNT,
    ROOT,
    CALLER,
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/admin",
    f"arn:aws:iam::{ACCOUNT}:user/me",
    "444455556666",
    "arn:aws:iam::444455556666:role/reader",
    "AROADBQP57FF2AEXAMPLE",
)
ACTIONS = (
    "*", "kms:*", "kms:Put*", "kms:PutKeyPolicy", "kms:Decrypt", "KMS:decrypt", "kms:GenerateDataKey*", "s3:*",
    "s3:PutObject", "s3:GetObject", "s3:PutBucketPolicy", "s3:List?ucket",
)  # fmt: skip
RESOURCES = ("*", KEY, BUCKET, f"{BUCKET}/*", f"{BUCKET}/${{aws:username}}/*")
CONDITION_VALUES = {
    "aws:SecureTransport": (True, False, "true", "false"),
    "kms:ViaService": ("s3.eu-central-1.amazonaws.com", "ec2.eu-central-1.amazonaws.com"),
    "aws:PrincipalOrgID": ("o-a1b2c3d4e5",),
    "s3:max-keys": (10, "10"),
}
OPERATORS = ("StringEquals", "StringNotEqualsIfExists", "StringLike", "Bool", "Null", "ForAnyValue:StringLike")


PAIRS = [
    (principal, action, resource)
    for principal in ("Principal", "NotPrincipal")
    for action in ("Action", "NotAction")
    for resource in ("Resource", "NotResource")
] + [("Principal", "Action", "Resource")] * 8
FOREIGN_SIDS = (None, None, "", "Enable IAM User Permissions", "AWSCloudTrailWrite20150319", "velerouse", "S3-X")

SEEDS = st.integers(0, 2**32)


def some(chance: random.Random, values: tuple[Any, ...]) -> Any:
    """One value, or a list of them, possibly with repetitions."""
    if chance.random() < 0.4:
        return chance.choice(values)
    return chance.choices(values, k=chance.randint(1, 3))


def principal(chance: random.Random) -> Any:
    kind = chance.choice(("*", "AWS", "AWS", "Service", "both"))
    if kind == "*":
        return "*"
    names = {"AWS": some(chance, AWS_PRINCIPALS), "Service": some(chance, ("s3.amazonaws.com", "sns.amazonaws.com"))}
    return names if kind == "both" else {kind: names[kind]}


def condition(chance: random.Random) -> Document:
    operators = chance.sample(OPERATORS, chance.randint(0, 2))
    keys = chance.choices(sorted(CONDITION_VALUES), k=len(operators))
    return {operator: {key: some(chance, CONDITION_VALUES[key])} for operator, key in zip(operators, keys, strict=True)}


def statement(seed: int, sid: str | None, *, simple: bool = False) -> Document:
    """A statement of anybody's; a simple one has no condition and none of the elements with Not.

    Made from one number, since drawing every part from Hypothesis takes ten times as long.
    """
    chance = random.Random(seed)
    names = chance.choice(PAIRS[-1:] if simple else PAIRS)
    result: Document = {} if sid is None else {"Sid": sid}
    result["Effect"] = chance.choice(("Allow", "Allow", "Deny"))
    values = (principal(chance), some(chance, ACTIONS), some(chance, RESOURCES))
    result.update(zip(names, values, strict=True))
    if not simple and chance.random() < 0.5:
        result["Condition"] = condition(chance)
    return result


def foreign_statements(*, simple: bool = False) -> st.SearchStrategy[list[Document]]:
    one = st.builds(lambda seed: statement(seed, FOREIGN_SIDS[seed % len(FOREIGN_SIDS)], simple=simple), SEEDS)
    return st.lists(one, max_size=4)


def our_statements(*, simple: bool = False) -> st.SearchStrategy[list[Document]]:
    """Some of ours, in any order."""

    def choose(seed: int) -> list[Document]:
        chance = random.Random(seed)
        sids = chance.sample(OUR_SIDS, chance.randint(1, len(OUR_SIDS)))
        return [statement(seed + number, sid, simple=simple) for number, sid in enumerate(sids)]

    return st.builds(choose, SEEDS)


FOREIGN = foreign_statements()
OURS = our_statements()
ENVELOPES = st.sampled_from(
    (
        {"Version": "2012-10-17"},
        {"Version": "2008-10-17"},
        {},
        {"Version": "2012-10-17", "Id": "key-consolepolicy-3"},
        {"Version": "2008-10-17", "Id": "Policy1415115909152"},
    )
)


def document(envelope: Document, content: list[Document]) -> Document:
    """A document as it comes from AWS: through text; one statement often stands there without a list."""
    shape: Any = content[0] if len(content) == 1 else content
    return dict(parse(json.dumps({**envelope, "Statement": shape}), option="key_id", resource=KEY))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def foreign_of(shared: Any) -> list[str]:
    """Everything that is not ours, to the letter and in its order."""
    return [json.dumps(one) for one in listed(shared["Statement"]) if one.get("Sid") not in OUR_SIDS]


def ours_of(shared: Any) -> dict[str, Document]:
    found = [one for one in listed(shared["Statement"]) if one.get("Sid") in OUR_SIDS]
    assert len(found) == len({one["Sid"] for one in found}), "one of our Sids stands there twice"
    return {one["Sid"]: one for one in found}


def mixed(foreign: list[Document], ours: list[Document], seed: int) -> list[Document]:
    """Ours anywhere between the foreign ones, whose order stays."""
    result = list(foreign)
    chance = random.Random(seed)
    for one in ours:
        result.insert(chance.randint(0, len(result)), one)
    return result


# --- the same, spelled otherwise


def respelled(statement: Document, seed: int) -> Document:
    """A statement with the same meaning, as AWS, a console or a colleague would write it."""
    chance = random.Random(seed)

    def items(value: Any, spell: Any = lambda one: one) -> Any:
        many = [spell(one) for one in listed(value)]
        many += chance.sample(many, chance.randint(0, 1))
        chance.shuffle(many)
        many = list(dict.fromkeys(many)) if chance.random() < 0.5 else many
        return many[0] if len(set(map(str, many))) == 1 and chance.random() < 0.5 else many

    def spelled_principal(value: Any) -> Any:
        if value in ("*", {"AWS": "*"}):
            return chance.choice(["*", {"AWS": "*"}, {"AWS": ["*"]}])
        return {kind: items(names, account) for kind, names in (value.items() if value != "*" else [("AWS", "*")])}

    def account(name: str) -> str:
        return chance.choice([ACCOUNT, ROOT]) if name in (ACCOUNT, ROOT) else name

    def cased(name: str) -> str:
        return chance.choice([name, name.lower(), name.upper()])

    def value_text(value: Any) -> Any:
        return chance.choice([value, json.dumps(value)]) if not isinstance(value, str) else value

    def spelled_condition(value: Document) -> Document:
        turned = [
            (cased(op), {cased(key): items(v, value_text) for key, v in keys.items()}) for op, keys in value.items()
        ]
        chance.shuffle(turned)
        return dict(turned)

    spell = {
        "Principal": spelled_principal, "NotPrincipal": spelled_principal, "Condition": spelled_condition,
        "Action": lambda value: items(value, cased), "NotAction": lambda value: items(value, cased),
        "Resource": items, "NotResource": items,
    }  # fmt: skip
    turned = [(name, spell[name](value) if name in spell else value) for name, value in statement.items()]
    chance.shuffle(turned)
    return dict(turned)


# --- merge


@given(FOREIGN, OURS, OURS, ENVELOPES, SEEDS)
def test_foreign_statements_are_kept_and_ours_are_exact(
    foreign: list[Document], old: list[Document], wanted: list[Document], envelope: Document, seed: int
) -> None:
    current = document(envelope, mixed(foreign, old, seed))
    merged = merge(current, wanted)
    after = json.loads(text(merged.document))
    assert foreign_of(after) == foreign_of(current)
    assert {name: value for name, value in after.items() if name != "Statement"} == envelope
    left = {one["Sid"] for one in old} - {one["Sid"] for one in wanted}
    assert len(merged.kept) == len(foreign) + len(left), "every foreign statement is named"
    for one in wanted:
        # To the letter, but where the old one means the same and stays as it is.
        found = ours_of(after)[one["Sid"]]
        assert found == one or (found in old and same_statement(found, one, partition="aws"))
    assert set(ours_of(after)) == {one["Sid"] for one in (*old, *wanted)}


@given(FOREIGN, OURS, ENVELOPES, SEEDS)
def test_spelling_is_no_change(foreign: list[Document], wanted: list[Document], envelope: Document, seed: int) -> None:
    current = document(envelope, mixed(foreign, [respelled(one, seed) for one in wanted], seed))
    merged = merge(current, wanted)
    assert merged.differences == ()
    assert merged.document is current
    assert len(merged.kept) == len(foreign)


@given(FOREIGN, OURS, OURS, ENVELOPES, SEEDS)
def test_merge_is_idempotent(
    foreign: list[Document], old: list[Document], wanted: list[Document], envelope: Document, seed: int
) -> None:
    merged = merge(document(envelope, mixed(foreign, old, seed)), wanted)
    assert bool(merged.differences) == (merged.document != document(envelope, mixed(foreign, old, seed)))
    again = merge(json.loads(text(merged.document)), wanted)
    assert again.differences == ()
    assert again.kept == merged.kept
    assert (
        merge(json.loads(text(merged.document)), [respelled(one, seed) for one in reversed(wanted)]).differences == ()
    )


@given(FOREIGN, OURS, ENVELOPES)
def test_merge_is_undone_by_absent(foreign: list[Document], wanted: list[Document], envelope: Document) -> None:
    current = document(envelope, foreign)
    merged = merge(current, wanted)
    undone = merge(merged.document, [], absent_sids=[one["Sid"] for one in wanted])
    assert undone.document == {**current, "Statement": listed(current["Statement"])}
    assert text(undone.document) == text({**current, "Statement": listed(current["Statement"])})
    assert [(one.before, one.after) for one in undone.differences] == [
        (one.after, one.before) for one in merged.differences
    ]
    assert merge(undone.document, [], absent_sids=OUR_SIDS).document is undone.document


@given(FOREIGN, OURS, OURS, ENVELOPES, SEEDS)
def test_purge_leaves_ours_alone(
    foreign: list[Document], old: list[Document], wanted: list[Document], envelope: Document, seed: int
) -> None:
    current = document(envelope, mixed(foreign, old, seed))
    merged = merge(current, wanted, purge=True)
    assert foreign_of(merged.document) == []
    assert set(ours_of(merged.document)) == {one["Sid"] for one in wanted}
    assert merged.kept == ()
    gone = [statement for one in merged.differences if one.after is None for statement in listed(one.before)]
    assert sorted(json.dumps(one) for one in gone if one.get("Sid") not in OUR_SIDS) == sorted(foreign_of(current))


@given(SEEDS, st.sampled_from(("Effect", "Action", "Resource", "Principal", "Condition")))
def test_another_meaning_is_a_change(seed: int, element: str) -> None:
    """A statement that says one thing more, or the contrary, is told apart in every spelling."""
    wanted = statement(seed, "VeleroUse")
    other = json.loads(json.dumps(wanted))
    if element == "Effect":
        other["Effect"] = "Deny" if wanted["Effect"] == "Allow" else "Allow"
    elif element == "Condition":
        other["Condition"] = {**other.get("Condition", {}), "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    else:
        name = element if element in other else f"Not{element}"
        if element == "Principal":
            other[name] = {**(other[name] if other[name] != "*" else {"AWS": "*"}), "Federated": "accounts.google.com"}
        else:
            other[name] = [*listed(other[name]), "kms:OneMore"]
    assert [one.name for one in merge({"Statement": respelled(other, seed)}, [wanted]).differences] == ["VeleroUse"]


@given(FOREIGN, OURS)
def test_orphans_are_all_found(foreign: list[Document], wanted: list[Document]) -> None:
    merged = merge(document({}, foreign), wanted).document
    assert len(orphaned_principals(merged)) == text(merged).count('"AROADBQP57FF2AEXAMPLE"')


# --- lockout

ACCESSES = {
    "the caller": direct(Principal(CALLER), "kms:PutKeyPolicy", KEY),
    "the account root": direct(Principal(ROOT), "kms:PutKeyPolicy", KEY),
}
# The evaluator of the emulators does not know that a path is no part of a role's name.
REQUESTS = {
    "the caller": independent.Request(
        independent.Caller((CALLER, AWS_PRINCIPALS[4]), ACCOUNT), "kms:PutKeyPolicy", KEY
    ),
    "the account root": independent.Request(independent.Caller((), ACCOUNT), "kms:PutKeyPolicy", KEY),
}
KEEPS_ROOT = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*",
              "Resource": "*"}  # fmt: skip


def allowed(shared: Any) -> set[str]:
    """Who may change the policy, told by the other evaluator."""
    return {who for who, request in REQUESTS.items() if independent.verdict(shared, request) == "Allow"}


@given(foreign_statements(simple=True))
def test_evaluation_agrees_with_the_other_evaluator(content: list[Document]) -> None:
    shared = document({}, [*content, KEEPS_ROOT] if len(content) % 2 else content)
    policies = Policies([EVERYTHING], resource=Policy("the policy", shared))
    decisions = {who: evaluate(request, policies).decision for who, request in ACCESSES.items()}
    assert {who for who, decision in decisions.items() if decision == "allowed"} == allowed(shared)
    assert "unknown" not in decisions.values()


@given(foreign_statements(simple=True), our_statements(simple=True), st.booleans())
def test_lockout_is_refused(foreign: list[Document], wanted: list[Document], purge: bool) -> None:
    """Exactly the changes that take the policy out of somebody's hands are refused, and the message names the first."""
    before = document({}, [KEEPS_ROOT, *foreign])
    assume(allowed(before))
    after = merge(before, wanted, purge=purge).document
    lost = allowed(before) - allowed(after)
    # Whoever had nothing to lose cannot be why.
    let_in = {who: access for who, access in ACCESSES.items() if who in allowed(before)}
    if not lost:
        return refuse_lockout(before, after, let_in, option="statements", remediation="Keep {who}.")
    with pytest.raises(ValidationError) as refused:
        refuse_lockout(before, after, let_in, option="statements", remediation="Keep {who}.")
    first = next(who for who in ACCESSES if who in lost)
    assert refused.value.reason.startswith(f"would no longer let {first} call kms:PutKeyPolicy: ")
    return None
