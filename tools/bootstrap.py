# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the environments of the development tools: `.venv`, and `.venv-NAME` for what cannot live beside the others.

`bootstrap.py [NAME]` makes one, with the newest Python it finds, unless it is there for the present lock file;
`bootstrap.py lock` compiles the lock files anew from the groups in pyproject.toml. Needs the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "dev": ROOT / "requirements-dev.txt",
    **{
        name: ROOT / "tools" / "locks" / f"{name}.txt"
        for name in ("collections", "importer", "judges", "ministack", "oldest")
    },
}
MINORS = (14, 13, 12, 11)  # the Python 3 versions to look for, best first
WANTED_COLLECTIONS = ("amazon/aws", "kubernetes/core")
PROBE = "import ensurepip, ssl, sys, venv, zlib; print(sys.version_info[1], sys._base_executable)"


def environment() -> dict[str, str]:
    """The caller's environment, less what would slow Python down or lead uv astray."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if k not in dropped} | {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "true",
    }


def succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, check=False, env=environment(), stdin=subprocess.DEVNULL).returncode == 0


def run(*command: str | Path) -> None:
    if not succeeds(*command):
        sys.exit(f"This failed: {' '.join(map(str, command))}")


@contextmanager
def step(what: str) -> Iterator[None]:
    start = time.monotonic()
    print(f"  {what} ...", flush=True)
    yield
    print(f"  {what}: {time.monotonic() - start:.1f} s", flush=True)


def pythons() -> Iterator[str]:
    """Where a Python may be: this one, the search path, and versions installed side by side with this one."""
    names = [f"python3.{minor}" for minor in MINORS] + ["python3"]
    yield sys.executable
    for folder in os.get_exec_path():
        yield from (str(Path(folder, name)) for name in names)
    yield from map(str, Path(sys.base_prefix).parent.glob("*/bin/python3"))


def newest_python() -> str:
    """The newest Python that really runs: a name on the search path may be a shim without an interpreter behind it."""
    found: dict[int, str] = {}
    for candidate in dict.fromkeys(pythons()):
        if os.access(candidate, os.X_OK):
            command = [candidate, "-c", PROBE]
            probe = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
            if probe.returncode == 0:
                minor, executable = probe.stdout.split(maxsplit=1)
                found.setdefault(int(minor), executable.strip())
    for wanted in MINORS:
        if wanted in found:
            return found[wanted]
    sys.exit("No working Python 3.11 to 3.14 with the modules venv and ensurepip was found; install one and try again.")


def venv_of(name: str) -> Path:
    return ROOT / (".venv" if name == "dev" else f".venv-{name}")


def locked(name: str, package: str) -> str:
    """The line of a lock file that pins a package."""
    return next(line for line in LOCKS[name].read_text().splitlines() if line.startswith(f"{package}=="))


def add_collections(venv: Path) -> None:
    """Take the collections that this one builds on out of the wheel that carries them, and put this one beside them."""
    root = venv / "collections" / "ansible_collections"
    with tempfile.TemporaryDirectory() as scratch:
        run(venv / "bin/python", "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, "-r", LOCKS["collections"])
        (wheel,) = Path(scratch).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            prefixes = tuple(f"ansible_collections/{name}/" for name in WANTED_COLLECTIONS)
            archive.extractall(root.parent, [n for n in archive.namelist() if n.startswith(prefixes)])
    (root / "coffer").mkdir()
    (root / "coffer" / "velero").symlink_to(Path(*[".."] * 4), target_is_directory=True)


def make(name: str) -> None:
    venv = venv_of(name)
    stamp = venv / ".stamp"
    inputs = [LOCKS[name]] + ([LOCKS["collections"]] if name == "dev" else [])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    if stamp.exists() and stamp.read_text() == digest and (venv / "bin/python").exists():
        stamp.touch()
        return
    python = newest_python()
    print(f"Making {venv.name} with {python} (once for each change of {LOCKS[name].name}; about a minute)", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    with step("virtual environment"):
        run(python, "-m", "venv", venv)
    with step("packages"):
        pip = (venv / "bin/python", "-m", "pip", "install", "-q")
        run(*pip, locked("dev", "uv"))
        if not succeeds(venv / "bin/uv", "pip", "install", "-q", "--python", venv / "bin/python", "-r", LOCKS[name]):
            print("  uv failed; pip may know a mirror or a certificate that uv does not (takes minutes)", flush=True)
            run(*pip, "-r", LOCKS[name])
    if name == "dev":
        with step("collections " + " and ".join(n.replace("/", ".") for n in WANTED_COLLECTIONS)):
            add_collections(venv)
    stamp.write_text(digest)


def lock() -> None:
    uv = venv_of("dev") / "bin/uv"
    options = ["--universal", "--python-version=3.11", "--upgrade"]
    options += ["--no-header", "--no-annotate", "--no-emit-index-url"]
    for name, path in LOCKS.items():
        extra = ["--no-deps"] if name == "collections" else []
        run(uv, "pip", "compile", "-q", *options, *extra, f"--group={ROOT / 'pyproject.toml'}:{name}", "-o", path)


if __name__ == "__main__":
    if sys.argv[1:] == ["lock"]:
        lock()
    else:
        make(sys.argv[1] if sys.argv[1:] else "dev")
