# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a running MiniStack: its account gets the policies of a case, and the request is really sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.support.emulators import MiniStack

from .cases import ACCOUNTS, BUCKET, KEY, REGION, SESSION, Case, Document

ACCOUNT = ACCOUNTS[0]
TENANT = {"tenant": "acme"}
#: What it judges otherwise than AWS (``ministack_evaluator.py``, and MINISTACK of the test), or has other values for.
BLIND = (
    *("notprincipal", "${", "aws:principalarn", "aws:principalisawsservice"),
    *("aws:currenttime", "aws:epochtime", "aws:userid"),
)

Send = Callable[["Live", Any, str], object]

_BUCKET = {"Bucket": BUCKET}
_RULE = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_TAGS = {"TagSet": [{"Key": "team", "Value": "storage"}]}
_SENDS: dict[str, Send] = {
    "s3:GetObject": lambda _live, s3, key: s3.get_object(**_BUCKET, Key=key),
    "s3:PutObject": lambda _live, s3, key: s3.put_object(**_BUCKET, Key=key, Body=b"", ServerSideEncryption="AES256"),
    "s3:DeleteObject": lambda _live, s3, key: s3.delete_object(**_BUCKET, Key=key),
    "s3:AbortMultipartUpload": lambda _live, s3, key: s3.abort_multipart_upload(**_BUCKET, Key=key, UploadId="1"),
    "s3:PutObjectTagging": lambda _live, s3, key: s3.put_object_tagging(**_BUCKET, Key=key, Tagging=_TAGS),
    "s3:ListBucket": lambda _live, s3, _key: s3.list_objects_v2(**_BUCKET, Prefix="production/", MaxKeys=10),
    "s3:GetBucketPolicy": lambda _live, s3, _key: s3.get_bucket_policy(**_BUCKET),
    "s3:PutEncryptionConfiguration": lambda _live, s3, _key: s3.put_bucket_encryption(
        **_BUCKET, ServerSideEncryptionConfiguration=_RULE
    ),
    "kms:GenerateDataKey": lambda live, kms, _key: kms.generate_data_key(
        KeyId=live.key, KeySpec="AES_256", EncryptionContext=TENANT
    ),
    "kms:Decrypt": lambda live, kms, _key: kms.decrypt(
        KeyId=live.key, CiphertextBlob=live.ciphertext, EncryptionContext=TENANT
    ),
    "kms:DescribeKey": lambda live, kms, _key: kms.describe_key(KeyId=live.key),
}
#: The condition keys that such a request has, beside those of the principal, and those that it surely lacks.
_CONTEXT = {"aws:SecureTransport": "false", "aws:SourceIp": "127.0.0.1", "aws:RequestedRegion": REGION}
_OF_ACTION: dict[str, dict[str, str | list[str]]] = {
    "s3:PutObject": {"s3:x-amz-server-side-encryption": "AES256"},
    "s3:ListBucket": {"s3:prefix": "production/", "s3:max-keys": "10"},
    "kms:GenerateDataKey": {"kms:EncryptionContext:tenant": "acme", "kms:EncryptionContextKeys": ["tenant"]},
    "kms:Decrypt": {"kms:EncryptionContext:tenant": "acme", "kms:EncryptionContextKeys": ["tenant"]},
}
ABSENT = (
    *("aws:sourcevpc*", "aws:principaltag/*", "aws:principalorg*", "aws:resourcetag/*"),
    *("aws:tagkeys", "aws:calledvia", "kms:viaservice", "kms:grant*", "kms:encryptioncontext:*", "s3:x-amz-*"),
    *("s3:prefix", "s3:max-keys", "sns:*", "sts:*"),
)


def can_ask(case: Case) -> bool:
    caller = case.caller
    is_here = (
        caller.kind in ("session", "user")
        and caller.account == case.target.owner == ACCOUNT
        and not case.scps + case.rcps
    )
    return is_here and case.target.action in _SENDS and not any(word in case.text for word in BLIND)


def context_of(case: Case) -> dict[str, str | list[str]]:
    return {**_CONTEXT, **_OF_ACTION.get(case.target.action, {})}


class Live:
    def __init__(self, ministack: MiniStack) -> None:
        self.ministack = ministack
        self.iam, self.s3, self.kms = (ministack.client(name) for name in ("iam", "s3", "kms"))
        self.s3.create_bucket(**_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.delete_public_access_block(**_BUCKET)
        self.key: str = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.ciphertext: bytes = self.kms.encrypt(KeyId=self.key, Plaintext=b"x", EncryptionContext=TENANT)[
            "CiphertextBlob"
        ]
        self._count = 0

    def allows(self, case: Case) -> bool:
        """:raises ClientError: where a document is refused"""
        target = case.target
        key = target.resource.removeprefix(f"arn:aws:s3:::{BUCKET}").removeprefix("/")
        if key:
            with contextlib.suppress(ClientError):
                self.s3.delete_bucket_policy(**_BUCKET)
            self.s3.put_object(**_BUCKET, Key=key, Body=b"")
        keys = self._keys(case)
        self._protect(case)
        client = self.ministack.client(target.service, **keys)
        try:
            _SENDS[target.action](self, client, key)
        except ClientError as error:
            return error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException")
        return True

    def _text(self, document: Document) -> str:
        text = json.dumps(document)
        for length in (len(KEY), -1, -2):  # the patterns of cases cut off its end
            text = text.replace(KEY[:length], self.key[:length])
        return text.replace(f"key/*{KEY[-2:]}", f"key/*{self.key[-2:]}")

    def _protect(self, case: Case) -> None:
        with contextlib.suppress(ClientError):
            self.s3.delete_bucket_policy(**_BUCKET)
        if case.target.kind == "bucket" and case.resource:
            self.s3.put_bucket_policy(**_BUCKET, Policy=self._text(case.resource))
        if case.target.kind == "key":
            policy = case.resource or {"Version": "2012-10-17", "Statement": []}
            self.kms.put_key_policy(KeyId=self.key, PolicyName="default", Policy=self._text(policy))

    def _keys(self, case: Case) -> dict[str, str]:
        """The credentials of a new principal of the case's name and policies; the old one is removed."""
        name = case.caller.arn.split("/")[-1] if case.caller.kind == "user" else case.caller.arn.split("/")[1]
        path = (case.caller.role_arn or case.caller.arn).split(":")[5].partition("/")[2].removesuffix(name)
        kind = "User" if case.caller.kind == "user" else "Role"
        self._remove(kind, name)
        options: dict[str, Any] = {f"{kind}Name": name, "Path": f"/{path}"}
        if case.boundary:
            self._count += 1
            made = self.iam.create_policy(
                PolicyName=f"boundary-{self._count}", PolicyDocument=self._text(case.boundary)
            )
            options["PermissionsBoundary"] = made["Policy"]["Arn"]
        if kind == "Role":
            trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
            options["AssumeRolePolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        getattr(self.iam, f"create_{kind.lower()}")(**options)
        for number, document in enumerate(case.identity):
            put = getattr(self.iam, f"put_{kind.lower()}_policy")
            put(**{f"{kind}Name": name}, PolicyName=f"p{number}", PolicyDocument=self._text(document))
        if kind == "User":
            key = self.iam.create_access_key(UserName=name)["AccessKey"]
            return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        passed = {"Policy": self._text(case.session)} if case.session else {}
        arn = str(case.caller.role_arn)
        found = self.ministack.client("sts").assume_role(RoleArn=arn, RoleSessionName=SESSION, **passed)["Credentials"]
        return {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }

    def _remove(self, kind: str, name: str) -> None:
        who = {f"{kind}Name": name}
        low = kind.lower()
        with contextlib.suppress(ClientError):
            for policy in getattr(self.iam, f"list_{low}_policies")(**who)["PolicyNames"]:
                getattr(self.iam, f"delete_{low}_policy")(**who, PolicyName=policy)
            if kind == "User":
                for key in self.iam.list_access_keys(**who)["AccessKeyMetadata"]:
                    self.iam.delete_access_key(**who, AccessKeyId=key["AccessKeyId"])
            getattr(self.iam, f"delete_{low}")(**who)
