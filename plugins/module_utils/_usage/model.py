# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose use of which key, when. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError

#: Event history keeps management events that long (CloudTrail API reference, LookupEvents).
HISTORY_DAYS = 90
KMS = "kms.amazonaws.com"

#: The cryptographic operations that S3 sends for an object.
OBJECT_OPERATIONS = ("GenerateDataKey", "Decrypt")
#: The codes that a refused call is recorded with; KMS leaves out the suffix that its answer has.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation")

_ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]+")


@dataclass(frozen=True)
class Target:
    """A key, and the names that a request can call it by.

    :param aliases: names of its aliases, ``alias/velero``
    """

    arn: str
    aliases: tuple[str, ...] = ()

    @classmethod
    def parse(cls, arn: str, aliases: Sequence[str] = (), *, option: str = "key_id") -> Target:
        """The key of an ARN.

        :param aliases: names or ARNs of aliases
        :raises ValidationError: where one of them is not what it should be; what passes can stand in a query
        """
        if Arn.parse_key(arn) is None:
            remediation = "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID."
            raise ValidationError(option, arn or "it", "is not the ARN of a key", remediation)
        names = tuple(alias.rsplit(":", 1)[-1] for alias in aliases)
        for name in names:
            if not _ALIAS.fullmatch(name):
                raise ValidationError("aliases", name, "is not the name of an alias", "Write it as in alias/velero.")
        return cls(arn, names)

    @property
    def parts(self) -> Arn:
        return t.cast(Arn, Arn.parse(self.arn))

    @property
    def key_id(self) -> str:
        return self.parts.resource.removeprefix("key/")

    @property
    def account_id(self) -> str:
        return self.parts.account_id

    @property
    def region(self) -> str:
        return self.parts.region

    @property
    def names(self) -> tuple[str, ...]:
        """What a request can write for the key: its ARN, its id, its aliases and their ARNs."""
        prefix = self.arn.removesuffix(self.parts.resource)
        return (self.arn, self.key_id, *self.aliases, *(prefix + alias for alias in self.aliases))


@dataclass(frozen=True)
class Window:
    """From when to when, both ends included, in UTC.

    :param option: the option that says where it begins
    """

    start: dt.datetime
    end: dt.datetime
    option: str = "start"

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600

    def as_dict(self) -> dict[str, t.Any]:
        return {"start": iso(self.start), "end": iso(self.end), "hours": round(self.hours, 2)}


def window(params: Mapping[str, t.Any], now: dt.datetime) -> Window:
    """The window that the options ask for, to the second.

    :raises ValidationError: where it is none
    """
    now = now.replace(microsecond=0)
    end = _time("end", params["end"]) if params["end"] else now
    hours = params["hours"]
    if hours is not None and hours <= 0:
        raise ValidationError("hours", str(hours), "is no length of time", "Give a number above 0.")
    start = _time("start", params["start"]) if params["start"] else end - dt.timedelta(hours=hours or 24)
    option = "start" if params["start"] else "hours"
    if start >= end:
        raise ValidationError("start", iso(start), f"is not before the end, {iso(end)}", "Give an earlier start.")
    if start >= now:
        raise ValidationError(option, iso(start), "is in the future", "Give an earlier start.")
    return Window(start, end, option)


def _time(option: str, text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        remediation = "Write it as in 2026-11-24T08:00:00Z."
        raise ValidationError(option, text, "is not a time", remediation) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def refuse_older(asked: Window, days: int, now: dt.datetime, resource: str, remediation: str) -> None:
    """Refuse a window that begins before what is kept.

    :raises ValidationError: for it; an answer for half of the window would look like one for all of it
    """
    kept = (now - dt.timedelta(days=days)).replace(microsecond=0)
    if asked.start < kept:
        reason = f"is older than the {days} days that {resource} keeps"
        raise ValidationError(
            asked.option, iso(asked.start), reason, f"Start at {iso(kept)} or later, or {remediation}"
        )


def young(resource: str, created: dt.datetime, asked: Window) -> list[str]:
    """What to say where the records begin within the window."""
    if created <= asked.start:
        return []
    return [f"{resource} was made at {iso(created)}, within the window: what was before is not in it."]


def iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Row(t.NamedTuple):
    """Calls that are alike.

    :param principal: the role where a session of it called
    :param source: the AWS service that called for the principal, else the address
    :param error: ``None`` where they succeeded
    """

    calls: int
    event: str
    principal: str
    user_agent: str
    source: str
    error: str | None
    first: str
    last: str


class Failure(t.NamedTuple):
    """One call that failed."""

    time: str
    event: str
    principal: str
    source: str
    user_agent: str
    error: str
    message: str
    event_id: str


@dataclass(frozen=True)
class Answer:
    """What a source has told.

    :param matched: the events that matched, as the source itself counts them; ``None`` where it does not
    :param bytes_scanned: what the source is paid by; ``None`` where it is free
    :param truncated: whether there is more than was read
    :param warnings: why the counts are too low
    :param notes: what else should be known
    """

    rows: tuple[Row, ...] = ()
    failures: tuple[Failure, ...] = ()
    matched: int | None = None
    bytes_scanned: int | None = None
    truncated: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
