# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that a topic takes, and what is refused of one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._notify.subscription import Subscription
from ansible_collections.coffer.velero.plugins.module_utils._notify.topic import (
    DesiredTopic,
    State,
    Topic,
    decide_topic,
)
from ansible_collections.coffer.velero.plugins.modules import sns_topic as module
from tests.support.profiles import ACCOUNT, KEY, TOPIC
from tests.support.refusal import refusal

NAME = TOPIC.rpartition(":")[2]
MAIL = {"protocol": "email", "endpoint": "oncall@example.com"}
OURS = Subscription(**MAIL, arn=f"{TOPIC}:1")
THEIRS = Subscription("sqs", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:theirs", f"{TOPIC}:2")
PENDING = Subscription("email", "pending@example.com")


def desired(**options: Any) -> DesiredTopic:
    defaults = {name: option.get("default") for name, option in module.SPEC.options.items()}
    return DesiredTopic.of({**defaults, "name": NAME, **options}, lambda name: TOPIC.replace(NAME, name))


@pytest.mark.parametrize(
    ("options", "subscriptions", "requests"),
    [
        ({}, [], []),
        ({"display_name": "Velero"}, [], ["SetTopicAttributes"]),
        ({"display_name": "Now"}, [], []),
        ({"kms_master_key_id": ""}, [], ["SetTopicAttributes"]),
        ({"subscriptions": [MAIL]}, [], ["Subscribe"]),
        ({"subscriptions": [{**MAIL, "endpoint": "OnCall@example.com"}]}, [OURS, THEIRS], []),
        ({"subscriptions": [MAIL], "purge_subscriptions": True}, [OURS, THEIRS, PENDING], ["Unsubscribe"]),
        ({"tags": {"a": "1"}}, [], ["UntagResource", "TagResource"]),
        ({"tags": {"a": "1"}, "purge_tags": False}, [], ["TagResource"]),
    ],
)
def test_only_what_differs_is_changed(
    options: dict[str, Any], subscriptions: list[Subscription], requests: list[str]
) -> None:
    there = Topic({"DisplayName": "Now"}, KEY, subscriptions, {"old": "1"})
    plan = decide_topic(desired(**options), State(there), partition="aws", region="eu-central-1")
    assert [step.action for step in plan.steps] == [f"sns:{request}" for request in requests]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "velero.fifo"},
            "name: 'velero.fifo' is not the name of a standard topic. Use 1 to 256 letters, digits, hyphens and "
            "underscores; FIFO topics (.fifo) take no e-mail.",
        ),
        (
            {"subscriptions": [MAIL, {**MAIL, "endpoint": "ONCALL@example.com"}]},
            "subscriptions: email ONCALL@example.com is given twice. Leave one of them out.",
        ),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    assert refusal(desired, **options) == message
