# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of what notices: metric filters, alarms, topic, rules. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from ansible_collections.coffer.velero.plugins.module_utils._alerts import NO_RECENT_BACKUP
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Facts, TopicFacts
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Ask,
    Control,
    Expected,
    Question,
    does_not_apply,
    fails,
    passes,
    related,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import settings_of
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import shown
from ansible_collections.coffer.velero.plugins.module_utils._notify.pattern import same_pattern
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

Wanted: t.TypeAlias = "Callable[[Expected], Sequence[Document]]"

#: The patterns that CIS v1.4.0 prescribes, 4.7 and 4.8; "Additional fields or terms cannot be added" (Security Hub).
CIS_KEYS = "{($.eventSource=kms.amazonaws.com)&&(($.eventName=DisableKey)||($.eventName=ScheduleKeyDeletion))}"
CIS_BUCKETS = "{{($.eventSource=s3.amazonaws.com)&&({})}}".format(
    "||".join(
        f"($.eventName={name})"
        for name in (
            *("PutBucketAcl", "PutBucketPolicy", "PutBucketCors", "PutBucketLifecycle", "PutBucketReplication"),
            *("DeleteBucketPolicy", "DeleteBucketCors", "DeleteBucketLifecycle", "DeleteBucketReplication"),
        )
    )
)
#: Members of an alarm that say nothing of what it watches and whom it tells.
_NOT_COMPARED = frozenset({"name", "description", "alarm_actions", "actions_enabled"})


def _not_wanted(expected: Expected) -> Iterator[Question]:
    yield Question(expected.account_arn, lambda: does_not_apply("The alarms of the collection were not asked for."))


def _each(name: str, wanted: Wanted, arn: str, answer: Callable[[Facts, Expected, Document], Answer]) -> Ask:
    """A question about each thing of a list that is wanted.

    :param name: the member that names it
    :param arn: what its ARN looks like, with ``{place}`` and ``{name}``
    """

    def ask(facts: Facts, expected: Expected) -> Iterator[Question]:
        if not expected.notices:
            yield from _not_wanted(expected)
            return
        for one in wanted(expected):
            text = arn.format(partition=expected.profile.partition, place=expected.place, name=one[name])
            yield Question(text, partial(answer, facts, expected, one))

    return ask


def _alarm(facts: Facts, wanted: Document) -> Document:
    found = facts.alarms.value.get(wanted["name"])
    return {"dimensions": {}, **settings_of(found)} if found is not None else {}


def _metric_filter(facts: Facts, _expected: Expected, wanted: Document) -> Answer:
    name = wanted["name"]
    found = next((one for one in facts.metric_filters.value if one.get("filterName") == name), None)
    if found is None:
        return fails("There is no such metric filter for the trail's log group.")
    different = _different(wanted, shown(found), normal={"filter_pattern": _pattern}, leave=frozenset({"name"}))
    return fails(f"It differs in {', '.join(different)}.") if different else passes("It is as wanted.")


def _alarm_as_wanted(facts: Facts, _expected: Expected, wanted: Document) -> Answer:
    found = _alarm(facts, wanted)
    if not found:
        return fails("There is no such alarm.")
    different = _different(wanted, found, leave=_NOT_COMPARED)
    return fails(f"It differs in {', '.join(different)}.") if different else passes("It watches what is wanted.")


def _alarm_acts(facts: Facts, expected: Expected, wanted: Document) -> Answer:
    found = _alarm(facts, wanted)
    if not found:
        return fails("There is no such alarm.")
    actions = found.get("alarm_actions") or []
    if actions and expected.topic_arn and expected.topic_arn not in actions:
        return fails(f"It notifies {', '.join(actions)}, and not {expected.topic_arn}.")
    return passes(f"It notifies {', '.join(actions)}.") if actions else fails("It notifies nobody.")


def _alarm_active(facts: Facts, _expected: Expected, wanted: Document) -> Answer:
    found = _alarm(facts, wanted)
    if not found:
        return fails("There is no such alarm.")
    return passes("Its actions are on.") if found.get("actions_enabled") else fails("Its actions are off.")


def _different(
    wanted: Document,
    live: Document,
    *,
    normal: Mapping[str, Callable[[t.Any], t.Any]] | None = None,
    leave: frozenset[str] = frozenset(),
) -> list[str]:
    """The members that are wanted and not so; those that nobody wants may be as they like."""

    def differs(name: str) -> bool:
        make: Callable[[t.Any], t.Any] = (normal or {}).get(name, _plain)
        return bool(make(wanted[name]) != make(live.get(name)))

    return [name for name in wanted if name not in leave and differs(name)]


def _plain(value: t.Any) -> str:
    """One text for what means the same: lists have no order here, and numbers no kind."""
    if isinstance(value, Mapping):
        return json.dumps({str(name): text for name, item in value.items() if (text := _plain(item))}, sort_keys=True)
    if isinstance(value, (list, tuple)):
        return json.dumps(sorted(map(_plain, value)))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(float(value))
    return str(value) if value not in (None, "", False) else ""


def _pattern(value: t.Any) -> str:
    """A pattern without the white space and quotes that mean nothing to CloudWatch."""
    return re.sub(r"\s+", " ", str(value or "")).strip()


def _tight(value: t.Any) -> str:
    return re.sub(r"[\s\"]+", "", str(value or ""))


def _prescribed(pattern: str) -> Ask:
    """Whether a metric filter has the very pattern that CIS prescribes, with an alarm that notifies somebody."""

    def answer(facts: Facts) -> Answer:
        metrics = {
            (one.get("metricNamespace"), one.get("metricName"))
            for found in facts.metric_filters.value
            if _tight(found.get("filterPattern")) == pattern
            for one in found.get("metricTransformations", ())
        }
        if not metrics:
            return fails(
                "No metric filter of the trail's log group has exactly the pattern that the benchmark prescribes."
            )
        for name, alarm in facts.alarms.value.items():
            if (alarm.get("Namespace"), alarm.get("MetricName")) in metrics and alarm.get("AlarmActions"):
                return passes(f"The filter is there, and the alarm {name} notifies of it.")
        return fails("The filter is there, and no alarm of this installation notifies of it.")

    def ask(facts: Facts, expected: Expected) -> Iterator[Question]:
        if not expected.notices:
            yield from _not_wanted(expected)
            return
        yield Question(expected.account_arn, lambda: answer(facts))

    return ask


def _topics(answer: Callable[[TopicFacts, Expected], Answer], without: Answer) -> Ask:
    """A question about each topic that an alarm of ours notifies, or that was named.

    :param without: the answer where there is none
    """

    def ask(facts: Facts, expected: Expected) -> Iterator[Question]:
        if not expected.notices:
            yield from _not_wanted(expected)
            return
        topics = facts.topics.value
        if not topics:
            yield Question(expected.account_arn, lambda: without)
        for topic in topics:
            yield Question(topic.arn, partial(answer, topic, expected))

    return ask


def _heard(topic: TopicFacts, _expected: Expected) -> Answer:
    """Whether somebody listens: SNS lists those who have not confirmed yet with PendingConfirmation for an ARN."""
    dummy = topic.attributes.value
    confirmed = [one for one in topic.subscriptions.value if str(one.get("SubscriptionArn", "")).startswith("arn:")]
    waiting = len(topic.subscriptions.value) - len(confirmed)
    if confirmed:
        return passes(f"{len(confirmed)} subscriptions are confirmed.")
    return fails(f"Nobody listens: {waiting} subscriptions wait to be confirmed." if waiting else "Nobody listens.")


def _topic_encrypted(topic: TopicFacts, _expected: Expected) -> Answer:
    key = topic.attributes.value.get("KmsMasterKeyId")
    return passes(f"It is encrypted under {key}.") if key else fails("It is not encrypted.")


def _rule(facts: Facts, _expected: Expected, wanted: Document) -> Answer:
    found = facts.rules.value.get(wanted["name"])
    if found is None:
        return fails("There is no such rule.")
    live = found.rule
    different = [] if live.get("State") == wanted["state"] else ["state"]
    if not same_pattern(wanted["event_pattern"], _json(live.get("EventPattern"))):
        different.append("event_pattern")
    if different:
        return fails(f"It differs in {', '.join(different)}.")
    missing = {one["arn"] for one in wanted["targets"]} - {one.get("Arn") for one in found.targets.value}
    if missing:
        return fails(f"It does not tell {', '.join(sorted(missing))}.")
    if not found.targets.value:
        return fails("It has no target.")
    return passes(f"It is {live.get('State')}, and tells {', '.join(str(one['Arn']) for one in found.targets.value)}.")


def _json(value: t.Any) -> t.Any:
    return json.loads(value) if isinstance(value, str) else value or {}


def _silence(expected: Expected) -> list[Document]:
    return [one for one in expected.alarms if str(one["name"]).endswith(f"-{NO_RECENT_BACKUP}")]


def _other_alarms(expected: Expected) -> list[Document]:
    silent = _silence(expected)
    return [one for one in expected.alarms if one not in silent]


def _all_alarms(expected: Expected) -> Sequence[Document]:
    return expected.alarms


_ALARM = "arn:{partition}:cloudwatch:{place}:alarm:{name}"
_NO_TOPIC = "No alarm of this installation notifies a topic, and none was named."
_RUN = "Run audit.yml with velero_audit=true"

NOTICE = (
    Control(
        identifier="CloudWatch.7",
        title=(
            "Ensure a log metric filter and alarm exist for disabling or scheduled deletion of customer managed keys"
        ),
        severity="low",
        standards=related(cis7="5.7", cis1="4.7"),
        checked=(
            "A metric filter of the trail's log group has exactly the pattern that the benchmark prescribes, and an "
            "alarm of this installation notifies of it. The filters of the collection see more, and do not pass it."
        ),
        remediation=(
            "Add the prescribed filter beside ours, if you have to pass it; coffer.24 and coffer.25 see the events."
        ),
        ask=_prescribed(CIS_KEYS),
    ),
    Control(
        identifier="CloudWatch.8",
        title="Ensure a log metric filter and alarm exist for S3 bucket policy changes",
        severity="low",
        standards=related(cis7="5.8", cis1="4.8"),
        checked="As CloudWatch.7, with the pattern for changes of bucket policies.",
        remediation=(
            "Add the prescribed filter beside ours, if you have to pass it; coffer.24 and coffer.25 see the events."
        ),
        ask=_prescribed(CIS_BUCKETS),
    ),
    Control(
        identifier="CloudWatch.15",
        title="CloudWatch alarms should have specified actions configured",
        severity="high",
        standards=related(nist="AU-6(1) AU-6(5) CA-7 IR-4(1) IR-4(5) SI-2 SI-4(5) SI-4(12) SI-20"),
        checked="Each alarm of this installation has an action for the state ALARM. Other alarms are not looked at.",
        remediation=f"{_RUN}; kms_audit_topic_arn names whom they notify.",
        ask=_each("name", _all_alarms, _ALARM, _alarm_acts),
    ),
    Control(
        identifier="CloudWatch.17",
        title="CloudWatch alarm actions should be activated",
        severity="high",
        standards=related(nist="AU-6(1) AU-6(5) CA-7 SI-2 SI-4(12)"),
        checked="The actions of each alarm of this installation are on. Other alarms are not looked at.",
        remediation="Find out who turned them off (aws cloudwatch enable-alarm-actions turns them on).",
        ask=_each("name", _all_alarms, _ALARM, _alarm_active),
    ),
    Control(
        identifier="SNS.1",
        title="SNS topics should be encrypted at-rest using AWS KMS",
        severity="medium",
        standards=related(nist="CA-9(1) CM-3(6) SC-13 SC-28 SC-28(1) SC-7(10) SI-7(6)"),
        checked="The topics that the alarms notify have a KMS key. Other topics are not looked at.",
        remediation=(
            "Give the topic a key whose policy lets CloudWatch use it, not alias/aws/sns, whose policy does not."
        ),
        ask=_topics(_topic_encrypted, does_not_apply(_NO_TOPIC)),
    ),
    Control(
        identifier="coffer.24",
        title="The metric filters see what they should",
        severity="high",
        checked="Each metric filter of the table of alerts is there, with its pattern, metric, value and default.",
        remediation=f"{_RUN}, or coffer.velero.metric_filters.",
        ask=_each(
            "name",
            lambda expected: expected.metric_filters,
            "arn:{partition}:logs:{place}:metric-filter:{name}",
            _metric_filter,
        ),
    ),
    Control(
        identifier="coffer.25",
        title="The alarms watch what they should",
        severity="high",
        checked="Each alarm of the table of alerts is there, with its metric, threshold, period and missing data.",
        remediation=f"{_RUN}, or coffer.velero.metric_alarms.",
        ask=_each("name", _other_alarms, _ALARM, _alarm_as_wanted),
    ),
    Control(
        identifier="coffer.26",
        title="Somebody notices when backups stop",
        severity="high",
        checked="The alarm no-recent-backup is there: no use of the key by Velero for longer than the schedule allows.",
        remediation=f"{_RUN} and kms_audit_backup_schedule_hours.",
        ask=_each("name", _silence, _ALARM, _alarm_as_wanted),
    ),
    Control(
        identifier="coffer.27",
        title="Somebody listens to the alarms",
        severity="high",
        checked="Each topic that an alarm notifies exists, and has a subscription that was confirmed.",
        remediation="Subscribe to the topic and confirm the subscription.",
        ask=_topics(_heard, fails(_NO_TOPIC)),
    ),
    Control(
        identifier="coffer.28",
        title="The rules of EventBridge tell what they should",
        severity="medium",
        checked="Each rule of the table of alerts is there, with its pattern, its state and its targets.",
        remediation=f"{_RUN}, or coffer.velero.event_rules.",
        ask=_each("name", lambda expected: expected.rules, "arn:{partition}:events:{place}:rule/{name}", _rule),
    ),
)
