# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies and event selectors of a CloudTrail trail. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, later, text_of


class FilterModule:
    """The filters of coffer.velero for a trail."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        of_a_name = (
            "trail_bucket_policy_statements",
            "trail_key_policy_statements",
            "trail_log_delivery_statements",
            "trail_trust_statements",
        )
        filters = {name: as_filter(later("_cloudtrail.documents", name), text_of) for name in of_a_name}
        return {**filters, "trail_event_selectors": as_filter(later("_cloudtrail.documents", "trail_event_selectors"))}
