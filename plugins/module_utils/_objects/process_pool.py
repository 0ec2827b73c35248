# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that scan objects side by side, and boto3 for what they leave. PRIVATE to coffer.velero.

They are forks of this process: a fork takes milliseconds where a new Python takes hundreds, hands credentials over
without a file, an argument or an environment, and works from a module's archive as well as in Ansible's worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import pickle
import select
import signal
import socket
import time
import typing as t
from collections.abc import Callable

from . import worker
from .batch import Batch, BatchDone, Event, PageListed
from .boto3_scanner import Boto3Scanner
from .sigv4 import Credentials

#: Batches that one process has at the same time: while the last objects of one are scanned, the next is listed.
BATCHES = 4

_PR_SET_PDEATHSIG = 1

#: Seconds between two checks of the credentials.
REFRESH_EVERY = 2.0


class _Process:
    def __init__(self, config: worker.WorkerConfig, others: list[_Process]) -> None:
        self.channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            for channel in (self.channel, *(other.channel for other in others)):
                channel.close()
            _run_worker(theirs, config)
        theirs.close()
        self.batches: dict[int, Batch] = {}
        self.scanned = 0
        self._data = bytearray()

    def send(self, message: Batch | Credentials) -> None:
        if isinstance(message, Batch):
            self.batches[message.number] = message
        with contextlib.suppress(OSError):  # reading from it shows that it has ended
            self.channel.sendall(worker.pack(message))

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
        while len(self._data) >= worker.LENGTH.size:
            end = worker.LENGTH.size + worker.LENGTH.unpack_from(self._data)[0]
            if len(self._data) < end:
                break
            messages.append(pickle.loads(self._data[worker.LENGTH.size : end]))
            del self._data[:end]
        return messages

    def stop(self) -> None:
        self.channel.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _run_worker(channel: socket.socket, config: worker.WorkerConfig) -> t.NoReturn:
    """The whole life of a fork: nothing of the parent's is run, not even at its end."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _die_with_parent()
        gc.freeze()  # else a collection copies the parent's whole memory
        gc.set_threshold(50_000)  # requests leave no cycles, and looking for some took a twentieth of the time
        asyncio.run(worker.serve(channel, config))
        code = 0
    finally:
        os._exit(code)


def _die_with_parent() -> None:
    """A parent that is killed cannot stop its children; Linux does."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessPoolScanner:
    """Processes with sockets of their own; boto3 scans what they decline, and what a process had that ended."""

    def __init__(
        self, config: worker.WorkerConfig, count: int, credentials: Callable[[], Credentials], boto3: Boto3Scanner
    ) -> None:
        self._find_credentials = credentials
        self._credentials: Credentials | None = None
        self._refreshed = 0.0
        self._boto3 = boto3
        self._processes: list[_Process] = []
        self._partial: dict[int, BatchDone] = {}
        self._with_boto3 = 0
        self._scanned_by_ended = 0
        with contextlib.suppress(OSError):  # no further process can be had: those that there are do, and boto3
            for _number in range(count):
                self._processes.append(_Process(config, self._processes))
        self._refresh_credentials()

    def _refresh_credentials(self) -> None:
        """Send every process the current credentials; botocore refreshes them minutes before they expire."""
        self._refreshed = time.monotonic()
        credentials = self._find_credentials()
        if credentials != self._credentials:
            self._credentials = credentials
            for process in self._processes:
                process.send(credentials)

    @property
    def scanned(self) -> int:
        return self._boto3.scanned + self._scanned_by_ended + sum(process.scanned for process in self._processes)

    def has_room(self) -> bool:
        if not self._processes:
            return self._boto3.has_room()
        return any(len(process.batches) < BATCHES for process in self._processes)

    def submit(self, batch: Batch) -> None:
        if self._processes:
            min(self._processes, key=lambda one: len(one.batches)).send(batch)
        else:
            self._submit_to_boto3(batch)

    def _submit_to_boto3(self, batch: Batch) -> None:
        self._with_boto3 += 1
        self._boto3.submit(batch)

    def wait(self, seconds: float) -> list[Event]:
        if time.monotonic() - self._refreshed > REFRESH_EVERY:
            self._refresh_credentials()
        events: list[Event] = []
        if self._with_boto3:
            seconds = min(seconds, 0.02)
            events += self._events_of_boto3(0 if self._processes else seconds)
        channels = {process.channel: process for process in self._processes}
        readable = select.select(list(channels), [], [], 0 if events else seconds)[0] if channels else []
        for channel in readable:
            process = channels[channel]
            messages = process.receive()
            if messages is None:
                self._remove(process)
                continue
            for message in messages:
                if event := self._event(process, message):
                    events.append(event)
        return events

    def _event(self, process: _Process, message: Event | worker.BatchDeclined | worker.Progress) -> Event | None:
        if isinstance(message, worker.Progress):
            process.scanned = message.objects
            return None
        if isinstance(message, PageListed):
            return message
        batch = process.batches.pop(message.number)
        if isinstance(message, worker.BatchDeclined):
            self._submit_to_boto3(batch)
            return None
        if isinstance(message, BatchDone) and message.remaining:
            self._partial[message.number] = message
            self._submit_to_boto3(Batch(message.number, objects=message.remaining))
            return None
        return message

    def _events_of_boto3(self, seconds: float) -> list[Event]:
        events = self._boto3.wait(seconds)
        for index, event in enumerate(events):
            self._with_boto3 -= not isinstance(event, PageListed)
            if isinstance(event, BatchDone) and event.number in self._partial:
                events[index] = whole = self._partial.pop(event.number)
                whole.totals.merge(event.totals, len(whole.totals.findings) + len(event.totals.findings))
                whole.lines += event.lines
        return events

    def _remove(self, process: _Process) -> None:
        """A process has ended, which it never does by itself."""
        self._processes.remove(process)
        self._scanned_by_ended += process.scanned
        process.stop()
        for batch in process.batches.values():
            self._submit_to_boto3(batch)

    def close(self) -> None:
        for process in self._processes:
            process.stop()
        self._processes = []
        self._boto3.close()
