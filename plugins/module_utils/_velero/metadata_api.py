# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request that reads velero-backup.json. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import binascii
import typing as t

from .._aws import Aws
from .._errors import ServiceError, ValidationError
from .metadata import Object, metadata_key, parse

_MAX_BYTES = 4 * 1024 * 1024


def read_metadata(
    aws: Aws, bucket: str, prefix: str, backup: Object, customer_key: str | None
) -> tuple[str, Object | None]:
    """Its key and its content, ``None`` where it is not there.

    :raises ServiceError: where it cannot be read
    """
    name = (backup.get("metadata") or {}).get("name")
    if not name:
        raise ValidationError("backup", "it", "is no Backup", "Give what coffer.velero.backup returned as backup.")
    key = metadata_key(prefix, str(name))
    arguments: dict[str, t.Any] = {"Bucket": bucket, "Key": key}
    if customer_key:
        arguments.update(SSECustomerAlgorithm="AES256", SSECustomerKey=_raw(customer_key))
    try:
        answer = aws.call_or_none("s3:GetObject", "NoSuchKey", **arguments)
    except ServiceError as error:
        if error.code in ("InvalidRequest", "400"):
            error.add_hint("Was it written with a customer-provided key? Then give it in customer_key.")
        raise
    return key, None if answer is None else parse(answer["Body"].read(_MAX_BYTES), key)


def _raw(text: str) -> bytes:
    """botocore encodes the key and adds its digest by itself."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        remediation = "Encode the raw key: base64 < sse-c.key."
        raise ValidationError("customer_key", "it", "is not 32 bytes in base64", remediation)
    return key
