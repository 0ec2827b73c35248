# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controls found, as it was handed over. Pure. PRIVATE to coffer.velero.

The verdict, the counts and the standards are made anew of the findings, so that they cannot say something else.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import STATUSES
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import SEVERITIES, overall_status, summary
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.part import Part
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: The most findings in the document; an audit has some hundred.
MOST_FINDINGS = 1000
_AS_RETURNED = "Give it as coffer.velero.audit_info returned it."


def audit_of(result: Part | None, profile: StorageProfile) -> Document:
    """The result of audit_info for the location of the report.

    :raises ValidationError: where it is of another location, or contradicts itself
    """
    if result is None:
        return {"verdict": "not_done", "findings": [], "findings_omitted": 0, **_looked_at(None), **_sums([])}
    if result.flag("failed"):
        result.refuse("is of a task that failed", "Leave it out, or run the audit again.")
    _refuse_other_place(result, profile)
    findings = [_finding(part) for part in result.parts("findings")]
    if not findings:
        result.refuse("is missing", _AS_RETURNED, "findings")
    made = overall_status(findings)
    if result.text("status") not in (None, made):
        result.refuse(f"says {result.text('status')}, and the findings say {made}", _AS_RETURNED, "status")
    return {
        "verdict": made,
        "status": made,
        "findings": findings[:MOST_FINDINGS],
        "findings_omitted": max(0, len(findings) - MOST_FINDINGS),
        **_looked_at(result),
        **_sums(findings),
    }


def _refuse_other_place(result: Part, profile: StorageProfile) -> None:
    for name in ("account_id", "region", "bucket", "prefix"):
        found, wanted = result.text(name) or "", getattr(profile, name)
        if found != wanted:
            remediation = "Audit the location of the profile."
            result.refuse(f"is of {found or 'another place'}, the report is of {wanted}", remediation, name)


def _looked_at(result: Part | None) -> Document:
    return {
        "started": result.text("started_at") if result else None,
        "finished": result.text("finished_at") if result else None,
        "trail_arn": result.text("trail_arn") if result else None,
    }


def _sums(findings: list[Document]) -> Document:
    return {"counts": _plain(summary(findings)), "standards": []}


def _plain(counted: Mapping[str, t.Any]) -> Document:
    """The same with names of statuses that need no quotes."""
    return {
        "total": counted["total"],
        "by_status": _named(counted["by_status"]),
        "by_severity": {severity: _named(found) for severity, found in counted["by_severity"].items()},
    }


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return {status.replace(" ", "_"): number for status, number in counts.items()}


def _finding(part: Part) -> Document:
    for name, known in (("status", STATUSES), ("severity", SEVERITIES)):
        if part.text(name) not in known:
            part.refuse(f"is none of {', '.join(known)}", _AS_RETURNED, name)
    for name in ("control", "title", "resource"):
        if part.text(name) is None:
            part.refuse("is missing", _AS_RETURNED, name)
    texts = ("control", "title", "severity", "resource", "status", "message", "missing_permission", "remediation")
    return {**{name: part.text(name) for name in texts}, "reason": part.text("message"), "standards": {}}


def audit_sentence(document: Document) -> str:
    """One sentence for whoever reads no further."""
    told = document["audit"]
    if told["verdict"] == "not_done":
        return "What is in force on AWS was not judged by controls."
    found, by_severity = told["counts"]["by_status"], told["counts"]["by_severity"]
    grave = sum(by_severity[severity]["non_compliant"] for severity in ("critical", "high"))
    light = found["non_compliant"] - grave
    parts = [many(found["compliant"], "check") + " passed"]
    if grave:
        parts.append(f"{grave:,} of critical or high severity failed")
    if light:
        parts.append(f"{light:,} of lower severity failed")
    if found["not_evaluated"]:
        parts.append(f"{found['not_evaluated']:,} could not be read")
    return f"{', '.join(parts)}."
