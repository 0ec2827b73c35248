# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queries of kms_usage_info, for people. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, import_util, profile_of


def _kms_usage_query(
    value: t.Any, question: str = "usage", aliases: Sequence[str] = (), limit: int | None = None
) -> t.Any:
    queries = import_util("_usage.insights_queries")
    if question == "objects":
        return queries.objects_query(profile_of(value).bucket)
    target = _target(value, [aliases] if isinstance(aliases, str) else aliases)
    if question == "usage":
        return queries.usage_query(target, limit=int(limit or 10_000))
    if question == "failures":
        return queries.failures_query(target, limit=int(limit or 100))
    raise AnsibleFilterError(f"question: {question} is not known. Ask for usage, failures or objects.")


def _target(value: t.Any, aliases: Sequence[str]) -> t.Any:
    option, key = "kms_usage_query", value
    if not isinstance(value, str):
        option, key = "velero_kms_key_arn", profile_of(value).kms_key_arn
    if key is None:
        raise ValidationError(option, "it", "is not set", "Name the key, for the others are not recorded.")
    return import_util("_usage.model").KeyIdentifiers.parse(key, aliases, option=option)


class FilterModule:
    """The filters of coffer.velero for the use of a key."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"kms_usage_query": as_filter(_kms_usage_query, parse=lambda value: value)}
