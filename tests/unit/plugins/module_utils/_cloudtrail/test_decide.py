# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for a trail, held against the model of CloudTrail."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.decide import (
    DesiredTrail,
    OtherTrail,
    Trail,
    change_trail,
    create_trail,
    delete_trail,
    desired_trail,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.modules import cloudtrail as module
from tests.support.models import valid

ARN = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-audit"
GROUP = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"


def wanted(**options: Any) -> DesiredTrail:
    defaults = {name: option.get("default") for name, option in module.SPEC.options.items()}
    return desired_trail({**defaults, "name": "velero-audit", "s3_bucket_name": "acme-audit", **options})


def existing(**members: Any) -> Trail:
    description = {
        "Name": "velero-audit",
        "TrailARN": ARN,
        "HomeRegion": "eu-central-1",
        "S3BucketName": "acme-audit",
        "IsMultiRegionTrail": True,
        "IncludeGlobalServiceEvents": True,
        "LogFileValidationEnabled": True,
        **members,
    }
    return Trail(description, is_logging=True)


def created(**options: Any) -> Plan:
    return create_trail(wanted(**options), ARN, region="eu-central-1", others=[])


EVERYTHING: dict[str, Any] = {
    "s3_key_prefix": "trails",
    "is_organization_trail": True,
    "kms_key_id": "arn:aws:kms:eu-central-1:111122223333:key/1",
    "cloud_watch_logs_log_group_arn": GROUP,
    "cloud_watch_logs_role_arn": "arn:aws:iam::111122223333:role/delivery",
    "data_events": "write",
    "data_event_arns": ["arn:aws:s3:::acme-backups/production/"],
    "tags": {"service": "velero", "cost": 7},
}
NOTHING = {
    "s3_key_prefix": "",
    "kms_key_id": "",
    "cloud_watch_logs_log_group_arn": "",
    "cloud_watch_logs_role_arn": "",
    "enable_logging": False,
    "tags": {},
}


@pytest.mark.parametrize(
    "plan",
    [
        created(),
        created(**EVERYTHING),
        created(**NOTHING),
        change_trail(wanted(**EVERYTHING), existing()),
        change_trail(
            wanted(**NOTHING),
            existing(KmsKeyId="x", S3KeyPrefix="y", CloudWatchLogsLogGroupArn="z", CloudWatchLogsRoleArn="z"),
        ),
        delete_trail(existing()),
    ],
    ids=["create", "create all", "create nothing", "change all", "remove all", "delete"],
)
def test_requests_are_those_of_the_model(plan: Plan) -> None:
    assert valid(plan.steps)


def test_create_before_selectors_before_logging() -> None:
    assert valid(created(**EVERYTHING).steps) == ["CreateTrail", "PutEventSelectors", "StartLogging"]
    assert valid(created(enable_logging=False).steps) == ["CreateTrail"]


def test_only_what_differs_is_sent() -> None:
    plan = change_trail(wanted(s3_bucket_name="other"), existing())
    assert [dict(step.arguments) for step in plan.steps] == [{"Name": ARN, "S3BucketName": "other"}]
    group = {"cloud_watch_logs_log_group_arn": GROUP, "cloud_watch_logs_role_arn": "role"}
    plan = change_trail(wanted(**group), existing(CloudWatchLogsLogGroupArn="other:*", CloudWatchLogsRoleArn="role"))
    assert dict(plan.steps[0].arguments) == {
        "Name": ARN,
        "CloudWatchLogsLogGroupArn": f"{GROUP}:*",
        "CloudWatchLogsRoleArn": "role",
    }, "CloudTrail takes both or none"


def test_what_is_not_named_is_left_alone() -> None:
    settings = {"S3KeyPrefix": "x", "KmsKeyId": "y", "IsOrganizationTrail": True, "CloudWatchLogsLogGroupArn": "z"}
    assert change_trail(wanted(), existing(**settings)).steps == ()


def test_other_that_is_stopped_is_no_duplicate() -> None:
    other = OtherTrail(existing().description, None, {"IsLogging": False})
    assert create_trail(wanted(), ARN, region="eu-central-1", others=[other]).warnings == ()
