# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_alarms against moto."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _alerts, _runner
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import MEMBERS, arguments_of
from tests.support.fixtures import Aws
from tests.support.profiles import IN_MOTO
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "cloudwatch_metric_alarms"
PREFIX = "velero-acme-backups-"
NAME = f"{PREFIX}denied"
PLACE = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
TOPIC = "arn:aws:sns:us-east-1:123456789012:velero-acme-backups"
THEIRS = "arn:aws:sns:us-east-1:123456789012:theirs"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:theirs"


def one(name: str = NAME, **options: Any) -> dict[str, Any]:
    alarm = {
        "name": name,
        "namespace": "Velero/Audit",
        "metric_name": "acme-backups-denied",
        "statistic": "Sum",
        "period": 300,
        "evaluation_periods": 1,
        "threshold": 1.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "treat_missing_data": "notBreaching",
        "alarm_actions": [TOPIC],
        **options,
    }
    return {option: value for option, value in alarm.items() if value is not None}


def request(name: str = NAME, **options: Any) -> dict[str, Any]:
    """What PutMetricAlarm takes for :func:`one`."""
    alarm = one(name, **options)
    return arguments_of(alarm.pop("name"), alarm)


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws.client("cloudwatch")


def there(cloudwatch: Any) -> dict[str, Any]:
    """The alarms without what CloudWatch says of its own."""
    listed = cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]
    return {
        alarm["AlarmName"]: {name: value for name, value in alarm.items() if "Timestamp" not in name}
        for alarm in listed
    }


def state(cloudwatch: Any) -> Any:
    alarms = there(cloudwatch)
    tags = {
        name: cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] for name, alarm in alarms.items()
    }
    return alarms, tags


def test_lifecycle(run: ModuleRunner, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**request("theirs", alarm_actions=[THEIRS]))
    foreign = there(cloudwatch)["theirs"]
    dimensions = {"Operation": "Decrypt", "KeyArn": "arn"}
    heartbeat = one(
        f"{PREFIX}no-recent-backup",
        period=3600,
        evaluation_periods=25,
        ok_actions=[TOPIC],
        dimensions=dimensions,
        unit="Count",
    )
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"alarms": [one(description="KMS denied a request."), heartbeat], "tags": {"a": "b"}},
        modify={
            "alarms": [one(threshold=5, actions_enabled=False)],
            "purge_prefix": PREFIX,
            "tags": {"c": "true"},
            "allow_no_actions": True,
        },
        delete={"alarms": [{"name": NAME}], "state": "absent"},
        state=lambda: state(cloudwatch),
    )
    shown = {
        "description": "KMS denied a request.",
        "namespace": "Velero/Audit",
        "metric_name": "acme-backups-denied",
        "statistic": "Sum",
        "period": 300,
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "threshold": 1.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "treat_missing_data": "notBreaching",
        "actions_enabled": True,
        "alarm_actions": [TOPIC],
    }
    assert created["diff"]["before"] == {}
    assert created["diff"]["after"][NAME] == {**shown, "tags": {"a": "b"}}
    assert created["diff"]["after"][f"{PREFIX}no-recent-backup"]["dimensions"] == dimensions
    assert created["alarm_arns"] == {
        NAME: f"{PLACE}{NAME}",
        f"{PREFIX}no-recent-backup": f"{PLACE}{PREFIX}no-recent-backup",
    }
    assert created["alarms"][0] == {
        "name": NAME,
        "arn": f"{PLACE}{NAME}",
        "state": "INSUFFICIENT_DATA",
        "state_reason": "Unchecked: Initial alarm creation",
        "alarm_actions": [TOPIC],
        "kept_actions": [],
    }
    changed = {**shown, "threshold": 5.0, "actions_enabled": False}
    assert modified["diff"]["before"][NAME] == shown
    assert modified["diff"]["after"] == {NAME: changed, f"{NAME}: tags": {"c": "true"}}
    assert sorted(modified["diff"]["before"]) == [NAME, f"{NAME}: tags", f"{PREFIX}no-recent-backup"]
    assert deleted["diff"] == {"before": {NAME: changed}, "after": {}}
    assert there(cloudwatch) == {"theirs": foreign}


def test_the_table_of_alerts(run: ModuleRunner, cloudwatch: Any) -> None:
    """What the filter audit_alarms returns goes in as it is."""
    for log_group in (True, False):
        alarms = _alerts.alarms(IN_MOTO, topic_arn=TOPIC, schedule_hours=24, data_events=True, log_group=log_group)
        options = {"alarms": alarms, "purge_prefix": PREFIX, "tags": {"service": "velero"}, "purge_tags": False}
        assert list(run.ok(MODULE, **options)["alarm_arns"]) == [alarm["name"] for alarm in alarms]
        assert not run.ok(MODULE, **options)["changed"]
        live = there(cloudwatch)
        assert sorted(live) == sorted(alarm["name"] for alarm in alarms)
        for alarm in alarms:
            told = live[alarm["name"]]
            dimensions = {one["Name"]: one["Value"] for one in told.get("Dimensions", [])}
            assert dimensions == alarm["dimensions"]
            assert {option: told[MEMBERS[option]] for option in alarm if option not in ("name", "dimensions")} == {
                option: value for option, value in alarm.items() if option not in ("name", "dimensions")
            }
    assert run.ok(MODULE, state="absent", purge_prefix=PREFIX)["changed"]
    assert there(cloudwatch) == {}


def test_what_is_not_named_is_kept(run: ModuleRunner, cloudwatch: Any) -> None:
    live = request(
        alarm_actions=[THEIRS],
        ok_actions=[THEIRS, OTHER],
        description="theirs",
        evaluation_periods=3,
        datapoints_to_alarm=2,
        actions_enabled=False,
        dimensions={"a": "b"},
    )
    cloudwatch.put_metric_alarm(**live)
    cloudwatch.set_alarm_state(AlarmName=NAME, StateValue="ALARM", StateReason="tried")
    result = run.ok(MODULE, alarms=[one(evaluation_periods=4)])
    after = there(cloudwatch)[NAME]
    assert after["AlarmActions"] == [THEIRS, TOPIC]
    assert after["OKActions"] == [THEIRS, OTHER]
    assert (after["AlarmDescription"], after["DatapointsToAlarm"], after["EvaluationPeriods"]) == ("theirs", 2, 4)
    assert after.get("Dimensions", []) == [], "which metric it is about is ours"
    assert result["alarms"][0] == {
        "name": NAME,
        "arn": f"{PLACE}{NAME}",
        "state": "ALARM",
        "state_reason": "tried",
        "alarm_actions": [THEIRS, TOPIC],
        "kept_actions": [THEIRS, OTHER],
    }
    assert result["warnings"] == [
        f"{NAME}: its actions are disabled, so that it notifies nobody. Set actions_enabled to true."
    ]
    assert after["ActionsEnabled"] is False
    assert (
        run.ok(MODULE, alarms=[one(actions_enabled=True, evaluation_periods=4)], purge_actions=True)["warnings"] == []
    )
    after = there(cloudwatch)[NAME]
    assert after["AlarmActions"] == [TOPIC]
    assert after["OKActions"] == [THEIRS, OTHER], "of a state whose actions were not named"
    assert after["StateValue"] == "ALARM"


def test_percentile_instead_of_a_statistic(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one()])
    percentile = one(statistic=None, extended_statistic="p99")
    assert run.ok(MODULE, alarms=[percentile])["changed"]
    assert not run.ok(MODULE, alarms=[percentile])["changed"]
    assert "Statistic" not in there(cloudwatch)[NAME]
    assert run.ok(MODULE, alarms=[one()])["changed"]
    assert "ExtendedStatistic" not in there(cloudwatch)[NAME]


def test_same_by_meaning(run: ModuleRunner, cloudwatch: Any) -> None:
    dimensions = {"b": "2", "a": "1"}
    cloudwatch.put_metric_alarm(
        **request(alarm_actions=[THEIRS, TOPIC], treat_missing_data=None, dimensions=dimensions)
    )
    same = one(
        period="300",
        threshold="1",
        datapoints_to_alarm=1,
        actions_enabled="True",
        treat_missing_data="missing",
        dimensions={"a": 1, "b": 2},
    )
    assert not run.ok(MODULE, alarms=[same])["changed"]


def test_requests(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, **options)
        return [call.operation for call in aws.proxy.requests]

    alarms = [one(f"{PREFIX}{number}") for number in range(3)]
    assert calls(alarms=alarms) == ["DescribeAlarms", "GetCallerIdentity", *["PutMetricAlarm"] * 3]
    assert calls(alarms=alarms) == ["DescribeAlarms"]
    assert calls(alarms=alarms, purge_prefix=PREFIX) == ["DescribeAlarms"]
    assert calls(alarms=[*alarms[:2]], tags={}) == ["DescribeAlarms", *["ListTagsForResource"] * 2]
    assert calls(alarms=alarms[:1], purge_prefix=PREFIX) == ["DescribeAlarms", "DeleteAlarms"]
    assert calls(state="absent", alarms=alarms) == ["DescribeAlarms", "DeleteAlarms"]
    assert calls(state="absent", alarms=alarms) == ["DescribeAlarms"]


def test_many(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    """In batches of 100 names, and in pages by prefix."""
    alarms = [one(f"{PREFIX}{number:03}") for number in range(101)]
    run.ok(MODULE, alarms=alarms)
    for options in ({}, {"purge_prefix": PREFIX}):
        aws.proxy.clear()
        assert not run.ok(MODULE, alarms=alarms, **options)["changed"]
        assert [call.operation for call in aws.proxy.requests] == ["DescribeAlarms"] * 2
    run.ok(MODULE, state="absent", purge_prefix=PREFIX)
    assert there(cloudwatch) == {}


def test_alarms_of_another_kind(run: ModuleRunner, cloudwatch: Any) -> None:
    expression = {"Id": "e", "Expression": "SELECT SUM(x) FROM y", "Period": 60, "ReturnData": True}
    comparison = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(AlarmName=NAME, Metrics=[expression], **comparison)
    composite = f"{PREFIX}composite"
    cloudwatch.put_composite_alarm(AlarmName=composite, AlarmRule=f'ALARM("{NAME}")')
    kinds = {NAME: "an alarm on an expression, an anomaly or a query", composite: "a composite alarm"}
    for name, kind in kinds.items():
        for check in (True, False):
            for wanted in ("present", "absent"):
                assert run.refused(MODULE, check=check, alarms=[one(name)], state=wanted) == (
                    f"alarms: {name} is {kind} already. Choose another name, or delete that one first."
                )
    run.ok(MODULE, alarms=[one(f"{PREFIX}other")])
    assert run.ok(MODULE, state="absent", purge_prefix=PREFIX)["changed"]
    assert list(there(cloudwatch)) == [NAME], "which this module has not made"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two of a name": (
        {"alarms": [one(), one()]},
        f"alarms: {NAME} is given twice. An alarm is owned by its name: leave one of them out.",
    ),
    "no actions": (
        {"alarms": [one(alarm_actions=[])]},
        f"alarms: {NAME} has no alarm_actions, so that it would notify nobody. Give the ARN of a topic, as "
        "coffer.velero.sns_topic returns it, or set allow_no_actions=true.",
    ),
    "actions disabled": (
        {"alarms": [one(actions_enabled=False)]},
        f"alarms: {NAME} has actions_enabled false, so that it would notify nobody. "
        "Set actions_enabled to true, or allow_no_actions=true.",
    ),
    "an odd period": (
        {"alarms": [one(period=7)]},
        f"alarms: {NAME} has period 7. Use 10, 20, 30 or a multiple of 60.",
    ),
    "another comparison": (
        {"alarms": [one(comparison="Above")]},
        "value of comparison must be one of: GreaterThanOrEqualToThreshold, GreaterThanThreshold, "
        "LessThanOrEqualToThreshold, LessThanThreshold, got: Above found in alarms",
    ),
    "many actions": (
        {"alarms": [one(alarm_actions=[f"{TOPIC}{number}" for number in range(6)])]},
        f"alarms: {NAME} would have 6 alarm_actions where CloudWatch takes 5. "
        "Subscribe several endpoints to one topic, or remove unmanaged actions with purge_actions=true.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(run: ModuleRunner, cloudwatch: Any, case: str) -> None:
    options, message = REFUSED[case]
    for check in (True, False):
        assert run.refused(MODULE, check=check, **options) == message
    assert there(cloudwatch) == {}


#: What Ansible refuses by the types of the suboptions, with words of its message.
MISTYPED: list[tuple[dict[str, Any], list[str]]] = [
    (one(threshold="many"), ["'threshold'", "convert to float"]),
    (one(dimensions=["x"]), ["'dimensions'", "convert to dict"]),
    ({**one(), "metrics": []}, ["Unsupported parameters", "metrics", "treat_missing_data"]),
    ({"namespace": "x"}, ["missing required arguments: name"]),
]


@pytest.mark.parametrize(("alarm", "words"), MISTYPED)
def test_suboptions_have_types(run: ModuleRunner, cloudwatch: Any, alarm: dict[str, Any], words: list[str]) -> None:
    for check in (True, False):
        message = run.refused(MODULE, check=check, alarms=[alarm])
        assert [word for word in words if word not in message] == [], message
    assert there(cloudwatch) == {}


def test_no_actions_where_it_is_allowed(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one(alarm_actions=None)], allow_no_actions=True)
    assert there(cloudwatch)[NAME].get("AlarmActions", []) == []
    run.refused(MODULE, alarms=[one(alarm_actions=None)])
    run.ok(MODULE, alarms=[one()])
    assert not run.ok(MODULE, alarms=[one(alarm_actions=None)])["changed"], "it has actions already"


def test_points_that_do_not_fit_any_more(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one(evaluation_periods=3, datapoints_to_alarm=3)])
    assert run.refused(MODULE, alarms=[one(evaluation_periods=2)]) == (
        f"alarms: {NAME} would have datapoints_to_alarm 3 of evaluation_periods 2. Set both."
    )


def test_unreadable_state_is_an_error(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**request())
    before = state(cloudwatch)
    for operation in ("DescribeAlarms", "ListTagsForResource"):
        aws.proxy.reset()
        aws.proxy.deny("monitoring", operation)
        for check in (True, False):
            failed = run.refused(MODULE, check=check, alarms=[one(threshold=2)], tags={"a": "b"})
            assert failed.startswith(f"cloudwatch:{operation} failed: "), failed
    assert state(cloudwatch) == before


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    options = {"alarms": [one(), one("other")], "purge_prefix": "old-", "tags": {"a": "b"}}
    arrange = partial(cloudwatch.put_metric_alarm, **request("old-one"))
    for _run in interrupted_runs(run, aws, MODULE, options, kind=kind, requests=6, arrange=arrange):
        assert sorted(there(cloudwatch)) == ["other", NAME]
        assert all(tags == [{"Key": "a", "Value": "b"}] for tags in state(cloudwatch)[1].values())
