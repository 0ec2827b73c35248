# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which events the selectors of a trail let through. Pure. PRIVATE to coffer.velero.

A selector records the events that pass every one of its fields; a trail records what any of its selectors does
(CloudTrail API, "PutEventSelectors"). In one field, one of the selecting operators has to match and none of the
deselecting ones may (CloudTrail user guide, "How CloudTrail evaluates multiple conditions for a field"). The older
event selectors are read as the advanced ones that record the same.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

Selector = Mapping[str, t.Any]
#: The events of one kind that a trail records.
EventCoverage = t.Literal["none", "read", "write", "all"]

KMS = "kms.amazonaws.com"
S3_OBJECT = "AWS::S3::Object"
#: What a trail records whose selectors were never set: "configured to log all read and write management events, and
#: no data events" (CloudTrail API, "PutEventSelectors").
DEFAULT: Selector = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}

#: The basic data resources, and whether their values are beginnings of ARNs ("You cannot use matching" for functions).
_BASIC_TYPES = {S3_OBJECT: "StartsWith", "AWS::Lambda::Function": "Equals", "AWS::DynamoDB::Table": "Equals"}
_READ_ONLY = {"ReadOnly": ["true"], "WriteOnly": ["false"]}
_MATCHES: Mapping[str, t.Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}


class FieldMatch(t.NamedTuple):
    """A value of an event, or the beginning of all values that are meant."""

    value: str
    is_prefix: bool = False


Events = Mapping[str, FieldMatch]

MANAGEMENT_EVENTS: Events = {"eventCategory": FieldMatch("Management")}
KMS_EVENTS: Events = {**MANAGEMENT_EVENTS, "eventSource": FieldMatch(KMS)}


def object_events(arn_prefix: str) -> Events:
    """The data events of the objects whose ARN begins so."""
    return {
        "eventCategory": FieldMatch("Data"),
        "resources.type": FieldMatch(S3_OBJECT),
        "resources.ARN": FieldMatch(arn_prefix, is_prefix=True),
        "eventSource": FieldMatch("s3.amazonaws.com"),
    }


def selectors_of(answer: Mapping[str, t.Any]) -> tuple[Selector, ...]:
    """All selectors in the answer of GetEventSelectors, as advanced ones."""
    advanced = tuple(answer.get("AdvancedEventSelectors") or ())
    return advanced or tuple(
        selector for basic in answer.get("EventSelectors") or () for selector in to_advanced_selectors(basic)
    )


def event_coverage(selectors: Sequence[Selector], events: Events) -> EventCoverage:
    """Which of these events are all recorded; a selector that lets only some of them through does not count."""
    reads, writes = (
        any(_passes(selector, {**events, "readOnly": FieldMatch(flag)}) for selector in selectors)
        for flag in ("true", "false")
    )
    if reads:
        return "all" if writes else "read"
    return "write" if writes else "none"


def category(selector: Selector) -> str:
    """Management, Data or NetworkActivity."""
    return next((f["Equals"][0] for f in selector["FieldSelectors"] if f["Field"] == "eventCategory"), "")


def _passes(selector: Selector, events: Events) -> bool:
    """Whether all the events pass every field."""
    return all(
        field["Field"] in events and _field_passes(field, events[field["Field"]])
        for field in selector["FieldSelectors"]
    )


def _field_passes(field: Mapping[str, t.Any], match: FieldMatch) -> bool:
    desired = [(name, value) for name in _MATCHES for value in field.get(name) or ()]
    if desired and not any(_all_match(name, value, match) for name, value in desired):
        return False
    return not any(_some_match(name, value, match) for name in _MATCHES for value in field.get(f"Not{name}") or ())


def _all_match(operator: str, value: str, match: FieldMatch) -> bool:
    if match.is_prefix and operator != "StartsWith":
        return False
    return _MATCHES[operator](match.value, value)


def _some_match(operator: str, value: str, match: FieldMatch) -> bool:
    if not match.is_prefix:
        return _MATCHES[operator](match.value, value)
    if operator == "EndsWith":
        return True
    return value.startswith(match.value) or (operator == "StartsWith" and match.value.startswith(value))


def to_advanced_selectors(basic: Selector) -> Iterator[Selector]:
    """The advanced selectors that record what a basic one does."""
    flag = _READ_ONLY.get(str(basic.get("ReadWriteType", "All")))
    reading = [{"Field": "readOnly", "Equals": flag}] if flag else []
    if basic.get("IncludeManagementEvents", True):
        excluded = list(basic.get("ExcludeManagementEventSources") or ())
        sources = [{"Field": "eventSource", "NotEquals": excluded}] if excluded else []
        fields = [{"Field": "eventCategory", "Equals": ["Management"]}, *reading, *sources]
        yield {"Name": "Management events", "FieldSelectors": fields}
    for resource in basic.get("DataResources") or ():
        kind, values = str(resource["Type"]), list(resource.get("Values") or ())
        if not values:  # records nothing
            continue
        # arn:aws:s3 and arn:aws:s3::: stand for every bucket, arn:aws:lambda for every function.
        everything = any(not any(value.split(":")[3:]) for value in values)
        arns = [] if everything else [{"Field": "resources.ARN", _BASIC_TYPES.get(kind, "Equals"): values}]
        kinds = [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": [kind]}]
        fields = [*kinds, *reading, *arns]
        yield {"Name": f"Data events of {kind}", "FieldSelectors": fields}


def no_advanced_equal(basic: Selector) -> str | None:
    """Why no advanced selector records the same, or ``None``."""
    for resource in basic.get("DataResources") or ():
        kind = str(resource["Type"])
        if kind not in _BASIC_TYPES:
            return f"has data events of {kind}"
        odd = next((value for value in resource.get("Values") or () if "*" in value), None)
        if odd:
            return f"names {odd}, and advanced selectors take no *"
    return None
