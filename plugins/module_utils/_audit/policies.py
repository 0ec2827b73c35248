# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a live policy allows, and how it differs from the desired one. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from .. import _policy
from .._access.pattern import matches
from .._arn import Arn
from .._policy import Statement
from .._types import Document
from .facts import CheckResult
from .model import compliant, non_compliant

#: Conditions that limit who the principal is, where their values are fixed.
_PRINCIPAL_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "kms:calleraccount",
    }
)
_ACCOUNT_KEYS = frozenset({"aws:principalaccount", "aws:sourceaccount", "kms:calleraccount"})
_ANY_KEY = Arn("aws", "kms", "no-region-0", "000000000000", "key/00000000-0000-0000-0000-000000000000")


def allowing(document: Document) -> Iterator[tuple[str, Statement]]:
    """The statements that allow something, by name."""
    return ((name, one) for name, one in _policy.named_statements(document) if one["Effect"] == "Allow")


def speaks_of(statement: Statement, actions: Iterable[str]) -> bool:
    """Whether a statement is about one of the actions."""
    return any(_policy.has_action(statement, action) for action in actions)


def public(document: Document, actions: Sequence[str]) -> list[str]:
    """The statements that allow one of the actions to every principal.

    A condition limits that where its value is fixed. Values with wildcards or variables do not count, as for Security
    Hub's KMS.5 and S3's Block Public Access ("The meaning of public").
    """
    return [
        name
        for name, statement in allowing(document)
        if speaks_of(statement, actions)
        and ("NotPrincipal" in statement or names_everybody(statement))
        and not any(all(map(_is_fixed, values)) for values in _limits(statement, _PRINCIPAL_KEYS))
    ]


def names_everybody(statement: Statement) -> bool:
    named = {(kind, str(name)) for kind, name in _policy.principals(statement)}
    return "Principal" in statement and ("AWS", "*") in named


def _limits(statement: Statement, keys: Collection[str]) -> Iterator[list[str]]:
    """The values that conditions limit one of these keys to, one list for each condition."""
    for operator, key, values in _policy.conditions(statement):
        quantifier, _colon, name = operator.rpartition(":")
        is_limit = quantifier != "forallvalues" and not name.endswith("ifexists") and "not" not in name
        if key in keys and is_limit and name != "null" and values:
            yield values


def _is_fixed(value: str) -> bool:
    return not re.search(r"[*?]|\$\{", value) and value not in ("0.0.0.0/0", "::/0")


def external_principals(
    document: Document, actions: Sequence[str], own: Iterable[str], *, conditions_count: bool = False
) -> list[str]:
    """The principals of other accounts that are allowed one of the actions, each with its statement.

    :param own: the accounts that are not other ones
    :param conditions_count: whether a statement for everybody may name our accounts in a condition instead
    """
    accounts = set(own)
    found = set()
    for name, statement in allowing(document):
        is_limited = conditions_count and any(accounts.issuperset(one) for one in _limits(statement, _ACCOUNT_KEYS))
        if is_limited or not speaks_of(statement, actions):
            continue
        if "NotPrincipal" in statement:
            found.add(f"everybody else by {name}")
            continue
        others = (str(principal) for kind, principal in _policy.principals(statement) if kind == "AWS")
        found |= {f"{principal} by {name}" for principal in others if _account(principal) not in {None, *accounts}}
    return sorted(found)


def _account(principal: str) -> str | None:
    """The account of a principal; ``*`` for every account, ``None`` for a deleted principal."""
    if principal == "*" or re.fullmatch(r"\d{12}", principal):
        return principal
    arn = Arn.parse(principal)
    return arn.account_id if arn else None


def decrypts_everything(document: Document, partition: str) -> list[str]:
    """The statements that allow decryption under any key at all; conditions do not count, as for KMS.1 and KMS.2."""
    return [
        name
        for name, statement in allowing(document)
        if speaks_of(statement, ("kms:decrypt", "kms:reencryptfrom"))
        and covers(statement, str(_ANY_KEY._replace(partition=partition)))
    ]


def covers(statement: Statement, resource: str) -> bool:
    """Whether a statement is about a resource; with neither form of the element it is about none."""
    element = "Resource" if "Resource" in statement else "NotResource"
    patterns = _policy.listed(statement.get(element, "*"))
    return any(matches(str(pattern), resource) for pattern in patterns) == (element == "Resource")


def no_deleted_principals(document: Document | None, policy: str) -> CheckResult:
    """Whether every principal that a policy names exists.

    :param policy: what the message calls it
    """
    orphans = _policy.orphaned_principals(document) if document else []
    if orphans:
        named = ", ".join(f"{orphan['principal']} in {orphan['sid']}" for orphan in orphans)
        return non_compliant("unusable", f"The {policy} names principals that were deleted: {named}.")
    return compliant(f"Every principal that the {policy} names exists.")


def compare_statements(document: Document | None, desired: Sequence[Statement], partition: str) -> CheckResult:
    """Whether a policy has each of the desired statements."""
    different = differences(document, desired, partition)
    if different:
        return non_compliant("differs", f"Of the statements of the storage profile, {'; '.join(different)}.")
    return compliant(f"It has {', '.join(str(statement['Sid']) for statement in desired)}, unchanged.")


def differences(document: Document | None, desired: Sequence[Statement], partition: str) -> list[str]:
    """How the statements of a policy differ from the desired ones of the same Sid, each as the end of a sentence."""
    found: dict[str, list[Statement]] = {}
    for name, statement in _policy.named_statements(document) if document else ():
        found.setdefault(name, []).append(statement)
    return [text for one in desired if (text := _difference(one, found.get(str(one["Sid"]), []), partition))]


def _difference(desired: Statement, live: Sequence[Statement], partition: str) -> str:
    sid = desired["Sid"]
    if not live:
        return f"{sid} is missing"
    if len(live) > 1:
        return f"{sid} exists {len(live)} times"
    elements = differing_elements(desired, live[0], partition)
    return f"{sid} differs in {', '.join(elements)}" if elements else ""


def differing_elements(desired: Statement, live: Statement, partition: str) -> list[str]:
    """The elements that do not mean the same in two statements of one Sid."""

    def only(statement: Statement, element: str) -> Statement:
        return {element: statement[element]} if element in statement else {}

    return [
        element
        for element in dict.fromkeys([*desired, *live])
        if not _policy.same_statement(only(desired, element), only(live, element), partition=partition)
    ]
