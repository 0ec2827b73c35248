# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of object_encryption_info as evidence: complete, consistent, bounded. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Mapping

from .._profile import StorageProfile
from .._types import Document
from .evidence_reader import MAX_ENTRIES, EvidenceReader, outcome
from .formatting import clock, many

_COUNTS = ("total", "compliant", "non_compliant", "not_evaluated", "deleted_during_scan")
_KINDS = ("backup", "restore", "kopia", "other")


def read_objects(result: EvidenceReader, profile: StorageProfile, desired: Document) -> Document:
    """The objects as they are in the document.

    :raises ValidationError: where the result is of another location than the profile, or contradicts itself
    """
    bucket, prefix = result.text("bucket"), (result.text("prefix") or "").strip("/")
    if (bucket, prefix) != (profile.bucket, profile.prefix):
        location = f"{profile.bucket}/{profile.prefix}"
        result.refuse(f"is of {bucket}/{prefix}, the profile is of {location}", "", "Scan the location of the profile.")
    _refuse_other_standard(result, profile, desired)
    counts, accepted = _consistent_counts(result)
    groups = [_group(reader) for reader in result.mappings("groups")]
    keys = [
        reader.fields(text=("key_arn", "algorithm"), flag=("bucket_key_enabled",), number=("count",))
        for reader in result.mappings("by_key")
    ]
    findings = [_finding(reader) for reader in result.mappings("non_compliant_objects")]
    uploads = [
        {"key": str(reader.get("key") or ""), **reader.fields(text=("upload_id", "initiated"))}
        for reader in result.mappings("incomplete_multipart_uploads")
    ]
    algorithms = result.child("by_algorithm")
    last = result.child("last_written").fields(text=("compliant", "non_compliant"))
    document = {
        **_outcome(result, counts, desired, accepted, last),
        "counts": counts,
        "accepted": {"count": accepted, **result.child("judged_by").fields(text=("accepted_before", "accepted_until"))},
        "last_written": last,
        "delete_markers": result.number("delete_markers"),
        "by_algorithm": {str(name): algorithms.number(name) for name in sorted(algorithms.values)},
        "by_key": sorted(keys, key=lambda key: -int(key["count"]))[:MAX_ENTRIES],
        "by_key_omitted": max(len(keys) - MAX_ENTRIES, 0),
        "groups": groups[:MAX_ENTRIES],
        "groups_omitted": result.number("groups_omitted") + max(len(groups) - MAX_ENTRIES, 0),
        "non_compliant_objects": findings[:MAX_ENTRIES],
        "findings_truncated": result.number("findings_truncated") + max(len(findings) - MAX_ENTRIES, 0),
        "incomplete_multipart_uploads": uploads[:MAX_ENTRIES],
        "incomplete_multipart_uploads_omitted": max(len(uploads) - MAX_ENTRIES, 0),
        "notes": result.texts("notes")[:MAX_ENTRIES],
    }
    _refuse_contradiction(result, document)
    return document


def _refuse_other_standard(result: EvidenceReader, profile: StorageProfile, desired: Document) -> None:
    """What the objects were compared with decides what ``compliant`` means: it has to be what the report names."""
    remediation = "The objects were judged by another profile: scan them with that of the report."
    judged = result.mapping("judged_by") or result.refuse("is missing", "judged_by", remediation)
    keys = judged.texts("kms_key_arns")
    given = {
        **judged.fields(text=("account_id", "region", "encryption_mode"), flag=("bucket_key_enabled",)),
        "kms_key_arns": keys[:1],
    }
    expected = {
        **{name: getattr(profile, name) for name in ("account_id", "region", "encryption_mode")},
        "bucket_key_enabled": desired["bucket_key_enabled"],
        "kms_key_arns": [desired["kms_key_arn"]] if desired["kms_key_arn"] else [],
    }
    for name, value in expected.items():
        if given[name] != value:
            judged.refuse(f"is {_plain(given[name])}, the profile has {_plain(value)}", name, remediation)
    surplus = [arn for arn in keys[1:] if arn not in (desired["kms_key_arn"], *desired["accepted_kms_key_arns"])]
    if surplus:
        reason = f"has {surplus[0]}, which is not among evidence.accepted_kms_key_arns"
        judged.refuse(reason, "kms_key_arns", "Name every key there under which the scan accepted objects.")


def _plain(value: object) -> str:
    return ", ".join(value) or "no key" if isinstance(value, list) else str(value).lower()


def unevaluated(counts: Mapping[str, int]) -> int:
    """Versions that exist and were not evaluated."""
    return counts["not_evaluated"] - counts["deleted_during_scan"]


def unreadable(objects: Document) -> int:
    """Versions that S3 did not answer for: they are listed, those of an S3 Inventory report alone are not."""
    listed = len(objects["non_compliant_objects"]) + int(objects["findings_truncated"])
    return listed - int(objects["counts"]["non_compliant"])


def _outcome(
    result: EvidenceReader, counts: Mapping[str, int], desired: Document, accepted: int, last: Document
) -> Document:
    """What the counts say; the status that was handed over is only checked against it.

    Where every object was deleted during the scan nothing is left that could be compliant.
    """
    status, reason = "compliant", None
    if counts["total"] == counts["deleted_during_scan"]:
        status, reason = "not_evaluated", "no_objects"
    elif counts["non_compliant"] > accepted:
        status, reason = "non_compliant", result.code("reason") or "non_compliant_objects"
    elif unevaluated(counts):
        status, reason = "not_evaluated", result.code("reason") or "objects_not_evaluated"
    elif accepted:
        status, reason = "non_compliant", "accepted"
    if result.text("status") not in (None, status):
        result.refuse(f"is {result.text('status')}, its counts say {status}", "status")
    message = _message(counts, desired)
    if reason == "accepted":
        judged = result.child("judged_by")
        written, until = judged.text("accepted_before"), judged.text("accepted_until")
        message += f" They are accepted until {until}, as written before {written}; all others are as required."
    elif counts["non_compliant"]:
        message += _from_before(last, accepted)
    return outcome(status, reason, message)


def _from_before(last: Document, accepted: int) -> str:
    """Where all of them are older than a compliant one: they are from before the encryption was changed."""
    if not last["non_compliant"] or (last["compliant"] or "") <= last["non_compliant"]:
        return ""
    return (
        f" The last of them was written on {clock(last['non_compliant'])}, and everything that was written since is "
        "compliant: they are from before the change. Encrypt them again, let their backups expire, or accept them for "
        "a time (velero_accept_objects_before, velero_accept_objects_until)."
        + (f" {accepted:,} of them are accepted." if accepted else "")
    )


def _message(counts: Mapping[str, int], desired: Document) -> str:
    existing = counts["total"] - counts["deleted_during_scan"]
    failed, unknown = counts["non_compliant"], unevaluated(counts)
    if not existing:
        return (
            "There are no objects under this location, so there is nothing to evaluate. A test backup makes some "
            "(velero_proof_backup=true)."
        )
    if failed:
        also = f", and {unknown:,} more could not be evaluated" if unknown else ""
        verb = "is" if failed == 1 else "are"
        return f"{failed:,} of {many(existing, 'object version')} {verb} not encrypted as the profile requires{also}."
    if unknown:
        number = f"{unknown:,} of {many(existing, 'object version')}"
        return f"No object was found non-compliant, but {number} could not be evaluated."
    if desired["encryption_mode"] == "sse-c" and existing > 1:
        return f"All {existing:,} object versions are encrypted as the profile requires: SSE-C, and AES256 for kopia."
    under = f"{desired['algorithm']}{' under the desired key' if desired['kms_key_arn'] else ''}"
    if existing == 1:
        return f"The only object version is encrypted with {under}."
    return f"All {existing:,} object versions are encrypted with {under}."


def _refuse_contradiction(result: EvidenceReader, document: Document) -> None:
    """Evidence that contradicts itself is refused."""
    counts = document["counts"]
    if sum(document["by_algorithm"].values()) > counts["total"]:
        result.refuse("has more objects than there are", "by_algorithm")
    inventory = result.child("source").text("kind") == "inventory"
    expected = range(0 if inventory else unevaluated(counts), unevaluated(counts) + 1)
    if unreadable(document) not in expected:
        result.refuse("has another number of objects than counts", "non_compliant_objects")


def _consistent_counts(result: EvidenceReader) -> tuple[dict[str, int], int]:
    """The object versions by status, and how many of the non-compliant ones were accepted."""
    counts = _counts(result.mapping("counts") or result.refuse("is missing", "counts"))
    if counts["total"] != counts["compliant"] + counts["non_compliant"] + counts["not_evaluated"]:
        result.refuse("has a total that is not the sum of its statuses", "counts")
    if unevaluated(counts) < 0:
        result.refuse("has more objects deleted during the scan than not evaluated", "counts")
    accepted = result.child("by_reason").number("accepted")
    if accepted > counts["non_compliant"]:
        result.refuse("has more accepted objects than non-compliant ones", "by_reason")
    return counts, accepted


def _counts(reader: EvidenceReader) -> dict[str, int]:
    return {name: reader.number(name) for name in _COUNTS}


def _group(reader: EvidenceReader) -> Document:
    counts = _counts(reader.child("counts"))
    return {"kind": reader.choice("kind", _KINDS), "name": reader.text("name") or "", "counts": counts}


def _finding(reader: EvidenceReader) -> Document:
    return {
        "key": str(reader.get("key") or ""),
        "status": reader.choice("status", ("non_compliant", "not_evaluated")),
        "reason": reader.code("reason"),
        **reader.fields(
            text=("version_id", "message", "remediation", "algorithm", "key_arn", "last_modified"),
            flag=("is_latest", "bucket_key_enabled"),
            number=("size",),
        ),
    }
