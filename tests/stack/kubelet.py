# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubelet's part: one pod from its creation to its deletion, its volumes, and the Velero process in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import sandbox
from .api import POD, SERVICE_ACCOUNT, Api, Json
from .controlplane import kubeconfig, write_private
from .pods import NotReadyError, environment_of, files_of, now, pod_of, pod_status, with_string_audience
from .processes import Process
from .programs import Programs

REFRESH_SECONDS = 60
GRACE_SECONDS = 10
PLUGIN = "velero-plugin-for-aws"


@dataclass(frozen=True)
class Machine:
    """What the node gives to its pods. ``environment`` holds what only a test needs, such as the STS endpoint."""

    programs: Programs
    directory: Path
    region: str
    environment: Mapping[str, str]
    string_audience: bool
    runs_velero: bool
    enclosed: bool


class RunningPod:
    """One pod from its creation to its deletion, and the Velero process in it."""

    def __init__(self, api: Api, machine: Machine, workload: Json) -> None:
        self.template = workload["spec"]["template"]
        self.ready = False
        self._api, self._machine = api, machine
        namespace = workload["metadata"]["namespace"]
        self._runs = machine.runs_velero and workload["kind"] == "Deployment"
        account = self.template["spec"].get("serviceAccountName", "default")
        identity = api.get(SERVICE_ACCOUNT, account, namespace)
        self._pod = api.create(POD, pod_of(workload, identity, machine.region), namespace)
        self.name: str = self._pod["metadata"]["name"]
        self._namespace, self._account = namespace, account
        self._directory: Path = machine.directory / "pods" / self.name
        self._scratch = Path(tempfile.mkdtemp(prefix="velero-", dir=sandbox.short_directory(machine.directory)))
        self._process: Process | None = None
        self._restarts = 0
        self._refreshed = 0.0
        self._next_start = 0.0

    def exists(self) -> bool:
        """Whether the pod is still wanted: somebody may have deleted it to have it replaced."""
        pod = self._api.find(POD, self.name, self._namespace)
        same = pod is not None and pod["metadata"]["uid"] == self._pod["metadata"]["uid"]
        return same and "deletionTimestamp" not in (pod or {})["metadata"]

    def keep(self) -> None:
        """One round of kubelet: start or restart the container, renew the volumes."""
        if self.ready and self._process is not None and self._process.exit_code is not None:
            self.ready = False
            self._restarts += 1
            self._next_start = time.monotonic() + min(2**self._restarts, 30)
            self._report({"waiting": {"reason": "CrashLoopBackOff", "message": f"exit {self._process.exit_code}"}})
        if not self.ready and time.monotonic() > self._next_start:
            self._try_to_start()
        if self.ready and time.monotonic() > self._refreshed + REFRESH_SECONDS:
            with contextlib.suppress(NotReadyError):  # a Secret that is gone leaves its files in the pod
                self._write_volumes()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(GRACE_SECONDS)
        for directory in (self._directory, self._scratch):
            shutil.rmtree(directory, ignore_errors=True)

    def delete(self) -> None:
        self.stop()
        self._api.delete(POD, self.name, self._namespace, grace=0)

    def _try_to_start(self) -> None:
        try:
            self._write_volumes()
            if self._runs:
                self._start()
        except NotReadyError as error:
            self._next_start = time.monotonic() + 1
            self._report({"waiting": {"reason": "ContainerCreating", "message": str(error)}})
        else:
            self.ready = True
            self._report({"running": {"startedAt": now()}})

    def _start(self) -> None:
        """Velero, in its container; the container's leftovers go first."""
        if self._process is not None:
            self._process.stop(grace=0)
        container = self._container()
        if self._machine.enclosed:
            command, environment = sandbox.enclosed(container, self._directory / "root")
        else:
            path = self._directory / "kubeconfig"
            token = self._volume("kube-api-access") / "token"
            write_private(path, json.dumps(kubeconfig(self._api, {"tokenFile": str(token)})))
            command, environment = sandbox.exposed(container, self._scratch)
            environment["KUBECONFIG"] = str(path)
        self._process = Process("velero", command, self._machine.directory / "velero.log", environment)

    def _container(self) -> sandbox.Container:
        spec = self._pod["spec"]["containers"][0]
        mounts = {
            item["mountPath"]: self._volume(item["name"]) / item.get("subPath", "")
            for item in spec.get("volumeMounts", [])
        }
        environment = {
            "KUBERNETES_SERVICE_HOST": self._api.host,
            "KUBERNETES_SERVICE_PORT": str(self._api.port),
            **self._machine.environment,
            **environment_of(self._api, self._pod, spec),
        }
        command = [*spec.get("command", ["/velero"]), *spec.get("args", [])]
        return sandbox.Container(command, environment, {"/velero": self._machine.programs.velero, **mounts})

    def _volume(self, name: str) -> Path:
        return self._directory / "volumes" / name

    def _write_volumes(self) -> None:
        """Files of Secrets, ConfigMaps and tokens as they are now; what the plugin's init container copies."""
        for volume in self._pod["spec"].get("volumes", []):
            directory = self._volume(volume["name"])
            directory.mkdir(parents=True, exist_ok=True)
            for path, content in files_of(self._api, self._pod, volume, self._token).items():
                write_private(directory / path, content)
        for container in self._pod["spec"].get("initContainers", []):
            for mount in container.get("volumeMounts", []):
                if PLUGIN in container["image"] and mount["mountPath"] == "/target":
                    _place(self._machine.programs.velero_plugin_for_aws, self._volume(mount["name"]) / PLUGIN)
        self._refreshed = time.monotonic()

    def _token(self, source: Json) -> str:
        token = self._api.service_account_token(
            self._account, self._namespace, source.get("audience"), source["expirationSeconds"], self._pod
        )
        rewrite = self._machine.string_audience and "audience" in source
        return with_string_audience(token) if rewrite else token

    def _report(self, state: Json) -> None:
        status = pod_status(self._pod, state, ready=self.ready, restarts=self._restarts)
        self._pod = self._api.patch(POD, self.name, {"status": status}, self._namespace, "status")


def _place(program: Path, target: Path) -> None:
    if not target.exists():
        try:
            os.link(program, target)
        except OSError:
            shutil.copy2(program, target)
