# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection from a clean copy and run galaxy-importer on it; its warnings count as errors."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tools.tree import ROOT, clean_tree, environment

IMPORTER = ROOT / ".venv-importer" / "bin"
CONFIG = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
LOG_LEVEL_MAIN = INFO
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch, clean_tree() as tree:
        config = Path(scratch, "importer.cfg")
        config.write_text(CONFIG)
        build = [f"{sys.prefix}/bin/ansible-galaxy", "collection", "build", "--output-path", scratch]
        subprocess.run(build, cwd=tree, check=True, env=environment())
        (archive,) = Path(scratch).glob("*.tar.gz")
        result = subprocess.run(
            [IMPORTER / "python", "-m", "galaxy_importer.main", archive],
            cwd=scratch,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(
                PATH=f"{IMPORTER}:/usr/bin:/bin",
                HOME=scratch,
                GALAXY_IMPORTER_CONFIG=str(config),
                PYTHONPATH=str(tree.parents[2]),  # the importer overrides the collections path, but not this one
            ),
        )
    print(result.stdout)
    complaints = [line for line in result.stdout.splitlines() if line.startswith(("ERROR", "WARNING"))]
    if complaints:
        print(f"galaxy-importer: {len(complaints)} complaint(s)")
    return 1 if complaints or result.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
