# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module where credentials, kubeconfig, files or servers are broken: one sentence, and nothing of Python.

The modules are found by looking, and get the options of the first example of their page.
"""

from __future__ import annotations

import builtins
import http.server
import importlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.parsers
import pytest
import urllib3.exceptions
import yaml

from tests.support import evidence
from tests.support.emulators import ROOT
from tests.support.fixtures import Aws
from tests.support.running import COLLECTION, PATHS

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

_CLASSES = {
    name
    for place in (builtins, botocore.exceptions, botocore.parsers, urllib3.exceptions)
    for name, value in vars(place).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}
PYTHON = re.compile(
    r"Errno|Traceback|\bNone\b|NoneType|has no attribute|object at 0x|<class|\bb'|expected str|sequence item"
    rf"|Max retries|Connection(Pool)?\(|\b({'|'.join(sorted(_CLASSES))})\b"
)


def load(module: str) -> Any:
    return importlib.import_module(f"{COLLECTION}.modules.{module}")


def arguments(module: str) -> dict[str, Any]:
    """Options that the validation takes."""
    options = load(module).SPEC.options
    tasks = [task.get(f"coffer.velero.{module}") or {} for task in yaml.safe_load(load(module).EXAMPLES)]
    given = min(filter(None, tasks), key=lambda task: (str(task).count("{{"), -len(str(task))), default={})
    connection = ("profile", "kubeconfig", "region")
    return {name: _value(_kind(options, name), value) for name, value in given.items() if name not in connection}


def _kind(options: Any, name: str) -> str:
    return str(next((one["type"] for key, one in options.items() if name in (key, *one.get("aliases", ()))), "str"))


def _value(kind: str, value: Any) -> Any:
    """A value without templates."""
    if isinstance(value, dict):
        return {name: _value("str", inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_value("str", inner) for inner in value]
    return {"list": [], "dict": {}, "bool": True, "int": 1}.get(kind, KEY_ARN) if "{{" in str(value) else value


AWS_MODULES = [name for name in MODULES if "secret_key" in load(name).SPEC.options]
KUBE_MODULES = [name for name in MODULES if "kubeconfig" in load(name).SPEC.options]

# --- broken connections ----------------------------------------------------------------------------------------------

Broken = Callable[[Path, pytest.MonkeyPatch], dict[str, Any]]


def profile(text: str, **environment: str) -> Broken:
    """A profile ``broken`` with these lines."""

    def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        (folder / "config").write_text(f"[profile broken]\n{text}\n")
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(folder=folder))
        return {"profile": "broken"}

    return build


def options(**given: Any) -> Broken:
    return lambda folder, monkeypatch: given


def config(content: bytes | None) -> Broken:
    """A configuration file with this content, or a directory in its place."""

    def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        path = folder / "config"
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        return {"profile": "broken"}

    return build


def environment(**values: str) -> Broken:
    def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name, value in values.items():
            monkeypatch.setenv(name, value.format(folder=folder))
        return {}

    return build


ROLE = "role_arn = arn:aws:iam::111122223333:role/x\n"
SOURCE = "[profile source]\naws_access_key_id = AKIA\naws_secret_access_key = s\n"
SSO = (
    "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = x\n[sso-session corp]\n"
    "sso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n"
)
CREDENTIALS: dict[str, tuple[Broken, str]] = {
    "MFA": (profile(f"{ROLE}source_profile = source\nmfa_serial = arn:aws:iam::1:mfa/x\n{SOURCE}"), "an MFA device"),
    "secret_key alone": (options(secret_key="s" * 40 * 40), "secret_key: it is set without access_key."),
    "access_key alone": (options(access_key="AKIA"), "access_key: it is set without secret_key."),
    "session_token alone": (
        options(session_token="t" * 40),
        "session_token: it is set without access_key and secret_key.",
    ),
    "profile and key": (options(profile="broken", access_key="AKIA", secret_key="s" * 40), "both a profile and access"),
    "nothing": (options(), "profile: the credentials are not set."),
    "unknown profile": (options(profile="nobody"), 'profile: "nobody" is in no configuration file'),
    "unknown profile in the environment": (environment(AWS_PROFILE="nobody"), 'profile: "nobody" is in no'),
    "SSO": (profile(SSO), "Run aws sso login --profile broken"),
    "old SSO": (profile(SSO.replace("sso_session = corp", "").replace("[sso-session corp]", "")), "aws sso login"),
    "process prints nothing": (profile("credential_process = true"), "has to print. It prints one JSON object"),
    "process prints garbage": (profile("credential_process = echo hello"), "has to print. It prints one JSON object"),
    "process prints bytes": (profile(r"credential_process = printf \xff\xfe"), "has to print. It prints one JSON"),
    "process prints an old version": (profile("""credential_process = echo '{"Version": 2}'"""), "could not be had"),
    "process prints a part": (profile("""credential_process = echo '{"Version": 1}'"""), "could not be had"),
    "process prints a list": (profile("credential_process = echo []"), "the credentials of profile"),
    "process fails": (
        profile("credential_process = sh -c 'echo no ticket >&2; exit 1'"),
        "could not be had: no ticket",
    ),
    "process is missing": (profile("credential_process = no-such-command"), "No such file or directory"),
    "token is missing": (profile(f"{ROLE}web_identity_token_file = /nowhere"), "/nowhere: No such file"),
    "token of the environment is missing": (
        environment(AWS_ROLE_ARN="arn:aws:iam::111122223333:role/x", AWS_WEB_IDENTITY_TOKEN_FILE="{folder}/none"),
        "none: No such file or directory",
    ),
    "half a profile": (profile("aws_access_key_id = AKIA"), "are incomplete"),
    "source is missing": (profile(f"{ROLE}source_profile = nobody"), "nobody"),
    "no source": (profile(ROLE), "source_profile"),
    "loop": (profile(f"{ROLE}source_profile = other\n[profile other]\n{ROLE}source_profile = broken"), "loop"),
    "configuration is garbage": (config(b"profile broken]\nx"), "cannot be read as a configuration"),
    "configuration is not UTF-8": (
        config(b"[profile broken]\nregion = \xff\xfe\n"),
        "cannot be read as a configuration",
    ),
    "configuration is a directory": (config(None), 'profile: "broken" is in no configuration file'),
    "endpoint is no URL": (
        options(access_key="A", secret_key="s" * 40, endpoint_url="nonsense"),
        "nonsense is not a URL",
    ),
    "nobody at the endpoint": (
        options(access_key="A", secret_key="s" * 40, endpoint_url="http://127.0.0.1:9"),
        "connection",
    ),
    "authorities are missing": (
        options(access_key="A", secret_key="s" * 40, endpoint_url="https://127.0.0.1:9", aws_ca_bundle="/nowhere"),
        "",
    ),
    "no such option": (
        options(access_key="A", secret_key="s" * 40, aws_config={"levitate": 1}),
        "aws_config: levitate",
    ),
    "wrong value": (options(access_key="A", secret_key="s" * 40, aws_config={"retries": {"mode": "x"}}), "aws_config"),
    "no such Region": (
        options(access_key="A", secret_key="s" * 40, region="eu-nowhere-1x"),
        "eu-nowhere-1x is not a Region",
    ),
    "a Region of no partition": (
        options(access_key="A", secret_key="s" * 40, region="xx-moon-1"),
        "xx-moon-1 is not a",
    ),
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test, and no patience."""
    for name in os.environ:
        if name.startswith(("AWS_", "K8S_AUTH_", "KUBECONFIG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def assert_sentence(module: str, result: dict[str, Any], words: str = "") -> None:
    text = f"{module}: {result.get('msg')} {result.get('error')}"
    found = PYTHON.search(json.dumps({**result, "invocation": 0, "exception": 0}))
    assert not found, f"{found[0]} in {result}"
    if not result.get("failed"):  # an audit tells what it could not read, and goes on
        assert result["status"] == "not_evaluated", f"{module} goes on: {result}"
        return
    assert "exception" not in result, f"{text}\n{result['exception']}"
    assert {"cause", "remediation"} <= {name for name, value in result["error"].items() if value}, text
    assert words in result["msg"], text
    assert result["msg"].strip().endswith((".", "?", "!", "'", '"')) or result["error"].get("action"), text


@pytest.mark.parametrize("case", CREDENTIALS)
def test_broken_credentials(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, words = CREDENTIALS[case]
    given = build(tmp_path, monkeypatch)
    for module in AWS_MODULES:
        whole = {**arguments(module), "region": "eu-central-1", **given}
        if module != "backup_metadata_info":  # it refuses the example's Backup
            assert_sentence(module, PATHS["controller"](module, whole, check=True), words)
    assert_sentence("kms_key", PATHS["module"]("kms_key", {"alias": "x", "region": "eu-central-1"} | given, check=True))


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for module in AWS_MODULES:
        whole = arguments(module) | {"access_key": "A", "secret_key": "s"}
        whole.pop("region", None)
        result = PATHS["controller"](module, whole, check=True)
        if "error" in result:  # else Ansible itself asks for the option
            assert_sentence(module, result)
            assert result["error"].get("option") in ("region", "backup", None), result["msg"]  # STS and S3 need none


# --- broken kubeconfigs ----------------------------------------------------------------------------------------------


def kubeconfig(content: str | bytes | None, mode: int = 0o600, **user: Any) -> Broken:
    """A file with this content, or with a cluster nobody is at and this user; or a directory in its place."""

    def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        path = folder / "kubeconfig"
        cluster = {"server": "http://127.0.0.1:9"}
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        if content is None:
            path.mkdir()
        else:
            text = content or yaml.safe_dump(whole)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            path.chmod(mode)
        return {"kubeconfig": str(path)}

    return build


def _command(*command: str) -> dict[str, Any]:
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": command[0],
            "args": list(command[1:]),
            "interactiveMode": "Never",
        }
    }


CLUSTERS: dict[str, tuple[Broken, str]] = {
    "nothing": (options(), "kubeconfig: "),
    "a path of nothing": (options(kubeconfig="/nowhere/config"), "kubeconfig: /nowhere/config leads to no cluster: "),
    "KUBECONFIG of nothing": (environment(KUBECONFIG="{folder}/none"), "none leads to no cluster: "),
    "unreadable": (kubeconfig("", mode=0), ""),
    "a directory": (kubeconfig(None), "kubeconfig leads to no cluster: "),
    "garbage": (kubeconfig("]["), "kubeconfig leads to no cluster: "),
    "a text": (kubeconfig("hello"), "kubeconfig leads to no cluster: "),
    "a list": (kubeconfig("[1, 2]"), "kubeconfig leads to no cluster: "),
    "not UTF-8": (kubeconfig(b"apiVersion: \xff\xfe"), "kubeconfig leads to no cluster: "),
    "no contexts": (kubeconfig("apiVersion: v1\nkind: Config\n"), "kubeconfig leads to no cluster: "),
    "no such context": (options(kubeconfig={"apiVersion": "v1"}, context="x"), "the given dictionary leads to no"),
    "command is missing": (kubeconfig("", **_command("no-such-command")), ""),
    "command fails": (kubeconfig("", **_command("sh", "-c", "echo no ticket >&2; exit 1")), ""),
    "command prints nothing": (kubeconfig("", **_command("true")), ""),
    "command prints garbage": (kubeconfig("", **_command("echo", "hello")), ""),
    "certificate is missing": (kubeconfig("", **{"client-certificate": "/nowhere"}), ""),
    "certificate is garbage": (kubeconfig("", **{"client-certificate-data": "!!"}), ""),
    "token file is missing": (kubeconfig("", tokenFile="/nowhere"), ""),
    "nobody at the host": (options(host="http://127.0.0.1:9", api_key="x" * 40), "there is no connection to the API"),
    "no TLS at the host": (options(host="127.0.0.1:9", api_key="x" * 40), ""),
    "host is no address": (options(host="http://[nonsense", api_key="x" * 40), ""),
    "authorities are missing": (options(host="https://127.0.0.1:9", api_key="x" * 40, ca_cert="/nowhere"), ""),
}


@pytest.mark.parametrize("case", CLUSTERS)
def test_broken_kubeconfig(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, words = CLUSTERS[case]
    given = build(tmp_path, monkeypatch)
    for module in KUBE_MODULES:
        if module not in AWS_MODULES:
            whole = {**arguments(module), **given}
            assert_sentence(module, PATHS["controller"](module, whole, check=True), words)
    assert_sentence("sse_c_secret", PATHS["module"]("sse_c_secret", given, check=True), words)


# --- broken files ----------------------------------------------------------------------------------------------------


def _loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


def _full(path: Path) -> Path:
    path.symlink_to("/dev/full")
    return path


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def _below_a_file(path: Path) -> Path:
    path.touch()
    return path / path.name


FILES: dict[str, Callable[[Path], Path]] = {
    "a directory": _directory,
    "below a file": _below_a_file,
    "a link to itself": _loop,
    "a full disk": _full,
    "a name too long": lambda path: path.with_name("x" * 300 + path.suffix),
    "nowhere": lambda path: Path("/proc/nowhere") / path.name,
}
#: A link is replaced, and a report put into a directory.
WITHOUT = ("a link to itself", "a full disk", "a directory")
CONNECTION = ("aws_ca_bundle", "ca_cert", "client_cert", "client_key", "kubeconfig")
PATH_OPTIONS = [
    (module, name)
    for module in MODULES
    for name, option in load(module).SPEC.options.items()
    if option.get("type") == "path" and name not in CONNECTION
]


def test_options_with_files_are_found() -> None:
    names = {name for _module, name in PATH_OPTIONS}
    assert names == {"checkpoint", "customer_key_file", "dest", "path"}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize(("module", "option"), PATH_OPTIONS, ids=lambda text: str(text))
def test_broken_file(aws: Aws, tmp_path: Path, case: str, module: str, option: str) -> None:
    """Where the file is no file, the task fails in a sentence that names it, or does without it."""
    aws.client("s3").create_bucket(Bucket="acme-backups")
    broken = FILES[case](tmp_path / "list.jsonl")
    profile = {"account_id": "123456789012", "region": aws.region, "bucket": "acme-backups", "prefix": "production"}
    whole = {"storage_profile": {**profile, "encryption_mode": "sse-c"}, "evidence": evidence.good()}
    given = {name: value for name, value in whole.items() if name in load(module).SPEC.options}
    for path in PATHS.values():
        result = path(module, given | {option: str(broken)}, check=False)
        if result.get("failed"):
            assert_sentence(module, result, f"{option}: ")
        else:
            assert case in WITHOUT, f"{module} goes on"


# --- broken servers --------------------------------------------------------------------------------------------------

#: What is told no Backup before it asks anybody, and what reads only the results of others.
KNOW_NO_SERVER = ("backup_metadata_info", "evidence_report")

ANSWERS: dict[str, tuple[int, bytes] | None] = {
    "closes": None,
    "busy": (503, b"<html><body>Service Unavailable</body></html>"),
    "busy in JSON": (503, b'{"__type": "ServiceUnavailable", "message": "later"}'),
    "gateway": (502, b""),
    "nothing": (200, b""),
    "HTML": (200, b"<!DOCTYPE html><html><body>Log in</body></html>"),
    "XHTML": (200, b"<html><body>Log in</body></html>"),
    "text": (200, b"OK"),
    "a cut object": (200, b'{"KeyMetadata": {"KeyId'),
    "a list": (200, b"[]"),
    "an empty object": (200, b"{}"),
    "cut XML": (200, b"<?xml version='1.0'?><Get"),
    "another document": (200, b"<?xml version='1.0'?><Foo/>"),
    "bytes": (200, b"\x00\xff\xfe"),
    "redirect": (302, b""),
    "refused without a word": (403, b""),
    "not found without a word": (404, b""),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.answer  # type: ignore[attr-defined]
        self.close_connection = True
        if answer is None:
            return
        status, content = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = answer


@pytest.fixture(scope="module")
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("case", ANSWERS)
def test_broken_server(case: str, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = ANSWERS[case]
    url = f"http://127.0.0.1:{server.server_address[1]}"
    aws = {"access_key": "AKIA", "secret_key": "s" * 40, "region": "eu-central-1", "endpoint_url": url}
    kube = {"host": url, "api_key": "x" * 40}
    for module in MODULES:
        spec = load(module).SPEC.options
        whole = arguments(module) | (aws if module in AWS_MODULES else {}) | (kube if module in KUBE_MODULES else {})
        whole |= {name: 1 for name in ("wait_timeout", "timeout", "backup_timeout") if name in spec}
        whole |= {name: str(tmp_path / "list.jsonl") for name in ("path", "dest") if name in spec}
        result = PATHS["controller"](module, whole, check=True)
        if module not in KNOW_NO_SERVER:
            assert_sentence(module, result)
