# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the patches are kept: by name, each told apart, installed together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

PATCHES: dict[str, Callable[[], None]] = {}


def patch(install: Callable[[], None]) -> Callable[[], None]:
    """Register one patch of moto; its docstring says what AWS does, its name is that of its test."""
    PATCHES[install.__name__] = install
    return install


def around(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace ``owner.name`` by a function that is given the original first."""

    def replace(replacement: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*arguments: Any, **keywords: Any) -> Any:
            return replacement(original, *arguments, **keywords)

        setattr(owner, name, call)

    return replace
