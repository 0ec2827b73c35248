# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in the controller's own process where nothing speaks against it. PRIVATE to coffer.velero.

On ``localhost`` a module costs a new Python and ``import boto3`` each time, most of a second; here the controller
has imported it once, before it forked the worker. Validation, masking, environment, check mode, diff and result
are those of the module: both call the same ``SPEC`` and ``run``.
"""

from __future__ import annotations

import gc
import os
import sys
import typing as t
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial

from ansible import constants as C
from ansible import template
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader, filter_loader, lookup_loader, shell_loader, test_loader
from ansible.utils.display import Display

from ansible_collections.coffer.velero.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, execute


def _preload_plugins() -> None:
    """What every worker would load anew: plugins of our tasks, and the lexer of Jinja."""
    lookup_loader.get("coffer.velero.storage_profile", class_only=True)
    filter_loader.get("coffer.velero.storage_profile")
    test_loader.get("ansible.builtin.defined")
    connection_loader.get("local", class_only=True)
    shell_loader.get("sh", class_only=True)
    trusted = getattr(template, "trust_as_template", str)  # ansible-core before 2.19 trusts every string
    template.Templar(None).template(trusted("{{ [] | length }}"))


#: The variable by which the role coffer.velero.velero_plan says that its tasks plan what a later task applies.
PLANS = "velero_plan_active"

with suppress(KeyError):  # where something else than Ansible has imported this, as tests do
    _preload_plugins()


class ControllerAction(ActionBase):
    """The action of every module of the collection.

    ``MODULE`` is the module's file, with its ``SPEC`` and ``run``.
    """

    MODULE: t.Any = None
    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def __init_subclass__(cls) -> None:
        """An action and its module have been loaded, and stay: without this, every worker's first garbage collection
        copies all of the controller's pages (Python's documentation of :func:`gc.freeze`).
        """
        gc.freeze()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if missing := self.MODULE.SPEC.missing_collection:
            return {**result, **execute(partial(_refuse_missing, missing), Task(params={}))}
        plans = self._task.check_mode and bool(variables.get(PLANS))
        shows_diff, self._task.diff = self._task.diff, self._task.diff or plans
        if not self._in_controller(variables):
            result.update(self._execute_module(task_vars=variables, wrap_async=bool(self._task.async_val)))
            return _planned(result, variables, shows_diff=shows_diff) if plans else result
        with self._environment():
            result.update(self._run_here())
        if not _returns_invocation(variables):
            result.pop("invocation", None)
        return _planned(result, variables, shows_diff=shows_diff) if plans else result

    def _in_controller(self, variables: Mapping[str, t.Any]) -> bool:
        """Whether the module would run here anyway, as this user and with this Python."""
        if self._connection.transport != "local" or self._connection.become or self._task.async_val:
            return False
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        configured = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        interpreter = str(self._templar.template(configured))
        if interpreter.startswith("auto"):
            return True
        same_folder = os.path.dirname(interpreter) == os.path.dirname(sys.executable)  # else it may be another venv
        return same_folder and os.path.realpath(interpreter) == os.path.realpath(sys.executable)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """The task's ``environment``, in force while the module runs."""
        wanted: dict[str, t.Any] = {}
        self._compute_environment_string(wanted)
        before = dict(os.environ)
        os.environ.update({str(name): str(value) for name, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _run_here(self) -> dict[str, t.Any]:
        spec: ArgumentSpec = self.MODULE.SPEC
        arguments = spec.arguments()
        validator = ArgumentSpecValidator(arguments.pop("argument_spec"), **arguments)
        validation = validator.validate(_plain(self._task.args))
        secrets: set[str] = validation._no_log_values.union(spec.secrets(validation.validated_parameters))
        if validation.errors.errors:
            error = validation.errors.errors[0]
            message = str(error.msg)
            if isinstance(error, UnsupportedError):
                message = f"Unsupported parameters for ({self._task.action}) module: {message}"
            result: dict[str, t.Any] = {"failed": True, "msg": message}
        else:
            task = Task(
                params=validation.validated_parameters,
                check_mode=bool(self._task.check_mode),
                diff_mode=bool(self._task.diff),
                progress=Display().display,
            )
            result = execute(self.MODULE.run, task)
        for pair in validation._warnings:
            message = f"Both option {pair['option']} and its alias {pair['alias']} are set."
            result.setdefault("warnings", []).append(message)
        result["invocation"] = {"module_args": validation.validated_parameters}
        return t.cast("dict[str, t.Any]", remove_values(result, secrets))


def _refuse_missing(collection: str, task: Task) -> t.NoReturn:
    """Refuse a task whose connection options are those of a collection that is not there."""
    remediation = f"Install it: ansible-galaxy collection install {collection}."
    raise ValidationError(collection, "the collection", "is not installed", remediation)


def _planned(result: dict[str, t.Any], variables: Mapping[str, t.Any], *, shows_diff: bool) -> dict[str, t.Any]:
    """The result of a task that plans: what it would change is in ``planned``, whether or not a diff is shown.

    In a run that applies the plan afterwards the planning task itself changes nothing, so that the recap counts each
    change once.
    """
    diff = result.get("diff")
    if result.get("changed"):
        result["planned"] = diff
        result["changed"] = bool(variables.get("ansible_check_mode"))
    if not (shows_diff and result.get("changed")):
        result.pop("diff", None)
    return result


def _returns_invocation(variables: Mapping[str, t.Any]) -> bool:
    """Whether a result has the options of its task: an option of ansible-core since 2.21, and always so before."""
    if "INJECT_INVOCATION" not in C.config.get_configuration_definitions():
        return True
    return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))


def _plain(value: t.Any) -> t.Any:
    """Options without the marks of the templating engine, as a module would get them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, bytes)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, date):  # YAML makes one of a timestamp without quotes, a datetime too
        return value.isoformat()
    return float(value) if isinstance(value, float) else str(value)
