# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as people use it: by AWX, installed from a requirements file, and in playbooks of their own."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.api import NAMESPACE
from tests.support.cluster import Cluster
from tests.support.doc_pages import yaml_fragments
from tests.support.emulators import ROOT
from tests.support.fixtures import Aws
from tools.tree import COLLECTIONS, clean_tree

ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
ACCOUNT, OTHER_ACCOUNT = "123456789012", "222222222222"
PROGRAMS = Path(sys.executable).parent
SITE = "coffer.velero.site"

Variables = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """What a run of ansible-playbook came to."""

    code: int
    output: str
    records: list[dict[str, Any]]

    @property
    def changed(self) -> set[str]:
        """The tasks that changed something, without the names of their roles."""
        return {r["task"].rpartition(" : ")[2] for r in self.records if r["result"].get("changed")}

    @property
    def tasks(self) -> set[str]:
        """The tasks that ran, with the names of their roles."""
        return {record["task"] for record in self.records if not record["result"].get("skipped")}

    @property
    def failure(self) -> str:
        """What the task said that ended the run."""
        assert self.code != 0, self.output
        return str(self.records[-1]["result"]["msg"])


@dataclass(frozen=True)
class Repository:
    """Somebody's repository: a directory of its own, and the environment of whoever works in it."""

    directory: Path
    environment: dict[str, str]

    def write(self, path: str, content: Any) -> Path:
        """Write a file; what is not a text is written as YAML."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return file

    def inventory(self, **hosts: Variables) -> None:
        self.write("inventory.yml", {"all": {"hosts": hosts}})

    def command(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAMS / arguments[0]), *arguments[1:]]
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment | {"PWD": str(self.directory)} | more,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, playbook: str, *options: str, **more: str) -> Played:
        record = self.directory / "record"
        record.unlink(missing_ok=True)
        more |= {"RECORDER_FILE": str(record)}
        done = self.command("ansible-playbook", "-i", "inventory.yml", playbook, *options, **more)
        records = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        return Played(done.returncode, done.stdout, records)

    def ok(self, playbook: str, *options: str, **more: str) -> Played:
        """The same, and the run must not fail."""
        played = self.play(playbook, *options, **more)
        assert played.code == 0, played.output
        return played


@pytest.fixture
def repository(aws: Aws, cluster: Cluster, tmp_path: Path) -> Repository:
    """An empty repository; its environment reaches the empty account and the cluster, and nothing else."""
    directory = tmp_path / "repository"
    directory.mkdir()
    (directory / "ansible.cfg").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_", "K8S_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    own = {
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": f"{PROGRAMS}:{kept['PATH']}",
    }
    return Repository(directory, kept | aws.environment | own)


@pytest.fixture
def installation(aws: Aws, cluster: Cluster) -> Callable[..., Variables]:
    """The variables of a Velero that is installed and does not run, so that nobody waits for it."""
    cluster.install()
    return lambda **more: {
        "velero_proof": "never",
        "velero_region": aws.region,
        "velero_bucket": "velero-backups",
        "velero_oidc_issuer_url": ISSUER,
        "velero_namespace": cluster.namespace,
        "velero_irsa_wait": False,
        "backup_location_wait": False,
        **more,
    }


@pytest.fixture
def second(cluster: Cluster, installation: Callable[..., Variables]) -> Callable[..., Variables]:
    """A second installation, in a namespace of its own, as if it were another cluster."""
    namespace = f"{cluster.namespace}-two"
    cluster.api.create(NAMESPACE, {"metadata": {"name": namespace}})
    other = Cluster(cluster.api, cluster.proxy, namespace, cluster.kubeconfig, cluster.manifest)
    other.install()
    own = {"velero_namespace": namespace, "velero_role_name": "velero-two", "velero_policy_name": "velero-two"}
    return lambda **more: installation(**{**own, **more})


def enabled_keys(aws: Aws) -> list[str]:
    kms = aws.client("kms")
    described = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    return [key["Arn"] for key in described if key["KeyState"] == "Enabled"]


def key_of(aws: Aws, alias: str = "alias/velero") -> str:
    return str(aws.client("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"])


def roles(aws: Aws) -> set[str]:
    return {role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]}


def buckets(aws: Aws) -> set[str]:
    return {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}


def default_key(aws: Aws, bucket: str, **credentials: str) -> str:
    (rule,) = aws.client("s3", **credentials).get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    return str(rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])


def users_of(aws: Aws, key: str, **credentials: str) -> set[str]:
    """The roles that the key's policy lets use it."""
    policy = json.loads(aws.client("kms", **credentials).get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    principals = [
        statement["Principal"]["AWS"] for statement in policy["Statement"] if "UseOfKey" in statement.get("Sid", "")
    ]
    return {name for group in principals for name in (group if isinstance(group, list) else [group])}


def role_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


# --- AWX -------------------------------------------------------------------------------------------------------------


def test_awx_runs_it(
    aws: Aws, cluster: Cluster, installation: Callable[..., Variables], repository: Repository
) -> None:
    """A private data directory as AWX makes it, with the credential types' environment and a survey's answers."""
    site = installation()
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "K8S_AUTH_HOST": cluster.proxy.url,
        "K8S_AUTH_API_KEY": "a-token-nobody-may-see",
        "K8S_AUTH_VERIFY_SSL": "False",
    }
    without = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "KUBECONFIG")
    environment = {name: value for name, value in repository.environment.items() if name not in without}
    data = repository.directory / "data"
    imported = [{"name": "Give Velero a backup location", "ansible.builtin.import_playbook": SITE}]
    repository.write("data/project/velero.yml", imported)
    repository.write("data/project/collections/requirements.yml", {"collections": [{"name": "coffer.velero"}]})
    repository.write("data/inventory/hosts.yml", {"all": {"hosts": {"production": site}}})
    repository.write("data/env/envvars", environment | credentials)
    repository.write("data/env/extravars", {"velero_bucket": "from-the-survey"})

    assert awx_job(repository, data, SITE)["changed"]["production"] == 10
    assert buckets(aws) == {"from-the-survey"}
    assert awx_job(repository, data, "velero.yml")["changed"] == {}
    for path in (data / "artifacts").rglob("*"):
        if path.is_file() and path.name != "command":  # the runner's own note of the environment that it was given
            assert "a-token-nobody-may-see" not in path.read_text(), path.name


def awx_job(repository: Repository, data: Path, playbook: str) -> dict[str, dict[str, int]]:
    """Run a playbook; what AWX reads of the job's artifacts."""
    artifacts = data / "artifacts" / secrets.token_hex(4)
    done = repository.command("ansible-runner", "run", str(data), "-p", playbook, "--ident", artifacts.name, "--quiet")
    assert done.returncode == 0, (artifacts / "stdout").read_text()
    assert (artifacts / "rc").read_text() == "0"
    assert (artifacts / "status").read_text() == "successful"
    events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
    (recap,) = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
    return dict(recap)


# --- installed -------------------------------------------------------------------------------------------------------


def test_installed_from_a_requirements_file(
    aws: Aws, installation: Callable[..., Variables], repository: Repository, tmp_path: Path
) -> None:
    with clean_tree() as tree:
        built = subprocess.run(
            [PROGRAMS / "ansible-galaxy", "collection", "build", "--output-path", tmp_path],
            cwd=tree,
            env=repository.environment,
            check=False,
            capture_output=True,
            text=True,
        )
    assert built.returncode == 0, built.stderr
    (archive,) = tmp_path.glob("coffer-velero-*.tar.gz")
    with tarfile.open(archive) as tar:
        shipped = {name.split("/")[0] for name in tar.getnames()}
    assert shipped & {"tests", "tools", "extensions", "Makefile", "pyproject.toml", "requirements-dev.txt"} == set()
    assert [name for name in shipped if name.startswith(".")] == []

    fresh = tmp_path / "fresh"
    place = fresh / "ansible_collections"
    place.mkdir(parents=True)
    for namespace in ("amazon", "kubernetes"):  # what Galaxy would have brought along
        (place / namespace).symlink_to(COLLECTIONS / "ansible_collections" / namespace)
    repository.write("requirements.yml", {"collections": [{"name": str(archive), "type": "file"}]})
    own = {"ANSIBLE_COLLECTIONS_PATH": str(fresh)}
    installed = repository.command(
        "ansible-galaxy", "collection", "install", "--offline", "-r", "requirements.yml", "-p", str(fresh), **own
    )
    assert installed.returncode == 0, installed.stdout
    assert not (place / "coffer" / "velero").is_symlink()

    repository.inventory(production=installation())
    played = repository.ok(SITE, "--check", **own)
    assert len(played.changed) == 10
    assert buckets(aws) == set()
    assert enabled_keys(aws) == []


# --- in a playbook of somebody's own ---------------------------------------------------------------------------------

# Every name in it is one that a role might carelessly use as well.
PLAY = """
- name: Look after the clusters
  hosts: tooling
  gather_facts: false
  become: "{{ becomes | default(false) }}"
  vars:
    region: nowhere-1
    bucket: not-this-one
    key_arn: not-this-one
    role_arn: not-this-one
    profile: not-a-profile
  module_defaults:
    group/coffer.velero.aws:
      region: "{{ account.region }}"
      endpoint_url: "{{ account.url }}"
      access_key: "{{ (cluster | default({})).access_key | default('test') }}"
      secret_key: test
    group/coffer.velero.k8s:
      kubeconfig: "{{ account.kubeconfig }}"
  roles:
    - role: greeting
  tasks:
    - name: Look up the account
      amazon.aws.aws_caller_info:
      register: caller
      vars:
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
    - name: Look after each cluster
      ansible.builtin.include_tasks: cluster.yml
      loop: "{{ clusters }}"
      loop_control:
        loop_var: cluster
        label: "{{ cluster.velero_namespace }}"
"""

CLUSTER = """
- name: Give it an encrypted backup location
  vars:
    velero_region: "{{ cluster.velero_region }}"
    velero_bucket: "{{ cluster.velero_bucket }}"
    velero_prefix: "{{ cluster.velero_prefix | default('') }}"
    velero_kms_alias: "{{ cluster.velero_kms_alias | default('alias/velero') }}"
    velero_role_name: "{{ cluster.velero_role_name | default('velero') }}"
    velero_policy_name: "{{ cluster.velero_policy_name | default('velero') }}"
    velero_namespace: "{{ cluster.velero_namespace }}"
    velero_oidc_issuer_url: "{{ cluster.velero_oidc_issuer_url }}"
    velero_irsa_wait: false
    backup_location_wait: false
  block:
    - name: Check its variables
      ansible.builtin.include_role:
        name: coffer.velero.velero
    - name: Create its key
      ansible.builtin.include_role:
        name: coffer.velero.kms_key
    - name: Create its role
      ansible.builtin.include_role:
        name: coffer.velero.velero_irsa
    - name: Encrypt its bucket
      ansible.builtin.include_role:
        name: coffer.velero.bucket_encryption
    - name: Create its location
      ansible.builtin.include_role:
        name: coffer.velero.backup_location
"""

# In place of sudo, which not every machine has: run the last argument.
BECOME = """#!/bin/sh
for last; do :; done
echo became >>"$(dirname "$0")/became"
exec /bin/sh -c "$last"
"""


@pytest.fixture
def foreign(aws: Aws, cluster: Cluster, repository: Repository) -> Repository:
    """Somebody's playbook, whose environment says nothing of AWS or Kubernetes."""
    repository.write("clusters.yml", PLAY)
    repository.write("cluster.yml", CLUSTER)
    repository.write("roles/greeting/tasks/main.yml", '[{name: Greet, ansible.builtin.debug: {msg: "Hello"}}]')
    repository.write("become", BECOME).chmod(0o755)
    # The proxy has no Region in its name; the endpoint is a module default, not in the environment.
    account = {"region": aws.region, "url": aws.proxy.url, "kubeconfig": str(cluster.kubeconfig)}
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_become_exe": str(repository.directory / "become"),
    }
    tooling = {"hosts": {"tools": host}, "vars": {"account": account}}
    repository.write("inventory.yml", {"all": {"children": {"tooling": tooling}}})
    kept = {
        name: value
        for name, value in repository.environment.items()
        if name not in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "KUBECONFIG")
    }
    return Repository(repository.directory, kept)


def test_two_clusters_in_accounts_of_their_own(
    aws: Aws, foreign: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """The first by ordinary modules, as ``become`` wants it; then both without, in one loop on one host."""
    session = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/any", RoleSessionName="test")
    keys = {"aws_access_key_id": session["Credentials"]["AccessKeyId"]}
    other = second(velero_bucket="other-backups", access_key=keys["aws_access_key_id"])
    foreign.write("extra.yml", {"clusters": [installation()], "becomes": True})
    foreign.ok("clusters.yml", "-e", "@extra.yml", ANSIBLE_BECOME_ALLOW_SAME_USER="true")
    assert (foreign.directory / "became").exists()

    foreign.write("extra.yml", {"clusters": [installation(), other]})
    foreign.ok("clusters.yml", "-e", "@extra.yml")
    assert enabled_keys(aws) == [key_of(aws)]
    assert users_of(aws, key_of(aws)) == {role_arn("velero")}
    assert roles(aws) == {"velero"}
    theirs = aws.client("kms", **keys).describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"]
    assert f":{OTHER_ACCOUNT}:" in theirs
    assert users_of(aws, theirs, **keys) == {role_arn("velero-two", OTHER_ACCOUNT)}
    assert default_key(aws, "other-backups", **keys) == theirs
    assert foreign.ok("clusters.yml", "-e", "@extra.yml").changed == set()


def test_two_clusters_share_everything(
    aws: Aws, foreign: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """Key, bucket, role and policy, with the default names: the second takes nothing away from the first."""
    names = {"velero_role_name": "velero", "velero_policy_name": "velero"}
    one, two = installation(velero_prefix="one"), second(velero_prefix="two", **names)
    foreign.write("extra.yml", {"clusters": [one]})
    foreign.ok("clusters.yml", "-e", "@extra.yml")
    before = access(aws)
    foreign.write("extra.yml", {"clusters": [one, two]})
    foreign.ok("clusters.yml", "-e", "@extra.yml")
    shared(aws, "velero")
    after = access(aws)
    for document, statements in before.items():
        assert [one for one in after[document] if one in statements] == statements
    assert {len(statements) for statements in after.values()} == {2, 6}
    assert foreign.ok("clusters.yml", "-e", "@extra.yml").changed == set()


AUDITS = """
- name: Audit two installations
  hosts: all
  gather_facts: false
  tasks:
    - name: Audit each
      ansible.builtin.include_tasks: audit.yml
      loop: [one, two]
"""

AUDIT = """
- name: Audit it
  vars:
    velero_bucket: "backups-{{ item }}"
    velero_kms_alias: "{{ item }}"
    velero_oidc_issuer_url: ISSUER
  block:
    - name: Offer its profile
      ansible.builtin.include_role: {name: coffer.velero.velero, public: true}
    - name: Compare its resources
      ansible.builtin.include_role: {name: coffer.velero.kms_audit, tasks_from: manage}
    - name: Show its key
      ansible.builtin.debug: {msg: "{{ velero_profile.kms_key_arn }}"}
"""


def test_audits_of_two_installations(aws: Aws, reader: Repository) -> None:
    """Nothing but the role kms_audit, in a loop: each audit is of its own key."""
    kms = aws.client("kms")
    keys = [kms.create_key()["KeyMetadata"] for dummy in range(2)]
    for key, name in zip(keys, ("one", "two"), strict=True):
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key["KeyId"])
    reader.write("play.yml", AUDITS)
    reader.write("audit.yml", AUDIT.replace("ISSUER", ISSUER))
    played = reader.ok("play.yml", "--check", "-e", f"velero_region={aws.region}")
    shown = [line["result"]["msg"] for line in played.records if line["task"] == "Show its key"]
    assert shown == [key["Arn"] for key in keys]


def access(aws: Aws) -> dict[str, list[dict[str, Any]]]:
    """The statements of the role's policy and of its trust policy."""
    iam = aws.client("iam")
    role = iam.get_role(RoleName="velero")["Role"]
    (attached,) = iam.list_attached_role_policies(RoleName="velero")["AttachedPolicies"]
    arn = attached["PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return {"trust": role["AssumeRolePolicyDocument"]["Statement"], "policy": policy["Statement"]}


def shared(aws: Aws, *names: str) -> None:
    """Both installations are whole: one key that both roles may use, and the guards of both prefixes."""
    key = key_of(aws)
    assert enabled_keys(aws) == [key]
    assert users_of(aws, key) == {role_arn(name) for name in names}
    assert default_key(aws, "velero-backups") == key
    policy = json.loads(aws.client("s3").get_bucket_policy(Bucket="velero-backups")["Policy"])
    guards = {s["Resource"] for s in policy["Statement"] if s["Sid"].startswith("VeleroDenyOtherKey")}
    assert guards == {f"arn:aws:s3:::velero-backups/{prefix}/*" for prefix in ("one", "two")}
    (provider,) = aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"].endswith(ISSUER.removeprefix("https://"))


def test_variables_of_each_cluster_are_checked(
    aws: Aws, foreign: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """Not only those of the first."""
    clusters = [installation(), second(velero_bucket="Not/A/Bucket", velero_kms_alias="alias/other")]
    foreign.write("extra.yml", {"clusters": clusters})
    played = foreign.play("clusters.yml", "-e", "@extra.yml")
    assert 'velero_bucket: "Not/A/Bucket" has characters that S3 does not take: /.' in played.failure
    assert enabled_keys(aws) == [key_of(aws)]


def test_key_of_another_cluster_is_not_taken(
    aws: Aws, foreign: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """Where its own key is not there, as in a loop over each role in place of one over the clusters."""
    role = "coffer.velero.kms_key\n"
    foreign.write("cluster.yml", CLUSTER.replace(role, f"{role}      when: cluster.velero_kms_alias is undefined\n"))
    clusters = [installation(), second(velero_bucket="other-backups", velero_kms_alias="alias/other")]
    foreign.write("extra.yml", {"clusters": clusters})
    played = foreign.play("clusters.yml", "-e", "@extra.yml")
    assert played.failure.endswith(
        "velero_kms_key_arn: it is not set, and sse-kms needs a key. Give arn:aws:kms:REGION:ACCOUNT:key/ID, or let "
        "the role coffer.velero.kms_key run first."
    )
    assert users_of(aws, key_of(aws)) == {role_arn("velero")}


# --- the options of ansible-playbook ---------------------------------------------------------------------------------


def test_two_hosts_at_once(
    aws: Aws, repository: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """Two forks meet at the same alias, provider, key policy, bucket and bucket policy; each finds its own cluster."""
    own = {"velero_environment": {"KUBECONFIG": repository.environment["KUBECONFIG"]}}
    repository.inventory(one=installation(velero_prefix="one", **own), two=second(velero_prefix="two", **own))
    repository.ok(SITE, "--forks", "2", KUBECONFIG=os.devnull)
    shared(aws, "velero", "velero-two")
    assert repository.ok(SITE, "--forks", "2", KUBECONFIG=os.devnull).changed == set()


def test_limit(
    aws: Aws, repository: Repository, installation: Callable[..., Variables], second: Callable[..., Variables]
) -> None:
    """To an installation on EKS, whose issuer is read from the cluster."""
    eks = aws.client("eks").create_cluster(name="two", roleArn=role_arn("eks"), resourcesVpcConfig={"subnetIds": []})
    on_eks = {"velero_cluster_name": "two", "velero_oidc_issuer_url": ""}
    repository.inventory(one=installation(), two=second(velero_bucket="other-backups", **on_eks))
    repository.ok(SITE, "--limit", "two")
    assert buckets(aws) == {"other-backups"}
    assert roles(aws) == {"velero-two"}
    (provider,) = aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    issuer = eks["cluster"]["identity"]["oidc"]["issuer"].removeprefix("https://")
    assert provider["Arn"].endswith(f"/{issuer}")
    trust = aws.client("iam").get_role(RoleName="velero-two")["Role"]["AssumeRolePolicyDocument"]
    assert f"{issuer}:sub" in str(trust)
    assert repository.ok(SITE, "--limit", "two").changed == set()


def test_plan_is_shown_and_each_change_counted_once(
    aws: Aws, repository: Repository, installation: Callable[..., Variables]
) -> None:
    repository.inventory(one=installation())
    checked = repository.ok(SITE, "--check")
    assert buckets(aws) == set()
    made = repository.ok(SITE)
    for played in (checked, made):
        assert f"account {ACCOUNT}, {aws.region}: bucket velero-backups: new: bucket, " in played.output
        assert "default encryption of the bucket: sse_algorithm: AES256 -> aws:kms" in played.output
        assert "(known after apply)" in played.output
        assert re.search(r"changed=10 ", played.output)
    repository.inventory(one=installation(velero_kms_rotation_period_in_days=180))
    line = f"account {ACCOUNT}, {aws.region}: KMS key alias/velero: rotation_period_in_days: 365 -> 180"
    changed = repository.ok(SITE, "--diff")
    assert [record["result"]["msg"] for record in changed.records if record["task"].endswith("Show the plan")] == [
        [line]
    ]
    assert changed.output.count('+    "rotation_period_in_days": 180') == 1, "the diff is that of the real task"
    assert changed.changed == {"Manage the KMS key"}


def test_tags(aws: Aws, repository: Repository, installation: Callable[..., Variables]) -> None:
    repository.inventory(one=installation())
    assert repository.play(SITE, "--tags", "backup_location").failure.endswith("coffer.velero.kms_key run first.")
    played = repository.ok(SITE, "--tags", "kms_key")
    assert played.changed == {"Manage the KMS key"}
    assert roles(aws) == set()
    assert repository.ok(SITE, "--tags", "kms_key,velero_irsa").changed >= {"Manage the IAM role"}
    assert buckets(aws) == set()


# --- a bucket that others manage -------------------------------------------------------------------------------------


def test_bucket_of_others_is_compared(aws: Aws, repository: Repository, installation: Callable[..., Variables]) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="velero-backups")
    repository.inventory(one=installation(velero_manage_bucket="false"))
    missing = "The key does not exist yet: create it first with --tags kms_key. "
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/(known after apply)"
    for options in (["--check"], [], ["--tags", "kms_key"], []):
        played = repository.play(SITE, *options)
        if options == ["--tags", "kms_key"]:
            assert played.changed == {"Manage the KMS key"}
            missing, key = "", key_of(aws)
            continue
        assert played.failure == (
            "velero_manage_bucket: is false, and the default encryption of the bucket is not that of sse-kms; "
            "velero-backups: default encryption: sse_algorithm: AES256 -> aws:kms; velero-backups: default encryption: "
            "bucket_key_enabled: false -> true; velero-backups: default encryption: kms_master_key_id: none -> "
            f"{key}. kopia's data would not be encrypted as asked. {missing}Let the owner of the bucket change its "
            "default encryption, or set velero_manage_bucket to true."
        )
        assert roles(aws) == set(), "refused before anything is changed"
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_of(aws)},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket="velero-backups", ServerSideEncryptionConfiguration={"Rules": [rule]})
    repository.ok(SITE)
    assert repository.ok(SITE).changed == set()
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="velero-backups")


# --- a key of somebody else's ----------------------------------------------------------------------------------------


def test_key_of_another_account(aws: Aws, repository: Repository, installation: Callable[..., Variables]) -> None:
    """Its policy is left alone, and its owner is told what to add."""
    session = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/any", RoleSessionName="test")
    owner = aws.client("kms", aws_access_key_id=session["Credentials"]["AccessKeyId"])
    arn = owner.create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(owner.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    may_look = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:DescribeKey"}
    policy["Statement"].append({**may_look, "Resource": "*"})
    owner.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
    repository.inventory(one=installation(velero_kms_key_arn=arn))
    played = repository.ok(SITE)
    told, *_again = [
        r["result"]["msg"] for r in played.records if "owner of the key" in r["task"] and "msg" in r["result"]
    ]
    assert arn in told[0]
    assert [statement["Principal"] for statement in told[1]] == [{"AWS": role_arn("velero")}]
    assert "VeleroUseOfKey" not in owner.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    assert default_key(aws, "velero-backups") == arn
    assert enabled_keys(aws) == []
    assert repository.ok(SITE).changed == set()


# --- the examples in the documentation -------------------------------------------------------------------------------


def examples(page: str) -> list[str]:
    return yaml_fragments((ROOT / page).read_text())


@pytest.fixture
def reader(aws: Aws, cluster: Cluster, repository: Repository) -> Repository:
    """Who tries the examples: with a profile, a context, an EKS cluster and a key such as they name."""
    settings = aws.environment
    profile = {
        "aws_access_key_id": settings["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": settings["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": aws.proxy.url,
    }
    lines = "".join(f"{name} = {value}\n" for name, value in profile.items())
    config = repository.write("aws", f"[default]\n{lines}[profile backups]\n{lines}")
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    kubeconfig["contexts"].append({**kubeconfig["contexts"][0], "name": "production"})
    own = {"AWS_CONFIG_FILE": str(config), "KUBECONFIG": str(repository.write("kubeconfig", kubeconfig))}
    kept = {name: value for name, value in repository.environment.items() if not name.startswith(("AWS_", "KUBE"))}
    repository.write("inventory.yml", {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}})
    aws.client("eks", region_name="eu-central-1").create_cluster(
        name="production", roleArn=role_arn("eks"), resourcesVpcConfig={"subnetIds": []}
    )
    return Repository(repository.directory, kept | own)


# Those that need nothing to be there; backup_proof has something to prove only after the others (tests/e2e).
@pytest.mark.parametrize("role", sorted({path.name for path in (ROOT / "roles").iterdir()} - {"backup_proof"}))
def test_example_of_a_role(aws: Aws, reader: Repository, role: str) -> None:
    (example,) = examples(f"roles/{role}/README.md")
    key = aws.client("kms", region_name="eu-central-1").create_key()["KeyMetadata"]["Arn"]
    reader.write("play.yml", re.sub(r"arn:aws:kms:\S+", key, example))
    reader.ok("play.yml", "--check")


def test_examples_of_plays(reader: Repository) -> None:
    play, loop, body = examples("docs/guide/roles.md")
    reader.write("play.yml", play)
    assert len(reader.ok("play.yml", "--check").changed) == 10
    reader.write("clusters.yml", loop)
    reader.write("cluster.yml", body)
    cluster = {"name": "production", "bucket": "example-velero", "kubeconfig": reader.environment["KUBECONFIG"]}
    reader.write("extra.yml", {"clusters": [cluster]})
    assert len(reader.ok("clusters.yml", "-e", "@extra.yml", "--check").changed) == 10


def test_examples_of_single_plays(aws: Aws, reader: Repository) -> None:
    """The end of an audit that was never made, and the statements for a key's owner, who merges them twice."""
    kms = aws.client("kms", region_name="eu-central-1")
    *_others, teardown = examples("docs/guide/audit.md")
    reader.write("play.yml", teardown)
    reader.ok("play.yml")
    assert kms.list_keys()["Keys"] == [], "nothing was made for it"
    *_others, merge = examples("docs/guide/cross_account_key.md")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    reader.write("play.yml", merge.replace("1234abcd-12ab-34cd-56ef-1234567890ab", key_id))
    principal = {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}
    statement = {"Sid": "VeleroUseOfKey", "Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt"}
    reader.write("extra.yml", {"statements": [{**statement, "Resource": "*"}]})
    for changed in ({"Merge the statements into the policy"}, set()):
        assert reader.ok("play.yml", "-e", "@extra.yml").changed == changed


def test_examples_of_inventories(reader: Repository) -> None:
    """Of the README and of the guide; an environment that names what only its author has is left out."""
    pages = [yaml.safe_load(text) for page in ("README.md", "docs/guide/setup.md") for text in examples(page)]
    inventories = [page for page in pages if "all" in page]
    assert len(inventories) == 3
    for inventory in inventories:
        for variables in inventory["all"]["hosts"].values():
            variables.pop("velero_environment", None)
        reader.write("inventory.yml", inventory)
        checked = reader.ok(SITE, "--check", "--diff", "--limit", "production")
        assert len(checked.changed) == 10
        for name in ("alias/velero", role_arn("velero"), f"arn:aws:iam::{ACCOUNT}:policy/velero", "example-velero"):
            assert name in checked.output, name
