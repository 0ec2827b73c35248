# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages, branches, tallies, and what is left behind."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.branches import ListSource
from ansible_collections.coffer.velero.plugins.module_utils._objects.listing import question, read_page
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    Entry,
    Judgment,
    Listing,
    Seen,
    Wanted,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.report import Report
from ansible_collections.coffer.velero.plugins.module_utils._objects.tally import MOST_GROUPS, Tally
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Done, Ledger, Listed, Unit

WANTED = Wanted(bucket="acme-backups", owner="", prefix="p/", mode="sse-s3", versions=False)
HOSTILE = "p/backups/b/=cmd|' /C calc'!A0\n\"<script>,é 50%"

# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listing", "versions", "query"),
    [
        (Listing("p/"), False, {"list-type": "2"}),
        (Listing("p/"), True, {"versions": ""}),
        (Listing("p/", True), False, {"list-type": "2", "delimiter": "/"}),
        (Listing("p/", marker=("p/a b", "")), False, {"list-type": "2", "start-after": "p/a b"}),
        (Listing("p/", marker=("p/a", "v")), True, {"versions": "", "key-marker": "p/a", "version-id-marker": "v"}),
    ],
)
def test_question(listing: Listing, versions: bool, query: dict[str, str]) -> None:
    common = {"encoding-type": "url", "prefix": "p/"}
    assert question(listing, replace(WANTED, versions=versions)) == {**common, **query}


def page(kind: str, inner: str, *, truncated: bool = False, encoded: bool = True, more: str = "") -> bytes:
    encoding = "<EncodingType>url</EncodingType>" if encoded else ""
    head = f"<{kind} xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{encoding}"
    return f"{head}<IsTruncated>{str(truncated).lower()}</IsTruncated>{more}{inner}</{kind}>".encode()


def test_a_page_of_versions() -> None:
    body = page(
        "ListVersionsResult",
        "<Version><Key>p/a%0A+b%2B</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><Size>7</Size>"
        "<LastModified>2026-01-01T02:03:04.000Z</LastModified></Version>"
        "<DeleteMarker><Key>p/a</Key><VersionId>v3</VersionId></DeleteMarker>"
        "<CommonPrefixes><Prefix>p/k%2F/</Prefix></CommonPrefixes>",
        truncated=True,
        more="<NextKeyMarker>p/a%0A</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>",
    )
    found = read_page(body, replace(WANTED, versions=True))
    assert found.entries == (Entry("p/a\n b+", "v2", False, 7, "2026-01-01T02:03:04Z"),)
    assert (found.delete_markers, found.prefixes, found.following) == (1, ("p/k//",), ("p/a\n", "v2"))


def test_a_page_of_objects() -> None:
    inner = "<Contents><Key>p/a%25</Key><Size>0</Size></Contents>"
    found = read_page(page("ListBucketResult", inner, truncated=True), WANTED)
    assert found.entries[0].key == "p/a%"
    assert found.following == ("p/a%", "")
    assert found.entries[0].version_id is None
    assert read_page(page("ListBucketResult", inner, encoded=False), WANTED).entries[0].key == "p/a%25"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"<Error><Code>x</Code></Error>", page("ListBucketResult", "", truncated=True)]
)
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(ValueError, match="listing"):
        read_page(body, WANTED)


# --- branches --------------------------------------------------------------------------------------------------------


class Bucket:
    """A listing as S3 gives it, three keys a page."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = sorted(keys)

    def page(self, listing: Listing) -> tuple[list[str], list[str], tuple[str, str] | None]:
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


def work(source: ListSource, bucket: Bucket, chance: random.Random, stop_after: int = 10**9) -> list[str]:
    """Run a source with answers in any order; what counts by then."""
    under_way: list[tuple[Unit, list[str], list[str]]] = []
    seen: list[str] = []
    steps = 0
    while not source.finished and steps < stop_after:
        steps += 1
        unit = source.next_unit() if len(under_way) < 5 else None
        if unit and unit.listing:
            keys, prefixes, following = bucket.page(unit.listing)
            if unit.listing.delimited and following:
                source.done(Done(unit.number, undivided=True))
                continue
            source.listed(Listed(unit.number, following))
            source.listed(Listed(unit.number, following))  # a second time, as after the end of a process
            under_way.append((unit, keys, prefixes))
        elif under_way:
            unit, keys, prefixes = under_way.pop(chance.randrange(len(under_way)))
            lines = json.dumps(keys).encode()
            for done in source.done(Done(unit.number, lines=lines, prefixes=tuple(prefixes))):
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
    source = ListSource("p/")
    while not source.finished:
        seen += work(source, bucket, chance, stop_after=chance.randrange(5, 60))
        state = json.loads(json.dumps(source.state()))
        source = ListSource("p/")
        source.restore(state)
    assert sorted(seen) == sorted(keys)


def test_what_is_left_is_told() -> None:
    source = ListSource("p/")
    assert source.left == "1 of 1 directories left, now at 'p/'"


# --- tallies ---------------------------------------------------------------------------------------------------------


def entry(key: str = "p/backups/b/x", **more: Any) -> Entry:
    return Entry(key, "v", True, 1, "2026-01-01T00:00:00Z")._replace(**more)


def tally(*keys: str, verdict: Any = "wrong") -> Tally:
    made = Tally()
    for key in keys:
        made.add(entry(key), Seen("read", "AES256"), Judgment(verdict, ("reason",), "remediation"), WANTED)
    return made


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({}, "empty"),
        ({"gone": 1}, "empty"),
        ({"proven": 1}, "proven"),
        ({"proven": 1, "gone": 1}, "proven"),
        ({"proven": 1, "unreadable": 1}, "incomplete"),
        ({"proven": 1, "unproven": 1}, "incomplete"),
        ({"proven": 1, "wrong": 1, "unreadable": 1}, "wrong"),
    ],
)
def test_verdict_on_all(counts: dict[str, int], verdict: str) -> None:
    assert Tally(counts=counts).verdict == verdict


def test_the_first_offenders_by_name_stay_in_whatever_order_they_come() -> None:
    names = [f"p/kopia/ns/p{n:03}" for n in range(50)]
    random.Random(1).shuffle(names)
    whole = Tally()
    for name in names:
        whole.merge(tally(name), 7)
    result = whole.result()
    assert [one["key"] for one in result["offenders"]] == sorted(names)[:7]
    assert result["offenders_omitted"] == 43
    assert result["counts"]["wrong"] == 50


def test_groups_are_bounded_and_nothing_is_lost_from_the_counts() -> None:
    whole = Tally()
    for n in range(0, MOST_GROUPS + 60, 10):
        whole.merge(tally(*(f"p/backups/b{m:05}/{file}" for m in range(n, n + 10) for file in "ab")), 5)
    result = whole.result()
    assert len(result["groups"]) == MOST_GROUPS
    assert result["groups_omitted"] == 60
    assert result["counts"]["total"] == 2 * (MOST_GROUPS + 60)


def test_a_tally_survives_the_checkpoint() -> None:
    whole = tally("p/backups/b/x", "p/kopia/n/y")
    assert Tally.of(json.loads(json.dumps(whole.plain()))) == whole


# --- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_hostile_name_is_one_line_and_comes_back(form: Any) -> None:
    ledger = Ledger(replace(WANTED, lines=form))
    ledger.enter(entry(HOSTILE), Seen("read", "AES256"))
    text = ledger.lines().decode("ascii")
    assert text.count("\n") == 1
    if form == "jsonl":
        assert json.loads(text)["key"] == HOSTILE
    else:
        row = next(csv.reader(io.StringIO(text)))
        assert row[0] == "p/backups/b/%3Dcmd%7C%27%20/C%20calc%27%21A0%0A%22%3Cscript%3E%2C%C3%A9%2050%25"
        assert row[1:4] == ["v", "true", "proven"]


def report(tmp_path: Path, **more: Any) -> Report:
    wanted = replace(WANTED, lines="jsonl", **more)
    made = Report(wanted, ListSource("p/"), tmp_path / "list.jsonl", tmp_path / "checkpoint")
    made.open()
    return made


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    first = report(tmp_path)
    first.take(Done(1, tally("p/a"), b"one\n"))
    first.save()
    first.take(Done(2, tally("p/b"), b"two\n"))  # does not count: the run is cut here
    second = report(tmp_path)
    assert second.continued
    assert second.tally.total == 1
    second.take(Done(2, tally("p/b"), b"two\n"))
    second.finish()
    assert (tmp_path / "list.jsonl").read_text() == "one\ntwo\n"
    assert [path.name for path in tmp_path.iterdir()] == ["list.jsonl"]


def test_a_checkpoint_of_another_scan_is_refused(tmp_path: Path) -> None:
    report(tmp_path).save()
    with pytest.raises(ValidationError, match=r"checkpoint: .* is of a scan with other options"):
        report(tmp_path, max_offenders=3)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"of": 1}'])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint").write_text(text)
    with pytest.raises(ValidationError, match=r"checkpoint: .*"):
        report(tmp_path)


def test_a_checkpoint_without_its_list_is_refused(tmp_path: Path) -> None:
    first = report(tmp_path)
    first.take(Done(1, tally("p/a"), b"one\n"))
    first.save()
    (tmp_path / "list.jsonl.part").unlink()
    with pytest.raises(ValidationError, match="is not there or too short"):
        report(tmp_path)


def test_no_key_is_in_the_checkpoint(tmp_path: Path) -> None:
    report(tmp_path, customer_key=b"0123456789abcdef0123456789abcdef").save()
    assert "0123456789" not in (tmp_path / "checkpoint").read_text()


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    made = Report(WANTED, ListSource("p/"), progress=told.append)
    made.open()
    made.take(Done(1, tally("p/a")))
    made.tick(51)
    assert told == []
    made._told -= 10
    made.tick(51)
    assert told == ["51 objects, 5 a second, 1 wrong, 0 unreadable; 1 of 1 directories left, now at 'p/'"]
