# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudWatch would refuse of a dashboard, and which request one takes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._notify.dashboard import Dashboard, decide_dashboard, faults

Document = dict[str, Any]
ARN = "arn:aws:cloudwatch::111122223333:dashboard/velero"


def text(markdown: str = "# Backups", **elements: Any) -> Document:
    return {"type": "text", "width": 24, "height": 2, "properties": {"markdown": markdown}, **elements}


def metric(**properties: Any) -> Document:
    return {"type": "metric", "properties": {"metrics": [["AWS/S3", "NumberOfObjects"]], "region": "x", **properties}}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, "widgets is not a list"),
        ({"widgets": [text()] * 501}, "widgets has 501 entries, and 500 are the most"),
        ({"widgets": ["text"]}, "widgets[0] is not an object"),
        ({"widgets": [], "periodOverride": "no"}, "periodOverride is neither auto nor inherit"),
        (
            {"widgets": [text(width=25, x=-1)]},
            "widgets[0].x is -1, not 0 to 23; widgets[0].width is 25, not 1 to 24",
        ),
        ({"widgets": [{"properties": {}}]}, "widgets[0].type is missing"),
        ({"widgets": [{"type": "text"}]}, "widgets[0].properties is not an object"),
        ({"widgets": [text("")]}, "widgets[0].properties.markdown is missing"),
        ({"widgets": [{"type": "log", "properties": {"query": "x"}}]}, "widgets[0].properties.region is missing"),
        (
            {"widgets": [{"type": "alarm", "properties": {"alarms": []}}]},
            "widgets[0].properties.alarms does not have 1 to 100 entries",
        ),
        ({"widgets": [metric(metrics=None)]}, "widgets[0].properties.metrics is not a list"),
        (
            {"widgets": [metric(period=7)]},
            "widgets[0].properties.period is neither 1, 5, 10, 20, 30 nor a multiple of 60",
        ),
        (
            {"widgets": [metric(metrics=[["AWS/S3", "NumberOfObjects", "BucketName"]])]},
            "widgets[0].properties.metrics[0] is not namespace, name, pairs of dimension and value, and options",
        ),
        (
            {"widgets": [metric(metrics=[[{"label": "x"}]])]},
            "widgets[0].properties.metrics[0] is not namespace, name, pairs of dimension and value, and options",
        ),
    ],
)
def test_faults(body: Document, found: str) -> None:
    assert "; ".join(faults(body)) == found


@pytest.mark.parametrize(
    ("body", "current", "actions"),
    [
        ({"widgets": [text()]}, None, ["cloudwatch:PutDashboard"]),
        ({"widgets": [metric(period=60)]}, {"widgets": [metric(period=60.0)]}, []),
        ({"widgets": [metric(stacked=True)]}, {"widgets": [metric(stacked=1)]}, ["cloudwatch:PutDashboard"]),
        (None, {"widgets": []}, ["cloudwatch:DeleteDashboards"]),
        (None, None, []),
    ],
)
def test_plan(body: Document | None, current: Document | None, actions: list[str]) -> None:
    assert [step.action for step in decide_dashboard("velero", body, Dashboard(ARN, current)).steps] == actions
