# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A query that runs in AWS until it is done, or is stopped. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ValidationError

#: Seconds between two looks, rising: most queries take a second or two, and some take minutes.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
#: Seconds between two words to the user.
_SAY_EVERY = 3.0


@dataclass
class Watch:
    """How long to wait, and whom to tell.

    :param limit: seconds that all queries of the task have together
    """

    limit: float
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._begun = self._said = self.clock()

    @property
    def seconds(self) -> float:
        return self.clock() - self._begun

    def pauses(self, what: str) -> Iterator[None]:
        """Wait a little longer each time.

        :raises ValidationError: where the time is up
        """
        pause = _FIRST_PAUSE
        while True:
            if self.seconds + pause > self.limit:
                remediation = "It was stopped. Raise the limit, or ask for a shorter window."
                raise ValidationError("timeout", what, f"was not done after {self.limit:g} seconds", remediation)
            self.sleep(pause)
            self.tell(what)
            yield
            pause = min(_LONGEST_PAUSE, 1.5 * pause)

    def tell(self, what: str) -> None:
        """Say how it is getting on, but not all the time."""
        if self.clock() - self._said >= _SAY_EVERY:
            self._said = self.clock()
            self.say(f"{what}: {self.seconds:.0f} s")


@contextlib.contextmanager
def stopped_unless_done(stop: Callable[[], t.Any]) -> Iterator[None]:
    """Stop a query that nobody waits for any longer, whatever has ended the wait: it costs, and takes up a place.

    What is wrong with stopping it does not hide what ended the wait.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(CofferError):
            stop()
        raise
