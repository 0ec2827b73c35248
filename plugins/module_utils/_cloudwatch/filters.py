# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the metric filters that are wanted of a log group and those that there are, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step

#: "The maximum number of metric filters that can be associated with a log group is 100" (API reference,
#: PutMetricFilter).
_MOST = 100
_MOST_CHARACTERS = 1024
_NAME = re.compile(r"[^:*]{1,512}")
#: What somebody else may have given a filter of ours; PutMetricFilter would reset it.
_KEPT = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")
_NEEDED = ("metricName", "metricNamespace", "metricValue")
_MEMBERS = (*_NEEDED, "defaultValue", "dimensions", "unit")

Transformation = Mapping[str, t.Any]


@dataclass(frozen=True)
class WantedFilter:
    """A metric filter as it should be."""

    name: str
    pattern: str = ""
    transformation: Transformation | None = None

    @classmethod
    def parse(cls, given: Mapping[str, t.Any], *, absent: bool) -> WantedFilter:
        """From an entry of the option ``filters``.

        :raises ValidationError: for what CloudWatch would refuse
        """
        name = str(given.get("filterName") or "")
        if not _NAME.fullmatch(name):
            remediation = "Set filterName to 1 to 512 characters, no colon and no asterisk."
            raise ValidationError("filters", repr(name), "is not the name of a metric filter", remediation)
        if absent:
            return cls(name)
        _refuse_members(name, given, ("filterName", "filterPattern", "metricTransformations"), "filterPattern")
        pattern = str(given["filterPattern"]).strip()
        if len(pattern) > _MOST_CHARACTERS:
            reason = f"has a pattern of {len(pattern)} characters, and CloudWatch takes {_MOST_CHARACTERS}"
            raise ValidationError("filters", name, reason, "Make two filters of it that count in the same metric.")
        return cls(name, pattern, _transformation(name, given.get("metricTransformations")))


def _refuse_members(name: str, given: Mapping[str, t.Any], known: Sequence[str], *needed: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        remediation = f"PutMetricFilter knows {', '.join(known)}."
        raise ValidationError("filters", name, f"has {unknown[0]}, which is not known", remediation)
    missing = next((member for member in needed if given.get(member) is None), None)
    if missing is not None:
        raise ValidationError("filters", name, f"has no {missing}", "Set it, or delete the filter with state=absent.")


def _transformation(name: str, given: t.Any) -> Transformation:
    """The one transformation that a filter has.

    :raises ValidationError: for what CloudWatch would refuse
    """
    if not isinstance(given, (list, tuple)) or len(given) != 1 or not isinstance(given[0], Mapping):
        reason = "has not exactly one entry in metricTransformations"
        raise ValidationError("filters", name, reason, "CloudWatch takes one: make a filter of each.")
    metric = given[0]
    _refuse_members(name, metric, _MEMBERS, *_NEEDED)
    # "If you assign dimensions to a metric created by a metric filter, you can't assign a default value for that
    # metric" (CloudWatch Logs user guide, "Configuring metric values for a metric filter").
    if metric.get("dimensions") and metric.get("defaultValue") is not None:
        reason = "has dimensions and a defaultValue, which CloudWatch does not take together"
        raise ValidationError(
            "filters", name, reason, "Leave the dimensions out: without a default an alarm has no data."
        )
    if len(metric.get("dimensions") or {}) > 3:
        raise ValidationError("filters", name, "has more than three dimensions", "Leave some out.")
    texts = {member: str(metric[member]) for member in _NEEDED}
    more = {
        "defaultValue": None if metric.get("defaultValue") is None else _number(name, metric["defaultValue"]),
        "dimensions": {str(key): str(value) for key, value in (metric.get("dimensions") or {}).items()} or None,
        "unit": metric.get("unit"),
    }
    return {**texts, **{member: value for member, value in more.items() if value is not None}}


def _number(name: str, value: t.Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        reason = f"has a defaultValue of {value!r}, which is not a number"
        raise ValidationError("filters", name, reason, "Use 0, for a time without a match.") from None


@dataclass(frozen=True)
class WantedFilters:
    """The filters of one log group.

    :param prefix: other filters whose name begins so go; ``None`` keeps them all
    """

    group: str
    filters: Sequence[WantedFilter]
    prefix: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> WantedFilters:
        """From the options of a task.

        :raises ValidationError: for one that is there twice, and see :meth:`WantedFilter.parse`
        """
        absent = params["state"] == "absent"
        filters = [WantedFilter.parse(given, absent=absent) for given in params["filters"]]
        names = [one.name for one in filters]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValidationError(
                "filters", twice, "is given twice", "A filter is owned by its name: leave one of them out."
            )
        prefix = params["purge_prefix"]
        if prefix is not None and not prefix:
            remediation = "Give the prefix of your filters' names, or leave it out."
            raise ValidationError(
                "purge_prefix", "the prefix", "is empty, so that every filter of the log group would go", remediation
            )
        if not filters and prefix is None:
            raise ValidationError("filters", "the list", "is empty", "Name the filters, also those to delete.")
        return cls(params["log_group_name"], filters, prefix)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.filters)

    def surplus(self, current: Current) -> list[str]:
        """The filters that go although nobody has named them."""
        if self.prefix is None:
            return []
        return sorted(name for name in current if name.startswith(self.prefix) and name not in self.names)


#: The filters of the log group as CloudWatch tells of them, by name.
Current: t.TypeAlias = "Mapping[str, Mapping[str, t.Any]]"


def decide_filters(wanted: WantedFilters, current: Current | None) -> Plan:
    """The plan for filters that should exist.

    :param current: ``None`` where there is no such log group
    """
    unmet_dependency = None
    if current is None:
        remediation = "Make it with coffer.velero.cloudwatch_log_group, or name the one that the trail delivers to."
        unmet_dependency = ValidationError("log_group_name", wanted.group, "is not a log group here", remediation)
    there = current or {}
    surplus = wanted.surplus(there)
    put = [one for one in wanted.filters if not _same(one, there.get(one.name))]
    total = len(set(there) | wanted.names) - len(surplus)
    if total > _MOST:
        reason = f"would have {total} metric filters where CloudWatch takes {_MOST}"
        raise ValidationError("filters", wanted.group, reason, "Delete some that nobody needs.")
    gone, ended = _deletions(wanted.group, surplus, there)
    # First, so that there is room for ours.
    steps = (*gone, *(_put(wanted.group, one, there.get(one.name)) for one in put))
    differences = (*ended, *(Difference(one.name, _shown(there.get(one.name)), _asked(one)) for one in put))
    return Plan(steps, differences, _result(wanted, there, [one.name for one in wanted.filters]), (), unmet_dependency)


def delete_filters(wanted: WantedFilters, current: Current | None) -> Plan:
    """The plan for filters that should not exist."""
    there = current or {}
    names = [*(one.name for one in wanted.filters if one.name in there), *wanted.surplus(there)]
    steps, differences = _deletions(wanted.group, names, there)
    return Plan(steps, differences, _result(wanted, there, []))


def _deletions(group: str, names: Sequence[str], there: Current) -> tuple[tuple[Step, ...], tuple[Difference, ...]]:
    return (
        tuple(Step("logs:DeleteMetricFilter", {"logGroupName": group, "filterName": name}) for name in names),
        tuple(Difference(name, _shown(there[name]), None) for name in names),
    )


def _put(group: str, one: WantedFilter, there: Mapping[str, t.Any] | None) -> Step:
    keep = {name: there[name] for name in _KEPT if there and there.get(name)}
    arguments = {"logGroupName": group, "filterName": one.name, "filterPattern": one.pattern}
    return Step("logs:PutMetricFilter", {**arguments, "metricTransformations": [one.transformation], **keep})


def _asked(one: WantedFilter) -> dict[str, t.Any]:
    return {"filterPattern": one.pattern, "metricTransformations": [one.transformation]}


def _shown(there: Mapping[str, t.Any] | None) -> dict[str, t.Any] | None:
    """A filter in the words of the option. Where nobody names a unit, CloudWatch tells of none as ``None``."""
    if there is None:
        return None
    transformations = [
        {name: value for name, value in one.items() if value not in (None, {}) and (name, value) != ("unit", "None")}
        for one in there.get("metricTransformations") or ()
    ]
    return {"filterPattern": str(there.get("filterPattern", "")).strip(), "metricTransformations": transformations}


def _same(one: WantedFilter, there: Mapping[str, t.Any] | None) -> bool:
    return there is not None and _shown(there) == _shown(_asked(one))


def _result(wanted: WantedFilters, there: Current, names: Sequence[str]) -> dict[str, t.Any]:
    gone = {*wanted.names, *wanted.surplus(there)}
    return {
        "log_group_name": wanted.group,
        "filters": list(names),
        "kept_filters": sorted(name for name in there if name not in gone),
    }
