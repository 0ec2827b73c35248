# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd and kube-apiserver on loopback, as an EKS control plane looks from outside."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from pathlib import Path

from .api import Api
from .processes import MARK, Process, free_ports
from .programs import Programs

START_SECONDS = 60
EKS_ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/{}"


def issuer() -> str:
    """An OIDC issuer as EKS makes them, different for each cluster."""
    return EKS_ISSUER.format(secrets.token_hex(16).upper())


class ControlPlane:
    """Started in a directory; the administrator's kubeconfig is written to it."""

    def __init__(self, programs: Programs, directory: Path, issuer_url: str) -> None:
        self.kubeconfig = directory / "kubeconfig"
        self._directory = directory
        self._issuer_url = issuer_url
        self._programs = programs
        self._stack = contextlib.ExitStack()
        client, peer, port = free_ports(3)
        self._etcd_url, self._peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        certificates = directory / "certificates"
        self.api = Api("127.0.0.1", port, secrets.token_urlsafe(24), certificates / "apiserver.crt")

    def start(self) -> Api:
        """Both at once: kube-apiserver waits for etcd."""
        with self._stack:
            # A start makes much garbage; collecting it at every doubling of the heap takes a fifth of the time.
            environment = {"PATH": os.defpath, "HOME": str(self._directory), MARK: str(self._directory), "GOGC": "400"}
            for name, command, grace in (("etcd", self._etcd(), 5), ("kube-apiserver", self._apiserver(), 3)):
                process = Process(name, command, self._directory / f"{name}.log", environment)
                self._stack.callback(process.stop, grace)
            process.wait_until(self._ready, START_SECONDS)
            write_private(self.kubeconfig, json.dumps(kubeconfig(self.api, {"token": self.api.token}), indent=2))
            self._stack = self._stack.pop_all()
        return self.api

    def stop(self) -> None:
        """kube-apiserver first: it does not end once etcd is gone."""
        self._stack.close()

    def _ready(self) -> bool:
        try:
            return self.api.raw("GET", "/readyz") == (200, "ok")
        except OSError:
            return False

    def _etcd(self) -> list[str]:
        return [
            str(self._programs.etcd),
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={self._peer_url}",
            f"--initial-advertise-peer-urls={self._peer_url}",
            f"--initial-cluster=default={self._peer_url}",
            "--unsafe-no-fsync",
        ]

    def _apiserver(self) -> list[str]:
        """The key that kube-apiserver makes for its own certificate signs the tokens of service accounts, too."""
        tokens = self._directory / "tokens.csv"
        write_private(tokens, f'{self.api.token},admin,admin,"system:masters"\n')
        certificates = self.api.ca_file.parent
        return [
            str(self._programs.kube_apiserver),
            f"--etcd-servers={self._etcd_url}",
            f"--cert-dir={certificates}",
            f"--secure-port={self.api.port}",
            f"--bind-address={self.api.host}",
            f"--advertise-address={self.api.host}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={tokens}",
            f"--service-account-issuer={self._issuer_url}",
            f"--service-account-key-file={certificates / 'apiserver.key'}",
            f"--service-account-signing-key-file={certificates / 'apiserver.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
        ]


def kubeconfig(api: Api, user: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stack", "cluster": {"server": api.url, "certificate-authority": str(api.ca_file)}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": "user"}}],
        "current-context": "stack",
    }


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner may read; a reader sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    scratch.replace(path)
