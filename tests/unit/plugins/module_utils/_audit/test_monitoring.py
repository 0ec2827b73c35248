# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of metric filters, alarms, topic and rules: what is compliant, what is not and why."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    CheckResult,
    Facts,
    Present,
    RuleFacts,
    TopicFacts,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant, not_applicable
from ansible_collections.coffer.velero.plugins.module_utils._audit.monitoring import MONITORING, desired_monitoring
from tests.support.audit_facts import (
    ALARM,
    FILTER,
    HEARTBEAT,
    PROFILE,
    RULE,
    TOPIC,
    Case,
    assert_case,
    desired,
    facts,
    failing,
    findings,
    names,
    of_cases,
)

CASES: list[Case] = [
    (
        "CloudWatch.15",
        facts(alarms={ALARM["AlarmName"]: {**ALARM, "AlarmActions": []}}),
        non_compliant("not_enabled", "notifies nobody"),
    ),
    (
        "CloudWatch.17",
        facts(alarms={ALARM["AlarmName"]: {**ALARM, "ActionsEnabled": False}}),
        non_compliant("not_enabled", "are disabled"),
    ),
    ("CloudWatch.17", facts(alarms={}), non_compliant("not_found", "no such alarm")),
    ("SNS.1", facts(topics=[]), not_applicable("no_topic", "No alarm of this installation")),
    (
        "SNS.1",
        facts(topics=[TopicFacts(arn=TOPIC, attributes=Present({}))]),
        non_compliant("not_enabled", "not encrypted"),
    ),
    ("coffer.24", facts(metric_filters=[]), non_compliant("not_found", "no such metric filter")),
    (
        "coffer.24",
        facts(metric_filters=[{**FILTER, "filterPattern": "ERROR"}]),
        non_compliant("differs", "differs in filter_pattern"),
    ),
    (
        "coffer.24",
        facts(metric_filters=[{**FILTER, "filterPattern": "{  $.eventName =  PutKeyPolicy }"}]),
        compliant("as desired"),
    ),
    (
        "coffer.25",
        facts(alarms={ALARM["AlarmName"]: {**ALARM, "Threshold": 5.0}}),
        non_compliant("differs", "differs in threshold"),
    ),
    ("coffer.25", facts(alarms={ALARM["AlarmName"]: {**ALARM, "Threshold": 1.0}}), compliant("as desired")),
    ("coffer.26", facts(alarms={ALARM["AlarmName"]: ALARM}), non_compliant("not_found", "no such alarm")),
    (
        "coffer.26",
        facts(alarms={HEARTBEAT["AlarmName"]: {**HEARTBEAT, "TreatMissingData": "missing"}}),
        non_compliant("differs", "differs in treat_missing_data"),
    ),
    ("coffer.27", facts(topics=[]), non_compliant("no_topic", "No alarm of this installation")),
    (
        "coffer.27",
        facts(
            topics=[
                TopicFacts(
                    arn=TOPIC,
                    attributes=Present({}),
                    subscriptions=Present([{"SubscriptionArn": "PendingConfirmation"}]),
                )
            ]
        ),
        non_compliant("not_found", "and 1 that wait"),
    ),
    (
        "coffer.27",
        facts(topics=[TopicFacts(arn=TOPIC, attributes=Present({}), subscriptions=Present([]))]),
        non_compliant("not_found", "and 0 that wait"),
    ),
    ("coffer.28", facts(rules={}), non_compliant("not_found", "no such rule")),
    (
        "coffer.28",
        facts(rules={RULE["Name"]: RuleFacts(rule={**RULE, "State": "DISABLED"}, targets=Present(RULE["Targets"]))}),
        non_compliant("differs", "differs in state"),
    ),
    (
        "coffer.28",
        facts(
            rules={
                RULE["Name"]: RuleFacts(
                    rule={**RULE, "EventPattern": '{"source":["aws.s3"]}'}, targets=Present(RULE["Targets"])
                )
            }
        ),
        non_compliant("differs", "differs in event_pattern"),
    ),
    (
        "coffer.28",
        facts(rules={RULE["Name"]: RuleFacts(rule=RULE, targets=Present([]))}),
        non_compliant("differs", f"does not send events to {TOPIC}"),
    ),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)


def test_every_control_has_a_case_that_fails() -> None:
    assert failing(CASES) == names(MONITORING)


def test_without_kms_only_data_events_show_a_missing_backup() -> None:
    params = {"alarms": True, "topic_arn": TOPIC, "backup_schedule_hours": 24, "data_events": "none"}
    profile = replace(PROFILE, encryption_mode="sse-s3")
    blind = desired(profile=profile, **desired_monitoring(params, profile))
    (found,) = findings("coffer.26", facts(), blind)
    assert (found["status"], found["reason"]) == ("non_compliant", "not_found")
    assert found["message"].startswith("Without KMS only data events show that Velero writes")
    seeing = desired(profile=profile, **desired_monitoring({**params, "data_events": "write"}, profile))
    assert [one["message"] for one in findings("coffer.26", facts(alarms={}), seeing)] == ["There is no such alarm."]
