# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy allows to whom, and how it differs from another one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._audit import policies
from tests.support.audit_facts import ACCOUNT, OTHER, ROOT, Doc, allow, document

USE = ("kms:decrypt",)


def when(operator: str, key: str, value: Any) -> Doc:
    return allow("*", Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        (allow("*"), True),
        (allow({"AWS": ["*"]}, "kms:*"), True),
        (allow({"Service": "*"}), False),
        (allow({"AWS": ROOT}), False),
        (allow("*", "kms:DescribeKey"), False),
        ({**allow("*"), "Effect": "Deny"}, False),
        ({"Sid": "Partner", "Effect": "Allow", "Principal": "*", "Resource": "*"}, False),
        ({"Sid": "Partner", "Effect": "Allow", "Principal": "*", "NotAction": "kms:D*", "Resource": "*"}, False),
        (when("StringEquals", "kms:CallerAccount", ACCOUNT), False),
        (when("ForAnyValue:StringEquals", "kms:CallerAccount", ACCOUNT), False),
        (when("ForAllValues:StringEquals", "kms:CallerAccount", ACCOUNT), True),
        (when("StringLike", "aws:PrincipalArn", "arn:aws:iam::*"), True),
        (when("StringEquals", "aws:PrincipalArn", "${aws:username}"), True),
        (when("StringEqualsIfExists", "kms:CallerAccount", ACCOUNT), True),
        (when("StringNotEquals", "kms:CallerAccount", ACCOUNT), True),
        (when("Bool", "aws:SecureTransport", "true"), True),
        (when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), True),
        (when("IpAddress", "aws:SourceIp", "192.0.2.0/24"), False),
    ],
)
def test_public(statement: Doc, public: bool) -> None:
    assert policies.public(document(statement), USE) == ["Partner"] * public


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (allow({"AWS": [ROOT, ACCOUNT]}), []),
        (allow({"AWS": [OTHER, f"arn:aws:iam::{OTHER}:root"]}), [OTHER, f"arn:aws:iam::{OTHER}:root"]),
        (allow({"AWS": "AIDAEXAMPLEEXAMPLE123"}), []),
        (allow({"AWS": OTHER}, "kms:DescribeKey"), []),
        (when("StringEquals", "kms:CallerAccount", [ACCOUNT, OTHER]), ["*"]),
        (when("StringEquals", "kms:CallerAccount", ACCOUNT), []),
    ],
)
def test_principals_of_other_accounts(statement: Doc, found: list[str]) -> None:
    others = policies.external_principals(document(statement), USE, [ACCOUNT], conditions_count=True)
    assert others == [f"{principal} by Partner" for principal in found]


@pytest.mark.parametrize(
    ("live", "found"),
    [
        ([allow(ROOT)], []),
        ([allow(ROOT, ["kms:Decrypt"])], []),
        ([], ["Partner is missing"]),
        ([allow(ROOT)] * 2, ["Partner exists 2 times"]),
        ([allow(OTHER, "kms:*")], ["Partner differs in Principal, Action"]),
    ],
)
def test_differences(live: list[Doc], found: list[str]) -> None:
    assert policies.differences(document(*live), [allow(ROOT)], "aws") == found


@pytest.mark.parametrize(
    ("elements", "covered"),
    [
        ({"Resource": "arn:aws:s3:::b/*"}, True),
        ({"Resource": "arn:aws:s3:::b"}, False),
        ({"NotResource": "arn:aws:s3:::b/*"}, False),
        ({"NotResource": "arn:aws:s3:::b"}, True),
        ({}, False),
    ],
)
def test_resource_that_a_statement_covers(elements: Doc, covered: bool) -> None:
    assert policies.covers(elements, "arn:aws:s3:::b/any") is covered
