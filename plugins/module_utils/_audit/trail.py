# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the trail, its bucket and its log group. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.coffer.velero.plugins.module_utils._audit import bucket_checks
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Facts, Known, NoValue, TrailState
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Ask,
    Control,
    Expected,
    about,
    does_not_apply,
    fails,
    passes,
    related,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.evaluate import (
    TrailFacts,
    evaluate_trail,
    select_best_trail,
)
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.selectors import (
    DEFAULT,
    EventCoverage,
    event_coverage,
    object_events,
    selectors_of,
)


def relied_on(trails: Sequence[TrailState], expected: Expected) -> TrailState | None:
    """The trail that is audited: the one that was named, else the best that records the key, else the first."""
    if expected.trail_name is not None:
        names = (expected.trail_name, expected.trail_name.rpartition("/")[2])
        found = (one for one in trails if one.arn == names[0] or one.trail.get("Name") == names[1])
        return next(found, None)
    judged: dict[str, TrailState] = {}
    facts = []
    for one in trails:
        try:
            facts.append(_judge(one, expected))
            judged[one.arn] = one
        except NoValue:  # another one may be readable
            continue
    chosen = select_best_trail(facts, data_events=expected.data_events)
    return judged[chosen.arn] if chosen else next(iter(trails), None)


def _judge(state: TrailState, expected: Expected) -> TrailFacts:
    return evaluate_trail(state.trail, state.selectors.value, state.status.value, backups(expected))


def backups(expected: Expected) -> str:
    """The beginning of the ARNs of Velero's objects."""
    return expected.profile.objects_arn.removesuffix("*")


def _trail(facts: Facts, expected: Expected) -> TrailState:
    found = relied_on(facts.trails.value, expected)
    if found is None:
        name = f"no trail {expected.trail_name}" if expected.trail_name else "no trail"
        raise NoValue("not applicable", f"There is {name} to look at.")
    return found


def _trail_arn(facts: Facts, expected: Expected) -> str:
    return _trail(facts, expected).arn


def _of_trail(answer: Callable[[TrailState, Expected], Answer]) -> Ask:
    return about(_trail_arn, lambda facts, expected: answer(_trail(facts, expected), expected))


def _of_account(answer: Callable[[Facts, Expected], Answer]) -> Ask:
    return about(lambda _facts, expected: expected.account_arn, answer)


def _of_trail_bucket(answer: Callable[[Facts, Expected], Answer]) -> Ask:
    def arn(facts: Facts, expected: Expected) -> str:
        return f"arn:{expected.profile.partition}:s3:::{_trail(facts, expected).trail.get('S3BucketName')}"

    return about(arn, answer)


def _any_of(facts: Facts, question: Callable[[TrailState], bool], good: str, bad: str) -> Answer:
    """Whether one of the trails is so; a trail that was not read may be the one."""
    unread: NoValue | None = None
    for one in facts.trails.value:
        try:
            if question(one):
                return passes(f"{one.arn} {good}.")
        except NoValue as nothing:
            unread = unread or nothing
    if unread:
        raise unread
    return fails(f"{bad}.")


def _multi_region(facts: Facts, expected: Expected) -> Answer:
    def everything(one: TrailState) -> bool:
        is_multi = bool(one.trail.get("IsMultiRegionTrail"))
        return is_multi and evaluate_trail(one.trail, one.selectors.value, {}).management_events == "all"

    good = "records the management events of all Regions, read and write, without exclusions"
    return _any_of(facts, everything, good, "No trail of all Regions records all management events")


def _enabled(facts: Facts, _expected: Expected) -> Answer:
    return _any_of(facts, lambda one: bool(one.status.value.get("IsLogging")), "is logging", "No trail is logging")


def _all_buckets(way: EventCoverage) -> Callable[[Facts, Expected], Answer]:
    def answer(facts: Facts, expected: Expected) -> Answer:
        events = object_events(f"arn:{expected.profile.partition}:s3:::")

        def everything(one: TrailState) -> bool:
            selectors = one.selectors.value
            known = (DEFAULT,) if selectors is None else selectors_of(selectors)
            return bool(one.trail.get("IsMultiRegionTrail")) and event_coverage(known, events) in (way, "all")

        bad = (
            f"No trail of all Regions records the {way} events of all buckets, which the control demands; a trail of "
            "the backups' alone is not enough for it"
        )
        return _any_of(facts, everything, f"records the {way} events of all buckets in all Regions", bad)

    return answer


def _encrypted(state: TrailState, _expected: Expected) -> Answer:
    key = state.trail.get("KmsKeyId")
    return passes(f"Its files are encrypted under {key}.") if key else fails("Its files are not under a KMS key.")


def _validated(state: TrailState, _expected: Expected) -> Answer:
    if state.trail.get("LogFileValidationEnabled"):
        return passes("Log file validation is on.")
    return fails("Log file validation is off.")


def _delivers_to_logs(state: TrailState, _expected: Expected) -> Answer:
    group = state.trail.get("CloudWatchLogsLogGroupArn")
    return passes(f"It delivers to {group}.") if group else fails("It delivers to no log group.")


def _records_key(facts: Facts, expected: Expected) -> Answer:
    state = relied_on(facts.trails.value, expected)
    if state is None:
        missing = f"There is no trail {expected.trail_name}" if expected.trail_name else "There is no trail"
        return fails(f"{missing}: nobody can tell who used the key.")
    judged = _judge(state, expected)
    if judged.records_kms:
        return passes(f"{judged.arn} is logging, and records every call of KMS.")
    return fails(f"{judged.arn} {' and '.join(judged.reasons)}.")


def _delivers(state: TrailState, expected: Expected) -> Answer:
    errors = evaluate_trail(state.trail, None, state.status.value).delivery_errors
    if errors:
        return fails(f"The last delivery failed: {', '.join(f'{place}: {error}' for place, error in errors.items())}.")
    return passes("The last deliveries had no error.")


def _records_backups(state: TrailState, expected: Expected) -> Answer:
    if expected.data_events == "none":
        return does_not_apply("No data events were asked for.")
    found = evaluate_trail(state.trail, state.selectors.value, {}, backups(expected)).data_events
    if found in (expected.data_events, "all"):
        return passes(f"It records the data events of {backups(expected)}: {found}.")
    return fails(f"Of the data events of {backups(expected)} it records {found}, not {expected.data_events}.")


def _bucket_apart(facts: Facts, expected: Expected) -> Answer:
    bucket = _trail(facts, expected).trail.get("S3BucketName")
    if bucket == expected.profile.bucket:
        return fails("It is the bucket of the backups: whoever may delete them may delete the record of it too.")
    return passes("It is not the bucket of the backups.")


def _bucket_not_public(facts: Facts, _expected: Expected) -> Answer:
    # Its own block is looked at; that of the account is of the account of whoever asks, which may be another one.
    answers = [bucket_checks.not_open(facts.trail_bucket, way, Known({})) for way in ("read", "write")]
    return next((answer for answer in answers if answer.status == "fail"), answers[0])


def _bucket_logged(facts: Facts, _expected: Expected) -> Answer:
    return bucket_checks.access_logging(facts.trail_bucket)


def _log_group(facts: Facts, expected: Expected) -> str:
    return str(_trail(facts, expected).trail.get("CloudWatchLogsLogGroupArn") or _trail_arn(facts, expected))


def _kept(facts: Facts, expected: Expected) -> Answer:
    days = facts.log_group.value.get("retentionInDays")
    if days is None:
        return passes("Events never expire.")
    if days < expected.retention_in_days:
        return fails(f"Events are kept for {days} days, not for {expected.retention_in_days}.")
    return passes(f"Events are kept for {days} days.")


_RECORD = "AC-2(4) AC-4(26) AC-6(9) AU-2 AU-3 AU-6(3) AU-6(4) AU-10 AU-12 CA-7 SC-7(9) SI-3(8) SI-4(20) SI-7(8)"
_MADE = "Set kms_audit_trail=true, or correct the trail with whoever owns it (coffer.velero.cloudtrail)."
_EVERY_BUCKET = (
    "A trail for all buckets costs by the event. If the backups' alone are enough for you, accept the finding: {} says "
    "whether they are recorded."
).format("coffer.22")

TRAIL = (
    Control(
        identifier="CloudTrail.1",
        title=(
            "CloudTrail should be enabled and configured with at least one multi-Region trail that includes read and "
            "write management events"
        ),
        severity="high",
        standards=related(
            fsbp="CloudTrail.1", cis7="4.1", cis5="3.1", cis3="3.1", cis1="3.1", nist=f"{_RECORD} AU-14(1) SA-8(22)"
        ),
        checked="A trail of all Regions records all management events, read and write, and excludes no source.",
        remediation=_MADE,
        ask=_of_account(_multi_region),
    ),
    Control(
        identifier="CloudTrail.2",
        title="CloudTrail should have encryption at-rest enabled",
        severity="medium",
        standards=related(
            fsbp="CloudTrail.2",
            cis7="4.5",
            cis5="3.5",
            cis3="3.5",
            cis1="3.7",
            pci4="10.3.2",
            pci3="3.4",
            nist="AU-9 CA-9(1) CM-3(6) SC-13 SC-28 SC-28(1) SC-7(10) SI-7(6)",
        ),
        checked="The trail has a KMS key. Other trails are not looked at.",
        remediation=(
            "Give the trail a key of its own, not that of the backups (kms_key_id of coffer.velero.cloudtrail)."
        ),
        ask=_of_trail(_encrypted),
    ),
    Control(
        identifier="CloudTrail.3",
        title="At least one CloudTrail trail should be enabled",
        severity="high",
        standards=related(pci4="10.2.1", pci3="10.1 10.2.1 10.2.2 10.2.3 10.2.4 10.2.5 10.2.6 10.2.7 10.3.1"),
        checked="A trail is logging.",
        remediation=_MADE,
        ask=_of_account(_enabled),
    ),
    Control(
        identifier="CloudTrail.4",
        title="CloudTrail log file validation should be enabled",
        severity="low",
        standards=related(
            fsbp="CloudTrail.4",
            cis7="4.2",
            cis5="3.2",
            cis3="3.2",
            cis1="3.2",
            pci4="10.3.2",
            pci3="10.5.2 10.5.5",
            nist="AU-9 SI-4 SI-7(1) SI-7(3) SI-7(7)",
        ),
        checked="The trail has log file validation. Other trails are not looked at.",
        remediation="Turn log file validation on; coffer.velero.cloudtrail does.",
        ask=_of_trail(_validated),
    ),
    Control(
        identifier="CloudTrail.5",
        title="CloudTrail trails should be integrated with Amazon CloudWatch Logs",
        severity="low",
        standards=related(
            fsbp="CloudTrail.5",
            cis1="3.4",
            pci3="10.5.3",
            nist=f"{_RECORD} AU-6(1) AU-6(5) AU-7(1) SI-4(5) SI-20",
        ),
        checked="The trail delivers to a log group, without which no metric filter sees anything.",
        remediation=_MADE,
        ask=_of_trail(_delivers_to_logs),
    ),
    Control(
        identifier="CloudTrail.6",
        title="Ensure the S3 bucket used to store CloudTrail logs is not publicly accessible",
        severity="critical",
        standards=related(cis1="3.3", pci4="1.4.4"),
        checked="Neither policy nor ACL of the trail's bucket lets anybody in, or its own block stands before them.",
        remediation="Block public access of the trail's bucket with coffer.velero.bucket.",
        ask=_of_trail_bucket(_bucket_not_public),
    ),
    Control(
        identifier="CloudTrail.7",
        title="Ensure S3 bucket access logging is enabled on the CloudTrail S3 bucket",
        severity="low",
        standards=related(cis7="4.4", cis5="3.4", cis3="3.4", cis1="3.6", pci4="10.2.1"),
        checked="Server access logging of the trail's bucket has a target.",
        remediation="Turn server access logging on, to a third bucket (aws s3api put-bucket-logging).",
        ask=_of_trail_bucket(_bucket_logged),
    ),
    Control(
        identifier="S3.22",
        title="S3 general purpose buckets should log object-level write events",
        severity="medium",
        standards=related(cis7="4.8", cis5="3.8", cis3="3.8", pci4="10.2.1"),
        checked="A trail of all Regions records the write events of all buckets. Those of the backups do not pass it.",
        remediation=_EVERY_BUCKET,
        ask=_of_account(_all_buckets("write")),
    ),
    Control(
        identifier="S3.23",
        title="S3 general purpose buckets should log object-level read events",
        severity="medium",
        standards=related(cis7="4.9", cis5="3.9", cis3="3.9", pci4="10.2.1"),
        checked="A trail of all Regions records the read events of all buckets. Those of the backups do not pass it.",
        remediation=_EVERY_BUCKET,
        ask=_of_account(_all_buckets("read")),
    ),
    Control(
        identifier="CloudWatch.16",
        title="CloudWatch log groups should be retained for a specified time period",
        severity="medium",
        standards=related(nist="AU-6(3) AU-6(4) AU-10 AU-11 CA-7 SI-12"),
        checked="The trail's log group keeps events for as long as was asked for, 365 days by default, or forever.",
        remediation="Give the log group a longer retention with coffer.velero.log_group.",
        ask=about(_log_group, _kept),
    ),
    Control(
        identifier="coffer.20",
        title="A trail records every use of the key",
        severity="high",
        checked="The trail is logging, and its selectors let every call of KMS through, the reading ones too.",
        remediation=_MADE,
        ask=_of_account(_records_key),
    ),
    Control(
        identifier="coffer.21",
        title="The trail delivers what it records",
        severity="high",
        checked="The last delivery to the bucket, the log group and the topic had no error.",
        remediation=(
            "Correct the policy of the bucket, the role for the log group or the key; coffer.velero.cloudtrail does."
        ),
        ask=_of_trail(_delivers),
    ),
    Control(
        identifier="coffer.22",
        title="The trail records what is done to the backups",
        severity="medium",
        checked="The selectors let the data events of the backups' prefix through that were asked for.",
        remediation="Set data_events of coffer.velero.cloudtrail; they cost by the event.",
        ask=_of_trail(_records_backups),
    ),
    Control(
        identifier="coffer.23",
        title="The trail's bucket is not that of the backups",
        severity="high",
        checked="The trail stores its files in another bucket.",
        remediation="Give the trail a bucket of its own (kms_audit_bucket).",
        ask=_of_trail_bucket(_bucket_apart),
    ),
)
