# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the statements that are wanted in a bucket policy and the policy that there is, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from .. import _policy
from .._arn import s3_arn
from .._errors import ValidationError
from .._plan import Plan, Step
from .._types import Document
from .write_principals import WritePrincipals

#: Bytes of a bucket policy (S3 user guide, "Bucket policies are limited to 20 KB in size").
_LIMIT = 20 * 1024
_ENCRYPTION_HEADER = "s3:x-amz-server-side-encryption"

#: Operator and key of a condition.
Requirement = tuple[str, str]
UnmanagedRequirement = tuple[str, _policy.Statement, Requirement]
ANY_PRINCIPALS = WritePrincipals()


def decide_bucket_policy(
    desired: _policy.Desired,
    current: Document | None,
    *,
    partition: str,
    arguments: Mapping[str, t.Any],
    bypass: bool,
    write_principals: WritePrincipals = ANY_PRINCIPALS,
) -> Plan:
    """The plan that brings owned statements into a bucket policy, or out of it.

    :param current: ``None`` where the bucket has no policy
    :param arguments: the parameters of every request, with the name of the bucket
    :param bypass: have S3, too, not insist that the caller can change the policy again
    :raises ValidationError: where owned statements are about another bucket, where kopia's writes would be or are
        blocked, and where S3 would take no change
    """
    bucket = str(arguments["Bucket"])
    bucket_arn = s3_arn(partition, bucket)
    _refuse_resources(desired.statements, bucket_arn)
    _refuse_header_requirements([one for one in desired.statements if write_principals.concerned_by(one, bucket_arn)])
    merged = desired.merged_into(current, partition=partition)
    left = bool(_policy.listed(merged.document["Statement"]))
    requirements = _unmanaged_requirements(merged.document, merged.kept, write_principals, bucket_arn)
    if write_principals.role_arns and not desired.absent_sids:  # they may be taken out one after the other
        _refuse_unmanaged_requirements(requirements, bucket=bucket, roles=write_principals.role_arns)
    orphans = _policy.orphaned_principals(merged.document)
    result = {
        "bucket": bucket,
        "policy": merged.document if left else None,
        "kept_statements": list(merged.kept),
        "orphaned_principals": orphans,
    }
    warnings = (*_policy.orphan_warnings(orphans, resource=bucket), *_header_warnings(requirements, bucket=bucket))
    if not merged.differences:
        return Plan(result=result, warnings=warnings)
    step = _put(merged.document, orphans, arguments, bypass) if left else Step("s3:DeleteBucketPolicy", arguments)
    return Plan((step,), merged.differences, result, warnings)


def _put(
    document: Document, orphans: Sequence[Mapping[str, str]], arguments: Mapping[str, t.Any], bypass: bool
) -> Step:
    bucket = str(arguments["Bucket"])
    _policy.refuse_size(document, _LIMIT, option="statements", resource=bucket)
    _policy.refuse_orphans(orphans, option="bucket", resource=bucket)
    confirm = {"ConfirmRemoveSelfBucketAccess": True} if bypass else {}
    return Step("s3:PutBucketPolicy", {**arguments, **confirm, "Policy": _policy.text(document)})


def refuse_bucket_lockout(
    before: Document | None, after: Document | None, *, bucket_arn: str, root: str, identities: Sequence[str]
) -> None:
    """Refuse a policy that denies the caller to change it again. The account root always can (S3 user guide).

    :raises ValidationError: where the change brings such a Deny
    """
    nothing: Document = {"Statement": []}
    access = _policy.Access("s3:PutBucketPolicy", bucket_arn, root, tuple(identities))
    bypass = "confirm_remove_self_bucket_access"
    _policy.refuse_lockout(
        before or nothing,
        after or nothing,
        {"the caller": access},
        option="statements",
        bypass=bypass,
        needs_allow=False,
    )


def _refuse_resources(statements: Sequence[_policy.Statement], bucket_arn: str) -> None:
    for statement in statements:
        for resource in _policy.listed(statement.get("Resource", statement.get("NotResource"))):
            if resource != bucket_arn and not str(resource).startswith(f"{bucket_arn}/"):
                reason = f"speaks of {resource}, which is not of this bucket"
                remediation = f"S3 takes statements about the bucket itself only: {bucket_arn} and {bucket_arn}/*."
                raise ValidationError("statements", str(statement["Sid"]), reason, remediation)


def _refuse_header_requirements(statements: Sequence[_policy.Statement]) -> None:
    for statement in statements:
        requirement = header_requirement(statement)
        if requirement:
            reason = f"denies writes that carry no encryption header ({' '.join(requirement)}), and kopia sends none"
            remediation = f"{_right_form(requirement)} and let the bucket's default encryption do the rest."
            raise ValidationError("statements", str(statement["Sid"]), reason, remediation)


def _right_form(requirement: Requirement) -> str:
    return (
        "Deny a wrong header, not a missing one: a negated operator together with "
        f'"Null": {{"{requirement[1]}": "false"}} (IfExists does not help in a Deny),'
    )


def _unmanaged_requirements(
    document: Document, kept: Sequence[str], write_principals: WritePrincipals, bucket_arn: str
) -> list[UnmanagedRequirement]:
    return [
        (name, one, requirement)
        for name, one in _policy.named_statements(document)
        if name in kept and write_principals.concerned_by(one, bucket_arn) and (requirement := header_requirement(one))
    ]


def _refuse_unmanaged_requirements(
    requirements: Sequence[UnmanagedRequirement], *, bucket: str, roles: Sequence[str]
) -> None:
    for name, statement, requirement in requirements:
        # What it says of other keys may except the roles; that is left at a warning.
        if all(key.startswith(_ENCRYPTION_HEADER) for _operator, key, _values in _policy.conditions(statement)):
            reason = (
                f"has the unmanaged statement {name}, which denies {', '.join(roles)} writes that carry no encryption "
                f"header ({' '.join(requirement)}), and kopia sends none"
            )
            remediation = f"{_right_form(requirement)} or except the role. Change it where the statement is managed."
            raise ValidationError("bucket", bucket, reason, remediation)


def _header_warnings(requirements: Sequence[UnmanagedRequirement], *, bucket: str) -> tuple[str, ...]:
    return tuple(
        f"{bucket}: the unmanaged statement {name} denies writes that carry no encryption header "
        f"({' '.join(requirement)}). "
        "Where it applies to Velero's role, every write of kopia fails: file system backups and data movement."
        for name, _statement, requirement in requirements
    )


def header_requirement(statement: _policy.Statement) -> Requirement | None:
    """Operator and key by which a Deny refuses writes that name no encryption, or ``None``.

    These condition keys are the headers of the request; the bucket's default encryption does not fill them in. A write
    without the header is denied where every condition on these headers holds although they are absent. What the
    statement says of other keys or principals may narrow it, which is not to be relied on.
    """
    if statement.get("Effect") != "Deny" or not _is_about_writes(statement):
        return None
    about = [condition for condition in _policy.conditions(statement) if condition[1].startswith(_ENCRYPTION_HEADER)]
    if about and all(_holds_without(operator, values) for operator, _key, values in about):
        return about[0][:2]
    return None


def _is_about_writes(statement: _policy.Statement) -> bool:
    patterns = _policy.listed(statement.get("Action", statement.get("NotAction", ())))
    covered = any(_policy.matches(str(pattern).lower(), "s3:putobject") for pattern in patterns)
    return covered if "Action" in statement else not covered


def _holds_without(operator: str, values: Sequence[str]) -> bool:
    """Whether a condition holds for a request that lacks its key (IAM user guide, "Condition operators")."""
    quantifier, _colon, name = operator.rpartition(":")
    if name == "null":
        return any(value.lower() == "true" for value in values)
    if quantifier:
        return quantifier == "forallvalues"
    return name.endswith("ifexists") or "not" in name
