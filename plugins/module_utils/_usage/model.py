# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key's usage is asked for, in which window, and what a source answers. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._errors import ValidationError

KMS = "kms.amazonaws.com"
#: The members of a request to KMS that name a key.
KEY_PARAMETERS = ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
#: The codes that a refused call is recorded with; KMS leaves out the suffix that its answer has.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation")
OTHER_SOURCE = "choose another source."

_ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]+")


@dataclass(frozen=True)
class KeyIdentifiers:
    """A key, and what a request can call it by.

    :param aliases: names of its aliases, ``alias/velero``
    :param all: its ARN, its id, its aliases and their ARNs
    """

    arn: str
    account_id: str
    region: str
    aliases: tuple[str, ...]
    all: tuple[str, ...]

    @classmethod
    def parse(cls, arn: str, aliases: Sequence[str] = (), *, option: str = "key_id") -> KeyIdentifiers:
        """The key of an ARN.

        :param aliases: names or ARNs of aliases
        :raises ValidationError: where one of them is not what it should be; what passes can stand in a query
        """
        parts = Arn.parse_key(arn)
        if parts is None:
            remediation = "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID."
            raise ValidationError(option, arn or "it", "is not the ARN of a key", remediation)
        names = tuple(alias.rsplit(":", 1)[-1] for alias in aliases)
        for name in names:
            if not _ALIAS.fullmatch(name):
                raise ValidationError("aliases", name, "is not the name of an alias", "Write it as in alias/velero.")
        prefix, key_id = arn.removesuffix(parts.resource), parts.resource.removeprefix("key/")
        everything = (arn, key_id, *names, *(prefix + name for name in names))
        return cls(arn, parts.account_id, parts.region, names, everything)


@dataclass(frozen=True)
class Window:
    """From when to when, both ends included, in UTC.

    :param option: the option that says where it begins
    """

    start: dt.datetime
    end: dt.datetime
    option: str = "start"

    @classmethod
    def parse(cls, params: Mapping[str, t.Any], now: dt.datetime) -> Window:
        """The window that the options ask for, to the second.

        :raises ValidationError: where it is none
        """
        now = now.replace(microsecond=0)
        end = _parse_time("end", params["end"]) if params["end"] else now
        hours = params["hours"]
        if hours is not None and hours <= 0:
            raise ValidationError("hours", str(hours), "is no length of time", "Give a number above 0.")
        start = _parse_time("start", params["start"]) if params["start"] else end - dt.timedelta(hours=hours or 24)
        option = "start" if params["start"] else "hours"
        if start >= end:
            raise ValidationError("start", iso(start), f"is not before the end, {iso(end)}", "Give an earlier start.")
        if start >= now:
            raise ValidationError(option, iso(start), "is in the future", "Give an earlier start.")
        return cls(start, end, option)

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600

    def as_dict(self) -> dict[str, t.Any]:
        return {"start": iso(self.start), "end": iso(self.end), "hours": round(self.hours, 2)}

    def require_retained(self, days: int, now: dt.datetime, source: str) -> None:
        """Refuse a window that begins before what the source keeps.

        :raises ValidationError: for it; an answer for half of the window would look like one for all of it
        """
        kept = (now - dt.timedelta(days=days)).replace(microsecond=0)
        if self.start < kept:
            reason = f"is older than the {days} days that {source} keeps"
            remediation = f"Start at {iso(kept)} or later, or {OTHER_SOURCE}"
            raise ValidationError(self.option, iso(self.start), reason, remediation)


def _parse_time(option: str, text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        remediation = "Write it as in 2026-11-24T08:00:00Z."
        raise ValidationError(option, text, "is not a time", remediation) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class CallGroup(t.NamedTuple):
    """Calls that are alike.

    :param principal: the role where a session of it called
    :param source: the AWS service that called for the principal, else the address
    :param error: empty where they succeeded
    """

    calls: int
    event: str
    principal: str
    user_agent: str
    source: str
    error: str
    first: str
    last: str


#: The fields of an event by which calls are alike, in the order of :class:`CallGroup`.
GROUPED_BY = ("eventName", "principal", "userAgent", "source", "errorCode")


class FailedCall(t.NamedTuple):
    """One call that failed."""

    time: str
    event: str
    principal: str
    source: str
    user_agent: str
    error: str
    message: str
    event_id: str

    @classmethod
    def parse(cls, row: Mapping[str, str]) -> FailedCall:
        """The call of an event's fields, named as Logs Insights answers them."""
        names = ("eventTime", "eventName", "principal", "source", "userAgent", "errorCode", "errorMessage", "eventID")
        return cls(*(row.get(name, "") for name in names))


@dataclass(frozen=True)
class Usage:
    """The key's usage in the window, as a source answers it.

    :param truncated: whether there is more than was read
    :param warnings: why the counts are too low
    :param notes: what else should be known
    """

    calls: tuple[CallGroup, ...] = ()
    failures: tuple[FailedCall, ...] = ()
    truncated: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class MissingError(ValidationError):
    """The key or the source does not exist yet; an earlier task may be there to make it."""
