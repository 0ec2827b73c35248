# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Condition operators, with a key that is there, lacking, or not known."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.conditions import holds
from ansible_collections.coffer.velero.plugins.module_utils._access.ternary import Ternary


def ask(operator: str, expected: list[str], values: list[str] | None) -> Ternary:
    return holds(operator.lower(), expected, values is not None, values or [], None)


@pytest.mark.parametrize(
    ("operator", "expected", "values", "result"),
    [
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", ["a*"], ["ab"], False),
        ("StringEquals", ["a"], ["A"], False),
        ("StringEquals", ["a"], ["a", "b"], None),
        ("StringEquals", [], ["a"], None),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", [], ["a"], None),
        ("StringEqualsIgnoreCase", ["Ab"], ["aB"], True),
        ("StringNotEqualsIgnoreCase", ["Ab"], ["aB"], False),
        ("StringLike", ["a*", "?"], ["xy"], False),
        ("StringNotLike", ["a*"], ["ab"], False),
        ("ArnLike", ["arn:aws:iam::*:role/x*"], ["arn:aws:iam::111122223333:role/xy"], True),
        ("ArnEquals", ["arn:aws:iam::1:role/x"], ["arn:aws:iam::1:role/x"], True),
        ("ArnNotLike", ["arn:aws:iam::*:role/x"], ["arn:aws:iam::1:role/y"], True),
        ("ArnLike", ["*"], ["arn:aws:iam::1:role/y"], None),
        ("ArnEquals", ["velero"], ["arn:aws:iam::1:role/y"], None),
        ("ArnNotLike", ["x:aws:iam::1:role/x"], ["arn:aws:iam::1:role/y"], None),
        ("ArnNotLike", ["*velero"], ["arn:aws:iam::1:role/y"], None),
        ("ArnLike", ["arn:aws:*"], ["arn:aws:iam::1:role/y"], None),
        ("Bool", ["true"], ["True"], True),
        ("Bool", ["false"], ["true"], False),
        ("Bool", ["yes"], ["true"], None),
        ("BinaryEquals", ["QUI="], ["QUI="], True),
        ("BinaryEquals", ["%"], ["QUI="], None),
        ("IpAddress", ["192.0.2.0/24", "2001:db8::/32"], ["192.0.2.9"], True),
        ("IpAddress", ["2001:db8::/32"], ["192.0.2.9"], False),
        ("NotIpAddress", ["192.0.2.9"], ["192.0.2.9"], False),
        ("IpAddress", ["not a network"], ["192.0.2.9"], None),
        ("NumericLessThan", ["10"], ["9"], True),
        ("NumericGreaterThanEquals", ["10"], ["9.5"], False),
        ("NumericNotEquals", ["10"], ["10.0"], False),
        ("NumericEquals", ["ten"], ["10"], None),
        ("DateLessThan", ["2026-12-01T00:00:00Z"], ["2026-11-30T23:59:59Z"], True),
        ("DateGreaterThan", ["1700000000"], ["2020-01-01T00:00:00Z"], False),
        ("DateEquals", ["tomorrow"], ["2026-11-30T23:59:59Z"], None),
        ("StringEqualsIgnoreCase", ["STRASSE"], ["Straße"], None),
        ("StringNotEqualsIgnoreCase", ["STRASSE"], ["Straße"], None),
        ("StringEqualsIgnoreCase", ["Straße"], ["Straße"], True),
        ("StringEqualsIgnoreCase", ["\u212aey"], ["key"], None),
        ("BinaryEquals", ["é"], ["QUI="], None),
        ("NumericLessThan", ["Infinity"], ["9"], None),
        ("NumericNotEquals", ["sNaN"], ["9"], None),
        ("NumericEquals", ["1_0"], ["10"], None),
        ("NumericEquals", ["\uff11\uff10"], ["10"], None),
        ("DateLessThan", ["99999999999999999"], ["2026-11-30T23:59:59Z"], None),
        ("DateGreaterThan", ["20200101"], ["2026-11-30T23:59:59Z"], None),
        ("DateGreaterThan", ["2020-W01-1"], ["2026-11-30T23:59:59Z"], None),
        ("DateLessThan", ["2026-12"], ["2026-11-30T23:59:59Z"], None),
        ("DateEquals", ["2026-12-01"], ["2026-12-01T00:00:00Z"], True),
        ("StringLike", ["*a" * 2000 + "b"], ["a" * 4000], False),
        ("NoSuchOperator", ["a"], ["a"], None),
        ("NoSuchSet:StringEquals", ["a"], ["a"], None),
    ],
)
def test_values(operator: str, expected: list[str], values: list[str], result: Ternary) -> None:
    assert ask(operator, expected, values) is result


@pytest.mark.parametrize(
    ("operator", "lacking", "unknown"),
    [
        ("StringEquals", False, None),
        ("StringNotEquals", True, None),
        ("StringEqualsIfExists", True, None),
        ("StringNotEqualsIfExists", True, None),
        ("ForAllValues:StringEquals", True, None),
        ("ForAllValues:StringNotEquals", True, None),
        ("ForAnyValue:StringEquals", False, None),
        ("ForAnyValue:StringNotEquals", False, None),
        ("ForAnyValue:StringEqualsIfExists", None, None),
        ("ArnNotLike", True, None),
        ("NotIpAddress", True, None),
        ("Bool", False, None),
    ],
)
def test_key_that_is_lacking_or_not_known(operator: str, lacking: Ternary, unknown: Ternary) -> None:
    assert (ask(operator, ["a"], []), ask(operator, ["a"], None)) == (lacking, unknown)


@pytest.mark.parametrize(
    ("expected", "values", "result"),
    [
        (["true"], [], True),
        (["true"], ["a"], False),
        (["false"], ["a"], True),
        (["False"], [], False),
        (["true", "false"], None, True),
        (["true"], None, None),
        (["maybe"], ["a"], None),
    ],
)
def test_null(expected: list[str], values: list[str] | None, result: Ternary) -> None:
    assert ask("Null", expected, values) is result


@pytest.mark.parametrize(
    ("operator", "values", "result"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "c"], True),
        ("ForAnyValue:StringEquals", ["c"], False),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "d"], False),
        ("ForAnyValue:StringNotEquals", ["a", "d"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
    ],
)
def test_several_values(operator: str, values: list[str], result: Ternary) -> None:
    assert ask(operator, ["a", "b"], values) is result
