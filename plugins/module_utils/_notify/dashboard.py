# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the dashboard that is desired and the one that there is, to a plan. Pure. PRIVATE to coffer.velero.

The structure is that of "Dashboard Body Structure and Syntax" (Amazon CloudWatch API Reference). CloudWatch checks it
only when it is put, so what it would refuse is found here too: a check run must not promise what a real one cannot do.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .._errors import ValidationError
from .._plan import Difference, Plan, Step

Body = Mapping[str, t.Any]

_WIDGETS = 500
_ALARMS = 100
#: Columns of the grid, and rows that a widget may have.
_GRID = {"x": (0, 23), "y": (0, 100_000), "width": (1, 24), "height": (1, 1000)}


@dataclass(frozen=True)
class Dashboard:
    """A dashboard as CloudWatch tells of it.

    :param body: ``None`` where there is none
    :param arn: the one that it would have, where there is none
    """

    arn: str
    body: Body | None = None


def decide_dashboard(name: str, body: Body | None, current: Dashboard) -> Plan:
    """The plan for a dashboard.

    :param body: ``None`` where it should not exist
    :raises ValidationError: where CloudWatch would refuse it
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
        remediation = "Use 1 to 255 letters, digits, - and _."
        raise ValidationError("name", repr(name), "is not the name of a dashboard", remediation)
    result = {"name": name, "dashboard_arn": current.arn, "body": body}
    difference = Difference("body", current.body, body)
    if body is None:
        step = Step("cloudwatch:DeleteDashboards", {"DashboardNames": [name]})
        return Plan(result=result) if current.body is None else Plan((step,), (difference,), result)
    found = list(faults(body))
    if found:
        remediation = 'See "Dashboard Body Structure and Syntax" in CloudWatch\'s API reference.'
        raise ValidationError("body", name, f"is not what CloudWatch takes: {'; '.join(found)}", remediation)
    if current.body is not None and _text(current.body) == _text(body):
        return Plan(result=result)
    step = Step("cloudwatch:PutDashboard", {"DashboardName": name, "DashboardBody": json.dumps(body)})
    return Plan((step,), (difference,), result)


def _text(value: t.Any) -> str:
    """The same for bodies that show the same: the order of names means nothing, 1.0 is 1, true is not 1."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


# --- what CloudWatch would refuse ------------------------------------------------------------------------------------


def faults(body: Body) -> Iterator[str]:
    """What is wrong with a body, each with its place. Kinds of widgets that are not known here are not judged."""
    widgets = body.get("widgets")
    if not isinstance(widgets, (list, tuple)):
        yield "widgets is not a list"
        return
    if len(widgets) > _WIDGETS:
        yield f"widgets has {len(widgets)} entries, and {_WIDGETS} are the most"
    if body.get("periodOverride", "auto") not in ("auto", "inherit"):
        yield "periodOverride is neither auto nor inherit"
    for position, widget in enumerate(widgets):
        place = f"widgets[{position}]"
        if not isinstance(widget, Mapping):
            yield f"{place} is not an object"
            continue
        yield from (f"{place}{fault}" for fault in _widget(widget))


def _widget(widget: Mapping[str, t.Any]) -> Iterator[str]:
    for name, (least, most) in _GRID.items():
        value = widget.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            yield f".{name} is {json.dumps(value, default=str)}, not {least} to {most}"
    properties = widget.get("properties")
    if not isinstance(widget.get("type"), str):
        yield ".type is missing"
    elif not isinstance(properties, Mapping):
        yield ".properties is not an object"
    else:
        check = _PROPERTIES.get(widget["type"])
        yield from (f".properties{fault}" for fault in (check(properties) if check else ()))


def _missing(properties: Mapping[str, t.Any], *names: str) -> Iterator[str]:
    for name in names:
        if not isinstance(properties.get(name), str) or not properties[name]:
            yield f".{name} is missing"


def _alarm_widget(properties: Mapping[str, t.Any]) -> Iterator[str]:
    alarms = properties.get("alarms")
    if not isinstance(alarms, (list, tuple)) or not 1 <= len(alarms) <= _ALARMS:
        yield f".alarms does not have 1 to {_ALARMS} entries"


def _metric_widget(properties: Mapping[str, t.Any]) -> Iterator[str]:
    yield from _missing(properties, "region")
    metrics = properties.get("metrics")
    alarms = properties.get("annotations", {}).get("alarms")
    if not isinstance(metrics, (list, tuple)) and not alarms:
        yield ".metrics is not a list"
        return
    if not _is_period(properties.get("period", 60)):
        yield ".period is neither 1, 5, 10, 20, 30 nor a multiple of 60"
    for position, metric in enumerate(metrics or ()):
        if not _is_metric(metric):
            yield f".metrics[{position}] is not namespace, name, pairs of dimension and value, and options"


def _is_period(period: t.Any) -> bool:
    whole = isinstance(period, int) and not isinstance(period, bool) and period > 0
    return whole and (period in (1, 5, 10, 20, 30) or period % 60 == 0)


def _is_metric(metric: t.Any) -> bool:
    if not isinstance(metric, (list, tuple)) or not metric:
        return False
    options = metric[-1] if isinstance(metric[-1], Mapping) else {}
    names = metric[:-1] if isinstance(metric[-1], Mapping) else metric
    if not names:
        return "expression" in options
    return len(names) >= 2 and len(names) % 2 == 0 and all(isinstance(name, str) and name for name in names)


_PROPERTIES: Mapping[str, Callable[[Mapping[str, t.Any]], Iterator[str]]] = {
    "alarm": _alarm_widget,
    "log": lambda properties: _missing(properties, "query", "region"),
    "metric": _metric_widget,
    "text": lambda properties: _missing(properties, "markdown"),
}
