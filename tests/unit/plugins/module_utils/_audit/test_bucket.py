# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of the bucket: what is compliant, what is not and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.bucket import BUCKET
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts, Present
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant, not_applicable
from tests.support.audit_facts import (
    BLOCK,
    BUCKET_ARN,
    KEY_ARN,
    OTHER,
    OTHER_KEY,
    PROFILE,
    READER,
    Case,
    Doc,
    allow,
    assert_case,
    bucket_policy,
    document,
    facts,
    failing,
    names,
    of_bucket,
    of_cases,
)

PUBLIC_ACL = {
    "Owner": {"ID": "me"},
    "Grants": [
        {
            "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
            "Permission": "READ",
        }
    ],
}
OWN_ACL = {"Owner": {"ID": "me"}, "Grants": [{"Grantee": {"ID": "me"}, "Permission": "FULL_CONTROL"}]}


def opened(**parts: Any) -> Facts:
    """A bucket without any block."""
    state = of_bucket(**{"public_access_block": Present({}), **parts})
    return replace(state, account_block=Present({}))


TLS_BY_OTHERS = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "s3:*",
    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": False}},
}
DEMANDS_HEADER = {
    "Sid": "Header",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": f"{BUCKET_ARN}/*",
    "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
}


def encrypted(**rule: Any) -> Facts:
    return of_bucket(encryption=Present({"Rules": [{**_documents.encryption_rule(PROFILE), **rule}]}))


def default(**values: Any) -> Facts:
    return encrypted(ApplyServerSideEncryptionByDefault=values)


def without_sid(statements: list[Doc], purpose: str) -> list[Doc]:
    return [one for one in statements if purpose not in one["Sid"]]


CASES: list[Case] = [
    (
        "S3.1",
        facts(account_block={**BLOCK, "BlockPublicAcls": False}),
        non_compliant("not_enabled", "lacks BlockPublicAcls"),
    ),
    (
        "S3.8",
        of_bucket(public_access_block=Present({})),
        non_compliant("not_enabled", "lacks BlockPublicAcls, IgnorePublicAcls"),
    ),
    (
        "S3.2",
        opened(policy=Present(bucket_policy(READER))),
        non_compliant("too_permissive", "public read access (Partner)"),
    ),
    (
        "S3.3",
        opened(policy=Present(bucket_policy(READER))),
        compliant("Neither policy nor ACL grants public write access"),
    ),
    (
        "S3.3",
        opened(policy=Present(bucket_policy(allow("*", "s3:*", f"{BUCKET_ARN}/*")))),
        non_compliant("too_permissive", "public write access (Partner)"),
    ),
    ("S3.2", of_bucket(policy=Present(bucket_policy(READER))), compliant("The bucket blocks public access")),
    (
        "S3.2",
        opened(ownership=Present("ObjectWriter"), acl=Present(PUBLIC_ACL)),
        non_compliant("too_permissive", "grants AllUsers read access"),
    ),
    ("S3.3", opened(ownership=Present("ObjectWriter"), acl=Present(PUBLIC_ACL)), compliant("Neither")),
    ("S3.2", opened(ownership=Present("ObjectWriter"), acl=Present(OWN_ACL)), compliant("Neither")),
    (
        "S3.2",
        replace(opened(policy=Present(bucket_policy(READER))), account_block=Present(BLOCK)),
        compliant("and account"),
    ),
    ("S3.5", of_bucket(policy=Present(document(TLS_BY_OTHERS))), compliant("Tls denies")),
    (
        "S3.5",
        of_bucket(policy=Present(document({**TLS_BY_OTHERS, "Action": "s3:GetObject"}))),
        non_compliant("not_found", "No statement"),
    ),
    (
        "S3.5",
        of_bucket(policy=Present(document({**TLS_BY_OTHERS, "Resource": BUCKET_ARN}))),
        non_compliant("not_found", "No statement"),
    ),
    ("S3.5", of_bucket(policy=Present(None)), non_compliant("not_found", "No statement")),
    (
        "S3.6",
        of_bucket(policy=Present(bucket_policy(allow({"AWS": OTHER}, "s3:Put*", f"{BUCKET_ARN}/*")))),
        non_compliant("too_permissive", f"{OTHER} by Partner"),
    ),
    (
        "S3.6",
        of_bucket(policy=Present(bucket_policy(allow({"AWS": OTHER}, "s3:GetObject", f"{BUCKET_ARN}/*")))),
        compliant("no other account"),
    ),
    ("S3.9", of_bucket(logging=Present(None)), non_compliant("not_enabled", "off")),
    (
        "S3.12",
        of_bucket(ownership=Present(None), acl=Present(PUBLIC_ACL)),
        non_compliant("too_permissive", "1 grants beside that of the owner"),
    ),
    ("S3.12", of_bucket(ownership=Present(None), acl=Present(OWN_ACL)), compliant("the owner only")),
    ("S3.13", of_bucket(lifecycle=Present([{"Status": "Disabled"}])), non_compliant("not_found", "No lifecycle rule")),
    ("S3.14", of_bucket(versioning=Present({"Status": "Suspended"})), non_compliant("not_enabled", "Suspended")),
    ("S3.15", of_bucket(object_lock=Present(None)), non_compliant("not_enabled", "off")),
    ("S3.17", default(SSEAlgorithm="AES256"), non_compliant("not_enabled", "AES256")),
    ("S3.17", default(SSEAlgorithm="aws:kms"), compliant("aws:kms")),
    ("S3.17", of_bucket(encryption=Present(None)), non_compliant("not_enabled", "AES256")),
    (
        "S3.20",
        of_bucket(versioning=Present({"Status": "Enabled"})),
        not_applicable("not_supported", "lifecycle configuration"),
    ),
    ("S3.20", of_bucket(versioning=Present({}), lifecycle=Present([])), non_compliant("not_enabled", "off")),
    ("coffer.9", default(SSEAlgorithm="aws:kms"), non_compliant("differs", "without naming a key")),
    (
        "coffer.9",
        default(SSEAlgorithm="aws:kms", KMSMasterKeyID=OTHER_KEY),
        non_compliant("differs", f"under {OTHER_KEY}, not under"),
    ),
    (
        "coffer.9",
        default(SSEAlgorithm="aws:kms", KMSMasterKeyID="alias/velero"),
        non_compliant("differs", "under alias/velero"),
    ),
    (
        "coffer.9",
        default(SSEAlgorithm="aws:kms:dsse", KMSMasterKeyID=KEY_ARN),
        non_compliant("differs", "not with aws:kms"),
    ),
    ("coffer.10", encrypted(BucketKeyEnabled=False), non_compliant("differs", "off, and should be on")),
    (
        "coffer.11",
        encrypted(BlockedEncryptionTypes={"EncryptionType": ["NONE"]}),
        non_compliant("not_enabled", "SSE-C is not blocked"),
    ),
    ("coffer.11", encrypted(BlockedEncryptionTypes={}), non_compliant("not_enabled", "SSE-C is not blocked")),
    ("coffer.12", of_bucket(policy=Present(None)), non_compliant("differs", "VeleroDenyInsecureTransport is missing")),
    (
        "coffer.12",
        of_bucket(policy=Present(document(*without_sid(_documents.bucket_policy_statements(PROFILE), "OtherKey")))),
        non_compliant("differs", "is missing"),
    ),
    ("coffer.13", of_bucket(policy=Present(bucket_policy(DEMANDS_HEADER))), non_compliant("unusable", "Header")),
    ("coffer.13", of_bucket(policy=Present(None)), compliant("No statement")),
    (
        "coffer.14",
        of_bucket(policy=Present(bucket_policy(allow({"AWS": "AIDAEXAMPLEEXAMPLE123"})))),
        non_compliant("unusable", "AIDA"),
    ),
    ("coffer.14", of_bucket(policy=Present(None)), compliant("exists")),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)


def test_every_control_has_a_case_that_fails() -> None:
    assert failing(CASES) == names(BUCKET)
