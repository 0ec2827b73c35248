# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulators start on ports of their own, say why they did not, and never outlive whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulators import ROOT, Emulator, MiniStack, Moto, SeaweedFS
from tests.support.fixtures import Aws


class Script(Emulator):
    """A child process that serves nothing."""

    start_limit = 0.5
    patience = 0.2

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.script]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has collected yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() != "" and not state.stdout.startswith("Z")


def test_log_is_in_the_error_of_a_failed_start() -> None:
    with (
        pytest.raises(RuntimeError, match=r"Script ended with code 3:\n(?s:.*)no such flag"),
        Script("print('no such flag'); raise SystemExit(3)"),
    ):
        pass


def test_start_has_a_time_limit_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # It ignores the request to end, too.
    script = Script("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    pids: list[int] = []

    def is_ready() -> bool:
        pids.append(script.pid)
        return False

    monkeypatch.setattr(script, "is_ready", is_ready)
    with pytest.raises(RuntimeError, match="was not ready in"):
        script.start()
    assert not is_alive(pids[0])


def test_server_is_stopped_on_an_exception() -> None:
    server = Moto()

    def fail() -> None:
        with server:
            seen.update(pid=server.pid, directory=server.directory)
            raise ZeroDivisionError

    seen: dict[str, Any] = {}
    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_alive(seen["pid"])
    assert not seen["directory"].exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux'")
def test_server_dies_with_a_killed_parent(tmp_path: Path) -> None:
    script = "from tests.support.emulators import Moto; m = Moto().start(); print(m.pid, flush=True); input()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_alive(pid)


def test_two_run_side_by_side(moto: Moto) -> None:
    with Moto() as other:
        other.client("kms").create_key()
        moto.reset()
        assert moto.client("kms").list_keys()["Keys"] == []
        assert len(other.client("kms").list_keys()["Keys"]) == 1


def test_fixture_sets_the_environment_to_an_empty_account(aws: Aws) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == aws.proxy.url != aws.moto.url
    assert os.environ["AWS_REGION"] == aws.region
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_executables_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINISTACK", "/nowhere/ministack")
    monkeypatch.setenv("WEED", "/nowhere/weed")
    with pytest.raises(FileNotFoundError, match="/nowhere/ministack: run `make"):
        MiniStack().start()
    assert SeaweedFS.executable() == "/nowhere/weed"
