# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change topics. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from .._arn import is_alias
from .._aws import Aws
from .._concurrency import verify_write
from .._errors import ConflictError, ServiceError
from .._iam.api import Account
from .._kms.api import describe
from .._kms.service_key import is_predicted
from .._plan import Plan
from .._policy import parse
from .._sts import caller, refuse_as_caller
from .._tags import tag_dict
from .._types import Document
from .subscription import Subscription
from .topic import DesiredTopic, State, Topic, decide_topic, delete_topic, policy_part, refuse_topic_lockout

#: Deleted meanwhile, or its tags are being changed by a concurrent writer.
_UNSETTLED_CODES = frozenset({"NotFound", "ConcurrentAccess", "StaleTag"})


@dataclass
class TopicResource:
    """A topic, for the runner.

    :param account: of the topic
    """

    aws: Aws
    desired: DesiredTopic
    account: Account
    sleep: Callable[[float], None]
    absent: bool = False
    _current: State | None = None

    def read(self) -> State:
        attributes = self._attributes()
        self._current = State(None)
        if attributes is not None:
            self._current = State(self._topic(attributes), self._parse(attributes))
        if self.desired.key_id and not is_predicted(self.desired.key_id) and not self.absent:
            self._current = replace(self._current, key=describe(self.aws, self.desired.key_id))
        return self._current

    def _attributes(self) -> Mapping[str, str] | None:
        answer = self.aws.call_or_none("sns:GetTopicAttributes", "NotFound", TopicArn=self.desired.arn)
        return None if answer is None else t.cast("Mapping[str, str]", answer["Attributes"])

    def _parse(self, attributes: Mapping[str, str]) -> Document:
        return parse(attributes["Policy"], option="name", resource=self.desired.arn)

    def _topic(self, attributes: Mapping[str, str]) -> Topic:
        topic = Topic(attributes, "" if self.absent else self._key_now(attributes.get("KmsMasterKeyId", "")))
        where = {"TopicArn": self.desired.arn}
        if self.absent or self.desired.subscriptions is not None:
            listed = self.aws.pages("sns:ListSubscriptionsByTopic", "Subscriptions", **where)
            topic = replace(topic, subscriptions=tuple(map(Subscription.of, listed)))
        if self.desired.tags is not None and not self.absent:
            answer = self.aws.call("sns:ListTagsForResource", ResourceArn=self.desired.arn)
            topic = replace(topic, tags=tag_dict(answer.get("Tags", ())))
        return topic

    def _key_now(self, key_id: str) -> str:
        """SNS keeps the key as it was given; an alias says nothing of the key behind it."""
        if not self.desired.key_id or not is_alias(key_id):
            return key_id
        key = describe(self.aws, key_id)
        return key.arn if key else key_id

    def decide(self, current: State) -> Plan:
        if self.absent:
            return delete_topic(self.desired, current)
        return decide_topic(self.desired, current, partition=self.aws.partition, region=self.aws.region)

    def guard(self, plan: Plan) -> None:
        """A topic is created in the account of the credentials; and a policy must not lock out the caller."""
        if plan.steps[0].action == "sns:CreateTopic":
            self.account.confirm()
        if self._current is None or not any(_is_policy(step.arguments) for step in plan.steps):
            return
        before, after = self._current.policy, plan.result["policy"]
        who = caller(self.aws)
        refuse_as_caller(self.aws, who, partial(refuse_topic_lockout, before, after, self.desired.arn))

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        before = self._current.policy if self._current else None
        try:
            outputs = self.aws.apply(plan, conflicts=_UNSETTLED_CODES)
        except ServiceError as error:
            # Of two runs that create it, the later one is told that its attributes or tags are others.
            if error.action == "sns:CreateTopic" and "already exists" in str(error):
                raise ConflictError(error) from error
            raise
        if any(_is_policy(step.arguments) for step in plan.steps):
            action = "sns:SetTopicAttributes"
            verify_write(before, action=action, read=self._policy, decide=self._decide_policy, sleep=self.sleep)
        return outputs

    def _policy(self) -> Document | None:
        attributes = self._attributes()
        return None if attributes is None else self._parse(attributes)

    def _decide_policy(self, current: Document | None) -> Plan:
        steps, differences = policy_part(self.desired.arn, self.desired.merged(current, self.aws.partition))
        return Plan(tuple(steps), tuple(differences))


def _is_policy(arguments: Mapping[str, t.Any]) -> bool:
    return arguments.get("AttributeName") == "Policy"
