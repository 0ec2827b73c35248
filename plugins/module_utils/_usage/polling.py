# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Poll a query that runs in AWS until it is done, and stop it where it is not. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .._errors import CofferError, ValidationError

#: Seconds between two polls, rising: most queries take a second or two, and some take minutes.
_FIRST_DELAY = 0.5
_MAX_DELAY = 5.0
#: Seconds between two messages to the user.
_PROGRESS_INTERVAL = 3.0


@dataclass
class Poller:
    """How long to wait, and how to report progress.

    :param timeout: seconds that all queries of the task have together
    """

    timeout: float
    sleep: Callable[[float], None]
    progress: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._started = self._reported = self.clock()

    def polls(self, query: str) -> Iterator[None]:
        """Wait a little longer before each poll.

        :raises ValidationError: where the time is up
        """
        delay = _FIRST_DELAY
        while True:
            if self.clock() - self._started + delay > self.timeout:
                remediation = "It was stopped. Raise the limit, or ask for a shorter window."
                raise ValidationError("timeout", query, f"was not done after {self.timeout:g} seconds", remediation)
            self.sleep(delay)
            self.report(query)
            yield
            delay = min(_MAX_DELAY, 1.5 * delay)

    def report(self, query: str) -> None:
        """Report progress, but not with every poll."""
        now = self.clock()
        if now - self._reported >= _PROGRESS_INTERVAL:
            self._reported = now
            self.progress(f"{query}: {now - self._started:.0f} s")


@contextlib.contextmanager
def stop_on_error(stop: Callable[[], t.Any]) -> Iterator[None]:
    """Stop a query whose wait has ended in whatever error: it costs, and counts toward the quota of running queries.

    An error of stopping it does not hide the one that ended the wait.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(CofferError):
            stop()
        raise
