# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the judges about all cases and write down what they say: ``make judge``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.judges.cases import Case
from tests.judges.simulation import simulation
from tests.judges.verdicts import COUNT, PATH, Verdicts, all_cases, digest, is_for_ministack

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".cache" / "judges"
OF_IAM_SIMULATE = {"Allowed": "A", "ImplicitlyDenied": "D", "ExplicitlyDenied": "X"}
OF_MINISTACK = {"Allow": "A", "ImplicitDeny": "D", "Deny": "X"}


def answers(command: list[str | Path], cases: list[Case]) -> list[str]:
    """One line for each case, from a program that reads simulations."""
    lines = "".join(json.dumps(simulation(case)) + "\n" for case in cases)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, cwd=WORK)
    found = done.stdout.splitlines()
    assert len(found) == len(cases)
    return found


def prepare(node: Path) -> None:
    """iam-simulate in a folder of its own, as its lock file pins it."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "iam_simulate.mjs"):
        shutil.copy(Path(__file__).with_name(name), WORK / name)
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, check=True, cwd=WORK, env=environment)


def of_iam_simulate(node: Path, cases: list[Case]) -> tuple[str, dict[str, list[str]]]:
    """Verdicts, and the condition keys that it leaves out, by the action."""
    prepare(node)
    found = [json.loads(line) for line in answers([node, WORK / "iam_simulate.mjs"], cases)]
    refused = [(case.number, answer["error"]) for case, answer in zip(cases, found, strict=True) if "error" in answer]
    assert not refused, refused[:3]
    ignored: dict[str, set[str]] = {}
    for case, answer in zip(cases, found, strict=True):
        ignored.setdefault(case.target.action, set()).update(answer["ignored"])
    for case, answer in zip(cases, found, strict=True):
        assert set(answer["ignored"]) == ignored[case.target.action] & set(case.whole_context), case.number
    verdicts = "".join(OF_IAM_SIMULATE[answer["verdict"]] for answer in found)
    return verdicts, {action: sorted(keys) for action, keys in sorted(ignored.items()) if keys}


def of_ministack(python: Path, cases: list[Case]) -> str:
    asked = [case for case in cases if is_for_ministack(case)]
    said = iter(answers([python, Path(__file__).with_name("ministack_evaluator.py")], asked))
    return "".join(OF_MINISTACK[next(said)] if is_for_ministack(case) else "." for case in cases)


def main(node: Path, python: Path) -> None:
    cases = all_cases()
    verdicts, ignored = of_iam_simulate(node, cases)
    written: dict[str, Any] = {
        "digest": digest(cases),
        "iam_simulate": verdicts,
        "ignored": ignored,
        "ministack": of_ministack(python, cases),
    }
    PATH.write_bytes(Verdicts(**written).packed())
    print(f"{COUNT} cases; iam-simulate {dict(Counter(verdicts))}, MiniStack {dict(Counter(written['ministack']))}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
