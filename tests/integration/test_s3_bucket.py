# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bucket against moto, run both ways."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils._s3 import api
from tests.support.cloudtrail import Account
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

BUCKET = "velero-backups"
BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@pytest.fixture
def s3(aws: Aws) -> Any:
    return aws.client("s3")


def state(s3: Any) -> dict[str, Any] | None:
    """What there is of the bucket."""
    try:
        s3.head_bucket(Bucket=BUCKET)
    except ClientError:
        return None
    try:
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]}
    except ClientError:
        tags = {}
    return {
        "block": s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"],
        "ownership": s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"],
        "versioning": s3.get_bucket_versioning(Bucket=BUCKET).get("Status"),
        "tags": tags,
    }


PRIVATE = {"block": BLOCKED, "ownership": [{"ObjectOwnership": "BucketOwnerEnforced"}], "versioning": None, "tags": {}}


def test_eight_runs(run: ModuleRunner, s3: Any) -> None:
    """A bucket is never deleted, so there are eight of the twelve."""
    created, modified = assert_lifecycle(
        run,
        "s3_bucket",
        create={"bucket": BUCKET, "versioning": "enabled", "tags": {"a": "1", "cost": 42}},
        modify={"bucket": BUCKET, "versioning": "suspended", "tags": {"a": "2"}},
        delete=None,
        state=lambda: state(s3),
    )
    assert created["diff"] == {
        "before": {},
        "after": {
            "bucket": BUCKET,
            "region": "us-east-1",
            "object_ownership": "BucketOwnerEnforced",
            "public_access_block": BLOCKED,
            "versioning": "enabled",
            "tags": {"a": "1", "cost": "42"},
        },
    }
    assert modified["diff"] == {
        "before": {"versioning": "enabled", "tags": {"a": "1", "cost": "42"}},
        "after": {"versioning": "suspended", "tags": {"a": "2"}},
    }
    assert modified["bucket_arn"] == f"arn:aws:s3:::{BUCKET}"
    assert modified["tags"] == {"a": "2"}
    assert state(s3) == {**PRIVATE, "versioning": "Suspended", "tags": {"a": "2"}}


def test_a_bucket_in_another_region(run: ModuleRunner, s3: Any) -> None:
    assert run.ok("s3_bucket", bucket=BUCKET, region="eu-central-1")["region"] == "eu-central-1"
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "eu-central-1"
    assert not run.ok("s3_bucket", bucket=BUCKET, region="eu-central-1")["changed"]


def test_a_bucket_that_is_not_private_is_made_so(run: ModuleRunner, s3: Any) -> None:
    s3.create_bucket(Bucket=BUCKET)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={**BLOCKED, "BlockPublicPolicy": False})
    s3.put_bucket_ownership_controls(
        Bucket=BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    result = run.ok("s3_bucket", bucket=BUCKET)
    assert result["diff"]["before"] == {
        "public_access_block": {**BLOCKED, "BlockPublicPolicy": False},
        "object_ownership": "BucketOwnerPreferred",
    }
    assert state(s3) == PRIVATE


def test_what_nobody_asked_for_is_left_alone(run: ModuleRunner, s3: Any) -> None:
    run.ok("s3_bucket", bucket=BUCKET, versioning="enabled", tags={"a": "1"})
    s3.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
    s3.put_object(Bucket=BUCKET, Key="backup", Body=b"x")
    assert not run.ok("s3_bucket", bucket=BUCKET)["changed"]
    assert not run.ok("s3_bucket", bucket=BUCKET, tags={}, purge_tags=False)["changed"]
    result = run.ok("s3_bucket", bucket=BUCKET, tags={"b": "2"}, purge_tags=False)
    assert result["tags"] == {"a": "1", "b": "2"}
    assert state(s3) == {**PRIVATE, "versioning": "Enabled", "tags": {"a": "1", "b": "2"}}
    assert s3.get_object(Bucket=BUCKET, Key="backup")["Body"].read() == b"x"
    assert run.ok("s3_bucket", bucket=BUCKET, tags={})["diff"] == {
        "before": {"tags": {"a": "1", "b": "2"}},
        "after": {},
    }
    assert state(s3) == {**PRIVATE, "versioning": "Enabled"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["HeadBucket", "GetPublicAccessBlock", "GetBucketOwnershipControls"]),
        (
            {"versioning": "enabled", "tags": {"a": "1"}, "expected_bucket_owner": "123456789012"},
            [
                "HeadBucket",
                "GetPublicAccessBlock",
                "GetBucketOwnershipControls",
                "GetBucketVersioning",
                "GetBucketTagging",
            ],
        ),
    ],
)
def test_requests_of_a_no_op(run: ModuleRunner, aws: Aws, options: dict[str, Any], expected: list[str]) -> None:
    run.ok("s3_bucket", bucket=BUCKET, **options)
    aws.proxy.clear()
    run.ok("s3_bucket", bucket=BUCKET, **options)
    assert [call.operation for call in aws.proxy.requests] == expected


OPTIONS = {"bucket": BUCKET, "versioning": "enabled", "tags": {"a": "1"}}
WANTED = {**PRIVATE, "versioning": "Enabled", "tags": {"a": "1"}}
WRITES = ["CreateBucket", "PutPublicAccessBlock", "PutBucketVersioning", "PutBucketTagging"]


@pytest.mark.parametrize("operation", WRITES)
def test_an_interrupted_run_is_completed_by_the_next(run: ModuleRunner, aws: Aws, s3: Any, operation: str) -> None:
    aws.proxy.deny("s3", operation)
    assert f"s3:{operation} failed: AccessDenied" in run.refused("s3_bucket", **OPTIONS)
    aws.proxy.reset()
    assert run.ok("s3_bucket", **OPTIONS)["changed"]
    assert state(s3) == WANTED


@controller_only
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "fail", "throttle"])
@pytest.mark.parametrize("operation", ["HeadBucket", *WRITES])
def test_a_disturbed_request_is_repeated(run: ModuleRunner, aws: Aws, s3: Any, operation: str, kind: Any) -> None:
    aws.proxy.fault(1, kind, service="s3", operation=operation)
    assert run.ok("s3_bucket", **OPTIONS)["changed"]
    assert state(s3) == WANTED


def test_a_rival_that_creates_the_bucket_first_is_no_error(run: ModuleRunner, aws: Aws, s3: Any) -> None:
    """The answer to the first CreateBucket gets lost, so the second is answered BucketAlreadyOwnedByYou."""
    aws.proxy.fault(1, "cut_after", service="s3", operation="CreateBucket")
    result = run.ok("s3_bucket", region="eu-central-1", **OPTIONS)
    assert result["diff"]["after"]["bucket"] == BUCKET
    assert aws.proxy.count(operation="CreateBucket", status=409) == 1
    assert state(s3) == WANTED


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False])
def test_a_bucket_in_another_region_is_refused(run: ModuleRunner, s3: Any, check: bool) -> None:
    aws_region = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    s3.create_bucket(Bucket=BUCKET, **aws_region)
    assert run.refused("s3_bucket", check=check, bucket=BUCKET) == (
        f"bucket: {BUCKET} is in eu-central-1, the task works in us-east-1. Set region=eu-central-1, or choose another "
        "name: a bucket cannot be moved."
    )


def test_a_bucket_of_another_account_is_refused(run: ModuleRunner, aws: Aws) -> None:
    aws.proxy.deny("s3", "HeadBucket")
    assert run.refused("s3_bucket", bucket=BUCKET) == (
        f"bucket: {BUCKET} belongs to another account, or these credentials lack s3:ListBucket on it. Bucket names are "
        "global: choose another one, or grant the permission."
    )


def test_a_bucket_of_another_than_the_expected_account_is_refused(run: ModuleRunner, s3: Any) -> None:
    s3.create_bucket(Bucket=BUCKET)
    before = state(s3)
    assert run.refused("s3_bucket", bucket=BUCKET, expected_bucket_owner="111122223333", versioning="enabled") == (
        f"bucket: {BUCKET} does not belong to account 111122223333, or these credentials lack s3:ListBucket on it. "
        "Bucket names are global: choose another one, correct expected_bucket_owner, or grant the permission."
    )
    assert state(s3) == before


@pytest.mark.parametrize("check", [True, False])
def test_a_bucket_is_not_created_for_another_account(run: ModuleRunner, s3: Any, check: bool) -> None:
    assert run.refused("s3_bucket", check=check, bucket=BUCKET, expected_bucket_owner="111122223333") == (
        f"expected_bucket_owner: {BUCKET} is to be created by 123456789012. The bucket would belong to 123456789012: "
        "use credentials of 111122223333."
    )
    assert state(s3) is None


@pytest.mark.parametrize("name", ["ve", "10.0.0.1", "velero-s3alias"])
def test_a_bad_name_is_refused_before_any_request(run: ModuleRunner, aws: Aws, name: str) -> None:
    assert run.refused("s3_bucket", bucket=name).startswith(f'bucket: "{name}" ')
    assert not aws.proxy.requests


def test_a_name_that_somebody_took_meanwhile_is_refused(
    run: ModuleRunner, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Account(aws, "111122223333").client("s3")
    other.create_bucket(Bucket=BUCKET)
    monkeypatch.setattr(api, "head_bucket", lambda *_: False)  # it was not there a moment ago
    assert run.refused("s3_bucket", bucket=BUCKET) == (
        f"bucket: {BUCKET} belongs to another account. Bucket names are global: choose another one."
    )


def test_tags_of_a_bucket_with_abac_are_explained(run: ModuleRunner, aws: Aws, s3: Any) -> None:
    s3.create_bucket(Bucket=BUCKET)
    aws.proxy.deny("s3", "PutBucketTagging")
    message = run.refused("s3_bucket", bucket=BUCKET, tags={"a": "1"})
    assert message.startswith("s3:PutBucketTagging failed: AccessDenied")
    assert message.endswith(
        "Where the bucket has ABAC enabled, S3 takes its tags by s3:TagResource only: leave tags out and tag it there "
        "(aws s3control tag-resource)."
    )


@pytest.mark.parametrize(
    "operation",
    ["GetPublicAccessBlock", "GetBucketOwnershipControls", "GetBucketVersioning", "GetBucketTagging"],
)
def test_what_cannot_be_read_is_an_error(run: ModuleRunner, aws: Aws, s3: Any, operation: str) -> None:
    s3.create_bucket(Bucket=BUCKET)
    before = state(s3)
    aws.proxy.deny("s3", operation)
    message = run.refused("s3_bucket", **OPTIONS)
    assert message.startswith(f"s3:{operation} failed: AccessDenied")
    permission = operation.replace("GetPublic", "GetBucketPublic")
    assert f"The credentials of this task need s3:{permission} there." in message
    assert state(s3) == before


def test_a_dot_in_the_name_is_warned_of(run: ModuleRunner, aws: Aws) -> None:
    (warning,) = run.ok("s3_bucket", check=True, bucket="velero.example.com")["warnings"]
    assert "has a dot" in warning


def test_there_is_no_state(run: ModuleRunner, aws: Aws) -> None:
    assert "Unsupported parameters" in run.refused("s3_bucket", bucket=BUCKET, state="absent")


def test_a_bucket_from_before_2018(run: ModuleRunner, aws: Aws) -> None:
    """Where it exists its name is accepted; no new one gets such a name."""
    message = run.refused("s3_bucket", check=True, bucket="My_Company.Backups")
    assert "does not exist and cannot be created: it has characters that S3 does not take: BCM_." in message
    assert run.refused("s3_bucket", bucket="My_Company.Backups") == message
    aws.client("s3").create_bucket(Bucket="My_Company.Backups")
    assert run.ok("s3_bucket", bucket="My_Company.Backups")["bucket_arn"] == "arn:aws:s3:::My_Company.Backups"


def test_the_namespace_of_an_account(run: ModuleRunner, aws: Aws) -> None:
    name = "backups-123456789012-us-east-1-an"
    assert run.ok("s3_bucket", bucket=name)["changed"]
    (create,) = [call for call in aws.proxy.requests if call.operation == "CreateBucket"]
    assert create
    assert "Write it as PREFIX-ACCOUNT-us-east-1-an" in run.refused("s3_bucket", bucket="backups-an")
