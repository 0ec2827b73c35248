# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# The inner loop tries few examples of each property; `make integration` tries many.
settings.register_profile("few", max_examples=25, deadline=None, database=None)
settings.register_profile("many", max_examples=300, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))

pytest_plugins = ["tests.support.cluster", "tests.support.fixtures", "tests.support.running"]
