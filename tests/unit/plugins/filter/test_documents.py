# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: the documents for whoever has a dictionary."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.filter.documents import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.profiles import VALUES as PROFILE

FILTERS = FilterModule().filters()
#: The filters that are not a document of the profile alone; the operators' policies have tests of their own.
OTHERS = {"storage_profile", "audit_deployer_policy", "deployer_policy"}


@pytest.mark.parametrize("name", sorted(set(FILTERS) - OTHERS))
def test_filter_is_the_document(name: str) -> None:
    assert FILTERS[name](PROFILE) == getattr(_documents, name)(StorageProfile.parse(PROFILE))


def test_profile_has_every_value_and_is_a_profile_again() -> None:
    whole = FILTERS["storage_profile"](PROFILE)
    assert set(whole) == set(StorageProfile.__dataclass_fields__)
    assert whole["role_arns"] == PROFILE["role_arns"]
    assert whole["encryption_mode"] == "sse-kms"
    assert FILTERS["storage_profile"](whole) == whole
