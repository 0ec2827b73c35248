# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures that all tests share."""

from __future__ import annotations

pytest_plugins = ["tests.support.cluster", "tests.support.fixtures", "tests.support.running"]
