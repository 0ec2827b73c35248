# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of audit_info in the document: status, sums, refusals."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._report.model import to_json
from tests.support.evidence import Evidence, audit, document, finding, good, refused

AUDITS: list[tuple[Evidence, str, str | None, str]] = [
    (audit(finding("KMS.3", severity="critical")), "compliant", None, "1 check passed."),
    (audit(finding("S3.14", "not_applicable")), "compliant", None, "0 checks passed."),
    (
        audit(finding("KMS.3"), finding("S3.14", "non_compliant", "low")),
        "non_compliant",
        "low",
        "1 check passed, 1 of lower severity failed.",
    ),
    (
        audit(finding("S3.14", "not_evaluated", "low")),
        "not_evaluated",
        None,
        "0 checks passed, 1 could not be evaluated.",
    ),
    (
        audit(finding("KMS.5", "not_evaluated", "critical")),
        "not_evaluated",
        None,
        "0 checks passed, 1 could not be evaluated.",
    ),
    (
        audit(finding("KMS.5", "not_evaluated", "critical"), finding("S3.8", "non_compliant")),
        "non_compliant",
        "high",
        "0 checks passed, 1 of critical or high severity failed, 1 could not be evaluated.",
    ),
]


@pytest.mark.parametrize(("result", "status", "severity", "message"), AUDITS)
def test_the_audit_has_a_status_of_its_own(result: Evidence, status: str, severity: str | None, message: str) -> None:
    made = document(good(audit=result))
    assert [made["audit"][name] for name in ("status", "severity", "message")] == [status, severity, message]
    assert made["status"] == "compliant", "only objects show how objects are encrypted"


@pytest.mark.parametrize("result", [None, {}, {"skipped": True}])
def test_without_an_audit_it_is_said(result: Evidence | None) -> None:
    told = document(good(audit=result))
    assert (told["audit"]["status"], told["audit"]["reason"]) == ("not_evaluated", "not_requested")
    assert told["audit"]["counts"]["total"] == 0
    (limit,) = [limit for limit in told["limitations"] if limit["reason"] == "audit"]
    assert "No audit was run" in limit["message"]


def test_the_audit_keeps_only_what_it_knows() -> None:
    result = audit(finding("KMS.3", secret="s3cr3t"), invocation={"module_args": {"access_key": "s3cr3t"}})
    assert "s3cr3t" not in to_json(document(good(audit=result)))


def test_the_sums_of_the_audit_are_those_of_its_findings() -> None:
    result = audit(finding("KMS.3"), finding("KMS.3", "non_compliant"), summary={"total": 9})
    told = document(good(audit=result))["audit"]
    assert told["counts"]["by_severity"]["high"] == {
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
        "not_evaluated": 0,
    }


def test_a_long_audit_is_cut_and_says_so() -> None:
    told = document(good(audit=audit(*(finding(f"coffer.{number}") for number in range(1003)))))["audit"]
    assert (len(told["findings"]), told["findings_truncated"], told["counts"]["total"]) == (1000, 3, 1003)


REFUSALS: list[tuple[Evidence, str]] = [
    (good(audit=audit(bucket="other")), "evidence.audit.bucket: it is of other, the report is of acme-backups."),
    (good(audit=audit(prefix=None)), "evidence.audit.prefix: it is of another location, the report is of production."),
    (good(audit=audit(findings=[])), "evidence.audit.findings: it is missing."),
    (good(audit=audit(failed=True)), "evidence.audit: it is of a task that failed."),
    (good(audit=audit(status="compliant")), "evidence.audit.status: it is compliant, its findings say non_compliant."),
    (good(audit=audit(finding("A", resource=""))), "evidence.audit.findings[0].resource: it is missing."),
    (good(audit=audit(severity="high")), "evidence.audit.severity: it is high, its findings say low."),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    assert refused(evidence).startswith(message)
