# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two installations side by side: what one of them sets up, changes and takes back does nothing to the other.

The first one, with a real Velero, is there all the time. The second shares with it what a row of ``PAIRS`` says. After
each of its runs everything of the first is as it was, byte for byte, and its role can do where IAM is enforced what
Velero asks of it; ``PLAYED`` has Velero itself back up, restore and delete.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack
from tests.stack.api import CONFIG_MAP, DEPLOYMENT, LOCATION, NAMESPACE, SERVICE_ACCOUNT
from tests.stack.pods import with_string_audience
from tests.support.account import account, current, lost
from tests.support.cluster import Cluster, KubeProxy
from tests.support.emulators import MiniStack
from tests.support.fixtures import Aws
from tests.support.installation import open_shop
from tests.support.proxy import Proxy
from tests.support.site import PLAYBOOK_SECONDS, Script, Site, Task

Variables = dict[str, Any]

AXES = ("cluster", "account", "bucket", "key", "role", "policy", "mode")
#: What the second installation has in common with the first, in this order: ``=`` the same, ``-`` one of its own.
PAIRS = [
    "= = = = = = =",
    "= = = = = - =",
    "= = - = = = -",
    "= = - - = - -",
    "- = = = = = =",
    "- = - - = - =",
    "- - - - - - -",
]
#: Of these, those of one account, Velero itself is asked.
PLAYED = PAIRS[:6]
#: What cannot be without harm to the first; the text says why.
REFUSED = {
    "= = - = - - =": "is not the role that Velero's pods have",
    "= - - - - - =": "is not the role that Velero's pods have",
    "- = = - - = =": "is not what another installation in the bucket relies on",
    "- = = = - - -": "is not what another installation in the bucket relies on",
}
#: Buckets, roles and policies are of one account. So are keys in MiniStack: tests/integration/test_usage.py shares one.
IMPOSSIBLE = {frozenset({("account", "-"), (axis, "=")}) for axis in ("bucket", "key", "role", "policy")}
ACCOUNT = "123456789012"
ACCOUNTS = {"=": "test", "-": "222222222222"}
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
ANOTHER_NAMESPACE = "velero-two"


def shared(pair: str) -> dict[str, bool]:
    return dict(zip(AXES, (sign == "=" for sign in pair.split()), strict=True))


def test_pairs_are_all_pairs() -> None:
    """Each value of each axis together with each of every other."""
    seen = {
        frozenset(two)
        for pair in (*PAIRS, *REFUSED)
        for two in itertools.combinations(zip(AXES, pair.split(), strict=True), 2)
    }
    every = {
        frozenset({(one, its), (other, others)})
        for one, other in itertools.combinations(AXES, 2)
        for its, others in itertools.product("=-", repeat=2)
    }
    assert every - seen == IMPOSSIBLE


@dataclass
class Neighbors:
    """The first installation, and what is needed for a second."""

    stack: Stack
    aws: Aws
    proxy: Proxy
    directory: Path

    def variables(self, **more: Any) -> Variables:
        return {
            "velero_proof": "never",
            "velero_region": self.aws.region,
            "velero_bucket": "backups",
            "velero_prefix": "one",
            "velero_oidc_issuer_url": self.stack.issuer_url,
            "velero_s3_url": self.proxy.url,
            "velero_s3_force_path_style": True,
            **more,
        }

    def second(self, pair: str, name: str) -> Variables:
        """The variables of an installation; whatever is its own is called ``name``."""
        same = shared(pair)
        own: Variables = {"velero_prefix": name}
        if same["cluster"]:
            own["velero_backup_location_name"] = name
        else:
            own |= {"velero_oidc_issuer_url": ISSUER, "velero_namespace": ANOTHER_NAMESPACE}
            own |= {"velero_irsa_wait": False, "backup_location_wait": False}
        if not same["bucket"]:
            own["velero_bucket"] = f"backups-{name}"
        if not same["key"]:
            own["velero_kms_alias"] = f"alias/{name}"
        if not same["role"]:
            own["velero_role_name"] = name
        if not same["policy"]:
            own["velero_policy_name"] = name
        if not same["mode"]:
            own["velero_encryption_mode"] = "dsse-kms"
        return self.variables(**own)

    def site(self, variables: Variables, account: str = "test") -> Site:
        environment = self.stack.environment | {"AWS_ACCESS_KEY_ID": account}
        return Site(self.directory, environment, variables)

    def state(self) -> dict[str, Any]:
        """Everything in the account of the first, and its objects in the cluster."""
        found = current(account(self.aws)) | {"given_up": 0}
        for kind, name in ((SERVICE_ACCOUNT, "velero"), (DEPLOYMENT, "velero"), (LOCATION, "default")):
            item = self.stack.api.get(kind, name, self.stack.namespace)
            metadata = {key: item["metadata"].get(key) for key in ("annotations", "labels")}
            found[kind.name] = {**metadata, "spec": item.get("spec")}
        return found

    def use(self) -> None:
        """What Velero does in its location, with the credentials that its pods get."""
        token = with_string_audience(self.stack.api.service_account_token("velero", "velero", "sts.amazonaws.com"))
        arn = f"arn:aws:iam::{ACCOUNT}:role/velero"
        who: dict[str, str] = {"RoleArn": arn, "RoleSessionName": "test", "WebIdentityToken": token}
        keys = self.aws.client("sts").assume_role_with_web_identity(**who)["Credentials"]
        own = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
        s3 = self.aws.client("s3", **own, aws_session_token=keys["SessionToken"])
        item = {"Bucket": "backups", "Key": "one/backups/test"}
        s3.put_object(**item, Body=b"test")
        s3.head_object(**item)
        s3.get_object(**item)
        s3.list_objects_v2(Bucket="backups", Prefix="one/")
        s3.abort_multipart_upload(**item, UploadId=s3.create_multipart_upload(**item)["UploadId"])
        s3.delete_object(**item)

    def play(self) -> None:
        """Velero backs up, restores and deletes, and is denied nothing."""
        self.proxy.clear()
        name = f"backup-{secrets.token_hex(4)}"
        assert self.stack.backup(name, ["shop"])["status"]["phase"] == "Completed"
        assert self.stack.restore(name, name, mapping={"shop": name})["status"]["phase"] == "Completed"
        assert len(self.stack.api.list(CONFIG_MAP, name)) == 3
        self.stack.delete_backup(name)
        assert [call for call in self.proxy.requests if call.status in (401, 403)] == []


@pytest.fixture(scope="module")
def neighbors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbors]:
    directory = tmp_path_factory.mktemp("neighbors")
    with MiniStack() as ministack, Proxy(ministack.url) as proxy, Stack(aws=ministack, string_audience=True) as stack:
        first = Neighbors(stack, Aws(ministack, proxy), proxy, directory)
        open_shop(stack)
        stack.api.create(NAMESPACE, {"metadata": {"name": ANOTHER_NAMESPACE}})
        manifest = stack.api.get(DEPLOYMENT, "velero", stack.namespace)
        with KubeProxy(stack.api) as kube:
            Cluster(stack.api, kube, ANOTHER_NAMESPACE, stack.kubeconfig, manifest).install()
            first.site(first.variables()).run()
            ministack.drop_key_demand("backups")
            yield first


@pytest.fixture
def here(neighbors: Neighbors, monkeypatch: pytest.MonkeyPatch) -> Neighbors:
    """The same, with this process set to the account and the cluster."""
    for name, value in neighbors.stack.environment.items():
        monkeypatch.setenv(name, value)
    return neighbors


def taken_back(pair: str, script: Script, name: str) -> Iterator[Task]:
    """The tasks of a run with ``state: absent``, as far as what they made belongs to the second installation alone."""
    same = shared(pair)
    tasks = {task.module: task for task in script.tasks}

    def absent(module: str, *options: str, **more: Any) -> Task:
        kept = ("name", "namespace", "region", *options)
        given = {key: value for key, value in tasks[module].options.items() if key in kept}
        return Task(module, {"state": "absent", **given, **more})

    yield absent("backup_storage_location")
    if not same["role"]:
        yield absent("iam_role", "trust_statements", "managed_policies")
    elif not same["cluster"]:
        yield absent("iam_role", "trust_statements")
    if same["role"] and not same["policy"]:
        first = tasks["iam_role"].options["managed_policies"][0].replace(f"policy/{name}", "policy/velero")
        yield absent("iam_role", state="present", managed_policies=[first], purge_policies=True)
    yield absent("iam_policy", "policy", "account_id", "partition")
    yield absent("s3_bucket_policy", "bucket", "statements")
    if "kms_key_policy" in tasks:
        yield absent("kms_key_policy", "key_id", "statements")
    if not same["key"]:
        yield absent("kms_key", "alias")
    if not same["cluster"]:
        yield absent("iam_oidc_provider", "issuer_url")


#: Their keys come after that of the first in the order of their aliases, so that its number stays.
NAMES = (f"velero-{number}" for number in itertools.count())


@pytest.mark.parametrize("pair", PAIRS)
def test_the_first_is_as_it_was(here: Neighbors, monkeypatch: pytest.MonkeyPatch, pair: str) -> None:
    name = next(NAMES)
    own = ACCOUNTS["=" if shared(pair)["account"] else "-"]
    before = here.state()
    variables = here.second(pair, name)
    here.site(variables, own).run()
    assert lost(before, here.state()) == []
    here.use()
    changed = variables | {"velero_ebs_snapshots": True, "velero_object_tagging": "team=two&stage=test"}
    records = here.site(changed, own).run()
    assert lost(before, here.state()) == []
    if pair in PLAYED:
        here.play()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", own)
    script = Script.of(records)
    replace(script, tasks=tuple(taken_back(pair, script, name))).finish()
    remove_bucket(here.aws.client, variables["velero_bucket"], own)
    assert here.state() == before
    here.use()
    if pair in PLAYED:
        here.play()


def remove_bucket(client: Callable[..., Any], bucket: str, account: str) -> None:
    """No task does it; one that both share stays."""
    if bucket != "backups":
        client("s3", aws_access_key_id=account).delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("pair", REFUSED)
def test_what_would_harm_the_first_is_refused(here: Neighbors, pair: str) -> None:
    before = here.state()
    own = ACCOUNTS["=" if shared(pair)["account"] else "-"]
    site = here.site(here.second(pair, next(NAMES)), own)
    process = site.start()
    output, _errors = process.communicate(timeout=PLAYBOOK_SECONDS)
    assert process.returncode == 2, output
    assert REFUSED[pair] in str(site.records()[-1]["result"]["msg"])
    assert here.state() == before
