# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit: the desired state, the live one, and the findings. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Mapping
from dataclasses import replace

from .._aws import Aws
from .._errors import ValidationError
from .._kms.decide import alias_name
from .._profile import StorageProfile
from . import api, monitoring, monitoring_api
from .controls import CONTROLS
from .facts import Absent, BucketFacts, Fact, Facts, Present, TrailState, Unavailable
from .model import Desired, evaluate_controls, highest_severity, overall_status, summary
from .trail import select_trail

Params = Mapping[str, t.Any]


def desired_of(params: Params) -> Desired:
    """What the options of the task ask for.

    :raises ValidationError: where they do not fit together
    """
    profile = StorageProfile.parse(params["storage_profile"])
    if params["log_retention_in_days"] < 1:
        days = str(params["log_retention_in_days"])
        raise ValidationError("log_retention_in_days", days, "is no number of days", "Give 1 or more.")
    if params["kms_alias"] and not profile.encrypts_with_kms:
        reason = f"has no meaning with encryption_mode {profile.encryption_mode}"
        raise ValidationError("kms_alias", params["kms_alias"], reason, "Leave it out.")
    return Desired(
        profile=profile,
        alias=alias_name(params["kms_alias"]) if params["kms_alias"] else None,
        rotation_period_in_days=params["kms_rotation_period_in_days"],
        policy_arn=params["policy_arn"],
        trail_name=params["trail_name"],
        data_events=params["data_events"],
        topic_arn=params["topic_arn"],
        monitoring=params["alarms"],
        retention_in_days=params["log_retention_in_days"],
        **monitoring.desired_monitoring(params, profile),
    )


def audit(params: Params) -> dict[str, t.Any]:
    """Read and evaluate everything; the result of the task."""
    desired = desired_of(params)
    profile = desired.profile
    aws = Aws({**params, "region": params["region"] or profile.region})
    started = _now()
    facts = read(api.Reader(aws), desired)
    if isinstance(facts.log_group, Absent):
        desired = replace(desired, alarms=desired.alarms_without_log_group)
    findings = evaluate_controls(CONTROLS, facts, desired)
    trail = select_trail(facts.trails.value, desired) if isinstance(facts.trails, Present) else None
    return {
        "status": overall_status(findings),
        "severity": highest_severity(findings),
        "findings": findings,
        "summary": summary(findings),
        "account_id": profile.account_id,
        "region": profile.region,
        "bucket": profile.bucket,
        "prefix": profile.prefix,
        "trail_arn": trail.arn if trail else None,
        "started_at": started,
        "finished_at": _now(),
    }


def read(reader: api.Reader, desired: Desired) -> Facts:
    """Everything that the controls evaluate; a denied request ends nothing."""
    profile = desired.profile
    bucket = api.read_bucket(reader, profile.bucket, profile.account_id)
    role_policy: Fact[t.Any] = Unavailable("The task names no policy (policy_arn).", "not_requested")
    known: dict[str, Fact[t.Any]] = {}
    if desired.policy_arn:
        role_policy = known[desired.policy_arn] = api.read_policy(reader, desired.policy_arn)
    return Facts(
        **api.read_key(reader, profile, desired.alias),
        bucket=bucket,
        account_block=api.read_account_block(reader, profile.account_id),
        role_policy=role_policy,
        roles=[api.read_role(reader, arn, profile.account_id, known) for arn in profile.role_arns],
        **_trail_facts(reader, desired, bucket),
        **(_monitoring_facts(reader, desired) if desired.monitoring else {}),
    )


def _trail_facts(reader: api.Reader, desired: Desired, bucket: BucketFacts) -> dict[str, t.Any]:
    trails = api.read_trails(reader)
    trail = select_trail(trails.value, desired) if isinstance(trails, Present) else None
    if trail is None:
        log_group = monitoring_api.no_trail(trails)
    else:
        log_group = monitoring_api.read_log_group(reader, trail.trail, desired)
    return {"trails": trails, "trail_bucket": _trail_bucket(reader, desired, trail, bucket), **log_group}


def _trail_bucket(reader: api.Reader, desired: Desired, trail: TrailState | None, bucket: BucketFacts) -> BucketFacts:
    name = str(trail.trail.get("S3BucketName") or "") if trail else ""
    if name == desired.profile.bucket:
        return bucket
    if name:  # of whichever account: that of an organization has it elsewhere
        return api.read_bucket(reader, name, None, api.OF_TRAIL)
    none = Absent("There is no trail.", "no_trail", "not_applicable")
    return BucketFacts(public_access_block=none, policy=none, ownership=none, acl=none, logging=none)


def _monitoring_facts(reader: api.Reader, desired: Desired) -> dict[str, t.Any]:
    alarms = monitoring_api.read_alarms(reader, monitoring.alarm_prefix(desired.profile))
    topics: Fact[t.Any] = alarms
    if isinstance(alarms, Present) or desired.topic_arn:
        arns = monitoring_api.topics_of(alarms, desired)
        topics = Present([monitoring_api.read_topic(reader, arn) for arn in arns])
    # The name of a rule is shortened where that of the bucket is long.
    prefix = f"velero-{desired.profile.bucket[:20]}"
    rules = monitoring_api.read_rules(reader, prefix, {rule["name"] for rule in desired.rules})
    return {"alarms": alarms, "topics": topics, "rules": rules}


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
