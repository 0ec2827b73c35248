# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudtrail_info against moto: trails of this Region, of others and of an organization."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cloudtrail import ACCOUNT, Account, foreign_trail
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner

MODULE = "cloudtrail_info"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OWNER = "444455556666"


def object_selector(prefix: str, *, read_only: str | None = None) -> dict[str, Any]:
    flags = [{"Field": "readOnly", "Equals": [read_only]}] if read_only else []
    return {
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            {"Field": "resources.ARN", "StartsWith": [prefix]},
            *flags,
        ]
    }


MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


def test_account_without_a_trail(run: ModuleRunner, aws: Aws) -> None:
    for check in (True, False):
        result = run.ok(MODULE, check=check, key_arn=KEY)
        assert (result["changed"], result["trail"], result["trails"]) == (False, None, [])
        assert result["reasons"] == ["No trail records in us-east-1: coffer.velero.cloudtrail makes one."]


def test_all_that_it_tells(run: ModuleRunner, aws: Aws) -> None:
    arn = foreign_trail(aws, "company", "company-audit", EnableLogFileValidation=True)
    result = run.ok(MODULE, key_arn=KEY, bucket="velero-backups", prefix="production")
    assert result["trails"] == [
        {
            "name": "company",
            "arn": arn,
            "account_id": ACCOUNT,
            "home_region": "us-east-1",
            "is_organization_trail": False,
            "is_multi_region_trail": True,
            "is_logging": True,
            "management_events": "all",
            "kms_events": "all",
            "records_kms": True,
            "data_events": "none",
            "log_file_validation": True,
            "kms_key_arn": None,
            "s3_bucket_name": "company-audit",
            "s3_key_prefix": "",
            "log_group_arn": None,
            "log_group_account_id": None,
            "delivery_errors": {},
            "reasons": [],
            "remarks": ["delivers to no log group, so that no metric filter and no query sees its events"],
        }
    ]
    assert result["trail"] == result["trails"][0]
    assert result["reasons"] == []


def test_shadow_trail_records_here_too(run: ModuleRunner, aws: Aws) -> None:
    foreign_trail(aws, "company", "company-audit")
    foreign_trail(aws, "single", "single-audit", IsMultiRegionTrail=False)
    there = run.ok(MODULE, region="eu-west-1")
    assert [(one["name"], one["home_region"]) for one in there["trails"]] == [("company", "us-east-1")]
    assert there["trail"]["name"] == "company"
    selectors = [MANAGEMENT, object_selector("arn:aws:s3:::velero-backups/")]
    aws.client("cloudtrail").put_event_selectors(TrailName="company", AdvancedEventSelectors=selectors)
    assert run.ok(MODULE, region="eu-west-1", bucket="velero-backups")["trail"]["data_events"] == "all"


def test_trail_of_the_organization_is_found(run: ModuleRunner, aws: Aws) -> None:
    owner = Account(aws, OWNER)
    arn = foreign_trail(owner, "organization", "organization-audit", IsOrganizationTrail=True)
    trail = run.ok(MODULE, key_arn=KEY)["trail"]
    assert (trail["arn"], trail["account_id"], trail["is_organization_trail"]) == (arn, OWNER, True)
    owner.client("cloudtrail").put_event_selectors(TrailName="organization", AdvancedEventSelectors=[MANAGEMENT])
    result = run.ok(MODULE, key_arn=KEY, bucket="velero-backups")
    assert result["trail"] is None
    assert [(one["kms_events"], one["data_events"]) for one in result["trails"]] == [(None, None)]
    assert result["reasons"] == ["organization has selectors that only the account of the trail may read."]


def test_why_there_is_none(run: ModuleRunner, aws: Aws) -> None:
    client = aws.client("cloudtrail")
    for name in ("stopped", "reads", "excludes"):
        foreign_trail(aws, name, f"{name}-audit")
    client.stop_logging(Name="stopped")
    client.put_event_selectors(TrailName="reads", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    excludes = {"ReadWriteType": "All", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    client.put_event_selectors(TrailName="excludes", EventSelectors=[excludes])
    result = run.ok(MODULE, key_arn=KEY)
    assert result["trail"] is None
    assert result["reasons"] == [
        "stopped is not logging.",
        "reads records only the changing calls of KMS, not the use of keys.",
        "excludes records no calls of KMS.",
    ]


def test_the_one_that_records_the_objects_is_preferred(run: ModuleRunner, aws: Aws) -> None:
    client = aws.client("cloudtrail")
    for name in ("first", "second"):
        foreign_trail(aws, name, f"{name}-audit")
    selectors = [MANAGEMENT, object_selector("arn:aws:s3:::velero-backups/", read_only="false")]
    client.put_event_selectors(TrailName="second", AdvancedEventSelectors=selectors)
    place = {"bucket": "velero-backups", "prefix": "/production/"}
    found = run.ok(MODULE, data_events="write", **place)["trail"]
    assert (found["name"], found["data_events"]) == ("second", "write")
    assert run.ok(MODULE, **place)["trail"]["name"] == "first"


def test_requests(run: ModuleRunner, aws: Aws) -> None:
    for name in ("first", "second"):
        foreign_trail(aws, name, f"{name}-audit")
    aws.client("cloudtrail").put_event_selectors(TrailName="first", AdvancedEventSelectors=[MANAGEMENT])
    aws.proxy.clear()
    run.ok(MODULE, key_arn=KEY)
    operations = [call.operation for call in aws.proxy.requests]
    assert operations == ["DescribeTrails", "GetTrailStatus", "GetEventSelectors", "GetTrailStatus"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"key_arn": KEY.replace("us-east-1", "eu-west-1")},
            "is not in us-east-1. Set region to eu-west-1: the use of a key is recorded in its Region.",
        ),
        ({"key_arn": "alias/velero"}, "key_arn: alias/velero is not the ARN of a key. Give arn:aws:kms:REGION"),
        ({"data_events": "write"}, "data_events: write needs a bucket. Set bucket, and prefix where there is one."),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, options: dict[str, Any], message: str) -> None:
    assert message in run.refused(MODULE, **options)


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws) -> None:
    foreign_trail(aws, "company", "company-audit")
    aws.client("cloudtrail").put_event_selectors(TrailName="company", AdvancedEventSelectors=[MANAGEMENT])
    for operation in ("DescribeTrails", "GetTrailStatus", "GetEventSelectors"):
        aws.proxy.deny("cloudtrail", operation)
        assert run.refused(MODULE).startswith(f"cloudtrail:{operation} failed: AccessDenied")
        aws.proxy.reset()
