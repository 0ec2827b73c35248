# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lifecycle rules do to backups."""

from __future__ import annotations

from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts, Present
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant
from tests.support.audit_facts import Case, assert_case, of_bucket, of_cases

EXPIRES = {"ID": "r", "Status": "Enabled", "Expiration": {"Days": 1}}
TAKES_AWAY = non_compliant("unusable", "A lifecycle rule takes backups away: r ")
HARMFUL_RULES: list[dict[str, Any]] = [
    {**EXPIRES, "Prefix": ""},
    {**EXPIRES, "Filter": {}},
    {**EXPIRES, "Filter": {"Prefix": "prod"}},
    {**EXPIRES, "Filter": {"Prefix": "production/kopia/"}},
    {**EXPIRES, "Filter": {"And": {"Prefix": "", "ObjectSizeGreaterThan": 1}}},
    {
        **EXPIRES,
        "Filter": {},
        "Expiration": {"Date": "2027-01-01"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    },
    {"ID": "r", "Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 30, "StorageClass": "DEEP_ARCHIVE"}]},
]
HARMLESS_RULES: list[dict[str, Any]] = [
    {**EXPIRES, "Filter": {}, "Status": "Disabled"},
    {**EXPIRES, "Filter": {"Prefix": "staging/"}},
    {**EXPIRES, "Filter": {"Prefix": "production2/"}},
    {**EXPIRES, "Filter": {"Tag": {"Key": "team", "Value": "a"}}},
    {**EXPIRES, "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    {"ID": "r", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
    {"ID": "r", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    {"ID": "r", "Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]},
]
CASES: list[Case] = [
    *(("coffer.29", of_bucket(lifecycle=Present([rule])), TAKES_AWAY) for rule in HARMFUL_RULES),
    *(("coffer.29", of_bucket(lifecycle=Present([rule])), compliant("No lifecycle rule")) for rule in HARMLESS_RULES),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)
