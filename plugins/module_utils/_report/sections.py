# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of the page that tell of objects. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._report.markup import (
    SPACE,
    Child,
    Markup,
    el,
    join,
    name,
    prose,
)
from ansible_collections.coffer.velero.plugins.module_utils._report.picture import picture
from ansible_collections.coffer.velero.plugins.module_utils._report.words import clock, many, size
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: Rows of a table of groups in which everything is proven; those in which something is not are all shown.
MOST_PROVEN = 200

_COLUMNS = {
    "total": "Objects",
    "proven": "Proven",
    "wrong": "Wrong",
    "unreadable": "Not read",
    "unproven": "Key not told",
    "gone": "Gone",
}
#: Columns that are shown even where they are empty: that nothing is wrong is what one looks for.
_ALWAYS = ("total", "proven", "wrong", "unreadable")
_KINDS = {
    "backup": ("Backups", "Backup"),
    "restore": ("Restores", "Restore"),
    "kopia": ("Kopia repositories", "Namespace"),
    "other": ("Everything else", "Directory"),
}


def section(title: str, *children: Child) -> Markup:
    return el("section", el("h2", title), *children)


def note(text: str) -> Markup:
    return el("p", text, class_="note")


# --- what is not as it should be -------------------------------------------------------------------------------------


def offenders(document: Document) -> Markup | None:
    """The objects that are wrong or could not be read, together where reason and remediation are the same."""
    objects = document["objects"]
    if not objects["offenders"]:
        return None
    found: dict[tuple[str, str, str | None], list[Document]] = {}
    for one in objects["offenders"]:
        found.setdefault((one["verdict"], _why(one), one["remediation"]), []).append(one)
    # What is wrong before what is not known, and what is most frequent first.
    cases = [
        _case(same) for _key, same in sorted(found.items(), key=lambda case: (case[0][0] != "wrong", -len(case[1])))
    ]
    omitted = objects["offenders_omitted"]
    more = note(f"{many(omitted, 'more object version')} of this kind: see the complete list.") if omitted else None
    return section("Not as it should be", cases, more)


def _why(offender: Document) -> str:
    return "; ".join(offender["reasons"]) or "no reason was given"


def _case(same: list[Document]) -> Markup:
    first = same[0]
    why = _why(first)
    said = {"wrong": "wrong", "unreadable": "not read"}[first["verdict"]]
    return el(
        "div",
        el("p", f"{many(len(same), 'object version')}, {said}", class_=f"count {first['verdict']}"),
        el("h3", prose(why[:1].upper() + why[1:])),
        el("p", prose(first["remediation"]), class_="quiet") if first["remediation"] else None,
        el("ol", [_offender(one) for one in same]),
        class_="case",
    )


def _offender(one: Document) -> Markup:
    version = "current version" if one["is_latest"] else "noncurrent version"
    details: list[Child] = [version]
    if one["version_id"]:
        details += [SPACE, name(one["version_id"])]
    details += [f", {size(one['size'])}"]
    if one["last_modified"]:
        details += [f", written {clock(one['last_modified'])}"]
    return el("li", name(one["key"]), el("p", details, class_="under"))


def unfinished_uploads(document: Document) -> Markup | None:
    objects = document["objects"]
    if not objects["unfinished_uploads"]:
        return None
    rows = [
        el("tr", el("td", name(upload["key"])), el("td", clock(upload["initiated"] or ""), class_="when"))
        for upload in objects["unfinished_uploads"][:MOST_PROVEN]
    ]
    omitted = len(objects["unfinished_uploads"]) - len(rows) + objects["unfinished_uploads_omitted"]
    more = note(f"{omitted:,} more are in the JSON file.") if omitted else None
    table = el("table", _head([("Key", None), ("Begun", "when")]), el("tbody", rows))
    return section("Unfinished uploads", table, more)


# --- objects ---------------------------------------------------------------------------------------------------------


def algorithms_and_keys(document: Document) -> Markup:
    counts = document["objects"]["counts"]
    if not counts["total"]:
        return section("Objects by algorithm and key", note("There are no objects."))
    inventory = document["examination"]["source"].get("kind") == "inventory"
    how = "as an S3 Inventory report tells" if inventory else "each asked for by its name"
    lead = note(f"{many(counts['total'], 'object version')}, {how}. The bars have one scale.")
    return section("Objects by algorithm and key", lead, picture(document))


def groups(document: Document) -> list[Markup]:
    """A table for each kind, those groups first in which something is not proven."""
    found = document["objects"]["groups"]
    shown = [column for column in _COLUMNS if column in _ALWAYS or any(group["counts"][column] for group in found)]
    sections = [
        section(title, _groups([group for group in found if group["kind"] == kind], head, shown))
        for kind, (title, head) in _KINDS.items()
        if any(group["kind"] == kind for group in found)
    ]
    omitted = document["objects"]["groups_omitted"]
    if omitted:
        sections.append(note(f"{many(omitted, 'more group')} counted in the sums, and not listed one by one."))
    return sections


def _groups(found: list[Document], head: str, shown: list[str]) -> Markup:
    troubled = [group for group in found if not _is_proven(group["counts"])]
    proven = [group for group in found if _is_proven(group["counts"])]
    rows = [_group(group, shown) for group in [*troubled, *proven[:MOST_PROVEN]]]
    table = el("table", _head([(head, None), *((_COLUMNS[column], "n") for column in shown)]), el("tbody", rows))
    omitted = len(proven) - MOST_PROVEN
    more = note(f"{omitted:,} more, all proven, are in the JSON file.") if omitted > 0 else None
    return join([table, more])


def _is_proven(counts: dict[str, int]) -> bool:
    return counts["proven"] == counts["total"]


def _group(group: Document, shown: list[str]) -> Markup:
    label = name(group["name"]) if group["name"] else el("span", "directly under the prefix", class_="quiet")
    cells = [_cell(column, group["counts"][column]) for column in shown]
    return el("tr", el("td", label), cells)


def _cell(column: str, count: int) -> Markup:
    tone = "zero" if not count else column if column in ("wrong", "unreadable") else ""
    return el("td", f"{count:,}", class_=f"n {tone}".rstrip())


def _head(columns: t.Sequence[tuple[str, str | None]]) -> Markup:
    return el("thead", el("tr", [el("th", text, scope="col", class_=tone) for text, tone in columns]))
