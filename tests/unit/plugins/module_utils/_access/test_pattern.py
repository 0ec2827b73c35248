# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns and values, of which a part may not be known."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.pattern import (
    Partial,
    match,
    match_arn,
    matches,
    tokens,
)
from ansible_collections.coffer.velero.plugins.module_utils._access.ternary import Ternary

ROLE = "arn:aws:iam::111122223333:role/"


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("a*c", "abbc", True),
        ("a?c", "abbc", False),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("a.c", "abc", False),
        ("*", Partial("*"), True),
        (f"{ROLE}*", Partial(f"{ROLE}*admin"), True),
        (f"{ROLE}*admin", Partial(f"{ROLE}*admin"), True),
        (f"{ROLE}admin", Partial(f"{ROLE}*admin"), None),
        (f"{ROLE}team/admin", Partial(f"{ROLE}*admin"), None),
        (f"{ROLE}team/*", Partial(f"{ROLE}*admin"), None),
        (f"{ROLE}other", Partial(f"{ROLE}*admin"), False),
        ("?", Partial("*"), None),
        ("a*z", Partial("b*"), False),
        ("*" * 40 + "b", Partial("a*" * 40), None),
    ],
)
def test_match(pattern: str, value: str, expected: Ternary) -> None:
    assert match(tokens(pattern, lambda name: name), value) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k:1/x", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:*", "arn:aws:s3:::b/k", None),
        ("arn:aws:kms:*:key/1", "arn:aws:kms:eu-central-1:111122223333:key/1", None),
        ("arn:aws:kms:*:*:key/1", "arn:aws:kms:eu-central-1:111122223333:key/1", True),
        ("arn:aws:iam::1*:role/x", Partial("arn:aws:iam::111122223333:role/*x"), None),
    ],
)
def test_match_arn(pattern: str, value: str, expected: Ternary) -> None:
    assert match_arn(tokens(pattern), value) is expected


def test_matches() -> None:
    assert matches("s3:Put*", "s3:PutObject")
    assert not matches("s3:Put?", "s3:PutObject")
