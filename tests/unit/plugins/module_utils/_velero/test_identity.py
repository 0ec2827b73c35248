# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for the role of Velero's pods, and how its workloads are recognized."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.identity import (
    REVISION_ANNOTATION,
    ROLE_ANNOTATION,
    DesiredIdentity,
    Installation,
    Source,
    Workload,
    decide_identity,
)

ROLE = "arn:aws:iam::111122223333:role/velero"
ACCOUNT = "/api/v1/namespaces/velero/serviceaccounts/velero"
SERVER = "/apis/apps/v1/namespaces/velero/deployments/velero"


def _workload(revision: str | None = None, labels: dict[str, str] | None = None, **container: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "velero/velero:v1", **(container or {"args": ["server"]})}]
    metadata = {"annotations": {REVISION_ANNOTATION: revision} if revision else {}, "labels": labels or {}}
    template = {"metadata": metadata, "spec": {"serviceAccountName": "velero", "containers": containers}}
    metadata = {"name": "velero", "namespace": "velero", "generation": 1}
    return {"metadata": metadata, "spec": {"template": template, "selector": {}}}


def _account(role: str | None = None, revision: str | None = None) -> dict[str, Any]:
    marks = {ROLE_ANNOTATION: role, REVISION_ANNOTATION: revision}
    annotations = {name: value for name, value in marks.items() if value}
    return {"metadata": {"name": "velero", "resourceVersion": "7", "annotations": annotations}}


SET = (f"PATCH {ACCOUNT}", {ROLE_ANNOTATION: ROLE, REVISION_ANNOTATION: "7"})
TAKEN = (f"PATCH {ACCOUNT}", {ROLE_ANNOTATION: None, REVISION_ANNOTATION: "7"})


def _rolled_out(revision: str | None) -> tuple[str, Any]:
    return f"PATCH {SERVER}", {REVISION_ANNOTATION: revision}


@pytest.mark.parametrize(
    ("account", "template", "role", "steps"),
    [
        pytest.param(_account(), None, ROLE, [SET, _rolled_out("7")], id="new"),
        pytest.param(_account(ROLE, "3"), "3", ROLE, [], id="nothing to do"),
        pytest.param(_account(ROLE, "3"), None, ROLE, [_rolled_out("3")], id="cut before the renewal"),
        pytest.param(_account(ROLE, "3"), "2", ROLE, [_rolled_out("3")], id="cut before a later renewal"),
        pytest.param(_account("another", "3"), "3", ROLE, [SET, _rolled_out("7")], id="changed by others"),
        pytest.param(_account(ROLE), None, ROLE, [SET, _rolled_out("7")], id="annotated by others"),
        pytest.param(_account(ROLE), "3", ROLE, [SET, _rolled_out("7")], id="installed anew"),
        pytest.param(_account(ROLE, "3"), "3", None, [TAKEN, _rolled_out("7")], id="taken away"),
        pytest.param(_account(None, "7"), "3", None, [_rolled_out("7")], id="cut after it was taken away"),
        pytest.param(_account(None, "7"), "7", None, [], id="gone"),
        pytest.param(_account(), None, None, [], id="never there"),
    ],
)
def test_plan(account: dict[str, Any], template: str | None, role: str | None, steps: list[tuple[str, Any]]) -> None:
    plan = decide_identity(
        DesiredIdentity("velero", "velero", role), Installation.of(account, [_workload(template)], [])
    )
    found = []
    for step in plan.steps:
        body = step.arguments["body"]
        metadata = body["spec"]["template"]["metadata"] if "spec" in body else body["metadata"]
        found.append((step.action, metadata["annotations"]))
    assert found == steps


SERVERS: list[tuple[dict[str, Any], bool]] = [
    ({"command": ["/velero"], "args": ["server", "--log-level=debug"]}, True),
    ({"command": ["/usr/bin/velero", "server"]}, True),
    ({"image": "registry.example/velero/velero:v1", "args": ["server"]}, True),
    ({"command": ["/velero"], "args": ["node-agent", "server"]}, False),
    ({"image": "velero-ui:v1", "command": ["/ui"], "args": ["server"]}, False),
    ({"image": "nginx", "args": ["server"]}, False),
]


@pytest.mark.parametrize(("container", "server"), SERVERS)
def test_server_is_found_by_what_it_runs(container: dict[str, Any], server: bool) -> None:
    assert bool(Installation.of(None, [_workload(**container)], []).servers) == server


def test_server_behind_a_wrapper_is_found_by_its_labels() -> None:
    wrapped = _workload(labels={"component": "velero"}, command=["/bin/wrapper"])
    assert Installation.of(None, [wrapped], []).servers
    assert len(Installation.of(None, [_workload(), wrapped], []).servers) == 1


ROLE_BY_HAND = [{"name": "AWS_ROLE_ARN", "value": ROLE}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/token"}]
SECRET, CONFIG_MAP = Source("Secret", "cloud"), Source("ConfigMap", "settings")
KEYS = {SECRET: {"AWS_ACCESS_KEY_ID", "PROFILE"}, CONFIG_MAP: {"AWS_ROLE_ARN", "AWS_REGION"}}
FROM = [{"secretRef": {"name": "cloud"}}, {"configMapRef": {"name": "settings"}}]


def _variable(name: str, value: str | None = "x") -> dict[str, Any]:
    return {"env": [{"name": name, **({"valueFrom": {"secretKeyRef": {}}} if value is None else {"value": value})}]}


CREDENTIALS: list[tuple[dict[str, Any], list[str]]] = [
    *(
        (_variable(name), [f"the variable {name}"])
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_CONFIG_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_DEFAULT_PROFILE",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        )
    ),
    (_variable("AWS_ROLE_ARN", None), ["the variable AWS_ROLE_ARN"]),
    ({"envFrom": FROM[:1]}, ["the variable AWS_ACCESS_KEY_ID from Secret cloud"]),
    ({"envFrom": FROM[1:]}, ["the variable AWS_ROLE_ARN from ConfigMap settings"]),
    ({"envFrom": [{**FROM[0], "prefix": "AWS_"}]}, ["the variable AWS_PROFILE from Secret cloud"]),
    ({"envFrom": FROM[:1], **_variable("AWS_ACCESS_KEY_ID", "")}, []),
    ({"volumeMounts": [{"name": "v", "mountPath": "/home/cnb/.aws"}]}, ["the volume v at /home/cnb/.aws"]),
    (
        {"volumeMounts": [{"name": "v", "mountPath": "/root/.aws/credentials", "subPath": "c"}]},
        ["the volume v at /root/.aws/credentials"],
    ),
    ({"volumeMounts": [{"name": "empty", "mountPath": "/home/cnb/.aws"}]}, []),
    ({"volumeMounts": [{"name": "v", "mountPath": "/credentials"}]}, []),
    ({"env": ROLE_BY_HAND}, []),
    (_variable("AWS_REGION"), []),
]


@pytest.mark.parametrize(("container", "found"), CREDENTIALS)
def test_what_is_another_identity_than_the_role(container: dict[str, Any], found: list[str]) -> None:
    workload = _workload(args=["server"], **container)
    workload["spec"]["template"]["spec"]["volumes"] = [{"name": "empty", "emptyDir": {}}]
    assert Workload("Deployment", workload).other_credentials(ROLE, KEYS) == found


def test_init_container_is_none_of_velero() -> None:
    workload = _workload()
    workload["spec"]["template"]["spec"]["initContainers"] = [{"name": "i", **_variable("AWS_ACCESS_KEY_ID")}]
    assert Workload("Deployment", workload).other_credentials(ROLE, KEYS) == []


def test_service_account_is_that_of_the_server() -> None:
    server = _workload()
    server["spec"]["template"]["spec"]["serviceAccountName"] = "velero-server"
    account = {"metadata": {**_account()["metadata"], "annotations": {"eks.amazonaws.com/audience": "aws.example"}}}
    plan = decide_identity(DesiredIdentity("velero", None, ROLE), Installation.of(account, [server], []))
    assert plan.steps[0].action == "PATCH /api/v1/namespaces/velero/serviceaccounts/velero-server"
    assert plan.result["service_account"] == "velero-server"
    assert plan.result["audience"] == "aws.example"
    assert (
        decide_identity(DesiredIdentity("velero", None, None), Installation.of(None, [], [])).result["service_account"]
        == "velero"
    )


def _rollout(kind: Literal["Deployment", "DaemonSet"], spec: dict[str, Any], **status: int) -> bool:
    return Workload(kind, {"metadata": {"generation": 2}, "spec": spec, "status": status}).rolled_out


def test_renewed() -> None:
    done = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    assert _rollout("Deployment", {}, **done)
    assert not _rollout("Deployment", {}, **{**done, "observedGeneration": 1})
    assert not _rollout("Deployment", {}, **{**done, "replicas": 2})
    assert not _rollout("Deployment", {}, **{**done, "availableReplicas": 0})
    assert not _rollout("Deployment", {"replicas": 2}, **done)
    assert _rollout("Deployment", {"replicas": 0}, observedGeneration=2)
    nodes = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}
    assert _rollout("DaemonSet", {}, **nodes)
    assert not _rollout("DaemonSet", {}, **{**nodes, "updatedNumberScheduled": 2})
    assert _rollout("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, **{**nodes, "updatedNumberScheduled": 0})
    assert _rollout("DaemonSet", {}, observedGeneration=2)
