# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of names that say nothing, or too much."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._names import refuse_names
from tests.support.refusal import refusal


@pytest.mark.parametrize(
    ("names", "prefix", "message"),
    [
        ([], None, "alarms: the list is empty. Name the alarms, also those to delete."),
        (
            ["one"],
            "",
            "purge_prefix: the prefix is empty, so that every alarm of the Region would be deleted. Give the prefix of "
            "your alarms' names, or leave it out.",
        ),
        (["a", "b", "a"], "x-", "alarms: a is given twice. An alarm is owned by its name: leave one of them out."),
    ],
)
def test_refused(names: list[str], prefix: str | None, message: str) -> None:
    assert refusal(refuse_names, "alarms", names, prefix=prefix, scope="Region") == message


@pytest.mark.parametrize(("names", "prefix"), [(["a"], None), ([], "velero-"), (["a", "b"], "velero-")])
def test_taken(names: list[str], prefix: str | None) -> None:
    refuse_names("rules", names, prefix=prefix)
