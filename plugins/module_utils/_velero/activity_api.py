# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that read what Velero is at work on. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Mapping

from .._errors import ServiceError
from .._kube import Kube
from .._types import Document
from .activity import BACKUP, MAINTENANCE, MAINTENANCE_LABEL, MOVERS, RESTORE, Kind, Work, work_in


def read_work(
    kube: Kube, namespace: str, harmed: Mapping[Kind, frozenset[str]], location: str | None = None
) -> list[Work]:
    """What is under way in a namespace and would be harmed by a change."""
    kinds = {BACKUP, RESTORE, *MOVERS, *harmed} if location is not None else {*harmed}
    objects = {kind: _list(kube, namespace, kind) for kind in sorted(kinds, key=lambda kind: kind.name)}
    return work_in(objects, harmed, location)


def _list(kube: Kube, namespace: str, kind: Kind) -> list[Document]:
    query = {"labelSelector": MAINTENANCE_LABEL} if kind == MAINTENANCE else {}
    try:
        return kube.list(kind.path(namespace), **query)
    except ServiceError as error:
        if error.code == "404":  # an earlier Velero has no data movers
            return []
        raise
