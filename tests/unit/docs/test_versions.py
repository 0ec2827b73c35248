# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/versions.md says what the lock files, the bounds and the Go modules say."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.stack.programs import CONTROL_PLANE, VELERO

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "versions.md"
LOCKS = ("tools/locks/oldest.txt", "requirements-dev.txt")


def locked(file: str, package: str) -> str:
    """The version in a lock file; the last is the one for the newest Python."""
    return re.findall(rf"(?m)^{package}==(\S+)", (ROOT / file).read_text())[-1]


def required(module: str, package: str) -> str:
    text = (ROOT / "tests" / "stack" / "go" / module / "go.mod").read_text()
    found = re.search(rf"(?m)^\t{re.escape(package)} v(\S+)", text)
    assert found
    return found[1]


def versions() -> dict[str, tuple[str, str]]:
    control_plane = {
        "Kubernetes (kube-apiserver)": required("controlplane", "k8s.io/kubernetes"),
        "etcd": required("controlplane", "go.etcd.io/etcd/server/v3"),
    }
    velero = {
        "Velero": required("velero", "github.com/vmware-tanzu/velero"),
        "velero-plugin-for-aws": required("velero", "github.com/vmware-tanzu/velero-plugin-for-aws"),
        "kopia (Velero's fork)": required("velero", "github.com/kopia/kopia"),
    }
    packages = ("ansible-core", "boto3", "kubernetes", "moto")
    collections = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
    carrier = f"that of ansible {locked('tools/locks/collections.txt', 'ansible')}"
    return {
        **{name: ("", version) for name, version in (velero | control_plane).items()},
        **{f"`{name}`": (locked(LOCKS[0], name), locked(LOCKS[1], name)) for name in packages},
        **{f"`{name}`": ("", carrier) for name in collections},
    }


def table() -> str:
    """The table as it should be: what to paste into the page where this test fails."""
    rows = [("", "oldest", "newest"), ("---",) * 3, *((name, *pair) for name, pair in versions().items())]
    return "\n".join(f"| {' | '.join(cells)} |".replace("  ", " ") for cells in rows)


def test_table() -> None:
    assert table() in PAGE.read_text()


def test_the_programs_say_the_versions_that_they_are_built_from() -> None:
    found = {name: version for name, (_where, version) in versions().items()}
    assert CONTROL_PLANE.version == f"Kubernetes {found['Kubernetes (kube-apiserver)']}, etcd {found['etcd']}"
    plugin, kopia = found["velero-plugin-for-aws"], found["kopia (Velero's fork)"].removesuffix(".0")
    assert VELERO.version == f"Velero {found['Velero']}, plugin for AWS {plugin}, kopia {kopia}"
    assert f"v{found['Velero']}" in VELERO.stamps[0]
    assert f"v{found['Kubernetes (kube-apiserver)']}" in CONTROL_PLANE.stamps[0]


def test_nox_calls_targets_that_make_has() -> None:
    calls = re.findall(r'"([a-z]+(?:-[a-z]+)*)"', (ROOT / "noxfile.py").read_text())
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(calls) - targets == {"make", "none"}
