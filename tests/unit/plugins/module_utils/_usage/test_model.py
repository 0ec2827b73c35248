# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key, and which window."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import KeyIdentifiers, Window

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-central-1:111122223333:key/{ID}"
NOW = dt.datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["", ID, "alias/velero", ARN.replace("key/", "alias/"), ARN + '" or 1', ARN + "\n"])
def test_only_the_arn_of_a_key_is_one(text: str) -> None:
    with pytest.raises(ValidationError, match="is not the ARN of a key"):
        KeyIdentifiers.parse(text)


def test_alias_can_be_given_by_its_arn() -> None:
    key = KeyIdentifiers.parse(ARN, ["arn:aws:kms:eu-central-1:111122223333:alias/a/b_c-1"])
    assert key.aliases == ("alias/a/b_c-1",)
    for text in ("velero", 'alias/"', "alias/", "alias/a b"):
        with pytest.raises(ValidationError, match="is not the name of an alias"):
            KeyIdentifiers.parse(ARN, [text])


@pytest.mark.parametrize(
    ("options", "start", "end", "hours"),
    [
        ({}, "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z", 24),
        ({"hours": 1.5}, "2026-11-24T06:30:00Z", "2026-11-24T08:00:00Z", 1.5),
        ({"end": "2026-11-20"}, "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z", 24),
        ({"start": "2026-11-24T08:00:00+02:00"}, "2026-11-24T06:00:00Z", "2026-11-24T08:00:00Z", 2),
        ({"start": "2026-11-24T07:00:00", "end": "2026-11-24T07:20:00Z"}, "2026-11-24T07:00:00Z", None, 0.33),
    ],
)
def test_window(options: dict[str, Any], start: str, end: str | None, hours: float) -> None:
    window = Window.parse({"start": None, "end": None, "hours": None, **options}, NOW).as_dict()
    assert window == {"start": start, "end": end or window["end"], "hours": hours}
