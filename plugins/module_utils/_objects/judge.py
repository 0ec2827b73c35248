# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is an object encrypted as the storage profile wants it? Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._arn import same_key
from ansible_collections.coffer.velero.plugins.module_utils._documents import SSE_ALGORITHMS
from ansible_collections.coffer.velero.plugins.module_utils._objects.inquiry import writes_with_customer_key
from ansible_collections.coffer.velero.plugins.module_utils._objects.layout import group_of
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    SSE_C,
    Entry,
    Judgment,
    Seen,
    Wanted,
)

_PERMISSION = "s3:GetObject on it, and s3:GetObjectVersion where versions are looked at"
_DEFAULT_FIRST = (
    " Velero's kopia names no encryption, its objects follow the bucket's default: set that first "
    "(coffer.velero.s3_bucket_encryption)."
)


def judge(entry: Entry, seen: Seen, wanted: Wanted) -> Judgment:
    """The verdict on one object; whatever S3 did not tell is never good."""
    if seen.state in ("read", "told"):
        return _judge_encryption(entry, seen, wanted)
    if seen.state == "gone":
        return Judgment("gone", ("deleted between the listing and the look at it",), "Nothing is to be done.")
    if seen.state in ("needs_key", "wrong_key"):
        return _judge_customer_key(entry, seen, wanted)
    if seen.state == "denied":
        reason = f"S3 refused to tell ({seen.detail})"
        return Judgment("unreadable", (reason,), f"Grant {_PERMISSION}; look for a Deny in the bucket policy.")
    reason = f"S3 did not tell ({seen.detail})"
    return Judgment("unreadable", (reason,), "Run again; where it stays, ask for the object with the AWS CLI.")


def _judge_encryption(entry: Entry, seen: Seen, wanted: Wanted) -> Judgment:
    algorithm = SSE_C if writes_with_customer_key(wanted, entry.key) else SSE_ALGORITHMS[wanted.mode]
    if seen.algorithm != algorithm:
        reason = f"is encrypted with {seen.algorithm}, not with {algorithm}"
        if seen.algorithm == "none":
            reason = f"is not encrypted by S3, {algorithm} is wanted"
        return Judgment("wrong", (reason,), _re_encrypt(entry, algorithm, wanted))
    reasons = []
    if wanted.key_arns and seen.state == "read" and not _is_accepted(seen.key_arn, wanted.key_arns):
        reasons.append(f"is encrypted under {seen.key_arn or 'a key that S3 does not name'}, not {wanted.key_arns[0]}")
    if algorithm == "aws:kms" and wanted.bucket_key_enabled and not seen.bucket_key_enabled:
        reasons.append("does not use a Bucket Key")
    if reasons:
        return Judgment("wrong", tuple(reasons), _re_encrypt(entry, algorithm, wanted))
    if seen.state == "told" and (wanted.key_arns or algorithm == SSE_C):
        remediation = "Have more of the report looked at (inventory.sample_percent), or list instead."
        return Judgment("unproven", (f"has {algorithm}, but an Inventory report does not tell the key",), remediation)
    return Judgment("proven")


def _judge_customer_key(entry: Entry, seen: Seen, wanted: Wanted) -> Judgment:
    """SSE-C that could not be looked into: wrong where it is not wanted, else only unreadable."""
    if not writes_with_customer_key(wanted, entry.key):
        algorithm = SSE_ALGORITHMS[wanted.mode]
        reason = f"is encrypted with {SSE_C}, not with {algorithm}"
        if seen.state == "wrong_key":
            reason += ", and not under the given customer_key"
        return Judgment("wrong", (reason,), _re_encrypt(entry, algorithm, wanted))
    if seen.state == "needs_key":
        return Judgment("unreadable", (f"is encrypted with {SSE_C}: its key is needed",), "Give customer_key.")
    remediation = "Give the customer_key that it was written with: Velero cannot read it with this one either."
    return Judgment("unreadable", (f"is encrypted with {SSE_C} under another key than customer_key",), remediation)


def _is_accepted(key_arn: str | None, accepted: tuple[str, ...]) -> bool:
    return key_arn is not None and any(same_key(key_arn, other) for other in accepted)


def _re_encrypt(entry: Entry, algorithm: str, wanted: Wanted) -> str:
    under = f"{algorithm} and {wanted.key_arns[0]}" if wanted.key_arns else algorithm
    if algorithm == SSE_C:
        under = f"{algorithm} and Velero's customer key"
    kind = group_of(entry.key, wanted.prefix).kind
    text = f"Encrypt it anew with {under}."
    if not entry.is_latest:
        text = f"Encrypt this noncurrent version anew with {under}, or let it expire (NoncurrentVersionExpiration)."
    return text + (_DEFAULT_FIRST if kind == "kopia" else "")
