# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backups of a location would lose by a change of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.breaking_changes import (
    BreakingChange,
    alias_warning,
    breaking_change,
)
from tests.support.location import current_location, desired_location, plan_location

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def _breaking_change(current: dict[str, Any], **desired: Any) -> BreakingChange | None:
    return breaking_change(desired_location(**desired), plan_location(current, **desired))


@pytest.mark.parametrize(
    ("current", "desired", "option"),
    [
        ({}, {"kms_key_id": KEY}, None),
        ({}, {"bucket": "c"}, "bucket"),
        ({}, {"prefix": "q"}, "prefix"),
        ({}, {"s3_url": "https://a"}, "s3_url"),
        ({}, {"public_url": "https://a"}, None),
        ({}, {"customer_key_encryption_secret": "s/k"}, "customer_key_encryption_secret"),
        ({"config": {"customerKeyEncryptionFile": "/k"}}, {}, "customer_key_encryption_file"),
        ({"config": {"customerKeyEncryptionFile": "/k"}}, {"customer_key_encryption_file": "/k"}, None),
        # the same key in another place
        (
            {"config": {"customerKeyEncryptionFile": "/k"}},
            {"customer_key_encryption_secret": "s/k", "customer_provided_key_unchanged": True},
            None,
        ),
        (
            {"config": {"customerKeyEncryptionFile": "/k"}},
            {"customer_provided_key_unchanged": True},
            "customer_key_encryption_file",
        ),
        (
            {},
            {"customer_key_encryption_secret": "s/k", "customer_provided_key_unchanged": True},
            "customer_key_encryption_secret",
        ),
        # the same server in other words
        ({"config": {"s3Url": "https://minio/"}}, {"s3_url": "https://MinIO:443"}, None),
        ({"config": {"s3Url": "https://minio"}}, {"s3_url": "https://minio:9000"}, "s3_url"),
        ({"config": {"s3Url": "https://minio"}}, {"s3_url": "http://minio"}, "s3_url"),
        ({"config": {"s3Url": "https://[::1"}}, {"s3_url": "https://[::1]"}, "s3_url"),
        ({"config": {"s3Url": "https://minio"}}, {"s3_url": ""}, "s3_url"),
        ({}, {"s3_url": "https://s3.us-east-1.amazonaws.com"}, None),
        ({"config": {"s3Url": "https://s3.dualstack.us-east-1.amazonaws.com"}}, {"s3_url": ""}, None),
        ({"config": {"s3Url": "https://s3-us-east-1.amazonaws.com"}}, {"s3_url": "https://s3.amazonaws.com/"}, None),
        ({}, {"s3_url": "https://a.s3-outposts.us-east-1.amazonaws.com"}, "s3_url"),
        ({}, {"s3_url": "https://s3.us-east-1.amazonaws.com.example"}, "s3_url"),
    ],
)
def test_what_backups_forbid(current: dict[str, Any], desired: dict[str, Any], option: str | None) -> None:
    found = _breaking_change(current_location(**current), **desired)
    assert (found and found.option) == option


ID = KEY.rpartition("/")[2]


OTHER_KEY = KEY.replace("1234abcd", "5678abcd")


@pytest.mark.parametrize(
    ("before", "desired", "given_up"),
    [
        (KEY, {"kms_key_id": KEY}, False),
        (KEY, {"kms_key_id": OTHER_KEY}, True),
        (KEY, {"kms_key_id": OTHER_KEY, "previous_kms_key_ids": []}, True),
        (KEY, {"kms_key_id": OTHER_KEY, "previous_kms_key_ids": [OTHER_KEY]}, True),
        (KEY, {"kms_key_id": OTHER_KEY, "previous_kms_key_ids": ["x", KEY]}, False),
        (KEY, {"kms_key_id": OTHER_KEY, "previous_kms_key_ids": [ID]}, False),
        (ID, {"kms_key_id": KEY}, False),
        (ID, {"kms_key_id": OTHER_KEY}, True),
        (KEY, {"kms_key_id": KEY.replace("us-east-1", "eu-west-1"), "region": "eu-west-1"}, True),
        # to a mode without a key in the location
        (KEY, {"server_side_encryption": "AES256"}, True),
        (KEY, {"server_side_encryption": "AES256", "previous_kms_key_ids": [KEY]}, False),
        (KEY, {"previous_kms_key_ids": []}, True),
        (KEY, {"previous_kms_key_ids": [KEY]}, False),
        # it is only asked for the other rules
        (KEY, {}, False),
        # only KMS could tell
        ("alias/velero", {"kms_key_id": KEY}, False),
        (KEY.replace(f"key/{ID}", "alias/velero"), {"kms_key_id": KEY}, False),
        # nothing was there
        ("", {"kms_key_id": KEY}, False),
    ],
)
def test_key_that_backups_need(before: str, desired: dict[str, Any], given_up: bool) -> None:
    found = _breaking_change(current_location(config={"kmsKeyId": before}), **desired)
    assert (found and found.option) == ("kms_key_id" if given_up else None)


@pytest.mark.parametrize("alias", ["alias/velero", KEY.replace(f"key/{ID}", "alias/velero")])
@pytest.mark.parametrize(
    ("desired", "given_up"),
    [
        ({"kms_key_id": KEY}, False),
        ({"kms_key_id": OTHER_KEY}, True),
        ({"kms_key_id": OTHER_KEY, "previous_kms_key_ids": [KEY]}, False),
        ({"server_side_encryption": "AES256"}, True),
        ({}, False),
    ],
)
def test_alias_is_judged_by_the_key_that_it_means(alias: str, desired: dict[str, Any], given_up: bool) -> None:
    current, desired = current_location(config={"kmsKeyId": alias}), {**desired, "present_kms_key_arn": KEY}
    found = _breaking_change(current, **desired)
    assert (found and found.option) == ("kms_key_id" if given_up else None)
    assert not alias_warning(desired_location(**desired), plan_location(current, **desired))


def test_alias_is_told_once() -> None:
    warning = (
        'BackupStorageLocation "default" named its key as alias/velero. What is there is encrypted under the key that '
        "this meant: if that is another one than from now on, list its ARN in previous_kms_key_ids "
        "(velero_kms_previous_key_arns)."
    )
    current = current_location(config={"kmsKeyId": "alias/velero"})
    assert alias_warning(desired_location(kms_key_id=KEY), plan_location(current, kms_key_id=KEY)) == (warning,)
    assert not alias_warning(desired_location(), plan_location(current))
    assert not alias_warning(
        desired_location(kms_key_id=OTHER_KEY), plan_location(current_location(config={"kmsKeyId": KEY}))
    )
