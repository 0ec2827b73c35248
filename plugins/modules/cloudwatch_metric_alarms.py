#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_metric_alarms
short_description: Manage CloudWatch metric alarms
version_added: 0.1.0
description:
  - Creates, updates and deletes alarms on metrics. An alarm is owned by its name, and other alarms are left alone.
  - C(PutMetricAlarm) replaces an alarm as a whole. What the task does not set is sent as it is, except for the metric
    of the alarm (O(alarms[].namespace), O(alarms[].metric_name), O(alarms[].dimensions), O(alarms[].unit)), which the
    task owns as a whole.
  - Unmanaged actions of an owned alarm are kept, unless O(purge_actions=true), and RV(alarms) lists them.
  - An alarm without an action is refused, because it would notify nobody. So is one that looks back longer than
    CloudWatch can.
  - All alarms are validated before the first is changed. A composite alarm, and one on an expression, an anomaly or a
    query, is never replaced.
  - The suboptions have the names that M(amazon.aws.cloudwatch_metric_alarm) uses.
  - A run that changes nothing sends 1 request for each 100 alarms, and 1 for each alarm where O(tags) is set.
  - CloudWatch returns composite alarms only where C(cloudwatch:DescribeAlarms) is granted for C(*).
author: The coffer.velero authors (@coffer-velero)
options:
  alarms:
    description:
      - The alarms to own, or to delete, as the filter P(coffer.velero.audit_alarms#filter) returns them.
      - Only O(alarms[].name) is required where O(state=absent). Where O(state=present), O(alarms[].namespace),
        O(alarms[].metric_name), O(alarms[].period), O(alarms[].evaluation_periods), O(alarms[].threshold),
        O(alarms[].comparison) and one of O(alarms[].statistic) and O(alarms[].extended_statistic) are required too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the alarm.
        type: str
        required: true
      description:
        description: Description of the alarm, which its notifications contain.
        type: str
      namespace:
        description: Namespace of the metric.
        type: str
      metric_name:
        description: Name of the metric.
        type: str
      dimensions:
        description: Dimensions of the metric, values by name.
        type: dict
      unit:
        description: Unit of the metric.
        type: str
      statistic:
        description: Statistic of the metric.
        type: str
        choices: ['Average', 'Maximum', 'Minimum', 'SampleCount', 'Sum']
      extended_statistic:
        description: Percentile of the metric, such as V(p99), in place of O(alarms[].statistic).
        type: str
      period:
        description: Seconds that one value of the metric covers, V(10), V(20), V(30) or a multiple of 60.
        type: int
      evaluation_periods:
        description: Periods that are evaluated. Together at most a week, and a day where O(alarms[].period) is below
          3600.
        type: int
      datapoints_to_alarm:
        description: How many of the evaluated periods must breach. All of them where neither the task nor the alarm
          sets it.
        type: int
      threshold:
        description: Value that the statistic is compared with.
        type: float
      comparison:
        description: How the statistic is compared with the threshold, C(ComparisonOperator) of the API.
        type: str
        choices:
          - GreaterThanOrEqualToThreshold
          - GreaterThanThreshold
          - LessThanOrEqualToThreshold
          - LessThanThreshold
      treat_missing_data:
        description: What a period without data counts as.
        type: str
        choices: ['breaching', 'ignore', 'missing', 'notBreaching']
      actions_enabled:
        description: Whether the actions are carried out.
        type: bool
      alarm_actions:
        description: ARNs of what is notified when the alarm goes to C(ALARM). A topic must be in the alarm's Region.
        type: list
        elements: str
      ok_actions:
        description: ARNs of what is notified when the alarm goes to C(OK).
        type: list
        elements: str
      insufficient_data_actions:
        description: ARNs of what is notified when the alarm goes to C(INSUFFICIENT_DATA).
        type: list
        elements: str
  state:
    description: Whether the alarms should exist.
    type: str
    choices: ['present', 'absent']
    default: present
  purge_prefix:
    description:
      - Also deletes the alarms whose name begins so and that O(alarms) does not name. A composite alarm, and one on an
        expression, an anomaly or a query, is kept.
      - All alarms with such a name must be yours. C(velero-acme-) is the beginning of the alarms of the bucket C(acme),
        and of those of the bucket C(acme-test) as well.
    type: str
  purge_actions:
    description: Removes the actions that O(alarms) does not name, of the states whose actions it sets.
    type: bool
    default: false
  allow_no_actions:
    description: Allows an alarm without O(alarms[].alarm_actions), or with O(alarms[].actions_enabled=false).
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: Manage the alarms of the backups
  coffer.velero.cloudwatch_metric_alarms:
    region: eu-central-1
    alarms: "{{ profile | coffer.velero.audit_alarms(topic_arn=topic.topic_arn, schedule_hours=24) }}"

- name: Manage an alarm of your own
  coffer.velero.cloudwatch_metric_alarms:
    region: eu-central-1
    alarms:
      - name: velero-acme-backups-root
        description: The root user used the key of the backups. Find out who signed in as root.
        namespace: Velero/Audit
        metric_name: acme-backups-root
        statistic: Sum
        period: 300
        evaluation_periods: 1
        threshold: 1
        comparison: GreaterThanOrEqualToThreshold
        treat_missing_data: notBreaching
        alarm_actions: ["{{ topic.topic_arn }}"]
"""

RETURN = r"""
alarms:
  description: The alarms of the task; empty where O(state=absent).
  returned: success
  type: list
  elements: dict
  sample:
    - name: velero-acme-backups-root
      arn: arn:aws:cloudwatch:eu-central-1:111122223333:alarm:velero-acme-backups-root
      state: OK
      state_reason: 'Threshold Crossed: no datapoints were received for 1 period.'
      alarm_actions: ['arn:aws:sns:eu-central-1:111122223333:velero-acme-backups']
      kept_actions: []
  contains:
    name:
      description: Name of the alarm.
      type: str
    arn:
      description: ARN of the alarm.
      type: str
    state:
      description: C(OK), C(ALARM) or C(INSUFFICIENT_DATA) before the run; a new alarm is in C(INSUFFICIENT_DATA).
      type: str
    state_reason:
      description: The reason that CloudWatch gives for that state.
      type: str
    alarm_actions:
      description: ARNs of what is notified when the alarm goes to C(ALARM).
      type: list
      elements: str
    kept_actions:
      description: Actions of any state that O(alarms) does not name.
      type: list
      elements: str
alarm_arns:
  description: The ARN of each alarm of the task by its name; empty where O(state=absent).
  returned: success
  type: dict
  sample:
    velero-acme-backups-root: arn:aws:cloudwatch:eu-central-1:111122223333:alarm:velero-acme-backups-root
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS, Options
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms import AlarmOptions
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms_api import AlarmsResource
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.desired_alarm import (
    COMPARISONS,
    MISSING_DATA,
    STATISTICS,
    DesiredAlarm,
    desired_names,
)
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

ARNS = {"type": "list", "elements": "str"}
ALARM: Options = {
    "name": {"type": "str", "required": True},
    **{name: {"type": "str"} for name in ("description", "namespace", "metric_name", "unit", "extended_statistic")},
    **{name: {"type": "int"} for name in ("period", "evaluation_periods", "datapoints_to_alarm")},
    "dimensions": {"type": "dict"},
    "statistic": {"type": "str", "choices": list(STATISTICS)},
    "threshold": {"type": "float"},
    "comparison": {"type": "str", "choices": list(COMPARISONS)},
    "treat_missing_data": {"type": "str", "choices": list(MISSING_DATA)},
    "actions_enabled": {"type": "bool"},
    "alarm_actions": ARNS,
    "ok_actions": ARNS,
    "insufficient_data_actions": ARNS,
}
SPEC = aws_spec(
    {
        "alarms": {"type": "list", "elements": "dict", "default": [], "options": ALARM},
        **STATE,
        "purge_prefix": {"type": "str"},
        "purge_actions": {"type": "bool", "default": False},
        "allow_no_actions": {"type": "bool", "default": False},
        **TAGS,
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params, aws = task.params, Aws(task.params)
    names = desired_names(params["alarms"], params["purge_prefix"])
    options = AlarmOptions(
        prefix=params["purge_prefix"],
        purge_actions=params["purge_actions"],
        allow_no_actions=params["allow_no_actions"],
        tags=params["tags"],
        purge_tags=params["purge_tags"],
    )
    present = params["state"] == "present"
    desired = [DesiredAlarm.parse(one, aws.region) for one in params["alarms"]] if present else None
    return task.reconcile(AlarmsResource(aws, names, options, desired))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
