# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch Logs' filter patterns for JSON events, strictly.

Written from the CloudWatch Logs User Guide ("Filter pattern syntax for metric filters", "Using filter patterns to match
terms in JSON log events"), since no implementation knows enough of it: the package aws-json-term-matcher has neither
``IS``, ``NOT EXISTS`` nor asterisks in texts and stumbles over ``null``; moto, MiniStack and fakecloud have less. What
it does know is compared with this in ``tests/unit/support/test_filter_pattern.py``. What the guide does not say is an
error, never a guess: a pattern that this module takes is one that CloudWatch takes.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]
Condition = Callable[[Event], bool]

#: PutMetricFilter's limit.
MOST_CHARACTERS = 1024

_TOKEN = re.compile(
    r"""\s*(?:(?P<selector>\$(?:\.[A-Za-z0-9_-]+|\[[0-9]+\])+)|"(?P<text>[^"\\]*)"|(?P<sign>&&|\|\||<=|>=|!=|[=<>()])"""
    r"""|(?P<word>[A-Za-z0-9_*.+-]+))"""
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NOWHERE = object()


class MalformedPattern(Exception):
    """CloudWatch would refuse the pattern, or nobody says what it means."""


def matches(pattern: str, event: Event) -> bool:
    """Whether a metric filter with the pattern counts an event."""
    return parse(pattern)(event)


@functools.cache
def parse(pattern: str) -> Condition:
    """What a pattern asks of an event.

    :raises MalformedPattern: where it is not one
    """
    if len(pattern) > MOST_CHARACTERS:
        raise MalformedPattern(f"{len(pattern)} characters")
    inner = re.fullmatch(r"\s*\{(.*)\}\s*", pattern, re.DOTALL)
    if inner is None:
        raise MalformedPattern("no braces around it")
    return _Parser(inner[1]).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise MalformedPattern(f"unexpected {text[position : position + 20]!r}")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: ``||`` outputs weakest, then ``&&``."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, *kinds: str) -> str:
        kind, text = self.peek()
        if kind not in kinds:
            raise MalformedPattern(f"unexpected {text or 'end'!r}")
        self.at += 1
        return text

    def accept(self, *token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def whole(self) -> Condition:
        condition = self.disjunction()
        self.take("end")
        return condition

    def disjunction(self) -> Condition:
        parts = [self.conjunction()]
        while self.accept("sign", "||"):
            parts.append(self.conjunction())
        return lambda event: True in [part(event) for part in parts]  # each of them, so that none hides an error

    def conjunction(self) -> Condition:
        parts = [self.condition()]
        while self.accept("sign", "&&"):
            parts.append(self.condition())
        return lambda event: False not in [part(event) for part in parts]

    def condition(self) -> Condition:
        if self.accept("sign", "("):
            condition = self.disjunction()
            if not self.accept("sign", ")"):
                raise MalformedPattern(f"expected ')' before {self.peek()[1]!r}")
            return condition
        field = functools.partial(_value, _path(self.take("selector")))
        if self.accept("word", "IS"):
            return self.state(field)
        if self.accept("word", "NOT"):
            if not self.accept("word", "EXISTS"):
                raise MalformedPattern("NOT without EXISTS")
            return lambda event: field(event) is _NOWHERE
        return self.comparison(field, self.take("sign"))

    def state(self, field: Callable[[Event], Any]) -> Condition:
        states = {"NULL": None, "TRUE": True, "FALSE": False}
        word = self.take("word")
        if word not in states:
            raise MalformedPattern(f"IS {word}")
        return lambda event: field(event) is states[word]

    def comparison(self, field: Callable[[Event], Any], sign: str) -> Condition:
        kind, text = self.peek()
        self.take("text", "word")
        number = float(text) if kind == "word" and _NUMBER.fullmatch(text) else None
        if sign in _ORDERS:
            if number is None:
                raise MalformedPattern(f"{sign} {text}")
            return lambda event: _is_number(field(event)) and _ORDERS[sign](field(event), number)
        if sign not in ("=", "!="):
            raise MalformedPattern(f"unexpected {sign!r}")
        if number is not None:
            equal: Callable[[Any], bool] = lambda found: _is_number(found) and found == number  # noqa: E731
        else:
            equal = functools.partial(_like, _wildcards(text))
        return (lambda event: equal(field(event))) if sign == "=" else _other(field, equal)


def _other(field: Callable[[Event], Any], equal: Callable[[Any], bool]) -> Condition:
    def differs(event: Event) -> bool:
        if not isinstance(field(event), (str, int, float)):
            raise MalformedPattern("the guide does not say whether != matches what is not there")
        return not equal(field(event))

    return differs


def _path(selector: str) -> list[str | int]:
    if not selector.startswith("$."):
        raise MalformedPattern(selector)
    return [int(index) if index else name for name, index in re.findall(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]", selector)]


def _value(path: list[str | int], event: Event) -> Any:
    found: Any = event
    for part in path:
        if isinstance(part, int):
            inside = isinstance(found, list) and part < len(found)
        else:
            inside = isinstance(found, Mapping) and part in found
        if not inside:
            return _NOWHERE
        found = found[part]
    return found


def _is_number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def _wildcards(text: str) -> re.Pattern[str]:
    """The guide has asterisks at the begin and at the end of a text."""
    if "*" in text[1:-1]:
        raise MalformedPattern(f"an asterisk within {text!r}")
    return re.compile("".join(".*" if letter == "*" else re.escape(letter) for letter in text), re.DOTALL)


def _like(wanted: re.Pattern[str], found: Any) -> bool:
    """Upper and lower case are told apart."""
    return isinstance(found, str) and wanted.fullmatch(found) is not None
