# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a managed policy and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .. import _policy
from .._plan import NOTHING, Changes, Computed, Difference, Plan, Step, created, joined
from .._types import Document
from .documents import policy_document
from .model import DesiredTags, Policy, validate_name, validate_path


@dataclass(frozen=True, kw_only=True)
class DesiredPolicy(DesiredTags):
    """What a task wants of a customer managed policy. ``None`` means: leave it as it is."""

    name: str
    path: str = "/"
    description: str | None = None
    document: Document | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> DesiredPolicy:
        """From the options of a task.

        :raises ValidationError: for what IAM would not take
        """
        name, policy = params["name"], params["policy"]
        validate_name(name, length=128)
        validate_path(params["path"])
        desired = {option: params[option] for option in ("name", "path", "description", "tags", "purge_tags")}
        return cls(document=policy_document(policy, option="policy", resource=name) if policy else None, **desired)


def create_policy(desired: DesiredPolicy, arn: str) -> Plan:
    """The plan for a policy that does not exist."""
    document = desired.document or {}
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
    result = _policy_result(desired, arn, version_id, description=desired.description or "", tags=tags)
    return Plan((step,), created(shown), result)


def change_policy(desired: DesiredPolicy, policy: Policy) -> Plan:
    """The plan for a policy that exists.

    A wanted document that an older version has becomes a new version all the same: the history of versions then
    shows what was in force when.
    """
    document, deleted = _document(desired, policy)
    steps, differences = joined([document, desired.tag_steps("Policy", {"PolicyArn": policy.arn}, policy.tags)])
    latest = max(int(version[1:]) for version in (*policy.version_ids, policy.default_version_id))
    version_id = Computed("version_id", f"v{latest + 1}") if document[0] else policy.default_version_id
    result = _policy_result(
        desired,
        policy.arn,
        version_id,
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


def _policy_result(desired: DesiredPolicy, arn: str, version_id: str | Computed, **details: t.Any) -> dict[str, t.Any]:
    return {
        "policy_arn": arn,
        "policy_name": desired.name,
        "path": desired.path,
        "policy": desired.document,
        "default_version_id": version_id,
        "deleted_version_id": None,
        **details,
    }


def _document(desired: DesiredPolicy, policy: Policy) -> tuple[Changes, str | None]:
    """The new version, with the oldest one out of its way where there is no room, and the id of that one."""
    if desired.document is None or not policy.differs_from(desired.document):
        return NOTHING, None
    steps: list[Step] = []
    differences = [Difference("policy", policy.document, desired.document)]
    deleted = None
    if len(policy.version_ids) >= 5:  # IAM keeps this many
        deleted = policy.other_version_ids[0]
        steps.append(Step("iam:DeletePolicyVersion", {"PolicyArn": policy.arn, "VersionId": deleted}))
        differences.append(Difference("deleted_version_id", deleted, None))
    arguments = {"PolicyArn": policy.arn, "PolicyDocument": _policy.text(desired.document), "SetAsDefault": True}
    steps.append(Step("iam:CreatePolicyVersion", arguments, {"version_id": "PolicyVersion.VersionId"}))
    return (steps, differences), deleted
