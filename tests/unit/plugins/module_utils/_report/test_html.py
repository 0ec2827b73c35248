# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: whatever is in the evidence, it is text; the same evidence, the same page; and it stays small."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._report.html import to_html
from ansible_collections.coffer.velero.plugins.module_utils._report.markup import (
    Markup,
    el,
    join,
    name,
    plain,
    prose,
    visible,
)
from ansible_collections.coffer.velero.plugins.module_utils._report.model import assemble
from ansible_collections.coffer.velero.plugins.module_utils._report.picture import bars
from ansible_collections.coffer.velero.plugins.module_utils._report.words import clock, many, period, size
from tests.support import evidence as example
from tests.support.evidence import HOSTILE, KEY, OLD_KEY, Evidence, counts, group, objects, offender

#: Every element and attribute that the page is made of; nothing that loads, runs or leads away.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "figure", "div"),
    *("h1", "h2", "h3", "p", "b", "br", "span", "pre", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "rect"),
}
ATTRIBUTES = {
    *("class", "dir", "lang", "scope", "aria-label", "aria-hidden", "viewbox", "preserveaspectratio", "width"),
    *("height", "charset", "name", "content", "http-equiv"),
}
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """What a browser sees: elements, attributes, text; and whether all is closed as it was opened."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(attribute for attribute, _value in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment {data}")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def page(evidence: Evidence) -> str:
    return to_html(assemble(evidence), "evidence.json", "0" * 64)


CASES = [example.good, example.bad, example.hostile]


@pytest.mark.parametrize("make", CASES)
def test_the_page_is_whole_and_made_of_nothing_else(make: Callable[[], Evidence]) -> None:
    seen = Reader(page(make()))
    assert seen.faults == []
    assert seen.open == []
    assert seen.elements <= ELEMENTS
    assert seen.attributes <= ATTRIBUTES


@pytest.mark.parametrize("make", CASES)
def test_the_page_loads_nothing(make: Callable[[], Evidence]) -> None:
    text = page(make())
    assert "default-src &#x27;none&#x27;" in text
    assert not re.search(r"url\(|@import|<link|<script|<img|<a |\bsrc=\"|\bhref=", text)


@pytest.mark.parametrize("make", CASES)
def test_the_same_evidence_gives_the_same_page(make: Callable[[], Evidence]) -> None:
    assert page(make()) == page(make())


def shown(text: str) -> str:
    """How a name looks on the page, without the frames around code points."""
    return Reader(visible(text)).text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_text(hostile: str) -> None:
    made = visible(hostile)
    assert "<" not in made.replace('<span class="code">', "").replace("</span>", "")
    seen = Reader(made)
    assert seen.faults == []
    assert seen.elements <= {"span"}
    assert seen.text.isprintable()
    assert shown(hostile) in text_of_the_hostile_page()


@cache
def text_of_the_hostile_page() -> str:
    return Reader(page(example.hostile())).text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_stays_in_its_attribute(hostile: str) -> None:
    made = el("p", "x", aria_label=hostile)
    seen = Reader(made)
    assert (seen.elements, seen.attributes, seen.text) == ({"p"}, {"aria-label"}, "x")
    assert plain(hostile).isprintable()


SHOWN = [
    ("plain name.json", "plain name.json"),
    ("<b>&\"'", "<b>&\"'"),
    ("a\nb", "aU+000Ab"),
    ("\x00", "U+0000"),
    ("a\u202eb", "aU+202Eb"),
    (" a b ", "U+0020a bU+0020"),
    (" ", "U+0020"),
    ("\ud800", "U+D800"),
    ("é日ملف😀", "é日ملف😀"),
    ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "U+0301" * 2),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN)
def test_what_cannot_be_seen_is_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_only_markup_is_markup() -> None:
    assert join(["<b>", Markup("<b>"), None, ["&"]]) == "&lt;b&gt;<b>&amp;"
    assert name(None) == '<span class="quiet">none</span>'
    assert Reader(prose(f"Not {KEY}, but {OLD_KEY}.")).text == f"Not {KEY}, but {OLD_KEY}."
    assert prose(f"Not {KEY}.").endswith("</span>.")


# --- what it says ----------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first() -> None:
    text = Reader(page(example.bad())).text
    order = [
        *("Wrong", "6 of 1,845 object versions are not encrypted as wanted", "Not as it should be"),
        *("What this does not prove", "Objects by algorithm and key", "Backups", "Kopia repositories"),
        *("Backup and restore", "Configuration", "Kept with this page"),
    ]
    places = [
        text.rindex(part) if part in ("Configuration", "Backup and restore") else text.index(part) for part in order
    ]
    assert places[1:] == sorted(places[1:])


def test_offenders_of_one_reason_are_told_together_the_most_frequent_first() -> None:
    text = Reader(page(example.bad())).text
    told = re.findall(r"(\d+) object versions?, (wrong|not read)", text)
    assert told == [("2", "wrong"), ("2", "wrong"), ("1", "wrong"), ("1", "wrong"), ("2", "not read")]
    assert text.count("Is encrypted with AES256, not with aws:kms") == 1


def test_bars_count_every_object_version_once() -> None:
    document = assemble(example.bad())
    found = [(line.algorithm, line.key_arn, line.number, line.fit) for line in bars(document)]
    assert found == [
        ("aws:kms", KEY, 1837, "fits"),
        ("aws:kms", OLD_KEY, 2, "misfits"),
        ("AES256", None, 2, "misfits"),
        ("aws:kms", KEY, 1, "misfits"),
        ("SSE-C", None, 1, "misfits"),
        ("Not told by S3", None, 3, "untold"),
    ]
    assert sum(line.number for line in bars(document)) == document["objects"]["counts"]["total"]


def test_an_accepted_key_fits() -> None:
    evidence = example.bad() | {"accepted_kms_key_arns": [OLD_KEY]}
    assert {line.fit for line in bars(assemble(evidence)) if line.key_arn == OLD_KEY} == {"fits"}


@pytest.mark.parametrize(
    ("mode", "algorithm", "fit"),
    [
        ("sse-s3", "AES256", "fits"),
        ("sse-s3", "none", "misfits"),
        ("sse-c", "SSE-C", "known"),
        ("sse-c", "aws:kms", "misfits"),
        ("sse-kms", "aws:kms", "known"),
    ],
)
def test_bars_without_a_key(mode: str, algorithm: str, fit: str) -> None:
    profile = example.profile(encryption_mode=mode, kms_key_arn=KEY if mode.endswith("kms") else None)
    found = bars(assemble(example.good() | {
        "profile": profile,
        "objects": objects(by_algorithm={algorithm: 1846}, by_key=[]),
    }))  # fmt: skip
    assert [line.fit for line in found] == [fit]


def many_objects(number: int) -> Evidence:
    """As many as a large location has, with as many offenders, groups and keys as the module returns."""
    rows = 1000
    return {
        **example.good(),
        "objects": objects(
            verdict="wrong",
            counts=counts(number - rows, wrong=rows),
            groups=[group("backup", f"nightly-{row:06}", 9) for row in range(rows)],
            groups_omitted=number // 9,
            by_algorithm={"aws:kms": number},
            by_key=[
                {"key_arn": f"{KEY}{row}", "algorithm": "aws:kms", "bucket_key_enabled": True, "count": number // rows}
                for row in range(rows)
            ],
            offenders=[offender(f"production/kopia/shop/{row}" + "x" * 900) for row in range(100)],
            offenders_omitted=rows - 100,
        ),
    }


def test_the_size_does_not_grow_with_the_objects() -> None:
    small, large = (len(page(many_objects(number))) for number in (100_000, 10_000_000))
    assert small < 400_000
    assert large - small < 1000


def test_an_empty_location_is_told_as_one() -> None:
    evidence = example.good() | {
        "objects": objects(verdict="empty", counts=counts(), groups=[], by_algorithm={}, by_key=[])
    }
    for part in ("backup", "restore", "metadata", "content"):
        del evidence[part]
    text = Reader(page(evidence)).text
    assert "Empty" in text
    assert "There are no objects." in text


# --- words -----------------------------------------------------------------------------------------------------------

WORDS: list[tuple[Any, str]] = [
    (many(1, "object"), "1 object"),
    (many(1200, "object"), "1,200 objects"),
    (many(0, "object"), "0 objects"),
    (clock("2026-11-01T02:00:12Z"), "1 November 2026, 02:00:12 UTC"),
    (clock("2026-11-01T02:00:12+02:00"), "1 November 2026, 00:00:12 UTC"),
    (clock("soon"), "soon"),
    (period("2026-11-24T08:00:00Z", "2026-11-24T08:00:02Z"), "24 November 2026, 08:00:00 to 08:00:02 UTC"),
    (
        period("2026-11-24T23:00:00Z", "2026-11-25T01:00:00Z"),
        "24 November 2026, 23:00:00 to 25 November 2026, 01:00:00 UTC",
    ),
    (period("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"), "24 November 2026, 08:00:00 UTC"),
    (period("a", "b"), "a to b"),
    (size(0), "0 bytes"),
    (size(1), "1 byte"),
    (size(2048), "2.0 KiB"),
    (size(5 * 1024**4), "5.0 TiB"),
]


@pytest.mark.parametrize(("said", "expected"), WORDS)
def test_words(said: str, expected: str) -> None:
    assert said == expected
