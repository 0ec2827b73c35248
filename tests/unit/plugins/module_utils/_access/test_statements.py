# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements speak of a request."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.model import Context, Policy, Principal, Request
from ansible_collections.coffer.velero.plugins.module_utils._access.statements import applied
from ansible_collections.coffer.velero.plugins.module_utils._access.ternary import Ternary

ACCOUNT = "111122223333"
IAM = f"arn:aws:iam::{ACCOUNT}:"
STS = f"arn:aws:sts::{ACCOUNT}:assumed-role/velero/"
VELERO = Principal(f"{IAM}role/velero")
SESSION = Principal(f"{STS}me", unique_id="AROA1")
USER = Principal(f"{IAM}user/ann")
SERVICE = Principal("cloudtrail.amazonaws.com")
PROVIDER = Principal(f"{IAM}oidc-provider/issuer", is_provider=True)
NOBODY = Principal("*")
OBJECT = "arn:aws:s3:::bucket/prefix/x"


def ask(elements: dict[str, Any], who: Principal, version: str = "2012-10-17") -> Ternary:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": OBJECT, **elements}
    for element in ("Principal", "Action", "Resource"):
        if f"Not{element}" in elements and element not in elements:
            del statement[element]
    document = {"Version": version, "Statement": [statement]}
    request = Request(who, "s3:PutObject", OBJECT, ACCOUNT, Context({"aws:principaltag/team": ("x",)}))
    found = list(applied(Policy("the policy", document), request, of_resource=True))
    return found[0].applies if found else False


@pytest.mark.parametrize(
    ("principal", "who", "result"),
    [
        ("*", NOBODY, True),
        ({"AWS": "*"}, SERVICE, True),
        ({"AWS": "*"}, PROVIDER, None),
        ({"Federated": PROVIDER.arn}, PROVIDER, True),
        ({"AWS": ACCOUNT}, VELERO, True),
        ({"AWS": f"{IAM}root"}, USER, True),
        ({"AWS": "444455556666"}, USER, False),
        ({"AWS": f"{IAM}role/team/velero"}, VELERO, True),
        ({"AWS": f"{IAM}role/velero"}, SESSION, True),
        ({"AWS": f"{STS}me"}, SESSION, True),
        ({"AWS": f"{STS}other"}, SESSION, False),
        ({"AWS": f"{STS}me"}, VELERO, None),
        ({"AWS": "AROA1"}, SESSION, True),
        ({"AWS": "AROA1"}, VELERO, False),
        ({"AWS": f"{IAM}user/team/ann"}, USER, True),
        ({"AWS": f"{IAM}role/ann"}, USER, False),
        ({"Service": "cloudtrail.amazonaws.com"}, SERVICE, True),
        ({"Service": "cloudtrail.amazonaws.com"}, VELERO, False),
        ({"CanonicalUser": "0123"}, VELERO, None),
        ([], VELERO, False),
    ],
)
def test_principal(principal: Any, who: Principal, result: Ternary) -> None:
    assert ask({"Principal": principal}, who) is result


@pytest.mark.parametrize(
    ("effect", "names", "who", "result"),
    [
        ("Deny", [f"{IAM}root", f"{IAM}role/admin"], VELERO, True),
        ("Deny", [f"{IAM}root", f"{IAM}role/velero"], VELERO, True),
        ("Deny", [f"{IAM}root", f"{IAM}role/velero", f"{STS}me"], SESSION, False),
        ("Deny", [f"{IAM}root", f"{IAM}role/velero", f"{STS}me"], VELERO, None),
        ("Deny", [f"{IAM}role/velero", f"{STS}me"], SESSION, True),
        ("Deny", [f"{IAM}root", f"{IAM}user/ann"], USER, False),
        ("Deny", [f"{IAM}user/ann"], USER, True),
        ("Deny", ["*"], USER, False),
        ("Deny", [f"{IAM}root"], NOBODY, True),
        ("Deny", [f"{IAM}root"], Principal(f"{IAM}root"), False),
        ("Deny", [f"{IAM}root"], SERVICE, True),
        ("Allow", [f"{IAM}role/admin"], VELERO, True),
        ("Allow", [f"{IAM}role/velero"], VELERO, None),
    ],
)
def test_not_principal(effect: str, names: list[str], who: Principal, result: Ternary) -> None:
    assert ask({"Effect": effect, "NotPrincipal": {"AWS": names}}, who) is result


@pytest.mark.parametrize(
    ("elements", "result"),
    [
        ({"Action": ["s3:get*", "S3:PUTOBJECT"]}, True),
        ({"Action": "s3:PutObjectAcl"}, False),
        ({"NotAction": "s3:Get*"}, True),
        ({"NotAction": "s3:P*"}, False),
        ({"Resource": ["arn:aws:s3:::bucket/prefix/*"]}, True),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"NotResource": "arn:aws:s3:::bucket/prefix/*"}, False),
        ({"NotResource": "arn:aws:s3:::bucket/other/*"}, True),
        ({"Resource": "arn:aws:s3:::bucket/${aws:PrincipalTag/dir}/x"}, None),
        ({"Resource": "arn:aws:s3:::bucket/${aws:username, 'prefix'}/x"}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/team}"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, None),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1", "aws:PrincipalType": "User"}}}, False),
        ({"Condition": {}}, True),
    ],
)
def test_elements(elements: dict[str, Any], result: Ternary) -> None:
    assert ask(elements, VELERO) is result


@pytest.mark.parametrize(
    "elements",
    [
        *({"Effect": effect} for effect in ("deny", "DENY", None, 1, ["Deny"])),
        *({"Action": action} for action in (None, 1, {}, ["s3:*", None])),
        *({"NotResource": resource} for resource in (None, 1, [{}])),
        *({"Principal": principal} for principal in (None, 1, "", {"AWS": None}, {"AWS": 111122223333}, {"aws": "*"})),
        *({"Condition": condition} for condition in (None, [], "", 1, {"Bool": None}, {"Bool": ["x"]})),
        *({"NotAction": "s3:Get*", "Action": "s3:*"}, {"resource": "*"}, {"NotPrincipal": "*", "Principal": "*"}),
        {"Condition": {"StringEquals": {"aws:x": "a", "AWS:X": "b"}}},
        *({"Condition": {"StringEquals": {"aws:x": values}}} for values in (None, [None], {}, [["a"]], [])),
    ],
    ids=str,
)
def test_statement_that_aws_would_not_take(elements: dict[str, Any]) -> None:
    """Nobody knows what it means, so that nothing is allowed because of it, nor in spite of it."""
    assert ask(elements, VELERO) is None


@pytest.mark.parametrize(
    ("elements", "result"),
    [
        ({"Action": []}, False),
        ({"Action": "s3:PutObject "}, False),
        ({"Action": "\u017f3:PutObject"}, False),
        ({"Action": "*:*"}, True),
        ({"Resource": ""}, False),
        ({"Resource": "ARN:AWS:S3:::bucket/prefix/x"}, False),
        ({"Resource": "arn:*:s3:::bucket/*"}, True),
        ({"Resource": "arn:aws:s3:*:*:bucket/*"}, True),
        ({"Resource": "arn:aws:*:bucket/*"}, None),
        ({"Resource": "arn:aws:s3:::bucket/prefix/${*}"}, False),
        ({"Principal": {"AWS": f"{IAM}role/*"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::*:role/velero"}}, False),
        ({"Principal": {"AWS": f"{IAM}role/Velero"}}, False),
        ({"Principal": {"AWS": f"{STS}*"}}, False),
        ({"Principal": {"AWS": "AROADELETED"}}, False),
        ({"Principal": {"AWS": []}}, False),
        ({"Condition": {"StringEquals": {}}}, True),
        ({"Condition": {"bool": {"AWS:PRINCIPALISAWSSERVICE": False}}}, True),
        ({"Condition": {"ArnEquals": {"aws:PrincipalArn": f"{STS}me"}}}, False),
    ],
)
def test_odd_statement(elements: dict[str, Any], result: Ternary) -> None:
    assert ask(elements, SESSION) is result


def test_action_without_resource() -> None:
    """What it has in place of a resource is not another one than that which a statement excepts."""
    statement = {"Effect": "Allow", "Action": "*", "NotResource": OBJECT}
    request = Request(VELERO, "s3:ListAllMyBuckets", "*", ACCOUNT)
    assert [one.applies for one in applied(Policy("the policy", {"Statement": [statement]}), request)] == [None]


def test_old_version_knows_no_variables() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/team}"}}
    assert ask({"Condition": condition}, VELERO, "2008-10-17") is False


def test_what_is_not_known_is_named() -> None:
    statement = {
        "Sid": "Vpc",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "Bool": {"aws:MultiFactorAuthPresent": "false"}},
    }
    policy = Policy("the policy", {"Version": "2012-10-17", "Statement": statement})
    (found,) = applied(policy, Request(SESSION, "s3:PutBucketPolicy", "arn:aws:s3:::bucket"), of_resource=True)
    assert found.reason.unknown == ("aws:SourceVpce", "aws:MultiFactorAuthPresent")
