# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sns_topic against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Door
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "sns_topic"
NAME = "velero-acme-backups"
ACCOUNT = "123456789012"
ARN = f"arn:aws:sns:us-east-1:{ACCOUNT}:{NAME}"
MAIL = {"protocol": "email", "endpoint": "oncall@example.com"}
QUEUE = {"protocol": "sqs", "endpoint": f"arn:aws:sqs:us-east-1:{ACCOUNT}:oncall"}
HOOK = {"protocol": "https", "endpoint": "https://velero:correct-horse@hooks.example.com/sns?token=battery-staple"}
HIDDEN = "https://velero:****@hooks.example.com/****57b8"
PREDICTED = "00000000-0000-0000-0000-000000000000"

Document = dict[str, Any]


def allow(sid: str = "AlarmsPublish", **elements: Any) -> Document:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ARN,
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        **elements,
    }


@pytest.fixture
def sns(aws: Aws) -> Any:
    return aws.client("sns")


@pytest.fixture
def key(aws: Aws) -> str:
    return str(aws.client("kms").create_key()["KeyMetadata"]["Arn"])


def attributes(sns: Any) -> Document | None:
    try:
        return dict(sns.get_topic_attributes(TopicArn=ARN)["Attributes"])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NotFound"  # noqa: PT017
        return None


def policy(sns: Any) -> Document:
    return dict(json.loads((attributes(sns) or {})["Policy"]))


def subscriptions(sns: Any) -> list[tuple[str, str]]:
    there = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
    return sorted((one["Protocol"], one["Endpoint"]) for one in there)


def state(sns: Any) -> Any:
    there = attributes(sns)
    if there is None:
        return None
    return there, subscriptions(sns), sns.list_tags_for_resource(ResourceArn=ARN)["Tags"]


def test_lifecycle(run: ModuleRunner, sns: Any, key: str) -> None:
    deny = allow("DenyPlain", Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    create = {
        "name": NAME,
        "kms_master_key_id": key,
        "display_name": "Velero",
        "statements": [allow(), deny],
        "subscriptions": [MAIL, QUEUE],
        "tags": {"service": "velero"},
    }
    other = allow(Action=["sns:Publish"], Principal={"Service": "events.amazonaws.com"}, Condition={})
    modify = {
        "name": NAME,
        "kms_master_key_id": "",
        "display_name": "Backups",
        "statements": [other],
        "absent_sids": ["DenyPlain"],
        "subscriptions": [MAIL, HOOK],
        "purge_subscriptions": True,
        "tags": {"team": "storage"},
    }
    delete = {"name": NAME, "state": "absent", "subscriptions": [MAIL, HOOK]}
    created, modified, deleted = assert_lifecycle(
        run, MODULE, create=create, modify=modify, delete=delete, state=lambda: state(sns)
    )
    assert created["diff"]["before"] == {}
    assert created["diff"]["after"] == {
        "topic_arn": ARN,
        "display_name": "Velero",
        "kms_master_key_id": key,
        "tags": {"service": "velero"},
        "AlarmsPublish": allow(),
        "DenyPlain": deny,
        "subscription email oncall@example.com": "subscribed",
        f"subscription sqs {QUEUE['endpoint']}": "subscribed",
    }
    assert created["policy"] == {"Version": "2012-10-17", "Statement": [allow(), deny]}
    assert [one["confirmed"] for one in created["subscriptions"]] == [False, True]
    assert created["subscriptions"][1]["arn"].startswith(f"{ARN}:")
    assert modified["diff"] == {
        "before": {
            "kms_master_key_id": key,
            "display_name": "Velero",
            "AlarmsPublish": allow(),
            "DenyPlain": deny,
            f"subscription sqs {QUEUE['endpoint']}": "subscribed",
            "tags": {"service": "velero"},
        },
        "after": {
            "display_name": "Backups",
            "AlarmsPublish": other,
            f"subscription https {HIDDEN}": "subscribed",
            "tags": {"team": "storage"},
        },
    }
    assert modified["kms_master_key_id"] is None
    assert deleted["topic_arn"] == ARN
    assert attributes(sns) is None


def test_foreign_statements_and_subscriptions_are_kept(run: ModuleRunner, sns: Any) -> None:
    sns.create_topic(Name=NAME, Tags=[{"Key": "owner", "Value": "others"}])
    sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE["endpoint"])
    before = policy(sns)
    result = run.ok(MODULE, name=NAME, statements=[allow()], subscriptions=[MAIL], tags={"a": "b"}, purge_tags=False)
    assert result["kept_statements"] == ["__default_statement_ID"]
    assert policy(sns) == {**before, "Statement": [*before["Statement"], allow()]}
    assert subscriptions(sns) == [("email", MAIL["endpoint"]), ("sqs", QUEUE["endpoint"])]
    assert {one["endpoint"]: one["owned"] for one in result["subscriptions"]} == {
        QUEUE["endpoint"]: False,
        MAIL["endpoint"]: True,
    }
    assert result["tags"] == {"owner": "others", "a": "b"}
    run.ok(MODULE, name=NAME, absent_sids=["AlarmsPublish"])
    assert policy(sns) == before, "to the letter"


def test_topic_without_statements_has_those_of_sns(run: ModuleRunner, sns: Any) -> None:
    placeholder = run.ok(MODULE, check=True, name=NAME)
    real = run.ok(MODULE, name=NAME)
    assert placeholder["policy"] == real["policy"] == policy(sns)
    assert run.ok(MODULE, name=NAME)["policy"] == policy(sns)


def test_predictions_hold(run: ModuleRunner, sns: Any) -> None:
    options = {"name": NAME, "statements": [allow()], "subscriptions": [MAIL, QUEUE], "tags": {"a": "b"}}
    placeholder = run.ok(MODULE, check=True, **options)
    real = run.ok(MODULE, **options)
    assert placeholder["subscriptions"][1].pop("arn") == f"{ARN}:{PREDICTED}"
    assert real["subscriptions"][1].pop("arn") == sns.list_subscriptions()["Subscriptions"][1]["SubscriptionArn"]
    assert {**placeholder, "invocation": None} == {**real, "invocation": None}


def test_requests(run: ModuleRunner, aws: Aws, sns: Any, key: str) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, name=NAME, **options)
        return [call.operation for call in aws.proxy.requests]

    whole = {"statements": [allow()], "subscriptions": [QUEUE], "tags": {"a": "b"}, "kms_master_key_id": key}
    assert calls(**whole) == ["GetCallerIdentity", "GetTopicAttributes", "DescribeKey", "CreateTopic", "Subscribe"]
    no_op = ["GetTopicAttributes", "ListSubscriptionsByTopic", "ListTagsForResource", "DescribeKey"]
    assert calls(**whole) == ["GetCallerIdentity", *no_op]
    assert calls(**whole, account_id=ACCOUNT) == no_op
    assert calls(statements=[allow()], account_id=ACCOUNT) == ["GetTopicAttributes"]
    changed = calls(statements=[allow(Action="sns:*")], account_id=ACCOUNT)
    assert changed == ["GetTopicAttributes", "GetCallerIdentity", "SetTopicAttributes", "GetTopicAttributes"]
    assert calls(state="absent", subscriptions=[QUEUE], account_id=ACCOUNT) == [
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "DeleteTopic",
    ]
    assert calls(state="absent", account_id=ACCOUNT) == ["GetTopicAttributes"]


def test_unconfirmed_subscription_is_told(run: ModuleRunner, sns: Any) -> None:
    assert run.ok(MODULE, name=NAME, subscriptions=[MAIL])["warnings"] == []
    for check in (True, False):
        again = run.ok(MODULE, check=check, name=NAME, subscriptions=[{**MAIL, "endpoint": "OnCall@example.com"}])
        assert not again["changed"]
        assert again["warnings"] == [
            f"{ARN}: the subscription email oncall@example.com is not confirmed, and gets no messages until then: "
            "open the link that SNS has sent there. SNS drops it after two days."
        ]
    sns.confirm_subscription(TopicArn=ARN, Token=MAIL["endpoint"])
    confirmed = run.ok(MODULE, name=NAME, subscriptions=[MAIL])
    assert confirmed["warnings"] == []
    assert confirmed["subscriptions"][0]["confirmed"]


def test_secrets_of_an_endpoint_are_hidden(run: ModuleRunner, sns: Any) -> None:
    for check in (True, False, False):
        result = run.ok(MODULE, check=check, name=NAME, subscriptions=[HOOK])
        assert result["subscriptions"][0]["endpoint"] == HIDDEN
        assert "correct-horse" not in json.dumps(result)
        assert "battery-staple" not in json.dumps(result)
    assert not result["changed"]
    assert subscriptions(sns) == [("https", HOOK["endpoint"])]
    plain = {**HOOK, "endpoint": HOOK["endpoint"].replace("https:", "http:")}
    refused = run(MODULE, name=NAME, subscriptions=[plain])
    assert refused["msg"].startswith(f"subscriptions: {HIDDEN.replace('https', 'http')} is not an endpoint")
    assert "correct-horse" not in json.dumps(refused)


def test_password_that_sns_hides(run: ModuleRunner, sns: Any) -> None:
    sns.create_topic(Name=NAME)
    hidden = HOOK["endpoint"].replace("correct-horse", "****")
    sns.subscribe(TopicArn=ARN, Protocol="https", Endpoint=hidden)
    assert not run.ok(MODULE, name=NAME, subscriptions=[HOOK])["changed"]


def test_topic_with_foreign_subscriptions_is_not_deleted(run: ModuleRunner, sns: Any) -> None:
    run.ok(MODULE, name=NAME, subscriptions=[MAIL, QUEUE])
    for check in (True, False):
        assert run.refused(MODULE, check=check, name=NAME, state="absent", subscriptions=[MAIL]) == (
            f"state: {ARN} has unmanaged subscriptions that would be deleted with it: sqs {QUEUE['endpoint']}. "
            "Ask their owners, then set purge_subscriptions=true, or leave the topic."
        )
    assert attributes(sns)
    assert run.ok(MODULE, name=NAME, state="absent", purge_subscriptions=True)["changed"]
    assert attributes(sns) is None


def test_key_of_aws(run: ModuleRunner, aws: Aws, sns: Any) -> None:
    """By any of its names; and where it is there already, each run says so."""
    managed = aws.client("kms").describe_key(KeyId="alias/aws/sns")["KeyMetadata"]
    for key in ("alias/aws/sns", managed["Arn"], managed["KeyId"]):
        for check in (True, False):
            assert run.refused(MODULE, check=check, name=NAME, kms_master_key_id=key) == (
                f"kms_master_key_id: {key} is an AWS managed key, whose policy cannot be changed and allows no "
                "service: CloudWatch alarms and EventBridge rules could not publish to the topic. "
                "Choose a customer managed key, with the statements of coffer.velero.audit_topic_key_statements."
            )
    assert attributes(sns) is None
    sns.create_topic(Name=NAME, Attributes={"KmsMasterKeyId": "alias/aws/sns"})
    warning = run.ok(MODULE, name=NAME)["warnings"][0]
    assert warning.startswith(f"{ARN}: is encrypted under alias/aws/sns, with which CloudWatch alarms")


def test_unusable_keys(run: ModuleRunner, aws: Aws, sns: Any, key: str) -> None:
    kms = aws.client("kms")
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    message = run.refused(MODULE, name=NAME, kms_master_key_id=signing)
    assert message == f"kms_master_key_id: {signing} is not a symmetric key. SNS encrypts with symmetric keys only."
    kms.disable_key(KeyId=key)
    assert "is disabled. Find out who disabled it" in run.refused(MODULE, name=NAME, kms_master_key_id=key)
    assert attributes(sns) is None


def test_key_that_an_earlier_task_makes(run: ModuleRunner, sns: Any) -> None:
    placeholder = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{PREDICTED}"
    assert run.ok(MODULE, check=True, name=NAME, kms_master_key_id=placeholder)["kms_master_key_id"] == placeholder
    assert run.ok(MODULE, check=True, name=NAME, kms_master_key_id="alias/velero-audit")["changed"]
    assert run.refused(MODULE, name=NAME, kms_master_key_id="alias/velero-audit") == (
        "kms_master_key_id: alias/velero-audit does not exist, or not for these credentials. Give a key in us-east-1 "
        "by its id or ARN, or an alias as alias/name."
    )
    assert attributes(sns) is None


def test_key_by_its_other_names_is_no_change(run: ModuleRunner, aws: Aws, sns: Any, key: str) -> None:
    aws.client("kms").create_alias(AliasName="alias/velero-audit", TargetKeyId=key)
    run.ok(MODULE, name=NAME, kms_master_key_id="alias/velero-audit")
    assert (attributes(sns) or {})["KmsMasterKeyId"] == key
    for stored in ("alias/velero-audit", key.rpartition("/")[2]):
        sns.set_topic_attributes(TopicArn=ARN, AttributeName="KmsMasterKeyId", AttributeValue=stored)
        for wanted in (key, "alias/velero-audit"):
            assert not run.ok(MODULE, name=NAME, kms_master_key_id=wanted)["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"statements": [allow(Resource="*")]},
            "statements: AlarmsPublish speaks of *, which is not this topic. SNS takes statements about the topic "
            f"itself only: {ARN}.",
        ),
        (
            {"account_id": "444455556666", "statements": []},
            f"account_id: 444455556666 is not the account of arn:aws:iam::{ACCOUNT}:user/moto. Use credentials of that "
            "account, or leave account_id out.",
        ),
        ({"account_id": "4444"}, "account_id: 4444 is not an account. Give its 12 digits, quoted."),
    ],
)
def test_refusals(run: ModuleRunner, sns: Any, options: Document, message: str) -> None:
    for check in (True, False):
        assert run.refused(MODULE, check=check, **{"name": NAME, **options}) == message
    assert attributes(sns) is None


def test_policy_that_nobody_could_change_again(run: ModuleRunner, sns: Any) -> None:
    sns.create_topic(Name=NAME)
    everything = allow("Deny", Effect="Deny", Principal="*", Action="sns:*", Condition={})
    for check in (True, False):
        assert run.refused(MODULE, check=check, name=NAME, statements=[everything]) == (
            f"statements: the policy of {ARN} would no longer let the caller call sns:SetTopicAttributes: statement "
            "Deny of the new policy denies it. Leave the caller out of the Deny: name the actions that it is about, "
            "such as sns:Publish."
        )
    assert run.refused(MODULE, name=NAME, purge_statements=True) == (
        f"statements: {ARN} would have a policy without a statement. A topic has at least one statement: give the ones "
        "to keep, or delete the topic."
    )


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, sns: Any) -> None:
    sns.create_topic(Name=NAME)
    before = policy(sns)
    for operation in ("GetTopicAttributes", "ListSubscriptionsByTopic", "ListTagsForResource"):
        aws.proxy.reset()
        aws.proxy.deny("sns", operation)
        failed = run.refused(MODULE, name=NAME, statements=[allow()], subscriptions=[MAIL], tags={"a": "b"})
        assert failed.startswith(f"sns:{operation} failed: ")
    assert policy(sns) == before


def test_rival_that_creates_it_first(run: ModuleRunner, aws: Aws, sns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Door.call

    def rivaled(self: Door, action: str, **arguments: Any) -> Any:
        if action == "sns:CreateTopic" and attributes(sns) is None:
            sns.create_topic(Name=NAME, Attributes={"DisplayName": "rival"})
        return call(self, action, **arguments)

    monkeypatch.setattr(Door, "call", rivaled)
    result = run.ok(MODULE, name=NAME, display_name="Velero", statements=[allow()])
    assert result["changed"]
    assert (attributes(sns) or {})["DisplayName"] == "Velero"
    assert [one["Sid"] for one in policy(sns)["Statement"]] == ["__default_statement_ID", "AlarmsPublish"]


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, sns: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """A run that is disturbed at any of its requests, and run again, ends in the same state, with nothing twice."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    options = {"name": NAME, "statements": [allow()], "subscriptions": [MAIL, QUEUE], "tags": {"a": "b"}}
    for _run in interrupted_runs(run, aws, MODULE, options, kind=kind, requests=5):
        assert subscriptions(sns) == [("email", MAIL["endpoint"]), ("sqs", QUEUE["endpoint"])]
        assert policy(sns)["Statement"] == [allow()]
