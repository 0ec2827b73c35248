# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls, what they ask, and how findings come of it. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import STATUSES, Facts, NoValue, Status
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

Severity = t.Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = t.get_args(Severity)

#: The standards that findings are mapped to, by the names that :func:`related` takes, in the words of Security Hub.
STANDARDS = {
    "fsbp": "AWS Foundational Security Best Practices v1.0.0",
    "cis7": "CIS AWS Foundations Benchmark v7.0.0",
    "cis5": "CIS AWS Foundations Benchmark v5.0.0",
    "cis3": "CIS AWS Foundations Benchmark v3.0.0",
    "cis1": "CIS AWS Foundations Benchmark v1.4.0",
    "nist": "NIST SP 800-53 Rev. 5",
    "pci4": "PCI DSS v4.0.1",
    "pci3": "PCI DSS v3.2.1",
}


def related(**requirements: str) -> dict[str, tuple[str, ...]]:
    """The requirements of each standard, given as words: ``related(cis5="3.6", nist="SC-12 SC-28(3)")``.

    They are those that Security Hub names with its controls ("Related requirements"); CIS v7.0.0, which it does not
    offer, is as Prowler maps it.
    """
    return {STANDARDS[name]: tuple(text.split()) for name, text in requirements.items()}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the live state is compared with.

    :param alias: of the key, ``alias/NAME``; ``None`` where none is wanted
    :param policy_arn: the managed policy of Velero's role
    :param data_events: those of the backups that the trail has to record
    :param notices: whether the log group, filters, alarms, topic and rules of the collection are wanted
    :param metric_filters: the filters that are wanted, as ``PutMetricFilter`` takes them
    :param alarms: the alarms that are wanted, as ``PutMetricAlarm`` takes them
    :param alarms_without_log_group: those that are wanted where no metric filter is possible in this account
    :param rules: the rules of EventBridge that are wanted, as ``PutRule`` takes them, with ``Targets``
    :param retention_in_days: the shortest time that events have to be kept
    """

    profile: StorageProfile
    alias: str | None = None
    rotation_period_in_days: int | None = None
    policy_arn: str | None = None
    trail_name: str | None = None
    data_events: t.Literal["none", "read", "write", "all"] = "write"
    topic_arn: str | None = None
    notices: bool = True
    metric_filters: Sequence[Document] = ()
    alarms: Sequence[Document] = ()
    alarms_without_log_group: Sequence[Document] = ()
    rules: Sequence[Document] = ()
    retention_in_days: int = 365

    @property
    def account_arn(self) -> str:
        return str(Arn(self.profile.partition, "iam", "", self.profile.account_id, "root"))

    @property
    def place(self) -> str:
        """What stands in the ARN of a thing in this account and Region, between service and name."""
        return f"{self.profile.region}:{self.profile.account_id}"


class Answer(t.NamedTuple):
    """What a check found of one thing."""

    status: Status
    reason: str
    permission: str | None = None


def passes(reason: str) -> Answer:
    return Answer("pass", reason)


def fails(reason: str) -> Answer:
    return Answer("fail", reason)


def does_not_apply(reason: str) -> Answer:
    return Answer("not applicable", reason)


class Question(t.NamedTuple):
    """One thing that a control looks at.

    :param resource: its ARN
    """

    resource: str
    answer: Callable[[], Answer]


Ask: t.TypeAlias = "Callable[[Facts, Expected], Iterable[Question]]"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control.

    :param identifier: as Security Hub calls it; ``coffer.N`` for those that no tool has
    :param standards: the requirements that it belongs to, by standard
    :param checked: what passes, in one sentence
    """

    identifier: str
    title: str
    severity: Severity
    checked: str
    remediation: str
    ask: Ask
    standards: Mapping[str, Sequence[str]] = field(default_factory=dict)


Finding = dict[str, t.Any]


def judge(controls: Iterable[Control], facts: Facts, expected: Expected) -> list[Finding]:
    """Every finding, in the order of the controls."""
    return [finding for control in controls for finding in _findings(control, facts, expected)]


def _findings(control: Control, facts: Facts, expected: Expected) -> Iterator[Finding]:
    try:
        questions = list(control.ask(facts, expected))
    except NoValue as nothing:
        yield _finding(control, expected.account_arn, Answer(nothing.status, nothing.reason, nothing.permission))
        return
    for question in questions:
        try:
            answer = question.answer()
        except NoValue as nothing:
            answer = Answer(nothing.status, nothing.reason, nothing.permission)
        yield _finding(control, question.resource, answer)


def _finding(control: Control, resource: str, answer: Answer) -> Finding:
    good = answer.status in ("pass", "not applicable")
    remediation = None if good else control.remediation
    if answer.status == "could not be read":
        remediation = (
            f"Grant {answer.permission} to whoever audits, and run again."
            if answer.permission
            else "Remove what is in the way, and run again."
        )
    return {
        "control": control.identifier,
        "title": control.title,
        "severity": control.severity,
        "standards": {name: list(requirements) for name, requirements in control.standards.items()},
        "resource": resource,
        "status": answer.status,
        "reason": answer.reason,
        "missing_permission": answer.permission,
        "remediation": remediation,
    }


def summary(findings: Sequence[Finding]) -> dict[str, t.Any]:
    """How many findings there are by status, and how many failed or were not read by severity."""
    return {
        "total": len(findings),
        "by_status": {status: sum(finding["status"] == status for finding in findings) for status in STATUSES},
        "by_severity": {
            severity: {
                status: sum(finding["status"] == status and finding["severity"] == severity for finding in findings)
                for status in STATUSES
            }
            for severity in SEVERITIES
        },
    }


def coverage(findings: Sequence[Finding]) -> list[dict[str, t.Any]]:
    """What the findings say of each standard: its requirements by their worst finding.

    A requirement is met here only as far as these controls look; a standard has many more.
    """
    worst: dict[str, dict[str, str]] = {}
    for finding in findings:
        for standard, requirements in finding["standards"].items():
            for requirement in requirements:
                known = worst.setdefault(standard, {}).get(requirement)
                worst[standard][requirement] = _worse(known, finding["status"])
    return [
        {
            "standard": standard,
            **{
                status.replace(" ", "_"): sorted(name for name, found in requirements.items() if found == status)
                for status in STATUSES
            },
        }
        for standard, requirements in sorted(worst.items())
    ]


#: From worst to best.
_ORDER = ("fail", "could not be read", "pass", "not applicable")


def _worse(one: str | None, other: str) -> str:
    return other if one is None else min(one, other, key=_ORDER.index)


def verdict(findings: Sequence[Finding]) -> str:
    """``wrong`` where a control of critical or high severity fails, ``incomplete`` where one of them was not read.

    Else ``weak`` where one of lower severity fails or was not read, and ``sound`` where none does.
    """
    grave = {finding["status"] for finding in findings if finding["severity"] in ("critical", "high")}
    if "fail" in grave:
        return "wrong"
    if "could not be read" in grave:
        return "incomplete"
    everything = {finding["status"] for finding in findings}
    return "weak" if everything & {"fail", "could not be read"} else "sound"


def about(resource: Callable[[Facts, Expected], str], answer: Callable[[Facts, Expected], Answer]) -> Ask:
    """A control that asks one question."""

    def ask(facts: Facts, expected: Expected) -> Iterator[Question]:
        yield Question(resource(facts, expected), lambda: answer(facts, expected))

    return ask
