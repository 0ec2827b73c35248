# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event patterns: what EventBridge would refuse, and which mean the same."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._notify.pattern import fault, reads, same_pattern


def test_pattern_faults() -> None:
    assert fault({"source": ["a"], "$or": [{"b": ["c"]}]}) is None
    assert fault({"$or": [{"b": "c"}]}) == 'has "c" at $or.b, where EventBridge takes a list of what matches'
    assert fault({"$or": ["b"]}) == "has no pattern at $or"
    assert fault({"detail": {}}) == "has nothing at detail"


def test_same_pattern() -> None:
    assert same_pattern({"a": ["x", "y", "x"]}, {"a": ["y", "x"]})
    assert not same_pattern({"a": ["1"]}, {"a": [1]})
    assert not same_pattern({"a": [True]}, {"a": [1]})
    assert not same_pattern({"a": ["x"]}, {"a": ["x"], "b": ["y"]})


def test_read_only_events_are_found_where_they_are_named() -> None:
    either = {"$or": [{"detail": {"eventName": ["ListAliases"]}}, {"detail": {"eventName": ["PutKeyPolicy"]}}]}
    assert reads(either) == ["ListAliases"]
    assert reads({"detail": {"eventName": [{"prefix": "Get"}]}}) == []
