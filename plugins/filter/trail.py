# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CloudTrail trail needs of others. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail import documents
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, text_of


class FilterModule:
    """The filters of coffer.velero for a trail."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        texts = (
            documents.trail_bucket_policy_statements,
            documents.trail_key_policy_statements,
            documents.trail_log_delivery_statements,
            documents.trail_trust_statements,
        )
        filters = {build.__name__: as_filter(build, text_of) for build in texts}
        return {**filters, "trail_event_selectors": as_filter(documents.trail_event_selectors)}
