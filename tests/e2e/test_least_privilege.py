# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Least privilege: the real Velero and kopia under the role that ``site.yml`` made, where IAM is enforced.

With exactly the derived policy everything works; with each action taken away something fails, and Velero says so; the
trust policy lets nobody else in. MiniStack judges IAM, trust and bucket policies by its own evaluator, and three
permissions it never asks for:

- ``kms:GenerateDataKey`` and ``kms:Decrypt``: S3 asks KMS in the name of whoever writes or reads, MiniStack's S3 does
  not. Proven is that the statement allows the two calls on this key and no other, and none of them to the role itself
  (``kms:ViaService``); and what becomes of Velero where S3 refuses a write, a read or a part, as it does where KMS
  refused. That S3 makes these two calls for a write and a read, and with this encryption context, is S3's word.
- ``ec2:CreateTags`` and ``s3:PutObjectTagging``: needed where a create or a write carries tags. Proven is that they do.

MiniStack also lacks the condition key of the KMS key that a write names, so the one statement of the bucket policy that
denies writes without a key is taken out (:meth:`MiniStack.drop_key_demand`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack import AwsEndpoint, Stack, kopia_repository, wait_for
from tests.stack.api import BACKUP, CONFIG_MAP, DEPLOYMENT, NAMESPACE, SERVICE_ACCOUNT, Kind
from tests.stack.pods import with_string_audience
from tests.support.emulators import ROOT, MiniStack
from tests.support.proxy import Proxy

ACCOUNT = "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/velero"
BUCKET, PREFIX = "acme-backups", "production"
AUDIENCE = "sts.amazonaws.com"
ZONE = "us-east-1a"
PERSISTENT_VOLUME = Kind("v1", "PersistentVolume")
PERSISTENT_VOLUME_CLAIM = Kind("v1", "PersistentVolumeClaim")
SNAPSHOT_LOCATION = Kind("velero.io/v1", "VolumeSnapshotLocation")

Document = dict[str, Any]


def actions_of(document: Document) -> set[str]:
    return {action for statement in document["Statement"] for action in listed(statement["Action"])}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def without(document: Document, action: str) -> Document:
    """The same policy, less one action."""
    statements = [
        {**statement, "Action": [one for one in listed(statement["Action"]) if one != action]}
        for statement in document["Statement"]
    ]
    return {**document, "Statement": [statement for statement in statements if statement["Action"]]}


@dataclass
class Site:
    """A cluster and an account on which ``site.yml`` has run."""

    stack: Stack
    aws: MiniStack
    proxy: Proxy
    policy: Document

    # --- permissions ---

    @contextlib.contextmanager
    def allowing(self, policy: Document) -> Iterator[None]:
        """Another policy for the role, at once: sessions are judged by what the policy says now."""
        self._set(policy)
        try:
            yield
        finally:
            self._set(self.policy)

    def _set(self, policy: Document) -> None:
        iam = self.aws.client("iam")
        old = [version["VersionId"] for version in iam.list_policy_versions(PolicyArn=POLICY_ARN)["Versions"]]
        iam.create_policy_version(PolicyArn=POLICY_ARN, PolicyDocument=json.dumps(policy), SetAsDefault=True)
        for version in old:
            iam.delete_policy_version(PolicyArn=POLICY_ARN, VersionId=version)

    def token(self, account: str = "velero", namespace: str = "velero", audience: str = AUDIENCE) -> str:
        return with_string_audience(self.stack.api.service_account_token(account, namespace, audience))

    def assume(self, token: str) -> dict[str, str]:
        """The credentials that STS gives for a token."""
        answer = self.aws.client("sts").assume_role_with_web_identity(
            RoleArn=ROLE_ARN, RoleSessionName="test", WebIdentityToken=token
        )
        return dict(answer["Credentials"])

    def client(self, service: str) -> Any:
        """A client of the role's own."""
        keys = self.assume(self.token())
        return self.aws.client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    # --- what Velero does ---

    def back_up(self, namespace: str = "shop") -> tuple[str, str, str]:
        """A backup of a namespace with its volumes: its name, its phase, and everything that was said of it."""
        name = f"backup-{secrets.token_hex(4)}"
        with self._listening() as said:
            backup = self.stack.backup(
                name,
                [namespace],
                snapshotVolumes=True,
                volumeSnapshotLocations=["default"],
                includeClusterResources=None,
            )
        return name, *self._outcome(backup, said)

    def restore(self, backup: str) -> tuple[str, str, str]:
        """A restore into another namespace: its name, which is that of the namespace, and as above."""
        name = f"restore-{secrets.token_hex(4)}"
        with self._listening() as said:
            restore = self.stack.restore(name, backup, mapping={"shop": name}, restorePVs=True)
        return name, *self._outcome(restore, said)

    def _outcome(self, item: Any, said: list[str]) -> tuple[str, str]:
        status = item["status"]
        return status["phase"], "\n".join([status.get("failureReason", ""), *said])

    @contextlib.contextmanager
    def _listening(self) -> Iterator[list[str]]:
        """The errors of Velero's log from here to there."""
        with self.stack.velero_log.open() as log:
            log.seek(0, os.SEEK_END)
            said: list[str] = []
            yield said
            said.extend(line for line in log if "level=error" in line)

    def kopia(self) -> str:
        """A kopia repository and a snapshot with the role's credentials, as the data mover makes them."""
        keys = self.assume(self.token())
        aws = AwsEndpoint(self.proxy.url, self.aws.region, keys["AccessKeyId"], keys["SecretAccessKey"])
        return kopia_repository(aws, BUCKET, PREFIX, secrets.token_hex(4), session_token=keys["SessionToken"])

    # --- what is there ---

    def objects(self, prefix: str) -> set[str]:
        found = self.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/{prefix}")
        return {entry["Key"] for entry in found.get("Contents", ())}

    def objects_of(self, backup: str) -> set[str]:
        return self.objects(f"backups/{backup}/")

    def snapshots(self, backup: str) -> list[dict[str, Any]]:
        found = self.aws.client("ec2").describe_snapshots()["Snapshots"]
        mark = {"Key": "velero.io/backup", "Value": backup}
        return [snapshot for snapshot in found if mark in snapshot["Tags"]]

    def uploads(self) -> list[str]:
        found = self.aws.client("s3").list_multipart_uploads(Bucket=BUCKET)
        return [upload["Key"] for upload in found.get("Uploads", ())]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with MiniStack() as aws, Proxy(aws.url) as proxy, Stack(aws=aws, string_audience=True) as stack:
        point_ec2_at(stack, proxy.url)
        play(stack, aws, proxy, tmp_path_factory.mktemp("site"))
        aws.drop_key_demand(BUCKET)
        iam = aws.client("iam")
        version = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=version)["PolicyVersion"]["Document"]
        site = Site(stack, aws, proxy, document)
        fill(site)
        yield site


def point_ec2_at(stack: Stack, url: str) -> None:
    """Let the plugin find the emulator's EC2, which no option of it can name."""
    template = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["spec"]["template"]["spec"]
    (container,) = template["containers"]
    container["env"].append({"name": "AWS_ENDPOINT_URL_EC2", "value": url})
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    stack.api.patch(DEPLOYMENT, "velero", patch, stack.namespace)


def play(stack: Stack, aws: MiniStack, proxy: Proxy, directory: Path) -> None:
    """``site.yml`` as its users run it, with everything that puts an action into the policy."""
    variables = {
        "velero_proof": "never",
        "velero_region": aws.region,
        "velero_bucket": BUCKET,
        "velero_prefix": PREFIX,
        "velero_oidc_issuer_url": stack.issuer_url,
        "velero_s3_url": proxy.url,
        "velero_s3_force_path_style": True,
        "velero_ebs_snapshots": True,
        "velero_object_tagging": "team=storage&stage=production",
    }
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"production": variables}}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    environment |= {**stack.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections")}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(ROOT / "site.yml")]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fill(site: Site) -> None:
    """Namespace shop has a volume, namespace large more than a part of an upload holds; both are bound to be kept."""
    api = site.stack.api
    for name in ("shop", "large"):
        api.create(NAMESPACE, {"metadata": {"name": name}})
    api.create(CONFIG_MAP, {"metadata": {"name": "price"}, "data": {"euro": "1"}}, "shop")
    for number in range(9):
        noise = base64.b64encode(os.urandom(700_000)).decode()
        api.create(CONFIG_MAP, {"metadata": {"name": f"noise-{number}"}, "binaryData": {"noise": noise}}, "large")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "shop"}]}]
    volume = site.aws.client("ec2").create_volume(AvailabilityZone=ZONE, Size=1, TagSpecifications=tags)["VolumeId"]
    size = {"storage": "1Gi"}
    spec = {
        "capacity": size,
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": "shop", "name": "data"},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": volume},
    }
    api.create(
        PERSISTENT_VOLUME, {"metadata": {"name": "data", "labels": {"topology.kubernetes.io/zone": ZONE}}, "spec": spec}
    )
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": size},
        "volumeName": "data",
        "storageClassName": "",
    }
    api.create(PERSISTENT_VOLUME_CLAIM, {"metadata": {"name": "data"}, "spec": claim}, "shop")
    # There is no controller that would bind them.
    bound = {"status": {"phase": "Bound"}}
    api.patch(PERSISTENT_VOLUME, "data", bound, subresource="status")
    api.patch(PERSISTENT_VOLUME_CLAIM, "data", bound, "shop", "status")
    site.stack.create(SNAPSHOT_LOCATION, "default", {"provider": "aws", "config": {"region": site.aws.region}})


@pytest.fixture(autouse=True)
def undisturbed(site: Site) -> Iterator[None]:
    site.proxy.reset()
    yield
    site.proxy.reset()


# --- everything works ------------------------------------------------------------------------------------------------


def test_back_up_restore_delete(site: Site) -> None:
    name, phase, said = site.back_up()
    assert (phase, said) == ("Completed", "")
    assert len(site.objects_of(name)) == 9
    assert len(site.snapshots(name)) == 1

    namespace, phase, said = site.restore(name)
    assert phase == "Completed", said
    assert site.stack.api.get(CONFIG_MAP, "price", namespace)["data"] == {"euro": "1"}
    assert len(site.aws.client("ec2").describe_volumes()["Volumes"]) == 2

    site.stack.delete_backup(name)
    assert site.objects_of(name) == set()
    assert site.objects(f"restores/{namespace}/") == set()
    assert site.snapshots(name) == []
    assert denials(site) == []


def test_large_backup_is_uploaded_in_parts(site: Site) -> None:
    name, phase, said = site.back_up("large")
    assert (phase, said) == ("Completed", "")
    assert [site.proxy.count(operation=f"{step}MultipartUpload") for step in ("Create", "Complete", "Abort")] == [
        1,
        1,
        0,
    ]
    assert site.proxy.count(operation="UploadPart") > 1
    site.stack.delete_backup(name)
    assert denials(site) == []


def test_kopia_creates_a_repository_and_a_snapshot(site: Site) -> None:
    repository = site.kopia()
    assert {f"{repository}kopia.repository", f"{repository}kopia.blobcfg"} < site.objects("kopia/")
    assert denials(site) == []


def denials(site: Site) -> list[Any]:
    return [call for call in site.proxy.requests if call.status in (401, 403)]


# --- no action is there that nothing needs ---------------------------------------------------------------------------


def back_up(site: Site, _backup: str) -> str:
    _name, phase, said = site.back_up()
    assert phase in ("Failed", "PartiallyFailed")
    return said


def restore(site: Site, backup: str) -> str:
    _name, phase, said = site.restore(backup)
    assert phase in ("Failed", "PartiallyFailed")
    return said


def delete(site: Site, backup: str) -> str:
    with pytest.raises(RuntimeError) as raised:
        site.stack.delete_backup(backup)
    return str(raised.value)


def validate(site: Site, _backup: str) -> str:
    return str(site.stack.wait_location("default", "Unavailable", touch=True)["message"])


def kopia(site: Site, _backup: str) -> str:
    with pytest.raises(RuntimeError) as raised:
        site.kopia()
    return str(raised.value)


Attempt = Callable[[Site, str], str]
REMOVED: list[tuple[str, Attempt, str]] = [
    ("s3:GetObject", back_up, "error checking if backup already exists in object storage: "),
    ("s3:GetObject", restore, "error downloading backup: error copying Backup to temp file: "),
    ("s3:GetObject", kopia, "error retrieving storage config from bucket"),
    ("s3:PutObject", back_up, "backup execution failed: rpc error: code = Unknown desc = error putting object"),
    ("s3:PutObject", restore, "Error uploading restore results to backup storage"),
    ("s3:DeleteObject", delete, "error removing backup from backup storage: "),
    ("s3:DeleteObject", kopia, "failed to delete session marker"),
    ("s3:ListBucket", validate, "is unavailable: rpc error: code = Unknown desc = operation error S3: ListObjectsV2"),
    ("s3:ListBucket", kopia, "error listing blobs: "),
    ("ec2:DescribeVolumes", back_up, "error getting volume info: "),
    ("ec2:CreateSnapshot", back_up, "error taking snapshot of volume: "),
    ("ec2:DescribeSnapshots", restore, "error executing PVAction for persistentvolumes/data: "),
    ("ec2:CreateVolume", restore, "error executing PVAction for persistentvolumes/data: "),
    ("ec2:DeleteSnapshot", delete, "error deleting snapshot snap-"),
]
#: Those with a test of their own, below.
OTHERWISE = {"s3:AbortMultipartUpload", "kms:GenerateDataKey", "kms:Decrypt", "ec2:CreateTags", "s3:PutObjectTagging"}


def test_every_action_is_tried(site: Site) -> None:
    assert actions_of(site.policy) == {action for action, *dummy in REMOVED} | OTHERWISE


@pytest.mark.parametrize(
    ("action", "attempt", "text"), REMOVED, ids=[f"{action}-{attempt.__name__}" for action, attempt, _text in REMOVED]
)
def test_without_the_action_it_fails(site: Site, action: str, attempt: Attempt, text: str) -> None:
    backup, phase, said = site.back_up()
    assert phase == "Completed", said
    leftover = site.snapshots if action.startswith("ec2:") else site.objects_of
    before = leftover(backup)
    with site.allowing(without(site.policy, action)):
        site.proxy.clear()
        said = attempt(site, backup)
        assert text in said
        # HEAD has no body, so that an error there is a number alone.
        assert f"not authorized to perform: {action} " in said or "StatusCode: 403" in said
        assert denials(site)
        assert leftover(backup) == before
    site.stack.wait_location("default", touch=attempt is validate)


@pytest.mark.parametrize("allowed", [True, False])
def test_unfinished_upload_is_aborted_with_the_action_only(site: Site, allowed: bool) -> None:
    policy = site.policy if allowed else without(site.policy, "s3:AbortMultipartUpload")
    site.proxy.deny("s3", "UploadPart")
    with site.allowing(policy):
        name, phase, _said = site.back_up("large")
    assert phase == "Failed"
    assert site.proxy.count(operation="UploadPart", status=403)
    assert site.proxy.count(operation="AbortMultipartUpload", status=204 if allowed else 403) == 1
    assert site.uploads() == ([] if allowed else [f"{PREFIX}/backups/{name}/{name}.tar.gz"])


def test_creates_and_writes_carry_tags(site: Site) -> None:
    """EC2 then asks for ec2:CreateTags too, and S3 for s3:PutObjectTagging; MiniStack does not."""
    name, _phase, _said = site.back_up()
    (snapshot,) = site.snapshots(name)
    tags = {tag["Key"]: tag["Value"] for tag in snapshot["Tags"]}
    assert tags["velero.io/backup"] == name
    assert tags["team"] == "shop"
    assert site.proxy.count(service="ec2", operation="CreateTags") == 0, "tags came later, by a request of their own"

    key = f"{PREFIX}/backups/{name}/{name}.tar.gz"
    tags = site.aws.client("s3").get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "storage", "stage": "production"}
    assert site.proxy.count(service="s3", operation="PutObjectTagging") == 0


def test_ec2_only_for_snapshots_and_tagging_only_for_tags(site: Site) -> None:
    from ansible_collections.coffer.velero.plugins.module_utils._documents import iam_policy
    from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

    plain = {"account_id": ACCOUNT, "region": site.aws.region, "bucket": BUCKET, "prefix": PREFIX}
    profile = StorageProfile.parse({**plain, "kms_key_arn": key_arn(site)})
    more = actions_of(site.policy) - actions_of(iam_policy(profile))
    assert more == {action for action in more if action.startswith("ec2:")} | {"s3:PutObjectTagging"}
    without_kms = iam_policy(StorageProfile.parse({**plain, "encryption_mode": "sse-s3"}))
    assert {action for action in actions_of(without_kms) if not action.startswith("s3:")} == set()


# --- KMS: as far as it can be judged (see the top) -------------------------------------------------------------------


def key_arn(site: Site) -> str:
    return str(site.aws.client("kms").describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"])


def uses_of_key(site: Site, key_id: str) -> dict[str, Callable[[Any], Any]]:
    ciphertext = site.aws.client("kms").encrypt(KeyId=key_id, Plaintext=b"data key")["CiphertextBlob"]
    return {
        "kms:GenerateDataKey": lambda kms: kms.generate_data_key(KeyId=key_id, KeySpec="AES_256"),
        "kms:Decrypt": lambda kms: kms.decrypt(KeyId=key_id, CiphertextBlob=ciphertext),
    }


def is_denied(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "403"):
            raise
        return True
    return False


def test_key_cannot_be_used_but_through_s3(site: Site) -> None:
    kms = site.client("kms")
    for use in uses_of_key(site, key_arn(site)).values():
        assert is_denied(lambda use=use: use(kms))


@pytest.mark.parametrize("removed", [None, "kms:GenerateDataKey", "kms:Decrypt"])
def test_statement_allows_two_uses_of_one_key(site: Site, removed: str | None) -> None:
    """It is the condition that denied them: without it, both are allowed, each by its action, and on this key."""
    statements = [{k: v for k, v in statement.items() if k != "Condition"} for statement in site.policy["Statement"]]
    policy = without({**site.policy, "Statement": statements}, removed or "")
    other = site.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    kms = site.client("kms")
    with site.allowing(policy):
        for action, use in uses_of_key(site, key_arn(site)).items():
            assert is_denied(lambda use=use: use(kms)) == (action == removed)
        for use in uses_of_key(site, other).values():
            assert is_denied(lambda use=use: use(kms))
        assert is_denied(lambda: kms.encrypt(KeyId=key_arn(site), Plaintext=b"x"))
        assert is_denied(lambda: kms.describe_key(KeyId=key_arn(site)))


def test_backup_fails_where_s3_may_not_encrypt(site: Site) -> None:
    """What S3 answers to a write without kms:GenerateDataKey: AccessDenied."""
    site.proxy.deny("s3", "PutObject")
    _name, phase, said = site.back_up()
    assert phase == "Failed"
    assert "error putting object" in said


def test_backup_never_ends_where_s3_may_not_decrypt(site: Site) -> None:
    """What S3 answers to a read without kms:Decrypt: AccessDenied, to GET and not to HEAD."""
    site.proxy.deny("s3", "GetObject")
    with pytest.raises(TimeoutError):
        site.stack.backup("undecided", ["shop"], seconds=4)
    assert phase_of(site, "undecided") == "Finalizing"
    assert site.proxy.count(operation="GetObject", status=403) > 1, "it was not tried again"
    site.proxy.reset()
    wait_for("the backup ends", lambda: phase_of(site, "undecided") == "Completed", 60)


def phase_of(site: Site, backup: str) -> str:
    return str(site.stack.api.get(BACKUP, backup, site.stack.namespace)["status"]["phase"])


# --- where ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "key", "allowed"),
    [
        (BUCKET, f"{PREFIX}/backups/object", True),
        (BUCKET, "object", False),
        (BUCKET, f"{PREFIX}-2/object", False),
        (BUCKET, "staging/backups/object", False),
        ("other-backups", f"{PREFIX}/backups/object", False),
    ],
)
def test_only_under_the_prefix(site: Site, bucket: str, key: str, allowed: bool) -> None:
    root = site.aws.client("s3")
    root.create_bucket(Bucket=bucket)
    root.put_object(Bucket=bucket, Key=key, Body=b"data")
    s3 = site.client("s3")
    for call in (s3.get_object, s3.head_object, s3.put_object, s3.create_multipart_upload, s3.delete_object):
        assert is_denied(lambda call=call: call(Bucket=bucket, Key=key)) != allowed


def test_only_its_bucket_is_listed_and_nothing_else_of_it_is_read(site: Site) -> None:
    site.aws.client("s3").create_bucket(Bucket="other-backups")
    s3 = site.client("s3")
    assert not is_denied(lambda: s3.list_objects_v2(Bucket=BUCKET))
    calls: list[Callable[[], Any]] = [
        lambda: s3.list_objects_v2(Bucket="other-backups"),
        s3.list_buckets,
        lambda: s3.get_bucket_policy(Bucket=BUCKET),
        lambda: s3.get_bucket_encryption(Bucket=BUCKET),
        lambda: s3.list_object_versions(Bucket=BUCKET),
        lambda: s3.delete_bucket(Bucket=BUCKET),
    ]
    assert [is_denied(call) for call in calls] == [True] * len(calls)


# --- who -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def others(site: Site) -> None:
    """ServiceAccounts that are not Velero's."""
    api = site.stack.api
    api.create(NAMESPACE, {"metadata": {"name": "intruder"}})
    for name, namespace in (("intruder", "velero"), ("velero", "intruder")):
        api.create(SERVICE_ACCOUNT, {"metadata": {"name": name}}, namespace)


def is_refused(site: Site, token: str) -> bool:
    try:
        site.assume(token)
    except ClientError as error:
        if "Not authorized to perform sts:AssumeRoleWithWebIdentity" not in str(error):
            raise
        return True
    return False


STRANGERS = [
    pytest.param({"account": "intruder"}, "sub", id="another ServiceAccount"),
    pytest.param({"namespace": "intruder"}, "sub", id="another namespace"),
    pytest.param({"audience": "vault"}, "aud", id="another audience"),
]


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(("who", "claim"), STRANGERS)
def test_trust_policy_refuses(site: Site, who: dict[str, str], claim: str) -> None:
    """Refused, and by its condition: without that condition, the same token is taken."""
    assert not is_refused(site, site.token())
    assert is_refused(site, site.token(**who))

    iam = site.aws.client("iam")
    trust = iam.get_role(RoleName="velero")["Role"]["AssumeRolePolicyDocument"]
    wider = json.loads(json.dumps(trust))
    (statement,) = wider["Statement"]
    del statement["Condition"]["StringEquals"][f"{site.stack.issuer_url.removeprefix('https://')}:{claim}"]
    iam.update_assume_role_policy(RoleName="velero", PolicyDocument=json.dumps(wider))
    try:
        assert not is_refused(site, site.token(**who))
    finally:
        iam.update_assume_role_policy(RoleName="velero", PolicyDocument=json.dumps(trust))


def test_trust_policy_refuses_another_cluster(site: Site) -> None:
    """A cluster of the same account, with the same namespace and ServiceAccount."""
    with Stack(velero=False) as other:
        assert other.issuer_url != site.stack.issuer_url
        site.aws.client("iam").create_open_id_connect_provider(Url=other.issuer_url, ClientIDList=[AUDIENCE])
        token = with_string_audience(other.api.service_account_token("velero", "velero", AUDIENCE))
    assert is_refused(site, token)
