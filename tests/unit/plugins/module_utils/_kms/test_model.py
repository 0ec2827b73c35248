# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key as KMS describes it, and which keys S3 cannot encrypt with."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key, refuse_unusable
from tests.support.profiles import KEY as ARN
from tests.support.refusal import refusal


def key(state: str = "Enabled", **metadata: Any) -> Key:
    return Key({"Arn": ARN, "KeyId": ARN.rpartition("/")[2], "KeyState": state, **metadata})


def test_what_a_key_is() -> None:
    assert (key().region, key().primary_region, key().rotatable) == ("eu-central-1", "eu-central-1", True)
    assert key(MultiRegionConfiguration={"PrimaryKey": {"Region": "us-west-2"}}).primary_region == "us-west-2"
    assert not key(Origin="EXTERNAL").rotatable
    assert not key(KeySpec="RSA_2048").rotatable
    assert key("PendingReplicaDeletion").pending_deletion


@pytest.mark.parametrize("usable", [key(), key("Updating"), key(KeyManager="CUSTOMER")])
def test_usable(usable: Key) -> None:
    refuse_unusable(usable, option="key", region="eu-central-1", editable=True)


@pytest.mark.parametrize(
    ("unusable", "message"),
    [
        (key(KeyManager="AWS"), "is managed by AWS. Its policy cannot be edited: choose a customer managed key."),
        (key(KeySpec="RSA_2048"), "is a RSA_2048 key. S3 encrypts with symmetric keys only: choose one."),
        (
            key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"),
            "is a HMAC_256 key. S3 encrypts with symmetric keys only: choose one.",
        ),
        (key(KeyUsage="SIGN_VERIFY"), "is a key for SIGN_VERIFY. Choose a key for ENCRYPT_DECRYPT."),
        (key("PendingImport"), "is in state PendingImport. Wait until it is Enabled, or choose another key."),
        (
            key("PendingDeletion", DeletionDate="tomorrow"),
            "is pending deletion until tomorrow. Find out who scheduled it",
        ),
        (key("Disabled"), "is disabled. Find out who disabled it; coffer.velero.kms_key enables it with enabled=true."),
    ],
)
def test_unusable(unusable: Key, message: str) -> None:
    assert refusal(refuse_unusable, unusable, option="key", region="eu-central-1", editable=True).startswith(
        f"key: {ARN} {message}"
    )


def test_key_of_another_region() -> None:
    with pytest.raises(ValidationError, match="is in eu-central-1, the bucket is in us-east-1"):
        refuse_unusable(key(), option="key", region="us-east-1")
