# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a request is allowed. Pure. PRIVATE to coffer.velero.

The one reading of policies in this collection: lockout guards, audit and plans ask it. It follows the IAM user guide,
"Policy evaluation logic" and "Cross-account policy evaluation logic", and answers ``unknown`` wherever a condition key,
a document or AWS's own behaviour is not known. ``unknown`` is never to be taken for ``allowed``.

Object ACLs and access points are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._policy import VERSION
from .model import Answer, Grant, Policies, Policy, Reason, Request
from .statements import Applied, Way, applied, without_path
from .ternary import Ternary, all_of, any_of

#: IAM policies that allow everything: for questions about the policy of a resource alone.
EVERYTHING = Policy(
    "the IAM policies",
    {"Version": VERSION, "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
)
#: What the root of the account that owns a bucket can always do, whatever the bucket policy denies.
_ROOT_CAN_ALWAYS = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})


def evaluate(request: Request, policies: Policies) -> Answer:
    """Whether a request is allowed by the policies that bear on it, and why."""
    layers = _Layers.read(request, policies)
    denies = layers.denies(request)
    if any(one.applies for one in denies):
        return Answer("denied", _reasons(one for one in denies if one.applies))
    allow = layers.allow(request)
    if allow is False:
        return Answer("denied", layers.lacking(request))
    unread = [*layers.unread, *_of_aws(request)]
    if allow and not denies and not unread:
        return Answer("allowed", _reasons(one for one in layers.allows if one.applies))
    may = [] if allow else [one for one in layers.allows if one.applies is None]
    unread += [] if allow else _unread(layers.grants)
    return Answer("unknown", (*_reasons([*denies, *may]), *unread) or layers.lacking(request))


def _reasons(found: Iterable[Applied]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(one.reason for one in found))


def _of_aws(request: Request) -> Sequence[Reason]:
    """What AWS decides by rules that it does not publish."""
    name = "the policy of the service-linked role"
    return [Reason(name, unknown=(name,))] if request.principal.is_service_linked else []


def _unread(layer: _Layer) -> Sequence[Reason]:
    return [Reason(name, unknown=(name,)) for name in layer.unread]


@dataclass(frozen=True)
class _Layer:
    """The documents of one kind, of which one has to allow.

    :param unread: the names of those that were not read
    """

    name: str
    found: Sequence[Applied] = ()
    unread: Sequence[str] = ()

    @classmethod
    def read(
        cls,
        name: str,
        policies: Sequence[Policy],
        request: Request,
        *,
        of_resource: bool = False,
        bounded: Ternary = False,
    ) -> _Layer:
        found = [
            one for policy in policies for one in applied(policy, request, of_resource=of_resource, bounded=bounded)
        ]
        names = [policy.name for policy in policies]
        return cls(names[0] if len(names) == 1 else name, found, [one.name for one in policies if not one.is_read])

    def allow(self, *ways: Way) -> Ternary:
        """Whether a statement allows it that names the principal by one of the ways; all of them without any."""
        allows = (one for one in self.found if one.reason.effect == "Allow" and (not ways or one.way in ways))
        found = any_of(one.applies for one in allows)
        return found or (None if self.unread else found)


@dataclass(frozen=True)
class _Layers:
    """
    :param caps: boundary and session policy, which limit what IAM policies allow
    :param limits: what limits everything
    """

    identity: _Layer
    resource: _Layer
    grants: _Layer
    caps: Sequence[_Layer]
    limits: Sequence[_Layer]

    @classmethod
    def read(cls, request: Request, policies: Policies) -> _Layers:
        resource = [policies.resource] if policies.resource else []
        boundary = [policies.boundary] if policies.boundary else []
        bounded = bool(boundary) and request.principal.is_entity and (boundary[0].is_read or None)
        caps = [("the permissions boundary", boundary), ("the session policies", policies.session)]
        limit = "the policies of the organization"
        return cls(
            _Layer.read("the IAM policies", policies.identity, request),
            _Layer.read("the policy of the resource", resource, request, of_resource=True, bounded=bounded),
            _grants(policies.grants, request),
            [_Layer.read(name, documents, request) for name, documents in caps if documents],
            [_Layer.read(limit, documents, request) for documents in policies.limits],
        )

    @property
    def _documents(self) -> Sequence[_Layer]:
        return (self.identity, self.resource, *self.caps, *self.limits)

    def denies(self, request: Request) -> Sequence[Applied]:
        who = request.principal
        is_bucket_owner = who.is_root and who.account_id == request.owner
        spared = is_bucket_owner and request.action.lower() in _ROOT_CAN_ALWAYS
        layers = [layer for layer in self._documents if not (spared and layer is self.resource)]
        return [one for layer in layers for one in layer.found if one.reason.effect == "Deny"]

    @property
    def allows(self) -> Sequence[Applied]:
        layers = (*self._documents, self.grants)
        return [one for layer in layers for one in layer.found if one.reason.effect == "Allow"]

    @property
    def unread(self) -> Sequence[Reason]:
        """The documents that were not read; each may deny."""
        return [reason for layer in self._documents for reason in _unread(layer)]

    def _by_resource(self, *ways: Way) -> Ternary:
        return any_of((self.resource.allow(*ways), self.grants.allow(*ways)))

    def allow(self, request: Request) -> Ternary:
        """Whether what has to allow does so."""
        who = request.principal
        if who.kind != "AWS":
            return all_of((self._by_resource("principal"), *(layer.allow() for layer in self.limits)))
        caps = all_of(layer.allow() for layer in self.caps)
        identity = all_of((who.is_root or self.identity.allow(), caps))
        both = all_of((identity, self._by_resource()))
        granted = self.grants.allow()
        within = any_of(
            (
                both if _needs_resource_policy(request) else identity,
                all_of((self._by_resource("principal"), caps)),
                # What a policy gives to a session or user itself, these limit by a Deny only; of what it gives to
                # everybody, the user guide says so where a condition names the role.
                self._by_resource("session"),
                all_of((self._by_resource("everybody"), caps or None)),
                granted and (caps or None),
            )
        )
        # Whether a grant to another account needs an IAM policy there, the developer guide of KMS does not say.
        found = within if request.owner == who.account_id else any_of((both, granted and None))
        if request.owner is None and within != both:
            found = None
        return all_of((found, *(layer.allow() for layer in self.limits)))

    def lacking(self, request: Request) -> tuple[Reason, ...]:
        """The documents whose Allow is missing."""
        who = request.principal
        needed = [*self.limits]
        if who.kind == "AWS":
            needed += [self.identity] * (not who.is_root) + [*self.caps]
        if who.kind != "AWS" or request.owner != who.account_id or _needs_resource_policy(request):
            needed.append(self.resource)
        return tuple(Reason(layer.name) for layer in needed if layer.allow() is False)


def _needs_resource_policy(request: Request) -> bool:
    """Whether IAM policies count only where the resource's policy lets the account in: keys, and the trust of roles."""
    is_key = request.service == "kms" and Arn.parse(request.resource) is not None
    return is_key or (request.service == "sts" and ":role/" in request.resource)


def _grants(grants: Sequence[Grant] | None, request: Request) -> _Layer:
    name = "the grants of the key"
    if grants is None:
        return _Layer(name, unread=[name])
    return _Layer(name, [one for grant in grants if (one := _applied_grant(grant, request))])


def _applied_grant(grant: Grant, request: Request) -> Applied | None:
    who = request.principal
    names = {without_path(one) for one in (who.arn, who.role) if one}
    if without_path(grant.grantee) not in names or request.action.partition(":")[2] not in grant.operations:
        return None
    unknown = ("the encryption context",) if any(grant.constraints.values()) else ()
    return Applied(
        Reason("the grants of the key", grant.name or f"to {grant.grantee}", "Allow", unknown),
        None if unknown else True,
    )
