# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_filters against moto."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._signals import metric_filters
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

MODULE = "cloudwatch_metric_filters"
GROUP = "velero-acme-backups"
PREFIX = f"{GROUP}-"


def one(name: str = f"{PREFIX}denied", pattern: str = '{ $.errorCode = "AccessDenied" }', **metric: Any) -> Any:
    transformation = {"metricName": "denied", "metricNamespace": "Velero/Audit", "metricValue": "1", "defaultValue": 0}
    transformation = {member: value for member, value in {**transformation, **metric}.items() if value is not None}
    return {"filterName": name, "filterPattern": pattern, "metricTransformations": [transformation]}


@pytest.fixture
def logs(aws: Aws) -> Any:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    return logs


def there(logs: Any, group: str = GROUP) -> dict[str, Any]:
    pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName=group)
    return {found["filterName"]: found for page in pages for found in page["metricFilters"]}


def test_lifecycle(run: ModuleRunner, logs: Any) -> None:
    logs.put_metric_filter(logGroupName=GROUP, **one("cis-root-login"))
    foreign = there(logs)
    deleted = f"{PREFIX}deleted"
    create = {"log_group_name": GROUP, "filters": [one(), one(deleted, unit="Count", defaultValue=None)]}
    changed = one(pattern='{ $.errorCode = "*" }', metricValue="$.size")
    modify = {"log_group_name": GROUP, "filters": [changed], "purge_prefix": PREFIX}
    delete = {"log_group_name": GROUP, "filters": [{"filterName": f"{PREFIX}denied"}], "state": "absent"}
    made, modified, gone = assert_lifecycle(
        run, MODULE, create=create, modify=modify, delete=delete, state=lambda: there(logs)
    )
    first = {"filterPattern": '{ $.errorCode = "AccessDenied" }'}
    metric = {"metricName": "denied", "metricNamespace": "Velero/Audit", "metricValue": "1"}
    denied = {**first, "metricTransformations": [{**metric, "defaultValue": 0.0}]}
    counted = {**first, "metricTransformations": [{**metric, "unit": "Count"}]}
    assert made["diff"] == {"before": {}, "after": {f"{PREFIX}denied": denied, deleted: counted}}
    assert made["filters"] == [f"{PREFIX}denied", deleted]
    assert made["kept_filters"] == ["cis-root-login"]
    after = {
        "filterPattern": '{ $.errorCode = "*" }',
        "metricTransformations": [{**metric, "metricValue": "$.size", "defaultValue": 0.0}],
    }
    assert modified["diff"] == {
        "before": {deleted: counted, f"{PREFIX}denied": denied},
        "after": {f"{PREFIX}denied": after},
    }
    assert gone["diff"] == {"before": {f"{PREFIX}denied": after}, "after": {}}
    assert gone["filters"] == []
    assert there(logs) == foreign


def test_the_table_of_signals(run: ModuleRunner, logs: Any) -> None:
    """What the filter audit_metric_filters returns goes in as it is."""
    profile = StorageProfile.parse(
        {
            "account_id": "123456789012",
            "region": "us-east-1",
            "bucket": "acme-backups",
            "encryption_mode": "sse-kms",
            "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "role_arns": ["arn:aws:iam::123456789012:role/velero"],
        }
    )
    filters = metric_filters(profile, data_events=True)
    options = {"log_group_name": GROUP, "filters": filters, "purge_prefix": PREFIX}
    assert run.ok(MODULE, **options)["filters"] == [wanted["filterName"] for wanted in filters]
    assert not run.ok(MODULE, **options)["changed"]
    for wanted in filters:
        live = there(logs)[wanted["filterName"]]
        assert {name: live[name] for name in wanted} == wanted
    assert run.ok(MODULE, **options, state="absent")["changed"]
    assert there(logs) == {}


def test_same_by_meaning(run: ModuleRunner, logs: Any) -> None:
    logs.put_metric_filter(logGroupName=GROUP, **one(defaultValue=0.0, unit="None"))
    before = there(logs)
    same = one(pattern=' { $.errorCode = "AccessDenied" }\n', defaultValue="0")
    assert not run.ok(MODULE, log_group_name=GROUP, filters=[same])["changed"]
    assert there(logs) == before
    assert run.ok(MODULE, check=True, log_group_name=GROUP, filters=[one(defaultValue=1)])["changed"]
    assert run.ok(MODULE, check=True, log_group_name=GROUP, filters=[one(defaultValue=None)])["changed"]


def test_what_others_gave_a_filter_is_kept(run: ModuleRunner, logs: Any) -> None:
    """PutMetricFilter replaces the filter as a whole. moto forgets these members, so the request is looked at."""
    from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import WantedFilters, decide_filters

    params = {"log_group_name": GROUP, "filters": [one()], "state": "present", "purge_prefix": None}
    live = {**one(pattern="other"), "applyOnTransformedLogs": True, "fieldSelectionCriteria": '@aws.region = "x"'}
    plan = decide_filters(WantedFilters.of(params), {live["filterName"]: live})
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
        logs.put_metric_filter(logGroupName=GROUP, **one(f"theirs-{number:02}"))
    assert len(run.ok(MODULE, log_group_name=GROUP, filters=[one(), one("z-last")])["kept_filters"]) == 98
    aws.proxy.clear()
    assert not run.ok(MODULE, log_group_name=GROUP, filters=[one(), one("z-last")])["changed"]
    assert [call.operation for call in aws.proxy.requests] == ["DescribeMetricFilters"] * 2
    for check in (True, False):
        message = run.refused(MODULE, check=check, log_group_name=GROUP, filters=[one(f"{PREFIX}more")])
        assert message == (
            f"filters: {GROUP} would have 101 metric filters where CloudWatch takes 100. Delete some that nobody needs."
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
        "purge_prefix: the prefix is empty, so that every filter of the log group would go. "
        "Give the prefix of your filters' names, or leave it out.",
    ),
    "a long pattern": (
        {"filters": [one(pattern="x" * 1025)]},
        f"filters: {PREFIX}denied has a pattern of 1025 characters, and CloudWatch takes 1024. "
        "Make two filters of it that count in the same metric.",
    ),
    "a default with dimensions": (
        {"filters": [one(dimensions={"Event": "$.eventName"})]},
        f"filters: {PREFIX}denied has dimensions and a defaultValue, which CloudWatch does not take together. "
        "Leave the dimensions out: without a default an alarm has no data.",
    ),
    "many dimensions": (
        {"filters": [one(defaultValue=None, dimensions={str(number): "$.x" for number in range(4)})]},
        f"filters: {PREFIX}denied has more than three dimensions. Leave some out.",
    ),
    "no number": (
        {"filters": [one(defaultValue="none")]},
        f"filters: {PREFIX}denied has a defaultValue of 'none', which is not a number. "
        "Use 0, for a time without a match.",
    ),
    "two metrics": (
        {"filters": [{**one(), "metricTransformations": one()["metricTransformations"] * 2}]},
        f"filters: {PREFIX}denied has not exactly one entry in metricTransformations. "
        "CloudWatch takes one: make a filter of each.",
    ),
    "no pattern": (
        {"filters": [{"filterName": "x", "metricTransformations": []}]},
        "filters: x has no filterPattern. Set it, or delete the filter with state=absent.",
    ),
    "no metric": (
        {"filters": [one(metricName=None)]},
        f"filters: {PREFIX}denied has no metricName. Set it, or delete the filter with state=absent.",
    ),
    "what is not known": (
        {"filters": [{**one(), "pattern": ""}]},
        f"filters: {PREFIX}denied has pattern, which is not known. "
        "PutMetricFilter knows filterName, filterPattern, metricTransformations.",
    ),
    "a bad name": (
        {"filters": [one("a:b")]},
        "filters: 'a:b' is not the name of a metric filter. "
        "Set filterName to 1 to 512 characters, no colon and no asterisk.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(run: ModuleRunner, logs: Any, case: str) -> None:
    options, message = REFUSED[case]
    for check in (True, False):
        assert run.refused(MODULE, check=check, log_group_name=GROUP, **options) == message
    assert there(logs) == {}


def test_unreadable_state_is_an_error(run: ModuleRunner, aws: Aws, logs: Any) -> None:
    aws.proxy.deny("logs", "DescribeMetricFilters")
    for check in (True, False):
        for state in ("present", "absent"):
            failed = run.refused(MODULE, check=check, log_group_name=GROUP, filters=[one()], state=state)
            assert failed.startswith("logs:DescribeMetricFilters failed: ")


@controller_only
@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, logs: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    options = {"log_group_name": GROUP, "filters": [one(), one("other")], "purge_prefix": "old-"}
    for position in range(1, 5):
        aws.proxy.reset()
        for name in there(logs):
            logs.delete_metric_filter(logGroupName=GROUP, filterName=name)
        logs.put_metric_filter(logGroupName=GROUP, **one("old-one"))
        aws.proxy.fault(position, kind)
        run(MODULE, **options)
        aws.proxy.reset()
        run.ok(MODULE, **options)
        assert not run.ok(MODULE, **options)["changed"]
        assert sorted(there(logs)) == ["other", f"{PREFIX}denied"]
