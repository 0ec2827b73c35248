# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for log groups, held against the model of CloudWatch Logs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import logs
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from tests.support.models import model, valid

MODEL = model("logs")
ARN = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
OTHER = "arn:aws:kms:eu-central-1:111122223333:key/5678efgh"
EVERYTHING: dict[str, Any] = {"retention": 365, "key_id": KEY, "protected": True, "tags": {"a": "b"}}


def key(arn: str = KEY) -> Key:
    return Key({"KeyId": arn.rpartition("/")[2], "Arn": arn, "KeyState": "Enabled"})


def wanted(**options: Any) -> logs.DesiredGroup:
    return logs.DesiredGroup(name="velero-audit", **options)


def plan(answer: dict[str, Any] | None, there: dict[str, str] | None = None, /, **options: Any) -> Plan:
    group = None if answer is None else logs.Group({"arn": f"{ARN}:*", **answer}, there)
    found = key(options["key_id"]) if options.get("key_id") else None
    return logs.decide_group(wanted(**options), logs.State(group, ARN, found), region="eu-central-1")


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
