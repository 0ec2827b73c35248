# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/permissions.md, "Kubernetes RBAC": with these permissions a run does all that it does, and it uses every one.

The real kube-apiserver judges the token of a ServiceAccount that has the roles of the page and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack import Api, Stack
from tests.stack.api import BACKUP, DEPLOYMENT, SECRET, SERVICE_ACCOUNT, Json, Kind
from tests.support.cluster import KubeProxy
from tests.support.doc_pages import yaml_fragments
from tests.support.emulators import ROOT, Moto
from tests.support.installation import Installation
from tests.support.running import run_in_controller

OPERATOR = "operator"
RBAC = "rbac.authorization.k8s.io"
PAGE = (ROOT / "docs" / "permissions.md").read_text()

#: API group, resource and verb.
Right = tuple[str, str, str]

#: What this run does not need: a backup that Velero does not take is deleted as it is, and there is no node-agent here.
NOT_USED_HERE: set[Right] = {
    ("velero.io", "backups", "delete"),
    ("apps", "daemonsets", "get"),
    ("apps", "daemonsets", "patch"),
}


def roles() -> list[Json]:
    section = re.search(r"^### Kubernetes RBAC$(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section
    (shown,) = yaml_fragments(section[1])
    return list(yaml.safe_load_all(shown))


def rights(role: Json) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(request: str) -> Right | None:
    """What a request asks for; ``None`` for one about the API itself, which everybody may send."""
    method, _space, path = request.partition(" ")
    found = re.fullmatch(r"/apis?(?:/([a-z0-9.]+))?/v[12a-z]+(?:/namespaces/[^/]+)??/([a-z]+)(/[^/]+)?", path)
    if not found:
        return None
    group, resource, name = found[1] or "", found[2], found[3]
    verbs = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
    return group, resource, verbs[method]


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        yield moto


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), moto) as stack:
        yield stack


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Iterator[KubeProxy]:
    """The cluster for somebody who has the roles of the page."""
    metadata = {"name": OPERATOR}
    stack.api.create(SERVICE_ACCOUNT, {"metadata": metadata}, stack.namespace)
    subject = {"kind": "ServiceAccount", "name": OPERATOR, "namespace": stack.namespace}
    for role in roles():
        namespace = role["metadata"].get("namespace")
        assert namespace == (stack.namespace if role["kind"] == "Role" else None)
        stack.api.create(Kind(f"{RBAC}/v1", role["kind"]), role, namespace)
        reference = {"apiGroup": RBAC, "kind": role["kind"], "name": role["metadata"]["name"]}
        binding = {"metadata": {"name": role["metadata"]["name"]}, "roleRef": reference, "subjects": [subject]}
        stack.api.create(Kind(f"{RBAC}/v1", f"{role['kind']}Binding"), binding, namespace)
    token = stack.api.service_account_token(OPERATOR, stack.namespace)
    with KubeProxy(Api(stack.api.host, stack.api.port, token, stack.api.ca_file)) as proxy:
        yield proxy


def test_a_run_needs_what_the_page_says(
    stack: Stack, moto: Moto, operator: KubeProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(operator.kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    variables = {"velero_proof": "on_change", "backup_proof_dest": f"{tmp_path}/reports/"}
    installation = Installation(tmp_path, stack, moto, "default", moto, variables=variables)

    def run(**more: Any) -> set[str]:
        site = installation.with_(**more).site
        kubernetes = dict.fromkeys(("KUBECONFIG", "K8S_AUTH_KUBECONFIG"), str(kubeconfig))
        records = replace(site, environment=site.environment | kubernetes).run()
        return {line["action"].rpartition(".")[2] for line in records if line["result"]["changed"]}

    assert {"velero_identity", "backup_storage_location", "evidence_report"} <= run()
    assert run(velero_object_tagging="team=storage&stage=live", velero_proof="never") == {
        "backup_storage_location",
        "iam_policy",
    }
    secret = {"namespace": stack.namespace, "secret": "velero-sse-c/key", "create_if_missing": True}
    stack.api.create(SECRET, {"metadata": {"name": "velero-sse-c"}}, stack.namespace)
    for changed in (True, False):  # a key into a Secret that is there
        result = run_in_controller("sse_c_secret", secret, check=False)
        assert result.get("changed") is changed, result
    assert run_in_controller("sse_c_secret", secret | {"secret": "another/key"}, check=False)["changed"]

    location = {name: installation.variables[f"velero_{name}"] for name in ("bucket", "prefix", "region")}
    location |= {"namespace": stack.namespace, "require_idle": True}
    assert run_in_controller("backup_storage_location", location, check=True)["changed"]  # nothing is at work

    asked = {right for right in map(used, operator.requests) if right}
    granted = set().union(*map(rights, roles()))
    assert asked - granted == set(), "refused, and not needed"
    assert granted - asked == NOT_USED_HERE


def test_nothing_else_is_allowed(stack: Stack, operator: KubeProxy) -> None:
    api = Api(stack.api.host, stack.api.port, "", stack.api.ca_file)
    api.token = stack.api.service_account_token(OPERATOR, stack.namespace)
    for method, path in (
        ("DELETE", SECRET.path(stack.namespace, "velero-sse-c")),
        ("DELETE", DEPLOYMENT.path(stack.namespace, "velero")),
        ("DELETE", "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default"),
        ("PATCH", BACKUP.path(stack.namespace, "any")),
        ("GET", "/api/v1/namespaces/velero/pods"),
        ("GET", DEPLOYMENT.path("default")),
    ):
        status, text = api.raw(method, path, {} if method == "PATCH" else None, "application/merge-patch+json")
        assert status == 403, f"{method} {path}: {text}"
    api.close()
