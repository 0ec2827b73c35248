# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of whoever runs the audit, where IAM is enforced: they suffice, and each of them is needed.

A user begins with none. Whenever a task of the role is denied something it is given that one action, on the resources
and with the conditions of the policy, and the task runs again. In the end nothing is denied any more, and the user has
every action of the policy: without it the task before it had failed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.filter import audit, documents
from tests.support.emulators import MiniStack
from tests.support.permissions import actions_of
from tests.support.proxy import Proxy
from tests.support.running import run_in_module

Document = dict[str, Any]

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "acme-backups"
NAME, LOGS, DELIVERY = f"velero-{BUCKET}", f"{BUCKET}-audit", f"velero-{BUCKET}-trail"
TAGS, OTHER_TAGS = {"service": "velero"}, {"service": "velero", "team": "storage"}
FILTERS: dict[str, Callable[..., Any]] = {}
for module in (audit, documents):
    FILTERS.update(module.FilterModule().filters())

#: MiniStack (1.5.33) judges these on the resource ``*``. test__audit_deployer_policy.py has their resources.
BLIND = {
    *("cloudtrail:AddTags", "cloudtrail:ListTags", "iam:CreatePolicy", "kms:CreateAlias"),
    *("cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:TagResource"),
    *("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"),
    *("events:DeleteRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule"),
    *("events:PutTargets", "events:RemoveTargets", "events:TagResource"),
    *("sns:ListTagsForResource", "sns:TagResource"),
}
#: It never asks for the first, knows no request that would make the role send the second, and is asked for the third
#: at a host that begins with the account, where nobody listens. Without the lists a run knows less, and goes on.
NOT_ASKED_FOR = {
    "iam:ListPolicies",
    "iam:ListRoles",
    "iam:PassRole",
    "logs:AssociateKmsKey",
    "s3:GetAccountPublicAccessBlock",
}


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


TRAIL, GROUP, TOPIC = arn("cloudtrail", f"trail/{NAME}"), arn("logs", f"log-group:{NAME}"), arn("sns", NAME)


class User:
    """Somebody with a part of the policy.

    :param granted: the actions, in the order in which they were missed
    """

    def __init__(self, ministack: MiniStack, url: str, policy: Document, name: str = "operator") -> None:
        self.name = name
        self.iam = ministack.client("iam")
        self.url = url
        self.policy = policy
        self.granted: list[str] = []
        self.iam.create_user(UserName=self.name)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}

    def grant(self, action: str) -> None:
        assert action in actions_of(self.policy), f"{action} is not in the policy"
        assert action not in self.granted, f"{action} is denied although it is granted"
        self._allow([*self.granted, action])

    def grant_all(self) -> None:
        self._allow(sorted(actions_of(self.policy)))

    def _allow(self, actions: list[str]) -> None:
        self.granted = actions
        parts = [
            {**one, "Action": [action for action in one["Action"] if action in self.granted]}
            for one in self.policy["Statement"]
        ]
        statements = [judged for one in parts if one["Action"] for judged in as_ministack_judges(one)]
        document = {**self.policy, "Statement": statements}
        self.iam.put_user_policy(UserName=self.name, PolicyName="audit", PolicyDocument=json.dumps(document))

    def run(self, module: str, **options: Any) -> Document:
        """A task; each action that it is denied is granted."""
        for _attempt in range(40):
            result = run_in_module(
                module, {"endpoint_url": self.url, "region": REGION, **self.keys, **options}, check=False
            )
            missing = denied(result)
            if not missing:
                assert not result.get("failed"), result["msg"]
                return result
            for action in missing:
                self.grant(action)
        raise AssertionError(f"{module} does not come to an end")


def as_ministack_judges(statement: Document) -> Iterator[Document]:
    """A statement with what MiniStack sees otherwise than AWS; it does not know the condition key ``iam:PolicyARN``."""
    changed = dict(statement)
    if "iam:AttachRolePolicy" in statement["Action"]:
        del changed["Condition"]
    if "kms:DescribeKey" in statement["Action"]:  # by alias it is judged on the alias
        changed["Resource"] = [statement["Resource"], arn("kms", f"alias/{NAME}-audit")]
    yield changed
    blind = [action for action in statement["Action"] if action in BLIND]
    if blind:
        yield {"Effect": "Allow", "Action": blind, "Resource": "*"}


def denied(result: Document) -> list[str]:
    """What a task or a finding of an audit says is missing."""
    said = re.search(r"(?:need|lack|Grant) (\w+:\w+) (?:there|on it)", result.get("msg", ""))
    findings = {one["missing_permission"] for one in result.get("findings", ()) if one["missing_permission"]}
    return [said[1]] if said else sorted(findings)


def made(user: User, profile: Document, *, tags: Document, days: int, retention: int) -> Iterator[Document]:
    """The tasks of manage, with their options."""
    common: Document = {"tags": tags, "purge_tags": False}
    owner = {"account_id": ACCOUNT, "partition": "aws"}
    alias = f"alias/{NAME}-audit"
    key = user.run("kms_key", alias=alias, description="Audit", rotation_period_in_days=days, **common)["key_arn"]
    of_topic = FILTERS["audit_topic_key_statements"](profile, TOPIC)
    of_trail = FILTERS["trail_key_policy_statements"](TRAIL)
    statements = [*of_topic, *of_trail, *FILTERS["log_group_key_statements"](GROUP)]
    yield user.run("kms_key_policy", key_id=key, statements=statements)
    yield user.run("s3_bucket", bucket=LOGS, versioning="enabled", **common)
    statements = FILTERS["trail_bucket_policy_statements"](LOGS, TRAIL)
    yield user.run("s3_bucket_policy", bucket=LOGS, statements=statements)
    yield user.run("cloudwatch_log_group", name=NAME, retention_in_days=retention, kms_key_id=key, **common)
    policy = {"Version": "2012-10-17", "Statement": FILTERS["trail_log_delivery_statements"](GROUP)}
    delivery = user.run("iam_policy", name=DELIVERY, policy=policy, **owner, **common)["policy_arn"]
    trust = FILTERS["trail_trust_statements"](TRAIL)
    role = user.run("iam_role", name=DELIVERY, trust_statements=trust, managed_policies=[delivery], **common)
    yield user.run(
        "cloudtrail",
        name=NAME,
        s3_bucket_name=LOGS,
        kms_key_id=key,
        cloud_watch_logs_log_group_arn=GROUP,
        cloud_watch_logs_role_arn=role["role_arn"],
        data_events="write",
        data_event_arns=[f"arn:aws:s3:::{BUCKET}/production/"],
        selector_name=NAME,
        **common,
    )
    yield user.run("cloudtrail_info", key_arn=profile["kms_key_arn"], bucket=BUCKET)
    yield user.run(
        "sns_topic",
        name=NAME,
        account_id=ACCOUNT,
        kms_master_key_id=key,
        statements=FILTERS["audit_topic_statements"](profile, TOPIC),
        subscriptions=[{"protocol": "sqs", "endpoint": arn("sqs", "on-duty")}],
        **common,
    )
    filters = FILTERS["audit_metric_filters"](profile, data_events=True)
    yield user.run("cloudwatch_metric_filters", log_group_name=NAME, filters=filters, purge_prefix=f"{NAME}-")
    wanted = FILTERS["audit_alarms"](profile, topic_arn=TOPIC, schedule_hours=24)
    alarms = user.run("cloudwatch_metric_alarms", alarms=wanted, **common)
    yield user.run("eventbridge_rules", rules=FILTERS["audit_event_rules"](profile, topic_arn=TOPIC), **common)
    arns = [one["arn"] for one in alarms["alarms"]]
    body = FILTERS["audit_dashboard"](profile, alarm_arns=arns, schedule_hours=24)
    yield user.run("cloudwatch_dashboard", name=NAME, body=body)
    yield user.run(
        "audit_info",
        storage_profile=profile,
        topic_arn=TOPIC,
        policy_arn=arn("iam", "policy/velero", ""),
        backup_schedule_hours=24,
    )


def disturb(ministack: MiniStack) -> None:
    """What a run repairs, by the account's root."""
    iam, kms, logs_client = (ministack.client(service) for service in ("iam", "kms", "logs"))
    policy = arn("iam", f"policy/{DELIVERY}", "")
    other = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    for _version in range(4):  # no room for another version
        document = json.dumps({"Version": "2012-10-17", "Statement": [other]})
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=document, SetAsDefault=True)
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=DELIVERY, PolicyDocument=document)
    key_id = kms.describe_key(KeyId=f"alias/{NAME}-audit")["KeyMetadata"]["KeyId"]
    kms.update_key_description(KeyId=key_id, Description="Changed")
    transformation = {"metricName": "x", "metricNamespace": "x", "metricValue": "1"}
    logs_client.put_metric_filter(
        logGroupName=NAME, filterName=f"{NAME}-old", filterPattern="x", metricTransformations=[transformation]
    )
    ministack.client("sns").set_topic_attributes(TopicArn=TOPIC, AttributeName="KmsMasterKeyId", AttributeValue="")
    ministack.client("cloudtrail").update_trail(Name=NAME, IncludeGlobalServiceEvents=False)
    for bucket in (LOGS, BUCKET):  # the second one is not repaired here, and its ACL is looked at
        ministack.client("s3").put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )


def torn_down(user: User, profile: Document) -> Iterator[Document]:
    """The tasks of teardown."""
    absent: Document = {"state": "absent"}
    yield user.run("eventbridge_rules", rules=FILTERS["audit_event_rules"](profile, topic_arn=TOPIC), **absent)
    alarms = FILTERS["audit_alarms"](profile, topic_arn=TOPIC, schedule_hours=24)
    yield user.run("cloudwatch_metric_alarms", alarms=alarms, **absent)
    filters = FILTERS["audit_metric_filters"](profile, data_events=True)
    yield user.run("cloudwatch_metric_filters", log_group_name=NAME, filters=filters, **absent)
    yield user.run("cloudwatch_dashboard", name=NAME, **absent)
    subscriptions = [{"protocol": "sqs", "endpoint": arn("sqs", "on-duty")}]
    yield user.run("sns_topic", name=NAME, account_id=ACCOUNT, subscriptions=subscriptions, **absent)
    yield user.run("cloudtrail", name=NAME, **absent)


@pytest.mark.timeout(120)
def test_each_action_is_needed_and_all_suffice() -> None:
    with MiniStack(region=REGION) as ministack, Proxy(ministack.url, secure=True) as proxy:
        kms, s3, iam = (ministack.client(service) for service in ("kms", "s3", "iam"))
        s3.create_bucket(Bucket=BUCKET)
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName="velero", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        nothing = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})
        iam.put_role_policy(RoleName="velero", PolicyName="more", PolicyDocument=document)
        iam.create_policy(PolicyName="velero", PolicyDocument=document)
        profile = {
            "account_id": ACCOUNT,
            "region": REGION,
            "bucket": BUCKET,
            "prefix": "production",
            "kms_key_arn": kms.create_key()["KeyMetadata"]["Arn"],
            "role_arns": [role],
        }
        policy = FILTERS["audit_deployer_policy"](profile, trail=True, tags=TAGS, teardown=True)
        user = User(ministack, proxy.url, policy)
        list(made(user, profile, tags=TAGS, days=365, retention=365))
        disturb(ministack)
        list(made(user, profile, tags=OTHER_TAGS, days=100, retention=400))
        ministack.client("logs").put_retention_policy(logGroupName=NAME, retentionInDays=3653)
        user.run("cloudwatch_log_group", name=NAME, retention_in_days=0)
        auditor = User(
            ministack, proxy.url, FILTERS["audit_deployer_policy"](profile, trail=True, manage=False), "auditor"
        )
        auditor.grant_all()
        auditor.run("cloudtrail_info", key_arn=profile["kms_key_arn"], bucket=BUCKET)
        auditor.run("audit_info", storage_profile=profile, topic_arn=TOPIC, backup_schedule_hours=24)
        list(torn_down(user, profile))
        assert actions_of(policy) - set(user.granted) == NOT_ASKED_FOR
