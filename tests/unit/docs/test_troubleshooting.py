# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md says what the modules say of the same errors."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.error_catalog import CATALOG, Entry, explain
from ansible_collections.coffer.velero.plugins.module_utils._velero.messages import (
    OTHER_ERRORS,
    SPEC_ERRORS,
    remediation_for,
)
from tools import troubleshooting


def test_the_page_is_current() -> None:
    assert troubleshooting.PAGE.read_text() == troubleshooting.page(), "run make docs"


def test_every_layer_of_the_catalog_has_its_table() -> None:
    assert {one.layer for one in CATALOG} == set(troubleshooting.LAYERS)


def _texts(pattern: str) -> list[str]:
    found = troubleshooting.messages(pattern)
    assert all(found)
    return [f"{text} x".replace("...", "x") for text in found]


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.pattern)
def test_a_message_of_the_page_has_the_cause_that_the_page_names(entry: Entry) -> None:
    for text in _texts(entry.pattern):
        found = explain(text)
        assert found is not None
        assert (found.layer, found.cause, found.remediation) == (entry.layer, entry.cause, entry.remediation)


@pytest.mark.parametrize(("pattern", "remediation"), [*SPEC_ERRORS, *OTHER_ERRORS])
def test_a_message_of_a_location_has_the_remediation_that_the_page_names(pattern: str, remediation: str) -> None:
    assert {remediation_for(text) for text in _texts(pattern)} == {remediation}


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("one|two", ["one", "two"]),
        (r"^(a: )?b\b", ["b"]),
        (r"(get|head|put).*(no|none)", ["get ... no", "head ... none", "put ... none"]),
        (r"[Kk]ey '\S+' is", ["Key '...' is"]),
        (r"50[0-9]", ["500"]),
        (r"(?<!not )a\.b .{0,9}c", ["a.b ... c"]),
    ],
)
def test_messages_of_a_pattern(pattern: str, shown: list[str]) -> None:
    assert troubleshooting.messages(pattern) == shown
