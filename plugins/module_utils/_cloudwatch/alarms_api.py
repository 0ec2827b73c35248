# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change alarms. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .._aws import Aws
from .._plan import Plan
from .._sts import caller
from .._tags import tag_dict
from .alarms import Alarm, AlarmOptions, Alarms, decide_alarms, delete_alarms
from .desired_alarm import DesiredAlarm

#: DescribeAlarms takes so many names, and tells of so many alarms.
_AT_ONCE = 100
#: Deleted meanwhile: DeleteAlarms and the tags each have a code of their own.
_MISSING = frozenset({"ResourceNotFound", "ResourceNotFoundException"})


@dataclass
class AlarmsResource:
    """Several alarms, for the runner.

    :param desired: what they should be; ``None`` where they should not exist
    """

    aws: Aws
    names: Sequence[str]
    options: AlarmOptions
    desired: Sequence[DesiredAlarm] | None = None

    def read(self) -> Alarms:
        """One request for 100 alarms each, and one for the tags of each alarm where the task names them."""
        tagged = {name: self._tagged(name, alarm) for name, alarm in self._found().items()}
        there = {name: alarm for name, alarm in tagged.items() if alarm is not None}
        if self.desired is None or all(name in there for name in self.names):
            return Alarms(there)
        who = caller(self.aws)
        return Alarms(there, str(Arn(who.partition, "cloudwatch", self.aws.region, who.account_id, "alarm:")))

    def _found(self) -> dict[str, Alarm]:
        """Those that the task names, and where it purges, all that begin with the prefix."""
        prefix = self.options.prefix
        found = {} if prefix is None else dict(self._list(AlarmNamePrefix=prefix))
        rest = [name for name in self.names if prefix is None or not name.startswith(prefix)]
        for begin in range(0, len(rest), _AT_ONCE):
            found.update(self._list(AlarmNames=rest[begin : begin + _AT_ONCE]))
        return found

    def _list(self, **which: t.Any) -> Iterable[tuple[str, Alarm]]:
        # Composite alarms share the names with metric alarms, and are returned only on request.
        arguments = {**which, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": _AT_ONCE}
        while True:
            answer = self.aws.call("cloudwatch:DescribeAlarms", **arguments)
            for member in ("MetricAlarms", "CompositeAlarms"):
                for one in answer.get(member, ()):
                    yield str(one["AlarmName"]), Alarm(one)
            if not answer.get("NextToken"):
                return
            arguments["NextToken"] = answer["NextToken"]

    def _tagged(self, name: str, alarm: Alarm) -> Alarm | None:
        """The alarm with its tags, ``None`` where it was deleted since it was listed."""
        if self.desired is None or self.options.tags is None or alarm.kind or name not in self.names:
            return alarm
        answer = self.aws.call_or_none(
            "cloudwatch:ListTagsForResource", *_MISSING, ResourceARN=alarm.answer["AlarmArn"]
        )
        return None if answer is None else Alarm(alarm.answer, tag_dict(answer.get("Tags", ())))

    def decide(self, current: Alarms) -> Plan:
        if self.desired is None:
            return delete_alarms(self.names, current, self.options)
        return decide_alarms(self.desired, current, self.options)

    def guard(self, plan: Plan) -> None:
        """Nothing that CloudWatch does not ask itself."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        return self.aws.apply(plan, conflicts=_MISSING)
