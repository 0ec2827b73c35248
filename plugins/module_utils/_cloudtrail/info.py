# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which trails record the use of a key. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import asdict

from .._arn import Arn, s3_arn
from .._aws import Aws
from .._errors import ValidationError
from .api import read_other_trail, trails
from .evaluate import TrailFacts, evaluate_trail, select_best_trail
from .selectors import EventCoverage


def report(
    aws: Aws, *, key_arn: str | None, bucket: str | None, prefix: str = "", data_events: EventCoverage = "none"
) -> dict[str, t.Any]:
    """What ``cloudtrail_info`` returns.

    :raises ValidationError: for a key of another Region
    """
    if key_arn:
        _refuse_region(key_arn, aws.region)
    if data_events != "none" and not bucket:
        remediation = "Set bucket, and prefix where there is one."
        raise ValidationError("data_events", data_events, "needs a bucket", remediation)
    objects = objects_arn_prefix(aws.partition, bucket, prefix)
    raw = [read_other_trail(aws, trail) for trail in trails(aws)]
    facts = [evaluate_trail(one.description, one.selectors, one.status, objects) for one in raw]
    found = select_best_trail(facts, data_events=data_events)
    return {
        "trail": described(found) if found else None,
        "reasons": [] if found else reasons(facts, aws.region),
        "trails": [described(trail) for trail in facts],
    }


def objects_arn_prefix(partition: str, bucket: str | None, prefix: str) -> str | None:
    """How the ARNs of the objects of a prefix begin."""
    if not bucket:
        return None
    inside = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return s3_arn(partition, f"{bucket}/{inside}")


def described(facts: TrailFacts) -> dict[str, t.Any]:
    return {**asdict(facts), "records_kms": facts.records_kms}


def reasons(facts: Sequence[TrailFacts], region: str) -> list[str]:
    """Why there is no trail to rely on."""
    if not facts:
        return [f"No trail records in {region}: coffer.velero.cloudtrail makes one."]
    return [f"{trail.name} {reason}." for trail in facts for reason in trail.reasons]


def _refuse_region(key_arn: str, region: str) -> None:
    arn = Arn.parse_key(key_arn)
    if arn is None:
        remediation = "Give arn:aws:kms:REGION:ACCOUNT:key/ID; coffer.velero.kms_key returns it as key_arn."
        raise ValidationError("key_arn", key_arn, "is not the ARN of a key", remediation)
    if arn.region != region:
        remediation = f"Set region to {arn.region}: the use of a key is recorded in its Region."
        raise ValidationError("key_arn", key_arn, f"is not in {region}", remediation)
