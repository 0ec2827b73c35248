# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Velero's own manifests, as ``velero install`` prints them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from functools import partial
from http import HTTPStatus
from pathlib import Path

from .api import CONFIG_MAP, CRD, Api, Json, Kind
from .controlplane import write_private
from .processes import wait_for
from .programs import Programs, cache_directory

INSTALL = (
    "install",
    "--dry-run",
    "--output=json",
    "--no-secret",
    "--no-default-backup-location",
    "--use-volume-snapshots=false",
    "--plugins=velero/velero-plugin-for-aws:v1.14.3",
)
INSTALL_SECONDS = 60
SERVED_SECONDS = 30


def velero_manifests(programs: Programs, kubeconfig: Path) -> list[Json]:
    """CRDs, namespace, ServiceAccount, ClusterRoleBinding, Deployment. Kept, for printing them takes an API server."""
    stat = programs.velero.stat()
    seed = repr((str(programs.velero), stat.st_size, stat.st_mtime_ns, INSTALL))
    cache = cache_directory() / f"manifests-{hashlib.sha256(seed.encode()).hexdigest()[:16]}.json"
    if not cache.exists():
        environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent), "PATH": os.defpath}
        command = [str(programs.velero), *INSTALL]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=INSTALL_SECONDS, check=True)
        json.loads(done.stdout)
        write_private(cache, done.stdout)
    items: list[Json] = json.loads(cache.read_text())["items"]
    return items


def install(api: Api, manifests: list[Json], server_arguments: list[str]) -> None:
    """Create what is not there yet; return when every kind of Velero's is served."""
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            manifest["spec"]["template"]["spec"]["containers"][0]["args"] += server_arguments
        api.create(Kind.of(manifest), manifest, manifest["metadata"].get("namespace"), exist_ok=True)
        if manifest["kind"] == "Namespace":
            _publish_certificate(api, manifest["metadata"]["name"])
    for manifest in manifests:
        if manifest["kind"] == CRD.name:
            spec = manifest["spec"]
            kind = Kind(f"{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["kind"])
            wait_for(f"{kind.name} is served", partial(_served, api, kind), SERVED_SECONDS, interval=0.02)


def _served(api: Api, kind: Kind) -> bool:
    return api.raw("GET", f"{kind.path(None)}?limit=1")[0] == HTTPStatus.OK


def _publish_certificate(api: Api, namespace: str) -> None:
    """What the controller-manager does for each namespace: pods mount it."""
    body = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": api.ca_file.read_text()}}
    api.create(CONFIG_MAP, body, namespace, exist_ok=True)
