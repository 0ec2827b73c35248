# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of an audit for log group, metric filters, alarms, topics and rules. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping

from .._arn import Arn
from .api import Reader
from .facts import Absent, Fact, Present, Reason, RuleFacts, TopicFacts, Unavailable

#: The most topics that are read one by one; the alarms of an installation notify one.
MOST_TOPICS = 5
#: More alarms than an installation has, since the names of another one's may begin with the same prefix.
MOST_ALARMS = 500


def read_log_group(
    reader: Reader, trail: Mapping[str, t.Any], region_and_account: str, *, filters: bool
) -> dict[str, Fact[t.Any]]:
    """The log group of a trail and its metric filters.

    :param region_and_account: those that these credentials are for, ``eu-central-1:111122223333``
    :param filters: whether the metric filters are read too
    """
    arn = Arn.parse(str(trail.get("CloudWatchLogsLogGroupArn") or ""))
    if arn is None:
        return _no_log_group("no_log_group", "The trail delivers to no log group")
    name = arn.resource.removeprefix("log-group:").removesuffix(":*")
    if f"{arn.region}:{arn.account_id}" != region_and_account:
        message = f"The log group {name} is in {arn.region} of account {arn.account_id}: audit it there."
        other = Absent(message, "out_of_scope", "not_evaluated")
        return {"log_group": other, "metric_filters": other}
    listed = reader.list("logs:DescribeLogGroups", "logGroups", logGroupNamePrefix=name)
    gone = Absent(f"The log group {name} does not exist.")
    group = listed
    if isinstance(listed, Present):
        found = next((one for one in listed.value if one["logGroupName"] == name), None)
        group = gone if found is None else Present(found)
    facts: dict[str, Fact[t.Any]] = {"log_group": group}
    if filters:
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
    listed = reader.list("cloudwatch:DescribeAlarms", "MetricAlarms", most=MOST_ALARMS, AlarmNamePrefix=prefix)
    return Present({one["AlarmName"]: one for one in listed.value}) if isinstance(listed, Present) else listed


def topics_of(alarms: Fact[t.Any], names: Iterable[str], topic_arn: str | None) -> list[str]:
    """The topic that the task names, and those that the alarms of this installation notify."""
    found = alarms.value if isinstance(alarms, Present) else {}
    actions = (action for name in names for action in found.get(name, {}).get("AlarmActions") or ())
    arns = dict.fromkeys(arn for arn in (topic_arn, *actions) if arn and ":sns:" in arn)
    return list(arns)[:MOST_TOPICS]


def read_topic(reader: Reader, arn: str) -> TopicFacts:
    gone = Absent(f"The topic {arn} does not exist.")
    attributes = reader.ask(
        "sns:GetTopicAttributes",
        lambda answer: answer["Attributes"],
        {"NotFound": gone, "NotFoundException": gone},
        TopicArn=arn,
    )
    if attributes == gone:
        return TopicFacts(arn=arn, attributes=gone, subscriptions=gone)
    subscriptions = reader.list("sns:ListSubscriptionsByTopic", "Subscriptions", TopicArn=arn)
    return TopicFacts(arn=arn, attributes=attributes, subscriptions=subscriptions)


def read_rules(reader: Reader, prefix: str, names: Collection[str]) -> t.Any:
    """The EventBridge rules of these names, each with its targets."""
    listed = reader.list("events:ListRules", "Rules", NamePrefix=prefix)
    if not isinstance(listed, Present):
        return listed
    return Present(
        {
            rule["Name"]: RuleFacts(
                rule=rule, targets=reader.list("events:ListTargetsByRule", "Targets", Rule=rule["Name"])
            )
            for rule in listed.value
            if rule["Name"] in names
        }
    )
