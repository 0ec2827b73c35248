# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``site.yml`` disturbed at every one of its requests, cut off, throttled, and run beside another one."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from unittest.mock import ANY

import pytest
from botocore.exceptions import ClientError
from botocore.retries import standard
from urllib3 import Retry

from ansible_collections.coffer.velero.plugins.module_utils import _aws, _concurrency, _kube, _runner
from ansible_collections.coffer.velero.plugins.module_utils._kms import api as _kms
from ansible_collections.coffer.velero.plugins.module_utils._kms import policy_api as kms_policy_api
from ansible_collections.coffer.velero.plugins.module_utils._s3 import policy_api as s3_policy_api
from ansible_collections.coffer.velero.plugins.module_utils._velero import identity_api, location_api, server_api
from ansible_collections.coffer.velero.plugins.plugin_utils import _controller
from tests.stack.api import DEPLOYMENT, LOCATION, SERVER_STATUS_REQUEST, SERVICE_ACCOUNT
from tests.support.account import State, account
from tests.support.cluster import Attendant, Cluster, Fault, KubeProxy
from tests.support.emulators import ROOT
from tests.support.fixtures import Aws
from tests.support.interleaving import Interleaving
from tests.support.proxy import Proxy
from tests.support.site import Script, Site

ACCOUNT = "123456789012"
BUCKET = "velero-backups"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/velero"
ISSUER = "oidc.example.com/id/1"
FOREIGN_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/theirs"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/moto"
KINDS = get_args(Fault)
READS = ("Describe", "Get", "Head", "List")
SITE_ROLES = ("kms_key", "velero_irsa", "bucket_encryption", "backup_location")


def variables(aws: Aws, cluster: Cluster) -> dict[str, Any]:
    return {
        "velero_proof": "never",
        "velero_region": aws.region,
        "velero_bucket": BUCKET,
        "velero_prefix": "production",
        "velero_bucket_versioning": "enabled",
        "velero_kms_key_administrators": [ADMINISTRATOR],
        "velero_oidc_issuer_url": f"https://{ISSUER}",
        "velero_namespace": cluster.namespace,
        "velero_tags": {"service": "velero"},
    }


@pytest.fixture
def site(aws: Aws, cluster: Cluster, tmp_path: Path) -> Site:
    cluster.install()
    cluster.proxy.attendant = Attendant(cluster)
    kubernetes = {"KUBECONFIG": str(cluster.kubeconfig)}
    return Site(tmp_path, aws.environment | kubernetes, variables(aws, cluster))


RECORDED: list[Script] = []


@pytest.fixture
def script(request: pytest.FixtureRequest, aws: Aws) -> Script:
    """The tasks of one real ``site.yml``, recorded once."""
    if not RECORDED:
        RECORDED.append(Script.of(request.getfixturevalue("site").run()))
        aws.moto.reset()
        aws.proxy.reset()
    return RECORDED[0]


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pause is a short one."""
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)
    monkeypatch.setattr(_aws, "time", SimpleNamespace(sleep=lambda _: time.sleep(0.001)))
    monkeypatch.setattr(_runner, "_PAUSES", (0.001,) * 5)
    monkeypatch.setattr(_concurrency, "VERIFY_DELAY", 0.001)
    monkeypatch.setattr(_kms, "_VERIFY_AGAIN", (0.001,))


# --- every request of AWS's ------------------------------------------------------------------------------------------


def plant(aws: Aws) -> None:
    """All that the run manages is there already, and others have put something of theirs into each."""
    kms, iam, s3 = (aws.client(service) for service in ("kms", "iam", "s3"))
    version = {"Version": "2012-10-17"}
    root = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    tag = {"Key": "theirs", "Value": "1"}
    key = kms.create_key(Description="theirs", Tags=[{"TagKey": "theirs", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/velero", TargetKeyId=key)
    kms.create_alias(AliasName="alias/theirs", TargetKeyId=key)
    statements = [root, {**theirs, "Action": "kms:Decrypt", "Resource": "*"}]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({**version, "Statement": statements}))
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["theirs"], ThumbprintList=["0" * 40])
    trust = json.dumps({**version, "Statement": [{**theirs, "Action": "sts:AssumeRole"}]})
    iam.create_role(RoleName="velero", AssumeRolePolicyDocument=trust, Tags=[tag])
    document = json.dumps({**version, "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]})
    iam.put_role_policy(RoleName="velero", PolicyName="theirs", PolicyDocument=document)
    iam.create_policy(PolicyName="theirs", PolicyDocument=document)
    iam.attach_role_policy(RoleName="velero", PolicyArn=FOREIGN_POLICY)
    iam.create_policy(PolicyName="velero", PolicyDocument=document, Tags=[tag])
    for dummy in range(4):
        iam.create_policy_version(PolicyArn=POLICY, PolicyDocument=document, SetAsDefault=True)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [tag]})
    resource = {"Resource": f"arn:aws:s3:::{BUCKET}/*"}
    statements = [{**theirs, "Action": "s3:GetObject", **resource}]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({**version, "Statement": statements}))
    rule = {"ID": "theirs", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})


def nothing(aws: Aws) -> None:
    """An empty account."""


ACCOUNTS = {"empty": nothing, "planted": plant}


def undisturbed(aws: Aws, script: Script, arrange: Callable[[Aws], None]) -> tuple[State, list[str]]:
    """The state after a run that nothing disturbs, and its requests."""
    begin(aws, arrange)
    script.aws.finish()
    requests = [call.operation for call in aws.proxy.requests]
    return account(aws), requests


def begin(aws: Aws, arrange: Callable[[Aws], None]) -> None:
    aws.moto.reset()
    arrange(aws)
    aws.proxy.reset()


def assert_nothing_lost(state: State) -> None:
    (key,) = state["keys"].values()
    assert "Theirs" in str(key["policy"])
    assert key["aliases"] == ["alias/theirs", "alias/velero"]
    assert key["tags"]["theirs"] == "1"
    role = state["iam"]["roles"][ROLE]
    assert "Theirs" in str(role["trust"])
    assert FOREIGN_POLICY in role["attached"]
    assert POLICY in role["attached"]
    assert "theirs" in role["inline"]
    assert len(state["iam"]["policies"][POLICY]["versions"]) == 5
    bucket = state["buckets"][BUCKET]
    assert "Theirs" in str(bucket["policy"])
    assert bucket["tags"] == {"service": "velero", "theirs": "1"}


def test_undisturbed(aws: Aws, script: Script) -> None:
    """What all disturbed runs are compared with is itself right."""
    state, requests = undisturbed(aws, script, nothing)
    assert 30 < len(requests) < 40, requests
    assert [len(state[name]) for name in ("keys", "buckets")] == [1, 1]
    assert [len(entities) for entities in state["iam"].values()] == [1, 1, 1]
    assert state["given_up"] == 0
    assert not any(result["changed"] for result in script.aws.finish())
    assert account(aws) == state
    state, _requests = undisturbed(aws, script, plant)
    assert_nothing_lost(state)


@dataclass
class Disturbance:
    """The n-th request of every task is disturbed, where it has so many."""

    proxy: Proxy | KubeProxy
    kind: Fault
    n: int
    struck: int = 0

    def arm(self) -> None:
        """Before a task."""
        self.settle()
        self.proxy.fault(self.n, self.kind)
        self.struck += 1

    def settle(self) -> None:
        """After the last one."""
        self.struck -= self.proxy.armed
        self.proxy.disarm()


def disturbed(
    proxy: Proxy | KubeProxy, kind: Fault, begin: Callable[[], object], run: Callable[[Callable[[], object]], object]
) -> Iterator[int]:
    """Run with the first request of every task disturbed, then with the second, until no task has so many.

    :param run: is given what is to be called before each task
    :returns: how many requests were disturbed in each run
    """
    for n in itertools.count(1):
        begin()
        one = Disturbance(proxy, kind, n)
        run(one.arm)
        one.settle()
        yield one.struck
        if not one.struck:
            return


@pytest.mark.parametrize("kind", KINDS)
def test_one_disturbance_is_survived(aws: Aws, script: Script, hurry: None, kind: Fault) -> None:
    """The SDK repeats what may be repeated, the rest is read again: the run itself comes to its end."""
    wanted, requests = undisturbed(aws, script, nothing)
    counts = []
    for count in disturbed(aws.proxy, kind, partial(begin, aws, nothing), script.aws.finish):
        counts.append(count)
        assert account(aws) == wanted, counts
    assert sum(counts) == len(requests), counts


def test_an_answer_beyond_all_patience(aws: Aws, script: Script, hurry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has given up and asked again by the time that the request arrives."""
    monkeypatch.setattr(_kms, "_VERIFY_AGAIN", (0.2, 0.4, 0.8))
    wanted, requests = undisturbed(aws, script, nothing)
    writes = [n for n, name in enumerate(requests, start=1) if not name.startswith(("Get", "Describe", "Head"))]
    for n in writes:
        begin(aws, nothing)
        aws.proxy.fault(n, "delay", seconds=0.4)
        script.aws.finish(aws_config={"read_timeout": 0.2})
        time.sleep(0.3)
        assert account(aws) == wanted, (n, requests[n - 1])


@pytest.mark.parametrize(
    ("where", "kind"),
    [*(("empty", kind) for kind in KINDS), ("planted", "cut_after")],
)
def test_a_failed_task_is_completed_by_the_next(
    aws: Aws, script: Script, hurry: None, monkeypatch: pytest.MonkeyPatch, where: str, kind: Fault
) -> None:
    """Nothing is orphaned, made twice or lost, wherever a task ended; and an error says what was written before it."""
    wanted, requests = undisturbed(aws, script, ACCOUNTS[where])
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    failed: list[str] = []

    def look(result: dict[str, Any]) -> None:
        last = aws.proxy.requests[-1].operation
        carried_out = [call.operation for call in aws.proxy.requests if call.status == 200]
        written = [operation for operation in carried_out if not operation.startswith(READS)]
        assert result["changed"] or not written, (last, written)
        assert bool(result.get("written")) == result["changed"]
        assert f":{last} failed: " in result["msg"], result["msg"]
        failed.append(last)

    def run(arm: Callable[[], object]) -> None:
        def mark() -> None:
            aws.proxy.clear()
            arm()

        results = script.aws.run(mark, look)
        assert not results[-1].get("failed"), results[-1]["msg"]

    counts = []
    for count in disturbed(aws.proxy, kind, partial(begin, aws, ACCOUNTS[where]), run):
        counts.append(count)
        assert not any(result["changed"] for result in script.aws.finish()), counts
        assert account(aws) == wanted, (counts, failed)
    assert sum(counts) == len(requests), counts
    assert len(failed) > len(requests) // 2


def test_throttling(aws: Aws, script: Script, hurry: None) -> None:
    """Of all calls 30 % are refused; what was refused was not done, and is asked again."""
    wanted, _requests = undisturbed(aws, script, nothing)
    for seed in range(10):
        begin(aws, nothing)
        aws.proxy.throttle(0.3, seed)
        script.aws.finish()
        assert not any(result["changed"] for result in script.aws.finish()), seed
        assert aws.proxy.count(status=400) + aws.proxy.count(status=503) > 5
        aws.proxy.reset()
        assert account(aws) == wanted, seed


def test_throttling_costs_seconds(aws: Aws, site: Site) -> None:
    """With the pauses that the modules really make."""
    aws.proxy.throttle(0.3, seed=1)
    for dummy in range(2):
        start = time.monotonic()
        site.run()
        assert time.monotonic() - start < 100  # of which a slow machine takes half without any throttling


# --- every request of Kubernetes' ------------------------------------------------------------------------------------


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_api, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(server_api, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(location_api, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(location_api, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(_runner, "_PAUSES", (0.001,) * 5)
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)


def objects(cluster: Cluster) -> State:
    """What the run manages in its namespace; revisions are the cluster's to choose."""
    text = json.dumps(
        {
            "service_account": cluster.find(SERVICE_ACCOUNT, "velero")["metadata"].get("annotations"),  # type: ignore[index]
            "template": cluster.find(DEPLOYMENT, "velero")["spec"]["template"],  # type: ignore[index]
            "location": cluster.find(LOCATION, "default")["spec"],  # type: ignore[index]
            "requests": len(cluster.api.list(SERVER_STATUS_REQUEST, cluster.namespace)),
        }
    )
    (revision,) = set(re.findall(r'"coffer.velero/identity-revision": "(\d+)"', text))
    state: State = json.loads(text.replace(f'"{revision}"', '"REVISION"'))
    return state


def restart(cluster: Cluster) -> None:
    """The namespace as ``velero install`` leaves it."""
    for kind, name in ((SERVICE_ACCOUNT, "velero"), (DEPLOYMENT, "velero"), (LOCATION, "default")):
        cluster.api.delete(kind, name, cluster.namespace)
    for request in cluster.api.list(SERVER_STATUS_REQUEST, cluster.namespace):
        cluster.api.delete(SERVER_STATUS_REQUEST, request["metadata"]["name"], cluster.namespace)
    cluster.install()
    cluster.proxy.reset()
    cluster.proxy.attendant = Attendant(cluster)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("patient", [True, False])
def test_kubernetes(
    script: Script,
    cluster: Cluster,
    patience: None,
    monkeypatch: pytest.MonkeyPatch,
    patient: bool,
    kind: Fault,
) -> None:
    """The same for the cluster: with retries the run survives, without them the next one completes it."""
    tasks = script.adapted({script.namespace: cluster.namespace}).kubernetes
    restart(cluster)
    tasks.finish()
    wanted, requests = objects(cluster), list(cluster.proxy.requests)
    assert 12 < len(requests) < 20, requests
    assert not any(result["changed"] for result in tasks.finish())
    if not patient:
        monkeypatch.setattr(_kube, "_RETRIES", 0)
    failed: list[str] = []

    def run(arm: Callable[[], object]) -> None:
        if patient:
            tasks.finish(arm)
            return
        results = tasks.run(arm, lambda result: failed.append(result["msg"]))
        assert not results[-1].get("failed"), results[-1]["msg"]

    counts = []
    for count in disturbed(cluster.proxy, kind, partial(restart, cluster), run):
        counts.append(count)
        # A request to the server that could not be deleted is deleted by the server itself.
        assert objects(cluster) == {**wanted, "requests": 0 if patient else ANY}, counts
    assert sum(counts) == len(requests), counts
    assert len(failed) >= (0 if patient else len([one for one in requests if not one.startswith("DELETE")])), failed


# --- a playbook that is killed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["CreateKey", "CreateRole", "PutKeyPolicy", "PutBucketEncryption"])
def test_killed(aws: Aws, cluster: Cluster, site: Site, script: Script, operation: str) -> None:
    """ansible-playbook and its worker end while a request is under way; the next run completes what they began."""
    wanted, requests = undisturbed(aws, script.adapted({script.namespace: cluster.namespace}), nothing)
    begin(aws, nothing)
    restart(cluster)
    site.run("--check")
    assert requests[0] == "GetCallerIdentity"
    n = len(aws.proxy.requests) + requests[1:].index(operation)  # the plan comes first, and has read the account
    aws.proxy.reset()
    aws.proxy.fault(n + 1, "delay", seconds=1.5)
    process = site.start()
    wait_for(lambda: not aws.proxy.armed)
    site.kill(process)
    wait_for(lambda: len(aws.proxy.requests) == n + 1)
    assert aws.proxy.requests[n].operation == operation
    site.run()
    assert account(aws) == wanted
    assert objects(cluster)["location"]["objectStorage"]["bucket"] == BUCKET


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- two at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """``at_once(seed, work, work)``: the requests of all take turns, and pauses are as long as they really are."""
    call, pages, task = _aws.Aws.call, _aws.Aws.pages, _controller.Task

    def run(seed: int, *works: Callable[[], Any]) -> list[Any]:
        interleaving = Interleaving(seed)

        def paused(method: Any) -> Any:
            def wrapper(self: Any, *arguments: Any, **options: Any) -> Any:
                interleaving.pause()
                return method(self, *arguments, **options)

            return wrapper

        monkeypatch.setattr(_aws.Aws, "call", paused(call))
        monkeypatch.setattr(_aws.Aws, "pages", paused(pages))
        monkeypatch.setattr(_aws, "time", SimpleNamespace(sleep=interleaving.pause))
        monkeypatch.setattr(_controller, "Task", partial(task, sleep=interleaving.pause))
        return interleaving.run(*works)

    return run


def test_one_key(aws: Aws, script: Script, at_once: Callable[..., list[Any]]) -> None:
    """The alias decides whose key it is; whoever made another one gives it up."""
    wanted, _requests = undisturbed(aws, script.only("kms_key"), nothing)
    given_up = 0
    for seed in range(25):
        begin(aws, nothing)
        results = at_once(seed, *[script.only("kms_key").finish] * 3)
        assert len({result[0]["key_arn"] for result in results}) == 1
        state = account(aws)
        given_up += state.pop("given_up")
        assert {**state, "given_up": 0} == wanted, seed
    assert given_up > 10, "no race at all"


INSTALLATIONS = range(3)


def of_installation(script: Script, number: int) -> Script:
    """Another installation, with a prefix, a role and statements of its own, that shares key and bucket."""
    prefix = f"production-{number}"
    sids = [hashlib.sha256(f"{BUCKET}/{name}".encode()).hexdigest()[:8] for name in ("production", prefix)]
    return script.adapted({"production": prefix, "role/velero": f"role/velero-{number}", sids[0]: sids[1]})


def lost_statements(aws: Aws, script: Script, at_once: Callable[..., list[Any]], seed: int) -> list[str]:
    """Three installations put their statements into the same two policies; what is missing at the end."""
    begin(aws, plant)
    key = aws.client("kms").describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for number in INSTALLATIONS:
        with contextlib.suppress(ClientError):
            aws.client("iam").create_role(RoleName=f"velero-{number}", AssumeRolePolicyDocument=trust)
    policies = script.adapted({script.key_arn: key}).only("kms_key_policy", "s3_bucket_policy")
    scripts = [of_installation(policies, number) for number in INSTALLATIONS]
    at_once(seed, *(one.finish for one in scripts))
    found = json.dumps(account(aws))
    wanted = {s["Sid"] for one in scripts for task in one.tasks for s in task.options["statements"]} | {"Theirs"}
    assert len(wanted) > 3 * len(INSTALLATIONS)
    return [name for name in wanted if f'"{name}"' not in found]


def test_no_statement_is_lost(aws: Aws, script: Script, at_once: Callable[..., list[Any]]) -> None:
    for seed in range(25):
        assert lost_statements(aws, script, at_once, seed) == [], seed


def test_statements_would_be_lost(
    aws: Aws, script: Script, at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nobody looks again at what was written would be noticed here."""
    for module in (kms_policy_api, s3_policy_api):
        monkeypatch.setattr(module, "verify_write", lambda *_, **__: None)
    assert any(lost_statements(aws, script, at_once, seed) for seed in range(10))


def test_the_same_run_twice_at_once(aws: Aws, script: Script, at_once: Callable[..., list[Any]]) -> None:
    wanted, _requests = undisturbed(aws, script, nothing)
    for seed in range(20):
        begin(aws, nothing)
        at_once(seed, script.aws.finish, script.aws.finish)
        assert {**account(aws), "given_up": 0} == wanted, seed


def test_two_playbooks_at_once(aws: Aws, cluster: Cluster, site: Site, script: Script) -> None:
    wanted, _requests = undisturbed(aws, script.adapted({script.namespace: cluster.namespace}), nothing)
    begin(aws, nothing)
    other = replace(site, name="other")
    processes = [one.start() for one in (site, other)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert {**account(aws), "given_up": 0} == wanted
    assert objects(cluster)["requests"] == 0
    aws.proxy.reset()
    cluster.proxy.requests.clear()
    assert not any(record["result"]["changed"] for record in site.run())
    assert len(aws.proxy.requests) + len(cluster.proxy.requests) == documented_requests()


def documented_requests() -> int:
    """Those of a run that changes nothing, which is a plan alone, as the pages of the roles tell them."""
    pages = [(ROOT / "roles" / role / "README.md").read_text() for role in SITE_ROLES]
    found = [re.search(r"Changes nothing.*, with (\d+) requests?(?:, (\d+) in a plan)?", page) for page in pages]
    told = [int(match[2] or match[1]) for match in found if match]
    assert len(told) == len(SITE_ROLES)
    whose_credentials = versioning_as_asked_here = 1
    return sum(told) + whose_credentials + versioning_as_asked_here
