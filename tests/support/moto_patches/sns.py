# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's SNS."""

from __future__ import annotations

import json
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.kms.utils import RESERVED_ALIASE_TARGET_KEY_IDS, RESERVED_ALIASES
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from tests.support.moto_patches.registry import around, patch

PENDING = "PendingConfirmation"
ASKED = ("email", "email-json", "http", "https")


def _is_asked(subscription: Any) -> bool:
    """Whether the owner of the endpoint has to confirm; nobody does so here until a test says so."""
    protocol, endpoint = subscription.protocol, subscription.endpoint
    elsewhere = protocol in ("sqs", "lambda") and endpoint.split(":")[4] != subscription.account_id
    return (protocol in ASKED or elsewhere) and not getattr(subscription, "confirmed_by_owner", False)


@patch
def subscription_waits_for_its_owner() -> None:
    """An e-mail address, a URL and what belongs to another account are asked first, and have no ARN until then.

    moto confirms everything at once. ConfirmSubscription with the endpoint as its token confirms.
    """

    @around(SNSResponse, "list_subscriptions_by_topic")
    def list_subscriptions_by_topic(original: Any, self: Any) -> Any:
        answer = original(self)
        answer._result["Subscriptions"] = [
            {
                "TopicArn": one.topic.arn,
                "Protocol": one.protocol,
                "SubscriptionArn": PENDING if _is_asked(one) else one.arn,
                "Owner": one.account_id,
                "Endpoint": one.endpoint,
            }
            for one in answer._result["Subscriptions"]
        ]
        return answer

    @around(SNSResponse, "confirm_subscription")
    def confirm_subscription(original: Any, self: Any) -> Any:
        for one in self.backend.subscriptions.values():
            if one.endpoint == self._get_param("Token"):
                one.confirmed_by_owner = True
        return original(self)


@patch
def topic_is_not_created_over_another() -> None:
    """CreateTopic with other attributes or tags than those of the topic is an InvalidParameter; moto ignores them."""

    @around(SNSBackend, "create_topic")
    def create_topic(original: Any, self: Any, name: Any, attributes: Any = None, tags: Any = None) -> Any:
        there = {topic.name: topic for topic in self.topics.values()}.get(name)
        for attribute, value in (attributes or {}).items() if there else ():
            now = str(getattr(there, camelcase_to_underscores(attribute), ""))
            if (json.loads(now) != json.loads(value)) if attribute == "Policy" else now != value:
                raise SNSInvalidParameter("Topic already exists with different attributes")
        if there and tags and there._tags != tags:
            raise SNSInvalidParameter("Topic already exists with different tags")
        return original(self, name, attributes, tags)


@patch
def pending_subscription_gets_nothing() -> None:
    """SNS delivers to nobody who has not confirmed; moto does."""

    @around(Subscription, "publish")
    def publish(original: Any, self: Any, *arguments: Any, **keywords: Any) -> Any:
        return None if _is_asked(self) else original(self, *arguments, **keywords)


@patch
def key_of_sns_is_there_when_it_is_asked_for() -> None:
    """DescribeKey of alias/aws/sns makes the key of AWS that SNS encrypts with; moto does not know that alias."""
    RESERVED_ALIASES.append("alias/aws/sns")
    RESERVED_ALIASE_TARGET_KEY_IDS["alias/aws/sns"] = "7f1c2d4e-5b6a-4c3d-9e8f-0a1b2c3d4e5f"
