# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements of a bucket policy concern Velero's writes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy import decide_bucket_policy
from ansible_collections.coffer.velero.plugins.module_utils._s3.velero_access import VeleroAccess
from tests.support.refusal import refusal

BUCKET = "velero-backups"


ARN = f"arn:aws:s3:::{BUCKET}"


SSE = "s3:x-amz-server-side-encryption"
KEY_ID = f"{SSE}-aws-kms-key-id"
CUSTOMER = f"{SSE}-customer-algorithm"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


Document = dict[str, Any]


def deny(**elements: Any) -> Document:
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{ARN}/*", **elements}


ROLE = "arn:aws:iam::111122223333:role/velero"


VELERO = VeleroAccess("production", [ROLE])


REQUIREMENT = {"Null": {SSE: "true"}}


def decide(desired: Desired, *current: Document, velero: VeleroAccess) -> Plan:
    document = {"Version": "2012-10-17", "Statement": list(current)} if current else None
    return decide_bucket_policy(
        desired,
        document,
        partition="aws",
        arguments={"Bucket": BUCKET},
        bypass=False,
        velero=velero,
    )


@pytest.mark.parametrize(
    ("elements", "concerned"),
    [
        ({}, True),
        ({"Resource": f"{ARN}/production/*"}, True),
        ({"Resource": f"{ARN}/production/kopia/*"}, True),
        ({"Resource": [f"{ARN}/logs/*", f"{ARN}/prod*"]}, True),
        ({"Resource": f"{ARN}/?roduction/*"}, True),
        ({"Resource": f"{ARN}/logs/*"}, False),
        ({"Resource": f"{ARN}/productions/*"}, False),
        ({"Resource": f"{ARN}/production"}, False),
        ({"Resource": ARN}, False),
        ({"Resource": None, "NotResource": f"{ARN}/logs/*"}, True),
        ({"Resource": None, "NotResource": f"{ARN}/production/kopia/*"}, False),
        ({"Resource": None, "NotResource": [ARN, f"{ARN}/production/*"]}, False),
        ({"Resource": None, "NotResource": f"{ARN}/*"}, False),
        ({"Principal": {"AWS": ["111122223333"]}}, True),
        ({"Principal": {"AWS": [ROLE.replace("velero", "other"), ROLE]}}, True),
        ({"Principal": {"AWS": ROLE.replace("velero", "other")}}, False),
        ({"Principal": {"AWS": "444455556666"}}, False),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": [ROLE, "111122223333"]}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": "*"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": ROLE.replace("velero", "other")}}, True),
    ],
)
def test_header_requirement_concerns_writers(elements: Document, concerned: bool) -> None:
    """What concerns other objects or other principals may require any header, owned statements too."""
    statement = {name: value for name, value in deny(Condition=REQUIREMENT, **elements).items() if value is not None}
    owned, unmanaged = {"Sid": "One", **statement}, Desired()
    if concerned:
        with pytest.raises(ValidationError, match="statements: One denies writes that carry no encryption header"):
            decide(Desired([owned]), velero=VELERO)
        with pytest.raises(ValidationError, match="has the unmanaged statement #1, which denies"):
            decide(unmanaged, statement, velero=VELERO)
    else:
        assert decide(Desired([owned]), velero=VELERO).changed
        assert decide(unmanaged, statement, velero=VELERO).warnings == ()


def test_every_principal_may_be_velero_where_no_role_is_known() -> None:
    theirs = deny(Condition=REQUIREMENT, Principal={"AWS": ROLE.replace("velero", "other")})
    assert decide(Desired(), theirs, velero=VeleroAccess("production")).warnings
    assert decide(Desired(), theirs, velero=VeleroAccess("production", [ROLE])).warnings == ()


@pytest.mark.parametrize("name", ["velero", "arn:aws:iam::111122223333:user/velero", "arn:aws:s3:::role/velero"])
def test_role_arns_are_roles(name: str) -> None:
    assert refusal(VeleroAccess("", [ROLE, name]).refuse_other_names) == (
        f"role_arns: {name} is not the ARN of a role. Give the ARN of a role, like "
        "arn:aws:iam::111122223333:role/velero."
    )


@pytest.mark.parametrize(
    ("condition", "requirement"),
    [
        pytest.param({"StringNotEquals": {SSE: "aws:kms"}}, f"stringnotequals {SSE}", id="no header, no write"),
        pytest.param({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, f"stringnotequalsifexists {SSE}", id="IfExists"),
        pytest.param({"StringNotLike": {KEY_ID: "*key*"}}, f"stringnotlike {KEY_ID}", id="NotLike"),
        pytest.param({"ArnNotEquals": {KEY_ID: KEY}}, f"arnnotequals {KEY_ID}", id="ArnNotEquals"),
        pytest.param({"Null": {SSE: "true"}}, f"null {SSE}", id="Null true"),
        pytest.param({"Null": {SSE: True}}, f"null {SSE}", id="Null as a boolean"),
        pytest.param({"null": {SSE.upper(): ["True"]}}, f"null {SSE}", id="any case"),
        pytest.param({"StringEqualsIfExists": {SSE: "AES256"}}, f"stringequalsifexists {SSE}", id="EqualsIfExists"),
        pytest.param({"ForAllValues:StringEquals": {SSE: "x"}}, f"forallvalues:stringequals {SSE}", id="ForAllValues"),
        pytest.param({"Null": {CUSTOMER: "true"}}, f"null {CUSTOMER}", id="requires SSE-C"),
        pytest.param(
            {"StringNotEquals": {SSE: "aws:kms", "aws:PrincipalTag/x": "y"}}, f"stringnotequals {SSE}", id="narrowed"
        ),
        pytest.param({"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}}, None, id="wrong key only"),
        pytest.param({"Null": {SSE: False}, "StringNotEquals": {SSE: "aws:kms"}}, None, id="wrong algorithm only"),
        pytest.param({"StringEquals": {SSE: "aws:kms"}, "Null": {KEY_ID: "true"}}, None, id="no key beside aws:kms"),
        pytest.param({"StringEquals": {SSE: "AES256"}}, None, id="forbids one algorithm"),
        pytest.param({"ForAnyValue:StringNotEquals": {SSE: "x"}}, None, id="ForAnyValue"),
        pytest.param({"Null": {CUSTOMER: "false"}}, None, id="forbids SSE-C"),
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, None, id="no header at all"),
        pytest.param({}, None, id="no condition"),
    ],
)
def test_header_requirement(condition: Document, requirement: str | None) -> None:
    denials = VeleroAccess().denials({"Statement": [deny(Condition=condition)]}, ARN)
    assert ([one.header for one in denials] or [None])[0] == requirement


@pytest.mark.parametrize(
    ("elements", "requirements"),
    [
        ({"Action": "s3:*"}, True),
        ({"Action": ["s3:GetObject", "S3:put*"]}, True),
        ({"Action": "*"}, True),
        ({"Action": "s3:GetObject"}, False),
        ({"Effect": "Allow"}, False),
        ({"Action": None, "NotAction": "s3:Get*"}, True),
        ({"Action": None, "NotAction": "s3:Put*"}, False),
    ],
)
def test_header_requirement_of_writes_only(elements: Document, requirements: bool) -> None:
    statement = deny(Condition={"Null": {SSE: "true"}}, **elements)
    statement = {name: value for name, value in statement.items() if value is not None}
    assert any(one.header for one in VeleroAccess().denials({"Statement": [statement]}, ARN)) is requirements
