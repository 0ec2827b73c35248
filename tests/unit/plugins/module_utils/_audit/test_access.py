# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of roles and policies: what is compliant, what is not and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.access import ACCESS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts, PolicyFacts, Present
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant
from tests.support.audit_facts import (
    ACCOUNT,
    OTHER,
    OTHER_KEY,
    POLICY,
    PROFILE,
    ROLE,
    ROOT,
    UNREAD,
    Case,
    allow,
    assert_case,
    document,
    facts,
    failing,
    good,
    key_policy,
    names,
    of_bucket,
    of_cases,
    of_role,
)

VPC = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
EVERYTHING = document({"Sid": "All", "Effect": "Allow", "Action": "kms:*", "Resource": "*"})


def default(**values: Any) -> Facts:
    rule = {**_documents.encryption_rule(PROFILE), "ApplyServerSideEncryptionByDefault": values}
    return of_bucket(encryption=Present({"Rules": [rule]}))


TWO = (PROFILE, replace(PROFILE, prefix="staging"))
CASES: list[Case] = [
    ("KMS.1", replace(good(), role_policy=Present(EVERYTHING), roles=[]), non_compliant("too_permissive", "All")),
    (
        "KMS.1",
        of_role(attached=Present([PolicyFacts(arn=f"{POLICY}2", document=Present(EVERYTHING))])),
        non_compliant("too_permissive", "under every key: All"),
    ),
    (
        "KMS.1",
        of_role(attached=Present([PolicyFacts(arn="arn:aws:iam::aws:policy/PowerUserAccess", document=UNREAD)])),
        compliant("named keys only"),
    ),
    ("KMS.2", of_role(inline=Present({"extra": EVERYTHING})), non_compliant("too_permissive", "All of extra")),
    ("KMS.2", of_role(inline=Present({"extra": _documents.iam_policy(PROFILE)})), compliant("1 inline policies")),
    (
        "coffer.15",
        facts(role_policy=EVERYTHING),
        non_compliant("differs", f"{_documents.sid(PROFILE, 'Objects')} is missing"),
    ),
    (
        "coffer.15",
        facts(role_policy=document(*_documents.iam_policy(PROFILE)["Statement"], EVERYTHING["Statement"][0])),
        non_compliant("differs", "All was added"),
    ),
    (
        "coffer.15",
        facts(role_policy={**_documents.iam_policy(PROFILE), "Version": "2008-10-17"}),
        non_compliant("differs", "its Version"),
    ),
    (
        "coffer.15",
        facts(role_policy=document(*(s for one in TWO for s in _documents.iam_policy(one)["Statement"]))),
        compliant("Other installations have VeleroObjects"),
    ),
    (
        "coffer.15",
        facts(role_policy=document(*_documents.iam_policy(replace(PROFILE, ebs_snapshots=True))["Statement"])),
        non_compliant("differs", "VeleroSnapshots56521504 was added"),
    ),
    ("coffer.16", of_role(trust=Present(document())), non_compliant("differs", "is missing")),
    (
        "coffer.16",
        of_role(
            trust=Present(
                document(*_documents.trust_policy_statements(PROFILE), allow({"AWS": ROOT}, "sts:AssumeRole"))
            )
        ),
        non_compliant("too_permissive", "Partner allows others to assume"),
    ),
    ("coffer.17", of_role(attached=Present([])), non_compliant("not_found", "is not attached")),
    (
        "coffer.18",
        of_role(attached=Present([PolicyFacts(arn="arn:aws:iam::aws:policy/AmazonS3FullAccess", document=UNREAD)])),
        non_compliant("too_permissive", "AmazonS3FullAccess"),
    ),
    ("coffer.18", of_role(inline=Present({"extra": EVERYTHING})), non_compliant("too_permissive", "inline extra")),
    ("coffer.19", default(SSEAlgorithm="aws:kms"), non_compliant("differs", "no key")),
    (
        "coffer.19",
        default(SSEAlgorithm="aws:kms", KMSMasterKeyID=OTHER_KEY),
        non_compliant("differs", f"encrypts under {OTHER_KEY}"),
    ),
    (
        "coffer.19",
        of_role(attached=Present([])),
        compliant("allow the use"),  # the key policy names the role
    ),
    (
        "coffer.19",
        facts(key_policy=document()),
        non_compliant("unusable", f"kms:Decrypt of {ROLE}: no statement of the key policy allows it"),
    ),
    (
        "coffer.19",
        facts(key_policy=key_policy({**allow("*", "kms:Decrypt"), "Effect": "Deny"})),
        non_compliant("unusable", f"kms:Decrypt of {ROLE}: statement Partner of the key policy denies it"),
    ),
    (
        "coffer.19",
        facts(key_policy=document({**allow("*", "kms:*"), "Resource": OTHER_KEY})),
        non_compliant("unusable", "no statement of the key policy allows it"),
    ),
    (
        "coffer.19",
        facts(key_policy=document(allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}}))),
        compliant("allow the use"),
    ),
    (
        "coffer.19",
        facts(key_policy=document(allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": OTHER}}))),
        non_compliant("unusable", "no statement of the key policy allows it"),
    ),
    (
        "coffer.19",
        facts(key_policy=key_policy({**allow("*", "kms:*", Condition=VPC), "Effect": "Deny"})),
        CheckResult("not_evaluated", "unknown_condition", "which depends on aws:SourceVpce"),
    ),
    (
        "coffer.19",
        of_role(boundary=POLICY),
        CheckResult("not_evaluated", "unknown_condition", f"the permissions boundary {POLICY} was not read"),
    ),
    (
        "coffer.19",
        of_role(attached=Present([PolicyFacts(arn="arn:aws:iam::aws:policy/AWSDenyAll", document=UNREAD)])),
        CheckResult("not_evaluated", "unknown_condition", "AWSDenyAll was not read"),
    ),
    (
        "coffer.19",
        of_role(inline=Present({"extra": document({**allow("*", "kms:*"), "Effect": "Deny"})})),
        non_compliant("unusable", "statement Partner of inline policy extra denies it"),
    ),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)


def test_every_control_has_a_case_that_fails() -> None:
    assert failing(CASES) == names(ACCESS)
