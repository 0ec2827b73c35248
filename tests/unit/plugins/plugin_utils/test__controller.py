# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks run in the controller, with which options and environment. ``tests/integration`` has it for real."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task
from ansible_collections.coffer.velero.plugins.plugin_utils import _controller
from ansible_collections.coffer.velero.plugins.plugin_utils._controller import ControllerAction

BESIDE = str(Path(sys.executable).with_name("python3"))


def action(**changes: Any) -> Any:
    """An action on a local connection; ``changes`` are attributes of the connection or of the task."""
    plugin: Any = ControllerAction.__new__(ControllerAction)
    connection: dict[str, Any] = {"transport": "local", "become": None}
    task: dict[str, Any] = {
        "async_val": 0,
        "delegate_to": None,
        "args": {},
        "check_mode": False,
        "diff": False,
        "action": "x",
    }
    for name, value in changes.items():
        (connection if name in connection else task)[name] = value
    plugin._connection, plugin._task = SimpleNamespace(**connection), SimpleNamespace(**task)
    plugin._templar = SimpleNamespace(template=lambda value: sys.executable if value == "{{ same }}" else value)
    return plugin


@pytest.mark.parametrize(
    ("changes", "interpreter", "here"),
    [
        ({}, None, True),
        ({}, "auto", True),
        ({}, "auto_silent", True),
        ({}, sys.executable, True),
        ({}, "{{ same }}", True),
        ({}, BESIDE, True),
        # The same program by another path can be another environment.
        ({}, os.path.realpath(sys.executable) if os.path.islink(sys.executable) else "/other/python", False),
        ({}, "/usr/bin/false", False),
        ({}, "python3", False),
        ({"transport": "ssh"}, sys.executable, False),
        ({"become": object()}, sys.executable, False),
        ({"async_val": 5}, sys.executable, False),
    ],
)
def test_where_a_task_runs(changes: dict[str, Any], interpreter: str | None, here: bool) -> None:
    variables = {"ansible_python_interpreter": interpreter} if interpreter else {}
    assert action(**changes)._in_controller(variables) is here


@pytest.mark.parametrize(("interpreter", "here"), [(sys.executable, True), ("/nowhere/python", False)])
def test_the_interpreter_is_that_of_the_host_that_is_delegated_to(interpreter: str, here: bool) -> None:
    other = "/nowhere/python" if here else sys.executable
    delegated = {"localhost": {"ansible_python_interpreter": interpreter}}
    variables = {"ansible_python_interpreter": other, "ansible_delegated_vars": delegated}
    assert action(delegate_to="localhost")._in_controller(variables) is here


def test_configured_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_PYTHON_INTERPRETER", "/nowhere/python")
    assert not action()._in_controller({})


def test_environment_holds_for_the_task_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELERO_TEST_KEPT", "before")
    plugin = action()
    plugin._compute_environment_string = lambda into: into.update(VELERO_TEST_KEPT="inside", VELERO_TEST_NEW=5)
    before = dict(os.environ)
    with pytest.raises(RuntimeError), plugin._environment():  # noqa: PT012
        os.environ["VELERO_TEST_MORE"] = "by the module"
        assert (os.environ["VELERO_TEST_KEPT"], os.environ["VELERO_TEST_NEW"]) == ("inside", "5")
        raise RuntimeError
    assert dict(os.environ) == before


def test_options_are_plain() -> None:
    """Nothing of the templating engine gets into boto3, whose parameter validation asks for exact types."""
    marked = {"a": [True, 1, 1.5, None, "text", b"bytes"], 2: ("x",)}
    plain = _controller._plain(marked)
    assert plain == {"a": [True, 1, 1.5, None, "text", b"bytes"], "2": ["x"]}
    assert {type(value) for value in plain["a"]} == {bool, int, float, type(None), str, bytes}


def test_timestamps_are_told_as_a_module_gets_them() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert _controller._plain([moment.date(), moment]) == ["2026-01-01", "2026-01-01T12:00:00+00:00"]


def run_here(spec: ArgumentSpec, arguments: dict[str, Any]) -> dict[str, Any]:
    def run(task: Task) -> dict[str, Any]:
        return {"changed": False, "told": f"it is {task.params.get('word')} {task.params.get('inner')}"}

    plugin = action(args=arguments)
    plugin.MODULE = SimpleNamespace(SPEC=spec, run=run)
    result: dict[str, Any] = plugin._run_here()
    return result


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"word": "hunter2"}, "it is ******** None"),
        ({"inner": {"token": "hunter3"}}, "it is None {'token': '********'}"),
    ],
    ids=["option", "found in an option"],
)
def test_secrets_are_masked(arguments: dict[str, Any], told: str) -> None:
    spec = ArgumentSpec(
        options={"word": {"type": "str", "no_log": True}, "inner": {"type": "dict"}},
        secrets=lambda params: [params["inner"]["token"]] if params.get("inner") else [],
    )
    result = run_here(spec, arguments)
    assert result["told"] == told
    assert "hunter" not in str(result)
