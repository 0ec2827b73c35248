#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_metric_alarms
short_description: Manage alarms of CloudWatch
version_added: 0.1.0
description:
  - Creates, corrects and deletes alarms on metrics. An alarm is owned by its name, and other alarms are left alone.
  - C(PutMetricAlarm) replaces an alarm as a whole. What the task does not name is sent as it is, but for what says
    which metric the alarm is about, C(Namespace), C(MetricName), C(Dimensions) and C(Unit), which the task owns as a
    whole.
  - Actions that somebody else gave an alarm of ours are kept, unless O(purge_actions=true), and RV(alarms) tells of
    them.
  - An alarm that has no action is refused, for nobody would hear of it. So is one that looks back longer than
    CloudWatch can.
  - All alarms are judged before the first is changed. A composite alarm, and one on an expression, an anomaly or a
    query, is never replaced.
  - A run that changes nothing sends 1 request for each 100 alarms, and 1 for each alarm where O(tags) is set.
  - CloudWatch tells of composite alarms only where C(cloudwatch:DescribeAlarms) is granted for C(*).
author:
  - The coffer.velero authors (@coffer-velero)
options:
  alarms:
    description:
      - The alarms to own, or to delete, each in the shape in which C(PutMetricAlarm) takes it, and as the filter
        P(coffer.velero.audit_alarms#filter) returns it. C(AlarmName) is enough where O(state=absent).
      - Each has C(AlarmName), C(Namespace), C(MetricName), C(Period), C(EvaluationPeriods), C(Threshold),
        C(ComparisonOperator), and C(Statistic) or C(ExtendedStatistic).
      - Each may have C(AlarmDescription), C(Dimensions), C(Unit), C(DatapointsToAlarm), C(TreatMissingData),
        C(ActionsEnabled), C(AlarmActions), C(OKActions) and C(InsufficientDataActions).
      - C(Period) is 10, 20, 30 or a multiple of 60. All periods together are a week at most, and a day where C(Period)
        is below 3600.
      - A topic among the actions must be in the Region of the alarm.
    type: list
    elements: dict
    default: []
  state:
    description:
      - V(present) makes sure that the alarms are there.
      - V(absent) deletes them.
    type: str
    choices: ['present', 'absent']
    default: present
  purge_prefix:
    description:
      - Deletes the alarms too whose name begins so and that O(alarms) does not name. A composite alarm, and one on an
        expression, an anomaly or a query, stays.
      - All alarms with such a name must be yours. C(velero-acme-) is the beginning of the alarms of the bucket C(acme),
        and of those of the bucket C(acme-test) as well.
    type: str
  purge_actions:
    description: Removes the actions that O(alarms) does not name, of the states whose actions it names.
    type: bool
    default: false
  allow_silent:
    description: Allows an alarm that has no C(AlarmActions), or C(ActionsEnabled) false, and so tells nobody.
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
- name: Tell of what happens to the key and the bucket, and of silence
  coffer.velero.cloudwatch_metric_alarms:
    region: eu-central-1
    alarms: "{{ profile | coffer.velero.audit_alarms(topic_arn=topic.topic_arn, schedule_hours=24) }}"

- name: An alarm of one's own
  coffer.velero.cloudwatch_metric_alarms:
    region: eu-central-1
    alarms:
      - AlarmName: velero-acme-backups-root
        AlarmDescription: Somebody used the key as root.
        Namespace: Velero/Audit
        MetricName: acme-backups-root
        Statistic: Sum
        Period: 300
        EvaluationPeriods: 1
        Threshold: 1
        ComparisonOperator: GreaterThanOrEqualToThreshold
        TreatMissingData: notBreaching
        AlarmActions: ["{{ topic.topic_arn }}"]
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
      description: C(OK), C(ALARM) or C(INSUFFICIENT_DATA) before the run, which a new alarm is in, too.
      type: str
    state_reason:
      description: Why it is in that state, in the words of CloudWatch.
      type: str
    alarm_actions:
      description: Who is told of an alarm.
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

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms import Manner
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.alarms_api import AlarmsResource
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.wanted_alarm import WantedAlarm, wanted_names
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "alarms": {"type": "list", "elements": "dict", "default": []},
        **STATE,
        "purge_prefix": {"type": "str"},
        "purge_actions": {"type": "bool", "default": False},
        "allow_silent": {"type": "bool", "default": False},
        **TAGS,
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params, aws = task.params, Aws(task.params)
    names = wanted_names(params["alarms"], params["purge_prefix"])
    manner = Manner(
        prefix=params["purge_prefix"],
        purge_actions=params["purge_actions"],
        silent=params["allow_silent"],
        tags=params["tags"],
        purge_tags=params["purge_tags"],
    )
    present = params["state"] == "present"
    wanted = [WantedAlarm.parse(one, aws.region) for one in params["alarms"]] if present else None
    return task.reconcile(AlarmsResource(aws, names, manner, wanted))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
