# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the trail, its bucket and its log group. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._arn import s3_arn
from .._cloudtrail.evaluate import TrailFacts, evaluate_trail, select_best_trail
from . import bucket
from .facts import CheckResult, Facts, NoValue, Present, TrailState
from .model import (
    Checks,
    Control,
    Desired,
    Evaluate,
    check_account,
    compliant,
    enabled,
    non_compliant,
    not_applicable,
    one_check,
)


def select_trail(trails: Sequence[TrailState], desired: Desired) -> TrailState | None:
    """The trail that is audited: the one that the task names, else the best that records the key, else the first."""
    if desired.trail_name is not None:
        names = (desired.trail_name, desired.trail_name.rpartition("/")[2])
        found = (one for one in trails if one.arn == names[0] or one.trail.get("Name") == names[1])
        return next(found, None)
    judged: dict[str, TrailState] = {}
    facts = []
    for one in trails:
        try:
            facts.append(_judge(one, desired))
            judged[one.arn] = one
        except NoValue:  # another one may be readable
            continue
    chosen = select_best_trail(facts, data_events=desired.data_events)
    return judged[chosen.arn] if chosen else next(iter(trails), None)


def _judge(state: TrailState, desired: Desired) -> TrailFacts:
    return evaluate_trail(state.trail, state.selectors.value, state.status.value, _objects(desired))


def _objects(desired: Desired) -> str:
    """The beginning of the ARNs of Velero's objects."""
    return desired.profile.objects_arn.removesuffix("*")


def _no_trail(desired: Desired) -> str:
    return f"There is no trail {desired.trail_name}" if desired.trail_name else "There is no trail"


def _trail(facts: Facts, desired: Desired) -> TrailState:
    found = select_trail(facts.trails.value, desired)
    if found is None:
        raise NoValue(not_applicable("no_trail", f"{_no_trail(desired)}."))
    return found


def _check_trail(evaluate: Callable[[TrailState, Desired], CheckResult]) -> Checks:
    return one_check(
        lambda facts, desired: _trail(facts, desired).arn,
        lambda facts, desired: evaluate(_trail(facts, desired), desired),
    )


def _check_trail_bucket(evaluate: Evaluate) -> Checks:
    def arn(facts: Facts, desired: Desired) -> str:
        return s3_arn(desired.profile.partition, str(_trail(facts, desired).trail.get("S3BucketName")))

    return one_check(arn, evaluate)


def _multi_region(facts: Facts, _desired: Desired) -> CheckResult:
    """Whether one of the trails is so; a trail that could not be read may be the one."""
    unavailable: NoValue | None = None
    for one in facts.trails.value:
        if not one.trail.get("IsMultiRegionTrail"):
            continue
        try:
            judged = evaluate_trail(one.trail, one.selectors.value, one.status.value)
        except NoValue as nothing:
            unavailable = unavailable or nothing
            continue
        if judged.is_logging and judged.management_events == "all":
            return compliant(f"{one.arn} records all management events of all Regions.")
    if unavailable:
        raise unavailable
    return non_compliant("no_trail", "No multi-Region trail that is logging records all management events.")


def _encrypted(state: TrailState, _desired: Desired) -> CheckResult:
    key = state.trail.get("KmsKeyId")
    if key:
        return compliant(f"Its log files are encrypted under {key}.")
    return non_compliant("not_enabled", "Its log files are not encrypted under a KMS key.")


def _delivers_to_log_group(state: TrailState, _desired: Desired) -> CheckResult:
    group = state.trail.get("CloudWatchLogsLogGroupArn")
    if group:
        return compliant(f"It delivers to {group}.")
    return non_compliant("no_log_group", "It delivers to no log group.")


def _records_key(facts: Facts, desired: Desired) -> CheckResult:
    state = select_trail(facts.trails.value, desired)
    if state is None:
        return non_compliant("no_trail", f"{_no_trail(desired)}: nothing records who used the key.")
    judged = _judge(state, desired)
    if judged.records_kms:
        return compliant(f"{judged.arn} is logging, and records every call of KMS.")
    return non_compliant("not_enabled", f"{judged.arn} {' and '.join(judged.reasons)}.")


def _delivers(state: TrailState, _desired: Desired) -> CheckResult:
    errors = evaluate_trail(state.trail, None, state.status.value).delivery_errors
    if errors:
        named = ", ".join(f"{target}: {error}" for target, error in errors.items())
        return non_compliant("unusable", f"The last delivery failed: {named}.")
    return compliant("The last deliveries had no error.")


def _records_objects(state: TrailState, desired: Desired) -> CheckResult:
    if desired.data_events == "none":
        return not_applicable("not_requested", "The task requests no data events (data_events).")
    objects = _objects(desired)
    found = evaluate_trail(state.trail, state.selectors.value, {}, objects).data_events
    if found in (desired.data_events, "all"):
        return compliant(f"It records the data events of {objects}: {found}.")
    message = f"Of the data events of {objects} it records {found}, not {desired.data_events}."
    return non_compliant("differs", message)


def _separate_bucket(facts: Facts, desired: Desired) -> CheckResult:
    if _trail(facts, desired).trail.get("S3BucketName") == desired.profile.bucket:
        message = "It is the bucket of the backups: who may delete them may delete the record of it too."
        return non_compliant("too_permissive", message)
    return compliant("It is not the bucket of the backups.")


def _bucket_not_public(facts: Facts, _desired: Desired) -> CheckResult:
    # The account's Block Public Access is that of the caller's account, which need not be the bucket's.
    results = [bucket.not_public(facts.trail_bucket, way, Present({})) for way in ("read", "write")]
    return next((result for result in results if result.status == "non_compliant"), results[0])


def _log_group_arn(facts: Facts, desired: Desired) -> str:
    trail = _trail(facts, desired)
    return str(trail.trail.get("CloudWatchLogsLogGroupArn") or trail.arn)


def _retention(facts: Facts, desired: Desired) -> CheckResult:
    days = facts.log_group.value.get("retentionInDays")
    if days is None:
        return compliant("Events never expire.")
    if days < desired.retention_in_days:
        return non_compliant("differs", f"Events expire after {days} days, not after {desired.retention_in_days}.")
    return compliant(f"Events expire after {days} days.")


_CREATE = "Set kms_audit_trail=true, or have the owner of the trail correct it (coffer.velero.cloudtrail)."

TRAIL = (
    Control(
        identifier="CloudTrail.1",
        title=(
            "CloudTrail should be enabled and configured with at least one multi-Region trail that includes read and "
            "write management events"
        ),
        severity="high",
        requirement="A multi-Region trail is logging, and records all management events, read and write.",
        remediation=_CREATE,
        checks=check_account(_multi_region),
    ),
    Control(
        identifier="CloudTrail.2",
        title="CloudTrail should have encryption at-rest enabled",
        severity="medium",
        requirement="The trail has a KMS key. Other trails are not evaluated.",
        remediation="Give the trail its own key, not that of the backups (kms_key_id of coffer.velero.cloudtrail).",
        checks=_check_trail(_encrypted),
    ),
    Control(
        identifier="CloudTrail.4",
        title="CloudTrail log file validation should be enabled",
        severity="low",
        requirement="The trail has log file validation. Other trails are not evaluated.",
        remediation="Enable log file validation; coffer.velero.cloudtrail does.",
        checks=_check_trail(
            lambda state, _desired: enabled(state.trail.get("LogFileValidationEnabled"), "Log file validation")
        ),
    ),
    Control(
        identifier="CloudTrail.5",
        title="CloudTrail trails should be integrated with Amazon CloudWatch Logs",
        severity="low",
        requirement="The trail delivers to a log group. Without one no metric filter counts its events.",
        remediation=_CREATE,
        checks=_check_trail(_delivers_to_log_group),
    ),
    Control(
        identifier="CloudTrail.6",
        title="Ensure the S3 bucket used to store CloudTrail logs is not publicly accessible",
        severity="critical",
        requirement="Neither policy nor ACL of the bucket grants public access, or its Block Public Access is on.",
        remediation="Turn Block Public Access of the trail's bucket on with coffer.velero.s3_bucket.",
        checks=_check_trail_bucket(_bucket_not_public),
    ),
    Control(
        identifier="CloudTrail.7",
        title="Ensure S3 bucket access logging is enabled on the CloudTrail S3 bucket",
        severity="low",
        requirement="Server access logging of the trail's bucket has a target bucket.",
        remediation="Enable server access logging to a third bucket (aws s3api put-bucket-logging).",
        checks=_check_trail_bucket(lambda facts, _desired: bucket.access_logging(facts.trail_bucket)),
    ),
    Control(
        identifier="CloudWatch.16",
        title="CloudWatch log groups should be retained for a specified time period",
        severity="medium",
        requirement="The trail's log group keeps events for log_retention_in_days, 365 by default, or forever.",
        remediation="Give the log group a longer retention with coffer.velero.cloudwatch_log_group.",
        checks=one_check(_log_group_arn, _retention),
    ),
    Control(
        identifier="coffer.20",
        title="A trail records every use of the key",
        severity="high",
        requirement="The trail is logging, and its selectors record every call of KMS, read-only calls too.",
        remediation=_CREATE,
        checks=check_account(_records_key),
        covers="CloudTrail.3",
    ),
    Control(
        identifier="coffer.21",
        title="The trail delivers its events",
        severity="high",
        requirement="The last delivery to the bucket, the log group and the topic had no error.",
        remediation="Correct the bucket policy, the role for the log group or the key (coffer.velero.cloudtrail does).",
        checks=_check_trail(_delivers),
    ),
    Control(
        identifier="coffer.22",
        title="The trail records the data events of the backups",
        severity="medium",
        requirement="The selectors record the data events of the backups' prefix that data_events asks for.",
        remediation="Set data_events of coffer.velero.cloudtrail. CloudTrail charges for each data event.",
        checks=_check_trail(_records_objects),
    ),
    Control(
        identifier="coffer.23",
        title="The trail's bucket is not the bucket of the backups",
        severity="high",
        requirement="The trail delivers its log files to another bucket.",
        remediation="Give the trail a bucket of its own (kms_audit_bucket).",
        checks=_check_trail_bucket(_separate_bucket),
    ),
)
