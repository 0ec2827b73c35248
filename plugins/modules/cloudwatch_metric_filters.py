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
  - Creates, updates and deletes metric filters, which count the events of a log group that match a pattern. A filter
    is owned by its name. Other filters of the log group are kept, and RV(kept_filters) lists them.
  - All filters are validated before the first is changed.
  - CloudWatch has no values of a metric for the time without a match, unless the filter has a default value. An alarm
    on such a metric goes to C(INSUFFICIENT_DATA) instead of C(OK).
  - A metric filter counts events from its creation on, not older ones.
  - A run that changes nothing sends 1 request for each 50 filters of the log group.
author: The coffer.velero authors (@coffer-velero)
options:
  log_group_name:
    description: Name of the log group.
    type: str
    required: true
  filters:
    description:
      - The filters to own, or to delete, as the filter P(coffer.velero.audit_metric_filters#filter) returns them.
      - Only O(filters[].name) is required where O(state=absent). All suboptions are where O(state=present).
      - A log group has at most 100 filters, unmanaged ones included.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the filter.
        type: str
        required: true
      filter_pattern:
        description: Pattern of the filter, at most 1024 characters. White space around it does not matter.
        type: str
      metric_transformation:
        description: The metric that the filter counts in.
        type: dict
        suboptions:
          metric_name:
            description: Name of the metric.
            type: str
            required: true
          metric_namespace:
            description: Namespace of the metric.
            type: str
            required: true
          metric_value:
            description: Value of an event that matches, a number or a field of the event such as V($.size).
            type: str
            required: true
          default_value:
            description: Value where no event matches. Not together with O(filters[].metric_transformation.dimensions).
            type: float
          dimensions:
            description: Dimensions of the metric, fields of the event by name, at most three.
            type: dict
          unit:
            description: Unit of the metric.
            type: str
  state:
    description: Whether the filters should exist.
    type: str
    choices: ['present', 'absent']
    default: present
  purge_prefix:
    description:
      - Also deletes the filters whose name begins so and that O(filters) does not name.
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
- name: Manage the metric filters of the backups
  coffer.velero.cloudwatch_metric_filters:
    region: eu-central-1
    log_group_name: velero-acme-backups
    filters: "{{ profile | coffer.velero.audit_metric_filters }}"
    purge_prefix: velero-acme-backups-

- name: Manage a metric filter of your own
  coffer.velero.cloudwatch_metric_filters:
    region: eu-central-1
    log_group_name: velero-acme-backups
    filters:
      - name: velero-acme-backups-root
        filter_pattern: '{ ($.userIdentity.type = "Root") && ($.eventSource = "kms.amazonaws.com") }'
        metric_transformation:
          metric_name: acme-backups-root
          metric_namespace: Velero/Audit
          metric_value: '1'
          default_value: 0
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
  sample: [velero-acme-backups-key-access-denied, velero-acme-backups-no-recent-backup]
kept_filters:
  description: Names of the other filters of the log group.
  returned: success
  type: list
  elements: str
  sample: [cis-root-login]
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, Options
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters import DesiredFilters
from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.filters_api import FiltersResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

TRANSFORMATION: Options = {
    **{name: {"type": "str", "required": True} for name in ("metric_name", "metric_namespace", "metric_value")},
    "default_value": {"type": "float"},
    "dimensions": {"type": "dict"},
    "unit": {"type": "str"},
}
FILTER: Options = {
    "name": {"type": "str", "required": True},
    "filter_pattern": {"type": "str"},
    "metric_transformation": {"type": "dict", "options": TRANSFORMATION},
}
SPEC = aws_spec(
    {
        "log_group_name": {"type": "str", "required": True},
        "filters": {"type": "list", "elements": "dict", "default": [], "options": FILTER},
        **STATE,
        "purge_prefix": {"type": "str"},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = DesiredFilters.of(params)
    return task.reconcile(FiltersResource(Aws(params), desired, absent=params["state"] == "absent"))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
