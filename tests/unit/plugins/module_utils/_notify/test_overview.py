# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard, held against what CloudWatch takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._notify import dashboard, overview
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.profiles import ACCOUNT, ELSEWHERE, PLAIN, PROFILE

Document = dict[str, Any]

#: The values that "Dashboard Body Structure and Syntax" names, for what the dashboard uses of them.
_METRIC = {"title", "region", "metrics", "view", "stacked", "period", "stat", "yAxis"}
_KNOWN = {
    "text": {"markdown"},
    "alarm": {"title", "alarms"},
    "log": {"title", "region", "query", "view"},
    "metric": _METRIC,
}


def dashboard_of(profile: StorageProfile, **options: Any) -> Document:
    return overview.audit_dashboard(profile, schedule_hours=24, **options)


@pytest.mark.parametrize("profile", [PROFILE, ELSEWHERE, PLAIN, replace(PLAIN, role_arns=PROFILE.role_arns)])
@pytest.mark.parametrize(
    "options",
    [{}, {"data_events": True}, {"data_events": True, "log_group_name": "audit", "prometheus_cluster": "production"}],
)
def test_dashboard_is_what_cloudwatch_takes(profile: StorageProfile, options: Document) -> None:
    body = dashboard_of(profile, **options)
    assert list(dashboard.faults(body)) == []
    assert set(body) == {"start", "periodOverride", "widgets"}
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
        assert set(widget["properties"]) <= _KNOWN[widget["type"]]
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, "no widget lies over another"
        taken |= cells
    assert json.loads(json.dumps(body)) == body


def shown(**options: Any) -> str:
    return json.dumps(dashboard_of(PROFILE, **options))


def test_dashboard_says_what_it_cannot_show() -> None:
    assert "Container Insights for Prometheus" in shown()
    assert "velero_backup_success_total' in" not in shown()
    assert "records no data events" in shown(data_events=True), "nobody has said where they are delivered"
    whole = shown(data_events=True, log_group_name="audit", prometheus_cluster="production")
    assert "Container Insights" not in whole
    assert "records no data events" not in whole
    for words in (
        'MetricName=\\\\\\"velero_backup_partial_failure_total\\\\\\" ClusterName=\\\\\\"production\\\\\\"',
        "SOURCE 'audit'",
        "production/backups/",
    ):
        assert words.replace("\\\\\\", "\\") in whole


def test_dashboard_shows_the_alarms() -> None:
    widgets = {widget["type"]: widget for widget in dashboard_of(PROFILE)["widgets"]}
    alarms = widgets["alarm"]["properties"]["alarms"]
    assert f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:velero-acme-backups-no-recent-backup" in alarms
    mine = dashboard_of(PROFILE, alarm_arns=["arn:aws:cloudwatch:eu-central-1:1:alarm:mine"])
    assert mine["widgets"][1]["properties"]["alarms"] == ["arn:aws:cloudwatch:eu-central-1:1:alarm:mine"]
    assert all(widget["type"] != "alarm" for widget in dashboard_of(PROFILE, alarm_arns=[])["widgets"])


def test_key_of_another_account_is_shown_from_there() -> None:
    text = json.dumps(dashboard_of(ELSEWHERE))
    assert '"accountId": "444455556666"' in text
    assert "needs CloudWatch cross-account observability with 444455556666" in text
    assert "accountId" not in shown()
