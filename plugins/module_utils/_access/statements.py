# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a statement speaks of a request. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .. import _policy
from .._policy import Statement
from .conditions import holds
from .model import Policy, Reason, Request
from .pattern import Partial, Unresolved, match, match_arn, tokens
from .ternary import Ternary, all_of, any_of, negated

#: As what a statement of a resource's policy names the principal: by a name of its own, as a session or user, as one of
#: everybody, or by its account.
Way = t.Literal["principal", "session", "everybody", "account"]


_EFFECTS = ("Allow", "Deny")
_ELEMENTS = ("Action", "NotAction", "Resource", "NotResource")


@dataclass(frozen=True)
class Applied:
    """A statement that speaks of the request, or may.

    :param applies: ``None`` where that is not known
    :param way: how the statement names the principal
    """

    reason: Reason
    applies: t.Literal[True] | None
    way: Way = "principal"


def applied(
    policy: Policy, request: Request, *, of_resource: bool = False, bounded: Ternary = False
) -> Iterator[Applied]:
    """The statements of a document that speak of a request, or may.

    :param of_resource: whether it is the policy of the resource, in which a statement names principals
    :param bounded: whether the principal has a permissions boundary
    """
    if policy.document is None or not policy.is_read:
        return
    variables = str(policy.document.get("Version", "")) >= _policy.VERSION
    for name, statement in _policy.named_statements(policy.document):
        if not _is_well_formed(statement):
            for effect in _EFFECTS if statement.get("Effect") not in _EFFECTS else [statement["Effect"]]:
                yield Applied(Reason(policy.name, name, effect, ("what AWS takes it for",)), None)
            continue
        reading = _Reading(request, statement, variables, bounded)
        ways: dict[Way, Ternary] = reading.principal() if of_resource or _names(statement) else {"principal": True}
        for way, named in ways.items():
            found = all_of((named, reading.rest(of_resource)))
            if found is not False:
                unknown = () if found else tuple(dict.fromkeys(reading.unknown)) or ("its Principal",)
                yield Applied(Reason(policy.name, name, statement["Effect"], unknown), found, way)


def _is_well_formed(statement: Statement) -> bool:
    """Whether it is written as AWS demands; what AWS makes of another one is not known."""
    texts = [one for name in _ELEMENTS if name in statement for one in _policy.listed(statement[name])]
    names = [name for _kind, name in _policy.principals(statement)]
    condition = statement.get("Condition", {})
    operands = condition.values() if isinstance(condition, Mapping) else [None]
    return (
        statement.get("Effect") in _EFFECTS
        and set(statement) <= set(_policy.ELEMENTS)
        and not any(name in statement and f"Not{name}" in statement for name in _policy.ELEMENTS)
        and all(isinstance(text, str) for text in [*texts, *names])
        and all(names)
        and all(isinstance(keys, Mapping) and _are_operands(keys) for keys in operands)
    )


def _are_operands(keys: Mapping[str, t.Any]) -> bool:
    is_each_once = len({str(key).lower() for key in keys}) == len(keys)
    return is_each_once and all(map(_is_operand, keys.values()))


def _is_operand(values: t.Any) -> bool:
    return all(isinstance(value, (str, bool, int, float)) for value in _policy.listed(values))


def _names(statement: Statement) -> bool:
    return "Principal" in statement or "NotPrincipal" in statement


class _Reading:
    """One statement, read for one request; it collects what is not known."""

    def __init__(self, request: Request, statement: Statement, variables: bool, bounded: Ternary) -> None:
        self.request = request
        self.statement = statement
        self.bounded = bounded
        self.resolve: Callable[[str], str] | None = self._resolve if variables else None
        self.unknown: list[str] = []

    def rest(self, of_resource: bool) -> Ternary:
        action = self._element("Action", self._is_action)
        if action is False:
            return False
        return all_of((action, self._element("Resource", self._is_resource, of_resource), *self._conditions()))

    # --- Action, Resource, Condition ---

    def _element(self, element: str, is_named: Callable[[str], Ternary], of_resource: bool = False) -> Ternary:
        """Whether an element or its ``Not`` form speaks of the request; with neither it speaks of nothing."""
        if element in self.statement:
            return any_of(map(is_named, map(str, _policy.listed(self.statement[element]))))
        if f"Not{element}" in self.statement:
            found = negated(any_of(map(is_named, map(str, _policy.listed(self.statement[f"Not{element}"])))))
            if found and element == "Resource" and self.request.resource == "*":
                self.unknown.append("the resource")
                return None  # an action without a resource is not about another one
            return found
        # A trust policy knows no Resource: it is about its role.
        return of_resource and element == "Resource" and self.request.service == "sts"

    def _is_action(self, pattern: str) -> Ternary:
        return match(tokens(pattern.lower()), self.request.action.lower())

    def _is_resource(self, pattern: str) -> Ternary:
        try:
            found = match_arn(tokens(pattern, self.resolve), self.request.resource)
        except Unresolved as variable:
            self.unknown.append(variable.key)
            return None
        if found is None:
            self.unknown.append("the resource")
        return found

    def _conditions(self) -> Iterator[Ternary]:
        for operator, key, expected in _policy.conditions(self.statement, fold=str):
            known, values = self.request.values(key)
            try:
                found = holds(operator.lower(), expected, known, values, self.resolve)
            except Unresolved as variable:
                found, key = None, variable.key
            if found is None:
                self.unknown.append(key)
            yield found

    def _resolve(self, variable: str) -> str:
        key, comma, default = variable.partition(",")
        known, values = self.request.values(key.strip())
        if known and not values and comma:
            return default.strip().strip("'")
        if len(values) != 1 or isinstance(values[0], Partial) or re.search(r"[*?]", values[0]):
            raise Unresolved(key.strip(), absent=known and not values)
        return values[0]

    # --- Principal ---

    def principal(self) -> dict[Way, Ternary]:
        """By which ways the statement names the principal; a way is missing where it does not."""
        if "NotPrincipal" in self.statement:
            # A Deny spares nobody who has a boundary: user guide, "Permissions boundaries for IAM entities".
            bounded = self.statement["Effect"] == "Deny" and self.bounded
            named: dict[Way, Ternary] = {"principal": any_of((bounded, self._not_principal()))}
        else:
            named = self._named()
        return {way: found for way, found in named.items() if found is not False}

    def _named(self) -> dict[Way, Ternary]:
        ways: dict[Way, Ternary] = {}
        for kind, name in _policy.principals(self.statement):
            way, found = self._name(kind, str(name))
            ways[way] = any_of((ways.get(way, False), found))
        return ways

    def _name(self, kind: str, name: str) -> tuple[Way, Ternary]:
        """How one name of the element speaks of the principal."""
        who = self.request.principal
        if name == "*" and kind == "AWS":
            # Whether a token is meant as well, the user guide does not say.
            return ("everybody" if who.kind == "AWS" else "principal"), (None if who.kind == "Federated" else True)
        if not who.kind or kind not in ("AWS", "Service", "Federated"):
            return "principal", None  # a canonical user is an account by a name that only S3 knows
        if kind != who.kind:
            return "principal", False
        if kind != "AWS":
            return "principal", match(tokens(name), who.arn) and (name == who.arn or None)
        if name in (who.account_id, who.root):
            return ("principal" if who.is_root else "account"), True
        if who.session and (found := match(tokens(name, wildcards=False), who.session)) is not False:
            if found is None:
                self.unknown.append("the name of the session")
            return "session", found
        own = {without_path(one) for one in (who.role, who.arn) if one} | {who.unique_id}
        return ("session" if who.is_user else "principal"), without_path(name) in own

    def _not_principal(self) -> Ternary:
        who = self.request.principal
        names = [(kind, str(name)) for kind, name in _policy.principals(self.statement)]
        if ("AWS", "*") in names:
            return False
        if not who.kind or any(kind == "CanonicalUser" for kind, _name in names):
            return None
        if who.kind != "AWS":
            return (who.kind, who.arn) not in names
        found = {way: found for kind, name in names for way, found in (self._name(kind, name),) if found is not False}
        if self.statement["Effect"] == "Allow":
            return not found or None
        # AWS looks for the account, the role and the session of it: a Deny spares only who is named with all of them.
        needed: set[Way] = {"principal"} if who.is_root else {"account", "session"}
        if not who.is_root and not who.is_user:
            needed.add("principal")
        if needed <= set(found):
            return None if None in found.values() else False
        return True


def without_path(arn: str) -> str:
    """A role or user without its path, which the ARN of a session does not tell; names are unique without it."""
    return re.sub(r"^(arn:[^:]+:iam::\d{12}:(?:role|user)/).*/", r"\1", str(arn).replace(":role/*", ":role/"))
