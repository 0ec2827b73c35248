# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for a query."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._usage.polling import Poller, stop_on_error


def test_delay_grows_progress_is_reported_and_time_is_up() -> None:
    clock, delays, messages = [0.0], [], []

    def sleep(seconds: float) -> None:
        delays.append(seconds)
        clock[0] += seconds

    poller = Poller(30, sleep, messages.append, lambda: clock[0])
    with pytest.raises(ValidationError) as raised:
        for _poll in poller.polls("query q"):
            pass
    assert delays[:3] == [0.5, 0.75, 1.125]
    assert max(delays) == 5.0
    assert sum(delays) <= 30
    assert str(raised.value) == (
        "timeout: query q was not done after 30 seconds. It was stopped. Raise the limit, or ask for a shorter window."
    )
    assert messages[0].startswith("query q: ")
    assert 5 <= len(messages) <= 8


def test_what_ended_the_wait_is_not_hidden() -> None:
    stopped = []

    def stop() -> None:
        stopped.append(True)
        raise ServiceError("logs:StopQuery", "InvalidParameterException", "is not running")

    with pytest.raises(KeyboardInterrupt), stop_on_error(stop):
        raise KeyboardInterrupt
    with stop_on_error(stop):
        pass
    assert stopped == [True]
