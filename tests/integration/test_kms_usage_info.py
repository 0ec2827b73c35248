# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kms_usage_info against the patched moto: the same records by Logs Insights and Event history."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import re
import uuid
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Door
from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._usage import polling
from tests.support import cloudtrail_events
from tests.support.cloudtrail import TrailRecorder, deliver
from tests.support.emulators import MiniStack
from tests.support.fixtures import Aws
from tests.support.insights import HISTORY, STATUS
from tests.support.running import ModuleRunner, Result

MODULE = "kms_usage_info"
ACCOUNT = "123456789012"
REGION = "us-east-1"
ALIAS = "alias/velero"
VELERO = f"arn:aws:iam::{ACCOUNT}:role/velero"
APP = f"arn:aws:iam::{ACCOUNT}:role/app"
BUCKET = "acme-backups"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
SOURCES = ["logs", "lookup"]

Record = dict[str, Any]


def ago(minutes: float) -> str:
    return (NOW - dt.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def session(role: str, name: str = "pod-1") -> Record:
    account, role_name = role.split(":")[4], role.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
        "accountId": account,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "accountId": account}},
        "invokedBy": "AWS Internal",
    }


def record(name: str, key: str | None, minutes: float = 30, **changes: Any) -> Record:
    """A record of KMS, as its Developer Guide shows them ("Examples of AWS KMS log entries")."""
    return {
        "eventVersion": "1.11",
        "userIdentity": session(VELERO),
        "eventTime": ago(minutes),
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": {"keyId": key, "keySpec": "AES_256"} if key else None,
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": True,
        "resources": [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}] if key else None,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **changes,
    }


def denied(key: str, minutes: float = 20, **changes: Any) -> Record:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/app/i-0 is not authorized to perform: kms:GenerateDataKey on"
        f" resource: {key} because no identity-based policy allows the kms:GenerateDataKey action"
    )
    who = {"userIdentity": session(APP, "i-0") | {"invokedBy": None}, "sourceIPAddress": "203.0.113.7"}
    error = {"errorCode": "AccessDenied", "errorMessage": message, "userAgent": "aws-cli/2.31.0"}
    return record("GenerateDataKey", key, minutes, **{**who, **error, **changes})


def wanted(arn: str) -> list[Record]:
    """Events that concern the key, each found by another of the ways that an event can name it."""
    key_id = arn.rpartition("/")[2]
    return [
        record("GenerateDataKey", arn, 50),
        record("GenerateDataKey", arn, 40, userIdentity=session(VELERO, "pod-2")),
        record("Decrypt", arn, 39),
        record("Encrypt", arn, 38, requestParameters={"keyId": ALIAS}),
        denied(arn),
        # refused before KMS looked at the key: named by the message, by its id, by its alias
        denied(arn, 15, resources=None, requestParameters=None),
        denied(arn, 14, resources=None, requestParameters={"keyId": key_id}, errorMessage="Access denied"),
        record("Decrypt", arn, 13, resources=None, requestParameters={"keyId": ALIAS}, errorCode="DisabledException"),
        record(
            "ReEncrypt",
            arn,
            12,
            requestParameters={"sourceKeyId": "other", "destinationKeyId": arn},
            resources=[{"ARN": arn.replace(key_id, str(uuid.uuid4()))}, {"ARN": arn}],
        ),
        record(
            "UpdateAlias",
            arn,
            11,
            requestParameters={"aliasName": ALIAS, "targetKeyId": key_id},
            resources=[{"ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:{ALIAS}"}, {"ARN": arn}],
        ),
    ]


def near_misses(arn: str) -> list[Record]:
    """Events that are close and concern another key, or nothing of KMS."""
    other = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    foreign = session("arn:aws:iam::999999999999:role/app")
    return [
        record("GenerateDataKey", other),
        denied(other),
        # the alias named another key when it was used
        record("GenerateDataKey", other, requestParameters={"keyId": ALIAS}),
        # the same alias, and the same multi-Region id, elsewhere
        denied(other, resources=None, requestParameters={"keyId": ALIAS}, userIdentity=foreign),
        denied(other, resources=None, requestParameters={"keyId": ALIAS}, awsRegion="eu-west-1"),
        record("Decrypt", arn.replace(REGION, "eu-west-1"), awsRegion="eu-west-1"),
        record("GetObject", arn, eventSource="s3.amazonaws.com", requestParameters={"bucketName": "other"}),
        record("GenerateDataKey", arn, 3 * 24 * 60),  # before the window
    ]


def plant(aws: Aws, *records: Record, group: str = HISTORY) -> None:
    deliver(records, aws.client("logs"), group)


@pytest.fixture
def key(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(polling, "_FIRST_DELAY", 0.01)
    kms = aws.client("kms")
    arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName=ALIAS, TargetKeyId=arn)
    return arn


@pytest.fixture
def planted(aws: Aws, key: str) -> str:
    plant(aws, *wanted(key), *near_misses(key))
    return key


def options(source: str) -> dict[str, Any]:
    return {"log_group": HISTORY} if source == "logs" else {"lookup_scope": "service"}


def test_sources_tell_the_same(run: ModuleRunner, aws: Aws, planted: str) -> None:
    told = {}
    for source in SOURCES:
        result = run.ok(MODULE, key_id=ALIAS, hours=2, **options(source))
        assert result["source"] == source
        assert result["notes"] == []
        told[source] = {name: result[name] for name in result if name.startswith("by_") or name == "totals"}
        told[source]["failures"] = result["failures"]
    assert told["logs"] == told["lookup"]
    assert told["logs"]["totals"] == {"calls": 10, "succeeded": 6, "failed": 4, "denied": 3}
    assert {entry["event"]: entry["calls"] for entry in told["logs"]["by_event"]} == {
        "GenerateDataKey": 5,
        "Decrypt": 2,
        "Encrypt": 1,
        "ReEncrypt": 1,
        "UpdateAlias": 1,
    }
    assert [(entry["principal"], entry["calls"], entry["denied"]) for entry in told["logs"]["by_principal"]] == [
        (VELERO, 7, 0),
        (APP, 3, 3),
    ]
    assert [(entry["source"], entry["calls"]) for entry in told["logs"]["by_source"]] == [
        ("AWS Internal", 7),
        ("203.0.113.7", 3),
    ]
    assert [entry["user_agent"] for entry in told["logs"]["by_user_agent"]] == ["AWS Internal", "aws-cli/2.31.0"]


def test_events_of_the_filters_are_told_the_same(run: ModuleRunner, aws: Aws, key: str) -> None:
    """What the metric filters are tested with, as if it had happened in the last hour."""
    found = [entry["record"] for entry in cloudtrail_events.entries().values()]
    moved = [
        {**one, "eventTime": ago(59 - 58 * place / len(found)), "eventID": str(uuid.uuid4())}
        for place, one in enumerate(found)
    ]
    keys = re.findall(r"arn:aws:kms:[a-z0-9-]+:[0-9]+:key/[0-9a-f-]{36}", json.dumps(moved))
    ((there, _count),) = Counter(keys).most_common(1)
    # Event history is asked where the key is, and the emulator has been given the events in one Region only.
    plant(aws, *json.loads(json.dumps(moved).replace(there.split(":")[3], REGION)))
    arn = there.replace(there.split(":")[3], REGION)
    told = []
    for source in SOURCES:
        arguments = options(source) | {"aliases": [ALIAS], "last_usage": False, "max_failures": 1000}
        result = run.ok(MODULE, key_id=arn, hours=1, region=REGION, **arguments)
        result["failures"].sort(key=lambda failure: failure["event_id"])
        told.append({n: result[n] for n in result if n.startswith("by_") or n in ("totals", "failures")})
    assert told[0] == told[1]
    assert told[0]["totals"]["calls"] > 0


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("source", SOURCES)
def test_failures_are_told(run: ModuleRunner, aws: Aws, planted: str, source: str, check: bool) -> None:
    result = run.ok(MODULE, check=check, key_id=planted, max_failures=2, hours=2, **options(source))
    assert not result["changed"]
    assert [(entry["event"], entry["error"], entry["time"]) for entry in result["failures"]] == [
        ("Decrypt", "DisabledException", ago(13)),
        ("GenerateDataKey", "AccessDenied", ago(14)),
    ]
    refused, disabled = result["by_error"]
    assert (refused["error"], refused["denied"], refused["calls"]) == ("AccessDenied", True, 3)
    assert (refused["principals"], refused["events"]) == ([APP], ["GenerateDataKey"])
    assert (refused["first"], refused["last"]) == (ago(20), ago(14))
    assert (disabled["error"], disabled["denied"]) == ("DisabledException", False)


def test_event_history_says_what_it_cannot_find(run: ModuleRunner, aws: Aws, planted: str) -> None:
    result = run.ok(MODULE, key_id=planted, hours=2)
    assert result["source"] == "lookup"
    assert result["totals"] == {"calls": 7, "succeeded": 6, "failed": 1, "denied": 1}
    assert "lookup_scope=service" in result["notes"][0]
    assert result["warnings"] == []


def test_requests(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(aws, record("GenerateDataKey", key))
    expected = {
        "logs": ["DescribeLogGroups", "StartQuery", "GetQueryResults", "GetQueryResults"],
        "lookup": ["LookupEvents"],
    }
    for source in SOURCES:
        arguments = options(source)
        aws.proxy.clear()
        assert run.ok(MODULE, key_id=key, **arguments)["totals"]["calls"] == 1
        asked = [call.operation for call in aws.proxy.requests]
        assert asked == ["ListAliases", *expected[source], "GetKeyLastUsage"]
    aws.proxy.clear()
    run.ok(MODULE, key_id=key, aliases=[], last_usage=False, **options("lookup"))
    assert [call.operation for call in aws.proxy.requests] == ["LookupEvents"]


def test_event_history_keeps_its_rate(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(aws, *(record("Decrypt", key, minutes=i / 10) for i in range(210)))
    begun = dt.datetime.now(dt.UTC)
    result = run.ok(MODULE, key_id=key, lookup_scope="service", max_events=200)
    assert (dt.datetime.now(dt.UTC) - begun).total_seconds() > 1.5
    # The emulator answers a third request in a second as AWS does, with an error.
    statuses = [call.status for call in aws.proxy.requests if call.operation == "LookupEvents"]
    assert statuses == [200] * 5
    assert result["totals"]["calls"] == 200
    assert result["truncated"]
    (text,) = result["warnings"]  # "latest" is masked: the emulator's secret key is in it
    assert text.endswith("200 that were read. Raise max_events, at 100 a second, or ask for a shorter window.")


def test_an_answer_that_was_cut_is_said(run: ModuleRunner, aws: Aws, key: str) -> None:
    agents = [record("Decrypt", key, userAgent=f"agent-{number}") for number in range(10_001)]
    for begin in range(0, len(agents), 1000):
        plant(aws, *agents[begin : begin + 1000])
    result = run.ok(MODULE, key_id=key, log_group=HISTORY)
    assert (result["truncated"], result["totals"]["calls"]) == (True, 10_000)
    assert result["warnings"] == [
        "10001 events matched and the answer of Logs Insights accounts for 10000 of them: it has at most 10000 rows."
        " Ask for a shorter window."
    ]


def test_window_is_kept(run: ModuleRunner, aws: Aws, planted: str) -> None:
    for source in SOURCES:
        result = run.ok(MODULE, key_id=planted, start=ago(45), end=ago(38), **options(source))
        assert [(entry["event"], entry["calls"]) for entry in result["by_event"]] == [
            ("Decrypt", 1),
            ("Encrypt", 1),
            ("GenerateDataKey", 1),
        ]
        assert result["window"] == {"start": ago(45), "end": ago(38), "hours": 0.12}


def test_log_group_by_arn(run: ModuleRunner, aws: Aws, planted: str) -> None:
    for arn in (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{HISTORY}{end}" for end in ("", ":*")):
        assert run.ok(MODULE, key_id=planted, log_group=arn, hours=2)["totals"]["calls"] == 10


def test_key_of_another_region(run: ModuleRunner, aws: Aws, key: str) -> None:
    """The log group of a trail of all Regions is in one of them; KMS and Event history are asked where the key is."""
    kms = aws.client("kms", region_name="eu-west-1")
    arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName="alias/there", TargetKeyId=arn)
    plant(aws, record("Decrypt", arn, awsRegion="eu-west-1"))
    deliver([record("Encrypt", arn, awsRegion="eu-west-1")], aws.client("logs", region_name="eu-west-1"), HISTORY)
    by_logs = run.ok(MODULE, key_id=arn, log_group=HISTORY)
    assert ([entry["event"] for entry in by_logs["by_event"]], by_logs["aliases"]) == (["Decrypt"], ["alias/there"])
    assert [entry["event"] for entry in run.ok(MODULE, key_id=arn)["by_event"]] == ["Encrypt"]


def fail(monkeypatch: pytest.MonkeyPatch, failing: str, code: str, message: str) -> None:
    """One request ends in an error that no emulator gives."""
    ask = Door.call

    def call(self: Door, action: str, **arguments: Any) -> Any:
        if action == failing:
            raise ServiceError(action, code, message)
        return ask(self, action, **arguments)

    monkeypatch.setattr(Door, "call", call)


def test_too_many_queries_at_once(run: ModuleRunner, aws: Aws, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "Account maximum query concurrency limit reached"
    fail(monkeypatch, "logs:StartQuery", "LimitExceededException", message)
    plant(aws, record("Decrypt", key))
    text = run.refused(MODULE, key_id=key, log_group=HISTORY)
    assert text.endswith("Too many queries run in this account at once: wait for them and try again.")


def test_last_usage(run: ModuleRunner, aws: Aws, key: str) -> None:
    unused = run.ok(MODULE, key_id=key)["last_usage"]
    assert (unused["known"], unused["event"], unused["time"], unused["event_id"]) == (True, None, None, None)
    last = record("Decrypt", key, 5)
    plant(aws, record("GenerateDataKey", key, 9), last, denied(key, 2))
    used = run.ok(MODULE, key_id=key)["last_usage"]
    assert (used["event"], used["time"], used["event_id"]) == ("Decrypt", ago(5), last["eventID"])
    assert used["key_created"]
    assert run.ok(MODULE, key_id=key, last_usage=False)["last_usage"] is None


def test_older_boto3_does_not_know_the_last_usage(
    run: ModuleRunner, aws: Aws, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, "kms:GetKeyLastUsage", "UnknownOperation", "this boto3 does not know it")
    told = run.ok(MODULE, key_id=key)["last_usage"]
    assert told == {
        "known": False,
        "reason": "This boto3 does not know kms:GetKeyLastUsage yet; a newer one does.",
    }


def put_object(name: str, bucket: str = BUCKET, **changes: Any) -> Record:
    changes = {"requestParameters": {"bucketName": bucket, "key": "x"}, "resources": [], **changes}
    return record(name, None, eventSource="s3.amazonaws.com", eventCategory="Data", **changes)


def test_bucket_key_by_data_events(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(
        aws,
        *(put_object("PutObject") for dummy in range(20)),
        put_object("GetObject"),
        put_object("PutObject", errorCode="AccessDenied"),
        put_object("PutObject", bucket="other"),
        put_object("ListObjects"),
        record("GenerateDataKey", key),
        record("Decrypt", key),
        denied(key),
    )
    result = run.ok(MODULE, key_id=key, bucket=BUCKET, log_group=HISTORY)
    assert result["bucket_key"] == {
        "object_requests": 21,
        "kms_calls": 2,
        "calls_saved": 19,
        "reason": None,
        "method": "data events",
    }
    nothing = run.ok(MODULE, key_id=key, bucket="unknown", log_group=HISTORY)["bucket_key"]
    assert nothing["calls_saved"] is None
    assert nothing["reason"].startswith("No data events of bucket unknown were recorded in the window.")


def test_bucket_key_by_request_metrics(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(aws, record("GenerateDataKey", key))
    dimensions = [{"Name": "BucketName", "Value": BUCKET}, {"Name": "FilterId", "Value": "Whole"}]
    for metric, count in (("PutRequests", 40), ("GetRequests", 2), ("DeleteRequests", 7)):
        datum = {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Value": count,
            "Timestamp": NOW - dt.timedelta(hours=1),
        }
        aws.client("cloudwatch").put_metric_data(Namespace="AWS/S3", MetricData=[datum])
    told = run.ok(MODULE, key_id=key, bucket=BUCKET, request_metrics_filter="Whole")["bucket_key"]
    assert told["calls_saved"] == 41
    assert told["method"] == "request metrics"
    other = run.ok(MODULE, key_id=key, bucket=BUCKET, request_metrics_filter="Other")["bucket_key"]
    assert other["reason"] == f"S3 has no request metrics Other of bucket {BUCKET} in the window."


def test_bucket_key_is_unknown_without_a_count(run: ModuleRunner, aws: Aws, key: str) -> None:
    told = run.ok(MODULE, key_id=key)["bucket_key"]
    assert (told["calls_saved"], told["reason"]) == (None, "The option bucket is not set.")
    told = run.ok(MODULE, key_id=key, bucket=BUCKET)["bucket_key"]
    assert told["reason"] == "Event history has no data events. Choose another source, or use request metrics."


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"start": "yesterday"}, "start: yesterday is not a time. Write it as in 2026-11-24T08:00:00Z."),
        ({"start": ago(5), "end": ago(9)}, f"start: {ago(5)} is not before the end, {ago(9)}. Give an earlier start."),
        ({"start": ago(-60), "end": ago(-90)}, f"start: {ago(-60)} is in the future. Give an earlier start."),
        ({"hours": 0}, "hours: 0.0 is no length of time. Give a number above 0."),
        ({"max_failures": -1}, "max_failures: -1 is too low. Give 0 or more."),
        ({"max_events": 0}, "max_events: 0 is too low. Give 1 or more."),
        ({"timeout": 0}, "timeout: 0 is too low. Give 1 or more."),
        ({"aliases": ["velero"]}, "aliases: velero is not the name of an alias. Write it as in alias/velero."),
        ({"key_id": "arn:aws:kms:us-east-1:123456789012:key/a b"}, "is not the ARN of a key. Give the full ARN"),
        ({"source": "logs"}, "source is logs but all of the following are missing: log_group"),
        ({"request_metrics_filter": "a"}, "missing parameter(s) required by 'request_metrics_filter': bucket"),
        (
            {"log_group": "arn:aws:s3:::bucket"},
            "log_group: arn:aws:s3:::bucket is not the ARN of a log group. Give the name of the log group, or",
        ),
    ],
    ids=itertools.count(),  # the texts have times in them, and each worker has its own
)
def test_bad_options_are_refused(run: ModuleRunner, aws: Aws, key: str, arguments: dict[str, Any], text: str) -> None:
    assert text in run.refused(MODULE, **{"key_id": key, **arguments})
    assert {call.operation for call in aws.proxy.requests} <= {"ListAliases"}


def test_window_before_what_is_kept_is_refused(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(aws, record("Decrypt", key))
    aws.client("logs").put_retention_policy(logGroupName=HISTORY, retentionInDays=30)
    old = {"key_id": key, "start": ago(100 * 24 * 60)}
    text = run.refused(MODULE, **old, log_group=HISTORY)
    assert f"start: {old['start']} is older than the 30 days that log group {HISTORY} keeps. Start at " in text
    assert text.endswith("or later, or choose another source.")
    assert "90 days that CloudTrail's event history keeps" in run.refused(MODULE, **old)
    text = run.refused(MODULE, key_id=key, hours=2400)
    assert text.startswith("hours: ")
    assert aws.proxy.count(operation="StartQuery") == aws.proxy.count(operation="LookupEvents") == 0


def test_records_that_begin_within_the_window(run: ModuleRunner, aws: Aws, key: str) -> None:
    plant(aws, record("Decrypt", key, -0.1), group="new")
    made = aws.client("logs").describe_log_groups(logGroupNamePrefix="new")["logGroups"][0]["creationTime"] // 1000
    moment = dt.datetime.fromtimestamp(made, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = run.ok(MODULE, key_id=key, log_group="new")
    expected = [f"Log group new was made at {moment}, within the window: what was before is not in it."]
    assert result["warnings"] == result["notes"] == expected
    assert not result["truncated"]
    assert run.refused(MODULE, key_id=key, log_group="new", end=ago(10)) == (
        f"end: {ago(10)} is before log group new was made, at {moment}. Give a later end, or choose another source."
    )


def test_log_group_that_is_missing(run: ModuleRunner, aws: Aws, key: str) -> None:
    text = "log_group: trail does not exist. Give the log group that the trail delivers to, in"
    assert text in run.refused(MODULE, key_id=key, log_group="trail")
    placeholder = run.ok(MODULE, check=True, key_id=key, log_group="trail")
    assert (placeholder["totals"]["calls"], placeholder["by_event"], placeholder["failures"]) == (0, [], [])
    assert text in placeholder["bucket_key"]["reason"]


def test_key_that_is_missing(run: ModuleRunner, aws: Aws) -> None:
    text = run.refused(MODULE, key_id="alias/none", log_group=HISTORY)
    assert text == (
        "key_id: alias/none does not exist. Give the ARN of the key, or an alias or id of one in us-east-1."
    )
    assert run.ok(MODULE, check=True, key_id="alias/none", log_group=HISTORY)["key_arn"] is None


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_logs_query_that_ends_badly(run: ModuleRunner, aws: Aws, key: str, status: str) -> None:
    group = STATUS + status
    plant(aws, group=group)
    assert run.refused(MODULE, key_id=key, log_group=group) == (
        f"log_group: {group} was queried, and the query ended {status}. Ask for a shorter window, or try again."
    )


@pytest.fixture
def endless(aws: Aws) -> str:
    """A log group whose queries go on for ever."""
    group = STATUS + "Running"
    plant(aws, group=group)
    return group


def test_query_that_takes_too_long_is_stopped(run: ModuleRunner, aws: Aws, key: str, endless: str) -> None:
    text = run.refused(MODULE, key_id=key, timeout=1, log_group=endless)
    assert text.startswith("timeout: ")
    assert text.endswith("was not done after 1 seconds. It was stopped. Raise the limit, or ask for a shorter window.")
    assert aws.proxy.count(operation="StopQuery", status=200) == 1


@pytest.fixture(params=[KeyboardInterrupt, SystemExit, ConnectionError])
def interruption(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[BaseException]:
    """Something ends the wait for a query."""

    def interrupted(_self: polling.Poller, _query: str) -> Any:
        raise request.param

    monkeypatch.setattr(polling.Poller, "polls", interrupted)
    return request.param


def test_query_is_stopped_on_interruption(aws: Aws, key: str, endless: str, interruption: type[BaseException]) -> None:
    with pytest.raises(interruption) if not issubclass(interruption, Exception) else contextlib.nullcontext():
        assert ModuleRunner("controller")(MODULE, key_id=key, log_group=endless)["failed"]
    assert aws.proxy.count(operation="StopQuery", status=200) == 1


@pytest.mark.parametrize(
    ("service", "operation", "source", "needs"),
    [
        ("logs", "StartQuery", "logs", "logs:StartQuery"),
        ("logs", "DescribeLogGroups", "logs", "logs:DescribeLogGroups"),
        ("logs", "GetQueryResults", "logs", "logs:GetQueryResults"),
        ("cloudtrail", "LookupEvents", "lookup", "cloudtrail:LookupEvents"),
        ("kms", "ListAliases", "lookup", "kms:ListAliases"),
        ("kms", "GetKeyLastUsage", "lookup", "kms:GetKeyLastUsage"),
    ],
)
def test_denied_requests_are_errors(
    run: ModuleRunner, aws: Aws, key: str, service: str, operation: str, source: str, needs: str
) -> None:
    plant(aws, record("Decrypt", key))
    arguments = options(source)
    aws.proxy.deny(service, operation)
    text = run.refused(MODULE, key_id=key, **arguments)
    assert f"The credentials of this task need {needs} there." in text
    if operation == "GetQueryResults":
        assert aws.proxy.count(operation="StopQuery", status=200) == 1


def test_unreadable_aliases_say_the_way_out(run: ModuleRunner, aws: Aws, key: str) -> None:
    aws.proxy.deny("kms", "ListAliases")
    assert "Or name the aliases of the key in the option aliases" in run.refused(MODULE, key_id=key)
    assert run.ok(MODULE, key_id=key, aliases=[ALIAS])["aliases"] == [ALIAS]


def test_progress_is_told(aws: Aws, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_PROGRESS_INTERVAL", 0.0)
    told: list[str] = []
    monkeypatch.setattr("ansible.utils.display.Display.display", lambda self, text, *_a, **_k: told.append(text))
    plant(aws, record("Decrypt", key))
    result: Result = ModuleRunner("controller").ok(MODULE, key_id=key, log_group=HISTORY)
    assert result["totals"]["calls"] == 1
    assert any(text.startswith("Logs Insights query ") and text.endswith(" s") for text in told)


# --- real calls, really judged ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived() -> tuple[str, TrailRecorder]:
    """A key of which MiniStack, which judges IAM, allows Velero's role and refuses another one; what was recorded."""
    if not MiniStack.is_installed():
        pytest.skip("MiniStack is not installed: make .venv-ministack/.stamp")
    trail = TrailRecorder(REGION)
    with MiniStack(account=ACCOUNT, region=REGION) as server:
        kms, iam = server.client("kms"), server.client("iam")
        arn = str(kms.create_key()["KeyMetadata"]["Arn"])
        kms.create_alias(AliasName=ALIAS, TargetKeyId=arn)
        for role, action in (("velero", ["kms:GenerateDataKey", "kms:Decrypt"]), ("app", ["kms:DescribeKey"])):
            trust = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
            allow = {"Effect": "Allow", "Action": action, "Resource": arn}
            documents = [json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, allow)]
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=documents[0])
            iam.put_role_policy(RoleName=role, PolicyName="use", PolicyDocument=documents[1])
            name = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "RoleSessionName": "pod"}
            given = server.client("sts").assume_role(**name)
            keys = given["Credentials"]
            client = server.client(
                "kms",
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )
            trail.watch(client, given["AssumedRoleUser"]["Arn"])
            with contextlib.suppress(ClientError):
                blob = client.generate_data_key(KeyId=arn, KeySpec="AES_256")["CiphertextBlob"]
                client.decrypt(CiphertextBlob=blob)
            for named in (arn, ALIAS):
                with contextlib.suppress(ClientError):
                    client.encrypt(KeyId=named, Plaintext=b"x")
    return arn, trail


@pytest.mark.parametrize("source", SOURCES)
def test_real_calls_and_real_denials(
    run: ModuleRunner, aws: Aws, lived: tuple[str, TrailRecorder], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "_FIRST_DELAY", 0.01)
    arn, trail = lived
    plant(aws, *trail.records)
    arguments = options(source)
    result = run.ok(MODULE, key_id=arn, aliases=[ALIAS], last_usage=False, hours=1, **arguments)
    assert {entry["principal"]: (entry["succeeded"], entry["denied"]) for entry in result["by_principal"]} == {
        VELERO: (2, 2),
        APP: (0, 3),
    }
    assert {failure["event"] for failure in result["failures"]} == {"GenerateDataKey", "Encrypt"}
    assert all("is not authorized to perform: kms:" in failure["message"] for failure in result["failures"])
