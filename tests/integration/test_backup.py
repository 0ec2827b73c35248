# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup and restore against a real kube-apiserver, where the test plays the server: refusals, requests, waiting."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.api import BACKUP, DELETE_BACKUP_REQUEST, RESTORE, SERVER_STATUS_REQUEST, Kind
from tests.support.cluster import Cluster
from tests.support.running import ModuleRunner

NOW = {"wait_timeout": 0, "stall_timeout": 60}


def options(cluster: Cluster, name: str = "b", **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": cluster.namespace, **more}


def arrange(cluster: Cluster, kind: Kind = BACKUP, name: str = "b", phase: str = "Completed", **spec: Any) -> None:
    cluster.create(kind, name, spec=spec, status={"phase": phase})


def available(cluster: Cluster) -> None:
    cluster.location(default=True)
    cluster.validate("Available")


# --- requests --------------------------------------------------------------------------------------------------------


def test_no_op_is_one_request(run: ModuleRunner, cluster: Cluster) -> None:
    arrange(cluster, includedNamespaces=["shop"])
    arrange(cluster, RESTORE, "r", backupName="b")
    result = run.ok("backup", **options(cluster, included_namespaces=["shop"]))
    assert (result["changed"], result["phase"]) == (False, "Completed")
    assert len(cluster.proxy.requests) == 1
    assert run.ok("restore", **options(cluster, "r", backup_name="b"))["phase"] == "Completed"
    assert len(cluster.proxy.requests) == 2
    for module in ("backup", "restore"):
        assert not run.ok(module, **options(cluster, "none", state="absent"))["changed"]
    assert len(cluster.proxy.requests) == 4


def test_a_backup_that_is_made_takes_three_requests(run: ModuleRunner, cluster: Cluster) -> None:
    available(cluster)
    result = run.ok("backup", **options(cluster, ttl="1h", wait=False))
    assert result["changed"]
    assert result["spec"] == {"ttl": "1h"}
    assert len(cluster.proxy.requests) == 3


@pytest.mark.parametrize("wait", [True, False])
def test_lost_answer(run: ModuleRunner, cluster: Cluster, wait: bool) -> None:
    """The request that makes the backup is carried out, and its answer lost: it is taken for what it is."""
    available(cluster)
    cluster.proxy.lose_answer_of = 3
    with cluster.soon(0.5, lambda: cluster.patch(BACKUP, "b", {"status": {"phase": "Completed"}})):
        result = run.ok("backup", **options(cluster, ttl="1h", wait=wait))
    assert result["changed"]
    assert result["diff"]["after"] == {"ttl": "1h"}


def test_waiting(run: ModuleRunner, cluster: Cluster) -> None:
    """Through the phases, as a server sets them."""
    available(cluster)
    phases = ["Queued", "ReadyToStart", "InProgress", "WaitingForPluginOperations", "Finalizing", "Completed"]
    actions = [lambda phase=phase: cluster.patch(BACKUP, "b", {"status": {"phase": phase}}) for phase in phases]
    with cluster.soon(0.2, *actions):
        assert run.ok("backup", **options(cluster))["phase"] == "Completed"


def test_a_backup_that_vanishes(run: ModuleRunner, cluster: Cluster) -> None:
    available(cluster)
    with cluster.soon(0.5, lambda: cluster.api.delete(BACKUP, "b", cluster.namespace)):
        message = run.refused("backup", **options(cluster))
    assert message.startswith('Backup "b" is gone. It was removed by hand, or by Velero because')


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False])
def test_another_order_of_that_name(run: ModuleRunner, cluster: Cluster, check: bool) -> None:
    arrange(cluster, ttl="1h0m0s")
    arrange(cluster, RESTORE, "r", backupName="other")
    message = run.refused("backup", check=check, **options(cluster, ttl="2h"))
    assert message == (
        "name: Backup \"b\" exists with another spec (ttl is '1h0m0s', not '2h'). A Backup is carried out once and "
        "never changed: choose another name, or remove it first."
    )
    message = run.refused("restore", check=check, **options(cluster, "r", backup_name="b"))
    assert "Restore \"r\" exists with another spec (backupName is 'other', not 'b')." in message


LOCATIONS = [
    ({}, "The default BackupStorageLocation does not exist. Make it first"),
    ({"storage_location": "x"}, 'BackupStorageLocation "x" does not exist. Make it first'),
    (
        {"storage_location": "silent"},
        'BackupStorageLocation "silent" was never validated. Is the Velero server running?',
    ),
    ({"storage_location": "archive"}, 'BackupStorageLocation "archive" is read-only. Set access_mode=ReadWrite'),
    (
        {"storage_location": "broken"},
        'BackupStorageLocation "broken" is Unavailable: AccessDenied: no. Velero\'s role needs s3:ListBucket',
    ),
]


@pytest.mark.parametrize(("arguments", "text"), LOCATIONS)
def test_location(run: ModuleRunner, cluster: Cluster, arguments: dict[str, Any], text: str) -> None:
    """No Backup is left behind that would be in the way. A check run goes on: an earlier task may put it right."""
    for name in ("silent", "broken", "archive"):
        cluster.location(name, accessMode="ReadOnly" if name == "archive" else "ReadWrite")
    cluster.validate("Unavailable", "AccessDenied: no", "broken")
    cluster.validate("Available", name="archive")
    message = run.refused("backup", **options(cluster, **arguments))
    assert message.startswith(f"storage_location: {text}")
    assert cluster.find(BACKUP, "b") is None
    assert run.ok("backup", check=True, **options(cluster, **arguments))["changed"]


BACKUPS = [
    (None, 'Backup "b" does not exist. Make it first'),
    ("Failed", 'Backup "b" is Failed. There is nothing to restore from'),
    ("Deleting", 'Backup "b" is Deleting. There is nothing to restore from'),
    ("InProgress", 'Backup "b" is InProgress yet. Wait until it is Completed'),
]


@pytest.mark.parametrize(("phase", "text"), BACKUPS)
def test_restore_needs_a_backup(run: ModuleRunner, cluster: Cluster, phase: str | None, text: str) -> None:
    if phase:
        arrange(cluster, phase=phase)
    assert run.refused("restore", **options(cluster, "r", backup_name="b")).startswith(f"backup_name: {text}")
    assert cluster.find(RESTORE, "r") is None
    assert run.ok("restore", check=True, **options(cluster, "r", backup_name="b"))["changed"]


def test_being_deleted(run: ModuleRunner, cluster: Cluster) -> None:
    arrange(cluster, phase="Deleting")
    assert '"b" is being deleted. Run the task again when it is gone' in run.refused("backup", **options(cluster))


def test_check_run_without_velero(run: ModuleRunner, cluster: Cluster) -> None:
    for module, arguments in (("backup", {}), ("restore", {"backup_name": "b"})):
        there = {"name": "x", "namespace": "nothing-here", **arguments}
        assert run.ok(module, check=True, **there)["changed"]
        assert "does not exist" in run.refused(module, **there)


def test_options(run: ModuleRunner, cluster: Cluster) -> None:
    assert "ttl: 3 days is not a duration" in run.refused("backup", **options(cluster, ttl="3 days"))
    assert "backup_name" in run.refused("restore", **options(cluster))
    assert cluster.proxy.requests == []


# --- what is seen of a standstill ------------------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_nobody_answers(run: ModuleRunner, cluster: Cluster) -> None:
    """No server at all, though a pod of it is said to be up: the request to it is taken away again."""
    cluster.install()
    available(cluster)
    result = run("backup", **options(cluster, **NOW))
    assert (result["error"]["layer"], result["error"]["state"]) == ("server", "New")
    assert "does not answer (Deployment/velero has a pod that is up). Bring it up: kubectl" in result["msg"]
    assert cluster.api.list(SERVER_STATUS_REQUEST, cluster.namespace) == []


def test_removal_goes_on_later(run: ModuleRunner, cluster: Cluster) -> None:
    """Without waiting, the request stays, and Velero carries it out."""
    arrange(cluster)
    assert run.ok("backup", **options(cluster, state="absent", wait=False))["changed"]
    (request,) = cluster.api.list(DELETE_BACKUP_REQUEST, cluster.namespace)
    assert request["spec"] == {"backupName": "b"}
    assert cluster.find(BACKUP, "b")
