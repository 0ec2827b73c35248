# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture: objects by algorithm and key, as bars of one scale. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._documents import SSE_ALGORITHMS
from ansible_collections.coffer.velero.plugins.module_utils._objects.evaluate import same_key
from ansible_collections.coffer.velero.plugins.module_utils._report.markup import SPACE, Markup, el, join, name
from ansible_collections.coffer.velero.plugins.module_utils._report.words import many
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

MOST_BARS = 20
#: The width in percent below which a bar could not be seen: one object in a million is a line, too.
_LEAST = 0.5


class Bar(t.NamedTuple):
    """The objects of one algorithm and key.

    :param fit: ``fits`` or ``misfits`` what is wanted, ``known`` where that depends on the object, ``untold``
    """

    algorithm: str
    key_arn: str | None
    detail: str
    number: int
    fit: str


def bars(document: Document) -> list[Bar]:
    """Every object version once: those under a key, those under none, and those of which S3 told nothing."""
    objects, wanted = document["objects"], document["wanted"]
    left = dict(objects["by_algorithm"])
    found = []
    for row in objects["by_key"]:
        left[row["algorithm"]] = left.get(row["algorithm"], 0) - row["count"]
        found.append(Bar(row["algorithm"], row["key_arn"], _bucket_key(row), row["count"], _fit(row, wanted)))
    for algorithm, count in left.items():
        if count > 0:
            row = {"algorithm": algorithm, "key_arn": None, "bucket_key_enabled": False}
            found.append(Bar(algorithm, None, _keyless(algorithm), count, _fit(row, wanted)))
    found.sort(key=lambda row: -row.number)
    untold = objects["counts"]["total"] - sum(objects["by_algorithm"].values())
    return [
        *found,
        *([Bar("Not told by S3", None, "could not be read, or gone", untold, "untold")] if untold > 0 else []),
    ]


def _bucket_key(row: Document) -> str:
    if row["algorithm"] != "aws:kms":
        return ""
    return "Bucket Key" if row["bucket_key_enabled"] else "no Bucket Key"


def _keyless(algorithm: str) -> str:
    known = {
        "AES256": "keys of S3 (SSE-S3)",
        "SSE-C": "a customer's key, which S3 does not keep",
        "none": "not encrypted by S3",
    }
    return known.get(algorithm, "no key was told")


def _fit(row: Document, wanted: Document) -> str:
    mode = wanted["encryption_mode"]
    if mode == "sse-c":
        return "known" if row["algorithm"] in ("SSE-C", "AES256") else "misfits"
    if row["algorithm"] != SSE_ALGORITHMS[mode]:
        return "misfits"
    if wanted["kms_key_arn"] is None:
        return "fits"
    if row["key_arn"] is None:
        return "known"
    accepted = (wanted["kms_key_arn"], *wanted["accepted_kms_key_arns"])
    under_it = any(same_key(row["key_arn"], key) for key in accepted)
    return "fits" if under_it and (row["bucket_key_enabled"] or not wanted["bucket_key_enabled"]) else "misfits"


def picture(document: Document) -> Markup:
    """The bars, each with its words and numbers beside it, so that nothing hangs on color."""
    found = bars(document)
    shown, rest = found[:MOST_BARS], found[MOST_BARS:]
    total = document["objects"]["counts"]["total"]
    items = [_item(row, total) for row in shown]
    if rest:
        text = f"{many(len(rest), 'more key')} with {many(sum(row.number for row in rest), 'object version')}"
        items.append(el("li", f"{text}: see the JSON file.", class_="quiet"))
    return el("figure", el("ul", items, class_="bars"), aria_label="Object versions by algorithm and key")


def _item(row: Bar, total: int) -> Markup:
    share = row.number / total * 100
    return el(
        "li",
        el("div", el("span", el("b", row.algorithm), SPACE, _said(row.fit)), _number(row.number, share), class_="top"),
        el(
            "svg",
            el("rect", class_="track", width="100", height="1"),
            el("rect", class_=row.fit, width=f"{max(share, _LEAST):.2f}", height="1"),
            viewBox="0 0 100 1",
            preserveAspectRatio="none",
            aria_hidden="true",
        ),
        el("p", _under(row), class_="under"),
    )


def _said(fit: str) -> Markup | None:
    words = {"fits": "as wanted", "misfits": "not as wanted"}.get(fit)
    return el("span", words, class_="wrong" if fit == "misfits" else "quiet") if words else None


def _number(count: int, share: float) -> Markup:
    percent = (
        f"{share:.1f}%" if 0.05 <= share < 99.95 else "100%" if share == 100 else "<0.1%" if share < 1 else ">99.9%"
    )
    return el("span", f"{count:,}", SPACE, el("span", percent, class_="quiet share"), class_="n")


def _under(row: Bar) -> Markup:
    return join([name(row.key_arn) if row.key_arn else None, SPACE, row.detail])
