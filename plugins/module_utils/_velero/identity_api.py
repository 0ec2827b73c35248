# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that read, change and await the role of Velero's pods. PRIVATE to coffer.velero."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .._errors import CofferError, ServiceError
from .._kube import Kube
from .._plan import Plan
from . import model
from .activity import NODE_AGENT_RESTART, SERVER_RESTART, Work, refuse_work
from .activity_api import read_work
from .identity import DesiredIdentity, Installation, Source, Workload, decide_identity, refuse_other_locations
from .model import object_path
from .server_api import ask
from .sse_c import EXCLUDE_LABEL, exclude_warning

_POLL_SECONDS = 1.0

#: The Secret with the password of Velero's repositories (pkg/repository/keys of Velero).
REPOSITORY_PASSWORD = "velero-repo-credentials"


@dataclass
class IdentityResource:
    """The role of Velero's pods, for the runner.

    :param backup_timeout: seconds to wait for running backups and restores to end
    :param wait_timeout: seconds to wait for new pods, ``None`` not to wait
    :param ebs_snapshots: whether the role may make them, ``None`` where that is not known
    :param location: the BackupStorageLocation that the role is for
    :param replace_role: whether other locations may lose the role that they use
    """

    kube: Kube
    desired: DesiredIdentity
    backup_timeout: int = 0
    wait_timeout: int | None = None
    ebs_snapshots: bool | None = None
    location: str | None = None
    replace_role: bool = False
    _current: Installation = field(default_factory=lambda: Installation(None, (), ()), init=False)
    _changed: bool = field(default=False, init=False)

    def read(self) -> Installation:
        namespace = self.desired.namespace
        found = Installation.of(
            None,
            self.kube.list(object_path("apps/v1", "deployments", namespace)),
            self.kube.list(object_path("apps/v1", "daemonsets", namespace)),
        )
        self.desired = self.desired.found(found.servers)
        account = self.kube.get_or_none(self.desired.path)
        users = [item for item in found.workloads if item.service_account == self.desired.service_account]
        sources = {source for item in users if self.desired.role_arn for source in item.environment_sources}
        keys = {source: self._keys_of(source) for source in sorted(sources)}
        self._current = replace(found, service_account=account, keys=keys)
        return self._current

    def _keys_of(self, source: Source) -> frozenset[str]:
        """The keys that have a value; a pod may do without what does not exist."""
        path = object_path("v1", f"{source.kind.lower()}s", self.desired.namespace, source.name)
        content = self.kube.get_or_none(path) or {}
        return frozenset(key for key, value in (content.get("data") or {}).items() if value)

    def decide(self, current: Installation) -> Plan:
        plan = decide_identity(self.desired, current)
        if not plan.changed:  # then no further request is sent
            return plan
        if not self.replace_role and current.has_other_role(self.desired.role_arn):
            locations = self.kube.list(model.velero_path("backupstoragelocations", self.desired.namespace))
            refuse_other_locations(self.desired, current, locations, self.location)
        if not self.desired.role_arn:
            return plan
        return replace(plan, warnings=(*plan.warnings, *self._password_warning(), *self._snapshot_warning()))

    def _password_warning(self) -> Iterable[str]:
        secret = self.kube.get_or_none(object_path("v1", "secrets", self.desired.namespace, REPOSITORY_PASSWORD))
        if secret and not EXCLUDE_LABEL.items() <= (secret["metadata"].get("labels") or {}).items():
            yield exclude_warning(self.desired.namespace, REPOSITORY_PASSWORD)

    def _snapshot_warning(self) -> Iterable[str]:
        if self.ebs_snapshots is not False:
            return
        found = self.kube.list(model.velero_path("volumesnapshotlocations", self.desired.namespace))
        names = [one["metadata"]["name"] for one in found if str(one["spec"].get("provider")).endswith("aws")]
        if names:
            yield (
                f"The role gets no permissions for EBS snapshots, and VolumeSnapshotLocation "
                f"{model.enumerate_names(names)} makes them: set velero_ebs_snapshots=true, or remove it."
            )

    def guard(self, plan: Plan) -> None:
        """A check run does not wait for backups, and does not fail where the real run would only have to wait."""
        if self.backup_timeout == 0:
            self._refuse_running(plan)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        if self.backup_timeout:
            self._await_running(plan)
        self._changed = True
        self.kube.apply(plan)
        return {}

    def _await_running(self, plan: Plan) -> None:
        deadline = time.monotonic() + self.backup_timeout
        while time.monotonic() < deadline and self._running(plan):
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        self._refuse_running(plan)

    def _refuse_running(self, plan: Plan) -> None:
        reason = "would be marked Failed by a new Velero server"
        remediation = (
            f"Run the task again when it has ended, or wait for it longer than {self.backup_timeout} s: backup_timeout "
            "(velero_irsa_backup_timeout in the roles)."
        )
        refuse_work("backup_timeout", self._running(plan), reason, remediation, self.desired.namespace)

    def _running(self, plan: Plan) -> list[Work]:
        """What the rollout would harm. A server that is down is not at work on anything."""
        rolled_out = plan.result["restarted"]
        if not rolled_out or not any(server.available for server in self._current.servers):
            return []
        node_agent = any(agent.title in rolled_out for agent in self._current.node_agents)
        harmed = NODE_AGENT_RESTART if node_agent else SERVER_RESTART
        return read_work(self.kube, self.desired.namespace, harmed)

    def confirm(self) -> dict[str, t.Any]:
        """Wait until all pods are new and the server answers, also where an earlier run was cut before it did."""
        if self.wait_timeout is None:
            return {}
        pending = [w for w in self._current.workloads if w.service_account == self.desired.service_account]
        pending = [item for item in pending if self._changed or not item.rolled_out]
        if not pending:
            return {}
        deadline = time.monotonic() + self.wait_timeout
        for workload in pending:
            self._await_rollout(workload, deadline)
        if any(server.replicas for server in self._current.servers):
            return {"server_version": self._server_version(deadline)}
        return {}

    def _await_rollout(self, workload: Workload, deadline: float) -> None:
        while True:
            workload = Workload(workload.kind, self.kube.get(workload.path))
            if workload.rolled_out:
                return
            if time.monotonic() > deadline:
                raise CofferError(
                    f"{workload.title}: {workload.progress} after {self.wait_timeout} s.{self._obstacles(workload)} "
                    "The role is set; run the task again to go on waiting."
                )
            time.sleep(_POLL_SECONDS)

    def _obstacles(self, workload: Workload) -> str:
        """What keeps pods from coming up, as far as the credentials may see it."""
        selector = ",".join(f"{name}={value}" for name, value in sorted(workload.selector.items()))
        try:
            pods = self.kube.list(object_path("v1", "pods", self.desired.namespace), labelSelector=selector)
        except ServiceError:
            pods = []
        conditions = (workload.content.get("status") or {}).get("conditions") or ()
        bad = {("Progressing", "False"), ("ReplicaFailure", "True")}
        failed = [one for one in conditions if (one["type"], one["status"]) in bad]
        found = [str(one.get("message")) for one in failed] + [text for pod in pods for text in _troubles(pod)]
        return "".join(f" {text.rstrip('.')}." for text in dict.fromkeys(found))

    def _server_version(self, deadline: float) -> str:
        """Ask the server itself; a finished rollout says nothing, for Velero's pods have no probes."""
        namespace = self.desired.namespace
        status = ask(self.kube, namespace, "ServerStatusRequest", {}, deadline)
        if status is None:
            raise CofferError(
                f"The Velero server in namespace {namespace} does not answer within {self.wait_timeout} s, though its "
                f"pod is up. See its log: kubectl -n {namespace} logs {self._current.servers[0].title.lower()}."
            )
        if ("ObjectStore", model.PLUGIN) not in (
            (one.get("kind"), one.get("name")) for one in status.get("plugins") or ()
        ):
            raise CofferError(
                f"Velero in namespace {namespace} has no plugin {model.PLUGIN}. Add "
                "velero-plugin-for-aws: velero plugin add, or initContainers of the Helm chart."
            )
        return str(status.get("serverVersion"))


def _troubles(pod: Mapping[str, t.Any]) -> Iterable[str]:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{pod['metadata']['name']}: {condition.get('message')}"
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            yield f"{pod['metadata']['name']}: {waiting['reason']} {waiting.get('message', '')}".rstrip()
