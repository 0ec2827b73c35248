# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what other tasks returned, by name and type. Pure. PRIVATE to coffer.velero.

A value that is not asked for by its name does not get into the report. So a result may be handed over as it was
registered, and nothing in it that is no evidence (``invocation``, say) is kept.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from .._errors import ValidationError
from .._types import Document

T = t.TypeVar("T", int, float)
Names: t.TypeAlias = Sequence[str]

AS_RETURNED = "Give it as the module returned it."
#: The most entries of each list in the document; the complete list of objects is a file of its own.
MAX_ENTRIES = 1000


class EvidenceReader:
    """A mapping in the evidence.

    :param path: how a message names it, ``evidence.objects``
    """

    def __init__(self, path: str, values: t.Any) -> None:
        self.path = path
        if not isinstance(values, Mapping):
            self.refuse("is not a mapping")
        self.values: Mapping[str, t.Any] = values

    def refuse(self, reason: str, name: str = "", remediation: str = AS_RETURNED) -> t.NoReturn:
        raise ValidationError(f"{self.path}.{name}" if name else self.path, "it", reason, remediation)

    def get(self, name: str) -> t.Any:
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        """A text; ``None`` where it is missing or empty."""
        value = self.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (Mapping, list, tuple)):
            self.refuse("is not text", name)
        return str(value)

    def required(self, name: str) -> str:
        return self.text(name) or self.refuse("is missing", name)

    def choice(self, name: str, choices: Sequence[str]) -> str:
        value = self.text(name) or ""
        return value if value in choices else self.refuse(f"is none of {', '.join(choices)}", name)

    def code(self, name: str) -> str | None:
        """The code of a reason, in snake case."""
        value = self.text(name)
        if value and not re.fullmatch("[a-z][a-z0-9_]*", value):
            self.refuse("is not a code in snake case", name)
        return value

    def flag(self, name: str) -> bool | None:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() not in ("true", "false"):
            self.refuse("is neither true nor false", name)
        return str(value).lower() == "true"

    def number(self, name: str) -> int:
        """A count; 0 where it is missing."""
        value = self._number(name, int)
        if value is not None and value < 0:
            self.refuse("is below zero", name)
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
            self.refuse("is not a number", name)

    def texts(self, name: str) -> list[str]:
        return [str(value) for value in self._list(name)]

    def fields(self, *, text: Names = (), flag: Names = (), number: Names = ()) -> Document:
        """Several values by their names, of the types of :meth:`text`, :meth:`flag` (or false) and :meth:`number`."""
        return {
            **{name: self.text(name) for name in text},
            **{name: bool(self.flag(name)) for name in flag},
            **{name: self.number(name) for name in number},
        }

    def mapping(self, name: str) -> EvidenceReader | None:
        """A mapping; ``None`` where it is missing, empty, or the result of a task that was skipped."""
        value = self.get(name)
        if not value or (isinstance(value, Mapping) and value.get("skipped")):
            return None
        return EvidenceReader(f"{self.path}.{name}", value)

    def child(self, name: str) -> EvidenceReader:
        """A mapping; an empty one where it is missing."""
        return self.mapping(name) or EvidenceReader(f"{self.path}.{name}", {})

    def mappings(self, name: str) -> list[EvidenceReader]:
        return [EvidenceReader(f"{self.path}.{name}[{number}]", one) for number, one in enumerate(self._list(name))]

    def _list(self, name: str) -> list[t.Any]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            self.refuse("is not a list", name)
        return list(value)


def outcome(status: str, reason: str | None, message: str) -> Document:
    """What every part of the document begins with.

    :param reason: the code of why it is not compliant
    """
    return {"status": status, "reason": None if status == "compliant" else reason, "message": message}
