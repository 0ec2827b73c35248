# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of CloudWatch Logs Insights' query language that the collection uses, carried out on JSON events.

Written from the CloudWatch Logs User Guide ("CloudWatch Logs Insights language query syntax" and the pages of commands
and functions), since no emulator knows it: moto and LocalStack ignore ``filter`` and ``stats``, MiniStack all but three
forms of ``filter``. What is not known here is refused, never ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]
Evaluate = Callable[[Event], Any]
Row = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<regex>/(?:\\.|[^/\\])+/)|(?P<number>[0-9]+(?:\.[0-9]+)?)"""
    r"""(?![A-Za-z0-9.])|(?P<name>[@A-Za-z_][@A-Za-z0-9_.]*|`[^`]+`)|(?P<sign><=|>=|!=|[=<>()\[\],*|]))"""
)
MOST_ROWS = 10_000

#: Log group that tests plant CloudTrail's records in; Event history and KMS tell of them too.
HISTORY = "event-history"
#: A query of a log group with such a name ends, or does not end, in the status after it.
STATUS = "ends-as-"


class MalformedQuery(Exception):
    """The query is not in the language, or not in the part of it that is known here."""


def _tokens(text: str) -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*$", "", text).strip()
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise MalformedQuery(f"unexpected {text[position : position + 20]!r}")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


def value(event: Event, path: str) -> Any:
    """A field by its path; an element of an array by its number; ``None`` where there is none."""
    if path in event:
        return event[path]
    found: Any = event
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list) and part.isdigit():
            found = found[int(part)] if int(part) < len(found) else None
        else:
            return None
    return None if isinstance(found, (Mapping, list)) else found


def text_of(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found)


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        kind, text = self.peek()
        if kind in ("name", "sign") and text.lower() == word:
            self.at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise MalformedQuery(f"expected {word!r} before {self.peek()[1]!r}")

    def name(self) -> str:
        kind, text = self.take()
        if kind != "name":
            raise MalformedQuery(f"expected the name of a field, not {text!r}")
        return text.strip("`")

    # --- conditions: `or` outputs weakest, then `and`, then `not`

    def condition(self) -> Evaluate:
        parts = [self.conjunction()]
        while self.accept("or"):
            parts.append(self.conjunction())
        return lambda event: any(part(event) for part in parts)

    def conjunction(self) -> Evaluate:
        parts = [self.negation()]
        while self.accept("and"):
            parts.append(self.negation())
        return lambda event: all(part(event) for part in parts)

    def negation(self) -> Evaluate:
        if self.accept("not"):
            inner = self.negation()
            return lambda event: not inner(event)
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Evaluate:
        left = self.operand()
        if self.accept("in"):
            accepted = self.texts()
            return lambda event: left(event) is not None and text_of(left(event)) in accepted
        if self.accept("like"):
            return self.like(left)
        for sign in ("=", "!="):
            if self.accept(sign):
                right = self.operand()
                return _equality(left, right, equal=sign == "=")
        return lambda event: bool(left(event))

    def texts(self) -> frozenset[str]:
        self.expect("[")
        items = [self.text()]
        while self.accept(","):
            items.append(self.text())
        self.expect("]")
        return frozenset(items)

    def text(self) -> str:
        kind, text = self.take()
        if kind != "text":
            raise MalformedQuery(f"expected a text, not {text!r}")
        return re.sub(r"\\(.)", r"\1", text[1:-1])

    def like(self, left: Evaluate) -> Evaluate:
        kind, text = self.peek()
        if kind == "regex":
            self.at += 1
            pattern = re.compile(text[1:-1])
        else:
            pattern = re.compile(re.escape(self.text()))
        return lambda event: left(event) is not None and pattern.search(text_of(left(event))) is not None

    def operand(self) -> Evaluate:
        kind, text = self.peek()
        if kind == "text":
            literal = self.text()
            return lambda event: literal
        if kind == "number":
            self.at += 1
            return lambda event: json.loads(text)
        name = self.name()
        if not self.accept("("):
            return lambda event: value(event, name)
        arguments = [self.name()]
        while self.accept(","):
            arguments.append(self.name())
        self.expect(")")
        return _function(name, arguments)

    # --- commands

    def commands(self) -> list[Callable[[Sequence[Row]], list[Row]]]:
        known = {"filter": self.filter, "fields": self.fields, "stats": self.stats, "sort": self.sort}
        known["limit"] = self.limit
        commands = []
        while True:
            name = self.name().lower()
            if name not in known:
                raise MalformedQuery(f"unknown command {name!r}")
            commands.append(known[name]())
            if self.peek()[0] == "end":
                return commands
            self.expect("|")

    def filter(self) -> Callable[[Sequence[Row]], list[Row]]:
        condition = self.condition()

        def run(rows: Sequence[Row]) -> list[Row]:
            return [row for row in rows if condition(row)]

        run.__name__ = "filter"
        return run

    def fields(self) -> Callable[[Sequence[Row]], list[Row]]:
        wanted = [self.field()]
        while self.accept(","):
            wanted.append(self.field())

        def run(rows: Sequence[Row]) -> list[Row]:
            return [{**row, **{name: of(row) for name, of in wanted}} for row in rows]

        run.__name__ = "fields " + " ".join(name for name, _of in wanted)
        return run

    def field(self) -> tuple[str, Evaluate]:
        begin = self.at
        of = self.operand()
        name = "".join(text for _kind, text in self.tokens[begin : self.at])
        return (self.name() if self.accept("as") else name), of

    def stats(self) -> Callable[[Sequence[Row]], list[Row]]:
        wanted = [self.aggregate()]
        while self.accept(","):
            wanted.append(self.aggregate())
        groups: list[str] = []
        if self.accept("by"):
            groups.append(self.name())
            while self.accept(","):
                groups.append(self.name())

        def run(rows: Sequence[Row]) -> list[Row]:
            found: dict[tuple[Any, ...], list[Row]] = {}
            for row in rows:
                found.setdefault(tuple(value(row, name) for name in groups), []).append(row)
            return [
                {**dict(zip(groups, alike, strict=True)), **{name: of(members) for name, of in wanted}}
                for alike, members in found.items()
            ]

        run.__name__ = "stats"
        return run

    def aggregate(self) -> tuple[str, Callable[[list[Row]], Any]]:
        function = self.name().lower()
        self.expect("(")
        field = "" if self.accept("*") else self.name()
        self.expect(")")
        name = self.name() if self.accept("as") else f"{function}({field or '*'})"
        if function == "count":
            return name, lambda rows: len([row for row in rows if not field or value(row, field) is not None])
        if function in ("earliest", "latest") and field:
            first = min if function == "earliest" else max
            return name, lambda rows: value(first(rows, key=lambda row: row["@timestamp"]), field)
        raise MalformedQuery(f"unknown function {function!r}")

    def sort(self) -> Callable[[Sequence[Row]], list[Row]]:
        field = self.name()
        descending = self.accept("desc")
        if not descending:
            self.accept("asc")
        return lambda rows: sorted(rows, key=lambda row: value(row, field) or 0, reverse=descending)

    def limit(self) -> Callable[[Sequence[Row]], list[Row]]:
        kind, text = self.take()
        if kind != "number" or not 1 <= int(text) <= 100_000:
            raise MalformedQuery(f"limit {text!r}")
        return lambda rows: list(rows[: int(text)])


def _equality(left: Evaluate, right: Evaluate, *, equal: bool) -> Evaluate:
    def holds(event: Event) -> bool:
        one, other = left(event), right(event)
        if one is None or other is None:
            return False
        return (text_of(one) == text_of(other)) is equal

    return holds


def _function(name: str, arguments: list[str]) -> Evaluate:
    if name.lower() == "ispresent" and len(arguments) == 1:
        return lambda event: value(event, arguments[0]) is not None
    if name.lower() == "coalesce":
        return lambda event: next((found for a in arguments if (found := value(event, a)) is not None), None)
    raise MalformedQuery(f"unknown function {name!r}")


def execute(query: str, events: Sequence[tuple[int, str]]) -> tuple[list[dict[str, str]], int]:
    """The rows of an answer, and how many events have passed the filters.

    :param events: each with its time in milliseconds and its message
    """
    commands = _Parser(query).commands()
    rows: list[Row] = [{**_parsed(message), "@timestamp": at, "@message": message} for at, message in events]
    matched, shown = len(rows), ["@timestamp", "@message"]
    for command in commands:
        rows = command(rows)
        if command.__name__ == "filter":
            matched = len(rows)
        elif command.__name__.startswith("fields "):
            shown = [*([] if shown == ["@timestamp", "@message"] else shown), *command.__name__.split()[1:]]
        elif command.__name__ == "stats":
            shown = list(rows[0]) if rows else []
    return [_told(row, shown) for row in rows[:MOST_ROWS]], matched


def _parsed(message: str) -> Row:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def _told(row: Row, shown: Sequence[str]) -> dict[str, str]:
    """Fields without a value are not told."""
    return {name: text_of(found) for name in shown if (found := value(row, name)) is not None}
