# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section of the page that tells of the audit. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.coffer.velero.plugins.module_utils._audit.model import SEVERITIES
from ansible_collections.coffer.velero.plugins.module_utils._report.comparison import facts
from ansible_collections.coffer.velero.plugins.module_utils._report.markup import SPACE, Child, Markup, el, name, prose
from ansible_collections.coffer.velero.plugins.module_utils._report.sections import note, section
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many, period
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: Columns of the tables, by status: how it is called, and how a number in it looks.
_COLUMNS = {
    "compliant": ("Passed", ""),
    "non_compliant": ("Failed", "wrong"),
    "not_evaluated": ("Not read", "unreadable"),
    "not_applicable": ("Not applicable", ""),
}
_SAID = {"non_compliant": ("failed", "wrong"), "not_evaluated": ("could not be read", "unreadable")}


def audit(document: Document) -> Markup:
    """What failed and what was not read, each with its remediation, then everything, then the standards."""
    told = document["audit"]
    title = "Audit"
    if told["verdict"] == "not_done":
        return section(title, note("What is in force on AWS was not judged by controls."))
    lead = (
        "What is in force on AWS beside controls of AWS, CIS, NIST and PCI DSS, and beside those of this collection "
        "(coffer). A control passes only as it is written; what was not read never passes."
    )
    return section(
        title,
        note(lead),
        facts(_facts(told)),
        el("h3", "By severity"),
        _severities(told),
        _troubled(told, "non_compliant"),
        _troubled(told, "not_evaluated"),
        el("h3", "By control"),
        _controls(told),
        el("h3", "By standard"),
        note("The requirements that these controls belong to, by their worst finding. A standard has many more."),
        _standards(told),
    )


def _facts(told: Document) -> list[tuple[str, Child]]:
    looked = period(told["started"], told["finished"]) if told["started"] and told["finished"] else None
    return [("Looked at", looked), ("Trail", name(told["trail_arn"]) if told["trail_arn"] else None)]


def _head(first: str, columns: Sequence[str]) -> Markup:
    numbers = [el("th", column, scope="col", class_="n") for column in columns]
    return el("thead", el("tr", el("th", first, scope="col"), numbers))


def _number(count: int, tone: str) -> Markup:
    return el("td", f"{count:,}", class_=f"n {tone if count else 'zero'}".rstrip())


def _severities(told: Document) -> Markup:
    rows = [
        el(
            "tr",
            el("td", severity.capitalize()),
            [_number(told["counts"]["by_severity"][severity][status], tone) for status, (_t, tone) in _COLUMNS.items()],
        )
        for severity in SEVERITIES
    ]
    return el("table", _head("Severity", [title for title, _tone in _COLUMNS.values()]), el("tbody", rows))


def _troubled(told: Document, status: str) -> list[Markup]:
    """The controls with such findings, the gravest first."""
    found: dict[tuple[str, str, str | None], list[Document]] = {}
    for finding in told["findings"]:
        if finding["status"] == status:
            found.setdefault((finding["control"], finding["severity"], finding["remediation"]), []).append(finding)
    ordered = sorted(found.values(), key=lambda same: SEVERITIES.index(same[0]["severity"]))
    return [_case(same, status) for same in ordered]


def _case(same: list[Document], status: str) -> Markup:
    first = same[0]
    said, tone = _SAID[status]
    standards = [
        f"{standard}: {', '.join(requirements)}"
        for standard, requirements in first["standards"].items()
        if requirements
    ]
    return el(
        "div",
        el("p", f"{first['severity'].capitalize()}, {said}", class_=f"count {tone}"),
        el("h3", name(first["control"]), SPACE, prose(first["title"])),
        el("p", prose(first["remediation"]), class_="quiet") if first["remediation"] else None,
        el("ol", [_subject(one) for one in same]),
        el("p", "; ".join(standards), class_="under") if standards else None,
        class_="case",
    )


def _subject(finding: Document) -> Markup:
    return el("li", name(finding["resource"]), el("p", prose(finding["reason"] or ""), class_="under"))


def _controls(told: Document) -> Markup:
    """Each control with the number of its findings by status."""
    found: dict[str, list[Document]] = {}
    for finding in told["findings"]:
        found.setdefault(finding["control"], []).append(finding)
    rows = [
        el(
            "tr",
            el("td", name(control), el("p", prose(same[0]["title"]), class_="quiet")),
            [_number(_count(same, status), tone) for status, (_title, tone) in _COLUMNS.items()],
        )
        for control, same in found.items()
    ]
    omitted = told["findings_omitted"]
    more = note(f"{many(omitted, 'more finding')} left out.") if omitted else None
    table = el("table", _head("Control", [title for title, _tone in _COLUMNS.values()]), el("tbody", rows))
    return el("div", table, more)


def _count(findings: list[Document], status: str) -> int:
    return sum(finding["status"].replace(" ", "_") == status for finding in findings)


def _standards(told: Document) -> Markup:
    rows = [
        el(
            "tr",
            el("td", standard["standard"]),
            [_number(len(standard[status]), tone) for status, (_title, tone) in _COLUMNS.items()],
        )
        for standard in told["standards"]
    ]
    return el("table", _head("Standard", [title for title, _tone in _COLUMNS.values()]), el("tbody", rows))
