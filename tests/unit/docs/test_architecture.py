# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md names what is there: files, annotations and tags."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FILES = sorted(set(re.findall(r"`([\w./*-]+\.(?:py|yml))`", PAGE)) - {"api.py", "decide*.py", "*_api.py"})


@pytest.mark.parametrize("name", [name for name in FILES if "MODULE" not in name and "X.py" not in name])
def test_a_file_that_is_named_exists(name: str) -> None:
    assert list(ROOT.glob(name)) or list((ROOT / "plugins").rglob(name))


def test_every_mark_in_clusters_and_accounts_is_listed() -> None:
    """An annotation or tag that the code writes and the table does not name would be found by nobody."""
    sources = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "roles").glob("*/tasks/*.yml")]
    marks = {mark for path in sources for mark in re.findall(r"\bcoffer\.velero[/:][a-z-]+", path.read_text())}
    assert {mark for mark in marks if f"`{mark}`" not in PAGE} == {"coffer.velero/evidence"}, "the format of a file"
