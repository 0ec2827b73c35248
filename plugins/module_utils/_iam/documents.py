# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IAM would refuse of a document, or take and regret, said before it is sent. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .. import _policy
from .._errors import ValidationError
from .._types import Document

#: Characters of a managed policy; white space is not counted (IAM User Guide, IAM and STS quotas).
POLICY_SIZE = 6144
#: Characters of a trust policy, counted likewise: the quota that accounts have, and the one that can be asked for.
TRUST_SIZE, TRUST_SIZE_AT_MOST = 2048, 4096

_SID = re.compile(r"[A-Za-z0-9]*")
#: The operators that hold for the values they name and for nothing else. With ``IfExists`` and ``ForAllValues`` they
#: hold also where there is no value.
_NAMES = {
    f"{prefix}{operator}"
    for prefix in ("", "foranyvalue:")
    for operator in ("stringequals", "stringequalsignorecase", "stringlike")
}
#: A ServiceAccount as tokens name it. In one namespace it may be any: the creator of a pod there chooses it.
_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:(?=[^:]*[^:*?])[^:]+:.+")
Fault = tuple[str, str]


def policy_document(policy: t.Any, *, option: str, resource: str) -> Document:
    """The document of a managed policy, from a mapping or its text.

    :raises ValidationError: for everything in it that IAM answers with MalformedPolicyDocument or LimitExceeded
    """
    document = _policy.parse(policy, option=option, resource=resource)
    if document.get("Version") != _policy.VERSION:
        found = document.get("Version", "none")
        remediation = f"Write {_policy.VERSION}: a managed policy has to have it."
        raise ValidationError(option, resource, f"has a policy of Version {found}", remediation)
    for fault in _faults(document):
        raise ValidationError(option, resource, *fault)
    refuse_policy_size(document, option=option, resource=resource)
    return document


def refuse_policy_size(document: Document, *, option: str, resource: str) -> None:
    """Refuse a managed policy that is longer than IAM takes.

    :raises ValidationError: with the way out, since others may need the rest of it
    """
    size = document_size(document)
    if size > POLICY_SIZE:
        remediation = (
            "Use wildcards or fewer statements, or give this installation a policy of its own beside it (name; "
            "velero_policy_name of the roles)."
        )
        reason = f"would have a policy of {size} characters, and IAM takes {POLICY_SIZE}"
        raise ValidationError(option, resource, reason, remediation)


def document_size(document: Document) -> int:
    """The characters that IAM counts."""
    return len(re.sub(r"\s", "", _policy.text(document)))


def _faults(document: Document) -> Iterator[Fault]:
    sids: set[str] = set()
    for name, statement in _policy.named_statements(document):
        for reason, remediation in _statement_faults(statement):
            yield f"has a policy whose statement {name} {reason}", remediation
        sid = statement.get("Sid")
        if sid in sids:
            yield f"has a policy with two statements of the Sid {sid}", "Give each a Sid of its own, or none."
        if sid:
            sids.add(sid)


def _statement_faults(statement: _policy.Statement) -> Iterator[Fault]:
    if not _SID.fullmatch(str(statement.get("Sid", ""))):
        yield "has a Sid with other characters than letters and digits", "Rename it: IAM takes no others."
    if "Principal" in statement or "NotPrincipal" in statement:
        remediation = "Leave it out: the principal is the one that the policy is attached to."
        yield "names a principal", remediation
    if statement["Effect"] not in ("Allow", "Deny"):
        yield f"has the Effect {statement['Effect']}", "Write Allow or Deny, spelled like this."
    for element in ("Action", "Resource"):
        if (element in statement) == (f"Not{element}" in statement):
            yield f"has not exactly one of {element} and Not{element}", "Give one of them."


def trust_statements(statements: Sequence[t.Any], *, option: str = "trust_statements") -> list[_policy.Statement]:
    """The statements of a trust policy that a task wants to own, each under its Sid.

    :raises ValidationError: for what IAM would not take, and for what would let in more than anybody can have meant
    """
    desired = _policy.desired_statements(statements, option=option, required=("Principal", "Action"))
    for statement in desired:
        for fault in _trust_faults(statement):
            raise ValidationError(option, str(statement["Sid"]), *fault)
    return desired


def _trust_faults(statement: _policy.Statement) -> Iterator[Fault]:
    if not _SID.fullmatch(str(statement["Sid"])):
        yield "is a Sid with other characters than letters and digits", "Rename it: IAM takes no others."
    if "Resource" in statement or "NotResource" in statement:
        yield "has a Resource", "Leave it out: a trust policy speaks of its own role."
    actions = [str(action) for action in _policy.listed(statement.get("Action", ()))]
    other = next((action for action in actions if not action.lower().startswith("sts:")), None)
    if other:
        yield f"has the action {other}", "A trust policy knows those of STS alone, such as sts:AssumeRole."
    if statement["Effect"] == "Allow":
        yield from _generosity(statement)


def _generosity(statement: _policy.Statement) -> Iterator[Fault]:
    """An Allow that lets every principal in."""
    everybody = "NotPrincipal" in statement or ("AWS", "*") in set(_policy.principals(statement))
    if everybody and not any(_policy.conditions(statement)):
        yield "lets everybody assume the role", "Name the principal, or add a condition."
    if not _policy.has_action(statement, "sts:assumerolewithwebidentity"):
        return
    for kind, name in _policy.principals(statement):
        issuer = str(name).partition(":oidc-provider/")[2]
        if kind == "Federated" and issuer and not _names_service_accounts(statement, f"{issuer}:sub"):
            remediation = f"Add StringEquals: {{'{issuer}:sub': 'system:serviceaccount:NAMESPACE:NAME'}}."
            who = "others of the cluster could assume the role"
            yield f"has no condition on {issuer}:sub that names the ServiceAccount, so that {who}", remediation


def _names_service_accounts(statement: _policy.Statement, subject: str) -> bool:
    """Whether a condition holds for ServiceAccounts of certain namespaces and for nothing else."""
    return any(
        operator in _NAMES and key == subject.lower() and all(map(_SERVICE_ACCOUNT.fullmatch, values))
        for operator, key, values in _policy.conditions(statement)
        if values
    )


def trust_warnings(
    name: str, document: Document, owned: Sequence[_policy.Statement], *, partition: str
) -> Iterator[str]:
    """Who else can assume a role, and who no longer can."""
    desired = [_without_sid(statement) for statement in owned]
    for sid, statement in _policy.named_statements(document):
        plain = _without_sid(statement)
        same = any(_policy.same_statement(plain, one, partition=partition) for one in desired)
        if statement["Effect"] == "Allow" and not same:
            who = ", ".join(str(principal) for _kind, principal in _policy.principals(statement))
            yield (
                f"{name}: trust statement {sid}, which is not one of trust_statements, lets {who} assume the role too. "
                "It was kept; purge_trust_statements=true removes it."
            )
    yield from _policy.orphan_warnings(_policy.orphaned_principals(document), resource=name)


def _without_sid(statement: _policy.Statement) -> Mapping[str, t.Any]:
    return {element: value for element, value in statement.items() if element != "Sid"}
