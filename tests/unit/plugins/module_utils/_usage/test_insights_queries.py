# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries of Logs Insights."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._usage import insights_queries
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KeyIdentifiers

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-central-1:111122223333:key/{ID}"
KEY = KeyIdentifiers.parse(ARN, ["alias/velero"])
NAMES = f'["{ARN}", "{ID}", "alias/velero", "arn:aws:kms:eu-central-1:111122223333:alias/velero"]'


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
