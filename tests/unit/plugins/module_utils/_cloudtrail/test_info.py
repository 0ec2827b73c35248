# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the trails that there are."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.evaluate import evaluate_trail
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.info import (
    described,
    objects_arn_prefix,
    reasons,
)


@pytest.mark.parametrize(
    ("bucket", "prefix", "arn"),
    [
        (None, "production", None),
        ("velero", "", "arn:aws-cn:s3:::velero/"),
        ("velero", "/production/", "arn:aws-cn:s3:::velero/production/"),
    ],
)
def test_objects_of_a_prefix(bucket: str | None, prefix: str, arn: str | None) -> None:
    assert objects_arn_prefix("aws-cn", bucket, prefix) == arn


def test_why_there_is_no_trail_to_rely_on() -> None:
    assert reasons([], "us-east-1") == ["No trail records in us-east-1: coffer.velero.cloudtrail makes one."]
    trail = {"Name": "stopped", "TrailARN": "arn:aws:cloudtrail:us-east-1:111122223333:trail/stopped"}
    facts = evaluate_trail({**trail, "HomeRegion": "us-east-1", "S3BucketName": "b"}, None, {"IsLogging": False}, None)
    assert "stopped is not logging." in reasons([facts], "us-east-1")
    assert described(facts)["records_kms"] is facts.records_kms
