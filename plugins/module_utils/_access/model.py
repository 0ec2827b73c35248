# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request, the policies that bear on it, and the answer. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .._arn import Arn
from .._types import Document
from .pattern import Partial, matches

Decision = t.Literal["allowed", "denied", "unknown"]
Values: t.TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    :param arn: of a root, user, role, session of a role or federated user; the name of a service; ``*`` for nobody
        that AWS knows; an identity provider; empty for somebody who is not known
    :param role_arn: of a session, with the role's path; the ARN of a session does not tell it
    :param unique_id: ``AROA...`` or ``AIDA...``
    :param is_provider: that ``arn`` is an identity provider, whose token is the credential
    """

    arn: str
    role_arn: str | None = None
    unique_id: str | None = None
    is_provider: bool = False

    @property
    def kind(self) -> str:
        """``AWS``, ``Service`` or ``Federated``, as in the element Principal; ``*`` for nobody, empty if not known."""
        if self.arn in ("", "*"):
            return self.arn
        if self.is_provider:
            return "Federated"
        return "AWS" if self._parsed else "Service"

    @property
    def _parsed(self) -> Arn | None:
        return Arn.parse(self.arn)

    @property
    def account_id(self) -> str | None:
        return self._parsed.account_id if self.kind == "AWS" and self._parsed else None

    @property
    def is_root(self) -> bool:
        return self.kind == "AWS" and self.arn.endswith(":root")

    @property
    def is_user(self) -> bool:
        return self.kind == "AWS" and bool(self._parsed and self._parsed.resource.startswith("user/"))

    @property
    def is_entity(self) -> bool:
        """Whether it is a user or a role, also by a session: what can have a permissions boundary."""
        return self.is_user or self.role is not None

    @property
    def is_service_linked(self) -> bool:
        return "/AWSServiceRoleFor" in self.arn or ":role/aws-service-role/" in (self.role_arn or self.arn)

    @property
    def root(self) -> str | None:
        """ARN of the root of its account."""
        arn = self._parsed
        return str(Arn(arn.partition, "iam", "", arn.account_id, "root")) if arn and self.account_id else None

    @property
    def session(self) -> str | None:
        """ARN of the session of a role; of a role alone the name of the session is not known."""
        arn = self._parsed
        if arn is None or self.kind != "AWS":
            return None
        if arn.service == "iam" and arn.resource.startswith("role/"):
            name = arn.resource.rpartition("/")[2]
            return Partial(arn._replace(service="sts", resource=f"assumed-role/{name}/*"))
        return self.arn if arn.service == "sts" else None

    @property
    def role(self) -> str | None:
        """ARN of the role, of a session too; without its path where that is not known."""
        arn = self._parsed
        if self.role_arn or arn is None or self.kind != "AWS":
            return self.role_arn
        if arn.service == "iam":
            return self.arn if arn.resource.startswith("role/") else None
        kind, _slash, rest = arn.resource.partition("/")
        name = rest.partition("/")[0]
        is_session = kind == "assumed-role"
        return Partial(arn._replace(service="iam", resource=f"role/*{name}")) if is_session else None

    @property
    def context(self) -> Mapping[str, Values | None]:
        """The condition keys that it decides; ``None`` where it has none."""
        if not self.kind:
            return {}
        if self.kind != "AWS":
            keys = dict.fromkeys(("aws:principalarn", "aws:principalaccount", "aws:username", "kms:calleraccount"))
            if self.kind == "Service":
                return {**keys, "aws:principalisawsservice": ("true",), "aws:principalservicename": (self.arn,)}
            of_nobody = {"aws:principaltype": ("Anonymous",)} if self.arn == "*" else {}
            return {**keys, **of_nobody, "aws:principalservicename": None}
        account = (str(self.account_id),)
        return {
            "aws:principalarn": (self.role or self.arn,),
            "aws:principalaccount": account,
            "kms:calleraccount": account,
            "aws:principalisawsservice": ("false",),
            "aws:principalservicename": None,
            **self._identity,
        }

    @property
    def _identity(self) -> Mapping[str, Values | None]:
        if self.is_root:
            return {"aws:principaltype": ("Account",), "aws:userid": (str(self.account_id),), "aws:username": None}
        name = self.arn.rpartition("/")[2]
        known = self.unique_id or "*"
        if self.is_user:
            kind = "User"
            return {"aws:principaltype": (kind,), "aws:userid": (Partial(known),), "aws:username": (name,)}
        if self.role is None:
            return {"aws:principaltype": ("FederatedUser",), "aws:username": None}
        session = str(self.session).rpartition("/")[2]
        return {
            "aws:principaltype": ("AssumedRole",),
            "aws:userid": (Partial(f"{known}:{session}"),),
            "aws:username": None,
        }


@dataclass(frozen=True)
class Context:
    """The condition keys of a request, beside those that its principal decides.

    :param values: by key in lower case
    :param absent: patterns of keys that the request lacks
    :param is_complete: whether it lacks every key that is not among the values; else their values are not known
    """

    values: Mapping[str, Values] = field(default_factory=dict)
    absent: Collection[str] = ()
    is_complete: bool = False

    def find(self, name: str) -> Values | None:
        """The values of a key in lower case, none where it is known that it is absent; else ``None``."""
        if name in self.values:
            return self.values[name]
        return () if any(matches(pattern, name) for pattern in self.absent) else None


@dataclass(frozen=True)
class Request:
    """What is asked for.

    :param action: ``SERVICE:Action``
    :param resource: its ARN, a :class:`Partial` one for several of them; ``*`` for an action without a resource
    :param resource_account: the account that owns the resource; taken from its ARN where that names one
    """

    principal: Principal
    action: str
    resource: str
    resource_account: str | None = None
    context: Context = Context()

    @property
    def owner(self) -> str | None:
        arn = Arn.parse(self.resource)
        account = self.resource_account or (arn.account_id if arn else "")
        return account if account and re.fullmatch(r"\d{12}", account) else None

    def values(self, key: str) -> tuple[bool, Values]:
        """Whether it is known what the request has for a condition key, and its values; none where it lacks the key."""
        name = key.lower()
        found = self.context.find(name)
        if found is not None:
            return True, found
        if name in ("aws:resourceaccount", "s3:resourceaccount") and self.owner:
            return True, (self.owner,)
        if name.startswith("kms:") and self.service != "kms":
            return True, ()
        decided = self.principal.context
        if name in decided:
            return True, decided[name] or ()
        return self.context.is_complete, ()

    @property
    def service(self) -> str:
        return self.action.partition(":")[0].lower()


@dataclass(frozen=True)
class Policy:
    """A policy document.

    :param name: what messages call it, such as ``the bucket policy``
    :param document: ``None`` where it exists or may exist and was not read
    """

    name: str
    document: Document | None

    @property
    def is_read(self) -> bool:
        """Whether it is known what it says; a document without statements is none that AWS has."""
        statements = self.document.get("Statement") if isinstance(self.document, Mapping) else None
        found = statements if isinstance(statements, (list, tuple)) else [statements]
        return all(isinstance(statement, Mapping) for statement in found)


@dataclass(frozen=True)
class Grant:
    """A grant of a KMS key, as ``kms:ListGrants`` returns it."""

    grantee: str
    operations: Collection[str]
    constraints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Policies:
    """The policies that bear on a request. What is left out does not exist; what was not read is a Policy without
    document.

    :param identity: of the principal, inline and attached
    :param session: those of the session; empty where it has none
    :param resource: the policy of the resource: bucket policy, key policy, trust policy, topic policy
    :param limits: service control, resource control and VPC endpoint policies: one sequence for each level, and each
        level has to allow
    :param grants: of a key; ``None`` where they were not read
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] = ()
    resource: Policy | None = None
    limits: Sequence[Sequence[Policy]] = ()
    grants: Sequence[Grant] | None = ()


@dataclass(frozen=True)
class Reason:
    """A statement that decides, or would if more were known; or a document that was not read, or allows nothing.

    :param policy: the name of the document
    :param statement: its Sid, or ``#3`` for the third; ``None`` where the document as a whole is the reason
    :param unknown: the condition keys, and whatever else is not known, that it depends on
    """

    policy: str
    statement: str | None = None
    effect: str = ""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Whether a request is allowed.

    :param reasons: of ``denied`` the Deny statements, or the documents without an Allow; of ``allowed`` the Allow
        statements; of ``unknown`` all that may change it
    """

    decision: Decision
    reasons: tuple[Reason, ...] = ()

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for reason in self.reasons for key in reason.unknown))

    def __str__(self) -> str:
        """Why, in words that follow a colon."""
        return "; ".join(map(_text, self.reasons))


def _text(reason: Reason) -> str:
    if reason.statement is None:
        if reason.unknown:
            return f"{reason.policy} was not read"
        return f"no statement of {reason.policy} allows it"
    depends = f", which depends on {' and '.join(reason.unknown)}" if reason.unknown else ""
    verb = {"Deny": "denies", "Allow": "allows"}[reason.effect]
    may = f"may {reason.effect.lower()}" if reason.unknown else verb
    return f"statement {reason.statement} of {reason.policy} {may} it{depends}"
