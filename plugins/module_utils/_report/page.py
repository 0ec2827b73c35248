# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the template shows that the document does not have as it is: groups, orders, excerpts. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._audit.model import SEVERITIES, summary
from .._types import Document
from .bar_chart import bars
from .configuration import TITLES
from .formatting import STATUS_NAMES, listed
from .model import PARTS

MAX_BARS = 20
#: Rows of a table in which everything is compliant; all others are shown.
MAX_COMPLIANT = 200

_KINDS = {
    "backup": ("Backups", "Backup"),
    "restore": ("Restores", "Restore"),
    "kopia": ("Kopia repositories", "Namespace"),
    "other": ("Other objects", "Directory"),
}
#: The last column only where it has numbers: that nothing is non-compliant is what a reader looks for.
_COLUMNS = {
    "total": "Objects",
    "compliant": "Compliant",
    "non_compliant": "Non-compliant",
    "not_evaluated": "Not evaluated",
    "deleted_during_scan": "Deleted during scan",
}


def context(document: Document, json_name: str, json_digest: str) -> Document:
    """The names that the template uses, besides those of the document itself."""
    location, found, findings = document["location"], bars(document), document["audit"]["findings"]
    names = [title.lower() for part, title in PARTS.items() if document[part]["status"] == "non_compliant"]
    return {
        **document,
        "json_name": json_name,
        "json_digest": json_digest,
        "place": f"{location['bucket']}/{location['prefix']}".rstrip("/"),
        "parts": {title: document[part] for part, title in PARTS.items()},
        "non_compliant_parts": listed([name for name in names if name != "audit"]),
        "audit_warning": _audit_warning(document["audit"]),
        "object_findings": _object_findings(document["objects"]["non_compliant_objects"]),
        "max_rows": MAX_COMPLIANT,
        "bars": found[:MAX_BARS],
        "more_bars": found[MAX_BARS:],
        "group_tables": _group_tables(document["objects"]["groups"]),
        "configuration_titles": TITLES,
        "status_names": STATUS_NAMES,
        "audit_findings": _audit_findings(findings),
        "controls": [(same[0], summary(same)["by_status"]) for same in _grouped(findings, lambda one: one["control"])],
    }


def _grouped(entries: Iterable[Document], key: Callable[[Document], object]) -> list[list[Document]]:
    """Those of one key together, in the order in which each key was first seen."""
    found: dict[object, list[Document]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return list(found.values())


def _audit_warning(audit: Document) -> str:
    """What the headline does not say: it is of the objects, and the audit has a status of its own."""
    severe = [audit["counts"]["by_severity"][severity] for severity in ("critical", "high")]
    if any(counts["non_compliant"] for counts in severe):
        return "The audit found controls of critical or high severity that fail."
    if any(counts["not_evaluated"] for counts in severe):
        return "The audit could not evaluate all controls of critical or high severity."
    return ""


def _object_findings(objects: list[Document]) -> list[list[Document]]:
    """Those of one reason and remediation together: non-compliant ones first, then the most frequent."""
    found = _grouped(objects, lambda one: (one["status"], one["reason"], one["message"], one["remediation"]))
    return sorted(found, key=lambda same: (same[0]["status"] != "non_compliant", -len(same)))


def _audit_findings(findings: list[Document]) -> list[list[Document]]:
    """The findings of one control together: failed ones first, then by severity."""
    order = ("non_compliant", "not_evaluated")
    failed = [finding for finding in findings if finding["status"] in order]
    found = _grouped(failed, lambda one: (one["status"], one["control"], one["severity"], one["remediation"]))
    return sorted(found, key=lambda same: (order.index(same[0]["status"]), SEVERITIES.index(same[0]["severity"])))


def _group_tables(groups: list[Document]) -> list[Document]:
    """A table for each kind; the groups in which a version is not compliant come first."""
    any_deleted = any(group["counts"]["deleted_during_scan"] for group in groups)
    columns = {name: title for name, title in _COLUMNS.items() if any_deleted or name != "deleted_during_scan"}
    tables = []
    for kind, (title, head) in _KINDS.items():
        of_kind = sorted((group for group in groups if group["kind"] == kind), key=_is_compliant)
        rows = of_kind[: MAX_COMPLIANT + sum(not _is_compliant(group) for group in of_kind)]
        if rows:
            table = {"title": title, "head": head, "columns": columns, "rows": rows}
            tables.append({**table, "omitted": len(of_kind) - len(rows)})
    return tables


def _is_compliant(group: Document) -> bool:
    return bool(group["counts"]["compliant"] == group["counts"]["total"])
