# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs at once whose requests interleave as a seed decides, the same way each time.

Time is simulated: of all threads only the one that is earliest runs, until it pauses; so an hour's wait costs nothing,
and what holds for real times (a request takes a fraction of a second) holds here too.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any


class Interleaving:
    """``Interleaving(seed).run(work, other_work)`` returns what each returned."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._turn = threading.Condition()
        self._clocks: dict[int, float] = {}
        self._running: int | None = None

    def pause(self, seconds: float | None = None) -> None:
        """Let time pass for the thread that calls: that of one request where no other is given."""
        me = threading.get_ident()
        with self._turn:
            if me not in self._clocks:
                return
            self._clocks[me] += self._random.uniform(0.01, 0.2) if seconds is None else seconds
            self._pass_on()
            assert self._turn.wait_for(lambda: self._running == me, timeout=60), "a thread is stuck"

    def _pass_on(self) -> None:
        self._running = min(self._clocks, key=lambda thread: self._clocks[thread], default=None)
        self._turn.notify_all()

    def run(self, *works: Callable[[], Any]) -> list[Any]:
        results: list[Any] = [None] * len(works)
        ready = threading.Barrier(len(works) + 1)

        def work(number: int) -> None:
            me = threading.get_ident()
            ready.wait()
            with self._turn:
                assert self._turn.wait_for(lambda: self._running == me, timeout=60), "a thread is stuck"
            try:
                self.pause()
                results[number] = works[number]()
            except BaseException as error:
                results[number] = error
            finally:
                with self._turn:
                    del self._clocks[me]
                    self._pass_on()

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(works))]
        for thread in threads:
            thread.start()
            self._clocks[thread.ident or 0] = self._random.uniform(0, 0.2)
        ready.wait()
        with self._turn:
            self._pass_on()
        for thread in threads:
            thread.join()
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results
