# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object counts once, in whatever order pages are answered."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._objects.batch import Batch, BatchDone, PageListed
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import PageRequest
from ansible_collections.coffer.velero.plugins.module_utils._objects.prefix_lister import PrefixLister, is_split


class Bucket:
    """A listing as S3 gives it, three keys a page."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = sorted(keys)

    def page(self, listing: PageRequest) -> tuple[list[str], list[str], tuple[str, str] | None]:
        after = listing.marker[0] if listing.marker else ""
        keys, prefixes = [], []
        for key in self.keys:
            if key.startswith(listing.prefix) and key > after:
                head, found, dummy = key[len(listing.prefix) :].partition("/")
                if listing.delimited and found:
                    prefixes.append(f"{listing.prefix}{head}/")
                else:
                    keys.append(key)
        prefixes = sorted(set(prefixes))
        if listing.delimited:
            return keys, prefixes, ("x", "") if len(keys) + len(prefixes) > 30 else None
        return keys[:3], [], (keys[2], "") if len(keys) > 3 else None


def work(source: PrefixLister, bucket: Bucket, chance: random.Random, stop_after: int = 10**9) -> list[str]:
    """Run a source with answers in any order; what counts by then."""
    in_progress: list[tuple[Batch, list[str], list[str]]] = []
    seen: list[str] = []
    steps = 0
    while not source.finished and steps < stop_after:
        steps += 1
        batch = source.next_batch() if len(in_progress) < 5 else None
        if batch and batch.listing:
            keys, prefixes, next_marker = bucket.page(batch.listing)
            if batch.listing.delimited and next_marker:
                source.batch_done(BatchDone(batch.number, has_many_prefixes=True))
                continue
            source.page_listed(PageListed(batch.number, next_marker))
            source.page_listed(PageListed(batch.number, next_marker))  # a second time, as after the end of a process
            in_progress.append((batch, keys, prefixes))
        elif in_progress:
            batch, keys, prefixes = in_progress.pop(chance.randrange(len(in_progress)))
            lines = json.dumps(keys).encode()
            for done in source.batch_done(BatchDone(batch.number, lines=lines, prefixes=tuple(prefixes))):
                seen += json.loads(done.lines)
    return seen


KEYS = (
    [f"p/kopia/ns{n % 4}/p{n:03}" for n in range(60)]
    + [f"p/backups/b{n // 9}/{n}" for n in range(40)]
    + ["p/x", "p//y"]
)


@pytest.mark.parametrize("seed", range(20))
def test_every_object_counts_once_wherever_it_is_interrupted(seed: int) -> None:
    chance = random.Random(seed)
    keys = KEYS + ([f"p/{n}/x" for n in range(40)] if seed % 2 else [])
    bucket = Bucket(keys)
    seen: list[str] = []
    source = PrefixLister("p/")
    while not source.finished:
        seen += work(source, bucket, chance, stop_after=chance.randrange(5, 60))
        state = json.loads(json.dumps(source.state()))
        source = PrefixLister("p/")
        source.restore(state)
    assert sorted(seen) == sorted(keys)


def test_what_remains_is_reported() -> None:
    source = PrefixLister("p/")
    assert source.remaining == "1 of 1 directories left, now at 'p/'"


def test_what_is_listed_side_by_side() -> None:
    prefixes = ("p/", "p/kopia/", "p/backups/", "p/kopia/ns/")
    assert [is_split(prefix, "p/") for prefix in prefixes] == [True, True, False, False]
    assert is_split("", "")
    assert is_split("kopia/", "")


@pytest.mark.parametrize(
    "markers",
    [
        [("p/b", ""), ("p/b", "")],
        [("p/b", ""), ("p/a", "")],
        [("p/a", "v2"), ("p/a", "v1"), ("p/a", "v2")],
        [("", "t1"), ("", "t2"), ("", "t1")],
    ],
)
def test_listing_that_comes_back_is_an_error(markers: list[tuple[str, str]]) -> None:
    source = PrefixLister("p/")
    *good, bad = markers
    for marker in good:
        batch = source.next_batch()
        assert batch
        source.page_listed(PageListed(batch.number, marker))
    batch = source.next_batch()
    assert batch
    with pytest.raises(ServiceError, match="so would never end"):
        source.page_listed(PageListed(batch.number, bad))


def test_versions_of_the_next_key_may_be_named_alike() -> None:
    source = PrefixLister("p/")
    for marker in [("p/a", "null"), ("p/b", "null"), ("p/c", "null")]:
        batch = source.next_batch()
        assert batch
        source.page_listed(PageListed(batch.number, marker))
