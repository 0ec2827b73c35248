# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that a report of S3 Inventory tells of. PRIVATE to coffer.velero.

A report tells the algorithm and whether there is a Bucket Key, of the time when it was made. It does not tell the key:
an object under a key that the report does not contradict is unproven, and a sample of them is asked for.
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
import tempfile
import typing as t
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote_plus

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import SSE_C, Entry, Seen, Wanted
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Done, Listed, Unit

OPTION = "inventory.manifest"
#: Rows of a unit, and units under way together with those that wait for an earlier one: what bounds the memory.
ROWS = 250
MOST_UNITS = 256
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
    """The part of a manifest.json that counts."""

    source_bucket: str
    destination_bucket: str
    form: str
    fields: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    created: str

    @classmethod
    def parse(cls, text: bytes, name: str, wanted: Wanted) -> Manifest:
        """The manifest, where it is of use.

        :raises ValidationError: where it is not
        """
        try:
            values = json.loads(text)
            files = tuple((file["key"], file.get("MD5checksum", "")) for file in values["files"])
            created = dt.datetime.fromtimestamp(int(values["creationTimestamp"]) / 1000, dt.UTC)
            schema = values["fileSchema"]
            manifest = cls(
                values["sourceBucket"],
                values["destinationBucket"].rpartition(":")[2],
                values["fileFormat"],
                tuple(field.strip() for field in schema.split(",")) if values["fileFormat"] == "CSV" else (schema,),
                files,
                created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remediation = "Name the manifest.json of a report."
            raise ValidationError(OPTION, name, f"is no manifest of S3 Inventory ({error!r})", remediation) from error
        manifest._refuse(name, wanted)
        return manifest

    def _refuse(self, name: str, wanted: Wanted) -> None:
        if self.source_bucket != wanted.bucket:
            reason = f"is of bucket {self.source_bucket}, not of {wanted.bucket}"
            raise ValidationError(OPTION, name, reason, "Name a report of the profile's bucket.")
        if self.form not in ("CSV", "Parquet"):
            raise ValidationError(
                OPTION, name, f"has the format {self.form}", "Choose CSV or Parquet in its configuration."
            )
        needed = ["Key", "EncryptionStatus", *(["BucketKeyStatus"] if wanted.bucket_key_enabled else [])]
        for field in needed:
            if not self.has(field):
                raise ValidationError(
                    OPTION, name, f"lacks the field {field}", "Add it to the optional fields of the report."
                )

    def has(self, field: str) -> bool:
        """Whether the report has a field; Parquet's schema is a text that holds the names."""
        if self.form == "CSV":
            return field in self.fields
        return f" {_FIELDS[field]} " in self.fields[0].replace("(", " ").replace(";", " ").replace("}", " ")


class Store:
    """The files of a report, in S3 or in a directory."""

    def __init__(self, aws: Aws, manifest: str) -> None:
        self._aws = aws
        self._manifest = manifest
        self._in_s3 = manifest.startswith("s3://")

    def manifest(self) -> bytes:
        if self._in_s3:
            bucket, dummy, key = self._manifest.removeprefix("s3://").partition("/")
            return t.cast("bytes", self._get(bucket, key).read())
        try:
            return Path(self._manifest).expanduser().read_bytes()
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
            raise ValidationError(
                OPTION, self._manifest, reason, "Name a manifest.json, or s3://BUCKET/KEY."
            ) from error

    def file(self, manifest: Manifest, key: str, checksum: str) -> t.BinaryIO:
        """A copy of a file that one can read from anywhere; it is checked to be whole."""
        source = self._get(manifest.destination_bucket, key) if self._in_s3 else self._local(key)
        copy = t.cast("t.BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        digest = hashlib.md5(usedforsecurity=False)
        while data := source.read(_CHUNK):
            digest.update(data)
            copy.write(data)
        source.close()
        if checksum and digest.hexdigest() != checksum.lower():
            copy.close()
            raise ValidationError(
                OPTION, key, "is not the file of the manifest (its MD5 differs)", "Fetch the report anew."
            )
        copy.seek(0)
        return copy

    def _get(self, bucket: str, key: str) -> t.Any:
        return self._aws.call("s3:GetObject", Bucket=bucket, Key=key)["Body"]

    def _local(self, key: str) -> t.BinaryIO:
        """The file beside the manifest, in a folder ``data`` beside it or beside its own, or with its whole path."""
        directory = Path(self._manifest).expanduser().parent
        name = Path(key).name
        for path in (directory / key, directory / name, directory / "data" / name, directory.parent / "data" / name):
            if path.is_file():
                return path.open("rb")
        remediation = "Copy the data files of the report beside its manifest, or into a folder data."
        raise ValidationError(OPTION, key, "is not there", remediation)


def rows_of(file: t.BinaryIO, manifest: Manifest) -> Iterator[Row]:
    """The rows of one file, with the names that fields have in CSV."""
    if manifest.form == "CSV":
        with gzip.GzipFile(fileobj=file) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
            for values in csv.reader(text):
                row: dict[str, t.Any] = dict(zip(manifest.fields, values, strict=False))
                row["Key"] = unquote_plus(row["Key"])
                yield row
        return
    try:
        parquet: t.Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        remediation = "Install pyarrow, or choose CSV in the configuration of the report."
        raise ValidationError(
            OPTION, "Parquet", "cannot be read without the Python package pyarrow", remediation
        ) from error
    table = parquet.ParquetFile(file)
    present = {name: column for name, column in _FIELDS.items() if column in table.schema_arrow.names}
    for batch in table.iter_batches(batch_size=1000, columns=list(present.values())):
        for values in batch.to_pylist():
            yield {name: values[column] for name, column in present.items()}


def entry_of(row: Row, percent: float) -> Entry:
    """The object of a row, with what the report says of it."""
    status = str(row["EncryptionStatus"] or "")
    algorithm = _ALGORITHMS.get(status)
    told = Seen("failed", detail=f"the report says {status!r}")
    if algorithm:
        told = Seen("told", algorithm, None, row.get("BucketKeyStatus") == "ENABLED")
    version = row.get("VersionId") or None
    modified = row.get("LastModifiedDate") or ""
    if isinstance(modified, dt.datetime):
        modified = modified.strftime("%Y-%m-%dT%H:%M:%S")
    chosen = zlib.crc32(f"{row['Key']}\0{version}".encode()) < percent / 100 * 2**32
    latest = _true(row.get("IsLatest", True))
    return Entry(str(row["Key"]), version, latest, int(row.get("Size") or 0), f"{modified[:19]}Z", told, chosen)


def _true(value: t.Any) -> bool:
    return str(value).lower() == "true"


class InventorySource:
    """The objects of a report, for a scan."""

    def __init__(self, store: Store, name: str, percent: float, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._percent = percent
        self._name = name
        self._manifest = Manifest.parse(store.manifest(), name, wanted)
        self._file = 0
        self._counted = 0
        self._skip = 0
        self._numbers = 0
        self._exhausted = False
        self._rows: Iterator[Row] | None = None
        self._pending: dict[int, Done | None] = {}
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
    def left(self) -> str:
        return f"file {self._file} of {len(self._manifest.files)} of the report"

    def next_unit(self) -> Unit | None:
        """The next rows to look at."""
        if len(self._pending) >= MOST_UNITS:
            return None
        if self._rows is None:
            self._rows = itertools.islice(self._read(), self._skip, None)
        rows = list(itertools.islice(self._rows, ROWS))
        if not rows:
            self._exhausted = True
            return None
        self._numbers += 1
        wanted = [row for row in rows if self._is_wanted(row)]
        markers = sum(_true(row.get("IsDeleteMarker")) for row in wanted)
        entries = [entry_of(row, self._percent) for row in wanted if not _true(row.get("IsDeleteMarker"))]
        self._pending[self._numbers], self._sizes[self._numbers] = None, len(rows)
        return Unit(self._numbers, None, tuple(entries), markers)

    def _is_wanted(self, row: Row) -> bool:
        versions = self._wanted.versions or _true(row.get("IsLatest", True))
        return versions and str(row["Key"]).startswith(self._wanted.prefix)

    def _read(self) -> Iterator[Row]:
        for number, (key, checksum) in enumerate(self._manifest.files, 1):
            self._file = number
            with self._store.file(self._manifest, key, checksum) as file:
                yield from rows_of(file, self._manifest)

    def listed(self, event: Listed) -> None:
        """Nothing is listed here."""

    def done(self, done: Done) -> list[Done]:
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
        return {"rows": self._skip + self._counted}

    def restore(self, state: Mapping[str, t.Any]) -> None:
        self._skip = int(state["rows"])
