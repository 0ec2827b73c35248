# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the judges said, as ``make judge`` wrote it down."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .cases import Case, case

SEED = "velero"
COUNT = 12_000
PATH = Path(__file__).with_name("verdicts.json.gz")


@dataclass(frozen=True)
class Verdicts:
    """
    :param digest: of the cases that were judged
    :param iam_simulate: a letter for each case: A allowed, D denied, X denied explicitly
    :param ignored: the condition keys that iam-simulate leaves out of a request, by the action
    :param ministack: as above, with ``.`` where it was not asked
    """

    digest: str
    iam_simulate: str
    ignored: dict[str, list[str]]
    ministack: str

    @classmethod
    def read(cls) -> Verdicts:
        return cls(**json.loads(gzip.decompress(PATH.read_bytes())))

    def packed(self) -> bytes:
        return gzip.compress(json.dumps(dataclasses.asdict(self), sort_keys=True).encode(), mtime=0)


def all_cases() -> list[Case]:
    return [case(SEED, number) for number in range(COUNT)]


def digest(cases: Sequence[Case]) -> str:
    """The same for the same cases, whatever Python made them."""
    found = hashlib.sha256()
    for one in cases:
        found.update(json.dumps(dataclasses.asdict(one), sort_keys=True).encode())
    return found.hexdigest()


def is_for_ministack(case: Case) -> bool:
    """It judges within one account, and knows neither roots nor service control policies; and trust by token only."""
    caller, target = case.caller, case.target
    if caller.kind == "web":
        return True
    is_within = caller.kind in ("session", "user") and caller.account == target.owner
    return is_within and target.action != "sts:AssumeRole" and not case.scps + case.rcps
