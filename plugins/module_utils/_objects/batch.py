# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A batch of objects, and its events: what the parts of a scan send each other. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._errors import CofferError
from .model import Marker, ObjectVersion, PageRequest
from .result_collector import Totals


class Batch(t.NamedTuple):
    """Objects to scan: a page that has to be listed first, or objects that are known."""

    number: int
    listing: PageRequest | None = None
    objects: tuple[ObjectVersion, ...] = ()
    delete_markers: int = 0


class PageListed(t.NamedTuple):
    """A page was listed and its objects are being scanned; the next page can be listed already."""

    number: int
    next_marker: Marker | None


@dataclass
class BatchDone:
    """All objects of a batch were scanned.

    :param remaining: objects that boto3 has to scan
    :param has_many_prefixes: the delimited listing has too many prefixes to be of use, and nothing was scanned
    """

    number: int
    totals: Totals = field(default_factory=Totals)
    lines: bytes = b""
    remaining: tuple[ObjectVersion, ...] = ()
    prefixes: tuple[str, ...] = ()
    has_many_prefixes: bool = False


class BatchFailed(t.NamedTuple):
    """A page could not be listed, or no further request can succeed."""

    number: int
    error: CofferError


Event: t.TypeAlias = "PageListed | BatchDone | BatchFailed"
