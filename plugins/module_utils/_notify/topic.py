# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is desired of a topic and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .._access.lockout import refuse_lockout
from .._access.model import Principal
from .._access.requests import direct
from .._errors import ValidationError
from .._kms.model import Key
from .._kms.service_key import service_key
from .._plan import NOTHING, PLACEHOLDER_KEY_ID, Changes, Computed, Difference, Plan, Step, created, joined
from .._policy import (
    Desired,
    Merge,
    desired_statements,
    listed,
    orphan_warnings,
    orphaned_principals,
    refuse_size,
    text,
)
from .._tags import tag_list, tag_part, tags_after
from .._types import Document
from .subscription import Subscription, same_endpoint

#: Bytes of a topic's policy ("Amazon SNS endpoints and quotas" has no number; SetTopicAttributes refuses more).
_LIMIT = 30 * 1024
#: The key that SNS makes for itself. Its policy lets in principals of the account through SNS, and no service.
AWS_KEY = "alias/aws/sns"


@dataclass(frozen=True, kw_only=True)
class DesiredTopic:
    """What a task wants of a topic. ``None`` means: leave it as it is.

    :param key_id: the key as it was given; empty for a topic that is not encrypted
    :param subscriptions: those to own
    :param purge_subscriptions: end the others, too
    """

    name: str
    arn: str
    policy: Desired
    key_id: str | None = None
    display_name: str | None = None
    subscriptions: Sequence[Subscription] | None = None
    purge_subscriptions: bool = False
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    @classmethod
    def of(cls, params: Mapping[str, t.Any], arn_of: Callable[[str], str]) -> DesiredTopic:
        """From the options of a task.

        :param arn_of: the ARN of a topic by its name
        :raises ValidationError: for what SNS would refuse, before anything is asked
        """
        name = str(params["name"])
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", name):
            remediation = "Use 1 to 256 letters, digits, hyphens and underscores; FIFO topics (.fifo) take no e-mail."
            raise ValidationError("name", repr(name), "is not the name of a standard topic", remediation)
        given = params["subscriptions"]
        subscriptions = None if given is None else tuple(map(Subscription.parse, given))
        for position, one in enumerate(subscriptions or ()):
            if any(same_endpoint(one, other) for other in (subscriptions or ())[:position]):
                raise ValidationError("subscriptions", one.name, "is given twice", "Leave one of them out.")
        statements = desired_statements(params["statements"])
        return cls(
            name=name,
            arn=arn_of(name),
            policy=Desired(
                statements,
                absent_sids=params["absent_sids"],
                purge=params["purge_statements"],
                replace_sids=params["replace_sids"],
            ),
            key_id=params["kms_master_key_id"],
            display_name=params["display_name"],
            subscriptions=subscriptions,
            purge_subscriptions=params["purge_subscriptions"],
            tags=params["tags"],
            purge_tags=params["purge_tags"],
        )

    def owns(self, subscription: Subscription) -> bool:
        return any(same_endpoint(desired, subscription) for desired in self.subscriptions or ())

    def merged(self, policy: Document | None, partition: str) -> Merge:
        """The policy of the topic with the owned statements."""
        return self.policy.merged_into(policy, partition=partition)

    @property
    def account_id(self) -> str:
        return self.arn.split(":")[4]


@dataclass(frozen=True)
class Topic:
    """A topic as SNS tells of it.

    :param key_now: the key that it is encrypted under; where SNS was given an alias, the ARN behind it
    :param subscriptions: ``None`` where they were not asked for, as the tags
    """

    attributes: Mapping[str, str]
    key_now: str = ""
    subscriptions: Sequence[Subscription] | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class State:
    """The topic, ``None`` where there is none, and the key that was asked for, where it exists."""

    topic: Topic | None
    policy: Document | None = None
    key: Key | None = None


def decide_topic(desired: DesiredTopic, state: State, *, partition: str, region: str) -> Plan:
    """The plan for a topic that should exist."""
    _refuse_resources(desired)
    key_arn, unmet_dependency = service_key(
        desired.key_id,
        state.key,
        option="kms_master_key_id",
        region=region,
        service="SNS",
        resource="topic",
        aws_managed="allows no service: CloudWatch alarms and EventBridge rules could not publish to the topic",
        statements="audit_topic_key_statements",
    )
    merged = desired.merged(state.policy, partition)
    if state.topic is None:
        return _create(desired, merged, key_arn, unmet_dependency)
    there = state.topic
    key_now, name_now = there.key_now, there.attributes.get("DisplayName", "")
    if key_arn and key_now == key_arn.rpartition("/")[2]:  # SNS was given the id of the key
        key_now = key_arn
    tagging = ("sns:TagResource", "sns:UntagResource")
    steps, differences = joined(
        (
            _attribute(desired, "KmsMasterKeyId", "kms_master_key_id", key_now, key_arn),
            _attribute(desired, "DisplayName", "display_name", name_now, desired.display_name),
            policy_part(desired.arn, merged),
            _subscriptions(desired, there.subscriptions or ()),
            tag_part(tagging, {"ResourceArn": desired.arn}, desired.tags, there.tags or {}, purge=desired.purge_tags),
        )
    )
    encrypted = key_now if key_arn is None else key_arn
    name = name_now if desired.display_name is None else desired.display_name
    result = _result(desired, merged, encrypted, name, there)
    warnings = (*_warnings(desired, merged, encrypted), *_pending_warnings(desired, there.subscriptions or ()))
    return Plan(steps, differences, result, warnings, unmet_dependency)


def delete_topic(desired: DesiredTopic, state: State) -> Plan:
    """The plan for a topic that should not exist."""
    result = {"topic": desired.name, "topic_arn": desired.arn}
    if state.topic is None:
        return Plan(result=result)
    there = state.topic.subscriptions or ()
    foreign = [subscription.name for subscription in there if not desired.owns(subscription)]
    if foreign and not desired.purge_subscriptions:
        reason = f"has unmanaged subscriptions that would be deleted with it: {', '.join(foreign)}"
        remediation = "Ask their owners, then set purge_subscriptions=true, or leave the topic."
        raise ValidationError("state", desired.arn, reason, remediation)
    differences = [Difference("topic_arn", desired.arn, None)]
    if there:
        differences.append(Difference("subscriptions", [subscription.name for subscription in there], None))
    return Plan((Step("sns:DeleteTopic", {"TopicArn": desired.arn}),), tuple(differences), result)


def refuse_topic_lockout(before: Document | None, after: Document, arn: str, caller: Principal) -> None:
    """Refuse a policy that denies the caller to change it again.

    :raises ValidationError: where the change brings such a Deny, or one whose condition the caller may meet
    """
    request = direct(caller, "sns:SetTopicAttributes", arn)
    remediation = "Leave {who} out of the Deny: name the actions that it is about, such as sns:Publish."
    refuse_lockout(before, after, {"the caller": request}, option="statements", remediation=remediation)


def _create(
    desired: DesiredTopic, merged: Merge, key_arn: str | None, unmet_dependency: ValidationError | None
) -> Plan:
    """One request makes the topic with all that publishers need, so that no half-made one ever takes messages."""
    ours = bool(listed(merged.document["Statement"]))
    attributes = {
        "DisplayName": desired.display_name,
        "KmsMasterKeyId": key_arn,
        "Policy": text(merged.document) if ours else None,
    }
    if ours:
        refuse_size(merged.document, _LIMIT, option="statements", resource=desired.arn)
    arguments: dict[str, t.Any] = {
        "Name": desired.name,
        "Attributes": {name: value for name, value in attributes.items() if value},
        **({"Tags": tag_list(desired.tags)} if desired.tags else {}),
    }
    steps, differences = _subscriptions(desired, ())
    result = _result(desired, merged, key_arn or "", desired.display_name or "", Topic({}))
    shown = {name: result[name] for name in ("topic_arn", "display_name", "kms_master_key_id", "tags")}
    return Plan(
        (Step("sns:CreateTopic", arguments), *steps),
        (*created(shown), *merged.differences, *differences),
        {**result, "policy": merged.document if ours else _default_policy(desired)},
        _warnings(desired, merged, key_arn or ""),
        unmet_dependency,
    )


def _default_policy(desired: DesiredTopic) -> Document:
    """What SNS gives a topic that is made without a policy: its account may do everything."""
    actions = (
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    )
    statement = {
        "Effect": "Allow",
        "Sid": "__default_statement_ID",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": desired.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": desired.account_id}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def _refuse_resources(desired: DesiredTopic) -> None:
    for statement in desired.policy.statements:
        for resource in listed(statement.get("Resource", statement.get("NotResource"))):
            if resource != desired.arn:
                reason = f"speaks of {resource}, which is not this topic"
                remediation = f"SNS takes statements about the topic itself only: {desired.arn}."
                raise ValidationError("statements", str(statement["Sid"]), reason, remediation)


def _attribute(desired: DesiredTopic, name: str, option: str, before: str, after: str | None) -> Changes:
    if after in (None, before):
        return NOTHING
    arguments = {"TopicArn": desired.arn, "AttributeName": name, "AttributeValue": after}
    return (Step("sns:SetTopicAttributes", arguments),), (Difference(option, before or None, after or None),)


def policy_part(arn: str, merged: Merge) -> Changes:
    """The request that brings our statements into the policy.

    :raises ValidationError: where nothing would be left; SNS does not take an empty policy
    """
    if not merged.differences:
        return NOTHING
    if not listed(merged.document["Statement"]):
        remediation = "A topic has at least one statement: give the ones to keep, or delete the topic."
        raise ValidationError("statements", arn, "would have a policy without a statement", remediation)
    refuse_size(merged.document, _LIMIT, option="statements", resource=arn)
    arguments = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": text(merged.document)}
    return (Step("sns:SetTopicAttributes", arguments),), merged.differences


def _missing(desired: DesiredTopic, there: Sequence[Subscription]) -> list[Subscription]:
    return [one for one in desired.subscriptions or () if not any(same_endpoint(one, other) for other in there)]


def _surplus(desired: DesiredTopic, there: Sequence[Subscription]) -> list[Subscription]:
    """Unmanaged ones to delete. A pending one has no ARN to delete it by; SNS drops it after two days."""
    if desired.subscriptions is None or not desired.purge_subscriptions:
        return []
    return [one for one in there if one.confirmed and not desired.owns(one)]


def _subscriptions(desired: DesiredTopic, there: Sequence[Subscription]) -> Changes:
    missing, surplus = _missing(desired, there), _surplus(desired, there)
    where = {"TopicArn": desired.arn, "ReturnSubscriptionArn": True}
    steps = [
        Step(
            "sns:Subscribe",
            {**where, "Protocol": one.protocol, "Endpoint": one.endpoint},
            {f"subscription {one.name}": "SubscriptionArn"},
        )
        for one in missing
    ]
    steps += [Step("sns:Unsubscribe", {"SubscriptionArn": one.arn}) for one in surplus]
    differences = [Difference(f"subscription {one.name}", None, "subscribed") for one in missing]
    differences += [Difference(f"subscription {one.name}", "subscribed", None) for one in surplus]
    return steps, differences


def _result(desired: DesiredTopic, merged: Merge, key_arn: str, display_name: str, there: Topic) -> dict[str, t.Any]:
    known = there.subscriptions or ()
    surplus = _surplus(desired, known)
    told = [one.result(owned=desired.owns(one)) for one in known if one not in surplus]
    for one in _missing(desired, known):
        confirmed = one.confirms_itself(desired.account_id)
        arn = Computed(f"subscription {one.name}", f"{desired.arn}:{PLACEHOLDER_KEY_ID}") if confirmed else None
        told.append({**one.result(owned=True), "arn": arn, "confirmed": confirmed})
    return {
        "topic": desired.name,
        "topic_arn": desired.arn,
        "display_name": display_name,
        "kms_master_key_id": key_arn or None,
        "policy": merged.document,
        "kept_statements": list(merged.kept),
        "subscriptions": told,
        "tags": tags_after(desired.tags, there.tags, purge=desired.purge_tags),
    }


def _warnings(desired: DesiredTopic, merged: Merge, key_arn: str) -> tuple[str, ...]:
    told = list(orphan_warnings(orphaned_principals(merged.document), resource=desired.arn))
    if key_arn.endswith(AWS_KEY):
        told.append(
            f"{desired.arn}: is encrypted under {AWS_KEY}, with which CloudWatch alarms and EventBridge rules cannot "
            "publish. Set kms_master_key_id to a customer managed key, or to ''."
        )
    return tuple(told)


def _pending_warnings(desired: DesiredTopic, there: Sequence[Subscription]) -> tuple[str, ...]:
    return tuple(
        f"{desired.arn}: the subscription {one.name} is not confirmed, and gets no messages until then: open the link "
        "that SNS has sent there. SNS drops it after two days."
        for one in there
        if not one.confirmed and desired.owns(one)
    )
