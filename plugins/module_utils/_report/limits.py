# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report does not prove, and why. Pure. PRIVATE to coffer.velero.

Whoever reads the report relies on its verdict. So everything that the verdict does not cover is said, each time, and
not only where something went wrong.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.words import be, clock, many
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

Limit = dict[str, t.Any]


def limits(document: Document, profile: StorageProfile) -> list[Limit]:
    """Every limit of this report, the accidental ones first, then those of the method."""
    sources = (_objects, _lists, _inventory, _versions, _trial, _configuration, _audit, _mode, _always)
    return [limit for source in sources for limit in source(document, profile)]


def _limit(resource: str, text: str, remediation: str | None = None) -> Limit:
    return {"resource": resource, "text": text, "remediation": remediation}


def _objects(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    counts = document["objects"]["counts"]
    if counts["unreadable"]:
        number = many(counts["unreadable"], "object version")
        text = f"{number} could not be read. Nothing is known of their encryption, and they do not count as proven."
        yield _limit("unreadable objects", text, "See the remediation of each above.")
    if counts["gone"]:
        number = many(counts["gone"], "object version")
        text = f"{number} {be(counts['gone'])} listed, and deleted before it could be looked at."
        yield _limit("objects gone meanwhile", text if counts["gone"] == 1 else text.replace(" it ", " they "))


def _lists(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    objects = document["objects"]
    uploads = len(objects["unfinished_uploads"]) + objects["unfinished_uploads_omitted"]
    if uploads:
        text = (
            f"{many(uploads, 'multipart upload')} {be(uploads)} begun and never completed. S3 keeps such parts, and "
            "answers no question about them."
        )
        remediation = "Abort them, and let a lifecycle rule do so (AbortIncompleteMultipartUpload)."
        yield _limit("unfinished uploads", text, remediation)
    markers = objects["delete_markers"]
    if markers:
        text = (
            f"{many(markers, 'delete marker')} {be(markers)} listed. There is no data in one that could be encrypted."
        )
        yield _limit("delete markers", text)
    yield from (_limit("said by the run", note) for note in objects["notes"])


def _inventory(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    source = document["examination"]["source"]
    if source.get("kind") != "inventory":
        return
    made = clock(source["created"]) if source.get("created") else "an earlier time"
    text = (
        f"The objects are those of an S3 Inventory report of {made}: what was written after it was not looked at. Such "
        "a report names the algorithm and the Bucket Key, and never the key."
    )
    yield _limit("S3 Inventory", text, "For the state of this hour list the bucket instead.")
    unproven = document["objects"]["counts"]["unproven"]
    if unproven:
        text = f"Of {many(unproven, 'object version')} only the algorithm is known, and not under which key they are."
        yield _limit(
            "key of inventoried objects", text, "Have more of the report looked at (inventory.sample_percent)."
        )


def _versions(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    versions = document["examination"]["versions"]
    if versions is False:
        text = (
            "Only current versions were looked at. Noncurrent ones are kept under the key that they were written with."
        )
        yield _limit("noncurrent versions", text, "Run again with versions=true.")
    if versions is None:
        yield _limit("noncurrent versions", "The evidence does not say whether noncurrent versions were looked at.")


def _trial(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    told = document["backup_and_restore"]
    if told["verdict"] == "not_done":
        text = (
            "No backup was made for this report. That Velero can write now, and that what is stored can be read and "
            "restored, was not tried."
        )
        yield _limit("backup and restore", text, "Run verify.yml with velero_proof_backup=true.")
    elif told["backup"] and told["metadata"] is None:
        text = "What Velero wrote of the backup to the bucket (velero-backup.json) was not compared with the cluster."
        yield _limit("velero-backup.json", text)
    elif told["backup"] and told["objects"] is None and document["objects"]["groups_omitted"]:
        text = "There are more backups than this report lists, so that the objects of the new one are not told apart."
        yield _limit("objects of the backup", text)


def _configuration(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    missing = [part for part in document["configuration"]["parts"] if part["verdict"] == "not_compared"]
    for part in missing:
        text = f"What is in force was not compared with what is wanted: {TITLES[part['name']].lower()}."
        yield _limit("configuration", f"{text} {part['reason']}" if part["reason"] else text)


def _audit(document: Document, _profile: StorageProfile) -> Iterator[Limit]:
    told = document["audit"]
    if told["verdict"] == "not_done":
        text = (
            "What is in force on AWS was not judged by controls: who else may use the key, and whether anybody would "
            "notice, was not looked at."
        )
        yield _limit("audit", text, "Run audit.yml.")
        return
    unread = told["counts"]["by_status"]["not_evaluated"]
    if unread:
        text = f"{many(unread, 'check')} of the audit could not be made. Nothing is known there, and nothing passed."
        yield _limit("audit", text, "See the remediation of each below.")
    text = (
        "The audit is of the things that belong to this location. Other keys, buckets, roles and trails of the account "
        "may fail the same controls."
    )
    yield _limit("audit", text)


#: How a person calls the parts of the configuration.
TITLES = {
    "key": "Key",
    "key_policy_statements": "Key policy",
    "encryption_rule": "Default encryption of the bucket",
    "bucket_policy_statements": "Bucket policy",
    "backup_storage_location_spec": "Backup location",
}


def _mode(_document: Document, profile: StorageProfile) -> Iterator[Limit]:
    if profile.encryption_mode == "sse-s3":
        text = "Under SSE-S3 the keys are S3's own. It names none, so that there is no key to compare."
        yield _limit("SSE-S3", text)
    if profile.encryption_mode == "dsse-kms":
        text = (
            "S3 tells the algorithm (aws:kms:dsse) and the key. That there are two layers of encryption is AWS's word."
        )
        yield _limit("DSSE-KMS", text)
    if profile.encryption_mode == "sse-c":
        text = (
            "Under which customer's key an object is, S3 tells only to whoever sends that key; of an object that was "
            "read with it, it is proven. Volume data of kopia is not under it: Velero hands no key to kopia, and S3 "
            "encrypts that data with AES256."
        )
        yield _limit("SSE-C", text)


def _always(_document: Document, profile: StorageProfile) -> Iterator[Limit]:
    text = "S3 says of each object how it is encrypted. What it stores on its disks, nobody outside AWS can look at."
    yield _limit("the word of S3", text)
    if profile.encrypts_with_kms:
        text = "S3 tells neither an object's encryption context nor who can decrypt it: ask the key policy and IAM."
        yield _limit("access to the key", text)
    text = "The report is of the time given above, and of this bucket and prefix. Copies elsewhere are not part of it"
    snapshots = ", nor are EBS snapshots" if profile.ebs_snapshots else ""
    yield _limit("other times and places", f"{text}{snapshots}.")
