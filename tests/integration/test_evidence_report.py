# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module evidence_report, run both ways, and its page in a real browser.

``UPDATE_IMAGES=1`` takes the screenshot of the documentation anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support import evidence as example
from tests.support.browser import Page, browser, executable
from tests.support.evidence import HOSTILE, Evidence, counts, objects
from tests.support.running import ModuleRunner, assert_lifecycle, run_in_controller

IMAGE = Path(__file__).resolve().parents[2] / "docs" / "images" / "evidence-report.png"
IMAGE_BYTES = 300_000


def files(directory: Path) -> dict[str, tuple[str, int]]:
    """Every file with its content and permissions."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode & 0o777)
        for path in sorted(directory.iterdir())
        if path.is_file()
    }


# --- the module ------------------------------------------------------------------------------------------------------


def test_check_and_real_first_and_again(run: ModuleRunner, tmp_path: Path) -> None:
    dest = str(tmp_path / "report")
    made, modified = (
        run_result
        for run_result in assert_lifecycle(
            run,
            "evidence_report",
            create={"evidence": example.good(), "dest": dest},
            modify={"evidence": example.bad(), "dest": dest, "mode": "0640"},
            delete=None,
            state=lambda: files(tmp_path),
        )
    )
    assert set(files(tmp_path)) == {"report.html", "report.json"}
    assert {mode for _content, mode in files(tmp_path).values()} == {0o640}
    assert (made["status"], made["reason"]) == ("compliant", None)
    assert {name: part["status"] for name, part in made["parts"].items()} == {
        "objects": "compliant",
        "backup_and_restore": "compliant",
        "configuration": "compliant",
        "audit": "non_compliant",
    }
    assert made["parts"]["audit"]["severity"] == "low"
    assert made["counts"]["total"] == 1846
    assert (made["html_path"], made["json_path"]) == (f"{dest}.html", f"{dest}.json")
    assert (modified["status"], modified["reason"]) == ("non_compliant", "non_compliant_objects")
    assert modified["diff"]["before"][f"{dest}.html"]["status"] == "compliant"
    assert modified["diff"]["after"][f"{dest}.html"]["status"] == "non_compliant"
    assert modified["diff"]["before"][f"{dest}.json"]["mode"] == "0600"


def test_only_the_permissions_are_corrected(run: ModuleRunner, tmp_path: Path) -> None:
    arguments = {"evidence": example.good(), "dest": str(tmp_path / "report")}
    run.ok("evidence_report", **arguments)
    (tmp_path / "report.html").chmod(0o644)
    corrected = run.ok("evidence_report", **arguments)
    assert list(corrected["diff"]["after"]) == [str(tmp_path / "report.html")]
    assert {mode for _content, mode in files(tmp_path).values()} == {0o600}


def test_another_file_has_no_status(run: ModuleRunner, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("[1]")
    (tmp_path / "report.html").write_bytes(b"\xff")
    result = run.ok("evidence_report", evidence=example.good(), dest=str(tmp_path / "report"))
    assert {side["status"] for side in result["diff"]["before"].values()} == {None}


def test_both_ways_write_the_same_as_it_is_published(run: ModuleRunner, tmp_path: Path) -> None:
    run.ok("evidence_report", evidence=example.bad(), dest=str(tmp_path / "report"))
    run_in_controller("evidence_report", {"evidence": example.bad(), "dest": str(tmp_path / "other")}, check=False)
    assert (tmp_path / "report.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    page = (tmp_path / "report.html").read_text()
    assert page.replace("report.json", "other.json") == (tmp_path / "other.html").read_text()
    assert hashlib.sha256((tmp_path / "report.json").read_bytes()).hexdigest() in page


@pytest.mark.parametrize("dest", ["report.html", "report.json", "report"])
def test_a_suffix_is_not_doubled(run: ModuleRunner, tmp_path: Path, dest: str) -> None:
    run.ok("evidence_report", evidence=example.good(), dest=str(tmp_path / dest))
    assert set(files(tmp_path)) == {"report.html", "report.json"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_in_a_directory_the_files_are_named_by_place_and_time(run: ModuleRunner, tmp_path: Path, slash: str) -> None:
    run.ok("evidence_report", evidence=example.good(), dest=f"{tmp_path}{slash}")
    stem = "evidence-acme-backups-production-2026-11-24T080014Z"
    assert set(files(tmp_path)) == {f"{stem}.html", f"{stem}.json"}


def test_a_directory_is_missing(run: ModuleRunner, tmp_path: Path) -> None:
    """In check mode an earlier task would make it."""
    arguments: dict[str, Any] = {"evidence": example.good(), "dest": f"{tmp_path}/reports/"}
    assert run.ok("evidence_report", check=True, **arguments)["changed"]
    message = run.refused("evidence_report", **arguments)
    remediation = "Make the directory first (ansible.builtin.file), or choose another dest."
    assert message == f"dest: {tmp_path}/reports is not a directory. {remediation}"
    assert files(tmp_path) == {}


def test_a_directory_in_the_place_of_a_file(run: ModuleRunner, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    message = run.refused("evidence_report", evidence=example.good(), dest=str(tmp_path / "report"))
    assert message.startswith(f"dest: {tmp_path}/report.html cannot be read (Is a directory).")
    assert files(tmp_path) == {}


def test_nothing_is_left_where_writing_fails(
    run: ModuleRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    message = run.refused("evidence_report", evidence=example.good(), dest=str(tmp_path / "report"))
    assert message.startswith(f"dest: {tmp_path}/report cannot be written: No space left on device. Name a file")
    assert files(tmp_path) == {}


def test_evidence_of_another_place_is_refused(run: ModuleRunner, tmp_path: Path) -> None:
    evidence = example.good() | {"objects": objects(bucket="other")}
    message = run.refused("evidence_report", check=True, evidence=evidence, dest=str(tmp_path / "report"))
    assert message.startswith("evidence.objects: it is of other/production, the profile is of acme-backups/production.")


def test_the_object_manifest_is_named_with_its_digest(run: ModuleRunner, tmp_path: Path) -> None:
    content = b'{"key": "a"}\n'
    listed = tmp_path / "objects.jsonl"
    listed.write_bytes(content)
    evidence = example.good() | {"objects": objects(path=str(listed))}
    result = run.ok("evidence_report", evidence=evidence, dest=str(tmp_path / "report"))
    told = json.loads(Path(result["json_path"]).read_text())["object_manifest"]
    assert told == {"path": str(listed), "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


# --- the page in a browser -------------------------------------------------------------------------------------------

needs_browser = pytest.mark.skipif(executable() is None, reason="no Chromium here (Debian: apt-get install chromium)")
CASES: dict[str, Callable[[], Evidence]] = {"good": example.good, "bad": example.bad, "hostile": example.hostile}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page for each case, as the module writes it."""
    directory = tmp_path_factory.mktemp("reports")
    for name, make in CASES.items():
        arguments = {"evidence": make(), "dest": str(directory / name)}
        assert run_in_controller("evidence_report", arguments, check=False)["changed"]
    return {name: directory / f"{name}.html" for name in CASES}


@needs_browser
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("width", "dark"), [(1000, False), (1000, True), (390, False), (320, False)])
def test_the_page_is_quiet_and_fits(page: Page, reports: dict[str, Path], name: str, width: int, dark: bool) -> None:
    page.open(reports[name], width=width, dark=dark)
    assert page.complaints == []
    assert page.requests == [reports[name].resolve().as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("window.innerWidth") == width
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")


@needs_browser
def test_hostile_names_are_text(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["hostile"])
    assert page.evaluate("document.title") == "Non-compliant: encryption of acme-backups/production"
    assert page.evaluate("document.scripts.length + document.images.length + document.links.length") == 0
    assert page.evaluate("document.querySelectorAll('style').length") == 1
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert page.evaluate("[...document.querySelectorAll('h1')].map(one => one.textContent)") == ["Non-compliant"]
    names = page.evaluate("[...document.querySelectorAll('.case .name')].map(one => one.textContent)")
    for hostile in HOSTILE:
        readable = hostile.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if readable.isprintable() and readable == readable.strip() and len(readable) > 20:
            assert f"production/kopia/{readable}" in names or "\u0336" in readable


@needs_browser
@pytest.mark.parametrize("name", CASES)
def test_the_page_can_be_heard_and_walked(page: Page, reports: dict[str, Path], name: str) -> None:
    """Headings in order, a language, a name for the picture, heads for the columns; contrast of at least 4.5."""
    for dark in (False, True):
        page.open(reports[name], dark=dark)
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("document.querySelector('figure').ariaLabel")
        assert page.evaluate("document.querySelectorAll('th:not([scope])').length") == 0
        assert page.evaluate(CONTRAST) >= 4.5


#: The least contrast between a text and the ground that it stands on, as WCAG counts it.
CONTRAST = """
(() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const color = channels(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
  };
  return Math.min(...[...document.querySelectorAll('body *')].filter(one => one.textContent.trim()
    && !one.closest('svg')).map(one => {
      const [a, b] = [light(channels(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    }));
})()
"""


@needs_browser
@pytest.mark.parametrize("name", CASES)
def test_the_page_can_be_printed(page: Page, reports: dict[str, Path], name: str) -> None:
    page.open(reports[name])
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox ?\[([\d. ]+)\]", pdf)
    pages = len(re.findall(rb"/Type ?/Page\b", pdf))
    assert pages >= 2
    assert {tuple(round(float(number)) for number in box.split()) for box in boxes} <= {
        (0, 0, 595, 842),
        (0, 0, 594, 842),
    }


@needs_browser
def test_an_object_among_many_can_be_seen(page: Page, tmp_path: Path) -> None:
    """One non-compliant object of ten million is a line of the picture, too."""
    evidence = example.good() | {
        "objects": objects(
            status="non_compliant",
            counts=counts(9_999_999, non_compliant=1),
            by_algorithm={"aws:kms": 9_999_999, "AES256": 1},
            by_key=[{"key_arn": example.KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 9_999_999}],
            non_compliant_objects=[example.object_finding("production/backups/one")],
        )
    }
    run_in_controller("evidence_report", {"evidence": evidence, "dest": str(tmp_path / "report")}, check=False)
    page.open(tmp_path / "report.html", width=390)
    width = page.evaluate("document.querySelector('rect.non_compliant').getBoundingClientRect().width")
    assert 1 <= width <= 4


@needs_browser
def test_the_picture_of_the_documentation(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["bad"], width=860, height=1220, scale=1.5)
    picture = page.screenshot(whole=False)
    if os.environ.get("UPDATE_IMAGES"):
        IMAGE.parent.mkdir(exist_ok=True)
        IMAGE.write_bytes(picture)
    assert _size(IMAGE.read_bytes()) == _size(picture)
    assert len(IMAGE.read_bytes()) < IMAGE_BYTES


def _size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose first chunk is whole."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert zlib.crc32(picture[12:29]) == int.from_bytes(picture[29:33])
    return int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])
