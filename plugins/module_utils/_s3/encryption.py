# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a bucket's default encryption and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn, partition_of, s3_arn
from .._errors import CofferError, ValidationError
from .._kms.model import Key, refuse_unusable
from .._plan import PLACEHOLDER_KEY_ID, Plan, Step, compare
from .model import Encryption, address

AWS_MANAGED_ALIAS = "alias/aws/s3"
_KEY = "kms_master_key_id"


@dataclass(frozen=True, kw_only=True)
class DesiredEncryption:
    """What a task wants of the rule. ``None`` means: leave it as it is.

    :param region: the Region of the bucket
    :param owner: the account that must own the bucket
    :param prefix: where the installation that the rule is for writes, without slashes at its ends
    :param bucket_may_be_missing: where there is no bucket, there is nothing to do
    """

    bucket: str
    region: str
    algorithm: str
    key_id: str | None = None
    bucket_key_enabled: bool | None = None
    blocked: Sequence[str] | None = None
    owner: str | None = None
    prefix: str = ""
    bucket_may_be_missing: bool = False

    @property
    def objects_arn(self) -> str:
        """The objects of the installation, as its statements in the bucket policy name them."""
        place = f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket
        return s3_arn(partition_of(self.region), f"{place}/*")

    @property
    def placeholder(self) -> bool:
        """Whether the key is the placeholder of a check run."""
        return bool(self.key_id) and str(self.key_id).endswith(f":key/{PLACEHOLDER_KEY_ID}")

    def refuse_contradictions(self) -> None:
        """Refuse options that no bucket could satisfy, before AWS is asked anything."""
        if self.algorithm == "AES256" and self.key_id:
            remediation = "SSE-S3 has no key of yours: leave the key out, or set sse_algorithm=aws:kms."
            raise ValidationError(_KEY, self.key_id, "contradicts sse_algorithm=AES256", remediation)
        if self.algorithm != "AES256" and not self.key_id:
            remediation = (
                f"S3 would take the key that AWS manages ({AWS_MANAGED_ALIAS}), whose policy cannot be edited and "
                "which no other account can use. Give your key, or say "
                f"{_KEY}={AWS_MANAGED_ALIAS} where you want just that."
            )
            raise ValidationError(_KEY, self.algorithm, "is without a key", remediation)
        if self.algorithm == "aws:kms:dsse" and self.bucket_key_enabled:
            remediation = "DSSE-KMS has no Bucket Keys: leave the option out, or set sse_algorithm=aws:kms."
            raise ValidationError("bucket_key_enabled", "true", "contradicts sse_algorithm=aws:kms:dsse", remediation)
        if self.blocked is not None and (not self.blocked or {"NONE"} < set(self.blocked)):
            remediation = "Say [SSE-C] to block it and [NONE] to block nothing."
            reason = "says nothing definite"
            raise ValidationError("blocked_encryption_types", str(list(self.blocked)), reason, remediation)
        self._refuse_key_id()

    def _refuse_key_id(self) -> None:
        arn = Arn.parse(self.key_id or "")
        name = arn.resource if arn else self.key_id or ""
        if arn and not (arn.service == "kms" and name.startswith(("key/", "alias/"))):
            raise ValidationError(_KEY, str(arn), "is not the ARN of a KMS key", "Give the ARN of a key, or its alias.")
        if arn and arn.region != self.region:
            remediation = f"S3 encrypts with keys of the bucket's Region only: choose a key in {self.region}."
            raise ValidationError(_KEY, str(arn), f"is in {arn.region}, the bucket is in {self.region}", remediation)
        if name.startswith("alias/aws/") and name != AWS_MANAGED_ALIAS:
            remediation = "AWS manages it for another service, whose key S3 may not use: give a key of your own."
            raise ValidationError(_KEY, name, "is not a key for S3", remediation)


def decide_encryption(desired: DesiredEncryption, current: Encryption) -> Plan:
    """The plan for a bucket's default encryption: one request with the whole rule, or none.

    :raises ValidationError: where S3 could not encrypt with the key, also where nothing is to be changed
    """
    if current.key is not None:
        _refuse_key(desired, current.key)
    after = {
        "sse_algorithm": desired.algorithm,
        _KEY: current.key.arn if current.key else desired.key_id,
        "bucket_key_enabled": _bucket_key(desired, current),
        "blocked_encryption_types": current.blocked if desired.blocked is None else sorted(set(desired.blocked)),
    }
    before = {
        "sse_algorithm": current.algorithm,
        _KEY: current.key_id,
        "bucket_key_enabled": current.bucket_key_enabled,
        "blocked_encryption_types": current.blocked,
    }
    differences = compare(after, before)
    result = {"bucket": desired.bucket, **after}
    unmet_dependency: CofferError | None = None if desired.bucket_may_be_missing else current.missing
    if desired.placeholder:
        remediation = "Use the ARN that the real run of the task that makes the key returns."
        unmet_dependency = unmet_dependency or ValidationError(
            _KEY, str(desired.key_id), "is the placeholder of a check run, not a key", remediation
        )
    if not differences:
        return Plan(result=result, unmet_dependency=unmet_dependency)
    rules = [_merged(after, current), *current.rules[1:]]
    configuration = {"ServerSideEncryptionConfiguration": {"Rules": rules}}
    step = Step("s3:PutBucketEncryption", {**address(desired.bucket, desired.owner), **configuration})
    return Plan((step,), differences, result, unmet_dependency=unmet_dependency)


def _refuse_key(desired: DesiredEncryption, key: Key) -> None:
    refuse_unusable(key, option=_KEY, region=desired.region)
    account = key.arn.split(":")[4]
    if desired.owner is None or desired.owner == account:
        return
    if key.metadata.get("KeyManager") == "AWS":
        remediation = "No other account can use a key that AWS manages: give a key of your own by its ARN."
        reason = f"is managed by AWS for account {account}, the bucket is {desired.owner}'s"
        raise ValidationError(_KEY, key.arn, reason, remediation)
    if key.arn != desired.key_id:
        reason = f"is a key of account {account}, the bucket is {desired.owner}'s"
        raise ValidationError(_KEY, str(desired.key_id), reason, f"If it is meant, give its ARN, {key.arn}.")


def _bucket_key(desired: DesiredEncryption, current: Encryption) -> bool:
    if desired.bucket_key_enabled is not None:
        return desired.bucket_key_enabled
    if desired.algorithm == "aws:kms:dsse":
        return False
    return current.bucket_key_enabled or (desired.algorithm == "aws:kms" and current.algorithm != "aws:kms")


def _merged(after: Mapping[str, t.Any], current: Encryption) -> dict[str, t.Any]:
    """The rule to send: what is wanted, and whatever else S3 keeps there."""
    default = {
        **current.rule.get("ApplyServerSideEncryptionByDefault", {}),
        "SSEAlgorithm": after["sse_algorithm"],
        "KMSMasterKeyID": after[_KEY],
    }
    rule = {
        **current.rule,
        "ApplyServerSideEncryptionByDefault": {name: value for name, value in default.items() if value is not None},
        "BucketKeyEnabled": after["bucket_key_enabled"],
    }
    # S3 does not say what leaving the block out means, so a known one is always sent.
    if "BlockedEncryptionTypes" in rule or after["blocked_encryption_types"] != current.blocked:
        kept = rule.get("BlockedEncryptionTypes", {})
        rule["BlockedEncryptionTypes"] = {**kept, "EncryptionType": after["blocked_encryption_types"]}
    return rule
