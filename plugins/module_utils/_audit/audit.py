# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit: what is wanted, what there is, and the findings. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from ansible_collections.coffer.velero.plugins.module_utils._audit import api, notice_api
from ansible_collections.coffer.velero.plugins.module_utils._audit.controls import CONTROLS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    BucketFacts,
    Fact,
    Facts,
    Known,
    Missing,
    TrailState,
    Unread,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Expected,
    coverage,
    judge,
    summary,
    verdict,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.trail import relied_on
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._kms.decide import alias_name
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

Params = Mapping[str, t.Any]


def expected_of(params: Params) -> Expected:
    """What the options of the task want.

    :raises ValidationError: where they do not fit together
    """
    profile = StorageProfile.parse(params["storage_profile"])
    if params["log_retention_in_days"] < 1:
        days = str(params["log_retention_in_days"])
        raise ValidationError("log_retention_in_days", days, "is no number of days", "Give 1 or more.")
    if params["kms_alias"] and not profile.encrypts_with_kms:
        reason = f"has no meaning with encryption_mode {profile.encryption_mode}"
        raise ValidationError("kms_alias", params["kms_alias"], reason, "Leave it out.")
    data_events = params["data_events"] in ("write", "all")
    return Expected(
        profile=profile,
        alias=alias_name(params["kms_alias"]) if params["kms_alias"] else None,
        rotation_period_in_days=params["kms_rotation_period_in_days"],
        policy_arn=params["policy_arn"],
        trail_name=params["trail_name"],
        data_events=params["data_events"],
        topic_arn=params["topic_arn"],
        notices=params["alarms"],
        metric_filters=_alerts.metric_filters(profile, data_events=data_events),
        alarms=_alarms(params, profile, log_group=True),
        # Without a log group of this account CloudWatch has nothing but KMS's own metric.
        alarms_without_log_group=_alarms(params, profile, log_group=False),
        rules=_alerts.event_rules(profile, topic_arn=params["topic_arn"]),
        retention_in_days=params["log_retention_in_days"],
    )


def _alarms(params: Params, profile: StorageProfile, *, log_group: bool) -> list[dict[str, t.Any]]:
    return _alerts.alarms(
        profile,
        topic_arn=params["topic_arn"],
        schedule_hours=params["backup_schedule_hours"],
        data_events=params["data_events"] in ("write", "all"),
        log_group=log_group,
    )


def audit(params: Params) -> dict[str, t.Any]:
    """Look at everything and judge it; the result of the task."""
    expected = expected_of(params)
    profile = expected.profile
    aws = Aws({**params, "region": params["region"] or profile.region})
    started = _now()
    facts = read(api.Reader(aws), expected)
    if isinstance(facts.log_group, Missing):
        expected = replace(expected, alarms=expected.alarms_without_log_group)
    findings = judge(CONTROLS, facts, expected)
    trail = relied_on(facts.trails.value, expected) if isinstance(facts.trails, Known) else None
    return {
        "verdict": verdict(findings),
        "findings": findings,
        "summary": summary(findings),
        "standards": coverage(findings),
        "account_id": profile.account_id,
        "region": profile.region,
        "bucket": profile.bucket,
        "prefix": profile.prefix,
        "trail_arn": trail.arn if trail else None,
        "started_at": started,
        "finished_at": _now(),
    }


def read(reader: api.Reader, expected: Expected) -> Facts:
    """Everything that the controls look at; no refusal ends it."""
    profile = expected.profile
    bucket = api.read_bucket(reader, profile.bucket, profile.account_id)
    role_policy: Fact[t.Any] = Unread("No policy was named (policy_arn).")
    known: dict[str, Fact[t.Any]] = {}
    if expected.policy_arn:
        role_policy = known[expected.policy_arn] = api.read_policy(reader, expected.policy_arn)
    return Facts(
        **api.read_key(reader, profile, expected.alias),
        bucket=bucket,
        account_block=api.read_account_block(reader, profile.account_id),
        role_policy=role_policy,
        roles=[api.read_role(reader, arn, profile.account_id, known) for arn in profile.role_arns],
        **_watching(reader, expected, bucket),
    )


def _watching(reader: api.Reader, expected: Expected, bucket: BucketFacts) -> dict[str, t.Any]:
    """The facts of the trail, and of what notices what it records."""
    trails = api.read_trails(reader)
    trail = relied_on(trails.value, expected) if isinstance(trails, Known) else None
    facts: dict[str, t.Any] = {"trails": trails, "trail_bucket": _trail_bucket(reader, expected, trail, bucket)}
    if trail is None:
        facts.update(notice_api.no_trail(trails))
    else:
        group = notice_api.read_log_group(reader, trail.trail, expected.place, filters=expected.notices)
        facts.update(group)
    return {**facts, **(_notices(reader, expected) if expected.notices else {})}


def _trail_bucket(reader: api.Reader, expected: Expected, trail: TrailState | None, bucket: BucketFacts) -> BucketFacts:
    name = str(trail.trail.get("S3BucketName") or "") if trail else ""
    if name == expected.profile.bucket:
        return bucket
    if name:  # of whichever account: that of an organization has it elsewhere
        return api.read_bucket(reader, name, None, api.OF_TRAIL)
    none = Missing("The trail has no bucket.", "not applicable")
    return BucketFacts(public_access_block=none, policy=none, ownership=none, acl=none, logging=none)


def _notices(reader: api.Reader, expected: Expected) -> dict[str, t.Any]:
    alarms = notice_api.read_alarms(reader, _alerts.resource_name(expected.profile, ""))
    names = [str(alarm["name"]) for alarm in expected.alarms]
    topics: Fact[t.Any]
    if isinstance(alarms, Known) or expected.topic_arn:
        arns = notice_api.topics_of(alarms, names, expected.topic_arn)
        topics = Known([notice_api.read_topic(reader, arn) for arn in arns])
    else:
        topics = alarms
    # The name of a rule is shortened where that of the bucket is long.
    wanted = {str(rule["name"]) for rule in expected.rules}
    rules = notice_api.read_rules(reader, f"velero-{expected.profile.bucket[:20]}", wanted)
    return {"alarms": alarms, "topics": topics, "rules": rules}


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
