#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_bucket_encryption
short_description: Set the default encryption of an S3 bucket
version_added: 0.1.0
description:
  - Sets how S3 encrypts every object that is written without saying how, with the KMS key, the Bucket Key and the
    the blocked encryption types (SSE-C) in one request, so that there is no moment with half a rule.
  - Owns what its options name and keeps whatever else the rule holds.
  - Checks the key in every run, also where nothing is to be changed. S3 takes any key id and fails at the next write
    ("Amazon S3 doesn't validate the KMS key ID provided in PutBucketEncryption requests", S3 API reference), and
    Velero then fails at its next backup.
  - Objects that are there already stay as they are encrypted.
  - Refuses a change that another installation of Velero in the bucket does not agree with, since kopia's objects follow
    the bucket's one default encryption. What the others need is in the bucket policy, in the statements of
    P(coffer.velero.bucket_policy_statements#filter).
  - A run that changes nothing sends 2 requests, or 1 where O(sse_algorithm=AES256).
author: The coffer.velero authors (@coffer-velero)
options:
  bucket:
    description: Name of the bucket. It must be in the Region of the task.
    type: str
    required: true
    aliases: ['name']
  state:
    description:
      - V(present) sets the default encryption as described.
      - V(absent) goes back to what S3 does by itself, SSE-S3 (V(AES256)); a bucket cannot be without default
        encryption. The Bucket Key setting and the blocked encryption types are kept, and the options about the rule are
        ignored.
    type: str
    choices: ['present', 'absent']
    default: present
  sse_algorithm:
    description:
      - V(AES256) is SSE-S3, with keys of S3's own. V(aws:kms) is SSE-KMS and V(aws:kms:dsse) is DSSE-KMS, two layers,
        both under the key of O(kms_master_key_id).
      - Required where O(state=present).
    type: str
    choices: ['AES256', 'aws:kms', 'aws:kms:dsse']
  kms_master_key_id:
    description:
      - The KMS key, by id, ARN, alias (with C(alias/)) or alias ARN. Required for V(aws:kms) and V(aws:kms:dsse),
        since S3 would take the key that AWS manages without it; where that is what you want, say V(alias/aws/s3).
      - What is set is always the ARN of the key. S3 keeps whatever string it is given and looks an alias up in the
        account of the principal that writes, so a rule that has an alias or a bare id is changed to the ARN of the same
        key.
      - A key of another account than O(expected_bucket_owner) must be given by its ARN.
      - The key must be an enabled symmetric key for encryption in the bucket's Region.
    type: str
    aliases: ['encryption_key_id', 'kms_key_arn']
  bucket_key_enabled:
    description:
      - Whether S3 uses a Bucket Key, one data key of KMS for many objects, which saves nearly all requests to KMS.
        The encryption context is then the ARN of the bucket instead of the object's.
      - Where it is not set, a bucket that changes to V(aws:kms) gets one, V(aws:kms:dsse) never has one, and
        otherwise the setting is kept.
    type: bool
  blocked_encryption_types:
    description:
      - V([SSE-C]) refuses objects under keys that the writer brings along, V([NONE]) refuses nothing. S3 blocks SSE-C
        in new buckets since April 2026.
      - Where it is not set, the block is kept.
    type: list
    elements: str
    choices: ['SSE-C', 'NONE']
  prefix:
    description:
      - Prefix of the installation that the default encryption is for. What its own statements in the bucket policy say
        is not asked then, since they are replaced after the default; those for any other prefix are.
      - Where it is not set, it is the installation that has the whole bucket.
    type: str
    default: ''
  expected_bucket_owner:
    description:
      - Id of the account that must own the bucket. S3 refuses every request where another one does, and an alias or a
        bare id must name a key of this account.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
"""

EXAMPLES = r"""
- name: Encrypt new objects under a customer managed key, with a Bucket Key
  coffer.velero.s3_bucket_encryption:
    bucket: example-velero-backups
    region: eu-central-1
    sse_algorithm: aws:kms
    kms_master_key_id: alias/velero-backups
    bucket_key_enabled: true
    blocked_encryption_types: [SSE-C]
    prefix: production

- name: The key of another account, by its ARN
  coffer.velero.s3_bucket_encryption:
    bucket: example-velero-backups
    region: eu-central-1
    sse_algorithm: aws:kms
    kms_master_key_id: arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab
    expected_bucket_owner: '111122223333'

- name: Back to SSE-S3
  coffer.velero.s3_bucket_encryption:
    bucket: example-velero-backups
    region: eu-central-1
    state: absent
"""

RETURN = r"""
bucket:
  description: Name of the bucket.
  returned: success
  type: str
  sample: example-velero-backups
sse_algorithm:
  description: Algorithm of the default encryption.
  returned: success
  type: str
  sample: aws:kms
kms_master_key_id:
  description: ARN of the key; V(null) for V(AES256).
  returned: success
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
bucket_key_enabled:
  description: Whether S3 uses a Bucket Key.
  returned: success
  type: bool
  sample: true
blocked_encryption_types:
  description: What S3 refuses to encrypt with.
  returned: success
  type: list
  elements: str
  sample: [SSE-C]
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._s3.api import EncryptionResource
from ansible_collections.coffer.velero.plugins.module_utils._s3.encryption import DesiredEncryption

SPEC = aws_spec(
    {
        "bucket": {"type": "str", "required": True, "aliases": ["name"]},
        **STATE,
        "sse_algorithm": {"type": "str", "choices": ["AES256", "aws:kms", "aws:kms:dsse"]},
        "kms_master_key_id": {"type": "str", "aliases": ["encryption_key_id", "kms_key_arn"]},
        "bucket_key_enabled": {"type": "bool"},
        "blocked_encryption_types": {"type": "list", "elements": "str", "choices": ["SSE-C", "NONE"]},
        "prefix": {"type": "str", "default": ""},
        "expected_bucket_owner": {"type": "str"},
    },
    required_if=[("state", "present", ("sse_algorithm",))],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    aws = Aws(params)
    place = {
        "bucket": params["bucket"],
        "region": aws.region,
        "owner": params["expected_bucket_owner"],
        "prefix": params["prefix"].strip("/"),
    }
    if params["state"] == "absent":
        desired = DesiredEncryption(**place, algorithm="AES256", bucket_may_be_missing=True)
    else:
        desired = DesiredEncryption(
            **place,
            algorithm=params["sse_algorithm"],
            key_id=params["kms_master_key_id"],
            bucket_key_enabled=params["bucket_key_enabled"],
            blocked=params["blocked_encryption_types"],
        )
    desired.refuse_contradictions()
    return task.reconcile(EncryptionResource(aws, desired))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
