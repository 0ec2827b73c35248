# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of the key: what is compliant, what is not and why."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts
from ansible_collections.coffer.velero.plugins.module_utils._audit.key import KEY
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant, not_applicable
from tests.support.audit_facts import (
    ACCOUNT,
    KEY_ARN,
    OTHER,
    OTHER_KEY,
    PROFILE,
    ROLE,
    ROOT,
    Case,
    Doc,
    allow,
    assert_case,
    desired,
    document,
    facts,
    failing,
    findings,
    key_policy,
    names,
    of_cases,
    profile,
)

ANYBODY: Doc = allow("*")
VPC = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
ALL_BUT_ONE_ROLE = {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/admin"}}

CASES: list[Case] = [
    (
        "coffer.1",
        facts(key={"Arn": KEY_ARN, "KeyState": "PendingDeletion", "DeletionDate": "2026-12-24"}),
        non_compliant("unusable", "until 2026-12-24"),
    ),
    ("KMS.4", facts(rotation={"KeyRotationEnabled": False}), non_compliant("not_enabled", "off")),
    ("KMS.4", facts(rotation={"KeyRotationEnabled": True}), compliant("every 365 days")),
    ("KMS.4", facts(key={"Origin": "EXTERNAL"}), not_applicable("not_supported", "imported")),
    ("KMS.5", facts(key_policy=key_policy(ANYBODY)), non_compliant("too_permissive", "Partner")),
    (
        "KMS.5",
        facts(key_policy=key_policy(allow({"AWS": "*"}, "kms:DescribeKey"))),
        non_compliant("too_permissive", "Partner"),
    ),
    (
        "KMS.5",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}})),
        compliant("No statement"),
    ),
    ("KMS.5", facts(key_policy=key_policy({**ANYBODY, "Effect": "Deny"})), compliant("No statement")),
    ("coffer.1", facts(key={"Arn": KEY_ARN, "KeyState": "Disabled"}), non_compliant("unusable", "is disabled")),
    (
        "coffer.1",
        facts(key={"Arn": KEY_ARN, "KeyState": "Enabled", "KeySpec": "RSA_2048"}),
        non_compliant("unusable", "RSA_2048"),
    ),
    (
        "coffer.2",
        facts(rotation={"KeyRotationEnabled": True, "RotationPeriodInDays": 90}),
        non_compliant("differs", "90 days, not 180"),
    ),
    ("coffer.2", facts(rotation={"KeyRotationEnabled": False}), non_compliant("not_enabled", "off")),
    ("coffer.2", facts(key={"Origin": "EXTERNAL"}), not_applicable("not_supported", "cannot rotate")),
    ("coffer.3", facts(key_policy=document(allow(ROOT, "kms:*"))), non_compliant("differs", "is missing")),
    (
        "coffer.3",
        facts(key_policy=key_policy(of=profile(role_arns=[f"{ROLE}2"]))),
        non_compliant("differs", "is missing"),
    ),
    (
        "coffer.3",
        facts(key_policy=key_policy(*_documents.key_policy_statements(PROFILE))),
        non_compliant("differs", "exists 2 times"),
    ),
    (
        "coffer.4",
        facts(key_policy=key_policy(allow({"AWS": "AROAEXAMPLEEXAMPLE123"}))),
        non_compliant("unusable", "AROAEXAMPLE"),
    ),
    (
        "coffer.5",
        facts(key_policy=document(*_documents.key_policy_statements(PROFILE))),
        non_compliant("unusable", "does not let the account"),
    ),
    (
        "coffer.5",
        facts(key_policy=key_policy({**allow("*", "kms:PutKeyPolicy"), "Effect": "Deny"})),
        non_compliant("unusable", "does not let the account"),
    ),
    (
        "coffer.5",
        facts(key_policy=key_policy({**allow("*", "kms:*", Condition=ALL_BUT_ONE_ROLE), "Effect": "Deny"})),
        non_compliant("unusable", "does not let the account"),
    ),
    (
        "coffer.5",
        facts(key_policy=key_policy({**allow("*", "kms:*", Condition=VPC), "Effect": "Deny"})),
        non_compliant("unusable", "may not let the account"),
    ),
    (
        "coffer.5",
        facts(key_policy=document(allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}}))),
        compliant("IAM policies of the account"),
    ),
    (
        "coffer.6",
        facts(shared_policy=document(allow({"AWS": OTHER}))),
        non_compliant("too_permissive", f"with {OTHER}"),
    ),
    ("coffer.7", facts(alias_target=OTHER_KEY), non_compliant("differs", f"points at {OTHER_KEY}")),
    ("coffer.7", facts(alias_target=None), non_compliant("not_found", "There is no alias alias/velero")),
    (
        "coffer.8",
        facts(key_policy=key_policy(allow({"AWS": f"arn:aws:iam::{OTHER}:root"}))),
        non_compliant("too_permissive", "by Partner"),
    ),
    (
        "coffer.8",
        facts(key_policy=key_policy(allow({"AWS": OTHER}, "kms:*"))),
        non_compliant("too_permissive", f"{OTHER} by Partner"),
    ),
    ("coffer.8", facts(key_policy=key_policy(allow({"AWS": OTHER}, "kms:DescribeKey"))), compliant("No other account")),
    (
        "coffer.8",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}})),
        compliant("No other account"),
    ),
    (
        "coffer.8",
        facts(key_policy=key_policy({**ANYBODY, "Condition": {"StringEquals": {"kms:CallerAccount": OTHER}}})),
        non_compliant("too_permissive", "* by Partner"),
    ),
    (
        "coffer.8",
        facts(
            key_policy=key_policy(
                {
                    "Sid": "Not",
                    "Effect": "Allow",
                    "NotPrincipal": {"AWS": ROOT},
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                }
            )
        ),
        non_compliant("too_permissive", "everybody else by Not"),
    ),
    ("coffer.8", facts(key_policy=key_policy(allow({"Service": "logs.amazonaws.com"}))), compliant("No other account")),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)


def test_every_control_has_a_case_that_fails() -> None:
    assert failing(CASES) == names(KEY)


def test_the_key_of_another_account_and_its_account_are_not_external() -> None:
    foreign = f"arn:aws:kms:eu-central-1:{OTHER}:key/1234abcd"
    wanted = desired(profile=profile(kms_key_arn=foreign))
    (found,) = findings("coffer.8", facts(key_policy=document(allow({"AWS": OTHER}, "kms:*"))), wanted)
    assert found["status"] == "compliant"
