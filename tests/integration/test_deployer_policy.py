# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of whoever runs ``site.yml``, where IAM is enforced: with exactly these a run creates, changes and
changes nothing; with each taken away it fails, and says which one is missing.

The roles are played by a real ansible-playbook with all of them. For each one taken away the same tasks run in this
process, for a minute instead of ten. What MiniStack judges otherwise than AWS is in :func:`as_ministack_judges`, and
what it never asks for in ``NOT_ASKED_FOR``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.filter.documents import FilterModule
from tests.support.emulators import ROOT, MiniStack
from tests.support.proxy import Proxy
from tests.support.running import run_in_module

ACCOUNT, REGION = "123456789012", "us-east-1"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/ABC"
FILTERS = FilterModule().filters()
TAGS, OTHER_TAGS = {"service": "velero"}, {"service": "velero", "team": "storage"}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def account() -> Iterator[Callable[[str], Account]]:
    """Makes names that nobody else uses, and a cluster of that name."""
    with MiniStack(region=REGION) as ministack, Proxy(ministack.url, secure=True) as proxy:

        def make(name: str) -> Account:
            trust = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            iam = ministack.client("iam")
            arn = iam.create_role(RoleName=f"cluster-{name}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
            ministack.client("eks").create_cluster(name=name, roleArn=arn, resourcesVpcConfig={})
            return Account(ministack, name, proxy.url)

        yield make


def as_ministack_judges(policy: Document, alias: str) -> Document:
    """The policy with what MiniStack (1.5.33) sees otherwise than AWS, and nothing more:

    - CreateAlias, CreatePolicy and all calls on OIDC providers are judged on the resource ``*``;
    - DescribeKey by alias is judged on the ARN of the alias, AWS judges it on that of the key;
    - it does not know the condition key ``iam:PolicyARN``.
    """
    blind = ("kms:CreateAlias", "iam:CreatePolicy")
    extra = [action for action in actions_of(policy) if action in blind or "OpenIDConnectProvider" in action]
    alias_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}"
    statements = [{"Effect": "Allow", "Action": extra, "Resource": "*"}] if extra else []
    for statement in policy["Statement"]:
        changed = dict(statement)
        if "kms:DescribeKey" in statement["Action"]:
            changed["Resource"] = [statement["Resource"], alias_arn]
        if "iam:AttachRolePolicy" in statement["Action"]:
            del changed["Condition"]
        statements.append(changed)
    return {**policy, "Statement": statements}


def actions_of(policy: Document) -> list[str]:
    return sorted({action for statement in policy["Statement"] for action in statement["Action"]})


def without(policy: Document, action: str) -> Document:
    statements = [{**one, "Action": [a for a in one["Action"] if a != action]} for one in policy["Statement"]]
    return {**policy, "Statement": [one for one in statements if one["Action"]]}


@dataclass
class Account:
    """The names of one installation, and a user who may do what a policy says.

    :param url: where MiniStack takes a request for one that came over TLS, which the bucket policy demands
    """

    ministack: MiniStack
    name: str
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return f"acme-{self.name}"

    @property
    def alias(self) -> str:
        return f"alias/{self.name}"

    @property
    def issuer(self) -> str:
        return f"{ISSUER}{self.name}"

    def arn(self, kind: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:{kind}/{self.name}"

    @property
    def profile(self) -> Document:
        return {
            "account_id": ACCOUNT,
            "region": REGION,
            "bucket": self.bucket,
            "prefix": "production",
            "oidc_issuer_url": f"https://{self.issuer}",
            "role_arns": [self.arn("role")],
        }

    def policy(self, **variables: Any) -> Document:
        """The permissions, with every option that asks for one more."""
        return dict(
            FILTERS["deployer_policy"](
                self.profile,
                kms_alias=self.alias,
                role_name=self.name,
                policy_name=self.name,
                cluster_name=self.name,
                bucket_versioning="enabled",
                tags=TAGS,
                **variables,
            )
        )

    def allow(self, policy: Document) -> None:
        """Make the user, with this policy alone."""
        iam = self.ministack.client("iam")
        iam.create_user(UserName=self.name)
        document = json.dumps(as_ministack_judges(policy, self.alias))
        iam.put_user_policy(UserName=self.name, PolicyName="deployer", PolicyDocument=document)
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}

    # --- the tasks of the roles, with their options ---

    def run(self, module: str, *, check: bool = False, **options: Any) -> Document:
        connection = {"endpoint_url": self.url, "region": REGION, **self.keys}
        return run_in_module(module, {**connection, **options}, check=check)

    def site(self, *, days: int, tags: dict[str, str], versioning: str, **profile: Any) -> Iterator[Document]:
        """The AWS half of ``site.yml``, task by task; :func:`test_with_all_of_them` plays the roles themselves."""
        yield self.run("iam_oidc_provider", cluster_name=self.name, check=True)
        common: Document = {"tags": tags, "purge_tags": False}
        key = self.run("kms_key", alias=self.alias, description=self.bucket, rotation_period_in_days=days, **common)
        yield key
        whole = {**self.profile, "kms_key_arn": key["key_arn"], **profile}
        owner = {"account_id": ACCOUNT, "partition": "aws"}
        yield self.run("iam_oidc_provider", issuer_url=self.issuer, **owner, **common)
        if days != 365:
            yield self.run("iam_oidc_provider", issuer_url=self.issuer, client_ids=["sts.amazonaws.com", "x"], **owner)
        yield self.run("iam_policy", name=self.name, policy=FILTERS["iam_policy"](whole), **owner, **common)
        trust = FILTERS["trust_policy_statements"](whole)
        yield self.run(
            "iam_role", name=self.name, trust_statements=trust, managed_policies=[self.arn("policy")], **common
        )
        statements = FILTERS["key_policy_statements"](whole)
        yield self.run("kms_key_policy", key_id=key["key_arn"], statements=statements)
        yield self.run("s3_bucket", bucket=self.bucket, versioning=versioning, **common)
        rule = FILTERS["encryption_rule"](whole)
        default = rule["ApplyServerSideEncryptionByDefault"]
        yield self.run(
            "s3_bucket_encryption",
            bucket=self.bucket,
            sse_algorithm=default["SSEAlgorithm"],
            kms_master_key_id=default["KMSMasterKeyID"],
            bucket_key_enabled=rule["BucketKeyEnabled"],
            blocked_encryption_types=rule["BlockedEncryptionTypes"]["EncryptionType"],
            prefix="production",
        )
        statements = FILTERS["bucket_policy_statements"](whole)
        yield self.run("s3_bucket_policy", bucket=self.bucket, statements=statements)

    def proof(self) -> Iterator[Document]:
        """What the proof reads in AWS: a current version, a noncurrent one, and what the bucket says of a backup."""
        names = {"metadata": {"name": "nightly", "namespace": "velero"}, "spec": {}, "status": {}}
        backup: Document = {"apiVersion": "velero.io/v1", "kind": "Backup", **names}
        for dummy in range(2):
            self.ministack.client("s3").put_object(
                Bucket=self.bucket, Key="production/backups/nightly/velero-backup.json", Body=json.dumps(backup)
            )
        where = {"bucket": self.bucket, "prefix": "production"}
        for versions in (False, True):
            looked = self.run("object_encryption_info", storage_profile=self.profile_with_key, versions=versions)
            yield looked if looked.get("failed") or not looked["counts"]["not_evaluated"] else refusal_of(looked)
        yield self.run("backup_metadata_info", backup=backup, **where)

    @property
    def profile_with_key(self) -> Document:
        return {**self.profile, "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/unknown"}

    def life(self) -> Iterator[Document]:
        """Create everything; prove it; let somebody disturb it; bring it to another state."""
        yield from self.site(days=365, tags=TAGS, versioning="enabled")
        yield from self.proof()
        self.disturb()
        yield from self.site(days=100, tags=OTHER_TAGS, versioning="suspended", namespace="backup", ebs_snapshots=True)

    def disturb(self) -> None:
        """What a run repairs, by the account's root."""
        iam, kms, s3 = (self.ministack.client(service) for service in ("iam", "kms", "s3"))
        document = json.dumps(FILTERS["iam_policy"](self.profile | {"encryption_mode": "sse-s3"}))
        for dummy in range(4):  # no room for another version
            iam.create_policy_version(PolicyArn=self.arn("policy"), PolicyDocument=document)
        iam.detach_role_policy(RoleName=self.name, PolicyArn=self.arn("policy"))
        key_id = kms.describe_key(KeyId=self.alias)["KeyMetadata"]["KeyId"]
        kms.update_key_description(KeyId=key_id, Description="Changed")
        ownership = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        s3.put_bucket_ownership_controls(Bucket=self.bucket, OwnershipControls=ownership)
        s3.delete_public_access_block(Bucket=self.bucket)
        s3.delete_bucket_encryption(Bucket=self.bucket)
        s3.delete_bucket_policy(Bucket=self.bucket)


def refusal_of(looked: Document) -> Document:
    """An object that could not be read, as a failed task; it is a status, not a failure, since others go on."""
    return {"failed": True, "msg": looked["non_compliant_objects"][0]["remediation"]}


def is_beyond_ministack(result: Document) -> bool:
    """Permitted, and then: its clusters have an issuer that no other has, and a provider cannot be changed there."""
    texts = r"is an http URL, and IAM trusts https alone|Unknown IAM action: (AddClientIDTo|Tag)OpenIDConnectProvider"
    return re.search(texts, result.get("msg", "")) is not None


def failures(results: Iterator[Document]) -> Iterator[str]:
    """What failed tasks say; a play ends with the first."""
    for result in results:
        if result.get("failed") and not is_beyond_ministack(result):
            yield result["msg"]
            return


#: MiniStack takes the first for s3:ListBucket and never asks for the second on behalf of S3. Without the others a run
#: knows less, and goes on.
NOT_ASKED_FOR = {
    "s3:ListBucketMultipartUploads",
    "kms:Decrypt",
    "iam:ListPolicies",
    "iam:ListRoles",
    "s3:GetLifecycleConfiguration",
}
ACTIONS = [one for one in actions_of(Account(MiniStack(), "velero").policy()) if one not in NOT_ASKED_FOR]


def test_tasks_with_all_of_them(account: Callable[[str], Account]) -> None:
    """The tasks need what they are denied below: with all permissions, none of them fails."""
    ours = account("all")
    ours.allow(ours.policy())
    assert list(failures(ours.life())) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_without_one_of_them(account: Callable[[str], Account], action: str) -> None:
    ours = account(f"no-{action.replace(':', '-').lower()}"[:40])
    ours.allow(without(ours.policy(), action))
    (message,) = failures(ours.life())
    texts = (f"need {action} there", f"lack {action} on it", f"Grant {action} on it", f"and {action} where versions")
    assert any(text in message for text in texts), message
    # KMS is slow to see the tags of a new key, by which the policy knows it.
    assert ("a new one only after five minutes" in message) == (action in ("kms:CreateAlias", "kms:EnableKeyRotation"))


def test_bucket_of_others_is_looked_at(account: Callable[[str], Account]) -> None:
    """As the role does with ``velero_manage_bucket: false``: it compares, and changes nothing."""
    ours = account("looks")
    ours.ministack.client("s3").create_bucket(Bucket=ours.bucket)
    key = {"kms_master_key_id": ours.ministack.client("kms").create_key()["KeyMetadata"]["Arn"]}
    options: Document = {"bucket": ours.bucket, "prefix": "production"}
    ours.allow(ours.policy(manage_bucket=False))

    def look() -> list[Document]:
        return [
            ours.run("s3_bucket_encryption", check=True, sse_algorithm="aws:kms", **key, **options),
            ours.run("s3_bucket_policy", check=True, statements=[], role_arns=[ours.arn("role")], **options),
        ]

    assert list(failures(iter(look()))) == []
    assert [one["changed"] for one in look()] == [True, False]
    assert ours.run("s3_bucket", bucket=ours.bucket)["failed"]


def test_nothing_of_others(account: Callable[[str], Account]) -> None:
    ours = account("ours")
    ours.allow(ours.policy())
    kms, s3, iam = (ours.ministack.client(service) for service in ("kms", "s3", "iam"))
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    policy = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
    for bucket in ("theirs", ours.bucket):
        s3.create_bucket(Bucket=bucket)
    keys = {"aws_access_key_id": ours.keys["access_key"], "aws_secret_access_key": ours.keys["secret_key"]}
    kms, s3, iam = (ours.ministack.client(service, **keys) for service in ("kms", "s3", "iam"))
    tag = {"TagKey": "coffer.velero:alias", "TagValue": "alias/theirs"}
    denied: list[Callable[[], Any]] = [
        kms.create_key,
        lambda: kms.create_key(Tags=[tag]),
        lambda: kms.tag_resource(KeyId=key_id, Tags=[tag]),
        lambda: kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy),
        lambda: kms.get_key_policy(KeyId=key_id, PolicyName="default"),
        lambda: kms.enable_key_rotation(KeyId=key_id),
        lambda: kms.schedule_key_deletion(KeyId=key_id),
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x"),
        lambda: s3.put_bucket_policy(Bucket="theirs", Policy="{}"),
        lambda: s3.delete_bucket(Bucket=ours.bucket),
        lambda: s3.get_object(Bucket=ours.bucket, Key="staging/backups/x"),
        lambda: s3.put_object(Bucket=ours.bucket, Key="production/backups/x", Body=b"x"),
        lambda: iam.get_role(RoleName="cluster-ours"),
        lambda: iam.attach_role_policy(RoleName="cluster-ours", PolicyArn=ours.arn("policy")),
        lambda: iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}"),
        lambda: iam.delete_role(RoleName=ours.name),
    ]
    for call in denied:
        with pytest.raises(ClientError, match=r"AccessDenied|403"):
            call()


PLAY = [
    {
        "name": "The AWS half of site.yml",
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "roles": [{"role": "coffer.velero.kms_key"}],
        "tasks": [
            {"ansible.builtin.import_role": {"name": f"coffer.velero.{role}", "tasks_from": file}}
            for role, file in (("velero_irsa", "iam"), ("velero_irsa", "key_policy"), ("bucket_encryption", "main"))
        ],
    }
]


def play(ours: Account, directory: Path, **variables: Any) -> int:
    """Play the roles with the user's keys; how many tasks changed something."""
    names = {
        "velero_proof": "never",
        "velero_region": REGION,
        "velero_bucket": ours.bucket,
        "velero_prefix": "production",
        "velero_oidc_issuer_url": f"https://{ours.issuer}",
        "velero_kms_alias": ours.alias,
        "velero_role_name": ours.name,
        "velero_policy_name": ours.name,
    }
    (directory / "play.yml").write_text(yaml.safe_dump(PLAY))
    (directory / "inventory.json").write_text(json.dumps({"all": {"hosts": {"production": names | variables}}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    environment |= ours.ministack.environment | {
        "AWS_ENDPOINT_URL": ours.url,
        "AWS_ACCESS_KEY_ID": ours.keys["access_key"],
        "AWS_SECRET_ACCESS_KEY": ours.keys["secret_key"],
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(directory / "home"),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.json", "play.yml"]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.rpartition("changed=")[2].split()[0])


def test_with_all_of_them(account: Callable[[str], Account], tmp_path: Path) -> None:
    """With an organization that demands a path and a boundary of every role."""
    ours = account("played")
    iam = ours.ministack.client("iam")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="bounds", PolicyDocument=json.dumps(everything))["Policy"]["Arn"]
    demanded = {"role_path": "/teams/backup/", "policy_path": "/teams/", "role_permissions_boundary": boundary}
    ours.allow(ours.policy(**demanded, role_max_session_duration=7200))
    first: Document = {"velero_tags": TAGS, "velero_bucket_versioning": "enabled"}
    first |= {f"velero_{name}": value for name, value in demanded.items()}
    assert play(ours, tmp_path, **first) == 8
    assert play(ours, tmp_path, **first) <= 1
    other: Document = {
        "velero_kms_rotation_period_in_days": 100,
        "velero_namespace": "backup",
        "velero_role_max_session_duration": 7200,
        "velero_ebs_snapshots": True,
        "velero_bucket_versioning": "suspended",
    }
    assert play(ours, tmp_path, **first | other) == 4
    assert play(ours, tmp_path, **first | other) <= 1
    role = iam.get_role(RoleName=ours.name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/teams/backup/{ours.name}"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    (attached,) = iam.list_attached_role_policies(RoleName=ours.name)["AttachedPolicies"]
    assert attached["PolicyArn"] == f"arn:aws:iam::{ACCOUNT}:policy/teams/{ours.name}"
