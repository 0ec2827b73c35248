# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of audit_info as evidence. Pure. PRIVATE to coffer.velero.

Status, severity and counts are derived from the findings, so that they cannot say anything else.
"""

from __future__ import annotations

from .._audit.facts import STATUSES
from .._audit.model import SEVERITIES, highest_severity, overall_status, summary
from .._profile import StorageProfile
from .._types import Document
from .evidence_reader import MAX_ENTRIES, EvidenceReader, outcome
from .formatting import many

_REASONS = {"non_compliant": "controls_failed", "not_evaluated": "controls_not_evaluated"}


def read_audit(result: EvidenceReader | None, profile: StorageProfile) -> Document:
    """The findings for the location of the report.

    :raises ValidationError: where the result is of another location, or contradicts itself
    """
    if result is None:
        message = "No audit was run for this report."
        return _section(outcome("not_evaluated", "not_requested", message), [], EvidenceReader("evidence.audit", {}))
    if result.flag("failed"):
        result.refuse("is of a task that failed", "", "Leave it out, or run the audit again.")
    for name in ("account_id", "region", "bucket", "prefix"):
        given, expected = result.text(name) or "", getattr(profile, name)
        if given != expected:
            reason = f"is of {given or 'another location'}, the report is of {expected}"
            result.refuse(reason, name, "Audit the location of the profile.")
    findings = [_finding(reader) for reader in result.mappings("findings")]
    if not findings:
        result.refuse("is missing", "findings")
    status = overall_status(findings)
    section = _section(outcome(status, _REASONS.get(status), ""), findings, result)
    section["message"] = _message(section["counts"])
    for name in ("status", "severity"):
        if result.text(name) not in (None, section[name]):
            result.refuse(f"is {result.text(name)}, its findings say {section[name]}", name)
    return section


def _finding(reader: EvidenceReader) -> Document:
    return {
        **{name: reader.required(name) for name in ("control", "title")},
        "severity": reader.choice("severity", SEVERITIES),
        "resource": reader.required("resource"),
        "status": reader.choice("status", STATUSES),
        "reason": reader.code("reason"),
        **reader.fields(text=("security_hub_control", "message", "missing_permission", "remediation")),
    }


def _section(result: Document, findings: list[Document], reader: EvidenceReader) -> Document:
    return {
        **result,
        "severity": highest_severity(findings),
        "started": reader.text("started_at"),
        "finished": reader.text("finished_at"),
        "trail_arn": reader.text("trail_arn"),
        "counts": summary(findings),
        "findings": findings[:MAX_ENTRIES],
        "findings_truncated": max(0, len(findings) - MAX_ENTRIES),
    }


def _message(counts: Document) -> str:
    by_status, by_severity = counts["by_status"], counts["by_severity"]
    severe = sum(by_severity[severity]["non_compliant"] for severity in ("critical", "high"))
    others = by_status["non_compliant"] - severe
    parts = [f"{many(by_status['compliant'], 'check')} passed"]
    if severe:
        parts.append(f"{severe:,} of critical or high severity failed")
    if others:
        parts.append(f"{others:,} of lower severity failed")
    if by_status["not_evaluated"]:
        parts.append(f"{by_status['not_evaluated']:,} could not be evaluated")
    return f"{', '.join(parts)}."
