# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage profile of a host as a lookup gives it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.coffer.velero.plugins.lookup.storage_profile import LookupModule
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.profiles import KEY, PROFILE, VARIABLES

TEMPLAR = SimpleNamespace(template=lambda value: value)


def test_profile_is_plain() -> None:
    (profile,) = LookupModule(templar=TEMPLAR).run([], VARIABLES, account_id="111122223333", kms_key_arn=KEY)
    assert profile["role_arns"] == ["arn:aws:iam::111122223333:role/velero"]
    assert profile["policy_arns"] == ["arn:aws:iam::111122223333:policy/velero"]
    assert StorageProfile.parse(profile) == replace(PROFILE, prefix="", policy_arns=tuple(profile["policy_arns"]))


def test_refusal_is_the_error_of_the_lookup() -> None:
    with pytest.raises(AnsibleLookupError, match="velero_kms_key_arn: it is not set"):
        LookupModule(templar=TEMPLAR).run([], VARIABLES, account_id="111122223333")
