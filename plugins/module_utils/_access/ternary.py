# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""True, False and not known (``None``), after Kleene. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

Ternary: t.TypeAlias = "bool | None"


def any_of(values: Iterable[Ternary]) -> Ternary:
    found: Ternary = False
    for value in values:
        if value:
            return True
        found = found if value is False else None
    return found


def all_of(values: Iterable[Ternary]) -> Ternary:
    return negated(any_of(negated(value) for value in values))


def negated(value: Ternary) -> Ternary:
    return None if value is None else not value
