#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudtrail
short_description: Create a CloudTrail trail that records the use of Velero's key
version_added: 0.1.0
description:
  - Creates a trail, or brings the one of its name to the desired state - settings, event selectors, logging and tags -
    and names each difference.
  - The calls of KMS are management events, most of them reading ones (C(Decrypt), C(GenerateDataKey)), and there is no
    selector for keys. So the module sees to it that the selector of management events leaves out neither KMS nor the
    reading calls. Other services that are left out stay so.
  - Owns the selector of management events and the one of data events of the name O(selector_name). The selectors of
    others are kept. Basic event selectors are carried over to advanced ones that record the same where it needs
    advanced ones, and refused where there are none that do.
  - A trail that would record what another trail of the account or of its organization records already is refused,
    since AWS bills each copy of an event but the first. M(coffer.velero.cloudtrail_info) finds that trail.
  - V(absent) deletes the trail alone. Its bucket, its log group, the role, the key and all that it has recorded stay,
    and RV(kept) names them.
  - A run that changes nothing sends 2 requests, one more where event selectors of the trail were ever set,
    one more where O(tags) is set, and one more where O(kms_key_id) is not an ARN of a key.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description:
      - Name of the trail.
      - A trail of another Region (a shadow trail), and one of an organization that another account manages, are errors,
        for they can be changed there only.
    type: str
    required: true
  state:
    description: Whether the trail should exist.
    type: str
    choices: ['present', 'absent']
    default: present
  s3_bucket_name:
    description:
      - Bucket for the logs, which must let CloudTrail write before the trail exists. The filter
        P(coffer.velero.trail_bucket_policy_statements#filter) makes the statements, M(coffer.velero.s3_bucket_policy)
        merges them.
      - In check mode nothing looks for the bucket, since an earlier task may be there to create it.
      - Best not the bucket of the backups. A trail that records the data events of its own logs is refused, since each
        log that it writes would be an event of the next one.
    type: str
  s3_key_prefix:
    description: Prefix in the bucket. Left alone where it is not set; an empty text removes it.
    type: str
  is_multi_region_trail:
    description: Whether all Regions are recorded. Security Hub's CloudTrail.1 asks for it, and the use of a copy of the
      key in another Region is recorded only then.
    type: bool
    default: true
  is_organization_trail:
    description:
      - Whether all accounts of the organization are recorded. Left alone where it is not set.
      - An organization's trail is deleted only where it is V(true).
    type: bool
  include_global_service_events:
    description: Whether events of global services such as IAM are recorded. A trail of all Regions always does.
    type: bool
  enable_log_file_validation:
    description: Whether CloudTrail signs a digest of the logs each hour, by which a changed or deleted log is noticed.
    type: bool
    default: true
  kms_key_id:
    description:
      - Key for the logs - ARN, id, alias (V(alias/velero-audit)) or ARN of an alias. Left alone where it is not set; an
        empty text removes it.
      - An alias is resolved, since CloudTrail tells the ARN of the key whatever it was given.
      - The key must be in the Region of the bucket, and its policy must let CloudTrail use it. The filter
        P(coffer.velero.trail_key_policy_statements#filter) makes the statements.
    type: str
  cloud_watch_logs_log_group_arn:
    description:
      - ARN of the log group that the events are delivered to as well, with or without C(:*) at its end. Metric filters
        and queries need one. Left alone where it is not set; an empty text for both options removes it.
    type: str
  cloud_watch_logs_role_arn:
    description:
      - ARN of the role by which CloudTrail writes to the log group. The filters
        P(coffer.velero.trail_trust_statements#filter) and P(coffer.velero.trail_log_delivery_statements#filter) make
        its policies.
    type: str
  enable_logging:
    description: Whether the trail records. A new trail does nothing until it is told to.
    type: bool
    default: true
  management_events:
    description:
      - Which management events are recorded.
      - V(all) is what an audit of the key needs. The first copy of them is free.
      - V(write) leaves out the reading calls, and with them every use of a key for encryption and decryption.
      - V(none) is for a trail that adds O(data_events) to another one that records the management events.
    type: str
    choices: ['all', 'write', 'none']
    default: all
  data_events:
    description:
      - Which data events of the objects at O(data_event_arns) are recorded. They tell who has written, read and deleted
        each object, and what was denied.
      - AWS bills each event, reads and writes alike. Velero's backup of file systems writes and reads many objects;
        V(write) leaves out what a restore and kopia's maintenance read.
    type: str
    choices: ['none', 'write', 'read', 'all']
    default: none
  data_event_arns:
    description:
      - Beginnings of the ARNs of the objects, V(arn:aws:s3:::bucket/prefix/) or V(arn:aws:s3:::bucket/) for a whole
        bucket. No wildcards.
    type: list
    elements: str
  selector_name:
    description:
      - Name of the event selector of O(data_events), by which it is found again. Give each installation its own where
        several record to one trail.
    type: str
    default: coffer.velero data events
  allow_duplicate:
    description: Creates the trail though another one records the same. An existing trail is never refused for that.
    type: bool
    default: false
  propagation_timeout:
    description:
      - Seconds to wait where CloudTrail says that the policy of the bucket or of the key, or the role for the log
        group, does not let it do its work. New ones take some seconds until CloudTrail sees them.
    type: int
    default: 60
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
notes:
  - O(region) is the home Region of the trail.
  - CloudTrail replaces the selectors of a trail as a whole, so that the later of two runs at once takes back what the
    earlier one has put in. So a second after a change the module looks whether its own are still there.
  - The credentials need C(iam:PassRole) of O(cloud_watch_logs_role_arn), and C(cloudtrail:AddTags) for a new trail with
    O(tags).
  - What CloudTrail records and delivers is not tested, since no emulator does either; its answers and the requests are
    held against its service model.
"""

EXAMPLES = r"""
- name: Let the trail write to its bucket
  coffer.velero.s3_bucket_policy:
    bucket: acme-backups-audit
    statements: "{{ 'acme-backups-audit' | coffer.velero.trail_bucket_policy_statements(trail_arn=trail_arn) }}"
  vars:
    trail_arn: arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-acme-backups

- name: Record every use of the key, and every write to the backups
  coffer.velero.cloudtrail:
    name: velero-acme-backups
    region: eu-central-1
    s3_bucket_name: acme-backups-audit
    cloud_watch_logs_log_group_arn: arn:aws:logs:eu-central-1:111122223333:log-group:velero-acme-backups
    cloud_watch_logs_role_arn: arn:aws:iam::111122223333:role/velero-acme-backups-trail
    data_events: write
    data_event_arns:
      - arn:aws:s3:::acme-backups/production/

- name: Add the data events to what the trail of the organization records
  coffer.velero.cloudtrail:
    name: velero-acme-backups
    s3_bucket_name: acme-backups-audit
    management_events: none
    data_events: all
    data_event_arns:
      - arn:aws:s3:::acme-backups/

- name: Delete the trail, and nothing of what it has recorded
  coffer.velero.cloudtrail:
    name: velero-acme-backups
    state: absent
"""

RETURN = r"""
name:
  description: Name of the trail.
  returned: success
  type: str
  sample: velero-acme-backups
trail_arn:
  description: ARN of the trail; V(null) where there was none to delete.
  returned: success
  type: str
  sample: arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-acme-backups
kept:
  description: What stays of the trail's things, with the names of the options.
  returned: O(state=absent)
  type: dict
  sample: {s3_bucket_name: acme-backups-audit}
home_region:
  description: Region of the trail.
  returned: O(state=present)
  type: str
  sample: eu-central-1
s3_bucket_name:
  description: Bucket of the logs.
  returned: O(state=present)
  type: str
  sample: acme-backups-audit
s3_key_prefix:
  description: Prefix in the bucket.
  returned: O(state=present)
  type: str
  sample: ''
is_multi_region_trail:
  description: Whether all Regions are recorded.
  returned: O(state=present)
  type: bool
  sample: true
is_organization_trail:
  description: Whether all accounts of the organization are recorded.
  returned: O(state=present)
  type: bool
  sample: false
include_global_service_events:
  description: Whether events of global services are recorded.
  returned: O(state=present)
  type: bool
  sample: true
enable_log_file_validation:
  description: Whether digests of the logs are signed.
  returned: O(state=present)
  type: bool
  sample: true
kms_key_arn:
  description: ARN of the key of the logs; V(null) where S3 encrypts them with its own.
  returned: O(state=present)
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
log_group_arn:
  description: ARN of the log group, without C(:*); V(null) where there is none.
  returned: O(state=present)
  type: str
  sample: arn:aws:logs:eu-central-1:111122223333:log-group:velero-acme-backups
log_role_arn:
  description: ARN of the role that writes to the log group; V(null) where there is none.
  returned: O(state=present)
  type: str
  sample: arn:aws:iam::111122223333:role/velero-acme-backups-trail
is_logging:
  description: Whether the trail records.
  returned: O(state=present)
  type: bool
  sample: true
event_selectors:
  description: All selectors, as CloudTrail returns them; advanced ones, or basic ones.
  returned: O(state=present)
  type: list
  elements: dict
  sample:
    - Name: coffer.velero management events
      FieldSelectors:
        - {Field: eventCategory, Equals: [Management]}
kms_events:
  description: Which calls of KMS all selectors together record - V(none), V(read), V(write) or V(all).
  returned: O(state=present)
  type: str
  sample: all
data_events:
  description: Which data events of all O(data_event_arns) all selectors together record.
  returned: O(state=present)
  type: str
  sample: write
tags:
  description: Tags of the trail, where O(tags) is set.
  returned: O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.api import TrailResource
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.decide import desired_trail
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True},
        **STATE,
        "s3_bucket_name": {"type": "str"},
        "s3_key_prefix": {"type": "str", "no_log": False},
        "is_multi_region_trail": {"type": "bool", "default": True},
        "is_organization_trail": {"type": "bool"},
        "include_global_service_events": {"type": "bool"},
        "enable_log_file_validation": {"type": "bool", "default": True},
        "kms_key_id": {"type": "str"},
        "cloud_watch_logs_log_group_arn": {"type": "str"},
        "cloud_watch_logs_role_arn": {"type": "str"},
        "enable_logging": {"type": "bool", "default": True},
        "management_events": {"type": "str", "choices": ["all", "write", "none"], "default": "all"},
        "data_events": {"type": "str", "choices": ["none", "write", "read", "all"], "default": "none"},
        "data_event_arns": {"type": "list", "elements": "str"},
        "selector_name": {"type": "str", "default": "coffer.velero data events"},
        "allow_duplicate": {"type": "bool", "default": False},
        "propagation_timeout": {"type": "int", "default": 60},
        **TAGS,
    },
    required_if=[("state", "present", ["s3_bucket_name"])],
    required_together=[("cloud_watch_logs_log_group_arn", "cloud_watch_logs_role_arn")],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    return task.reconcile(
        TrailResource(
            Aws(params),
            desired_trail(params),
            absent=params["state"] == "absent",
            propagation_timeout=params["propagation_timeout"],
            sleep=task.sleep,
        )
    )


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
