# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""object_encryption_info with reports of S3 Inventory, which no emulator makes: they are written here."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import importlib.util
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.benchmarks.s3_stub import KEY, objects
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, Result, run_in_controller
from tests.support.s3_stub import S3Stub

#: Only tests fork beside threads, those of their servers; a module and Ansible's worker have none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

MODULE = "object_encryption_info"
COUNT = 3000
NOW = dt.datetime.now(dt.UTC)
FIELDS = (
    "Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "EncryptionStatus",
    "BucketKeyStatus",
)  # fmt: skip
BUCKET = "acme-backups"
PROFILE = {
    "account_id": "123456789012",
    "region": "us-east-1",
    "bucket": BUCKET,
    "prefix": "production",
    "kms_key_arn": KEY,
}
#: What a report has of the stub's kinds, those too that cannot be read.
STATUS = {
    "good": ("SSE-KMS", "ENABLED"),
    "plain": ("SSE-S3", "DISABLED"),
    "none": ("NOT-SSE", "DISABLED"),
    "other-key": ("SSE-KMS", "ENABLED"),
    "no-bucket-key": ("SSE-KMS", "DISABLED"),
    "dsse": ("DSSE-KMS", "DISABLED"),
    "denied": ("SSE-KMS", "ENABLED"),
    "sse-c": ("SSE-C", "DISABLED"),
    "deleted": ("SSE-KMS", "ENABLED"),
    "marker": ("SSE-KMS", "ENABLED"),
    "broken": ("", ""),
}
WRONG = {"plain", "none", "no-bucket-key", "dsse", "sse-c"}
Row = tuple[str, ...]


def rows() -> list[Row]:
    made = [
        (BUCKET, key, "null", "true", "false", "42", "2026-01-01T00:00:00.000Z", *STATUS[kind])
        for key, kind in objects(COUNT, spread=True)
    ]
    marker = (BUCKET, "production/backups/x", "v2", "true", "true", "", "2026-01-01T00:00:00.000Z", "", "")
    return [*made, marker, (BUCKET, "production2/foreign", "v", "true", "false", "1", "", "NOT-SSE", "")]


def manifest(form: str, contents: dict[str, bytes], **more: Any) -> bytes:
    schema = ", ".join(FIELDS)
    if form == "Parquet":
        schema = (
            "message s3.inventory { required binary bucket (STRING); required binary key (STRING); "
            "optional binary version_id (STRING); "
            "optional binary encryption_status (STRING); optional binary bucket_key_status (STRING);}"
        )
    values: dict[str, Any] = {
        "sourceBucket": BUCKET,
        "destinationBucket": "arn:aws:s3:::acme-inventory",
        "version": "2016-11-30",
        "creationTimestamp": str(int(NOW.timestamp() * 1000)),
        "fileFormat": form,
        "fileSchema": schema,
        "files": [
            {"key": f"acme-backups/all/data/{name}", "MD5checksum": hashlib.md5(data).hexdigest()}
            for name, data in contents.items()
        ],
    }
    return json.dumps(values | more).encode()


def csv_files() -> dict[str, bytes]:
    files = {}
    whole = rows()
    for number, start in enumerate(range(0, len(whole), 1700)):
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerows([row[0], quote_plus(row[1]), *row[2:]] for row in whole[start : start + 1700])
        files[f"{number}.csv.gz"] = gzip.compress(text.getvalue().encode())
    return files


def write(directory: Path, form: str, contents: dict[str, bytes], **more: Any) -> str:
    (directory / "data").mkdir()
    for name, data in contents.items():
        (directory / "data" / name).write_bytes(data)
    path = directory / "manifest.json"
    path.write_bytes(manifest(form, contents, **more))
    return str(path)


@pytest.fixture(scope="module")
def stub() -> Iterator[S3Stub]:
    with S3Stub(COUNT, spread=True) as server:
        yield server


@pytest.fixture
def there(stub: S3Stub, monkeypatch: pytest.MonkeyPatch) -> S3Stub:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    return stub


def scan(**arguments: Any) -> Result:
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, **arguments}, check=False)
    assert not result.get("failed"), result["msg"]
    return result


@pytest.mark.parametrize("engine", ["auto", "boto3"])
def test_a_report_alone(there: S3Stub, tmp_path: Path, engine: str) -> None:
    path = write(tmp_path, "CSV", csv_files())
    listing = tmp_path / "objects.jsonl"
    result = scan(inventory={"manifest": path, "sample_percent": 0}, engine=engine, path=str(listing))
    kinds = Counter(kind for _key, kind in objects(COUNT, spread=True))
    wrong = sum(kinds[kind] for kind in WRONG)
    assert result["counts"] == {
        "total": COUNT,
        "compliant": 0,
        "non_compliant": wrong,
        "not_evaluated": COUNT - wrong,
        "deleted_during_scan": 0,
    }
    assert result["by_reason"]["encryption_unknown"] == kinds["broken"]
    assert result["by_reason"]["source_has_no_key"] == COUNT - wrong - kinds["broken"]
    assert result["status"] == "non_compliant"
    assert result["delete_markers"] == 1
    assert result["by_key"] == []
    assert result["source"] == {
        "kind": "inventory",
        "manifest": path,
        "created": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sample_percent": 0.0,
        "versions": True,
    }
    listed = {json.loads(line)["key"] for line in listing.read_text().splitlines()}
    assert listed == set(dict(objects(COUNT, spread=True)))


def test_a_sample_is_requested(there: S3Stub, tmp_path: Path) -> None:
    path = write(tmp_path, "CSV", csv_files())
    some = scan(inventory={"manifest": path, "sample_percent": 10})
    assert 200 < some["counts"]["compliant"] < 400
    assert some["by_key"]
    assert scan(inventory={"manifest": path, "sample_percent": 10})["counts"] == some["counts"]
    whole = scan(inventory={"manifest": path, "sample_percent": 100})
    listed = scan()
    for name in ("counts", "groups", "by_algorithm", "by_key"):
        assert whole[name] == listed[name]


def test_a_report_that_is_read_halfway_resumes(there: S3Stub, tmp_path: Path) -> None:
    files = csv_files()
    path = write(tmp_path, "CSV", files)
    last = tmp_path / "data" / list(files)[-1]
    last.rename(tmp_path / "hidden")
    arguments = {"inventory": {"manifest": path}, "path": str(tmp_path / "list.csv"), "checkpoint": str(tmp_path / "c")}
    first = run_in_controller(MODULE, {"storage_profile": PROFILE, **arguments}, check=False)
    assert "is not there" in first["msg"]
    (tmp_path / "hidden").rename(last)
    second = scan(**arguments)
    assert second["resumed"]
    assert second["counts"]["total"] == COUNT
    assert len((tmp_path / "list.csv").read_text().splitlines()) == COUNT + 1


def test_a_report_in_s3(run: ModuleRunner, aws: Aws) -> None:
    s3 = aws.client("s3")
    for bucket in ("acme-inventory", BUCKET):
        s3.create_bucket(Bucket=bucket)
    files = csv_files()
    for name, data in files.items():
        s3.put_object(Bucket="acme-inventory", Key=f"acme-backups/all/data/{name}", Body=data)
    s3.put_object(Bucket="acme-inventory", Key="acme-backups/all/now/manifest.json", Body=manifest("CSV", files))
    place = {"manifest": "s3://acme-inventory/acme-backups/all/now/manifest.json", "sample_percent": 0}
    aws.proxy.deny("s3", "ListObjectVersions")  # its reader need not be allowed to list
    result = run.ok(MODULE, storage_profile=PROFILE, inventory=place)
    assert result["counts"]["total"] == COUNT
    s3.put_object(Bucket=BUCKET, Key="production/plugins/x")
    later = run.ok(MODULE, storage_profile=PROFILE, inventory=place)
    assert (later["counts"]["total"], later["by_reason"]["not_in_report"]) == (COUNT + 1, 1)
    aws.proxy.deny("s3", "GetObject")
    assert run.refused(MODULE, storage_profile=PROFILE, inventory=place).startswith("s3:GetObject failed: AccessDenied")


@pytest.mark.skipif(not importlib.util.find_spec("pyarrow"), reason="pyarrow is not installed")
def test_parquet_returns_the_same(there: S3Stub, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds: dict[str, Any] = {"is_latest": lambda text: text == "true", "is_delete_marker": lambda text: text == "true"}
    kinds |= {"size": lambda text: int(text or 0)}
    names = [
        "bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date",
        "encryption_status", "bucket_key_status",
    ]  # fmt: skip
    columns = {name: [kinds.get(name, str)(row[index]) for row in rows()] for index, name in enumerate(names)}
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    for directory in ("csv", "parquet"):
        (tmp_path / directory).mkdir()
    texts = write(tmp_path / "csv", "CSV", csv_files())
    table = write(tmp_path / "parquet", "Parquet", {"0.parquet": buffer.getvalue()})
    one, other = (scan(inventory={"manifest": path, "sample_percent": 5}) for path in (texts, table))
    for name in ("counts", "groups", "by_algorithm", "by_key", "non_compliant_objects", "delete_markers"):
        assert one[name] == other[name]


def test_parquet_without_pyarrow_is_refused(there: S3Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    path = write(tmp_path, "Parquet", {"0.parquet": b"PAR1"})
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, "inventory": {"manifest": path}}, check=False)
    assert result["msg"] == (
        "inventory.manifest: Parquet cannot be read without the Python package pyarrow. "
        "Install pyarrow, or choose CSV in the configuration of the report."
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sourceBucket": "other"}, "is of bucket other, not of acme-backups. Name a report of the profile's bucket."),
        ({"files": 1}, "is no manifest of S3 Inventory. Name the manifest.json of a report."),
    ],
)
def test_reports_that_are_of_no_use(there: S3Stub, tmp_path: Path, more: dict[str, Any], message: str) -> None:
    path = write(tmp_path, "CSV", csv_files(), **more)
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, "inventory": {"manifest": path}}, check=False)
    assert result["msg"].startswith(f"inventory.manifest: {path} {message}")


def test_a_damaged_file_is_refused(there: S3Stub, tmp_path: Path) -> None:
    files = csv_files()
    path = write(tmp_path, "CSV", files)
    (tmp_path / "data" / "0.csv.gz").write_bytes(b"x")
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, "inventory": {"manifest": path}}, check=False)
    assert "is not the file of the manifest (its MD5 differs). Fetch the report again." in result["msg"]


@pytest.mark.parametrize(
    "data",
    [gzip.compress(b'"a","b"')[:-6], b"no gzip", gzip.compress(b"\xff\xfe"), gzip.compress(b'"acme-backups"\n')],
    ids=["cut", "another format", "another encoding", "a column"],
)
def test_file_that_cannot_be_read(there: S3Stub, tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, "CSV", {"0.csv.gz": data})
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, "inventory": {"manifest": path}}, check=False)
    assert result["msg"] == (
        "inventory.manifest: acme-backups/all/data/0.csv.gz cannot be read as a data file of the report: it is cut, "
        "damaged or of another format. Fetch the report again."
    )


@pytest.mark.parametrize(
    ("inventory", "message"),
    [
        ({"manifest": "missing.json"}, "inventory.manifest: missing.json cannot be read (No such file or directory)."),
        ({"manifest": "x", "sample_percent": 101}, "inventory.sample_percent: 101.0 is no percentage. Give 0 to 100."),
    ],
)
def test_refusals(there: S3Stub, inventory: dict[str, Any], message: str) -> None:
    result = run_in_controller(MODULE, {"storage_profile": PROFILE, "inventory": inventory}, check=False)
    assert result["msg"].startswith(message)
