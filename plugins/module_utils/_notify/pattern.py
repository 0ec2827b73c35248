# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event patterns of EventBridge: what is wrong with one, and whether two mean the same. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Hashable, Iterator, Mapping

Pattern = Mapping[str, t.Any]

#: Requests that CloudTrail calls read-only although they do not begin like one. The use of a key is among them
#: (CloudTrail user guide, "Logging management events": Encrypt, Decrypt and GenerateDataKey are Read).
_READS = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
_READ_PREFIXES = ("Describe", "Get", "List", "Lookup")


def fault(pattern: Pattern) -> str | None:
    """Why EventBridge would refuse a pattern; ``None`` where it would not."""
    if not pattern:
        return "is empty, and would match nothing"
    return next(_faults(pattern, ""), None)


def _faults(pattern: Pattern, path: str) -> Iterator[str]:
    for name, value in pattern.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            if not value:
                yield f"has nothing at {place}"
            yield from _faults(value, place)
        elif not isinstance(value, (list, tuple)):
            yield f"has {json.dumps(value, default=str)} at {place}, where EventBridge takes a list of what matches"
        elif not value:
            yield f"has an empty list at {place}"
        elif name == "$or":
            for one in value:
                yield from _faults(one, place) if isinstance(one, Mapping) else (f"has no pattern at {place}",)


def same_pattern(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns match the same events: the order of keys and alternatives means nothing."""
    return _normal(one) == _normal(other)


def _normal(value: t.Any) -> Hashable:
    if isinstance(value, Mapping):
        return frozenset((name, _normal(inner)) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return frozenset(_alternative(inner) for inner in value)
    return json.dumps(value)


def _alternative(value: t.Any) -> Hashable:
    if isinstance(value, Mapping) and "numeric" in value:  # pairs of operator and number, in their order
        return json.dumps(value, sort_keys=True)
    return _normal(value)


def reads(pattern: Pattern) -> list[str]:
    """The read-only management events that a pattern names; only some states of a rule let them through."""
    named = [str(name) for name in _named(pattern, "eventName") if isinstance(name, str)]
    sources = set(map(str, _named(pattern, "eventSource"))) | set(map(str, _named(pattern, "source")))
    if sources and not sources - {"s3.amazonaws.com", "aws.s3"}:
        # Reading an object is a data event, which a rule gets in either state.
        named = [name for name in named if "Object" not in name]
    return sorted(name for name in named if name in _READS or name.startswith(_READ_PREFIXES))


def _named(pattern: Pattern, key: str) -> Iterator[t.Any]:
    for name, value in pattern.items():
        if name == key and isinstance(value, (list, tuple)):
            yield from value
        elif isinstance(value, Mapping):
            yield from _named(value, key)
        elif name == "$or":
            for one in value:
                yield from _named(one, key)
