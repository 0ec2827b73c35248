# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.stack.build``: build what is missing, and print where each program is."""

from __future__ import annotations

import subprocess
import sys

from .programs import BuildError, ensure, say


def main() -> int:
    try:
        programs = ensure()
    except (BuildError, OSError, subprocess.SubprocessError) as error:
        say(str(error))
        return 1
    for name, path in vars(programs).items():
        print(f"{name.replace('_', '-'):22} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
