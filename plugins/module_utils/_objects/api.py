# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at every object under a prefix. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import typing as t
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.branches import ListSource
from ansible_collections.coffer.velero.plugins.module_utils._objects.hire import MOST_THREADS, hire
from ansible_collections.coffer.velero.plugins.module_utils._objects.inventory import InventorySource, Store
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Wanted
from ansible_collections.coffer.velero.plugins.module_utils._objects.report import Report
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Broken, Crew, Listed, Source
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

MOST_UPLOADS = 1000
KEY_BYTES = 32
MOST_CONNECTIONS = 1024

Params = Mapping[str, t.Any]


def wanted_objects(params: Params) -> Wanted:
    """What the options ask for.

    :raises ValidationError: where they do not fit together
    """
    profile = StorageProfile.parse(params["storage_profile"])
    _refuse_numbers(params)
    accepted = tuple(map(_key_arn, params["accepted_kms_key_arns"] or ()))
    if accepted and not profile.encrypts_with_kms:
        reason = f"has no meaning with encryption_mode {profile.encryption_mode}"
        raise ValidationError("accepted_kms_key_arns", accepted[0], reason, "Leave it out.")
    return Wanted(
        bucket=profile.bucket,
        owner=profile.account_id,
        prefix=f"{profile.prefix}/" if profile.prefix else "",
        mode=profile.encryption_mode,
        key_arns=(profile.kms_key_arn, *accepted) if profile.kms_key_arn else (),
        bucket_key_enabled=profile.bucket_key_enabled and profile.encryption_mode == "sse-kms",
        versions=params["versions"],
        max_offenders=params["max_offenders"],
        customer_key=_customer_key(params),
        lines=_lines(params["path"]),
    )


def _refuse_numbers(params: Params) -> None:
    if not 1 <= params["concurrency"] <= MOST_CONNECTIONS:
        reason, remediation = "is no number of requests", f"Give 1 to {MOST_CONNECTIONS}."
        raise ValidationError("concurrency", str(params["concurrency"]), reason, remediation)
    rate = params["max_requests_per_second"]
    if rate is not None and rate <= 0:
        remediation = "Give a number above 0, or leave it out."
        raise ValidationError("max_requests_per_second", str(rate), "is no rate", remediation)
    if params["max_offenders"] < 0:
        raise ValidationError(
            "max_offenders", str(params["max_offenders"]), "is no number of objects", "Give 0 or more."
        )


def _key_arn(text: str) -> str:
    if Arn.parse_key(text) is None:
        remediation = (
            "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: an alias may name another key by now."
        )
        raise ValidationError("accepted_kms_key_arns", text, "is not the ARN of a key", remediation)
    return text


def _customer_key(params: Params) -> bytes | None:
    option = "customer_key_file" if params["customer_key_file"] else "customer_key"
    try:
        if params["customer_key_file"]:
            key = Path(params["customer_key_file"]).expanduser().read_bytes()
        elif params["customer_key"]:
            key = base64.b64decode(params["customer_key"], validate=True)
        else:
            return None
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise ValidationError(option, params["customer_key_file"], reason, "Name a file with the 32 bytes.") from error
    except binascii.Error as error:
        raise ValidationError(option, "it", "is not base64", "Give the key as a Secret shows it.") from error
    if len(key) != KEY_BYTES:
        raise ValidationError(
            option, "it", f"has {len(key)} bytes, a key has {KEY_BYTES}", "Give the key that Velero uses."
        )
    return key


def _lines(path: str | None) -> t.Literal["jsonl", "csv"] | None:
    if path is None:
        return None
    suffixes: tuple[t.Literal["jsonl", "csv"], ...] = ("jsonl", "csv")
    for suffix in suffixes:
        if path.endswith(f".{suffix}"):
            return suffix
    raise ValidationError("path", path, "has a suffix that stands for no format", "End it with .jsonl or .csv.")


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def look(params: Params, progress: Callable[[str], None], missing: Callable[[CofferError], None]) -> dict[str, t.Any]:
    """Look at every object; the result of the task.

    :param missing: is told where there is no bucket yet; where it does not end the task, there is nothing to look at
    """
    wanted = wanted_objects(params)
    region = params["region"] or params["storage_profile"]["region"]
    settings = {**(params["aws_config"] or {}), "max_pool_connections": MOST_THREADS + 2}
    aws = Aws({**params, "region": region, "aws_config": settings})
    started = _now()
    source = find_source(aws, wanted, params)
    report = Report(wanted, source, _path(params["path"]), _path(params["checkpoint"]), progress)
    report.open()
    uploads: list[dict[str, t.Any]] = []
    notes: list[str] = []
    try:
        scan(aws, wanted, params, report)
        uploads, notes = unfinished_uploads(aws, wanted)
    except ServiceError as error:
        if error.code != "NoSuchBucket":
            raise
        missing(error)
    report.finish()
    seconds = report.seconds
    return {
        **report.tally.result(),
        "bucket": wanted.bucket,
        "prefix": wanted.prefix,
        "source": source.description,
        "versions": wanted.versions,
        "unfinished_uploads": uploads,
        "notes": notes,
        "started_at": started,
        "finished_at": _now(),
        "seconds": round(seconds, 3),
        "objects_per_second": round(report.tally.total / seconds, 1),
        "continued": report.continued,
        "path": params["path"],
        "checkpoint": params["checkpoint"],
    }


def scan(aws: Aws, wanted: Wanted, params: Params, report: Report) -> None:
    """Look at all objects of the report's source."""
    try:
        crew = hire(aws, wanted, params)
        try:
            conduct(report.source, crew, report)
        finally:
            crew.close()
    except ServiceError as error:
        if error.action == "s3:ListObjectVersions" and error.status == 403:
            error.add_hint("Or set versions=false to look at current objects only, which needs s3:ListBucket.")
        if report.checkpoint and report.checkpoint.exists():
            error.add_hint(f"Run again with checkpoint={report.checkpoint} to go on from there.")
        raise


def find_source(aws: Aws, wanted: Wanted, params: Params) -> Source:
    """Where the objects are read from."""
    inventory = params["inventory"]
    if inventory is None:
        return ListSource(wanted.prefix)
    percent = inventory["sample_percent"]
    if not 0 <= percent <= 100:
        raise ValidationError("inventory.sample_percent", str(percent), "is no percentage", "Give 0 to 100.")
    return InventorySource(Store(aws, inventory["manifest"]), inventory["manifest"], percent, wanted)


def conduct(source: Source, crew: Crew, report: Report) -> None:
    """Keep a crew at work until the source is finished; what counts by then is saved, whatever happens."""
    try:
        while not source.finished:
            while crew.has_room() and (unit := source.next_unit()):
                crew.submit(unit)
            for event in crew.wait(0.5):
                if isinstance(event, Broken):
                    raise event.error
                if isinstance(event, Listed):
                    source.listed(event)
                    continue
                for done in source.done(event):
                    report.take(done)
            report.tick(crew.looked)
    except BaseException:
        report.save()
        raise


def unfinished_uploads(aws: Aws, wanted: Wanted) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Multipart uploads that nobody completed: their parts are kept, and no listing of objects shows them."""
    uploads: list[dict[str, t.Any]] = []
    try:
        for upload in aws.pages("s3:ListMultipartUploads", "Uploads", Bucket=wanted.bucket, Prefix=wanted.prefix):
            initiated = upload["Initiated"].strftime("%Y-%m-%dT%H:%M:%SZ")
            uploads.append({"key": upload["Key"], "upload_id": upload["UploadId"], "initiated": initiated})
            if len(uploads) == MOST_UPLOADS:
                return uploads, [f"There are more unfinished multipart uploads than the first {MOST_UPLOADS}."]
    except ServiceError as error:
        return uploads, [f"Unfinished multipart uploads could not be read: {error}"]
    return uploads, []


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
