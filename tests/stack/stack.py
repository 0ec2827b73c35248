# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole stack as a context manager."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from . import sandbox
from .api import Api
from .aws import Aws, AwsEndpoint
from .controlplane import ControlPlane, issuer
from .kubelet import Machine
from .manifests import install, velero_manifests
from .node import Node
from .operations import Operations
from .processes import MARK, free_ports, require_free_port, tail
from .programs import Programs, ensure, lock, say

NAMESPACE = "velero"
CONTROLLER_PORT = 8080
READY_SECONDS = 60
MACHINE_LOCK = Path("/tmp/coffer-velero-stack.lock")
LOCK_SECONDS = 900


class Stack(Operations):
    """etcd, kube-apiserver, Velero's kinds and manifests, and (``velero=True``) Velero itself, in a pod of a node.

    With ``node=True, velero=False`` pods come and go with the Deployment, and no program runs in them. ``aws`` is where
    a shell's ``environment`` points to and whose region pods run in; ``sts_url`` is where a pod takes its role.
    """

    def __init__(
        self,
        workdir: Path | None = None,
        aws: Aws | None = None,
        *,
        sts_url: str | None = None,
        issuer_url: str | None = None,
        velero: bool = True,
        node: bool | None = None,
        string_audience: bool = False,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self.aws: Aws = aws or AwsEndpoint("")
        self.issuer_url = issuer_url or issuer()
        self.namespace = NAMESPACE
        self.logs: Path
        self.kubeconfig: Path
        self._workdir = workdir
        self._sts_url = sts_url or self.aws.url
        self._velero, self._node = velero, velero if node is None else node
        self._string_audience = string_audience
        self._lock_seconds = lock_seconds
        self._cleanup = contextlib.ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """What a shell, a playbook or a module needs to work with this stack."""
        kubernetes = {"KUBECONFIG": str(self.kubeconfig), "K8S_AUTH_KUBECONFIG": str(self.kubeconfig)}
        return {**kubernetes, "VELERO_NAMESPACE": self.namespace, **(self.aws.environment if self.aws.url else {})}

    @property
    def velero_log(self) -> Path:
        return self.logs / "velero.log"

    def __enter__(self) -> Self:
        with self._cleanup:
            self._start(self._cleanup)
            self._cleanup = self._cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        """Each step leaves its end with ``cleanup``, which runs in the opposite order."""
        programs = ensure()
        cleanup.enter_context(_sigterm_as_exit())
        self.logs = self._prepare_workdir(cleanup)
        if self._velero:
            waiting = "another stack runs Velero on this machine"
            cleanup.enter_context(lock(MACHINE_LOCK, waiting, self._lock_seconds))
            require_free_port(CONTROLLER_PORT, "Velero's metrics server cannot be moved")
        plane = ControlPlane(programs, self.logs, self.issuer_url)
        cleanup.callback(plane.stop)
        self.api: Api = plane.start()
        self.kubeconfig = plane.kubeconfig
        install(self.api, velero_manifests(programs, self.kubeconfig), _server_arguments())
        cleanup.callback(self.api.close)
        if self._node:
            node = Node(self.api, self._machine(programs), self.namespace)
            cleanup.callback(node.stop)
            node.start()
        if self._velero:
            self._await_velero()

    def _machine(self, programs: Programs) -> Machine:
        environment = {"AWS_EC2_METADATA_DISABLED": "true", MARK: str(self.logs)}
        if self._sts_url:
            environment["AWS_ENDPOINT_URL_STS"] = self._sts_url
        enclosed = sandbox.allowed(self.logs)
        if self._velero and not enclosed:
            say("no user namespaces here: Velero runs without a container, so customerKeyEncryptionSecret cannot work")
        return Machine(
            programs=programs,
            directory=self.logs,
            region=self.aws.region,
            environment=environment,
            string_audience=self._string_audience,
            runs_velero=self._velero,
            enclosed=enclosed,
        )

    def _prepare_workdir(self, cleanup: contextlib.ExitStack) -> Path:
        """A cluster is new each time; only the logs of an earlier one stay in a directory that was given."""
        if self._workdir is not None:
            self._workdir.mkdir(parents=True, exist_ok=True)
            for name in ("etcd", "certificates", "pods"):
                shutil.rmtree(self._workdir / name, ignore_errors=True)
            return self._workdir.resolve()
        path = Path(tempfile.mkdtemp(prefix="stack-"))
        cleanup.callback(shutil.rmtree, path, ignore_errors=True)
        return path

    def _await_velero(self) -> None:
        try:
            self.server_status(READY_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{tail(self.velero_log)}\n{tail(self.logs / 'node.log')}") from None


def _server_arguments() -> list[str]:
    """Ports of our own, and shorter periods than a cluster needs."""
    metrics, profiler = free_ports(2)
    return [
        f"--metrics-address=127.0.0.1:{metrics}",
        f"--profiler-address=127.0.0.1:{profiler}",
        "--store-validation-frequency=5s",
        "--backup-sync-period=10s",
        "--item-operation-sync-frequency=2s",
    ]


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM end the program in order, where nothing else was decided about it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
