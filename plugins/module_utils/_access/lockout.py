# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of a policy that nobody could change again. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set

from .. import _policy
from .._errors import ValidationError
from .._types import Document
from .evaluate import EVERYTHING, evaluate
from .model import Answer, Policies, Policy, Request

_ORDER = ("allowed", "unknown", "denied")


def refuse_lockout(
    before: Document | None,
    after: Document | None,
    requests: Mapping[str, Request],
    *,
    option: str,
    remediation: str,
) -> None:
    """Refuse a change of a resource's policy that takes away what keeps the policy manageable, or may.

    IAM policies are taken to allow everything: the question is about this policy alone. What was not allowed before,
    or only under the same condition, is not for us to refuse.

    :param requests: what must be allowed as before, by what a message calls who asks
    :param remediation: of a refusal; ``{who}`` is who asks
    :raises ValidationError: where one of them would be denied, or where that depends on what is not known
    """
    for who, request in requests.items():
        was, found = _ask(before, request), _ask(after, request)
        if _is_worse(was, found, before, after):
            is_certain = found.decision == "denied"
            verb = "would no longer" if is_certain else "might no longer"
            doubt = "" if is_certain else f", which the identity of {who} does not tell"
            reason = f"{verb} let {who} call {request.action}: {found}{doubt}"
            raise ValidationError(
                option, f"the policy of {request.resource}", reason, remediation.replace("{who}", who)
            )


def _ask(document: Document | None, request: Request) -> Answer:
    resource = Policy("the new policy", document) if document else None
    return evaluate(request, Policies([EVERYTHING], resource=resource))


def _is_worse(was: Answer, found: Answer, before: Document | None, after: Document | None) -> bool:
    if was.decision != found.decision:
        return _ORDER.index(found.decision) > _ORDER.index(was.decision)
    if found.decision != "unknown":
        return False
    return bool(
        _depended_on("Deny", found, after) - _depended_on("Deny", was, before)
        or _depended_on("Allow", was, before) - _depended_on("Allow", found, after)
    )


def _depended_on(effect: str, answer: Answer, document: Document | None) -> Set[str]:
    """The statements of one effect that an answer depends on."""
    names = {reason.statement for reason in answer.reasons if reason.effect == effect}
    statements = _policy.named_statements(document) if document else ()
    return {json.dumps(statement, sort_keys=True) for name, statement in statements if name in names}
