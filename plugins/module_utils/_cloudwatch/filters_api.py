# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change metric filters. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._aws import Aws
from .._errors import ServiceError
from .._plan import Plan
from .filters import Current, DesiredFilters, decide_filters, delete_filters

_MISSING = "ResourceNotFoundException"
#: The log group or a filter was deleted meanwhile, or a concurrent writer changes it.
_UNSETTLED_CODES = frozenset({_MISSING, "OperationAbortedException"})


@dataclass
class FiltersResource:
    """The metric filters of one log group, for the runner."""

    aws: Aws
    desired: DesiredFilters
    absent: bool = False

    def read(self) -> Current | None:
        """One request for all filters of the group, for 50 of them each."""
        try:
            listed: t.Iterable[Mapping[str, t.Any]] = self.aws.pages(
                "logs:DescribeMetricFilters", "metricFilters", logGroupName=self.desired.group
            )
            return {str(one["filterName"]): one for one in listed}
        except ServiceError as error:
            if error.code == _MISSING:
                return None
            raise

    def decide(self, current: Current | None) -> Plan:
        decide = delete_filters if self.absent else decide_filters
        return decide(self.desired, current)

    def guard(self, plan: Plan) -> None:
        """Nothing that CloudWatch does not ask itself."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        return self.aws.apply(plan, conflicts=_UNSETTLED_CODES)
