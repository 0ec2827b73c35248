# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count judgments, within bounds. Pure. PRIVATE to coffer.velero.

A tally is of plain values: it travels between processes, adds up, and is kept in the checkpoint.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from ansible_collections.coffer.velero.plugins.module_utils._objects.layout import Group, group_of
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    VERDICTS,
    Entry,
    Judgment,
    Seen,
    Wanted,
)

Counts = dict[str, int]
MOST_GROUPS = 1000
MOST_KEYS = 1000
_KINDS = ("backup", "restore", "kopia", "other")


def offender(entry: Entry, seen: Seen, judgment: Judgment) -> dict[str, t.Any]:
    """One object, told in full."""
    return {
        "key": entry.key,
        "version_id": entry.version_id,
        "is_latest": entry.is_latest,
        "verdict": judgment.verdict,
        "reasons": list(judgment.reasons),
        "remediation": judgment.remediation,
        "algorithm": seen.algorithm if seen.state in ("read", "told") or seen.algorithm != "none" else None,
        "key_arn": seen.key_arn,
        "bucket_key_enabled": seen.bucket_key_enabled,
        "size": entry.size,
        "last_modified": entry.last_modified,
    }


@dataclass
class Tally:
    """What was found so far.

    :param groups: counts by kind, then by name
    :param keys: counts by algorithm, key ARN and Bucket Key, as JSON-able rows ``[algorithm, key, bool, count]``
    """

    counts: Counts = field(default_factory=dict)
    delete_markers: int = 0
    groups: dict[str, dict[str, Counts]] = field(default_factory=dict)
    groups_omitted: int = 0
    last_omitted: dict[str, str] = field(default_factory=dict)
    by_algorithm: Counts = field(default_factory=dict)
    by_key: dict[str, Counts] = field(default_factory=dict)
    offenders: list[dict[str, t.Any]] = field(default_factory=list)

    def add(self, entry: Entry, seen: Seen, judgment: Judgment, wanted: Wanted) -> None:
        verdict = judgment.verdict
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        self._group(group_of(entry.key, wanted.prefix), {verdict: 1})
        if seen.state in ("read", "told", "needs_key", "wrong_key"):
            self.by_algorithm[seen.algorithm] = self.by_algorithm.get(seen.algorithm, 0) + 1
            if seen.key_arn:
                self._key(seen.key_arn, {f"{seen.algorithm} {seen.bucket_key_enabled}": 1})
        if verdict not in ("proven", "gone", "unproven"):
            self.offenders.append(offender(entry, seen, judgment))

    def merge(self, other: Tally, most_offenders: int) -> None:
        """Add what another tally has; the offenders that stay are the first ones by key."""
        _add(self.counts, other.counts)
        _add(self.by_algorithm, other.by_algorithm)
        self.delete_markers += other.delete_markers
        for kind, names in other.groups.items():
            for name, counts in names.items():
                self._group(Group(kind, name), counts)
        for key, rows in other.by_key.items():
            self._key(key, rows)
        if other.offenders:
            both = sorted([*self.offenders, *other.offenders], key=lambda one: (one["key"], not one["is_latest"]))
            self.offenders = both[:most_offenders]

    def _group(self, group: Group, counts: Mapping[str, int]) -> None:
        names = self.groups.setdefault(group.kind, {})
        if group.name not in names:
            if sum(map(len, self.groups.values())) >= MOST_GROUPS:
                # Names come sorted within a kind, so that a new one differs from the last.
                self.groups_omitted += self.last_omitted.get(group.kind) != group.name
                self.last_omitted[group.kind] = group.name
                return
            names[group.name] = {}
        _add(names[group.name], counts)

    def _key(self, key: str, rows: Mapping[str, int]) -> None:
        if key not in self.by_key and len(self.by_key) >= MOST_KEYS:
            key = "further keys"
        _add(self.by_key.setdefault(key, {}), rows)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def verdict(self) -> str:
        """The verdict on all of it."""
        if self.total == self.counts.get("gone", 0):
            return "empty"
        if self.counts.get("wrong"):
            return "wrong"
        return "incomplete" if self.counts.get("unreadable") or self.counts.get("unproven") else "proven"

    def result(self) -> dict[str, t.Any]:
        """In the words of the module's result."""
        offending = self.counts.get("wrong", 0) + self.counts.get("unreadable", 0)
        return {
            "verdict": self.verdict,
            "counts": _told(self.counts),
            "delete_markers": self.delete_markers,
            "groups": [
                {"kind": kind, "name": name, "counts": _told(counts)}
                for kind in _KINDS
                for name, counts in sorted(self.groups.get(kind, {}).items())
            ],
            "groups_omitted": self.groups_omitted,
            "by_algorithm": dict(sorted(self.by_algorithm.items())),
            "by_key": [
                {"key_arn": key, "algorithm": row.split()[0], "bucket_key_enabled": row.endswith("True"), "count": n}
                for key, rows in sorted(self.by_key.items())
                for row, n in sorted(rows.items())
            ],
            "offenders": self.offenders,
            "offenders_omitted": offending - len(self.offenders),
        }

    def plain(self) -> dict[str, t.Any]:
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, t.Any]) -> Tally:
        return cls(**{name.name: values[name.name] for name in fields(cls)})


def _add(counts: Counts, more: Mapping[str, int]) -> None:
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number


def _told(counts: Mapping[str, int]) -> Counts:
    return {"total": sum(counts.values()), **{verdict: counts.get(verdict, 0) for verdict in VERDICTS}}
