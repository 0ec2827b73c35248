# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The selectors that a task wants a trail to have, among those of others. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._errors import ValidationError
from .selectors import (
    KMS,
    KMS_EVENTS,
    S3_OBJECT,
    EventCoverage,
    Selector,
    category,
    event_coverage,
    no_advanced_equal,
    object_events,
    selectors_of,
)

MANAGEMENT_NAME = "coffer.velero management events"
DATA_NAME = "coffer.velero data events"

#: What GetEventSelectors returns for a trail whose selectors were never set.
FRESH: Mapping[str, t.Any] = {
    "EventSelectors": [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
}
#: Values of all selectors of a trail ("up to a maximum of 500 values for all conditions", PutEventSelectors).
_VALUES = 500
_OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")


@dataclass(frozen=True, kw_only=True)
class DesiredSelectors:
    """What a trail should record.

    :param arns: beginnings of the ARNs of the objects whose data events are meant
    :param name: by which our selector of data events is found again
    """

    management_events: EventCoverage = "all"
    data_events: EventCoverage = "none"
    arns: tuple[str, ...] = ()
    name: str = DATA_NAME

    def __post_init__(self) -> None:
        for arn in self.arns:
            _refuse_prefix(arn)
        if self.data_events != "none" and not self.arns:
            remediation = "Give data_event_arns, for example arn:aws:s3:::bucket/prefix/."
            raise ValidationError("data_events", self.data_events, "has no objects to record", remediation)
        if self.management_events == "none" and self.data_events == "none":
            remediation = "Set data_events too, or leave management_events at all."
            raise ValidationError("management_events", "none", "leaves the trail nothing to record", remediation)

    def management(self, excluded: Sequence[str] = ()) -> tuple[Selector, ...]:
        """Our selector of management events.

        :param excluded: services whose events were left out before
        """
        if self.management_events == "none":
            return ()
        sources = [{"Field": "eventSource", "NotEquals": list(excluded)}] if excluded else []
        fields = [_equals("eventCategory", "Management"), *_read_only(self.management_events), *sources]
        return ({"Name": MANAGEMENT_NAME, "FieldSelectors": fields},)

    @property
    def data(self) -> tuple[Selector, ...]:
        """Our selector of data events."""
        if self.data_events == "none":
            return ()
        fields = [
            _equals("eventCategory", "Data"),
            _equals("resources.type", S3_OBJECT),
            *_read_only(self.data_events),
            {"Field": "resources.ARN", "StartsWith": list(self.arns)},
        ]
        return ({"Name": self.name, "FieldSelectors": fields},)


def _refuse_prefix(text: str) -> None:
    arn = Arn.parse(text)
    if arn is None or arn.service != "s3" or arn.region or arn.account_id or "/" not in arn.resource:
        remediation = "Write arn:aws:s3:::bucket/ for a whole bucket, arn:aws:s3:::bucket/prefix/ for a part."
        raise ValidationError("data_event_arns", text, "is not the beginning of ARNs of objects", remediation)
    if "*" in text:
        remediation = f"Write {text.partition('*')[0]}: a selector takes the beginning of an ARN, and no *."
        raise ValidationError("data_event_arns", text, "would match nothing", remediation)


def _equals(name: str, value: str) -> dict[str, t.Any]:
    return {"Field": name, "Equals": [value]}


def _read_only(desired: EventCoverage) -> list[dict[str, t.Any]]:
    return [] if desired == "all" else [_equals("readOnly", "true" if desired == "read" else "false")]


def object_event_coverage(selectors: Sequence[Selector], arns: Sequence[str]) -> EventCoverage:
    """Which data events are recorded of all these objects."""
    found = [event_coverage(selectors, object_events(arn)) for arn in arns]
    reads = bool(found) and all(one in ("read", "all") for one in found)
    writes = bool(found) and all(one in ("write", "all") for one in found)
    if reads:
        return "all" if writes else "read"
    return "write" if writes else "none"


def change_selectors(desired: DesiredSelectors, answer: Mapping[str, t.Any], *, trail: str) -> list[Selector] | None:
    """The selectors to put, ``None`` where those that are there do.

    :param answer: of GetEventSelectors
    :raises ValidationError: where selectors of the older kind are in the way that have no advanced equal
    """
    current = selectors_of(answer)
    management = [one for one in current if category(one) == "Management"]
    data = [one for one in current if category(one) != "Management" and one.get("Name") == desired.name]
    foreign = [one for one in current if one not in management and one not in data]
    # Ours of data events, unless others' record the same already.
    recorded = not data and object_event_coverage(foreign, desired.arns) in (desired.data_events, "all")
    after = [*_management(desired, management), *foreign, *(() if recorded else desired.data)]
    if _canonical(after) == _canonical(current):
        return None
    _refuse_loss(answer, trail)
    values = sum(len(field.get(name) or ()) for one in after for field in one["FieldSelectors"] for name in _OPERATORS)
    if values > _VALUES:
        remediation = f"A trail takes {_VALUES}. Give fewer, or a shorter beginning that covers them."
        raise ValidationError("data_event_arns", trail, f"would have selectors with {values} values", remediation)
    return after


def _management(desired: DesiredSelectors, current: Sequence[Selector]) -> Sequence[Selector]:
    """The current ones if they suffice, else the owned one, which excludes the same services, except KMS."""
    if event_coverage(current, KMS_EVENTS) == desired.management_events and (
        current or desired.management_events == "none"
    ):
        return current
    left_out = [
        {
            value
            for field in one["FieldSelectors"]
            if field["Field"] == "eventSource"
            for value in field.get("NotEquals") or ()
        }
        for one in current
    ]
    common = set.intersection(*left_out) - {KMS} if left_out else set()
    return desired.management(sorted(common))


def _refuse_loss(answer: Mapping[str, t.Any], trail: str) -> None:
    if answer.get("AdvancedEventSelectors"):
        return
    for basic in answer.get("EventSelectors") or ():
        reason = no_advanced_equal(basic)
        if reason:
            remediation = (
                "A trail has basic or advanced event selectors, never both, and this task needs advanced ones. "
                "Correct that selector (aws cloudtrail put-event-selectors), or use another trail."
            )
            raise ValidationError("name", trail, f"has a basic event selector that {reason}", remediation)


def _canonical(selectors: Sequence[Selector]) -> list[t.Any]:
    """Comparable by meaning: the order of selectors, fields and values says nothing."""
    return sorted(
        (
            str(one.get("Name") or ""),
            sorted(
                (field["Field"], name, sorted(field[name]))
                for field in one["FieldSelectors"]
                for name in _OPERATORS
                if field.get(name)
            ),
        )
        for one in selectors
    )
