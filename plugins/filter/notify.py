# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told, and what is shown. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils._notify import documents, overview
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter


class FilterModule:
    """The filters of coffer.velero for what notices and shows."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        builds = (
            documents.audit_event_rules,
            documents.audit_topic_key_statements,
            documents.audit_topic_statements,
            overview.audit_dashboard,
        )
        return {build.__name__: as_filter(build) for build in builds}
