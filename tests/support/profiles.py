# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage profile that tests of decisions share, and what differs from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:velero-acme-backups"
VALUES: dict[str, Any] = {
    "account_id": ACCOUNT,
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
    "role_arns": [f"arn:aws:iam::{ACCOUNT}:role/velero"],
}
PROFILE = StorageProfile.parse(VALUES)
#: The key is another account's.
ELSEWHERE = replace(PROFILE, kms_key_arn=KEY.replace(ACCOUNT, "444455556666"))
#: Neither a key nor a role is known.
PLAIN = replace(PROFILE, encryption_mode="sse-s3", kms_key_arn=None, role_arns=())
#: In the account and Region of moto.
IN_MOTO = StorageProfile.parse(
    {
        "account_id": "123456789012",
        "region": "us-east-1",
        "bucket": "acme-backups",
        "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "role_arns": ["arn:aws:iam::123456789012:role/velero"],
    }
)

DEFAULTS = Path(__file__).resolve().parents[2] / "roles" / "velero" / "defaults" / "main.yml"
#: The least that a host says.
VARIABLES: dict[str, Any] = {
    **yaml.safe_load(DEFAULTS.read_text()),
    "velero_region": "eu-central-1",
    "velero_bucket": "acme-backups",
}
