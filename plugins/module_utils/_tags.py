# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: lists and dictionaries, and what has to change. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping

from ._errors import ValidationError
from ._plan import NOTHING, Changes, Difference, Step

#: What YAML calls the kinds of values.
_KINDS = {"bool": "truth value", "float": "decimal number", "list": "list", "tuple": "list", "dict": "dictionary"}


def tag_list(tags: Mapping[str, t.Any], *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as AWS takes them; KMS spells the members ``TagKey`` and ``TagValue``."""
    return [{key: str(name), value: _text(content)} for name, content in sorted(tags.items())]


def tag_dict(tags: Iterable[Mapping[str, str]], *, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as AWS returns them, as a dictionary."""
    return {tag[key]: tag[value] for tag in tags}


def validate_tags(tags: Mapping[str, t.Any], *, option: str) -> None:
    """Refuse values that Python or YAML would spell, and not the user.

    :raises ValidationError: for a value that is neither text nor a whole number
    """
    for name, value in tags.items():
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            kind = "is empty" if value is None else f"is a {_KINDS.get(type(value).__name__, 'value')}"
            raise ValidationError(option, f'the value of "{name}"', f"{kind}, and no text", "Write it in quotes.")


def tag_changes(
    desired: Mapping[str, t.Any] | None, current: Mapping[str, str] | None, *, purge: bool, keep: Collection[str] = ()
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The tags to set and the names to remove.

    :param desired: ``None`` leaves all tags alone
    :param purge: remove what is not wanted, but never AWS's own tags (``aws:``) and those to ``keep``
    """
    if desired is None:
        return {}, ()
    there = current or {}
    tags = {str(name): _text(value) for name, value in desired.items()}
    present = {name: value for name, value in tags.items() if there.get(name) != value}
    unmanaged = (name for name in there if name not in tags and name not in keep and not name.startswith("aws:"))
    return present, tuple(sorted(unmanaged)) if purge else ()


def tags_after(
    desired: Mapping[str, t.Any] | None, current: Mapping[str, str] | None, *, purge: bool, keep: Collection[str] = ()
) -> dict[str, str]:
    """The tags as they are when :func:`tag_changes` are carried out."""
    present, absent = tag_changes(desired, current, purge=purge, keep=keep)
    return {name: value for name, value in {**(current or {}), **present}.items() if name not in absent}


def tag_part(
    actions: tuple[str, str],
    where: Mapping[str, str],
    desired: Mapping[str, t.Any] | None,
    current: Mapping[str, str],
    *,
    purge: bool,
    name: str = "tags",
) -> Changes:
    """The requests that change the tags of a resource, and the difference that they remove.

    :param actions: TagResource and UntagResource of the service, whole, so that a search for a permission finds them
    :param where: the member that names the resource
    """
    present, absent = tag_changes(desired, current, purge=purge)
    tag, untag = actions
    steps = []
    if absent:
        steps.append(Step(untag, {**where, "TagKeys": list(absent)}))
    if present:
        steps.append(Step(tag, {**where, "Tags": tag_list(present)}))
    if not steps:
        return NOTHING
    return steps, (Difference(name, dict(current) or None, tags_after(desired, current, purge=purge) or None),)


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
