# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook: in the controller's process and in a process of its own, a task is the same task."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.emulators import ROOT, Moto
from tests.support.proxy import Proxy

SECRET = "aSecretOfFortyCharactersThatNobodyMaySee"
OTHER_ACCOUNT = "222222222222"
PATHS = ("controller", "module")

BECOME_PLUGIN = """
from ansible.plugins.become import BecomeBase

DOCUMENTATION = '''
name: marker
short_description: Becomes nobody, and leaves a mark
description: For tests.
options:
  become_user:
    description: Not used.
    default: root
  become_exe:
    description: Not used.
  become_flags:
    description: Not used.
'''


class BecomeModule(BecomeBase):
    name = "marker"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return "touch MARK; " + self._build_success_command(cmd, shell)
"""


@dataclass(frozen=True)
class Played:
    """What a playbook printed, and the results of its tasks by name."""

    output: str
    records: list[dict[str, Any]]

    def __getitem__(self, task: str) -> dict[str, Any]:
        (result,) = [record["result"] for record in self.records if record["task"] == task]
        return dict(result)

    def path(self, task: str) -> str:
        """Where a task ran: only a hand-over sends a file."""
        (part,) = [part for part in re.split(r"(?m)^TASK \[", self.output) if part.startswith(f"{task}]")]
        return "module" if re.search(r"Using module file \S+/plugins/modules/\w+\.py", part) else "controller"


@dataclass(frozen=True)
class Place:
    """A directory to play in, and the emulator behind it."""

    directory: Path
    moto: Moto

    def interpreter(self, path: str) -> str:
        """The Python of the controller; by another name it could be any other, so that the task is handed over."""
        if path == "controller":
            return sys.executable
        wrapper = self.directory / "another-python"
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        wrapper.chmod(0o755)
        return str(wrapper)

    def play(
        self,
        tasks: list[dict[str, Any]],
        *,
        verbosity: int = 4,
        path: str = "controller",
        inventory: str = "",
        more: dict[str, str] | None = None,
        **play: Any,
    ) -> Played:
        """Run the tasks as a play on localhost, or on the hosts of an inventory with their own interpreters."""
        book, record = self.directory / "play.yml", self.directory / "record"
        whole = {
            "name": "Test",
            "hosts": "all" if inventory else "localhost",
            "gather_facts": False,
            "tasks": tasks,
        } | play
        book.write_text(yaml.safe_dump([whole], sort_keys=False))
        record.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
        environment |= self.moto.environment | {
            "ANSIBLE_BECOME_ALLOW_SAME_USER": "true",
            "ANSIBLE_BECOME_PLUGINS": str(self.directory / "become"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_ASYNC_DIR": str(self.directory / "async"),
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "temporary"),
            "ANSIBLE_REMOTE_TEMP": str(self.directory / "temporary"),
            "RECORDER_FILE": str(record),
            **(more or {}),
        }
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *(["-" + "v" * verbosity] if verbosity else []),
            *(["-i", inventory] if inventory else ["-e", f"ansible_python_interpreter={self.interpreter(path)}"]),
            str(book),
        ]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done: Any = subprocess.run(command, env=environment, cwd=self.directory, check=False, **output)
        assert record.exists(), done.stdout
        return Played(done.stdout, [json.loads(line) for line in record.read_text().splitlines()])


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        yield moto


@pytest.fixture(scope="module")
def place(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Place:
    directory = tmp_path_factory.mktemp("controller")
    (directory / "ansible.cfg").touch()
    (directory / "become").mkdir()
    plugin = BECOME_PLUGIN.replace("MARK", str(directory / "mark"))
    (directory / "become" / "marker.py").write_text(plugin)
    return Place(directory, moto)


def key(name: str, *, ignore_errors: bool = False, alias: str | None = "velero", **more: Any) -> dict[str, Any]:
    """A task on the key; what is not a keyword of Ansible is an option of the module."""
    keywords = {word: more.pop(word) for word in KEYWORDS if word in more}
    options = {"alias": alias, **more} if alias else more
    return {"name": name, "coffer.velero.kms_key": options, "ignore_errors": ignore_errors, **keywords}


KEYWORDS = (
    "check_mode",
    "diff",
    "environment",
    "become",
    "become_method",
    "async",
    "poll",
    "module_defaults",
    "loop",
    "vars",
)
WANTED: dict[str, Any] = {
    "description": "Backups",
    "rotation_period_in_days": 100,
    "tags": {"service": "velero", "year": 2026},
}
#: As YAML reads it where nobody put it into quotes.
MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)

#: The same tasks, both ways, one after the other.
TASKS = [
    key("Check", check_mode=True, diff=True, **WANTED),
    key("Create", diff=True, **WANTED),
    key("Again", diff=True, **WANTED),
    key("Change", diff=True, **(WANTED | {"description": "Other backups"})),
    key("Without diff", diff=False, **(WANTED | {"description": "Backups"})),
    key(
        "From templates",
        vars={"days": 100},
        diff=True,
        rotation_period_in_days="{{ days }}",
        tags="{{ {'year': days * 20 + 26} }}",
        purge_tags="{{ 1 == 2 }}",
    ),
    key("Dates", check_mode=True, diff=True, purge_tags=False, tags={"day": MOMENT.date(), "moment": MOMENT}),
    key("Loop", loop=[90, 200], rotation_period_in_days="{{ item }}", check_mode=True, diff=True),
    key("Refused", ignore_errors=True, rotation_period_in_days=5),
    key("Unsupported", ignore_errors=True, rotation=True),
    key("Nothing given", ignore_errors=True, alias=None),
    key("Not a number", ignore_errors=True, rotation_period_in_days="often"),
    key("Not a choice", ignore_errors=True, state=SECRET, secret_key=SECRET),
    key("Both names", region="us-east-1", aws_region="us-east-1"),
    key("Secret", secret_key=SECRET, description=f"Do not show {SECRET}", diff=True),
    key("AWS says no", ignore_errors=True, alias=None, key_id="1234abcd-12ab-34cd-56ef-1234567890ab"),
]
NAMES = [str(task["name"]) for task in TASKS]


@pytest.fixture(scope="module")
def played(place: Place) -> dict[str, Played]:
    """The tasks, both ways, each on an empty account."""
    both = {}
    for path in PATHS:
        place.moto.reset()
        both[path] = place.play(TASKS, path=path, vars={"ansible_inject_invocation": True})
    return both


IDS = re.compile(r"(?!0{8})[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """A result without the ids that AWS chooses and what core adds to it in one place only."""
    result = {name: value for name, value in record["result"].items() if name not in CORE}
    result["results"] = [
        {name: value for name, value in item.items() if not name.startswith("_ansible")}
        for item in result.get("results", [])
    ]
    return dict(json.loads(IDS.sub("ID", json.dumps(result, sort_keys=True))))


CORE = ("exception", "ansible_facts", "failed")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("task", NAMES)
def test_task_runs_where_it_should(played: dict[str, Played], path: str, task: str) -> None:
    assert played[path].path(task) == path


@pytest.mark.parametrize("task", NAMES)
def test_both_ways_give_the_same_result(played: dict[str, Played], task: str) -> None:
    one, other = ([comparable(record) for record in played[path].records if record["task"] == task] for path in PATHS)
    assert one
    assert one == other


@pytest.mark.parametrize("path", PATHS)
def test_results(played: dict[str, Played], path: str) -> None:
    """That both are the same is not enough: they could both be wrong."""
    results = played[path]
    change = {"before": {"description": "Backups"}, "after": {"description": "Other backups"}}
    assert results["Create"]["changed"]
    assert results["Check"]["diff"] == results["Create"]["diff"]
    assert results["Check"]["diff"]["after"]["tags"] == {"service": "velero", "year": "2026"}
    assert (results["Again"]["changed"], results["Again"]["diff"]) == (False, {"before": {}, "after": {}})
    assert (results["Change"]["changed"], results["Change"]["diff"]) == (True, change)
    assert "diff" not in results["Without diff"]
    assert not results["From templates"]["changed"]
    assert results["Dates"]["tags"] == {
        "service": "velero",
        "year": "2026",
        "day": "2026-01-01",
        "moment": "2026-01-01T12:00:00+00:00",
    }
    assert [item["changed"] for item in results["Loop"]["results"]] == [True, True]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("Refused", "rotation_period_in_days"),
        ("Unsupported", "Unsupported parameters for (coffer.velero.kms_key) module: rotation. Supported parameters"),
        ("Nothing given", "one of the following is required: alias, key_id"),
        ("Not a number", "'rotation_period_in_days' is of type"),
        ("Not a choice", "value of state must be one of: present, absent, got: ****"),
        ("AWS says no", "key_id: 1234abcd-12ab-34cd-56ef-1234567890ab does not exist"),
    ],
)
def test_failures(played: dict[str, Played], path: str, task: str, text: str) -> None:
    result = played[path][task]
    assert text in result["msg"]


@pytest.mark.parametrize("path", PATHS)
def test_both_names_of_an_option_are_warned_of(played: dict[str, Played], path: str) -> None:
    assert "Both option region and its alias aws_region are set." in played[path].output


@pytest.mark.parametrize("path", PATHS)
def test_secrets_are_in_no_output(played: dict[str, Played], path: str) -> None:
    assert SECRET not in played[path].output
    assert SECRET not in json.dumps(played[path].records)


@pytest.mark.parametrize("path", PATHS)
def test_invocation_is_printed_and_masked(played: dict[str, Played], path: str) -> None:
    arguments = played[path]["Secret"]["invocation"]["module_args"]
    assert arguments["secret_key"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert arguments["description"] == "Do not show ********"
    assert arguments["alias"] == "velero"
    assert '"secret_key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in played[path].output


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("wanted", [True, False])
def test_invocation_is_in_the_result_where_core_wants_it(place: Place, path: str, wanted: bool) -> None:
    """Since core 2.21 it is an option; before it is always there."""
    task = {"name": "Ask", "coffer.velero.aws_caller_info": None, "vars": {"ansible_inject_invocation": wanted}}
    always = "INJECT_INVOCATION" not in constants.config.get_configuration_definitions()
    assert ("invocation" in place.play([task], path=path)["Ask"]) is (wanted or always)


# --- defaults and environment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_module_defaults_of_the_group(place: Place, path: str) -> None:
    defaults = {"group/coffer.velero.aws": {"region": "eu-west-1"}}
    tasks = [
        key("Ours", check_mode=True, module_defaults=defaults),
        key("Own word wins", check_mode=True, module_defaults=defaults, region="eu-west-2"),
        {"name": "Peer", "amazon.aws.kms_key": {"alias": "peer"}, "module_defaults": defaults},
    ]
    place.moto.reset()
    played = place.play(tasks, path=path)
    assert played["Ours"]["key_arn"].startswith("arn:aws:kms:eu-west-1:")
    assert played["Own word wins"]["key_arn"].startswith("arn:aws:kms:eu-west-2:")
    assert played["Peer"]["key_arn"].startswith("arn:aws:kms:eu-west-1:")


@pytest.mark.parametrize("path", PATHS)
def test_environment_of_a_task(place: Place, path: str) -> None:
    """Endpoint, credentials and Region of ``environment`` hold for their task, and for no other."""
    role = place.moto.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/x", RoleSessionName="test")
    credentials = {
        "AWS_ACCESS_KEY_ID": role["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": role["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": role["Credentials"]["SessionToken"],
    }
    with Proxy(place.moto.url) as proxy:
        tasks = [
            {"name": "Before", "coffer.velero.aws_caller_info": None},
            {
                "name": "Endpoint",
                "coffer.velero.aws_caller_info": None,
                "environment": {"AWS_ENDPOINT_URL": "{{ url }}"},
            },
            {"name": "Credentials", "coffer.velero.aws_caller_info": None, "environment": [credentials, {}]},
            key("Region", check_mode=True, environment={"AWS_REGION": "eu-west-1"}),
            {"name": "Afterwards", "coffer.velero.aws_caller_info": None},
            key("Region afterwards", check_mode=True),
        ]
        played = place.play(tasks, path=path, vars={"url": proxy.url})
        assert proxy.count() == 1
    accounts = {name: played[name]["account_id"] for name in ("Before", "Endpoint", "Credentials", "Afterwards")}
    mine = accounts.pop("Before")
    assert accounts == {"Endpoint": mine, "Credentials": OTHER_ACCOUNT, "Afterwards": mine}
    assert played["Region"]["key_arn"].split(":")[3] == "eu-west-1"
    assert played["Region afterwards"]["key_arn"].split(":")[3] == place.moto.region
    assert {played.path(task["name"]) for task in tasks} == {path}


@pytest.mark.parametrize("path", PATHS)
def test_vaulted_value(place: Place, path: str) -> None:
    """It is decrypted for AWS, as it is for a module."""
    password = place.directory / "password"
    password.write_text("open sesame")
    vault = VaultLib([("default", VaultSecret(b"open sesame"))])
    lines = "\n  ".join(vault.encrypt("Vaulted words").decode().splitlines())
    (place.directory / "vaulted.yml").write_text(f"words: !vault |\n  {lines}\n")
    place.moto.reset()
    tasks = [key("Vaulted", description="{{ words }}", tags={"words": "{{ words }}"})]
    environment = {"ANSIBLE_VAULT_PASSWORD_FILE": str(password)}
    result = place.play(tasks, path=path, more=environment, vars_files=["vaulted.yml"])["Vaulted"]
    assert (result["description"], result["tags"]) == ("Vaulted words", {"words": "Vaulted words"})


# --- what is handed over ---------------------------------------------------------------------------------------------


def test_become_hands_over(place: Place) -> None:
    mark = place.directory / "mark"
    tasks: list[dict[str, Any]] = [{"name": "Become", "coffer.velero.aws_caller_info": None}]
    assert place.play(tasks).path("Become") == "controller"
    assert not mark.exists()
    played = place.play([tasks[0] | {"become": True, "become_method": "marker", "become_user": getpass.getuser()}])
    assert played.path("Become") == "module"
    assert played["Become"]["account_id"]
    assert mark.exists(), "nobody became anything"


def test_async_hands_over(place: Place) -> None:
    tasks = [
        {"name": "Async", "coffer.velero.aws_caller_info": None, "async": 60, "poll": 1},
        {"name": "Start", "coffer.velero.aws_caller_info": None, "async": 60, "poll": 0, "register": "started"},
        {
            "name": "Wait",
            "ansible.builtin.async_status": {"jid": "{{ started.ansible_job_id }}"},
            "register": "job",
            "until": "job is finished",
            "retries": 60,
            "delay": 1,
        },
    ]
    played = place.play(tasks)
    assert played.path("Async") == played.path("Start") == "module"
    assert played["Async"]["account_id"] == played["Wait"]["account_id"]
    assert "ansible_job_id" in played["Start"]


def test_delegation_to_localhost_stays_here(place: Place) -> None:
    """The interpreter that counts is that of the host that a task is delegated to."""
    inventory = place.directory / "inventory"
    inventory.write_text("far ansible_host=192.0.2.1 ansible_python_interpreter=/nowhere/python\n")
    task = {"name": "Delegated", "coffer.velero.aws_caller_info": None, "delegate_to": "localhost"}
    played = place.play([task], inventory=str(inventory))
    assert played.path("Delegated") == "controller"
    assert played["Delegated"]["account_id"]


# --- what it is for --------------------------------------------------------------------------------------------------


def test_time_of_a_task(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten tasks that change nothing. The target is 0.25 s a task; a busy machine is only held to the ratio."""
    place.moto.reset()
    place.play([key("Create")], verbosity=0)
    seconds = {}
    for path in PATHS:
        played = place.play([key(f"Task {number}") for number in range(10)], verbosity=0, path=path)
        assert not any(record["result"]["changed"] for record in played.records)
        seconds[path] = sorted(record["seconds"] for record in played.records)[5]
    with capsys.disabled():
        told = ", ".join(f"{path} {value:.2f} s" for path, value in seconds.items())
        print(f"\nno-op task, median of 10: {told}, ratio {seconds['controller'] / seconds['module']:.2f}")
    assert seconds["controller"] < seconds["module"] / 2


def test_nothing_is_left_behind(place: Place, played: dict[str, Played]) -> None:
    left = [path for path in (place.directory / "temporary").glob("*") if path.is_dir() and any(path.iterdir())]
    assert left == []
    shutil.rmtree(place.directory / "temporary", ignore_errors=True)
