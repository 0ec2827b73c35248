# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the encryption of every object under a prefix. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import typing as t
from collections.abc import Callable, Mapping
from pathlib import Path

from .._arn import Arn
from .._aws import Aws
from .._errors import CofferError, ServiceError, ValidationError
from .._profile import StorageProfile
from .._s3.lifecycle import what_takes_backups_away
from .acceptance import accepted_objects
from .batch import BatchFailed, PageListed
from .engine import MAX_THREADS, Scanner, select_engine
from .inventory import InventorySource, ReportFiles
from .model import ScanOptions
from .prefix_lister import PrefixLister
from .scan_output import ScanOutput

MAX_UPLOADS = 1000
KEY_BYTES = 32
MAX_CONNECTIONS = 1024

Params = Mapping[str, t.Any]


def scan_options(params: Params) -> ScanOptions:
    """The options of the task.

    :raises ValidationError: where they do not fit together
    """
    profile = StorageProfile.parse(params["storage_profile"])
    _validate_numbers(params)
    accepted = params["accepted_kms_key_arns"] or ()
    remediation = (
        "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: an alias may name another key by now."
    )
    for arn in accepted:
        _require(Arn.parse_key(arn) is not None, "accepted_kms_key_arns", arn, "is not the ARN of a key", remediation)
    if accepted:
        reason = f"has no meaning with encryption_mode {profile.encryption_mode}"
        _require(profile.encrypts_with_kms, "accepted_kms_key_arns", accepted[0], reason, "Leave it out.")
    return ScanOptions(
        bucket=profile.bucket,
        owner=profile.account_id,
        prefix=f"{profile.prefix}/" if profile.prefix else "",
        mode=profile.encryption_mode,
        key_arns=(profile.kms_key_arn, *accepted) if profile.kms_key_arn else (),
        bucket_key_enabled=profile.bucket_key_enabled and profile.encryption_mode == "sse-kms",
        versions=params["versions"],
        max_findings=params["max_findings"],
        customer_key=_customer_key(params),
        list_format=_list_format(params["path"]),
        **accepted_objects(params["accepted_before"], params["accepted_until"], ("accepted_before", "accepted_until")),
    )


def _validate_numbers(params: Params) -> None:
    inventory, rate = params["inventory"] or {}, params["max_requests_per_second"]
    concurrency, findings, percent = params["concurrency"], params["max_findings"], inventory.get("sample_percent", 0)
    remediation = f"Give 1 to {MAX_CONNECTIONS}."
    _require(1 <= concurrency <= MAX_CONNECTIONS, "concurrency", concurrency, "is no number of requests", remediation)
    remediation = "Give a number above 0, or leave it out."
    _require(rate is None or rate > 0, "max_requests_per_second", rate, "is no rate", remediation)
    _require(findings >= 0, "max_findings", findings, "is no number of objects", "Give 0 or more.")
    _require(0 <= percent <= 100, "inventory.sample_percent", percent, "is no percentage", "Give 0 to 100.")


def _require(is_valid: bool, option: str, value: t.Any, reason: str, remediation: str) -> None:
    if not is_valid:
        raise ValidationError(option, str(value), reason, remediation)


def _customer_key(params: Params) -> bytes | None:
    file, text = params["customer_key_file"], params["customer_key"]
    option = "customer_key_file" if file else "customer_key"
    if not (file or text):
        return None
    try:
        key = _beginning(file) if file else base64.b64decode(text, validate=True)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise ValidationError(option, file, reason, "Name a file with the 32 bytes.") from error
    except binascii.Error as error:
        raise ValidationError(option, "it", "is not base64", "Give the key as a Secret shows it.") from error
    size = f"more than {KEY_BYTES}" if file and len(key) > KEY_BYTES else len(key)
    reason = f"has {size} bytes, a key has {KEY_BYTES}"
    _require(len(key) == KEY_BYTES, option, "it", reason, "Give the key that Velero uses.")
    return key


def _beginning(file: str) -> bytes:
    """Enough of a file to know whether it is a key."""
    with open(file, "rb") as stream:
        return stream.read(KEY_BYTES + 1)


def _list_format(path: str | None) -> t.Literal["jsonl", "csv"] | None:
    if path is None:
        return None
    if path.endswith(".jsonl"):
        return "jsonl"
    if path.endswith(".csv"):
        return "csv"
    raise ValidationError("path", path, "has a suffix that stands for no format", "End it with .jsonl or .csv.")


def scan_objects(
    params: Params, progress: Callable[[str], None], tolerate_missing: Callable[[CofferError], None]
) -> dict[str, t.Any]:
    """Check every object; the result of the task.

    :param tolerate_missing: is called where there is no bucket; where it returns, there are no objects
    """
    options = scan_options(params)
    region = params["region"] or params["storage_profile"]["region"]
    settings = {**(params["aws_config"] or {}), "max_pool_connections": MAX_THREADS + 2}
    aws = Aws({**params, "region": region, "aws_config": settings})
    source = _source(aws, options, params["inventory"])
    path, checkpoint = (Path(params[name]) if params[name] else None for name in ("path", "checkpoint"))
    output = ScanOutput(options, source, path, checkpoint, (region, params["endpoint_url"]), progress)
    output.open()
    uploads: list[dict[str, t.Any]] = []
    notes: list[str] = []
    try:
        try:
            _scan(aws, options, params, output)
            if isinstance(source, InventorySource):
                notes += _missing_directories(aws, options, source, output)
            uploads, more = _incomplete_multipart_uploads(aws, options)
            notes += more + _lifecycle_notes(aws, StorageProfile.parse(params["storage_profile"]))
        except ServiceError as error:
            if error.code != "NoSuchBucket":
                raise
            tolerate_missing(error)
        output.finish()
    finally:
        output.close()
    return _result(options, output, params, {"incomplete_multipart_uploads": uploads, "notes": notes}, region)


def _result(
    options: ScanOptions, output: ScanOutput, params: Params, found: Mapping[str, t.Any], region: str
) -> dict[str, t.Any]:
    result, seconds = output.totals.result(), output.seconds
    return {
        **result,
        "bucket": options.bucket,
        "prefix": options.prefix,
        "source": output.source.description,
        "versions": options.versions,
        **found,
        "judged_by": {
            "encryption_mode": options.mode,
            "kms_key_arns": list(options.key_arns),
            "bucket_key_enabled": options.bucket_key_enabled,
            "customer_key_given": options.customer_key is not None,
            "account_id": options.owner,
            "region": region,
            "endpoint_url": params["endpoint_url"],
            "accepted_before": options.accepted_before or None,
            "accepted_until": options.accepted_until or None,
        },
        "started_at": _utc(output.started),
        "finished_at": _utc(dt.datetime.now(dt.UTC)),
        "seconds": round(seconds, 3),
        "objects_per_second": round(result["counts"]["total"] / seconds, 1),
        "resumed": output.resumed,
        "path": params["path"],
        "checkpoint": params["checkpoint"],
    }


def _source(aws: Aws, options: ScanOptions, inventory: Params | None) -> PrefixLister | InventorySource:
    if inventory is None:
        return PrefixLister(options.prefix)
    name = inventory["manifest"]
    percent, max_age = inventory["sample_percent"], inventory["max_age_in_days"]
    return InventorySource(ReportFiles(aws, name), name, percent, options, max_age)


def _scan(aws: Aws, options: ScanOptions, params: Params, output: ScanOutput) -> None:
    try:
        scanner = select_engine(aws, options, params)
        try:
            _run_batches(output.source, scanner, output)
        finally:
            scanner.close()
    except ServiceError as error:
        if error.action == "s3:ListObjectVersions" and error.status == 403:
            error.add_hint("Or set versions=false to check current objects only, which needs s3:ListBucket.")
        if output.checkpoint and output.checkpoint.exists():
            error.add_hint(f"Run again with checkpoint={output.checkpoint} to resume from there.")
        raise


def _run_batches(source: PrefixLister | InventorySource, scanner: Scanner, output: ScanOutput) -> None:
    """Keep a scanner busy until the source is finished; what counts by then is saved, whatever happens."""
    try:
        while not source.finished:
            while scanner.has_room() and (batch := source.next_batch()):
                scanner.submit(batch)
            for event in scanner.wait(0.5):
                if isinstance(event, BatchFailed):
                    raise event.error
                if isinstance(event, PageListed):
                    source.page_listed(event)
                    continue
                for done in source.batch_done(event):
                    output.add(done)
            output.report(scanner.scanned)
    except BaseException:
        output.save()
        raise


def _incomplete_multipart_uploads(aws: Aws, options: ScanOptions) -> tuple[list[dict[str, t.Any]], list[str]]:
    """The uploads and notes on them: S3 keeps the parts of such an upload, and no listing of objects shows them."""
    uploads: list[dict[str, t.Any]] = []
    try:
        for upload in aws.pages("s3:ListMultipartUploads", "Uploads", Bucket=options.bucket, Prefix=options.prefix):
            initiated = upload["Initiated"].strftime("%Y-%m-%dT%H:%M:%SZ")
            uploads.append({"key": upload["Key"], "upload_id": upload["UploadId"], "initiated": initiated})
            if len(uploads) == MAX_UPLOADS:
                return uploads, [f"There are more incomplete multipart uploads than the first {MAX_UPLOADS:,}."]
    except ServiceError as error:
        return uploads, [f"Incomplete multipart uploads could not be read: {error}"]
    return uploads, []


def _lifecycle_notes(aws: Aws, profile: StorageProfile) -> list[str]:
    """What is compliant now may be gone tomorrow."""
    try:
        found = aws.call_or_none(
            "s3:GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", Bucket=profile.bucket
        )
    except ServiceError as error:
        return [f"Whether a lifecycle rule takes backups away could not be read: {error}"]
    faults = what_takes_backups_away((found or {}).get("Rules") or (), profile)
    if not faults:
        return []
    return [f"A lifecycle rule takes backups away: {'; '.join(faults)}. Limit it to noncurrent versions."]


def _missing_directories(aws: Aws, options: ScanOptions, source: InventorySource, output: ScanOutput) -> list[str]:
    """Count what a report of other prefixes leaves out: a directory right under the prefix that it has nothing of."""
    try:
        listed = aws.pages(
            "s3:ListObjectsV2", "CommonPrefixes", Bucket=options.bucket, Prefix=options.prefix, Delimiter="/"
        )
        missing = [row["Prefix"] for row in listed if row["Prefix"] not in source.directories]
    except ServiceError as error:
        return [f"Whether the report is complete could not be read: {error}"]
    for directory in missing:
        output.totals.add_unseen(
            directory, "not_in_report", "has no object in the report, which is of other prefixes or older"
        )
    return []


def _utc(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
