# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores of the real Velero, and each of its failures made real and diagnosed by name.

Velero runs under a role that MiniStack judges. Where a failure is one that MiniStack does not play (KMS under S3), the
location leads to moto over a proxy that answers in KMS's words, or to SeaweedFS, which asks a KMS for its keys.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.stack import Stack, wait_for
from tests.stack.api import (
    BACKUP,
    CONFIG_MAP,
    DELETE_BACKUP_REQUEST,
    DEPLOYMENT,
    LOCATION,
    NAMESPACE,
    POD,
    RESTORE,
    SECRET,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from tests.stack.pods import ROLE
from tests.support.emulators import MiniStack, Moto, SeaweedFS
from tests.support.proxy import Proxy
from tests.support.running import ModuleRunner, assert_change

BUCKET = "velero-backups"
ROLE_NAME = "velero"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
USER = "User: arn:aws:sts::123456789012:assumed-role/velero/session is not authorized to perform"
WHY = "because no identity-based policy allows the action"
PATIENT = {"wait_timeout": 40, "stall_timeout": 2}


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        moto.client("s3").create_bucket(Bucket=BUCKET)
        yield moto


@pytest.fixture(scope="module")
def proxy(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _no_faults(proxy: Proxy) -> Iterator[None]:
    yield
    proxy.reset()


@pytest.fixture(scope="module")
def ministack() -> Iterator[MiniStack]:
    if not MiniStack.is_installed():
        pytest.skip("MiniStack is not installed: make .venv-ministack/.stamp")
    with MiniStack() as ministack:
        ministack.client("s3").create_bucket(Bucket=BUCKET)
        yield ministack


@pytest.fixture(scope="module")
def stack(ministack: MiniStack, moto: Moto, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), ministack, string_audience=True) as stack:
        arn = _role(ministack, stack.issuer_url)
        stack.api.patch(SERVICE_ACCOUNT, "velero", {"metadata": {"annotations": {ROLE: arn}}}, stack.namespace)
        _roll_out(stack, {"spec": {"containers": [_with_a_patient_queue(stack)]}})
        stack.api.create(NAMESPACE, {"metadata": {"name": "shop"}})
        for number in range(3):
            body = {"metadata": {"name": f"price-{number}"}, "data": {"euro": str(number)}}
            stack.api.create(CONFIG_MAP, body, "shop")
        _locate(stack, "moto", proxy.url)
        _locate(stack, "ministack", ministack.url)
        for name in ("moto", "ministack"):
            stack.wait_location(name)
        os.environ["KUBECONFIG"] = str(stack.kubeconfig)
        yield stack
        del os.environ["KUBECONFIG"]


def _with_a_patient_queue(stack: Stack) -> Json:
    """Velero 1.18 loses count when a backup fails its validation faster than the queue notes that it was begun.

    With a count of 1 every later backup would stay in the queue until the next restart. Two backups of the same
    namespace never run side by side anyway.
    """
    (container,) = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["spec"]["template"]["spec"]["containers"]
    return {**container, "args": [*container["args"], "--concurrent-backups=20"]}


def _locate(stack: Stack, name: str, url: str, **config: str) -> None:
    config = {"region": "us-east-1", "s3Url": url, "s3ForcePathStyle": "true", **config}
    stack.create_location(name, BUCKET, name, config=config)


def _trust(issuer_url: str, account: str = "velero") -> str:
    issuer = issuer_url.removeprefix("https://")
    condition = {"StringEquals": {f"{issuer}:sub": f"system:serviceaccount:velero:{account}"}}
    principal = {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}
    action = "sts:AssumeRoleWithWebIdentity"
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(ministack: MiniStack, issuer_url: str) -> str:
    iam = ministack.client("iam")
    iam.create_open_id_connect_provider(Url=issuer_url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])
    role = iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=_trust(issuer_url))
    _allow(ministack)
    return str(role["Role"]["Arn"])


def _allow(ministack: MiniStack, *but: str) -> None:
    """What Velero needs, but something."""
    objects = [a for a in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject") if a not in but]
    bucket = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    inside = {"Effect": "Allow", "Action": objects, "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [bucket, inside]})
    ministack.client("iam").put_role_policy(RoleName=ROLE_NAME, PolicyName="velero", PolicyDocument=document)


def _roll_out(stack: Stack, template: Json) -> None:
    """Change the pod template, and wait for the new server."""
    changed = stack.api.patch(DEPLOYMENT, "velero", {"spec": {"template": template}}, stack.namespace)

    def done() -> bool:
        status = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["status"]
        seen = status["observedGeneration"] >= changed["metadata"]["generation"]
        return bool(seen and status.get("updatedReplicas") == 1 and status.get("availableReplicas") == 1)

    wait_for("rollout", done, 30)
    stack.server_status()


@pytest.fixture(scope="module")
def module() -> ModuleRunner:
    return ModuleRunner("module")


def _backup(name: str, location: str = "moto", **more: Any) -> dict[str, Any]:
    what = {"included_namespaces": ["shop"], "include_cluster_resources": False, "snapshot_volumes": False}
    return {"name": name, "storage_location": location, "ttl": "1h", **what, **PATIENT, **more}


def _keys(moto: Moto, prefix: str) -> list[str]:
    found = moto.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def _deletions(stack: Stack, name: str) -> list[Json]:
    requests = stack.api.list(DELETE_BACKUP_REQUEST, stack.namespace)
    return [item for item in requests if item["spec"]["backupName"] == name]


def _in_bucket(moto: Moto, backup: Json, **more: Any) -> dict[str, Any]:
    place = {"bucket": BUCKET, "prefix": "moto", "backup": backup}
    access = {"endpoint_url": moto.url, "region": moto.region, "access_key": "test", "secret_key": "test"}
    return {**place, **access, **more}


# --- what works ------------------------------------------------------------------------------------------------------


def test_backup_restore_and_removal(stack: Stack, moto: Moto, run: ModuleRunner) -> None:
    """Each in check mode and for real, for the first time and again."""
    name = f"good-{run.path}"
    made = assert_change(run, "backup", _backup(name), lambda: stack.api.find(BACKUP, name, stack.namespace))
    assert (made["phase"], made["error_count"], made["warning_count"]) == ("Completed", 0, 0)
    assert made["backup"]["metadata"]["name"] == name

    metadata = run.ok("backup_metadata_info", **_in_bucket(moto, made["backup"]))
    assert metadata["matches"], metadata

    restore = {"name": name, "backup_name": name, "namespace_mapping": {"shop": f"again-{name}"}, **PATIENT}
    done = assert_change(run, "restore", restore, lambda: stack.api.find(RESTORE, name, stack.namespace))
    assert done["phase"] == "Completed"
    copies = {item["metadata"]["name"]: item["data"] for item in stack.api.list(CONFIG_MAP, f"again-{name}")}
    assert copies == {f"price-{number}": {"euro": str(number)} for number in range(3)}

    assert _keys(moto, f"moto/restores/{name}/")
    gone = {"name": name, "state": "absent", **PATIENT}
    assert_change(run, "restore", gone, lambda: stack.api.find(RESTORE, name, stack.namespace))
    assert _keys(moto, f"moto/restores/{name}/") == []
    assert _keys(moto, f"moto/backups/{name}/")
    assert_change(run, "backup", gone, lambda: stack.api.find(BACKUP, name, stack.namespace))
    assert _keys(moto, f"moto/backups/{name}/") == []
    assert _deletions(stack, name) == []


def test_backup_that_waits_in_the_queue(stack: Stack, proxy: Proxy, module: ModuleRunner) -> None:
    """The second one waits for the first, which uploads slowly, and then is made; the next task goes on waiting."""
    proxy.fault(1, "delay", seconds=8, service="s3", operation="PutObject")
    module.ok("backup", **_backup("slow", wait=False))
    result = module("backup", **_backup("queued", wait_timeout=3))
    assert result["error"]["layer"] == "queue", result["msg"]
    assert result["error"]["cause"] == "Velero is at work on others: slow (InProgress)"
    for name in ("slow", "queued"):
        again = module.ok("backup", **_backup(name, stall_timeout=60))
        assert (again["changed"], again["phase"]) == (False, "Completed")


# --- the bucket and the cluster contradict each other ----------------------------------------------------------------


def test_last_write_is_denied(stack: Stack, moto: Moto, proxy: Proxy, module: ModuleRunner) -> None:
    """Nine objects are written before the last word, which is velero-backup.json once more."""
    proxy.fault(10, "deny", service="s3", operation="PutObject")
    made = module.ok("backup", **_backup("contradicted"))
    assert made["phase"] == "Completed"
    found = module.ok("backup_metadata_info", **_in_bucket(moto, made["backup"]))
    assert (found["exists"], found["matches"]) == (True, False)
    phase, *others = found["mismatches"]
    assert phase == {"field": "status.phase", "backup": "Completed", "metadata": "Finalizing"}
    assert [item["field"] for item in others] == ["status.completionTimestamp"]
    assert found["remediation"].startswith("Velero could not write its last word")


def test_metadata_is_not_there(stack: Stack, moto: Moto, module: ModuleRunner) -> None:
    made = module.ok("backup", **_backup("emptied"))
    moto.client("s3").delete_object(Bucket=BUCKET, Key="moto/backups/emptied/velero-backup.json")
    found = module.ok("backup_metadata_info", **_in_bucket(moto, made["backup"]))
    assert (found["exists"], found["matches"], found["mismatches"]) == (False, False, [])


# --- the key ---------------------------------------------------------------------------------------------------------


def test_no_generate_data_key(stack: Stack, proxy: Proxy, run: ModuleRunner) -> None:
    """The backup fails; the same task tells it again; removed and made anew it is well."""
    name = f"unwritable-{run.path}"
    proxy.deny("s3", "PutObject", f"{USER}: kms:GenerateDataKey on resource: {KEY} {WHY}")
    for _again in range(2):
        result = run("backup", **_backup(name))
        assert result["failed"]
        assert result["msg"].startswith(
            f'Backup "{name}" is Failed: Velero\'s role may not encrypt under the key (kms:GenerateDataKey). Allow '
            "kms:GenerateDataKey and kms:Decrypt on the key to Velero's role"
        ), result["msg"]
        assert KEY in result["msg"]
        assert (result["error"]["layer"], result["error"]["state"]) == ("key", "Failed")
    proxy.reset()
    run.ok("backup", name=name, state="absent", **PATIENT)
    assert run.ok("backup", **_backup(name))["changed"]


def test_no_decrypt(stack: Stack, proxy: Proxy, run: ModuleRunner) -> None:
    """The backup would finalize for ever; once the right is there, the same task asks Velero to try again."""
    name = f"unreadable-{run.path}"
    proxy.deny("s3", "GetObject", f"{USER}: kms:Decrypt on resource: {KEY} {WHY}")
    result = run("backup", **_backup(name))
    assert (result["error"]["layer"], result["error"]["state"]) == ("key", "Finalizing"), result["msg"]
    assert result["error"]["cause"] == "Velero's role may not decrypt what it wrote (kms:Decrypt)"
    assert "Then run the task again" in result["msg"]
    assert "X-Amz-Signature" not in result["msg"]
    message = run.refused("backup", name=name, state="absent", **PATIENT)
    assert message.startswith(
        f'Backup "{name}" was not deleted: backup deletion failed: backup is still in progress. Wait for its end'
    )
    proxy.reset()
    again = run.ok("backup", **_backup(name))
    assert (again["changed"], again["phase"]) == (False, "Completed")


def test_restore_without_decrypt(stack: Stack, proxy: Proxy, module: ModuleRunner) -> None:
    module.ok("backup", **_backup("source"))
    proxy.deny("s3", "GetObject", f"{USER}: kms:Decrypt on resource: {KEY} {WHY}")
    arguments = {"name": "unread", "backup_name": "source", "namespace_mapping": {"shop": "unread"}, **PATIENT}
    result = module("restore", **arguments)
    assert result["msg"].startswith('Restore "unread" is Failed: Velero\'s role may not decrypt what it wrote')
    assert result["error"]["layer"] == "key"


@pytest.fixture
def weed(stack: Stack) -> Iterator[tuple[Moto, str]]:
    """A location on SeaweedFS, which encrypts under a key of a KMS of its own."""
    with Moto() as kms, SeaweedFS(kms) as weed:
        key = kms.client("kms").create_key()["KeyMetadata"]
        weed.client("s3").create_bucket(Bucket=BUCKET)
        static = "[default]\naws_access_key_id=test\naws_secret_access_key=test\n"
        stack.api.create(SECRET, {"metadata": {"name": "weed"}, "stringData": {"cloud": static}}, stack.namespace)
        _locate(stack, "weed", weed.url, kmsKeyId=key["Arn"])
        credential = {"spec": {"credential": {"name": "weed", "key": "cloud"}}}
        stack.api.patch(LOCATION, "weed", credential, stack.namespace)
        stack.wait_location("weed")
        yield kms, key["KeyId"]
        stack.api.delete(LOCATION, "weed", stack.namespace)


def test_key_is_disabled(stack: Stack, proxy: Proxy, module: ModuleRunner) -> None:
    """In the words that AWS has for it."""
    module.ok("backup", **_backup("enabled"))
    for operation in ("PutObject", "GetObject"):
        proxy.deny("s3", operation, f"{KEY} is disabled.", "KMS.DisabledException")
    restore = {"backup_name": "enabled", "namespace_mapping": {"shop": "x"}}
    for result in (module("backup", **_backup("disabled")), module("restore", name="disabled", **restore, **PATIENT)):
        assert (result["error"]["layer"], result["error"]["state"]) == ("key", "Failed"), result["msg"]
        assert "the key is disabled, so that nothing under it can be written or read. Enable it" in result["msg"]


def test_key_is_disabled_for_a_server_that_encrypts(stack: Stack, weed: tuple[Moto, str], module: ModuleRunner) -> None:
    """SeaweedFS really asks KMS, keeps its answer to itself and fails."""
    kms, key = weed
    module.ok("backup", **_backup("weed-enabled", "weed"))
    kms.client("kms").disable_key(KeyId=key)
    restore = {"backup_name": "weed-enabled", "namespace_mapping": {"shop": "x"}}
    for result in (module("backup", **_backup("weed-off", "weed")), module("restore", name="weed-off", **restore)):
        assert (result["error"]["layer"], result["error"]["state"]) == ("storage", "Failed"), result["msg"]
        assert "S3 answers with an error of its own. Run it again later. A server other than AWS's" in result["msg"]
        assert "whether the key is enabled" in result["msg"]


# --- the role --------------------------------------------------------------------------------------------------------


@contextmanager
def _without(ministack: MiniStack, action: str) -> Iterator[None]:
    _allow(ministack, action)
    yield
    _allow(ministack)


def test_no_put_object(stack: Stack, ministack: MiniStack, module: ModuleRunner) -> None:
    with _without(ministack, "s3:PutObject"):
        result = module("backup", **_backup("unputtable", "ministack"))
    assert result["error"]["layer"] == "storage", result["msg"]
    assert "may not write objects (s3:PutObject). Allow s3:PutObject on the objects" in result["msg"]


def test_no_get_object(stack: Stack, ministack: MiniStack, module: ModuleRunner) -> None:
    with _without(ministack, "s3:GetObject"):
        result = module("backup", **_backup("ungettable", "ministack"))
    assert result["error"]["layer"] == "storage", result["msg"]
    assert "may not look for an object (s3:GetObject, and s3:ListBucket" in result["msg"]


def test_wrong_trust(stack: Stack, ministack: MiniStack, run: ModuleRunner) -> None:
    name = f"untrusted-{run.path}"
    iam = ministack.client("iam")
    iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=_trust(stack.issuer_url, "somebody-else"))
    try:
        stack.wait_location("ministack", "Unavailable", touch=True)
        message = _refused_and_failed(stack, run, name, "ministack", "identity")
        assert "The role's trust policy must name the cluster's OIDC issuer" in message
    finally:
        iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=_trust(stack.issuer_url))
    stack.wait_location("ministack", touch=True)
    _remade(stack, run, name, "ministack")


def _refused_and_failed(stack: Stack, run: ModuleRunner, name: str, location: str, layer: str) -> str:
    """A task makes no backup for such a location; one that somebody else made has failed, and the task says why."""
    message = run.refused("backup", **_backup(name, location))
    assert message.startswith(f'storage_location: BackupStorageLocation "{location}" is Unavailable: ')
    assert stack.api.find(BACKUP, name, stack.namespace) is None
    assert run.ok("backup", check=True, **_backup(name, location))["changed"]
    failed = stack.backup(name, ["shop"], location=location)
    assert failed["status"]["phase"] == "FailedValidation"
    result = run("backup", **_backup(name, location))
    assert result["error"]["layer"] == layer, result["msg"]
    assert result["msg"].startswith(f'Backup "{name}" is FailedValidation: BackupStorageLocation "{location}" is Un')
    return str(result["msg"])


def _remade(stack: Stack, run: ModuleRunner, name: str, location: str) -> None:
    """What failed its validation says so also when its location is well again, and goes without a request to Velero."""
    message = run.refused("backup", **_backup(name, location))
    assert "was not available then; it is now. Remove it (state=absent) and run the task again." in message
    assert run.ok("backup", name=name, state="absent", **PATIENT)["changed"]
    assert _deletions(stack, name) == []
    assert run.ok("backup", **_backup(name, location))["phase"] == "Completed"


# --- the location ----------------------------------------------------------------------------------------------------


def test_wrong_prefix(stack: Stack, moto: Moto, proxy: Proxy, module: ModuleRunner) -> None:
    moto.client("s3").put_object(Bucket=BUCKET, Key="logs/AWSLogs/x", Body=b"")
    _locate(stack, "logs", proxy.url)
    stack.wait_location("logs", "Unavailable")
    message = _refused_and_failed(stack, module, "misplaced", "logs", "location")
    assert "invalid top-level directories: [AWSLogs]" in message
    moto.client("s3").delete_object(Bucket=BUCKET, Key="logs/AWSLogs/x")
    stack.wait_location("logs", touch=True)
    _remade(stack, module, "misplaced", "logs")


# --- the content -----------------------------------------------------------------------------------------------------


def test_partial_backup(stack: Stack, module: ModuleRunner) -> None:
    """A hook that cannot be run: the counts, and the first errors from the results in the bucket."""
    stack.api.create(NAMESPACE, {"metadata": {"name": "hooked"}})
    hook = {"pre.hook.backup.velero.io/command": '["/bin/true"]', "pre.hook.backup.velero.io/container": "main"}
    pod = {"metadata": {"name": "pod", "annotations": hook}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    stack.api.create(POD, pod, "hooked")
    stack.api.patch(POD, "pod", {"status": {"phase": "Running"}}, "hooked", "status")
    arguments = _backup("partial", included_namespaces=["hooked"])
    result = module("backup", **arguments)
    assert (result["error"]["layer"], result["error"]["state"]) == ("content", "PartiallyFailed"), result["msg"]
    assert "not everything could be handled (1 error). See the errors. Then remove it" in result["msg"]
    assert "Error executing hook" in result["msg"]
    accepted = module.ok("backup", **arguments, accepted_phases=["Completed", "PartiallyFailed"])
    assert accepted["phase"] == "PartiallyFailed"
    assert accepted["error_count"] > 0


def test_partial_restore(stack: Stack, module: ModuleRunner) -> None:
    """A policy of the cluster refuses one of the items."""
    module.ok("backup", **_backup("whole"))
    stack.api.create(NAMESPACE, {"metadata": {"name": "strict", "labels": {"strict": "yes"}}})
    with _strict(stack):
        arguments = {"name": "partial", "backup_name": "whole", "namespace_mapping": {"shop": "strict"}, **PATIENT}
        result = module("restore", **arguments)
    assert (result["error"]["layer"], result["error"]["state"]) == ("content", "PartiallyFailed"), result["msg"]
    assert "namespace strict: " in result["msg"]


@contextmanager
def _strict(stack: Stack) -> Iterator[None]:
    policy = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
    binding = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.metadata.name != 'price-1'"}],
    }
    stack.api.create(policy, {"metadata": {"name": "strict"}, "spec": spec})
    matching = {"namespaceSelector": {"matchLabels": {"strict": "yes"}}}
    bound = {"policyName": "strict", "validationActions": ["Deny"], "matchResources": matching}
    stack.api.create(binding, {"metadata": {"name": "strict"}, "spec": bound})

    def enforced() -> bool:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "price-1"}}
        return stack.api.raw("POST", CONFIG_MAP.path("strict") + "?dryRun=All", body)[0] >= 400

    wait_for("the policy is enforced", enforced, 20)
    yield
    stack.api.delete(binding, "strict")
    stack.api.delete(policy, "strict")


# --- the server, last since it takes Velero down ---------------------------------------------------------------------


def _scale(stack: Stack, replicas: int) -> None:
    stack.api.patch(DEPLOYMENT, "velero", {"spec": {"replicas": replicas}}, stack.namespace)


def test_server_is_down(stack: Stack, module: ModuleRunner) -> None:
    """The backup waits for a server; the task says so, and goes on when it is run again with a server."""
    _scale(stack, 0)
    wait_for(
        "no server", lambda: not stack.api.get(DEPLOYMENT, "velero", stack.namespace)["status"].get("replicas"), 20
    )
    try:
        result = module("backup", **_backup("orphaned"))
        assert (result["error"]["layer"], result["error"]["state"]) == ("server", "New"), result["msg"]
        assert "the Velero server does not answer (Deployment/velero is scaled to 0). Bring it up" in result["msg"]
    finally:
        _scale(stack, 1)
    stack.server_status()
    again = module.ok("backup", **_backup("orphaned"))
    assert (again["changed"], again["phase"]) == (False, "Completed")


def test_server_is_restarted(stack: Stack, proxy: Proxy, module: ModuleRunner) -> None:
    """The backup that it was at work on is given up by the next server."""
    proxy.fault(1, "delay", seconds=20, service="s3", operation="PutObject")
    module.ok("backup", **_backup("interrupted", wait=False))

    def phase() -> str:
        return str((stack.api.get(BACKUP, "interrupted", stack.namespace).get("status") or {}).get("phase"))

    wait_for("it is under way", lambda: phase() == "InProgress", 20)
    (pod,) = stack.api.list(POD, stack.namespace, labelSelector="deploy=velero")
    stack.api.delete(POD, pod["metadata"]["name"], stack.namespace)
    result = module("backup", **_backup("interrupted"))
    assert (result["error"]["layer"], result["error"]["state"]) == ("server", "Failed"), result["msg"]
    assert "the Velero server was restarted while it was at work on it. Remove it and create it again" in result["msg"]


def test_plugin_is_missing(stack: Stack, module: ModuleRunner) -> None:
    """Nothing is made, deleted or removed, and each says why."""
    module.ok("backup", **_backup("before"))
    module.ok("restore", name="before", backup_name="before", namespace_mapping={"shop": "before"}, **PATIENT)
    _roll_out(stack, {"spec": {"initContainers": None}})
    stack.wait_location("moto", "Unavailable", touch=True)
    message = _refused_and_failed(stack, module, "pluginless", "moto", "plugin")
    assert "unable to locate ObjectStore plugin named velero.io/aws. Add velero-plugin-for-aws to Velero" in message
    message = module.refused("backup", name="before", state="absent", **PATIENT)
    assert "currently in Unavailable state. Velero deletes only from a location that is Available" in message
    result = module("restore", name="before", state="absent", **PATIENT)
    assert (result["error"]["layer"], result["error"]["state"]) == ("plugin", "being deleted"), result["msg"]
