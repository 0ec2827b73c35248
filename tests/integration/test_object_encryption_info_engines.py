# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two engines of object_encryption_info beside each other, and what may happen on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects import process_pool
from tests.benchmarks.s3_stub import KEY, ODD, OTHER_KEY, objects
from tests.support.emulators import ROOT
from tests.support.running import Result, run_in_controller
from tests.support.s3_stub import S3Stub

#: Only tests fork beside threads, those of their servers; a module and Ansible's worker have none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

COUNT = 10_000
PROFILE = {
    "account_id": "111122223333",
    "region": "us-east-1",
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
}
#: The status and reason of each kind of the stub.
OUTCOMES = {
    "good": ("compliant", None),
    "plain": ("non_compliant", "wrong_algorithm"),
    "none": ("non_compliant", "not_encrypted"),
    "other-key": ("non_compliant", "wrong_kms_key"),
    "no-bucket-key": ("non_compliant", "bucket_key_disabled"),
    "dsse": ("non_compliant", "wrong_algorithm"),
    "sse-c": ("non_compliant", "wrong_algorithm"),
    "denied": ("not_evaluated", "access_denied"),
    "broken": ("not_evaluated", "encryption_unknown"),
    "deleted": ("not_evaluated", "deleted_during_scan"),
    "marker": ("not_evaluated", "deleted_during_scan"),
}
#: What differs between two runs of the same.
VARYING = (
    "started_at",
    "finished_at",
    "seconds",
    "objects_per_second",
    "path",
    "checkpoint",
    "invocation",
    "resumed",
)


@pytest.fixture(scope="module")
def every_kind() -> Iterator[S3Stub]:
    with S3Stub(COUNT, spread=True) as server:
        yield server


def enter(server: S3Stub, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**server.environment, **more}.items():
        monkeypatch.setenv(name, value)


def scan(**arguments: Any) -> Result:
    return run_in_controller("object_encryption_info", {"storage_profile": PROFILE} | arguments, check=False)


def lasting(result: Result) -> Result:
    assert not result.get("failed"), result["msg"]
    return {name: value for name, value in result.items() if name not in VARYING}


def rows(path: Path) -> list[dict[str, Any]]:
    return sorted(map(json.loads, path.read_text().splitlines()), key=lambda row: row["key"])


def test_both_engines_return_the_same_of_every_kind(
    every_kind: S3Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    enter(every_kind, monkeypatch)
    ours = scan(path=str(tmp_path / "ours.jsonl"), max_findings=50)
    boto3 = scan(path=str(tmp_path / "boto3.jsonl"), max_findings=50, engine="boto3")
    assert lasting(ours) == lasting(boto3)
    listed = rows(tmp_path / "ours.jsonl")
    assert listed == rows(tmp_path / "boto3.jsonl")
    made = dict(objects(COUNT, spread=True))
    assert set(made.values()) == {"good", *ODD}
    outcomes = {key: OUTCOMES[kind] for key, kind in made.items()}
    assert {row["key"]: (row["status"], row["reason"]) for row in listed} == outcomes
    expected = Counter(status for status, _reason in outcomes.values())
    reasons = Counter(reason for _status, reason in outcomes.values() if reason)
    deleted = reasons["deleted_during_scan"]
    assert ours["counts"] == {"total": COUNT, **expected, "deleted_during_scan": deleted}
    assert ours["by_reason"] == reasons
    assert ours["status"] == "non_compliant"
    assert {row["key_arn"] for row in ours["by_key"]} == {KEY, OTHER_KEY}
    assert len(ours["non_compliant_objects"]) == 50
    assert ours["findings_truncated"] == COUNT - expected["compliant"] - deleted - 50


def test_both_engines_list_current_objects_the_same_way(every_kind: S3Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(every_kind, monkeypatch)
    backups = {**PROFILE, "prefix": "production/backups"}
    ours, boto3 = (scan(storage_profile=backups, versions=False, engine=engine) for engine in ("auto", "boto3"))
    assert lasting(ours) == lasting(boto3)
    assert ours["counts"]["total"] == COUNT // 10


# --- ways to S3 ------------------------------------------------------------------------------------------------------


@pytest.fixture
def declined(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the processes leave to boto3."""
    batches: list[Any] = []
    submit = process_pool.ProcessPoolScanner._submit_to_boto3

    def note(self: Any, batch: Any) -> None:
        batches.append(batch)
        submit(self, batch)

    monkeypatch.setattr(process_pool.ProcessPoolScanner, "_submit_to_boto3", note)
    return batches


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no authority has signed, and its key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", path.name],
        cwd=path.parent, check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + (path.parent / "key.pem").read_text())
    return path


@pytest.mark.parametrize(
    "arguments", [{"aws_ca_bundle": "certificate"}, {"validate_certs": False}], ids=["own authority", "no validation"]
)
def test_tls(
    certificate: Path, declined: list[Any], monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    with S3Stub(3000, certificate=str(certificate)) as server:
        enter(server, monkeypatch)
        options = {name: str(certificate) if value == "certificate" else value for name, value in arguments.items()}
        assert lasting(scan(**options))["counts"]["compliant"] == 3000
    assert declined == []


@pytest.mark.parametrize("engine", ["auto", "boto3"])
def test_an_untrusted_certificate_is_refused(certificate: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    with S3Stub(10, certificate=str(certificate)) as server:
        enter(server, monkeypatch, AWS_MAX_ATTEMPTS="1")
        result = scan(engine=engine)
    assert result["failed"]
    assert "is not accepted. Give the authority that signed it" in result["msg"]


def test_another_region_is_found_as_boto3_finds_it(declined: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Stub(1000, region="eu-west-1") as server:
        enter(server, monkeypatch)
        assert lasting(scan())["counts"]["compliant"] == 1000
    assert declined == []


def test_through_a_proxy_boto3_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(process_pool.ProcessPoolScanner, "__init__", lambda *arguments: started.append(arguments))
    with S3Stub(1000) as server:
        enter(server, monkeypatch, AWS_ENDPOINT_URL="http://s3.example.test", HTTP_PROXY=server.url, NO_PROXY="")
        monkeypatch.setenv("no_proxy", "")
        assert lasting(scan())["counts"]["compliant"] == 1000
    assert started == []


# --- what may happen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "boto3"])
def test_throttled_requests_are_repeated(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    count = 3000 if engine == "auto" else 600
    with S3Stub(count, rate=600 if engine == "auto" else 200) as server:
        enter(server, monkeypatch)
        result = scan(engine=engine)
    assert lasting(result)["counts"]["compliant"] == count
    assert result["status"] == "compliant"


def test_a_rate_limit_is_kept(every_kind: S3Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Stub(1000) as server:
        enter(server, monkeypatch)
        result = scan(max_requests_per_second=500)
    assert result["counts"]["compliant"] == 1000
    assert 1.8 < result["seconds"] < 5


def test_credentials_that_expire_end_the_run_which_resumes_with_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with S3Stub(4000) as server:
        enter(server, monkeypatch, AWS_ACCESS_KEY_ID=f"EXPIRES{int(time.time()) + 2}")
        arguments = {"path": str(tmp_path / "list.jsonl"), "checkpoint": str(tmp_path / "checkpoint")}
        first = scan(max_requests_per_second=1000, **arguments)
        assert first["failed"]
        assert "ExpiredToken" in first["msg"]
        assert first["msg"].endswith(f"Run again with checkpoint={tmp_path}/checkpoint to resume from there.")
        enter(server, monkeypatch)
        second = scan(**arguments)
    assert lasting(second)["counts"]["compliant"] == 4000
    assert second["resumed"]
    assert len({row["key"] for row in rows(tmp_path / "list.jsonl")}) == 4000


def test_credentials_are_refreshed_on_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "credentials.py"
    script.write_text(
        "import json, time\n"
        "now = time.time()\n"
        "stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now + 902))\n"  # botocore acts 15 minutes before
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'EXPIRES{int(now) + 5}', 'SecretAccessKey': 's',"
        " 'SessionToken': 't', 'Expiration': stamp}))\n"
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
    with S3Stub(7000) as server:
        enter(server, monkeypatch, AWS_CONFIG_FILE=str(tmp_path / "config"))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        result = scan(max_requests_per_second=1000)
    assert lasting(result)["status"] == "compliant"
    assert result["seconds"] > 6  # longer than any of the keys was good for


SCRIPT = """
import json, sys
from ansible_collections.coffer.velero.plugins.module_utils._objects import scan_output
from tests.support.running import run_in_controller
scan_output.CHECKPOINT_EVERY = 0.1
run_in_controller("object_encryption_info", json.loads(sys.argv[1]), check=False)
"""


@pytest.mark.parametrize("engine", ["auto", "boto3"])
def test_a_run_that_is_killed_resumes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str) -> None:
    checkpoint = tmp_path / "checkpoint"
    arguments = {"storage_profile": PROFILE, "path": str(tmp_path / "list.jsonl"), "checkpoint": str(checkpoint)}
    with S3Stub(5000, spread=True) as server:
        enter(server, monkeypatch)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        slow = json.dumps({**arguments, "engine": engine, "max_requests_per_second": 1500})
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, slow], env=environment, cwd=ROOT)
        children: list[int] = []
        try:
            end = time.monotonic() + 30
            while not checkpoint.exists() or compliant_in(checkpoint) < 900:
                assert time.monotonic() < end
                assert process.poll() is None
                time.sleep(0.02)
            children = descendants(process.pid)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        result = scan(**arguments)
    assert result["resumed"]
    assert lasting(result)["counts"]["total"] == 5000
    keys = [row["key"] for row in rows(tmp_path / "list.jsonl")]
    assert sorted(keys) == sorted(dict(objects(5000, spread=True)))
    assert not checkpoint.exists()
    assert len(children) == (0 if engine == "boto3" else min(len(os.sched_getaffinity(0)), 4))
    assert [child for child in children if Path(f"/proc/{child}/exe").exists()] == []


def compliant_in(checkpoint: Path) -> int:
    return int(json.loads(checkpoint.read_text())["totals"]["outcomes"].get("compliant", 0))


def descendants(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_process_that_dies_is_replaced_by_boto3(every_kind: S3Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(every_kind, monkeypatch)
    submit = process_pool.ProcessPoolScanner.submit
    killed: list[int] = []

    def submit_and_kill(self: Any, batch: Any) -> None:
        submit(self, batch)
        if batch.number == 5:
            killed.append(self._processes[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(process_pool.ProcessPoolScanner, "submit", submit_and_kill)
    result = scan()
    assert lasting(result)["counts"]["total"] == COUNT
    assert killed
    monkeypatch.undo()
    enter(every_kind, monkeypatch)
    assert lasting(scan()) == lasting(result)


def test_progress_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with S3Stub(7000) as server:
        enter(server, monkeypatch)
        scan(max_requests_per_second=1000)
    lines = [line for line in capsys.readouterr().out.splitlines() if " a second, 0 non-compliant" in line]
    assert len(lines) >= 2
    assert any("directories left, now at 'production/" in line for line in lines)
