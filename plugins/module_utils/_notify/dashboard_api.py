# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change dashboards. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .._arn import Arn
from .._aws import Aws
from .._errors import ServiceError
from .._plan import Plan
from .._sts import caller
from .dashboard import Body, Dashboard, decide_dashboard

#: The code has changed with the protocol of the service.
_MISSING = ("ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException")


@dataclass
class DashboardResource:
    """A dashboard, for the runner.

    :param body: ``None`` where it should not exist
    :param warn: takes what CloudWatch says of a body that it has taken
    """

    aws: Aws
    name: str
    body: Body | None
    warn: Callable[[str], None]

    def read(self) -> Dashboard:
        answer = self.aws.call_or_none("cloudwatch:GetDashboard", *_MISSING, DashboardName=self.name)
        if answer is None:
            return Dashboard(self._arn())
        try:
            return Dashboard(answer["DashboardArn"], json.loads(answer["DashboardBody"]))
        except ValueError as error:
            text = f"CloudWatch has a body that is not JSON ({error})."
            raise ServiceError("cloudwatch:GetDashboard", "MalformedBody", text) from error

    def _arn(self) -> str:
        """Dashboards belong to no Region."""
        who = caller(self.aws)
        return str(Arn(who.partition, "cloudwatch", "", who.account_id, f"dashboard/{self.name}"))

    def decide(self, current: Dashboard) -> Plan:
        return decide_dashboard(self.name, self.body, current)

    def guard(self, plan: Plan) -> None:
        """Nothing that CloudWatch does not ask itself."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        for step in plan.steps:
            try:
                answer = self.aws.run_step(step, {})
            except ServiceError as error:
                if error.code in _MISSING and self.body is None:
                    return {}
                answer = getattr(error.__cause__, "response", None) or {}  # none where the connection broke
                for message in _messages(answer.get("dashboardValidationMessages", ())):
                    error.add_hint(message)
                raise
            for message in _messages(answer.get("DashboardValidationMessages", ())):
                self.warn(f"{self.name}: CloudWatch has taken the body and says: {message}")
        return {}


def _messages(said: Iterable[Mapping[str, str]]) -> list[str]:
    return [f"{one.get('DataPath', one.get('dataPath', ''))}: {one.get('Message', one.get('message'))}" for one in said]
