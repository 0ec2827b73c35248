# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects from before the encryption was changed, accepted for a limited time. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import re

from .._errors import ValidationError

#: Longer than a year is no exception any more.
MAX_DAYS = 366
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def accepted_objects(
    before: object, until: object, options: tuple[str, str], now: dt.datetime | None = None
) -> dict[str, str]:
    """The two times as a scan takes them; none where nothing is accepted, or no longer.

    :param options: what the two are called by who gives them
    :raises ValidationError: for what is no time, and for one that accepts what is yet to be written, or for ever
    """
    now = now or dt.datetime.now(dt.UTC)
    first, last = (str("" if value is None else value).strip() for value in (before, until))
    if not (first or last):
        return {}
    if not (first and last):
        missing, given = options if last else reversed(options)
        reason = f"is not set, and {given} is"
        raise ValidationError(missing, "it", reason, "Set both: what is accepted needs a time and an end.")
    written = _time(options[0], first)
    if written > now:
        reason = "is in the future, so that objects would be accepted that Velero is yet to write"
        raise ValidationError(options[0], first, reason, "Give the time at which the encryption was changed.")
    end = _date(options[1], last)
    if (end - now.date()).days > MAX_DAYS:
        remediation = f"Give a date of the next {MAX_DAYS} days; it can be set anew."
        raise ValidationError(options[1], last, "is too far away", remediation)
    if end < now.date():
        return {}
    return {"accepted_before": written.strftime(_FORM), "accepted_until": end.isoformat()}


def _time(option: str, text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValidationError(option, text, "is no time with its zone", "Give it as in 2026-11-01T02:00:00Z.")
    return found.astimezone(dt.UTC)


def _date(option: str, text: str) -> dt.date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise ValidationError(option, text, "is no date", "Give it as in 2027-01-31.")
