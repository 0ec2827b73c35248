# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan would change, a line each. The filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._plan import summary_lines


def plan_summary(results: Iterable[tuple[str, Mapping[str, t.Any]]], where: str) -> list[str]:
    return [line for name, result in results for line in summary_lines(where, name, _planned(result))]


def _planned(result: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    return result.get("planned") or (result.get("changed") and result.get("diff")) or {}


class FilterModule:
    """The filter of coffer.velero for plans."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"plan_summary": plan_summary}
