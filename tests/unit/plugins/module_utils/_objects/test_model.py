# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The group of an object by its key."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Group, group_of


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("p/backups/b/b.tar.gz", Group("backup", "b")),
        ("p/backups/b/deep/x", Group("backup", "b")),
        ("p/backups/stray", Group("other", "backups")),
        ("p/restores/r/r-logs.gz", Group("restore", "r")),
        ("p/kopia/ns/kopia.repository", Group("kopia", "ns")),
        ("p/kopia/", Group("other", "kopia")),
        ("p/kopia//x", Group("other", "kopia")),
        ("p/restic/ns/config", Group("other", "restic")),
        ("p/probe", Group("other", "")),
        ("p/", Group("other", "")),
        ("p//x", Group("other", "")),
    ],
)
def test_group(key: str, group: Group) -> None:
    assert group_of(key, "p/") == group
