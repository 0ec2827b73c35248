# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of an audit for log group, metric filters, alarms, topics and rules. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter

from .._arn import Arn
from .._types import Document
from .api import Reader
from .facts import Absent, Fact, Present, Reason, RuleFacts, TopicFacts, Unavailable
from .model import Desired

#: The most topics that are read one by one; the alarms of an installation notify one.
MOST_TOPICS = 5
#: More alarms than an installation has, since the names of another one's may begin with the same prefix.
MOST_ALARMS = 500


def read_log_group(reader: Reader, trail: Mapping[str, t.Any], desired: Desired) -> dict[str, Fact[t.Any]]:
    """The log group of a trail, and its metric filters where the task asks for them."""
    arn = Arn.parse(str(trail.get("CloudWatchLogsLogGroupArn") or ""))
    if arn is None:
        return _no_log_group("no_log_group", "The trail delivers to no log group")
    name = arn.resource.removeprefix("log-group:").removesuffix(":*")
    if (arn.region, arn.account_id) != (desired.profile.region, desired.profile.account_id):
        message = f"The log group {name} is in {arn.region} of account {arn.account_id}: audit it there."
        other = Absent(message, "out_of_scope", "not_evaluated")
        return {"log_group": other, "metric_filters": other}

    def named(groups: Iterable[Document]) -> Document | None:
        return next((group for group in groups if group["logGroupName"] == name), None)

    gone = Absent(f"The log group {name} does not exist.")
    group = reader.list("logs:DescribeLogGroups", "logGroups", named, logGroupNamePrefix=name)
    group = gone if group == Present(None) else group
    facts: dict[str, Fact[t.Any]] = {"log_group": group}
    if desired.monitoring:
        facts["metric_filters"] = (
            gone if group == gone else reader.list("logs:DescribeMetricFilters", "metricFilters", logGroupName=name)
        )
    return facts


def _no_log_group(reason: Reason, message: str) -> dict[str, Fact[t.Any]]:
    return {
        "log_group": Absent(f"{message}.", reason, "not_applicable"),
        "metric_filters": Absent(f"{message}, so that no metric filter counts its events.", reason),
    }


def no_trail(trails: Fact[t.Any]) -> dict[str, Fact[t.Any]]:
    """The same where there is no trail, or where the trails could not be read."""
    if isinstance(trails, Unavailable):
        return {"log_group": trails, "metric_filters": trails}
    return _no_log_group("no_trail", "There is no trail")


def read_alarms(reader: Reader, prefix: str) -> t.Any:
    """The metric alarms whose names begin with a prefix, by name."""

    def by_name(alarms: Iterable[Document]) -> dict[str, Document]:
        return {alarm["AlarmName"]: alarm for alarm in alarms}

    return reader.list("cloudwatch:DescribeAlarms", "MetricAlarms", by_name, most=MOST_ALARMS, AlarmNamePrefix=prefix)


def topics_of(alarms: Fact[t.Any], desired: Desired) -> list[str]:
    """The topic that the task names, and those that the alarms of this installation notify."""
    found = alarms.value if isinstance(alarms, Present) else {}
    live = (found.get(alarm["name"], {}) for alarm in desired.alarms)
    actions = (action for alarm in live for action in alarm.get("AlarmActions") or ())
    arns = dict.fromkeys(arn for arn in (desired.topic_arn, *actions) if arn and ":sns:" in arn)
    return list(arns)[:MOST_TOPICS]


def read_topic(reader: Reader, arn: str) -> TopicFacts:
    gone = Absent(f"The topic {arn} does not exist.")
    absent = {"NotFound": gone, "NotFoundException": gone}
    attributes = reader.ask("sns:GetTopicAttributes", itemgetter("Attributes"), absent, TopicArn=arn)
    if attributes == gone:
        return TopicFacts(arn=arn, attributes=gone, subscriptions=gone)
    subscriptions = reader.list("sns:ListSubscriptionsByTopic", "Subscriptions", TopicArn=arn)
    return TopicFacts(arn=arn, attributes=attributes, subscriptions=subscriptions)


def read_rules(reader: Reader, prefix: str, names: Collection[str]) -> t.Any:
    """The EventBridge rules of these names, each with its targets."""

    def with_targets(rules: Iterable[Document]) -> dict[str, RuleFacts]:
        return {
            name: RuleFacts(rule=rule, targets=reader.list("events:ListTargetsByRule", "Targets", Rule=name))
            for rule in rules
            if (name := rule["Name"]) in names
        }

    return reader.list("events:ListRules", "Rules", with_targets, NamePrefix=prefix)
