# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a bucket and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._arn import partition_of
from ansible_collections.coffer.velero.plugins.module_utils._plan import Changes, Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._s3.model import BLOCKED, OWNER_ENFORCED, Bucket, address
from ansible_collections.coffer.velero.plugins.module_utils._tags import tag_changes, tag_list


@dataclass(frozen=True, kw_only=True)
class WantedBucket:
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


def decide_bucket(wanted: WantedBucket, current: Bucket | None) -> Plan:
    """The plan for a bucket, also for one that an earlier run could not finish."""
    there = current or Bucket(wanted.name, {}, OWNER_ENFORCED, "", {})
    parts = (
        ((), ()) if current else _create(wanted),
        _public_access(wanted, there),
        _ownership(wanted, there),
        _versioning(wanted, there),
        _tags(wanted, there),
    )
    steps = tuple(step for part in parts for step in part[0])
    differences = tuple(difference for part in parts for difference in part[1])
    return Plan(steps, differences, _result(wanted, there), _warnings(wanted))


def _create(wanted: WantedBucket) -> Changes:
    # S3 takes no LocationConstraint for the Region that buckets are in by default.
    place = {"CreateBucketConfiguration": {"LocationConstraint": wanted.region}} if wanted.region != "us-east-1" else {}
    arguments = {"Bucket": wanted.name, "ObjectOwnership": OWNER_ENFORCED, **place}
    differences = (
        Difference("bucket", None, wanted.name),
        Difference("region", None, wanted.region),
        Difference("object_ownership", None, OWNER_ENFORCED),
    )
    return (Step("s3:CreateBucket", arguments),), differences


def _public_access(wanted: WantedBucket, current: Bucket) -> Changes:
    if dict(current.public_access_block) == BLOCKED:
        return (), ()
    step = Step("s3:PutPublicAccessBlock", {**wanted.address, "PublicAccessBlockConfiguration": BLOCKED})
    return (step,), (Difference("public_access_block", dict(current.public_access_block) or None, BLOCKED),)


def _ownership(wanted: WantedBucket, current: Bucket) -> Changes:
    if current.ownership == OWNER_ENFORCED:
        return (), ()
    controls = {"Rules": [{"ObjectOwnership": OWNER_ENFORCED}]}
    step = Step("s3:PutBucketOwnershipControls", {**wanted.address, "OwnershipControls": controls})
    return (step,), (Difference("object_ownership", current.ownership, OWNER_ENFORCED),)


def _versioning(wanted: WantedBucket, current: Bucket) -> Changes:
    before = (current.versioning or "").lower() or None
    # A bucket that never had versions makes none, as a suspended one.
    if wanted.versioning is None or wanted.versioning == (before or "suspended"):
        return (), ()
    configuration = {"Status": wanted.versioning.capitalize()}
    step = Step("s3:PutBucketVersioning", {**wanted.address, "VersioningConfiguration": configuration})
    return (step,), (Difference("versioning", before, wanted.versioning),)


def _tags(wanted: WantedBucket, current: Bucket) -> Changes:
    before = dict(current.tags or {})
    present, absent = tag_changes(wanted.tags, before, purge=wanted.purge_tags)
    if not present and not absent:
        return (), ()
    # S3 has no request for one tag: the set is replaced, with the tags that stay.
    after = _tags_after(wanted, current)
    if after:
        step = Step("s3:PutBucketTagging", {**wanted.address, "Tagging": {"TagSet": tag_list(after)}})
    else:
        step = Step("s3:DeleteBucketTagging", wanted.address)
    return (step,), (Difference("tags", before or None, after or None),)


def _tags_after(wanted: WantedBucket, current: Bucket) -> dict[str, str]:
    before = dict(current.tags or {})
    present, absent = tag_changes(wanted.tags, before, purge=wanted.purge_tags)
    return {name: value for name, value in {**before, **present}.items() if name not in absent}


def _result(wanted: WantedBucket, current: Bucket) -> dict[str, t.Any]:
    return {
        "bucket": wanted.name,
        "bucket_arn": f"arn:{partition_of(wanted.region)}:s3:::{wanted.name}",
        "region": wanted.region,
        "versioning": wanted.versioning,
        "tags": _tags_after(wanted, current),
    }


def _warnings(wanted: WantedBucket) -> tuple[str, ...]:
    if "." not in wanted.name:
        return ()
    return (
        f"bucket: {wanted.name} has a dot: S3's TLS certificate does not cover it as a host name, so clients fall back "
        "to path-style requests. Prefer hyphens.",
    )
