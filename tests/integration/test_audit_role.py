# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kms_audit in an account: made, unchanged by the second run, passed, and taken down again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.support.fixtures import Aws
from tests.support.site import Site

BUCKET = "acme-backups"
NAME = f"velero-{BUCKET}"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:on-duty"
FIRST = [("kms_key", "main"), ("velero_irsa", "iam"), ("velero_irsa", "key_policy"), ("bucket_encryption", "main")]

pytestmark = pytest.mark.timeout(300)


def play(directory: Path, *roles: tuple[str, str]) -> str:
    """A playbook with the AWS halves of the roles; no cluster is needed for what is audited."""
    tasks = [
        {"ansible.builtin.import_role": {"name": f"coffer.velero.{role}", "tasks_from": entry}} for role, entry in roles
    ]
    text = {
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": tasks,
    }
    path = directory / f"{'-'.join(role for role, _entry in roles)}-{roles[-1][1]}.yml"
    path.write_text(yaml.safe_dump([text]))
    return str(path)


@pytest.fixture
def site(aws: Aws, tmp_path: Path) -> Site:
    variables: dict[str, Any] = {
        "velero_region": aws.region,
        "velero_bucket": BUCKET,
        "velero_prefix": "production",
        "velero_oidc_issuer_url": "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "velero_tags": {"service": "velero"},
        "velero_audit": True,
        "kms_audit_trail": True,
        "kms_audit_data_events": "write",
        "kms_audit_subscriptions": [{"protocol": "sqs", "endpoint": QUEUE}],
    }
    return Site(tmp_path, aws.environment, variables, playbook=play(tmp_path, *FIRST, ("kms_audit", "main")))


def changed(records: list[dict[str, Any]]) -> list[str]:
    return [record["action"].rpartition(".")[2] for record in records if record["result"].get("changed")]


def result(records: list[dict[str, Any]], module: str) -> dict[str, Any]:
    """Of the last task with a module."""
    found = [record["result"] for record in records if record["action"] == f"coffer.velero.{module}"]
    return dict(found[-1])


def failure(site: Site, *options: str) -> str:
    process = site.start(*options)
    output, _dummy = process.communicate(timeout=120)
    assert process.returncode != 0, output
    return output


MADE = [
    *(
        "kms_key",
        "kms_key_policy",
        "s3_bucket",
        "s3_bucket_policy",
        "cloudwatch_log_group",
        "iam_policy",
        "iam_role",
        "cloudtrail",
    ),
    *(
        "sns_topic",
        "cloudwatch_metric_filters",
        "cloudwatch_metric_alarms",
        "eventbridge_rules",
        "cloudwatch_dashboard",
    ),
]


def test_made_unchanged_passed_and_taken_down(aws: Aws, site: Site) -> None:
    promised = changed(site.run("--check"))
    assert promised[-len(MADE) :] == MADE
    assert aws.client("cloudtrail").describe_trails()["trailList"] == []

    first = site.run()
    assert changed(first) == promised
    audit = result(first, "audit_info")
    severe = [one for one in audit["findings"] if one["severity"] in ("critical", "high")]
    assert [one for one in severe if one["status"] not in ("compliant", "not_applicable")] == []
    assert result(first, "cloudtrail_info")["trail"]["name"] == NAME

    aws.proxy.clear()
    assert changed(site.run()) == []
    wrote = [one.operation for one in aws.proxy.requests if one.operation.startswith(("Put", "Create", "Update"))]
    assert wrote == []

    site.playbook = play(site.directory, ("kms_audit", "teardown"))
    assert changed(site.run("--check")) == changed(site.run())
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert aws.client("events").list_rules()["Rules"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    assert aws.client("cloudtrail").describe_trails()["trailList"] == []
    assert aws.client("logs").describe_metric_filters(logGroupName=NAME)["metricFilters"] == []
    aws.client("s3").head_bucket(Bucket=f"{BUCKET}-audit")
    assert changed(site.run()) == []


def test_names_that_have_to_be_shortened(site: Site) -> None:
    """Topics, dashboards and aliases take no dot, roles and rules 64 characters."""
    bucket = f"{'a' * 50}.backup"
    site.variables["velero_bucket"] = bucket
    records = site.run()
    assert result(records, "iam_role")["role_name"] == "velero-" + "a" * 42 + "-4ee1a67f-trail"
    assert result(records, "audit_info")["severity"] in ("medium", "low", None)


def test_teardown_reports_what_is_kept(site: Site) -> None:
    site.run()
    site.playbook = play(site.directory, ("kms_audit", "teardown"))
    process = site.start()
    output, _dummy = process.communicate(timeout=120)
    told = " ".join(output.split())
    assert f"What was recorded is kept: the bucket {BUCKET}-audit, the log group {NAME}" in told


def test_a_trail_that_is_there_is_used(aws: Aws, site: Site) -> None:
    """The first installation makes the trail; the second one finds it, and puts its filters on its log group. One in
    another Region, where the trail has no log group, gets the rules and the alarm on the metric of KMS.
    """
    site.run()
    site.variables |= {
        "velero_bucket": "other-backups",
        "velero_kms_alias": "alias/other",
        "velero_role_name": "other",
        "velero_policy_name": "other",
        "kms_audit_trail": False,
        "kms_audit_data_events": "none",
    }
    records = site.run()
    assert "cloudtrail" not in changed(records)
    names = {
        one["filterName"] for one in aws.client("logs").describe_metric_filters(logGroupName=NAME)["metricFilters"]
    }
    assert {f"{NAME}-no-recent-backup", "velero-other-backups-no-recent-backup"} <= names
    assert len(aws.client("cloudtrail").describe_trails()["trailList"]) == 1

    west = "eu-west-1"
    site.variables |= {"velero_region": west, "velero_bucket": "west-backups", "velero_prefix": "west"}
    site.variables |= {"kms_audit_fail_on": []}
    made = changed(site.run())
    assert {"eventbridge_rules", "cloudwatch_metric_alarms"} <= set(made)
    assert "cloudwatch_metric_filters" not in made
    alarms = aws.client("cloudwatch", region_name=west).describe_alarms()["MetricAlarms"]
    assert [one["Namespace"] for one in alarms] == ["AWS/KMS"]


def test_without_a_trail_the_audit_is_not_passed(aws: Aws, site: Site) -> None:
    site.variables |= {"kms_audit_trail": False, "kms_audit_data_events": "none"}
    told = " ".join(failure(site).split())
    assert "findings fail the audit (kms_audit_fail_on)." in told
    assert "CloudTrail.1" in told
    assert "CloudTrail.7" not in told, "its severity is low"
    site.variables["kms_audit_fail_on"] = []
    assert changed(site.run()) == []


def test_what_was_not_evaluated_fails_the_audit_where_it_is_named(aws: Aws, site: Site) -> None:
    """Whether a topic of others has a subscriber is of high severity; S3 Control has no host here, of medium."""
    topic = aws.client("sns").create_topic(Name="on-duty")["TopicArn"]
    site.variables |= {"kms_audit_topic_arn": topic, "kms_audit_fail_on": ["critical", "high"]}
    aws.proxy.deny("sns", "ListSubscriptionsByTopic")
    site.run()
    for fail_on, number in ((["critical", "high", "not_evaluated"], 1), (["not_evaluated"], 2)):
        site.variables["kms_audit_fail_on"] = fail_on
        told = " ".join(failure(site).split())
        assert f"{number} findings fail the audit (kms_audit_fail_on)." in told
        assert f"coffer.27 {topic} sns:ListSubscriptionsByTopic failed" in told
        assert ("S3.1" in told) == (number == 2)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        (
            {"kms_audit_backup_schedule_hours": 200},
            "kms_audit_backup_schedule_hours: 200 is not between 1 and 167",
        ),
        ({"kms_audit_bucket": "b" * 64}, f"kms_audit_bucket: {'b' * 64} is longer than 63 characters"),
        ({"kms_audit_bucket": BUCKET}, f"kms_audit_bucket: {BUCKET} is the bucket of the backups"),
    ],
)
def test_refused_before_anything_is_changed(aws: Aws, site: Site, variables: dict[str, Any], text: str) -> None:
    site.variables |= variables
    site.playbook = play(site.directory, ("kms_audit", "main"))
    output = failure(site)
    assert text in " ".join(output.split()), output
    with pytest.raises(ClientError):
        aws.client("s3").head_bucket(Bucket=f"{BUCKET}-audit")
    assert aws.client("kms").list_keys()["Keys"] == []
