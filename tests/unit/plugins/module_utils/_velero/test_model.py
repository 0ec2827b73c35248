# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a backup goes that names no location."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._velero.model import default_location


def test_default_location() -> None:
    other, plain = {"metadata": {"name": "other"}}, {"metadata": {"name": "default"}}
    marked = {"metadata": {"name": "marked"}, "spec": {"default": True}}
    assert default_location([other, plain, marked]) is marked
    assert default_location([other, plain]) is plain
    assert default_location([other]) is None
