# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Condition operators, in three values. Pure. PRIVATE to coffer.velero.

What an operator does with a key that the request lacks, with several values and with negation follows the IAM user
guide, "Condition operators" and "Conditions with multiple context keys or values". Where the guide does not say, the
answer is not known.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from .pattern import Partial, Tokens, match, match_arn, tokens
from .ternary import Ternary, all_of, any_of, negated

#: Whether a value of the request is the one that the policy names.
Compare = Callable[[str, str, "Callable[[str], str] | None"], Ternary]
Resolve: t.TypeAlias = "Callable[[str], str] | None"

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_SECONDS = re.compile(r"[0-9]{9,11}(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?")


def holds(operator: str, expected: Sequence[str], known: bool, values: Sequence[str], resolve: Resolve) -> Ternary:
    """Whether one condition holds.

    :param operator: with its quantifier and IfExists, in lower case
    :param expected: what the policy names
    :param known: whether it is known what the request has
    :param values: what the request has; nothing where it lacks the key
    :raises Unresolved: where the policy names a variable whose value is not known
    """
    quantifier, _colon, name = operator.rpartition(":")
    if not expected:
        return None
    if name == "null":
        return _null(expected, known, values)
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    is_negated, compare = _OPERATORS.get(name, (False, None))
    if compare is None or quantifier not in ("", "forallvalues", "foranyvalue"):
        return None
    if not known:
        return None
    if not values:
        return _without_key(quantifier, if_exists, is_negated)

    def one(value: str) -> Ternary:
        found = any_of(compare(value, wanted, resolve) for wanted in expected)
        return negated(found) if is_negated else found

    if quantifier == "forallvalues":
        return all_of(map(one, values))
    if quantifier == "foranyvalue":
        return any_of(map(one, values))
    return one(values[0]) if len(values) == 1 else None


def _null(expected: Sequence[str], known: bool, values: Sequence[str]) -> Ternary:
    wanted = {value.lower() for value in expected}
    if wanted == {"true", "false"}:
        return True
    if not known or not wanted <= {"true", "false"}:
        return None
    return str(not values).lower() in wanted


def _without_key(quantifier: str, if_exists: bool, is_negated: bool) -> Ternary:
    if quantifier == "forallvalues":
        return True
    if quantifier == "foranyvalue":
        return None if if_exists else False
    return if_exists or is_negated


# --- comparisons -----------------------------------------------------------------------------------------------------


def _equals(value: str, expected: str, resolve: Resolve) -> Ternary:
    return match(tokens(expected, resolve, wildcards=False), value)


def _equals_ignore_case(value: str, expected: str, resolve: Resolve) -> Ternary:
    pattern = tokens(expected, resolve, wildcards=False)
    if not (value + "".join(pattern)).isascii():
        return match(pattern, value) or None
    folded = Partial(value.lower()) if isinstance(value, Partial) else value.lower()
    return match(tuple(map(str.lower, pattern)), folded)


def _like(value: str, expected: str, resolve: Resolve) -> Ternary:
    return match(tokens(expected, resolve), value)


def _arn(value: str, expected: str, resolve: Resolve) -> Ternary:
    pattern: Tokens = tokens(expected, resolve)
    is_arn = pattern[:4] == tuple("arn:") and pattern.count(":") >= 5
    # What is no ARN may equal none, and so differ from each, or be refused: the user guide does not say.
    return match_arn(pattern, value) if is_arn else None


def _bool(value: str, expected: str, resolve: Resolve) -> Ternary:
    return value.lower() == expected.lower() if {value.lower(), expected.lower()} <= {"true", "false"} else None


def _binary(value: str, expected: str, resolve: Resolve) -> Ternary:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(expected, validate=True)
    except ValueError:
        return None


def _ip_address(value: str, expected: str, resolve: Resolve) -> Ternary:
    try:
        address, network = ipaddress.ip_address(value), ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return None
    return address.version == network.version and address in network


def _numeric(test: Callable[[Decimal, Decimal], bool]) -> Compare:
    def compare(value: str, expected: str, resolve: Resolve) -> Ternary:
        is_number = _NUMBER.fullmatch(value) and _NUMBER.fullmatch(expected)
        return test(Decimal(value), Decimal(expected)) if is_number else None

    return compare


def _date(test: Callable[[float, float], bool]) -> Compare:
    def compare(value: str, expected: str, resolve: Resolve) -> Ternary:
        try:
            return test(_seconds(value), _seconds(expected))
        except ValueError:
            return None

    return compare


def _seconds(text: str) -> float:
    """Seconds since 1970 of a date as ISO 8601 has it in W3C's profile, or of such a number."""
    if _SECONDS.fullmatch(text):
        return float(text)
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    found = datetime.datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


#: Whether the operator is a negated one, and its comparison.
_OPERATORS: Mapping[str, tuple[bool, Compare]] = {
    "stringequals": (False, _equals),
    "stringnotequals": (True, _equals),
    "stringequalsignorecase": (False, _equals_ignore_case),
    "stringnotequalsignorecase": (True, _equals_ignore_case),
    "stringlike": (False, _like),
    "stringnotlike": (True, _like),
    "arnequals": (False, _arn),
    "arnnotequals": (True, _arn),
    "arnlike": (False, _arn),
    "arnnotlike": (True, _arn),
    "bool": (False, _bool),
    "binaryequals": (False, _binary),
    "ipaddress": (False, _ip_address),
    "notipaddress": (True, _ip_address),
    "numericequals": (False, _numeric(Decimal.__eq__)),
    "numericnotequals": (True, _numeric(Decimal.__eq__)),
    "numericlessthan": (False, _numeric(Decimal.__lt__)),
    "numericlessthanequals": (False, _numeric(Decimal.__le__)),
    "numericgreaterthan": (False, _numeric(Decimal.__gt__)),
    "numericgreaterthanequals": (False, _numeric(Decimal.__ge__)),
    "dateequals": (False, _date(float.__eq__)),
    "datenotequals": (True, _date(float.__eq__)),
    "datelessthan": (False, _date(float.__lt__)),
    "datelessthanequals": (False, _date(float.__le__)),
    "dategreaterthan": (False, _date(float.__gt__)),
    "dategreaterthanequals": (False, _date(float.__ge__)),
}
