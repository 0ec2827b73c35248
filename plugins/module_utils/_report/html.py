# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: one file, no script, nothing to load. Pure. PRIVATE to coffer.velero.

Only this file uses Jinja2. Every value that the template prints goes through :func:`visible`, which escapes it, unless
one of the filters below has made it HTML already.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import typing as t
import unicodedata

from .._errors import ValidationError
from .._types import Document
from . import formatting
from .page import context
from .template import TEMPLATE

try:
    import jinja2
    from markupsafe import Markup, escape

    HAS_JINJA2 = True
except ImportError:  # to_html raises it, as a sentence
    HAS_JINJA2 = False

#: No language puts more marks on one letter.
_MAX_MARKS = 4
_ARN = re.compile(r"(arn:aws[^\s,;()]*[^\s,;().])")


def to_html(document: Document, json_name: str, json_digest: str) -> str:
    """The page for a document.

    :param json_name: the name of the JSON file beside it
    :param json_digest: its SHA-256, so that the files of two reports are not taken for a pair
    :raises ValidationError: where Jinja2 is not installed
    """
    if not HAS_JINJA2:
        raise ValidationError("jinja2", "it", "is not installed for this Python", "Install jinja2 >= 3.0.")
    return _template().render(context(document, json_name, json_digest))


@functools.cache
def _template() -> jinja2.Template:
    return environment().from_string(TEMPLATE)


def environment() -> jinja2.Environment:
    """Jinja2 with the filters of the template, in which a value is text unless it is :class:`Markup`."""
    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    functions = (formatting.many, formatting.clock, formatting.size, plain, name, prose, value, pretty, csp_hash)
    made.filters.update({function.__name__: function for function in functions})
    made.filters["number"] = "{:,}".format
    made.filters["status_name"] = formatting.STATUS_NAMES.__getitem__
    made.globals["period"] = formatting.period
    return made


def _finalize(printed: t.Any) -> t.Any:
    """Called by Jinja2 with every value that the template prints."""
    if isinstance(printed, jinja2.Undefined):
        return printed  # StrictUndefined raises when it is printed
    return printed if isinstance(printed, Markup) else visible("" if printed is None else str(printed))


def visible(text: str, *, ends: bool = True) -> Markup:
    """Text as text, with whatever a reader would miss or a browser would obey shown by its code point.

    Those are control and format characters, among them those that reverse the direction of writing, line breaks,
    spaces of other widths, unassigned and private code points, surrogates, marks heaped on a letter, and spaces at
    the ends.

    :param ends: whether the ends of the text are those of a name, where a space has to be seen
    """
    if text.isascii() and text.isprintable() and not (ends and text != text.strip(" ")):
        return escape(text)  # nearly all of them
    first = len(text) - len(text.lstrip(" ")) if ends else 0
    last = len(text.rstrip(" ")) if ends else len(text)
    marks = 0
    found = []
    for position, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        is_plain = character.isprintable() and marks <= _MAX_MARKS
        if is_plain and (character != " " or first <= position < last):
            found.append(escape(character))
        else:
            found.append(Markup(f'<span class="code">{_code_point(character)}</span>'))
    return Markup("").join(found)


def plain(text: str) -> Markup:
    """The same where no element can stand: in an attribute and in the title."""
    return escape("".join(character if character.isprintable() else _code_point(character) for character in text))


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def name(text: str | None) -> Markup:
    """A name from outside: in fixed width, wrapped anywhere, and left to right whatever is in it."""
    if not text:
        return Markup('<span class="quiet">none</span>')
    return Markup('<span class="name" dir="ltr">{}</span>').format(visible(text))


def prose(text: str) -> Markup:
    """A sentence, in which ARNs look like names."""
    parts = enumerate(_ARN.split(text))
    return Markup("").join(name(part) if number % 2 else visible(part, ends=False) for number, part in parts)


def value(found: t.Any) -> Markup:
    """One side of a difference."""
    if found is None:
        return Markup('<span class="quiet">absent</span>')
    return name(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def pretty(document: t.Any) -> Markup:
    """JSON, as long on each line as fits. The line breaks are the page's; JSON writes one in a value as ``\\n``."""
    lines = formatting.json_lines(document)
    return Markup("\n").join(Markup("  " * depth) + visible(text) for depth, text in lines)


def csp_hash(style: str) -> str:
    """Permits this one style and nothing else, whatever may be found to get into the page."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
