# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries, and the filter that gives them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.usage import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._usage import insights_queries
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KeyIdentifiers

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-central-1:111122223333:key/{ID}"
KEY = KeyIdentifiers.parse(ARN, ["alias/velero"])
NAMES = f'["{ARN}", "{ID}", "alias/velero", "arn:aws:kms:eu-central-1:111122223333:alias/velero"]'
QUERY = FilterModule().filters()["kms_usage_query"]
PROFILE = {"account_id": "111122223333", "region": "eu-central-1", "bucket": "acme-backups", "kms_key_arn": ARN}


def test_usage_query() -> None:
    named = " or ".join(
        f"requestParameters.{name} in {NAMES}" for name in ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
    )
    assert insights_queries.usage_query(KEY).splitlines() == [
        'filter eventSource = "kms.amazonaws.com"',
        f'| filter resources.0.ARN = "{ARN}" or resources.1.ARN = "{ARN}" or errorMessage like "{ARN}"'
        f' or (not ispresent(resources.0.ARN) and (requestParameters.keyId = "{ARN}" or'
        f' (awsRegion = "eu-central-1" and userIdentity.accountId = "111122223333" and ({named}))))',
        "| fields coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy,"
        " userIdentity.principalId) as principal, coalesce(userIdentity.invokedBy, sourceIPAddress) as source",
        "| stats count(*) as calls, earliest(eventTime) as first_call, latest(eventTime) as last_call"
        " by eventName, principal, userAgent, source, errorCode",
        "| sort calls desc",
        "| limit 10000",
    ]


def test_queries_are_short_enough() -> None:
    """StartQuery takes 10,000 characters; a key can have 50 aliases (KMS Developer Guide, "Quotas")."""
    many = KeyIdentifiers.parse(ARN, [f"alias/{'a' * 240}{number:03}" for number in range(3)])
    assert len(insights_queries.usage_query(many)) < 10_000
    assert len(insights_queries.failures_query(many, limit=9)) < 10_000


def test_filter_gives_the_query() -> None:
    assert QUERY(ARN) == QUERY(PROFILE) == insights_queries.usage_query(KeyIdentifiers.parse(ARN))
    by_alias = insights_queries.usage_query(KEY)
    assert QUERY(ARN, aliases="alias/velero") == QUERY(PROFILE, "usage", ["alias/velero"]) == by_alias
    assert QUERY(ARN, "usage", limit=5).endswith("limit 5")
    assert QUERY(PROFILE, "failures") == insights_queries.failures_query(KeyIdentifiers.parse(ARN), limit=100)
    assert QUERY(PROFILE, "objects") == insights_queries.objects_query("acme-backups")


@pytest.mark.parametrize(
    ("value", "arguments", "text"),
    [
        ("alias/velero", {}, "kms_usage_query: alias/velero is not the ARN of a key. Give the full ARN of the key"),
        (ARN, {"question": "all"}, "question: all is not known. Ask for usage, failures or objects."),
        (ARN, {"question": "objects"}, "A storage profile is a dictionary of bucket"),
        (ARN, {"aliases": ["velero"]}, "aliases: velero is not the name of an alias."),
        (None, {}, "A storage profile is a dictionary of bucket"),
        ({**PROFILE, "encryption_mode": "sse-s3", "kms_key_arn": None}, {}, "velero_kms_key_arn: it is not set."),
    ],
)
def test_filter_refuses(value: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        QUERY(value, **arguments)
    assert text in str(raised.value)
