# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_alarms against moto."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner, _signals
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

MODULE = "cloudwatch_metric_alarms"
PREFIX = "velero-acme-backups-"
NAME = f"{PREFIX}denied"
PLACE = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
TOPIC = "arn:aws:sns:us-east-1:123456789012:velero-acme-backups"
THEIRS = "arn:aws:sns:us-east-1:123456789012:theirs"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:theirs"


def one(name: str = NAME, **members: Any) -> dict[str, Any]:
    alarm = {
        "AlarmName": name,
        "Namespace": "Velero/Audit",
        "MetricName": "acme-backups-denied",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [TOPIC],
        **members,
    }
    return {member: value for member, value in alarm.items() if value is not None}


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
    cloudwatch.put_metric_alarm(**one("theirs", AlarmActions=[THEIRS]))
    foreign = there(cloudwatch)["theirs"]
    dimensions = [{"Name": "Operation", "Value": "Decrypt"}, {"Name": "KeyArn", "Value": "arn"}]
    silence = one(
        f"{PREFIX}silence", Period=3600, EvaluationPeriods=25, OKActions=[TOPIC], Dimensions=dimensions, Unit="Count"
    )
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"alarms": [one(AlarmDescription="Somebody was refused."), silence], "tags": {"a": "b"}},
        modify={
            "alarms": [one(Threshold=5, ActionsEnabled=False)],
            "purge_prefix": PREFIX,
            "tags": {"c": True},
            "allow_silent": True,
        },
        delete={"alarms": [{"AlarmName": NAME}], "state": "absent"},
        state=lambda: state(cloudwatch),
    )
    shown = {
        "AlarmDescription": "Somebody was refused.",
        "Namespace": "Velero/Audit",
        "MetricName": "acme-backups-denied",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "ActionsEnabled": True,
        "AlarmActions": [TOPIC],
    }
    assert created["diff"]["before"] == {}
    assert created["diff"]["after"][NAME] == {**shown, "Tags": {"a": "b"}}
    assert created["diff"]["after"][f"{PREFIX}silence"]["Dimensions"] == dimensions[::-1]
    assert created["alarm_arns"] == {NAME: f"{PLACE}{NAME}", f"{PREFIX}silence": f"{PLACE}{PREFIX}silence"}
    assert created["alarms"][0] == {
        "name": NAME,
        "arn": f"{PLACE}{NAME}",
        "state": "INSUFFICIENT_DATA",
        "state_reason": "Unchecked: Initial alarm creation",
        "alarm_actions": [TOPIC],
        "kept_actions": [],
    }
    changed = {**shown, "Threshold": 5.0, "ActionsEnabled": False}
    assert modified["diff"]["before"][NAME] == shown
    assert modified["diff"]["after"] == {NAME: changed, f"{NAME}: tags": {"c": "true"}}
    assert sorted(modified["diff"]["before"]) == [NAME, f"{NAME}: tags", f"{PREFIX}silence"]
    assert deleted["diff"] == {"before": {NAME: changed}, "after": {}}
    assert there(cloudwatch) == {"theirs": foreign}


def test_the_table_of_signals(run: ModuleRunner, cloudwatch: Any) -> None:
    """What the filter audit_alarms returns goes in as it is."""
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
    for log_group in (True, False):
        alarms = _signals.alarms(profile, topic_arn=TOPIC, schedule_hours=24, data_events=True, log_group=log_group)
        options = {"alarms": alarms, "purge_prefix": PREFIX, "tags": {"service": "velero"}, "purge_tags": False}
        assert list(run.ok(MODULE, **options)["alarm_arns"]) == [alarm["AlarmName"] for alarm in alarms]
        assert not run.ok(MODULE, **options)["changed"]
        live = there(cloudwatch)
        assert sorted(live) == sorted(alarm["AlarmName"] for alarm in alarms)
        for alarm in alarms:
            told = live[alarm["AlarmName"]]
            sorted_dimensions = sorted(alarm["Dimensions"], key=lambda dimension: dimension["Name"])
            assert told.get("Dimensions", []) == sorted_dimensions
            assert {name: told[name] for name in alarm if name != "Dimensions"} == {
                name: value for name, value in alarm.items() if name != "Dimensions"
            }
    assert run.ok(MODULE, state="absent", purge_prefix=PREFIX)["changed"]
    assert there(cloudwatch) == {}


def test_what_is_not_named_is_kept(run: ModuleRunner, cloudwatch: Any) -> None:
    live = one(
        AlarmActions=[THEIRS],
        OKActions=[THEIRS, OTHER],
        AlarmDescription="theirs",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        ActionsEnabled=False,
        Dimensions=[{"Name": "a", "Value": "b"}],
    )
    cloudwatch.put_metric_alarm(**live)
    cloudwatch.set_alarm_state(AlarmName=NAME, StateValue="ALARM", StateReason="tried")
    result = run.ok(MODULE, alarms=[one(EvaluationPeriods=4)])
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
        f"{NAME}: its actions are disabled, so that nobody hears of it. Set ActionsEnabled to true."
    ]
    assert after["ActionsEnabled"] is False
    assert run.ok(MODULE, alarms=[one(ActionsEnabled=True, EvaluationPeriods=4)], purge_actions=True)["warnings"] == []
    after = there(cloudwatch)[NAME]
    assert after["AlarmActions"] == [TOPIC]
    assert after["OKActions"] == [THEIRS, OTHER], "of a state whose actions were not named"
    assert after["StateValue"] == "ALARM"


def test_percentile_instead_of_a_statistic(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one()])
    percentile = one(Statistic=None, ExtendedStatistic="p99")
    assert run.ok(MODULE, alarms=[percentile])["changed"]
    assert not run.ok(MODULE, alarms=[percentile])["changed"]
    assert "Statistic" not in there(cloudwatch)[NAME]
    assert run.ok(MODULE, alarms=[one()])["changed"]
    assert "ExtendedStatistic" not in there(cloudwatch)[NAME]


def test_same_by_meaning(run: ModuleRunner, cloudwatch: Any) -> None:
    dimensions = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
    cloudwatch.put_metric_alarm(**one(AlarmActions=[THEIRS, TOPIC], TreatMissingData=None, Dimensions=dimensions))
    same = one(
        Period="300",
        Threshold="1",
        DatapointsToAlarm=1,
        ActionsEnabled="True",
        TreatMissingData="missing",
        Dimensions=dimensions[::-1],
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
    "nothing": ({"alarms": []}, "alarms: the list is empty. Name the alarms, also those to delete."),
    "an empty prefix": (
        {"alarms": [one()], "purge_prefix": ""},
        "purge_prefix: the prefix is empty, so that every alarm of the Region would go. "
        "Give the prefix of your alarms' names, or leave it out.",
    ),
    "nobody hears": (
        {"alarms": [one(AlarmActions=[])]},
        f"alarms: {NAME} has no AlarmActions, so that nobody would hear of it. Give the ARN of a topic, as "
        "coffer.velero.sns_topic returns it, or set allow_silent=true.",
    ),
    "muted": (
        {"alarms": [one(ActionsEnabled=False)]},
        f"alarms: {NAME} has ActionsEnabled false, so that nobody would hear of it. "
        "Set ActionsEnabled to true, or allow_silent=true.",
    ),
    "an odd period": (
        {"alarms": [one(Period=7)]},
        f"alarms: {NAME} has Period 7. Use 10, 20, 30 or a multiple of 60.",
    ),
    "more than a day": (
        {"alarms": [one(Period=300, EvaluationPeriods=289)]},
        f"alarms: {NAME} looks back for 86700 seconds, and CloudWatch for 86400, a day where Period is shorter than an "
        "hour. Use fewer periods, or periods of an hour.",
    ),
    "more than a week": (
        {"alarms": [one(Period=3600, EvaluationPeriods=169)]},
        f"alarms: {NAME} looks back for 608400 seconds, and CloudWatch for 604800, a week. "
        "Use fewer periods, or periods of an hour.",
    ),
    "more points than periods": (
        {"alarms": [one(DatapointsToAlarm=2)]},
        f"alarms: {NAME} has DatapointsToAlarm 2 of EvaluationPeriods 1. "
        "Ask for one at least, and for no more than there are.",
    ),
    "no metric": (
        {"alarms": [one(MetricName=None)]},
        f"alarms: {NAME} has no MetricName. Set it, or delete the alarm with state=absent.",
    ),
    "no statistic": (
        {"alarms": [one(Statistic=None)]},
        f"alarms: {NAME} has no Statistic. Set one of Statistic and ExtendedStatistic.",
    ),
    "two statistics": (
        {"alarms": [one(ExtendedStatistic="p99")]},
        f"alarms: {NAME} has Statistic and ExtendedStatistic. Set one of Statistic and ExtendedStatistic.",
    ),
    "another comparison": (
        {"alarms": [one(ComparisonOperator="Above")]},
        f"alarms: {NAME} has ComparisonOperator 'Above'. Use one of GreaterThanOrEqualToThreshold, "
        "GreaterThanThreshold, LessThanOrEqualToThreshold, LessThanThreshold.",
    ),
    "no number": (
        {"alarms": [one(Threshold="many")]},
        f"alarms: {NAME} has Threshold 'many'. Give a number.",
    ),
    "odd dimensions": (
        {"alarms": [one(Dimensions=[{"KeyArn": "x"}])]},
        f"alarms: {NAME} has Dimensions [{{'KeyArn': 'x'}}]. Give a list of Name and Value.",
    ),
    "a long description": (
        {"alarms": [one(AlarmDescription="x" * 1025)]},
        f"alarms: {NAME} has an AlarmDescription of 1025 characters, and CloudWatch takes 1024. Shorten it.",
    ),
    "no ARN": (
        {"alarms": [one(AlarmActions=["oncall"])]},
        f"alarms: {NAME}: oncall is not an ARN, as AlarmActions takes them. Give that of a topic.",
    ),
    "a topic elsewhere": (
        {"alarms": [one(OKActions=[TOPIC.replace("us-east-1", "eu-west-1")])]},
        f"alarms: {NAME}: {TOPIC.replace('us-east-1', 'eu-west-1')} is in eu-west-1, the alarm is in us-east-1. "
        "An alarm tells topics of its own Region: choose one in us-east-1.",
    ),
    "many actions": (
        {"alarms": [one(AlarmActions=[f"{TOPIC}{number}" for number in range(6)])]},
        f"alarms: {NAME} would have 6 AlarmActions where CloudWatch takes 5. "
        "Let a topic tell several, or remove foreign ones with purge_actions=true.",
    ),
    "what is not taken": (
        {"alarms": [one(Metrics=[])]},
        f"alarms: {NAME} has Metrics, which this module does not take. It takes AlarmName, AlarmDescription, "
        "Namespace, MetricName, Dimensions, Unit, Statistic, ExtendedStatistic, Period, EvaluationPeriods, "
        "DatapointsToAlarm, Threshold, ComparisonOperator, TreatMissingData, ActionsEnabled, AlarmActions, OKActions, "
        "InsufficientDataActions; tags are an option of the task.",
    ),
    "no name": (
        {"alarms": [{"Namespace": "x"}]},
        "alarms: '' is not the name of an alarm. Set AlarmName to 1 to 255 characters.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(run: ModuleRunner, cloudwatch: Any, case: str) -> None:
    options, message = REFUSED[case]
    for check in (True, False):
        assert run.refused(MODULE, check=check, **options) == message
    assert there(cloudwatch) == {}


def test_silent_where_it_is_allowed(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one(AlarmActions=None)], allow_silent=True)
    assert there(cloudwatch)[NAME].get("AlarmActions", []) == []
    run.refused(MODULE, alarms=[one(AlarmActions=None)])
    run.ok(MODULE, alarms=[one()])
    assert not run.ok(MODULE, alarms=[one(AlarmActions=None)])["changed"], "it has actions already"


def test_points_that_do_not_fit_any_more(run: ModuleRunner, cloudwatch: Any) -> None:
    run.ok(MODULE, alarms=[one(EvaluationPeriods=3, DatapointsToAlarm=3)])
    assert run.refused(MODULE, alarms=[one(EvaluationPeriods=2)]) == (
        f"alarms: {NAME} would have DatapointsToAlarm 3 of EvaluationPeriods 2. Set both."
    )


def test_unreadable_state_is_an_error(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**one())
    before = state(cloudwatch)
    for operation in ("DescribeAlarms", "ListTagsForResource"):
        aws.proxy.reset()
        aws.proxy.deny("monitoring", operation)
        for check in (True, False):
            failed = run.refused(MODULE, check=check, alarms=[one(Threshold=2)], tags={"a": "b"})
            assert failed.startswith(f"cloudwatch:{operation} failed: "), failed
    assert state(cloudwatch) == before


@controller_only
@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    options = {"alarms": [one(), one("other")], "purge_prefix": "old-", "tags": {"a": "b"}}
    for position in range(1, 7):
        aws.moto.reset()
        aws.proxy.reset()
        cloudwatch.put_metric_alarm(**one("old-one"))
        aws.proxy.fault(position, kind)
        run(MODULE, **options)
        aws.proxy.reset()
        run.ok(MODULE, **options)
        assert not run.ok(MODULE, **options)["changed"]
        assert sorted(there(cloudwatch)) == ["other", NAME]
        assert all(tags == [{"Key": "a", "Value": "b"}] for tags in state(cloudwatch)[1].values())
