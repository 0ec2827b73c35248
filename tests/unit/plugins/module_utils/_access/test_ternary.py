# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""And, or and not in three values."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.ternary import Ternary, all_of, any_of, negated


@pytest.mark.parametrize(
    ("values", "every", "some"),
    [
        ([], True, False),
        ([True, True], True, True),
        ([True, False], False, True),
        ([True, None], None, True),
        ([False, None], False, None),
        ([None], None, None),
    ],
)
def test_ternary(values: list[Ternary], every: Ternary, some: Ternary) -> None:
    assert (all_of(values), any_of(values)) == (every, some)


def test_negated() -> None:
    assert [negated(True), negated(False), negated(None)] == [False, True, None]
