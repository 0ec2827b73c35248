# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare an object's encryption with the storage profile. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from .._arn import same_key
from .._documents import SSE_ALGORITHMS
from . import model
from .head_probe import writes_with_customer_key
from .model import SSE_C, Evaluation, Observation

_PERMISSION = "s3:GetObject on it, and s3:GetObjectVersion where versions are scanned"
_DEFAULT_FIRST = (
    " Velero's kopia names no encryption, its objects follow the bucket's default: set that first "
    "(coffer.velero.s3_bucket_encryption)."
)


def evaluate(version: model.ObjectVersion, seen: Observation, options: model.ScanOptions) -> Evaluation:
    """The evaluation of one object; what S3 did not return is never compliant, and what is accepted is not either."""
    found = _evaluate(version, seen, options)
    is_old = version.last_modified[:19] < options.accepted_before[:19] and version.last_modified
    if not is_old or model.STATUS_OF[found.reason or "compliant"] != "non_compliant":
        return found
    until = f"was written before {options.accepted_before}, and is accepted until {options.accepted_until}"
    return Evaluation("accepted", f"{found.message}; it {until}", found.remediation)


def _evaluate(version: model.ObjectVersion, seen: Observation, options: model.ScanOptions) -> Evaluation:
    if seen.state in ("read", "from_inventory"):
        return _evaluate_encryption(version, seen, options)
    if seen.state in ("key_required", "wrong_key"):
        return _evaluate_unread_sse_c(version, seen, options)
    if seen.state == "deleted":
        message = "was deleted between the listing and the request for its encryption"
        return Evaluation("deleted_during_scan", message, "Nothing has to be done.")
    if seen.state == "denied":
        remediation = f"Grant {_PERMISSION}; look for a Deny statement in the bucket policy."
        return Evaluation("access_denied", f"S3 denied the request ({seen.detail})", remediation)
    message = f"S3 did not return its encryption ({seen.detail})"
    remediation = "Run again; if that does not help, request the object with the AWS CLI."
    return Evaluation("encryption_unknown", message, remediation)


def _evaluate_encryption(version: model.ObjectVersion, seen: Observation, options: model.ScanOptions) -> Evaluation:
    algorithm = SSE_C if writes_with_customer_key(options, version.key) else SSE_ALGORITHMS[options.mode]
    faults: dict[str, str] = {}
    if seen.algorithm == "none":
        faults["not_encrypted"] = f"is not encrypted by S3, {algorithm} is desired"
    elif seen.algorithm != algorithm:
        faults["wrong_algorithm"] = f"is encrypted with {seen.algorithm}, not with {algorithm}"
    else:
        accepted = options.key_arns
        if accepted and seen.state == "read" and not any(same_key(seen.key_arn or "", arn) for arn in accepted):
            key = seen.key_arn or "a key that S3 does not name"
            faults["wrong_kms_key"] = f"is encrypted under {key}, not {accepted[0]}"
        if algorithm == "aws:kms" and options.bucket_key_enabled and not seen.bucket_key_enabled:
            faults["bucket_key_disabled"] = "does not use a Bucket Key"
    if faults:
        return Evaluation(next(iter(faults)), "; ".join(faults.values()), _re_encrypt(version, algorithm, options))
    if seen.state == "from_inventory" and not (options.key_arns or algorithm == SSE_C):
        message = f"had {algorithm} when the Inventory report was made, and was not requested since"
        remediation = "Request more objects of the report (inventory.sample_percent), or list the bucket instead."
        return Evaluation("only_reported", message, remediation)
    if seen.state == "from_inventory":
        message = f"has {algorithm}, but an Inventory report does not contain the key"
        remediation = "Request more objects of the report (inventory.sample_percent), or list the bucket instead."
        return Evaluation("source_has_no_key", message, remediation)
    return Evaluation()


def _evaluate_unread_sse_c(version: model.ObjectVersion, seen: Observation, options: model.ScanOptions) -> Evaluation:
    """SSE-C whose key was not given: the wrong algorithm where it is not desired, else not evaluated."""
    if not writes_with_customer_key(options, version.key):
        algorithm = SSE_ALGORITHMS[options.mode]
        message = f"is encrypted with {SSE_C}, not with {algorithm}"
        if seen.state == "wrong_key":
            message += ", and not under the given customer_key"
        return Evaluation("wrong_algorithm", message, _re_encrypt(version, algorithm, options))
    if seen.state == "key_required":
        message = f"is encrypted with {SSE_C}: its key is needed"
        return Evaluation("customer_key_required", message, "Set customer_key or customer_key_file.")
    message = f"is encrypted with {SSE_C} under another key than customer_key"
    remediation = "Give the customer_key that it was written with: Velero cannot read it with this one either."
    return Evaluation("wrong_customer_key", message, remediation)


def _re_encrypt(version: model.ObjectVersion, algorithm: str, options: model.ScanOptions) -> str:
    under = f"{algorithm} and {options.key_arns[0]}" if options.key_arns else algorithm
    if algorithm == SSE_C:
        under = f"{algorithm} and Velero's customer key"
    text = f"Encrypt it again with {under}."
    if not version.is_latest:
        text = f"Encrypt this noncurrent version again with {under}, or let it expire (NoncurrentVersionExpiration)."
    return text + (_DEFAULT_FIRST if model.group_of(version.key, options.prefix).kind == "kopia" else "")
