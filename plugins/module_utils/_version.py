# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of the collection, for what is written to be kept. PRIVATE to coffer.velero.

The same as in ``galaxy.yml``, which a module's own process does not have; a test compares the two.
"""

from __future__ import annotations

VERSION = "0.1.0"
