# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sse_c_secret against a real kube-apiserver."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack.api import BACKUP, SECRET
from tests.support.cluster import Cluster
from tests.support.running import ModuleRunner, assert_change

MODULE = "sse_c_secret"
KEY = bytes(range(32))


def _key(cluster: Cluster, key: str = "key") -> bytes | None:
    found = cluster.find(SECRET, "velero-sse-c")
    return base64.b64decode(found["data"][key]) if found and key in found.get("data", {}) else None


def test_four_runs(run: ModuleRunner, cluster: Cluster) -> None:
    """There is nothing to modify and nothing to delete: a key that exists is never touched."""
    result = assert_change(
        run, MODULE, {"namespace": cluster.namespace, "create_if_missing": True}, lambda: _key(cluster)
    )
    key = _key(cluster)
    assert key is not None
    assert len(key) == 32
    assert result["warnings"] == [
        f'Secret "velero-sse-c/key" in namespace {cluster.namespace} gets a new random key. Keep a copy of it outside '
        "this cluster: without it every backup that is written with it is lost."
    ]
    shown = json.dumps(result)
    assert not any(form in shown for form in (key.hex(), base64.b64encode(key).decode(), repr(key)))


def test_no_op_is_one_request_and_shows_nothing(run: ModuleRunner, cluster: Cluster) -> None:
    cluster.secret("velero-sse-c", key=KEY)
    result = run.ok(MODULE, namespace=cluster.namespace)
    assert not result["changed"]
    assert "velero.io/exclude-from-backup" in result["warnings"][0]
    assert len(cluster.proxy.requests) == 1
    assert base64.b64encode(KEY).decode() not in json.dumps(result)


def test_lost_key_is_not_replaced(run: ModuleRunner, cluster: Cluster) -> None:
    """A new one would read none of the backups; without backups it is as good as any."""
    cluster.location("customer", config={"customerKeyEncryptionSecret": "velero-sse-c/key"})
    cluster.location("other")
    cluster.create(BACKUP, "elsewhere", spec={"storageLocation": "other"})
    assert run.ok(MODULE, namespace=cluster.namespace, create_if_missing=True, check=True)["changed"]
    cluster.create(BACKUP, "nightly", spec={"storageLocation": "customer"})
    for check in (True, False):
        assert run.refused(MODULE, namespace=cluster.namespace, create_if_missing=True, check=check) == (
            'secret: Secret "velero-sse-c/key" does not exist, and 1 backup (nightly) in customer can be read with its '
            "old key only. Put that key back from your copy. If there is none, these backups are lost: delete them, or "
            "name another Secret and make a location of its own for it (velero_sse_c_secret and "
            "velero_backup_location_name in the roles)."
        )
    assert _key(cluster) is None
    run.ok(MODULE, namespace=cluster.namespace, secret="another/key", create_if_missing=True)


def test_key_is_added_to_a_foreign_secret(run: ModuleRunner, cluster: Cluster) -> None:
    cluster.secret("velero-sse-c", other=b"kept")
    run.ok(MODULE, namespace=cluster.namespace, create_if_missing=True)
    assert _key(cluster, "other") == b"kept"
    assert len(_key(cluster) or b"") == 32


@pytest.mark.parametrize("create_if_missing", [False, True])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (KEY + b"\n", "holds 33 bytes, not 32. It looks like 32 bytes and a line break"),
        (KEY.hex().encode(), "holds 64 bytes, not 32. It looks like a key in hexadecimal"),
    ],
)
def test_wrong_length(run: ModuleRunner, cluster: Cluster, value: bytes, text: str, create_if_missing: bool) -> None:
    """It is named by its length alone, and never replaced."""
    cluster.secret("velero-sse-c", key=value)
    message = run.refused(MODULE, namespace=cluster.namespace, create_if_missing=create_if_missing)
    assert message.startswith(f'secret: Secret "velero-sse-c/key" {text}')
    assert not value or value.decode("latin-1").strip() not in message
    assert _key(cluster) == value


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("other", [False, True])
def test_missing(run: ModuleRunner, cluster: Cluster, check: bool, other: bool) -> None:
    if other:
        cluster.secret("velero-sse-c", other=b"kept")
    assert run.refused(MODULE, check=check, namespace=cluster.namespace) == (
        f'secret: Secret "velero-sse-c/key" does not exist in namespace {cluster.namespace}. Make it: head -c 32 '
        f"/dev/urandom > sse-c.key; kubectl -n {cluster.namespace} create secret generic velero-sse-c "
        f"--from-file=key=sse-c.key; kubectl -n {cluster.namespace} label secret velero-sse-c "
        "velero.io/exclude-from-backup=true; keep the file in a safe place, for without it the backups are lost. "
        "create_if_missing=true creates a random key once. In the roles that is velero_sse_c_create_if_missing."
    )


@pytest.mark.parametrize("reference", ["velero-sse-c", ""])
def test_reference(run: ModuleRunner, cluster: Cluster, reference: str) -> None:
    assert "does not name a key of a Secret. Write" in run.refused(MODULE, secret=reference, create_if_missing=True)
    assert cluster.proxy.requests == []


def test_immutable(run: ModuleRunner, cluster: Cluster) -> None:
    cluster.create(SECRET, "velero-sse-c", immutable=True, data={})
    assert run.refused(MODULE, namespace=cluster.namespace, create_if_missing=True) == (
        'secret: Secret "velero-sse-c/key" cannot be added to its Secret, which is immutable. Name another Secret '
        "(velero_sse_c_secret in the roles), or replace this one."
    )


def test_check_run_without_velero(run: ModuleRunner, cluster: Cluster) -> None:
    assert run.ok(MODULE, check=True, namespace="nothing-here", create_if_missing=True)["changed"]
    message = run.refused(MODULE, namespace="nothing-here", create_if_missing=True)
    assert 'namespaces "nothing-here" not found. Install Velero first' in message


@pytest.mark.parametrize("arranged", [{}, {"other": b"kept"}])
def test_lost_answer(run: ModuleRunner, cluster: Cluster, arranged: dict[str, Any]) -> None:
    """The second of the two requests is carried out, and its answer lost: the key of that moment stays."""
    if arranged:
        cluster.secret("velero-sse-c", **arranged)
    cluster.proxy.lose_answer_of = 2
    assert run.ok(MODULE, namespace=cluster.namespace, create_if_missing=True)["changed"]
    key = _key(cluster)
    assert len(key or b"") == 32
    assert not run.ok(MODULE, namespace=cluster.namespace, create_if_missing=True)["changed"]
    assert _key(cluster) == key


@pytest.mark.parametrize("in_module", [False, True])
def test_key_is_not_shown_at_any_verbosity(cluster: Cluster, tmp_path: Path, in_module: bool) -> None:
    """Through ansible-playbook -vvvv, as an action of the controller and, with async, as a module of its own."""
    task: dict[str, Any] = {"coffer.velero.sse_c_secret": {"namespace": cluster.namespace, "create_if_missing": True}}
    task |= {"async": 60, "poll": 1} if in_module else {}
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    environment = os.environ | {"ANSIBLE_HOME": str(tmp_path), "ANSIBLE_ASYNC_DIR": str(tmp_path / "async")}
    environment["ANSIBLE_LOG_PATH"] = str(tmp_path / "log")
    command = [sys.executable, "-m", "ansible.cli.playbook", "-vvvv", "--diff", str(playbook)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    key = _key(cluster)
    assert key is not None
    written = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    encoded = base64.b64encode(key).decode()
    assert not any(form in text for form in (encoded, key.hex()) for text in (done.stdout, done.stderr, *written))
