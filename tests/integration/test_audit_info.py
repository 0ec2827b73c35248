# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module audit_info against moto, run both ways."""

from __future__ import annotations

import json
import socket
from collections import Counter
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, Result

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "acme-backups"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/velero"
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/AB12"


@pytest.fixture(autouse=True)
def account_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 Control puts the account before the host, ``123456789012.127.0.0.1``, which is found here by its end."""
    resolve = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve(host.removeprefix(f"{ACCOUNT}.") if isinstance(host, str) else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)


class Installation:
    """An account in which everything is as it should be, to be spoiled."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        kms = aws.client("kms")
        self.key_arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.enable_key_rotation(KeyId=self.key_arn, RotationPeriodInDays=180)
        kms.create_alias(AliasName="alias/velero", TargetKeyId=self.key_arn)
        self.values: dict[str, Any] = {
            "account_id": ACCOUNT,
            "region": REGION,
            "bucket": BUCKET,
            "prefix": "production",
            "kms_key_arn": self.key_arn,
            "role_arns": [ROLE],
            "oidc_issuer_url": ISSUER,
        }
        self._roles()
        self._key_policy()
        self._bucket()

    @property
    def profile(self) -> StorageProfile:
        return StorageProfile.parse(self.values)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "storage_profile": self.values,
            "kms_alias": "velero",
            "kms_rotation_period_in_days": 180,
            "policy_arn": POLICY,
            "backup_schedule_hours": 24,
        }

    def _roles(self) -> None:
        iam = self.aws.client("iam")
        policy = _documents.iam_policy(self.profile)
        trust = {"Version": "2012-10-17", "Statement": _documents.trust_policy_statements(self.profile)}
        iam.create_policy(PolicyName="velero", PolicyDocument=json.dumps(policy))
        iam.create_role(RoleName="velero", AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName="velero", PolicyArn=POLICY)

    def _key_policy(self) -> None:
        kms = self.aws.client("kms")
        policy = json.loads(kms.get_key_policy(KeyId=self.key_arn, PolicyName="default")["Policy"])
        policy["Statement"] += _documents.key_policy_statements(self.profile)
        kms.put_key_policy(KeyId=self.key_arn, PolicyName="default", Policy=json.dumps(policy))

    def _bucket(self) -> None:
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, ObjectOwnership="BucketOwnerEnforced")
        blocked = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocked)
        self.aws.client("s3control", endpoint_url=self.aws.moto.url).put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration=blocked
        )
        rule = _documents.encryption_rule(self.profile)
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        statements = _documents.bucket_policy_statements(self.profile)
        self.put_bucket_policy(statements)

    def put_bucket_policy(self, statements: list[dict[str, Any]]) -> None:
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


@pytest.fixture
def installation(aws: Aws) -> Installation:
    made = Installation(aws)
    aws.proxy.clear()
    return made


def statuses(result: Result) -> dict[str, str]:
    """The worst status of each control."""
    order = ("fail", "could not be read", "pass", "not applicable")
    found: dict[str, str] = {}
    for finding in result["findings"]:
        status = finding["status"]
        found[finding["control"]] = min(found.get(finding["control"], status), status, key=order.index)
    return found


def test_first(run: ModuleRunner, aws: Aws, installation: Installation) -> None:
    result = run.ok("audit_info", **installation.options)
    for finding in result["findings"]:
        print(finding["control"], finding["status"], finding["subject"], finding["reason"])
    print(Counter(f"{call.service}:{call.operation}" for call in aws.proxy.requests))
    print(len(aws.proxy.requests), result["summary"], result["verdict"])
    assert result["verdict"] == "wrong"
