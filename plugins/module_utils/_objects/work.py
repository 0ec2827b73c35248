# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work on one page, and its outcome: what the parts of a scan tell each other. PRIVATE to coffer.velero."""

from __future__ import annotations

import csv
import io
import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._objects.judge import judge
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Entry, Listing, Seen, Wanted
from ansible_collections.coffer.velero.plugins.module_utils._objects.tally import Tally, offender

#: The columns of the complete list.
COLUMNS = (
    "key",
    "version_id",
    "is_latest",
    "verdict",
    "reasons",
    "remediation",
    "algorithm",
    "key_arn",
    "bucket_key_enabled",
    "size",
    "last_modified",
)


class Unit(t.NamedTuple):
    """Objects to look at: a page that has to be listed first, or entries that are known."""

    number: int
    listing: Listing | None = None
    entries: tuple[Entry, ...] = ()
    delete_markers: int = 0


class Listed(t.NamedTuple):
    """A page was listed, its objects are being looked at; the next page can be listed already."""

    number: int
    following: tuple[str, str] | None


@dataclass
class Done:
    """All objects of a unit were looked at.

    :param left: entries that somebody else has to look at
    :param undivided: the delimited listing has too many prefixes to be of use, and nothing was looked at
    """

    number: int
    tally: Tally = field(default_factory=Tally)
    lines: bytes = b""
    left: tuple[Entry, ...] = ()
    prefixes: tuple[str, ...] = ()
    undivided: bool = False


class Broken(t.NamedTuple):
    """A page could not be listed, or no further request has a chance."""

    number: int
    error: ServiceError


Event: t.TypeAlias = "Listed | Done | Broken"


class Source(t.Protocol):
    """Where the objects come from, and how far one is with them."""

    @property
    def identity(self) -> str:
        """What the source is; a checkpoint is of one source only."""

    @property
    def description(self) -> dict[str, t.Any]:
        """The source, for the result."""

    @property
    def finished(self) -> bool:
        """Whether every object counts."""

    @property
    def left(self) -> str:
        """What is left, for a person."""

    def next_unit(self) -> Unit | None:
        """The next work, if there is some now."""

    def listed(self, event: Listed) -> None:
        """Take note that a page was listed."""

    def done(self, done: Done) -> list[Done]:
        """Take an outcome; those that count from now on are returned."""

    def state(self) -> dict[str, t.Any]:
        """What a later run needs to go on."""

    def restore(self, state: Mapping[str, t.Any]) -> None:
        """Go on from there."""


class Crew(t.Protocol):
    """Whoever looks at objects."""

    @property
    def looked(self) -> int:
        """How many objects were looked at, those of units that are not done too."""

    def has_room(self) -> bool:
        """Whether another unit would be begun soon."""

    def submit(self, unit: Unit) -> None:
        """Begin a unit."""

    def wait(self, seconds: float) -> list[Event]:
        """What happened; nothing where nothing happens in time."""

    def close(self) -> None:
        """Stop, whatever is under way."""


@dataclass
class Ledger:
    """Takes down what is seen of the objects of one unit."""

    wanted: Wanted
    tally: Tally = field(default_factory=Tally)
    rows: list[dict[str, t.Any]] = field(default_factory=list)

    def enter(self, entry: Entry, seen: Seen) -> None:
        judgment = judge(entry, seen, self.wanted)
        self.tally.add(entry, seen, judgment, self.wanted)
        if self.wanted.lines:
            self.rows.append(offender(entry, seen, judgment))

    def lines(self) -> bytes:
        """The rows in the format of the complete list."""
        if self.wanted.lines == "jsonl":
            return "".join(json.dumps(row) + "\n" for row in self.rows).encode()
        return csv_lines([[_cell(name, row[name]) for name in COLUMNS] for row in self.rows])


def csv_lines(rows: list[list[t.Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cell(name: str, value: t.Any) -> t.Any:
    """Keys are URL-encoded, as in S3's own reports: one line each, and nothing that a spreadsheet would compute."""
    if name == "key":
        return quote(value, safe="/")
    if isinstance(value, bool):
        return str(value).lower()
    return "; ".join(value) if isinstance(value, list) else value
