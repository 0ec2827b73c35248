# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of S3 Inventory: whether it is of use, and what a row says of its object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.inventory import Manifest, object_version
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    ObjectVersion,
    Observation,
    ScanOptions,
)
from tests.support.refusal import refusal

OPTIONS = ScanOptions(bucket="acme-backups", owner="", prefix="p/", mode="sse-kms", bucket_key_enabled=True)
MANIFEST: dict[str, Any] = {
    "sourceBucket": "acme-backups",
    "destinationBucket": "arn:aws:s3:::acme-inventory",
    "creationTimestamp": "1790000000000",
    "fileFormat": "CSV",
    "fileSchema": "Bucket, Key, EncryptionStatus, BucketKeyStatus",
    "files": [{"key": "data/0.csv.gz", "MD5checksum": "0"}, {"key": "data/1.csv.gz"}],
}


def parse(**changes: Any) -> Manifest:
    return Manifest.parse(json.dumps({**MANIFEST, **changes}).encode(), "m", OPTIONS)


def test_manifest() -> None:
    found = parse()
    assert (found.destination_bucket, found.created) == ("acme-inventory", "2026-09-21T14:13:20Z")
    assert found.files == (("data/0.csv.gz", "0"), ("data/1.csv.gz", ""))
    assert [field for field in ("Key", "VersionId") if found.has(field)] == ["Key"]
    schema = "message s3 { required binary key (STRING); optional binary encryption_status; binary bucket_key_status; }"
    assert [field for field in ("Key", "Size") if parse(fileFormat="Parquet", fileSchema=schema).has(field)] == ["Key"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fileFormat": "ORC"}, "has the format ORC. Choose CSV or Parquet in its configuration."),
        ({"fileSchema": "Bucket, Key"}, "lacks the field EncryptionStatus. Add it to the optional fields of the"),
        ({"fileSchema": "Key, EncryptionStatus"}, "lacks the field BucketKeyStatus. Add it to the optional fields"),
        ({"creationTimestamp": "today"}, "is no manifest of S3 Inventory (ValueError("),
    ],
)
def test_reports_that_are_of_no_use(changes: dict[str, Any], message: str) -> None:
    assert refusal(parse, **changes).startswith(f"inventory.manifest: m {message}")


@pytest.mark.parametrize(
    ("row", "reported"),
    [
        (("SSE-KMS", "ENABLED"), Observation("from_inventory", "aws:kms", None, True)),
        (("SSE-S3", "DISABLED"), Observation("from_inventory", "AES256")),
        (("NOT-SSE", ""), Observation("from_inventory", "none")),
        (("SSE-C", ""), Observation("from_inventory", "SSE-C")),
        (("", ""), Observation("failed", detail="the report says ''")),
    ],
)
def test_row(row: tuple[str, str], reported: Observation) -> None:
    values = {"Key": "p/a", "IsLatest": "false", "VersionId": "v", "Size": "7", "LastModifiedDate": "2026-01-01T00:00"}
    found = object_version({**values, "EncryptionStatus": row[0], "BucketKeyStatus": row[1]}, 0)
    assert found == ObjectVersion("p/a", "v", False, 7, "2026-01-01T00:00Z", reported, False)
    assert object_version({"Key": "p/a", "EncryptionStatus": row[0]}, 100).probe
