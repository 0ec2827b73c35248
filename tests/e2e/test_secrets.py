# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret in any output at ``-vvvv --diff``, diff, fact, registered result, error, log or file, in good runs and bad.

The customer's key is looked for as bytes, in base64 and in hexadecimal; the ServiceAccount's token and AWS's secret
key and session token as they are. Both ways a module runs are tried: in the controller, and handed over to another
interpreter. What Ansible itself prints is not ours: on the second way it shows a task's ``environment`` at ``-vvv``,
and hence ``velero_environment``, where secrets do not belong.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.stack import AwsEndpoint, Stack
from tests.stack.api import SECRET
from tests.support.emulators import ROOT, Moto
from tests.support.proxy import Proxy

BUCKET = "velero-secrets"
SECONDS = 180
WRONG_KEY = secrets.token_bytes(31)
MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with Moto() as moto, Proxy(moto.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def stack(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), AwsEndpoint(proxy.url)) as stack:
        data = {"key": base64.b64encode(WRONG_KEY).decode()}
        stack.api.create(SECRET, {"metadata": {"name": "wrong"}, "data": data}, stack.namespace)
        yield stack


@dataclass
class Trial:
    """One way to run tasks; ``inputs`` holds what the user himself has written down, ``output`` all that is left."""

    stack: Stack
    proxy: Proxy
    inputs: Path
    output: Path
    interpreter: str
    token: str
    secret_key: str = field(default_factory=lambda: f"secret-key-{secrets.token_hex(20)}")
    session_token: str = field(default_factory=lambda: f"session-token-{secrets.token_hex(20)}")

    @property
    def kubeconfig(self) -> dict[str, Any]:
        api = self.stack.api
        cluster = {
            "server": api.url,
            "certificate-authority-data": base64.b64encode(Path(api.ca_file).read_bytes()).decode(),
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": self.token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }

    def run(self, playbook: Path, variables: Mapping[str, Any], environment: Mapping[str, str], code: int = 0) -> str:
        """Run a playbook as loudly as can be; its whole output, with everything left behind kept in ``output``."""
        inventory = self.inputs / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"site": dict(variables)}}}))
        folders = {name: self.output / name for name in ("work", "home", "local", "remote", "facts")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_", "K8S_"))}
        kept.pop("KUBECONFIG", None)
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
            "ANSIBLE_HOME": str(folders["home"]),
            "ANSIBLE_LOCAL_TEMP": str(folders["local"]),
            "ANSIBLE_REMOTE_TEMP": str(folders["remote"]),
            "ANSIBLE_LOG_PATH": str(self.output / "log"),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folders["facts"]),
            "ANSIBLE_INJECT_INVOCATION": "true",
            "RECORDER_FILE": str(self.output / "record"),
            "TMPDIR": str(folders["local"]),
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        options = ["-vvvv", "--diff", "-e", f"ansible_python_interpreter={self.interpreter}"]
        done = subprocess.run(
            [str(program), "-i", str(inventory), *options, str(playbook)],
            env=kept | settings | self.aws_environment | dict(environment),
            cwd=folders["work"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, output[-6000:]
        (self.output / "output").write_text(output)
        return output

    @property
    def aws_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.proxy.url,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def leaks(self) -> list[str]:
        """Which secret is where."""
        files = {path: path.read_bytes() for path in self.output.rglob("*") if path.is_file()}
        return [
            f"{name} in {path.relative_to(self.output)}"
            for name, form in self.secrets()
            for path, content in files.items()
            if form in content
        ]

    def secrets(self) -> Iterator[tuple[str, bytes]]:
        for name, text in (
            ("token", self.token),
            ("token's signature", self.token.rsplit(".", 1)[-1]),
            ("AWS secret key", self.secret_key),
            ("AWS session token", self.session_token),
        ):
            yield name, text.encode()
            yield f"{name} in base64", base64.b64encode(text.encode()).rstrip(b"=")[:-1]
        keys = {
            f"{item['metadata']['name']}/{name}": base64.b64decode(value)
            for item in self.stack.api.list(SECRET, self.stack.namespace)
            for name, value in item["data"].items()
        }
        assert {"velero-sse-c/key", "wrong/key"} <= set(keys)
        for name, key in keys.items():
            yield f"{name} raw", key
            yield f"{name} as text", repr(key)[2:-1].encode()
            yield f"{name} as JSON", json.dumps(key.decode("latin-1"))[1:-1].encode()
            for form in (base64.b64encode(key), base64.urlsafe_b64encode(key)):
                yield f"{name} in base64", form.rstrip(b"=")[:-1]
            yield f"{name} in hexadecimal", key.hex().encode()
            yield f"{name} in HEXADECIMAL", key.hex().upper().encode()


@pytest.fixture(params=["controller", "module"])
def trial(request: pytest.FixtureRequest, stack: Stack, proxy: Proxy, tmp_path: Path) -> Trial:
    """Another name for the same Python is another interpreter, which runs the modules."""
    interpreter = sys.executable
    if request.param == "module":
        link = tmp_path / "python"
        link.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        link.chmod(0o755)
        interpreter = str(link)
    proxy.reset()
    folders = [tmp_path / name for name in ("inputs", "output")]
    for folder in folders:
        folder.mkdir()
    token = stack.api.service_account_token("velero", stack.namespace)
    return Trial(stack, proxy, *folders, interpreter, token)


def variables(stack: Stack, proxy: Proxy) -> dict[str, Any]:
    return {
        "velero_proof": "never",
        "velero_region": "us-east-1",
        "velero_bucket": BUCKET,
        "velero_encryption_mode": "sse-c",
        "velero_sse_c_create_if_missing": True,
        "velero_oidc_issuer_url": stack.issuer_url,
        "velero_s3_url": proxy.url,
        "velero_s3_force_path_style": True,
    }


def test_site(trial: Trial) -> None:
    """Credentials by the environment, as most have them; the first time, the key is made in this very run."""
    kubeconfig = trial.inputs / "kubeconfig"
    kubeconfig.write_text(json.dumps(trial.kubeconfig))
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": trial.secret_key,
        "AWS_SESSION_TOKEN": trial.session_token,
    }
    if "velero-sse-c" in {item["metadata"]["name"] for item in trial.stack.api.list(SECRET, trial.stack.namespace)}:
        trial.stack.api.delete(SECRET, "velero-sse-c", trial.stack.namespace)
    output = trial.run(ROOT / "site.yml", variables(trial.stack, trial.proxy), environment)
    assert '+    "velero-sse-c/key": "32 random bytes"' in output, "the diff is there"
    assert "gets a new random key" in output
    assert ("coffer/velero/plugins/modules" in output) == (trial.interpreter != sys.executable)
    assert trial.leaks() == []


OPTIONS = """
- hosts: all
  gather_facts: false
  connection: local
  vars:
    kubeconfig_file: "{{ playbook_dir }}/kubeconfig"
  module_defaults:
    group/coffer.velero.aws:
      access_key: AKIAIOSFODNN7EXAMPLE
      secret_key: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/secret_key') }}"
      session_token: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/session_token') }}"
    group/coffer.velero.k8s:
      kubeconfig: "{{ lookup('ansible.builtin.file', kubeconfig_file) | from_json }}"
  tasks:
"""
EVERYTHING_KNOWN = """
    - name: Leave all variables in a file
      ansible.builtin.copy:
        content: "{{ hostvars[inventory_hostname] | to_json }}"
        dest: "{{ known }}"
        mode: "0600"
      diff: false
      no_log: true
"""
ROLES = """
    - ansible.builtin.import_role:
        name: coffer.velero.velero_irsa
    - ansible.builtin.import_role:
        name: coffer.velero.bucket_encryption
    - ansible.builtin.import_role:
        name: coffer.velero.backup_location
"""


def write_inputs(trial: Trial, tasks: str) -> Path:
    for name in ("secret_key", "session_token", "token"):
        (trial.inputs / name).write_text(getattr(trial, name))
    (trial.inputs / "kubeconfig").write_text(json.dumps(trial.kubeconfig))
    playbook = trial.inputs / "playbook.yml"
    playbook.write_text(OPTIONS + tasks + EVERYTHING_KNOWN)
    return playbook


def test_roles_with_credentials_as_options(trial: Trial) -> None:
    """Credentials as options by module_defaults: keys of AWS, and a kubeconfig as a dictionary."""
    playbook = write_inputs(trial, ROLES)
    known = {"known": str(trial.output / "known")}
    output = trial.run(playbook, variables(trial.stack, trial.proxy) | known, {})
    assert f'"secret_key": "{MASK}"' in output
    assert f'"token": "{MASK}"' in output, "the kubeconfig is shown without it"
    assert "backup_location" in (trial.output / "known").read_text()
    assert trial.leaks() == []


FAILURES = """
    - name: A key of the wrong length
      coffer.velero.sse_c_secret: {secret: wrong/key}
      ignore_errors: true
      register: wrong_length
    - name: A token as option
      coffer.velero.sse_c_secret:
        kubeconfig: "{{ omit }}"
        host: "{{ server }}"
        api_key: "{{ token }}"
        ca_cert: "{{ ca_cert }}"
        create_if_missing: true
      register: api_key
      vars: &token
        token: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/token') }}"
    - name: Nobody answers
      coffer.velero.backup_storage_location:
        kubeconfig: "{{ lookup('ansible.builtin.file', kubeconfig_file) | replace(server, 'https://127.0.0.1:9')
                        | from_json }}"
        bucket: some-bucket
        region: us-east-1
      ignore_errors: true
      register: unreachable_dictionary
    - name: Nobody answers a token
      coffer.velero.velero_identity:
        kubeconfig: "{{ omit }}"
        host: https://127.0.0.1:9
        api_key: "{{ token }}"
        state: absent
      ignore_errors: true
      register: unreachable_token
      vars: *token
    - name: Nobody knows the token
      coffer.velero.sse_c_secret:
        kubeconfig: "{{ omit }}"
        host: "{{ server }}"
        api_key: "{{ token }}x"
        ca_cert: "{{ ca_cert }}"
      ignore_errors: true
      register: unknown_token
      vars: *token
    - name: A kubeconfig that leads nowhere
      coffer.velero.sse_c_secret:
        kubeconfig: "{{ lookup('ansible.builtin.file', kubeconfig_file) | replace('current-context', 'current')
                        | from_json }}"
      ignore_errors: true
      register: broken_dictionary
    - name: The text of a kubeconfig in place of its path
      coffer.velero.sse_c_secret:
        kubeconfig: "# mine\\n{{ lookup('ansible.builtin.file', kubeconfig_file) }}\\n"
      ignore_errors: true
      register: text
    - name: The same in JSON
      coffer.velero.sse_c_secret:
        kubeconfig: "{{ lookup('ansible.builtin.file', kubeconfig_file) | from_json | to_json }}"
      ignore_errors: true
      register: json
    - name: AWS says no
      coffer.velero.kms_key: {alias: velero}
      ignore_errors: true
      register: denied
    - name: No such endpoint
      coffer.velero.s3_bucket: {bucket: some-bucket, endpoint_url: "http://127.0.0.1:9"}
      ignore_errors: true
      register: no_endpoint
"""
TEXTS = {
    "wrong_length": 'secret: Secret "wrong/key" holds 31 bytes, not 32.',
    "unreachable_dictionary": "there is no connection to the API server at https://127.0.0.1:9.",
    "unreachable_token": "there is no connection to the API server at https://127.0.0.1:9.",
    "unknown_token": "The cluster does not know these credentials; has the token expired?",
    "broken_dictionary": "kubeconfig: the given dictionary leads to no cluster: ",
    "text": "kubeconfig: it is the text of a kubeconfig and not its path. Give the path, or a dictionary:",
    "json": "kubeconfig: it is the text of a kubeconfig and not its path. Give the path, or a dictionary:",
    "denied": "kms:DescribeKey failed: AccessDeniedException",
    "no_endpoint": "http://127.0.0.1:9",
}


def test_failures(trial: Trial) -> None:
    playbook = write_inputs(trial, FAILURES)
    trial.proxy.deny("kms")
    api = trial.stack.api
    given = {"known": str(trial.output / "known"), "server": api.url, "ca_cert": str(api.ca_file)}
    trial.run(playbook, variables(trial.stack, trial.proxy) | given, {})
    known = json.loads((trial.output / "known").read_text())
    assert known["api_key"]["secret"] == "velero-sse-c/key"
    assert {name: known[name]["msg"] for name, text in TEXTS.items() if text not in known[name]["msg"]} == {}
    assert trial.leaks() == []


def test_a_leak_would_be_found(trial: Trial) -> None:
    """The control of the tests above."""
    for name, form in trial.secrets():
        (trial.output / "output").write_bytes(b"..." + form + b"...")
        assert f"{name} in output" in trial.leaks()
