# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the metric filters that are desired of a log group and those that there are, to a plan. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import ValidationError
from .._names import refuse_names
from .._plan import Changes, Difference, Plan, Step, joined

#: "The maximum number of metric filters that can be associated with a log group is 100" (API reference,
#: PutMetricFilter).
_MOST = 100
_MOST_CHARACTERS = 1024
#: Members that no option sets and that others may have given an owned filter; PutMetricFilter would reset them.
_KEPT = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")
#: The suboptions of ``metric_transformation`` with the members of the API.
_TRANSFORMATION = {
    "metric_name": "metricName",
    "metric_namespace": "metricNamespace",
    "metric_value": "metricValue",
    "default_value": "defaultValue",
    "dimensions": "dimensions",
    "unit": "unit",
}

Transformation = Mapping[str, t.Any]


@dataclass(frozen=True)
class DesiredFilter:
    """A metric filter as it should be, its transformation by option."""

    name: str
    pattern: str = ""
    transformation: Transformation = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, t.Any], *, absent: bool) -> DesiredFilter:
        """From an entry of the option ``filters``.

        :raises ValidationError: for what CloudWatch would refuse
        """
        name = str(given["name"])
        if not re.fullmatch(r"[^:*]{1,512}", name):
            remediation = "Use 1 to 512 characters, no colon and no asterisk."
            raise ValidationError("filters", repr(name), "is not the name of a metric filter", remediation)
        if absent:
            return cls(name)
        missing = next((one for one in ("filter_pattern", "metric_transformation") if given.get(one) is None), None)
        if missing is not None:
            remediation = "Set it, or delete the filter with state=absent."
            raise ValidationError("filters", name, f"has no {missing}", remediation)
        pattern = given["filter_pattern"].strip()
        if len(pattern) > _MOST_CHARACTERS:
            reason = f"has a filter_pattern of {len(pattern)} characters, and CloudWatch takes {_MOST_CHARACTERS}"
            raise ValidationError("filters", name, reason, "Make two filters of it that count in the same metric.")
        return cls(name, pattern, _transformation(name, given["metric_transformation"]))

    @property
    def shown(self) -> dict[str, t.Any]:
        return {"filter_pattern": self.pattern, "metric_transformation": self.transformation}


def _transformation(name: str, given: Transformation) -> Transformation:
    """The transformation without what is not set.

    :raises ValidationError: for what CloudWatch would refuse
    """
    dimensions = {str(key): str(value) for key, value in (given.get("dimensions") or {}).items()}
    # "If you assign dimensions to a metric created by a metric filter, you can't assign a default value for that
    # metric" (CloudWatch Logs user guide, "Configuring metric values for a metric filter").
    if dimensions and given.get("default_value") is not None:
        reason = "has dimensions and a default_value, which CloudWatch does not take together"
        remediation = "Leave the dimensions out: without a default_value an alarm has no data."
        raise ValidationError("filters", name, reason, remediation)
    if len(dimensions) > 3:
        raise ValidationError("filters", name, "has more than three dimensions", "Leave some out.")
    unit = None if given.get("unit") == "None" else given.get("unit")
    found = {**given, "dimensions": dimensions or None, "unit": unit}
    return {option: found[option] for option in _TRANSFORMATION if found.get(option) is not None}


def shown(answer: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A filter of DescribeMetricFilters by option. CloudWatch returns the unit ``None`` where none was set."""
    transformation: Mapping[str, t.Any] = next(iter(answer.get("metricTransformations") or ()), {})
    found = {option: transformation.get(member) for option, member in _TRANSFORMATION.items()}
    found["unit"] = None if found["unit"] == "None" else found["unit"]
    return {
        "filter_pattern": str(answer.get("filterPattern", "")).strip(),
        "metric_transformation": {option: value for option, value in found.items() if value not in (None, {})},
    }


@dataclass(frozen=True)
class DesiredFilters:
    """The filters of one log group.

    :param prefix: unmanaged filters whose name begins so are deleted; ``None`` keeps them all
    """

    group: str
    filters: Sequence[DesiredFilter]
    prefix: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> DesiredFilters:
        """From the options of a task.

        :raises ValidationError: for one that is there twice, and see :meth:`DesiredFilter.parse`
        """
        absent = params["state"] == "absent"
        filters = [DesiredFilter.parse(given, absent=absent) for given in params["filters"]]
        prefix = params["purge_prefix"]
        refuse_names("filters", [one.name for one in filters], prefix=prefix, scope="log group")
        return cls(params["log_group_name"], filters, prefix)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.filters)

    def surplus(self, current: Current) -> list[str]:
        """The unmanaged filters to delete."""
        if self.prefix is None:
            return []
        return sorted(name for name in current if name.startswith(self.prefix) and name not in self.names)


#: The filters of the log group as CloudWatch tells of them, by name.
Current: t.TypeAlias = "Mapping[str, Mapping[str, t.Any]]"


def decide_filters(desired: DesiredFilters, current: Current | None) -> Plan:
    """The plan for filters that should exist.

    :param current: ``None`` where there is no such log group
    """
    unmet_dependency = None
    if current is None:
        remediation = "Make it with coffer.velero.cloudwatch_log_group, or name the one that the trail delivers to."
        unmet_dependency = ValidationError("log_group_name", desired.group, "is not a log group here", remediation)
    there = current or {}
    surplus = desired.surplus(there)
    before = {name: shown(answer) for name, answer in there.items()}
    put = [one for one in desired.filters if before.get(one.name) != one.shown]
    total = len(set(there) | desired.names) - len(surplus)
    if total > _MOST:
        reason = f"would have {total} metric filters where CloudWatch takes {_MOST}"
        raise ValidationError("filters", desired.group, reason, "Delete filters that are no longer needed.")
    puts = [_put(desired.group, one, there.get(one.name)) for one in put]
    changes = [Difference(one.name, before.get(one.name), one.shown) for one in put]
    # Deletions first, so that there is room for the owned ones.
    steps, differences = joined((_deletions(desired.group, surplus, there), (puts, changes)))
    result = _result(desired, there, [one.name for one in desired.filters])
    return Plan(steps, differences, result, unmet_dependency=unmet_dependency)


def delete_filters(desired: DesiredFilters, current: Current | None) -> Plan:
    """The plan for filters that should not exist."""
    there = current or {}
    names = [*(one.name for one in desired.filters if one.name in there), *desired.surplus(there)]
    steps, differences = _deletions(desired.group, names, there)
    return Plan(tuple(steps), tuple(differences), _result(desired, there, []))


def _deletions(group: str, names: Sequence[str], there: Current) -> Changes:
    steps = [Step("logs:DeleteMetricFilter", {"logGroupName": group, "filterName": name}) for name in names]
    return steps, [Difference(name, shown(there[name]), None) for name in names]


def _put(group: str, one: DesiredFilter, there: Mapping[str, t.Any] | None) -> Step:
    keep = {name: there[name] for name in _KEPT if there and there.get(name)}
    metric = {_TRANSFORMATION[option]: value for option, value in one.transformation.items()}
    arguments = {"logGroupName": group, "filterName": one.name, "filterPattern": one.pattern}
    return Step("logs:PutMetricFilter", {**arguments, "metricTransformations": [metric], **keep})


def _result(desired: DesiredFilters, there: Current, names: Sequence[str]) -> dict[str, t.Any]:
    gone = {*desired.names, *desired.surplus(there)}
    return {
        "log_group_name": desired.group,
        "filters": list(names),
        "kept_filters": sorted(name for name in there if name not in gone),
    }
