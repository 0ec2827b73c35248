# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of evaluations, and the list of every object."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    Evaluation,
    ObjectVersion,
    Observation,
    ScanOptions,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.result_collector import (
    MAX_GROUPS,
    ResultCollector,
    Totals,
)

OPTIONS = ScanOptions(bucket="acme-backups", owner="", prefix="p/", mode="sse-s3", versions=False)
HOSTILE = "p/backups/b/=cmd|' /C calc'!A0\n\"<script>,é 50%"


def version(key: str = "p/backups/b/x", **more: Any) -> ObjectVersion:
    return ObjectVersion(key, "v", True, 1, "2026-01-01T00:00:00Z")._replace(**more)


def totals(*keys: str, reason: str = "wrong_algorithm") -> Totals:
    made = Totals()
    for key in keys:
        made.add(version(key), Observation("read", "AES256"), Evaluation(reason, "message", "remediation"), "p/")
    return made


@pytest.mark.parametrize(
    ("outcomes", "status", "reason"),
    [
        ({}, "not_evaluated", "no_objects"),
        ({"deleted_during_scan": 1}, "not_evaluated", "no_objects"),
        ({"compliant": 1}, "compliant", None),
        ({"compliant": 1, "deleted_during_scan": 1}, "compliant", None),
        ({"compliant": 1, "access_denied": 1}, "not_evaluated", "access_denied"),
        ({"compliant": 1, "source_has_no_key": 1, "deleted_during_scan": 2}, "not_evaluated", "source_has_no_key"),
        ({"compliant": 1, "wrong_algorithm": 1, "access_denied": 2}, "non_compliant", "wrong_algorithm"),
        ({"wrong_algorithm": 1, "wrong_kms_key": 2}, "non_compliant", "wrong_kms_key"),
        ({"compliant": 1, "accepted": 2}, "non_compliant", "accepted"),
        ({"compliant": 1, "accepted": 2, "wrong_kms_key": 1}, "non_compliant", "wrong_kms_key"),
        ({"compliant": 1, "accepted": 2, "access_denied": 1}, "not_evaluated", "access_denied"),
    ],
)
def test_status_of_all(outcomes: dict[str, int], status: str, reason: str | None) -> None:
    result = Totals(outcomes=outcomes).result()
    assert (result["status"], result["reason"]) == (status, reason)


def test_counts_by_status_and_by_reason() -> None:
    reasons = {"wrong_kms_key": 2, "access_denied": 3, "source_has_no_key": 4, "deleted_during_scan": 1}
    result = Totals(outcomes={"compliant": 5, **reasons}).result()
    statuses = {"total": 15, "compliant": 5, "non_compliant": 2, "not_evaluated": 8, "deleted_during_scan": 1}
    assert result["counts"] == statuses
    assert result["by_reason"] == reasons
    assert result["findings_truncated"] == 5


def test_the_first_findings_by_name_stay_in_whatever_order_they_come() -> None:
    names = [f"p/kopia/ns/p{n:03}" for n in range(50)]
    random.Random(1).shuffle(names)
    whole = Totals()
    for name in names:
        whole.merge(totals(name), 7)
    result = whole.result()
    assert [one["key"] for one in result["non_compliant_objects"]] == sorted(names)[:7]
    assert result["findings_truncated"] == 43
    assert result["counts"]["non_compliant"] == 50


def test_groups_are_bounded_and_nothing_is_lost_from_the_counts() -> None:
    whole = Totals()
    for n in range(0, MAX_GROUPS + 60, 10):
        whole.merge(totals(*(f"p/backups/b{m:05}/{file}" for m in range(n, n + 10) for file in "ab")), 5)
    result = whole.result()
    assert len(result["groups"]) == MAX_GROUPS
    assert result["groups_omitted"] == 60
    assert result["counts"]["total"] == 2 * (MAX_GROUPS + 60)


def test_totals_survive_the_checkpoint() -> None:
    whole = totals("p/backups/b/x", "p/kopia/n/y")
    assert Totals(**json.loads(json.dumps(asdict(whole)))) == whole


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_hostile_name_is_one_line_and_comes_back(form: Any) -> None:
    collector = ResultCollector(replace(OPTIONS, list_format=form))
    collector.add(version(HOSTILE), Observation("read", "AES256"))
    text = collector.lines().decode("ascii")
    assert text.count("\n") == 1
    if form == "jsonl":
        assert json.loads(text)["key"] == HOSTILE
    else:
        row = next(csv.reader(io.StringIO(text)))
        assert row[0] == "p/backups/b/%3Dcmd%7C%27%20/C%20calc%27%21A0%0A%22%3Cscript%3E%2C%C3%A9%2050%25"
        assert row[1:4] == ["v", "true", "compliant"]


def test_the_last_times_add_up_and_accepted_findings_give_way() -> None:
    old = totals("p/a", "p/b", reason="accepted")
    new = Totals()
    late = version("p/z", last_modified="2026-03-01T00:00:00Z")
    new.add(late, Observation("read", "AES256"), Evaluation("wrong_algorithm", "message", "remediation"), "p/")
    new.add(late._replace(last_modified="2026-02-01T00:00:00Z"), Observation("read", "AES256"), Evaluation(), "p/")
    old.merge(new, max_findings=2)
    result = old.result()
    assert result["last_written"] == {"compliant": "2026-02-01T00:00:00Z", "non_compliant": "2026-03-01T00:00:00Z"}
    assert [one["key"] for one in result["non_compliant_objects"]] == ["p/z", "p/a"]
    assert result["findings_truncated"] == 1
