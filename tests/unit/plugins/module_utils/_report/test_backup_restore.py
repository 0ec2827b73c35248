# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test backup and its restore: what failed, and why."""

from __future__ import annotations

from tests.support.evidence import FAILED, PROOF, document, good


def test_a_failure_keeps_its_cause_and_remediation() -> None:
    told = document(good(backup=FAILED))["backup_and_restore"]
    assert told["backup"]["failure"] == {
        "message": FAILED["msg"],
        "layer": "key",
        "cause": "the role may not decrypt",
        "remediation": "Allow kms:Decrypt.",
    }
    assert (told["reason"], told["message"]) == (
        "backup_failed",
        f"The backup {PROOF} did not end: the role may not decrypt.",
    )
