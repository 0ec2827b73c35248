# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of S3 Inventory: whether it is of use, and what a row says of its object."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.inventory import (
    Manifest,
    ReportFiles,
    directory_of,
    object_version,
    refuse_age,
)
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
    "files": [{"key": "data/0.csv.gz", "MD5checksum": "0"}, {"key": "data/1.csv.gz", "MD5checksum": "1"}],
}


def parse(versions: bool = False, **changes: Any) -> Manifest:
    return Manifest.parse(json.dumps({**MANIFEST, **changes}).encode(), "m", replace(OPTIONS, versions=versions))


def test_manifest() -> None:
    found = parse()
    assert (found.destination_bucket, found.created) == ("acme-inventory", "2026-09-21T14:13:20Z")
    assert found.files == (("data/0.csv.gz", "0"), ("data/1.csv.gz", "1"))
    assert [field for field in ("Key", "VersionId") if found.has(field)] == ["Key"]
    schema = "message s3 { required binary key (STRING); optional binary encryption_status; binary bucket_key_status; }"
    assert [field for field in ("Key", "Size") if parse(fileFormat="Parquet", fileSchema=schema).has(field)] == ["Key"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fileFormat": "ORC"}, "has the format ORC. Choose CSV or Parquet in its configuration."),
        ({"fileSchema": "Bucket, Key"}, "lacks the field EncryptionStatus. Add it to the optional fields of the"),
        ({"fileSchema": "Key, EncryptionStatus"}, "lacks the field BucketKeyStatus. Add it to the optional fields"),
        ({"creationTimestamp": "today"}, "is no manifest of S3 Inventory. Name the manifest.json of a report."),
        ({"creationTimestamp": "9" * 30}, "is no manifest of S3 Inventory. Name the manifest.json of a report."),
        (
            {"files": [{"key": "a"}]},
            "has no MD5checksum of the file a, so that nobody can tell whether it is that of S3.",
        ),
        ({"files": [{"key": "a", "MD5checksum": "0"}] * 2}, "names the file a twice. Fetch the report again."),
        (
            {"versions": True},
            "has current versions only (no VersionId). Choose all versions in the configuration of the report, or set",
        ),
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
    assert found == ObjectVersion("p/a", "v", False, 7, "2026-01-01T00:00Z", reported=reported, probe=False)
    assert object_version({"Key": "p/a", "EncryptionStatus": row[0]}, 100).probe


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (
            9,
            "more than 8 days old (inventory.max_age_in_days). "
            "Name a newer report: what was written since is not in it.",
        ),
        (-2, "which is still to come. Name the manifest.json as S3 wrote it, and see to the clock."),
        (7, None),
    ],
)
def test_age_of_a_report(days: int, message: str | None) -> None:
    created = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if message is None:
        refuse_age(created, "m", 8)
    else:
        assert refusal(refuse_age, created, "m", 8) == f"inventory.manifest: m is of {created[:10]}, {message}"


@pytest.mark.parametrize("key", ["../secret", "../../secret", "/etc/hostname", "data/../../secret"])
def test_file_outside_of_the_directory_of_the_manifest(tmp_path: Path, key: str) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "secret").write_text("x")
    files = ReportFiles(cast("Any", None), str(tmp_path / "report" / "manifest.json"))
    said = refusal(files.open, parse(), key, "0")
    assert said == (
        f"inventory.manifest: {key} is not there. "
        "Copy the data files of the report beside its manifest, or into a folder data."
    )


@pytest.mark.parametrize(
    ("key", "directory"), [("p/backups/b/x", "p/backups/"), ("p/x", "p/x"), ("p2/backups/x", ""), ("p", "")]
)
def test_directory_of_a_key(key: str, directory: str) -> None:
    assert directory_of(key, "p/") == directory
