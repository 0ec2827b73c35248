# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding, and the sums of several."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Absent, Facts, Unavailable
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Control,
    Finding,
    check_account,
    compliant,
    evaluate_controls,
    highest_severity,
    overall_status,
    summary,
)
from tests.support.audit_facts import ROOT, desired


def control(**values: t.Any) -> Control:
    texts = {"title": "It is so", "severity": "low", "requirement": "It is so.", "remediation": "Make it so."}
    checks = check_account(lambda _facts, _desired: compliant("It is."))
    return Control(**{"identifier": "coffer.1", "checks": checks, **texts, **values})


def only(**values: t.Any) -> Finding:
    (found,) = evaluate_controls([control(**values)], Facts(), desired())
    return found


def test_a_finding() -> None:
    assert only(covers="KMS.3") == {
        "control": "coffer.1",
        "title": "It is so",
        "severity": "low",
        "security_hub_control": "KMS.3",
        "resource": ROOT,
        "status": "compliant",
        "reason": None,
        "message": "It is.",
        "missing_permission": None,
        "remediation": None,
    }
    assert only()["security_hub_control"] is None
    assert only(identifier="S3.14")["security_hub_control"] == "S3.14"


def test_a_fact_that_has_no_value_ends_the_check_or_the_control() -> None:
    facts = Facts(log_group=Unavailable("It failed."))
    failed = check_account(lambda facts, _desired: compliant(str(facts.log_group.value)))
    for checks in (failed, lambda facts, _desired: facts.log_group.value):
        (found,) = evaluate_controls([control(checks=checks)], facts, desired())
        assert (found["status"], found["reason"], found["resource"]) == ("not_evaluated", "request_failed", ROOT)
        assert found["remediation"] == "Resolve what the message says, and run the audit again."
    (found,) = evaluate_controls([control(checks=failed)], Facts(log_group=Absent("It is not there.")), desired())
    assert (found["status"], found["reason"], found["remediation"]) == ("non_compliant", "not_found", "Make it so.")


def finding(status: str, severity: str = "low") -> Finding:
    return {"status": status, "severity": severity}


@pytest.mark.parametrize(
    ("found", "status", "severity"),
    [
        ([finding("compliant", "critical"), finding("not_applicable")], "compliant", None),
        ([finding("compliant", "critical"), finding("non_compliant", "medium")], "non_compliant", "medium"),
        ([finding("not_evaluated", "low"), finding("compliant")], "not_evaluated", None),
        ([finding("not_evaluated", "high"), finding("non_compliant", "low")], "non_compliant", "low"),
        ([finding("non_compliant", "medium"), finding("non_compliant", "high")], "non_compliant", "high"),
        ([], "not_evaluated", None),
    ],
)
def test_status_and_severity_of_all(found: list[Finding], status: str, severity: str | None) -> None:
    assert (overall_status(found), highest_severity(found)) == (status, severity)


def test_summary() -> None:
    counted = summary(
        [finding("compliant", "high"), *map(finding, ("non_compliant", "not_applicable", "not_evaluated"))]
    )
    assert counted["total"] == 4
    assert counted["by_status"] == {"compliant": 1, "non_compliant": 1, "not_evaluated": 1, "not_applicable": 1}
    assert list(counted["by_severity"]) == ["critical", "high", "medium", "low", "informational"]
    assert counted["by_severity"]["high"] == {**dict.fromkeys(counted["by_status"], 0), "compliant": 1}
    assert counted["by_severity"]["low"] == {**counted["by_status"], "compliant": 0}
