# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of what lifecycle rules do to backups."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts, Present
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant
from tests.support.audit_facts import Case, assert_case, of_bucket, of_cases

RULE = {"ID": "r", "Status": "Enabled", "Filter": {}}
EXPIRES, KEEPS = ({**RULE, kind: {"Days": 1}} for kind in ("Expiration", "NoncurrentVersionExpiration"))
CASES: list[Case] = [
    (
        "coffer.29",
        of_bucket(lifecycle=Present([KEEPS, EXPIRES])),
        non_compliant("unusable", "A lifecycle rule takes backups away: r expires objects."),
    ),
    ("coffer.29", of_bucket(lifecycle=Present([KEEPS])), compliant("No lifecycle rule")),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)
