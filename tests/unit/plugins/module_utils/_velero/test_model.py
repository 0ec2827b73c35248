# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups and restores a rollout would harm."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._velero.model import running


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
