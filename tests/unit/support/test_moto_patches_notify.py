# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto's SNS and EventBridge, of its name: what AWS does, seen through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulators import Moto
from tests.support.fixtures import refusal

NAME = "velero-acme-backups"
ACCOUNT = "123456789012"
ARN = f"arn:aws:sns:us-east-1:{ACCOUNT}:{NAME}"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:oncall"


@pytest.fixture(autouse=True)
def _empty(moto: Moto) -> None:
    moto.reset()


@pytest.fixture
def sns(moto: Moto) -> Any:
    client = moto.client("sns")
    client.create_topic(Name=NAME, Attributes={"DisplayName": "Velero"}, Tags=[{"Key": "a", "Value": "b"}])
    return client


@pytest.fixture
def events(moto: Moto) -> Any:
    return moto.client("events")


# --- SNS ------------------------------------------------------------------------------------------------------------


def test_subscription_waits_for_its_owner(sns: Any) -> None:
    def arns() -> dict[str, str]:
        there = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
        return {one["Endpoint"]: one["SubscriptionArn"] for one in there}

    elsewhere = QUEUE.replace(ACCOUNT, "444455556666")
    for protocol, endpoint in (("email", "a@example.com"), ("https", "https://a"), ("sqs", QUEUE), ("sqs", elsewhere)):
        sns.subscribe(TopicArn=ARN, Protocol=protocol, Endpoint=endpoint)
    assert {endpoint for endpoint, arn in arns().items() if arn == "PendingConfirmation"} == {
        "a@example.com",
        "https://a",
        elsewhere,
    }
    sns.confirm_subscription(TopicArn=ARN, Token="a@example.com")
    assert arns()["a@example.com"].startswith(f"{ARN}:")


def test_pending_subscription_gets_nothing(moto: Moto, sns: Any) -> None:
    """A message is no error where nobody is there to get it; a confirmed queue gets it."""
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName="oncall")["QueueUrl"]
    sns.subscribe(TopicArn=ARN, Protocol="https", Endpoint="https://127.0.0.1:9/")
    sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE)
    sns.publish(TopicArn=ARN, Message="silence")
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_topic_is_not_created_over_another(sns: Any) -> None:
    same = {"Name": NAME, "Attributes": {"DisplayName": "Velero"}, "Tags": [{"Key": "a", "Value": "b"}]}
    assert sns.create_topic(**same)["TopicArn"] == sns.create_topic(Name=NAME)["TopicArn"] == ARN
    assert refusal(sns.create_topic, **same | {"Attributes": {"DisplayName": "Other"}}) == "InvalidParameter"
    assert refusal(sns.create_topic, **same | {"Tags": [{"Key": "a", "Value": "c"}]}) == "InvalidParameter"


def test_key_of_sns_is_there_when_it_is_asked_for(moto: Moto) -> None:
    assert moto.client("kms").describe_key(KeyId="alias/aws/sns")["KeyMetadata"]["KeyManager"] == "AWS"


# --- EventBridge ----------------------------------------------------------------------------------------------------


def test_managed_rule_is_changed_by_its_service_alone(events: Any) -> None:
    events.create_archive(ArchiveName="velero", EventSourceArn=events.describe_event_bus()["Arn"])
    rule = next(one for one in events.list_rules()["Rules"] if one.get("ManagedBy"))
    name, code = rule["Name"], "ManagedRuleException"
    assert refusal(events.put_rule, Name=name, EventPattern='{"source": ["aws.s3"]}') == code
    assert refusal(events.put_targets, Rule=name, Targets=[{"Id": "a", "Arn": ARN}]) == code
    assert refusal(events.remove_targets, Rule=name, Ids=[name]) == code
    assert refusal(events.delete_rule, Name=name) == code


def test_rule_has_at_most_five_targets(events: Any) -> None:
    events.put_rule(Name=NAME, EventPattern='{"source": ["aws.s3"]}')
    events.put_targets(Rule=NAME, Targets=[{"Id": str(n), "Arn": ARN} for n in range(5)])
    events.put_targets(Rule=NAME, Targets=[{"Id": "0", "Arn": QUEUE}])
    assert refusal(events.put_targets, Rule=NAME, Targets=[{"Id": "5", "Arn": ARN}]) == "LimitExceededException"
