# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CloudTrail trail needs of others. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail import documents
from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile


def _filter(build: Callable[..., t.Any], parse: Callable[[t.Any], t.Any]) -> Callable[..., t.Any]:
    def apply(value: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        try:
            return build(parse(value), *arguments, **options)
        except Refusal as refusal:
            raise AnsibleFilterError(str(refusal)) from refusal

    return apply


def _text(value: t.Any) -> str:
    if not isinstance(value, str):
        raise AnsibleFilterError(f"This filter takes a text, not {value!r}.")
    return value


def _profile(values: t.Any) -> StorageProfile:
    if not isinstance(values, Mapping):
        raise AnsibleFilterError("A storage profile is a dictionary of bucket, region, account_id and so on.")
    return StorageProfile.parse(values)


class FilterModule:
    """The filters of coffer.velero for a trail."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        texts = (
            documents.trail_bucket_policy_statements,
            documents.trail_key_policy_statements,
            documents.trail_log_delivery_statements,
            documents.trail_trust_statements,
        )
        filters = {build.__name__: _filter(build, _text) for build in texts}
        return {**filters, "trail_event_selectors": _filter(documents.trail_event_selectors, _profile)}
