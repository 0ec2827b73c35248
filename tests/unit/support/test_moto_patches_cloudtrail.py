# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto's CloudTrail, of its name: what AWS does, seen through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail import documents
from tests.support.cloudtrail import ACCOUNT, BUCKET, GROUP, NAME, Account, arn_of, foreign_trail, log_bucket
from tests.support.fixtures import Aws, refusal

ARN = arn_of(NAME)
ELSEWHERE = "eu-west-1"
MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


@pytest.fixture
def cloudtrail(aws: Aws) -> Any:
    foreign_trail(aws, NAME, BUCKET)
    return aws.client("cloudtrail")


def elsewhere(aws: Aws) -> Any:
    return aws.client("cloudtrail", region_name=ELSEWHERE)


def test_trail_name_is_taken_once(aws: Aws, cloudtrail: Any) -> None:
    again = {"Name": NAME, "S3BucketName": BUCKET}
    assert refusal(cloudtrail.create_trail, **again) == "TrailAlreadyExistsException"
    assert refusal(elsewhere(aws).create_trail, **again) == "TrailAlreadyExistsException"


def test_missing_trail_is_not_deleted(aws: Aws, cloudtrail: Any) -> None:
    cloudtrail.add_tags(ResourceId=ARN, TagsList=[{"Key": "a", "Value": "b"}])
    cloudtrail.delete_trail(Name=ARN)
    assert refusal(cloudtrail.delete_trail, Name=NAME) == "TrailNotFoundException"
    cloudtrail.create_trail(Name=NAME, S3BucketName=BUCKET)
    assert cloudtrail.list_tags(ResourceIdList=[ARN])["ResourceTagList"][0]["TagsList"] == []


def test_trails_are_described_by_name(aws: Aws, cloudtrail: Any) -> None:
    foreign_trail(aws, "company", "company-audit")

    def names(**options: Any) -> list[str]:
        return [one["Name"] for one in cloudtrail.describe_trails(**options)["trailList"]]

    assert names() == [NAME, "company"]
    assert names(trailNameList=["company"]) == ["company"]
    assert names(trailNameList=[ARN]) == [NAME]
    assert names(trailNameList=["none"]) == []


def test_trail_is_changed_in_its_home_only(aws: Aws, cloudtrail: Any) -> None:
    there = elsewhere(aws)
    assert [one["HomeRegion"] for one in there.describe_trails()["trailList"]] == [aws.region]
    for call in (there.update_trail, there.start_logging, there.stop_logging, there.delete_trail):
        assert refusal(call, Name=ARN) == "InvalidHomeRegionException"
    selectors = {"TrailName": ARN, "AdvancedEventSelectors": [MANAGEMENT]}
    assert refusal(there.put_event_selectors, **selectors) == "InvalidHomeRegionException"
    assert refusal(there.get_event_selectors, TrailName=ARN) == "TrailNotFoundException"
    assert there.get_trail_status(Name=ARN)["IsLogging"]


def test_organization_trail_is_seen_by_members(aws: Aws) -> None:
    owner = Account(aws, "444455556666")
    theirs = foreign_trail(owner, "organization", "organization-audit", IsOrganizationTrail=True)
    foreign_trail(owner, "alone", "alone-audit")
    member = aws.client("cloudtrail")
    assert [one["TrailARN"] for one in member.describe_trails()["trailList"]] == [theirs]
    assert member.get_trail_status(Name=theirs)["IsLogging"]
    assert refusal(member.get_event_selectors, TrailName=theirs) == "CloudTrailARNInvalidException"
    assert refusal(member.get_event_selectors, TrailName="organization") == "TrailNotFoundException"
    assert refusal(member.stop_logging, Name=theirs) == "TrailNotFoundException"
    assert owner.client("cloudtrail").get_event_selectors(TrailName=theirs)["EventSelectors"]


def test_trail_has_no_empty_settings(cloudtrail: Any) -> None:
    told = cloudtrail.describe_trails()["trailList"][0]
    assert not {"KmsKeyId", "CloudWatchLogsLogGroupArn", "S3KeyPrefix"} & set(told)
    assert (told["HomeRegion"], told["HasCustomEventSelectors"]) == ("us-east-1", False)
    cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=[MANAGEMENT])
    assert cloudtrail.describe_trails()["trailList"][0]["HasCustomEventSelectors"]


def test_trail_needs_the_policy_of_its_bucket(aws: Aws, cloudtrail: Any) -> None:
    code = "InsufficientS3BucketPolicyException"
    aws.client("s3").create_bucket(Bucket="bare")
    assert refusal(cloudtrail.create_trail, Name="second", S3BucketName="bare") == code
    assert refusal(cloudtrail.update_trail, Name=NAME, S3BucketName="bare") == code
    assert refusal(cloudtrail.update_trail, Name=NAME, S3KeyPrefix="elsewhere") == code
    assert refusal(cloudtrail.update_trail, Name=NAME, IsOrganizationTrail=True) == code
    log_bucket(aws, "of-another", arn_of("another"))
    assert refusal(cloudtrail.update_trail, Name=NAME, S3BucketName="of-another") == code
    assert cloudtrail.describe_trails()["trailList"][0]["S3BucketName"] == BUCKET
    cloudtrail.create_trail(Name="another", S3BucketName="of-another")


def test_trail_key_is_told_by_its_arn(aws: Aws, cloudtrail: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/audit", TargetKeyId=key)
    change = {"Name": NAME, "KmsKeyId": "alias/audit"}
    assert refusal(cloudtrail.update_trail, Name=NAME, KmsKeyId="alias/none") == "KmsKeyNotFoundException"
    cloudtrail.delete_trail(Name=NAME)
    again = {"Name": NAME, "S3BucketName": BUCKET, "KmsKeyId": "alias/none"}
    assert refusal(cloudtrail.create_trail, **again) == "KmsKeyNotFoundException"
    cloudtrail.create_trail(Name=NAME, S3BucketName=BUCKET)
    assert refusal(cloudtrail.update_trail, **change) == "InsufficientEncryptionPolicyException"
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] += documents.trail_key_policy_statements(ARN)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert cloudtrail.update_trail(**change)["KmsKeyId"] == key
    kms.disable_key(KeyId=key)
    assert refusal(cloudtrail.update_trail, **change) == "KmsKeyDisabledException"


def test_trail_log_group_and_role_are_checked(aws: Aws, cloudtrail: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/delivery"
    change = {"Name": NAME, "CloudWatchLogsLogGroupArn": f"{GROUP}:*", "CloudWatchLogsRoleArn": role}
    alone = {"Name": NAME, "CloudWatchLogsLogGroupArn": f"{GROUP}:*"}
    assert refusal(cloudtrail.update_trail, **alone) == "InvalidParameterCombinationException"
    cloudtrail.delete_trail(Name=NAME)
    again = {"S3BucketName": BUCKET, **alone}
    assert refusal(cloudtrail.create_trail, **again) == "InvalidParameterCombinationException"
    cloudtrail.create_trail(Name=NAME, S3BucketName=BUCKET)
    assert refusal(cloudtrail.update_trail, **change) == "InvalidCloudWatchLogsLogGroupArnException"
    aws.client("logs").create_log_group(logGroupName="velero-audit")
    assert refusal(cloudtrail.update_trail, **change) == "InvalidCloudWatchLogsRoleArnException"
    iam = aws.client("iam")
    trust = {"Version": "2012-10-17", "Statement": documents.trail_trust_statements(ARN)}
    iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=json.dumps(trust))
    assert refusal(cloudtrail.update_trail, **change) == "InvalidCloudWatchLogsLogGroupArnException"
    policy = {"Version": "2012-10-17", "Statement": documents.trail_log_delivery_statements(GROUP)}
    iam.put_role_policy(RoleName="delivery", PolicyName="delivery", PolicyDocument=json.dumps(policy))
    assert cloudtrail.update_trail(**change)["CloudWatchLogsRoleArn"] == role


@pytest.mark.parametrize(
    "selectors",
    [
        {"EventSelectors": [{"DataResources": [{"Type": "AWS::KMS::Key", "Values": ["arn:aws:kms"]}]}]},
        {"EventSelectors": [{"ReadWriteType": "All"}], "AdvancedEventSelectors": [MANAGEMENT]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
        {
            "AdvancedEventSelectors": [
                {"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "eventSource", "Equals": ["kms*"]}]}
            ]
        },
    ],
)
def test_event_selectors_that_are_refused(cloudtrail: Any, selectors: dict[str, Any]) -> None:
    assert refusal(cloudtrail.put_event_selectors, TrailName=NAME, **selectors) == "InvalidEventSelectorsException"


def test_event_selectors_are_of_one_kind(cloudtrail: Any) -> None:
    fresh = cloudtrail.get_event_selectors(TrailName=NAME)
    assert fresh["EventSelectors"][0]["ReadWriteType"] == "All"
    assert "AdvancedEventSelectors" not in fresh
    cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=[MANAGEMENT])
    advanced = cloudtrail.get_event_selectors(TrailName=NAME)
    assert advanced["AdvancedEventSelectors"] == [MANAGEMENT]
    assert "EventSelectors" not in advanced
    cloudtrail.put_event_selectors(TrailName=NAME, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    assert "AdvancedEventSelectors" not in cloudtrail.get_event_selectors(TrailName=NAME)
