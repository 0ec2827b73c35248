# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the result of every task to the file RECORDER_FILE, one JSON line each: what a playbook's test looks at."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: recorder
type: notification
short_description: Results of tasks as lines of JSON
description:
  - For tests. ansible-core has no callback of its own that tells results to a program.
requirements:
  - Environment variable RECORDER_FILE.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._start = time.monotonic()

    def _record(self, result: Any, **more: Any) -> None:
        line = {
            "task": result._task.get_name(),
            "action": result._task.resolved_action or result._task.action,
            "host": result._host.get_name(),
            "check": bool(result._task.check_mode),
            "seconds": round(time.monotonic() - self._start, 3),
            "result": {name: value for name, value in result._result.items() if not name.startswith("_ansible")},
        }
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line | more, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._record(result)
