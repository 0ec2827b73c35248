# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto's server, patched where it differs from AWS: each patch in one place and with a test of its name.

``python -m tests.support.moto_patches PORT`` serves on 127.0.0.1. See ``tests/unit/support/test_moto_patches.py``.
"""

from __future__ import annotations

from functools import cache


@cache
def install() -> None:
    """Patch the moto of this process; once."""
    # Imported here, for only the server's process has to pay for moto.
    from tests.support.moto_patches import (  # noqa: F401
        cloudtrail,
        cloudwatch,
        events,
        iam,
        identity,
        insights,
        kms,
        logs,
        records,
        s3,
        sns,
    )
    from tests.support.moto_patches.registry import PATCHES

    for apply in PATCHES.values():
        apply()
