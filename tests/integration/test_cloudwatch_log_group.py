# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_log_group against moto."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Door
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import logs_api
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.documents import log_group_key_statements
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "cloudwatch_log_group"
NAME = "velero-acme-backups"
ACCOUNT = "123456789012"
ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{NAME}"
PREDICTED = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def logs(aws: Aws) -> Any:
    return aws.client("logs")


@pytest.fixture
def key(aws: Aws) -> str:
    """A key whose policy lets the log group use it, with an alias."""
    kms = aws.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    policy = json.loads(kms.get_key_policy(KeyId=metadata["KeyId"], PolicyName="default")["Policy"])
    policy["Statement"] += log_group_key_statements(f"{ARN}:*")
    kms.put_key_policy(KeyId=metadata["KeyId"], PolicyName="default", Policy=json.dumps(policy))
    kms.create_alias(AliasName="alias/velero-audit", TargetKeyId=metadata["KeyId"])
    return str(metadata["Arn"])


def group(logs: Any) -> dict[str, Any] | None:
    listed = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    return next((one for one in listed if one["logGroupName"] == NAME), None)


def state(logs: Any) -> Any:
    return group(logs), logs.list_tags_for_resource(resourceArn=ARN)["tags"]


def test_lifecycle(run: ModuleRunner, logs: Any, key: str) -> None:
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={
            "name": NAME,
            "retention_in_days": 365,
            "kms_key_id": "alias/velero-audit",
            "deletion_protection_enabled": True,
            "tags": {"service": "velero", "tier": 1},
        },
        modify={"name": NAME, "retention_in_days": 0, "kms_key_id": "", "tags": {"service": "audit"}},
        delete={"name": NAME, "state": "absent", "delete_data": True, "deletion_protection_enabled": False},
        state=lambda: state(logs),
    )
    assert created["diff"] == {
        "before": {},
        "after": {
            "log_group_arn": ARN,
            "retention_in_days": 365,
            "kms_key_arn": key,
            "deletion_protection_enabled": True,
            "tags": {"service": "velero", "tier": "1"},
        },
    }
    assert modified["diff"] == {
        "before": {"retention_in_days": 365, "kms_key_arn": key, "tags": {"service": "velero", "tier": "1"}},
        "after": {"tags": {"service": "audit"}},
    }
    told = {name: modified[name] for name in ("name", "log_group_arn", "retention_in_days", "kms_key_arn", "tags")}
    assert told == {
        "name": NAME,
        "log_group_arn": ARN,
        "retention_in_days": None,
        "kms_key_arn": None,
        "tags": {"service": "audit"},
    }
    assert modified["deletion_protection_enabled"], "it was not asked for"
    assert deleted["diff"] == {"before": {"log_group_arn": ARN}, "after": {}}
    assert group(logs) is None


def test_settings_of_an_existing_one(run: ModuleRunner, logs: Any, key: str) -> None:
    """Without an option nothing is touched; the log events stay whatever is changed."""
    logs.create_log_group(logGroupName=NAME, tags={"owner": "others"})
    logs.put_retention_policy(logGroupName=NAME, retentionInDays=7)
    logs.create_log_stream(logGroupName=NAME, logStreamName="trail")
    event = {"timestamp": int(time.time() * 1000), "message": "evidence"}
    logs.put_log_events(logGroupName=NAME, logStreamName="trail", logEvents=[event])
    before = state(logs)
    assert not run.ok(MODULE, name=NAME)["changed"]
    assert state(logs) == before
    for options in (
        {"retention_in_days": 30},
        {"kms_key_id": key},
        {"deletion_protection_enabled": True},
        {"deletion_protection_enabled": False},
        {"tags": {"a": "b"}, "purge_tags": False},
    ):
        placeholder = run.ok(MODULE, check=True, name=NAME, **options)
        real = run.ok(MODULE, name=NAME, **options)
        assert placeholder["changed"]
        assert {**placeholder, "invocation": None} == {**real, "invocation": None}
        assert not run.ok(MODULE, name=NAME, **options)["changed"]
    assert state(logs)[1] == {"owner": "others", "a": "b"}
    events = logs.get_log_events(logGroupName=NAME, logStreamName="trail")["events"]
    assert [event["message"] for event in events] == ["evidence"]
    assert (group(logs) or {})["creationTime"] == before[0]["creationTime"]


def test_requests(run: ModuleRunner, aws: Aws, logs: Any, key: str) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, name=NAME, **options)
        return [call.operation for call in aws.proxy.requests]

    whole = {"retention_in_days": 7, "kms_key_id": key, "tags": {"a": "b"}}
    assert calls(**whole) == [
        "DescribeLogGroups",
        "GetCallerIdentity",
        "DescribeKey",
        "CreateLogGroup",
        "PutRetentionPolicy",
    ]
    assert calls(**whole) == ["DescribeLogGroups", "ListTagsForResource"]
    assert calls(retention_in_days=7, kms_key_id=key) == ["DescribeLogGroups"]
    assert calls(kms_key_id="alias/velero-audit") == ["DescribeLogGroups", "DescribeKey"]
    assert calls(tags={"c": "d"}) == ["DescribeLogGroups", "ListTagsForResource", "UntagResource", "TagResource"]
    assert calls(state="absent", delete_data=True) == ["DescribeLogGroups", "DeleteLogGroup"]
    assert calls(state="absent") == ["DescribeLogGroups"]


def test_longer_names_do_not_hide_it(run: ModuleRunner, logs: Any) -> None:
    """The listing is by prefix and in pages."""
    for number in range(60):
        logs.create_log_group(logGroupName=f"{NAME}-{number:02}")
    assert run.ok(MODULE, check=True, name=NAME)["changed"]
    assert run.ok(MODULE, name=NAME)["changed"]
    assert not run.ok(MODULE, name=NAME)["changed"]
    assert run.ok(MODULE, name=NAME, state="absent", delete_data=True)["changed"]
    assert len(logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]) == 50
    assert group(logs) is None


def test_log_data_is_not_deleted_by_accident(run: ModuleRunner, logs: Any) -> None:
    assert not run.ok(MODULE, name=NAME, state="absent")["changed"], "nothing to lose"
    run.ok(MODULE, name=NAME, deletion_protection_enabled=True)
    for check in (True, False):
        assert run.refused(MODULE, check=check, name=NAME, state="absent") == (
            f"state: {ARN} holds log events that are evidence and would be deleted with it for good. "
            "Keep it; or export what must be kept (logs:CreateExportTask) and set delete_data=true."
        )
        assert run.refused(MODULE, check=check, name=NAME, state="absent", delete_data=True) == (
            f"state: {ARN} is protected from deletion. Find out who protected it; "
            "deletion_protection_enabled=false ends that and deletes it."
        )
    assert group(logs)


def test_shorter_retention_deletes_nothing_by_accident(
    run: ModuleRunner, logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log group that is younger has no such events: a run that was cut goes on."""
    run.ok(MODULE, name=NAME)
    run.ok(MODULE, name=NAME, retention_in_days=60)
    run.ok(MODULE, name=NAME, retention_in_days=30)
    later = time.time() + 31 * 86400
    monkeypatch.setattr(logs_api.time, "time", lambda: later)
    said = f"would delete the log events of {ARN} that are older; they are kept"
    remediation = "Keep them as long as they are evidence; or set delete_data=true."
    for check in (True, False):
        message = run.refused(MODULE, check=check, name=NAME, retention_in_days=14)
        assert message == f"retention_in_days: 14 {said} for 30 days now. {remediation}"
    assert run.ok(MODULE, name=NAME, retention_in_days=0)["changed"]
    message = run.refused(MODULE, name=NAME, retention_in_days=30)
    assert message == f"retention_in_days: 30 {said} for good now. {remediation}"
    assert run.ok(MODULE, name=NAME, retention_in_days=60)["changed"]
    assert run.ok(MODULE, name=NAME, retention_in_days=14, delete_data=True)["changed"]
    assert (group(logs) or {})["retentionInDays"] == 14


def test_options_that_are_refused(run: ModuleRunner, logs: Any) -> None:
    for days, longer in ((31, 60), (-1, 0), (3654, 0), (2, 3)):
        assert run.refused(MODULE, name=NAME, retention_in_days=days) == (
            f"retention_in_days: {days} is not a number of days that CloudWatch Logs can keep events for. "
            f"Use {longer}, or 0 to keep them for good."
        )
    for name in ("aws/trail", "trail of velero", "", "a" * 513):
        assert run.refused(MODULE, name=name) == (
            f"name: {name!r} is not the name of a log group. "
            "Use 1 to 512 letters, digits and ._-/#, and another beginning than aws/."
        )
    assert logs.describe_log_groups()["logGroups"] == []


@pytest.mark.usefixtures("aws")
def test_deletion_protection_that_boto3_does_not_know(run: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Door, "supports_member", lambda *_arguments: False)
    assert run.refused(MODULE, check=True, name=NAME, deletion_protection_enabled=True) == (
        "deletion_protection_enabled: true is not known to this boto3. "
        "Install a newer one than 1.41.0, or leave the option out."
    )


def test_keys(run: ModuleRunner, aws: Aws, logs: Any, key: str) -> None:
    kms = aws.client("kms")
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    elsewhere = key.replace("us-east-1", "eu-west-1")
    for given, said in {
        signing: f"{signing} is not a symmetric key. CloudWatch Logs encrypts with symmetric keys only.",
        disabled: f"{disabled} is disabled. Find out who disabled it; coffer.velero.kms_key enables it with "
        "enabled=true.",
        "alias/aws/s3": "alias/aws/s3 is an AWS managed key, whose policy cannot be changed and does not allow "
        "CloudWatch Logs. Choose a customer managed key, with the statements of "
        "coffer.velero.log_group_key_statements.",
    }.items():
        for check in (True, False):
            assert run.refused(MODULE, check=check, name=NAME, kms_key_id=given) == f"kms_key_id: {said}"
    missing = run.refused(MODULE, name=NAME, kms_key_id="alias/none")
    assert missing == (
        "kms_key_id: alias/none does not exist, or not for these credentials. "
        "Give a key in us-east-1 by its id or ARN, or an alias as alias/name."
    )
    assert run.ok(MODULE, check=True, name=NAME, kms_key_id="alias/none")["kms_key_arn"] == "alias/none"
    assert run.ok(MODULE, check=True, name=NAME, kms_key_id=PREDICTED)["kms_key_arn"] == PREDICTED
    assert "kms_key_id" in run.refused(MODULE, name=NAME, kms_key_id=elsewhere)
    assert group(logs) is None


def test_key_that_does_not_let_it_in(run: ModuleRunner, aws: Aws, logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been let in a moment ago: asked again, then said with what is missing."""
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    closed = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    message = run.refused(MODULE, name=NAME, kms_key_id=closed)
    assert message.startswith("logs:CreateLogGroup failed: InvalidParameterException: ")
    assert message.endswith(
        "The policy of the key must let CloudWatch Logs use it for this log group: "
        "coffer.velero.log_group_key_statements."
    )
    assert aws.proxy.count(operation="CreateLogGroup") == 2
    run.ok(MODULE, name=NAME)
    assert "coffer.velero.log_group_key_statements" in run.refused(MODULE, name=NAME, kms_key_id=closed)
    assert "kmsKeyId" not in (group(logs) or {})


def test_unreadable_state_is_an_error(run: ModuleRunner, aws: Aws, logs: Any, key: str) -> None:
    logs.create_log_group(logGroupName=NAME)
    before = state(logs)
    for service, operation in (("logs", "DescribeLogGroups"), ("logs", "ListTagsForResource"), ("kms", "DescribeKey")):
        aws.proxy.reset()
        aws.proxy.deny(service, operation)
        for check in (True, False):
            failed = run.refused(MODULE, check=check, name=NAME, kms_key_id=key, tags={"a": "b"})
            assert failed.startswith(f"{service}:{operation} failed: ")
    assert state(logs) == before


def test_rival_that_creates_it_first(run: ModuleRunner, logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Door.call

    def rivaled(self: Door, action: str, **arguments: Any) -> Any:
        if action == "logs:CreateLogGroup" and group(logs) is None:
            logs.create_log_group(logGroupName=NAME)
        return call(self, action, **arguments)

    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    monkeypatch.setattr(Door, "call", rivaled)
    assert run.ok(MODULE, name=NAME, retention_in_days=7, tags={"a": "b"})["changed"]
    assert (group(logs) or {})["retentionInDays"] == 7
    assert state(logs)[1] == {"a": "b"}


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, logs: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """A run that is disturbed at any of its requests, and run again, ends in the same state."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    options = {"name": NAME, "retention_in_days": 7, "tags": {"a": "b"}}
    for _run in interrupted_runs(run, aws, MODULE, options, kind=kind, requests=4):
        assert (group(logs) or {})["retentionInDays"] == 7
