# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects in a report of S3 Inventory. PRIVATE to coffer.velero.

A report contains the algorithm and whether there is a Bucket Key, as of the time when it was made. It does not contain
the key: an object under a key is not evaluated by the report alone, and a sample of the objects gets a HEAD.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import importlib
import io
import itertools
import json
import re
import tempfile
import typing as t
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote_plus

from .._aws import Aws
from .._errors import ValidationError
from . import model
from .batch import Batch, BatchDone, PageListed
from .model import SSE_C

OPTION = "inventory.manifest"
#: Rows of a batch, and batches in progress together with those that wait for an earlier one: what bounds the memory.
ROWS = 250
MAX_BATCHES = 256
_CHUNK = 2**20

#: What the fields of a report are called in CSV, in Parquet.
_FIELDS = {
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "EncryptionStatus": "encryption_status",
    "BucketKeyStatus": "bucket_key_status",
}
_ALGORITHMS = {"SSE-S3": "AES256", "SSE-KMS": "aws:kms", "DSSE-KMS": "aws:kms:dsse", "SSE-C": SSE_C, "NOT-SSE": "none"}

Row = Mapping[str, t.Any]


class Manifest(t.NamedTuple):
    """The part of a manifest.json that is needed."""

    source_bucket: str
    destination_bucket: str
    file_format: str
    schema: str
    files: tuple[tuple[str, str], ...]
    created: str

    @classmethod
    def parse(cls, text: bytes, name: str, options: model.ScanOptions) -> Manifest:
        """The manifest, where it fits the options.

        :raises ValidationError: where it does not
        """
        try:
            values = json.loads(text)
            created = dt.datetime.fromtimestamp(int(values["creationTimestamp"]) / 1000, dt.UTC)
            manifest = cls(
                values["sourceBucket"],
                values["destinationBucket"].rpartition(":")[2],
                values["fileFormat"],
                str(values["fileSchema"]),
                tuple((file["key"], file.get("MD5checksum", "")) for file in values["files"]),
                created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
            remediation = "Name the manifest.json of a report."
            raise ValidationError(OPTION, name, "is no manifest of S3 Inventory", remediation) from error
        manifest._validate(name, options)
        return manifest

    def _validate(self, name: str, options: model.ScanOptions) -> None:
        if self.source_bucket != options.bucket:
            reason = f"is of bucket {self.source_bucket}, not of {options.bucket}"
            raise ValidationError(OPTION, name, reason, "Name a report of the profile's bucket.")
        if self.file_format not in ("CSV", "Parquet"):
            reason = f"has the format {self.file_format}"
            raise ValidationError(OPTION, name, reason, "Choose CSV or Parquet in its configuration.")
        names = [key for key, _checksum in self.files]
        if twice := next((key for key in names if names.count(key) > 1), None):
            raise ValidationError(OPTION, name, f"names the file {twice} twice", "Fetch the report again.")
        if unverified := next((key for key, checksum in self.files if not checksum), None):
            reason = f"has no MD5checksum of the file {unverified}, so that nobody can tell whether it is that of S3"
            raise ValidationError(OPTION, name, reason, "Name the manifest.json as S3 wrote it.")
        if options.versions and not self.has("VersionId"):
            reason = "has current versions only (no VersionId)"
            remediation = "Choose all versions in the configuration of the report, or set versions=false."
            raise ValidationError(OPTION, name, reason, remediation)
        for field in ("Key", "EncryptionStatus", *(["BucketKeyStatus"] if options.bucket_key_enabled else [])):
            if not self.has(field):
                remediation = "Add it to the optional fields of the report."
                raise ValidationError(OPTION, name, f"lacks the field {field}", remediation)

    @property
    def csv_fields(self) -> list[str]:
        return [field.strip() for field in self.schema.split(",")]

    def has(self, field: str) -> bool:
        """Whether the report has a field; Parquet's schema is a text that holds the names."""
        if self.file_format == "CSV":
            return field in self.csv_fields
        return _FIELDS[field] in re.split(r"[\s(){};]+", self.schema)


def refuse_age(created: str, name: str, max_age_in_days: int) -> None:
    """Refuse a report that says too little of today.

    :raises ValidationError: where it is too old, or of a time to come
    """
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(created)
    if age > dt.timedelta(days=max_age_in_days):
        reason = f"is of {created[:10]}, more than {max_age_in_days} days old (inventory.max_age_in_days)"
        raise ValidationError(OPTION, name, reason, "Name a newer report: what was written since is not in it.")
    if age < -dt.timedelta(days=1):
        reason = f"is of {created[:10]}, which is still to come"
        raise ValidationError(OPTION, name, reason, "Name the manifest.json as S3 wrote it, and see to the clock.")


class ReportFiles:
    """The files of a report, in S3 or in a directory."""

    def __init__(self, aws: Aws, manifest: str) -> None:
        self._aws = aws
        self._manifest = manifest
        self._in_s3 = manifest.startswith("s3://")

    def manifest(self) -> bytes:
        if self._in_s3:
            bucket, _slash, key = self._manifest.removeprefix("s3://").partition("/")
            return t.cast("bytes", self._get(bucket, key).read())
        try:
            return Path(self._manifest).expanduser().read_bytes()
        except OSError as error:
            reason, remediation = f"cannot be read ({error.strerror})", "Name a manifest.json, or s3://BUCKET/KEY."
            raise ValidationError(OPTION, self._manifest, reason, remediation) from error

    def open(self, manifest: Manifest, key: str, checksum: str) -> t.BinaryIO:
        """A seekable copy of a data file, whose checksum was verified."""
        source = self._get(manifest.destination_bucket, key) if self._in_s3 else self._local(key)
        copy = t.cast("t.BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        digest = hashlib.md5(usedforsecurity=False)
        while data := source.read(_CHUNK):
            digest.update(data)
            copy.write(data)
        source.close()
        if checksum and digest.hexdigest() != checksum.lower():
            copy.close()
            reason = "is not the file of the manifest (its MD5 differs)"
            raise ValidationError(OPTION, key, reason, "Fetch the report again.")
        copy.seek(0)
        return copy

    def _get(self, bucket: str, key: str) -> t.Any:
        return self._aws.call("s3:GetObject", Bucket=bucket, Key=key)["Body"]

    def _local(self, key: str) -> t.BinaryIO:
        """The file beside the manifest, in a folder ``data`` beside it or beside its own, or with its whole path."""
        directory = Path(self._manifest).expanduser().parent
        name = Path(key).name
        whole = directory / key
        below = [whole] if whole.resolve().is_relative_to(directory.resolve()) else []
        for path in (*below, directory / name, directory / "data" / name, directory.parent / "data" / name):
            if path.is_file():
                return path.open("rb")
        remediation = "Copy the data files of the report beside its manifest, or into a folder data."
        raise ValidationError(OPTION, key, "is not there", remediation)


def rows_of(file: t.BinaryIO, manifest: Manifest) -> Iterator[Row]:
    """The rows of one file, with the names that fields have in CSV."""
    if manifest.file_format == "CSV":
        fields = manifest.csv_fields
        with gzip.GzipFile(fileobj=file) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
            for values in csv.reader(text):
                row: dict[str, t.Any] = dict(zip(fields, values, strict=False))
                row["Key"] = unquote_plus(row["Key"])
                yield row
        return
    try:
        parquet: t.Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        reason = "cannot be read without the Python package pyarrow"
        remediation = "Install pyarrow, or choose CSV in the configuration of the report."
        raise ValidationError(OPTION, "Parquet", reason, remediation) from error
    table = parquet.ParquetFile(file)
    present = {name: column for name, column in _FIELDS.items() if column in table.schema_arrow.names}
    for batch in table.iter_batches(batch_size=1000, columns=list(present.values())):
        for values in batch.to_pylist():
            yield {name: values[column] for name, column in present.items()}


def object_version(row: Row, percent: float) -> model.ObjectVersion:
    """The object of a row, with its encryption as reported; ``percent`` of all objects get a HEAD."""
    status = str(row["EncryptionStatus"] or "")
    algorithm = _ALGORITHMS.get(status)
    reported = model.Observation("failed", detail=f"the report says {status!r}")
    if algorithm:
        reported = model.Observation("from_inventory", algorithm, None, row.get("BucketKeyStatus") == "ENABLED")
    version = row.get("VersionId") or None
    modified = row.get("LastModifiedDate") or ""
    if isinstance(modified, dt.datetime):
        modified = modified.strftime("%Y-%m-%dT%H:%M:%S")
    probe = zlib.crc32(f"{row['Key']}\0{version}".encode()) < percent / 100 * 2**32
    size = int(row.get("Size") or 0)
    return model.ObjectVersion(
        str(row["Key"]), version, _is_latest(row), size, f"{modified[:19]}Z", reported=reported, probe=probe
    )


def directory_of(key: str, prefix: str) -> str:
    """The directory right under the prefix that a key is in; empty for another key."""
    if not key.startswith(prefix):
        return ""
    first, slash, _rest = key[len(prefix) :].partition("/")
    return f"{prefix}{first}{slash}"


def _is_latest(row: Row) -> bool:
    return _true(row.get("IsLatest", True))


def _true(value: t.Any) -> bool:
    return str(value).lower() == "true"


class InventorySource:
    """The objects of a report, for a scan; its interface is that of ``PrefixLister``."""

    def __init__(
        self, files: ReportFiles, name: str, percent: float, options: model.ScanOptions, max_age_in_days: int
    ) -> None:
        self._files = files
        self._options = options
        self._percent = percent
        self._name = name
        self._manifest = Manifest.parse(files.manifest(), name, options)
        refuse_age(self._manifest.created, name, max_age_in_days)
        self.directories: set[str] = set()
        self._file_number = 0
        self._counted = 0  # rows that count, those of earlier runs too
        self._numbers = 0
        self._exhausted = False
        self._rows: Iterator[Row] | None = None
        self._pending: dict[int, BatchDone | None] = {}
        self._sizes: dict[int, int] = {}

    @property
    def identity(self) -> str:
        return f"inventory {self._name} {self._manifest.created} {self._percent}"

    @property
    def finished(self) -> bool:
        return self._exhausted and not self._pending

    @property
    def description(self) -> dict[str, t.Any]:
        return {
            "kind": "inventory",
            "manifest": self._name,
            "created": self._manifest.created,
            "sample_percent": self._percent,
            "versions": self._manifest.has("VersionId"),
        }

    @property
    def remaining(self) -> str:
        return f"file {self._file_number} of {len(self._manifest.files)} of the report"

    def next_batch(self) -> Batch | None:
        """The next rows."""
        if len(self._pending) >= MAX_BATCHES:
            return None
        if self._rows is None:
            self._rows = itertools.islice(self._read(), self._counted, None)
        rows = list(itertools.islice(self._rows, ROWS))
        self.directories.update(directory_of(str(row["Key"]), self._options.prefix) for row in rows)
        if not rows:
            self._exhausted = True
            return None
        self._numbers += 1
        under_prefix = [row for row in rows if str(row["Key"]).startswith(self._options.prefix)]
        selected = [row for row in under_prefix if self._options.versions or _is_latest(row)]
        markers = sum(_true(row.get("IsDeleteMarker")) for row in selected)
        objects = [object_version(row, self._percent) for row in selected if not _true(row.get("IsDeleteMarker"))]
        self._pending[self._numbers], self._sizes[self._numbers] = None, len(rows)
        return Batch(self._numbers, None, tuple(objects), markers)

    def _read(self) -> Iterator[Row]:
        for number, (key, checksum) in enumerate(self._manifest.files, 1):
            self._file_number = number
            with self._files.open(self._manifest, key, checksum) as file:
                try:
                    for row in rows_of(file, self._manifest):
                        object_version(row, 0)  # what cannot be read is found here, with the name of the file
                        yield row
                except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, csv.Error) as error:
                    reason = "cannot be read as a data file of the report: it is cut, damaged or of another format"
                    raise ValidationError(OPTION, key, reason, "Fetch the report again.") from error

    def page_listed(self, event: PageListed) -> None:
        """Nothing is listed here."""

    def batch_done(self, done: BatchDone) -> list[BatchDone]:
        self._pending[done.number] = done
        counting = []
        for number, outcome in list(self._pending.items()):
            if outcome is None:
                break
            del self._pending[number]
            self._counted += self._sizes.pop(number)
            counting.append(outcome)
        return counting

    def state(self) -> dict[str, t.Any]:
        return {"rows": self._counted, "directories": sorted(self.directories)}

    def restore(self, state: Mapping[str, t.Any]) -> None:
        self._counted = int(state["rows"])
        self.directories = set(state["directories"])
