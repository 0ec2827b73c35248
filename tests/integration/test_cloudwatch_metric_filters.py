# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_filters against moto."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._alerts import metric_filters
from tests.support.fixtures import Aws
from tests.support.profiles import IN_MOTO
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "cloudwatch_metric_filters"
GROUP = "velero-acme-backups"
PREFIX = f"{GROUP}-"


def one(name: str = f"{PREFIX}denied", pattern: str = '{ $.errorCode = "AccessDenied" }', **metric: Any) -> Any:
    metric = {
        "metric_name": "denied",
        "metric_namespace": "Velero/Audit",
        "metric_value": "1",
        "default_value": 0,
    } | metric
    transformation = {option: value for option, value in metric.items() if value is not None}
    return {"name": name, "filter_pattern": pattern, "metric_transformation": transformation}


MEMBERS = {
    "metric_name": "metricName",
    "metric_namespace": "metricNamespace",
    "metric_value": "metricValue",
    "default_value": "defaultValue",
    "unit": "unit",
}


def request(given: Any) -> Any:
    """What PutMetricFilter takes for an entry of the option ``filters``."""
    metric = {MEMBERS[option]: value for option, value in given["metric_transformation"].items()}
    names = {"filterName": given["name"], "filterPattern": given["filter_pattern"]}
    return {**names, "metricTransformations": [metric]}


@pytest.fixture
def logs(aws: Aws) -> Any:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    return logs


def there(logs: Any, group: str = GROUP) -> dict[str, Any]:
    pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName=group)
    return {found["filterName"]: found for page in pages for found in page["metricFilters"]}


def test_lifecycle(run: ModuleRunner, logs: Any) -> None:
    logs.put_metric_filter(logGroupName=GROUP, **request(one("cis-root-login")))
    foreign = there(logs)
    deleted = f"{PREFIX}deleted"
    create = {"log_group_name": GROUP, "filters": [one(), one(deleted, unit="Count", default_value=None)]}
    changed = one(pattern='{ $.errorCode = "*" }', metric_value="$.size")
    modify = {"log_group_name": GROUP, "filters": [changed], "purge_prefix": PREFIX}
    delete = {"log_group_name": GROUP, "filters": [{"name": f"{PREFIX}denied"}], "state": "absent"}
    made, modified, gone = assert_lifecycle(
        run, MODULE, create=create, modify=modify, delete=delete, state=lambda: there(logs)
    )
    first = {"filter_pattern": '{ $.errorCode = "AccessDenied" }'}
    metric = {"metric_name": "denied", "metric_namespace": "Velero/Audit", "metric_value": "1"}
    denied = {**first, "metric_transformation": {**metric, "default_value": 0.0}}
    counted = {**first, "metric_transformation": {**metric, "unit": "Count"}}
    assert made["diff"] == {"before": {}, "after": {f"{PREFIX}denied": denied, deleted: counted}}
    assert made["filters"] == [f"{PREFIX}denied", deleted]
    assert made["kept_filters"] == ["cis-root-login"]
    after = {
        "filter_pattern": '{ $.errorCode = "*" }',
        "metric_transformation": {**metric, "metric_value": "$.size", "default_value": 0.0},
    }
    assert modified["diff"] == {
        "before": {deleted: counted, f"{PREFIX}denied": denied},
        "after": {f"{PREFIX}denied": after},
    }
    assert gone["diff"] == {"before": {f"{PREFIX}denied": after}, "after": {}}
    assert gone["filters"] == []
    assert there(logs) == foreign


def test_the_table_of_alerts(run: ModuleRunner, logs: Any) -> None:
    """What the filter audit_metric_filters returns goes in as it is."""
    filters = metric_filters(IN_MOTO, data_events=True)
    options = {"log_group_name": GROUP, "filters": filters, "purge_prefix": PREFIX}
    assert run.ok(MODULE, **options)["filters"] == [wanted["name"] for wanted in filters]
    assert not run.ok(MODULE, **options)["changed"]
    for wanted in filters:
        live, expected = there(logs)[wanted["name"]], request(wanted)
        assert {name: live[name] for name in expected} == expected
    assert run.ok(MODULE, **options, state="absent")["changed"]
    assert there(logs) == {}


def test_same_by_meaning(run: ModuleRunner, logs: Any) -> None:
    logs.put_metric_filter(logGroupName=GROUP, **request(one(default_value=0.0, unit="None")))
    before = there(logs)
    same = one(pattern=' { $.errorCode = "AccessDenied" }\n', default_value="0")
    assert not run.ok(MODULE, log_group_name=GROUP, filters=[same])["changed"]
    assert there(logs) == before
    assert run.ok(MODULE, check=True, log_group_name=GROUP, filters=[one(default_value=1)])["changed"]
    assert run.ok(MODULE, check=True, log_group_name=GROUP, filters=[one(default_value=None)])["changed"]


def test_what_others_gave_a_filter_is_kept(run: ModuleRunner, logs: Any) -> None:
    """PutMetricFilter replaces the filter as a whole. moto forgets these members, so the request is looked at."""
    from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import (
        DesiredFilters,
        decide_filters,
    )

    params = {"log_group_name": GROUP, "filters": [one()], "state": "present", "purge_prefix": None}
    live = {
        **request(one(pattern="other")),
        "applyOnTransformedLogs": True,
        "fieldSelectionCriteria": '@aws.region = "x"',
    }
    plan = decide_filters(DesiredFilters.of(params), {live["filterName"]: live})
    arguments = plan.steps[0].arguments
    assert arguments["applyOnTransformedLogs"] is True
    assert arguments["fieldSelectionCriteria"] == '@aws.region = "x"'


def test_requests(run: ModuleRunner, aws: Aws, logs: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, log_group_name=GROUP, **options)
        return [call.operation for call in aws.proxy.requests]

    filters = [one(f"{PREFIX}{number}") for number in range(3)]
    assert calls(filters=filters) == ["DescribeMetricFilters", *["PutMetricFilter"] * 3]
    assert calls(filters=filters) == ["DescribeMetricFilters"]
    assert calls(filters=filters, purge_prefix=PREFIX) == ["DescribeMetricFilters"]
    assert calls(filters=filters[:1], purge_prefix=PREFIX) == ["DescribeMetricFilters", *["DeleteMetricFilter"] * 2]
    assert calls(state="absent", purge_prefix=PREFIX) == ["DescribeMetricFilters", "DeleteMetricFilter"]
    assert calls(state="absent", filters=filters) == ["DescribeMetricFilters"]


def test_pages_and_the_limit(run: ModuleRunner, aws: Aws, logs: Any) -> None:
    for number in range(98):
        logs.put_metric_filter(logGroupName=GROUP, **request(one(f"theirs-{number:02}")))
    assert len(run.ok(MODULE, log_group_name=GROUP, filters=[one(), one("z-last")])["kept_filters"]) == 98
    aws.proxy.clear()
    assert not run.ok(MODULE, log_group_name=GROUP, filters=[one(), one("z-last")])["changed"]
    assert [call.operation for call in aws.proxy.requests] == ["DescribeMetricFilters"] * 2
    for check in (True, False):
        message = run.refused(MODULE, check=check, log_group_name=GROUP, filters=[one(f"{PREFIX}more")])
        assert message == (
            f"filters: {GROUP} would have 101 metric filters where CloudWatch takes 100. "
            "Delete filters that are no longer needed."
        )
    assert run.ok(MODULE, log_group_name=GROUP, filters=[one(f"{PREFIX}more")], purge_prefix="z-")["changed"]


def test_missing_log_group(run: ModuleRunner, logs: Any) -> None:
    """An earlier task may make it, which a check run has only promised."""
    logs.delete_log_group(logGroupName=GROUP)
    placeholder = run.ok(MODULE, check=True, log_group_name=GROUP, filters=[one()])
    assert placeholder["changed"]
    assert placeholder["filters"] == [f"{PREFIX}denied"]
    assert run.refused(MODULE, log_group_name=GROUP, filters=[one()]) == (
        f"log_group_name: {GROUP} is not a log group here. "
        "Make it with coffer.velero.cloudwatch_log_group, or name the one that the trail delivers to."
    )
    for check in (True, False):
        assert not run.ok(MODULE, check=check, log_group_name=GROUP, filters=[one()], state="absent")["changed"]


REFUSED = {
    "two of a name": (
        {"filters": [one(), one()]},
        f"filters: {PREFIX}denied is given twice. A filter is owned by its name: leave one of them out.",
    ),
    "nothing": ({"filters": []}, "filters: the list is empty. Name the filters, also those to delete."),
    "an empty prefix": (
        {"filters": [one()], "purge_prefix": ""},
        "purge_prefix: the prefix is empty, so that every filter of the log group would be deleted. "
        "Give the prefix of your filters' names, or leave it out.",
    ),
    "a long pattern": (
        {"filters": [one(pattern="x" * 1025)]},
        f"filters: {PREFIX}denied has a filter_pattern of 1025 characters, and CloudWatch takes 1024. "
        "Make two filters of it that count in the same metric.",
    ),
    "a default with dimensions": (
        {"filters": [one(dimensions={"Event": "$.eventName"})]},
        f"filters: {PREFIX}denied has dimensions and a default_value, which CloudWatch does not take together. "
        "Leave the dimensions out: without a default_value an alarm has no data.",
    ),
    "many dimensions": (
        {"filters": [one(default_value=None, dimensions={str(number): "$.x" for number in range(4)})]},
        f"filters: {PREFIX}denied has more than three dimensions. Leave some out.",
    ),
    "no pattern": (
        {"filters": [{"name": "x", "metric_transformation": one()["metric_transformation"]}]},
        "filters: x has no filter_pattern. Set it, or delete the filter with state=absent.",
    ),
    "no transformation": (
        {"filters": [{"name": "x", "filter_pattern": ""}]},
        "filters: x has no metric_transformation. Set it, or delete the filter with state=absent.",
    ),
    "a bad name": (
        {"filters": [one("a:b")]},
        "filters: 'a:b' is not the name of a metric filter. Use 1 to 512 characters, no colon and no asterisk.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(run: ModuleRunner, logs: Any, case: str) -> None:
    options, message = REFUSED[case]
    for check in (True, False):
        assert run.refused(MODULE, check=check, log_group_name=GROUP, **options) == message
    assert there(logs) == {}


#: What Ansible refuses by the types of the suboptions, with words of its message.
MISTYPED: list[tuple[dict[str, Any], list[str]]] = [
    (one(default_value="none"), ["'default_value'", "convert to float"]),
    ({**one(), "metric_transformation": [{}, {}]}, ["'metric_transformation'", "convert to dict"]),
    (one(metric_name=None), ["missing required arguments: metric_name"]),
    ({**one(), "pattern": ""}, ["Unsupported parameters", "pattern", "metric_transformation"]),
]


@pytest.mark.parametrize(("given", "words"), MISTYPED)
def test_suboptions_have_types(run: ModuleRunner, logs: Any, given: dict[str, Any], words: list[str]) -> None:
    for check in (True, False):
        message = run.refused(MODULE, check=check, log_group_name=GROUP, filters=[given])
        assert [word for word in words if word not in message] == [], message
    assert there(logs) == {}


def test_unreadable_state_is_an_error(run: ModuleRunner, aws: Aws, logs: Any) -> None:
    aws.proxy.deny("logs", "DescribeMetricFilters")
    for check in (True, False):
        for state in ("present", "absent"):
            failed = run.refused(MODULE, check=check, log_group_name=GROUP, filters=[one()], state=state)
            assert failed.startswith("logs:DescribeMetricFilters failed: ")


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, logs: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    options = {"log_group_name": GROUP, "filters": [one(), one("other")], "purge_prefix": "old-"}

    def arrange() -> None:
        logs.create_log_group(logGroupName=GROUP)
        logs.put_metric_filter(logGroupName=GROUP, **request(one("old-one")))

    for _run in interrupted_runs(run, aws, MODULE, options, kind=kind, requests=4, arrange=arrange):
        assert sorted(there(logs)) == ["other", f"{PREFIX}denied"]
