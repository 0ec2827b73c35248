# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTML in which nothing from outside can be anything but text. Pure. PRIVATE to coffer.velero.

An element is made of other elements and of text; whatever is not :class:`Markup` is text, and is escaped. There is no
way to put a string into the page that goes around this, but to call it ``Markup``, which only this package does with
words of its own.
"""

from __future__ import annotations

import html
import re
import typing as t
import unicodedata
from collections.abc import Iterable


class Markup(str):
    """HTML that is made already."""

    __slots__ = ()


Child: t.TypeAlias = "str | Iterable[Child] | None"

#: Between two elements; at the end of a text a space is shown as one.
SPACE = Markup(" ")

_MOST_MARKS = 4
_VOID = frozenset({"meta", "br"})


def el(tag: str, *children: Child, **attributes: str | int | float | None) -> Markup:
    """An element; ``class_`` and ``aria_label`` stand for ``class`` and ``aria-label``, ``None`` for no attribute."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(plain(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other; text among them is escaped."""
    return Markup("".join(_written(child) for child in children))


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    return visible(child) if isinstance(child, str) else join(child)


def visible(text: str, *, ends: bool = True) -> Markup:
    """Text as text, with whatever the eye would miss or a browser would obey shown by its code point.

    Those are control and format characters, among them those that reverse the direction of writing, line breaks,
    spaces of other widths, unassigned and private code points, surrogates, marks heaped on a letter, and spaces at
    the ends.

    :param ends: whether the ends of the text are those of a name; a space there is meant to be seen
    """
    if text.isascii() and text.isprintable() and not (ends and text != text.strip(" ")):
        return Markup(html.escape(text))  # nearly all of them
    first = len(text) - len(text.lstrip(" ")) if ends else 0
    last = len(text.rstrip(" ")) if ends else len(text)
    marks = 0
    found = []
    for position, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if _is_plain(character, marks) and (character != " " or first <= position < last):
            found.append(html.escape(character))
        else:
            found.append(f'<span class="code">{_code_point(character)}</span>')
    return Markup("".join(found))


def _is_plain(character: str, marks: int) -> bool:
    """Whether a character can be shown as it is: no language puts that many marks on one letter."""
    return character.isprintable() and marks <= _MOST_MARKS


def plain(text: str) -> str:
    """The same where there can be no markup: in an attribute and in the title."""
    return "".join(character if character.isprintable() else _code_point(character) for character in text)


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


_ARN = re.compile(r"(arn:aws[^\s,;()]*[^\s,;().])")


def prose(text: str) -> Markup:
    """A sentence, in which ARNs look like names."""
    parts = enumerate(_ARN.split(text))
    return join(name(part) if number % 2 else visible(part, ends=False) for number, part in parts)


def name(text: str | None) -> Markup:
    """A name from outside, on its own: in fixed width, wrapped anywhere, and left to right whatever is in it."""
    return el("span", text, class_="name", dir="ltr") if text else el("span", "none", class_="quiet")
