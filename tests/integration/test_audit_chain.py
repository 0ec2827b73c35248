# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a call to somebody who knows: a real denied call becomes a metric, an alarm, a message and a row of the usage.

MiniStack judges the calls, evaluates the alarms and sends the messages. What lies between is played, since no emulator
does it: CloudTrail writes the record (tests/support/cloudtrail.py) and CloudWatch Logs applies the metric filters
(tests/support/filter_pattern.py). That an alarm takes no data at all for a breach is not evaluated by any emulator;
no-recent-backup is shown with records of other calls, for which a metric filter counts its default, 0.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support import cloudtrail
from tests.support.emulators import MiniStack
from tests.support.fixtures import Aws
from tests.support.running import run_in_controller

ACCOUNT, REGION, BUCKET, GROUP = "123456789012", "us-east-1", "acme-backups", "velero-acme-backups"
VELERO = f"arn:aws:iam::{ACCOUNT}:role/velero"
PATIENCE = 30

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not MiniStack.is_installed(), reason="MiniStack is not installed: make .venv-ministack/.stamp"),
]


@dataclass
class Installation:
    """A key, Velero's role that may not use it yet, a queue of whoever is on duty, and what notices."""

    server: MiniStack
    key_arn: str
    queue: str
    kms: Any
    seen: int = 0
    recorder: cloudtrail.TrailRecorder = field(default_factory=lambda: cloudtrail.TrailRecorder(REGION))

    def module(self, name: str, /, **options: Any) -> dict[str, Any]:
        connection = {"endpoint_url": self.server.url, "region": REGION, "access_key": "test", "secret_key": "test"}
        result = run_in_controller(name, {**connection, **options}, check=False)
        assert not result.get("failed"), result
        return result

    def deliver(self) -> None:
        """What was recorded since the last time goes to the log group and through its metric filters."""
        records, self.seen = self.recorder.records[self.seen :], len(self.recorder.records)
        logs, cloudwatch = self.server.client("logs"), self.server.client("cloudwatch")
        cloudtrail.deliver(records, logs, GROUP)
        cloudtrail.count(records, logs, cloudwatch, GROUP)

    def state(self, alert: str) -> str:
        name = f"velero-{BUCKET}-{alert}"
        (alarm,) = self.server.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(alarm["StateValue"])

    def wait_for(self, alert: str, state: str) -> None:
        end = time.monotonic() + PATIENCE
        while self.state(alert) != state:
            assert time.monotonic() < end, f"{alert} is {self.state(alert)} and not {state}"
            time.sleep(0.2)

    def messages(self) -> list[dict[str, Any]]:
        """What was sent to whoever is on duty."""
        answer = self.server.client("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=5
        )
        return [json.loads(json.loads(one["Body"])["Message"]) for one in answer.get("Messages", [])]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with MiniStack(account=ACCOUNT, region=REGION) as server:
        iam, sqs = server.client("iam"), server.client("sqs")
        key_arn = str(server.client("kms").create_key()["KeyMetadata"]["Arn"])
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName="velero", AssumeRolePolicyDocument=document)
        given = server.client("sts").assume_role(RoleArn=VELERO, RoleSessionName="velero-pod")
        keys = given["Credentials"]
        kms = server.client(
            "kms",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        let_in = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:on-duty",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
        queue = sqs.create_queue(QueueName="on-duty", Attributes={"Policy": policy})["QueueUrl"]
        made = Installation(server, key_arn, queue, kms)
        made.recorder.watch(kms, given["AssumedRoleUser"]["Arn"])
        notice(made)
        yield made


def notice(made: Installation) -> None:
    """What the role kms_audit makes, for this key."""
    profile = StorageProfile.parse(
        {
            "account_id": ACCOUNT,
            "region": REGION,
            "bucket": BUCKET,
            "kms_key_arn": made.key_arn,
            "role_arns": [VELERO],
        }
    )
    made.server.client("logs").create_log_group(logGroupName=GROUP)
    subscription = {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT}:on-duty"}
    topic = made.module("sns_topic", name=f"velero-{BUCKET}", subscriptions=[subscription])
    made.module("cloudwatch_metric_filters", log_group_name=GROUP, filters=_alerts.metric_filters(profile))
    made.module(
        "cloudwatch_metric_alarms", alarms=_alerts.alarms(profile, topic_arn=topic["topic_arn"], schedule_hours=24)
    )


def test_a_denied_call_is_noticed(installation: Installation, aws: Aws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        installation.kms.generate_data_key(KeyId=installation.key_arn, KeySpec="AES_256")
    assert installation.state("key-access-denied") == "INSUFFICIENT_DATA"
    installation.deliver()
    installation.wait_for("key-access-denied", "ALARM")
    assert f"velero-{BUCKET}-key-access-denied" in {message["AlarmName"] for message in installation.messages()}

    cloudtrail.deliver(installation.recorder.records, aws.client("logs"), GROUP)
    options = {"key_id": installation.key_arn, "aliases": [], "log_group": GROUP, "hours": 1, "last_usage": False}
    usage = run_in_controller("kms_usage_info", options, check=False)
    assert not usage.get("failed"), usage
    (row,) = usage["failures"]
    assert (row["event"], row["error"]) == ("GenerateDataKey", "AccessDenied")
    assert row["principal"] == VELERO


def test_a_missing_backup_is_noticed(installation: Installation) -> None:
    """Velero is refused, so it writes nothing; then it may, and writes."""
    with contextlib.suppress(ClientError):
        installation.kms.generate_data_key(KeyId=installation.key_arn, KeySpec="AES_256")
    installation.deliver()
    installation.wait_for("no-recent-backup", "ALARM")

    allow = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": installation.key_arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    installation.server.client("iam").put_role_policy(RoleName="velero", PolicyName="use", PolicyDocument=document)
    installation.kms.generate_data_key(KeyId=installation.key_arn, KeySpec="AES_256")
    installation.deliver()
    installation.wait_for("no-recent-backup", "OK")
