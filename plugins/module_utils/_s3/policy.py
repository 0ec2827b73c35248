# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the statements that are wanted in a bucket policy and the policy that there is, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .. import _policy
from .._access.lockout import refuse_lockout
from .._access.model import Principal
from .._access.requests import direct
from .._arn import s3_arn
from .._errors import ValidationError
from .._plan import Plan, Step
from .._types import Document
from .velero_access import Denial, VeleroAccess

#: Bytes of a bucket policy (S3 user guide, "Bucket policies are limited to 20 KB in size").
_LIMIT = 20 * 1024
ANYBODY = VeleroAccess()


def decide_bucket_policy(
    desired: _policy.Desired,
    current: Document | None,
    *,
    partition: str,
    arguments: Mapping[str, t.Any],
    bypass: bool,
    velero: VeleroAccess = ANYBODY,
) -> Plan:
    """The plan that brings owned statements into a bucket policy, or out of it.

    :param current: ``None`` where the bucket has no policy
    :param arguments: the parameters of every request, with the name of the bucket
    :param velero: whose requests must not be denied
    :param bypass: have S3, too, not insist that the caller can change the policy again
    :raises ValidationError: where owned statements are about another bucket, where Velero's requests would be or are
        denied, and where S3 would take no change
    """
    bucket = str(arguments["Bucket"])
    bucket_arn = s3_arn(partition, bucket)
    _refuse_resources(desired.statements, bucket_arn)
    _refuse_own_denials(desired.statements, velero, bucket_arn)
    merged = desired.merged_into(current, partition=partition)
    left = bool(_policy.listed(merged.document["Statement"]))
    denials = [one for one in velero.denials(merged.document, bucket_arn) if one.name in merged.kept]
    if velero.role_arns and not desired.absent_sids:  # they may be taken out one after the other
        _refuse_unmanaged_denials(denials, velero, bucket)
    orphans = _policy.orphaned_principals(merged.document)
    result = {
        "bucket": bucket,
        "policy": merged.document if left else None,
        "kept_statements": list(merged.kept),
        "orphaned_principals": orphans,
    }
    warnings = (*_policy.orphan_warnings(orphans, resource=bucket), *_warnings(denials, velero, bucket))
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


def refuse_bucket_lockout(before: Document | None, after: Document | None, bucket_arn: str, caller: Principal) -> None:
    """Refuse a policy that denies the caller to change it again. The account root always can (S3 user guide).

    :raises ValidationError: where the change brings such a Deny, or one whose condition the caller may meet
    """
    # S3 lets nobody else than the owner's account change a bucket policy.
    request = direct(caller, "s3:PutBucketPolicy", bucket_arn, caller.account_id)
    remediation = (
        "Keep {who} allowed, or set confirm_remove_self_bucket_access=true if somebody else is to manage the policy."
    )
    refuse_lockout(before, after, {"the caller": request}, option="statements", remediation=remediation)


def _refuse_resources(statements: Sequence[_policy.Statement], bucket_arn: str) -> None:
    for statement in statements:
        for resource in _policy.listed(statement.get("Resource", statement.get("NotResource"))):
            if resource != bucket_arn and not str(resource).startswith(f"{bucket_arn}/"):
                reason = f"speaks of {resource}, which is not of this bucket"
                remediation = f"S3 takes statements about the bucket itself only: {bucket_arn} and {bucket_arn}/*."
                raise ValidationError("statements", str(statement["Sid"]), reason, remediation)


def _refuse_own_denials(statements: Sequence[_policy.Statement], velero: VeleroAccess, bucket_arn: str) -> None:
    document: Document = {"Version": _policy.VERSION, "Statement": list(statements)}
    for denial in velero.denials(document, bucket_arn):
        if denial.header and not denial.unknown:
            reason = f"denies writes that carry no encryption header ({denial.header}), and kopia sends none"
            remediation = f"{_right_form(denial)} and let the bucket's default encryption do the rest."
            raise ValidationError("statements", denial.name, reason, remediation)
        if not denial.unknown and denial.is_vital:
            remediation = f"Except {velero.who} from it, for example with ArnNotEquals on aws:PrincipalArn."
            raise ValidationError("statements", denial.name, f"denies {velero.who} its {denial.what}", remediation)


def _right_form(denial: Denial) -> str:
    return (
        "Deny a wrong header, not a missing one: a negated operator together with "
        f'"Null": {{"{denial.header.rpartition(" ")[2]}": "false"}} (IfExists does not help in a Deny),'
    )


def _refuse_unmanaged_denials(denials: Sequence[Denial], velero: VeleroAccess, bucket: str) -> None:
    for denial in denials:
        if denial.unknown or not denial.is_vital:
            continue
        head = f"has the unmanaged statement {denial.name}, which denies {velero.who}"
        if denial.header:
            reason = f"{head} writes that carry no encryption header ({denial.header}), and kopia sends none"
            remediation = (
                f"{_right_form(denial)} or except the role. Change it where the statement is managed. Or set "
                "uses_kopia=false (velero_uses_kopia) if no backup of this cluster is to be a file system backup or to "
                "move data: these would fail."
            )
        else:
            reason = f"{head} its {denial.what}"
            remediation = "Except the role, or change what the statement denies, where it is managed."
        raise ValidationError("bucket", bucket, reason, remediation)


def _warnings(denials: Sequence[Denial], velero: VeleroAccess, bucket: str) -> Iterator[str]:
    for denial in denials:
        if denial.header and not velero.uses_kopia:
            yield (
                f"{bucket}: the unmanaged statement {denial.name} denies writes that carry no encryption header, and "
                "uses_kopia=false (velero_uses_kopia) says that kopia writes nothing here: file system backups and "
                "data movement would fail."
            )
            continue
        may = "may deny" if denial.unknown else "denies"
        why = f" It depends on {', '.join(denial.unknown)}, which is not known here." if denial.unknown else ""
        head = f"{bucket}: the unmanaged statement {denial.name} {may}"
        if denial.header:
            yield (
                f"{head} writes that carry no encryption header ({denial.header}).{why} Where it applies to Velero's "
                "role, every write of kopia fails: file system backups and data movement."
            )
        else:
            yield f"{head} {velero.who} its {denial.what}.{why}"
