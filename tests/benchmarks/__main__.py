# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A no-op ``site.yml`` beside the same state with amazon.aws and kubernetes.core; one task more; objects proven."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks import objects
from tests.stack import Stack
from tests.stack.api import LOCATION
from tests.support.cluster import KubeProxy
from tests.support.emulators import Moto
from tests.support.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RUNS = int(os.environ.get("BENCH_RUNS", "9"))
TASKS = 20

#: The numbers to reach (README, "Fast").
MOST_TIME, MOST_REQUESTS, MOST_SECONDS_A_TASK = 0.25, 0.33, 0.25


@dataclass
class Subject:
    """One playbook, measured several times."""

    name: str
    playbook: Path
    variables: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass
class Bench:
    stack: Stack
    proxy: Proxy
    kube_proxy: KubeProxy
    environment: dict[str, str]
    directory: Path

    def play(self, playbook: Path, variables: dict[str, Any]) -> tuple[float, int]:
        """Seconds, and how many tasks changed something."""
        inventory = self.directory / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"bench": variables}}}))
        begin = time.monotonic()
        result = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), str(playbook)],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - begin
        recap = re.search(r"changed=(\d+)", result.stdout)
        if result.returncode or not recap:
            sys.exit(f"{playbook} failed:\n{result.stdout[-4000:]}\n{result.stderr[-2000:]}")
        return seconds, int(recap[1])

    def measure(self, subject: Subject) -> None:
        """One no-op run."""
        self.proxy.reset()
        self.kube_proxy.reset()
        seconds, changed = self.play(subject.playbook, subject.variables)
        if changed:
            sys.exit(f"{subject.name}: {changed} tasks changed something; this was to be a no-op")
        subject.seconds.append(seconds)
        subject.requests.append(len(self.proxy.requests) + len(self.kube_proxy.requests))


def available(stack: Stack, name: str) -> None:
    """What Velero would say of the location; no Velero runs here, so that nothing else is measured."""
    status = {"status": {"phase": "Available", "lastValidationTime": "2026-01-01T00:00:00Z"}}
    stack.api.patch(LOCATION, name, status, "velero")


def compare(bench: Bench, ours: Subject, peers: Subject) -> bool:
    for dummy in range(RUNS):
        bench.measure(ours)
        bench.measure(peers)
        bench.measure(ours)
    # Each run of theirs beside ours before and after it, since a machine that others share is not always as fast.
    around = [statistics.mean(ours.seconds[n : n + 2]) for n in range(0, 2 * RUNS, 2)]
    time_ratio = statistics.median(o / p for o, p in zip(around, peers.seconds, strict=True))
    request_ratio = ours.requests[-1] / peers.requests[-1]
    print(f"no-op, {RUNS} runs of theirs, each between two of ours:")
    for subject in (peers, ours):
        spread = f"{min(subject.seconds):.2f} to {max(subject.seconds):.2f}"
        print(f"  {subject.name:32} median {subject.median:6.2f} s ({spread})   {subject.requests[-1]:3} requests")
    print(f"  time ratio     {time_ratio:.3f}, the median of all   (at most {MOST_TIME})")
    print(f"  request ratio  {request_ratio:.3f}   (at most {MOST_REQUESTS})")
    return time_ratio <= MOST_TIME and request_ratio <= MOST_REQUESTS


def one_task(bench: Bench, variables: dict[str, Any]) -> bool:
    """What one more no-op task costs, its fork and its start included: a play of many tasks against a play of one."""
    few, many = [], []
    for dummy in range(RUNS):
        few.append(bench.play(repeated(bench.directory, 1), variables)[0])
        many.append(bench.play(repeated(bench.directory, TASKS + 1), variables)[0])
    seconds = (statistics.median(many) - statistics.median(few)) / TASKS
    print(f"one more no-op AWS task in a play: {seconds:.3f} s   (at most {MOST_SECONDS_A_TASK})")
    return seconds <= MOST_SECONDS_A_TASK


def repeated(directory: Path, count: int) -> Path:
    """The play with its one task that many times; items of a loop would share a fork, a start and a session."""
    (play,) = yaml.safe_load((HERE / "tasks.yml").read_text())
    playbook = directory / f"tasks-{count}.yml"
    playbook.write_text(json.dumps([play | {"tasks": play["tasks"] * count}]))
    return playbook


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        Moto() as aws,
        Proxy(aws.url) as proxy,
        Stack(aws=aws, velero=False, node=True) as stack,
        KubeProxy(stack.api) as kube_proxy,
    ):
        kubeconfig = Path(directory, "kubeconfig")
        kubeconfig.write_text(json.dumps(kube_proxy.kubeconfig))
        kubernetes = {"KUBECONFIG": str(kubeconfig), "K8S_AUTH_KUBECONFIG": str(kubeconfig)}
        environment = {**os.environ, **stack.environment, **kubernetes, "AWS_ENDPOINT_URL": proxy.url}
        bench = Bench(stack, proxy, kube_proxy, environment, Path(directory))
        variables = {
            "velero_region": aws.region,
            "velero_bucket": "bench-ours",
            "velero_prefix": "bench",
            "velero_oidc_issuer_url": stack.issuer_url,
            "velero_s3_url": aws.url,
            "velero_s3_force_path_style": True,
            "velero_tags": {"service": "velero"},
            "backup_location_wait": False,
            "velero_irsa_wait": False,
            "velero_proof": "never",
        }
        peers = Subject(
            "amazon.aws + kubernetes.core", HERE / "peers.yml", {**variables, "velero_bucket": "bench-peers"}
        )
        ours = Subject("coffer.velero site.yml", ROOT / "site.yml", variables)
        for subject, location in ((peers, "peers"), (ours, "default")):
            bench.play(subject.playbook, subject.variables)
            available(stack, location)
        good = compare(bench, ours, peers)
        good = one_task(bench, variables) and good
    good = objects.main() and good
    sys.exit(0 if good else "bench: a number was not reached")


if __name__ == "__main__":
    main()
