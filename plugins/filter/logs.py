# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a log group needs of others. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch import documents
from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal


def log_group_key_statements(value: t.Any) -> list[documents.Document]:
    if not isinstance(value, str):
        raise AnsibleFilterError(f"This filter takes a text, not {value!r}.")
    try:
        return documents.log_group_key_statements(value)
    except Refusal as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


class FilterModule:
    """The filters of coffer.velero for a log group."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"log_group_key_statements": log_group_key_statements}
