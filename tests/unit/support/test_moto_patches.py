# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto, of its name: what AWS does, seen through boto3."""

from __future__ import annotations

import importlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import moto_patches
from tests.support.emulators import Moto
from tests.support.moto_patches.registry import PATCHES

ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BUCKET = "velero-backups"
KEY_ID = "11111111-2222-3333-4444-555555555555"
SSE_HEADER = "s3:x-amz-server-side-encryption"


@pytest.fixture(autouse=True)
def _empty(moto: Moto) -> None:
    moto.reset()


@pytest.fixture
def kms(moto: Moto) -> Any:
    return moto.client("kms")


@pytest.fixture
def iam(moto: Moto) -> Any:
    return moto.client("iam")


@pytest.fixture
def s3(moto: Moto) -> Any:
    client = moto.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def key(kms: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = kms.create_key()["KeyMetadata"]
    return metadata


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """Code and HTTP status of the error that a call must end in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def as_role(moto: Moto, service: str, name: str = "admin", account: str = ACCOUNT) -> Any:
    """A client with the credentials of a role."""
    role = f"arn:aws:iam::{account}:role/{name}"
    given = moto.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return moto.client(
        service,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def key_policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: str, action: str = "kms:*") -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}


def default_rule(algorithm: str, key_id: str | None = None, *, bucket_key: bool | None = None) -> dict[str, Any]:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key_id} if key_id else {})
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
    return rule | ({} if bucket_key is None else {"BucketKeyEnabled": bucket_key})


def put_rule(s3: Any, rule: dict[str, Any]) -> None:
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


def get_rule(s3: Any) -> dict[str, Any]:
    answer = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    rule: dict[str, Any] = answer["Rules"][0]
    return rule


def encryption_of(s3: Any, key: str = "object") -> tuple[Any, Any, Any]:
    """Algorithm, key and Bucket Key as HEAD tells them."""
    head = s3.head_object(Bucket=BUCKET, Key=key)
    return head.get("ServerSideEncryption"), head.get("SSEKMSKeyId"), head.get("BucketKeyEnabled")


def deny_in_bucket(s3: Any, action: str, condition: dict[str, Any] | None = None, principal: Any = "*") -> None:
    statement = {
        "Effect": "Deny",
        "Principal": principal,
        "Action": action,
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    if condition:
        statement["Condition"] = condition
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_every_patch_has_its_test() -> None:
    """Here, or in another file beside this one."""
    for path in sorted(Path(moto_patches.__file__).parent.glob("[a-z]*.py")):
        importlib.import_module(f"{moto_patches.__name__}.{path.stem}")
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert sorted(name for name in PATCHES if f"\ndef test_{name}(" not in tests) == []


# --- identity -----------------------------------------------------------------------------------------------------


def test_caller_without_a_user_has_a_users_arn(moto: Moto) -> None:
    assert moto.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/moto"
    assert as_role(moto, "sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/test"


# --- KMS ----------------------------------------------------------------------------------------------------------


def test_key_usage_and_multi_region_are_always_told(kms: Any, key: dict[str, Any]) -> None:
    for metadata in (key, kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]):
        assert (metadata["KeyUsage"], metadata["MultiRegion"]) == ("ENCRYPT_DECRYPT", False)
    assert kms.create_key(MultiRegion=True)["KeyMetadata"]["MultiRegion"]


@pytest.mark.parametrize("method", ["describe_key", "get_key_policy", "get_key_rotation_status", "list_resource_tags"])
def test_key_of_another_account_or_region_is_not_found(kms: Any, key: dict[str, Any], method: str) -> None:
    call = getattr(kms, method)
    call(KeyId=key["Arn"])
    for arn in (key["Arn"].replace(ACCOUNT, "210987654321"), key["Arn"].replace("us-east-1", "eu-central-1")):
        assert refusal(call, KeyId=arn) == ("NotFoundException", 400)


def test_key_of_another_account_is_described_to_whom_its_policy_names(
    moto: Moto, kms: Any, key: dict[str, Any]
) -> None:
    session = moto.client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/any", RoleSessionName="test")
    theirs = moto.client("kms", aws_access_key_id=session["Credentials"]["AccessKeyId"])
    assert refusal(theirs.describe_key, KeyId=key["Arn"]) == ("NotFoundException", 400)
    policy = json.loads(kms.get_key_policy(KeyId=key["Arn"], PolicyName="default")["Policy"])
    policy["Statement"].append({**policy["Statement"][0], "Principal": {"AWS": "arn:aws:iam::210987654321:root"}})
    kms.put_key_policy(KeyId=key["Arn"], PolicyName="default", Policy=json.dumps(policy))
    assert theirs.describe_key(KeyId=key["Arn"])["KeyMetadata"]["Arn"] == key["Arn"]


def test_alias_arn_of_another_account_is_not_found(kms: Any, key: dict[str, Any]) -> None:
    kms.create_alias(AliasName="alias/velero", TargetKeyId=key["KeyId"])
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/velero"
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == key["KeyId"]
    assert refusal(kms.describe_key, KeyId=arn.replace(ACCOUNT, "210987654321"))[0] == "NotFoundException"


def test_key_state_changes_by_arn(kms: Any, key: dict[str, Any]) -> None:
    def state() -> str:
        text: str = kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["KeyState"]
        return text

    kms.disable_key(KeyId=key["Arn"])
    assert state() == "Disabled"
    kms.enable_key(KeyId=key["Arn"])
    assert state() == "Enabled"
    kms.schedule_key_deletion(KeyId=key["Arn"], PendingWindowInDays=7)
    assert state() == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key["Arn"])
    assert state() == "Disabled"


def test_key_pending_deletion_changes_only_by_cancelling(kms: Any, key: dict[str, Any]) -> None:
    assert refusal(kms.cancel_key_deletion, KeyId=key["KeyId"])[0] == "KMSInvalidStateException"
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    for call in (kms.enable_key, kms.disable_key, kms.schedule_key_deletion):
        assert refusal(call, KeyId=key["Arn"]) == ("KMSInvalidStateException", 400)
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    kms.enable_key(KeyId=key["KeyId"])


@pytest.mark.parametrize(
    ("method", "code"),
    [("disable_key", "DisabledException"), ("schedule_key_deletion", "KMSInvalidStateException")],
)
def test_disabled_key_does_not_encrypt(kms: Any, key: dict[str, Any], method: str, code: str) -> None:
    kms.create_alias(AliasName="alias/velero", TargetKeyId=key["KeyId"])
    secret = kms.encrypt(KeyId="alias/velero", Plaintext=b"x")["CiphertextBlob"]
    getattr(kms, method)(KeyId=key["KeyId"])
    assert refusal(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x") == (code, 400)
    assert refusal(kms.generate_data_key, KeyId="alias/velero", KeySpec="AES_256") == (code, 400)
    assert refusal(kms.generate_data_key_without_plaintext, KeyId=key["Arn"], KeySpec="AES_256") == (code, 400)
    assert refusal(kms.decrypt, CiphertextBlob=secret) == (code, 400)


def test_disabled_key_does_not_rotate(kms: Any, key: dict[str, Any]) -> None:
    kms.disable_key(KeyId=key["KeyId"])
    assert refusal(kms.enable_key_rotation, KeyId=key["KeyId"])[0] == "DisabledException"
    assert refusal(kms.disable_key_rotation, KeyId=key["KeyId"])[0] == "DisabledException"
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is False


def test_rotation_period_is_kept(kms: Any, key: dict[str, Any]) -> None:
    kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key["Arn"])
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert status["KeyId"] == key["KeyId"]
    assert (status["NextRotationDate"] - key["CreationDate"]).days in (89, 90)
    kms.enable_key_rotation(KeyId=key["KeyId"])
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["RotationPeriodInDays"] == 365
    kms.disable_key_rotation(KeyId=key["KeyId"])
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key["KeyId"])


def test_policy_name_left_out_means_default(kms: Any, key: dict[str, Any]) -> None:
    text = key_policy(allow(ROOT))
    kms.put_key_policy(KeyId=key["KeyId"], Policy=text)
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == text
    assert refusal(kms.get_key_policy, KeyId=key["KeyId"], PolicyName="other")[0] == "NotFoundException"


GHOST = f"arn:aws:iam::{ACCOUNT}:role/ghost"
DENY_ALL = {"Effect": "Deny", "Principal": "*", "Action": "kms:Put*", "Resource": "*"}


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("not json", "MalformedPolicyDocumentException"),
        ("[]", "MalformedPolicyDocumentException"),
        (key_policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}), "MalformedPolicyDocumentException"),
        (key_policy(allow(ROOT), allow(GHOST)), "MalformedPolicyDocumentException"),
        (key_policy(allow(ROOT), allow("nonsense")), "MalformedPolicyDocumentException"),
        (key_policy(allow(ROOT, "kms:Decrypt")), "MalformedPolicyDocumentException"),
        (key_policy(allow("arn:aws:iam::210987654321:root")), "MalformedPolicyDocumentException"),
        (key_policy(allow(ROOT), DENY_ALL), "MalformedPolicyDocumentException"),
        (key_policy(allow(ROOT)) + " " * 32768, "LimitExceededException"),
    ],
    ids=["text", "list", "no-principal", "ghost", "nonsense", "lockout", "foreign", "denied", "large"],
)
def test_key_policy_is_checked(kms: Any, key: dict[str, Any], policy: str, code: str) -> None:
    before = kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    assert refusal(kms.put_key_policy, KeyId=key["KeyId"], Policy=policy) == (code, 400)
    assert refusal(kms.create_key, Policy=policy) == (code, 400)
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == before


def test_key_policy_that_keeps_a_way_in_is_taken(moto: Moto, kms: Any, iam: Any, key: dict[str, Any]) -> None:
    role = iam.create_role(RoleName="admin", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    put = as_role(moto, "kms").put_key_policy
    put(KeyId=key["KeyId"], Policy=key_policy(allow(role)))
    put(KeyId=key["KeyId"], Policy=key_policy(allow(ACCOUNT), allow("arn:aws:iam::210987654321:role/elsewhere")))
    locked = key_policy(allow(role, "kms:Decrypt"))
    assert refusal(put, KeyId=key["KeyId"], Policy=locked)[0] == "MalformedPolicyDocumentException"
    put(KeyId=key["KeyId"], Policy=locked, BypassPolicyLockoutSafetyCheck=True)


# --- IAM ----------------------------------------------------------------------------------------------------------


def managed_policy(iam: Any, padding: int = 0) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * padding}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = iam.create_policy(PolicyName="velero", PolicyDocument=document)["Policy"]["Arn"]
    return arn


def test_attaching_twice_counts_once(iam: Any) -> None:
    arn = managed_policy(iam)
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument="{}")
    for dummy in range(2):
        iam.attach_role_policy(RoleName="velero", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    iam.detach_role_policy(RoleName="velero", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_attached_policy_is_not_deleted(iam: Any) -> None:
    arn = managed_policy(iam)
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="velero", PolicyArn=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="velero", PolicyArn=arn)
    document = json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)
    assert refusal(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)


def test_policy_name_is_unique_whatever_the_path(iam: Any) -> None:
    arn = managed_policy(iam)
    document = json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"])
    assert refusal(iam.create_policy, PolicyName="velero", Path="/backup/", PolicyDocument=document) == (
        "EntityAlreadyExists",
        409,
    )


def test_role_update_keeps_what_it_does_not_name(iam: Any) -> None:
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument="{}", Description="one", MaxSessionDuration=7200)
    iam.update_role(RoleName="velero", Description="two")
    iam.update_role(RoleName="velero", MaxSessionDuration=10800)
    role = iam.get_role(RoleName="velero")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 10800)


def test_audience_is_added_to_an_oidc_provider(iam: Any) -> None:
    created = iam.create_open_id_connect_provider(Url="https://oidc.example.com/id/1", ClientIDList=["one"])
    arn = created["OpenIDConnectProviderArn"]
    for _again in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["one", "two"]


def test_managed_policy_has_a_size_limit(iam: Any) -> None:
    assert refusal(managed_policy, iam=iam, padding=6144) == ("LimitExceeded", 409)
    arn = managed_policy(iam, padding=6000)
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    document = json.dumps(version["Document"], indent=200)
    assert len(document) > 6144  # white space is free
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)
    large = document.replace("xx", "x" * 200, 1)
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=large) == ("LimitExceeded", 409)


# --- S3: the bucket -----------------------------------------------------------------------------------------------


def test_fresh_bucket_blocks_public_access_and_acls(s3: Any) -> None:
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True, True, True, True]
    controls = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.delete_bucket_ownership_controls(Bucket=BUCKET)
    assert refusal(s3.get_public_access_block, Bucket=BUCKET) == ("NoSuchPublicAccessBlockConfiguration", 404)
    assert refusal(s3.get_bucket_ownership_controls, Bucket=BUCKET) == ("OwnershipControlsNotFoundError", 404)


def test_fresh_bucket_encrypts_with_aes256(s3: Any, key: dict[str, Any]) -> None:
    fresh = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    assert get_rule(s3) == fresh
    put_rule(s3, default_rule("aws:kms", key["Arn"], bucket_key=True))
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    assert get_rule(s3) == fresh | {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert get_rule(s3) == fresh
    assert refusal(s3.get_bucket_encryption, Bucket="none") == ("NoSuchBucket", 404)


def test_blocked_encryption_types_are_kept(s3: Any) -> None:
    put_rule(s3, default_rule("AES256") | {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}})
    assert get_rule(s3)["BlockedEncryptionTypes"] == {"EncryptionType": ["NONE"]}
    put_rule(s3, default_rule("aws:kms"))
    assert get_rule(s3)["BlockedEncryptionTypes"] == {"EncryptionType": ["NONE"]}
    put_rule(s3, default_rule("aws:kms") | {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}})
    assert get_rule(s3)["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}


def test_wrong_expected_bucket_owner_is_denied(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="object", ExpectedBucketOwner=ACCOUNT)
    stranger = {"Bucket": BUCKET, "ExpectedBucketOwner": "210987654321"}
    assert refusal(s3.get_bucket_encryption, **stranger) == ("AccessDenied", 403)
    assert refusal(s3.head_bucket, **stranger) == ("403", 403)
    assert refusal(s3.put_object, Key="object", **stranger) == ("AccessDenied", 403)
    source = {"CopySource": {"Bucket": BUCKET, "Key": "object"}, "ExpectedSourceBucketOwner": "210987654321"}
    assert refusal(s3.copy_object, Bucket=BUCKET, Key="copy", **source) == ("AccessDenied", 403)


# --- S3: objects --------------------------------------------------------------------------------------------------


def test_object_takes_encryption_as_aws_does(s3: Any, kms: Any, key: dict[str, Any]) -> None:
    kms.create_alias(AliasName="alias/velero", TargetKeyId=key["KeyId"])
    s3.put_object(Bucket=BUCKET, Key="object")
    assert encryption_of(s3) == ("AES256", None, None)
    for written in (key["KeyId"], key["Arn"], "alias/velero", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/velero"):
        put_rule(s3, default_rule("aws:kms", written, bucket_key=True))
        answer = s3.put_object(Bucket=BUCKET, Key="object")
        assert (answer["SSEKMSKeyId"], answer["BucketKeyEnabled"]) == (key["Arn"], True)
        assert encryption_of(s3) == ("aws:kms", key["Arn"], True)
    put_rule(s3, default_rule("aws:kms", key["KeyId"]))
    s3.put_object(Bucket=BUCKET, Key="object", BucketKeyEnabled=False)
    assert encryption_of(s3) == ("aws:kms", key["Arn"], None)
    s3.put_object(Bucket=BUCKET, Key="object", ServerSideEncryption="AES256")
    assert encryption_of(s3) == ("AES256", None, None)
    s3.put_object(Bucket=BUCKET, Key="object", ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId="alias/velero")
    assert encryption_of(s3) == ("aws:kms:dsse", key["Arn"], None)


def test_kms_without_a_key_is_the_aws_managed_key(s3: Any, kms: Any, key: dict[str, Any]) -> None:
    put_rule(s3, default_rule("aws:kms", key["Arn"]))
    s3.put_object(Bucket=BUCKET, Key="object", ServerSideEncryption="aws:kms")
    managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert managed != key["Arn"]
    assert encryption_of(s3) == ("aws:kms", managed, None)


def test_multipart_upload_takes_encryption_as_put_does(s3: Any, key: dict[str, Any]) -> None:
    put_rule(s3, default_rule("aws:kms", key["KeyId"], bucket_key=True))
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="object")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="object", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="object", UploadId=upload, MultipartUpload=parts)
    assert encryption_of(s3) == ("aws:kms", key["Arn"], True)


def test_copy_in_place_takes_the_buckets_default(s3: Any, kms: Any, key: dict[str, Any]) -> None:
    source = {"Bucket": BUCKET, "Key": "object"}
    s3.put_object(Bucket=BUCKET, Key="object")
    assert refusal(s3.copy_object, CopySource=source, **source) == ("InvalidRequest", 400)
    put_rule(s3, default_rule("aws:kms", key["Arn"], bucket_key=True))
    s3.copy_object(CopySource=source, **source)
    assert encryption_of(s3) == ("aws:kms", key["Arn"], True)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    put_rule(s3, default_rule("aws:kms", other))
    s3.copy_object(CopySource=source, **source)
    assert encryption_of(s3) == ("aws:kms", other, None)


def test_key_of_a_reserved_alias_is_managed_by_aws(kms: Any, key: dict[str, Any]) -> None:
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"
    assert key["KeyManager"] == "CUSTOMER"


def test_update_object_encryption_is_not_implemented(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="object", Body=b"precious")
    wanted = {"SSEKMS": {"KMSKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY_ID}"}}
    call = s3.update_object_encryption
    assert refusal(call, Bucket=BUCKET, Key="object", ObjectEncryption=wanted) == ("NotImplemented", 501)
    assert s3.get_object(Bucket=BUCKET, Key="object")["Body"].read() == b"precious"


# --- S3: the bucket policy ----------------------------------------------------------------------------------------

KMS_PUT = {"ServerSideEncryption": "aws:kms"}
AES_PUT = {"ServerSideEncryption": "AES256"}
SSE_C_PUT = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}


@pytest.mark.parametrize(
    ("condition", "allowed", "denied"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, [{}, KMS_PUT], []),
        ({"Bool": {"aws:SecureTransport": True}}, [], [{}]),
        ({"StringEquals": {SSE_HEADER: "AES256"}}, [{}, KMS_PUT], [AES_PUT]),
        # The one that blocks kopia: an absent header is not equal to anything.
        ({"StringNotEquals": {SSE_HEADER: "aws:kms"}}, [KMS_PUT], [{}, AES_PUT]),
        ({"StringNotEqualsIfExists": {SSE_HEADER: ["aws:kms", "x"]}}, [KMS_PUT], [{}, AES_PUT]),
        (
            {"Null": {SSE_HEADER: "false"}, "StringNotEquals": {SSE_HEADER: "aws:kms"}},
            [{}, KMS_PUT],
            [AES_PUT],
        ),
        ({"Null": {SSE_HEADER: "true"}}, [KMS_PUT], [{}]),
        ({"StringLike": {SSE_HEADER: "aws:*"}}, [{}, AES_PUT], [KMS_PUT]),
        ({"Null": {f"{SSE_HEADER}-customer-algorithm": "false"}}, [{}, KMS_PUT], [SSE_C_PUT]),
        ({"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}, [{}], []),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/moto"}}, [], [{}]),
    ],
)
def test_bucket_policy_denies_by_principal_and_condition(
    s3: Any, condition: dict[str, Any], allowed: list[dict[str, Any]], denied: list[dict[str, Any]]
) -> None:
    deny_in_bucket(s3, "s3:putobject", condition)
    s3.list_objects_v2(Bucket=BUCKET)
    for arguments in allowed:
        s3.put_object(Bucket=BUCKET, Key="object", **arguments)
    for arguments in denied:
        assert refusal(s3.put_object, Bucket=BUCKET, Key="object", **arguments) == ("AccessDenied", 403)
        if "SSECustomerKey" not in arguments:
            upload = {"Bucket": BUCKET, "Key": "object", **arguments}
            assert refusal(s3.create_multipart_upload, **upload) == ("AccessDenied", 403)


def test_bucket_policy_denies_a_wrong_key(s3: Any, key: dict[str, Any]) -> None:
    header = f"{SSE_HEADER}-aws-kms-key-id"
    deny_in_bucket(s3, "s3:PutObject", {"Null": {header: "false"}, "StringNotEquals": {header: key["Arn"]}})
    s3.put_object(Bucket=BUCKET, Key="object")
    s3.put_object(Bucket=BUCKET, Key="object", ServerSideEncryption="aws:kms", SSEKMSKeyId=key["Arn"])
    wrong = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY_ID}"}
    assert refusal(s3.put_object, Bucket=BUCKET, Key="object", **wrong) == ("AccessDenied", 403)


def test_bucket_policy_denies_one_principal_at_bucket_calls_too(moto: Moto, s3: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/velero"
    deny_in_bucket(s3, "s3:*", principal={"AWS": role})
    s3.get_bucket_encryption(Bucket=BUCKET)
    for name in ("velero", "admin"):
        calls = as_role(moto, "s3", name)
        outcome = [("AccessDenied", 403), ("403", 403)] if name == "velero" else []
        for method, expected in zip(("get_bucket_encryption", "head_bucket"), outcome, strict=False):
            assert refusal(getattr(calls, method), Bucket=BUCKET) == expected
        if name == "admin":
            calls.head_bucket(Bucket=BUCKET)


def test_bucket_policy_operator_that_is_unknown_is_told(s3: Any) -> None:
    deny_in_bucket(s3, "s3:*", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    assert refusal(s3.list_objects_v2, Bucket=BUCKET) == ("NotImplemented", 501)


def test_bucket_policy_leaves_anonymous_access_to_moto(moto: Moto, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="object", Body=b"x")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{moto.url}/{BUCKET}/object", timeout=5)


def test_malformed_bucket_policy_is_refused(s3: Any) -> None:
    def put(text: str) -> tuple[str, int]:
        return refusal(s3.put_bucket_policy, Bucket=BUCKET, Policy=text)

    foreign = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}
    assert put("not json") == ("MalformedPolicy", 400)
    assert put(json.dumps({"Version": "2012-10-17", "Statement": [foreign]})) == ("MalformedPolicy", 400)
    assert refusal(s3.get_bucket_policy, Bucket=BUCKET)[0] == "NoSuchBucketPolicy"
    deny_in_bucket(s3, "s3:DeleteBucket")
