# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patterns of policies, and values of which a part is not known. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable

from .ternary import Ternary, all_of


class Partial(str):
    """A value of which parts are not known, each written as ``*``: the path of a role, the name of a session."""

    __slots__ = ()


class Unresolved(Exception):
    """A policy variable has no known value.

    :param key: the condition key
    :param absent: that the request is known to lack it
    """

    def __init__(self, key: str, *, absent: bool) -> None:
        super().__init__(key)
        self.key = key
        self.absent = absent


#: A pattern, taken apart: text of one character, or a wildcard.
Tokens: t.TypeAlias = "tuple[str, ...]"
ANY, ONE = "any", "one"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def tokens(pattern: str, resolve: Callable[[str], str] | None = None, *, wildcards: bool = True) -> Tokens:
    """A pattern with ``*`` (any run) and ``?`` (any character), and with ``${*}`` for the character itself.

    :param resolve: the text of a policy variable; ``None`` where variables are plain text
    :param wildcards: whether the pattern may have any; else they are characters like others
    :raises Unresolved: by ``resolve``
    """
    found: list[str] = []
    position = 0
    while position < len(pattern):
        variable = _VARIABLE.match(pattern, position) if resolve else None
        if variable and resolve:
            name = variable[1]
            found.extend(name if name in ("*", "?", "$") else resolve(name))
            position = variable.end()
            continue
        character = pattern[position]
        found.append({"*": ANY, "?": ONE}.get(character, character) if wildcards else character)
        position += 1
    return tuple(found)


def match(pattern: Tokens, value: str) -> Ternary:
    """Whether a pattern stands for a value; not known where that depends on its unknown parts."""
    if not isinstance(value, Partial):
        return _stands_for(pattern, value)
    # A wildcard alone can match a character that no pattern has, so that what matches these matches everything.
    probes = (value.replace("*", "\0" * length) for length in (0, 1, 2))
    if all(_stands_for(pattern, probe) for probe in probes):
        return True
    return None if _meet(pattern, tokens(value)) else False


def match_arn(pattern: Tokens, value: str) -> Ternary:
    """Whether the pattern of an ARN stands for one.

    IAM compares the six parts of an ARN one by one. Where only a wildcard that reaches over a colon would make them
    the same, the answer is not known.
    """
    whole = match(pattern, value)
    if whole is False or not {ANY, ONE} & set(pattern) or set(pattern) == {ANY}:
        return whole
    patterns, values = _parts(pattern), value.split(":", 5)
    if len(patterns) != 6 or len(values) != 6:
        return None
    kind = type(value)
    return all_of(match(one, kind(other)) for one, other in zip(patterns, values, strict=True)) or None


def _parts(pattern: Tokens) -> list[Tokens]:
    colons = [position for position, one in enumerate(pattern) if one == ":"][:5]
    return [pattern[start + 1 : end] for start, end in zip([-1, *colons], [*colons, len(pattern)], strict=True)]


def matches(pattern: str, value: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` is a name for a value."""
    return _stands_for(tokens(pattern), value)


def _stands_for(pattern: Tokens, value: str) -> bool:
    """Whether a pattern stands for a known value. Not by ``re``: patterns of others may be made to take for ever."""
    i = j = 0
    star, resume = -1, 0
    while j < len(value):
        if i < len(pattern) and pattern[i] != ANY and pattern[i] in (ONE, value[j]):
            i, j = i + 1, j + 1
        elif i < len(pattern) and pattern[i] == ANY:
            star, resume, i = i, j, i + 1
        elif star >= 0:
            resume += 1
            i, j = star + 1, resume
        else:
            return False
    return set(pattern[i:]) <= {ANY}


def _meet(one: Tokens, other: Tokens) -> bool:
    """Whether there is a text that both patterns stand for."""
    seen, todo = set(), [(0, 0)]
    while todo:
        i, j = position = todo.pop()
        if position in seen:
            continue
        seen.add(position)
        if i == len(one) and j == len(other):
            return True
        a, b = one[i] if i < len(one) else "", other[j] if j < len(other) else ""
        if a == ANY:
            todo.append((i + 1, j))
        if b == ANY:
            todo.append((i, j + 1))
        if ANY in (a, b):
            todo += [(i, j + 1)] * bool(a == ANY and b) + [(i + 1, j)] * bool(b == ANY and a)
        elif a and b and (ONE in (a, b) or a == b):
            todo.append((i + 1, j + 1))
    return False
