# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for managed policies, as tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._iam import decide_policy
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import Policy
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired
from tests.support.iam import POLICY_ARN, document, steps


def policy(default: str = "v1", versions: tuple[str, ...] = (), **metadata: Any) -> Policy:
    return Policy({"Arn": POLICY_ARN, "DefaultVersionId": default, **metadata}, document(), versions)


def desired_policy(**more: Any) -> decide_policy.DesiredPolicy:
    statements = more.pop("document", document())["Statement"]
    return decide_policy.DesiredPolicy(name="velero", statements=Desired(statements), **more)


@pytest.mark.parametrize(
    ("desired", "current", "expected"),
    [
        ({}, policy(), []),
        ({"document": document("s3:getobject")}, policy(), []),
        ({"document": {"Statement": []}}, policy(), []),
        ({"document": document(Sid="B")}, policy(versions=("v1",)), ["CreatePolicyVersion " + POLICY_ARN]),
        ({"document": document("s3:*")}, policy(versions=("v1",)), ["CreatePolicyVersion " + POLICY_ARN]),
        (
            {"document": document("s3:*")},
            policy("v3", ("v3", "v4", "v8", "v9", "v10")),
            ["DeletePolicyVersion v4", "CreatePolicyVersion " + POLICY_ARN],
        ),
        ({"tags": {"a": "1"}}, policy(), ["TagPolicy " + POLICY_ARN]),
        ({"tags": {}}, policy(Tags=[{"Key": "a", "Value": "1"}]), ["UntagPolicy " + POLICY_ARN]),
        ({"description": "other"}, policy(), []),
    ],
)
def test_change_policy(desired: dict[str, Any], current: Policy, expected: list[str]) -> None:
    assert steps(decide_policy.change_policy(desired_policy(**desired), current)) == expected


def test_next_version_is_predicted_by_number() -> None:
    changed = decide_policy.change_policy(desired_policy(document=document("s3:*")), policy("v9", ("v9", "v10")))
    assert changed.result["default_version_id"].placeholder == "v11"


def test_delete_policy_takes_the_versions_first() -> None:
    plan = decide_policy.delete_policy(policy("v2", ("v1", "v2", "v3")))
    assert steps(plan) == ["DeletePolicyVersion v1", "DeletePolicyVersion v3", "DeletePolicy " + POLICY_ARN]


def test_statements_of_others_stay() -> None:
    plan = decide_policy.change_policy(desired_policy(document=document("s3:*", Sid="B")), policy(versions=("v1",)))
    assert [one["Sid"] for one in plan.result["policy"]["Statement"]] == ["A", "B"]
    assert plan.result["kept_statements"] == ["A"]


@pytest.mark.parametrize(
    ("sids", "expected"),
    [
        (["A"], ["DeletePolicy " + POLICY_ARN]),
        (["B"], []),
        ([], []),
    ],
)
def test_removal_of_statements(sids: list[str], expected: list[str]) -> None:
    desired = decide_policy.DesiredPolicy(name="velero", statements=Desired(absent_sids=sids))
    assert steps(decide_policy.remove_statements(desired, policy(versions=("v1",)))) == expected


def test_what_is_left_is_a_new_version() -> None:
    both = {**document(), "Statement": [*document()["Statement"], *document(Sid="B")["Statement"]]}
    desired = decide_policy.DesiredPolicy(name="velero", statements=Desired(absent_sids=["A"]))
    plan = decide_policy.remove_statements(desired, replace(policy(versions=("v1",)), document=both))
    assert steps(plan) == ["CreatePolicyVersion " + POLICY_ARN]
    assert plan.result["kept_statements"] == ["B"]
