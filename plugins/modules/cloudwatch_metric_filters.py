#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_metric_filters
short_description: Manage the metric filters of a log group
version_added: 0.1.0
description:
  - Creates, corrects and deletes metric filters, which count the events of a log group that match a pattern. A filter
    is owned by its name. Other filters of the log group are kept, and RV(kept_filters) tells of them.
  - All filters are judged before the first is changed.
  - CloudWatch has no values of a metric for the time without a match, unless the filter has a C(defaultValue). An alarm
    on such a metric goes to C(INSUFFICIENT_DATA) instead of C(OK).
  - A metric filter counts events from the moment on that it is made. It does not look at older ones.
  - A run that changes nothing sends 1 request, for each 50 filters of the log group.
author:
  - The coffer.velero authors (@coffer-velero)
options:
  log_group_name:
    description: Name of the log group.
    type: str
    required: true
  filters:
    description:
      - The filters to own, or to delete, each in the shape in which C(PutMetricFilter) takes it, without
        C(logGroupName), and as the filter P(coffer.velero.audit_metric_filters#filter) returns it.
      - C(filterName) is enough where O(state=absent).
      - C(filterPattern) has 1024 characters at most; blanks around it do not matter.
      - C(metricTransformations) has one entry with C(metricName), C(metricNamespace), C(metricValue), and with
        C(defaultValue), C(unit) and C(dimensions) where they are wanted. CloudWatch does not take C(defaultValue)
        together with C(dimensions).
      - A log group has 100 filters at most, those of others among them.
    type: list
    elements: dict
    default: []
  state:
    description:
      - V(present) makes sure that the filters are there.
      - V(absent) deletes them.
    type: str
    choices: ['present', 'absent']
    default: present
  purge_prefix:
    description:
      - Deletes the filters too whose name begins so and that O(filters) does not name.
      - All filters with such a name must be yours. C(velero-acme-) is the beginning of the filters of the bucket
        C(acme), and of those of the bucket C(acme-test) as well.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
"""

EXAMPLES = r"""
- name: Count what somebody should hear of
  coffer.velero.cloudwatch_metric_filters:
    region: eu-central-1
    log_group_name: velero-acme-backups
    filters: "{{ profile | coffer.velero.audit_metric_filters }}"
    purge_prefix: velero-acme-backups-

- name: A filter of one's own
  coffer.velero.cloudwatch_metric_filters:
    region: eu-central-1
    log_group_name: velero-acme-backups
    filters:
      - filterName: velero-acme-backups-root
        filterPattern: '{ ($.userIdentity.type = "Root") && ($.eventSource = "kms.amazonaws.com") }'
        metricTransformations:
          - metricName: acme-backups-root
            metricNamespace: Velero/Audit
            metricValue: '1'
            defaultValue: 0
"""

RETURN = r"""
log_group_name:
  description: Name of the log group.
  returned: success
  type: str
  sample: velero-acme-backups
filters:
  description: Names of the filters of the task; empty where O(state=absent).
  returned: success
  type: list
  elements: str
  sample: [velero-acme-backups-key-access-denied, velero-acme-backups-silence]
kept_filters:
  description: Names of the other filters of the log group.
  returned: success
  type: list
  elements: str
  sample: [cis-root-login]
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import WantedFilters
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters_api import FiltersResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "log_group_name": {"type": "str", "required": True},
        "filters": {"type": "list", "elements": "dict", "default": []},
        **STATE,
        "purge_prefix": {"type": "str"},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    wanted = WantedFilters.of(params)
    return task.reconcile(FiltersResource(Aws(params), wanted, absent=params["state"] == "absent"))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
