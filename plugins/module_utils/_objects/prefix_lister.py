# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which page of a listing is next, and which pages count. Pure. PRIVATE to coffer.velero.

The objects below a prefix are listed in branches, side by side. A page counts once all pages before it on its branch
do, so that each branch can be resumed at one marker.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._errors import ServiceError
from .batch import Batch, BatchDone, PageListed
from .model import Marker, PageRequest

#: Pages in progress, together with those that wait for an earlier one: what bounds the memory.
MAX_PAGES = 64


@dataclass
class _Branch:
    """One listing.

    :param marker: where the first page begins that does not count yet
    :param next_marker: where the next page begins that is to be requested
    :param ready: whether it may be requested: the page before has said where it begins
    :param awaited: the batch that will say so
    :param passed: the second parts of the markers with the key of ``next_marker``, none of which may come again
    :param pages: the batches in progress, in order, with the outcome of each
    """

    prefix: str
    delimited: bool = False
    marker: Marker | None = None
    next_marker: Marker | None = None
    ready: bool = True
    awaited: int = 0
    passed: set[str] = field(default_factory=set)
    pages: dict[int, BatchDone | None] = field(default_factory=dict)
    markers: dict[int, Marker | None] = field(default_factory=dict)


class PrefixLister:
    """The objects of a bucket under a prefix, from its listing.

    :cvar identity: what the source is; a checkpoint is of one source only
    """

    identity = "list"

    def __init__(self, root: str) -> None:
        self.root = root
        self._numbers = 0
        self._branches = [_Branch(root, delimited=True)]
        self._branch_of: dict[int, _Branch] = {}
        self.ended = 0

    @property
    def finished(self) -> bool:
        """Whether every object counts."""
        return not self._branches

    @property
    def description(self) -> dict[str, t.Any]:
        return {"kind": "list"}

    @property
    def remaining(self) -> str:
        """What is left, for a person."""
        place = max((branch.marker[0] if branch.marker else branch.prefix for branch in self._branches), default="")
        return f"{len(self._branches)} of {len(self._branches) + self.ended} directories left, now at {place!r}"

    def next_batch(self) -> Batch | None:
        """The next page, of the branch that has the fewest in progress."""
        ready = [branch for branch in self._branches if branch.ready]
        if not ready or sum(len(branch.pages) for branch in self._branches) >= MAX_PAGES:
            return None
        branch = min(ready, key=lambda one: len(one.pages))
        number = self._numbers = self._numbers + 1
        branch.ready, branch.awaited = False, number
        branch.pages[number], branch.markers[number] = None, branch.next_marker
        self._branch_of[number] = branch
        return Batch(number, PageRequest(branch.prefix, branch.delimited, branch.next_marker))

    def page_listed(self, event: PageListed) -> None:
        """Note that a page was listed, so that the next one can be."""
        branch = self._branch_of[event.number]
        if branch.awaited == event.number:  # else it is listed a second time, by boto3 after the end of a process
            branch.awaited = 0
            self._advance(branch, event.next_marker)
            branch.ready = event.next_marker is not None

    def _advance(self, branch: _Branch, marker: Marker | None) -> None:
        """Go on to the next page.

        :raises ServiceError: where it is one of those before: the listing would never end
        """
        last, branch.next_marker = branch.next_marker, marker
        if marker is None:
            return
        key, more = marker
        if last is None or key != last[0]:
            branch.passed.clear()
        goes_back = last is not None and "" not in (key, last[0]) and key < last[0]
        if goes_back or more in branch.passed:
            message = f"The listing of {branch.prefix!r} comes back to {key or more!r}, and so would never end."
            hint = "Find out what answers in the place of S3: a proxy, or a server with another order of names."
            raise ServiceError("s3:ListObjects", "InvalidResponse", message, hint=hint)
        branch.passed.add(more)

    def batch_done(self, done: BatchDone) -> list[BatchDone]:
        """Note an outcome; returns the outcomes that count from now on, in order."""
        branch = self._branch_of.pop(done.number)
        if done.has_many_prefixes:
            self._branches[self._branches.index(branch)] = _Branch(branch.prefix)
            return []
        branch.pages[done.number] = done
        counting = []
        for number, outcome in list(branch.pages.items()):
            if outcome is None:
                break
            del branch.pages[number], branch.markers[number]
            counting.append(outcome)
            self._branches.extend(_Branch(prefix, is_split(prefix, self.root)) for prefix in outcome.prefixes)
        branch.marker = next(iter(branch.markers.values()), branch.next_marker)
        if not branch.ready and not branch.pages:
            self._branches.remove(branch)
            self.ended += 1
        return counting

    def state(self) -> dict[str, t.Any]:
        """What a later run needs to resume."""
        return {"branches": [[one.prefix, one.delimited, one.marker] for one in self._branches], "ended": self.ended}

    def restore(self, state: Mapping[str, t.Any]) -> None:
        self.ended = state["ended"]
        self._branches = []
        for prefix, delimited, marker in state["branches"]:
            start = None if marker is None else (marker[0], marker[1])
            self._branches.append(_Branch(prefix, delimited, start, start))


def is_split(prefix: str, root: str) -> bool:
    """Whether what is below a prefix is listed directory by directory, side by side.

    One listing returns some 5,000 objects a second. A kopia repository is the only directory that grows large;
    backups are many and small.
    """
    return prefix in (root, f"{root}kopia/")
