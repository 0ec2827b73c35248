# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kopia repository in a bucket: what Velero's data mover writes, with the same client library."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from .aws import Aws
from .programs import ensure

PASSWORD = "static-passw0rd"  # the constant that Velero uses where nobody set another
COMMAND_SECONDS = 120


def kopia_repository(
    aws: Aws,
    bucket: str,
    prefix: str,
    namespace: str,
    *,
    session_token: str = "",
    size: int = 2**20,
    seconds: float = COMMAND_SECONDS,
) -> str:
    """Create the repository of a namespace with one snapshot of one file of random bytes; return its prefix."""
    location = urlsplit(aws.url)
    repository = "/".join([part for part in (prefix.strip("/"), "kopia", namespace) if part]) + "/"
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        data.mkdir()
        (data / "volume.bin").write_bytes(os.urandom(size))
        create = [
            f"--bucket={bucket}",
            f"--prefix={repository}",
            f"--endpoint={location.netloc}",
            f"--region={aws.region}",
            f"--access-key={aws.access_key}",
            f"--secret-access-key={aws.secret_key}",
            *([f"--session-token={session_token}"] if session_token else []),
            *(["--disable-tls"] if location.scheme == "http" else []),
        ]
        for arguments in (["repository", "create", "s3", *create], ["snapshot", "create", str(data)]):
            _kopia(arguments, scratch, seconds)
    return repository


def _kopia(arguments: list[str], home: str, seconds: float) -> None:
    environment = {
        "PATH": os.defpath,
        "HOME": home,
        "KOPIA_PASSWORD": PASSWORD,
        "KOPIA_CHECK_FOR_UPDATES": "false",
        "KOPIA_CONFIG_PATH": f"{home}/repository.config",
        "KOPIA_CACHE_DIRECTORY": f"{home}/cache",
        "KOPIA_LOG_DIR": f"{home}/log",
    }
    command = [str(ensure().kopia), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"kopia {' '.join(arguments[:2])} failed:\n{done.stderr[-2000:]}")
