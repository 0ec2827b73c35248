# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of metric filters, alarms, their SNS topic and EventBridge rules. Pure. PRIVATE to coffer.velero.

This is the only file of the audit that knows the documents of ``_alerts``.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from .. import _alerts
from .._alert_patterns import resource_name
from .._cloudwatch.desired_alarm import settings_of
from .._cloudwatch.filters import shown
from .._notify.pattern import same_pattern
from .._profile import StorageProfile
from .._types import Document
from .facts import CheckResult, Facts, TopicFacts
from .model import Check, Checks, Control, Desired, compliant, non_compliant, not_applicable

#: Options of an alarm that do not change what it watches; whom it notifies is checked by CloudWatch.15 and .17.
_NOT_COMPARED = frozenset({"name", "description", "alarm_actions", "actions_enabled"})


def desired_monitoring(params: Mapping[str, t.Any], profile: StorageProfile) -> dict[str, list[Document]]:
    """The metric filters, alarms and rules that the options of the task ask for, by their names in ``Desired``."""
    if not params["alarms"]:
        return {}
    topic_arn, data_events = params["topic_arn"], params["data_events"] in ("write", "all")

    def alarms(*, log_group: bool) -> list[Document]:
        hours = params["backup_schedule_hours"]
        return _alerts.alarms(
            profile, topic_arn=topic_arn, schedule_hours=hours, data_events=data_events, log_group=log_group
        )

    return {
        "metric_filters": _alerts.metric_filters(profile, data_events=data_events),
        "alarms": alarms(log_group=True),
        # Without a log group in this account CloudWatch has no metric but KMS's own.
        "alarms_without_log_group": alarms(log_group=False),
        "rules": _alerts.event_rules(profile, topic_arn=topic_arn),
    }


def alarm_prefix(profile: StorageProfile) -> str:
    """What the names of all alarms of an installation begin with."""
    return resource_name(profile, "")


def _where_requested(checks: Checks) -> Checks:
    """The checks, where the task asks for alarms."""

    def requested(facts: Facts, desired: Desired) -> Iterable[Check]:
        if desired.monitoring:
            return checks(facts, desired)
        message = "The task does not ask for the alarms of the collection (alarms)."
        return [Check.of(desired.account_arn, not_applicable("not_requested", message))]

    return requested


def _check_each(
    documents: Callable[[Desired], Sequence[Document]],
    arn: str,
    evaluate: Callable[[Facts, Desired, Document], CheckResult],
) -> Checks:
    """A check of each desired document.

    :param arn: its ARN from the service on, with ``{name}``
    """

    def checks(facts: Facts, desired: Desired) -> Iterator[Check]:
        for one in documents(desired):
            service, _colon, resource = arn.format(name=one["name"]).partition(":")
            yield Check(desired.profile.arn(service, resource), partial(evaluate, facts, desired, one))

    return _where_requested(checks)


def _metric_filter(facts: Facts, _desired: Desired, document: Document) -> CheckResult:
    named = (one for one in facts.metric_filters.value if one.get("filterName") == document["name"])
    found = next(named, None)
    if found is None:
        return non_compliant("not_found", "The trail's log group has no such metric filter.")
    return _differs(_different(document, shown(found), ignore={"name"}))


def _alarm(facts: Facts, document: Document) -> Document | None:
    found = facts.alarms.value.get(document["name"])
    return None if found is None else {"dimensions": {}, **settings_of(found)}


_NO_ALARM = non_compliant("not_found", "There is no such alarm.")


def _alarm_as_desired(facts: Facts, _desired: Desired, document: Document) -> CheckResult:
    found = _alarm(facts, document)
    return _NO_ALARM if found is None else _differs(_different(document, found, ignore=_NOT_COMPARED))


def _alarm_notifies(facts: Facts, desired: Desired, document: Document) -> CheckResult:
    found = _alarm(facts, document)
    if found is None:
        return _NO_ALARM
    actions = found.get("alarm_actions") or []
    if not actions:
        return non_compliant("not_enabled", "It notifies nobody.")
    if desired.topic_arn and desired.topic_arn not in actions:
        return non_compliant("differs", f"It notifies {', '.join(actions)}, and not {desired.topic_arn}.")
    return compliant(f"It notifies {', '.join(actions)}.")


def _alarm_active(facts: Facts, _desired: Desired, document: Document) -> CheckResult:
    found = _alarm(facts, document)
    if found is None:
        return _NO_ALARM
    if found.get("actions_enabled"):
        return compliant("Its actions are enabled.")
    return non_compliant("not_enabled", "Its actions are disabled.")


def _differs(members: Sequence[str]) -> CheckResult:
    if members:
        return non_compliant("differs", f"It differs in {', '.join(members)}.")
    return compliant("It is as desired.")


def _different(desired: Document, live: Document, *, ignore: Collection[str]) -> list[str]:
    """The members of the desired document that the live one has not; it may have others."""
    return [
        name for name in desired if name not in ignore and _normal(name, desired[name]) != _normal(name, live.get(name))
    ]


def _normal(name: str, value: t.Any) -> str:
    """One text for values that mean the same to CloudWatch: lists have no order, and numbers no type."""
    if name == "filter_pattern":
        return re.sub(r"\s+", " ", str(value or "")).strip()
    if isinstance(value, Mapping):
        members = {str(member): _normal(str(member), item) for member, item in value.items()}
        return json.dumps({member: text for member, text in members.items() if text}, sort_keys=True)
    if isinstance(value, (list, tuple)):
        return json.dumps(sorted(_normal("", item) for item in value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(float(value))
    return str(value) if value not in (None, "", False) else ""


def _check_topics(evaluate: Callable[[TopicFacts], CheckResult], without: CheckResult) -> Checks:
    """A check of each topic that an alarm of the installation notifies, or that the task names.

    :param without: the result where there is none
    """

    def checks(facts: Facts, desired: Desired) -> Iterator[Check]:
        topics = facts.topics.value
        if not topics:
            yield Check.of(desired.account_arn, without)
        for topic in topics:
            yield Check(topic.arn, partial(evaluate, topic))

    return _where_requested(checks)


def _has_subscriber(topic: TopicFacts) -> CheckResult:
    """SNS lists a subscription that is not confirmed with PendingConfirmation in place of an ARN."""
    _dummy = topic.attributes.value  # a topic that does not exist ends the check here
    confirmed = [one for one in topic.subscriptions.value if str(one.get("SubscriptionArn", "")).startswith("arn:")]
    if confirmed:
        return compliant(f"{len(confirmed)} subscriptions are confirmed.")
    pending = len(topic.subscriptions.value)
    return non_compliant("not_found", f"It has no confirmed subscription, and {pending} that wait for confirmation.")


def _topic_encrypted(topic: TopicFacts) -> CheckResult:
    key = topic.attributes.value.get("KmsMasterKeyId")
    return compliant(f"It is encrypted under {key}.") if key else non_compliant("not_enabled", "It is not encrypted.")


def _rule(facts: Facts, _desired: Desired, document: Document) -> CheckResult:
    found = facts.rules.value.get(document["name"])
    if found is None:
        return non_compliant("not_found", "There is no such rule.")
    different = [] if found.rule.get("State") == document["state"] else ["state"]
    pattern = found.rule.get("EventPattern") or {}
    if not same_pattern(document["event_pattern"], json.loads(pattern) if isinstance(pattern, str) else pattern):
        different.append("event_pattern")
    if different:
        return _differs(different)
    targets = [str(one["Arn"]) for one in found.targets.value]
    missing = {str(one["arn"]) for one in document["targets"]} - set(targets)
    if missing:
        return non_compliant("differs", f"It does not send events to {', '.join(sorted(missing))}.")
    if not targets:
        return non_compliant("not_found", "It has no target.")
    return compliant(f"It is {found.rule.get('State')}, and sends events to {', '.join(targets)}.")


def _heartbeat(alarm: Document) -> bool:
    """Whether an alarm fires where nothing happens; the others fire where something does."""
    return str(alarm["name"]).endswith(f"-{_alerts.NO_RECENT_BACKUP}")


_ALARM = "cloudwatch:alarm:{name}"
_HEARTBEATS = _check_each(lambda desired: [one for one in desired.alarms if _heartbeat(one)], _ALARM, _alarm_as_desired)


def _missing_backup(facts: Facts, desired: Desired) -> Iterable[Check]:
    if desired.monitoring and desired.profile.role_arns and not any(map(_heartbeat, desired.alarms)):
        message = "Without KMS only data events show that Velero writes, and the task requests none (data_events)."
        return [Check.of(desired.account_arn, non_compliant("not_found", message))]
    return _HEARTBEATS(facts, desired)


_NO_TOPIC = "No alarm of this installation notifies a topic, and the task names none (topic_arn)."
_RUN = "Run audit.yml with velero_audit=true"

MONITORING = (
    Control(
        identifier="CloudWatch.15",
        title="CloudWatch alarms should have specified actions configured",
        severity="high",
        requirement="Each alarm of this installation has an action for the state ALARM. Others are not evaluated.",
        remediation=f"{_RUN}; kms_audit_topic_arn names the topic that the alarms notify.",
        checks=_check_each(lambda desired: desired.alarms, _ALARM, _alarm_notifies),
    ),
    Control(
        identifier="CloudWatch.17",
        title="CloudWatch alarm actions should be activated",
        severity="high",
        requirement="The actions of each alarm of this installation are enabled. Others are not evaluated.",
        remediation="Find out who disabled them; aws cloudwatch enable-alarm-actions enables them.",
        checks=_check_each(lambda desired: desired.alarms, _ALARM, _alarm_active),
    ),
    Control(
        identifier="SNS.1",
        title="SNS topics should be encrypted at-rest using AWS KMS",
        severity="medium",
        requirement="The topics that the alarms notify have a KMS key. Other topics are not evaluated.",
        remediation="Give the topic a key whose key policy allows CloudWatch to use it; alias/aws/sns does not.",
        checks=_check_topics(_topic_encrypted, not_applicable("no_topic", _NO_TOPIC)),
    ),
    Control(
        identifier="coffer.24",
        title="The metric filters exist",
        severity="high",
        requirement="Each metric filter of the collection exists, with its pattern, metric, value and default value.",
        remediation=f"{_RUN}, or coffer.velero.cloudwatch_metric_filters.",
        checks=_check_each(lambda desired: desired.metric_filters, "logs:metric-filter:{name}", _metric_filter),
    ),
    Control(
        identifier="coffer.25",
        title="The alarms exist",
        severity="high",
        requirement="Each alarm of the collection has its metric, threshold, period and treatment of missing data.",
        remediation=f"{_RUN}, or coffer.velero.cloudwatch_metric_alarms.",
        checks=_check_each(
            lambda desired: [one for one in desired.alarms if not _heartbeat(one)], _ALARM, _alarm_as_desired
        ),
    ),
    Control(
        identifier="coffer.26",
        title="The missing-backup alarm exists",
        severity="high",
        requirement=(
            "The alarm that fires when Velero has not used the key for longer than scheduled exists; without KMS, when "
            "it has written no object, which only data events show."
        ),
        remediation=f"{_RUN} and kms_audit_backup_schedule_hours; without KMS also kms_audit_data_events=write.",
        checks=_missing_backup,
    ),
    Control(
        identifier="coffer.27",
        title="The alarms have a subscriber",
        severity="high",
        requirement="Each topic that an alarm notifies exists, and has a confirmed subscription.",
        remediation="Subscribe to the topic and confirm the subscription.",
        checks=_check_topics(_has_subscriber, non_compliant("no_topic", _NO_TOPIC)),
    ),
    Control(
        identifier="coffer.28",
        title="The EventBridge rules exist",
        severity="medium",
        requirement="Each EventBridge rule of the collection exists, with its pattern, its state and its targets.",
        remediation=f"{_RUN}, or coffer.velero.eventbridge_rules.",
        checks=_check_each(lambda desired: desired.rules, "events:rule/{name}", _rule),
    ),
)
