# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that a trail needs, and its selectors."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail import documents
from ansible_collections.coffer.velero.plugins.module_utils._plan import Step
from tests.support.models import valid
from tests.support.profiles import PROFILE
from tests.support.refusal import refusal

ARN = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-audit"
GROUP = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"
SERVICE = {"Service": "cloudtrail.amazonaws.com"}


def test_bucket_policy_statements() -> None:
    build = documents.trail_bucket_policy_statements
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
    encrypt, describe = documents.trail_key_policy_statements(ARN)
    assert encrypt["Condition"] == {
        "StringEquals": {"aws:SourceArn": ARN},
        "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:111122223333:trail/*"},
    }
    assert (encrypt["Action"], describe["Action"]) == ("kms:GenerateDataKey*", "kms:DescribeKey")


def test_role_of_the_delivery() -> None:
    assert documents.trail_trust_statements(ARN) == [
        {"Sid": "VeleroTrailDelivery", "Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
    ]
    build = documents.trail_log_delivery_statements
    assert build(f"{GROUP}:*") == build(GROUP)
    assert build(GROUP)[0]["Resource"] == [f"{GROUP}:log-stream:111122223333_CloudTrail_eu-central-1*"]
    assert build(GROUP, region="us-east-1", organization_id="o-exampleorgid")[0]["Resource"] == [
        f"{GROUP}:log-stream:111122223333_CloudTrail_us-east-1*",
        f"{GROUP}:log-stream:o-exampleorgid_*",
    ]


def test_event_selectors() -> None:
    build = documents.trail_event_selectors
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
        assert valid([Step("cloudtrail:PutEventSelectors", {"TrailName": ARN, "AdvancedEventSelectors": selectors})])


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("trail_bucket_policy_statements", ("b", "velero"), "trail_arn: velero is not the ARN of a trail."),
        (
            "trail_bucket_policy_statements",
            ("b", ARN, None, "", "org"),
            "organization_id: org is not the id of an organization.",
        ),
        ("trail_trust_statements", ("arn:aws:s3:::b",), "is not the ARN of a trail."),
        ("trail_log_delivery_statements", ("velero-audit",), "is not the ARN of a log group. Give its ARN"),
        ("trail_event_selectors", (PROFILE, "none", "none"), "leaves the trail nothing to record"),
    ],
)
def test_refusals(name: str, arguments: tuple[Any, ...], text: str) -> None:
    assert text in refusal(getattr(documents, name), *arguments)
