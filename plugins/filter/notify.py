# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a storage profile to topic, rules and dashboard. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, later


class FilterModule:
    """The filters of coffer.velero for topic, rules and dashboard."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        documents = ("audit_event_rules", "audit_topic_key_statements", "audit_topic_statements")
        filters = {name: as_filter(later("_notify.documents", name)) for name in documents}
        return {**filters, "audit_dashboard": as_filter(later("_notify.overview", "audit_dashboard"))}
