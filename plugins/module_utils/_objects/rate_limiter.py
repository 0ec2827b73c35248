# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the rate of requests. PRIVATE to coffer.velero."""

from __future__ import annotations

import threading
import time

#: Seconds that may be made up for: a timer is late now and then, and the rate is meant on average.
_LATE = 0.05


class RateLimiter:
    """Hands out moments to send at, evenly spread.

    :param per_second: ``None`` for no limit
    """

    def __init__(self, per_second: float | None) -> None:
        self._step = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next moment; the seconds until then."""
        if not self._step:
            return 0.0
        with self._lock:
            now = time.monotonic()
            moment = max(now - _LATE, self._next)
            self._next = moment + self._step
            return max(0.0, moment - now)
