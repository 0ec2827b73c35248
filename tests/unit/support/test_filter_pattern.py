# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreter of filter patterns, by what its documentation says and by an implementation that is not ours."""

from __future__ import annotations

from typing import Any

import pytest
from aws_json_term_matcher.matcher import match
from hypothesis import given
from hypothesis import strategies as st

from tests.support.filter_pattern import MalformedPattern, matches, parse

EVENT: dict[str, Any] = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "off": False,
    "latency": 40.5,
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    "kebab-case_1": "x",
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('$.eventType = "UpdateTrail"', True),
        ("$.eventType = UpdateTrail", True),
        ('$.eventType = "updatetrail"', False),
        ('$.eventType = "Update"', False),
        ('$.eventType = "Update*"', True),
        ('$.eventType = "*Trail"', True),
        ('$.eventType = "*dateTr*"', True),
        ('$.eventType = "*"', True),
        ('$.nothing = "*"', False),
        ('$.SomeObject = "*"', False),
        ('$.user = "*"', False),
        ("$.sourceIPAddress != 123.123.*", True),
        ("$.sourceIPAddress = 111.111.*", True),
        ('$.arrayKey[0] = "value"', True),
        ('$.arrayKey[1] = "value"', False),
        ('$.arrayKey[2] = "value"', False),
        ("$.objectList[1].id = 2", True),
        ("$.coordinates[2][0] = 7", True),
        ('$.user.id = "1"', False),  # a number is no text
        ("$.user.id > 0", True),
        ("$.latency >= 40.5", True),
        ("$.latency < 4e1", False),
        ("$.latency <= 40.5", True),
        ("$.eventType > 0", False),
        ("$.ThisFlag = 1", False),
        ("$.SomeObject IS NULL", True),
        ("$.SomeOtherObject IS NULL", False),
        ("$.SomeOtherObject NOT EXISTS", True),
        ("$.SomeObject NOT EXISTS", False),
        ("$.SomeObject.within NOT EXISTS", True),
        ("$.arrayKey[2] NOT EXISTS", True),
        ("$.ThisFlag IS TRUE", True),
        ("$.ThisFlag IS FALSE", False),
        ("$.off IS FALSE", True),
        ("$.user.id IS TRUE", False),
        ("$.kebab-case_1 = x", True),
        ('($.user.id = 1) && ($.user.email = "John.*")', True),
        ('$.user.email = "J*" || $.coordinates[0][1] = "nonmatch" && $.actions[2] = "nonmatch"', True),
        ('($.user.email = "J*" || $.coordinates[0][1] = "nonmatch") && $.actions[2] = "nonmatch"', False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert matches(f"{{ {condition} }}", EVENT) is holds


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "ERROR",
        "{ }",
        "{ $.a = b",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a == b }",
        "{ a = b }",
        "{ $[0] = b }",
        "{ $.a.* = b }",
        "{ $.a[*] = b }",
        '{ $.a = "b"c" }',
        '{ $.a = "b*c" }',
        r'{ $.a = "b\"c" }',
        "{ $.a = 'b' }",
        "{ $.a = %b% }",
        "{ $.a = b.c/d }",
        "{ $.a EXISTS }",
        "{ $.a NOT NULL }",
        "{ $.a IS EMPTY }",
        "{ $.a is null }",
        "{ $.a > b }",
        "{ $.a = b & $.c = d }",
        "{ ($.a = b }",
        "{ $.a = b) }",
        "{ !($.a = b) }",
        "{ $.a = b $.c = d }",
        "{ $.a = " + "b" * 1024 + " }",
    ],
)
def test_everything_else_is_refused(pattern: str) -> None:
    with pytest.raises(MalformedPattern):
        parse(pattern)


def test_nobody_says_whether_a_missing_field_differs() -> None:
    assert matches("{ $.eventType != b }", EVENT)
    for field in ("nothing", "SomeObject"):
        with pytest.raises(MalformedPattern, match="does not say"):
            matches(f"{{ $.eventType = b && $.{field} != b }}", EVENT)


# --- by an implementation that is not ours: what it knows ------------------------------------------------------------

TEXTS = {
    "$.eventType": ["UpdateTrail", "DeleteTrail", "updatetrail", "Update"],
    "$.arrayKey[1]": ["value", "another value"],
    "$.objectList[0].name": ["a", "b"],
    "$.user.email": ["John.Stiles@example.com", "arn:aws:iam::111122223333:role/velero"],
}
NUMBERS = {"$.user.id": ["1", "2"], "$.objectList[1].id": ["1", "2"], "$.latency": ["40.5", "41"]}
LEAVES = [f'{field} {sign} "{text}"' for field, texts in TEXTS.items() for text in texts for sign in ("=", "!=")] + [
    f"{field} {sign} {number}"
    for field, numbers in NUMBERS.items()
    for number in numbers
    for sign in ("=", "!=", "<", "<=", ">", ">=")
]
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES).map("({})".format),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=6,
)


@given(CONDITIONS)
def test_another_implementation_agrees(condition: str) -> None:
    pattern = f"{{ {condition} }}"
    assert matches(pattern, EVENT) is match(EVENT, pattern)
