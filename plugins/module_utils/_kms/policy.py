# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the statements that are wanted in a key policy and the policy that there is, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from .. import _policy
from .._access.lockout import refuse_lockout
from .._access.model import Principal
from .._access.requests import direct
from .._arn import Arn
from .._errors import ValidationError
from .._plan import Plan, Step
from .._types import Document

#: The only policy of a key that can be set. The other one, AWS_RAM, comes with a share of AWS RAM and is managed there.
POLICY_NAME = "default"
#: Bytes of a key policy (KMS quotas, "Key policy document size").
_LIMIT = 32 * 1024


@dataclass(frozen=True)
class KeyPolicy:
    """The policy of a key.

    :param key_id: id or ARN, by which the key is addressed
    :param missing: that there is no such key yet; this is the policy that a new key gets then
    """

    key_id: str
    document: Document
    partition: str
    missing: ValidationError | None = None


def new_key_policy(root: str) -> Document:
    """The policy that KMS gives to a new key: it leaves everything to the IAM policies of the account."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": _policy.VERSION, "Id": "key-default-1", "Statement": [statement]}


def is_as_created(policy: str, key_arn: str) -> bool:
    """Whether a key still has the policy that KMS gives to a new one."""
    arn = t.cast(Arn, Arn.parse(key_arn))
    root = _policy.account_root(arn.account_id, arn.partition)
    document = _policy.parse(policy, option="alias", resource=key_arn)
    return _policy.same_document(document, new_key_policy(root), partition=arn.partition)


def decide_key_policy(desired: _policy.Desired, current: KeyPolicy, *, bypass: bool) -> Plan:
    """The plan that brings our statements into a key policy, or out of it.

    :param bypass: have KMS, too, not insist that the caller can change the policy again
    """
    merged = desired.merged_into(current.document, partition=current.partition)
    orphans = _policy.orphaned_principals(merged.document)
    result = {
        "key_id": current.key_id,
        "policy": merged.document,
        "kept_statements": list(merged.kept),
        "orphaned_principals": orphans,
    }
    warnings = _policy.orphan_warnings(orphans, resource=current.key_id)
    if not merged.differences:
        return Plan(result=result, warnings=warnings, unmet_dependency=current.missing)
    if not merged.document["Statement"]:
        remediation = "A key policy needs a statement: keep the one that lets the key be managed."
        raise ValidationError("statements", current.key_id, "would have no statement left in its policy", remediation)
    _policy.refuse_orphans(orphans, option="key_id", resource=current.key_id)
    _policy.refuse_size(merged.document, _LIMIT, option="statements", resource=current.key_id)
    confirm = {"BypassPolicyLockoutSafetyCheck": True} if bypass else {}
    policy = _policy.text(merged.document)
    step = Step("kms:PutKeyPolicy", {"KeyId": current.key_id, "PolicyName": POLICY_NAME, "Policy": policy, **confirm})
    return Plan((step,), merged.differences, result, warnings, unmet_dependency=current.missing)


def refuse_key_lockout(before: Document, after: Document, key_arn: str, caller: Principal) -> None:
    """Refuse a policy that the caller, or the administrators of the account by their IAM policies, could not change.

    KMS itself checks the caller only. Without the account root a key is lost with the last principal that its
    policy names, and only AWS Support can help.

    :raises ValidationError: where the change takes that away, or may
    """
    requests = {
        who: direct(principal, "kms:PutKeyPolicy", key_arn)
        for who, principal in (("the caller", caller), ("the account root", Principal(str(caller.root))))
    }
    remediation = (
        "Keep {who} allowed, or set bypass_policy_lockout_safety_check=true if somebody else is to manage the policy."
    )
    refuse_lockout(before, after, requests, option="statements", remediation=remediation)


def named_principals(statements: Sequence[_policy.Statement]) -> list[str]:
    """The roles and users that statements name, which KMS must be able to see."""
    names = {str(name) for statement in statements for kind, name in _policy.principals(statement) if kind == "AWS"}
    return sorted(name for name in names if ":role/" in name or ":user/" in name)
