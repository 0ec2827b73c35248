# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one door to Kubernetes: connection, raw requests, retries, errors. PRIVATE to coffer.velero.

A request is what it costs: nothing is discovered, so a path is written out where it is needed.
"""

from __future__ import annotations

import json
import os
import typing as t
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from ._argspec import ArgumentSpec, Options
from ._connection_errors import last_line, names_of, no_answer
from ._errors import ConflictError, ServiceError, ValidationError
from ._plan import Plan, record_write, resolve

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

    # Its public get_api_client() asks the cluster for its whole API before the first request, so these are used.
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import (
        _create_auth_spec,
        _create_configuration,
        _create_headers,
    )

    _MISSING_COLLECTION = None
except ImportError:  # said by the controller, in a sentence
    AUTH_ARG_SPEC = {}
    _MISSING_COLLECTION = "kubernetes.core"

try:
    import urllib3
    from kubernetes.client import Configuration
    from kubernetes.client.rest import RESTClientObject
    from kubernetes.config import kube_config
    from urllib3._collections import HTTPHeaderDict  # the public name is newer than the oldest urllib3 allowed

    HAS_KUBERNETES = True
except ImportError:  # said in Kube.__init__, in a sentence
    HAS_KUBERNETES = False

#: The oldest client that kubernetes.core supports.
MINIMUM_KUBERNETES = "24.2.0"

#: The name under which the API server records which fields this collection wrote.
FIELD_MANAGER = "coffer.velero"

_RETRIES = 5

#: What the members of a kubeconfig are called that must not be shown. Also in kubernetes.core, but not in all of 6.x.
_SECRET_MEMBERS = frozenset(
    {
        "access-token",
        "api_key",
        "client-certificate-data",
        "client-key-data",
        "client-secret",
        "id-token",
        "password",
        "refresh-token",
        "secret",
        "token",
    }
)


def kube_spec(options: Options, **constraints: t.Any) -> ArgumentSpec:
    """An argument spec with the connection options of ``kubernetes.core`` and the namespace of Velero."""
    namespace = {"type": "str", "default": "velero"}
    options = {**AUTH_ARG_SPEC, "namespace": namespace, **options}
    return ArgumentSpec(options, missing_collection=_MISSING_COLLECTION, secrets=_connection_secrets, **constraints)


def _connection_secrets(params: Mapping[str, t.Any]) -> set[str]:
    """The secrets of a kubeconfig that was given as a dictionary; those of other options are marked in the spec."""
    kubeconfig = params.get("kubeconfig")
    return {kubeconfig} if _is_text(kubeconfig) else set(_secrets_in(kubeconfig))


def _is_text(kubeconfig: t.Any) -> t.TypeGuard[str]:
    """Whether it is the text of a kubeconfig, by mistake for its path."""
    return isinstance(kubeconfig, str) and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{"))


def _secrets_in(value: t.Any) -> Collection[str]:
    if isinstance(value, Mapping):
        found = {item for key, item in value.items() if key in _SECRET_MEMBERS and isinstance(item, str) and item}
        environment = value.get("env") if "command" in value else None
        found.update(str(item["value"]) for item in environment or () if item.get("value"))
        return found.union(*(_secrets_in(item) for item in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(_secrets_in(item) for item in value))
    return set()


class Kube:
    """A cluster, as the options of a task reach it. Use it in a ``with`` statement: keys on disk go with it.

    :param params: the validated options; only the connection options of ``kubernetes.core`` are read
    """

    def __init__(self, params: Mapping[str, t.Any]) -> None:
        if not HAS_KUBERNETES:
            remediation = f"Install kubernetes >= {MINIMUM_KUBERNETES}."
            raise ValidationError("kubernetes", "it", "is not installed for this Python", remediation)
        if _is_text(params.get("kubeconfig")):
            remediation = "Give the path, or a dictionary: kubeconfig: '{{ text | from_yaml }}'."
            raise ValidationError("kubeconfig", "it", "is the text of a kubeconfig and not its path", remediation)
        # The client reads KUBECONFIG when it is imported, which here was before the task's environment was set.
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = os.environ.get("KUBECONFIG", "~/.kube/config")
        Configuration.set_default(None)  # a connection that this process had before lends nothing to this one
        connection = {name: params.get(name) for name in AUTH_ARG_SPEC}
        try:
            self._configuration = _create_configuration(_create_auth_spec(**connection))
        except Exception as error:  # whatever a file, a parser or a login command can raise
            raise _unusable(connection, error) from error
        self._pool: t.Any = RESTClientObject(self._configuration).pool_manager
        self._headers = _create_headers(**connection)

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return str(self._configuration.host)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.clear()
        # The client writes keys of a kubeconfig to files and counts on atexit, which the controller's workers skip.
        kube_config._cleanup_temp_files()

    def get(self, path: str, **query: str) -> dict[str, t.Any]:
        return self.request("GET", path, query=query)

    def get_or_none(self, path: str) -> dict[str, t.Any] | None:
        """The object, or ``None`` where there is none: no object, no namespace or no such kind."""
        try:
            return self.get(path)
        except ServiceError as error:
            if error.code == "404":
                return None
            raise

    def list(self, path: str, **query: str) -> list[dict[str, t.Any]]:
        """All objects of a kind in a namespace; none where there is no such namespace."""
        answer = self.get(path, **query)
        if not isinstance(answer.get("items"), list):
            raise _service_error(f"GET {path}", 200, answer, b"")
        return t.cast("list[dict[str, t.Any]]", answer["items"])

    def merge_patch(self, path: str, body: Mapping[str, t.Any]) -> dict[str, t.Any]:
        return self.request("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is well."""
        try:
            self.request("DELETE", path)
        except ServiceError as error:
            if error.code != "404":
                raise

    def apply(self, plan: Plan, outputs: Mapping[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Carry out a plan's steps in order.

        :param outputs: values for the plan's pending values
        :returns: the object that the last step left
        :raises ConflictError: where a concurrent writer was faster
        """
        answer: dict[str, t.Any] = {}
        for step in plan.steps:
            method, path = step.action.split(" ", 1)
            try:
                answer = self.perform(method, path, resolve(step.arguments.get("body"), outputs or {}))
            except ServiceError as error:
                if error.status >= 500 or not error.status:  # nobody knows whether it was carried out
                    record_write(step.action)
                raise
            record_write(step.action)
        return answer

    def perform(self, method: str, path: str, body: Mapping[str, t.Any] | None) -> dict[str, t.Any]:
        """Carry out one step.

        :raises ConflictError: where the object was changed, made or deleted by another writer meanwhile
        """
        if method == "DELETE":
            self.delete(path)
            return {}
        try:
            return self.request(method, path, body)
        except ServiceError as error:
            if error.code == "409" or (error.code == "404" and method == "PATCH"):
                raise ConflictError(error) from error
            raise

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, t.Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, t.Any]:
        """Send one request.

        Every request of this collection may be sent twice: a create or a change that was carried out already is
        answered with a conflict, and then the state is read again.

        :raises ServiceError: where the API server refuses it or cannot be reached
        """
        if body is not None:
            query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **(query or {})}
        url = self._configuration.host.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        action = f"{method} {path}"
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=self._request_headers(method),
                timeout=urllib3.Timeout(connect=10, read=60),
                retries=urllib3.Retry(
                    _RETRIES,
                    allowed_methods=None,
                    status_forcelist=(429, 500, 502, 503, 504),
                    backoff_factor=0.2,
                    raise_on_status=False,
                ),
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unanswered(action, error) from error
        except OSError as error:  # a certificate or key that the configuration names
            raise _unusable({}, error) from error
        answer = _parse(response.data)
        if not 200 <= response.status < 300 or answer is None or (method == "GET" and "kind" not in answer):
            raise _service_error(action, response.status, answer, response.data)
        return answer

    def _unanswered(self, action: str, error: Exception) -> ServiceError:
        place = f"the API server at {self._configuration.host}"
        settings = {"address": "the server in the kubeconfig", "ca": "certificate-authority"}
        last = getattr(error, "reason", None)  # what ended the last try
        found = no_answer(action, last if isinstance(last, Exception) else error, place, **settings)
        return found or ServiceError(action, "unreachable", f"there is no connection to {place}.")

    def _request_headers(self, method: str) -> t.Any:
        headers = HTTPHeaderDict(
            {
                "Accept": "application/json",
                "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
                "User-Agent": FIELD_MANAGER,
            }
        )
        for name, value in self._headers.items():
            for item in value if isinstance(value, list) else [value]:
                headers.add(name, item)
        try:
            settings = self._configuration.auth_settings()  # refreshes a token that has expired
        except Exception as error:  # whatever a login command can raise
            raise _unusable({}, error) from error
        for setting in settings.values():
            headers[setting["key"]] = setting["value"]
        return headers


def _unusable(connection: Mapping[str, t.Any], error: Exception) -> ValidationError:
    """Why the connection options lead to no cluster. Only the client's own words are shown, not those of Python."""
    kubeconfig = connection.get("kubeconfig")
    path = str(kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
    resource = "the given dictionary" if isinstance(kubeconfig, Mapping) else path
    causes = [one for one in (error, error.__cause__, error.__context__) if one is not None]
    reason = "is not a kubeconfig"
    for cause in causes:
        if not {"OSError", "ConfigException", "CoreException"}.isdisjoint(names_of(cause)):
            reason = last_line(cause)
    remediation = "Set KUBECONFIG, or the connection options of kubernetes.core."
    return ValidationError("kubeconfig", resource, f"leads to no cluster: {reason}", remediation)


def _parse(data: bytes) -> dict[str, t.Any] | None:
    try:
        answer = json.loads(data)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _service_error(action: str, status: int, answer: Mapping[str, t.Any] | None, data: bytes) -> ServiceError:
    """The API server's own words, and what to do about the usual ones.

    ``404`` becomes the code only where the API server itself says that something does not exist: any web server
    answers a wrong address with that status, and nothing follows from it.
    """
    if answer and answer.get("kind") == "Status":
        message = str(answer.get("message", ""))
        hint = _hint(action, status, str((answer.get("details") or {}).get("kind", "")))
        message = f"{message.rstrip('.')}." if hint else message
        return ServiceError(action, str(status), message, status=status, hint=hint)
    text = data.decode(errors="replace").strip()
    if status == 404 and text == "404 page not found":
        hint = "Velero's CRDs are not installed: install Velero first." if "/velero.io/" in action else ""
        return ServiceError(action, "404", "the cluster does not know this kind.", status=status, hint=hint)
    hint = "This is no answer of a Kubernetes API server: check the address in the kubeconfig, and the proxy."
    return ServiceError(action, f"HTTP {status}", text[:200] or "the answer is empty.", status=status, hint=hint)


def _hint(action: str, status: int, kind: str) -> str:
    method, _space, path = action.partition(" ")
    if status == 401:
        return "The cluster does not know these credentials; has the token expired?"
    if status == 403:  # named as a Role names them
        parts = path.strip("/").split("/")
        group = f".{parts.pop(1)}" if parts[0] == "apis" else ""
        _root, _version, _namespaces, namespace, plural, *name = parts
        verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
        return f"The credentials of this task need the verb {verb} on {plural}{group} in namespace {namespace}."
    if status == 404 and kind == "namespaces":
        return "Install Velero first, or name its namespace in the option namespace."
    return ""
