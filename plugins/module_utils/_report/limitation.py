# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One limitation of a report. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t


class Limitation(t.NamedTuple):
    """One thing that the status does not cover.

    :param reason: its code
    """

    reason: str
    message: str
    remediation: str | None = None
