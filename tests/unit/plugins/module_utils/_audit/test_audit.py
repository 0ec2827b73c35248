# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of an audit ask for, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._audit.audit import desired_of
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import Desired
from ansible_collections.coffer.velero.plugins.modules import audit_info as module
from tests.support.profiles import PROFILE, VALUES
from tests.support.refusal import refusal


def desired(**options: Any) -> Desired:
    defaults = {name: option.get("default") for name, option in module.SPEC.options.items()}
    return desired_of({**defaults, "storage_profile": VALUES, "backup_schedule_hours": 24, **options})


def test_options() -> None:
    asked = desired(kms_alias="velero", kms_rotation_period_in_days=180)
    assert (asked.profile, asked.alias, asked.rotation_period_in_days) == (PROFILE, "alias/velero", 180)
    assert asked.alarms
    assert asked.rules
    assert desired().alias is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"log_retention_in_days": 0}, "log_retention_in_days: 0 is no number of days. Give 1 or more."),
        (
            {"storage_profile": {**VALUES, "encryption_mode": "sse-s3", "kms_key_arn": None}, "kms_alias": "velero"},
            "kms_alias: velero has no meaning with encryption_mode sse-s3. Leave it out.",
        ),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    assert refusal(desired, **options) == message
