# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trails, and what they need, of this account and of others."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.documents import trail_bucket_policy_statements
from tests.support.fixtures import Aws

ACCOUNT = "123456789012"
NAME = "velero-audit"
BUCKET = "velero-backups-audit"
OBJECTS = "arn:aws:s3:::velero-backups/production/"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:velero-audit"


def arn_of(name: str, account: str = ACCOUNT, region: str = "us-east-1") -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


class Account:
    """Clients of another account."""

    def __init__(self, aws: Aws, account: str) -> None:
        self.account = account
        role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/admin", RoleSessionName="test")
        keys = role["Credentials"]
        self._aws = aws
        self._keys = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }

    def client(self, service: str) -> Any:
        return self._aws.client(service, **self._keys)


def log_bucket(aws: Aws | Account, bucket: str, trail_arn: str, **options: Any) -> None:
    """A bucket that a trail may write to."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    statements = trail_bucket_policy_statements(bucket, trail_arn, **options)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def foreign_trail(aws: Aws | Account, name: str, bucket: str, **settings: Any) -> str:
    """A trail that records what trails record, made by somebody else."""
    arn = arn_of(name, aws.account if isinstance(aws, Account) else ACCOUNT)
    organization = {"organization_id": "o-exampleorgid"} if settings.get("IsOrganizationTrail") else {}
    log_bucket(aws, bucket, arn, **organization)
    client = aws.client("cloudtrail")
    client.create_trail(**{"Name": name, "S3BucketName": bucket, "IsMultiRegionTrail": True, **settings})
    client.start_logging(Name=name)
    return arn
