# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a plan: of what a task plans, and of what it would change in check mode."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.filter.plan import plan_summary

DIFF = {"before": {"days": 365}, "after": {"days": 180}}


def test_only_what_changes_is_shown() -> None:
    results = [
        ("planned", {"changed": False, "planned": DIFF}),
        ("in check mode", {"changed": True, "diff": DIFF}),
        ("as it is", {"changed": False, "diff": DIFF}),
        ("skipped", {"skipped": True}),
        ("without a diff", {"changed": True}),
    ]
    assert plan_summary(results, "here") == [f"here: {name}: days: 365 -> 180" for name in ("planned", "in check mode")]
