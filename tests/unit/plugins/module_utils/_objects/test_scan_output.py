# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress, the list of every object, and the checkpoint."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.batch import BatchDone
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    Evaluation,
    ObjectVersion,
    Observation,
    ScanOptions,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.prefix_lister import PrefixLister
from ansible_collections.coffer.velero.plugins.module_utils._objects.result_collector import Totals
from ansible_collections.coffer.velero.plugins.module_utils._objects.scan_output import ScanOutput

OPTIONS = ScanOptions(bucket="acme-backups", owner="", prefix="p/", mode="sse-s3", versions=False)


def totals(key: str) -> Totals:
    made = Totals()
    version = ObjectVersion(key, "v", True, 1, "2026-01-01T00:00:00Z")
    made.add(version, Observation("read", "AES256"), Evaluation("wrong_algorithm", "message", "remediation"), "p/")
    return made


def output(tmp_path: Path, **more: Any) -> ScanOutput:
    options = replace(OPTIONS, list_format="jsonl", **more)
    made = ScanOutput(options, PrefixLister("p/"), tmp_path / "list.jsonl", tmp_path / "checkpoint")
    made.open()
    return made


def test_a_run_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    first = output(tmp_path)
    first.add(BatchDone(1, totals("p/a"), b"one\n"))
    first.save()
    first.add(BatchDone(2, totals("p/b"), b"two\n"))  # does not count: the run is cut here
    first.close()
    second = output(tmp_path)
    assert second.resumed
    assert second.totals.counts["total"] == 1
    second.add(BatchDone(2, totals("p/b"), b"two\n"))
    second.finish()
    assert (tmp_path / "list.jsonl").read_text() == "one\ntwo\n"
    assert [path.name for path in tmp_path.iterdir()] == ["list.jsonl"]


def test_a_checkpoint_of_another_scan_is_refused(tmp_path: Path) -> None:
    output(tmp_path).save()
    with pytest.raises(ValidationError, match=r"checkpoint: .* is of a scan with other options"):
        output(tmp_path, max_findings=3)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"fingerprint": 1}'])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint").write_text(text)
    with pytest.raises(ValidationError, match=r"checkpoint: .*"):
        output(tmp_path)


def test_a_checkpoint_without_its_list_is_refused(tmp_path: Path) -> None:
    first = output(tmp_path)
    first.add(BatchDone(1, totals("p/a"), b"one\n"))
    first.save()
    (tmp_path / "list.jsonl.part").unlink()
    with pytest.raises(ValidationError, match="is not there or too short"):
        output(tmp_path)


def test_no_key_is_in_the_checkpoint(tmp_path: Path) -> None:
    output(tmp_path, customer_key=b"0123456789abcdef0123456789abcdef").save()
    assert "0123456789" not in (tmp_path / "checkpoint").read_text()


def test_progress_is_reported() -> None:
    reported: list[str] = []
    made = ScanOutput(OPTIONS, PrefixLister("p/"), progress=reported.append)
    made.open()
    made.add(BatchDone(1, totals("p/a")))
    made.report(51)
    assert reported == []
    made._reported -= 10
    made.report(51)
    assert reported == [
        "51 objects, 5 a second, 1 non-compliant, 0 not evaluated; 1 of 1 directories left, now at 'p/'"
    ]


def test_files_are_for_their_owner(tmp_path: Path) -> None:
    one = output(tmp_path)
    one.add(BatchDone(1, totals("p/a"), b"one\n"))
    one.save()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    one.finish()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_two_runs_do_not_write_one_list(tmp_path: Path) -> None:
    holding = "import fcntl, sys; f = open(sys.argv[1], 'wb'); fcntl.lockf(f, fcntl.LOCK_EX); print(); sys.stdin.read()"
    command = [sys.executable, "-c", holding, str(tmp_path / "list.jsonl.part")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(ValidationError, match=r"path: .* is being written by another run\. Wait for its end"):
            output(tmp_path)
    output(tmp_path)


def test_old_checkpoint_is_not_resumed(tmp_path: Path) -> None:
    first = output(tmp_path)
    first.save()
    first.close()
    second = output(tmp_path)
    assert second.started == first.started, "the scan began with its first run"
    second.close()
    text = (tmp_path / "checkpoint").read_text()
    (tmp_path / "checkpoint").write_text(text.replace(f"{first.started:%Y-}", f"{first.started.year - 1}-"))
    with pytest.raises(ValidationError, match=r"checkpoint: .* is of a scan that began on .*, more than 7 days ago"):
        output(tmp_path)


def test_disk_that_is_full(tmp_path: Path) -> None:
    one = output(tmp_path)
    one._file = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115
    with pytest.raises(ValidationError, match=r"path: .* cannot be written \(No space left on device\)"):
        one.add(BatchDone(1, totals("p/a"), b"one\n"))
