#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: object_encryption_info
short_description: Check the encryption of every object under a prefix
version_added: 0.1.0
description:
  - Lists everything under the bucket and prefix of a storage profile, current and noncurrent versions, requests the
    encryption of each from S3, and compares it with the profile - algorithm, key, Bucket Key, SSE-C.
  - The bucket's default encryption says how objects will be written. Only the objects show how they were.
  - An object whose encryption S3 did not return is never C(compliant).
  - Each object takes a HEAD request, which needs C(s3:GetObject), for versions C(s3:GetObjectVersion), and no
    permission on the key. The listing needs C(s3:ListBucketVersions), without O(versions) C(s3:ListBucket). With
    C(s3:ListBucketMultipartUploads) the result has incomplete multipart uploads too, with
    C(s3:GetLifecycleConfiguration) a note on lifecycle rules that expire or archive what Velero needs.
  - On a local connection the module reports its progress every three seconds.
author: The coffer.velero authors (@coffer-velero)
options:
  storage_profile:
    description:
      - The storage profile to compare with, as P(coffer.velero.storage_profile#filter) takes it. The module uses
        C(account_id), C(region), C(bucket), C(prefix), C(encryption_mode), C(kms_key_arn) and C(bucket_key_enabled).
      - With C(sse-c) the objects of kopia have to be encrypted with C(AES256), for kopia cannot send a key.
    type: dict
    required: true
  accepted_kms_key_arns:
    description:
      - ARNs of further keys that an object may be encrypted under, such as the key that was in use before. Replicas of
        a multi-Region key need not be named.
    type: list
    elements: str
  accepted_before:
    description:
      - The time at which the encryption was changed. What is not compliant and was written before has the reason
        C(accepted) until the end of O(accepted_until). It never counts as compliant.
    type: str
  accepted_until:
    description: The last day, in UTC, on which they are accepted, at most a year from now.
    type: str
  versions:
    description: Whether noncurrent versions are scanned too, which stay under the key that they were written with.
    type: bool
    default: true
  customer_key:
    description: The customer-provided key (SSE-C) in base64, to evaluate the objects that are encrypted with it.
    type: str
  customer_key_file:
    description: Path of a file with the 32 raw bytes of the customer-provided key, as Velero takes it.
    type: path
  max_findings:
    description: The most objects that RV(non_compliant_objects) has, the first ones by name.
    type: int
    default: 100
  path:
    description:
      - File for the list of every object version, in JSON Lines where it ends with C(.jsonl) and in CSV where it ends
        with C(.csv). The module adds C(.part) to the name until the list is complete.
      - In CSV the keys are URL-encoded, as in the reports of S3 Inventory. Written in check mode too.
    type: path
  checkpoint:
    description:
      - File that records every five seconds how far the run is, and is removed at its end. With the same file and
        options, a run resumes where an earlier one was interrupted, for seven days.
    type: path
  concurrency:
    description: The most requests in flight at the same time.
    type: int
    default: 64
  max_requests_per_second:
    description:
      - The most requests a second. By default only S3 limits them. It answers some 5,500 a second for each prefix, a
        limit that Velero shares, and the module slows down where S3 throttles.
    type: float
  inventory:
    description:
      - Reads the objects from a report of S3 Inventory, where one machine should not request all of them.
      - A report contains the algorithm and whether a Bucket Key is used, as they were when it was made. It does not
        contain the key, so that an object under a KMS key that is not in the sample is C(not_evaluated) with the reason
        C(source_has_no_key), and so is the whole at best. With C(sse-s3) the reason is C(only_reported), as the object
        may have been replaced since.
      - A directory right under the prefix of which the report has nothing counts as one object with the reason
        C(not_in_report). This takes C(s3:ListBucket); without it a note says that it is not known.
      - Needs the optional fields C(EncryptionStatus) and C(BucketKeyStatus), and with O(versions) all versions.
    type: dict
    suboptions:
      manifest:
        description:
          - The C(manifest.json) of the report, a path or C(s3://BUCKET/KEY). In S3 the module reads the data files from
            the bucket that the manifest names. On disk it finds them beside the manifest or in a folder C(data).
          - The formats are CSV, and Parquet where the Python package C(pyarrow) is installed.
        type: str
        required: true
      sample_percent:
        description: How many of a hundred objects get a HEAD request, in each run the same ones.
        type: float
        default: 1.0
      max_age_in_days:
        description: How old the report may be. S3 makes one a day or a week.
        type: int
        default: 8
  engine:
    description:
      - V(auto) sends requests from several processes with an HTTP client of its own, which is more than ten times as
        fast. It leaves to boto3 what it does not support - a proxy, a redirect, an unusual signature, an unexpected
        answer.
      - V(boto3) sends every request with boto3.
    type: str
    choices: ['auto', 'boto3']
    default: auto
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
seealso:
  - module: coffer.velero.s3_bucket_encryption
  - plugin: coffer.velero.storage_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check every object of a location
  coffer.velero.object_encryption_info:
    storage_profile:
      account_id: '111122223333'
      region: eu-central-1
      bucket: acme-backups
      prefix: production
      encryption_mode: sse-kms
      kms_key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
  register: objects

- name: Stop unless every object is compliant
  ansible.builtin.assert:
    that: objects.status == 'compliant'
    fail_msg: "{{ objects.counts | to_nice_yaml }}"

- name: Accept the key that was in use until last year, and write the list of every object
  coffer.velero.object_encryption_info:
    storage_profile: "{{ storage_profile }}"
    accepted_kms_key_arns:
      - arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321
    path: objects.jsonl
    checkpoint: objects.checkpoint
    max_requests_per_second: 2000

- name: Read last night's Inventory report, and request every fiftieth object
  coffer.velero.object_encryption_info:
    storage_profile: "{{ storage_profile }}"
    inventory:
      manifest: s3://acme-inventory/acme-backups/all/2026-11-01T01-00Z/manifest.json
      sample_percent: 2
"""

RETURN = r"""
status:
  description:
    - V(non_compliant) where an object is, else V(not_evaluated) where an object is or where there are none, else
      V(compliant). Objects that were deleted during the scan do not count.
    - In check mode a bucket that does not exist yet has no objects.
  returned: success
  type: str
  sample: non_compliant
reason:
  description:
    - The most frequent reason of the objects with this status, or C(no_objects). Null with V(compliant).
    - C(accepted) where every object is compliant or accepted.
  returned: success
  type: str
  sample: wrong_algorithm
counts:
  description: Object versions by status. C(deleted_during_scan) is a part of C(not_evaluated).
  returned: success
  type: dict
  sample: {total: 1200, compliant: 1198, non_compliant: 1, not_evaluated: 1, deleted_during_scan: 1}
by_reason:
  description:
    - Object versions that are not compliant by reason. C(non_compliant) are C(not_encrypted), C(wrong_algorithm),
      C(wrong_kms_key) and C(bucket_key_disabled), and C(accepted) for those that
      O(accepted_before) accepts.
    - C(not_evaluated) are C(access_denied), C(customer_key_required) and C(wrong_customer_key) (of SSE-C),
      C(encryption_unknown), C(source_has_no_key), C(only_reported) and C(not_in_report) (of an Inventory report) and
      C(deleted_during_scan), which a second listing has confirmed.
    - An object with two reasons counts for the first of them.
  returned: success
  type: dict
  sample: {deleted_during_scan: 1, wrong_algorithm: 1}
delete_markers:
  description: Delete markers, which hold no data.
  returned: success
  type: int
  sample: 3
groups:
  description: Counts of the first 1,000 backups, restores, kopia repositories (by namespace) and other directories.
  returned: success
  type: list
  sample:
    - kind: backup
      name: nightly
      counts: {total: 9, compliant: 9, non_compliant: 0, not_evaluated: 0, deleted_during_scan: 0}
groups_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
by_algorithm:
  description: Objects whose algorithm is known, by algorithm; C(none) is no encryption by S3 at all.
  returned: success
  type: dict
  sample: {'AES256': 1, 'aws:kms': 1198}
by_key:
  description: Objects under a KMS key, by key, algorithm and use of a Bucket Key.
  returned: success
  type: list
  sample:
    - key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      algorithm: aws:kms
      bucket_key_enabled: true
      count: 1198
non_compliant_objects:
  description:
    - The first O(max_findings) objects that are C(non_compliant), or C(not_evaluated) though they are there and S3 was
      asked for them, each with its reason, a message and the remediation.
  returned: success
  type: list
  sample:
    - key: production/backups/nightly/velero-backup.json
      version_id: '3HL4kqtJvjVBH40Nrjfkd'
      is_latest: true
      status: non_compliant
      reason: wrong_algorithm
      message: is encrypted with AES256, not with aws:kms
      remediation: Encrypt it again with aws:kms.
      algorithm: AES256
      key_arn: null
      bucket_key_enabled: false
      size: 2048
      last_modified: '2026-11-01T02:00:12Z'
findings_truncated:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
incomplete_multipart_uploads:
  description: The first 1,000 multipart uploads that were not completed. S3 keeps their parts, which no HEAD reads.
  returned: success
  type: list
  sample: [{key: production/backups/nightly/nightly.tar.gz, upload_id: VXBsb2Fk, initiated: '2026-11-01T02:00:12Z'}]
last_written:
  description: When the last compliant and the last non-compliant object version was written.
  returned: success
  type: dict
  sample: {compliant: '2026-11-24T02:00:12Z', non_compliant: '2026-11-01T02:00:12Z'}
notes:
  description: What could not be read besides the objects.
  returned: success
  type: list
  sample: []
source:
  description:
    - Where the objects were found. Of an Inventory report C(kind=inventory), C(manifest), C(created), C(sample_percent)
      and C(versions), whether it has noncurrent versions.
  returned: success
  type: dict
  sample: {kind: list}
judged_by:
  description:
    - What the objects were compared with, and where they were read. C(kms_key_arns) has the key of the profile and the
      other accepted ones.
  returned: success
  type: dict
  sample:
    encryption_mode: sse-s3
    kms_key_arns: []
    bucket_key_enabled: false
    customer_key_given: false
    account_id: '111122223333'
    region: eu-central-1
    endpoint_url: null
    accepted_before: null
    accepted_until: null
versions:
  description: Whether noncurrent versions were scanned too.
  returned: success
  type: bool
  sample: true
bucket:
  description: The bucket.
  returned: success
  type: str
  sample: acme-backups
prefix:
  description: The prefix, with its slash at the end.
  returned: success
  type: str
  sample: production/
started_at:
  description: When the scan began; where it is resumed, when the first of its runs did.
  returned: success
  type: str
  sample: '2026-11-24T08:00:00Z'
finished_at:
  description: When it ended.
  returned: success
  type: str
  sample: '2026-11-24T08:00:02Z'
seconds:
  description: How long it took, together with the runs before it where it resumed from a checkpoint.
  returned: success
  type: float
  sample: 1.92
objects_per_second:
  description: Objects by seconds.
  returned: success
  type: float
  sample: 625.0
resumed:
  description: Whether the run resumed from a checkpoint.
  returned: success
  type: bool
  sample: false
checkpoint:
  description: The checkpoint, which the module has removed.
  returned: success
  type: str
  sample: objects.checkpoint
path:
  description: The list of every object version.
  returned: success
  type: str
  sample: objects.jsonl
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._objects.api import scan_objects
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "storage_profile": {"type": "dict", "required": True},
        "accepted_kms_key_arns": {"type": "list", "elements": "str", "no_log": False},
        "accepted_before": {"type": "str"},
        "accepted_until": {"type": "str"},
        "versions": {"type": "bool", "default": True},
        "customer_key": {"type": "str", "no_log": True},
        "customer_key_file": {"type": "path", "no_log": False},
        "max_findings": {"type": "int", "default": 100},
        "path": {"type": "path"},
        "checkpoint": {"type": "path"},
        "concurrency": {"type": "int", "default": 64},
        "max_requests_per_second": {"type": "float"},
        "inventory": {
            "type": "dict",
            "options": {
                "manifest": {"type": "str", "required": True},
                "sample_percent": {"type": "float", "default": 1.0},
                "max_age_in_days": {"type": "int", "default": 8},
            },
        },
        "engine": {"type": "str", "choices": ["auto", "boto3"], "default": "auto"},
    },
    mutually_exclusive=[("customer_key", "customer_key_file")],
)


def run(task: Task) -> dict[str, t.Any]:
    result = scan_objects(task.params, task.progress, task.tolerate_missing_in_check_mode)
    for note in result["notes"]:
        task.warn(note)
    return {"changed": False, **result}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
