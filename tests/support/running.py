# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module the two ways that Ansible runs it, and take it through the twelve runs.

``module`` is its own ``main()`` with the arguments in ``ANSIBLE_MODULE_ARGS``; ``controller`` is its action plugin.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings as module_warnings

from ansible_collections.coffer.velero.plugins.module_utils import _concurrency
from ansible_collections.coffer.velero.plugins.module_utils._kms import api as _kms
from tests.support.fixtures import Aws

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core < 2.19

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, Any] | None = None) -> Iterator[None]:
        """What newer versions of ansible-core offer to tests."""
        with mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args or {}}).encode()):
            yield


COLLECTION = "ansible_collections.coffer.velero.plugins"
Result = dict[str, Any]


def run_in_module(module: str, arguments: Mapping[str, Any], *, check: bool) -> Result:
    """Call ``main()`` as the process of a module does."""
    main = importlib.import_module(f"{COLLECTION}.modules.{module}").main
    internal = {
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_module_name": f"coffer.velero.{module}",
    }
    module_warnings._global_warnings.clear()
    output = io.StringIO()
    with (
        _as_on_a_target(),
        patch_module_args({**arguments, **internal}),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        main()
    result: Result = json.loads(output.getvalue())
    result["warnings"] = [_text(warning) for warning in result.get("warnings", [])]
    return result


def _as_on_a_target() -> contextlib.AbstractContextManager[Any]:
    """Where the controller's code is loaded too, ansible-core >= 2.19 prints a module's warnings and returns none."""
    try:
        from ansible.module_utils import _internal
    except ImportError:
        return contextlib.nullcontext()
    return mock.patch.object(_internal, "is_controller", False)


def run_in_controller(module: str, arguments: Mapping[str, Any], *, check: bool) -> Result:
    """Call the action plugin as the worker of a controller with a local connection does."""
    action = importlib.import_module(f"{COLLECTION}.action.{module}").ActionModule.__new__(
        importlib.import_module(f"{COLLECTION}.action.{module}").ActionModule
    )
    action._task = SimpleNamespace(
        action=f"coffer.velero.{module}",
        args=dict(arguments),
        check_mode=check,
        diff=True,
        environment=None,
        async_val=0,
    )
    result: Result = json.loads(json.dumps(action._run_here()))
    result["warnings"] = [_text(warning) for warning in result.get("warnings", [])]
    return result


def _text(warning: Any) -> str:
    """A warning as plain text; a module of ansible-core >= 2.19 wraps it."""
    if not isinstance(warning, dict):
        return str(warning)
    return str(warning.get("event", warning)["msg"])


PATHS: dict[str, Callable[..., Result]] = {"module": run_in_module, "controller": run_in_controller}


class ModuleRunner:
    """``run("kms_key", alias="velero")`` returns what the task would; ``check=True`` for check mode."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, module: str, /, *, check: bool = False, **arguments: Any) -> Result:
        result = PATHS[self.path](module, arguments, check=check)
        result.setdefault("failed", False)
        return result

    def ok(self, module: str, /, *, check: bool = False, **arguments: Any) -> Result:
        """The same, and the run must not fail."""
        result = self(module, check=check, **arguments)
        assert not result["failed"], result["msg"]
        return result

    def refused(self, module: str, /, *, check: bool = False, **arguments: Any) -> str:
        """The same, the run must fail, and what it says is returned."""
        result = self(module, check=check, **arguments)
        assert result["failed"], result
        return str(result["msg"])


@pytest.fixture(params=sorted(PATHS))
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleRunner:
    """A module, run both ways; it does not wait for concurrent writers and for AWS to agree with itself."""
    monkeypatch.setattr(_concurrency, "VERIFY_DELAY", 0.0)
    monkeypatch.setattr(_concurrency, "_VERIFY_AGAIN", (0.0,))
    monkeypatch.setattr(_kms, "_VERIFY_AGAIN", (0.0,))
    return ModuleRunner(request.param)


#: For a test that goes through every request: what a module decides is the same both ways, one of them is enough.
controller_only = pytest.mark.parametrize("run", ["controller"], indirect=True)


def assert_lifecycle(
    run: ModuleRunner,
    module: str,
    *,
    create: Mapping[str, Any],
    modify: Mapping[str, Any],
    delete: Mapping[str, Any] | None,
    state: Callable[[], Any],
) -> list[Result]:
    """Create, modify, delete; each in check mode and for real, for the first time and again.

    A check run changes nothing and tells the same as the real run, which changes something once.

    :param state: reads back what matters of the real thing, comparable with ``==``
    :returns: the result of the real run of each
    """
    return [
        assert_change(run, module, arguments, state) for arguments in (create, modify, delete) if arguments is not None
    ]


def assert_change(run: ModuleRunner, module: str, arguments: Mapping[str, Any], state: Callable[[], Any]) -> Result:
    """One change: check, real, check again, real again."""
    before = state()
    placeholder = run.ok(module, check=True, **arguments)
    assert placeholder["changed"], "the check run saw nothing to do"
    assert state() == before, "the check run changed something"
    real = run.ok(module, **arguments)
    assert real["changed"], "the real run did nothing"
    assert real["diff"] == placeholder["diff"], "the check run promised something else"
    assert real["diff"]["before"] != real["diff"]["after"], "changed without a difference"
    after = state()
    assert after != before, "the real run changed nothing that can be read back"
    for check in (True, False):
        again = run.ok(module, check=check, **arguments)
        assert not again["changed"], f"not idempotent: {again.get('diff')}"
        assert again["diff"] == {"before": {}, "after": {}}
        assert state() == after
    return real


#: What becomes of a request that is disturbed.
every_interruption = pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])


def interrupted_runs(
    run: ModuleRunner,
    aws: Aws,
    module: str,
    options: Mapping[str, Any],
    *,
    kind: Any,
    requests: int,
    arrange: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """On an empty account, disturb each of the requests in turn, and run again; the caller looks at what is there.

    :param arrange: makes what is there before
    """
    for position in range(1, requests + 1):
        aws.moto.reset()
        aws.proxy.reset()
        arrange()
        aws.proxy.fault(position, kind)
        run(module, **options)
        aws.proxy.reset()
        run.ok(module, **options)
        assert not run.ok(module, **options)["changed"]
        yield
