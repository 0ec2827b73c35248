# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto's log groups and metric filters, of its name: what AWS does, through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.documents import log_group_key_statements
from tests.support.fixtures import Aws, refusal

NAME = "velero-audit"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{NAME}"
METRIC = {"metricName": "denied", "metricNamespace": "Velero/Audit", "metricValue": "1"}


@pytest.fixture
def logs(aws: Aws) -> Any:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=NAME)
    return logs


def put(logs: Any, name: str = "one", pattern: str = "x", group: str = NAME, **metric: Any) -> None:
    transformations = [{**METRIC, **metric}]
    logs.put_metric_filter(
        logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=transformations
    )


def filters(logs: Any) -> list[tuple[str, str]]:
    listed = logs.describe_metric_filters(logGroupName=NAME)["metricFilters"]
    return [(found["filterName"], found["filterPattern"]) for found in listed]


def test_retention_is_one_of_certain_numbers(logs: Any) -> None:
    logs.put_retention_policy(logGroupName=NAME, retentionInDays=30)
    days = {"logGroupName": NAME, "retentionInDays": 31}
    assert refusal(logs.put_retention_policy, **days) == "InvalidParameterException"


def test_key_of_a_log_group_lets_it_in(aws: Aws, logs: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    associate = {"logGroupName": NAME, "kmsKeyId": key}
    assert refusal(logs.associate_kms_key, **associate) == "InvalidParameterException"
    other = {"logGroupName": "other", "kmsKeyId": key}
    assert refusal(logs.create_log_group, **other) == "InvalidParameterException"
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] += log_group_key_statements(ARN)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    logs.associate_kms_key(**associate)
    assert refusal(logs.create_log_group, **other) == "InvalidParameterException", "it lets in one log group alone"
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName=NAME)
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    kms.disable_key(KeyId=key)
    assert refusal(logs.associate_kms_key, **associate) == "InvalidParameterException"


def test_log_group_is_protected_from_deletion(logs: Any) -> None:
    logs.create_log_group(logGroupName="protected", deletionProtectionEnabled=True)
    logs.put_log_group_deletion_protection(logGroupIdentifier=NAME, deletionProtectionEnabled=True)
    assert all(one["deletionProtectionEnabled"] for one in logs.describe_log_groups()["logGroups"])
    for name in ("protected", NAME):
        assert refusal(logs.delete_log_group, logGroupName=name) == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=ARN, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=NAME)


def test_deleted_log_group_takes_all_with_it(logs: Any) -> None:
    logs.tag_resource(resourceArn=ARN, tags={"a": "b"})
    put(logs)
    logs.delete_log_group(logGroupName=NAME)
    logs.create_log_group(logGroupName=NAME)
    assert filters(logs) == []
    assert logs.list_tags_for_resource(resourceArn=ARN)["tags"] == {}


def test_metric_filter_belongs_to_a_log_group(logs: Any) -> None:
    missing = "ResourceNotFoundException"
    assert refusal(put, logs=logs, group="none") == missing
    assert refusal(logs.describe_metric_filters, logGroupName="none") == missing
    assert refusal(logs.delete_metric_filter, logGroupName="none", filterName="one") == missing
    assert refusal(logs.delete_metric_filter, logGroupName=NAME, filterName="one") == missing


def test_metric_filter_is_replaced_as_a_whole(logs: Any) -> None:
    put(logs, pattern="x", unit="Count")
    put(logs, pattern="y")
    assert filters(logs) == [("one", "y")]
    assert "unit" not in logs.describe_metric_filters()["metricFilters"][0]["metricTransformations"][0]
    both = {"logs": logs, "defaultValue": 0.0, "dimensions": {"Event": "$.eventName"}}
    assert refusal(put, **both) == "InvalidParameterException"
    for number in range(99):
        put(logs, name=f"f{number}")
    put(logs, pattern="z")
    assert refusal(put, logs=logs, name="one-more") == "LimitExceededException"


def test_metric_filters_come_in_pages(logs: Any) -> None:
    for number in range(51):
        put(logs, name=f"f{number:02}")
    assert len(filters(logs)) == 50
    pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName=NAME)
    assert [len(page["metricFilters"]) for page in pages] == [50, 1]
