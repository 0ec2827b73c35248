# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer of a cluster, as IAM spells it, and the requests that change tags."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._iam.model import DesiredTags, Owner, issuer_name, issuer_of
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Step
from tests.support.refusal import refusal


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://oidc.example.com", "oidc.example.com"),
        ("https://oidc.example.com/id/ABC/", "oidc.example.com/id/ABC"),
        ("OIDC.Example.com/id/ABC", "oidc.example.com/id/ABC"),
        ("HTTPS://oidc.example.com:6443/a", "oidc.example.com:6443/a"),
    ],
)
def test_issuer_name(url: str, name: str) -> None:
    assert issuer_name(url) == name


CLUSTER = {
    "name": "one",
    "status": "ACTIVE",
    "arn": "arn:aws-cn:eks:cn-north-1:111122223333:cluster/one",
    "identity": {"oidc": {"issuer": "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC"}},
}


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_issuer_of_a_cluster(status: str) -> None:
    expected = ("oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC", Owner("aws-cn", "111122223333"))
    assert issuer_of({**CLUSTER, "status": status}) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "CREATING"}, "cluster_name: one is CREATING. Wait until it is ACTIVE, or give issuer_url."),
        ({"status": "DELETING"}, "cluster_name: one is DELETING. Wait until it is ACTIVE, or give issuer_url."),
        ({"identity": {}}, "cluster_name: one has no OIDC issuer. Use EKS Pod Identity there, or give issuer_url."),
        ({"identity": None}, "cluster_name: one has no OIDC issuer. Use EKS Pod Identity there, or give issuer_url."),
    ],
)
def test_cluster_without_a_usable_issuer(change: dict[str, Any], message: str) -> None:
    assert refusal(issuer_of, {**CLUSTER, **change}) == message


PRESENT = Step("iam:TagRole", {"RoleName": "velero", "Tags": [{"Key": "a", "Value": "1"}]})
ABSENT = Step("iam:UntagRole", {"RoleName": "velero", "TagKeys": ["old"]})


@pytest.mark.parametrize(
    ("desired", "current", "steps", "after"),
    [
        ({}, {"old": "1"}, [], {"old": "1"}),
        ({"tags": {"a": "1"}}, {"a": "1"}, [], {"a": "1"}),
        ({"tags": {"a": 1}}, {"old": "1"}, [PRESENT, ABSENT], {"a": "1"}),
        ({"tags": {"a": "1"}, "purge_tags": False}, {"old": "1"}, [PRESENT], {"old": "1", "a": "1"}),
        ({"tags": {}, "purge_tags": False}, {"old": "1"}, [], {"old": "1"}),
        ({"tags": {}}, {"aws:a": "1"}, [], {"aws:a": "1"}),
    ],
)
def test_tags(desired: dict[str, Any], current: dict[str, str], steps: list[Step], after: dict[str, str]) -> None:
    tags = DesiredTags(**desired)
    found, differences = tags.tag_steps("Role", {"RoleName": "velero"}, current)
    assert list(found) == steps
    assert tags.after(current) == after
    assert tuple(differences) == ((Difference("tags", current, after),) if steps else ())


def test_create_without_tags_does_not_name_them() -> None:
    assert DesiredTags(tags={}).created() == DesiredTags().created() == {}
    assert DesiredTags(tags={"a": "1"}).created() == {"Tags": PRESENT.arguments["Tags"]}
