# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: one file, no script, nothing to load. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import hashlib

from ansible_collections.coffer.velero.plugins.module_utils._report import audited, comparison, sections
from ansible_collections.coffer.velero.plugins.module_utils._report.comparison import facts
from ansible_collections.coffer.velero.plugins.module_utils._report.markup import (
    SPACE,
    Child,
    Markup,
    el,
    join,
    name,
    prose,
)
from ansible_collections.coffer.velero.plugins.module_utils._report.sections import section
from ansible_collections.coffer.velero.plugins.module_utils._report.style import STYLE
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many, period, size
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

HEADLINES = {"proven": "Proven", "wrong": "Wrong", "incomplete": "Incomplete", "empty": "Empty"}
_MODES = {"sse-s3": "SSE-S3", "sse-kms": "SSE-KMS", "dsse-kms": "DSSE-KMS", "sse-c": "SSE-C"}
_LINES = {
    "objects": ("Objects", {"proven": "proven", "wrong": "wrong", "incomplete": "incomplete", "empty": "empty"}),
    "backup_and_restore": (
        "Backup and restore",
        {"proven": "really happened", "wrong": "failed", "incomplete": "incomplete", "not_done": "not tried"},
    ),
    "configuration": (
        "Configuration",
        {"proven": "as wanted", "wrong": "differs", "incomplete": "partly compared", "not_done": "not compared"},
    ),
    "audit": (
        "Audit",
        {"compliant": "passed", "non_compliant": "failed", "not_evaluated": "incomplete", "not_done": "not done"},
    ),
}


def to_html(document: Document, json_name: str, json_digest: str) -> str:
    """The page for a document.

    :param json_name: the name of the JSON file beside it
    :param json_digest: its SHA-256, so that the two cannot be mistaken for a pair that they are not
    """
    # The digest lets this one style in and nothing else, whatever may be found to get into the page.
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    place = _place(document)
    title = f"{HEADLINES[document['verdict']['overall']]}: encryption of {place}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", Markup(join([title]))),
        el("style", Markup(STYLE)),
    )
    parts: list[Child] = [
        _verdict(document),
        sections.offenders(document),
        _limits(document),
        sections.algorithms_and_keys(document),
        sections.groups(document),
        sections.unfinished_uploads(document),
        comparison.trial(document),
        comparison.configuration(document),
        audited.audit(document),
        _record(document, json_name, json_digest),
        comparison.documents(document),
    ]
    body = el("body", el("main", parts), _footer(document))
    return "<!doctype html>\n" + el("html", head, body, lang="en") + "\n"


def _place(document: Document) -> str:
    location = document["location"]
    return f"{location['bucket']}/{location['prefix']}".rstrip("/")


def _verdict(document: Document) -> Markup:
    """The verdict, what it rests on, and what was looked at, when and by whom."""
    verdict = document["verdict"]
    lines = [
        el(
            "li",
            el("b", title, el("br"), el("span", words[verdict[part]], class_=verdict[part])),
            el("p", prose(verdict["reasons"][part])),
        )
        for part, (title, words) in _LINES.items()
    ]
    return el(
        "header",
        el("p", "Encryption of Velero backups", class_="kicker"),
        el("h1", HEADLINES[verdict["overall"]], class_=verdict["overall"]),
        el("p", _lead(document), _audited(document), class_="lead"),
        el("ul", lines, class_="parts"),
        facts(_facts(document)),
    )


def _lead(document: Document) -> list[Child]:
    """One sentence for whoever reads no further."""
    verdict = document["verdict"]
    place, overall = name(_place(document)), verdict["overall"]
    tried = {
        "proven": ", and a backup and a restore really happened.",
        "not_done": ". No backup was made to try it.",
    }
    if overall == "proven":
        return ["Every object at", SPACE, place, SPACE, f"is encrypted as wanted{tried[verdict['backup_and_restore']]}"]
    if overall == "empty":
        return ["There is no object at", SPACE, place, ", so that there is nothing to prove."]
    if overall == "incomplete":
        return ["Nothing wrong was found at", SPACE, place, ", and not everything could be proven."]
    parts = ((part, title) for part, (title, _words) in _LINES.items() if part != "audit")
    wrong = [title.lower() for part, title in parts if verdict[part] == "wrong"]
    return ["Not everything at", SPACE, place, SPACE, f"is as it should be: {_listed(wrong)}."]


def _audited(document: Document) -> list[Child]:
    """What the headline does not say: it is of the objects, and the audit has a verdict of its own."""
    said = {
        "wrong": "The audit found controls of critical or high severity that fail.",
        "incomplete": "The audit could not read all of what controls of critical or high severity ask for.",
    }
    text = said.get(document["verdict"]["audit"])
    return [SPACE, text] if text else []


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _facts(document: Document) -> list[tuple[str, Child]]:
    location, wanted, seen = document["location"], document["wanted"], document["examination"]
    key: Child = None
    if wanted["kms_key_arn"]:
        bucket_key = "with a Bucket Key" if wanted["bucket_key_enabled"] else "no Bucket Key"
        key = [
            name(wanted["kms_key_arn"]),
            el("p", bucket_key, class_="quiet") if wanted["algorithm"] == "aws:kms" else None,
        ]
    accepted = [el("p", name(arn)) for arn in wanted["accepted_kms_key_arns"]]
    return [
        (
            "Location",
            [
                name(f"s3://{_place(document)}"),
                el("p", f"{location['region']}, account {location['account_id']}", class_="quiet"),
            ],
        ),
        ("Endpoint", name(location["s3_url"]) if location["s3_url"] else None),
        ("Wanted", f"{_MODES[wanted['encryption_mode']]}, {wanted['algorithm']}"),
        ("Key", key),
        ("Also accepted", accepted),
        ("Looked at", [period(seen["started"], seen["finished"]), el("p", _how(document), class_="quiet")]),
        ("By", name(seen["caller_arn"]) if seen["caller_arn"] else el("span", "not told", class_="quiet")),
        ("With", f"{document['collection']['name']} {document['collection']['version']}"),
    ]


def _how(document: Document) -> str:
    seen = document["examination"]
    versions = {True: "all versions", False: "current versions only", None: "versions: not told"}[seen["versions"]]
    source = "an S3 Inventory report" if seen["source"].get("kind") == "inventory" else "a listing of the bucket"
    continued = ", in more than one run" if seen["continued"] else ""
    return f"{many(document['objects']['counts']['total'], 'object version')} from {source}, {versions}{continued}"


def _limits(document: Document) -> Markup:
    items = [
        el(
            "li",
            prose(limit["text"]),
            *([SPACE, el("span", limit["remediation"], class_="quiet")] if limit["remediation"] else []),
        )
        for limit in document["not_proven"]
    ]
    return section("What this does not prove", el("ul", items, class_="limits"))


def _record(document: Document, json_name: str, json_digest: str) -> Markup:
    listed = document["complete_list"]
    complete: Child = "not written; the offenders above are the first ones by name"
    if listed:
        details = (
            [f"{size(listed['size'])}, SHA-256", SPACE, name(listed["sha256"])]
            if listed["sha256"]
            else ["not at hand here"]
        )
        complete = [name(listed["path"]), el("p", details, class_="quiet")]
    rows: list[tuple[str, Child]] = [
        ("For machines", [name(json_name), el("p", "SHA-256", SPACE, name(json_digest), class_="quiet")]),
        ("Every object", complete),
    ]
    return section("Kept with this page", facts(rows))


def _footer(document: Document) -> Markup:
    tool = document["collection"]
    text = (
        f"Written by {tool['name']} {tool['version']} from what AWS and Velero answered. "
        "The same evidence gives the same page, byte by byte."
    )
    return el("footer", text)
