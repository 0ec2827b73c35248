# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counts, and what a Bucket Key has saved."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._usage.model import CallGroup, Usage
from ansible_collections.coffer.velero.plugins.module_utils._usage.summary import bucket_key_savings, summarize


def calls(count: int, event: str, error: str = "", **changes: str) -> CallGroup:
    group = CallGroup(count, event, "role/velero", "sdk", "s3.amazonaws.com", error, "2026-11-24T01", "2026-11-24T02")
    return group._replace(**changes)


def test_summarize() -> None:
    groups = (
        calls(5, "Decrypt"),
        calls(3, "Decrypt", "AccessDenied", principal="role/app", last="2026-11-24T03"),
        calls(2, "Encrypt", "DisabledException", first="2026-11-24T00"),
    )
    summary = summarize(Usage(groups))
    assert summary["totals"] == {"calls": 10, "succeeded": 5, "failed": 5, "denied": 3}
    assert summary["by_event"] == [
        {"event": "Decrypt", "calls": 8, "succeeded": 5, "failed": 3, "denied": 3}
        | {"first": "2026-11-24T01", "last": "2026-11-24T03"},
        {"event": "Encrypt", "calls": 2, "succeeded": 0, "failed": 2, "denied": 0}
        | {"first": "2026-11-24T00", "last": "2026-11-24T02"},
    ]
    assert [entry["error"] for entry in summary["by_error"]] == ["AccessDenied", "DisabledException"]
    assert summarize(Usage())["totals"] == {"calls": 0, "succeeded": 0, "failed": 0, "denied": 0}


def test_bucket_key_counts_what_did_not_reach_kms() -> None:
    groups = (
        calls(4, "GenerateDataKey"),
        calls(1, "Decrypt"),
        calls(9, "Encrypt"),
        calls(9, "Decrypt", "AccessDenied"),
    )
    assert bucket_key_savings(groups, 100, "", "data events")["calls_saved"] == 95
    assert bucket_key_savings(groups, 3, "", "data events")["calls_saved"] == 0
    unknown = bucket_key_savings(groups, None, "Because.", "data events")
    assert (unknown["calls_saved"], unknown["reason"], unknown["method"]) == (None, "Because.", None)
