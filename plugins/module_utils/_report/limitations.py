# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report does not cover, and why. Pure. PRIVATE to coffer.velero.

A reader relies on the status of a report. So the report names everything that its status does not cover, each time, and
not only where something went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from .._profile import StorageProfile
from .._types import Document
from .._velero.validators import server_of
from .configuration import TITLES
from .evidence_reader import EvidenceReader
from .formatting import be, clock, many
from .limitation import Limitation
from .objects import unevaluated, unreadable
from .reach import reach


def limitations(document: Document, profile: StorageProfile, evidence: EvidenceReader) -> list[Document]:
    """Every limitation of this report, those of this run first, then those of the method."""
    sources = (_objects, _lists, _inventory, _endpoint, _versions, _restore_test, _configuration, _audit)
    found = [one for source in sources for one in source(document)]
    return [one._asdict() for one in (*reach(evidence, document), *found, *_mode(profile), *_always(profile))]


def _objects(document: Document) -> Iterator[Limitation]:
    unread = unreadable(document["objects"])
    if unread:
        message = f"{many(unread, 'object version')} could not be read. They do not count as compliant."
        yield Limitation("objects_not_read", message, "See the remediation of each above.")
    deleted = document["objects"]["counts"]["deleted_during_scan"]
    if deleted:
        message = f"{many(deleted, 'object version')} {be(deleted)} deleted during the scan, and not evaluated."
        yield Limitation("deleted_during_scan", message)


def _lists(document: Document) -> Iterator[Limitation]:
    objects = document["objects"]
    uploads = len(objects["incomplete_multipart_uploads"]) + objects["incomplete_multipart_uploads_omitted"]
    if uploads:
        message = (
            f"{many(uploads, 'multipart upload')} {be(uploads)} started and never completed. S3 keeps the parts, and "
            "has no request that tells how they are encrypted."
        )
        remediation = "Abort them, and add a lifecycle rule that does (AbortIncompleteMultipartUpload)."
        yield Limitation("incomplete_multipart_uploads", message, remediation)
    markers = objects["delete_markers"]
    if markers:
        message = f"{many(markers, 'delete marker')} {be(markers)} listed. One holds no data that could be encrypted."
        yield Limitation("delete_markers", message)
    yield from (Limitation("scan_note", note) for note in objects["notes"])


def _inventory(document: Document) -> Iterator[Limitation]:
    source = document["scan"]["source"]
    if source.get("kind") != "inventory":
        return
    made = clock(source["created"]) if source.get("created") else "an earlier time"
    message = (
        f"The objects are those of an S3 Inventory report of {made}: what was written after it was not evaluated. Such "
        "a report names the algorithm and the Bucket Key, and never the key."
    )
    yield Limitation("inventory", message, "For the current state list the bucket instead.")
    unknown = unevaluated(document["objects"]["counts"]) - unreadable(document["objects"])
    if unknown:
        message = f"Of {many(unknown, 'object version')} only the algorithm is known, and not the key."
        yield Limitation("source_has_no_key", message, "Have S3 asked for more of them (inventory.sample_percent).")


def _endpoint(document: Document) -> Iterator[Limitation]:
    scanned, velero = document["scan"]["endpoint_url"], document["location"]["s3_url"]
    if scanned and server_of(scanned) != (server_of(velero) if velero else None):
        message = (
            f"The objects were read at {scanned}, and Velero has them at {velero or 'the endpoint of the Region'}."
        )
        yield Limitation("other_endpoint", message, "Make sure that both lead to the same bucket.")


def _versions(document: Document) -> Iterator[Limitation]:
    versions = document["scan"]["versions"]
    if versions is False:
        message = "Only current versions were scanned. Noncurrent ones stay under the key that they were written with."
        yield Limitation("noncurrent_versions", message, "Run again with versions=true.")
    if versions is None:
        yield Limitation("noncurrent_versions", "The evidence does not say whether noncurrent versions were scanned.")


def _restore_test(document: Document) -> Iterator[Limitation]:
    found = document["backup_and_restore"]
    if found["reason"] == "not_requested":
        message = "No backup was made: whether Velero can write, and what is stored can be restored, was not tested."
        yield Limitation("backup_and_restore", message, "Run verify.yml with velero_proof_backup=true.")
    elif found["backup"] and found["metadata"] is None:
        message = "The velero-backup.json that Velero wrote to the bucket was not compared with the cluster."
        yield Limitation("backup_metadata", message)
    elif found["backup"] and found["objects"] is None and document["objects"]["groups_omitted"]:
        message = "There are more backups than this report lists, so the objects of the new one are not shown apart."
        yield Limitation("backup_objects", message)


def _configuration(document: Document) -> Iterator[Limitation]:
    for part in document["configuration"]["parts"]:
        if part["status"] == "not_evaluated":
            message = f"The actual configuration was not compared: {TITLES[part['name']]}."
            yield Limitation("configuration", f"{message} {part['message']}" if part["message"] else message)


def _audit(document: Document) -> Iterator[Limitation]:
    audit = document["audit"]
    if audit["reason"] == "not_requested":
        message = "No audit was run: who else may use the key, and whether an alarm would fire, was not checked."
        yield Limitation("audit", message, "Run audit.yml.")
        return
    unread = audit["counts"]["by_status"]["not_evaluated"]
    if unread:
        message = f"{many(unread, 'check')} of the audit could not be evaluated. Nothing there counts as passed."
        yield Limitation("audit", message, "See the remediation of each below.")
    message = "The audit covers the resources of this location. Others of the account may fail the same controls."
    yield Limitation("audit", message)


def _mode(profile: StorageProfile) -> Iterator[Limitation]:
    if profile.encryption_mode == "sse-s3":
        yield Limitation("sse_s3", "Under SSE-S3 the keys are S3's own. S3 names none, so there is no key to compare.")
    if profile.encryption_mode == "dsse-kms":
        message = "S3 returns the algorithm (aws:kms:dsse) and the key. That there are two layers is AWS's statement."
        yield Limitation("dsse_kms", message)
    if profile.encryption_mode == "sse-c":
        message = (
            "S3 confirms the customer-provided key of an object only to a request that sends that key; an object that "
            "was read with it is compliant. Volume data of kopia is not under it: Velero gives kopia no key, and S3 "
            "encrypts that data with AES256."
        )
        yield Limitation("sse_c", message)


def _always(profile: StorageProfile) -> Iterator[Limitation]:
    message = "How an object is encrypted is what S3 returns for it. Nobody outside AWS can inspect its disks."
    yield Limitation("s3_statement", message)
    if profile.encrypts_with_kms:
        message = "S3 names neither the encryption context nor who can decrypt an object: see key policy and IAM."
        yield Limitation("key_access", message)
    message = "The report covers the time given above, and this bucket and prefix. It does not cover copies elsewhere"
    yield Limitation("scope", f"{message}{', nor EBS snapshots' if profile.ebs_snapshots else ''}.")
