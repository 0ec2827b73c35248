# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of the wrong type is refused by its name, wherever it is."""

from __future__ import annotations

import pytest

from tests.support.evidence import (
    Evidence,
    audit,
    counts,
    finding,
    good,
    object_finding,
    refused,
    scanned,
    with_objects,
)

REFUSALS: list[tuple[Evidence, str]] = [
    (good(audit=audit(finding("A", "maybe"))), "evidence.audit.findings[0].status: it is none of compliant,"),
    (good(audit=audit(finding("A", severity="x"))), "evidence.audit.findings[0].severity: it is none of critical"),
    (good(audit=audit(finding("A", reason="no code"))), "evidence.audit.findings[0].reason: it is not a code in snake"),
    (good(objects=scanned(counts(4, 1)) | {"reason": "no code"}), "evidence.objects.reason: it is not a code"),
    (with_objects(counts=counts(-1)), "evidence.objects.counts.total: it is below zero"),
    (with_objects(counts={"total": "many"}), "evidence.objects.counts.total: it is not a number"),
    (
        with_objects(non_compliant_objects=[object_finding("k", "compliant")]),
        "evidence.objects.non_compliant_objects[0].status: it is none of non_compliant",
    ),
    (with_objects(non_compliant_objects="none"), "evidence.objects.non_compliant_objects: it is not a list"),
    (with_objects(groups=[{"kind": "x"}]), "evidence.objects.groups[0].kind: it is none of backup, restore"),
    (with_objects(groups=["x"]), "evidence.objects.groups[0]: it is not a mapping"),
    (with_objects(started_at=None), "evidence.objects.started_at: it is missing"),
    (with_objects(versions="perhaps"), "evidence.objects.versions: it is neither true nor false"),
    (with_objects(started_at={}), "evidence.objects.started_at: it is not text"),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    assert refused(evidence).startswith(message)
