# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the selectors of a trail let through, and what follows for the audit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.judge import TrailFacts, best, judge
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.selectors import (
    KMS_EVENTS,
    MANAGEMENT_EVENTS,
    extent,
    object_events,
    selectors_of,
)

OBJECTS = "arn:aws:s3:::velero/production/"
KMS_OUT = ["kms.amazonaws.com"]


def field(name: str, **operators: list[str]) -> dict[str, Any]:
    return {"Field": name, **operators}


def management(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"FieldSelectors": [field("eventCategory", Equals=["Management"]), *fields]}


def data(*fields: dict[str, Any], kind: str = "AWS::S3::Object") -> dict[str, Any]:
    category = [field("eventCategory", Equals=["Data"]), field("resources.type", Equals=[kind])]
    return {"FieldSelectors": [*category, *fields]}


READS, WRITES = field("readOnly", Equals=["true"]), field("readOnly", Equals=["false"])


@pytest.mark.parametrize(
    ("selectors", "of_all", "of_kms"),
    [
        ([], "none", "none"),
        ([management()], "all", "all"),
        ([management(READS)], "read", "read"),
        ([management(WRITES)], "write", "write"),
        ([management(READS), management(WRITES)], "all", "all"),
        ([management(field("eventSource", NotEquals=KMS_OUT))], "none", "none"),
        ([management(field("eventSource", NotEquals=["rdsdata.amazonaws.com"]))], "none", "all"),
        ([management(field("eventSource", NotStartsWith=["kms"]))], "none", "none"),
        ([management(field("eventSource", NotEndsWith=["amazonaws.com"]))], "none", "none"),
        ([management(field("eventSource", Equals=KMS_OUT))], "none", "all"),
        ([management(field("eventSource", Equals=["s3.amazonaws.com"], StartsWith=["km"]))], "none", "all"),
        ([management(field("eventSource", StartsWith=["km"], NotEquals=KMS_OUT))], "none", "none"),
        # Only some of the calls: of one name, of one caller.
        ([management(field("eventName", NotEquals=["Decrypt"]))], "none", "none"),
        ([management(field("userIdentity.arn", NotEquals=["x"]))], "none", "none"),
        ([data()], "none", "none"),
        ([management(field("eventSource", NotEquals=KMS_OUT)), management(WRITES)], "write", "write"),
    ],
)
def test_management_events(selectors: list[Any], of_all: str, of_kms: str) -> None:
    assert extent(selectors, MANAGEMENT_EVENTS) == of_all
    assert extent(selectors, KMS_EVENTS) == of_kms


ARN = "resources.ARN"


@pytest.mark.parametrize(
    ("fields", "recorded"),
    [
        ([], "all"),
        ([READS], "read"),
        ([field(ARN, StartsWith=[OBJECTS])], "all"),
        ([field(ARN, StartsWith=["arn:aws:s3:::velero/"]), WRITES], "write"),
        ([field(ARN, StartsWith=["arn:aws:s3:::other/", "arn:aws:s3:::velero/prod"])], "all"),
        ([field(ARN, StartsWith=["arn:aws:s3:::velero/production/kopia/"])], "none"),
        ([field(ARN, StartsWith=["arn:aws:s3:::velero-2/"])], "none"),
        ([field(ARN, Equals=[OBJECTS])], "none"),
        ([field(ARN, EndsWith=["/"])], "none"),
        ([field(ARN, NotStartsWith=["arn:aws:s3:::velero/production/logs/"])], "none"),
        ([field(ARN, NotStartsWith=["arn:aws:s3:::velero/"])], "none"),
        ([field(ARN, NotStartsWith=["arn:aws:s3:::audit/"])], "all"),
        ([field(ARN, NotEquals=[f"{OBJECTS}x"])], "none"),
        ([field(ARN, NotEquals=["arn:aws:s3:::audit/x"])], "all"),
        ([field(ARN, NotEndsWith=[".log"])], "none"),
        ([field("eventName", Equals=["PutObject"])], "none"),
        ([field("eventSource", Equals=["s3.amazonaws.com"])], "all"),
    ],
)
def test_data_events(fields: list[Any], recorded: str) -> None:
    assert extent([data(*fields)], object_events(OBJECTS)) == recorded
    assert extent([data(*fields, kind="AWS::Lambda::Function")], object_events(OBJECTS)) == "none"


def basic(**elements: Any) -> dict[str, Any]:
    return {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, **elements}]}


def objects(*values: str) -> dict[str, Any]:
    return {"DataResources": [{"Type": "AWS::S3::Object", "Values": list(values)}]}


@pytest.mark.parametrize(
    ("answer", "of_kms", "of_objects"),
    [
        (basic(), "all", "none"),
        (basic(ReadWriteType="WriteOnly"), "write", "none"),
        (basic(IncludeManagementEvents=False), "none", "none"),
        (basic(ExcludeManagementEventSources=KMS_OUT), "none", "none"),
        (basic(**objects("arn:aws:s3")), "all", "all"),
        (basic(**objects("arn:aws:s3:::")), "all", "all"),
        (basic(**objects("arn:aws:s3:::velero/")), "all", "all"),
        (basic(ReadWriteType="ReadOnly", **objects("arn:aws:s3:::velero/prod")), "read", "read"),
        # What the usual recipes write: it matches no object.
        (basic(**objects("arn:aws:s3:::velero/*")), "all", "none"),
        (basic(**objects()), "all", "none"),
        ({"AdvancedEventSelectors": [management()], "EventSelectors": []}, "all", "none"),
    ],
)
def test_basic_selectors(answer: dict[str, Any], of_kms: str, of_objects: str) -> None:
    assert extent(selectors_of(answer), KMS_EVENTS) == of_kms
    assert extent(selectors_of(answer), object_events(OBJECTS)) == of_objects


def trail(**members: Any) -> dict[str, Any]:
    return {
        "Name": "audit",
        "TrailARN": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit",
        "HomeRegion": "eu-central-1",
        "S3BucketName": "acme-audit",
        "IsMultiRegionTrail": True,
        "LogFileValidationEnabled": True,
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-central-1:444455556666:log-group:audit:*",
        **members,
    }


def facts(
    *, selectors: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **members: Any
) -> TrailFacts:
    status = {"IsLogging": True} if status is None else status
    return judge(trail(**members), basic() if selectors is None else selectors, status, OBJECTS)


def test_a_trail_that_is_whole() -> None:
    found = facts()
    assert (found.records_kms, found.reasons, found.remarks, found.delivery_errors) == (True, (), (), {})
    assert (found.account_id, found.home_region) == ("111122223333", "eu-central-1")
    assert (found.log_group_arn, found.log_group_account_id) == (
        "arn:aws:logs:eu-central-1:444455556666:log-group:audit",
        "444455556666",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": {"IsLogging": False}}, "is not logging"),
        (
            {"selectors": basic(ReadWriteType="WriteOnly")},
            "records only the changing calls of KMS, not the use of keys",
        ),
        ({"selectors": basic(ReadWriteType="ReadOnly")}, "records only the reading calls of KMS"),
        ({"selectors": basic(ExcludeManagementEventSources=KMS_OUT)}, "records no calls of KMS"),
    ],
)
def test_reasons(changes: dict[str, Any], reason: str) -> None:
    found = facts(**changes)
    assert found.reasons == (reason,)
    assert not found.records_kms


def test_remarks() -> None:
    bare = {"CloudWatchLogsLogGroupArn": "", "LogFileValidationEnabled": False, "IsMultiRegionTrail": False}
    errors = {
        "IsLogging": True,
        "LatestDeliveryError": "AccessDenied",
        "LatestDigestDeliveryError": "",
        "LatestCloudWatchLogsDeliveryError": "ResourceNotFoundException",
    }
    found = facts(status=errors, **bare)
    assert found.delivery_errors == {"s3": "AccessDenied", "cloudwatch_logs": "ResourceNotFoundException"}
    assert found.remarks == (
        "could not deliver to s3: AccessDenied",
        "could not deliver to cloudwatch_logs: ResourceNotFoundException",
        "delivers to no log group, so that no metric filter and no query sees its events",
        "has no log file validation",
        "records one Region only",
    )
    assert found.records_kms


def test_selectors_that_are_kept_secret() -> None:
    """Without selectors of anybody, a trail records what all trails do; with some, nobody here can tell."""
    status = {"IsLogging": True}
    plain = judge(trail(HasCustomEventSelectors=False), None, status, OBJECTS)
    assert (plain.kms_events, plain.data_events, plain.records_kms) == ("all", "none", True)
    for custom in (trail(HasCustomEventSelectors=True), trail()):
        secret = judge(custom, None, status, OBJECTS)
        assert (secret.management_events, secret.kms_events, secret.data_events) == (None, None, None)
        assert secret.reasons == ("has selectors that only the account of the trail may read",)
        assert not secret.records_kms


def test_data_events_that_nobody_asked_for() -> None:
    found = judge(trail(), basic(**objects("arn:aws:s3")), {"IsLogging": True})
    assert found.data_events == "none"


def test_best() -> None:
    assert best([]) is None
    assert best([facts(status={"IsLogging": False})]) is None
    bare = facts(CloudWatchLogsLogGroupArn="")
    whole = facts()
    broken = facts(status={"IsLogging": True, "LatestDeliveryError": "NoSuchBucket"})
    recording = facts(CloudWatchLogsLogGroupArn="", selectors=basic(**objects("arn:aws:s3")))
    assert best([bare, whole]) is whole, "with a log group"
    assert best([broken, bare]) is bare, "that delivers"
    organization = facts(IsOrganizationTrail=True)
    assert best([organization, whole]) is whole, "with a log group of this account"
    assert best([bare, organization]) is organization, "with one at least"
    assert organization.remarks == (
        "delivers to a log group of the account 444455556666: metric filters and queries are made there",
    )
    assert best([bare, recording], data_events="write") is recording, "that records the objects"
    assert best([whole, recording], data_events="write") is whole, "a log group first: without it nobody notices"
    assert best([bare, recording]) is bare, "the first of equals"
