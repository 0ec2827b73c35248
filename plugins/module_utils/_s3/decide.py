# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a bucket and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._arn import partition_of, s3_arn
from .._plan import NOTHING, Changes, Difference, Plan, Step, joined
from .._tags import tag_list, tags_after
from .model import (
    BLOCKED,
    OWNER_ENFORCED,
    Bucket,
    address,
    is_account_regional,
    validate_new_bucket_name,
)


@dataclass(frozen=True, kw_only=True)
class DesiredBucket:
    """What a task wants of a bucket. ``None`` means: leave it as it is.

    :param owner: the account that must own the bucket
    """

    name: str
    region: str
    versioning: str | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    owner: str | None = None

    @property
    def address(self) -> dict[str, t.Any]:
        """The arguments that every request about the bucket has."""
        return address(self.name, self.owner)


def decide_bucket(desired: DesiredBucket, current: Bucket | None) -> Plan:
    """The plan for a bucket, also for one that an earlier run could not finish."""
    there = current or Bucket(desired.name, {}, OWNER_ENFORCED, "", {})
    parts = (
        NOTHING if current else _create(desired),
        _public_access(desired, there),
        _ownership(desired, there),
        _versioning(desired, there),
        _tags(desired, there),
    )
    steps, differences = joined(parts)
    result = {
        "bucket": desired.name,
        "bucket_arn": s3_arn(partition_of(desired.region), desired.name),
        "region": desired.region,
        "versioning": desired.versioning,
        "tags": tags_after(desired.tags, there.tags, purge=desired.purge_tags),
    }
    warning = (
        f"bucket: {desired.name} has a dot: S3's TLS certificate does not cover it as a host name, so clients fall "
        "back to path-style requests. Prefer hyphens."
    )
    return Plan(steps, differences, result, (warning,) if "." in desired.name else ())


def _create(desired: DesiredBucket) -> Changes:
    validate_new_bucket_name(desired.name, desired.region)
    # S3 takes no LocationConstraint for the Region that buckets are in by default.
    arguments: dict[str, t.Any] = {"Bucket": desired.name, "ObjectOwnership": OWNER_ENFORCED}
    if desired.region != "us-east-1":
        arguments["CreateBucketConfiguration"] = {"LocationConstraint": desired.region}
    if is_account_regional(desired.name):
        arguments["BucketNamespace"] = "account-regional"
    differences = (
        Difference("bucket", None, desired.name),
        Difference("region", None, desired.region),
        Difference("object_ownership", None, OWNER_ENFORCED),
    )
    return (Step("s3:CreateBucket", arguments),), differences


def _public_access(desired: DesiredBucket, current: Bucket) -> Changes:
    if dict(current.public_access_block) == BLOCKED:
        return NOTHING
    step = Step("s3:PutPublicAccessBlock", {**desired.address, "PublicAccessBlockConfiguration": BLOCKED})
    return (step,), (Difference("public_access_block", dict(current.public_access_block) or None, BLOCKED),)


def _ownership(desired: DesiredBucket, current: Bucket) -> Changes:
    if current.ownership == OWNER_ENFORCED:
        return NOTHING
    controls = {"Rules": [{"ObjectOwnership": OWNER_ENFORCED}]}
    step = Step("s3:PutBucketOwnershipControls", {**desired.address, "OwnershipControls": controls})
    return (step,), (Difference("object_ownership", current.ownership, OWNER_ENFORCED),)


def _versioning(desired: DesiredBucket, current: Bucket) -> Changes:
    before = (current.versioning or "").lower() or None
    # A bucket that never had versions makes none, as a suspended one.
    if desired.versioning is None or desired.versioning == (before or "suspended"):
        return NOTHING
    configuration = {"Status": desired.versioning.capitalize()}
    step = Step("s3:PutBucketVersioning", {**desired.address, "VersioningConfiguration": configuration})
    return (step,), (Difference("versioning", before, desired.versioning),)


def _tags(desired: DesiredBucket, current: Bucket) -> Changes:
    before = dict(current.tags or {})
    after = tags_after(desired.tags, before, purge=desired.purge_tags)
    if after == before:
        return NOTHING
    # S3 has no request for one tag: the set is replaced, with the tags that stay.
    if after:
        step = Step("s3:PutBucketTagging", {**desired.address, "Tagging": {"TagSet": tag_list(after)}})
    else:
        step = Step("s3:DeleteBucketTagging", desired.address)
    return (step,), (Difference("tags", before or None, after or None),)
