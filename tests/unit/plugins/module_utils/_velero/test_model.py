# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups and restores a rollout would harm, and where a backup goes that names no location."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._velero.model import default_location, running


def test_running() -> None:
    phases = [
        "",
        "New",
        "Queued",
        "ReadyToStart",
        "InProgress",
        "Finalizing",
        "WaitingForPluginOperations",
        "Completed",
    ]
    objects = [{"metadata": {"name": f"b{n}"}, "status": {"phase": phase}} for n, phase in enumerate(phases)]
    expected = ["b0 (New)", "b1 (New)", "b2 (Queued)", "b3 (ReadyToStart)", "b4 (InProgress)"]
    assert running(objects, node_agent=False) == expected
    assert running(objects, node_agent=True) == [*expected, "b6 (WaitingForPluginOperations)"]


def test_default_location() -> None:
    other, plain = {"metadata": {"name": "other"}}, {"metadata": {"name": "default"}}
    marked = {"metadata": {"name": "marked"}, "spec": {"default": True}}
    assert default_location([other, plain, marked]) is marked
    assert default_location([other, plain]) is plain
    assert default_location([other]) is None
