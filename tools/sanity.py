# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `ansible-test sanity` on a clean copy of the collection; arguments (`--test import`, a file) are handed on.

The copy has what is built into the collection, and the settings of ansible-test: tests and tools are not shipped, and
ruff and mypy check them. pylint would take as long for them as for everything else.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.tree import ROOT, clean_tree, environment

HOME = ROOT / ".cache" / "sanity"  # ansible-test keeps its virtual environments in the home directory

# ansible-test wants to download a script that installs pip. This one does it with the pip that Python ships.
GET_PIP = """\
import runpy, sys
import ensurepip

ensurepip.bootstrap()
wanted = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
sys.argv[1:] = ["install", *wanted]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def provide_pip() -> None:
    requirements = Path(sysconfig.get_path("purelib"), "ansible_test/_internal/python_requirements.py").read_text()
    versions = re.findall(r"\bpip='([0-9.]+)'", requirements)
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (HOME / ".pip").mkdir(exist_ok=True)
    (HOME / ".pip" / "pip.conf").write_text("[global]\nquiet = 1\ndisable-pip-version-check = 1\n")
    for version in versions:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)


def main() -> int:
    provide_pip()
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    # Only the Python that runs this: others on the search path may be too old, or shims with nothing behind them.
    path = f"{sys.base_prefix}/bin:/usr/bin:/bin"
    command = [f"{sys.prefix}/bin/ansible-test", "sanity", "--local", "--python", python, *sys.argv[1:]]
    changes = environment(HOME=str(HOME), PATH=path, PIP_QUIET="1")
    with clean_tree() as tree:
        for unshipped in [*tree.glob("tests/*"), tree / "tools"]:
            if unshipped.name != "config.yml":
                shutil.rmtree(unshipped) if unshipped.is_dir() else unshipped.unlink()
        return subprocess.run(command, cwd=tree, env=changes, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
