# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the person who runs ``site.yml`` has to be allowed. Pure. PRIVATE to coffer.velero.

Everything that a run sends to create, to repair, to change and to prove, and nothing else: no deletion of a key, a
bucket, a role or a policy, and no write of an object. ``sts:GetCallerIdentity`` takes no permission.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ._arn import Arn, service_host
from ._errors import ValidationError
from ._iam.model import issuer_name
from ._kms.decide import alias_name
from ._kms.model import CREATED_FOR_TAG
from ._policy import VERSION
from ._profile import StorageProfile
from ._types import Document


def deployer_policy(
    profile: StorageProfile,
    *,
    kms_alias: str | None = None,
    role_name: str = "velero",
    role_path: str = "/",
    role_permissions_boundary: str | None = None,
    role_max_session_duration: int | None = None,
    policy_name: str = "velero",
    policy_path: str = "/",
    cluster_name: str | None = None,
    manage_bucket: bool = True,
    bucket_versioning: str | None = None,
    tags: Mapping[str, t.Any] | None = None,
    proof: bool = True,
) -> Document:
    """The policy for a run with these variables of the roles.

    :param kms_alias: the alias by which the key is found or created; without it, the profile's key exists already
    :param cluster_name: the EKS cluster whose issuer a run reads
    :param bucket_versioning: only whether it is set matters, and so with ``tags``
    :param proof: whether a run ends with the proof, which looks at every object and reads ``velero-backup.json``
    :raises ValidationError: where the cluster is not known
    """
    tagged = bool(tags)
    statements: list[Document] = []
    if profile.encrypts_with_kms:
        statements += created_key(profile, alias_name(kms_alias), tagged) if kms_alias else _existing_key(profile)
    role, policy = f"{role_path}{role_name}", f"{policy_path}{policy_name}"
    changes = ["iam:PutRolePermissionsBoundary"] if role_permissions_boundary else []
    changes += ["iam:UpdateRole"] if role_max_session_duration else []
    statements += _identity(profile, (role, policy), cluster_name, tagged, changes)
    bucket = ["s3:GetBucketPolicy"]  # a bucket of others is only looked at: its default encryption, its denials
    if manage_bucket:
        bucket = [*managed_bucket(tagged, versioned=bool(bucket_versioning)), "s3:PutEncryptionConfiguration"]
    statements.append(allow("VeleroBucket", [*bucket, "s3:GetEncryptionConfiguration"], profile.bucket_arn))
    if proof:
        statements += _proof(profile, alias_name(kms_alias) if kms_alias else None)
    return {"Version": VERSION, "Statement": statements}


def allow(
    sid: str, actions: Sequence[str], resource: str | Sequence[str], condition: Document | None = None
) -> Document:
    """A statement, with its actions in one order whatever asks for them."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _existing_key(profile: StorageProfile) -> list[Document]:
    """A key that somebody else made: a run looks at it, and changes its policy where it is of this account."""
    key_arn = str(profile.kms_key_arn)
    arn = Arn.parse(key_arn)
    own = arn is not None and arn.account_id == profile.account_id
    policy = ["kms:GetKeyPolicy", "kms:PutKeyPolicy"] if own else []
    return [allow("VeleroKey", ["kms:DescribeKey", *policy], key_arn)]


def created_key(profile: StorageProfile, alias: str, tagged: bool, prefix: str = "Velero") -> list[Document]:
    """A key whose id KMS has yet to choose: it is known by the tag that it is created with.

    The alias could not stand for it: for up to five minutes KMS does not see a new alias when it judges a request (KMS
    Developer Guide, "ABAC for AWS KMS"). The tag that lets the key be managed can be put on a new key only, or on one
    that has no alias; else whoever has this policy could make any key his own by tagging it.

    :param prefix: how the Sids begin
    """
    keys = profile.arn("kms", "key/*")
    created_now = {"StringEquals": {f"aws:RequestTag/{CREATED_FOR_TAG}": alias}}
    created_once = {"StringEquals": {f"aws:ResourceTag/{CREATED_FOR_TAG}": alias}}
    manage = [
        "kms:CreateAlias",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListResourceTags",
        "kms:PutKeyPolicy",
        "kms:UpdateKeyDescription",
        *(["kms:TagResource"] if tagged else []),
    ]
    return [
        *find_key(profile, prefix),
        allow(f"{prefix}CreateKey", ["kms:CreateKey"], "*", created_now),
        allow(
            f"{prefix}TagNewKey", ["kms:TagResource"], keys, {**created_now, "Null": {"kms:ResourceAliases": "true"}}
        ),
        allow(f"{prefix}Alias", ["kms:CreateAlias"], keys.removesuffix("key/*") + alias),
        allow(f"{prefix}Key", manage, keys, created_once),
    ]


def find_key(profile: StorageProfile, prefix: str) -> list[Document]:
    """By the alias, which may not exist yet; by the tag, for a key that an earlier run could not finish."""
    return [
        allow(f"{prefix}FindKey", ["kms:DescribeKey"], profile.arn("kms", "key/*")),
        allow(f"{prefix}FindKeyByTag", ["tag:GetResources"], "*"),
    ]


def _identity(
    profile: StorageProfile, names: tuple[str, str], cluster_name: str | None, tagged: bool, changes: Sequence[str]
) -> list[Document]:
    """The cluster's OIDC provider, Velero's policy and Velero's role.

    :param names: of the role and the policy, each with its path
    """
    role_name, policy_name = names
    provider = profile.arn("iam", f"oidc-provider/{_issuer(profile, cluster_name)}", region="")
    client_ids = _managed("OpenIDConnectProvider", tagged, "AddClientIDToOpenIDConnectProvider")
    statements = [
        allow("VeleroCluster", client_ids, provider),
        *role_with_policy(profile, role_name, policy_name, tagged, changes=changes),
    ]
    if cluster_name:
        cluster = profile.arn("eks", f"cluster/{cluster_name}")
        statements.append(allow("VeleroClusterIssuer", ["eks:DescribeCluster"], cluster))
    return statements


def role_with_policy(
    profile: StorageProfile,
    role_name: str,
    policy_name: str,
    tagged: bool,
    prefix: str = "Velero",
    changes: Sequence[str] = (),
) -> list[Document]:
    """A policy, a role, and that one on this one.

    :param role_name: with its path, as ``policy_name``
    :param prefix: how the Sids begin
    :param changes: what is done to an existing role, besides its trust policy and its attachments
    """
    policy = profile.arn("iam", f"policy/{policy_name.lstrip('/')}", region="")
    path, _slash, name = role_name.rpartition("/")
    # Requests name a role without its path, which IAM adds where the role exists.
    names = [f"{path}/{name}".lstrip("/"), name] if path else [name]
    roles = [profile.arn("iam", f"role/{one}", region="") for one in names]
    role = roles if len(roles) > 1 else roles[0]
    role_actions = _managed("Role", tagged, "ListAttachedRolePolicies", "UpdateAssumeRolePolicy")
    versions = ("CreatePolicyVersion", "DeletePolicyVersion", "GetPolicyVersion", "ListPolicyVersions")
    return [
        allow(f"{prefix}Policy", _managed("Policy", tagged, *versions), policy),
        allow(f"{prefix}Role", [*role_actions, *changes], role),
        allow(f"{prefix}RolePolicy", ["iam:AttachRolePolicy"], role, {"ArnEquals": {"iam:PolicyARN": policy}}),
        # By which a run sees that a name exists at another path or in another case.
        allow(f"{prefix}Names", ["iam:ListPolicies", "iam:ListRoles"], "*"),
    ]


def _managed(kind: str, tagged: bool, *actions: str) -> list[str]:
    tag = [f"iam:Tag{kind}"] if tagged else []
    return [f"iam:Create{kind}", f"iam:Get{kind}", *(f"iam:{action}" for action in actions), *tag]


def _issuer(profile: StorageProfile, cluster_name: str | None) -> str:
    """The issuer of the cluster, as ARNs spell it; EKS chooses the id at the end of its own."""
    if profile.oidc_issuer_url:
        return issuer_name(profile.oidc_issuer_url)
    if not cluster_name:
        remediation = "Name the EKS cluster, or give the issuer of the cluster's ServiceAccount tokens in the profile."
        raise ValidationError("cluster_name", "it", "is not set, and oidc_issuer_url neither", remediation)
    return f"oidc.{service_host('eks', profile.region)}/id/*"


def managed_bucket(tagged: bool, *, versioned: bool) -> list[str]:
    """The actions on a bucket that a run creates, with its policy."""
    return [
        "s3:CreateBucket",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:ListBucket",  # HeadBucket
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        *(["s3:PutBucketTagging"] if tagged else []),
        *(["s3:GetBucketVersioning", "s3:PutBucketVersioning"] if versioned else []),
    ]


def _proof(profile: StorageProfile, alias: str | None) -> list[Document]:
    """To list and HEAD every version, and to read ``velero-backup.json``, which takes the key, but through S3 only."""
    lists = [
        "s3:GetLifecycleConfiguration",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
    ]
    statements = [
        allow("VeleroProofList", lists, profile.bucket_arn),
        allow("VeleroProofObjects", ["s3:GetObject", "s3:GetObjectVersion"], profile.objects_arn),
    ]
    if profile.encrypts_with_kms:
        conditions = {"kms:ViaService": service_host("s3", profile.region)}
        key = str(profile.kms_key_arn)
        if alias:
            key = profile.arn("kms", "key/*")
            conditions[f"aws:ResourceTag/{CREATED_FOR_TAG}"] = alias
        statements.append(allow("VeleroProofKey", ["kms:Decrypt"], key, {"StringEquals": conditions}))
    return statements
