# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told, and what is shown. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._notify import documents, overview
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile


def _filter(build: Callable[..., t.Any]) -> Callable[..., t.Any]:
    def apply(values: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        if not isinstance(values, Mapping):
            raise AnsibleFilterError("A storage profile is a dictionary of bucket, region, account_id and so on.")
        try:
            return build(StorageProfile.parse(values), *arguments, **options)
        except Refusal as refusal:
            raise AnsibleFilterError(str(refusal)) from refusal

    return apply


class FilterModule:
    """The filters of coffer.velero for what notices and shows."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        builds = (
            documents.audit_event_rules,
            documents.audit_topic_key_statements,
            documents.audit_topic_statements,
            overview.audit_dashboard,
        )
        return {build.__name__: _filter(build) for build in builds}
