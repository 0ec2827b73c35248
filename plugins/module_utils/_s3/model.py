# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bucket looks like to this collection. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import ServiceError, ValidationError
from .._kms.model import Key

#: The only ownership under which ACLs play no part and the bucket's owner owns every object.
OWNER_ENFORCED = "BucketOwnerEnforced"
#: Public access blocked, in S3's words.
BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
#: The rule that S3 gives every new bucket (SSE-S3 since 2023, SSE-C blocked since April 2026).
DEFAULT_RULE: Mapping[str, t.Any] = {
    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
    "BucketKeyEnabled": False,
    "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
}
#: What S3 said of a bucket without a rule before 2023, and other S3 servers still say.
NO_RULE: Mapping[str, t.Any] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
#: What has such names, and is no bucket that objects can be kept in as Velero does.
_NO_BUCKETS = {
    "-s3alias": "an access point",
    "--ol-s3": "an Object Lambda access point",
    ".mrap": "a Multi-Region Access Point",
    "--x-s3": "a directory bucket, in which Velero cannot keep backups",
    "--table-s3": "a table bucket, in which Velero cannot keep backups",
}
_NAME_RULE = (
    "A bucket name has 3 to 63 lower-case letters, digits, hyphens and dots, and starts and ends with a letter or "
    "digit; only one from before 2018 may have more."
)


@dataclass(frozen=True)
class Bucket:
    """A bucket, with what was asked of it.

    :param versioning: S3's status, empty where it was never enabled, ``None`` where it was not asked for
    :param tags: ``None`` where they were not asked for
    """

    name: str
    public_access_block: Mapping[str, bool]
    ownership: str | None
    versioning: str | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Encryption:
    """The default encryption of a bucket and the key that it is to get.

    :param rules: as S3 keeps them; S3 takes exactly one
    :param key: the key that was asked for, ``None`` where there was none or a check run has only its placeholder
    :param missing: what S3 said where the bucket does not exist; the rules are then those of a new bucket
    """

    rules: Sequence[Mapping[str, t.Any]]
    key: Key | None = None
    missing: ServiceError | None = None

    @property
    def rule(self) -> Mapping[str, t.Any]:
        return self.rules[0] if self.rules else NO_RULE

    @property
    def algorithm(self) -> str:
        return str(self._default.get("SSEAlgorithm", "AES256"))

    @property
    def key_id(self) -> str | None:
        return self._default.get("KMSMasterKeyID")

    @property
    def bucket_key_enabled(self) -> bool:
        return bool(self.rule.get("BucketKeyEnabled"))

    @property
    def blocked(self) -> list[str]:
        """The blocked types. A rule without them blocks nothing, which S3 also spells NONE."""
        return sorted(self.rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", ())) or ["NONE"]

    @property
    def _default(self) -> Mapping[str, t.Any]:
        return t.cast("Mapping[str, t.Any]", self.rule.get("ApplyServerSideEncryptionByDefault", {}))


def address(name: str, owner: str | None) -> dict[str, t.Any]:
    """A bucket, and the account that must own it: S3 refuses the request where another one does."""
    return {"Bucket": name, **({"ExpectedBucketOwner": owner} if owner else {})}


def explain(error: ServiceError, owner: str | None) -> None:
    """Say what S3's word of a bucket means, where it has no bucket of this name or does not let the task in."""
    if error.code == "NoSuchBucket":
        error.add_hint("Create it first, as coffer.velero.s3_bucket does, or correct the option bucket.")
    elif error.status == 403 and owner:
        error.add_hint(
            f"Or the bucket does not belong to account {owner}: bucket names are global, so correct the option bucket, "
            "or expected_bucket_owner."
        )


def validate_bucket_name(name: str, *, option: str = "bucket") -> None:
    """Refuse a name that no bucket has. Those from before 2018 may have more than a new one.

    :raises ValidationError: for it
    """
    for suffix, kind in _NO_BUCKETS.items():
        if name.endswith(suffix):
            remediation = "Name the general purpose bucket that keeps the objects."
            raise ValidationError(option, _shown(name), f"is the name of {kind}, and not of a bucket", remediation)
    reason: str | None = _length(name, 255) or _characters(name, "A-Za-z0-9._-")
    if reason is None and re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        reason = "looks like an IP address"
    if reason:
        raise ValidationError(option, _shown(name), reason, _NAME_RULE)


def validate_new_bucket_name(name: str, region: str, *, option: str = "bucket") -> None:
    """Refuse a name that no new bucket can have ("General purpose bucket naming rules", Amazon S3 User Guide).

    :raises ValidationError: for it
    """
    validate_bucket_name(name, option=option)
    if is_account_regional(name) and not re.fullmatch(rf".+-[0-9]{{12}}-{re.escape(region)}-an", name):
        reason = "ends as names of the account-regional namespace do, and does not name its account and Region"
        remediation = f"Write it as PREFIX-ACCOUNT-{region}-an, or choose another end."
        raise ValidationError(option, _shown(name), f"does not exist and cannot be created: it {reason}", remediation)
    if problem := _new_name_problem(name):
        raise ValidationError(option, _shown(name), f"does not exist and cannot be created: it {problem}", _NAME_RULE)


def is_account_regional(name: str) -> bool:
    """Whether a name belongs to the namespace of one account in one Region, which S3 has to be told."""
    return name.endswith("-an")


def _new_name_problem(name: str) -> str | None:
    if problem := _length(name, 63) or _characters(name, "a-z0-9.-"):
        return problem
    if not (name[0].isalnum() and name[-1].isalnum()):
        return "starts or ends with a dot or hyphen"
    if ".." in name:
        return "has two dots in a row"
    if name.startswith(_RESERVED_PREFIXES):
        return "starts with what S3 reserves for itself"
    return None


def _length(name: str, longest: int) -> str | None:
    if 3 <= len(name) <= longest:
        return None
    return "is too short" if len(name) < 3 else "is too long"


def _characters(name: str, known: str) -> str | None:
    others = "".join(sorted(set(re.sub(f"[{known}]", "", name))))
    return f"has characters that S3 does not take: {_shown(others)[1:-1]}" if others else None


def _shown(text: str) -> str:
    """In quotes, with nothing in it that would break the sentence."""
    return json.dumps(text, ensure_ascii=False)
