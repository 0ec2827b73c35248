# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents that are shared with others. Pure. PRIVATE to coffer.velero.

A task owns the statements whose ``Sid`` it was given, and no others. This file parses documents, tells whether two
statements mean the same, merges the owned ones into a document without touching an unmanaged one, and refuses a result
that would lock its owner out. It reads from top to bottom in that order.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network

from ._access.pattern import matches
from ._arn import Arn
from ._errors import ValidationError
from ._plan import Difference
from ._types import Document

Statement = Mapping[str, t.Any]

VERSION = "2012-10-17"

#: Sids of resource policies: KMS, S3 and SNS take what IAM does not (``Allow_CloudWatch_for_CMK``, ``__owner``,
#: ``Allow use of the key``). Not ours are only what would look like a position (``#3``), and what is lost in YAML.
_SID = re.compile(r"(?![#\s])[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f]")
ELEMENTS = (
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

#: How to write the elements that can be written wrong.
_RIGHT_FORMS = {
    "Principal": "Write '*', or a mapping from AWS, Service or Federated to a name or names.",
    "NotPrincipal": "Write a mapping from AWS, Service or Federated to a name or names.",
    "Action": "Write the name of an action, such as kms:Decrypt, or a list of names.",
    "NotAction": "Write the name of an action, such as kms:Decrypt, or a list of names.",
    "Resource": "Write an ARN, '*', or a list of ARNs.",
    "NotResource": "Write an ARN, '*', or a list of ARNs.",
    "Condition": "Write operator, then key, then value or values.",
}

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
        malformed = _malformed(statement)
        if malformed:
            refuse(f"has a policy whose statement {_name(statement, position)} has a malformed {malformed}")
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
        return "is not a Sid", "Give printable text that begins with no # and has no space at its ends."
    unknown = sorted(set(statement) - set(ELEMENTS))
    if unknown:
        return f"has {', '.join(unknown)}, which AWS does not know", f"Elements are {', '.join(ELEMENTS)}."
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "has no Effect of Allow or Deny", "Set one, spelled like this."
    for element in required:
        if (element in statement) == (f"Not{element}" in statement):
            how = f"both {element} and" if element in statement else f"neither {element} nor"
            return f"has {how} Not{element}", "Give exactly one: a statement without it has no effect."
    if not all(isinstance(name, str) for _kind, name in principals(statement)):
        return "has a principal that is not text", "Put account ids into quotes."
    malformed = _malformed(statement)
    return (f"has a malformed {malformed}", _RIGHT_FORMS[malformed]) if malformed else None


def _malformed(statement: Statement) -> str | None:
    """The element that is not of the form that AWS takes, or ``None``."""
    forms = {"Principal": _is_principal, "NotPrincipal": _is_principal, "Condition": _is_condition}
    return next(
        (name for name in _RIGHT_FORMS if name in statement and not forms.get(name, _is_texts)(statement[name])), None
    )


def _is_texts(value: t.Any) -> bool:
    return bool(listed(value)) and all(isinstance(one, str) and one for one in listed(value))


def _is_principal(value: t.Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(map(_is_texts, value.values()))
    return isinstance(value, str) and bool(value)


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
    """A document as it is sent to AWS, in UTF-8, which is also how its length counts."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _name(statement: Statement, position: int) -> str:
    return str(statement.get("Sid") or f"#{position}")


def _kinds(principal: t.Any) -> Mapping[str, t.Any]:
    return principal if isinstance(principal, Mapping) else {"AWS": principal}


def _is_condition(condition: t.Any) -> bool:
    return isinstance(condition, Mapping) and all(
        isinstance(keys, Mapping)
        and not any(isinstance(one, (Mapping, list)) for v in keys.values() for one in listed(v))
        for keys in condition.values()
    )


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
                (operator.lower(), key.lower(), frozenset(_operand(operator.lower(), one) for one in listed(values)))
                for operator, keys in value.items()
                for key, values in keys.items()
            )
    return json.dumps(value, sort_keys=True) if value != "" else ""


def _operand(operator: str, value: t.Any) -> Hashable:
    """What a value means to an operator, with or without ``IfExists`` and ``ForAllValues:``."""
    if value is None:  # JSON's null, which the text "null" is not
        return None
    written = value if isinstance(value, str) else json.dumps(value)
    base = operator.rpartition(":")[2].removesuffix("ifexists")
    try:
        if base in ("bool", "null") or "ignorecase" in base:
            return written.lower()
        if base.startswith("numeric"):
            return Decimal(written)
        if "ipaddress" in base:
            return ip_network(written, strict=False)
    except (ArithmeticError, ValueError):
        pass
    return written


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
    :param replace_sids: the Sids whose statement is replaced or removed whoever wrote it
    """

    statements: Sequence[Statement] = ()
    absent_sids: Collection[str] = ()
    absent_statements: Sequence[Statement] = ()
    purge: bool = False
    replace_sids: Collection[str] = ()

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> Desired:
        """From the options ``statements``, ``sids``, ``state``, ``purge_statements`` and ``replace_sids`` of a task.

        :raises ValidationError: for options that contradict each other, and see :func:`desired_statements`
        """
        statements, sids = params["statements"] or [], params["sids"] or []
        replace_sids = tuple(params["replace_sids"])
        if params["state"] == "present":
            if sids:
                remediation = "A statement that should be there is given in statements; sids is for state=absent."
                raise ValidationError("sids", ", ".join(sids), "contradicts state=present", remediation)
            owned, purge = desired_statements(statements), params["purge_statements"]
            return cls(owned, purge=purge, replace_sids=replace_sids)
        if params["purge_statements"]:
            remediation = "Name what should go in sids, or give what should stay with state=present."
            raise ValidationError("purge_statements", "true", "contradicts state=absent", remediation)
        return cls.absent(desired_statements(statements), sids, replace_sids)

    @classmethod
    def absent(
        cls, statements: Sequence[Statement], sids: Sequence[str], replace_sids: Collection[str] = ()
    ) -> Desired:
        """That statements are not there: those that are given, and those of some Sids."""
        absent_sids = (*(str(one["Sid"]) for one in statements), *sids)
        return cls(absent_sids=absent_sids, absent_statements=statements, replace_sids=replace_sids)

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


#: The Sids of the collection's own documents: a purpose, eight digits of what it is for, and eight of whom it names.
_OWN_SID = re.compile(r"Velero[A-Za-z]+?[0-9a-f]{8}(?P<principal>[0-9a-f]{8})?")


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
        if not (ours or sid in desired.replace_sids):
            reason = f"is the Sid of a statement that this task did not write: {json.dumps(statement)}"
            if given is not None:
                reason += f" in place of {json.dumps(given)}"
            remediation = (
                "Give the statement of this task another Sid. If the other one is not needed, remove it where it is "
                "managed, or list its Sid in replace_sids."
            )
            raise ValidationError(option, sid, reason, remediation)


def _is_form_of(statement: Statement, given: Statement, partition: str) -> bool:
    """Whether a statement is an earlier form of a given one.

    It has the same Effect, and whoever it names is still named: the change takes nothing from anybody else. One that
    names everybody or a service is known by its actions or by its resources, one that names nobody (a policy of IAM) by
    its resources. Under a Sid of our own documents these may follow the variables.
    """
    if same_statement(statement, given, partition=partition):
        return True
    if statement["Effect"] != given["Effect"] or ("NotPrincipal" in statement) != ("NotPrincipal" in given):
        return False
    before, after = _named(statement, partition), _named(given, partition)
    own = _OWN_SID.fullmatch(str(given["Sid"]))
    same_actions = _actions(statement) == _actions(given)
    if before is not None and after is not None:
        follows = own is not None and own["principal"] is None and same_actions
        return before <= after or follows
    if before != after:
        return before == set()
    if any(principals(given)):
        return same_actions or _resources(statement) == _resources(given)
    return _services(statement) == _services(given) and (own is not None or _resources(statement) <= _resources(given))


def _named(statement: Statement, partition: str) -> set[str] | None:
    """Whom a statement names, ``None`` where that is nobody in particular. A deleted role or user is nobody."""
    found = list(principals(statement))
    if not found or any(kind == "Service" or name == "*" for kind, name in found):
        return None
    return {account_root(str(name), partition) for _kind, name in found if not _UNIQUE_ID.fullmatch(str(name))}


def _actions(statement: Statement) -> tuple[bool, frozenset[str]]:
    patterns = statement.get("Action", statement.get("NotAction", ()))
    return "NotAction" in statement, frozenset(str(action).lower() for action in listed(patterns))


def _services(statement: Statement) -> set[str]:
    return {action.partition(":")[0] for action in _actions(statement)[1]}


def _resources(statement: Statement) -> set[str]:
    return set(map(str, listed(statement.get("Resource", statement.get("NotResource", ())))))


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
