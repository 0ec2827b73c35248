# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a scan of a listing stands, and what it does next. Pure. PRIVATE to coffer.velero.

The objects below a prefix are listed in branches, side by side. A page counts once all pages before it on its branch
do, so that each branch can be continued at one marker.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.coffer.velero.plugins.module_utils._objects.layout import splits
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Listing
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Done, Listed, Unit

#: Pages under way, together with those that wait for an earlier one: what bounds the memory.
MOST_PAGES = 64


@dataclass
class _Branch:
    """One listing.

    :param marker: where the first page begins that does not count yet
    :param following: where the next page begins that is to be asked for
    :param ready: whether it may be asked for: the page before has said where it begins
    :param awaited: the unit that will say so
    :param pages: the units under way, in order, with what each has come to
    """

    prefix: str
    delimited: bool = False
    marker: tuple[str, str] | None = None
    following: tuple[str, str] | None = None
    ready: bool = True
    awaited: int = 0
    pages: dict[int, Done | None] = field(default_factory=dict)
    markers: dict[int, tuple[str, str] | None] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return not self.ready and not self.pages


class ListSource:
    """The objects of a bucket under a prefix, from its listing."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._numbers = 0
        self._branches = [_Branch(root, delimited=True)]
        self._of: dict[int, _Branch] = {}
        self.ended = 0

    @property
    def finished(self) -> bool:
        return not self._branches

    @property
    def identity(self) -> str:
        return "list"

    @property
    def description(self) -> dict[str, t.Any]:
        return {"kind": "list"}

    def next_unit(self) -> Unit | None:
        """The next page to look at, of the branch that has the fewest under way."""
        ready = [branch for branch in self._branches if branch.ready]
        if not ready or sum(len(branch.pages) for branch in self._branches) >= MOST_PAGES:
            return None
        branch = min(ready, key=lambda one: len(one.pages))
        number = self._numbers = self._numbers + 1
        branch.ready, branch.awaited = False, number
        branch.pages[number], branch.markers[number] = None, branch.following
        self._of[number] = branch
        return Unit(number, Listing(branch.prefix, branch.delimited, branch.following))

    def listed(self, event: Listed) -> None:
        branch = self._of[event.number]
        if branch.awaited != event.number:  # listed a second time, by boto3 after the end of a process
            return
        branch.awaited = 0
        branch.following = event.following
        branch.ready = event.following is not None

    def done(self, done: Done) -> list[Done]:
        """Take a page's outcome; those that count from now on are returned."""
        branch = self._of.pop(done.number)
        if done.undivided:
            self._branches[self._branches.index(branch)] = _Branch(branch.prefix)
            return []
        branch.pages[done.number] = done
        counting = []
        for number, outcome in list(branch.pages.items()):
            if outcome is None:
                break
            del branch.pages[number], branch.markers[number]
            counting.append(outcome)
            self._branches.extend(_Branch(prefix, splits(prefix, self.root)) for prefix in outcome.prefixes)
        branch.marker = next(iter(branch.markers.values()), branch.following)
        if branch.finished:
            self._branches.remove(branch)
            self.ended += 1
        return counting

    @property
    def left(self) -> str:
        """What is left, as far as a listing can know."""
        where = max((branch.marker[0] if branch.marker else branch.prefix for branch in self._branches), default="")
        return f"{len(self._branches)} of {len(self._branches) + self.ended} directories left, now at {where!r}"

    def state(self) -> dict[str, t.Any]:
        """What a later run needs to go on from here."""
        branches = [[one.prefix, one.delimited, list(one.marker) if one.marker else None] for one in self._branches]
        return {"branches": branches, "ended": self.ended}

    def restore(self, state: Mapping[str, t.Any]) -> None:
        self.ended = state["ended"]
        self._branches = []
        for prefix, delimited, marker in state["branches"]:
            begin = None if marker is None else (marker[0], marker[1])
            self._branches.append(_Branch(prefix, delimited, begin, begin))
