#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_bucket
short_description: Create a private S3 bucket for backups
version_added: 0.1.0
description:
  - Creates a bucket, or takes one that exists, and keeps it private - all public access blocked, ACLs off (object
    ownership C(BucketOwnerEnforced), so that every object belongs to the bucket's owner whichever account writes it) -
    with versioning and tags as asked.
  - There is no C(state=absent). A bucket of backups is never emptied or deleted by this collection, because nobody
    can bring them back; who wants that uses M(amazon.aws.s3_bucket) or the AWS console, knowingly.
  - The default encryption and the policy are left alone; see M(coffer.velero.s3_bucket_encryption) and
    M(coffer.velero.s3_bucket_policy).
  - A run that changes nothing sends 3 requests, and one more for each of O(versioning) and O(tags) that is set.
author: The coffer.velero authors (@coffer-velero)
options:
  bucket:
    description:
      - Name of the bucket. It is the bucket's name in all accounts and Regions of the partition.
      - A name that S3 takes for no new bucket, such as one with upper-case letters from before 2018, is accepted where
        the bucket exists.
      - A name that ends in C(-an) is created in the account-regional namespace (C(BucketNamespace)). It must end with
        the account and the Region, C(PREFIX-ACCOUNT-REGION-an), and needs a boto3 that knows it.
      - A bucket that belongs to another account, or is in another Region than O(region), is an error.
    type: str
    required: true
    aliases: ['name']
  versioning:
    description:
      - V(enabled) keeps what is overwritten and deleted as versions.
      - V(suspended) makes no new versions; those that are there stay. A bucket that never had versions is left as it
        is.
      - Left alone where it is not set.
      - Velero deletes what has expired; with versioning its objects stay as noncurrent versions, and cost, until a
        lifecycle rule removes them.
    type: str
    choices: ['enabled', 'suspended']
  expected_bucket_owner:
    description:
      - Id of the account that must own the bucket. S3 refuses every request where another one does
        (C(x-amz-expected-bucket-owner)), and the bucket is created by no other account.
      - Where it is not set, a bucket of another account that lets these credentials in is taken as the one meant.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
notes:
  - S3 replaces the tags of a bucket as a whole; tags that stay are sent along. Where the bucket has ABAC enabled, S3
    takes tags only by the S3 Control API, and O(tags) must be left out.
"""

EXAMPLES = r"""
- name: A bucket for the backups
  coffer.velero.s3_bucket:
    bucket: example-velero-backups
    region: eu-central-1
    tags:
      service: velero

- name: A bucket that keeps old versions, in an account that is named
  coffer.velero.s3_bucket:
    bucket: example-velero-archive
    region: eu-central-1
    versioning: enabled
    expected_bucket_owner: '111122223333'
"""

RETURN = r"""
bucket:
  description: Name of the bucket.
  returned: success
  type: str
  sample: example-velero-backups
bucket_arn:
  description: ARN of the bucket.
  returned: success
  type: str
  sample: arn:aws:s3:::example-velero-backups
region:
  description: Region of the bucket.
  returned: success
  type: str
  sample: eu-central-1
versioning:
  description: Versioning as it was asked for; V(null) where it was not.
  returned: success
  type: str
  sample: enabled
tags:
  description: Tags of the bucket; empty where O(tags) is not set.
  returned: success
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._s3.api import BucketResource
from ansible_collections.coffer.velero.plugins.module_utils._s3.decide import DesiredBucket
from ansible_collections.coffer.velero.plugins.module_utils._s3.model import validate_bucket_name

SPEC = aws_spec(
    {
        "bucket": {"type": "str", "required": True, "aliases": ["name"]},
        "versioning": {"type": "str", "choices": ["enabled", "suspended"]},
        "expected_bucket_owner": {"type": "str"},
        **TAGS,
    },
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    validate_bucket_name(params["bucket"])
    aws = Aws(params)
    desired = DesiredBucket(
        name=params["bucket"],
        region=aws.region,
        versioning=params["versioning"],
        tags=params["tags"],
        purge_tags=params["purge_tags"],
        owner=params["expected_bucket_owner"],
    )
    return task.reconcile(BucketResource(aws, desired))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
