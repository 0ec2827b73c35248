# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what other tasks returned, by name and type. Pure. PRIVATE to coffer.velero.

What is not asked for by its name does not get into the report. So a result may be handed over as it was registered,
and nothing in it that is no evidence (``invocation``, say) is kept.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError

T = t.TypeVar("T", int, float)


class Part:
    """A mapping in the evidence.

    :param where: how a message calls it, ``evidence.objects``
    """

    def __init__(self, where: str, values: t.Any) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            self.refuse("is not a mapping", "Give it as the module returned it.")
        self.values: Mapping[str, t.Any] = values

    def refuse(self, reason: str, remediation: str, name: str = "") -> t.NoReturn:
        raise ValidationError(f"{self.where}.{name}" if name else self.where, "it", reason, remediation)

    def get(self, name: str) -> t.Any:
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        """A text; ``None`` where it is not there or empty."""
        value = self.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (Mapping, list, tuple)):
            self.refuse("is not text", "Give it as the module returned it.", name)
        return str(value)

    def flag(self, name: str) -> bool | None:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() not in ("true", "false"):
            self.refuse("is neither true nor false", "Give it as the module returned it.", name)
        return str(value).lower() == "true"

    def number(self, name: str) -> int:
        """A count; 0 where it is not there."""
        value = self._number(name, int)
        if value is not None and value < 0:
            self.refuse("is below zero", "Give it as the module returned it.", name)
        return value or 0

    def fraction(self, name: str) -> float | None:
        return self._number(name, float)

    def _number(self, name: str, kind: type[T]) -> T | None:
        value = self.get(name)
        if value is None:
            return None
        try:
            return kind(value)
        except (TypeError, ValueError):
            self.refuse("is not a number", "Give it as the module returned it.", name)

    def texts(self, name: str) -> list[str]:
        return [str(value) for value in self._list(name)]

    def part(self, name: str) -> Part | None:
        """A mapping; ``None`` where it is not there, empty, or the result of a task that was skipped."""
        value = self.get(name)
        if not value or (isinstance(value, Mapping) and value.get("skipped")):
            return None
        return Part(f"{self.where}.{name}", value)

    def parts(self, name: str) -> list[Part]:
        return [Part(f"{self.where}.{name}[{number}]", value) for number, value in enumerate(self._list(name))]

    def _list(self, name: str) -> list[t.Any]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            self.refuse("is not a list", "Give it as the module returned it.", name)
        return list(value)
