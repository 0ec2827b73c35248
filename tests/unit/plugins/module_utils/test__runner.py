# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, decide, guard, apply: in which order, how often, and what is told of it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import (
    CofferError,
    ConflictError,
    ServiceError,
    ValidationError,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Computed, Difference, Plan, Step, record_write
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, execute

RIVAL = ServiceError("kms:CreateAlias", "AlreadyExistsException", "somebody was faster", status=400)


def change(name: str, *, result: Mapping[str, Any] | None = None, warnings: tuple[str, ...] = ()) -> Plan:
    step = Step(f"kms:{name}")
    return Plan((step,), (Difference(name, None, "there"),), {"plan": name} if result is None else result, warnings)


def nothing(
    name: str = "nothing", *, warnings: tuple[str, ...] = (), unmet_dependency: CofferError | None = None
) -> Plan:
    return Plan(result={"plan": name}, warnings=warnings, unmet_dependency=unmet_dependency)


@dataclass
class Thing:
    """A resource that decides on one plan after the other, and writes down what is asked of it.

    :param outcomes: what each apply does: raise, or return what it learned
    """

    plans: list[Plan]
    outcomes: list[Exception | Mapping[str, Any]] = field(default_factory=list)
    refusal: ValidationError | None = None
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._plans: Iterator[Plan] = iter(self.plans)
        self._outcomes = iter(self.outcomes)

    def read(self) -> str:
        self.log.append("read")
        return f"state {self.log.count('read')}"

    def decide(self, current: str) -> Plan:
        assert current == f"state {self.log.count('read')}", "decided on an old state"
        return next(self._plans)

    def guard(self, plan: Plan) -> None:
        self.log.append("guard")
        if self.refusal:
            raise self.refusal

    def apply(self, plan: Plan) -> Mapping[str, Any]:
        self.log.append(f"apply {plan.steps[0].action}")
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def reconcile(thing: Thing, *, check_mode: bool = False, diff_mode: bool = True) -> tuple[dict[str, Any], Task]:
    sleeps: list[float] = []
    task = Task(params={}, check_mode=check_mode, diff_mode=diff_mode, sleep=sleeps.append)
    result = task.reconcile(thing)
    thing.log.extend(f"sleep {seconds}" for seconds in sleeps)
    return result, task


# --- one round -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [True, False], ids=["check", "real"])
def test_nothing_to_do(check_mode: bool) -> None:
    thing = Thing([nothing()], refusal=ValidationError("a", "b", "c", "d"))
    result, _task = reconcile(thing, check_mode=check_mode)
    assert result == {"changed": False, "plan": "nothing", "diff": {"before": {}, "after": {}}}
    assert thing.log == ["read"], "the guard has nothing to say where nothing is changed"


def test_change_is_guarded_then_applied() -> None:
    thing = Thing([change("one")], [{}])
    result, _task = reconcile(thing)
    assert result == {"changed": True, "plan": "one", "diff": {"before": {}, "after": {"one": "there"}}}
    assert thing.log == ["read", "guard", "apply kms:one"]


def test_check_run_is_guarded_and_not_applied() -> None:
    thing = Thing([change("one")])
    result, _task = reconcile(thing, check_mode=True)
    assert result == {"changed": True, "plan": "one", "diff": {"before": {}, "after": {"one": "there"}}}
    assert thing.log == ["read", "guard"]


@pytest.mark.parametrize("check_mode", [True, False], ids=["check", "real"])
def test_refusal_of_the_guard_ends_the_task_before_anything_is_changed(check_mode: bool) -> None:
    thing = Thing([change("one")], refusal=ValidationError("option", "resource", "cannot be", "Do this."))
    with pytest.raises(ValidationError, match=r"^option: resource cannot be\. Do this\.$"):
        reconcile(thing, check_mode=check_mode)
    assert thing.log == ["read", "guard"]


def test_diff_only_where_asked_for() -> None:
    result, _task = reconcile(Thing([change("one")], [{}]), diff_mode=False)
    assert "diff" not in result


@pytest.mark.parametrize(("check_mode", "key"), [(True, "0000"), (False, "1234")], ids=["check", "real"])
def test_result_has_what_was_learned_else_what_was_predicted(check_mode: bool, key: str) -> None:
    plan = change("one", result={"key_id": Computed("key_id", "0000")})
    result, _task = reconcile(Thing([plan], [{"key_id": "1234"}]), check_mode=check_mode)
    assert result["key_id"] == key


@pytest.mark.parametrize("plan", [nothing(warnings=("careful",)), change("one", warnings=("careful", "careful"))])
@pytest.mark.parametrize("check_mode", [True, False], ids=["check", "real"])
def test_warnings_are_told_once(plan: Plan, check_mode: bool) -> None:
    _result, task = reconcile(Thing([plan], [{}]), check_mode=check_mode)
    assert task.warnings == ["careful"]


# --- what is not there yet -------------------------------------------------------------------------------------------


def test_unmet_ends_a_real_run() -> None:
    thing = Thing([nothing(unmet_dependency=CofferError("the bucket does not exist"))])
    with pytest.raises(CofferError, match="the bucket does not exist"):
        reconcile(thing)


def test_check_run_goes_on_with_what_is_unmet() -> None:
    result, _task = reconcile(Thing([nothing(unmet_dependency=CofferError("no bucket"))]), check_mode=True)
    assert result["plan"] == "nothing"


# --- what moved meanwhile --------------------------------------------------------------------------------------------


def test_moved_is_read_and_decided_again() -> None:
    thing = Thing([change("one"), change("two")], [ConflictError(RIVAL), {}])
    result, _task = reconcile(thing)
    assert result["plan"] == "two"
    assert thing.log == ["read", "guard", "apply kms:one", "read", "guard", "apply kms:two", "sleep 0.5"]


def test_the_first_plan_tells_the_story() -> None:
    """What was done before the state moved is this task's doing too."""
    thing = Thing([change("one"), change("two"), change("three")], [ConflictError(RIVAL), ConflictError(RIVAL), {}])
    result, _task = reconcile(thing)
    assert result == {"changed": True, "plan": "three", "diff": {"before": {}, "after": {"one": "there"}}}


def test_moved_to_where_it_should_be_is_still_a_change() -> None:
    thing = Thing([change("one"), nothing("done")], [ConflictError(RIVAL)])
    result, _task = reconcile(thing)
    assert result == {"changed": True, "plan": "done", "diff": {"before": {}, "after": {"one": "there"}}}
    assert thing.log == ["read", "guard", "apply kms:one", "read", "sleep 0.5"]


def test_the_cause_is_told_where_it_keeps_moving() -> None:
    thing = Thing([change("one")] * 6, [ConflictError(RIVAL)] * 6)
    sleeps: list[float] = []
    with pytest.raises(ServiceError, match="somebody was faster") as raised:
        Task(params={}, sleep=sleeps.append).reconcile(thing)
    assert raised.value is RIVAL
    assert sleeps == [0.5, 1, 2, 4, 8]
    assert thing.log.count("apply kms:one") == 6


def test_last_try_may_succeed() -> None:
    result, _task = reconcile(Thing([change("one")] * 6, [*[ConflictError(RIVAL)] * 5, {}]))
    assert result["changed"]


def test_any_other_failure_ends_the_task() -> None:
    denied = ServiceError("kms:CreateKey", "AccessDeniedException", "no", status=400)
    thing = Thing([change("one")], [denied])
    with pytest.raises(ServiceError) as raised:
        reconcile(thing)
    assert raised.value is denied
    assert thing.log == ["read", "guard", "apply kms:one"]


# --- waiting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("check_mode", "added"), [(True, {}), (False, {"ready": True})], ids=["check", "real"])
def test_only_a_real_run_waits(check_mode: bool, added: dict[str, Any]) -> None:
    assert Task(params={}, check_mode=check_mode).wait_for(lambda: {"ready": True}) == added


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (
            ValidationError("alias", "alias/velero", "is taken", "Choose another."),
            {
                "msg": "alias: alias/velero is taken. Choose another.",
                "error": {
                    "option": "alias",
                    "object": "alias/velero",
                    "cause": "is taken",
                    "remediation": "Choose another.",
                },
            },
        ),
        (
            ServiceError("kms:CreateKey", "AccessDeniedException", "no", status=400, hint="Ask."),
            {
                "msg": "kms:CreateKey failed: AccessDeniedException: no Ask.",
                "error": {
                    "action": "kms:CreateKey",
                    "code": "AccessDeniedException",
                    "cause": "no",
                    "remediation": "Ask.",
                },
            },
        ),
        (
            CofferError("It is gone. Make it again."),
            {
                "msg": "It is gone. Make it again.",
                "error": {"cause": "It is gone", "remediation": "Make it again."},
            },
        ),
    ],
    ids=["refusal", "service", "other"],
)
def test_error_ends_the_task(error: CofferError, described: dict[str, Any]) -> None:
    def run(task: Task) -> dict[str, Any]:
        task.warn("before")
        raise error

    assert execute(run, Task(params={})) == {"failed": True, "changed": False, "warnings": ["before"], **described}


def test_an_error_after_a_write_says_what_was_written() -> None:
    denied = ServiceError("kms:GetKeyPolicy", "AccessDeniedException", "no", status=400)

    def run(task: Task) -> dict[str, Any]:
        record_write("kms:PutKeyPolicy")
        raise denied

    result = execute(run, Task(params={}))
    assert (result["failed"], result["changed"], result["written"]) == (True, True, ["kms:PutKeyPolicy"])
    assert not execute(lambda task: nothing_written(denied), Task(params={}))["changed"], "of an earlier task"


def nothing_written(error: Exception) -> dict[str, Any]:
    raise error


def test_a_check_run_says_what_is_missing() -> None:
    missing = ValidationError("bucket", "b", "does not exist", "Create it.")
    result, _task = reconcile(Thing([nothing(unmet_dependency=missing)]), check_mode=True)
    assert result["unmet_dependency"] == "bucket: b does not exist. Create it."


def test_a_mistake_of_ours_is_not_hidden() -> None:
    def run(task: Task) -> dict[str, Any]:
        return {"x": task.params["no such option"]}

    result = execute(run, Task(params={}))
    assert result["msg"].startswith("coffer.velero: stopped at an answer or a value that it does not know (")
    assert result["error"]["remediation"].startswith("Run the task with -vvv, and report")
    assert "KeyError: 'no such option'" in result["exception"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            FileNotFoundError(2, "No such file or directory", "list.csv"),
            "list.csv: cannot be used: No such file or directory. Correct the path, its permissions or the space on "
            "its disk, on the machine that runs the task.",
        ),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "a text: is not UTF-8. Save the files that the task's"),
        (AttributeError("'NoneType' object has no attribute 'x'"), "coffer.velero: stopped at an answer or a value"),
    ],
)
def test_what_nobody_foresaw_is_a_sentence(error: Exception, message: str) -> None:
    result = execute(lambda task: nothing_written(error), Task(params={}))
    assert result["msg"].startswith(message)
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["error"]["cause"]


def test_result_is_plain_data_and_nothing_is_masked() -> None:
    """Masking belongs to the two callers, who know which options are secret."""
    day = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
    task = Task(params={"secret": "hunter2"})
    result = execute(lambda task: {"pair": (1, 2), "day": day, "shown": task.params["secret"], 3: None}, task)
    assert result == {"pair": [1, 2], "day": "2026-11-24 00:00:00+00:00", "shown": "hunter2", "3": None}
    assert json.loads(json.dumps(result)) == result


def test_no_warnings_no_key() -> None:
    assert execute(lambda task: {"changed": False}, Task(params={})) == {"changed": False}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"expected_bucket_owner": "1402433619"}, "expected_bucket_owner: 1402433619 is not an account. Give its 12"),
        ({"account_id": "11112222333"}, "account_id: 11112222333 is not an account. Give its 12 digits, quoted."),
        ({"tags": {"a": None}}, 'tags: the value of "a" is empty, and no text. Write it in quotes.'),
        ({"tags": {"a": True}}, 'tags: the value of "a" is a truth value, and no text.'),
        ({"tags": {"a": ["x"]}}, 'tags: the value of "a" is a list, and no text.'),
        ({"tags": {"a": {"x": 1}}}, 'tags: the value of "a" is a dictionary, and no text.'),
        ({"tags": {"a": 1.1}}, 'tags: the value of "a" is a decimal number, and no text.'),
    ],
)
def test_values_that_yaml_has_changed(params: dict[str, Any], message: str) -> None:
    result = execute(lambda task: {"changed": True}, Task(params=params))
    assert result["failed"]
    assert result["msg"].startswith(message)


def test_values_as_they_should_be() -> None:
    params = {"expected_bucket_owner": "012345670123", "account_id": None, "tags": {"cost": 1234, "team": "a"}}
    assert execute(lambda task: {"changed": False}, Task(params=params)) == {"changed": False}
