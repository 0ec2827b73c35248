# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trail records, and which of several the audit relies on."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.evaluate import (
    TrailFacts,
    evaluate_trail,
    select_best_trail,
)

OBJECTS = "arn:aws:s3:::velero/production/"
KMS_OUT = ["kms.amazonaws.com"]


def basic(**elements: Any) -> dict[str, Any]:
    return {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, **elements}]}


def objects(*values: str) -> dict[str, Any]:
    return {"DataResources": [{"Type": "AWS::S3::Object", "Values": list(values)}]}


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
    return evaluate_trail(trail(**members), basic() if selectors is None else selectors, status, OBJECTS)


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
    plain = evaluate_trail(trail(HasCustomEventSelectors=False), None, status, OBJECTS)
    assert (plain.kms_events, plain.data_events, plain.records_kms) == ("all", "none", True)
    for custom in (trail(HasCustomEventSelectors=True), trail()):
        secret = evaluate_trail(custom, None, status, OBJECTS)
        assert (secret.management_events, secret.kms_events, secret.data_events) == (None, None, None)
        assert secret.reasons == ("has selectors that only the account of the trail may read",)
        assert not secret.records_kms


def test_data_events_that_nobody_asked_for() -> None:
    found = evaluate_trail(trail(), basic(**objects("arn:aws:s3")), {"IsLogging": True})
    assert found.data_events == "none"


def test_best() -> None:
    assert select_best_trail([]) is None
    assert select_best_trail([facts(status={"IsLogging": False})]) is None
    bare = facts(CloudWatchLogsLogGroupArn="")
    whole = facts()
    broken = facts(status={"IsLogging": True, "LatestDeliveryError": "NoSuchBucket"})
    recording = facts(CloudWatchLogsLogGroupArn="", selectors=basic(**objects("arn:aws:s3")))
    assert select_best_trail([bare, whole]) is whole, "with a log group"
    assert select_best_trail([broken, bare]) is bare, "that delivers"
    organization = facts(IsOrganizationTrail=True)
    assert select_best_trail([organization, whole]) is whole, "with a log group of this account"
    assert select_best_trail([bare, organization]) is organization, "with one at least"
    assert organization.remarks == (
        "delivers to a log group of the account 444455556666: metric filters and queries are made there",
    )
    assert select_best_trail([bare, recording], data_events="write") is recording, "that records the objects"
    assert select_best_trail([whole, recording], data_events="write") is whole, (
        "a log group first: without it nobody notices"
    )
    assert select_best_trail([bare, recording]) is bare, "the first of equals"
