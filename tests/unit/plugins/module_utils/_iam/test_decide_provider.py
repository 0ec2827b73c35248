# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for OIDC providers, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._iam import decide_provider
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import Provider
from tests.support.iam import PROVIDER_ARN, steps

PROVIDER = Provider(PROVIDER_ARN, ("sts.amazonaws.com", "theirs"), ("1" * 40, "2" * 40), {"owner": "them"})


@pytest.mark.parametrize(
    ("desired", "expected"),
    [
        ({}, []),
        ({"client_ids": ["theirs"]}, []),
        ({"client_ids": ["a", "b", "a"]}, [f"AddClientIDToOpenIDConnectProvider {one}" for one in ("a", "b")]),
        ({"thumbprints": ["2" * 40, "1" * 40]}, []),
        ({"thumbprints": ["2" * 40]}, ["UpdateOpenIDConnectProviderThumbprint"]),
        ({"tags": {"a": "1"}}, ["TagOpenIDConnectProvider", "UntagOpenIDConnectProvider"]),
        ({"tags": {"a": "1"}, "purge_tags": False}, ["TagOpenIDConnectProvider"]),
    ],
)
def test_change_provider(desired: dict[str, Any], expected: list[str]) -> None:
    plan = decide_provider.change_provider(
        decide_provider.DesiredProvider(issuer="oidc.example.com", **desired), PROVIDER
    )
    assert steps(plan) == expected


def test_create_provider_leaves_thumbprints_to_iam() -> None:
    plan = decide_provider.create_provider(
        decide_provider.DesiredProvider(issuer="oidc.example.com", client_ids=["a"]), PROVIDER_ARN
    )
    assert plan.steps[0].arguments == {"Url": "https://oidc.example.com", "ClientIDList": ["a"]}
