# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a role and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .. import _policy
from .._errors import ValidationError
from .._plan import NOTHING, Changes, Computed, Difference, Plan, Step, compare, created, joined
from .documents import TRUST_SIZE, TRUST_SIZE_AT_MOST, document_size, trust_statements, trust_warnings
from .model import PREDICTED_ROLE_ID, DesiredTags, Owner, Role, validate_name, validate_path, validate_policy_arn

#: Replaces the trust policy as a whole, whatever others have put into it since it was read.
UPDATE_TRUST = "iam:UpdateAssumeRolePolicy"
TRUST_QUOTA = (
    f"IAM takes {TRUST_SIZE}, and {TRUST_SIZE_AT_MOST} at most where the quota of the account was raised (Role trust "
    "policy length): name fewer ServiceAccounts, or use a role of its own."
)
_SERVICE_ACCOUNT = re.compile(r"VeleroServiceAccount[0-9a-f]{8}")


@dataclass(frozen=True, kw_only=True)
class DesiredRole(DesiredTags):
    """What a task wants of a role. ``None`` means: leave it as it is (IAM's default for a new role).

    :param permissions_boundary: empty for none
    """

    name: str
    path: str | None = None
    state: str = "present"
    description: str | None = None
    trust_statements: Sequence[_policy.Statement] | None = None
    purge_trust_statements: bool = False
    absent_sids: Sequence[str] = ()
    replace_sids: Sequence[str] = ()
    managed_policies: Sequence[str] | None = None
    purge_policies: bool = False
    max_session_duration: int | None = None
    permissions_boundary: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> DesiredRole:
        """From the options of a task.

        :raises ValidationError: for what IAM would not take, and see :func:`trust_statements`
        """
        desired = {option: params[option] for option in cls.__dataclass_fields__}
        validate_name(desired["name"], length=64)
        if desired["path"] is not None:
            validate_path(desired["path"])
        for arn in desired["managed_policies"] or ():
            validate_policy_arn(arn, option="managed_policies")
        if desired["permissions_boundary"]:
            validate_policy_arn(desired["permissions_boundary"], option="permissions_boundary")
        seconds = desired["max_session_duration"]
        if seconds is not None and not 3600 <= seconds <= 43200:
            remediation = "IAM takes 3600 to 43200 seconds."
            raise ValidationError("max_session_duration", str(seconds), "is not the duration of a session", remediation)
        if desired["trust_statements"] is not None:
            desired["trust_statements"] = trust_statements(desired["trust_statements"])
        return cls(**desired)


def create_role(desired: DesiredRole, owner: Owner) -> Plan:
    """The plan for a role that does not exist.

    :raises ValidationError: where the task does not say who can assume it
    """
    if not desired.trust_statements:
        remediation = "Say who may assume it; the filter coffer.velero.trust_policy_statements makes the statements."
        reason = "does not exist, and a role needs a trust policy"
        raise ValidationError("trust_statements", desired.name, reason, remediation)
    trust = _policy.merge(None, desired.trust_statements)
    _refuse_trust_size(desired, trust)
    arn = owner.arn(f"role{desired.path or '/'}{desired.name}")
    policies = list(dict.fromkeys(desired.managed_policies or ()))
    outputs = {"role_arn": "Role.Arn", "role_id": "Role.RoleId"}
    steps = (
        Step("iam:CreateRole", _role_arguments(desired, trust), outputs),
        *_for_policies("iam:AttachRolePolicy", desired.name, policies),
    )
    shown = {
        "description": desired.description or "",
        "managed_policies": policies,
        "max_session_duration": desired.max_session_duration or 3600,
        "permissions_boundary": desired.permissions_boundary or "",
        "tags": desired.after({}),
    }
    result = {
        "role_arn": Computed("role_arn", arn),
        "role_id": Computed("role_id", PREDICTED_ROLE_ID),
        "role_name": desired.name,
        "path": desired.path or "/",
        **shown,
        "trust_statements": list(desired.trust_statements),
        "kept_trust_statements": [],
        "kept_policies": [],
    }
    by_sid = {str(statement["Sid"]): statement for statement in desired.trust_statements}
    shown = {"role_arn": arn, "trust_statements": by_sid, **shown}
    return Plan(steps, created(shown), result, tuple(_size_warnings(desired, trust)))


def _role_arguments(desired: DesiredRole, trust: _policy.Merge) -> dict[str, t.Any]:
    """The parameters of CreateRole; what is not wanted is left to IAM."""
    optional = {
        "Description": desired.description,
        "MaxSessionDuration": desired.max_session_duration,
        "PermissionsBoundary": desired.permissions_boundary,
    }
    return {
        "RoleName": desired.name,
        "Path": desired.path or "/",
        "AssumeRolePolicyDocument": _policy.text(trust.document),
        **{name: value for name, value in optional.items() if value},
        **desired.created(),
    }


def change_role(desired: DesiredRole, role: Role) -> Plan:
    """The plan for a role that exists."""
    trust = _trust(desired, role)
    parts = (
        _trust_part(desired, trust),
        _settings(desired, role),
        _boundary(desired, role),
        _attachments(desired, role),
        desired.tag_steps("Role", {"RoleName": desired.name}, role.tags),
    )
    steps, differences = joined(parts)
    boundary = desired.permissions_boundary
    result = {
        "role_arn": role.arn,
        "role_id": role.metadata["RoleId"],
        "role_name": desired.name,
        "path": str(role.metadata["Path"]),
        "description": role.description if desired.description is None else desired.description,
        "trust_statements": _policy.listed(trust.document["Statement"]),
        "kept_trust_statements": list(trust.kept),
        "managed_policies": _attached_after(desired, role),
        "kept_policies": [arn for arn in _attached_after(desired, role) if arn not in (desired.managed_policies or ())],
        "max_session_duration": desired.max_session_duration or role.max_session_duration,
        "permissions_boundary": role.permissions_boundary if boundary is None else boundary,
        "tags": desired.after(role.tags),
    }
    warnings: Iterable[str] = ()
    if desired.trust_statements is not None:
        warnings = trust_warnings(desired.name, trust.document, desired.trust_statements, partition=role.partition)
    return Plan(steps, differences, result, (*warnings, *_size_warnings(desired, trust)))


def change_trust(desired: DesiredRole, role: Role) -> Plan:
    """The plan for the trust policy alone."""
    steps, differences = _trust_part(desired, _trust(desired, role))
    return Plan(tuple(steps), tuple(differences))


def take_back(desired: DesiredRole, role: Role) -> Plan:
    """The plan that takes our trust statements out of a role, and the role away where no others are left."""
    trust = _merged(desired, role)
    asked = desired.trust_statements is not None or desired.absent_sids
    if not asked or not trust.document["Statement"]:
        return delete_role(desired, role)
    steps, differences = _trust_part(desired, trust)
    result = {
        "role_name": desired.name,
        "role_arn": role.arn,
        "trust_statements": _policy.listed(trust.document["Statement"]),
        "kept_trust_statements": list(trust.kept),
    }
    kept = ", ".join(trust.kept)
    warning = f"{desired.name}: the role is kept with its policies, since it has trust statements of others: {kept}."
    return Plan(tuple(steps), tuple(differences), result, (warning,))


def delete_role(desired: DesiredRole, role: Role) -> Plan:
    """The plan that takes a role away.

    :raises ValidationError: where it has more than this task knows of, and purging was not asked for
    """
    attached = role.attached or ()
    unmanaged = [arn for arn in attached if arn not in (desired.managed_policies or ())]
    unmanaged.extend(f"inline policy {name}" for name in role.inline)
    if unmanaged and not desired.purge_policies:
        remediation = (
            "Others may rely on the role. Find out who; purge_policies=true detaches and deletes them with it."
        )
        reason = f"has what managed_policies does not name: {', '.join(unmanaged)}"
        raise ValidationError("state", desired.name, reason, remediation)
    steps = [
        *_for_policies("iam:DetachRolePolicy", desired.name, attached),
        *(Step("iam:DeleteRolePolicy", {"RoleName": desired.name, "PolicyName": name}) for name in role.inline),
        Step("iam:DeleteRole", {"RoleName": desired.name}),
    ]
    shown = {"role_arn": role.arn, "managed_policies": list(attached), "inline_policies": list(role.inline)}
    differences = tuple(Difference(name, value, None) for name, value in shown.items() if value)
    return Plan(tuple(steps), differences, {"role_name": desired.name, "role_arn": role.arn})


def _trust(desired: DesiredRole, role: Role) -> _policy.Merge:
    if desired.trust_statements is None:
        return _policy.merge(role.trust, ())
    merged = _merged(desired, role)
    if not merged.document["Statement"]:
        remediation = "Name who may assume it in trust_statements, or delete the role with state=absent."
        reason = "would be left without a trust statement"
        raise ValidationError("purge_trust_statements", desired.name, reason, remediation)
    orphans = _policy.orphaned_principals(merged.document)
    if merged.differences and orphans:
        reason = f"has a trust statement {orphans[0]['sid']} for {orphans[0]['principal']}, which was deleted"
        remediation = (
            "IAM takes no trust policy that names it: correct that statement, or set purge_trust_statements=true."
        )
        raise ValidationError("trust_statements", desired.name, reason, remediation)
    return merged


def _merged(desired: DesiredRole, role: Role) -> _policy.Merge:
    """The trust policy with our statements, or without them."""
    owned, replace_sids = desired.trust_statements or (), desired.replace_sids
    if desired.state == "absent":
        wanted = _policy.Desired.absent(owned, desired.absent_sids, replace_sids)
    else:
        absent_sids = (*desired.absent_sids, *_earlier_sids(role, owned))
        purge = desired.purge_trust_statements
        wanted = _policy.Desired(owned, absent_sids=absent_sids, purge=purge, replace_sids=replace_sids)
    return wanted.merged_into(role.trust, partition=role.partition, option="trust_statements")


def _earlier_sids(role: Role, owned: Sequence[_policy.Statement]) -> Iterator[str]:
    """The Sids under which an earlier version has written what is wanted: with the digits of the issuer alone."""
    wanted = [one for one in owned if _SERVICE_ACCOUNT.fullmatch(str(one["Sid"]))]
    for sid, there in _policy.named_statements(role.trust):
        if _SERVICE_ACCOUNT.fullmatch(sid) and sid not in (one["Sid"] for one in wanted):
            same = (
                _policy.same_statement({**there, "Sid": one["Sid"]}, one, partition=role.partition) for one in wanted
            )
            if any(same):
                yield sid


def _refuse_trust_size(desired: DesiredRole, trust: _policy.Merge) -> None:
    size = document_size(trust.document)
    if size > TRUST_SIZE_AT_MOST:
        reason = f"would have a trust policy of {size} characters"
        raise ValidationError("trust_statements", desired.name, reason, TRUST_QUOTA)


def _size_warnings(desired: DesiredRole, trust: _policy.Merge) -> Iterator[str]:
    size = document_size(trust.document)
    if trust.differences and TRUST_SIZE < size <= TRUST_SIZE_AT_MOST:
        yield f"{desired.name}: would have a trust policy of {size} characters. {TRUST_QUOTA}"


def _trust_part(desired: DesiredRole, trust: _policy.Merge) -> Changes:
    if not trust.differences:
        return NOTHING
    arguments = {"RoleName": desired.name, "PolicyDocument": _policy.text(trust.document)}
    _refuse_trust_size(desired, trust)
    before = {one.name: one.before for one in trust.differences if one.before is not None}
    after = {one.name: one.after for one in trust.differences if one.after is not None}
    return (Step(UPDATE_TRUST, arguments),), (Difference("trust_statements", before, after),)


def _settings(desired: DesiredRole, role: Role) -> Changes:
    """Description and session duration; what is left out of the request stays as it is."""
    asked = {"description": desired.description, "max_session_duration": desired.max_session_duration}
    current = {"description": role.description, "max_session_duration": role.max_session_duration}
    differences = compare({name: value for name, value in asked.items() if value is not None}, current)
    members = {"description": "Description", "max_session_duration": "MaxSessionDuration"}
    arguments = {members[one.name]: one.after for one in differences}
    return [Step("iam:UpdateRole", {"RoleName": desired.name, **arguments})] if differences else (), differences


def _boundary(desired: DesiredRole, role: Role) -> Changes:
    asked, current = desired.permissions_boundary, role.permissions_boundary
    if asked is None or asked == current:
        return NOTHING
    identity = {"RoleName": desired.name}
    step = Step("iam:DeleteRolePermissionsBoundary", identity)
    if asked:
        step = Step("iam:PutRolePermissionsBoundary", {**identity, "PermissionsBoundary": asked})
    return (step,), (Difference("permissions_boundary", current or None, asked or None),)


def _attachments(desired: DesiredRole, role: Role) -> Changes:
    before, after = list(role.attached or ()), _attached_after(desired, role)
    steps = [
        *_for_policies("iam:AttachRolePolicy", desired.name, [arn for arn in after if arn not in before]),
        *_for_policies("iam:DetachRolePolicy", desired.name, [arn for arn in before if arn not in after]),
    ]
    return steps, (Difference("managed_policies", before, after),) if steps else ()


def _attached_after(desired: DesiredRole, role: Role) -> list[str]:
    """The attached policies as they are after the plan; the unmanaged ones first, as they were."""
    attached = role.attached or ()
    if desired.managed_policies is None:
        return list(attached)
    kept = [arn for arn in attached if arn in desired.managed_policies or not desired.purge_policies]
    return list(dict.fromkeys((*kept, *desired.managed_policies)))


def _for_policies(action: str, name: str, arns: Sequence[str]) -> list[Step]:
    return [Step(action, {"RoleName": name, "PolicyArn": arn}) for arn in arns]
