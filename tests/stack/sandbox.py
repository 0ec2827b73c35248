# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container without a container runtime: a root directory of its own that shows only what a pod would see.

It needs user namespaces, and no privilege. Where they are not allowed, the program runs on the machine itself
and the paths of its mounts are rewritten in its arguments and environment.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNSHARE = ("unshare", "--map-root-user", "--mount")
_ENTER = """
root=$1; shift
mount -t tmpfs tmpfs "$root"
mkdir "$root/tmp"
for path in etc dev proc usr run/systemd/resolve; do
  if [ -d "/$path" ]; then mkdir -p "$root/$path"; mount --rbind "/$path" "$root/$path"; fi
done
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root$(dirname "$2")"; : > "$root$2"; fi
  mount --bind "$1" "$root$2"
  shift 2
done
shift
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Container:
    """What to run: paths in ``command`` and ``environment`` are the container's; ``mounts`` says what is there."""

    command: Sequence[str]
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]


def allowed(directory: Path) -> bool:
    """Whether this user may have a mount namespace, tried for real: some systems allow only half of it."""
    command = [*_UNSHARE, "sh", "-ec", 'mount -t tmpfs tmpfs "$1"', "sh", str(directory)]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


def enclosed(container: Container, root: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run a container with ``root``, an empty directory, as its root."""
    root.mkdir(exist_ok=True)
    mounts = [text for path, source in container.mounts.items() for text in (str(source), path)]
    command = [*_UNSHARE, "sh", "-ec", _ENTER, "sh", str(root), *mounts, "--", *container.command]
    return command, {"PATH": SEARCH_PATH, "HOME": "/tmp", "TMPDIR": "/tmp", **container.environment}


def exposed(container: Container, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """The same without a namespace. ``scratch`` must be short: the plugin's socket lives below it."""

    def rewrite(text: str) -> str:
        for path in sorted(container.mounts, key=len, reverse=True):
            if text == path or text.startswith(f"{path}/"):
                return f"{container.mounts[path]}{text[len(path) :]}"
        return text

    home = {"PATH": SEARCH_PATH, "HOME": str(scratch), "TMPDIR": str(scratch)}
    environment = {name: rewrite(value) for name, value in container.environment.items()}
    command = [rewrite(text) for text in container.command]
    if "/plugins" in container.mounts:
        command.append(f"--plugin-dir={container.mounts['/plugins']}")
    return command, {**home, **environment}


def short_directory(base: Path) -> Path:
    """A directory for sockets, whose paths may have about a hundred characters."""
    return base if len(os.fspath(base)) < 40 else Path("/tmp")
