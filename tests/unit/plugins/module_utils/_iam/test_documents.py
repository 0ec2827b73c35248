# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IAM would refuse of a document, or take and regret."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import (
    policy_document,
    trust_statements,
    trust_warnings,
)
from tests.support.iam import OWNER, PROVIDER_ARN, document, trust
from tests.support.refusal import refusal

SUB = "oidc.example.com:sub"


ACCOUNT_OF_VELERO = "system:serviceaccount:velero:velero"


def irsa(condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"Principal": {"Federated": PROVIDER_ARN}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return trust("Velero", **{**given, "Condition": condition, **more})


def test_document_of_6144_characters_is_taken() -> None:
    room = 6144 - len(str(document("")).replace(" ", ""))
    assert policy_document(document("x" * room), option="policy", resource="velero")
    with pytest.raises(ValidationError, match="would have a policy of 6145 characters, and IAM takes 6144"):
        policy_document(document("x" * (room + 1)), option="policy", resource="velero")


@pytest.mark.parametrize(
    "statement",
    [
        trust(),
        trust(Principal={"Service": "pods.eks.amazonaws.com"}, Action=["sts:AssumeRole", "sts:TagSession"]),
        trust(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        trust(Principal="*", Effect="Deny"),
        irsa({"StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"stringequalsignorecase": {SUB.upper(): [ACCOUNT_OF_VELERO]}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero:*"}}),
        irsa({"StringLike": {SUB: ["system:serviceaccount:velero-*:velero", ACCOUNT_OF_VELERO]}}),
        irsa({"ForAnyValue:StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringLike": {SUB: "*"}, "StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({}, Effect="Deny"),
        irsa({}, Action="sts:TagSession"),
        irsa({}, Principal={"Federated": OWNER.arn("saml-provider/a")}),
    ],
)
def test_trust_statement_is_taken(statement: dict[str, Any]) -> None:
    assert trust_statements([statement]) == [statement]


@pytest.mark.parametrize(
    "statement",
    [
        irsa({}),
        irsa({"StringEquals": {"oidc.example.com:aud": "sts.amazonaws.com"}}),
        irsa({"StringEquals": {"oidc.other.com:sub": ACCOUNT_OF_VELERO}}),
        irsa({"StringLike": {SUB: "*"}}),
        irsa({"StringLike": {SUB: [ACCOUNT_OF_VELERO, "*"]}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:*"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero*"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:*:velero"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:??*:velero"}}),
        irsa({"StringLike": {SUB: "*:velero:velero"}}),
        irsa({"StringLike": {SUB: "system:serviceaccount:velero:"}}),
        irsa({"StringEquals": {SUB: []}}),
        irsa({"StringNotEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringNotLike": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"StringEqualsIfExists": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"ForAllValues:StringEquals": {SUB: ACCOUNT_OF_VELERO}}),
        irsa({"Null": {SUB: "false"}}),
        irsa({}, Action="sts:*"),
        irsa({}, Action=["sts:TagSession", "STS:assumerolewith*"]),
        {name: value for name, value in irsa({}, NotAction="sts:TagSession").items() if name != "Action"},
    ],
)
def test_trust_in_everybody_of_a_cluster_is_refused(statement: dict[str, Any]) -> None:
    assert refusal(trust_statements, [statement]) == (
        f"trust_statements: Velero has no condition on {SUB} that names the ServiceAccount, so that others of the "
        f"cluster could assume the role. Add StringEquals: {{'{SUB}': 'system:serviceaccount:NAMESPACE:NAME'}}."
    )


def test_only_others_who_are_let_in_are_warned_of() -> None:
    unmanaged = [trust("Same"), trust("Denied", "b", Effect="Deny"), trust("Other", "c")]
    merged = {"Version": "2012-10-17", "Statement": [trust(), *unmanaged]}
    warnings = list(trust_warnings("velero", merged, [trust()], partition="aws"))
    assert len(warnings) == 1
    assert f"trust statement Other, which is not one of trust_statements, lets {OWNER.arn('user/c')}" in warnings[0]
