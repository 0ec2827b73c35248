# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module audit_info against moto, run both ways."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from typing import Any, cast

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _alerts, _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit import monitoring_api
from ansible_collections.coffer.velero.plugins.module_utils._audit.api import Reader
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Absent
from ansible_collections.coffer.velero.plugins.module_utils._audit.permissions import PERMISSIONS
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.audit_facts import desired, profile
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, Result

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "acme-backups"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/velero"
AUDIT_BUCKET = "acme-backups-audit"
BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/AB12"

apply = ModuleRunner("controller").ok


@pytest.fixture(autouse=True)
def account_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 Control puts the account before the host, ``123456789012.127.0.0.1``, which is found here by its end."""
    resolve = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve(host.removeprefix(f"{ACCOUNT}.") if isinstance(host, str) else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)


class Installation:
    """An account in which everything is as it should be, to be spoiled."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        kms = aws.client("kms")
        self.key_arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.enable_key_rotation(KeyId=self.key_arn, RotationPeriodInDays=180)
        kms.create_alias(AliasName="alias/velero", TargetKeyId=self.key_arn)
        self.values: dict[str, Any] = {
            "account_id": ACCOUNT,
            "region": REGION,
            "bucket": BUCKET,
            "prefix": "production",
            "kms_key_arn": self.key_arn,
            "role_arns": [ROLE],
            "oidc_issuer_url": ISSUER,
        }
        self._roles()
        self._key_policy()
        self._bucket()
        self._trail()
        self._notices()

    @property
    def profile(self) -> StorageProfile:
        return StorageProfile.parse(self.values)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "storage_profile": self.values,
            "kms_alias": "velero",
            "kms_rotation_period_in_days": 180,
            "policy_arn": POLICY,
            "backup_schedule_hours": 24,
        }

    def _roles(self) -> None:
        iam = self.aws.client("iam")
        policy = _documents.iam_policy(self.profile)
        trust = {"Version": "2012-10-17", "Statement": _documents.trust_policy_statements(self.profile)}
        iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps(policy))
        iam.create_role(RoleName="velero", AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName="velero", PolicyArn=POLICY)

    def _key_policy(self) -> None:
        kms = self.aws.client("kms")
        policy = json.loads(kms.get_key_policy(KeyId=self.key_arn, PolicyName="default")["Policy"])
        policy["Statement"] += _documents.key_policy_statements(self.profile)
        kms.put_key_policy(KeyId=self.key_arn, PolicyName="default", Policy=json.dumps(policy))

    def _bucket(self) -> None:
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, ObjectOwnership="BucketOwnerEnforced")
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=BLOCK)
        self.aws.client("s3control", endpoint_url=self.aws.moto.url).put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration=BLOCK
        )
        rule = _documents.encryption_rule(self.profile)
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        statements = _documents.bucket_policy_statements(self.profile)
        self.put_bucket_policy(statements)

    def _trail(self) -> None:
        """A trail of all Regions with its own bucket, whose log group is kept for 400 days."""
        self.aws.client("s3").create_bucket(Bucket=AUDIT_BUCKET, ObjectOwnership="BucketOwnerEnforced")
        self.aws.client("s3").put_public_access_block(Bucket=AUDIT_BUCKET, PublicAccessBlockConfiguration=BLOCK)
        service = {"Service": "cloudtrail.amazonaws.com"}
        bucket = f"arn:aws:s3:::{AUDIT_BUCKET}"
        statements = [
            {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": bucket},
            {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": f"{bucket}/*"},
        ]
        self.put_bucket_policy(statements, AUDIT_BUCKET)
        logs = self.aws.client("logs")
        logs.create_log_group(logGroupName="trail")
        logs.put_retention_policy(logGroupName="trail", retentionInDays=400)
        group = logs.describe_log_groups(logGroupNamePrefix="trail")["logGroups"][0]["arn"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}],
        }
        allowed = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
        iam = self.aws.client("iam")
        iam.create_role(RoleName="trail", AssumeRolePolicyDocument=json.dumps(trust))
        policy = {"Version": "2012-10-17", "Statement": [allowed]}
        iam.put_role_policy(RoleName="trail", PolicyName="logs", PolicyDocument=json.dumps(policy))
        cloudtrail = self.aws.client("cloudtrail")
        cloudtrail.create_trail(
            Name="velero-acme-backups",
            S3BucketName=AUDIT_BUCKET,
            IsMultiRegionTrail=True,
            EnableLogFileValidation=True,
            CloudWatchLogsLogGroupArn=group,
            CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/trail",
        )
        management = [{"Field": "eventCategory", "Equals": ["Management"]}]
        data = [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{BUCKET}/production/"]},
            {"Field": "readOnly", "Equals": ["false"]},
        ]
        selectors = [{"Name": "management", "FieldSelectors": management}, {"Name": "data", "FieldSelectors": data}]
        cloudtrail.put_event_selectors(TrailName="velero-acme-backups", AdvancedEventSelectors=selectors)
        cloudtrail.start_logging(Name="velero-acme-backups")

    def _notices(self) -> None:
        """What the table of alerts asks for, and a subscription."""
        sns = self.aws.client("sns")
        self.topic_arn = sns.create_topic(Name=f"velero-{BUCKET}", Attributes={"KmsMasterKeyId": self.key_arn})[
            "TopicArn"
        ]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:pager")
        filters = _alerts.metric_filters(self.profile, data_events=True)
        apply("cloudwatch_metric_filters", log_group_name="trail", filters=filters)
        alarms = _alerts.alarms(self.profile, topic_arn=self.topic_arn, schedule_hours=24, data_events=True)
        apply("cloudwatch_metric_alarms", alarms=alarms)
        apply("eventbridge_rules", rules=_alerts.event_rules(self.profile, topic_arn=self.topic_arn))

    def put_bucket_policy(self, statements: list[dict[str, Any]], bucket: str = BUCKET) -> None:
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@pytest.fixture
def installation(aws: Aws) -> Installation:
    made = Installation(aws)
    aws.proxy.clear()
    return made


def statuses(result: Result) -> dict[str, str]:
    """The worst status of each control."""
    order = ("non_compliant", "not_evaluated", "compliant", "not_applicable")
    found: dict[str, str] = {}
    for finding in result["findings"]:
        status = finding["status"]
        found[finding["control"]] = min(found.get(finding["control"], status), status, key=order.index)
    return found


def by_status(result: Result, status: str) -> set[str]:
    return {control for control, found in statuses(result).items() if found == status}


#: What the collection does not configure.
BY_CHOICE = {"S3.9", "S3.13", "S3.14", "S3.15", "S3.20", "CloudTrail.2", "CloudTrail.7"}
#: With one role, one trail, one topic and the five rules of a profile with a key.
REQUESTS = 40


@pytest.mark.parametrize("check", [True, False])
def test_what_is_as_desired_is_compliant_and_what_is_not_is_not(
    run: ModuleRunner, aws: Aws, installation: Installation, check: bool
) -> None:
    result = run.ok("audit_info", check=check, **installation.options)
    assert not result["changed"]
    assert by_status(result, "not_evaluated") == set()
    assert by_status(result, "non_compliant") == BY_CHOICE
    assert by_status(result, "not_applicable") == set()
    assert (result["status"], result["severity"]) == ("non_compliant", "medium")
    assert result["trail_arn"].endswith(":trail/velero-acme-backups")
    assert result["summary"]["by_status"]["non_compliant"] == len(BY_CHOICE)


def test_the_requests_are_bounded(run: ModuleRunner, aws: Aws, installation: Installation) -> None:
    run.ok("audit_info", **installation.options)
    counted = Counter(f"{call.service}:{call.operation}" for call in aws.proxy.requests)
    assert counted.pop("kms:DescribeKey") == 2, "the key and the alias"
    assert counted.pop("kms:GetKeyPolicy") == 2, "its own and that of AWS RAM"
    assert counted.pop("events:ListTargetsByRule") == len(_alerts.event_rules(installation.profile, topic_arn=None))
    for of_both_buckets in (
        "GetPublicAccessBlock",
        "GetBucketPolicy",
        "GetBucketOwnershipControls",
        "GetBucketLogging",
    ):
        assert counted.pop(f"s3:{of_both_buckets}") == 2
    assert set(counted.values()) == {1}, counted
    assert len(aws.proxy.requests) == REQUESTS
    reading = re.compile(r"\w+:(Get|List|Describe)\w+")
    assert [name for name in counted if not reading.fullmatch(name)] == []


#: Each request of an audit, the permission that IAM knows it by, and a control that needs it.
READS = [
    ("kms:DescribeKey", "kms:DescribeKey", "coffer.1"),
    ("kms:GetKeyRotationStatus", "kms:GetKeyRotationStatus", "KMS.4"),
    ("kms:GetKeyPolicy", "kms:GetKeyPolicy", "coffer.3"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration", "coffer.9"),
    ("s3:GetBucketPolicy", "s3:GetBucketPolicy", "coffer.12"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "S3.8"),
    ("s3:GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", "S3.12"),
    ("s3:GetBucketVersioning", "s3:GetBucketVersioning", "S3.14"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", "S3.13"),
    ("s3:GetBucketLogging", "s3:GetBucketLogging", "S3.9"),
    ("s3:GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", "S3.15"),
    ("s3control:GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock", "S3.1"),
    ("iam:GetPolicy", "iam:GetPolicy", "coffer.15"),
    ("iam:GetPolicyVersion", "iam:GetPolicyVersion", "coffer.15"),
    ("iam:GetRole", "iam:GetRole", "coffer.16"),
    ("iam:ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", "coffer.17"),
    ("iam:ListRolePolicies", "iam:ListRolePolicies", "KMS.2"),
    ("cloudtrail:DescribeTrails", "cloudtrail:DescribeTrails", "coffer.20"),
    ("cloudtrail:GetEventSelectors", "cloudtrail:GetEventSelectors", "coffer.22"),
    ("cloudtrail:GetTrailStatus", "cloudtrail:GetTrailStatus", "coffer.21"),
    ("logs:DescribeLogGroups", "logs:DescribeLogGroups", "CloudWatch.16"),
    ("logs:DescribeMetricFilters", "logs:DescribeMetricFilters", "coffer.24"),
    ("monitoring:DescribeAlarms", "cloudwatch:DescribeAlarms", "coffer.25"),
    ("sns:GetTopicAttributes", "sns:GetTopicAttributes", "SNS.1"),
    ("sns:ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", "coffer.27"),
    ("events:ListRules", "events:ListRules", "coffer.28"),
    ("events:ListTargetsByRule", "events:ListTargetsByRule", "coffer.28"),
]


def test_every_request_is_in_the_list_of_reads(aws: Aws, installation: Installation) -> None:
    ModuleRunner("controller").ok("audit_info", **installation.options)
    assert {f"{call.service}:{call.operation}" for call in aws.proxy.requests} == {row[0] for row in READS}
    # The ACL where ACLs are on, and inline policies where there are some.
    assert set(PERMISSIONS) - {row[1] for row in READS} == {"s3:GetBucketAcl", "iam:GetRolePolicy"}


def test_a_denied_request_hides_nothing_else(aws: Aws, installation: Installation, subtests: pytest.Subtests) -> None:
    run = ModuleRunner("controller")
    before = statuses(run.ok("audit_info", **installation.options))
    compliant = {name for name, status in before.items() if status == "compliant"}
    for request, permission, control in READS:
        with subtests.test(request=request):
            aws.proxy.reset()
            aws.proxy.deny(*request.split(":"))
            after = run.ok("audit_info", **installation.options)
            unread = [finding for finding in after["findings"] if finding["status"] == "not_evaluated"]
            remediation = f"Grant {permission} to the principal that runs the audit, and run it again."
            assert control in {finding["control"] for finding in unread}
            assert {finding["missing_permission"] for finding in unread} == {permission}
            assert {finding["reason"] for finding in unread} == {"access_denied"}
            assert {finding["remediation"] for finding in unread} == {remediation}
            # What could not be read is not evaluated; what was not compliant before never becomes so.
            assert by_status(after, "compliant") <= compliant
            others = statuses(after).keys() - {finding["control"] for finding in unread}
            assert {name: statuses(after)[name] for name in others} == {name: before[name] for name in others}


def test_what_failed_for_something_else_names_no_permission(
    run: ModuleRunner, aws: Aws, installation: Installation
) -> None:
    aws.proxy.deny("kms", "GetKeyRotationStatus", "try again", "KMSInvalidStateException")
    result = run.ok("audit_info", **installation.options)
    (found,) = [finding for finding in result["findings"] if finding["control"] == "KMS.4"]
    assert (found["status"], found["reason"], found["missing_permission"]) == ("not_evaluated", "request_failed", None)
    assert found["message"] == "kms:GetKeyRotationStatus failed: KMSInvalidStateException: try again"
    assert found["remediation"] == "Resolve what the message says, and run the audit again."


def test_the_trail_of_an_organization_is_used_and_its_selectors_are_not_told(
    aws: Aws, installation: Installation
) -> None:
    """They are told to its own account only, and so is its log group."""
    cloudtrail = aws.client("cloudtrail")
    cloudtrail.update_trail(Name="velero-acme-backups", IsOrganizationTrail=True)
    cloudtrail.stop_logging(Name="velero-acme-backups")
    cloudtrail.start_logging(Name="velero-acme-backups")
    aws.proxy.deny("cloudtrail", "GetEventSelectors", "AccountID in ARN is wrong", "CloudTrailARNInvalidException")
    result = ModuleRunner("controller").ok("audit_info", **installation.options)
    assert by_status(result, "not_evaluated") == {"CloudTrail.1", "coffer.20", "coffer.22"}
    (found,) = [finding for finding in result["findings"] if finding["control"] == "coffer.20"]
    assert found["reason"] == "out_of_scope"
    assert f"to {ACCOUNT} only" in found["message"]


def test_without_any_permission_nothing_passes_and_nothing_fails(
    run: ModuleRunner, aws: Aws, installation: Installation
) -> None:
    for service in {row[0].split(":")[0] for row in READS}:
        aws.proxy.deny(service)
    result = run.ok("audit_info", **installation.options)
    assert {finding["status"] for finding in result["findings"]} == {"not_evaluated"}
    assert (result["status"], result["severity"]) == ("not_evaluated", None)
    assert result["trail_arn"] is None


def test_on_an_empty_account_everything_is_missing_and_nothing_fails_the_task(run: ModuleRunner, aws: Aws) -> None:
    key_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    values = {"account_id": ACCOUNT, "region": REGION, "bucket": BUCKET, "kms_key_arn": key_arn, "role_arns": [ROLE]}
    options = {"kms_alias": "velero", "policy_arn": POLICY, "backup_schedule_hours": 24}
    result = run.ok("audit_info", check=True, storage_profile=values, **options)
    assert (result["status"], result["severity"]) == ("non_compliant", "critical")
    assert by_status(result, "compliant") == set()
    messages = {finding["message"] for finding in result["findings"] if finding["status"] == "non_compliant"}
    assert f"The bucket {BUCKET} does not exist." in messages
    assert f"The key {key_arn} does not exist." in messages
    assert f"The role {ROLE} does not exist." in messages
    assert f"The policy {POLICY} does not exist." in messages


def test_the_findings_name_what_was_spoiled(run: ModuleRunner, aws: Aws, installation: Installation) -> None:
    iam = aws.client("iam")
    everything = {"Sid": "Any", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName="velero", PolicyName="extra", PolicyDocument=document)
    iam.create_policy(PolicyName="foreign", PolicyDocument=document)
    foreign = f"arn:aws:iam::{ACCOUNT}:policy/foreign"
    iam.attach_role_policy(RoleName="velero", PolicyArn=foreign)
    aws.client("s3").delete_bucket_policy(Bucket=BUCKET)
    aws.client("kms").schedule_key_deletion(KeyId=installation.key_arn)
    aws.client("cloudtrail").stop_logging(Name="velero-acme-backups")
    result = run.ok("audit_info", **installation.options)
    expected = {"KMS.1", "KMS.2", "coffer.1", "coffer.12", "coffer.18", "coffer.20", "CloudTrail.1", "S3.5"}
    assert by_status(result, "non_compliant") >= expected
    (attached,) = [finding for finding in result["findings"] if finding["control"] == "coffer.18"]
    assert f"{foreign}, inline extra" in attached["message"]
    assert attached["resource"] == ROLE


def test_the_bucket_of_the_trail_may_be_that_of_the_backups(aws: Aws, installation: Installation) -> None:
    """It is read once, and told."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    bucket = f"arn:aws:s3:::{BUCKET}"
    allowed = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": bucket},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": f"{bucket}/*"},
    ]
    installation.put_bucket_policy([*_documents.bucket_policy_statements(installation.profile), *allowed])
    aws.client("cloudtrail").update_trail(Name="velero-acme-backups", S3BucketName=BUCKET)
    result = ModuleRunner("controller").ok("audit_info", **installation.options)
    assert "coffer.23" in by_status(result, "non_compliant")
    assert aws.proxy.count(service="s3", operation="GetBucketPolicy") == 1


def test_a_key_policy_of_another_account_cannot_be_read_and_it_says_who_can(
    run: ModuleRunner, aws: Aws, installation: Installation
) -> None:
    foreign = installation.key_arn.replace(ACCOUNT, "111122223333")
    aws.proxy.deny("kms", "GetKeyPolicy")
    values = {**installation.values, "kms_key_arn": foreign}
    result = run.ok("audit_info", **{**installation.options, "storage_profile": values, "kms_alias": None})
    (found,) = [finding for finding in result["findings"] if finding["control"] == "coffer.5"]
    assert found["status"] in ("not_evaluated", "non_compliant")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"backup_schedule_hours": 0},
            "kms_audit_backup_schedule_hours: 0 is not between 1 and 167: an alarm looks back",
        ),
        (
            {"storage_profile": {"region": REGION, "bucket": BUCKET}},
            "velero_account_id: it is not set. Give the 12 digits of the account, quoted; "
            "coffer.velero.aws_caller_info returns them.",
        ),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, options: dict[str, Any], message: str) -> None:
    values = {
        "account_id": ACCOUNT,
        "region": REGION,
        "bucket": BUCKET,
        "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
    }
    assert run.refused(
        "audit_info", **{"storage_profile": values, "kms_alias": "velero", "backup_schedule_hours": 24, **options}
    ).startswith(message)
    assert aws.proxy.requests == []


def test_the_report_takes_the_result_as_it_is(
    run: ModuleRunner, aws: Aws, installation: Installation, tmp_path: Any
) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="production/backups/one/velero-backup.json", Body=b"{}")
    audit = run.ok("audit_info", **installation.options)
    objects = run.ok("object_encryption_info", storage_profile=installation.values)
    evidence = {"profile": installation.values, "objects": objects, "audit": audit}
    report = run.ok("evidence_report", evidence=evidence, dest=str(tmp_path / "report"))
    assert report["parts"]["audit"]["status"] == audit["status"] == "non_compliant"
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["audit"]["status"] == audit["status"] == "non_compliant"
    assert written["audit"]["counts"]["total"] == audit["summary"]["total"]
    assert "Audit" in (tmp_path / "report.html").read_text()


def test_alarms_that_were_touched_are_told_one_by_one(run: ModuleRunner, aws: Aws, installation: Installation) -> None:
    name = _alerts.resource_name(installation.profile, "key-policy-changed")
    cloudwatch, logs = aws.client("cloudwatch"), aws.client("logs")
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    cloudwatch.delete_alarms(AlarmNames=[_alerts.resource_name(installation.profile, "no-recent-backup")])
    logs.delete_metric_filter(logGroupName="trail", filterName=name)
    sns = aws.client("sns")
    for subscription in sns.list_subscriptions_by_topic(TopicArn=installation.topic_arn)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    rule = _alerts.event_rules(installation.profile, topic_arn=None)[0]["name"]
    aws.client("events").disable_rule(Name=rule)
    result = run.ok("audit_info", **installation.options)
    failed = {
        finding["control"]: (finding["resource"].rpartition(":")[2], finding["message"])
        for finding in result["findings"]
        if finding["status"] == "non_compliant" and finding["control"] not in BY_CHOICE
    }
    silence = _alerts.resource_name(installation.profile, "no-recent-backup")
    assert failed == {
        "CloudWatch.15": (silence, "There is no such alarm."),
        "CloudWatch.17": (silence, "There is no such alarm."),
        "coffer.24": (name, "The trail's log group has no such metric filter."),
        "coffer.26": (silence, "There is no such alarm."),
        "coffer.27": (f"velero-{BUCKET}", "It has no confirmed subscription, and 0 that wait for confirmation."),
        "coffer.28": (f"rule/{rule}", "It differs in state."),
    }
    off = [finding["resource"] for finding in result["findings"] if finding["message"] == "Its actions are disabled."]
    assert [resource.rpartition(":")[2] for resource in off] == [name]


def test_without_a_log_group_of_this_account_the_alarm_for_silence_watches_the_metric_of_kms(
    aws: Aws, installation: Installation
) -> None:
    aws.client("cloudtrail").delete_trail(Name="velero-acme-backups")
    profile, topic_arn = installation.profile, installation.topic_arn
    run = ModuleRunner("controller")
    assert "coffer.26" in by_status(run.ok("audit_info", **installation.options), "non_compliant")
    alarms = _alerts.alarms(profile, topic_arn=topic_arn, schedule_hours=24, log_group=False)
    apply("cloudwatch_metric_alarms", alarms=alarms)
    result = run.ok("audit_info", **installation.options)
    assert "coffer.26" in by_status(result, "compliant")
    assert by_status(result, "non_compliant") >= {"coffer.20", "coffer.24", "CloudTrail.1"}


def test_a_log_group_of_another_account_is_audited_there() -> None:
    """As that of an organization's trail; the alarms of this account are checked here."""
    trail = {"TrailARN": "arn:aws:cloudtrail:us-east-1:999988887777:trail/all", "Name": "all"}
    group = {"CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:999988887777:log-group:all:*"}
    here = desired(profile=profile(region=REGION, account_id=ACCOUNT, encryption_mode="sse-s3", kms_key_arn=None))
    facts = monitoring_api.read_log_group(Reader(cast("Any", None)), {**trail, **group}, here)
    message = "The log group all is in us-east-1 of account 999988887777: audit it there."
    assert set(facts.values()) == {Absent(message, "out_of_scope", "not_evaluated")}


def test_alarms_that_are_not_wanted_are_not_asked_for(aws: Aws, installation: Installation) -> None:
    result = ModuleRunner("controller").ok("audit_info", **{**installation.options, "alarms": False})
    assert by_status(result, "not_applicable") >= {"CloudWatch.15", "SNS.1", "coffer.24", "coffer.28"}
    asked = {call.service for call in aws.proxy.requests}
    assert asked == {"kms", "s3", "s3control", "iam", "cloudtrail", "logs"}
    assert aws.proxy.count(operation="DescribeMetricFilters") == 0
