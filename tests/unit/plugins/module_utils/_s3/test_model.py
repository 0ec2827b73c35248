# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a bucket can have."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._s3.model import (
    validate_bucket_name,
    validate_new_bucket_name,
)
from tests.support.refusal import refusal

REGION = "eu-central-1"
RULE = (
    "A bucket name has 3 to 63 lower-case letters, digits, hyphens and dots, and starts and ends with a letter or "
    "digit; only one from before 2018 may have more."
)


@pytest.mark.parametrize(
    "name",
    [
        "abc",
        "a" * 63,
        "velero-backups",
        "velero.example.com",
        "1velero2",
        "1.2.3.400x",
        "backups-111122223333-eu-central-1-an",
    ],
)
def test_good_names(name: str) -> None:
    validate_bucket_name(name)
    validate_new_bucket_name(name, REGION)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is too short"),
        ("ab", "is too short"),
        ("a" * 256, "is too long"),
        ("velero/backups", "has characters that S3 does not take: /"),
        ("velerö", "has characters that S3 does not take: ö"),
        ("192.168.5.4", "looks like an IP address"),
    ],
)
def test_names_of_no_bucket(name: str, reason: str) -> None:
    assert refusal(validate_bucket_name, name) == f'bucket: "{name}" {reason}. {RULE}'


@pytest.mark.parametrize("suffix", ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"])
def test_names_of_what_is_no_bucket(suffix: str) -> None:
    message = refusal(validate_bucket_name, f"velero{suffix}")
    assert message.endswith("and not of a bucket. Name the general purpose bucket that keeps the objects.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a" * 64, "is too long"),
        ("My_Company.Backups", "has characters that S3 does not take: BCM_"),
        ("-velero", "starts or ends with a dot or hyphen"),
        ("velero.", "starts or ends with a dot or hyphen"),
        ("velero..backups", "has two dots in a row"),
        ("xn--velero", "starts with what S3 reserves for itself"),
        ("sthree-velero", "starts with what S3 reserves for itself"),
        ("amzn-s3-demo-velero", "starts with what S3 reserves for itself"),
    ],
)
def test_names_that_only_an_old_bucket_has(name: str, reason: str) -> None:
    validate_bucket_name(name)
    message = refusal(validate_new_bucket_name, name, REGION)
    assert message == f'bucket: "{name}" does not exist and cannot be created: it {reason}. {RULE}'


@pytest.mark.parametrize("name", ["velero-an", "backups-111122223333-us-east-1-an", "x-1111-eu-central-1-an"])
def test_names_of_the_namespace_of_an_account(name: str) -> None:
    assert refusal(validate_new_bucket_name, name, REGION).endswith(
        "Write it as PREFIX-ACCOUNT-eu-central-1-an, or choose another end."
    )
