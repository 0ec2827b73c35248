# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's S3."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.kms.models import Key, KmsBackend, kms_backends
from moto.kms.utils import RESERVED_ALIASES
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock, S3Backend
from moto.s3.responses import S3Response

from tests.support import aws_wire
from tests.support.moto_patches import policy as evaluation
from tests.support.moto_patches.identity import caller_of
from tests.support.moto_patches.registry import around, patch

KMS_ALGORITHMS = ("aws:kms", "aws:kms:dsse")
SSE = "x-amz-server-side-encryption"
KEY_HEADER = f"{SSE}-aws-kms-key-id"
BUCKET_KEY_HEADER = f"{SSE}-bucket-key-enabled"
FRESH_RULE = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
FRESH_BLOCK = ["SSE-C"]  # since April 2026
Answer = tuple[int, dict[str, Any], Any]


def _refusal(response: S3Response, code: str, message: str, status: int) -> Answer:
    """An error with its status; moto's own S3 errors are all 400 where the model names no other."""
    error = aws_wire.error_answer("s3", code, message, status)
    return status, {"content-type": error.content_type}, b"" if response.method == "HEAD" else error.body


# --- the bucket ---------------------------------------------------------------------------------------------------


@patch
def fresh_bucket_blocks_public_access_and_acls() -> None:
    """All four blocks and BucketOwnerEnforced since April 2023; moto says that there are none."""

    @around(FakeBucket, "__init__")
    def init(original: Any, self: Any, *arguments: Any, **keywords: Any) -> Any:
        original(self, *arguments, **keywords)
        self.public_access_block = PublicAccessBlock("true", "true", "true", "true")
        self.ownership_rule = "BucketOwnerEnforced"


@patch
def fresh_bucket_encrypts_with_aes256() -> None:
    """Every bucket has a default encryption since January 2023, AES256 if nobody chose; moto answers 404."""

    @around(S3Response, "get_bucket_encryption")
    def get_bucket_encryption(original: Any, self: Any) -> Any:
        rule = _rule(self.backend.get_bucket(self.bucket_name))
        self.data["Action"] = "GetBucketEncryption"
        answer = {
            "ApplyServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"],
            "BucketKeyEnabled": rule.get("BucketKeyEnabled") == "true",
            "BlockedEncryptionTypes": {"EncryptionType": _blocked(self.backend.get_bucket(self.bucket_name))},
        }
        return self.serialized(ActionResult({"ServerSideEncryptionConfiguration": {"Rules": [answer]}}))


@patch
def blocked_encryption_types_are_kept() -> None:
    """The block is part of the rule, and stays if a later rule does not name it; moto drops it."""

    @around(S3Backend, "put_bucket_encryption")
    def put_bucket_encryption(original: Any, self: Any, bucket_name: Any, encryption: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        block = encryption["Rule"].pop("BlockedEncryptionTypes", None)
        if block:
            types = block["EncryptionType"]
            bucket.blocked_encryption_types = types if isinstance(types, list) else [types]
        original(self, bucket_name, encryption)


def _rule(bucket: FakeBucket) -> dict[str, Any]:
    """The bucket's default encryption, as it was put (its values are text)."""
    return bucket.encryption["Rule"] if bucket.encryption else FRESH_RULE


def _blocked(bucket: FakeBucket) -> list[str]:
    return getattr(bucket, "blocked_encryption_types", FRESH_BLOCK)


@patch
def wrong_expected_bucket_owner_is_denied() -> None:
    """403 if the bucket is not of the expected account; moto ignores the header."""
    for name in ("_bucket_response", "_key_response"):

        @around(S3Response, name)
        def respond(original: Any, self: Any, request: Any, full_url: Any) -> Any:
            source = urlsplit(self.headers.get("x-amz-copy-source", "")).path.lstrip("/").partition("/")[0]
            for bucket_name, header in (
                (self.bucket_name, "x-amz-expected-bucket-owner"),
                (unquote(source), "x-amz-source-expected-bucket-owner"),
            ):
                bucket = _find_bucket(self, bucket_name)
                if bucket and self.headers.get(header, bucket.account_id) != bucket.account_id:
                    return _refusal(self, "AccessDenied", "Access Denied", 403)
            return original(self, request, full_url)


def _find_bucket(response: S3Response, name: str) -> FakeBucket | None:
    try:
        return response.backend.get_bucket(name) if name else None
    except S3ClientError:
        return None


# --- objects ------------------------------------------------------------------------------------------------------


@patch
def object_takes_encryption_as_aws_does() -> None:
    """AES256 in a fresh bucket; aws:kms without a key is aws/s3, not the bucket's key; keys are told as ARNs.

    moto reports no encryption, the key as it was written, and falls back to the bucket's key.
    """

    @around(S3Backend, "put_object")
    def put_object(original: Any, self: Any, bucket_name: Any, *arguments: Any, **keywords: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        encryption = _encryption(bucket, self.account_id, keywords)
        key = original(self, bucket_name, *arguments, **keywords)
        key.encryption, key.kms_key_id, key.bucket_key_enabled = encryption
        return key

    def response_dict(self: FakeKey) -> dict[str, Any]:
        headers = {name: value for name, value in original_dict(self).items() if not name.startswith(SSE)}
        if self.encryption:
            headers[SSE] = self.encryption
        if self.encryption in KMS_ALGORITHMS and self.kms_key_id:
            headers[KEY_HEADER] = self.kms_key_id
        if self.bucket_key_enabled:
            headers[BUCKET_KEY_HEADER] = "true"
        return headers

    kind: Any = FakeKey
    original_dict = kind.response_dict.fget
    kind.response_dict = property(response_dict)


@patch
def copy_in_place_takes_the_buckets_default() -> None:
    """A copy without an encryption header gets the bucket's default; moto makes AES256 of an object under a key."""

    @around(S3Backend, "copy_object")
    def copy_object(
        original: Any, self: Any, src_key: Any, dest_bucket_name: Any, dest_key_name: Any, **keywords: Any
    ) -> Any:
        default = _rule(self.get_bucket(dest_bucket_name))["ApplyServerSideEncryptionByDefault"]
        if not keywords.get("encryption") and default["SSEAlgorithm"] != "AES256":
            keywords["encryption"] = default["SSEAlgorithm"]
            keywords["kms_key_id"] = default.get("KMSMasterKeyID")
        original(self, src_key, dest_bucket_name, dest_key_name, **keywords)


def _encryption(bucket: FakeBucket, account: str, asked: dict[str, Any]) -> tuple[str, str | None, bool]:
    """Algorithm, key ARN and Bucket Key of a new object, from what was asked and the bucket's rule."""
    rule = _rule(bucket)
    default = rule["ApplyServerSideEncryptionByDefault"]
    algorithm, key = asked.get("encryption"), asked.get("kms_key_id")
    if not algorithm:
        algorithm, key = default["SSEAlgorithm"], default.get("KMSMasterKeyID")
    if algorithm not in KMS_ALGORITHMS:
        return algorithm, None, False
    bucket_key = str(asked.get("bucket_key_enabled") or rule.get("BucketKeyEnabled")).lower() == "true"
    return algorithm, key_arn(account, bucket.region_name, key), bucket_key and algorithm == "aws:kms"


def key_arn(account: str, region: str, key: str | None) -> str:
    """The ARN of a key written as id, alias, ARN or not at all; a key that nobody has made stays as written."""
    key = key or "alias/aws/s3"
    if key.startswith("arn:"):
        region, account = key.split(":")[3:5]
    backend = kms_backends[account][region]
    found = backend.any_id_to_key_id(key) if _is_known(backend, key) else None
    return backend.keys[found].arn if found in backend.keys else key


def _is_known(backend: KmsBackend, key: str) -> bool:
    alias = backend.get_alias_name(key)
    return not alias.startswith("alias/") or alias in RESERVED_ALIASES or backend.alias_exists(alias)


@patch
def key_of_a_reserved_alias_is_managed_by_aws() -> None:
    """The keys behind alias/aws/... have KeyManager AWS; moto says CUSTOMER."""

    @around(KmsBackend, "_generate_default_keys")
    def generate(original: Any, self: Any, alias_name: Any) -> Any:
        key_id = original(self, alias_name)
        if key_id:
            key: Key = self.keys[key_id]
            key.key_manager = "AWS"
        return key_id


@patch
def update_object_encryption_is_not_implemented() -> None:
    """501; moto takes the request for PutObject and overwrites the object with its XML."""

    @around(S3Response, "_key_response")
    def respond(original: Any, self: Any, request: Any, full_url: Any) -> Any:
        if request.method == "PUT" and "encryption" in self._get_querystring(request, full_url):
            message = "UpdateObjectEncryption is not implemented by the emulator."
            return _refusal(self, "NotImplemented", message, 501)
        return original(self, request, full_url)


# --- the bucket policy --------------------------------------------------------------------------------------------

# IAM's action where it is not named after the operation.
ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
}
VERSIONED = ("GetObject", "DeleteObject", "GetObjectAttributes", "GetObjectTagging", "PutObjectTagging")


@patch
def bucket_policy_denies_by_principal_and_condition() -> None:
    """A Deny counts where all of it matches; moto heeds neither principal nor condition, and object calls only.

    Plain http on loopback counts as secure: the emulator speaks nothing else. The keys of one DeleteObjects
    request are not judged one by one, and an Allow gives nothing: moto lets everybody in.
    """

    for name in ("_bucket_response", "_key_response"):

        @around(S3Response, name)
        def respond(original: Any, self: Any, request: Any, full_url: Any) -> Any:
            bucket = _find_bucket(self, self.bucket_name)
            if bucket and bucket.policy:
                try:
                    denied = evaluation.verdict(json.loads(bucket.policy), _policy_request(self, bucket)) == "Deny"
                except evaluation.UnknownOperatorError as error:
                    return _refusal(self, "NotImplemented", str(error), 501)
                if denied:
                    return _refusal(self, "AccessDenied", "Access Denied by the bucket policy", 403)
            return original(self, request, full_url)

    @around(FakeBucket, "get_permission")
    def get_permission(original: Any, self: Any, action: Any, resource: Any) -> Any:
        # moto asks it for anonymous requests too; a Deny was found above.
        anonymous = evaluation.Request(evaluation.Caller((), "anonymous"), action, resource)
        allowed = self.policy and evaluation.verdict(json.loads(self.policy), anonymous) == "Allow"
        return PermissionResult.PERMITTED if allowed else PermissionResult.NEUTRAL


def _policy_request(response: S3Response, bucket: FakeBucket) -> evaluation.Request:
    """What the request asks for, in a policy's terms."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    parts = urlsplit(response.uri)
    call = aws_wire.identify(response.method, f"{parts.path}?{parts.query}", {**headers, "authorization": ""}, b"")
    query = {name: values[0] for name, values in response._get_querystring(response.request, response.uri).items()}
    action = ACTIONS.get(call.operation, call.operation)
    if action in VERSIONED and "versionId" in query:
        action = action.replace("Object", "ObjectVersion")
    caller = caller_of(response.current_account, response.region, response.access_key)
    key = response.parse_key_name() if parts.path.strip("/").partition("/")[2] else ""
    return evaluation.Request(
        caller=caller,
        action=f"s3:{action}",
        resource=f"arn:{bucket.partition}:s3:::{bucket.name}" + (f"/{key}" if key else ""),
        context={
            **{f"s3:{name}": value for name, value in headers.items() if name.startswith("x-amz-")},
            **{f"s3:{name.lower()}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query},
            "aws:securetransport": "true",
            "aws:principalarn": caller.arns[-1],  # of a session, the role's
            "aws:principalaccount": caller.account,
            "s3:resourceaccount": bucket.account_id,
        },
    )


@patch
def malformed_bucket_policy_is_refused() -> None:
    """MalformedPolicy for what is not JSON or speaks of another bucket; moto stores it and trips over it later."""

    @around(S3Response, "_bucket_response_put")
    def put(original: Any, self: Any, request: Any, bucket_name: Any, querystring: Any) -> Any:
        if "policy" in querystring and _find_bucket(self, bucket_name):
            problem = _policy_problem(self.body, bucket_name)
            if problem:
                return _refusal(self, "MalformedPolicy", problem, 400)
        return original(self, request, bucket_name, querystring)


def _policy_problem(text: bytes, bucket_name: str) -> str | None:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return "Policies must be valid JSON and the first byte must be '{'"
    for statement in evaluation.statements(document):
        named = statement.get("Resource", statement.get("NotResource", []))
        for resource in named if isinstance(named, list) else [named]:
            own = resource.partition(":::")[2].partition("/")[0]
            if not resource.startswith("arn:") or not evaluation.matches(own, bucket_name):
                return "Policy has invalid resource"
    return None
