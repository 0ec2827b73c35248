# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a storage profile to every document. Pure. PRIVATE to coffer.velero.

Read this file to know what Velero may do, and why. The statements carry a Sid of this installation (:func:`sid`), so
that several installations can share a key or a bucket and each finds its own statements again. The one that names a
role carries a Sid of the role too: a cluster that restores from a bucket shares its prefix, and has a role of its own.
"""

from __future__ import annotations

import hashlib
import re

from ._arn import service_host
from ._iam.model import issuer_name
from ._policy import VERSION
from ._profile import StorageProfile
from ._types import Document

#: How S3 spells the modes, in a bucket's default encryption and in the header of a request.
SSE_ALGORITHMS = {"sse-s3": "AES256", "sse-kms": "aws:kms", "dsse-kms": "aws:kms:dsse", "sse-c": "AES256"}

_SSE = "s3:x-amz-server-side-encryption"
_SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_SSE_C = "s3:x-amz-server-side-encryption-customer-algorithm"

#: Everything an administrator does to a key, and nothing that uses it: no encryption, no decryption, no grants.
KEY_ADMINISTRATION = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ReplicateKey",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
]

#: What Velero's plugin calls for native EBS snapshots (velero-plugin-for-aws, README). EC2 cannot restrict the
#: Describe actions, and the volumes and snapshots are not known beforehand.
EBS_SNAPSHOTS = [
    "ec2:CreateSnapshot",
    "ec2:CreateTags",
    "ec2:CreateVolume",
    "ec2:DeleteSnapshot",
    "ec2:DescribeSnapshots",
    "ec2:DescribeVolumes",
]


def sid(profile: StorageProfile, purpose: str) -> str:
    """The Sid of one of our statements: its purpose, and eight digits that stand for bucket and prefix.

    Letters and digits only, as IAM demands.
    """
    return f"Velero{purpose}{_digits(f'{profile.bucket}/{profile.prefix}')}"


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _use_of_key(profile: StorageProfile) -> Document:
    """The two KMS calls that S3 makes for Velero, and only when S3 makes them for this bucket.

    A GenerateDataKey for each write; a Decrypt for each read and each part of a multipart upload. With a Bucket Key
    the encryption context is the bucket's ARN, without one the object's; both are allowed, since a bucket holds
    objects of both kinds after the setting was changed.
    """
    return {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Condition": {
            "StringEquals": {"kms:ViaService": service_host("s3", profile.region)},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [profile.bucket_arn, profile.objects_arn]},
        },
    }


def key_policy_statements(profile: StorageProfile) -> list[Document]:
    """The statements of the key policy: administrators without use of the key, and Velero's use of it.

    The statement that hands the key to IAM (``Enable IAM User Permissions``) is KMS's own and is left as it is.
    """
    if not profile.encrypts_with_kms:
        return []
    statements = []
    if profile.kms_key_administrators:
        statements.append(
            {
                "Sid": sid(profile, "KeyAdministration"),
                "Effect": "Allow",
                "Principal": {"AWS": sorted(profile.kms_key_administrators)},
                "Action": KEY_ADMINISTRATION,
                "Resource": "*",
            }
        )
    for role in sorted(profile.role_arns):
        name = f"{sid(profile, 'UseOfKey')}{_digits(role)}"
        statements.append({"Sid": name, "Principal": {"AWS": role}, "Resource": "*", **_use_of_key(profile)})
    return statements


def iam_policy(profile: StorageProfile) -> Document:
    """What Velero's role may do; nothing in it is unused (a test removes each action in turn).

    ListBucket has no condition on the prefix: without it S3 answers 403 in place of 404 for an object that does
    not exist, which Velero and kopia take for a failure.

    Installations that share a policy find their own statements by their Sids.
    """
    objects = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    if profile.tagging:
        objects.append("s3:PutObjectTagging")
    statements: list[Document] = [
        {"Sid": sid(profile, "Objects"), "Effect": "Allow", "Action": objects, "Resource": profile.objects_arn},
        {"Sid": sid(profile, "Bucket"), "Effect": "Allow", "Action": "s3:ListBucket", "Resource": profile.bucket_arn},
    ]
    if profile.encrypts_with_kms:
        statements.append({"Sid": sid(profile, "Key"), **_use_of_key(profile), "Resource": profile.kms_key_arn})
    if profile.kms_previous_key_arns:
        read = {**_use_of_key(profile), "Action": "kms:Decrypt", "Resource": sorted(profile.kms_previous_key_arns)}
        statements.append({"Sid": sid(profile, "PreviousKeys"), **read})
    if profile.ebs_snapshots:
        statements.append(
            {"Sid": sid(profile, "Snapshots"), "Effect": "Allow", "Action": EBS_SNAPSHOTS, "Resource": "*"}
        )
    statements += _use_of_volume_keys(profile)
    return {"Version": VERSION, "Statement": statements}


def _use_of_volume_keys(profile: StorageProfile) -> list[Document]:
    """What EC2 does in Velero's name with the keys of encrypted volumes and snapshots, and only what EC2 does.

    A new volume needs a grant, by which EC2 reads it from then on; without one CreateVolume succeeds and the volume is
    gone a moment later.
    """
    if not profile.ebs_kms_key_arns:
        return []
    keys = sorted(profile.ebs_kms_key_arns)
    through_ec2 = {"StringEquals": {"kms:ViaService": service_host("ec2", profile.region)}}
    return [
        {
            "Sid": sid(profile, "VolumeKeys"),
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"],
            "Resource": keys,
            "Condition": through_ec2,
        },
        {
            "Sid": sid(profile, "VolumeGrants"),
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": keys,
            "Condition": {**through_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


#: What a statement of :func:`iam_policy` may be for.
_IAM_PURPOSES = ("Objects", "Bucket", "Key", "PreviousKeys", "Snapshots", "VolumeKeys", "VolumeGrants")


def is_iam_sid(text: str) -> bool:
    """Whether a Sid is that of a statement of :func:`iam_policy`, of this or another installation."""
    return re.fullmatch(rf"Velero({'|'.join(_IAM_PURPOSES)})[0-9a-f]{{8}}", text) is not None


def is_use_of_key_sid(text: str) -> bool:
    """Whether a Sid is that of the statement of a role in :func:`key_policy_statements`, of whatever installation."""
    return re.fullmatch(r"VeleroUseOfKey[0-9a-f]{16}", text) is not None


def iam_policy_absent_sids(profile: StorageProfile) -> list[str]:
    """The Sids of the statements that an earlier profile of this installation may have had, and this one has not."""
    statements = iam_policy(profile)["Statement"]
    return sorted({sid(profile, purpose) for purpose in _IAM_PURPOSES} - {one["Sid"] for one in statements})


def trust_policy_statements(profile: StorageProfile) -> list[Document]:
    """Who may assume Velero's role: the one ServiceAccount of the one cluster, by IRSA.

    The Sid is that of the ServiceAccount, so that those of two clusters or namespaces can share a role.
    Without ``sub`` every ServiceAccount of the cluster could, without ``aud`` every token that it ever signed.
    """
    if profile.oidc_issuer_url is None:
        return []
    issuer = issuer_name(profile.oidc_issuer_url)
    return [
        {
            "Sid": f"VeleroServiceAccount{_digits(f'{issuer}/{profile.namespace}/{profile.service_account}')}",
            "Effect": "Allow",
            "Principal": {"Federated": profile.arn("iam", f"oidc-provider/{issuer}", region="")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": profile.oidc_audience,
                    f"{issuer}:sub": f"system:serviceaccount:{profile.namespace}:{profile.service_account}",
                }
            },
        }
    ]


def bucket_policy_statements(profile: StorageProfile) -> list[Document]:
    """The denials that guard the bucket. They stop writes that *ask* for something else.

    kopia sends no encryption header at all and relies on the bucket's default encryption, so nothing here demands a
    header: each condition first asks whether the header is there (``Null``: false).
    """
    statements = []
    if profile.uses_tls:
        everything = [profile.bucket_arn, f"{profile.bucket_arn}/*"]
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        statements.append(_deny("VeleroDenyInsecureTransport", "s3:*", everything, insecure))

    if profile.is_at_aws:
        # It makes no new version, so that versioning does not help against another key.
        names = sorted(profile.update_encryption_arns)
        others = {"ArnNotEquals": {"aws:PrincipalArn": names}} if names else {}
        name = sid(profile, "DenyUpdateEncryption")
        statements.append(_deny(name, "s3:UpdateObjectEncryption", profile.objects_arn, others))

    def deny_put(purpose: str, condition: Document) -> None:
        statements.append(_deny(sid(profile, purpose), "s3:PutObject", profile.objects_arn, condition))

    algorithm = SSE_ALGORITHMS[profile.encryption_mode]
    if profile.encryption_mode == "sse-c":
        # Under the Sid of the statement that keeps customer keys out, so that it replaces that of an earlier mode.
        deny_put("DenyCustomerKeys", {"Null": {_SSE_C: "false"}, "StringNotEquals": {_SSE_C: algorithm}})
        return statements
    deny_put("DenyCustomerKeys", {"Null": {_SSE_C: "false"}})
    deny_put("DenyOtherAlgorithm", {"Null": {_SSE: "false"}, "StringNotEquals": {_SSE: algorithm}})
    if profile.encrypts_with_kms:
        other_key = {"Null": {_SSE_KEY: "false"}, "StringNotEquals": {_SSE_KEY: profile.kms_key_arn}}
        deny_put("DenyOtherKey", other_key)
        # The algorithm without a key means the key aws/s3, whatever the bucket's default is.
        deny_put("DenyManagedKey", {"StringEquals": {_SSE: algorithm}, "Null": {_SSE_KEY: "true"}})
    return statements


def _deny(name: str, action: str, resource: str | list[str], condition: Document) -> Document:
    condition = {"Condition": condition} if condition else {}
    return {"Sid": name, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **condition}


def encryption_rule(profile: StorageProfile) -> Document:
    """The bucket's default encryption, which alone covers kopia's data: Velero passes no setting on to it.

    SSE-C is blocked but for the mode that needs it; S3 blocks it on new buckets since April 2026. DSSE-KMS has no
    Bucket Key.
    """
    default: Document = {"SSEAlgorithm": SSE_ALGORITHMS[profile.encryption_mode]}
    if profile.encrypts_with_kms:
        default["KMSMasterKeyID"] = profile.kms_key_arn
    blocked = "NONE" if profile.encryption_mode == "sse-c" else "SSE-C"
    return {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": profile.encryption_mode == "sse-kms" and profile.bucket_key_enabled,
        "BlockedEncryptionTypes": {"EncryptionType": [blocked]},
    }


def backup_storage_location_spec(profile: StorageProfile) -> Document:
    """The spec of the BackupStorageLocation; every value of ``config`` is a string, as its schema demands.

    DSSE-KMS has no entry: the plugin turns ``kmsKeyId`` into plain SSE-KMS and cannot name a key with another
    algorithm, so that mode comes from the bucket's default encryption alone.
    """
    by_mode: dict[str, Document] = {
        "sse-s3": {"serverSideEncryption": "AES256"},
        "sse-kms": {"kmsKeyId": profile.kms_key_arn},
        "dsse-kms": {},
        "sse-c": {"customerKeyEncryptionSecret": profile.sse_c_secret},
    }
    config: Document = {"region": profile.region, **by_mode[profile.encryption_mode]}
    if profile.s3_url:
        config["s3Url"] = profile.s3_url
    if profile.s3_force_path_style:
        config["s3ForcePathStyle"] = "true"
    if profile.tagging:
        config["tagging"] = profile.tagging
    storage = {"bucket": profile.bucket, **({"prefix": profile.prefix} if profile.prefix else {})}
    return {"provider": "aws", "objectStorage": storage, "config": config}
