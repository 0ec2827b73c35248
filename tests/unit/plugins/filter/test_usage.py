# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that gives the queries of kms_usage_info."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.usage import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._usage import insights_queries
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KeyIdentifiers
from tests.support.profiles import KEY as ARN
from tests.support.profiles import VALUES as PROFILE
from tests.support.refusal import refusal

QUERY = FilterModule().filters()["kms_usage_query"]


def test_filter_gives_the_query() -> None:
    assert QUERY(ARN) == QUERY(PROFILE) == insights_queries.usage_query(KeyIdentifiers.parse(ARN))
    by_alias = insights_queries.usage_query(KeyIdentifiers.parse(ARN, ["alias/velero"]))
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
    assert text in refusal(QUERY, value, **arguments, error=AnsibleFilterError)
