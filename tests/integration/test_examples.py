# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of all modules and filters, played in check mode where what they name exists."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.api import NAMESPACE
from tests.support.cluster import Cluster
from tests.support.emulators import ROOT
from tests.support.fixtures import Aws
from tests.support.running import COLLECTION
from tests.support.site import PLAYBOOK_SECONDS, Site

REGION, ACCOUNT, PARTNER = "eu-central-1", "111122223333", "444455556666"
BUCKET = "acme-backups"
PLUGINS = ROOT / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (PLUGINS / "filter").glob("*.yml"))
KEY = re.compile(rf"arn:aws:kms:{REGION}:(\d+):key/[0-9a-f-]+")

#: What stops there, and what it says: nothing was backed up, recorded or put under a location.
STOPS = {
    "audit_info: Stop where a control of critical or high severity is not met": "control: coffer.",
    "backup_metadata_info: What the bucket says of it": "object of type 'dict' has no attribute 'backup'",
    "object_encryption_info: Stop unless every object is compliant": "total: 0",
    "object_encryption_info: Read last night's Inventory report, and request every fiftieth object": "NoSuchBucket",
    "cloudtrail_info: Stop where none does": f"No trail records in {REGION}",
}


@pytest.fixture
def reader(aws: Aws, tmp_path: Path) -> dict[str, str]:
    """The environment of whoever tries the examples: of their account, with their profiles, in their Region."""
    config = []
    for profile, account in (("default", ACCOUNT), ("key-owner", PARTNER)):
        role = f"arn:aws:iam::{account}:role/reader"
        session = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        config += [f"[{'profile ' if config else ''}{profile}]", f"endpoint_url = {aws.proxy.url}"]
        names = {
            "access_key_id": "AccessKeyId",
            "secret_access_key": "SecretAccessKey",
            "session_token": "SessionToken",
        }
        config += [f"aws_{name} = {session[member]}" for name, member in names.items()]
    file = tmp_path / "aws"
    file.write_text("\n".join(config) + "\n")
    return {"AWS_CONFIG_FILE": str(file), "AWS_REGION": REGION}


def credentials(environment: dict[str, str], profile: str) -> dict[str, str]:
    text = Path(environment["AWS_CONFIG_FILE"]).read_text().partition(profile)[2].partition("[")[0]
    return dict(re.findall(r"(aws_\w+) = (\S+)", text))


def keys(aws: Aws, environment: dict[str, str]) -> dict[str, str]:
    """The key of each account; that of the partner may be looked at."""
    found = {}
    for account, profile in ((ACCOUNT, "default"), (PARTNER, "key-owner")):
        kms = aws.client("kms", region_name=REGION, **credentials(environment, profile))
        found[account] = str(kms.create_key()["KeyMetadata"]["Arn"])
        policy = json.loads(kms.get_key_policy(KeyId=found[account], PolicyName="default")["Policy"])
        principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        look = {"Effect": "Allow", "Principal": principal, "Action": "kms:DescribeKey", "Resource": "*"}
        policy["Statement"].append(look)
        kms.put_key_policy(KeyId=found[account], PolicyName="default", Policy=json.dumps(policy))
        kms.create_alias(AliasName="alias/velero-backups", TargetKeyId=found[account])
    return found


def examples(key_of: dict[str, str], directory: Path, helm: str) -> list[dict[str, Any]]:
    # Filters first: what modules register would win over the variables of their tasks.
    texts = {name: yaml.safe_load((PLUGINS / "filter" / f"{name}.yml").read_text())["EXAMPLES"] for name in FILTERS}
    texts |= {name: importlib.import_module(f"{COLLECTION}.modules.{name}").EXAMPLES for name in MODULES}
    tasks = []
    for name, text in texts.items():
        there = KEY.sub(lambda found: key_of[found[1]], text).replace("/srv/evidence/", f"{directory}/")
        for task in yaml.safe_load(there):
            options = task.get(f"coffer.velero.{name}") or {}
            if options.get("service_account") == "velero-server":
                options["namespace"] = helm
            tasks.append({**task, "name": f"{name}: {task['name']}", "ignore_errors": True})
    return tasks


def test_examples_run(aws: Aws, cluster: Cluster, reader: dict[str, str], tmp_path: Path) -> None:
    cluster.install()
    cluster.secret("velero-sse-c", key=bytes(range(32)))
    helm = Cluster(cluster.api, cluster.proxy, f"{cluster.namespace}-helm", cluster.kubeconfig, cluster.manifest)
    cluster.api.create(NAMESPACE, {"metadata": {"name": helm.namespace}})
    helm.install("velero-server")
    ours = credentials(reader, "default")
    eks = aws.client("eks", region_name=REGION, **ours)
    eks.create_cluster(name="production", roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks", resourcesVpcConfig={})
    s3 = aws.client("s3", region_name=REGION, **ours)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    key_of = keys(aws, reader)
    role = f"arn:aws:iam::{ACCOUNT}:role/velero"
    place = {"account_id": ACCOUNT, "region": REGION, "bucket": BUCKET}
    profile = {**place, "kms_key_arn": key_of[ACCOUNT], "role_arns": [role]}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {"group/coffer.velero.k8s": {"namespace": cluster.namespace}},
        "tasks": examples(key_of, tmp_path, helm.namespace),
    }
    variables = {
        **dict.fromkeys(("profile", "storage_profile", "velero_profile"), profile),
        "topic": {"topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:velero"},
        "key": {"key_arn": key_of[ACCOUNT]},
        "trail_arn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/velero",
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    environment = reader | {"KUBECONFIG": str(cluster.kubeconfig)}
    process = Site(tmp_path, environment, variables, playbook=str(playbook)).start("--check")
    output, _none = process.communicate(timeout=PLAYBOOK_SECONDS)
    told = re.findall(r"TASK \[(.*?)\] \*+\n(.*?)(?=\nTASK|\nPLAY RECAP)", output, re.DOTALL)
    assert [name for name, _text in told] == [task["name"] for task in play["tasks"]]
    stopped = {name: text for name, text in told if "fatal:" in text}
    assert {name: text for name, text in stopped.items() if STOPS.get(name, name) not in text} == {}
    assert stopped.keys() == STOPS.keys()
