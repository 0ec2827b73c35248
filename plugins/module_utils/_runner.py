# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, apply, exit. PRIVATE to coffer.velero.

This is the only place that knows check mode, diff mode and how an error ends a task. It runs the same way in a
module's own process (:func:`run_module`) and in the controller (``plugin_utils/_controller.py``).
"""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule

from ._argspec import ArgumentSpec
from ._arn import validate_account_id
from ._errors import CofferError, ConflictError, UnforeseenError
from ._plan import Plan, recorded_writes, resolve
from ._tags import validate_tags

#: Seconds to wait before reading again what moved; IAM needs some seconds to agree with itself.
_PAUSES = (0.5, 1, 2, 4, 8)


class Resource(t.Protocol):
    """One real thing that a module reconciles with what is wanted."""

    def read(self) -> t.Any:
        """The current state. Unreadable state is an error, never an empty one."""

    def decide(self, current: t.Any) -> Plan:
        """What has to be done; pure."""

    def guard(self, plan: Plan) -> None:
        """Ask what must hold before the plan may be applied; not called where the plan changes nothing.

        :raises ValidationError: where it does not hold
        """

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        """Carry the plan out and return what was learned for its pending values.

        :raises ConflictError: where the state has to be read again
        """


@dataclass
class Task:
    """What a module knows of the task that runs it.

    :param params: the validated options
    :param progress: tells the user how long work is getting on; a module's own process has no way to
    """

    params: Mapping[str, t.Any]
    check_mode: bool = False
    diff_mode: bool = False
    sleep: Callable[[float], None] = time.sleep
    progress: Callable[[str], None] = lambda message: None
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def tolerate_missing_in_check_mode(self, error: CofferError) -> None:
        """Say that something is not there yet that an earlier task makes: a check run goes on, a real run does not."""
        if not self.check_mode:
            raise error

    def reconcile(self, resource: Resource) -> dict[str, t.Any]:
        """Bring a resource to its wanted state and return the task's result."""
        plan, outputs = self._converge(resource)
        for message in plan.warnings:
            self.warn(message)
        result = {"changed": plan.changed, **resolve(plan.result, outputs)}
        if plan.unmet_dependency is not None:
            result["unmet_dependency"] = str(plan.unmet_dependency)
        if self.diff_mode:
            result["diff"] = resolve(plan.diff, outputs)
        return result

    def wait_for(self, confirm: Callable[[], Mapping[str, t.Any]]) -> Mapping[str, t.Any]:
        """Wait for what a task promises beyond its own requests; a check run has nothing to wait for.

        :param confirm: called also where nothing was changed, for an earlier run may have been cut while it waited
        :returns: what it adds to the task's result
        """
        return {} if self.check_mode else confirm()

    def _converge(self, resource: Resource) -> tuple[Plan, Mapping[str, t.Any]]:
        first: Plan | None = None
        for pause in (*_PAUSES, None):
            plan = resource.decide(resource.read())
            if plan.unmet_dependency is not None and not self.check_mode:
                raise plan.unmet_dependency
            # What was done before the state moved is this task's doing too: the first plan tells the whole story.
            told = Plan(first.steps, first.differences, plan.result, plan.warnings) if first else plan
            if not plan.changed:
                return told, {}
            resource.guard(plan)
            if self.check_mode:
                return told, {}
            try:
                return told, resource.apply(plan)
            except ConflictError as moved:
                if pause is None:
                    raise moved.cause from moved
                self.sleep(pause)
                first = first or plan
        raise AssertionError("unreachable")


Run = Callable[[Task], Mapping[str, t.Any]]


def execute(run: Run, task: Task) -> dict[str, t.Any]:
    """Run a module's work and return its result as plain data, a failure too: it says what was written before it."""
    with recorded_writes() as written:
        try:
            _refuse_values(task.params)
            result = dict(run(task))
        except CofferError as error:
            result = _failed(error, written)
        except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, the user gets a sentence
            unforeseen = UnforeseenError(error)
            result = {**_failed(unforeseen, written), "exception": unforeseen.traceback}
    if task.warnings:
        result["warnings"] = list(task.warnings)
    return t.cast("dict[str, t.Any]", json.loads(json.dumps(result, default=str)))


def _refuse_values(params: Mapping[str, t.Any]) -> None:
    """What no module takes, whatever it does with the option."""
    for name in ("account_id", "expected_account_id", "expected_bucket_owner"):
        if params.get(name):
            validate_account_id(params[name], option=name)
    if isinstance(params.get("tags"), Mapping):
        validate_tags(params["tags"], option="tags")


def _failed(error: CofferError, written: Sequence[str]) -> dict[str, t.Any]:
    result = {"failed": True, "changed": bool(written), "msg": str(error), "error": error.describe()}
    return {**result, "written": list(written)} if written else result


def run_module(spec: ArgumentSpec, run: Run) -> t.NoReturn:
    """The ``main()`` of every module."""

    class Module(AnsibleModule):
        def _log_invocation(self) -> None:
            """Know all secrets before the invocation goes to the system's log."""
            self.no_log_values.update(spec.secrets(self.params))
            super()._log_invocation()  # type: ignore[no-untyped-call]

    module = Module(**spec.arguments(), supports_check_mode=True)  # type: ignore[no-untyped-call]
    module.no_log_values.update(spec.secrets(module.params))
    # pylint: disable-next=protected-access
    result = execute(run, Task(params=module.params, check_mode=module.check_mode, diff_mode=module._diff))
    for message in result.pop("warnings", ()):
        module.warn(message)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
