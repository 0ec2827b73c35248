# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of things that a task owns by their names. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Sequence

from ._errors import ValidationError


def refuse_names(option: str, names: Sequence[str], *, prefix: str | None = None, scope: str = "") -> None:
    """Refuse a list in which a name is there twice, and one that says nothing.

    :param option: the list, ``alarms``
    :param prefix: the beginning of the names of what is deleted where the list does not name it; ``None`` deletes none
    :param scope: where that is looked for
    """
    kind = option.removesuffix("s")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        remediation = f"{'An' if kind[0] in 'aeio' else 'A'} {kind} is owned by its name: leave one of them out."
        raise ValidationError(option, twice, "is given twice", remediation)
    if prefix == "":
        reason = f"is empty, so that every {kind} of the {scope} would be deleted"
        remediation = f"Give the prefix of your {option}' names, or leave it out."
        raise ValidationError("purge_prefix", "the prefix", reason, remediation)
    if not names and prefix is None:
        raise ValidationError(option, "the list", "is empty", f"Name the {option}, also those to delete.")
