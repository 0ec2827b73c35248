# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of account and cluster that ``site.yml`` refuses, all before anything is changed, and one that it adopts.

Each state is a host of one inventory, with an account and a namespace of its own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.stack import Stack
from tests.stack.api import (
    BACKUP,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    LOCATION,
    NAMESPACE,
    RESTORE,
    SECRET,
    SERVICE_ACCOUNT,
    Kind,
)
from tests.support.account import account
from tests.support.cluster import Cluster, KubeProxy
from tests.support.emulators import Moto
from tests.support.site import Site

SECONDS = 500
OTHER_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DELETED = "AROADBQP57FF2AEXAMPLE"


@dataclass
class Place:
    """An account and a namespace, to be arranged."""

    name: str
    client: Callable[..., Any]
    cluster: Cluster
    account_id: str
    others_client: Callable[..., Any]  # of another account

    @property
    def bucket(self) -> str:
        return f"backups-{self.name}"

    def install(self, service_account: str = "velero", **container: Any) -> None:
        """Velero as it should be, but for its container."""
        containers = copy.deepcopy(self.cluster.manifest["spec"]["template"]["spec"]["containers"])
        containers[0] |= container
        self.cluster.install(service_account, containers=containers)

    def location(self, *, backup: bool = False, annotations: Mapping[str, str] | None = None, **spec: Any) -> None:
        storage = {"bucket": self.bucket, "prefix": "production"}
        self.cluster.location(**{"objectStorage": storage, "metadata": {"annotations": annotations or {}}, **spec})
        if backup:
            self.backup("Completed")

    def backup(self, phase: str) -> None:
        self.cluster.create(BACKUP, "nightly", spec={"storageLocation": "default"}, status={"phase": phase})

    def key(self, alias: str = "alias/velero", **options: Any) -> Any:
        """A key that is there already; what is done to it."""
        kms = self.client("kms")
        key_id = kms.create_key(**options)["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
        return kms, key_id

    def create_bucket(self, *statements: dict[str, Any], **options: Any) -> None:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=self.bucket, **options)
        if statements:
            objects = f"arn:aws:s3:::{self.bucket}/*"
            document = {"Version": "2012-10-17", "Statement": [{"Resource": objects, **one} for one in statements]}
            s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(document))

    @property
    def state(self) -> dict[str, Any]:
        """All of it. A revision tells of every write, also of one that changes nothing."""
        view: Any = SimpleNamespace(moto=SimpleNamespace(client=self.client))
        kinds = (SERVICE_ACCOUNT, DEPLOYMENT, LOCATION, SECRET, BACKUP)
        objects = [self.cluster.api.list(kind, self.cluster.namespace) for kind in kinds]
        return {"account": account(view), "objects": objects}


@dataclass(frozen=True)
class State:
    """What is there, what is asked for, and what the refusal says."""

    text: str
    arrange: Callable[[Place], object] = Place.install
    variables: Mapping[str, Any] = field(default_factory=dict)


def installed(arrange: Callable[[Place], object]) -> Callable[[Place], None]:
    """The same beside a Velero as it should be."""

    def both(place: Place) -> None:
        place.install()
        arrange(place)

    return both


def environment(name: str, value: str = "x") -> dict[str, Any]:
    return {"env": [{"name": name, "value": value}]}


def secret_environment(place: Place) -> None:
    place.cluster.secret("cloud", AWS_ACCESS_KEY_ID=b"x")
    place.install(envFrom=[{"secretRef": {"name": "cloud"}}])


def config_map_environment(place: Place) -> None:
    place.cluster.create(CONFIG_MAP, "settings", data={"PROFILE": "x"})
    place.install(envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "AWS_"}])


def home_secret(place: Place) -> None:
    pod = copy.deepcopy(place.cluster.manifest["spec"]["template"]["spec"])
    pod["containers"][0]["volumeMounts"].append({"name": "aws", "mountPath": "/home/cnb/.aws"})
    pod["volumes"].append({"name": "aws", "secret": {"secretName": "aws"}})
    place.cluster.install(containers=pod["containers"], volumes=pod["volumes"])


def node_agent_key(place: Place) -> None:
    place.install()
    place.cluster.install_node_agent()
    container = {"name": "node-agent", "image": "velero/velero:v1", "command": ["/velero"]}
    container |= {"args": ["node-agent", "server"], **environment("AWS_ACCESS_KEY_ID")}
    pod = {"containers": [container]}
    place.cluster.patch(DAEMON_SET, "node-agent", {"spec": {"template": {"spec": pod}}})


POD_VOLUME_BACKUP = Kind("velero.io/v1", "PodVolumeBackup")
UPLOAD = {"backupStorageLocation": "default", "node": "n", "pod": {}, "repoIdentifier": "r", "volume": "v"}


def alias_of_another_key(place: Place) -> None:
    place.key("alias/before")
    place.location(backup=True, config={"region": "us-east-1", "kmsKeyId": "alias/before"})


def under_way(place: Place, kind: Kind, phase: str = "InProgress", **spec: Any) -> None:
    """Key and mode of the location are about to change."""
    place.install()
    place.location(config={"region": "us-east-1", "serverSideEncryption": "AES256"})
    place.cluster.create(kind, "nightly", spec=spec, status={"phase": phase})


def under_way_in_the_bucket(place: Place) -> None:
    """Only the default encryption is about to change, which a location does not name with DSSE."""
    place.install()
    place.create_bucket()
    place.location()
    place.cluster.create(POD_VOLUME_BACKUP, "nightly", spec=UPLOAD, status={"phase": "InProgress"})


def invalid_config(place: Place) -> None:
    place.location(config={"region": "us-east-1", "kmsKeyID": "x"})
    message = "config has invalid keys [kmsKeyID]; valid keys are [region s3Url kmsKeyId]"
    place.cluster.validate("Unavailable", message)


def paused(place: Place) -> None:
    place.cluster.patch(DEPLOYMENT, "velero", {"spec": {"paused": True}})


def disabled_key(place: Place) -> None:
    kms, key_id = place.key()
    kms.disable_key(KeyId=key_id)


def deleted_key(place: Place) -> None:
    kms, key_id = place.key()
    kms.schedule_key_deletion(KeyId=key_id)


def foreign_bucket(place: Place) -> None:
    place.others_client("s3").create_bucket(Bucket=place.bucket)


DEMANDS_HEADER = {
    "Sid": "DenyUnEncryptedObjectUploads",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}},
}
SPARES_ADMIN = {
    "Sid": "OnlyAdmins",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Condition": {"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
}
GONE_READER = {"Sid": "Gone", "Effect": "Allow", "Principal": {"AWS": DELETED}, "Action": "s3:GetObject"}
SSE_C = {"velero_encryption_mode": "sse-c"}
UNMANAGED_S3 = {"velero_manage_bucket": False, "velero_encryption_mode": "sse-s3"}
UNMANAGED = {"velero_manage_bucket": False, "velero_encryption_mode": "sse-kms"}


def denying_bucket_of_others(place: Place) -> None:
    place.create_bucket(SPARES_ADMIN)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    configuration = {"Rules": [{**rule, **blocked}]}
    place.client("s3").put_bucket_encryption(Bucket=place.bucket, ServerSideEncryptionConfiguration=configuration)


STATES: dict[str, State] = {
    # Velero
    "static-file": State("which wins", lambda p: p.install(**environment("AWS_SHARED_CREDENTIALS_FILE"))),
    "static-key": State("which wins", lambda p: p.install(**environment("AWS_ACCESS_KEY_ID"))),
    "static-secret": State("from Secret cloud", secret_environment),
    "service-account": State(
        'not what Deployment/velero runs as: that is "velero-server"',
        lambda p: p.install("velero-server"),
        {"velero_service_account": "velero"},
    ),
    "other-role": State("the variable AWS_ROLE_ARN", lambda p: p.install(**environment("AWS_ROLE_ARN"))),
    "other-token": State(
        "the variable AWS_WEB_IDENTITY_TOKEN_FILE", lambda p: p.install(**environment("AWS_WEB_IDENTITY_TOKEN_FILE"))
    ),
    "pod-profile": State("the variable AWS_PROFILE", lambda p: p.install(**environment("AWS_PROFILE"))),
    "pod-config-map": State("the variable AWS_PROFILE from ConfigMap settings", config_map_environment),
    "home-secret": State("the volume aws at /home/cnb/.aws", home_secret),
    "node-agent-key": State("DaemonSet/node-agent has a credential of its own", node_agent_key),
    "no-velero": State("has no Velero server", lambda p: None),
    "paused": State("is paused", installed(paused)),
    "running-backup": State("Backup nightly", installed(lambda p: p.backup("InProgress"))),
    # The BackupStorageLocation
    "invalid-config": State("has kmsKeyID in its config", installed(invalid_config)),
    "other-provider": State("is a location of the provider gcp", installed(lambda p: p.location(provider="gcp"))),
    "own-credential": State(
        "has a credential of its own", installed(lambda p: p.location(credential={"name": "cloud", "key": "x"}))
    ),
    "own-profile": State(
        "has a profile of its own",
        installed(lambda p: p.location(config={"region": "us-east-1", "profile": "backups"})),
    ),
    "own-file": State(
        "has a credentials file of its own",
        installed(lambda p: p.location(config={"region": "us-east-1", "credentialsFile": "/x"})),
    ),
    "other-bucket": State(
        "holds 1 backup (nightly)",
        installed(lambda p: p.location(backup=True, objectStorage={"bucket": "elsewhere", "prefix": "production"})),
    ),
    "other-prefix": State(
        "Set prefix to production to leave them where they are (velero_prefix",
        installed(lambda p: p.location(backup=True)),
        {"velero_prefix": "x"},
    ),
    "other-endpoint": State(
        "velero_s3_url: it is not set, and BackupStorageLocation",
        installed(lambda p: p.location(backup=True, config={"region": "us-east-1", "s3Url": "https://minio.example"})),
    ),
    "other-endpoint-taken-away": State(
        "Set s3_url to https://minio.example to leave them where they are (velero_s3_url",
        installed(lambda p: p.location(backup=True, config={"region": "us-east-1", "s3Url": "https://minio.example"})),
        {"velero_s3_url": ""},
    ),
    "key-not-listed": State(
        OTHER_KEY, installed(lambda p: p.location(backup=True, config={"region": "us-east-1", "kmsKeyId": OTHER_KEY}))
    ),
    "noted-key": State(
        OTHER_KEY,
        installed(lambda p: p.location(backup=True, annotations={"coffer.velero/kms-key-arn": OTHER_KEY})),
        {"velero_encryption_mode": "dsse-kms"},
    ),
    "from-customer-key": State(
        "holds 1 backup (nightly)",
        installed(
            lambda p: p.location(backup=True, config={"region": "us-east-1", "customerKeyEncryptionSecret": "own/key"})
        ),
    ),
    "key-in-other-case": State(
        "has kmsKeyID in its config",
        installed(lambda p: p.location(config={"region": "us-east-1", "kmsKeyID": "x"})),
    ),
    "alias-of-another-key": State("which Velero cannot read without the key", installed(alias_of_another_key)),
    "reader": State(
        "is ReadOnly: it takes no test backup",
        installed(lambda p: p.location(accessMode="ReadOnly")),
        {"velero_proof": "on_change"},
    ),
    "backup-under-way": State(
        "is under way in BackupStorageLocation",
        lambda p: under_way(p, BACKUP, phase="Finalizing"),
    ),
    "restore-under-way": State(
        "Restore nightly (WaitingForPluginOperations)",
        lambda p: under_way(p, RESTORE, phase="WaitingForPluginOperations"),
    ),
    "upload-under-way": State(
        "PodVolumeBackup nightly (InProgress)",
        lambda p: under_way(p, POD_VOLUME_BACKUP, **UPLOAD),
    ),
    "under-way-in-the-bucket": State(
        "PodVolumeBackup nightly (InProgress) is under way",
        under_way_in_the_bucket,
        {"velero_encryption_mode": "dsse-kms"},
    ),
    # The customer-provided key
    "no-customer-key": State("does not exist", Place.install, SSE_C),
    "long-customer-key": State(
        "holds 44 bytes", installed(lambda p: p.cluster.secret("velero-sse-c", key=b"x" * 44)), SSE_C
    ),
    # The KMS key
    "disabled-key": State("is disabled", installed(disabled_key)),
    "deleted-key": State("deletion", installed(deleted_key)),
    "asymmetric-key": State("symmetric", installed(lambda p: p.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"))),
    "no-such-key": State(
        "does not exist",
        Place.install,
        {"velero_kms_key_arn": "arn:aws:kms:us-east-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
    ),
    "key-elsewhere": State(
        "is in eu-west-1", Place.install, {"velero_kms_key_arn": OTHER_KEY.replace("us-east-1", "eu-west-1")}
    ),
    "managed-alias": State("alias/aws/s3", Place.install, {"velero_kms_alias": "alias/aws/s3"}),
    "rotation": State("rotation_period_in_days", Place.install, {"velero_kms_rotation_period_in_days": 5}),
    # The role
    "no-eks-cluster": State("nowhere", Place.install, {"velero_cluster_name": "nowhere", "velero_oidc_issuer_url": ""}),
    "no-issuer": State("velero_cluster_name: neither it nor", Place.install, {"velero_oidc_issuer_url": ""}),
    "long-policy": State(
        "characters, and IAM takes",
        Place.install,
        {"velero_kms_previous_key_arns": [f"{OTHER_KEY[:-12]}{number:012}" for number in range(90)]},
    ),
    # The bucket
    "foreign-bucket": State("does not belong to account", installed(foreign_bucket)),
    "bucket-elsewhere": State(
        "eu-west-1",
        installed(lambda p: p.create_bucket(CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})),
    ),
    "demands-header": State("DenyUnEncryptedObjectUploads", installed(lambda p: p.create_bucket(DEMANDS_HEADER))),
    "denies-velero": State("OnlyAdmins, which denies", installed(lambda p: p.create_bucket(SPARES_ADMIN))),
    "unmanaged-denies-velero": State("OnlyAdmins, which denies", installed(denying_bucket_of_others), UNMANAGED_S3),
    "orphan-of-bucket": State(DELETED, installed(lambda p: p.create_bucket(GONE_READER))),
    "unmanaged-bucket": State("velero_manage_bucket: is false", installed(Place.create_bucket), UNMANAGED),
    "unmanaged-and-missing": State("velero_manage_bucket: is false", Place.install, UNMANAGED),
    # Monitoring
    "long-schedule": State("168", Place.install, {"velero_audit": True, "kms_audit_backup_schedule_hours": 168}),
    "logs-among-backups": State(
        "bucket of the backups",
        Place.install,
        {"velero_audit": True, "kms_audit_trail": True, "kms_audit_bucket": "{bucket}"},
    ),
}


KEPT: dict[str, Any] = {
    "accessMode": "ReadOnly",
    "backupSyncPeriod": "5m0s",
    "validationFrequency": "2m0s",
    "default": True,
}
KEPT_CONFIG = {
    "tagging": "team=a&cost=b",
    "checksumAlgorithm": "CRC64NVME",
    "publicUrl": "https://backups.example",
    "s3Url": "https://s3.us-east-1.amazonaws.com",
    "enableSharedConfig": "true",
}
CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"


def adopt(place: Place) -> None:
    """Velero as the Helm chart installs it, and a location that others made."""
    place.install("velero-server")
    audience = {"metadata": {"annotations": {"eks.amazonaws.com/audience": "sts.example.com"}}}
    place.cluster.patch(SERVICE_ACCOUNT, "velero-server", audience)
    storage = {"bucket": place.bucket, "prefix": "production", "caCert": CERTIFICATE}
    place.location(backup=True, objectStorage=storage, config={"region": "us-east-1", **KEPT_CONFIG}, **KEPT)
    place.cluster.location("another", prefix="elsewhere")


#: What is not refused, in the same run.
ADOPTED = State("", adopt, {"velero_backup_sync_period": None, "velero_public_url": ""})
PLACES = {**STATES, "adopted": ADOPTED}


@pytest.fixture(scope="module")
def places(
    moto: Moto, _stack: Stack, _kube_proxy: KubeProxy, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Place]:
    moto.reset()
    _kube_proxy.reset()
    kubeconfig = tmp_path_factory.mktemp("kubeconfig") / "config"
    kubeconfig.write_text(json.dumps(_kube_proxy.kubeconfig))
    manifest = _stack.api.get(DEPLOYMENT, "velero", _stack.namespace)
    found = {}
    for number, (name, state) in enumerate(PLACES.items(), 1):
        account_id, namespace = f"{number:012}", f"refused-{name}"
        _stack.api.create(NAMESPACE, {"metadata": {"name": namespace}})
        cluster = Cluster(_stack.api, _kube_proxy, namespace, kubeconfig, manifest)
        place = Place(name, of_account(moto, account_id), cluster, account_id, moto.client)
        state.arrange(place)
        found[name] = place
    return found


def of_account(moto: Moto, account_id: str) -> Callable[..., Any]:
    role = f"arn:aws:iam::{account_id}:role/any"
    keys = moto.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return lambda service, **more: moto.client(service, aws_access_key_id=keys["AccessKeyId"], **more)


def variables(place: Place, state: State) -> dict[str, Any]:
    given = json.dumps(state.variables).replace("{account}", place.account_id).replace("{bucket}", place.bucket)
    access_key = place.client("sts")._request_signer._credentials.access_key
    return {
        "velero_proof": "never",
        "velero_region": "us-east-1",
        "velero_bucket": place.bucket,
        "velero_prefix": "production",
        "velero_oidc_issuer_url": "https://oidc.example.com/id/1",
        "velero_namespace": place.cluster.namespace,
        "velero_irsa_wait": False,
        "backup_location_wait": False,
        "velero_environment": {"AWS_ACCESS_KEY_ID": access_key},
        **json.loads(given),
    }


@dataclass(frozen=True)
class Outcome:
    """What the run said of each host, and what was there before and after."""

    messages: dict[str, str]
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def outcome(moto: Moto, places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    kubeconfig = {"KUBECONFIG": str(next(iter(places.values())).cluster.kubeconfig)}
    hosts = {name: variables(place, PLACES[name]) for name, place in places.items()}
    site = Site(tmp_path_factory.mktemp("site"), moto.environment | kubeconfig, {}, hosts=hosts)
    before = snapshot(places)
    process = site.start("--forks", "2")
    output, _errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, output
    messages = {line["host"]: str(line["result"]["msg"]) for line in site.lines() if line.get("failed")}
    return Outcome(messages, before, snapshot(places))


def snapshot(places: Mapping[str, Place]) -> dict[str, Any]:
    return {name: place.state for name, place in places.items()}


@pytest.mark.parametrize("name", STATES)
def test_refused_before_anything_is_changed(outcome: Outcome, name: str) -> None:
    assert STATES[name].text in outcome.messages.get(name, "")
    assert outcome.after[name] == outcome.before[name]


def test_what_no_variable_sets_stays_as_others_made_it(outcome: Outcome, places: dict[str, Place]) -> None:
    """The location's fields; and the role gets what they need, for the ServiceAccount that Velero has."""
    assert "adopted" not in outcome.messages
    place = places["adopted"]
    spec = place.cluster.spec() or {}
    key_id = spec["config"].pop("kmsKeyId")
    kept = {name: value for name, value in KEPT_CONFIG.items() if name != "publicUrl"}  # taken away by its variable
    assert spec["config"] == {"region": "us-east-1", **kept}
    storage = {"bucket": place.bucket, "prefix": "production", "caCert": CERTIFICATE}
    assert {name: value for name, value in spec.items() if name != "config"} == {
        "provider": "aws",
        "objectStorage": storage,
        **KEPT,
    }
    iam = place.client("iam")
    trust = iam.get_role(RoleName="velero")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Condition"]["StringEquals"] == {
        "oidc.example.com/id/1:aud": "sts.example.com",
        "oidc.example.com/id/1:sub": f"system:serviceaccount:{place.cluster.namespace}:velero-server",
    }
    provider = f"arn:aws:iam::{place.account_id}:oidc-provider/oidc.example.com/id/1"
    clients = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ClientIDList"]
    assert "sts.example.com" in clients
    (policy,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert "s3:PutObjectTagging" in str(version["Document"])
    assert key_id in str(version["Document"])
