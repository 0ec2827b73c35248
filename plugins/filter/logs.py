# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key policy of a log group. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, later, text_of


class FilterModule:
    """The filters of coffer.velero for a log group."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {
            "log_group_key_statements": as_filter(later("_cloudwatch.documents", "log_group_key_statements"), text_of)
        }
