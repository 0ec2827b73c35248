# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents that are shared with others. Pure. PRIVATE to coffer.velero.

A task owns the statements whose ``Sid`` it was given, and no others. This file parses documents, tells whether two
statements mean the same, merges the owned ones into a document without touching an unmanaged one, and refuses a result
that would lock its owner out. It reads from top to bottom in that order.
"""

from __future__ import annotations

import itertools
import json
import re
import typing as t
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ._access.pattern import matches
from ._arn import Arn
from ._errors import ValidationError
from ._plan import Difference
from ._types import Document

Statement = Mapping[str, t.Any]

VERSION = "2012-10-17"

#: Sids of resource policies: AWS's own have spaces (KMS) and hyphens (S3) where those of IAM have neither.
_SID = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]*")
_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)

# --- parse -----------------------------------------------------------------------------------------------------------


def parse(policy: str | Mapping[str, t.Any], *, option: str, resource: str) -> Document:
    """A policy document from its text or as a mapping, otherwise unchanged.

    :param option: the option that a refusal names
    :param resource: what the document belongs to, for example an ARN
    :raises ValidationError: where it is not a policy document; it is never read as an empty one
    """

    def refuse(reason: str) -> t.NoReturn:
        remediation = "Correct the document first: nothing can be merged into it as it is."
        raise ValidationError(option, resource, reason, remediation)

    document: t.Any = policy
    if isinstance(policy, str):
        try:
            document = json.loads(policy, object_pairs_hook=_object)
        except ValueError as error:
            refuse(f"has a policy that is not valid JSON ({error})")
    if not isinstance(document, Mapping):
        refuse("has a policy that is not a JSON object")
    if "Statement" not in document:
        refuse("has a policy without Statement")
    for position, statement in enumerate(listed(document["Statement"]), 1):
        if not isinstance(statement, Mapping):
            refuse(f"has a policy whose statement #{position} is not a JSON object")
        if "Effect" not in statement:
            refuse(f"has a policy whose statement {_name(statement, position)} has no Effect")
        if not _is_condition(statement.get("Condition", {})):
            refuse(f"has a policy whose statement {_name(statement, position)} has a malformed Condition")
    return t.cast("Document", document)


def desired_statements(
    statements: Sequence[t.Any],
    *,
    option: str = "statements",
    required: Sequence[str] = ("Principal", "Action", "Resource"),
) -> list[Statement]:
    """The statements that a task wants to own, each under its Sid.

    :param required: the elements that each needs, itself or in its ``Not`` form; a trust policy knows no Resource
    :raises ValidationError: for a statement that AWS would refuse, and for one that it would take and that has no
        effect
    """
    sids: set[str] = set()
    for position, statement in enumerate(statements, 1):
        fault = _fault(statement, required)
        sid = statement.get("Sid") if isinstance(statement, Mapping) else None
        if fault:
            raise ValidationError(option, str(sid or f"#{position}"), *fault)
        if sid in sids:
            remediation = "Give each statement a Sid of its own: it is owned by that name."
            raise ValidationError(option, str(sid), "is the Sid of more than one statement", remediation)
        sids.add(str(sid))
    return list(statements)


def _fault(statement: t.Any, required: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a statement that a task wants, and the remediation."""
    if not isinstance(statement, Mapping):
        return "is not a statement", f"Give a mapping with Sid, Effect, {', '.join(required)}."
    if not statement.get("Sid"):
        return "has no Sid", "Give it one: a statement is found again, replaced and removed by its Sid."
    if not isinstance(statement["Sid"], str) or not _SID.fullmatch(statement["Sid"]):
        return "is not a Sid", "Use letters, digits, spaces and hyphens, as text, and begin with a letter or a digit."
    unknown = sorted(set(statement) - set(_ELEMENTS))
    if unknown:
        return f"has {', '.join(unknown)}, which AWS does not know", f"Elements are {', '.join(_ELEMENTS)}."
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "has no Effect of Allow or Deny", "Set one, spelled like this."
    for element in required:
        if (element in statement) == (f"Not{element}" in statement):
            how = f"both {element} and" if element in statement else f"neither {element} nor"
            return f"has {how} Not{element}", "Give exactly one: a statement without it has no effect."
    if not _is_condition(statement.get("Condition", {})):
        return "has a malformed Condition", "Write operator, then key, then value or values."
    if not all(isinstance(name, str) for _kind, name in principals(statement)):
        return "has a principal that is not text", "Put account ids into quotes."
    return None


def listed(value: t.Any) -> list[t.Any]:
    """A list; in a policy a single value stands for a list of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def named_statements(document: Document) -> Iterator[tuple[str, Statement]]:
    """The statements with their Sids; one without is named by its position, ``#3``, which no Sid looks like."""
    for position, statement in enumerate(listed(document["Statement"]), 1):
        yield _name(statement, position), statement


def principals(statement: Statement) -> Iterator[tuple[str, t.Any]]:
    """The principals that a statement names, also in NotPrincipal, each with its kind (AWS, Service, Federated)."""
    for element in ("Principal", "NotPrincipal"):
        for kind, names in _kinds(statement.get(element, {})).items():
            yield from ((kind, name) for name in listed(names))


def text(document: Document) -> str:
    """A document as it is sent to AWS."""
    return json.dumps(document, separators=(",", ":"))


def _name(statement: Statement, position: int) -> str:
    return str(statement.get("Sid") or f"#{position}")


def _kinds(principal: t.Any) -> Mapping[str, t.Any]:
    return principal if isinstance(principal, Mapping) else {"AWS": principal}


def _is_condition(condition: t.Any) -> bool:
    return isinstance(condition, Mapping) and all(isinstance(keys, Mapping) for keys in condition.values())


def _object(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    """A JSON object; of two equal names Python would silently keep the second."""
    names = [name for name, _value in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice")
    return dict(pairs)


# --- compare ---------------------------------------------------------------------------------------------------------


def same_statement(one: Statement, other: Statement, *, partition: str) -> bool:
    """Whether two statements mean the same, in a document of the given partition."""
    return _statement(one, partition) == _statement(other, partition)


def same_document(one: Document, other: Document, *, partition: str) -> bool:
    """Whether two documents mean the same; the order of statements and a repeated one mean nothing, nor does the Id."""
    first, second = (
        (_version(document), {_statement(statement, partition) for statement in listed(document["Statement"])})
        for document in (one, other)
    )
    return first == second


def _version(document: Document) -> str:
    """Without one a document is read as one of 2008, where policy variables (``${aws:username}``) are plain text."""
    return str(document.get("Version", "2008-10-17"))


def _statement(statement: Statement, partition: str) -> frozenset[tuple[str, Hashable]]:
    """A value that is equal for statements with the same meaning. What is not known here is compared to the letter."""
    meanings = ((name, _meaning(name, value, partition)) for name, value in statement.items())
    return frozenset((name, value) for name, value in meanings if value or name not in ("Sid", "Condition"))


def _meaning(element: str, value: t.Any, partition: str) -> Hashable:
    match element:
        case "Action" | "NotAction":
            return frozenset(str(action).lower() for action in listed(value))
        case "Resource" | "NotResource":
            return frozenset(map(str, listed(value)))
        case "Principal" | "NotPrincipal":
            return frozenset(
                (kind, frozenset(account_root(str(n), partition) if kind == "AWS" else str(n) for n in listed(names)))
                for kind, names in _kinds(value).items()
            )
        case "Condition":
            return frozenset(
                (operator, key, frozenset(v.lower() if operator in ("bool", "null") else v for v in values))
                for operator, key, values in conditions({"Condition": value})
            )
    return json.dumps(value, sort_keys=True) if value != "" else ""


def account_root(name: str, partition: str) -> str:
    """The ARN that an account id stands for; every other name as it is."""
    return str(Arn(partition, "iam", "", name, "root")) if re.fullmatch(r"\d{12}", name) else name


def conditions(statement: Statement, fold: Callable[[str], str] = str.lower) -> Iterator[tuple[str, str, list[str]]]:
    """The conditions of a statement: operator and key in lower case, values as text (JSON's true as ``true``)."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            texts = [value if isinstance(value, str) else json.dumps(value) for value in listed(values)]
            yield fold(operator), fold(key), texts


# --- merge -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Desired:
    """What a task wants of a shared document.

    :param statements: the owned ones, each with a Sid; see :func:`desired_statements`
    :param absent_sids: the Sids of statements that must not be there
    :param absent_statements: what is known of some of them
    :param purge: remove every unmanaged statement
    """

    statements: Sequence[Statement] = ()
    absent_sids: Collection[str] = ()
    absent_statements: Sequence[Statement] = ()
    purge: bool = False

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> Desired:
        """From the options ``statements``, ``sids``, ``state`` and ``purge_statements`` of a task.

        :raises ValidationError: for options that contradict each other, and see :func:`desired_statements`
        """
        statements, sids = params["statements"] or [], params["sids"] or []
        if params["state"] == "present":
            if sids:
                remediation = "A statement that should be there is given in statements; sids is for state=absent."
                raise ValidationError("sids", ", ".join(sids), "contradicts state=present", remediation)
            return cls(desired_statements(statements), purge=params["purge_statements"])
        if params["purge_statements"]:
            remediation = "Name what should go in sids, or give what should stay with state=present."
            raise ValidationError("purge_statements", "true", "contradicts state=absent", remediation)
        return cls.absent(desired_statements(statements), sids)

    @classmethod
    def absent(cls, statements: Sequence[Statement], sids: Sequence[str]) -> Desired:
        """That statements are not there: those that are given, and those of some Sids."""
        return cls(absent_sids=(*(str(one["Sid"]) for one in statements), *sids), absent_statements=statements)

    def merged_into(self, document: Document | None, *, partition: str, option: str = "statements") -> Merge:
        """The document with these statements, see :func:`merge`.

        :param option: the option that a refusal names
        :raises ValidationError: see :func:`refuse_unmanaged` and :func:`refuse_plain_variables`
        """
        if document is not None and not self.purge:
            refuse_unmanaged(document, self, option=option, partition=partition)
        absent, purge = self.absent_sids, self.purge
        merged = merge(document, self.statements, absent_sids=absent, purge=purge, partition=partition)
        refuse_plain_variables(merged, self.statements, option=option)
        return merged


#: The Sids of the collection's own documents: a purpose, and eight digits of what it is for.
_OWN_SID = re.compile(r"Velero[A-Za-z]+([0-9a-f]{8}){1,2}")


def refuse_unmanaged(document: Document, desired: Desired, *, option: str, partition: str) -> None:
    """Refuse to replace or remove a statement that has the Sid of an owned one, and was not written for this task.

    What was written before is not noted anywhere. So a statement counts as owned where it means what is given, or is
    recognizably an earlier form of it.

    :raises ValidationError: with both statements
    """
    known = {str(one["Sid"]): one for one in (*desired.absent_statements, *desired.statements)}
    found = [(name, one) for name, one in named_statements(document) if name in {*known, *desired.absent_sids}]
    names = [name for name, _one in found]
    for sid, statement in found:
        given = known.get(sid)
        # A Sid that is given alone names its statement, unless there are several.
        ours = names.count(sid) == 1 if given is None else _is_form_of(statement, given, partition)
        if not (ours or _OWN_SID.fullmatch(sid)):
            reason = f"is the Sid of a statement that this task did not write: {json.dumps(statement)}"
            if given is not None:
                reason += f" in place of {json.dumps(given)}"
            remediation = (
                "Give the statement of this task another Sid. If the other one is not needed, remove it where it is "
                "managed, or by its Sid alone (state=absent)."
            )
            raise ValidationError(option, sid, reason, remediation)


def _is_form_of(statement: Statement, given: Statement, partition: str) -> bool:
    """Whether a statement is an earlier form of a given one: of its effect, for somebody and something in common."""
    if same_statement(statement, given, partition=partition):
        return True
    return statement.get("Effect") == given.get("Effect") and all(
        share(statement.get(element), given.get(element), partition)
        for share, elements in (
            (_share_principals, ("Principal", "NotPrincipal")),
            (_share_resources, ("Resource", "NotResource")),
        )
        for element in elements
    )


def _share_principals(live: t.Any, given: t.Any, partition: str) -> bool:
    """A deleted principal, of which only the id is left, may have been any."""
    if live is None or given is None:
        return live is given
    names, wanted = (set(_principal_names(value, partition)) for value in (live, given))
    return bool(names & wanted) or any(_UNIQUE_ID.fullmatch(name) for _kind, name in names)


def _share_resources(live: t.Any, given: t.Any, _partition: str) -> bool:
    if live is None or given is None:
        return live is given
    pairs = itertools.product(map(str, listed(live)), map(str, listed(given)))
    return any(fnmatchcase(one, other) or fnmatchcase(other, one) for one, other in pairs)


def _principal_names(principal: t.Any, partition: str) -> Iterator[tuple[str, str]]:
    for kind, names in _kinds(principal).items():
        yield from ((kind, account_root(str(name), partition)) for name in listed(names))


@dataclass(frozen=True)
class Merge:
    """A merged document.

    :param document: the very same as before where nothing differs
    :param differences: one for each Sid that is added, replaced or removed
    :param kept: the names of the unmanaged statements in it
    """

    document: Document
    differences: tuple[Difference, ...]
    kept: tuple[str, ...]


def merge(
    current: Document | None,
    desired: Sequence[Statement],
    *,
    absent_sids: Collection[str] = (),
    purge: bool = False,
    partition: str = "aws",
) -> Merge:
    """Put owned statements into a document that belongs to others too.

    An unmanaged statement stays where it is and as it is, as do Version and Id: another Version would change the
    meaning of policy variables in it. An owned one is left alone where it means what is wanted, replaced in its place
    where it does not, and appended where it is missing. Removing it again leaves what was there before.

    :param current: ``None`` where there is no document
    :param partition: of the owner of the document; an account id stands for a root ARN of it
    """
    document: Document = {"Version": VERSION, "Statement": []} if current is None else current
    owned = {str(statement["Sid"]): statement for statement in desired}
    merged: list[Statement] = []
    kept: list[str] = []
    before: dict[str, list[Statement]] = {}
    for name, statement in named_statements(document):
        sid = statement.get("Sid")
        if sid in owned and sid not in before:
            same = same_statement(statement, owned[sid], partition=partition)
            merged.append(statement if same else owned[sid])
        if sid in owned or sid in absent_sids or purge:
            before.setdefault(name, []).append(statement)
        else:
            merged.append(statement)
            kept.append(name)
    merged.extend(statement for sid, statement in owned.items() if sid not in before)
    differences = tuple(_differences(before, owned, merged))
    return Merge({**document, "Statement": merged} if differences else document, differences, tuple(kept))


def _differences(
    before: Mapping[str, Sequence[Statement]], owned: Mapping[str, Statement], merged: Collection[Statement]
) -> Iterator[Difference]:
    for name, old in before.items():
        # A Sid that stands there more than once was not written by this collection; one of them is enough.
        if len(old) > 1 or not any(old[0] is statement for statement in merged):
            yield Difference(name, old[0] if len(old) == 1 else list(old), owned.get(name))
    yield from (Difference(sid, None, statement) for sid, statement in owned.items() if sid not in before)


def refuse_plain_variables(merged: Merge, desired: Sequence[Statement], *, option: str = "statements") -> None:
    """Refuse owned policy variables in a document whose Version takes them for plain text.

    :raises ValidationError: where the document is older than policy variables
    """
    version = _version(merged.document)
    if version >= VERSION:
        return
    for statement in desired:
        if "${" in json.dumps(statement):
            reason = f"uses a policy variable, which is plain text in this document of Version {version}"
            remediation = (
                f"Write the value out; this module never raises a Version: {VERSION} changes unmanaged statements."
            )
            raise ValidationError(option, str(statement["Sid"]), reason, remediation)


def refuse_size(document: Document, limit: int, *, option: str, resource: str) -> None:
    """Refuse a document that AWS would refuse for its length.

    :raises ValidationError: where it has more than ``limit`` bytes
    """
    size = len(text(document).encode())
    if size > limit:
        remediation = "Put several principals, actions or conditions into one statement, or remove statements."
        reason = f"would have a policy of {size} bytes where AWS takes {limit}"
        raise ValidationError(option, resource, reason, remediation)


# --- orphaned principals ---------------------------------------------------------------------------------------------

#: AWS puts the unique id of a role or user in the place of its ARN once it is deleted. A new one of the same name has
#: another id, so that it is not let in.
_UNIQUE_ID = re.compile(r"(AROA|AIDA)[A-Z0-9]{12,124}")


def orphaned_principals(document: Document) -> list[dict[str, str]]:
    """The deleted roles and users that a document still names, each with the statement."""
    return [
        {"sid": name, "principal": str(principal)}
        for name, statement in named_statements(document)
        for kind, principal in principals(statement)
        if kind == "AWS" and _UNIQUE_ID.fullmatch(str(principal))
    ]


def orphan_warnings(orphans: Iterable[Mapping[str, str]], *, resource: str) -> tuple[str, ...]:
    """A sentence for each of them."""
    return tuple(
        f"{resource}: statement {orphan['sid']} names {orphan['principal']}, a role or user that was deleted. "
        "It lets nobody in, also not a new one of the same name, and AWS takes no change of the policy while it "
        "is there: correct or remove the statement."
        for orphan in orphans
    )


def refuse_orphans(orphans: Iterable[Mapping[str, str]], *, option: str, resource: str) -> None:
    """Refuse a policy that AWS would refuse for a principal that cannot come back.

    :raises ValidationError: where a deleted role or user is left in it
    """
    found = list(orphans)
    if not found:
        return
    named = ", ".join(f"{orphan['principal']} in statement {orphan['sid']}" for orphan in found)
    reason = f"has a policy that AWS refuses for principals that were deleted: {named}"
    nameless = any(orphan["sid"].startswith("#") for orphan in found)
    how = "" if nameless else ", remove them with state=absent and sids"
    raise ValidationError(option, resource, reason, f"Correct these statements{how}, or set purge_statements=true.")


# --- patterns --------------------------------------------------------------------------------------------------------


def has_action(statement: Statement, action: str) -> bool:
    """Whether a statement speaks of an action."""
    element = "Action" if "Action" in statement else "NotAction"
    named = any(matches(str(pattern).lower(), action.lower()) for pattern in listed(statement.get(element, ["*"])))
    return named == (element == "Action")
