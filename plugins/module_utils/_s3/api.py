# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change buckets. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._aws import Aws
from .._connection_errors import MINIMUM_BOTO3
from .._errors import ConflictError, ServiceError, ValidationError
from .._kms.api import describe
from .._kms.model import Key
from .._plan import Plan
from .._sts import caller
from .._tags import tag_dict
from .decide import DesiredBucket, decide_bucket
from .encryption import DesiredEncryption, decide_encryption
from .model import DEFAULT_RULE, NO_RULE, Bucket, Encryption, address, explain, validate_new_bucket_name
from .policy_api import read_policy
from .shared_bucket import refuse_conflicting_requirements


def refuse_region(name: str, there: str | None, region: str) -> None:
    """Refuse a bucket in another Region than the task's; ``there`` is empty where the server does not say."""
    if there and there != region:
        remediation = f"Set region={there}, or choose another name: a bucket cannot be moved."
        raise ValidationError("bucket", name, f"is in {there}, the task works in {region}", remediation)


def head_bucket(aws: Aws, name: str, owner: str | None) -> bool:
    """Whether the bucket exists; it must be in the Region of the task.

    :raises ValidationError: where it is in another Region, or belongs to another account
    """
    try:
        answer = aws.call_or_none("s3:HeadBucket", "404", "NoSuchBucket", **address(name, owner))
    except ServiceError as error:
        if error.status in (301, 400):
            metadata = getattr(error.__cause__, "response", {}).get("ResponseMetadata", {})
            refuse_region(name, metadata.get("HTTPHeaders", {}).get("x-amz-bucket-region"), aws.region)
            validate_new_bucket_name(name, aws.region)  # which some answer in place of saying that there is none
        if error.status == 403:
            reason = f"does not belong to account {owner}" if owner else "belongs to another account"
            other = "correct expected_bucket_owner, or grant" if owner else "or grant"
            remediation = f"Bucket names are global: choose another one, {other} the permission."
            reason = f"{reason}, or these credentials lack s3:ListBucket on it"
            raise ValidationError("bucket", name, reason, remediation) from error
        raise
    if answer is not None:
        refuse_region(name, answer.get("BucketRegion"), aws.region)
    return answer is not None


@dataclass
class BucketResource:
    """A bucket, for the runner."""

    aws: Aws
    desired: DesiredBucket

    def read(self) -> Bucket | None:
        desired = self.desired
        if not head_bucket(self.aws, desired.name, desired.owner):
            return None
        block = self._ask("s3:GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")
        ownership = self._ask("s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError")
        rules = ownership.get("OwnershipControls", {}).get("Rules", ())
        versioning = tags = None
        if desired.versioning is not None:
            versioning = self._ask("s3:GetBucketVersioning").get("Status", "")
        if desired.tags is not None:
            tags = tag_dict(self._ask("s3:GetBucketTagging", "NoSuchTagSet").get("TagSet", ()))
        return Bucket(
            name=desired.name,
            public_access_block=block.get("PublicAccessBlockConfiguration", {}),
            ownership=next((rule["ObjectOwnership"] for rule in rules), None),
            versioning=versioning,
            tags=tags,
        )

    def _ask(self, action: str, *missing: str) -> dict[str, t.Any]:
        return self.aws.call_or_none(action, *missing, **self.desired.address) or {}

    def decide(self, current: Bucket | None) -> Plan:
        return decide_bucket(self.desired, current)

    def guard(self, plan: Plan) -> None:
        """The account that makes the bucket is the one that owns it."""
        if self.desired.owner is None or plan.steps[0].action != "s3:CreateBucket":
            return
        account_id = caller(self.aws).account_id
        if account_id != self.desired.owner:
            remediation = f"The bucket would belong to {account_id}: use credentials of {self.desired.owner}."
            reason = f"is to be created by {account_id}"
            raise ValidationError("expected_bucket_owner", self.desired.name, reason, remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        try:
            return self.aws.apply(plan)
        except ServiceError as error:
            if error.code == "NoSuchBucket":  # made a moment ago, or deleted meanwhile
                raise ConflictError(error) from error
            if error.code == "BucketAlreadyExists":
                remediation = "Bucket names are global: choose another one."
                raise ValidationError("bucket", self.desired.name, "belongs to another account", remediation) from error
            if error.code == "InvalidBucketAclWithObjectOwnership":
                error.add_hint(
                    "Remove the grants to others from the bucket's ACL first; grant the same in a bucket policy where "
                    "it is needed."
                )
            if error.action.endswith("BucketTagging") and error.code != "InvalidTag":
                error.add_hint(
                    "Where the bucket has ABAC enabled, S3 takes its tags by s3:TagResource only: leave tags out and "
                    "tag it there (aws s3control tag-resource)."
                )
            raise


@dataclass
class EncryptionResource:
    """The default encryption of a bucket, for the runner."""

    aws: Aws
    desired: DesiredEncryption

    def read(self) -> Encryption:
        encryption, missing = self._rules()
        return Encryption(encryption, self._key(), missing)

    def _rules(self) -> tuple[list[Mapping[str, t.Any]], ServiceError | None]:
        desired = self.desired
        try:
            answer = self.aws.call("s3:GetBucketEncryption", **address(desired.bucket, desired.owner))
        except ServiceError as error:
            explain(error, desired.owner)
            if error.code == "NoSuchBucket":
                return [DEFAULT_RULE], error
            if error.code == "ServerSideEncryptionConfigurationNotFoundError":
                return [NO_RULE], None
            raise
        if answer["ResponseMetadata"].get("RetryAttempts"):
            # The SDK may have followed a redirect to another Region, silently.
            head_bucket(self.aws, desired.bucket, desired.owner)
        return answer["ServerSideEncryptionConfiguration"]["Rules"], None

    def _key(self) -> Key | None:
        key_id = self.desired.key_id
        if key_id is None or self.desired.placeholder:
            return None
        key = describe(self.aws, key_id)
        if key is None:
            remediation = f"Give a key in {self.desired.region} by its id or ARN, or an alias as alias/name."
            reason = "does not exist, or not for these credentials"
            raise ValidationError("kms_master_key_id", key_id, reason, remediation)
        return key

    def decide(self, current: Encryption) -> Plan:
        return decide_encryption(self.desired, current)

    def guard(self, plan: Plan) -> None:
        """A boto3 that does not know a member drops it when it reads the rule, and the rule would lose it.

        Then what others in the bucket rely on.
        """
        if not self.aws.supports_member("s3", "ServerSideEncryptionRule", "BlockedEncryptionTypes"):
            remediation = f"Install boto3 >= {MINIMUM_BOTO3}."
            reason = "does not know BlockedEncryptionTypes"
            raise ValidationError("blocked_encryption_types", "this boto3", reason, remediation)
        desired = self.desired
        document = read_policy(self.aws, desired.bucket, desired.owner)
        refuse_conflicting_requirements(document, plan.result, objects_arn=desired.objects_arn)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        return self.aws.apply(plan)
