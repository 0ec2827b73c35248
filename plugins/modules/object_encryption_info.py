#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: object_encryption_info
short_description: Prove the encryption of every object under a prefix
version_added: 0.1.0
description:
  - Lists everything under the bucket and prefix of a storage profile, current and noncurrent versions, asks S3 for the
    encryption of each, and judges it by the profile - algorithm, key, Bucket Key, SSE-C.
  - The bucket's default encryption says how objects will be written. Only the objects say how they were.
  - What S3 did not tell is never counted as good.
  - An object is asked for with a HEAD, which needs C(s3:GetObject), for versions C(s3:GetObjectVersion), and no
    permission on the key. The listing needs C(s3:ListBucketVersions), without O(versions) C(s3:ListBucket). With
    C(s3:ListBucketMultipartUploads) unfinished uploads are told too.
  - On a local connection the module says every three seconds how far it is.
author:
  - The coffer.velero authors (@coffer-velero)
options:
  storage_profile:
    description:
      - The storage profile to judge by, as P(coffer.velero.storage_profile#filter) takes it. Of it count C(account_id),
        C(region), C(bucket), C(prefix), C(encryption_mode), C(kms_key_arn) and C(bucket_key_enabled).
      - With C(sse-c) the objects of backups and restores have to be encrypted with SSE-C, and those of kopia with
        C(AES256), for kopia cannot send a key.
    type: dict
    required: true
  accepted_kms_key_arns:
    description:
      - ARNs of further keys that an object may be encrypted under, such as the key that was in use before.
      - Replicas of a multi-Region key need not be named, they are recognized by the id that they share.
    type: list
    elements: str
  versions:
    description:
      - Whether noncurrent versions are looked at too. They are kept, and can be restored, under the key that they were
        written with.
    type: bool
    default: true
  customer_key:
    description:
      - The key of SSE-C in base64, as a Secret shows it. Without it objects with SSE-C are recognized, and cannot be
        read.
    type: str
  customer_key_file:
    description: Path of a file with the 32 raw bytes of the key of SSE-C, as Velero takes it.
    type: path
  max_offenders:
    description: How many objects that are not as they should be are returned, the first ones by name.
    type: int
    default: 100
  path:
    description:
      - File that gets the complete list, a line for each object version, in JSON Lines where it ends with C(.jsonl) and
        in CSV where it ends with C(.csv). It has its name once it is complete, until then C(.part) is added.
      - In CSV the keys are URL-encoded, as in the reports of S3 Inventory.
      - Written in check mode too, for it only tells what there is.
    type: path
  checkpoint:
    description:
      - File that says how far the run is, written every five seconds. A run that was interrupted goes on from there
        when it is given the same file and the same options. Removed at the end.
    type: path
  concurrency:
    description: Requests that are under way at the same time.
    type: int
    default: 64
  max_requests_per_second:
    description:
      - The most requests a second. Not limited by default, but for S3 itself, whose limit Velero shares; it answers
        some 5,500 a second for each prefix, and the module slows down as it asks.
    type: float
  inventory:
    description:
      - Reads the objects from a report of S3 Inventory, where there are more of them than one machine should ask for.
      - A report tells the algorithm and whether a Bucket Key is used, as they were when it was made. It does not tell
        the key, so that an object under a KMS key is V(unproven) unless it is in the sample, and the verdict
        V(incomplete) at best. With C(sse-s3) a report is enough.
      - Needs the optional fields C(EncryptionStatus) and C(BucketKeyStatus), and for noncurrent versions a report of
        all versions.
    type: dict
    suboptions:
      manifest:
        description:
          - The C(manifest.json) of the report, a path or C(s3://BUCKET/KEY). In S3 the files are read from the bucket
            that it names. On disk they are looked for beside it and in a folder C(data).
          - The formats are CSV, and Parquet where the Python package C(pyarrow) is installed.
        type: str
        required: true
      sample_percent:
        description:
          - How many of a hundred objects are asked for with a HEAD. Which ones follows from their names, so that a
            second run asks for the same.
        type: float
        default: 1.0
  engine:
    description:
      - V(auto) speaks to S3 over sockets of its own in several processes, which is more than ten times as fast. What it
        does not know it leaves to boto3 - a proxy, a redirect, an unusual signature, an answer that it does not expect.
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
- name: Look at every object of a location
  coffer.velero.object_encryption_info:
    storage_profile:
      account_id: '111122223333'
      region: eu-central-1
      bucket: acme-backups
      prefix: production
      encryption_mode: sse-kms
      kms_key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
  register: objects

- name: Stop where an object is not as it should be
  ansible.builtin.assert:
    that: objects.verdict == 'proven'
    fail_msg: "{{ objects.counts | to_nice_yaml }}"

- name: Accept the key that was in use until last year, and keep the complete list
  coffer.velero.object_encryption_info:
    storage_profile: "{{ storage_profile }}"
    accepted_kms_key_arns:
      - arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321
    path: objects.jsonl
    checkpoint: objects.checkpoint
    max_requests_per_second: 2000

- name: Read last night's Inventory report, and ask for every fiftieth object
  coffer.velero.object_encryption_info:
    storage_profile: "{{ storage_profile }}"
    inventory:
      manifest: s3://acme-inventory/acme-backups/all/2026-11-01T01-00Z/manifest.json
      sample_percent: 2
"""

RETURN = r"""
verdict:
  description:
    - V(proven) where every object is as the profile wants it, V(wrong) where one is not, V(incomplete) where nothing
      wrong was found but something could not be read, V(empty) where there is nothing. In check mode a bucket that does
      not exist yet is V(empty).
  returned: success
  type: str
  sample: wrong
counts:
  description:
    - Object versions by verdict. V(gone) are those that were deleted between the listing and the look at them,
      V(unproven) those of which only an Inventory report was read.
  returned: success
  type: dict
  sample: {total: 1200, proven: 1198, wrong: 1, unreadable: 0, gone: 1, unproven: 0}
delete_markers:
  description: Delete markers, which hold no data.
  returned: success
  type: int
  sample: 3
groups:
  description:
    - Counts of each backup, restore, kopia repository (by the namespace whose volumes it keeps) and other directory.
      The first 1,000 of them.
  returned: success
  type: list
  sample:
    - {kind: backup, name: nightly, counts: {total: 9, proven: 9, wrong: 0, unreadable: 0, gone: 0, unproven: 0}}
groups_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
by_algorithm:
  description: Objects that could be read by algorithm; C(none) is no encryption by S3 at all.
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
offenders:
  description:
    - The first O(max_offenders) objects that are wrong or could not be read, each with the reasons and the remediation.
  returned: success
  type: list
  sample:
    - key: production/backups/nightly/velero-backup.json
      version_id: '3HL4kqtJvjVBH40Nrjfkd'
      is_latest: true
      verdict: wrong
      reasons: ['is encrypted with AES256, not with aws:kms']
      remediation: Encrypt it anew with aws:kms.
      algorithm: AES256
      key_arn: null
      bucket_key_enabled: false
      size: 2048
      last_modified: '2026-11-01T02:00:12Z'
offenders_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
unfinished_uploads:
  description: The first 1,000 multipart uploads that were not completed. Their parts are kept and cannot be looked at.
  returned: success
  type: list
  sample: [{key: production/backups/nightly/nightly.tar.gz, upload_id: VXBsb2Fk, initiated: '2026-11-01T02:00:12Z'}]
notes:
  description: What could not be told besides the objects.
  returned: success
  type: list
  sample: []
source:
  description:
    - Where the objects were found. Of an Inventory report C(kind=inventory), C(manifest), C(created), C(sample_percent)
      and C(versions), whether it tells of them.
  returned: success
  type: dict
  sample: {kind: list}
versions:
  description: Whether noncurrent versions were looked at too.
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
  description: When the run began.
  returned: success
  type: str
  sample: '2026-11-24T08:00:00Z'
finished_at:
  description: When it ended.
  returned: success
  type: str
  sample: '2026-11-24T08:00:02Z'
seconds:
  description: How long it took, together with the runs before it where it went on from a checkpoint.
  returned: success
  type: float
  sample: 1.92
objects_per_second:
  description: Objects by seconds.
  returned: success
  type: float
  sample: 625.0
continued:
  description: Whether the run went on from a checkpoint.
  returned: success
  type: bool
  sample: false
checkpoint:
  description: The checkpoint, which is removed by now.
  returned: success
  type: str
  sample: objects.checkpoint
path:
  description: The complete list.
  returned: success
  type: str
  sample: objects.jsonl
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._objects.api import look
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "storage_profile": {"type": "dict", "required": True},
        "accepted_kms_key_arns": {"type": "list", "elements": "str", "no_log": False},
        "versions": {"type": "bool", "default": True},
        "customer_key": {"type": "str", "no_log": True},
        "customer_key_file": {"type": "path", "no_log": False},
        "max_offenders": {"type": "int", "default": 100},
        "path": {"type": "path"},
        "checkpoint": {"type": "path"},
        "concurrency": {"type": "int", "default": 64},
        "max_requests_per_second": {"type": "float"},
        "inventory": {
            "type": "dict",
            "options": {
                "manifest": {"type": "str", "required": True},
                "sample_percent": {"type": "float", "default": 1.0},
            },
        },
        "engine": {"type": "str", "choices": ["auto", "boto3"], "default": "auto"},
    },
    mutually_exclusive=[("customer_key", "customer_key_file")],
)


def run(task: Task) -> dict[str, t.Any]:
    result = look(task.params, task.progress, task.tolerate_missing_in_check_mode)
    for note in result["notes"]:
        task.warn(note)
    return {"changed": False, **result}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
