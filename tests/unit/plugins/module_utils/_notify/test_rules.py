# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for rules, held against the model of EventBridge."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._notify.documents import audit_event_rules
from ansible_collections.coffer.velero.plugins.module_utils._notify.rules import (
    DesiredTags,
    Rules,
    decide_rules,
    desired_rules,
    target_options,
)
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.models import valid
from tests.support.profiles import ELSEWHERE, PLAIN, PROFILE, TOPIC


@pytest.mark.parametrize("profile", [PROFILE, ELSEWHERE, PLAIN])
def test_rules_are_what_the_module_and_eventbridge_take(profile: StorageProfile) -> None:
    plan = decide_rules(
        desired_rules(audit_event_rules(profile, TOPIC), absent=False), Rules({}), purge=False, tags=DesiredTags()
    )
    assert plan.warnings == (), "no rule names events that it would not see"
    assert valid(plan.steps)
    longest = max(len(step.arguments.get("Description", "")) for step in plan.steps)
    assert longest <= 512


def test_targets_are_shown_by_option() -> None:
    target = {
        "Id": "topic",
        "Arn": TOPIC,
        "InputTransformer": {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '"<time>"'},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:111122223333:lost"},
        "RetryPolicy": {"MaximumRetryAttempts": 1},
    }
    assert target_options(target) == {
        "id": "topic",
        "arn": TOPIC,
        "input_paths": {"time": "$.time"},
        "input_template": '"<time>"',
        "dead_letter_arn": "arn:aws:sqs:eu-central-1:111122223333:lost",
        "RetryPolicy": {"MaximumRetryAttempts": 1},
    }
