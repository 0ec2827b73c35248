# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small client of the Kubernetes API: JSON in, JSON out."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]
TIMEOUT_SECONDS = 30


class ApiError(RuntimeError):
    """An answer of the API server that says no."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('reason', '')}: {body.get('message', body)}")
        self.status = status


@dataclass(frozen=True)
class Kind:
    """A kind of object, and from it the path of its collection."""

    api_version: str
    name: str

    @classmethod
    def of(cls, manifest: Json) -> Kind:
        return cls(manifest["apiVersion"], manifest["kind"])

    @property
    def plural(self) -> str:
        name = self.name.lower()
        return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        root = "api" if "/" not in self.api_version else "apis"
        scope = f"namespaces/{namespace}" if namespace else ""
        parts = (root, self.api_version, scope, self.plural, name, subresource)
        return "/" + "/".join(part for part in parts if part)


NAMESPACE = Kind("v1", "Namespace")
CONFIG_MAP = Kind("v1", "ConfigMap")
SECRET = Kind("v1", "Secret")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount")
POD = Kind("v1", "Pod")
DEPLOYMENT = Kind("apps/v1", "Deployment")
DAEMON_SET = Kind("apps/v1", "DaemonSet")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
BACKUP = Kind("velero.io/v1", "Backup")
RESTORE = Kind("velero.io/v1", "Restore")
LOCATION = Kind("velero.io/v1", "BackupStorageLocation")
DELETE_BACKUP_REQUEST = Kind("velero.io/v1", "DeleteBackupRequest")
SERVER_STATUS_REQUEST = Kind("velero.io/v1", "ServerStatusRequest")


class Api:
    """One API server and one bearer token; safe to use from several threads."""

    def __init__(self, host: str, port: int, token: str, ca_file: Path) -> None:
        self.host, self.port, self.token, self.ca_file = host, port, token, ca_file
        self._local = threading.local()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Json:
        return self.request("GET", kind.path(namespace, name))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Json | None:
        """The object, or None where there is none."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def list(self, kind: Kind, namespace: str | None = None, **query: str) -> list[Json]:
        path = kind.path(namespace) + (f"?{urlencode(query)}" if query else "")
        items: list[Json] = self.request("GET", path)["items"]
        return items

    def create(self, kind: Kind, body: Json, namespace: str | None = None, *, exist_ok: bool = False) -> Json:
        """Create an object; with ``exist_ok`` one of that name is left as it is, and returned."""
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, **body}
        try:
            return self.request("POST", kind.path(namespace), manifest)
        except ApiError as error:
            if exist_ok and error.status == http.HTTPStatus.CONFLICT:
                return self.get(kind, body["metadata"]["name"], namespace)
            raise

    def patch(self, kind: Kind, name: str, body: Json, namespace: str | None = None, subresource: str = "") -> Json:
        """A JSON merge patch: null removes a field."""
        path = kind.path(namespace, name, subresource)
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, kind: Kind, name: str, namespace: str | None = None, grace: int | None = None) -> None:
        """Delete an object; one that does not exist is well."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace}
        try:
            self.request("DELETE", kind.path(namespace, name), body)
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def service_account_token(
        self, name: str, namespace: str, audience: str | None = None, seconds: int = 3600, pod: Json | None = None
    ) -> str:
        """A token by TokenRequest, bound to a pod where one is given, as kubelet's are."""
        spec: Json = {"audiences": [audience] if audience else [], "expirationSeconds": seconds}
        if pod:
            bound = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
            spec["boundObjectRef"] = bound
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = self.request("POST", SERVICE_ACCOUNT.path(namespace, name, "token"), body)
        return str(answer["status"]["token"])

    def request(self, method: str, path: str, body: Json | None = None, content: str = "application/json") -> Json:
        status, text = self.raw(method, path, body, content)
        answer: Json = json.loads(text) if text.startswith("{") else {"message": text}
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(status, answer)
        return answer

    def raw(
        self, method: str, path: str, body: Json | None = None, content: str = "application/json"
    ) -> tuple[int, str]:
        """Status and text of an answer, over this thread's connection; a connection that went stale is renewed once."""
        payload = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content, "Accept": "application/json"}
        for attempt in (1, 2):
            try:
                self._connection.request(method, path, payload, headers)
                response = self._connection.getresponse()
                return response.status, response.read().decode()
            except (http.client.HTTPException, ConnectionError, ssl.SSLEOFError):
                self.close()
                if attempt == 2:
                    raise
            except BaseException:
                self.close()
                raise
        raise AssertionError("unreachable")

    @property
    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self._local, "connection"):
            context = ssl.create_default_context(cafile=str(self.ca_file))
            self._local.connection = http.client.HTTPSConnection(
                self.host, self.port, timeout=TIMEOUT_SECONDS, context=context
            )
        connection: http.client.HTTPSConnection = self._local.connection
        return connection

    def close(self) -> None:
        """End this thread's connection; the next request opens another."""
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            del self._local.connection
