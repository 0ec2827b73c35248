# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan would change, a line each. The filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._plan import summary_lines


def plan_summary(results: Iterable[tuple[str, Mapping[str, t.Any]]], where: str) -> list[str]:
    planned = ((name, one.get("planned") or (one.get("changed") and one.get("diff")) or {}) for name, one in results)
    return [line for name, changes in planned for line in summary_lines(where, name, changes)]


class FilterModule:
    """The filter of coffer.velero for plans."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"plan_summary": plan_summary}
