# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which part of Velero's an object belongs to, by its key. Pure. PRIVATE to coffer.velero.

Velero knows exactly six directories under a location's prefix; the objects of one kopia repository belong to the
namespace whose volumes it keeps, and to no single backup.
"""

from __future__ import annotations

import typing as t

_KINDS = {"backups": "backup", "restores": "restore", "kopia": "kopia"}


class Group(t.NamedTuple):
    """A backup, a restore, the kopia repository of a namespace, or another directory under the prefix."""

    kind: str
    name: str


def group_of(key: str, prefix: str) -> Group:
    """The group of a key under ``prefix``, which ends with a slash or is empty."""
    first, slash, rest = key[len(prefix) :].partition("/")
    kind = _KINDS.get(first)
    name, inner, _rest = rest.partition("/")
    if slash and inner and kind and name:
        return Group(kind, name)
    return Group("other", first if slash else "")


def splits(prefix: str, root: str) -> bool:
    """Whether what is below a prefix is worth to be listed directory by directory, side by side.

    One listing answers some 5,000 objects a second. A kopia repository is the only directory that grows large;
    backups are many and small.
    """
    return prefix in (root, f"{root}kopia/")
