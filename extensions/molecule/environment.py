# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios run on: an emulated AWS, and a cluster with the real Velero.

``start`` leaves both running, in a process of their own, and returns when the files that lead to them are written;
``stop`` ends that process. They also end with the ``molecule test`` that started them, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.stack import Stack
from tests.support.emulators import ROOT, Moto

STATE = ROOT / ".cache" / "molecule"
PID, LOG = STATE / "pid", STATE / "log"
AWS_CONFIG, KUBECONFIG = STATE / "aws", STATE / "kubeconfig"
START_SECONDS = 1200  # another Velero on this machine has to end first, and the programs may have to be built
STOP_SECONDS = 60


def serve(owner: int | None) -> None:
    """Run until told to stop, or until the process ``owner`` has ended."""
    if owner is not None:
        threading.Thread(target=end_with, args=(owner,), daemon=True).start()
    with Moto() as aws, Stack(aws=aws) as stack:
        shutil.copy(stack.kubeconfig, KUBECONFIG)
        known = {"region": aws.region, "issuer_url": stack.issuer_url, "s3_url": aws.url}
        AWS_CONFIG.with_name("aws.json").write_text(json.dumps(known))
        settings = {
            "aws_access_key_id": aws.access_key,
            "aws_secret_access_key": aws.secret_key,
            "endpoint_url": aws.url,
            "region": aws.region,
        }
        new = STATE / "aws.new"
        new.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
        new.rename(AWS_CONFIG)  # the sign that everything is there
        signal.pause()


def end_with(owner: int) -> None:
    while runs(owner):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def molecule_test() -> int | None:
    """The ``molecule test`` that this process descends from; none where the steps are run one by one."""
    pid = os.getppid()
    while pid > 1:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"test" in words and any(word.endswith(b"molecule") for word in words):
            return pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def start() -> None:
    stop()
    STATE.mkdir(parents=True)
    owner = molecule_test()
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "extensions.molecule.environment", "serve", str(owner or "")],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    PID.write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not AWS_CONFIG.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            text = LOG.read_text()
            stop()
            sys.exit(f"The environment did not start:\n{text[-4000:]}")
        time.sleep(0.1)


def stop() -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int(PID.read_text())
        if b"extensions.molecule.environment" in Path(f"/proc/{pid}/cmdline").read_bytes():
            end(pid)
    shutil.rmtree(STATE, ignore_errors=True)


def end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while runs(pid):
        if time.monotonic() > deadline:
            sys.exit(f"Process {pid} did not end in {STOP_SECONDS} s.")
        time.sleep(0.1)


def main() -> None:
    command, *arguments = sys.argv[1:]
    if command == "serve":
        serve(int(arguments[0]) if arguments and arguments[0] else None)
    else:
        {"start": start, "stop": stop}[command]()


if __name__ == "__main__":
    main()
