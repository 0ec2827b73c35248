# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bar chart: objects by algorithm and key, as bars of one scale. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

from .._arn import same_key
from .._documents import SSE_ALGORITHMS
from .._types import Document

#: The width in percent below which a bar could not be seen: one object in a million is a line, too.
_MIN_WIDTH = 0.5
_WITHOUT_KEY = {
    "AES256": "keys of S3 (SSE-S3)",
    "SSE-C": "a customer-provided key, which S3 does not keep",
    "none": "not encrypted by S3",
}


class Bar(t.NamedTuple):
    """The objects of one algorithm and key.

    :param status: ``undetermined`` where it depends on the object
    """

    algorithm: str
    key_arn: str | None
    detail: str
    number: int
    status: str
    total: int

    @property
    def width(self) -> str:
        return f"{max(self.number / self.total * 100, _MIN_WIDTH):.2f}"

    @property
    def percent(self) -> str:
        share = self.number / self.total * 100
        if 0.05 <= share < 99.95:
            return f"{share:.1f}%"
        return "100%" if share == 100 else "<0.1%" if share < 1 else ">99.9%"


def bars(document: Document) -> list[Bar]:
    """Every object version once: those under a key, those under none, and those of unknown encryption."""
    objects, total = document["objects"], document["objects"]["counts"]["total"]
    left = dict(objects["by_algorithm"])
    rows = list(objects["by_key"])
    for row in rows:
        left[row["algorithm"]] = left.get(row["algorithm"], 0) - row["count"]
    for algorithm, count in left.items():
        if count > 0:
            rows.append({"algorithm": algorithm, "key_arn": None, "bucket_key_enabled": False, "count": count})
    found = [
        Bar(row["algorithm"], row["key_arn"], _detail(row), row["count"], _status(row, document["desired"]), total)
        for row in rows
    ]
    found.sort(key=lambda bar: -bar.number)
    unknown = total - sum(objects["by_algorithm"].values())
    if unknown > 0:
        found.append(Bar("Unknown", None, "could not be read, or deleted", unknown, "not_evaluated", total))
    return found


def _detail(row: Document) -> str:
    if row["key_arn"] is None:
        return _WITHOUT_KEY.get(row["algorithm"], "key unknown")
    if row["algorithm"] != "aws:kms":
        return ""
    return "Bucket Key" if row["bucket_key_enabled"] else "no Bucket Key"


def _status(row: Document, desired: Document) -> str:
    mode = desired["encryption_mode"]
    if mode == "sse-c":
        return "undetermined" if row["algorithm"] in ("SSE-C", "AES256") else "non_compliant"
    if row["algorithm"] != SSE_ALGORITHMS[mode]:
        return "non_compliant"
    if desired["kms_key_arn"] is None:
        return "compliant"
    if row["key_arn"] is None:
        return "undetermined"
    accepted = (desired["kms_key_arn"], *desired["accepted_kms_key_arns"])
    is_accepted = any(same_key(row["key_arn"], key) for key in accepted)
    has_bucket_key = row["bucket_key_enabled"] or not desired["bucket_key_enabled"]
    return "compliant" if is_accepted and has_bucket_key else "non_compliant"
