# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a policy that is in force lets others do. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.coffer.velero.plugins.module_utils import _policy
from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

Statement = Mapping[str, t.Any]

#: Conditions that tell who may come, wherever their values are fixed.
_WHO = frozenset(
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
    """The statements that let somebody in, by name."""
    return ((name, one) for name, one in _policy.named_statements(document) if one["Effect"] == "Allow")


def speaks_of(statement: Statement, actions: Iterable[str]) -> bool:
    """Whether a statement is about one of the actions, which are given in lower case."""
    names = statement.get("Action", statement.get("NotAction", ()))
    patterns = [str(pattern).lower() for pattern in _policy.listed(names)]
    negated = "Action" not in statement
    return any(any(_policy.matches(pattern, action) for pattern in patterns) != negated for action in actions)


def public(document: Document, actions: Sequence[str]) -> list[str]:
    """The statements by which anybody may do one of the actions.

    That is anybody for whom no condition with a fixed value says who it is: values with wildcards or variables do not
    count, as Security Hub does it for KMS.5 and S3 for its block of public policies ("The meaning of public").
    """
    return [
        name
        for name, statement in allowing(document)
        if speaks_of(statement, actions) and _is_anybody(statement) and not _says_who(statement)
    ]


def _is_anybody(statement: Statement) -> bool:
    return "NotPrincipal" in statement or ("AWS", "*") in set(_principals(statement))


def _principals(statement: Statement) -> Iterator[tuple[str, str]]:
    return ((kind, str(name)) for kind, name in _policy.principals(statement))


def _says_who(statement: Statement) -> bool:
    return any(
        key in _WHO and _is_positive(operator) and values and all(map(_is_fixed, values))
        for operator, key, values in _policy.conditions(statement)
    )


def _is_positive(operator: str) -> bool:
    quantifier, _colon, name = operator.rpartition(":")
    return quantifier != "forallvalues" and not name.endswith("ifexists") and "not" not in name and name != "null"


def _is_fixed(value: str) -> bool:
    return not re.search(r"[*?]|\$\{", value) and value not in ("0.0.0.0/0", "::/0")


def strangers(
    document: Document, actions: Sequence[str], own: Iterable[str], *, conditions_count: bool = False
) -> list[str]:
    """The principals of other accounts that may do one of the actions, each with its statement.

    :param own: the accounts that are not other ones
    :param conditions_count: whether a statement for everybody may name our accounts in a condition instead
    """
    accounts = set(own)
    found = set()
    for name, statement in allowing(document):
        if not speaks_of(statement, actions) or (conditions_count and _names_account(statement, accounts)):
            continue
        if "NotPrincipal" in statement:
            found.add(f"everybody else by {name}")
            continue
        others = (principal for kind, principal in _principals(statement) if kind == "AWS")
        found |= {f"{principal} by {name}" for principal in others if _account(principal) not in {None, *accounts}}
    return sorted(found)


def _names_account(statement: Statement, accounts: set[str]) -> bool:
    """Whether a condition lets in these accounts only."""
    return any(
        key in _ACCOUNT_KEYS and _is_positive(operator) and bool(values) and set(values) <= accounts
        for operator, key, values in _policy.conditions(statement)
    )


def _account(principal: str) -> str | None:
    """The account of a principal; ``*`` is of every account, a deleted one of none."""
    if principal == "*" or re.fullmatch(r"\d{12}", principal):
        return principal
    arn = Arn.parse(principal)
    return arn.account_id if arn else None


def decrypts_everything(document: Document, partition: str) -> list[str]:
    """The statements that allow decryption under any key at all; conditions do not count, as in KMS.1 and KMS.2."""
    return [
        name
        for name, statement in allowing(document)
        if speaks_of(statement, ("kms:decrypt", "kms:reencryptfrom"))
        and covers(statement, str(_ANY_KEY._replace(partition=partition)))
    ]


def covers(statement: Statement, resource: str) -> bool:
    """Whether a statement is about a resource."""
    patterns = _policy.listed(statement.get("Resource", statement.get("NotResource", ())))
    matched = any(_policy.matches(str(pattern), resource) for pattern in patterns)
    return matched != ("Resource" not in statement)


def differences(document: Document | None, wanted: Sequence[Statement], partition: str) -> list[str]:
    """How the statements that are ours differ from those that are wanted, by Sid, each as a short sentence."""
    found: dict[str, list[Statement]] = {}
    for name, statement in _policy.named_statements(document) if document else ():
        found.setdefault(name, []).append(statement)
    return [text for one in wanted if (text := _difference(one, found.get(str(one["Sid"]), []), partition))]


def _difference(wanted: Statement, live: Sequence[Statement], partition: str) -> str:
    sid = wanted["Sid"]
    if not live:
        return f"{sid} is missing"
    if len(live) > 1:
        return f"{sid} is there {len(live)} times"
    elements = [
        element
        for element in dict.fromkeys([*wanted, *live[0]])
        if not _policy.same_statement(_only(wanted, element), _only(live[0], element), partition=partition)
    ]
    return f"{sid} differs in {', '.join(elements)}" if elements else ""


def _only(statement: Statement, element: str) -> Statement:
    return {element: statement[element]} if element in statement else {}
