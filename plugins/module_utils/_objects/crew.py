# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that look at objects side by side, and boto3 for what they leave. PRIVATE to coffer.velero.

They are forks of this process: a fork takes milliseconds where a new Python takes hundreds, hands credentials over
without a file, an argument or an environment, and works from a module's archive as well as in Ansible's worker.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import socket
import time
import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils._objects.boto import BotoCrew
from ansible_collections.coffer.velero.plugins.module_utils._objects.sign import Credentials
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Done, Event, Listed, Unit
from ansible_collections.coffer.velero.plugins.module_utils._objects.worker import (
    LENGTH,
    Handed,
    Looked,
    Setup,
    pack,
    serve,
)

#: Units that one process has at the same time: while the last objects of one are looked at, the next is listed.
UNITS = 4
MOST_PROCESSES = 4

#: Seconds between two looks at the credentials.
RENEW_EVERY = 2.0


class _Process:
    def __init__(self, setup: Setup, others: list[_Process]) -> None:
        self.channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            for channel in (self.channel, *(other.channel for other in others)):
                channel.close()
            _become(theirs, setup)
        theirs.close()
        self.units: dict[int, Unit] = {}
        self.looked = 0
        self._data = bytearray()

    def send(self, message: Unit | Credentials) -> None:
        if isinstance(message, Unit):
            self.units[message.number] = message
        with contextlib.suppress(OSError):  # that it has ended is seen when it is read from
            self.channel.sendall(pack(message))

    def receive(self) -> list[t.Any] | None:
        """The messages that are complete; ``None`` at the end of the process."""
        try:
            data = self.channel.recv(2**20)
        except OSError:
            data = b""
        if not data:
            return None
        self._data += data
        messages = []
        while len(self._data) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._data)[0]
            if len(self._data) < end:
                break
            messages.append(pickle.loads(self._data[LENGTH.size : end]))
            del self._data[:end]
        return messages

    def stop(self) -> None:
        self.channel.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _become(channel: socket.socket, setup: Setup) -> t.NoReturn:
    """The life of a fork: nothing of the parent's is run, not even at its end."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        gc.freeze()  # else a collection copies the parent's whole memory
        gc.set_threshold(50_000)  # requests leave no cycles, and looking for some took a twentieth of the time
        serve(channel, setup)
        code = 0
    finally:
        os._exit(code)


class FastCrew:
    """Processes with sockets of their own; what they leave, and what a process had that ended, goes to boto3."""

    def __init__(self, setup: Setup, count: int, credentials: Callable[[], Credentials], boto: BotoCrew) -> None:
        self._find_credentials = credentials
        self._credentials: Credentials | None = None
        self._checked = 0.0
        self._boto = boto
        self._processes: list[_Process] = []
        self._partial: dict[int, Done] = {}
        self._left = 0
        self._buried = 0
        with contextlib.suppress(OSError):  # no more processes to be had: those that there are do, and boto3
            for _number in range(count):
                self._processes.append(_Process(setup, self._processes))
        self._renew()

    def _renew(self) -> None:
        """Let every process have the credentials of this moment; botocore renews them minutes before they expire."""
        self._checked = time.monotonic()
        credentials = self._find_credentials()
        if credentials != self._credentials:
            self._credentials = credentials
            for process in self._processes:
                process.send(credentials)

    def has_room(self) -> bool:
        if not self._processes:
            return self._boto.has_room()
        return any(len(process.units) < UNITS for process in self._processes)

    def submit(self, unit: Unit) -> None:
        if not self._processes:
            self._hand(unit)
            return
        process = min(self._processes, key=lambda one: len(one.units))
        process.send(unit)

    def _hand(self, unit: Unit) -> None:
        self._left += 1
        self._boto.submit(unit)

    def wait(self, seconds: float) -> list[Event]:
        if time.monotonic() - self._checked > RENEW_EVERY:
            self._renew()
        events: list[Event] = []
        if self._left:
            seconds = min(seconds, 0.02)
            events += self._from_boto(0 if self._processes else seconds)
        channels = {process.channel: process for process in self._processes}
        readable = select.select(list(channels), [], [], 0 if events else seconds)[0] if channels else []
        for channel in readable:
            process = channels[channel]
            messages = process.receive()
            if messages is None:
                self._bury(process)
                continue
            for message in messages:
                events += self._take(process, message)
        return events

    @property
    def looked(self) -> int:
        return self._boto.looked + self._buried + sum(process.looked for process in self._processes)

    def _take(self, process: _Process, message: Event | Handed | Looked) -> list[Event]:
        if isinstance(message, Looked):
            process.looked = message.objects
            return []
        if isinstance(message, Listed):
            return [message]
        unit = process.units.pop(message.number)
        if isinstance(message, Handed):
            self._hand(unit)
            return []
        if isinstance(message, Done) and message.left:
            self._partial[message.number] = message
            self._hand(Unit(message.number, entries=message.left))
            return []
        return [message]

    def _from_boto(self, seconds: float) -> list[Event]:
        events: list[Event] = []
        for event in self._boto.wait(seconds):
            self._left -= not isinstance(event, Listed)
            if isinstance(event, Done) and event.number in self._partial:
                whole = self._partial.pop(event.number)
                whole.tally.merge(event.tally, len(whole.tally.offenders) + len(event.tally.offenders))
                whole.lines += event.lines
                events.append(whole)
            else:
                events.append(event)
        return events

    def _bury(self, process: _Process) -> None:
        """A process has ended, which it never does by itself."""
        self._processes.remove(process)
        self._buried += process.looked
        process.stop()
        for unit in process.units.values():
            self._hand(unit)

    def close(self) -> None:
        for process in self._processes:
            process.stop()
        self._processes = []
        self._boto.close()
