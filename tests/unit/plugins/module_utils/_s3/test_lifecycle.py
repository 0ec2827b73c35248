# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lifecycle rules do to backups."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._s3.lifecycle import what_takes_backups_away
from tests.support.audit_facts import PROFILE

EXPIRES = {"ID": "r", "Status": "Enabled", "Expiration": {"Days": 1}}
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


@pytest.mark.parametrize("rule", HARMFUL_RULES)
def test_harmful(rule: dict[str, Any]) -> None:
    (fault,) = what_takes_backups_away([rule], PROFILE)
    assert fault.startswith("r ")


@pytest.mark.parametrize("rule", HARMLESS_RULES)
def test_harmless(rule: dict[str, Any]) -> None:
    assert what_takes_backups_away([rule], PROFILE) == []


def test_rule_without_a_name_is_told_by_its_position() -> None:
    unnamed = {key: value for key, value in EXPIRES.items() if key != "ID"}
    assert what_takes_backups_away([EXPIRES, unnamed], PROFILE) == ["r expires objects", "#2 expires objects"]
