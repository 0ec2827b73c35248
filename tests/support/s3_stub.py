# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The S3 stub of the benchmarks as a server of the tests: every kind of object and of name, in any number."""

from __future__ import annotations

import sys

from tests.support.emulators import Emulator


class S3Stub(Emulator):
    """``tests/benchmarks/s3_stub.py``; it has one bucket of any name."""

    def __init__(
        self, count: int, *, spread: bool = False, rate: float = 0.0, region: str = "", certificate: str = ""
    ) -> None:
        super().__init__()
        # Ansible masks secrets wherever they stand: these are in no path and no message.
        self.access_key, self.secret_key = "AKIASTUB", "9f3c0b7e5d"
        self.count = count
        self.options = ["--rate", str(rate), "--region", region]
        self.options += ["--spread"] if spread else []
        self.options += ["--certificate", certificate] if certificate else []
        self.scheme = "https" if certificate else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        return "ready" in self.log()

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.benchmarks.s3_stub", str(self.port), str(self.count), *self.options]
