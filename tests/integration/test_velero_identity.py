# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""velero_identity against a real kube-apiserver; what controllers and the server write is written by the test."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.stack.api import (
    BACKUP,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    LOCATION,
    POD,
    RESTORE,
    SECRET,
    SERVER_STATUS_REQUEST,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from tests.support.cluster import Cluster
from tests.support.running import ModuleRunner, assert_change, controller_only

MODULE = "velero_identity"
ROLE = "arn:aws:iam::111122223333:role/velero"
OTHER_ROLE = "arn:aws:iam::111122223333:role/path/velero-new"
IRSA = "eks.amazonaws.com/role-arn"
REVISION = "coffer.velero/identity-revision"
PLUGIN = "velero.io/aws"


@pytest.fixture
def options(cluster: Cluster) -> dict[str, Any]:
    return {"namespace": cluster.namespace, "role_arn": ROLE, "wait": False}


def _annotations(cluster: Cluster, name: str = "velero") -> Json:
    found = cluster.find(SERVICE_ACCOUNT, name)
    return (found or {})["metadata"].get("annotations", {})


def _template(cluster: Cluster, kind: Kind = DEPLOYMENT, name: str = "velero") -> Json:
    found = cluster.find(kind, name)
    return (found or {})["spec"]["template"]["metadata"].get("annotations", {})


def _state(cluster: Cluster) -> Any:
    return _annotations(cluster), _template(cluster), _template(cluster, DAEMON_SET, "node-agent")


def test_lifecycle(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.install_node_agent()
    cluster.patch(SERVICE_ACCOUNT, "velero", {"metadata": {"annotations": {"team": "a"}}})
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"template": {"metadata": {"annotations": {"team": "a"}}}}})
    cluster.serve(DEPLOYMENT, "velero")
    workloads = ["Deployment/velero", "DaemonSet/node-agent"]
    absent = {"namespace": cluster.namespace, "state": "absent", "wait": False}
    for arguments, role in ((options, ROLE), ({**options, "role_arn": OTHER_ROLE}, OTHER_ROLE), (absent, None)):
        before = _annotations(cluster).get(IRSA)
        result = assert_change(run, MODULE, arguments, partial(_state, cluster))
        assert result["restarted"] == result["workloads"] == workloads
        assert result["diff"]["before"] == ({"role_arn": before} if before else {})
        assert result["diff"]["after"] == {"restarted": workloads, **({"role_arn": role} if role else {})}
        assert _annotations(cluster).get(IRSA) == role
        assert _annotations(cluster)["team"] == _template(cluster)["team"] == "a"


def test_no_op_is_three_requests(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.install_node_agent()
    run.ok(MODULE, **options)
    cluster.serve(DEPLOYMENT, "velero")
    cluster.serve(DAEMON_SET, "node-agent")
    cluster.proxy.reset()
    assert not run.ok(MODULE, **{**options, "wait": True, "wait_timeout": 0})["changed"]
    assert len(cluster.proxy.requests) == 3
    assert all(request.startswith("GET") for request in cluster.proxy.requests)


@controller_only
@pytest.mark.parametrize("lost", range(1, 9))
def test_cut_anywhere(run: ModuleRunner, cluster: Cluster, options: dict[str, Any], lost: int) -> None:
    """Every request's answer lost in turn: the run goes on by itself, and its story is the whole one."""
    cluster.install()
    cluster.install_node_agent()
    cluster.proxy.lose_answer_of = lost
    result = run.ok(MODULE, **options)
    assert result["changed"]
    assert set(result["diff"]["after"]) == {"role_arn", "restarted"}
    assert _annotations(cluster)[IRSA] == ROLE
    revision = _annotations(cluster)[REVISION]
    assert _template(cluster)[REVISION] == _template(cluster, DAEMON_SET, "node-agent")[REVISION] == revision
    assert not run.ok(MODULE, **options)["changed"]


def test_cut_before_the_renewal(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """A ServiceAccount that is right says nothing of the pods: the template's revision does."""
    cluster.install()
    run.ok(MODULE, **options)
    cluster.serve(DEPLOYMENT, "velero")
    template = {"metadata": {"annotations": {REVISION: "1"}}}
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"template": template}})
    result = run.ok(MODULE, **options)
    assert result["diff"] == {"before": {}, "after": {"restarted": ["Deployment/velero"]}}


def test_role_changed_by_others_and_back(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """Pods that were renewed meanwhile have the wrong role, though the template still bears a mark of ours."""
    cluster.install()
    run.ok(MODULE, **options)
    cluster.patch(SERVICE_ACCOUNT, "velero", {"metadata": {"annotations": {IRSA: OTHER_ROLE}}})
    assert run.ok(MODULE, **options)["restarted"] == ["Deployment/velero"]


def test_first_run_for_an_annotated_installation(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.patch(SERVICE_ACCOUNT, "velero", {"metadata": {"annotations": {IRSA: ROLE}}})
    assert run.ok(MODULE, **options)["diff"]["after"] == {"restarted": ["Deployment/velero"]}
    assert not run.ok(MODULE, **options)["changed"]


def test_names_of_the_helm_chart(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install("velero-server")
    cluster.install_node_agent("agents", "velero-server")
    message = run.refused(MODULE, check=True, **options, service_account="velero")
    assert message == (
        'service_account: ServiceAccount "velero" is not what Deployment/velero runs as: that is "velero-server". '
        "Leave service_account out (velero_service_account in the roles), or set it to velero-server; the role's trust "
        "policy must name the same."
    )
    result = run.ok(MODULE, **options)
    assert result["service_account"] == "velero-server"
    assert result["restarted"] == ["Deployment/velero", "DaemonSet/agents"]


def _container(**content: Any) -> dict[str, Any]:
    base = {"name": "velero", "image": "velero/velero:v1", "command": ["/velero"], "args": ["server"]}
    return {"containers": [{**base, **content}]}


STATIC = [
    (
        _container(env=[{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/credentials/cloud"}]),
        "the variable AWS_SHARED_CREDENTIALS_FILE",
    ),
    (
        _container(
            env=[
                {
                    "name": "AWS_ACCESS_KEY_ID",
                    "valueFrom": {"secretKeyRef": {"name": "cloud", "key": "id"}},
                }
            ]
        ),
        "the variable AWS_ACCESS_KEY_ID",
    ),
    (
        _container(envFrom=[{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "cloud"}}]),
        "the variable AWS_ACCESS_KEY_ID from Secret cloud",
    ),
    (
        _container(envFrom=[{"configMapRef": {"name": "settings"}}]),
        "the variable AWS_ROLE_ARN from ConfigMap settings",
    ),
]

#: A Secret without such a key is none of ours.
NOT_STATIC = [
    _container(env=[{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": ""}]),
    {
        **_container(volumeMounts=[{"name": "cloud-credentials", "mountPath": "/credentials"}]),
        "volumes": [{"name": "cloud-credentials", "secret": {"secretName": "cloud-credentials"}}],
        "initContainers": [],
    },
    _container(envFrom=[{"secretRef": {"name": "other"}}, {"secretRef": {"name": "missing", "optional": True}}]),
    _container(envFrom=[{"secretRef": {"name": "cloud"}, "prefix": "OTHER_"}]),
]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("pod", "text"), STATIC, ids=[text for _pod, text in STATIC])
def test_static_credential(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], pod: dict[str, Any], text: str, check: bool
) -> None:
    cluster.secret("cloud", AWS_ACCESS_KEY_ID=b"AKIA", AWS_SECRET_ACCESS_KEY=b"never shown")
    cluster.create(CONFIG_MAP, "settings", data={"AWS_ROLE_ARN": OTHER_ROLE, "AWS_REGION": "x"})
    cluster.install(**pod)
    assert run.refused(MODULE, check=check, **options) == (
        f"role_arn: Deployment/velero has a credential of its own ({text}), which wins over the role of the "
        "ServiceAccount. Take it away first: Helm chart with credentials.useSecret=false and without "
        "credentials.extraSecretRef, velero install --no-secret, or remove the variable or volume."
    )
    assert not any(request.startswith("PATCH") for request in cluster.proxy.requests)
    assert not run.ok(MODULE, check=check, namespace=cluster.namespace, state="absent")["changed"]


@pytest.mark.parametrize("pod", NOT_STATIC)
def test_what_the_role_wins_over(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], pod: dict[str, Any]
) -> None:
    cluster.secret("cloud", AWS_ACCESS_KEY_ID=b"AKIA")
    cluster.secret("other", AWS_REGION=b"eu-central-1", AWS_ACCESS_KEY_ID=b"")
    cluster.install(**pod)
    assert run.ok(MODULE, **options)["changed"]


@pytest.mark.parametrize(
    ("role_arn", "text"),
    [
        ("velero", "role_arn: velero is not the ARN of a role. Write arn:aws:iam::ACCOUNT:role/NAME."),
        ("arn:aws:iam::111122223333:user/velero", "is not the ARN of a role."),
        ("", "role_arn: it is not the ARN of a role."),
        (None, "role_arn: it is not set. Give arn:aws:iam::ACCOUNT:role/NAME, as coffer.velero.iam_role returns it"),
    ],
)
def test_role_arn(run: ModuleRunner, cluster: Cluster, options: dict[str, Any], role_arn: Any, text: str) -> None:
    assert text in run.refused(MODULE, **{**options, "role_arn": role_arn})
    assert cluster.proxy.requests == []


@pytest.mark.parametrize("check", [True, False])
def test_empty_cluster(run: ModuleRunner, cluster: Cluster, options: dict[str, Any], check: bool) -> None:
    """Refused before anything is changed, by a check run too."""
    lacking = f'namespace: namespace "{cluster.namespace}" has no Velero server. Install Velero first: velero install'
    assert run.refused(MODULE, check=check, **options).startswith(lacking)
    nowhere = {**options, "namespace": "nothing-here"}
    assert run.refused(MODULE, check=check, **nowhere).startswith("namespace: ")
    cluster.install()
    cluster.api.delete(SERVICE_ACCOUNT, "velero", cluster.namespace)
    message = run.refused(MODULE, check=check, **options)
    assert message.startswith(
        f'service_account: ServiceAccount "velero" does not exist in namespace "{cluster.namespace}"'
    )
    assert "Velero's installation creates it" in message


def test_two_servers(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """One that is scaled to zero is none, unless it is all there is."""
    cluster.install()
    spec = (cluster.find(DEPLOYMENT, "velero") or {})["spec"]
    cluster.create(DEPLOYMENT, "another", spec=spec)
    refused = (
        f'namespace: namespace "{cluster.namespace}" has several Velero servers (Deployment/another, Deployment/velero)'
        ". Remove all but one, or scale them to zero: two servers disturb each other's backups."
    )
    assert run.refused(MODULE, **options) == refused
    cluster.patch(DEPLOYMENT, "another", {"spec": {"replicas": 0}})
    assert run.ok(MODULE, check=True, **options)["restarted"] == ["Deployment/velero"]
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"replicas": 0}})
    assert run.refused(MODULE, **options) == refused
    cluster.api.delete(DEPLOYMENT, "another", cluster.namespace)
    assert run.ok(MODULE, **options)["restarted"] == ["Deployment/velero"]


def test_paused(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.patch(DEPLOYMENT, "velero", {"spec": {"paused": True}})
    message = run.refused(MODULE, **options)
    assert (
        "Deployment/velero is paused, so that its pods would not be restarted. Resume it: kubectl rollout resume"
        in message
    )


def test_warnings(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.install_node_agent("foreign", "someone")
    cluster.install_node_agent("manual", updateStrategy={"type": "OnDelete"})
    owner = {"apiVersion": "oadp/v1", "kind": "DataProtectionApplication", "name": "dpa", "uid": "u"}
    cluster.patch(DEPLOYMENT, "velero", {"metadata": {"ownerReferences": [owner]}})
    assert run.ok(MODULE, **options)["warnings"] == [
        'DaemonSet/foreign runs as "someone" and does not get the role; volume data that it writes needs one too.',
        "Deployment/velero belongs to DataProtectionApplication dpa, which may undo the change of its template.",
        "DaemonSet/manual restarts its pods only when they are deleted (OnDelete): delete them.",
    ]


def test_what_the_role_does_not_cover(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """Told with a change: the password of the repositories in their own backups, and snapshots without a right."""
    cluster.install()
    cluster.secret("velero-repo-credentials", **{"repository-password": b"never shown"})
    snapshots = Kind("velero.io/v1", "VolumeSnapshotLocation")
    cluster.create(snapshots, "ebs", spec={"provider": "velero.io/aws"})
    cluster.create(snapshots, "disks", spec={"provider": "gcp"})
    result = run.ok(MODULE, check=True, **options, ebs_snapshots=False)
    assert result["warnings"] == [
        f'Secret "velero-repo-credentials" in namespace {cluster.namespace} has no label '
        "velero.io/exclude-from-backup=true, so that a backup of this namespace contains the key to itself: kubectl -n "
        f"{cluster.namespace} label secret velero-repo-credentials velero.io/exclude-from-backup=true. Keep a copy of "
        "it outside the cluster and the bucket.",
        "The role gets no permissions for EBS snapshots, and VolumeSnapshotLocation ebs makes them: set "
        "velero_ebs_snapshots=true, or remove it.",
    ]
    labels = {"velero.io/exclude-from-backup": "true"}
    cluster.patch(SECRET, "velero-repo-credentials", {"metadata": {"labels": labels}})
    assert run.ok(MODULE, check=True, **options, ebs_snapshots=True)["warnings"] == []


PHASES = [
    (BACKUP, "InProgress", True),
    (BACKUP, "New", True),
    (BACKUP, "", True),
    (BACKUP, "Queued", True),
    (BACKUP, "ReadyToStart", True),
    (RESTORE, "InProgress", True),
    (BACKUP, "WaitingForPluginOperations", False),
    (BACKUP, "Finalizing", False),
    (BACKUP, "Completed", False),
    (RESTORE, "PartiallyFailed", False),
]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("kind", "phase", "refused"), PHASES, ids=[f"{k.name} {p}" for k, p, _r in PHASES])
def test_running_backup(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], kind: Kind, phase: str, refused: bool, check: bool
) -> None:
    cluster.install()
    cluster.create(kind, "nightly", spec={}, status={"phase": phase} if phase else {})
    result = run(MODULE, check=check, **options)
    if not refused:
        assert result["changed"], result
        return
    assert result["msg"] == (
        f"backup_timeout: {kind.name} nightly ({phase or 'New'}) would be marked Failed by a new Velero server. "
        "Run the task again when it has ended, or wait for it longer than 0 s: backup_timeout "
        "(velero_irsa_backup_timeout in the roles)."
    )
    assert IRSA not in _annotations(cluster)


def test_data_movers_of_node_agent(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.install_node_agent()
    cluster.create(BACKUP, "nightly", spec={}, status={"phase": "WaitingForPluginOperations"})
    assert "Backup nightly (WaitingForPluginOperations) would be" in run.refused(MODULE, **options)


def test_backup_while_nothing_changes(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    run.ok(MODULE, **options)
    cluster.create(BACKUP, "nightly", spec={}, status={"phase": "InProgress"})
    assert not run.ok(MODULE, **options)["changed"]


def test_server_that_is_down_does_nothing(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.patch(DEPLOYMENT, "velero", {"status": {"availableReplicas": None, "readyReplicas": None}}, "status")
    cluster.create(BACKUP, "nightly", spec={}, status={"phase": "InProgress"})
    assert run.ok(MODULE, **options)["changed"]


def test_waits_for_a_backup(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    cluster.create(BACKUP, "nightly", spec={}, status={"phase": "InProgress"})
    assert "wait for it longer than 1 s: backup_timeout" in run.refused(MODULE, **options, backup_timeout=1)
    assert run.ok(MODULE, check=True, **options, backup_timeout=1)["changed"]
    with cluster.soon(1, partial(cluster.patch, BACKUP, "nightly", {"status": {"phase": "Completed"}})):
        assert run.ok(MODULE, **options, backup_timeout=10)["changed"]


def test_renewal_that_does_not_come(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """The error tells how far it came and what stands in the way; the next run goes on waiting."""
    cluster.install()
    labels = (cluster.find(DEPLOYMENT, "velero") or {})["spec"]["selector"]["matchLabels"]
    spec = {"containers": [{"name": "velero", "image": "velero"}]}
    cluster.create(POD, "velero-1", metadata={"labels": labels}, spec=spec)
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    state = {
        "name": "velero",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    cluster.patch(POD, "velero-1", {"status": {"containerStatuses": [state]}}, "status")
    options = {**options, "wait": True, "wait_timeout": 1}
    for _again in range(2):
        message = run.refused(MODULE, **options)
        assert message.startswith("Deployment/velero: 1 of 1 pods restarted, 1 available after 1 s.")
        assert "velero-1: ImagePullBackOff no such image. The role is set; run the task again" in message
    cluster.serve(DEPLOYMENT, "velero")
    assert not run.ok(MODULE, **options)["changed"]


def test_server_that_does_not_answer(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.install()
    with cluster.soon(1, partial(cluster.serve, DEPLOYMENT, "velero")):
        message = run.refused(MODULE, **{**options, "wait": True, "wait_timeout": 3})
    assert "does not answer within 3 s, though its pod is up. See its log: kubectl" in message
    assert cluster.proxy.requests[-1].startswith("DELETE /apis/velero.io/v1/")


def test_server_without_the_plugin(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """It answers, and could use no location of AWS."""
    cluster.install()
    cluster.serve(DEPLOYMENT, "velero")

    def answer(request: str) -> None:
        """What controllers and such a server write."""
        method, _space, path = request.partition(" ")
        plural, name = path.split("/")[-2:]
        if method == "GET" and plural == "deployments":
            cluster.serve(DEPLOYMENT, name)
        elif method == "GET" and plural == "serverstatusrequests":
            plugins = [{"kind": "ObjectStore", "name": "velero.io/gcp"}, {"kind": "BackupItemAction", "name": PLUGIN}]
            status = {"phase": "Processed", "serverVersion": "v1", "plugins": plugins}
            cluster.patch(SERVER_STATUS_REQUEST, name, {"status": status})

    cluster.proxy.attendant = answer
    assert run.refused(MODULE, **{**options, "wait": True, "wait_timeout": 20}) == (
        f"Velero in namespace {cluster.namespace} has no plugin velero.io/aws. Add velero-plugin-for-aws: velero "
        "plugin add, or initContainers of the Helm chart."
    )


def test_permissions_are_named_as_a_role_spells_them(run: ModuleRunner, cluster: Cluster) -> None:
    """Of each kind, with a real ServiceAccount that may do nothing, against the real authorizer."""
    cluster.create(SERVICE_ACCOUNT, "nobody")
    token = cluster.api.service_account_token("nobody", cluster.namespace)
    connection = {"host": cluster.api.url, "api_key": token, "ca_cert": str(cluster.api.ca_file)}
    names = {"namespace": cluster.namespace}
    message = run.refused("backup_storage_location", **connection, **names, bucket="bucket", region="us-east-1")
    assert f"need the verb get on backupstoragelocations.velero.io in namespace {cluster.namespace}." in message
    assert token not in message
    message = run.refused("velero_identity", **connection, **names, role_arn="arn:aws:iam::111122223333:role/velero")
    assert f"need the verb list on deployments.apps in namespace {cluster.namespace}." in message
    message = run.refused("sse_c_secret", **{**connection, "api_key": "expired"}, **names)
    assert "The cluster does not know these credentials" in message


# --- a role that others use ------------------------------------------------------------------------------------------


def locate(cluster: Cluster, name: str, **spec: Any) -> None:
    spec = {"provider": "aws", "objectStorage": {"bucket": name}, **spec}
    cluster.create(LOCATION, name, spec=spec)


def test_role_of_other_locations_is_kept(run: ModuleRunner, cluster: Cluster, options: dict[str, Any]) -> None:
    """Neither replaced nor taken away, unless the task says that they can do without."""
    cluster.install()
    run.ok(MODULE, **options, location="mine")
    locate(cluster, "mine")
    locate(cluster, "theirs", provider="velero.io/aws")
    other = options | {"role_arn": OTHER_ROLE, "location": "mine"}
    for check in (True, False):
        assert run.refused(MODULE, check=check, **other) == (
            f"role_arn: {OTHER_ROLE} is not the role that Velero's pods have, by which Velero reaches "
            f"BackupStorageLocation theirs: {ROLE}. Use that role (velero_role_name and velero_role_path in the "
            "roles), which can serve several locations. Where the new one has the permissions for theirs too, set "
            "replace_role=true (velero_irsa_replace_role)."
        )
        absent = options | {"role_arn": None, "state": "absent"}
        assert run.refused(MODULE, check=check, **absent) == (
            'state: ServiceAccount "velero" has the role by which Velero reaches BackupStorageLocation mine, theirs: '
            f"{ROLE}. Remove the locations first, or set replace_role=true."
        )
    assert _annotations(cluster)[IRSA] == ROLE
    assert run.ok(MODULE, **other, replace_role=True)["changed"]


@pytest.mark.parametrize("spec", [{"provider": "gcp"}, {"credential": {"name": "own", "key": "cloud"}}])
def test_location_that_does_not_use_the_role(
    run: ModuleRunner, cluster: Cluster, options: dict[str, Any], spec: Json
) -> None:
    cluster.install()
    run.ok(MODULE, **options)
    locate(cluster, "theirs", **spec)
    assert run.ok(MODULE, **options | {"role_arn": OTHER_ROLE})["changed"]
