# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects evaluated a second: object_encryption_info beside s5cmd and a loop of boto3, on one S3 stub, in one run.

``python -m tests.benchmarks.objects``. BENCH_OBJECTS is the number of objects (100,000). s5cmd is looked for beside
this Python and in the PATH; without uvloop the stub takes twice the time.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.s3_stub import KEY, objects
from tests.support.emulators import ROOT
from tests.support.s3_stub import S3Stub

COLLECTIONS = ROOT / ".venv" / "collections"
COUNT = int(os.environ.get("BENCH_OBJECTS", "100000"))
MANY = 10 * COUNT
BUCKET = "acme-backups"
BOTO3_SHARE = 20  # a loop of boto3 requests one of so many: it would take minutes
THREADS = 32

#: The numbers to reach.
LEAST_RATE, LEAST_RATIO, MOST_MEGABYTES, MOST_GROWTH = 10_000, 2.0, 200, 1.15

SCAN = """
import json, sys
from tests.support.running import run_in_controller
result = run_in_controller("object_encryption_info", json.loads(sys.argv[1]), check=False)
print(json.dumps({name: result.get(name) for name in ("counts", "seconds", "status", "msg")}))
"""


class Measured:
    """What a program took: wall time, CPU time, and the most memory of it and its children at one moment."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        self.megabytes = 0.0
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
            while process.poll() is None:
                self.megabytes = max(self.megabytes, memory(process.pid))
                time.sleep(0.1)
            self.seconds = time.monotonic() - begin
            output.seek(0)
            self.output = output.read()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if process.returncode:
            sys.exit(f"{command[0]} failed:\n{self.output[-2000:]}")


def memory(pid: int) -> float:
    """Megabytes of a process and its children; what they share counts once."""
    total = 0.0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
    except OSError:  # it has ended
        return 0.0
    return total + sum(memory(int(child)) for child in children)


def scan(server: S3Stub, environment: dict[str, str], count: int) -> tuple[Measured, dict[str, Any]]:
    profile = {"account_id": "111122223333", "region": server.region, "bucket": BUCKET, "prefix": "production"}
    arguments = json.dumps({"storage_profile": {**profile, "kms_key_arn": KEY}})
    measured = Measured([sys.executable, "-c", SCAN, arguments], environment)
    result = json.loads(measured.output.splitlines()[-1])
    if (result["counts"] or {}).get("compliant") != count:
        sys.exit(f"not every object is compliant: {result}")
    return measured, result


def s5cmd(server: S3Stub, environment: dict[str, str], directory: Path) -> Measured | None:
    """``head`` in batch, its best: the keys are known already, and it prints neither key nor Bucket Key."""
    beside = Path(sys.executable).with_name("s5cmd")
    program = str(beside) if beside.exists() else shutil.which("s5cmd")
    if not program:
        return None
    batch = directory / "heads"
    with batch.open("w") as file:
        file.writelines(f"head s3://{BUCKET}/{key}\n" for key, _kind in objects(COUNT, spread=False))
    return Measured([program, "--endpoint-url", server.url, "--numworkers", "64", "run", str(batch)], environment)


def boto3_loop(server: S3Stub) -> float:
    """Objects a second of the usual loop."""
    from botocore.config import Config

    client = server.client("s3", config=Config(max_pool_connections=THREADS))
    keys = [key for key, _kind in objects(COUNT // BOTO3_SHARE, spread=False)]
    begin = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for answer in pool.map(lambda key: client.head_object(Bucket=BUCKET, Key=key), keys):
            assert answer["SSEKMSKeyId"] == KEY
    return len(keys) / (time.monotonic() - begin)


def server_alone(server: S3Stub) -> float:
    """CPU microseconds of the stub for one HEAD, which are no part of what is measured."""
    import http.client

    def cpu() -> float:
        fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    before, number = cpu(), 5000
    for dummy in range(number):
        connection.request("HEAD", f"/{BUCKET}/production/x")
        connection.getresponse().read()
    return (cpu() - before) / number * 1e6


def said(holds: bool, text: str) -> bool:
    print(f"  {'ok  ' if holds else 'MISS'} {text}", flush=True)
    return holds


def main() -> bool:
    """Measure and print; whether every number is reached."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), *sys.path])}
    with tempfile.TemporaryDirectory() as name, S3Stub(COUNT) as server:
        environment |= server.environment
        print(f"{COUNT:,} objects, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {server.log().strip()}")
        print(f"  stub alone: {server_alone(server):.0f} us CPU a HEAD (one connection)")
        few, result = scan(server, environment, COUNT)
        other = s5cmd(server, environment, Path(name))
        boto3 = boto3_loop(server)
        rate = COUNT / result["seconds"]
        print(
            f"  object_encryption_info, listing included: {rate:,.0f} a second, {few.cpu / COUNT * 1e6:.0f} us CPU each"
        )
        print(f"  boto3, {THREADS} threads: {boto3:,.0f} a second")
        holds = said(rate >= LEAST_RATE, f"{rate:,.0f} objects evaluated a second (at least {LEAST_RATE:,})")
        if other is None:
            print("  s5cmd is not installed")
        else:
            theirs = COUNT / other.seconds
            print(f"  s5cmd head in batch: {theirs:,.0f} a second, {other.cpu / COUNT * 1e6:.0f} us CPU each")
            holds &= said(rate >= LEAST_RATIO * theirs, f"{rate / theirs:.1f} times s5cmd (at least {LEAST_RATIO})")
    with S3Stub(MANY) as server:
        environment |= server.environment
        many, result = scan(server, environment, MANY)
        print(f"{MANY:,} objects: {MANY / result['seconds']:,.0f} a second")
    holds &= said(many.megabytes < MOST_MEGABYTES, f"{many.megabytes:.0f} MB at {MANY:,} (below {MOST_MEGABYTES})")
    growth = many.megabytes / few.megabytes
    return said(growth < MOST_GROWTH, f"{few.megabytes:.0f} MB at {COUNT:,}, {growth:.2f} times that") and holds


if __name__ == "__main__":
    sys.exit(not main())
