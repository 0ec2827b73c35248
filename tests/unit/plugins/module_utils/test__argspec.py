# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs as ``AnsibleModule`` and its validator take them."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS, ArgumentSpec


def test_constraints_are_plain_lists() -> None:
    spec = ArgumentSpec(
        {**STATE, **TAGS},
        mutually_exclusive=(("a", "b"),),
        required_if=(("state", "present", ("a",)),),
        required_by={"a": ("b",)},
    )
    arguments = spec.arguments()
    assert arguments.pop("argument_spec") == {**STATE, **TAGS}
    assert arguments == {
        "mutually_exclusive": [["a", "b"]],
        "required_together": [],
        "required_one_of": [],
        "required_if": [("state", "present", ["a"])],
        "required_by": {"a": ["b"]},
    }
    assert set(spec.secrets({"a": "b"})) == set()


def test_options_are_not_shared_between_tasks() -> None:
    spec = ArgumentSpec(STATE)
    spec.arguments()["argument_spec"]["state"]["default"] = "absent"
    assert spec.arguments()["argument_spec"]["state"]["default"] == "present"
