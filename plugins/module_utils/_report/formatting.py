# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers, times and documents as a person reads them. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from collections.abc import Iterator

#: How a person reads a status.
STATUS_NAMES = {
    "compliant": "Compliant",
    "non_compliant": "Non-compliant",
    "not_evaluated": "Not evaluated",
    "not_applicable": "Not applicable",
}
#: Characters of JSON that a line of the page takes.
_WIDTH = 90
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def many(number: int, noun: str) -> str:
    """``1 object``, ``1,200 objects``."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def be(number: int) -> str:
    return "was" if number == 1 else "were"


def moment(text: str) -> dt.datetime | None:
    """A time as AWS, Kubernetes and this collection write it, in UTC; ``None`` where it is none."""
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)


def day(when: dt.datetime) -> str:
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def clock(text: str) -> str:
    """``1 November 2026, 02:00:12 UTC``."""
    when = moment(text)
    return f"{day(when)}, {when:%H:%M:%S} UTC" if when else text


def period(started: str, finished: str) -> str:
    """``24 November 2026, 08:00:00 to 08:00:02 UTC``."""
    begin, end = moment(started), moment(finished)
    if begin is None or end is None:
        return f"{started} to {finished}"
    if begin == end:
        return f"{day(begin)}, {begin:%H:%M:%S} UTC"
    if begin.date() == end.date():
        return f"{day(begin)}, {begin:%H:%M:%S} to {end:%H:%M:%S} UTC"
    return f"{day(begin)}, {begin:%H:%M:%S} to {day(end)}, {end:%H:%M:%S} UTC"


def size(number: int) -> str:
    """``2.0 KiB``."""
    value = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return many(number, "byte") if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} TiB"


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def json_lines(value: t.Any, before: str = "", after: str = "", depth: int = 0) -> Iterator[tuple[int, str]]:
    """JSON as lines, each with its depth; a value that is short, or has nothing nested in it, is one line."""
    text = json.dumps(value, ensure_ascii=False)
    pairs: list[tuple[t.Any, t.Any]] = []
    if isinstance(value, dict):
        pairs = [(f"{json.dumps(key, ensure_ascii=False)}: ", one) for key, one in value.items()]
    elif isinstance(value, list):
        pairs = [("", one) for one in value]
    if len(text) <= _WIDTH - 2 * depth or not any(isinstance(one, (dict, list)) for _key, one in pairs):
        yield depth, f"{before}{text}{after}"
        return
    yield depth, before + text[0]
    for number, (key, one) in enumerate(pairs, 1):
        yield from json_lines(one, key, "," if number < len(pairs) else "", depth + 1)
    yield depth, text[-1] + after
