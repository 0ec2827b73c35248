# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack itself: the real programs run, a pod keeps its identity until it is rolled out, and nothing is left."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, kopia_repository, sandbox, wait_for
from tests.stack.api import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, SECRET, SERVICE_ACCOUNT, Json
from tests.stack.pods import ROLE
from tests.stack.processes import MARK, free_ports, require_free_port
from tests.support.emulators import Moto

BUCKET = "velero-backups"
ROLE_ARN = "arn:aws:iam::123456789012:role/velero"


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        moto.client("s3").create_bucket(Bucket=BUCKET)
        yield moto


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    workdir = tmp_path_factory.mktemp("stack")
    with Stack(workdir, moto) as stack:
        stack.api.create(NAMESPACE, {"metadata": {"name": "shop"}})
        for number in range(5):
            body = {"metadata": {"name": f"price-{number}"}, "data": {"euro": "1"}}
            stack.api.create(CONFIG_MAP, body, "shop")
        yield stack
    assert processes_of(workdir) == []


def processes_of(workdir: Path) -> list[str]:
    """Every process of a stack, plugins included, by the mark in its environment."""
    mark = f"{MARK}={workdir}\0".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                found.append((path.parent / "comm").read_text().strip())
        except OSError:
            continue
    return found


def annotate(stack: Stack, role: str | None) -> None:
    stack.api.patch(SERVICE_ACCOUNT, "velero", {"metadata": {"annotations": {ROLE: role}}}, stack.namespace)


def pod(stack: Stack) -> Json | None:
    """The one pod of Velero, once it runs."""
    running = [
        item
        for item in stack.api.list(POD, stack.namespace, labelSelector="deploy=velero")
        if item.get("status", {}).get("phase") == "Running"
    ]
    return running[0] if len(running) == 1 else None


def roll_out(stack: Stack, spec: Json | None = None) -> Json:
    """Change the pod template, wait as `kubectl rollout status` does, and return the new pod."""
    mark = {"metadata": {"annotations": {"rolled-out": secrets.token_hex(4)}}}
    changed = stack.api.patch(
        DEPLOYMENT, "velero", {"spec": {"template": {**mark, "spec": spec or {}}}}, stack.namespace
    )

    def done() -> bool:
        status = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["status"]
        seen = status["observedGeneration"] >= changed["metadata"]["generation"]
        return bool(seen and status.get("updatedReplicas") == 1 and status.get("availableReplicas") == 1)

    wait_for("rollout", done, 30)
    stack.server_status()
    return wait_for("pod", lambda: pod(stack), 5)


def locate(stack: Stack, moto: Moto, name: str, **more: str) -> None:
    config = {"region": moto.region, "s3Url": moto.url, "s3ForcePathStyle": "true", **more}
    stack.create_location(name, BUCKET, name, config=config)


def test_velero_serves_with_the_aws_plugin(stack: Stack) -> None:
    status = stack.server_status()
    assert status["serverVersion"].startswith("v1.18.")
    assert {"name": "velero.io/aws", "kind": "ObjectStore"} in status["plugins"]


def test_role_arrives_with_the_rollout_and_not_before(stack: Stack, moto: Moto) -> None:
    annotate(stack, None)
    before = roll_out(stack)
    locate(stack, moto, "irsa")
    assert "get credentials" in stack.wait_location("irsa", "Unavailable")["message"]

    annotate(stack, ROLE_ARN)
    stack.wait_location("irsa", "Unavailable", touch=True)
    assert pod(stack) == before

    after = roll_out(stack)
    stack.wait_location("irsa", "Available", touch=True)
    (container,) = after["spec"]["containers"]
    assert {"name": "AWS_ROLE_ARN", "value": ROLE_ARN} in container["env"]
    assert after["metadata"]["name"] != before["metadata"]["name"]


def test_deleted_pod_is_replaced(stack: Stack) -> None:
    before = roll_out(stack)
    stack.api.delete(POD, before["metadata"]["name"], stack.namespace)

    def replaced() -> bool:
        now = pod(stack)
        return now is not None and now["metadata"]["uid"] != before["metadata"]["uid"]

    wait_for("another pod", replaced, 30)


def test_static_credentials_win_over_the_role(stack: Stack, moto: Moto) -> None:
    annotate(stack, ROLE_ARN)
    locate(stack, moto, "static")
    body = {"metadata": {"name": "cloud-credentials"}, "stringData": {"cloud": "[default]\n"}}
    stack.api.create(SECRET, body, stack.namespace)
    template = stack.api.get(DEPLOYMENT, "velero", stack.namespace)["spec"]["template"]["spec"]
    (container,) = template["containers"]
    volume = {"name": "cloud-credentials", "secret": {"secretName": "cloud-credentials"}}
    mount = {"name": "cloud-credentials", "mountPath": "/credentials"}
    variable = {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/credentials/cloud"}
    changed = {
        **container,
        "env": [*container["env"], variable],
        "volumeMounts": [*container["volumeMounts"], mount],
    }

    roll_out(stack, {"volumes": [*template["volumes"], volume], "containers": [changed]})
    stack.wait_location("static", "Unavailable", touch=True)

    roll_out(stack, {"volumes": template["volumes"], "containers": [container]})
    stack.wait_location("static", "Available", touch=True)
    stack.api.delete(SECRET, "cloud-credentials", stack.namespace)


def test_backup_restore_and_delete(stack: Stack, moto: Moto) -> None:
    annotate(stack, ROLE_ARN)
    roll_out(stack)
    locate(stack, moto, "default")
    stack.wait_location("default")
    backup = stack.backup("nightly", ["shop"])
    assert backup["status"]["phase"] == "Completed"
    restore = stack.restore("again", "nightly", mapping={"shop": "shop-again"})
    assert restore["status"]["phase"] == "Completed"
    assert len(stack.api.list(CONFIG_MAP, "shop-again")) == 5
    repository = kopia_repository(moto, BUCKET, "default", "shop")
    stack.delete_backup("nightly")
    left = moto.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="default/")["Contents"]
    assert left
    assert all(item["Key"].startswith((repository, "default/metadata/")) for item in left)


def test_customer_key_from_a_secret(stack: Stack, moto: Moto) -> None:
    """The plugin reads it from inside the cluster, as the pod's ServiceAccount."""
    if not sandbox.allowed(stack.logs):
        pytest.skip("user namespaces are not allowed here")
    annotate(stack, ROLE_ARN)
    roll_out(stack)
    data = {"key": base64.b64encode(os.urandom(31)).decode()}
    stack.api.create(SECRET, {"metadata": {"name": "customer-key"}, "data": data}, stack.namespace)
    locate(stack, moto, "sse-c", customerKeyEncryptionSecret="customer-key/key")
    assert "31" in stack.wait_location("sse-c", "Unavailable")["message"]
    data["key"] = base64.b64encode(os.urandom(32)).decode()
    stack.api.patch(SECRET, "customer-key", {"data": data}, stack.namespace)
    stack.wait_location("sse-c", "Available", touch=True)


def test_busy_port_is_named() -> None:
    (port,) = free_ports(1)
    server = subprocess.Popen([sys.executable, "-m", "http.server", str(port)], stderr=subprocess.DEVNULL)
    try:
        with pytest.raises(RuntimeError, match=rf"port {port} must be free .* process {server.pid} .*http.server"):
            wait_for("refusal", lambda: require_free_port(port, "a test"), 10)
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_process_that_started_it(number: int, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time, pathlib, tests.stack\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "with tests.stack.Stack(pathlib.Path(sys.argv[1]), velero=False):\n"
        "    print('up', flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        assert sorted(processes_of(tmp_path)) == ["etcd", "kube-apiserver"]
        child.send_signal(number)
        child.wait(30)
    wait_for("all ended", lambda: not processes_of(tmp_path), 10)


def test_kubernetes_alone_starts_within_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    with Stack(tmp_path, velero=False) as stack:
        seconds = time.monotonic() - started
        assert stack.api.list(POD, stack.namespace) == []
    assert seconds < 30  # 3 seconds on two idle cores
