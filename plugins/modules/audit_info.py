#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Compare the live AWS resources of a backup location with its storage profile
version_added: 0.1.0
description:
  - Reads the KMS key with its policy and alias, the bucket, Velero's IAM policy and roles, the CloudTrail trail with
    its bucket and log group, the metric filters, alarms and their SNS topic, and the EventBridge rules, and evaluates
    the controls of C(docs/controls.md), many of which are those of AWS Security Hub.
  - What could not be read is V(not_evaluated), and its finding names the missing permission. The others are complete.
  - A finding does not fail the task. Decide by RV(status), RV(severity) or RV(findings).
  - With one role, one trail and one topic it sends 37 requests, none of which changes anything. A further trail takes 2
    more, a further role 3, and each customer managed policy of a role 2, except for O(policy_arn).
  - KMS returns a key policy to principals of the key's account only.
author: The coffer.velero authors (@coffer-velero)
options:
  storage_profile:
    description: The storage profile to compare with, as P(coffer.velero.storage_profile#filter) takes it.
    type: dict
    required: true
  kms_alias:
    description: The alias that has to point at the key, with or without C(alias/). Without it no alias is checked.
    type: str
  kms_rotation_period_in_days:
    description: How often the key has to rotate. Without it any period will do.
    type: int
  policy_arn:
    description:
      - The managed policy of Velero's role. Without it the policy is not compared with the profile, and where the role
        has one managed policy, that is taken for Velero's.
    type: str
  trail_name:
    description:
      - Name or ARN of the trail to check. Without it the trail is taken that records most of what is needed, which may
        be one of another Region or of the organization.
    type: str
  data_events:
    description: Which data events of the backups the trail has to record.
    type: str
    choices: ['none', 'read', 'write', 'all']
    default: write
  log_retention_in_days:
    description: For how many days the trail's log group has to keep events. Security Hub asks for 365.
    type: int
    default: 365
  alarms:
    description:
      - Whether the metric filters, alarms and EventBridge rules of the collection have to exist, and a subscriber of
        their topic. With V(false) their controls are V(not_applicable).
    type: bool
    default: true
  topic_arn:
    description: The topic that the alarms have to notify. Without it the topics that they do notify are checked.
    type: str
  backup_schedule_hours:
    description: Hours between two backups at most, for the missing-backup alarm. Required with O(alarms=true).
    type: int
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
seealso:
  - module: coffer.velero.evidence_report
  - module: coffer.velero.object_encryption_info
  - plugin: coffer.velero.storage_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit a location
  coffer.velero.audit_info:
    storage_profile:
      account_id: '111122223333'
      region: eu-central-1
      bucket: acme-backups
      prefix: production
      encryption_mode: sse-kms
      kms_key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      role_arns: ['arn:aws:iam::111122223333:role/velero']
    kms_alias: velero-backups
    policy_arn: arn:aws:iam::111122223333:policy/velero
    backup_schedule_hours: 24
  register: audit

- name: Stop where a control of critical or high severity is not met
  ansible.builtin.assert:
    that: severe | length == 0
    fail_msg: "{{ severe | to_nice_yaml }}"
  vars:
    severe: >-
      {{ audit.findings | selectattr('severity', 'in', ['critical', 'high'])
         | selectattr('status', 'in', ['non_compliant', 'not_evaluated']) }}

- name: Audit the key with credentials for the account that owns it, where that is another one
  coffer.velero.audit_info:
    storage_profile: "{{ storage_profile }}"
    alarms: false
    profile: key-owner
  register: audit_of_key
"""

RETURN = r"""
status:
  description: V(non_compliant) where a finding is, else V(not_evaluated) where a finding is, else V(compliant).
  returned: success
  type: str
  sample: non_compliant
severity:
  description: The highest severity of the findings that are V(non_compliant); null where there is none.
  returned: success
  type: str
  sample: low
findings:
  description: What was found, control by control. A control that checks several resources has a finding for each.
  returned: success
  type: list
  elements: dict
  sample:
    - control: S3.14
      title: S3 general purpose buckets should have versioning enabled
      severity: low
      security_hub_control: S3.14
      resource: arn:aws:s3:::acme-backups
      status: non_compliant
      reason: not_enabled
      message: Versioning is off.
      missing_permission: null
      remediation: Set velero_bucket_versioning, and expire noncurrent versions with a lifecycle rule.
  contains:
    control:
      description: The control, by the identifier of the Security Hub control that checks the same, else V(coffer.N).
      type: str
    title:
      description: Its title.
      type: str
    severity:
      description: V(critical), V(high), V(medium), V(low) or V(informational).
      type: str
    security_hub_control:
      description: The Security Hub control whose requirement is met where this control is; null where there is none.
      type: str
    resource:
      description: ARN of the resource; that of the root of the account stands for the account.
      type: str
    status:
      description: V(compliant), V(non_compliant), V(not_evaluated) or V(not_applicable).
      type: str
    reason:
      description: Why it is not V(compliant), as a code that C(docs/controls.md) explains; null where it is.
      type: str
    message:
      description: What was found, or why it could not be read.
      type: str
    missing_permission:
      description: The IAM action that was denied; null where none was.
      type: str
    remediation:
      description: What to do; null where the finding is V(compliant) or V(not_applicable).
      type: str
summary:
  description: How many findings there are by status, and by severity and status.
  returned: success
  type: dict
  sample:
    total: 3
    by_status: {compliant: 1, non_compliant: 1, not_evaluated: 0, not_applicable: 1}
    by_severity:
      critical: {compliant: 1, non_compliant: 0, not_evaluated: 0, not_applicable: 0}
      high: {compliant: 0, non_compliant: 0, not_evaluated: 0, not_applicable: 0}
      medium: {compliant: 0, non_compliant: 0, not_evaluated: 0, not_applicable: 1}
      low: {compliant: 0, non_compliant: 1, not_evaluated: 0, not_applicable: 0}
      informational: {compliant: 0, non_compliant: 0, not_evaluated: 0, not_applicable: 0}
account_id:
  description: The account of the profile.
  returned: success
  type: str
  sample: '111122223333'
region:
  description: The Region of the profile.
  returned: success
  type: str
  sample: eu-central-1
bucket:
  description: The bucket of the profile.
  returned: success
  type: str
  sample: acme-backups
prefix:
  description: The prefix of the profile.
  returned: success
  type: str
  sample: production
trail_arn:
  description: The trail that was checked; null where there is none, or where the trails could not be read.
  returned: success
  type: str
  sample: arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-acme-backups
started_at:
  description: When the first request was sent.
  returned: success
  type: str
  sample: '2026-11-24T08:00:00Z'
finished_at:
  description: When the last one was answered.
  returned: success
  type: str
  sample: '2026-11-24T08:00:04Z'
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._audit.audit import audit
from ansible_collections.coffer.velero.plugins.module_utils._aws import aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "storage_profile": {"type": "dict", "required": True},
        "kms_alias": {"type": "str"},
        "kms_rotation_period_in_days": {"type": "int"},
        "policy_arn": {"type": "str"},
        "trail_name": {"type": "str"},
        "data_events": {"type": "str", "choices": ["none", "read", "write", "all"], "default": "write"},
        "log_retention_in_days": {"type": "int", "default": 365},
        "alarms": {"type": "bool", "default": True},
        "topic_arn": {"type": "str"},
        "backup_schedule_hours": {"type": "int"},
    },
    required_if=(("alarms", True, ["backup_schedule_hours"]),),
)


def run(task: Task) -> dict[str, t.Any]:
    return {"changed": False, **audit(task.params)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
