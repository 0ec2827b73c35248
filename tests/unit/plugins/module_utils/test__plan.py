# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: what they may be, what they show, and how values that only the service knows get into requests."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._plan import (
    PLACEHOLDER_KEY_ID,
    Computed,
    Difference,
    Plan,
    Step,
    compare,
    outputs_of,
    record_write,
    recorded_writes,
    resolve,
    summary_lines,
)

STEP = Step("kms:TagResource")
DIFFERENCE = Difference("tags", None, {"a": "b"})


def test_an_empty_plan_changes_nothing() -> None:
    assert not Plan().changed
    assert Plan().diff == {"before": {}, "after": {}}


def test_steps_and_differences_come_together() -> None:
    assert Plan(steps=(STEP,), differences=(DIFFERENCE,)).changed


@pytest.mark.parametrize(
    "half", [{"steps": (STEP,)}, {"differences": (DIFFERENCE,)}], ids=lambda half: next(iter(half))
)
def test_half_a_plan_is_a_mistake(half: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="steps exactly where it has differences"):
        Plan(**half)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, "x", {"before": {}, "after": {"name": "x"}}),
        ("x", None, {"before": {"name": "x"}, "after": {}}),
        (False, True, {"before": {"name": False}, "after": {"name": True}}),
        ("", 0, {"before": {"name": ""}, "after": {"name": 0}}),
    ],
)
def test_diff_leaves_out_only_what_is_absent(before: Any, after: Any, shown: Any) -> None:
    assert Plan(steps=(STEP,), differences=(Difference("name", before, after),)).diff == shown


@pytest.mark.parametrize(
    ("wanted", "current", "differences"),
    [
        ({}, {"a": 1}, ()),
        ({"a": 1}, {"a": 1, "b": 2}, ()),
        ({"a": 1}, {}, (Difference("a", None, 1),)),
        ({"b": 1, "a": None}, {"a": 2, "b": 2}, (Difference("b", 2, 1), Difference("a", 2, None))),
        ({"a": None}, {}, ()),
        ({"a": False}, {}, (Difference("a", None, False),)),
    ],
)
def test_compare_speaks_of_what_is_wanted_in_its_order(wanted: Any, current: Any, differences: Any) -> None:
    assert compare(wanted, current) == differences


KEY = Computed("key_id", "0000")


@pytest.mark.parametrize(
    ("value", "outputs", "resolved"),
    [
        (KEY, {"key_id": "1234"}, "1234"),
        (KEY, {}, "0000"),
        (KEY, {"key_id": None}, None),
        ({"a": [KEY, "x"], "b": {"c": (KEY,)}}, {"key_id": "1234"}, {"a": ["1234", "x"], "b": {"c": ["1234"]}}),
        ("key_id", {"key_id": "1234"}, "key_id"),
        ([], {}, []),
    ],
)
def test_resolve(value: Any, outputs: dict[str, Any], resolved: Any) -> None:
    assert resolve(value, outputs) == resolved


def test_bind_reads_the_answer_by_path() -> None:
    step = Step("kms:CreateKey", outputs={"key_id": "KeyMetadata.KeyId", "arn": "KeyMetadata.Arn"})
    assert outputs_of(step, {"KeyMetadata": {"KeyId": "1234", "Arn": "arn:x"}}) == {"key_id": "1234", "arn": "arn:x"}


def test_bind_does_not_go_on_without_a_value() -> None:
    with pytest.raises(KeyError):
        outputs_of(Step("kms:CreateKey", outputs={"key_id": "KeyMetadata.KeyId"}), {"KeyMetadata": {}})


@pytest.mark.parametrize(
    ("planned", "lines"),
    [
        ({}, []),
        ({"before": {"days": 365}, "after": {"days": 180}}, ["here: key: days: 365 -> 180"]),
        ({"before": {"text": "a"}, "after": {}}, ["here: key: text: a -> none"]),
        ({"before": {}, "after": {"Sid": {"b": 1, "a": [2]}}}, ['here: key: Sid: none -> {"a": [2], "b": 1}']),
        ({"before": {}, "after": {"a": 1, "b": 2}}, ["here: key: new: a, b"]),
        ({"before": {"x": ["a", "b"]}, "after": {"x": ["b", "c"]}}, ["here: key: x: + c, - a"]),
        ({"before": {"x": ["a", "b"]}, "after": {"x": ["b", "a"]}}, ['here: key: x: ["a", "b"] -> ["b", "a"]']),
        (
            {"before": {"x": {"a": 1, "b": 2}}, "after": {"x": {"b": 3, "c": 4}}},
            ["here: key: x: + c, - a, b: 2 -> 3"],
        ),
        (
            {"before": {"key": "none"}, "after": {"key": f"key/{PLACEHOLDER_KEY_ID}"}},
            ["here: key: key: none -> key/(known after apply)"],
        ),
        ({"before": {"x": "a" * 99}, "after": {"x": "b"}}, [f"here: key: x: {'a' * 80}... -> b"]),
    ],
)
def test_summary_has_a_line_for_each_change(planned: dict[str, Any], lines: list[str]) -> None:
    assert summary_lines("here", "key", planned) == lines


def test_writes_are_recorded_by_run() -> None:
    record_write("kms:CreateKey")
    with recorded_writes() as written:
        record_write("kms:CreateAlias")
    record_write("kms:PutKeyPolicy")
    assert written == ["kms:CreateAlias"]
