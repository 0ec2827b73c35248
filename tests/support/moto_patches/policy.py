# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small policy evaluation for resource policies: bucket policies, and the lockout check of key policies.

It knows Principal, NotPrincipal, Action, NotAction, Resource, NotResource and the Condition operators below. What
it does not know it refuses loudly: a wrong verdict would make a wrong policy look right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class UnknownOperatorError(Exception):
    """A Condition operator that this evaluation was not taught."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the ARNs a policy can name (user, or role and session), and the account."""

    arns: tuple[str, ...]
    account: str
    partition: str = "aws"

    @property
    def root(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:root"


@dataclass(frozen=True)
class Request:
    """What is asked: ``context`` has lower-case condition keys, absent where AWS would have none."""

    caller: Caller
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def verdict(policy: Mapping[str, Any], request: Request) -> str:
    """``Deny``, ``Allow`` or, where no statement speaks of the request, ``""``."""
    effects = {statement.get("Effect", "") for statement in statements(policy) if applies(statement, request)}
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else ""


def statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [statement for statement in _listed(policy.get("Statement", [])) if isinstance(statement, dict)]


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement speaks of this request."""
    return (
        _principal_matches(statement, request.caller)
        and _element_matches(statement, "Action", request.action, ignore_case=True)
        and _element_matches(statement, "Resource", request.resource)
        and all(
            _condition_holds(operator, key, _listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def principals(statement: Mapping[str, Any]) -> list[str]:
    """The AWS principals that a statement names, in ``Principal`` or ``NotPrincipal``."""
    named = []
    for element in ("Principal", "NotPrincipal"):
        value = statement.get(element, {})
        named += ["*"] if value == "*" else [str(one) for one in _listed(value.get("AWS", []))]
    return named


def matches(pattern: str, value: str) -> bool:
    """IAM's wildcards: ``*`` any run, ``?`` any one character."""
    return _pattern(pattern).fullmatch(value) is not None


def _pattern(pattern: str, flags: int = re.DOTALL) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern), flags)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _principal_matches(statement: Mapping[str, Any], caller: Caller) -> bool:
    names = {*caller.arns, caller.root, caller.account, "*"}
    named = any(one in names for one in principals(statement))
    return not named if "NotPrincipal" in statement else named


def _element_matches(statement: Mapping[str, Any], element: str, value: str, *, ignore_case: bool = False) -> bool:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)

    def any_of(patterns: Iterable[str]) -> bool:
        return any(_pattern(one, flags).fullmatch(value) for one in patterns)

    if element in statement:
        return any_of(_listed(statement[element]))
    # A statement that has neither form has no effect.
    return f"Not{element}" in statement and not any_of(_listed(statement[f"Not{element}"]))


def _same_bool(wanted: str, actual: str) -> bool:
    return wanted.lower() == actual.lower()


def _arn_matches(wanted: str, actual: str) -> bool:
    """Six parts, each with its own wildcards."""
    pattern, arn = wanted.split(":", 5), actual.split(":", 5)
    return len(pattern) == len(arn) and all(map(matches, pattern, arn))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": matches,
    "Bool": _same_bool,
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
}


def _condition_holds(operator: str, key: str, wanted: list[Any], context: Mapping[str, str]) -> bool:
    values = [str(one).lower() if isinstance(one, bool) else str(one) for one in wanted]
    actual = context.get(key.lower())
    if operator == "Null":
        return (actual is None) == (values[0].lower() == "true")
    base = operator.removesuffix("IfExists")
    negated = "Not" in base
    compare = _OPERATORS.get(base.replace("Not", "", 1))
    if compare is None:
        raise UnknownOperatorError(f"tests/support/moto_patches/policy.py does not know the operator {operator}")
    if actual is None:
        # An absent key meets a negated operator and IfExists; it fails every other one.
        return negated or base != operator
    return any(compare(one, actual) for one in values) != negated
