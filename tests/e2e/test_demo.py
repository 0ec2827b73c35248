# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: it says what it did and ends well, it can be interrupted, and nothing is left of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack import wait_for
from tests.support.emulators import ROOT

#: A minute on two idle cores. Another stack may run its Velero meanwhile, which the demo waits for.
DEMO_SECONDS, INTERRUPT_SECONDS = 180, 60
LOG = ROOT / "tests" / "output" / "demo.log"
CODE = (
    "import signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
    "from tests.stack.demo import main\n"
    "main()\n"
)


@contextmanager
def demo(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """It runs, and makes all its files in the directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "K8S_", "KEEP"))}
    environment |= {
        "TMPDIR": str(directory),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(directory / "home"),
    }
    command = [sys.executable, "-c", CODE]
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What it says up to the text, or to its end where the text is empty."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text and text in line:
            return said
    assert not text, said
    return said


def processes_of(directory: Path) -> list[str]:
    """All that were started with a path in the directory in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(directory).encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def leaves_nothing(directory: Path) -> None:
    wait_for("all processes ended", lambda: not processes_of(directory), 10)
    # Of Ansible, and what kubernetes.core remembers of a cluster; a person has these by any playbook.
    left = [path.name for path in directory.iterdir() if path.name != "home" and not path.name.startswith("k8srcp-")]
    assert left == []


def test_from_an_empty_account_to_a_proof(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        read_until(process, "== site.yml --check --diff")
        began = time.monotonic()
        said = read_until(process, "")
        assert process.wait(10) == 0, said
    assert time.monotonic() - began < DEMO_SECONDS
    made = re.search(r"^changed on the first run: (\d+)$", said, re.MULTILINE)
    proven = re.search(r"^objects proven: (\d+) of (\d+) encrypted with aws:kms under arn:aws:kms:", said, re.MULTILINE)
    assert made, said
    assert proven, said
    assert int(made[1]) > 0
    assert "\nchanged on the second run: 0\n" in said
    assert f"output of the playbooks: {LOG}\n" in said
    for line in (r"KMS key +arn:aws:kms:\S+:key/", r"IAM role +arn:\S+:role/velero$", r"evidence report: .*\.html$"):
        assert re.search(rf"^ *{line}", said, re.MULTILINE), said
    assert said.count("\n") < 40
    assert 0 < int(proven[1]) == int(proven[2])
    leaves_nothing(tmp_path)


def test_interrupted_in_the_middle(tmp_path: Path) -> None:
    """By a signal to the demo alone, which does not reach the playbook that it runs; a terminal sends it to both."""
    with demo(tmp_path) as process:
        read_until(process, "== site.yml, for real")
        begin = LOG.stat().st_size
        wait_for("the playbook is at work", lambda: "TASK [" in LOG.read_text()[begin:], 60)
        process.send_signal(signal.SIGINT)
        said = read_until(process, "")
        assert process.wait(INTERRUPT_SECONDS) == 128 + signal.SIGINT, said
    # Ansible's processes may say where the signal met them, for instance in a fork; the demo itself does not.
    assert f'File "{ROOT}/tests/' not in said
    assert "== Summary" not in said
    leaves_nothing(tmp_path)
