# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``site.yml`` run as its users run it, and the tasks that it ran, to be run again without ansible-playbook.

A playbook takes seconds and a task of it milliseconds: what has to be tried hundreds of times is tried with the tasks,
whose options are those that the roles gave them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.emulators import ROOT
from tests.support.running import Result, run_in_controller

COLLECTION = "coffer.velero."
KUBERNETES = frozenset({"velero_identity", "backup_storage_location", "sse_c_secret"})
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
PLAYBOOK_SECONDS = 120


@dataclass
class Site:
    """An inventory of one installation, and the environment that leads to its account and cluster."""

    directory: Path
    environment: dict[str, str]
    variables: dict[str, Any]
    name: str = "site"
    playbook: str = "site.yml"
    hosts: dict[str, dict[str, Any]] | None = None  # in place of the one with the variables

    @property
    def record(self) -> Path:
        return self.directory / f"{self.name}.record"

    def start(self, *options: str) -> subprocess.Popen[str]:
        inventory = self.directory / f"{self.name}.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts or {self.name: self.variables}}}))
        self.record.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_", "K8S_"))}
        environment = {
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_INJECT_INVOCATION": "true",
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "temporary"),
            "RECORDER_FILE": str(self.record),
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), *options]
        return subprocess.Popen(
            [*command, str(ROOT / self.playbook)],
            env=kept | environment | self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str) -> list[dict[str, Any]]:
        """Run it to its end, which must be a good one; what its tasks of ours returned."""
        process = self.start(*options)
        output, dummy = process.communicate(timeout=PLAYBOOK_SECONDS)
        assert process.returncode == 0, output
        return self.records()

    def kill(self, process: subprocess.Popen[str]) -> None:
        """End it and its workers, which are in sessions of their own, at once."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(stat.parent.name))
        family = [process.pid]
        for member in family:
            family.extend(parents.get(member, ()))
        for member in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        process.communicate()

    def lines(self) -> list[dict[str, Any]]:
        """The results of all tasks."""
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

    def records(self) -> list[dict[str, Any]]:
        """The results of the tasks of this collection, those that were not skipped."""
        return [
            line
            for line in self.lines()
            if line["action"].startswith(COLLECTION) and "skip_reason" not in line["result"]
        ]


@dataclass(frozen=True)
class Task:
    """A module with the options that a role gave it."""

    module: str
    options: dict[str, Any]


def _options(line: dict[str, Any]) -> dict[str, Any]:
    """What was given, without the defaults and the credentials of the environment that Ansible shows beside it."""
    options: dict[str, Any] = line["result"]["invocation"]["module_args"]
    return {name: value for name, value in options.items() if value is not None and value != HIDDEN}


@dataclass(frozen=True)
class Script:
    """The tasks of a run. What only the service chooses, the key's ARN, is that of the present run."""

    tasks: tuple[Task, ...]
    key_arn: str

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]]) -> Script:
        tasks = tuple(
            Task(line["action"].removeprefix(COLLECTION), _options(line))
            for line in records
            if not line["check"]  # of the plan
        )
        (key_arn,) = (
            line["result"]["key_arn"]
            for line in records
            if line["action"] == f"{COLLECTION}kms_key" and not line["check"]
        )
        return cls(tasks, key_arn)

    @property
    def namespace(self) -> str:
        return str(next(task.options["namespace"] for task in self.tasks if "namespace" in task.options))

    def adapted(self, texts: Mapping[str, str]) -> Script:
        """The same with some texts replaced by others, wherever they are."""
        whole = json.dumps([[task.module, task.options] for task in self.tasks])
        for old, new in texts.items():
            whole = whole.replace(old, new)
        tasks = tuple(Task(module, options) for module, options in json.loads(whole))
        return Script(tasks, texts.get(self.key_arn, self.key_arn))

    @property
    def aws(self) -> Script:
        return Script(tuple(task for task in self.tasks if task.module not in KUBERNETES), self.key_arn)

    @property
    def kubernetes(self) -> Script:
        return Script(tuple(task for task in self.tasks if task.module in KUBERNETES), self.key_arn)

    def only(self, *modules: str) -> Script:
        return Script(tuple(task for task in self.tasks if task.module in modules), self.key_arn)

    def run(
        self,
        before_each: Callable[[], object] = lambda: None,
        after_failure: Callable[[Result], object] | None = None,
        **options: Any,
    ) -> list[Result]:
        """Run the tasks up to the first that fails; ``options`` are added to those of each.

        With ``after_failure`` a task that fails is run once more.
        """
        key_arn, results = self.key_arn, []
        for task in self.tasks:
            before_each()
            told = json.loads(json.dumps(task.options).replace(self.key_arn, key_arn)) | options
            results.append(run_in_controller(task.module, told, check=False))
            if results[-1].get("failed") and after_failure is not None:
                after_failure(results[-1])
                results.append(run_in_controller(task.module, told, check=False))
            if results[-1].get("failed"):
                break
            if task.module == "kms_key":
                key_arn = results[-1]["key_arn"]
        return results

    def finish(self, before_each: Callable[[], object] = lambda: None, **options: Any) -> list[Result]:
        """The same, and no task may fail."""
        results = self.run(before_each, **options)
        assert not results[-1].get("failed"), results[-1].get("msg")
        return results
