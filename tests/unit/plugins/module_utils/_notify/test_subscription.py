# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which endpoints SNS takes, and what an output shows of one."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._notify.subscription import Subscription, masked, secrets
from tests.support.refusal import refusal


@pytest.mark.parametrize(
    ("endpoint", "shown", "hidden"),
    [
        ("https://hooks.example.com", "https://hooks.example.com", []),
        ("https://hooks.example.com/", "https://hooks.example.com/", []),
        ("https://u:p@h.example.com/a", "https://u:****@h.example.com/****6a50", ["p"]),
        ("https://u:p:q@h/a?k=v#f", "https://u:****@h/****b2be", ["p:q", "k=v"]),
        ("https://u@h/a", "https://u@h/****6a50", []),
        (
            "https://events.example.com/integration/0123456789abcdef0123456789abcdef/enqueue",
            "https://events.example.com/****3c12",
            ["0123456789abcdef0123456789abcdef"],
        ),
        ("HTTPS://u:p@h", "HTTPS://u:****@h", ["p"]),
        ("oncall@example.com", "oncall@example.com", []),
        ("https://[u:p@h", "https://[u:****@h", ["https://[u:p@h"]),
    ],
)
def test_secrets_of_an_endpoint(endpoint: str, shown: str, hidden: list[str]) -> None:
    assert masked(endpoint) == shown
    assert secrets(endpoint) == hidden


@pytest.mark.parametrize(
    ("protocol", "endpoint", "message"),
    [
        (
            "email",
            "nobody",
            "subscriptions: nobody is not an endpoint for email. Give one address: oncall@example.com.",
        ),
        (
            "sms",
            "0151",
            "subscriptions: 0151 is not an endpoint for sms. Give the number with a plus sign and the country: "
            "+4915112345678.",
        ),
    ],
)
def test_endpoint_that_sns_would_refuse(protocol: str, endpoint: str, message: str) -> None:
    assert refusal(Subscription.parse, {"protocol": protocol, "endpoint": endpoint}) == message
