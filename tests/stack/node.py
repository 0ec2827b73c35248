# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in a test's clothes: the workload controllers and (with kubelet.py) what runs the pods of Velero.

A pod takes its identity from the ServiceAccount when it is created, and keeps it: a changed annotation without a
rollout changes nothing, as in a cluster. Every rollout recreates: two Velero servers cannot share a machine.
"""

from __future__ import annotations

import threading
import time

from .api import DAEMON_SET, DEPLOYMENT, Api, Json, Kind
from .kubelet import Machine, RunningPod
from .pods import daemon_set_status, deployment_status, now

TICK_SECONDS = 0.5  # every look costs the API server and etcd some milliseconds, as long as the stack is up
PROGRESS_SECONDS = 600


class Workload:
    """Keeps the pod of one Deployment or DaemonSet as its template says, and its status true."""

    def __init__(self, api: Api, machine: Machine, kind: Kind, name: str, namespace: str) -> None:
        self._api, self._machine = api, machine
        self._kind, self._name, self._namespace = kind, name, namespace
        self._pod: RunningPod | None = None
        self._started = 0.0
        self._last_note = ""

    def reconcile(self) -> None:
        """One round; what went wrong is in the node's log and is tried again in the next round."""
        try:
            self._reconcile()
        except Exception as error:  # whatever a test puts into the cluster, the node goes on
            self._note(f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """End the process; the API server is about to go, so no object is changed."""
        if self._pod:
            self._pod.stop()

    def _reconcile(self) -> None:
        found = self._api.find(self._kind, self._name, self._namespace)
        if found and found["spec"].get("paused"):
            return
        wanted = found if found and found["spec"].get("replicas", 1) else None
        pod = self._pod
        if pod and (wanted is None or wanted["spec"]["template"] != pod.template or not pod.exists()):
            self._note(f"pod {pod.name} ends")
            self._report(found, pods=0, ready=0)
            pod.delete()
            self._pod = pod = None
            self._started = time.monotonic()
        if wanted and not pod:
            self._started = self._started or time.monotonic()
            self._report(wanted, pods=0, ready=0)
            self._pod = pod = RunningPod(self._api, self._machine, wanted)
            self._note(f"pod {pod.name} begins")
        if pod:
            pod.keep()
        self._report(found, pods=int(pod is not None), ready=int(pod is not None and pod.ready))

    def _report(self, workload: Json | None, *, pods: int, ready: int) -> None:
        """Write the status where it differs; the API server leaves out what is 0."""
        if workload is None:
            return
        if self._kind == DAEMON_SET:
            status = daemon_set_status(workload, pods=pods, ready=ready)
        else:
            deadline = workload["spec"].get("progressDeadlineSeconds", PROGRESS_SECONDS)
            late = time.monotonic() > self._started + deadline
            status = deployment_status(workload, pods=pods, ready=ready, late=late)
        if _without_zeros(status) != _without_zeros(workload.get("status", {})):
            answer = self._api.patch(self._kind, self._name, {"status": status}, self._namespace, "status")
            workload["status"] = answer["status"]

    def _note(self, text: str) -> None:
        """A line in the node's log, once for an error that stays."""
        if text != self._last_note:
            with (self._machine.directory / "node.log").open("a") as log:
                log.write(f"{now()} {self._name}: {text}\n")
        self._last_note = text


class Node:
    """Runs the pods of Deployment velero and, where somebody made it, of DaemonSet node-agent, in a thread.

    Only velero's pod holds a process: the real node-agent needs a real kubelet.
    """

    def __init__(self, api: Api, machine: Machine, namespace: str) -> None:
        self._api = api
        self._workloads = [
            Workload(api, machine, DEPLOYMENT, "velero", namespace),
            Workload(api, machine, DAEMON_SET, "node-agent", namespace),
        ]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        for workload in self._workloads:
            workload.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for workload in self._workloads:
                workload.reconcile()
            self._stopping.wait(TICK_SECONDS)
        self._api.close()


def _without_zeros(status: Json) -> Json:
    return {name: value for name, value in status.items() if value}
