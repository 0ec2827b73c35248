#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Compare what is in force on AWS with a storage profile, control by control
version_added: 0.1.0
description:
  - Reads the key, its policy and alias, the bucket, Velero's policy and roles, the trail with its bucket and log group,
    the metric filters, alarms and their topic, and the rules of EventBridge, and judges them by controls of AWS
    Foundational Security Best Practices, CIS AWS Foundations, NIST 800-53 and PCI DSS, and by some that no tool has.
    C(docs/controls.md) lists them.
  - A control passes only as it is written. One that speaks of all buckets or of all trails is not passed by what was
    made for Velero alone.
  - What could not be read never counts as passed. It is told with the permission that was missing, and hides nothing
    else.
  - Findings are no failure of the task. Whoever runs it decides by RV(verdict) or RV(findings).
  - With one role, one trail and one topic it sends 39 requests, none of which changes anything. A further trail takes 2
    more, a further role 3, and each policy of it 2 that neither AWS nor this collection wrote.
  - KMS tells the policy of a key to the account of the key only.
author:
  - The coffer.velero authors (@coffer-velero)
options:
  storage_profile:
    description: The storage profile to judge by, as P(coffer.velero.storage_profile#filter) takes it.
    type: dict
    required: true
  kms_alias:
    description: The alias that has to point at the key, with or without C(alias/). Without it no alias is looked at.
    type: str
  kms_rotation_period_in_days:
    description: How often the key has to rotate. Without it any period will do.
    type: int
  policy_arn:
    description:
      - The managed policy of Velero's role. Without it the policy is not compared with the profile, and one policy of
        the role is taken for Velero's.
    type: str
  trail_name:
    description:
      - Name or ARN of the trail to judge. Without it the one that records most of what is needed is taken, be it of
        another Region or of the organization.
    type: str
  data_events:
    description: Which data events of the backups the trail has to record.
    type: str
    choices: ['none', 'read', 'write', 'all']
    default: write
  log_retention_in_days:
    description: How long the trail's log group has to keep events. Security Hub demands 365.
    type: int
    default: 365
  alarms:
    description:
      - Whether the metric filters, alarms and rules of the collection have to be there, and somebody who listens.
        Where they are not wanted, their controls are V(not applicable).
    type: bool
    default: true
  topic_arn:
    description: The topic that the alarms notify. Without it those topics are looked at that they do notify.
    type: str
  backup_schedule_hours:
    description: How many hours there are between two backups, for the alarm that notices that they stopped.
    type: int
    required: true
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

- name: Stop where a control of critical or high severity fails or was not read
  ansible.builtin.assert:
    that: audit.verdict in ['sound', 'weak']
    fail_msg: "{{ audit.findings | rejectattr('status', 'in', ['pass', 'not applicable']) | to_nice_yaml }}"

- name: Audit the key with credentials of the account that owns it, where that is another one
  coffer.velero.audit_info:
    storage_profile: "{{ storage_profile }}"
    alarms: false
    profile: key-owner
  register: audit_of_key
"""

RETURN = r"""
verdict:
  description:
    - V(wrong) where a control of critical or high severity fails, V(incomplete) where none does and one of them could
      not be read, V(weak) where one of lower severity fails or could not be read, else V(sound).
  returned: success
  type: str
  sample: weak
findings:
  description:
    - What was found, control by control, a control that looks at several things more than once. RV(findings[].status)
      is V(pass), V(fail), V(not applicable) or V(could not be read).
  returned: success
  type: list
  elements: dict
  sample:
    - control: S3.14
      title: S3 general purpose buckets should have versioning enabled
      severity: low
      standards:
        NIST SP 800-53 Rev. 5: [AU-9(2), CP-6, CP-6(1), CP-6(2), CP-9, CP-10, SC-5(2), SI-12, SI-13(5)]
      resource: arn:aws:s3:::acme-backups
      status: fail
      reason: Versioning is off.
      missing_permission: null
      remediation: Enable versioning with velero_bucket_versioning, and let a lifecycle rule expire noncurrent versions.
  contains:
    control:
      description: The control, as Security Hub calls it; V(coffer.1) and so on are those of this collection.
      type: str
      returned: always
      sample: S3.14
    title:
      description: Its title.
      type: str
      returned: always
      sample: S3 general purpose buckets should have versioning enabled
    severity:
      description: V(critical), V(high), V(medium) or V(low).
      type: str
      returned: always
      sample: low
    standards:
      description: The requirements that it belongs to, by standard. Those of this collection belong to none.
      type: dict
      returned: always
      sample: {PCI DSS v4.0.1: ['10.5.1']}
    resource:
      description: ARN of what was looked at; that of the root of the account stands for the account.
      type: str
      returned: always
      sample: arn:aws:s3:::acme-backups
    status:
      description: The status.
      type: str
      returned: always
      sample: fail
    reason:
      description: What was seen, or why nothing was.
      type: str
      returned: always
      sample: Versioning is off.
    missing_permission:
      description: What IAM calls the permission that it takes to look, where AWS refused.
      type: str
      returned: always
      sample: s3:GetBucketVersioning
    remediation:
      description: What to do, where something is to be done.
      type: str
      returned: always
      sample: Enable versioning with velero_bucket_versioning.
summary:
  description: How many findings there are by status, and by severity and status.
  returned: success
  type: dict
  sample:
    total: 3
    by_status: {pass: 1, fail: 1, not applicable: 1, could not be read: 0}
    by_severity:
      critical: {pass: 1, fail: 0, not applicable: 0, could not be read: 0}
      high: {pass: 0, fail: 0, not applicable: 0, could not be read: 0}
      medium: {pass: 0, fail: 0, not applicable: 1, could not be read: 0}
      low: {pass: 0, fail: 1, not applicable: 0, could not be read: 0}
standards:
  description:
    - The requirements of each standard by the worst finding that belongs to them. They are those that these controls
      belong to; a standard has many more.
  returned: success
  type: list
  elements: dict
  sample:
    - standard: PCI DSS v4.0.1
      pass: ['3.5.1', '3.7.4']
      fail: ['10.5.1']
      not_applicable: []
      could_not_be_read: []
account_id:
  description: The account that was looked at.
  returned: success
  type: str
  sample: '111122223333'
region:
  description: The Region that was looked at.
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
  description: The trail that was judged; null where there is none, or where the trails could not be read.
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
        "backup_schedule_hours": {"type": "int", "required": True},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    return {"changed": False, **audit(task.params)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
