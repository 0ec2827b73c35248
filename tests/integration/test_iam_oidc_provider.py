# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_oidc_provider against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle

ACCOUNT = "123456789012"
ISSUER = "oidc.example.com/id/ABC"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
MODULE = "iam_oidc_provider"
ONE, TWO = "1" * 40, "a" * 40

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")


@pytest.fixture
def cluster(aws: Aws) -> str:
    """An EKS cluster; its issuer."""
    created = aws.client("eks").create_cluster(
        name="production",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/cluster",
        resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
    )
    return str(created["cluster"]["identity"]["oidc"]["issuer"])


def providers(iam: Any) -> Any:
    arns = [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    got = {arn: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn) for arn in arns}
    return {
        arn: {key: one.get(key) for key in ("Url", "ClientIDList", "ThumbprintList", "Tags")}
        for arn, one in got.items()
    }


def operations(aws: Aws) -> list[str]:
    return [request.operation for request in aws.proxy.requests]


def test_lifecycle(run: ModuleRunner, iam: Any) -> None:
    given = {"issuer_url": f"https://{ISSUER}"}
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={**given, "thumbprints": [ONE], "tags": {"a": "1"}},
        modify={**given, "client_ids": ["another"], "thumbprints": [TWO.upper()], "tags": {"b": "2"}},
        delete={**given, "state": "absent"},
        state=lambda: providers(iam),
    )
    assert created["oidc_provider_arn"] == modified["oidc_provider_arn"] == deleted["oidc_provider_arn"] == ARN
    assert (created["issuer_url"], created["oidc_provider"]) == (f"https://{ISSUER}", ISSUER)
    assert created["diff"]["after"] == {
        "oidc_provider_arn": ARN,
        "client_ids": ["sts.amazonaws.com"],
        "thumbprints": [ONE],
        "tags": {"a": "1"},
    }
    assert modified["diff"] == {
        "before": {"client_ids": ["sts.amazonaws.com"], "thumbprints": [ONE], "tags": {"a": "1"}},
        "after": {"client_ids": ["sts.amazonaws.com", "another"], "thumbprints": [TWO], "tags": {"b": "2"}},
    }
    assert deleted["diff"] == {"before": {"oidc_provider_arn": ARN}, "after": {}}


def test_lifecycle_by_cluster(run: ModuleRunner, iam: Any, cluster: str) -> None:
    given = {"cluster_name": "production"}
    created, _modified, _deleted = assert_lifecycle(
        run,
        MODULE,
        create=given,
        modify={**given, "tags": {"a": "1"}},
        delete={**given, "state": "absent"},
        state=lambda: providers(iam),
    )
    assert created["issuer_url"] == cluster
    assert created["oidc_provider_arn"].endswith(cluster.removeprefix("https:/"))


def test_one_that_roles_trust_is_not_deleted(run: ModuleRunner, iam: Any) -> None:
    """IAM would, and neither would they be assumed again nor say why."""
    given = {"issuer_url": ISSUER}
    run.ok(MODULE, **given)
    trust = {"Effect": "Allow", "Principal": {"Federated": [ARN]}, "Action": "sts:AssumeRoleWithWebIdentity"}
    for name, document in (("theirs", {"Statement": [trust]}), ("other", {"Statement": {"Principal": "*"}})):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **document}))
    for check in (True, False):
        assert run.refused(MODULE, check=check, **given, state="absent") == (
            f"state: {ARN} is trusted by role theirs. Take its statements out of their trust policies first "
            "(coffer.velero.iam_role with state=absent), or delete it by aws iam "
            f"delete-open-id-connect-provider --open-id-connect-provider-arn {ARN}."
        )
    iam.delete_role(RoleName="theirs")
    assert run.ok(MODULE, **given, state="absent")["changed"]


def test_no_op_requests(run: ModuleRunner, aws: Aws, cluster: str) -> None:
    account = {"account_id": ACCOUNT, "partition": "aws"}
    for given, expected in (
        ({"issuer_url": ISSUER, **account}, ["GetOpenIDConnectProvider"]),
        ({"issuer_url": ISSUER}, ["GetCallerIdentity", "GetOpenIDConnectProvider"]),
        ({"cluster_name": "production"}, ["DescribeCluster", "GetOpenIDConnectProvider"]),
        ({"cluster_name": "production", **account}, ["DescribeCluster", "GetOpenIDConnectProvider"]),
    ):
        run.ok(MODULE, **given, tags={"a": "1"})
        aws.proxy.clear()
        assert not run.ok(MODULE, **given, tags={"a": "1"})["changed"]
        assert operations(aws) == expected


@pytest.mark.parametrize(
    "spelled", [ISSUER, f"https://{ISSUER}/", "https://OIDC.Example.com/id/ABC", f" HTTPS://{ISSUER} "]
)
def test_issuer_is_found_however_it_is_spelled(run: ModuleRunner, spelled: str) -> None:
    run.ok(MODULE, issuer_url=f"https://{ISSUER}")
    result = run.ok(MODULE, issuer_url=spelled)
    assert (result["changed"], result["oidc_provider_arn"]) == (False, ARN)


def test_check_on_an_empty_account_tells_the_arn(run: ModuleRunner, iam: Any) -> None:
    result = run.ok(MODULE, check=True, issuer_url=ISSUER)
    assert (result["changed"], result["oidc_provider_arn"]) == (True, ARN)
    assert providers(iam) == {}


def test_foreign_state_is_kept(run: ModuleRunner, iam: Any) -> None:
    iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}",
        ClientIDList=["theirs"],
        ThumbprintList=[ONE, TWO],
        Tags=[{"Key": "owner", "Value": "somebody"}],
    )
    result = run.ok(MODULE, issuer_url=ISSUER)
    assert result["client_ids"] == ["theirs", "sts.amazonaws.com"]
    assert result["tags"] == {"owner": "somebody"}
    assert not run.ok(MODULE, issuer_url=ISSUER, thumbprints=[TWO, ONE])["changed"]
    assert providers(iam)[ARN] == {
        "Url": ISSUER,
        "ClientIDList": ["theirs", "sts.amazonaws.com"],
        "ThumbprintList": [ONE, TWO],
        "Tags": [{"Key": "owner", "Value": "somebody"}],
    }


AS_THE_CLUSTER = "Give it as the cluster reports it: https://oidc.eks.REGION.amazonaws.com/id/ID."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"issuer_url": f"http://{ISSUER}"},
            f"issuer_url: http://{ISSUER} is an http URL, and IAM trusts https alone. {AS_THE_CLUSTER}",
        ),
        (
            {"issuer_url": f"https://{ISSUER}?a=b"},
            f"issuer_url: https://{ISSUER}?a=b has a query or a fragment, which no issuer has. {AS_THE_CLUSTER}",
        ),
        (
            {"issuer_url": f"https://{ISSUER}#a"},
            f"issuer_url: https://{ISSUER}#a has a query or a fragment, which no issuer has. {AS_THE_CLUSTER}",
        ),
        ({"issuer_url": "https://"}, f"issuer_url: https:// is not the URL of an issuer. {AS_THE_CLUSTER}"),
        (
            {"issuer_url": "https://me:secret@host"},
            f"issuer_url: host is not the URL of an issuer. {AS_THE_CLUSTER}",
        ),
        (
            {"issuer_url": "https://*.example.com"},
            f"issuer_url: https://*.example.com is not the URL of an issuer. {AS_THE_CLUSTER}",
        ),
        (
            {"issuer_url": "https://" + "a" * 250},
            f"issuer_url: https://{'a' * 250} is longer than the 255 characters that IAM takes. {AS_THE_CLUSTER}",
        ),
        (
            {"cluster_name": "missing"},
            "cluster_name: missing does not exist in us-east-1. "
            "Give the name, Region and credentials of an existing cluster, or issuer_url.",
        ),
        (
            {"issuer_url": ISSUER, "thumbprints": ["AA:BB"]},
            "thumbprints: aa:bb is not a thumbprint. "
            "Give the SHA-1 fingerprint of a certificate: 40 hexadecimal digits without colons.",
        ),
        (
            {"issuer_url": ISSUER, "thumbprints": [str(number) * 40 for number in range(6)]},
            f"thumbprints: {ISSUER} has 6, and IAM takes 5. Leave out those of certificates that are no longer served.",
        ),
        (
            {"issuer_url": ISSUER, "account_id": "1234"},
            "account_id: 1234 is not an account. Give its 12 digits, quoted.",
        ),
        (
            {"issuer_url": ISSUER, "account_id": "999999999999", "partition": "aws"},
            f"account_id: 999999999999 is not the account of arn:aws:iam::{ACCOUNT}:user/moto. "
            "Use credentials of that account, or leave account_id out.",
        ),
        ({}, "one of the following is required: cluster_name, issuer_url"),
        (
            {"cluster_name": "a", "issuer_url": ISSUER},
            "parameters are mutually exclusive: cluster_name|issuer_url",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refusals(run: ModuleRunner, iam: Any, given: dict[str, Any], message: str, check: bool) -> None:
    assert run.refused(MODULE, check=check, **given) == message
    assert providers(iam) == {}


def test_unreadable_state_is_not_an_empty_one(run: ModuleRunner, aws: Aws, iam: Any) -> None:
    aws.proxy.deny("iam", "GetOpenIDConnectProvider")
    said = run.refused(MODULE, issuer_url=ISSUER)
    assert "The credentials of this task need iam:GetOpenIDConnectProvider there." in said
    assert providers(iam) == {}


@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after"])
def test_created_once_whatever_happens_to_the_answer(run: ModuleRunner, aws: Aws, iam: Any, kind: Any) -> None:
    aws.proxy.fault(1, kind, service="iam", operation="CreateOpenIDConnectProvider")
    assert run.ok(MODULE, issuer_url=ISSUER)["changed"]
    assert list(providers(iam)) == [ARN]
