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
import typing as t
from collections.abc import Iterable


class Markup(str):
    """HTML that is made already."""

    __slots__ = ()


Child: t.TypeAlias = "str | Iterable[Child] | None"

#: Between two elements; at the end of a text a space is shown as one.
SPACE = Markup(" ")

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


def visible(text: str) -> Markup:
    """Text as text, with whatever the eye would miss or a browser would obey shown by its code point.

    Those are control and format characters, among them those that reverse the direction of writing, line breaks,
    spaces of other widths, unassigned and private code points, surrogates, and spaces at the ends.
    """
    if text.isprintable() and text == text.strip(" "):
        return Markup(html.escape(text))
    inner = text.strip(" ")
    first = len(text) - len(text.lstrip(" "))
    last = first + len(inner)
    return Markup(
        "".join(
            html.escape(character)
            if character.isprintable() and (character != " " or first <= position < last)
            else f'<span class="code">{_code_point(character)}</span>'
            for position, character in enumerate(text)
        )
    )


def plain(text: str) -> str:
    """The same where there can be no markup: in an attribute and in the title."""
    return "".join(character if character.isprintable() else _code_point(character) for character in text)


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def name(text: str | None) -> Markup:
    """A name from outside, on its own: in fixed width, wrapped anywhere, and left to right whatever is in it."""
    return el("span", text, class_="name", dir="ltr") if text else el("span", "none", class_="quiet")
