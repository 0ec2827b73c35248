# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and clusters that others have built become an installation in one run, and nothing of theirs is lost.

What there is before is what the README of velero-plugin-for-aws, eksctl, the modules of terraform-aws-modules and the
Helm chart leave behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.api import DEPLOYMENT, LOCATION, SERVICE_ACCOUNT
from tests.support.account import account, current, lost
from tests.support.cluster import Cluster
from tests.support.fixtures import Aws
from tests.support.site import PLAYBOOK_SECONDS, Site

ACCOUNT, BUCKET = "123456789012", "acme-backups"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
VERSION = {"Version": "2012-10-17"}
#: Of the README of velero-plugin-for-aws; terraform-aws-modules names the statements.
PERMISSIONS = {
    "Ec2ReadWrite": {
        "Effect": "Allow",
        "Action": [
            "ec2:DescribeVolumes",
            "ec2:DescribeSnapshots",
            "ec2:CreateTags",
            "ec2:CreateVolume",
            "ec2:CreateSnapshot",
            "ec2:DeleteSnapshot",
        ],
        "Resource": "*",
    },
    "S3ReadWrite": {
        "Effect": "Allow",
        "Action": [
            "s3:GetObject",
            "s3:DeleteObject",
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        ],
        "Resource": [f"arn:aws:s3:::{BUCKET}/*"],
    },
    "S3List": {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{BUCKET}"]},
}
Variables = dict[str, Any]
Document = dict[str, Any]


def document(*statements: Document) -> str:
    return json.dumps({**VERSION, "Statement": statements})


def trust(namespace: str, service_account: str, **more: str) -> Document:
    subject = {f"{ISSUER}:sub": f"system:serviceaccount:{namespace}:{service_account}"}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {**subject, f"{ISSUER}:aud": "sts.amazonaws.com"}},
        **more,
    }


# --- what others have built -------------------------------------------------------------------------------------------


def tutorial(aws: Aws, cluster: Cluster) -> Variables:
    """With kube2iam: a role of the nodes' and an inline policy."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    iam = aws.client("iam")
    nodes = iam.create_role(RoleName="kube2iam", AssumeRolePolicyDocument=document())["Role"]["Arn"]
    principals: list[Document] = [{"Service": "ec2.amazonaws.com"}, {"AWS": nodes}]
    statements = [{"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"} for one in principals]
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument=document(*statements))
    permissions = document(*PERMISSIONS.values())
    iam.put_role_policy(RoleName="velero", PolicyName="velero-policy", PolicyDocument=permissions)
    cluster.install()
    template = {"metadata": {"annotations": {"iam.amazonaws.com/role": "velero"}}}
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"template": template}})
    locate(cluster, {"provider": "aws", "objectStorage": {"bucket": BUCKET}, "config": {"region": aws.region}})
    return {}


def eksctl(aws: Aws, cluster: Cluster) -> Variables:
    """``eksctl create iamserviceaccount`` with the tutorial's permissions as a policy."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    iam = aws.client("iam")
    tags = [{"Key": "alpha.eksctl.io/cluster-name", "Value": "production"}]
    iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9e99a48a" * 5], Tags=tags
    )
    permissions = document(*PERMISSIONS.values())
    policy = iam.create_policy(PolicyName="VeleroAccessPolicy", PolicyDocument=permissions)["Policy"]["Arn"]
    role = "eksctl-production-addon-iamserviceaccount-velero-Role1-1ABCDEFG"
    statement = trust(cluster.namespace, "velero")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(statement), Tags=tags)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    cluster.install()
    metadata = {
        "annotations": {"eks.amazonaws.com/role-arn": arn},
        "labels": {"app.kubernetes.io/managed-by": "eksctl"},
    }
    cluster.patch(SERVICE_ACCOUNT, "velero", {"metadata": metadata})
    locate(cluster, {"provider": "velero.io/aws", "objectStorage": {"bucket": BUCKET}, "default": True})
    return {"velero_role_name": role, "velero_policy_name": "VeleroAccessPolicy"}


def terraform(aws: Aws, cluster: Cluster) -> Variables:
    """terraform-aws-modules/iam, /s3-bucket and /kms, and Velero by its Helm chart."""
    kms, iam, s3 = (aws.client(service) for service in ("kms", "iam", "s3"))
    admin = iam.create_role(RoleName="terraform", AssumeRolePolicyDocument=document())["Role"]["Arn"]
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"])
    policy = iam.create_policy(
        PolicyName="AmazonEKS_Velero_Policy-20240102030405000600000001",
        Path="/",
        Description="Provides Velero permissions to backup and restore cluster resources",
        PolicyDocument=document(*({"Sid": sid, **one} for sid, one in PERMISSIONS.items())),
        Tags=[{"Key": "Terraform", "Value": "true"}],
    )["Policy"]["Arn"]
    tags = [{"Key": "Terraform", "Value": "true"}]
    statement = trust(cluster.namespace, "velero-server")
    role = iam.create_role(
        RoleName="velero", AssumeRolePolicyDocument=document(statement), MaxSessionDuration=7200, Tags=tags
    )["Role"]["Arn"]
    iam.attach_role_policy(RoleName="velero", PolicyArn=policy)
    administration = ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:Put*", "kms:Get*", "kms:ScheduleKeyDeletion"]
    usage = ["kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Encrypt", "kms:DescribeKey", "kms:Decrypt"]
    root = f"arn:aws:iam::{ACCOUNT}:root"
    statements: list[Document] = [
        {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": who}, "Action": actions, "Resource": "*"}
        for sid, who, actions in (
            ("Default", root, "kms:*"),
            ("KeyAdministration", admin, administration),
            ("KeyUsage", role, usage),
        )
    ]
    key = kms.create_key(
        Policy=document(*statements),
        Description="Velero backups",
        Tags=[{"TagKey": "Terraform", "TagValue": "true"}],
    )["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/backups", TargetKeyId=key)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ID": "uploads", "Status": "Enabled", "Filter": {"Prefix": ""}}
    rule |= {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    block = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(block, True))
    denied = {
        "Sid": "denyInsecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document(denied))
    labels = {
        "app.kubernetes.io/name": "velero",
        "app.kubernetes.io/instance": "velero",
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": "velero-12.1.0",
    }
    cluster.install("velero-server")
    annotations = {"eks.amazonaws.com/role-arn": role}
    cluster.patch(SERVICE_ACCOUNT, "velero-server", {"metadata": {"annotations": annotations, "labels": labels}})
    cluster.patch(DEPLOYMENT, "velero", {"metadata": {"labels": labels}})
    storage = {"bucket": BUCKET, "prefix": "production"}
    config = {"region": aws.region, "tagging": "team=backup&stage=production", "checksumAlgorithm": "CRC32"}
    spec = {"provider": "velero.io/aws", "objectStorage": storage, "config": config, "default": True}
    locate(cluster, {**spec, "accessMode": "ReadWrite", "validationFrequency": "10m"}, labels)
    return {"velero_prefix": "production", "velero_kms_alias": "alias/backups"}


def locate(cluster: Cluster, spec: Document, labels: dict[str, str] | None = None) -> None:
    cluster.create(LOCATION, "default", spec=spec, metadata={"labels": labels or {}})


# --- what becomes of it -----------------------------------------------------------------------------------------------


def state(aws: Aws, cluster: Cluster) -> Document:
    found = current(account(aws))
    for kind in (SERVICE_ACCOUNT, DEPLOYMENT, LOCATION):
        for item in cluster.api.list(kind, cluster.namespace):
            metadata = {name: item["metadata"].get(name) or {} for name in ("annotations", "labels")}
            found[f"{kind.name} {item['metadata']['name']}"] = {**metadata, "spec": item.get("spec")}
    return found


#: What the summary of the plan says, with # in place of hashes and ids.
ENCRYPTION = [
    "default encryption of the bucket: sse_algorithm: AES256 -> aws:kms",
    "default encryption of the bucket: bucket_key_enabled: false -> true",
    "default encryption of the bucket: kms_master_key_id: none -> KEY",
    "policy of the bucket: new: VeleroDenyInsecureTransport, VeleroDenyUpdateEncryption#, VeleroDenyCustomerKeys#, "
    "VeleroDenyOtherAlgorithm#, VeleroDenyOtherKey#, VeleroDenyManagedKey#",
]
NEW_KEY = "KMS key alias/velero: new: alias, description, enabled, rotation_enabled, rotation_period_in_days"
USE_OF_KEY = "policy of the KMS key: VeleroUseOfKey#: none -> ..."
KEY_ID = "BackupStorageLocation default: config.kmsKeyId: none -> KEY"
WORLDS: dict[Callable[[Aws, Cluster], Variables], list[str]] = {
    tutorial: [
        NEW_KEY,
        "OIDC provider of the cluster: new: oidc_provider_arn, client_ids",
        "IAM policy velero: new: policy_arn, policy",
        "IAM role velero: trust_statements: + VeleroServiceAccount#",
        "IAM role velero: managed_policies: + arn:aws:iam::123456789012:policy/velero",
        USE_OF_KEY,
        *ENCRYPTION,
        "identity of Velero's pods: new: role_arn, restarted",
        KEY_ID,
    ],
    eksctl: [
        NEW_KEY,
        "IAM policy VeleroAccessPolicy: new: VeleroObjects#, VeleroBucket#, VeleroKey#",
        "IAM role eksctl-production-addon-iamserviceaccount-velero-Role1-1ABCDEFG: trust_statements: "
        "+ VeleroServiceAccount#",
        USE_OF_KEY,
        *ENCRYPTION,
        'identity of Velero\'s pods: restarted: none -> ["Deployment/velero"]',
        "BackupStorageLocation default: new: config.kmsKeyId, config.region",
    ],
    terraform: [
        "IAM policy velero: new: policy_arn, policy",
        "IAM role velero: trust_statements: + VeleroServiceAccount#",
        "IAM role velero: managed_policies: + arn:aws:iam::123456789012:policy/velero",
        USE_OF_KEY,
        *ENCRYPTION,
        'identity of Velero\'s pods: restarted: none -> ["Deployment/velero"]',
        KEY_ID,
    ],
}
ENCRYPTION_RULES = f".buckets.{BUCKET}.get_bucket_encryption.ServerSideEncryptionConfiguration.Rules"


def summary(site: Site) -> list[str]:
    """The lines of the plan without where, hashes and ids."""
    (shown,) = (line["result"]["msg"] for line in site.lines() if line["task"].endswith(": Show the plan"))
    lines = [re.sub(r"arn:aws:kms:\S+( after apply\))?", "KEY", line.split(": ", 1)[1]) for line in shown]
    lines = [re.sub(r"(?<=[a-z])([0-9a-f]{16}|[0-9a-f]{8})(?![0-9a-f])", "#", line) for line in lines]
    return [re.sub(r"-> \{.*", "-> ...", line) for line in lines]


@pytest.fixture
def site(aws: Aws, cluster: Cluster, tmp_path: Path) -> Site:
    variables = {
        "velero_proof": "never",
        "velero_region": aws.region,
        "velero_bucket": BUCKET,
        "velero_oidc_issuer_url": f"https://{ISSUER}",
        "velero_namespace": cluster.namespace,
        "velero_irsa_wait": False,
        "backup_location_wait": False,
    }
    return Site(tmp_path, aws.environment | {"KUBECONFIG": str(cluster.kubeconfig)}, variables)


@pytest.mark.parametrize("build", WORLDS)
def test_nothing_of_theirs_is_lost(
    aws: Aws, cluster: Cluster, site: Site, build: Callable[[Aws, Cluster], Variables]
) -> None:
    site.variables |= build(aws, cluster)
    before = state(aws, cluster)
    site.run()
    after = state(aws, cluster)
    assert lost(before, after) == [ENCRYPTION_RULES]
    assert summary(site) == WORLDS[build]
    assert not any(record["result"]["changed"] for record in site.run())


def edit(cluster: Cluster, containers: list[Document], volumes: list[Document]) -> None:
    pod = {"containers": containers, "volumes": volumes}
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"template": {"spec": pod}}})


def test_static_credentials_stay_until_they_are_taken_away(aws: Aws, cluster: Cluster, site: Site) -> None:
    """The tutorial's IAM user: told before anything is changed, and one run when it was done."""
    site.variables |= tutorial(aws, cluster)
    iam = aws.client("iam")
    iam.create_user(UserName="velero")
    iam.put_user_policy(UserName="velero", PolicyName="velero", PolicyDocument=document(*PERMISSIONS.values()))
    cluster.secret("cloud-credentials", cloud=b"[default]")
    found = cluster.find(DEPLOYMENT, "velero")
    assert found
    pod = found["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    volume = {"name": "cloud-credentials", "secret": {"secretName": "cloud-credentials"}}
    mounts = [*container["volumeMounts"], {"name": "cloud-credentials", "mountPath": "/credentials"}]
    variable = {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/credentials/cloud"}
    with_secret = {"env": [*container["env"], variable], "volumeMounts": mounts}
    edit(cluster, [{**container, **with_secret}], [*pod["volumes"], volume])
    before = state(aws, cluster)
    process = site.start()
    output, _errors = process.communicate(timeout=PLAYBOOK_SECONDS)
    assert process.returncode == 2, output
    message = str(site.records()[-1]["result"]["msg"])
    assert "has a credential of its own (the variable AWS_SHARED_CREDENTIALS_FILE)" in message
    assert state(aws, cluster) == before
    edit(cluster, [container], pod["volumes"])
    site.run()
    assert lost(before, state(aws, cluster)) == [
        ENCRYPTION_RULES,
        ".Deployment velero.spec.template.spec.volumes",
        ".Deployment velero.spec.template.spec.containers",
    ]
