# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read, what does not exist and what could not be read."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    REASONS,
    Absent,
    CheckResult,
    Facts,
    NoValue,
    Present,
    Reason,
    Unavailable,
)


@pytest.mark.parametrize(
    ("fact", "result"),
    [
        (Facts().key, CheckResult("not_evaluated", "not_requested", "It was not requested.")),
        (
            Unavailable("No.", "access_denied", "kms:DescribeKey"),
            CheckResult("not_evaluated", "access_denied", "No.", "kms:DescribeKey"),
        ),
        (Absent("It is not there."), CheckResult("non_compliant", "not_found", "It is not there.")),
        (
            Absent("There is no trail.", "no_trail", "not_applicable"),
            CheckResult("not_applicable", "no_trail", "There is no trail."),
        ),
    ],
)
def test_fact_without_a_value_ends_the_check(fact: Unavailable | Absent, result: CheckResult) -> None:
    with pytest.raises(NoValue) as ended:
        _ = fact.value
    assert ended.value.result == result
    assert Present(None).value is None


def test_every_reason_is_documented() -> None:
    assert set(REASONS) == set(t.get_args(Reason))
    assert all(meaning.endswith(".") for meaning in REASONS.values())
