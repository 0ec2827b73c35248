# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a bucket can have."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._s3.model import validate_bucket_name
from tests.support.refusal import refusal


@pytest.mark.parametrize("name", ["abc", "a" * 63, "velero-backups", "velero.example.com", "1velero2", "1.2.3.400x"])
def test_good_names(name: str) -> None:
    validate_bucket_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is too short"),
        ("ab", "is too short"),
        ("a" * 64, "is too long"),
        ("Velero_Bad", "has characters that S3 does not take: 'BV_'"),
        ("velero/backups", "has characters that S3 does not take: '/'"),
        ("-velero", "starts or ends with a dot or hyphen"),
        ("velero.", "starts or ends with a dot or hyphen"),
        ("velero..backups", "has two dots in a row"),
        ("192.168.5.4", "looks like an IP address"),
        ("xn--velero", "starts or ends with what S3 reserves for itself"),
        ("velero-s3alias", "starts or ends with what S3 reserves for itself"),
        ("velero--x-s3", "starts or ends with what S3 reserves for itself"),
    ],
)
def test_bad_names(name: str, reason: str) -> None:
    assert refusal(validate_bucket_name, name) == (
        f"bucket: {name!r} {reason}. A bucket name has 3 to 63 lower-case letters, digits, hyphens and dots, and "
        "starts and ends with a letter or digit."
    )
