# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, times and documents as a person reads them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._report.formatting import (
    clock,
    json_lines,
    listed,
    many,
    period,
    size,
)

WORDS: list[tuple[Any, str]] = [
    (many(1, "object"), "1 object"),
    (many(1200, "object"), "1,200 objects"),
    (many(0, "object"), "0 objects"),
    (clock("2026-11-01T02:00:12Z"), "1 November 2026, 02:00:12 UTC"),
    (clock("2026-11-01T02:00:12+02:00"), "1 November 2026, 00:00:12 UTC"),
    (clock("soon"), "soon"),
    (period("2026-11-24T08:00:00Z", "2026-11-24T08:00:02Z"), "24 November 2026, 08:00:00 to 08:00:02 UTC"),
    (
        period("2026-11-24T23:00:00Z", "2026-11-25T01:00:00Z"),
        "24 November 2026, 23:00:00 to 25 November 2026, 01:00:00 UTC",
    ),
    (period("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"), "24 November 2026, 08:00:00 UTC"),
    (period("a", "b"), "a to b"),
    (size(0), "0 bytes"),
    (size(1), "1 byte"),
    (size(2048), "2.0 KiB"),
    (size(5 * 1024**4), "5.0 TiB"),
]


@pytest.mark.parametrize(("said", "expected"), WORDS)
def test_words(said: str, expected: str) -> None:
    assert said == expected


def test_a_list_of_words() -> None:
    assert [listed(["a", "b", "c"][:number]) for number in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_json_is_as_long_on_each_line_as_fits() -> None:
    value = {"short": [1, {"a": None}], "long": ["x" * 60, {"y": "y" * 40}], "text": "\n"}
    assert list(json_lines(value)) == [
        (0, "{"),
        (1, '"short": [1, {"a": null}],'),
        (1, '"long": ['),
        (2, f'"{"x" * 60}",'),
        (2, f'{{"y": "{"y" * 40}"}}'),
        (1, "],"),
        (1, r'"text": "\n"'),
        (0, "}"),
    ]
