# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for a trail, held against the model of CloudTrail, and what a trail needs of others."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from ansible.errors import AnsibleFilterError
from botocore.validate import ParamValidator

from ansible_collections.coffer.velero.plugins.filter.trail import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.decide import (
    Other,
    Trail,
    WantedTrail,
    change_trail,
    create_trail,
    delete_trail,
    wanted_trail,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.modules import cloudtrail as module

FILTERS = FilterModule().filters()
MODEL = botocore.session.get_session().get_service_model("cloudtrail")
ARN = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-audit"
GROUP = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"
SERVICE = {"Service": "cloudtrail.amazonaws.com"}
PROFILE = {
    "account_id": "111122223333",
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
}


def wanted(**options: Any) -> WantedTrail:
    defaults = {name: option.get("default") for name, option in module.SPEC.options.items()}
    return wanted_trail({**defaults, "name": "velero-audit", "s3_bucket_name": "acme-audit", **options})


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
    assert plan.steps
    for step in plan.steps:
        shape = MODEL.operation_model(step.action.partition(":")[2]).input_shape
        report = ParamValidator().validate(dict(step.arguments), shape)
        assert not report.has_errors(), report.generate_report()


def test_create_before_selectors_before_logging() -> None:
    assert [step.action.partition(":")[2] for step in created(**EVERYTHING).steps] == [
        "CreateTrail",
        "PutEventSelectors",
        "StartLogging",
    ]
    assert [step.action.partition(":")[2] for step in created(enable_logging=False).steps] == ["CreateTrail"]


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
    other = Other(existing().description, None, {"IsLogging": False})
    assert create_trail(wanted(), ARN, region="eu-central-1", others=[other]).warnings == ()


def test_bucket_policy_statements() -> None:
    build = FILTERS["trail_bucket_policy_statements"]
    acl, write, tls = build("acme-audit", ARN)
    assert acl == {
        "Sid": acl["Sid"],
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": "s3:GetBucketAcl",
        "Resource": "arn:aws:s3:::acme-audit",
        "Condition": {"StringEquals": {"aws:SourceArn": ARN}},
    }
    assert write["Resource"] == ["arn:aws:s3:::acme-audit/AWSLogs/111122223333/*"]
    assert write["Condition"]["StringEquals"] == {
        "aws:SourceArn": ARN,
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    options = {"account_id": "444455556666", "s3_key_prefix": "/trails/", "organization_id": "o-exampleorgid"}
    assert build("acme-audit", ARN, **options)[1]["Resource"] == [
        "arn:aws:s3:::acme-audit/trails/AWSLogs/444455556666/*",
        "arn:aws:s3:::acme-audit/trails/AWSLogs/o-exampleorgid/*",
    ]
    china = ARN.replace("arn:aws:", "arn:aws-cn:")
    assert build("b", china)[0]["Resource"] == "arn:aws-cn:s3:::b"
    sids = [one["Sid"] for arn in (ARN, china) for one in build("b", arn)[:2]]
    assert len(set(sids)) == 4, "trails share a bucket without taking each other's statements away"
    assert all(sid.isalnum() for sid in sids)


def test_key_policy_statements() -> None:
    encrypt, describe = FILTERS["trail_key_policy_statements"](ARN)
    assert encrypt["Condition"] == {
        "StringEquals": {"aws:SourceArn": ARN},
        "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:111122223333:trail/*"},
    }
    assert (encrypt["Action"], describe["Action"]) == ("kms:GenerateDataKey*", "kms:DescribeKey")


def test_role_of_the_delivery() -> None:
    assert FILTERS["trail_trust_statements"](ARN) == [
        {"Sid": "VeleroTrailDelivery", "Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
    ]
    build = FILTERS["trail_log_delivery_statements"]
    assert build(f"{GROUP}:*") == build(GROUP)
    assert build(GROUP)[0]["Resource"] == [f"{GROUP}:log-stream:111122223333_CloudTrail_eu-central-1*"]
    assert build(GROUP, region="us-east-1", organization_id="o-exampleorgid")[0]["Resource"] == [
        f"{GROUP}:log-stream:111122223333_CloudTrail_us-east-1*",
        f"{GROUP}:log-stream:o-exampleorgid_*",
    ]


def test_event_selectors() -> None:
    build = FILTERS["trail_event_selectors"]
    (management,) = build(PROFILE)
    assert management["FieldSelectors"] == [{"Field": "eventCategory", "Equals": ["Management"]}]
    _management, data = build(PROFILE, data_events="read", name="mine")
    assert data == {
        "Name": "mine",
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            {"Field": "readOnly", "Equals": ["true"]},
            {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::acme-backups/production/"]},
        ],
    }
    for selectors in (build(PROFILE, data_events=one) for one in ("none", "read", "write", "all")):
        shape = MODEL.operation_model("PutEventSelectors").input_shape
        arguments = {"TrailName": ARN, "AdvancedEventSelectors": selectors}
        assert not ParamValidator().validate(arguments, shape).has_errors()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("trail_bucket_policy_statements", ("b", "velero"), "trail_arn: velero is not the ARN of a trail."),
        (
            "trail_bucket_policy_statements",
            ("b", ARN, None, "", "org"),
            "organization_id: org is not the id of an organization.",
        ),
        ("trail_key_policy_statements", (["x"],), "This filter takes a text"),
        ("trail_trust_statements", ("arn:aws:s3:::b",), "is not the ARN of a trail."),
        ("trail_log_delivery_statements", ("velero-audit",), "is not the ARN of a log group. Give its ARN"),
        ("trail_event_selectors", ("acme-backups",), "A storage profile is a dictionary"),
        ("trail_event_selectors", ({**PROFILE, "bucket": "*"},), "velero_bucket: '*' is too short."),
        ("trail_event_selectors", (PROFILE, "none", "none"), "leaves the trail nothing to record"),
    ],
)
def test_refusals(name: str, arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        FILTERS[name](*arguments)
    assert text in str(raised.value)
