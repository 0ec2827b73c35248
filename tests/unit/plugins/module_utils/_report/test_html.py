# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: whatever is in the evidence, it is text; the same evidence, the same page; and it stays small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._report.html import (
    environment,
    name,
    plain,
    prose,
    to_html,
    visible,
)
from ansible_collections.coffer.velero.plugins.module_utils._report.model import assemble
from tests.support import evidence as example
from tests.support.evidence import (
    HOSTILE,
    KEY,
    OLD_KEY,
    Evidence,
    counts,
    group,
    object_finding,
    objects,
    scanned,
    untested,
)

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
    path = evidence["objects"]["path"]
    manifest = {"path": path, "sha256": None, "size": None} if path else None
    return to_html(assemble(evidence, manifest), "evidence.json", "0" * 64)


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
    assert "default-src 'none'" in text
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
    made = environment().from_string('<p aria-label="{{ hostile | plain }}">x</p>').render(hostile=hostile)
    seen = Reader(made)
    assert seen.faults == []
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
    template = environment().from_string("{{ text }}{{ markup }}{{ nothing }}{{ number }}")
    made = template.render(text="<b>", markup=visible("a\nb"), nothing=None, number=1200)
    assert made == '&lt;b&gt;a<span class="code">U+000A</span>b1200'
    assert name(None) == '<span class="quiet">none</span>'
    assert Reader(prose(f"Not {KEY}, but {OLD_KEY}.")).text == f"Not {KEY}, but {OLD_KEY}."
    assert prose(f"Not {KEY}.").endswith("</span>.")


# --- what it says ----------------------------------------------------------------------------------------------------


def test_the_status_comes_first() -> None:
    text = Reader(page(example.bad())).text
    order = [
        *("Non-compliant", "6 of 1,845 object versions are not encrypted as the profile requires", "Findings"),
        *("Limitations", "Objects by algorithm and key", "Backups", "Kopia repositories"),
        *("Backup and restore", "Configuration", "Files"),
    ]
    places = [
        text.rindex(part) if part in ("Configuration", "Backup and restore") else text.index(part) for part in order
    ]
    assert places[1:] == sorted(places[1:])


def test_findings_of_one_reason_are_shown_together_the_most_frequent_first() -> None:
    text = Reader(page(example.bad())).text
    told = re.findall(r"(\d+) object versions?, (non-compliant|not evaluated)", text)
    assert told == [
        *(("2", "non-compliant"), ("2", "non-compliant"), ("1", "non-compliant"), ("1", "non-compliant")),
        ("2", "not evaluated"),
    ]
    assert text.count("Is encrypted with AES256, not with aws:kms") == 1


def many_objects(number: int) -> Evidence:
    """As many as a large location has, with as many non_compliant_objects, groups and keys as the module returns."""
    rows = 1000
    return {
        **example.good(),
        "objects": objects(
            status="non_compliant",
            counts=counts(number - rows, non_compliant=rows),
            groups=[group("backup", f"nightly-{row:06}", 9) for row in range(rows)],
            groups_omitted=number // 9,
            by_algorithm={"aws:kms": number},
            by_key=[
                {"key_arn": f"{KEY}{row}", "algorithm": "aws:kms", "bucket_key_enabled": True, "count": number // rows}
                for row in range(rows)
            ],
            non_compliant_objects=[object_finding(f"production/kopia/shop/{row}" + "x" * 900) for row in range(100)],
            findings_truncated=rows - 100,
        ),
    }


def test_the_size_does_not_grow_with_the_objects() -> None:
    small, large = (len(page(many_objects(number))) for number in (100_000, 10_000_000))
    assert small < 400_000
    assert large - small < 1000


def test_an_empty_location_is_told_as_one() -> None:
    text = Reader(page(untested(objects=scanned(counts(), groups=[])))).text
    assert "Not evaluated" in text
    assert "so there is nothing to evaluate." in text
    assert "There are no objects." in text


WITHOUT_JINJA2 = """
import sys
sys.modules.update(jinja2=None, markupsafe=None)
from ansible_collections.coffer.velero.plugins.modules import evidence_report
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, execute
from tests.support import evidence as example
params = {"evidence": example.good(), "dest": sys.argv[1], "mode": "0600"}
print(execute(evidence_report.run, Task(params, check_mode=False, diff_mode=False))["msg"])
"""


def test_without_jinja2_the_task_fails_with_its_name(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WITHOUT_JINJA2, str(tmp_path / "report")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "jinja2: it is not installed for this Python. Install jinja2 >= 3.0.\n", done.stderr
    assert list(tmp_path.iterdir()) == []
