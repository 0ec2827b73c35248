# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a managed policy and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import _policy
from .._errors import ValidationError
from .._plan import NOTHING, Changes, Computed, Difference, Plan, Step, created, joined
from .._types import Document
from .documents import policy_document, refuse_policy_size
from .model import DesiredTags, Policy, validate_name, validate_path

NEW_VERSION = "iam:CreatePolicyVersion"
#: How the filter ``iam_policy`` names the statement about the objects, and all of them without the digits.
_OBJECTS = re.compile(r"VeleroObjects[0-9a-f]{8}")
_EARLIER_SIDS = ("VeleroObjects", "VeleroBucket", "VeleroKey", "VeleroPreviousKeys", "VeleroSnapshots")


@dataclass(frozen=True, kw_only=True)
class DesiredPolicy(DesiredTags):
    """What a task wants of a customer managed policy. ``None`` means: leave it as it is.

    :param statements: the owned statements, by their Sids, and those that must not be there
    """

    name: str
    path: str = "/"
    description: str | None = None
    statements: _policy.Desired = field(default_factory=_policy.Desired)

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> DesiredPolicy:
        """From the options of a task.

        :raises ValidationError: for what IAM would not take
        """
        validate_name(params["name"], length=128)
        validate_path(params["path"])
        desired = {option: params[option] for option in ("name", "path", "description", "tags", "purge_tags")}
        return cls(statements=_statements(params), **desired)

    @property
    def deletes(self) -> bool:
        """Whether a task that wants nothing to be there means the whole policy."""
        return not (self.statements.statements or self.statements.absent_sids)

    def merged_into(self, document: Document | None, *, partition: str, resource: str) -> _policy.Merge:
        """The document with what is wanted in it.

        :raises ValidationError: where IAM would not take it
        """
        wanted = self.statements
        if document is not None:
            earlier = _earlier_sids(document, wanted.statements)
            wanted = replace(wanted, absent_sids=(*wanted.absent_sids, *earlier))
        merged = wanted.merged_into(document, partition=partition, option="policy")
        if merged.differences:
            refuse_policy_size(merged.document, option="policy", resource=resource)
        return merged


def _statements(params: Mapping[str, t.Any]) -> _policy.Desired:
    name, policy, absent = params["name"], params["policy"], params["absent_sids"] or []
    document = policy_document(policy, option="policy", resource=name) if policy else {"Statement": []}
    found = list(_policy.named_statements(document))
    for position, (sid, statement) in enumerate(found, 1):
        if not statement.get("Sid"):
            remediation = "Give it one: a statement is found again, replaced and removed by its Sid."
            raise ValidationError("policy", name, f"has a policy whose statement #{position} has no Sid", remediation)
        if sid in absent:
            raise ValidationError(
                "absent_sids", sid, "is the Sid of a statement of policy too", "Leave one of them out."
            )
    statements = [statement for _sid, statement in found]
    if params["state"] == "absent":
        return _policy.Desired.absent(statements, absent, params["replace_sids"])
    replace_sids = params["replace_sids"]
    return _policy.Desired(statements, absent_sids=absent, purge=params["purge_statements"], replace_sids=replace_sids)


def _earlier_sids(document: Document, wanted: Sequence[_policy.Statement]) -> list[str]:
    """The Sids under which an earlier version has written what is wanted, for the same place."""
    there = dict(_policy.named_statements(document))
    # They were written together, and only one of them says for which objects.
    objects = there.get("VeleroObjects", {}).get("Resource")
    ours = any(_OBJECTS.fullmatch(str(one["Sid"])) and one.get("Resource") == objects for one in wanted)
    return [sid for sid in _EARLIER_SIDS if ours and sid in there]


def create_policy(desired: DesiredPolicy, arn: str) -> Plan:
    """The plan for a policy that does not exist."""
    document = desired.merged_into(None, partition=arn.split(":")[1], resource=desired.name).document
    arguments: dict[str, t.Any] = {
        "PolicyName": desired.name,
        "Path": desired.path,
        "PolicyDocument": _policy.text(document),
        **({"Description": desired.description} if desired.description else {}),
        **desired.created(),
    }
    tags = desired.after({})
    shown = {"policy_arn": arn, "description": desired.description, "policy": document, "tags": tags}
    step = Step("iam:CreatePolicy", arguments, {"version_id": "Policy.DefaultVersionId"})
    version_id = Computed("version_id", "v1")
    details = {"description": desired.description or "", "tags": tags, "kept_statements": []}
    result = _policy_result(desired, arn, document, version_id, **details)
    return Plan((step,), created(shown), result)


def change_policy(desired: DesiredPolicy, policy: Policy) -> Plan:
    """The plan for a policy that exists.

    A wanted document that an older version has becomes a new version all the same: the history of versions then
    shows what was in force when.
    """
    merged = desired.merged_into(policy.document, partition=policy.partition, resource=policy.arn)
    document, deleted = _document(merged, policy)
    steps, differences = joined([document, desired.tag_steps("Policy", {"PolicyArn": policy.arn}, policy.tags)])
    latest = max(int(version[1:]) for version in (*policy.version_ids, policy.default_version_id))
    version_id = Computed("version_id", f"v{latest + 1}") if document[0] else policy.default_version_id
    result = _policy_result(
        desired,
        policy.arn,
        merged.document,
        version_id,
        kept_statements=list(merged.kept),
        description=policy.description,
        tags=desired.after(policy.tags),
        deleted_version_id=deleted,
    )
    warnings: tuple[str, ...] = ()
    if desired.description is not None and desired.description != policy.description:
        warnings = (
            f"description: {policy.arn} is described as {policy.description!r}, and IAM cannot change that. It is left "
            "as it is; delete the policy first to have it created again.",
        )
    return Plan(steps, differences, result, warnings)


def remove_statements(desired: DesiredPolicy, policy: Policy) -> Plan:
    """The plan that takes statements out of a policy; without any other it is deleted, as IAM takes no empty one."""
    merged = desired.merged_into(policy.document, partition=policy.partition, resource=policy.arn)
    if merged.differences and not merged.document["Statement"]:
        return delete_policy(policy)
    changes, deleted = _document(merged, policy)
    result = {"policy_arn": policy.arn, "kept_statements": list(merged.kept), "deleted_version_id": deleted}
    return Plan(tuple(changes[0]), tuple(changes[1]), result)


def delete_policy(policy: Policy) -> Plan:
    """The plan that takes a policy and its versions away."""
    versions = policy.other_version_ids
    steps = [
        *(Step("iam:DeletePolicyVersion", {"PolicyArn": policy.arn, "VersionId": version}) for version in versions),
        Step("iam:DeletePolicy", {"PolicyArn": policy.arn}),
    ]
    differences = (
        Difference("policy_arn", policy.arn, None),
        Difference("versions", sorted(policy.version_ids), None),
    )
    return Plan(tuple(steps), differences, {"policy_arn": policy.arn})


def _policy_result(
    desired: DesiredPolicy, arn: str, document: Document, version_id: str | Computed, **details: t.Any
) -> dict[str, t.Any]:
    return {
        "policy_arn": arn,
        "policy_name": desired.name,
        "path": desired.path,
        "policy": document,
        "default_version_id": version_id,
        "deleted_version_id": None,
        **details,
    }


def _document(merged: _policy.Merge, policy: Policy) -> tuple[Changes, str | None]:
    """The new version, with the oldest one out of its way where there is no room, and the id of that one."""
    if not merged.differences:
        return NOTHING, None
    steps: list[Step] = []
    differences = list(merged.differences)
    deleted = None
    if len(policy.version_ids) >= 5:  # IAM keeps this many
        deleted = policy.other_version_ids[0]
        steps.append(Step("iam:DeletePolicyVersion", {"PolicyArn": policy.arn, "VersionId": deleted}))
        differences.append(Difference("deleted_version_id", deleted, None))
    arguments = {"PolicyArn": policy.arn, "PolicyDocument": _policy.text(merged.document), "SetAsDefault": True}
    steps.append(Step(NEW_VERSION, arguments, {"version_id": "PolicyVersion.VersionId"}))
    return (steps, differences), deleted
