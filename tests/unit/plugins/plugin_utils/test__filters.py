# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-lazy
"""What filters do with what they are given and with what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, lazy, plain_profile, text_of
from tests.support.profiles import PROFILE, VALUES
from tests.support.refusal import refusal


def test_arguments_are_handed_over() -> None:
    assert as_filter(lambda text, *more, **options: (text, more, options), text_of)("a", 1, b=2) == (
        "a",
        (1,),
        {"b": 2},
    )
    assert as_filter(lazy("_alerts", "resource_name"))(VALUES, "x") == _alerts.resource_name(PROFILE, "x")


def test_profile_is_plain() -> None:
    plain = plain_profile(PROFILE)
    assert plain["role_arns"] == VALUES["role_arns"]
    assert as_filter(plain_profile)(plain) == plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({**VALUES, "bucket": "*"}, 'velero_bucket: "*" is too short.'),
        ("acme-backups", "A storage profile is a dictionary of bucket, region, account_id and so on."),
        (None, "A storage profile is a dictionary of bucket, region, account_id and so on."),
    ],
)
def test_refusal_is_the_error_of_the_filter(value: Any, text: str) -> None:
    """Also where a filter takes a text."""
    with pytest.raises(AnsibleFilterError, match="This filter takes a text"):
        as_filter(str, text_of)([value])
    assert text in refusal(as_filter(plain_profile), value, error=AnsibleFilterError)
