# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Corrections of moto's CloudWatch where alarms are made."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend

from tests.support.moto_server.registry import around, correction

WEEK, DAY, HOUR = 604_800, 86_400, 3_600


@correction
def alarm_looks_back_for_a_week_at_most() -> None:
    """ValidationError for more than a week, or a day with periods below an hour; moto takes any period."""

    @around(CloudWatchBackend, "put_metric_alarm")
    def put_metric_alarm(original: Any, self: Any, **arguments: Any) -> Any:
        period, periods = arguments.get("period"), arguments.get("evaluation_periods")
        if period is not None:
            if period not in (10, 20, 30) and period % 60:
                raise ValidationError(f"Period must be 10, 20, 30 or a multiple of 60, not {period}.")
            if period * periods > (WEEK if period >= HOUR else DAY):
                raise ValidationError("Metrics cannot be checked across more than a day or a week.")
        before = self.alarms.get(arguments["name"])
        alarm = original(self, **{**arguments, "tags": None if before else arguments.get("tags")})
        # An alarm that was never evaluated has no data, and one that is changed keeps its state.
        alarm.state_value = before.state_value if before else "INSUFFICIENT_DATA"
        return alarm
