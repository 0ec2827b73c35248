# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for metric filters, held against the model of CloudWatch Logs."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import filters
from tests.support.models import model, valid

MODEL = model("logs")


def test_answers_have_the_shape_of_the_model() -> None:
    known = set(MODEL.shape_for("MetricFilter").members)
    assert {*filters._KEPT, "filterName", "filterPattern", "metricTransformations"} <= known
    assert set(filters._KEPT) <= set(MODEL.operation_model("PutMetricFilter").input_shape.members)
    assert set(filters._TRANSFORMATION.values()) == set(MODEL.shape_for("MetricTransformation").members)


def test_requests_are_valid() -> None:
    metric = {"metric_name": "a", "metric_namespace": "b", "metric_value": "1"}
    given = [
        {"name": "one", "filter_pattern": "x", "metric_transformation": {**metric, "default_value": 0.0}},
        {"name": "two", "filter_pattern": "", "metric_transformation": {**metric, "dimensions": {"a": "$.b"}}},
    ]
    options = {"log_group_name": "velero-audit", "filters": given, "purge_prefix": "old-", "state": "present"}
    live = {"metricName": "a", "metricNamespace": "b", "metricValue": "1"}
    there = {"old-1": {"filterName": "old-1", "filterPattern": "", "metricTransformations": [live]}}
    decided = filters.decide_filters(filters.DesiredFilters.of(options), there)
    assert valid(decided.steps) == ["DeleteMetricFilter", "PutMetricFilter", "PutMetricFilter"]
    assert decided.steps[1].arguments["metricTransformations"] == [{**live, "defaultValue": 0.0}]
