# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status does not cover is said, in every report."""

from __future__ import annotations

import pytest

from tests.support import evidence as example
from tests.support.evidence import (
    INVENTORY,
    KEY,
    Evidence,
    counts,
    document,
    good,
    judged_by,
    objects,
    scanned,
    untested,
)

ALWAYS = ["audit", "s3_statement", "key_access", "scope"]
LIMITATIONS: list[tuple[Evidence, list[str]]] = [
    (good(), ALWAYS),
    (
        example.bad(),
        [
            "objects_not_read",
            "deleted_during_scan",
            "incomplete_multipart_uploads",
            "delete_markers",
            "backup_and_restore",
            "configuration",
            "audit",
            *ALWAYS,
        ],
    ),
    (good(objects=objects(notes=["Uploads could not be read."])), ["scan_note", *ALWAYS]),
    (good(objects=objects(versions=False)), ["noncurrent_versions", *ALWAYS]),
    (good(objects=objects(versions=None)), ["noncurrent_versions", *ALWAYS]),
    (
        {**good(), "objects": objects(judged_by=judged_by(example.profile(), endpoint_url="https://minio.example"))},
        ["other_endpoint", *ALWAYS],
    ),
    (good(metadata=None), ["backup_metadata", *ALWAYS]),
    (good(objects=objects(groups=[], groups_omitted=9)), ["backup_objects", *ALWAYS]),
    (
        good(objects=scanned(counts(4, not_evaluated=5), source=INVENTORY, non_compliant_objects=[])),
        ["inventory", "source_has_no_key", "noncurrent_versions", *ALWAYS],
    ),
]


@pytest.mark.parametrize(("evidence", "reasons"), LIMITATIONS)
def test_limitations_are_named(evidence: Evidence, reasons: list[str]) -> None:
    assert [limit["reason"] for limit in document(evidence)["limitations"]] == reasons


@pytest.mark.parametrize(
    ("mode", "reason"), [("sse-s3", "sse_s3"), ("dsse-kms", "dsse_kms"), ("sse-c", "sse_c"), ("sse-kms", None)]
)
def test_limitations_of_a_mode(mode: str, reason: str | None) -> None:
    profile = example.profile(encryption_mode=mode, kms_key_arn=KEY if mode.endswith("kms") else None)
    reasons = [limit["reason"] for limit in document(untested(profile=profile, configuration=None))["limitations"]]
    assert [one for one in ("sse_s3", "dsse_kms", "sse_c") if one in reasons] == ([reason] if reason else [])


def test_what_s3_did_not_answer_and_what_an_inventory_does_not_name_are_told_apart() -> None:
    refused = [example.object_finding("k", "not_evaluated")]
    found = scanned(counts(4, not_evaluated=5), source=INVENTORY, non_compliant_objects=refused)
    told = {one["reason"]: one["message"] for one in document(good(objects=found))["limitations"]}
    assert told["objects_not_read"].startswith("1 object version could not be read.")
    assert told["source_has_no_key"].startswith("Of 4 object versions only the algorithm is known")
