# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS key looks like to this collection. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import ValidationError

#: Marks a key with the alias it was created for: a run that was cut before the alias existed is completed by the
#: next one, which finds the key instead of creating a second one.
CREATED_FOR_TAG = "coffer.velero:alias"


@dataclass(frozen=True)
class Key:
    """A key as ``kms:DescribeKey`` describes it, with what else was asked for.

    :param rotation: the answer of GetKeyRotationStatus, ``None`` where it was not asked for
    :param tags: ``None`` where they were not asked for
    :param alias_exists: whether the alias in question points at this key
    :param alias_target: the ARN of the other key that it points at
    :param created_here: whether the collection created it, as far as its tags say
    :param adopted: whether it was found as what an earlier run has left without its alias
    """

    metadata: Mapping[str, t.Any]
    rotation: Mapping[str, t.Any] | None = None
    tags: Mapping[str, str] | None = None
    alias_exists: bool = True
    alias_target: str | None = None
    created_here: bool = False
    adopted: bool = False

    @property
    def key_id(self) -> str:
        return str(self.metadata["KeyId"])

    @property
    def arn(self) -> str:
        return str(self.metadata["Arn"])

    @property
    def state(self) -> str:
        return str(self.metadata["KeyState"])

    @property
    def symmetric(self) -> bool:
        return bool(self.metadata.get("KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT")

    @property
    def rotatable(self) -> bool:
        """Whether KMS can rotate the material by itself; of the others it does not even say whether it does."""
        return self.symmetric and self.metadata.get("Origin", "AWS_KMS") == "AWS_KMS"

    @property
    def pending_deletion(self) -> bool:
        return self.state in ("PendingDeletion", "PendingReplicaDeletion")

    @property
    def primary_region(self) -> str:
        """The Region of the primary key, for a multi-Region key; its replicas share what the primary says."""
        primary = self.metadata.get("MultiRegionConfiguration", {}).get("PrimaryKey", {})
        return str(primary.get("Region", self.region))

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


def refuse_unusable(key: Key, *, option: str, region: str, editable: bool = False) -> None:
    """Refuse a key that S3 could not encrypt with.

    S3 takes any key id and fails at the next write, so this is the only warning that anybody gets (S3 API
    reference, PutBucketEncryption: "Amazon S3 doesn't validate the KMS key ID").

    :param editable: refuse a key that AWS manages too: its policy cannot let a role use it
    :raises ValidationError: for an asymmetric or HMAC key, one in another Region, and one that is not enabled
    """
    if editable and key.metadata.get("KeyManager") == "AWS":
        remediation = "Its policy cannot be edited: choose a customer managed key."
        raise ValidationError(option, key.arn, "is managed by AWS", remediation)
    if not key.symmetric:
        spec = key.metadata.get("KeySpec")
        raise ValidationError(option, key.arn, f"is a {spec} key", "S3 encrypts with symmetric keys only: choose one.")
    if key.metadata.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        usage = key.metadata["KeyUsage"]
        raise ValidationError(option, key.arn, f"is a key for {usage}", "Choose a key for ENCRYPT_DECRYPT.")
    if key.region != region:
        remediation = f"S3 encrypts with keys of the bucket's Region only: choose a key in {region}."
        raise ValidationError(option, key.arn, f"is in {key.region}, the bucket is in {region}", remediation)
    refuse_state(key, option=option)


def refuse_state(key: Key, *, option: str) -> None:
    """Refuse a key that cannot be used as it is.

    :raises ValidationError: where the key is disabled, pending deletion, pending import or unavailable
    """
    if key.state in ("Enabled", "Updating"):  # a multi-Region key works on while its primary moves
        return
    if key.pending_deletion:
        date = key.metadata.get("DeletionDate", "an unknown date")
        remediation = "Find out who scheduled it; coffer.velero.kms_key cancels it with cancel_deletion=true."
        raise ValidationError(option, key.arn, f"is pending deletion until {date}", remediation)
    if key.state == "Disabled":
        remediation = "Find out who disabled it; coffer.velero.kms_key enables it with enabled=true."
        raise ValidationError(option, key.arn, "is disabled", remediation)
    remediation = "Wait until it is Enabled, or choose another key."
    raise ValidationError(option, key.arn, f"is in state {key.state}", remediation)
