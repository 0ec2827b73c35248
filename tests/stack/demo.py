# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an empty account to a proven backup, on this machine: ``make demo``.

Kubernetes, Velero, its AWS plugin and kopia are the real programs; AWS is an emulator, which shows what is written
where and under which key, and proves nothing about who may do it (the tests do that on another emulator).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stack import Stack, ensure, kopia_repository
from tests.stack.api import CONFIG_MAP
from tests.stack.api import NAMESPACE as NAMESPACE_KIND
from tests.support.emulators import Moto

ROOT = Path(__file__).resolve().parents[2]
BUCKET, PREFIX, NAMESPACE = "demo-backups", "demo", "demo"
PLAYBOOK_SECONDS = 300
OUTPUT = Path.cwd() / "tests" / "output"
REPORT, LOG = OUTPUT / "evidence", OUTPUT / "demo.log"


def say(text: str) -> None:
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


@dataclass
class Site:
    """``site.yml``, as its users run it: an inventory of one installation, and the environment."""

    directory: Path
    environment: dict[str, str]

    def write(self, variables: dict[str, Any]) -> None:
        inventory = {"all": {"hosts": {"demo": variables}}}
        (self.directory / "inventory.json").write_text(json.dumps(inventory, indent=2))

    def run(self, *options: str) -> dict[str, int]:
        """Run it with its output in the log; the counts of its recap."""
        command = ["ansible-playbook", "-i", str(self.directory / "inventory.json"), str(ROOT / "site.yml"), *options]
        print("$", shlex.join(["ansible-playbook", "-i", "inventory.json", "site.yml", *options]), flush=True)
        output = []
        with (
            LOG.open("a", buffering=1) as log,
            subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process,
        ):
            timer = _kill_after(process, PLAYBOOK_SECONDS)
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    log.write(line)
                    output.append(line)
            except BaseException:
                _interrupt(process)
                raise
            finally:
                timer.cancel()
        if process.returncode:
            sys.exit("".join(output[-20:]) + f"site.yml failed with code {process.returncode}; its output is in {LOG}")
        recap = re.search(r"ok=(\d+)\s+changed=(\d+)", "".join(output))
        assert recap, "no recap"
        return {"ok": int(recap[1]), "changed": int(recap[2])}


def _kill_after(process: subprocess.Popen[str], seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _interrupt(process: subprocess.Popen[str]) -> None:
    """End the playbook: Ctrl-C has reached it too, a signal to this process alone has not."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2)
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def prove(aws: Moto, key_arn: str) -> tuple[int, int]:
    """Ask for every object of the bucket; how many there are, and how many are not under our key."""
    s3 = aws.client("s3")
    wrong, groups = 0, Counter[str]()
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    for entry in (entry for page in pages for entry in page.get("Contents", ())):
        head = s3.head_object(Bucket=BUCKET, Key=entry["Key"])
        algorithm, key = head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")
        right = algorithm == "aws:kms" and key == key_arn and head.get("BucketKeyEnabled") is True
        wrong += not right
        groups[entry["Key"].split("/")[1]] += 1
        if not right:
            print(f"    WRONG {algorithm} {key or '-'}  {entry['Key']}")
    print(f"    {', '.join(f'{count} in {group}/' for group, count in sorted(groups.items()))}: aws:kms, {key_arn}")
    return sum(groups.values()), wrong


def key_of(aws: Moto) -> str:
    return str(aws.client("kms").describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"])


def show_resources(aws: Moto) -> None:
    """What the account has that was not there before."""
    account = aws.client("sts").get_caller_identity()["Account"]
    roles = [role["Arn"] for role in aws.client("iam").list_roles()["Roles"] if role["RoleName"].startswith("velero")]
    policies = [policy["Arn"] for policy in aws.client("iam").list_policies(Scope="Local")["Policies"]]
    providers = [one["Arn"] for one in aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    for kind, names in {
        "KMS key": [key_of(aws)],
        "alias": [f"arn:aws:kms:{aws.region}:{account}:alias/velero"],
        "bucket": [f"arn:aws:s3:::{BUCKET}"],
        "IAM role": roles,
        "IAM policy": policies,
        "OIDC provider": providers,
        "location": ["BackupStorageLocation default"],
    }.items():
        for name in names:
            print(f"    {kind:14} {name}")


def back_up(stack: Stack, aws: Moto) -> dict[str, Any]:
    """A namespace with something in it, backed up by Velero; and a kopia repository, as its data mover writes one."""
    stack.api.create(NAMESPACE_KIND, {"metadata": {"name": NAMESPACE}})
    for number in range(5):
        body = {"metadata": {"name": f"settings-{number}"}, "data": {"number": f"{number}"}}
        stack.api.create(CONFIG_MAP, body, NAMESPACE)
    backup = stack.backup("demo", [NAMESPACE])
    kopia_repository(aws, BUCKET, PREFIX, NAMESPACE)
    return backup


def demo(directory: Path) -> None:
    begin = time.monotonic()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    say("Build what is missing: kube-apiserver, etcd, Velero, its AWS plugin and kopia (once, about 5 minutes)")
    ensure()
    say("Start an empty AWS account (moto), and a cluster with a Velero that has no backup location")
    started = time.monotonic()
    with Moto() as aws, Stack(aws=aws) as stack:
        site = Site(directory, {**os.environ, **stack.environment, "ANSIBLE_FORCE_COLOR": "0"})
        site.write(
            {
                "velero_region": aws.region,
                "velero_bucket": BUCKET,
                "velero_prefix": PREFIX,
                "velero_oidc_issuer_url": stack.issuer_url,
                "velero_s3_url": aws.url,
                "velero_s3_force_path_style": True,
                "velero_tags": {"service": "velero"},
                "backup_proof_dest": f"{REPORT}/",
            }
        )
        say("site.yml --check --diff on the empty account: the log shows what would be made")
        site.run("--check", "--diff")
        say("site.yml, for real: it made")
        first = site.run()
        show_resources(aws)
        say("site.yml again: nothing is left to do")
        second = site.run()
        say("A backup by Velero under its new role, and a kopia repository")
        backup = back_up(stack, aws)
        phase = backup["status"]["phase"]
        print(f"    Backup demo: {phase}, {backup['status'].get('progress', {}).get('itemsBackedUp')} items")
        say("Every object in the bucket: how it is encrypted")
        objects, wrong = prove(aws, key_of(aws))
        seconds = time.monotonic() - started
        say("Summary")
        print(f"changed on the first run: {first['changed']}")
        print(f"changed on the second run: {second['changed']}")
        print(f"objects proven: {objects - wrong} of {objects} encrypted with aws:kms under {key_of(aws)}")
        for page in sorted(REPORT.glob("*.html"), key=lambda path: path.stat().st_mtime)[-1:]:
            print(f"evidence report: {page}")
        print(f"output of the playbooks: {LOG}")
        print(f"took {seconds:.0f} s" + (f" (and {started - begin:.0f} s to build)" if started - begin > 5 else ""))
        if wrong or not objects or not first["changed"] or second["changed"] or phase != "Completed":
            sys.exit("The demo did not prove what it should have.")
        if os.environ.get("KEEP"):
            keep(stack)
        else:
            print("KEEP=1 make demo leaves everything running, to look around.")


def keep(stack: Stack) -> None:
    """Leave everything running until Ctrl-C, and say how to reach it."""
    say("Everything is left running. In another shell:")
    for name, value in sorted(stack.environment.items()):
        print(f"export {name}={shlex.quote(value)}")
    print("\nCtrl-C stops everything.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="coffer-velero-demo-") as directory:
            demo(Path(directory))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
