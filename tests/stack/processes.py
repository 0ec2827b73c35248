# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers as child processes: a log each, a time limit for everything, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MARK = "COFFER_STACK"  # in the environment of every server: the directory of its stack

# Kills the process groups it was told about once its standard input ends, that is, once we are gone, however.
_WATCHDOG = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
_watchdogs: dict[int, subprocess.Popen[str]] = {}
_watchdog_lock = threading.Lock()


def _tell_watchdog(word: str) -> None:
    """One watchdog for each process that starts servers, begun with the first of them."""
    with _watchdog_lock:
        watchdog = _watchdogs.get(os.getpid())
        if watchdog is None:
            watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHDOG], stdin=subprocess.PIPE, text=True, start_new_session=True
            )
            _watchdogs[os.getpid()] = watchdog
        assert watchdog.stdin is not None
        watchdog.stdin.write(f"{word}\n")
        watchdog.stdin.flush()


class Process:
    """A server in a process group of its own, which writes to a log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
            )
        _tell_watchdog(f"+{self.pid}")

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    def stop(self, grace: float = 5) -> None:
        """SIGTERM to the server, SIGKILL after the grace period to all that is left of its group."""
        if self.exit_code is None:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        _tell_watchdog(f"-{self.pid}")

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until the server serves; when it ends or is late, show the end of its log."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise RuntimeError(f"{self.name} ended with exit code {self.exit_code}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not ready within {seconds:.0f} s:\n{tail(self.log)}")
            time.sleep(0.05)


def tail(log: Path, lines: int = 20) -> str:
    if not log.exists():
        return f"({log} does not exist)"
    return "\n".join([f"--- {log}", *log.read_text(errors="replace").splitlines()[-lines:]])


def wait_for(what: str, probe: Callable[[], T | None], seconds: float, interval: float = 0.1) -> T:
    """The first value of ``probe`` that is neither None nor false."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(interval)


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for dummy in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def require_free_port(port: int, why: str) -> None:
    """Refuse, naming the process in the way, when the port cannot be opened on all addresses."""
    with socket.socket() as item:
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            item.bind(("", port))
            item.listen()
        except OSError:
            raise RuntimeError(f"port {port} must be free ({why}), but {_listener(port)} listens on it") from None


def _listener(port: int) -> str:
    """The process that listens on a port, as far as /proc lets us see."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for row in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) in inodes:
                process = link.parents[1]
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                return f"process {process.name} ({command.strip()[:120]})"
    return "a process that this user may not see"
