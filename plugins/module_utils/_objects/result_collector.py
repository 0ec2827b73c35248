# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count the evaluations of objects, within bounds, and list them. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import csv
import io
import json
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from . import model
from .evaluate import evaluate

Counts = dict[str, int]
MAX_GROUPS = 1000
MAX_KEYS = 1000
_KINDS = ("backup", "restore", "kopia", "other")
_NO_FINDING = ("compliant", "deleted_during_scan", "source_has_no_key", "only_reported")

#: The columns of the list of every object.
COLUMNS = (
    "key",
    "version_id",
    "is_latest",
    "status",
    "reason",
    "message",
    "remediation",
    "algorithm",
    "key_arn",
    "bucket_key_enabled",
    "size",
    "last_modified",
)


@dataclass
class Totals:
    """What was found so far; plain values, for they travel between processes, add up, and are kept in the checkpoint.

    :param outcomes: object versions by reason, and ``compliant`` ones
    :param groups: the same by kind of the group, then by its name
    :param last_written: the latest time that an object version of a status was written
    :param by_key: counts by key ARN, then by algorithm and Bucket Key
    """

    outcomes: Counts = field(default_factory=dict)
    delete_markers: int = 0
    groups: dict[str, dict[str, Counts]] = field(default_factory=dict)
    groups_omitted: int = 0
    last_omitted: dict[str, str] = field(default_factory=dict)
    by_algorithm: Counts = field(default_factory=dict)
    by_key: dict[str, Counts] = field(default_factory=dict)
    findings: list[dict[str, t.Any]] = field(default_factory=list)
    last_written: dict[str, str] = field(default_factory=dict)

    def add(
        self, version: model.ObjectVersion, seen: model.Observation, evaluation: model.Evaluation, prefix: str
    ) -> None:
        outcome = evaluation.reason or "compliant"
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._add_group(model.group_of(version.key, prefix), {outcome: 1})
        self._add_written(model.STATUS_OF[outcome], version.last_modified)
        if seen.state in ("read", "from_inventory", "key_required", "wrong_key"):
            self.by_algorithm[seen.algorithm] = self.by_algorithm.get(seen.algorithm, 0) + 1
            if seen.key_arn:
                self._add_key(seen.key_arn, {f"{seen.algorithm} {seen.bucket_key_enabled}": 1})
        if outcome not in _NO_FINDING:
            self.findings.append(row_of(version, seen, evaluation))

    def add_unseen(self, directory: str, reason: str, message: str) -> None:
        """Count a directory whose objects are not known."""
        version = model.ObjectVersion(directory, None, True, 0, "")
        remediation = "Name a report of the whole prefix, or list the bucket instead."
        self.add(version, model.Observation("failed"), model.Evaluation(reason, message, remediation), "")

    def merge(self, other: Totals, max_findings: int) -> None:
        """Add what other totals have; the findings that stay are the first ones by key."""
        _add(self.outcomes, other.outcomes)
        _add(self.by_algorithm, other.by_algorithm)
        self.delete_markers += other.delete_markers
        for kind, names in other.groups.items():
            for name, outcomes in names.items():
                self._add_group(model.Group(kind, name), outcomes)
        for key, counts in other.by_key.items():
            self._add_key(key, counts)
        if other.findings:
            both = sorted([*self.findings, *other.findings], key=_order)
            self.findings = both[:max_findings]
        for status, time in other.last_written.items():
            self._add_written(status, time)

    def _add_group(self, group: model.Group, outcomes: Mapping[str, int]) -> None:
        names = self.groups.setdefault(group.kind, {})
        if group.name not in names:
            if sum(map(len, self.groups.values())) >= MAX_GROUPS:
                # Names come sorted within a kind, so that a new one differs from the last.
                self.groups_omitted += self.last_omitted.get(group.kind) != group.name
                self.last_omitted[group.kind] = group.name
                return
            names[group.name] = {}
        _add(names[group.name], outcomes)

    def _add_written(self, status: str, time: str) -> None:
        if time > self.last_written.get(status, ""):
            self.last_written[status] = time

    def _add_key(self, key: str, counts: Mapping[str, int]) -> None:
        if key not in self.by_key and len(self.by_key) >= MAX_KEYS:
            key = "further keys"
        _add(self.by_key.setdefault(key, {}), counts)

    @property
    def counts(self) -> Counts:
        return _by_status(self.outcomes)

    def _status(self) -> tuple[str, str | None]:
        """The status of the whole, and the most frequent reason for it; that all is accepted is the last one."""
        present = {name: n for name, n in self.outcomes.items() if n and name != "deleted_during_scan"}
        if not present:
            return "not_evaluated", "no_objects"
        for status in ("non_compliant", "not_evaluated"):
            if reasons := [name for name in sorted(present) if model.STATUS_OF[name] == status and name != "accepted"]:
                return status, max(reasons, key=present.__getitem__)
        if "accepted" in present:
            return "non_compliant", "accepted"
        return "compliant", None

    def result(self) -> dict[str, t.Any]:
        """The part of the module's result that is about the objects."""
        status, reason = self._status()
        found = sum(number for outcome, number in self.outcomes.items() if outcome not in _NO_FINDING)
        return {
            "status": status,
            "reason": reason,
            "counts": self.counts,
            "by_reason": {name: n for name, n in sorted(self.outcomes.items()) if name != "compliant"},
            "delete_markers": self.delete_markers,
            "groups": [
                {"kind": kind, "name": name, "counts": _by_status(outcomes)}
                for kind in _KINDS
                for name, outcomes in sorted(self.groups.get(kind, {}).items())
            ],
            "groups_omitted": self.groups_omitted,
            "by_algorithm": dict(sorted(self.by_algorithm.items())),
            "by_key": [
                {"key_arn": key, "algorithm": row.split()[0], "bucket_key_enabled": row.endswith("True"), "count": n}
                for key, rows in sorted(self.by_key.items())
                for row, n in sorted(rows.items())
            ],
            "last_written": {status: self.last_written.get(status) for status in ("compliant", "non_compliant")},
            "non_compliant_objects": self.findings,
            "findings_truncated": found - len(self.findings),
        }


@dataclass
class ResultCollector:
    """Evaluates what is seen of the objects of one batch."""

    options: model.ScanOptions
    totals: Totals = field(default_factory=Totals)
    rows: list[dict[str, t.Any]] = field(default_factory=list)

    def add(self, version: model.ObjectVersion, seen: model.Observation) -> None:
        evaluation = evaluate(version, seen, self.options)
        self.totals.add(version, seen, evaluation, self.options.prefix)
        if self.options.list_format:
            self.rows.append(row_of(version, seen, evaluation))

    def lines(self) -> bytes:
        """The rows in the format of the list of every object."""
        if self.options.list_format == "jsonl":
            return "".join(json.dumps(row) + "\n" for row in self.rows).encode()
        return csv_lines([_cell(name, row[name]) for name in COLUMNS] for row in self.rows)


def _order(finding: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    """By key; accepted ones never take the place of others."""
    return finding["reason"] == "accepted", finding["key"], not finding["is_latest"]


def row_of(version: model.ObjectVersion, seen: model.Observation, evaluation: model.Evaluation) -> dict[str, t.Any]:
    """One object as it is returned and listed."""
    return {
        "key": version.key,
        "version_id": version.version_id,
        "is_latest": version.is_latest,
        "status": model.STATUS_OF[evaluation.reason or "compliant"],
        **evaluation._asdict(),
        "algorithm": seen.algorithm if seen.state in ("read", "from_inventory") or seen.algorithm != "none" else None,
        "key_arn": seen.key_arn,
        "bucket_key_enabled": seen.bucket_key_enabled,
        "size": version.size,
        "last_modified": version.last_modified,
    }


def csv_lines(rows: Iterable[Iterable[t.Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cell(name: str, value: t.Any) -> t.Any:
    """Keys are URL-encoded, as in S3's own reports: one line each, and nothing that a spreadsheet would compute."""
    if name == "key":
        return quote(value, safe="/")
    return str(value).lower() if isinstance(value, bool) else value


def _add(counts: Counts, more: Mapping[str, int]) -> None:
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number


def _by_status(outcomes: Mapping[str, int]) -> Counts:
    counts = {"total": sum(outcomes.values()), "compliant": 0, "non_compliant": 0, "not_evaluated": 0}
    for outcome, number in outcomes.items():
        counts[model.STATUS_OF[outcome]] += number
    return {**counts, "deleted_during_scan": outcomes.get("deleted_during_scan", 0)}
