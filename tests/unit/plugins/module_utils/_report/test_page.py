# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the template gets: in which order, and how much of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._report.page import MAX_COMPLIANT, context
from tests.support import evidence as example
from tests.support.evidence import audit, counts, document, finding, good, group, scanned


def made(evidence: example.Evidence) -> Any:
    return context(document(evidence), "evidence.json", "0" * 64)


def test_objects_of_one_reason_are_together_the_most_frequent_first_and_unread_ones_last() -> None:
    found = [(entries[0]["status"], len(entries)) for entries in made(example.bad())["object_findings"]]
    assert found == [*(("non_compliant", number) for number in (2, 2, 1, 1)), ("not_evaluated", 2)]


def test_failed_controls_come_by_severity_and_unread_ones_after_them() -> None:
    rows = [("A", "not_evaluated", "critical"), ("B", "non_compliant", "low"), ("C", "compliant", "critical")]
    rows += [("D", "non_compliant", "high"), ("B", "non_compliant", "low")]
    found = made(good(audit=audit(*(finding(*row) for row in rows))))
    order = [[one["control"] for one in entries] for entries in found["audit_findings"]]
    assert order == [["D"], ["B", "B"], ["A"]]
    assert [(first["control"], sums["non_compliant"]) for first, sums in found["controls"]] == [
        *(("A", 0), ("B", 2), ("C", 0), ("D", 1))
    ]


def test_groups_with_a_finding_come_first_and_none_of_them_is_left_out() -> None:
    groups = [group("backup", f"good-{number}", 1) for number in range(MAX_COMPLIANT + 3)]
    groups += [group("backup", f"bad-{number}", 0, deleted=1) for number in range(2)]
    (table,) = made(good(objects=scanned(counts(9), groups=groups)))["group_tables"]
    assert [row["name"] for row in table["rows"][:3]] == ["bad-0", "bad-1", "good-0"]
    assert (len(table["rows"]), table["omitted"]) == (MAX_COMPLIANT + 2, 3)
    assert "deleted_during_scan" in table["columns"]
    assert "deleted_during_scan" not in made(good())["group_tables"][0]["columns"]
