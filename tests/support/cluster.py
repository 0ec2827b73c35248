# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with Velero's kinds, its requests counted, and a namespace of its own for each test."""

from __future__ import annotations

import base64
import copy
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self

import pytest

from tests.stack import Api, Stack
from tests.stack.api import (
    DAEMON_SET,
    DEPLOYMENT,
    LOCATION,
    NAMESPACE,
    SECRET,
    SERVER_STATUS_REQUEST,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)

Fault = Literal["fail", "cut_before", "cut_after"]


class KubeProxy:
    """Counts the requests on their way to the API server, and can disturb the n-th.

    It speaks plain HTTP, so that a kubeconfig for it needs no certificate. ``attendant`` is asked to do its work
    before each request.
    """

    def __init__(self, api: Api) -> None:
        self.requests: list[str] = []
        self.lose_answer_of: int | None = None
        self.attendant: Callable[[str], None] | None = None
        self._fault: tuple[int, Fault] | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together, or the body would wait for the client's delayed ACK

            def handle_request(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                content = self.headers.get("Content-Type", "application/json")
                request = f"{self.command} {self.path.partition('?')[0]}"
                if proxy.attendant:
                    proxy.attendant(request)
                kind = proxy.records(request)
                status, text = 500, "by the test's proxy"
                if kind not in ("fail", "cut_before"):
                    status, text = api.raw(self.command, self.path, json.loads(body) if body else None, content)
                if kind in ("cut_before", "cut_after"):
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PATCH = do_DELETE = handle_request

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def kubeconfig(self) -> Json:
        """The content of a kubeconfig that leads here."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "user", "user": {"token": "proxied"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
            "current-context": "test",
        }

    def fault(self, n: int, kind: Fault) -> None:
        """Disturb the n-th request from now."""
        self._fault = (len(self.requests) + n, kind)

    @property
    def armed(self) -> bool:
        """Whether a fault has not struck yet."""
        return self._fault is not None and self._fault[0] > len(self.requests)

    def disarm(self) -> None:
        self._fault = None

    def records(self, request: str) -> Fault | None:
        """Note a request; say what is to go wrong with it."""
        self.requests.append(request)
        if self.lose_answer_of == len(self.requests):
            return "cut_after"
        return self._fault[1] if self._fault and self._fault[0] == len(self.requests) else None

    def reset(self) -> None:
        self.requests.clear()
        self.lose_answer_of = self.attendant = self._fault = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Cluster:
    """A namespace with Velero as ``velero install`` leaves it, and nothing that runs in it."""

    api: Api
    proxy: KubeProxy
    namespace: str
    kubeconfig: Path
    manifest: Json = field(repr=False)

    def create(self, kind: Kind, name: str, **content: Any) -> Json:
        metadata = {"name": name, "namespace": self.namespace, **content.pop("metadata", {})}
        return self.api.create(kind, {"metadata": metadata, **content}, self.namespace)

    def find(self, kind: Kind, name: str) -> Json | None:
        return self.api.find(kind, name, self.namespace)

    def patch(self, kind: Kind, name: str, body: Json, subresource: str = "") -> Json:
        return self.api.patch(kind, name, body, self.namespace, subresource)

    def location(self, name: str = "default", *, metadata: Json | None = None, **spec: Any) -> Json:
        """A location that somebody else made."""
        storage = {"bucket": "velero-backups", "prefix": spec.pop("prefix", "production")}
        content = {"provider": "aws", "objectStorage": storage, "config": {"region": "us-east-1"}, **spec}
        return self.create(LOCATION, name, metadata=metadata or {}, spec=content)

    def spec(self, name: str = "default") -> Json | None:
        found = self.find(LOCATION, name)
        return found["spec"] if found else None

    def install(self, service_account: str = "velero", **pod: Any) -> None:
        """ServiceAccount and Deployment; ``pod`` is merged into the spec of its pods."""
        self.create(SERVICE_ACCOUNT, service_account)
        spec = copy.deepcopy(self.manifest["spec"])
        spec["template"]["spec"] |= {"serviceAccountName": service_account, **pod}
        self.create(DEPLOYMENT, "velero", spec=spec)
        self.serve(DEPLOYMENT, "velero")

    def install_node_agent(self, name: str = "node-agent", service_account: str = "velero", **spec: Any) -> None:
        labels = {"name": name}
        container = {"name": "node-agent", "image": "velero/velero:v1", "command": ["/velero"]}
        container["args"] = ["node-agent", "server"]
        pod = {"serviceAccountName": service_account, "containers": [container]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        self.create(DAEMON_SET, name, spec={"selector": {"matchLabels": labels}, "template": template, **spec})
        self.serve(DAEMON_SET, name)

    def serve(self, kind: Kind, name: str) -> None:
        """Write the status that controllers write when all pods are new and up."""
        generation = self.api.get(kind, name, self.namespace)["metadata"]["generation"]
        if kind == DEPLOYMENT:
            counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        else:
            counts = {"desiredNumberScheduled": 1, "currentNumberScheduled": 1, "updatedNumberScheduled": 1}
            counts |= {"numberAvailable": 1, "numberReady": 1, "numberMisscheduled": 0}
        self.patch(kind, name, {"status": {"observedGeneration": generation, **counts}}, "status")

    def secret(self, name: str, **data: bytes) -> None:

        self.create(SECRET, name, data={key: base64.b64encode(value).decode() for key, value in data.items()})

    @contextmanager
    def soon(self, seconds: float, *actions: Any) -> Iterator[None]:
        """Do something while a module waits, as a server would."""

        def act() -> None:
            for action in actions:
                time.sleep(seconds)
                action()

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def validate(self, phase: str, message: str = "", name: str = "default", at: str | None = None) -> None:
        """Write what the server writes after a validation."""
        moment = at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        status = {"phase": phase, "message": message, "lastValidationTime": moment}
        self.patch(LOCATION, name, {"status": status})


@pytest.fixture(scope="session")
def _stack() -> Iterator[Stack]:
    with Stack(velero=False) as stack:
        yield stack


@pytest.fixture(scope="session")
def _kube_proxy(_stack: Stack) -> Iterator[KubeProxy]:
    with KubeProxy(_stack.api) as proxy:
        yield proxy


@pytest.fixture
def cluster(
    _stack: Stack, _kube_proxy: KubeProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    """An empty namespace; KUBECONFIG leads to it through the proxy, nothing counted yet."""
    namespace = f"velero-{secrets.token_hex(4)}"
    _stack.api.create(NAMESPACE, {"metadata": {"name": namespace}})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kube_proxy.kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("K8S_AUTH_KUBECONFIG", raising=False)
    _kube_proxy.reset()
    manifest = _stack.api.get(DEPLOYMENT, "velero", _stack.namespace)
    yield Cluster(_stack.api, _kube_proxy, namespace, kubeconfig, manifest)
    _kube_proxy.reset()


class Attendant:
    """What controllers and the Velero server write, written when a module is about to look for it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(self, request: str) -> None:
        method, _space, path = request.partition(" ")
        plural, name = path.split("/")[-2:]
        if method != "GET":
            return
        if plural == "deployments":
            self._cluster.serve(DEPLOYMENT, name)
        elif plural == "serverstatusrequests" and self._cluster.find(SERVER_STATUS_REQUEST, name):
            plugins = [{"kind": "ObjectStore", "name": "velero.io/aws"}]
            status = {"phase": "Processed", "serverVersion": "v1", "plugins": plugins}
            self._cluster.patch(SERVER_STATUS_REQUEST, name, {"status": status})
        elif plural == "backupstoragelocations" and self._cluster.find(LOCATION, name):
            self._cluster.validate("Available", name=name)
