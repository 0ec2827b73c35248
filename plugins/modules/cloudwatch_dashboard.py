#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_dashboard
short_description: Manage a CloudWatch dashboard
version_added: 0.1.0
description:
  - Creates, replaces and deletes a dashboard. Its body is compared as JSON, so that the order of names and white space
    are no difference.
  - A dashboard is owned as a whole. What is changed in the console is put back.
  - A body that CloudWatch would refuse is refused in check mode too, with the place of each fault. What CloudWatch
    takes although it does not understand all of it becomes a warning.
  - Dashboards belong to the account, not to a Region. Each metric in one names its own.
  - A run that changes nothing sends 1 request.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description: Name of the dashboard, of 1 to 255 letters, digits, hyphens and underscores.
    type: str
    required: true
    aliases: ['dashboard_name']
  body:
    description:
      - What it shows, as CloudWatch's API reference describes it ("Dashboard Body Structure and Syntax").
      - Required where O(state=present).
    type: dict
  state:
    description: Whether there should be a dashboard of this name.
    type: str
    choices: ['present', 'absent']
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
"""

EXAMPLES = r"""
- name: Show how the backups are doing
  coffer.velero.cloudwatch_dashboard:
    name: velero-acme-backups
    region: eu-central-1
    body: "{{ profile | coffer.velero.audit_dashboard(schedule_hours=24) }}"

- name: Show it no longer
  coffer.velero.cloudwatch_dashboard:
    name: velero-acme-backups
    region: eu-central-1
    state: absent
"""

RETURN = r"""
name:
  description: Name of the dashboard.
  returned: success
  type: str
  sample: velero-acme-backups
dashboard_arn:
  description: ARN of the dashboard, also where there is none (any more).
  returned: success
  type: str
  sample: arn:aws:cloudwatch::111122223333:dashboard/velero-acme-backups
body:
  description: What it shows after the task; V(null) where there is none.
  returned: success
  type: dict
  sample: {widgets: [{type: text, width: 24, height: 2, properties: {markdown: '# Backups'}}]}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._notify.dashboard_api import DashboardResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True, "aliases": ["dashboard_name"]},
        "body": {"type": "dict"},
        **STATE,
    },
    required_if=[("state", "present", ["body"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    body = params["body"] if params["state"] == "present" else None
    return task.reconcile(DashboardResource(Aws(params), params["name"], body, task.warn))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
