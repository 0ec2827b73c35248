# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for log groups and metric filters, held against the model of CloudWatch Logs, and the filter."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from ansible.errors import AnsibleFilterError
from botocore.validate import ParamValidator

from ansible_collections.coffer.velero.plugins.filter.logs import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import filters, logs
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan

MODEL = botocore.session.get_session().get_service_model("logs")
ARN = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
OTHER = "arn:aws:kms:eu-central-1:111122223333:key/5678efgh"
EVERYTHING: dict[str, Any] = {"retention": 365, "key_id": KEY, "protected": True, "tags": {"a": "b"}}


def key(arn: str = KEY) -> Key:
    return Key({"KeyId": arn.rpartition("/")[2], "Arn": arn, "KeyState": "Enabled"})


def wanted(**options: Any) -> logs.WantedGroup:
    return logs.WantedGroup(name="velero-audit", **options)


def plan(answer: dict[str, Any] | None, there: dict[str, str] | None = None, /, **options: Any) -> Plan:
    group = None if answer is None else logs.Group({"arn": f"{ARN}:*", **answer}, there)
    found = key(options["key_id"]) if options.get("key_id") else None
    return logs.decide_group(wanted(**options), logs.State(group, ARN, found), region="eu-central-1")


def valid(steps: Any) -> list[str]:
    """The operations of the requests, each valid by the model of the service."""
    for step in steps:
        shape = MODEL.operation_model(step.action.partition(":")[2]).input_shape
        assert not ParamValidator().validate(step.arguments, shape).has_errors(), step
    return [step.action.partition(":")[2] for step in steps]


ALL = {"retentionInDays": 365, "kmsKeyId": KEY, "deletionProtectionEnabled": True}

PLANS: list[tuple[str, dict[str, Any] | None, dict[str, Any], list[str]]] = [
    ("new", None, {}, ["CreateLogGroup"]),
    ("new with everything", None, EVERYTHING, ["CreateLogGroup", "PutRetentionPolicy"]),
    ("new, for good", None, {"retention": 0, "key_id": "", "protected": False}, ["CreateLogGroup"]),
    ("left alone", ALL, {}, []),
    ("as it is", ALL, {"retention": 365, "key_id": KEY, "protected": True}, []),
    ("for good", ALL, {"retention": 0}, ["DeleteRetentionPolicy"]),
    ("longer", ALL, {"retention": 400}, ["PutRetentionPolicy"]),
    ("another key", ALL, {"key_id": OTHER}, ["AssociateKmsKey"]),
    ("no key", ALL, {"key_id": ""}, ["DisassociateKmsKey"]),
    ("not protected", ALL, {"protected": False}, ["PutLogGroupDeletionProtection"]),
    ("protected", {}, {"protected": True}, ["PutLogGroupDeletionProtection"]),
    ("tags", {}, {"tags": {"a": "b"}}, ["TagResource"]),
]


@pytest.mark.parametrize(("case", "answer", "options", "operations"), PLANS, ids=[row[0] for row in PLANS])
def test_plans(case: str, answer: dict[str, Any] | None, options: dict[str, Any], operations: list[str]) -> None:
    decided = plan(answer, **options)
    assert valid(decided.steps) == operations
    assert decided.result["log_group_arn"] == ARN


def test_tags() -> None:
    there = {"a": "1", "b": "2", "aws:x": "y"}
    assert valid(plan({}, there, tags={"a": 1, "c": True}).steps) == ["UntagResource", "TagResource"]
    changed = plan({}, there, tags={"a": 1, "c": True})
    assert changed.result["tags"] == {"a": "1", "aws:x": "y", "c": "true"}
    assert plan({}, there, tags={"a": 1}, purge_tags=False).steps == ()
    assert plan({}, there, tags=None).steps == ()


def test_class_without_metric_filters_is_told() -> None:
    assert plan({"logGroupClass": "INFREQUENT_ACCESS"}).warnings == (
        f"{ARN}: is of class INFREQUENT_ACCESS, for which there are no metric filters, so that no alarm follows.",
    )
    assert plan({"logGroupClass": "STANDARD"}).warnings == ()


def test_key_elsewhere() -> None:
    with pytest.raises(logs.ValidationError, match="is in eu-west-1, the log group is in eu-central-1"):
        plan(None, key_id=KEY.replace("eu-central-1", "eu-west-1"))


def test_answers_have_the_shape_of_the_model() -> None:
    """What is read of an answer is there in the model of the service."""
    group = MODEL.shape_for("LogGroup").members
    assert {"arn", "logGroupName", "retentionInDays", "kmsKeyId", "creationTime", "logGroupClass"} <= set(group)
    assert "deletionProtectionEnabled" in group
    known = set(MODEL.shape_for("MetricFilter").members)
    assert {*filters._KEPT, "filterName", "filterPattern", "metricTransformations"} <= known
    assert set(filters._KEPT) <= set(MODEL.operation_model("PutMetricFilter").input_shape.members)
    assert set(filters._MEMBERS) == set(MODEL.shape_for("MetricTransformation").members)


def test_requests_of_metric_filters_are_valid() -> None:
    metric = {"metricName": "a", "metricNamespace": "b", "metricValue": 1}
    given = [
        {"filterName": "one", "filterPattern": "x", "metricTransformations": [{**metric, "defaultValue": "0"}]},
        {"filterName": "two", "filterPattern": "", "metricTransformations": [{**metric, "dimensions": {"a": "$.b"}}]},
    ]
    options = {"log_group_name": "velero-audit", "filters": given, "purge_prefix": "old-", "state": "present"}
    there = {"old-1": {"filterName": "old-1", "filterPattern": "", "metricTransformations": [metric]}}
    decided = filters.decide_filters(filters.WantedFilters.of(options), there)
    assert valid(decided.steps) == ["DeleteMetricFilter", "PutMetricFilter", "PutMetricFilter"]
    assert decided.steps[1].arguments["metricTransformations"] == [{**metric, "metricValue": "1", "defaultValue": 0.0}]


def test_key_policy_statement() -> None:
    build = FilterModule().filters()["log_group_key_statements"]
    (statement,) = build(ARN)
    assert build(f"{ARN}:*") == [statement]
    assert statement.pop("Sid").startswith("VeleroLogGroup")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": ARN}},
    }
    china = ARN.replace("arn:aws:logs:eu-central-1", "arn:aws-cn:logs:cn-north-1")
    assert build(china)[0]["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    for value in ("velero-audit", "arn:aws:s3:::velero-audit"):
        with pytest.raises(AnsibleFilterError, match="is not the ARN of a log group"):
            build(value)
    with pytest.raises(AnsibleFilterError, match="takes a text"):
        build(["a"])
