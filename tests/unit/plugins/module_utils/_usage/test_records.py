# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records one by one."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._usage import records
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import CallGroup, KeyIdentifiers

KEY = KeyIdentifiers.parse("arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")


def test_record_without_anything_is_counted_as_it_is() -> None:
    (group,) = records.count([{"eventName": "Decrypt"}])
    assert group == CallGroup(1, "Decrypt", "", "", "", "", "", "")
    assert not records.concerns({}, KEY)
    assert not records.concerns({"eventSource": "kms.amazonaws.com", "requestParameters": None}, KEY)
