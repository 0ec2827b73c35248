# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trails of this account and of others, and CloudTrail's records of the calls that boto3 clients really made.

MiniStack records neither the error of a call nor the key that it was about, and moto records nothing. A record is made
of what the client has sent and what it was answered, in the form of the CloudTrail User Guide ("CloudTrail record
contents") and of the KMS Developer Guide ("Examples of AWS KMS log entries").
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.documents import trail_bucket_policy_statements
from tests.support.filter_pattern import matches
from tests.support.fixtures import Aws

ACCOUNT = "123456789012"
NAME = "velero-audit"
BUCKET = "velero-backups-audit"
OBJECTS = "arn:aws:s3:::velero-backups/production/"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:velero-audit"

Record = dict[str, Any]
#: Never recorded: "The ciphertext in the request and the plaintext in the response are omitted."
_OMITTED = {"CiphertextBlob", "Plaintext", "Body", "Message"}


# --- trails ---


def arn_of(name: str, account: str = ACCOUNT, region: str = "us-east-1") -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


class Account:
    """Clients of another account."""

    def __init__(self, aws: Aws, account: str) -> None:
        self.account = account
        role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/admin", RoleSessionName="test")
        keys = role["Credentials"]
        self._aws = aws
        self._keys = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }

    def client(self, service: str) -> Any:
        return self._aws.client(service, **self._keys)


def log_bucket(aws: Aws | Account, bucket: str, trail_arn: str, **options: Any) -> None:
    """A bucket that a trail may write to."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    statements = trail_bucket_policy_statements(bucket, trail_arn, **options)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def foreign_trail(aws: Aws | Account, name: str, bucket: str, **settings: Any) -> str:
    """A trail that records what trails record, made by somebody else."""
    arn = arn_of(name, aws.account if isinstance(aws, Account) else ACCOUNT)
    organization = {"organization_id": "o-exampleorgid"} if settings.get("IsOrganizationTrail") else {}
    log_bucket(aws, bucket, arn, **organization)
    client = aws.client("cloudtrail")
    client.create_trail(**{"Name": name, "S3BucketName": bucket, "IsMultiRegionTrail": True, **settings})
    client.start_logging(Name=name)
    return arn


# --- records ---


class TrailRecorder:
    """Records what watched clients do; ``records`` are the oldest first."""

    def __init__(self, region: str = "us-east-1") -> None:
        self.region = region
        self.records: list[Record] = []

    def watch(self, client: Any, arn: str) -> Any:
        """Record the client's calls from now on.

        :param arn: the identity behind its credentials, as ``sts:GetCallerIdentity`` tells it
        """
        service = client.meta.service_model.service_name

        def sent(params: Mapping[str, Any], context: dict[str, Any], **_details: Any) -> None:
            context["recorded_params"] = dict(params)

        def answered(model: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], **_details: Any) -> None:
            params = context.get("recorded_params", {})
            self.records.append(self._record(service, model.name, params, parsed, identity(arn)))

        client.meta.events.register(f"before-parameter-build.{service}", sent)
        client.meta.events.register(f"after-call.{service}", answered)
        return client

    def _record(
        self, service: str, name: str, params: Mapping[str, Any], parsed: Mapping[str, Any], who: Record
    ) -> Record:
        error = parsed.get("Error")
        told = {
            "eventVersion": "1.11",
            "userIdentity": who,
            "eventTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": self.region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "Boto3",
            "requestParameters": {_camel(key): value for key, value in params.items() if key not in _OMITTED} or None,
            "responseElements": None,
            "requestID": str(uuid.uuid4()),
            "eventID": str(uuid.uuid4()),
            "readOnly": name.startswith(("Get", "List", "Describe", "Head", "Decrypt", "Encrypt", "GenerateDataKey")),
            "resources": _resources(service, params, parsed) or None,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": who["accountId"],
            "eventCategory": "Management",
        }
        if error:
            # KMS answers with AccessDeniedException and is recorded with AccessDenied.
            code = str(error.get("Code", ""))
            told["errorCode"] = "AccessDenied" if code == "AccessDeniedException" else code
            told["errorMessage"] = str(error.get("Message", ""))
        return told


def identity(arn: str) -> Record:
    """The identity of a record, by its ARN."""
    account, resource = arn.split(":", 5)[4:]
    kind, _slash, rest = resource.partition("/")
    if kind == "assumed-role":
        role, _slash, session = rest.partition("/")
        issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "accountId": account, "userName": role}
        return {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{session}",
            "arn": arn,
            "accountId": account,
            "sessionContext": {"sessionIssuer": issuer},
        }
    if kind == "user":
        return {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": arn, "accountId": account, "userName": rest}
    return {"type": "Root", "principalId": account, "arn": arn, "accountId": account}


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _resources(service: str, params: Mapping[str, Any], parsed: Mapping[str, Any]) -> list[Record]:
    """The key, where the answer or the request name it in full; an alias that was refused is not resolved."""
    if service != "kms":
        return []
    found = parsed.get("KeyId") or parsed.get("KeyMetadata", {}).get("Arn") or params.get("KeyId")
    if not str(found).startswith("arn:") or ":key/" not in str(found):
        return []
    return [{"accountId": str(found).split(":")[4], "type": "AWS::KMS::Key", "ARN": found}]


def deliver(records: Sequence[Record], logs: Any, group: str, stream: str = "trail") -> None:
    """Put records into a log group, as a trail does."""
    for make, arguments in (
        (logs.create_log_group, {"logGroupName": group}),
        (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            make(**arguments)
    events = [
        {"timestamp": int(dt.datetime.fromisoformat(r["eventTime"]).timestamp() * 1000), "message": json.dumps(r)}
        for r in records
    ]
    events.sort(key=lambda event: int(str(event["timestamp"])))
    for begin in range(0, len(events), 1000):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[begin : begin + 1000])


def count(records: Sequence[Record], logs: Any, cloudwatch: Any, group: str) -> None:
    """Apply the log group's metric filters, as CloudWatch Logs does and no emulator: a value for each record.

    A record that matches counts with the filter's value, any other one with its default.
    """
    for metric_filter in logs.describe_metric_filters(logGroupName=group)["metricFilters"]:
        (metric,) = metric_filter["metricTransformations"]
        values = [
            float(metric["metricValue"] if matches(metric_filter["filterPattern"], record) else metric["defaultValue"])
            for record in records
        ]
        data = [{"MetricName": metric["metricName"], "Value": value} for value in values]
        cloudwatch.put_metric_data(Namespace=metric["metricNamespace"], MetricData=data)
