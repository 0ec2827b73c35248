# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which events the selectors of a trail let through."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.selectors import (
    KMS_EVENTS,
    MANAGEMENT_EVENTS,
    event_coverage,
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
    assert event_coverage(selectors, MANAGEMENT_EVENTS) == of_all
    assert event_coverage(selectors, KMS_EVENTS) == of_kms


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
    assert event_coverage([data(*fields)], object_events(OBJECTS)) == recorded
    assert event_coverage([data(*fields, kind="AWS::Lambda::Function")], object_events(OBJECTS)) == "none"


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
    assert event_coverage(selectors_of(answer), KMS_EVENTS) == of_kms
    assert event_coverage(selectors_of(answer), object_events(OBJECTS)) == of_objects
