#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudtrail_info
short_description: Tell which CloudTrail trails record the use of Velero's key
version_added: 0.1.0
description:
  - Finds every trail that records in this Region - its own, those of other Regions that record all Regions (shadow
    trails) and those of the organization - and tells of each what it really records, from its selectors, and whether it
    can deliver what it records.
  - The calls of KMS are management events. RV(trail) is the trail to rely on, that records all of them; where there is
    none, RV(reasons) tells why each falls short.
  - Sends 1 request, one for each trail, and one more for each whose event selectors were ever set.
author: The coffer.velero authors (@coffer-velero)
options:
  key_arn:
    description:
      - ARN of the key. CloudTrail records its use in its Region, so it is an error where this is not O(region).
      - A call that is denied is recorded in the account of the caller alone. Ask with credentials of the account that
        Velero runs in.
    type: str
  bucket:
    description: Bucket of the backups, whose data events RV(trails[].data_events) tells of.
    type: str
  prefix:
    description: Prefix of the backups in the bucket.
    type: str
    default: ''
  data_events:
    description: Which data events RV(trail) should record as well, where several trails record the use of the key.
    type: str
    choices: ['none', 'write', 'read', 'all']
    default: none
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
"""

EXAMPLES = r"""
- name: Who records the use of the key
  coffer.velero.cloudtrail_info:
    region: eu-central-1
    key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    bucket: acme-backups
    prefix: production
  register: recorded

- name: Stop where none does
  ansible.builtin.assert:
    that: recorded.trail is not none
    fail_msg: "{{ recorded.reasons | join(' ') }}"
"""

RETURN = r"""
trail:
  description: The trail to rely on, one of RV(trails); V(null) where none records every call of KMS.
  returned: success
  type: dict
  sample: {name: organization, arn: 'arn:aws:cloudtrail:us-east-1:444455556666:trail/organization'}
reasons:
  description: Why no trail records every call of KMS, as sentences; empty where one does.
  returned: success
  type: list
  elements: str
  sample: ['velero-acme-backups is not logging.']
trails:
  description: All trails that record in this Region.
  returned: success
  type: list
  elements: dict
  sample: [{name: organization, arn: 'arn:aws:cloudtrail:us-east-1:444455556666:trail/organization'}]
  contains:
    name:
      description: Name of the trail.
      type: str
    arn:
      description: ARN of the trail.
      type: str
    account_id:
      description: Account of the trail.
      type: str
    home_region:
      description: Region that the trail can be changed in.
      type: str
    is_organization_trail:
      description: Whether it records all accounts of an organization.
      type: bool
    is_multi_region_trail:
      description: Whether it records all Regions.
      type: bool
    is_logging:
      description: Whether it records at all.
      type: bool
    management_events:
      description:
        - Which management events of all services it records - V(none), V(read), V(write) or V(all). V(null) where only
          the account of the trail may know.
      type: str
    kms_events:
      description: The same, of KMS alone.
      type: str
    records_kms:
      description: Whether it records every call of KMS, now.
      type: bool
    data_events:
      description: Which data events of the backups' objects it records; V(none) where O(bucket) is not set.
      type: str
    log_file_validation:
      description: Whether the digests of its logs are signed.
      type: bool
    kms_key_arn:
      description: ARN of the key that its logs are encrypted with; V(null) where S3 encrypts them with its own.
      type: str
    s3_bucket_name:
      description: Bucket of its logs.
      type: str
    s3_key_prefix:
      description: Prefix in that bucket.
      type: str
    log_group_arn:
      description: ARN of the log group that it delivers to, without C(:*); V(null) where there is none.
      type: str
    log_group_account_id:
      description: Account of the log group. Metric filters and queries are made there.
      type: str
    delivery_errors:
      description: The last errors of delivery, by destination (C(s3), C(digest), C(cloudwatch_logs), C(sns)).
      type: dict
    reasons:
      description: Why it does not record every call of KMS, each to be read after the name of the trail.
      type: list
      elements: str
    remarks:
      description: What else is missing, each to be read after the name of the trail.
      type: list
      elements: str
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.info import report
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "key_arn": {"type": "str", "no_log": False},
        "bucket": {"type": "str"},
        "prefix": {"type": "str", "default": ""},
        "data_events": {"type": "str", "choices": ["none", "write", "read", "all"], "default": "none"},
    },
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    found = report(
        Aws(params),
        key_arn=params["key_arn"],
        bucket=params["bucket"],
        prefix=params["prefix"],
        data_events=params["data_events"],
    )
    return {"changed": False, **found}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
