# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which condition keys are known of the requests of the collection and of Velero."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.model import Principal, Request
from ansible_collections.coffer.velero.plugins.module_utils._access.requests import direct, key_request, object_request

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
SSE = "s3:x-amz-server-side-encryption"
DIRECT = direct(Principal(ROLE), "kms:PutKeyPolicy", KEY)
USE = key_request(ROLE, "kms:Decrypt", KEY, via="s3.eu-central-1.amazonaws.com", context_arn="arn:aws:s3:::bucket")
KOPIA = object_request(ROLE, "s3:PutObject", "arn:aws:s3:::bucket/x", {})
VELERO = object_request(ROLE, "s3:PutObject", "arn:aws:s3:::bucket/x", {SSE: "AES256"})


@pytest.mark.parametrize(
    ("request_", "key", "known", "values"),
    [
        (DIRECT, "aws:SecureTransport", True, ["true"]),
        (DIRECT, "kms:ViaService", True, []),
        (DIRECT, "aws:SourceVpce", False, []),
        (DIRECT, "aws:ResourceAccount", True, [ACCOUNT]),
        (USE, "kms:ViaService", True, ["s3.eu-central-1.amazonaws.com"]),
        (USE, "kms:EncryptionContext:aws:s3:arn", True, ["arn:aws:s3:::bucket"]),
        (USE, "kms:CallerAccount", True, [ACCOUNT]),
        (KOPIA, SSE, True, []),
        (VELERO, SSE, True, ["AES256"]),
        (VELERO, f"{SSE}-aws-kms-key-id", True, []),
        (object_request(ROLE, "s3:PutObject", "arn:aws:s3:::bucket/x"), SSE, False, []),
        (object_request(None, "s3:PutObject", "arn:aws:s3:::bucket/x"), "aws:PrincipalArn", False, []),
    ],
)
def test_condition_key(request_: Request, key: str, known: bool, values: list[str]) -> None:
    assert request_.values(key) == (known, tuple(values))
