# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects from before a change, accepted for a limited time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.acceptance import accepted_objects

NOW = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
BEFORE, UNTIL = "2026-11-01T02:00:00Z", "2027-01-31"
OPTIONS = ("before", "until")

TAKEN: list[tuple[Any, Any, dict[str, str]]] = [
    (None, None, {}),
    ("", "", {}),
    (BEFORE, UNTIL, {"accepted_before": BEFORE, "accepted_until": UNTIL}),
    ("2026-11-01T03:00:00+01:00", UNTIL, {"accepted_before": BEFORE, "accepted_until": UNTIL}),
    (
        dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC),
        dt.date(2027, 1, 31),
        {"accepted_before": BEFORE, "accepted_until": UNTIL},
    ),
    (BEFORE, "2026-11-24", {"accepted_before": BEFORE, "accepted_until": "2026-11-24"}),  # its last day
    (BEFORE, "2026-11-23", {}),  # over
]


@pytest.mark.parametrize(("before", "until", "expected"), TAKEN)
def test_what_is_accepted(before: Any, until: Any, expected: dict[str, str]) -> None:
    assert accepted_objects(before, until, OPTIONS, NOW) == expected


REFUSED: list[tuple[Any, Any, str]] = [
    (BEFORE, "", "until: it is not set, and before is"),
    ("", UNTIL, "before: it is not set, and until is"),
    ("2026-11-24T08:00:01Z", UNTIL, "before: 2026-11-24T08:00:01Z is in the future"),
    ("2026-11-01T02:00:00", UNTIL, "before: 2026-11-01T02:00:00 is no time with its zone"),
    ("yesterday", UNTIL, "before: yesterday is no time with its zone"),
    (False, UNTIL, "before: False is no time"),
    (BEFORE, "2028-01-01", "until: 2028-01-01 is too far away"),
    (BEFORE, "9999-12-31", "until: 9999-12-31 is too far away"),
    (BEFORE, "2027-02-30", "until: 2027-02-30 is no date"),
    (BEFORE, "20270131", "until: 20270131 is no date"),
    (BEFORE, "never", "until: never is no date"),
]


@pytest.mark.parametrize(("before", "until", "message"), REFUSED)
def test_refusals(before: Any, until: Any, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        accepted_objects(before, until, OPTIONS, NOW)
    assert str(refusal.value).startswith(message)
