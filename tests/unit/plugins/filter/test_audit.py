# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of metric filters and alarms."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.audit import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from tests.support.profiles import PROFILE, TOPIC, VALUES
from tests.support.refusal import refusal

FILTERS = FilterModule().filters()


def test_filters_give_what_the_table_gives() -> None:
    """A variable from the command line is a text."""
    filters = FILTERS["audit_metric_filters"](VALUES, data_events="true")
    assert filters == _alerts.metric_filters(PROFILE, data_events=True)
    alarms = FILTERS["audit_alarms"](VALUES, TOPIC, schedule_hours="12", log_group=False)
    assert alarms == _alerts.alarms(PROFILE, topic_arn=TOPIC, schedule_hours=12, log_group=False)
    assert FILTERS["audit_alarms"](VALUES, topic_arn="", schedule_hours=24)[0]["alarm_actions"] == []


@pytest.mark.parametrize(
    ("name", "value", "options", "text"),
    [
        ("audit_alarms", VALUES, {"schedule_hours": "daily"}, "schedule_hours: 'daily' is not a number of hours."),
        ("audit_alarms", VALUES, {"schedule_hours": 168}, "168 is not between 1 and 167"),
        (
            "audit_alarms",
            VALUES,
            {"schedule_hours": 24, "log_group": "trail"},
            "log_group: 'trail' is neither true nor false.",
        ),
        ("audit_metric_filters", VALUES, {"data_events": "all"}, "data_events: 'all' is neither true nor false."),
        ("audit_metric_filters", "acme-backups", {}, "A storage profile is a dictionary of bucket"),
        ("audit_metric_filters", {**VALUES, "bucket": "A"}, {}, 'velero_bucket: "A" is too short.'),
    ],
)
def test_filters_refuse(name: str, value: Any, options: dict[str, Any], text: str) -> None:
    assert text in refusal(FILTERS[name], value, **options, error=AnsibleFilterError)
