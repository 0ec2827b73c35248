# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new customer's key is never shown, whatever the cluster says about it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, cast

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ConflictError, ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, execute
from ansible_collections.coffer.velero.plugins.module_utils._velero.sse_c import DesiredSecret
from ansible_collections.coffer.velero.plugins.module_utils._velero.sse_c_api import SecretResource


class Cluster:
    """Stands for one without the Secret, that refuses it in some words."""

    def __init__(self, refuse: Callable[[str], CofferError]) -> None:
        self.refuse = refuse
        self.key = ""

    def get_or_none(self, path: str) -> None:
        """There is none."""

    def list(self, path: str) -> list[Any]:
        return []

    def apply(self, plan: Plan, outputs: dict[str, str]) -> None:
        self.key = outputs["key"]
        raise self.refuse(self.key)


def _denied(message: str) -> ServiceError:
    return ServiceError("POST /api/v1/namespaces/velero/secrets", "400", message, status=400)


def _run(cluster: Cluster) -> dict[str, Any]:
    resource = SecretResource(cast(Kube, cluster), DesiredSecret("velero", "velero-sse-c/key", create_if_missing=True))
    return execute(lambda task: task.reconcile(resource), Task({}, sleep=lambda seconds: None))


@pytest.mark.parametrize(
    "refuse",
    [
        lambda key: _denied(f'admission webhook denied the request: {{"data":{{"key":"{key}"}}}}'),
        lambda key: _denied(f"the beginning of a request: {key[:20]}"),
        lambda key: ConflictError(_denied(f"conflict: {key}")),
    ],
    ids=["whole", "beginning", "moved"],
)
def test_answer_that_quotes_the_key_is_not_shown(refuse: Callable[[str], CofferError]) -> None:
    cluster = Cluster(refuse)
    result = _run(cluster)
    assert result["msg"] == "POST Secret failed: refused: the answer quotes the key and is not shown"
    assert len(base64.b64decode(cluster.key)) == 32
    assert cluster.key[:8] not in str(result)


def test_answer_that_does_not_is() -> None:
    result = _run(Cluster(lambda key: _denied("admission webhook denied the request")))
    assert result["msg"].endswith("admission webhook denied the request")
