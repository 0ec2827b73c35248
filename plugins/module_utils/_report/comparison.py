# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of the page that tell of the trial and of the configuration. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

from ansible_collections.coffer.velero.plugins.module_utils._report.limits import TITLES
from ansible_collections.coffer.velero.plugins.module_utils._report.markup import (
    SPACE,
    Child,
    Markup,
    el,
    join,
    name,
    prose,
)
from ansible_collections.coffer.velero.plugins.module_utils._report.sections import note, section
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many, period
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: Characters of JSON that a line of the page takes.
_WIDTH = 90
_VERDICTS = {"same": "as wanted", "differs": "differs", "not_compared": "not compared"}


def facts(rows: t.Sequence[tuple[str, Child]]) -> Markup:
    """Names and what they stand for; a row without a value is left out."""
    return el("dl", [el("div", el("dt", term), el("dd", value)) for term, value in rows if value], class_="facts")


# --- the trial -------------------------------------------------------------------------------------------------------


def trial(document: Document) -> Markup:
    told = document["backup_and_restore"]
    title = "Backup and restore"
    if told["verdict"] == "not_done":
        return section(title, note("No backup was made for this report."))
    rows: list[tuple[str, Child]] = []
    for kind in ("backup", "restore"):
        if told[kind]:
            rows.append((kind.capitalize(), _operation(told[kind])))
    if told["objects"]:
        rows.append(("Its objects", _own_objects(told["objects"])))
    if told["metadata"]:
        rows.append(("Its record in the bucket", _metadata(told["metadata"])))
    if told["content"]:
        rows.append(("Content", _content(told["content"])))
    return section(title, facts(rows))


def _operation(operation: Document) -> list[Child]:
    phase = operation["phase"] or "no phase"
    tone = "proven" if phase == "Completed" else "wrong" if operation["failure"] else "incomplete"
    told: list[Child] = [name(operation["name"]), SPACE, el("b", phase, class_=tone)]
    if operation["started"] and operation["completed"]:
        told.append(el("p", period(operation["started"], operation["completed"]), class_="quiet"))
    counts = [many(operation["items"], "item")] if operation["items"] else []
    counts += [many(operation["errors"], "error"), many(operation["warnings"], "warning")]
    told.append(el("p", ", ".join(counts), class_="quiet"))
    places = [*operation["namespaces"], *(f"{a} as {b}" for a, b in sorted(operation["namespace_mapping"].items()))]
    if operation["namespace_mapping"] or operation["namespaces"]:
        told.append(el("p", f"{'Namespace' if len(places) == 1 else 'Namespaces'} {', '.join(places)}", class_="quiet"))
    failure = operation["failure"] or {}
    told += [el("p", prose(failure[part])) for part in ("message", "remediation") if failure.get(part)]
    return told


def _own_objects(counts: dict[str, int]) -> str:
    if counts["proven"] == counts["total"]:
        return f"{many(counts['total'], 'object version')} among those looked at, all proven"
    return f"{counts['proven']:,} of {many(counts['total'], 'object version')} proven"


def _metadata(metadata: Document) -> list[Child]:
    if metadata["agrees"]:
        return [name(metadata["key"]), SPACE, "says the same as the cluster"]
    said = "contradicts the cluster" if metadata["exists"] else "is not there"
    differences = [
        {"path": one["field"], "wanted": one["backup"], "live": one["metadata"]} for one in metadata["contradictions"]
    ]
    return [
        name(metadata["key"]),
        SPACE,
        el("b", said, class_="wrong"),
        _differences(differences, "Cluster", "Bucket"),
        el("p", prose(metadata["remediation"])) if metadata["remediation"] else None,
    ]


def _content(content: Document) -> list[Child]:
    items = content["items"]
    changed = [item for item in items if not item["same"]]
    told: list[Child] = []
    if not changed:
        told.append(f"{many(len(items), 'item')} compared, each came back as it was put in")
    else:
        told.append(
            el("b", f"{len(changed):,} of {many(len(items), 'item')} did not come back as put in", class_="wrong")
        )
    for item in changed or items[:20]:
        text = f"{item['kind'] or 'item'} {item['name'] or ''}".rstrip()
        told.append(el("p", text, class_="wrong" if changed else "quiet"))
    if not changed and len(items) > 20:
        told.append(el("p", f"and {len(items) - 20:,} more, in the JSON file", class_="quiet"))
    return told


# --- configuration ---------------------------------------------------------------------------------------------------


def configuration(document: Document) -> Markup:
    """Each part with its verdict, and every difference with both sides."""
    rows: list[tuple[str, Child]] = [
        (TITLES[part["name"]], _compared(part)) for part in document["configuration"]["parts"]
    ]
    return section("Configuration", facts(rows))


def _compared(part: Document) -> list[Child]:
    told: list[Child] = [el("b", _VERDICTS[part["verdict"]], class_=part["verdict"])]
    own = part["wanted"]
    if part["name"].endswith("_statements"):
        told += [SPACE, el("span", many(len(own), "statement"), class_="quiet")]
    if part["foreign_statements"]:
        others = many(len(part["foreign_statements"]), "statement")
        told.append(el("p", f"Beside it {others} of others, not judged:", *_listed(part), class_="quiet"))
    if part["reason"]:
        told.append(el("p", part["reason"], class_="quiet"))
    if part["differences"]:
        told.append(_differences(part["differences"], "Wanted", "In force"))
    return told


def _listed(part: Document) -> list[Child]:
    found: list[Child] = []
    for sid in part["foreign_statements"][:20]:
        found += [SPACE, name(sid)]
    return found


def _differences(differences: list[Document], one: str, other: str) -> Markup:
    rows = [
        [
            el("div", el("dt", name(difference["path"])), class_="path"),
            el("div", el("dt", one), el("dd", _value(difference["wanted"]))),
            el("div", el("dt", other), el("dd", _value(difference["live"]))),
        ]
        for difference in differences
    ]
    return el("dl", rows, class_="diff")


def _value(value: t.Any) -> Markup:
    if value is None:
        return el("span", "not there", class_="quiet")
    return name(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def documents(document: Document) -> Markup:
    """What was wanted, to the letter."""
    parts = [
        el("div", el("h3", TITLES[part["name"]]), el("pre", _pretty(part["wanted"])))
        for part in document["configuration"]["parts"]
    ]
    lead = note("What the configuration was compared with. What is in force beside it is in the JSON file.")
    return section("Documents", lead, parts)


def _pretty(value: t.Any) -> Markup:
    """JSON, as long on each line as fits. The line breaks are ours; JSON writes one inside a value as ``\\n``."""
    return Markup("\n".join(_spread(value)))


def _spread(value: t.Any, before: str = "", after: str = "", depth: int = 0) -> Iterator[str]:
    """The lines of a value; one that is short, or has nothing nested in it, is one line, which the page wraps."""
    short = json.dumps(value, ensure_ascii=False)
    nested = isinstance(value, (dict, list)) and any(isinstance(one, (dict, list)) for one in _inner(value))
    if not nested or len(short) <= _WIDTH - 2 * depth:
        yield "  " * depth + join([f"{before}{short}{after}"])
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield "  " * depth + join([before + opening])
    items = [
        (f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else "", one)
        for key, one in _pairs(value)
    ]
    for number, (name_of, one) in enumerate(items, 1):
        yield from _spread(one, name_of, "," if number < len(items) else "", depth + 1)
    yield "  " * depth + closing + after


def _inner(value: dict[str, t.Any] | list[t.Any]) -> list[t.Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _pairs(value: dict[str, t.Any] | list[t.Any]) -> list[tuple[t.Any, t.Any]]:
    return list(value.items()) if isinstance(value, dict) else list(enumerate(value))
