# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted of a bucket and what there is, to a plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._s3.decide import DesiredBucket, decide_bucket
from ansible_collections.coffer.velero.plugins.module_utils._s3.model import BLOCKED, OWNER_ENFORCED, Bucket

NAME = "velero-backups"


def desired(**options: Any) -> DesiredBucket:
    return DesiredBucket(**{"name": NAME, "region": "eu-central-1", **options})


def bucket(**state: Any) -> Bucket:
    return Bucket(**{"name": NAME, "public_access_block": BLOCKED, "ownership": OWNER_ENFORCED, **state})


def actions(plan: Plan) -> list[str]:
    return [step.action.removeprefix("s3:") for step in plan.steps]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["CreateBucket", "PutPublicAccessBlock"]),
        ({"versioning": "enabled"}, ["CreateBucket", "PutPublicAccessBlock", "PutBucketVersioning"]),
        ({"versioning": "suspended"}, ["CreateBucket", "PutPublicAccessBlock"]),
        ({"tags": {}}, ["CreateBucket", "PutPublicAccessBlock"]),
        ({"tags": {"a": 1}}, ["CreateBucket", "PutPublicAccessBlock", "PutBucketTagging"]),
    ],
)
def test_a_bucket_is_created_with_everything(options: dict[str, Any], expected: list[str]) -> None:
    assert actions(decide_bucket(desired(**options), None)) == expected


@pytest.mark.parametrize(
    ("region", "place", "arn"),
    [
        ("us-east-1", None, f"arn:aws:s3:::{NAME}"),
        ("eu-central-1", {"LocationConstraint": "eu-central-1"}, f"arn:aws:s3:::{NAME}"),
        ("cn-north-1", {"LocationConstraint": "cn-north-1"}, f"arn:aws-cn:s3:::{NAME}"),
    ],
)
def test_a_bucket_is_created_in_its_region(region: str, place: dict[str, str] | None, arn: str) -> None:
    plan = decide_bucket(desired(region=region), None)
    assert plan.steps[0].arguments.get("CreateBucketConfiguration") == place
    assert plan.result["bucket_arn"] == arn


OWNED = {"Bucket": NAME, "ExpectedBucketOwner": "1"}


@pytest.mark.parametrize(
    ("options", "state", "steps", "diff"),
    [
        ({}, {}, [], {}),
        ({}, {"versioning": None, "tags": None}, [], {}),
        ({"versioning": "enabled"}, {"versioning": "Enabled"}, [], {}),
        ({"versioning": "suspended"}, {"versioning": "Suspended"}, [], {}),
        ({"versioning": "suspended"}, {"versioning": ""}, [], {}),
        (
            {"versioning": "suspended", "owner": "1"},
            {"versioning": "Enabled"},
            [("PutBucketVersioning", {**OWNED, "VersioningConfiguration": {"Status": "Suspended"}})],
            {"versioning": ("enabled", "suspended")},
        ),
        (
            {"versioning": "enabled"},
            {"versioning": ""},
            [("PutBucketVersioning", {"Bucket": NAME, "VersioningConfiguration": {"Status": "Enabled"}})],
            {"versioning": (None, "enabled")},
        ),
        (
            {},
            {"public_access_block": {**BLOCKED, "BlockPublicPolicy": False}},
            [("PutPublicAccessBlock", {"Bucket": NAME, "PublicAccessBlockConfiguration": BLOCKED})],
            {"public_access_block": ({**BLOCKED, "BlockPublicPolicy": False}, BLOCKED)},
        ),
        (
            {},
            {"public_access_block": {}},
            [("PutPublicAccessBlock", {"Bucket": NAME, "PublicAccessBlockConfiguration": BLOCKED})],
            {"public_access_block": (None, BLOCKED)},
        ),
        (
            {"owner": "1"},
            {"ownership": "ObjectWriter"},
            [
                (
                    "PutBucketOwnershipControls",
                    {**OWNED, "OwnershipControls": {"Rules": [{"ObjectOwnership": OWNER_ENFORCED}]}},
                )
            ],
            {"object_ownership": ("ObjectWriter", OWNER_ENFORCED)},
        ),
        ({"tags": {"a": "1"}}, {"tags": {"a": "1"}}, [], {}),
        ({"tags": {"a": "1"}, "purge_tags": False}, {"tags": {"a": "1", "b": "2"}}, [], {}),
        (
            {"tags": {"a": "1"}},
            {"tags": {"b": "2", "aws:c": "3"}},
            [
                (
                    "PutBucketTagging",
                    {
                        "Bucket": NAME,
                        "Tagging": {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "aws:c", "Value": "3"}]},
                    },
                )
            ],
            {"tags": ({"b": "2", "aws:c": "3"}, {"a": "1", "aws:c": "3"})},
        ),
        (
            {"tags": {}},
            {"tags": {"b": "2"}},
            [("DeleteBucketTagging", {"Bucket": NAME})],
            {"tags": ({"b": "2"}, None)},
        ),
    ],
)
def test_only_what_differs_is_changed(
    options: dict[str, Any], state: dict[str, Any], steps: list[Any], diff: dict[str, Any]
) -> None:
    plan = decide_bucket(desired(**options), bucket(**state))
    assert [(step.action.removeprefix("s3:"), dict(step.arguments)) for step in plan.steps] == steps
    assert {d.name: (d.before, d.after) for d in plan.differences} == diff


def test_a_bucket_that_an_earlier_run_could_not_finish_is_completed() -> None:
    plan = decide_bucket(desired(versioning="enabled", tags={"a": "1"}), bucket(public_access_block={}, versioning=""))
    assert actions(plan) == ["PutPublicAccessBlock", "PutBucketVersioning", "PutBucketTagging"]


def test_a_dot_is_remarked_upon() -> None:
    (warning,) = decide_bucket(desired(name="velero.example.com"), bucket(name="velero.example.com")).warnings
    assert "has a dot" in warning
    assert not decide_bucket(desired(), bucket()).warnings
