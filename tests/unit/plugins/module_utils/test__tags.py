# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: what has to change, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._tags import tag_changes, tag_dict, tag_list


@pytest.mark.parametrize(
    ("wanted", "current", "purge", "changes"),
    [
        (None, {"a": "1"}, True, ({}, ())),
        (None, None, True, ({}, ())),
        ({}, {"a": "1"}, False, ({}, ())),
        ({}, {"b": "1", "a": "1"}, True, ({}, ("a", "b"))),
        ({"a": "1"}, None, True, ({"a": "1"}, ())),
        ({"a": "1"}, {"a": "1"}, True, ({}, ())),
        ({"a": "2"}, {"a": "1", "b": "1"}, False, ({"a": "2"}, ())),
        ({"a": "2"}, {"a": "1", "b": "1"}, True, ({"a": "2"}, ("b",))),
        # AWS's own tags can be neither set nor removed by anybody.
        ({}, {"aws:cloudformation:stack-name": "x"}, True, ({}, ())),
        # What YAML makes of a value must not be a change in every run.
        (
            {"n": 1, "yes": True, "no": False, "none": None},
            {"n": "1", "yes": "true", "no": "false"},
            True,
            ({"none": "None"}, ()),
        ),
        ({"a": ""}, {"a": ""}, True, ({}, ())),
        ({"A": "1"}, {"a": "1"}, True, ({"A": "1"}, ("a",))),
        ({"ours": "1"}, {"kept": "1", "other": "1"}, True, ({"ours": "1"}, ("other",))),
        # A name that YAML reads as a number.
        ({2026: "x"}, {"2026": "x"}, True, ({}, ())),
    ],
)
def test_tag_changes(wanted: Any, current: Any, purge: bool, changes: Any) -> None:
    assert tag_changes(wanted, current, purge=purge, keep=("kept",)) == changes


def test_tags_in_the_words_of_a_service() -> None:
    tags = {"b": True, "a": 1}
    assert tag_list(tags) == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "true"}]
    kms = tag_list(tags, key="TagKey", value="TagValue")
    assert kms == [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "true"}]
    assert tag_dict(kms, key="TagKey", value="TagValue") == {"a": "1", "b": "true"}
