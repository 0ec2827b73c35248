# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to Kubernetes: what is sent, what is tried again, what errors say, and what is never shown."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from kubernetes.config import kube_config

from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ConflictError, ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step
from ansible_collections.coffer.velero.plugins.module_utils._velero.model import object_path
from tests.support.running import ModuleRunner

PATH = object_path("velero.io/v1", "backups", "velero", "nightly")
OBJECT = {"kind": "Backup", "metadata": {"name": "nightly"}}
CUT = (0, {})
TOKEN = "a-token-that-nobody-may-see"


class Script:
    """A server that gives prepared answers, one each, the last one for ever, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, OBJECT)]
        self.seen: list[tuple[str, str, dict[str, list[str]]]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def handle_request(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: self.headers.get_all(name) or [] for name in self.headers}
                script.seen.append((self.command, self.path, headers))
                status, content = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if status == 0:
                    return
                body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_request

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    thread = threading.Thread(target=script.server.serve_forever, daemon=True)
    thread.start()
    yield script
    script.server.shutdown()
    script.server.server_close()


def _kube(script: Script, **options: Any) -> Kube:
    return Kube({"host": script.url, "api_key": TOKEN, **options})


def _status(code: int, message: str = "no", **details: Any) -> tuple[int, Any]:
    return code, {"kind": "Status", "message": message, "details": details}


@pytest.mark.parametrize("trouble", [CUT, (429, {}), (500, {}), (502, "<html>"), (503, {}), (504, {})])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_what_may_pass_is_tried_again(script: Script, trouble: tuple[int, Any], method: str) -> None:
    script.answers = [trouble, trouble, (200, OBJECT)]
    assert _kube(script).request(method, PATH, {} if method in ("POST", "PATCH") else None) == OBJECT
    assert [seen[0] for seen in script.seen] == [method] * 3


def test_what_is_sent(script: Script) -> None:
    kube = _kube(script, impersonate_user="ops", impersonate_groups=["a", "b"])
    kube.merge_patch(PATH, {"spec": {}})
    ((method, path, headers),) = script.seen
    assert (method, path) == ("PATCH", f"{PATH}?fieldManager=coffer.velero&fieldValidation=Strict")
    assert headers["authorization"] == [f"Bearer {TOKEN}"]
    assert headers["Content-Type"] == ["application/merge-patch+json"]
    assert headers["Impersonate-User"] == ["ops"]
    assert headers["Impersonate-Group"] == ["a", "b"]


def test_host_with_a_path(script: Script) -> None:
    _kube(script, host=f"{script.url}/k8s/clusters/c-1/").get(PATH)
    assert script.seen[0][1] == f"/k8s/clusters/c-1{PATH}"


def test_proxy(script: Script) -> None:
    Kube({"host": "http://cluster.example", "api_key": TOKEN, "proxy": script.url}).get(PATH)
    assert script.seen[0][1] == f"http://cluster.example{PATH}"


def test_login_command(script: Script, tmp_path: Path) -> None:
    """A kubeconfig as EKS makes it: the token comes from a command."""
    status = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
    command = {"apiVersion": status["apiVersion"], "command": sys.executable, "interactiveMode": "Never"}
    command["args"] = ["-c", f"print({json.dumps(json.dumps(status))})"]
    Kube({"kubeconfig": _kubeconfig(script.url, {"exec": command})}).get(PATH)
    assert script.seen[0][2]["authorization"] == [f"Bearer {TOKEN}"]


def _kubeconfig(server: str, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def test_keys_do_not_stay_on_disk() -> None:
    """The client writes them to files; a worker of the controller ends without its exit handlers."""
    data = base64.b64encode(b"secret").decode()
    user = {"client-key-data": data, "client-certificate-data": data}
    with Kube({"kubeconfig": _kubeconfig("https://127.0.0.1:9", user)}):
        files = list(kube_config._temp_files.values())
        assert files
        assert all(Path(file).exists() for file in files)
    assert not any(Path(file).exists() for file in files)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            _status(401, "Unauthorized"),
            "failed: 401: Unauthorized. The cluster does not know these credentials; has the token expired?",
        ),
        (
            _status(403, "forbidden"),
            "forbidden. The credentials of this task need the verb get on backups.velero.io in namespace velero.",
        ),
        (_status(404, "not found", kind="namespaces"), "not found. Install Velero first, or name its namespace"),
        (
            (404, "404 page not found\n"),
            "does not know this kind. Velero's CRDs are not installed: install Velero first.",
        ),
        ((404, "<html>nginx"), "HTTP 404: <html>nginx This is no answer of a Kubernetes API server"),
        ((200, "<html>login"), "HTTP 200: <html>login This is no answer of a Kubernetes API server"),
        ((302, ""), "This is no answer of a Kubernetes API server"),
    ],
)
def test_errors(script: Script, answer: tuple[int, Any], text: str) -> None:
    script.answers = [answer]
    with pytest.raises(ServiceError) as caught:
        _kube(script).get(PATH)
    assert text in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("answer", "absent"), [(_status(404), True), ((404, "404 page not found\n"), True)])
def test_find(script: Script, answer: tuple[int, Any], absent: bool) -> None:
    script.answers = [answer]
    assert _kube(script).get_or_none(PATH) is None


@pytest.mark.parametrize("answer", [(404, "<html>"), _status(403), _status(401), (404, {})])
def test_find_takes_nothing_else_for_absence(script: Script, answer: tuple[int, Any]) -> None:
    script.answers = [answer]
    with pytest.raises(ServiceError):
        _kube(script).get_or_none(PATH)


@pytest.mark.parametrize(
    ("method", "answer", "raised"),
    [
        ("POST", _status(409), ConflictError),
        ("PATCH", _status(409), ConflictError),
        ("PATCH", _status(404), ConflictError),
        ("POST", _status(404), ServiceError),
        ("PATCH", _status(422), ServiceError),
        ("DELETE", _status(404), None),
        ("DELETE", _status(403), ServiceError),
    ],
)
def test_rivals(script: Script, method: str, answer: tuple[int, Any], raised: type[CofferError] | None) -> None:
    script.answers = [answer]
    plan = Plan((Step(f"{method} {PATH}", {"body": {}}),), (Difference("x", 1, 2),))
    if raised is None:
        _kube(script).apply(plan)
        return
    with pytest.raises(raised):
        _kube(script).apply(plan)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kubeconfig": "/does/not/exist"}, "kubeconfig: /does/not/exist leads to no cluster: "),
        (
            {"kubeconfig": {"apiVersion": "v1", "token": TOKEN}},
            "kubeconfig: the given dictionary leads to no cluster: ",
        ),
    ],
)
def test_no_cluster(options: dict[str, Any], text: str) -> None:
    with pytest.raises(CofferError) as caught:
        Kube(options)
    assert str(caught.value).startswith(text)
    assert TOKEN not in str(caught.value)


def test_unreachable() -> None:
    with pytest.raises(
        ServiceError, match=r"no connection to the API server at http://127.0.0.1:9. Is the server in the kubeconfig"
    ):
        Kube({"host": "http://127.0.0.1:9", "api_key": TOKEN}).get(PATH)


def test_secrets_of_a_kubeconfig() -> None:
    secrets = {
        "token": "t1",
        "client-key-data": "t2",
        "password": "t3",
        "auth-provider": {"config": {"id-token": "t4"}},
    }
    command = {"command": "login", "env": [{"name": "PASSWORD", "value": "t5"}], "args": ["shown"]}
    config = _kubeconfig("https://shown", {**secrets, "exec": command})
    assert kube_spec({}).secrets({"kubeconfig": config}) == {"t1", "t2", "t3", "t4", "t5"}
    assert kube_spec({}).secrets({"kubeconfig": "/path"}) == set()


@pytest.mark.parametrize("connection", ["kubeconfig", "api_key"])
def test_secrets_are_shown_nowhere(
    run: ModuleRunner, script: Script, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a result, not in an error that quotes it, not in the invocation, and not in the system's log."""
    logged: list[str] = []
    collect: Callable[..., None] = lambda self, message, log_args=None: logged.append(f"{message} {log_args}")  # noqa: E731
    monkeypatch.setattr(AnsibleModule, "log", collect)
    options: dict[str, Any] = {"kubeconfig": _kubeconfig(script.url, {"token": TOKEN})}
    if connection == "api_key":
        options = {"host": script.url, "api_key": TOKEN}
    script.answers = [_status(403, f"the token {TOKEN} is no good")]
    result = run("sse_c_secret", **options)
    assert "the token ********" in result["msg"]
    assert TOKEN not in json.dumps(result)
    assert not any(TOKEN in line for line in logged)
    assert script.seen[0][2]["authorization"] == [f"Bearer {TOKEN}"]
