# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and refusals for roles, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._iam import decide_role
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import Role
from tests.support.iam import OTHER_ARN, OWNER, POLICY_ARN, steps, trust
from tests.support.refusal import refusal


def role(
    *statements: Mapping[str, Any], attached: tuple[str, ...] = (), inline: tuple[str, ...] = (), **more: Any
) -> Role:
    metadata = {
        "Arn": OWNER.arn("role/velero"),
        "RoleId": "AROA1",
        "Path": "/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": list(statements or (trust(),))},
        **more,
    }
    return Role(metadata, attached, inline)


def desired_role(**more: Any) -> decide_role.DesiredRole:
    return decide_role.DesiredRole(name="velero", **{"trust_statements": [trust()], **more})


def test_create_role_with_what_is_given_only() -> None:
    plan = decide_role.create_role(desired_role(managed_policies=[POLICY_ARN, POLICY_ARN]), OWNER)
    assert steps(plan) == ["CreateRole", "AttachRolePolicy " + POLICY_ARN]
    assert set(plan.steps[0].arguments) == {"RoleName", "Path", "AssumeRolePolicyDocument"}


@pytest.mark.parametrize(
    ("desired", "current", "expected"),
    [
        ({}, role(), []),
        ({"trust_statements": None}, role(trust("Foreign")), []),
        ({"trust_statements": None, "purge_trust_statements": True}, role(trust("Foreign")), []),
        ({}, role(trust("Foreign")), ["UpdateAssumeRolePolicy"]),
        ({}, role(trust("Foreign"), trust()), []),
        ({"purge_trust_statements": True}, role(trust("Foreign"), trust()), ["UpdateAssumeRolePolicy"]),
        ({"description": "a"}, role(), ["UpdateRole"]),
        ({"description": ""}, role(), []),
        ({"max_session_duration": 3600}, role(), []),
        ({"max_session_duration": 7200}, role(), ["UpdateRole"]),
        ({"permissions_boundary": OTHER_ARN}, role(), ["PutRolePermissionsBoundary"]),
        (
            {"permissions_boundary": ""},
            role(PermissionsBoundary={"PermissionsBoundaryArn": OTHER_ARN}),
            ["DeleteRolePermissionsBoundary"],
        ),
        ({"permissions_boundary": ""}, role(), []),
        ({"managed_policies": [POLICY_ARN]}, role(attached=(OTHER_ARN,)), ["AttachRolePolicy " + POLICY_ARN]),
        (
            {"managed_policies": [POLICY_ARN], "purge_policies": True},
            role(attached=(OTHER_ARN,)),
            ["AttachRolePolicy " + POLICY_ARN, "DetachRolePolicy " + OTHER_ARN],
        ),
        ({"managed_policies": None, "purge_policies": True}, role(attached=(OTHER_ARN,)), []),
        (
            {"managed_policies": [], "purge_policies": True},
            role(attached=(OTHER_ARN,)),
            ["DetachRolePolicy " + OTHER_ARN],
        ),
        ({"path": "/"}, role(), []),
    ],
)
def test_change_role(desired: dict[str, Any], current: Role, expected: list[str]) -> None:
    assert steps(decide_role.change_role(desired_role(**desired), current)) == expected


def test_trust_policy_is_never_purged_to_nothing() -> None:
    assert refusal(decide_role.change_role, desired_role(trust_statements=[], purge_trust_statements=True), role()) == (
        "purge_trust_statements: velero would be left without a trust statement. "
        "Name who may assume it in trust_statements, or delete the role with state=absent."
    )


def test_update_role_names_only_what_differs() -> None:
    plan = decide_role.change_role(desired_role(description="a", max_session_duration=3600), role())
    assert plan.steps[0].arguments == {"RoleName": "velero", "Description": "a"}


@pytest.mark.parametrize(
    ("desired", "current", "expected"),
    [
        ({}, role(), ["DeleteRole"]),
        (
            {"managed_policies": [POLICY_ARN, OTHER_ARN]},
            role(attached=(POLICY_ARN,)),
            ["DetachRolePolicy " + POLICY_ARN, "DeleteRole"],
        ),
        (
            {"purge_policies": True},
            role(attached=(POLICY_ARN,), inline=("mine",)),
            ["DetachRolePolicy " + POLICY_ARN, "DeleteRolePolicy mine", "DeleteRole"],
        ),
    ],
)
def test_delete_role(desired: dict[str, Any], current: Role, expected: list[str]) -> None:
    assert steps(decide_role.delete_role(desired_role(**desired), current)) == expected
