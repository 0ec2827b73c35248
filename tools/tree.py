# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the collection as git sees it, in the folders that Ansible's own tools insist on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLLECTIONS = ROOT / ".venv" / "collections"


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with changes; compiled files are always wanted, they save half of every start."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | changes


@contextmanager
def clean_tree() -> Iterator[Path]:
    """Copy what git tracks or would track to `…/ansible_collections/coffer/velero`, with the dependencies beside it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    with tempfile.TemporaryDirectory(prefix="coffer-") as scratch:
        parent = Path(scratch, "ansible_collections")
        tree = parent / "coffer" / "velero"
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        for namespace in ("amazon", "kubernetes"):
            (parent / namespace).symlink_to(COLLECTIONS / "ansible_collections" / namespace)
        yield tree
