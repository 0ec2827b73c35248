# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls, their checks, and the findings that follow. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._profile import StorageProfile
from .._types import Document
from .facts import STATUSES, CheckResult, Facts, NoValue, Reason, Status

Severity = t.Literal["critical", "high", "medium", "low", "informational"]
SEVERITIES: tuple[Severity, ...] = t.get_args(Severity)


@dataclass(frozen=True, kw_only=True)
class Desired:
    """What the live state is compared with.

    :param alias: of the key, ``alias/NAME``; ``None`` where the task names none
    :param policy_arn: the managed policy of Velero's role
    :param data_events: those of the backups that the trail has to record
    :param monitoring: whether the metric filters, alarms, topic and EventBridge rules of the collection have to exist
    :param alarms_without_log_group: the alarms where no metric filter is possible in this account
    :param retention_in_days: the shortest time that the log group has to keep events
    """

    profile: StorageProfile
    alias: str | None = None
    rotation_period_in_days: int | None = None
    policy_arn: str | None = None
    trail_name: str | None = None
    data_events: t.Literal["none", "read", "write", "all"] = "write"
    topic_arn: str | None = None
    monitoring: bool = True
    metric_filters: Sequence[Document] = ()
    alarms: Sequence[Document] = ()
    alarms_without_log_group: Sequence[Document] = ()
    rules: Sequence[Document] = ()
    retention_in_days: int = 365

    @property
    def account_arn(self) -> str:
        return str(Arn(self.profile.partition, "iam", "", self.profile.account_id, "root"))


def compliant(message: str) -> CheckResult:
    return CheckResult("compliant", None, message)


def non_compliant(reason: Reason, message: str) -> CheckResult:
    return CheckResult("non_compliant", reason, message)


def not_applicable(reason: Reason, message: str) -> CheckResult:
    return CheckResult("not_applicable", reason, message)


def enabled(is_on: object, setting: str) -> CheckResult:
    return compliant(f"{setting} is on.") if is_on else non_compliant("not_enabled", f"{setting} is off.")


class Check(t.NamedTuple):
    """One resource that a control evaluates.

    :param resource: its ARN
    """

    resource: str
    evaluate: Callable[[], CheckResult]

    @classmethod
    def of(cls, resource: str, result: CheckResult) -> Check:
        """A check whose result is known."""
        return cls(resource, lambda: result)


Evaluate: t.TypeAlias = "Callable[[Facts, Desired], CheckResult]"
Checks: t.TypeAlias = "Callable[[Facts, Desired], Iterable[Check]]"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control.

    :param identifier: that of the Security Hub control, where the check is exactly that one for one resource; else
        ``coffer.N``
    :param requirement: what is compliant, in one sentence
    :param covers: for a ``coffer.N``, the Security Hub control whose requirement is part of it
    """

    identifier: str
    title: str
    severity: Severity
    requirement: str
    remediation: str
    checks: Checks
    covers: str | None = None

    @property
    def security_hub_control(self) -> str | None:
        return self.covers if self.identifier.startswith("coffer.") else self.identifier


def one_check(resource: Callable[[Facts, Desired], str], evaluate: Evaluate) -> Checks:
    """The check of a control that evaluates one resource."""

    def checks(facts: Facts, desired: Desired) -> Iterator[Check]:
        yield Check(resource(facts, desired), lambda: evaluate(facts, desired))

    return checks


def check_bucket(evaluate: Evaluate) -> Checks:
    return one_check(lambda _facts, desired: desired.profile.bucket_arn, evaluate)


def check_account(evaluate: Evaluate) -> Checks:
    return one_check(lambda _facts, desired: desired.account_arn, evaluate)


Finding = dict[str, t.Any]


def evaluate_controls(controls: Iterable[Control], facts: Facts, desired: Desired) -> list[Finding]:
    """Every finding, in the order of the controls."""
    return [finding for control in controls for finding in _findings(control, facts, desired)]


def _findings(control: Control, facts: Facts, desired: Desired) -> Iterator[Finding]:
    try:
        checks = list(control.checks(facts, desired))
    except NoValue as nothing:
        yield _finding(control, desired.account_arn, nothing.result)
        return
    for check in checks:
        try:
            result = check.evaluate()
        except NoValue as nothing:
            result = nothing.result
        yield _finding(control, check.resource, result)


def _finding(control: Control, resource: str, result: CheckResult) -> Finding:
    remediation = control.remediation if result.status == "non_compliant" else None
    if result.status == "not_evaluated":
        remediation = (
            f"Grant {result.permission} to the principal that runs the audit, and run it again."
            if result.permission
            else "Resolve what the message says, and run the audit again."
        )
    return {
        "control": control.identifier,
        "title": control.title,
        "severity": control.severity,
        "security_hub_control": control.security_hub_control,
        "resource": resource,
        "status": result.status,
        "reason": result.reason,
        "message": result.message,
        "missing_permission": result.permission,
        "remediation": remediation,
    }


def summary(findings: Sequence[Finding]) -> dict[str, t.Any]:
    """How many findings there are by status, and by severity and status."""
    counts = {severity: dict.fromkeys(STATUSES, 0) for severity in SEVERITIES}
    for finding in findings:
        counts[finding["severity"]][finding["status"]] += 1
    return {
        "total": len(findings),
        "by_status": {status: sum(by_status[status] for by_status in counts.values()) for status in STATUSES},
        "by_severity": counts,
    }


def overall_status(findings: Sequence[Finding]) -> Status:
    """The worst status of all checks that apply; without a finding nothing was evaluated."""
    found = {finding["status"] for finding in findings}
    if "non_compliant" in found:
        return "non_compliant"
    return "not_evaluated" if "not_evaluated" in found or not found else "compliant"


def highest_severity(findings: Sequence[Finding]) -> Severity | None:
    """The highest severity among the findings that are not compliant."""
    found = (finding["severity"] for finding in findings if finding["status"] == "non_compliant")
    return min(found, key=SEVERITIES.index, default=None)
