# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""eventbridge_rules against moto."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Door
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "eventbridge_rules"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:velero-acme-backups"
OTHER = f"arn:aws:sqs:us-east-1:{ACCOUNT}:others"
DELETION = "velero-acme-backups-key-deletion"
POLICY = "velero-acme-backups-key-policy"
ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

Document = dict[str, Any]


def target(**options: Any) -> Document:
    return {
        "id": "topic",
        "arn": TOPIC,
        "input_paths": {"key": "$.resources[0]"},
        "input_template": '"KMS has deleted <key>."',
        **options,
    }


TARGET = target()
KMS = {"source": ["aws.kms"], "detail-type": ["KMS CMK Deletion", "KMS CMK Rotation"]}
PUT = {"source": ["aws.kms"], "detail": {"eventName": ["PutKeyPolicy"]}}


def rule(name: str = DELETION, **options: Any) -> Document:
    return {"name": name, "event_pattern": KMS, "targets": [target()], **options}


@pytest.fixture
def events(aws: Aws) -> Any:
    return aws.client("events")


def state(events: Any) -> dict[str, Any]:
    return {
        one["Name"]: (one, events.list_targets_by_rule(Rule=one["Name"])["Targets"])
        for one in events.list_rules()["Rules"]
    }


def test_lifecycle(run: ModuleRunner, events: Any) -> None:
    second = rule(POLICY, event_pattern=PUT, description="The policy of the key", targets=[target(id="hook")])
    modified = rule(state=ALL, targets=[target(input_template=None, dead_letter_arn=OTHER)])
    create, modify, delete = assert_lifecycle(
        run,
        MODULE,
        create={"rules": [rule(), second]},
        modify={"rules": [modified, rule(POLICY, event_pattern=KMS, targets=None)]},
        delete={"rules": [rule(), second], "state": "absent"},
        state=lambda: state(events),
    )
    assert create["diff"] == {
        "before": {},
        "after": {
            DELETION: {"event_pattern": KMS, "state": "ENABLED"},
            f"{DELETION}: topic": TARGET,
            POLICY: {"event_pattern": PUT, "state": "ENABLED", "description": "The policy of the key"},
            f"{POLICY}: hook": {**TARGET, "id": "hook"},
        },
    }
    assert [one["arn"] for one in create["rules"]] == [
        f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{name}" for name in (DELETION, POLICY)
    ]
    plain = {"id": "topic", "arn": TOPIC, "dead_letter_arn": OTHER}
    assert modify["diff"] == {
        "before": {
            DELETION: {"event_pattern": KMS, "state": "ENABLED"},
            f"{DELETION}: topic": TARGET,
            POLICY: {"event_pattern": PUT, "state": "ENABLED", "description": "The policy of the key"},
        },
        "after": {
            DELETION: {"event_pattern": KMS, "state": ALL},
            f"{DELETION}: topic": plain,
            POLICY: {"event_pattern": KMS, "state": "ENABLED", "description": "The policy of the key"},
        },
    }
    assert create["rules"][0]["targets"] == [TARGET]
    assert modify["rules"][0]["targets"] == [plain]
    assert list(delete["diff"]["before"]) == [f"{DELETION}: topic", DELETION, f"{POLICY}: hook", POLICY]
    assert state(events) == {}


def test_tags(run: ModuleRunner, aws: Aws, events: Any) -> None:
    """With twelve runs of their own; those of others stay where purge_tags is false."""

    def tags() -> dict[str, str] | None:
        there = events.list_rules()["Rules"]
        return None if not there else events.list_tags_for_resource(ResourceARN=there[0]["Arn"])["Tags"]

    created, modified, _deleted = assert_lifecycle(
        run,
        MODULE,
        create={"rules": [rule()], "tags": {"service": "velero", "team": "storage"}},
        modify={"rules": [rule()], "tags": {"service": "backup"}},
        delete={"rules": [rule()], "state": "absent", "tags": {"service": "backup"}},
        state=tags,
    )
    assert created["diff"]["after"][f"{DELETION}: tags"] == {"service": "velero", "team": "storage"}
    assert modified["diff"] == {
        "before": {f"{DELETION}: tags": {"service": "velero", "team": "storage"}},
        "after": {f"{DELETION}: tags": {"service": "backup"}},
    }
    assert modified["rules"][0]["tags"] == {"service": "backup"}
    run.ok(MODULE, rules=[rule()], tags={"a": "b"})
    kept = run.ok(MODULE, rules=[rule()], tags={"c": "d"}, purge_tags=False)
    assert kept["rules"][0]["tags"] == {"a": "b", "c": "d"}
    aws.proxy.clear()
    assert not run.ok(MODULE, rules=[rule()], tags={"c": "d"}, purge_tags=False)["changed"]
    seen = [call.operation for call in aws.proxy.requests]
    assert seen == ["ListRules", "ListTargetsByRule", "ListTagsForResource"]
    aws.proxy.deny("events", "ListTagsForResource")
    assert run.refused(MODULE, rules=[rule()], tags={}).startswith("events:ListTagsForResource failed: ")


def test_predictions_hold(run: ModuleRunner, events: Any) -> None:
    placeholder = run.ok(MODULE, check=True, rules=[rule()])
    real = run.ok(MODULE, rules=[rule()])
    assert {**placeholder, "invocation": None} == {**real, "invocation": None}


def test_foreign_things_are_kept(run: ModuleRunner, events: Any) -> None:
    """Other rules, other targets, and what somebody has added to a rule of ours."""
    events.put_rule(Name="velero-acme-backups", EventPattern="{}", Description="another")
    role = f"arn:aws:iam::{ACCOUNT}:role/events"
    events.put_rule(
        Name=DELETION,
        EventPattern='{"source": ["aws.s3"]}',
        ScheduleExpression="rate(1 day)",
        RoleArn=role,
        Description="d",
    )
    events.put_targets(Rule=DELETION, Targets=[{"Id": "others", "Arn": OTHER}])
    before = state(events)["velero-acme-backups"]
    result = run.ok(MODULE, rules=[rule()])
    after = state(events)
    assert after["velero-acme-backups"] == before
    told, targets = after[DELETION]
    assert json.loads(told["EventPattern"]) == KMS
    assert (told["ScheduleExpression"], told["RoleArn"], told["Description"]) == ("rate(1 day)", role, "d")
    assert [one["Id"] for one in targets] == ["others", "topic"]
    assert result["rules"][0]["kept_targets"] == ["others"]
    assert run.ok(MODULE, rules=[rule()], purge_targets=True)["rules"][0]["kept_targets"] == []
    assert [one["Id"] for one in state(events)[DELETION][1]] == ["topic"]


def test_same_meaning_is_no_change(run: ModuleRunner, events: Any) -> None:
    pattern = {
        "source": ["aws.kms", "aws.s3"],
        "detail": {"errorCode": [{"exists": False}, {"prefix": "Access"}], "n": [{"numeric": [">", 1, "<", 5]}]},
        "$or": [{"a": ["x"]}, {"b": ["y"]}],
    }
    other = {
        "$or": [{"b": ["y"]}, {"a": ["x"]}],
        "detail": {"n": [{"numeric": [">", 1, "<", 5]}], "errorCode": [{"prefix": "Access"}, {"exists": False}]},
        "source": ["aws.s3", "aws.kms"],
    }
    run.ok(MODULE, rules=[rule(event_pattern=pattern)])
    assert not run.ok(MODULE, rules=[rule(event_pattern=other)])["changed"]
    numbers = {**other, "detail": {**other["detail"], "n": [{"numeric": ["<", 5, ">", 1]}]}}  # type: ignore[dict-item]
    assert run.ok(MODULE, rules=[rule(event_pattern=numbers)])["changed"]
    assert run.ok(MODULE, rules=[rule(event_pattern={"source": ["aws.kms"]})])["changed"]


def test_requests(run: ModuleRunner, aws: Aws, events: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, **options)
        return [call.operation for call in aws.proxy.requests]

    both = [rule(), rule(POLICY, event_pattern=PUT)]
    assert calls(rules=both) == ["ListRules", "GetCallerIdentity", "PutRule", "PutTargets", "PutRule", "PutTargets"]
    assert calls(rules=both) == ["ListRules", "ListTargetsByRule", "ListTargetsByRule"]
    assert calls(rules=[rule(targets=None)]) == ["ListRules"]
    assert calls(rules=[rule(targets=[target(input_template=None)])]) == [
        "ListRules",
        "ListTargetsByRule",
        "PutTargets",
    ]
    assert calls(rules=both, state="absent") == [
        "ListRules",
        "ListTargetsByRule",
        "ListTargetsByRule",
        "RemoveTargets",
        "DeleteRule",
        "RemoveTargets",
        "DeleteRule",
    ]
    assert calls(rules=both, state="absent") == ["ListRules"]


def test_rule_with_foreign_targets_is_not_deleted(run: ModuleRunner, events: Any) -> None:
    run.ok(MODULE, rules=[rule()])
    events.put_targets(Rule=DELETION, Targets=[{"Id": "others", "Arn": OTHER}])
    for check in (True, False):
        assert run.refused(MODULE, check=check, rules=[rule()], state="absent") == (
            f"state: {DELETION} has unmanaged targets that would be removed: others. Ask their owners, "
            "then set purge_targets=true, or name them as targets of the rule."
        )
    assert run.ok(MODULE, rules=[{"name": DELETION}], state="absent", purge_targets=True)["changed"]
    assert state(events) == {}


@pytest.mark.parametrize("absent", [False, True])
def test_managed_rule(run: ModuleRunner, events: Any, absent: bool) -> None:
    """As EventBridge makes one for each archive."""
    bus = events.describe_event_bus()["Arn"]
    events.create_archive(ArchiveName="velero", EventSourceArn=bus)
    before = state(events)
    for check in (True, False):
        wanted = [rule("Events-Archive-velero")]
        assert run.refused(MODULE, check=check, rules=wanted, state="absent" if absent else "present") == (
            "rules: Events-Archive-velero is a rule that prod.vhs.events.aws.internal manages. Choose another name: "
            "only that service may change it."
        )
    assert state(events) == before


def test_too_many_targets(run: ModuleRunner, events: Any) -> None:
    events.put_rule(Name=DELETION, EventPattern='{"source": ["aws.s3"]}')
    events.put_targets(Rule=DELETION, Targets=[{"Id": f"other{n}", "Arn": OTHER} for n in range(5)])
    before = state(events)
    assert run.refused(MODULE, rules=[rule()]) == (
        f"rules: {DELETION} would have 6 targets where EventBridge takes 5. Remove unmanaged ones with "
        "purge_targets=true, or use a rule of another name."
    )
    assert state(events) == before
    assert run.ok(MODULE, rules=[rule()], purge_targets=True)["changed"]


def test_read_only_events_need_another_state(run: ModuleRunner, events: Any) -> None:
    pattern = {"source": ["aws.kms"], "detail": {"eventName": ["Decrypt", "DescribeKey", "DisableKey"]}}
    result = run.ok(MODULE, rules=[rule(event_pattern=pattern)])
    assert result["warnings"] == [
        f"{DELETION}: Decrypt, DescribeKey are read-only events, which a rule in state ENABLED never sees. Set the "
        f"state to {ALL}."
    ]
    assert run.ok(MODULE, rules=[rule(event_pattern=pattern, state=ALL)])["warnings"] == []
    objects = {"source": ["aws.s3"], "detail": {"eventName": ["GetObject"]}}
    assert run.ok(MODULE, rules=[rule(event_pattern=objects)])["warnings"] == []


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([], "rules: the list is empty. Name the rules, also those to delete."),
        ([rule("a b")], "rules: 'a b' is not the name of a rule. Use 1 to 64 letters, digits and ._-."),
        ([rule(event_pattern=None)], f"rules: {DELETION} has no event_pattern. Say which events it is about."),
        (
            [rule(event_pattern={"source": "aws.kms"})],
            f'rules: {DELETION} has a pattern that has "aws.kms" at source, where EventBridge takes a list of what '
            "matches. Correct event_pattern.",
        ),
        (
            [rule(event_pattern={"detail": {"eventName": []}})],
            f"rules: {DELETION} has a pattern that has an empty list at detail.eventName. Correct event_pattern.",
        ),
        (
            [rule(event_pattern={})],
            f"rules: {DELETION} has a pattern that is empty, and would match nothing. Correct event_pattern.",
        ),
        ([rule(), rule()], f"rules: {DELETION} is given twice. A rule is owned by its name: leave one of them out."),
        (
            [rule(targets=[target(), target()])],
            f"rules: {DELETION} has two targets of one id. Give each target an id of its own.",
        ),
        (
            [rule(targets=[target(arn="topic")])],
            f"rules: {DELETION}: topic is not an ARN. Give the ARN of the target.",
        ),
        (
            [rule(targets=[target(input_paths=None)])],
            f"rules: {DELETION}: topic uses <key> in input_template, which input_paths does not name. Say where in the "
            "event it is, $.detail.eventName.",
        ),
    ],
)
def test_refusals(run: ModuleRunner, events: Any, rules: list[Document], message: str) -> None:
    for check in (True, False):
        assert run.refused(MODULE, check=check, rules=rules) == message
    assert state(events) == {}


def test_nothing_is_changed_before_all_are_judged(run: ModuleRunner, events: Any) -> None:
    run.refused(MODULE, rules=[rule(), rule(POLICY, event_pattern={"source": "aws.kms"})])
    assert state(events) == {}


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, events: Any) -> None:
    run.ok(MODULE, rules=[rule()])
    before = state(events)
    for operation in ("ListRules", "ListTargetsByRule"):
        aws.proxy.reset()
        aws.proxy.deny("events", operation)
        for absent in ("present", "absent"):
            failed = run.refused(MODULE, rules=[rule(event_pattern=PUT)], state=absent)
            assert failed.startswith(f"events:{operation} failed: ")
    assert state(events) == before


def test_target_that_was_not_put(run: ModuleRunner, events: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PutTargets answers 200 with entries that failed; one that somebody else was changing is tried again."""
    call = Door.call
    answers = [
        {"FailedEntries": [{"TargetId": "topic", "ErrorCode": code, "ErrorMessage": "no"}]}
        for code in ("ConcurrentModificationException", "InternalException")
    ]

    def failing(self: Door, action: str, **arguments: Any) -> Any:
        return answers.pop(0) if action == "events:PutTargets" and answers else call(self, action, **arguments)

    monkeypatch.setattr(Door, "call", failing)
    monkeypatch.setattr("ansible_collections.coffer.velero.plugins.module_utils._runner._PAUSES", (0.0, 0.0))
    failed = run.refused(MODULE, rules=[rule()])
    assert failed == f"events:PutTargets failed: InternalException: no (target topic of {DELETION})"
    assert run.ok(MODULE, rules=[rule()])["changed"]
    assert [one["Id"] for one in state(events)[DELETION][1]] == ["topic"]


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, events: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    wanted = [rule(), rule(POLICY, event_pattern=PUT)]
    for _run in interrupted_runs(run, aws, MODULE, {"rules": wanted}, kind=kind, requests=7):
        assert sorted(state(events)) == [DELETION, POLICY]
    absent, made = {"rules": wanted, "state": "absent"}, partial(run.ok, MODULE, rules=wanted)
    for _run in interrupted_runs(run, aws, MODULE, absent, kind=kind, requests=7, arrange=made):
        assert state(events) == {}
