# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every document says, in every mode; and that nothing of it stands in the way of kopia."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._policy import merge
from ansible_collections.coffer.velero.plugins.module_utils._profile import MODES, StorageProfile

ACCOUNT = "111122223333"
BUCKET = "arn:aws:s3:::acme-backups"
OBJECTS = f"{BUCKET}/production/*"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd"
FOREIGN_KEY = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd"
OTHER_KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/9999ffff"
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/velero", f"arn:aws:iam::{ACCOUNT}:role/velero-green"]
ADMINS = [f"arn:aws:iam::{ACCOUNT}:role/admin", f"arn:aws:iam::{ACCOUNT}:root"]
ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539"
HERE = "56521504"  # stands for the bucket and the prefix in Sids
OF_ROLES = ["71bdb041", "94268657"]  # and these for the roles

SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
SSE_C = "s3:x-amz-server-side-encryption-customer-algorithm"
DOCUMENTS: dict[str, Callable[[StorageProfile], Any]] = {
    name: getattr(_documents, name)
    for name in (
        "key_policy_statements",
        "iam_policy",
        "trust_policy_statements",
        "bucket_policy_statements",
        "encryption_rule",
        "backup_storage_location_spec",
    )
}


def has_key(mode: str) -> bool:
    return mode.endswith("kms")


def profile(mode: str, **values: Any) -> StorageProfile:
    kms = {"kms_key_arn": KEY} if has_key(mode) else {}
    base = {
        "account_id": ACCOUNT,
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "role_arns": ROLES[::-1],
        "kms_key_administrators": ADMINS[::-1],
        "oidc_issuer_url": f"https://{ISSUER}",
        "encryption_mode": mode,
    }
    return StorageProfile.parse(base | kms | values)


def documents(of: StorageProfile) -> dict[str, Any]:
    return {name: build(of) for name, build in DOCUMENTS.items()}


# --- the table -------------------------------------------------------------------------------------------------------

USE_OF_KEY: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
    "Condition": {
        "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [BUCKET, OBJECTS]},
    },
}
KEY_POLICY = [
    {
        "Sid": f"VeleroKeyAdministration{HERE}",
        "Effect": "Allow",
        "Principal": {"AWS": ADMINS},
        "Action": _documents.KEY_ADMINISTRATION,
        "Resource": "*",
    },
    *(
        {"Sid": f"VeleroUseOfKey{HERE}{digits}", "Principal": {"AWS": role}, "Resource": "*", **USE_OF_KEY}
        for role, digits in zip(ROLES, OF_ROLES, strict=True)
    ),
]
S3_STATEMENTS: list[dict[str, Any]] = [
    {
        "Sid": f"VeleroObjects{HERE}",
        "Effect": "Allow",
        "Action": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        "Resource": OBJECTS,
    },
    {"Sid": f"VeleroBucket{HERE}", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET},
]
VOLUME_KEYS = [
    f"arn:aws:kms:eu-central-1:{account}:key/9abcdef0-12ab-34cd-56ef-1234567890ab"
    for account in (ACCOUNT, "999988887777")
]
SNAPSHOTS: dict[str, Any] = {
    "Sid": f"VeleroSnapshots{HERE}",
    "Effect": "Allow",
    "Action": [
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "ec2:CreateVolume",
        "ec2:DeleteSnapshot",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
    ],
    "Resource": "*",
}
TRUST = [
    {
        "Sid": "VeleroServiceAccountdcdb7539",
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": "system:serviceaccount:velero:velero",
            }
        },
    }
]
DENY_INSECURE = {
    "Sid": "VeleroDenyInsecureTransport",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}

ENDPOINT = "https://bucket.vpce-1a2b3c4d.s3.eu-central-1.vpce.amazonaws.com"
DENY_UPDATE = {
    "Sid": f"VeleroDenyUpdateEncryption{HERE}",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:UpdateObjectEncryption",
    "Resource": OBJECTS,
}


def iam(*more: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*S3_STATEMENTS, *more]}


def deny_put(purpose: str, condition: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": OBJECTS}
    return {"Sid": f"VeleroDeny{purpose}{HERE}", **statement, "Condition": condition}


def denials(algorithm: str) -> list[dict[str, Any]]:
    return [
        DENY_INSECURE,
        DENY_UPDATE,
        deny_put("CustomerKeys", {"Null": {SSE_C: "false"}}),
        deny_put("OtherAlgorithm", {"Null": {SSE: "false"}, "StringNotEquals": {SSE: algorithm}}),
    ]


def key_denials(algorithm: str) -> list[dict[str, Any]]:
    return [
        deny_put("OtherKey", {"Null": {SSE_KEY: "false"}, "StringNotEquals": {SSE_KEY: KEY}}),
        deny_put("ManagedKey", {"StringEquals": {SSE: algorithm}, "Null": {SSE_KEY: "true"}}),
    ]


def rule(algorithm: str, *, key: bool, bucket_key: bool, blocked: str = "SSE-C") -> dict[str, Any]:
    return {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": KEY} if key else {}),
        "BucketKeyEnabled": bucket_key,
        "BlockedEncryptionTypes": {"EncryptionType": [blocked]},
    }


def location(config: dict[str, str]) -> dict[str, Any]:
    storage = {"bucket": "acme-backups", "prefix": "production"}
    return {"provider": "aws", "objectStorage": storage, "config": {"region": "eu-central-1", **config}}


KEY_STATEMENT: dict[str, Any] = {"Sid": f"VeleroKey{HERE}", "Resource": KEY, **USE_OF_KEY}
TABLE: dict[str, dict[str, Any]] = {
    "sse-s3": {
        "key_policy_statements": [],
        "iam_policy": iam(),
        "trust_policy_statements": TRUST,
        "bucket_policy_statements": denials("AES256"),
        "encryption_rule": rule("AES256", key=False, bucket_key=False),
        "backup_storage_location_spec": location({"serverSideEncryption": "AES256"}),
    },
    "sse-kms": {
        "key_policy_statements": KEY_POLICY,
        "iam_policy": iam(KEY_STATEMENT),
        "trust_policy_statements": TRUST,
        "bucket_policy_statements": denials("aws:kms") + key_denials("aws:kms"),
        "encryption_rule": rule("aws:kms", key=True, bucket_key=True),
        "backup_storage_location_spec": location({"kmsKeyId": KEY}),
    },
    "dsse-kms": {
        "key_policy_statements": KEY_POLICY,
        "iam_policy": iam(KEY_STATEMENT),
        "trust_policy_statements": TRUST,
        "bucket_policy_statements": denials("aws:kms:dsse") + key_denials("aws:kms:dsse"),
        "encryption_rule": rule("aws:kms:dsse", key=True, bucket_key=False),
        "backup_storage_location_spec": location({}),
    },
    "sse-c": {
        "key_policy_statements": [],
        "iam_policy": iam(),
        "trust_policy_statements": TRUST,
        "bucket_policy_statements": [
            DENY_INSECURE,
            DENY_UPDATE,
            deny_put("CustomerKeys", {"Null": {SSE_C: "false"}, "StringNotEquals": {SSE_C: "AES256"}}),
        ],
        "encryption_rule": rule("AES256", key=False, bucket_key=False, blocked="NONE"),
        "backup_storage_location_spec": location({"customerKeyEncryptionSecret": "velero-sse-c/key"}),
    },
}


def replaced(expected: dict[str, Any], *pairs: tuple[str, str]) -> None:
    text = json.dumps(expected)
    for old, new in pairs:
        text = text.replace(old, new)
    expected.update(json.loads(text))


def without_prefix(expected: dict[str, Any]) -> None:
    replaced(expected, ("acme-backups/production/*", "acme-backups/*"), (HERE, "45182e1e"))
    del expected["backup_storage_location_spec"]["objectStorage"]["prefix"]


def over_http(expected: dict[str, Any]) -> None:
    for statement in (DENY_INSECURE, DENY_UPDATE):
        expected["bucket_policy_statements"].remove(statement)
    config = {"s3Url": "http://minio:9000", "s3ForcePathStyle": "true"}
    expected["backup_storage_location_spec"]["config"].update(config)


def over_https(expected: dict[str, Any]) -> None:
    expected["bucket_policy_statements"].remove(DENY_UPDATE)
    expected["backup_storage_location_spec"]["config"]["s3Url"] = "https://minio:9000"


def over_an_endpoint(expected: dict[str, Any]) -> None:
    """Of a VPC: the bucket is S3's."""
    expected["backup_storage_location_spec"]["config"]["s3Url"] = ENDPOINT


def with_update_encryption(expected: dict[str, Any]) -> None:
    deny = next(one for one in expected["bucket_policy_statements"] if one["Sid"] == DENY_UPDATE["Sid"])
    deny["Condition"] = {"ArnNotEquals": {"aws:PrincipalArn": sorted(ROLES)}}


def with_tagging(expected: dict[str, Any]) -> None:
    expected["iam_policy"]["Statement"][0]["Action"].append("s3:PutObjectTagging")
    expected["backup_storage_location_spec"]["config"]["tagging"] = "a=b&c=d"


def with_snapshots(expected: dict[str, Any]) -> None:
    expected["iam_policy"]["Statement"].append(SNAPSHOTS)


def with_volume_keys(expected: dict[str, Any]) -> None:
    through_ec2 = {"StringEquals": {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}}
    expected["iam_policy"]["Statement"] += [
        SNAPSHOTS,
        {
            "Sid": f"VeleroVolumeKeys{HERE}",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"],
            "Resource": VOLUME_KEYS,
            "Condition": through_ec2,
        },
        {
            "Sid": f"VeleroVolumeGrants{HERE}",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": VOLUME_KEYS,
            "Condition": {**through_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


def without_bucket_key(expected: dict[str, Any]) -> None:
    expected["encryption_rule"]["BucketKeyEnabled"] = False


def without_principals(expected: dict[str, Any]) -> None:
    expected["key_policy_statements"] = expected["trust_policy_statements"] = []


def other_names(expected: dict[str, Any]) -> None:
    changes = [("serviceaccount:velero:velero", "serviceaccount:backup:velero-server"), ("dcdb7539", "d36f16b7")]
    replaced(expected, *changes)
    config = expected["backup_storage_location_spec"]["config"]
    if "customerKeyEncryptionSecret" in config:
        config["customerKeyEncryptionSecret"] = "mine/its-key"


# What is set, and what it changes in the table above: everything else stays.
VARIANTS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], None]]] = {
    "nothing more": ({}, lambda expected: None),
    "no prefix": ({"prefix": ""}, without_prefix),
    "http endpoint": ({"s3_url": "http://minio:9000", "s3_force_path_style": True}, over_http),
    "https endpoint": ({"s3_url": "https://minio:9000"}, over_https),
    "VPC endpoint": ({"s3_url": ENDPOINT}, over_an_endpoint),
    "who may update": ({"update_encryption_arns": ROLES[::-1]}, with_update_encryption),
    "tagging": ({"tagging": "a=b&c=d"}, with_tagging),
    "EBS snapshots": ({"ebs_snapshots": True}, with_snapshots),
    "encrypted volumes": ({"ebs_snapshots": True, "ebs_kms_key_arns": VOLUME_KEYS[::-1]}, with_volume_keys),
    "no Bucket Key": ({"bucket_key_enabled": False}, without_bucket_key),
    "nobody named": (
        {"role_arns": [], "kms_key_administrators": [], "oidc_issuer_url": None},
        without_principals,
    ),
    "other names": (
        {"namespace": "backup", "service_account": "velero-server", "sse_c_secret": "mine/its-key"},
        other_names,
    ),
    "foreign key": ({"kms_key_arn": FOREIGN_KEY}, lambda expected: replaced(expected, (KEY, FOREIGN_KEY))),
}


@pytest.mark.parametrize(
    ("mode", "variant"),
    [(mode, variant) for mode in MODES for variant in VARIANTS if has_key(mode) or variant != "foreign key"],
)
def test_table(mode: str, variant: str) -> None:
    values, change = VARIANTS[variant]
    expected = json.loads(json.dumps(TABLE[mode]))
    change(expected)
    assert documents(profile(mode, **values)) == expected


@pytest.mark.parametrize(
    ("region", "partition", "s3"),
    [
        ("cn-north-1", "aws-cn", "s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "s3.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_partitions(mode: str, region: str, partition: str, s3: str) -> None:
    def here(text: str) -> str:
        return text.replace("arn:aws:", f"arn:{partition}:").replace(":eu-central-1:", f":{region}:")

    values: dict[str, Any] = {
        "role_arns": [here(arn) for arn in ROLES],
        "kms_key_administrators": [here(arn) for arn in ADMINS],
    }
    if has_key(mode):
        values["kms_key_arn"] = here(KEY)
    expected = json.loads(json.dumps(TABLE[mode]))
    replaced(expected, ("s3.eu-central-1.amazonaws.com", s3), (ISSUER, "ISSUER"))
    replaced(expected, ("arn:aws:", f"arn:{partition}:"), ("eu-central-1", region), ("ISSUER", ISSUER))
    roles_here = (hashlib.sha256(here(arn).encode()).hexdigest()[:8] for arn in ROLES)
    replaced(expected, *zip(OF_ROLES, roles_here, strict=True))
    assert documents(profile(mode, region=region, **values)) == expected


# --- Sids ------------------------------------------------------------------------------------------------------------


def sids(of: StorageProfile) -> list[str]:
    shared = [*_documents.key_policy_statements(of), *_documents.bucket_policy_statements(of)]
    return [
        statement["Sid"]
        for statement in (*shared, *_documents.trust_policy_statements(of), *_documents.iam_policy(of)["Statement"])
    ]


@pytest.mark.parametrize("mode", MODES)
def test_sids_are_letters_and_digits_and_unique(mode: str) -> None:
    found = sids(profile(mode, ebs_snapshots=True, ebs_kms_key_arns=[OTHER_KEY], prefix="a-b/c.d"))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "other",
    [{"prefix": "staging"}, {"prefix": ""}, {"bucket": "globex-backups"}, {"bucket": "acme", "prefix": "backups"}],
    ids=str,
)
def test_installations_that_share_a_key_or_a_bucket_have_sids_of_their_own(other: dict[str, str]) -> None:
    def owned(of: StorageProfile) -> set[str]:
        policies = (*_documents.key_policy_statements(of), *_documents.bucket_policy_statements(of))
        statements = [*policies, *_documents.iam_policy(of)["Statement"]]
        # The denial of plain HTTP is the same for everybody who shares a bucket.
        return {statement["Sid"] for statement in statements} - {"VeleroDenyInsecureTransport"}

    assert not owned(profile("sse-kms")) & owned(profile("sse-kms", **other))


@pytest.mark.parametrize(
    "other",
    [{"namespace": "backup"}, {"service_account": "velero-server"}, {"oidc_issuer_url": "https://other.example"}],
)
def test_service_accounts_that_share_a_role_have_statements_of_their_own(other: dict[str, str]) -> None:
    (one,), (two,) = map(_documents.trust_policy_statements, (profile("sse-kms"), profile("sse-kms", **other)))
    assert one["Sid"] != two["Sid"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("other", MODES)
def test_statements_of_another_mode_are_taken_out_of_the_policy(mode: str, other: str) -> None:
    """Another mode, without the earlier keys and snapshots, leaves nothing behind that this installation had."""
    full = profile(mode, ebs_snapshots=True, ebs_kms_key_arns=[OTHER_KEY], kms_previous_key_arns=[OTHER_KEY])
    before = {one["Sid"] for one in _documents.iam_policy(full)["Statement"]}
    after = profile(other)
    kept = {one["Sid"] for one in _documents.iam_policy(after)["Statement"]}
    absent = _documents.iam_policy_absent_sids(after)
    assert before <= kept | set(absent)
    assert not kept & set(absent)


def test_what_a_statement_says_does_not_change_its_sid() -> None:
    changed = profile("sse-kms", kms_key_arn=OTHER_KEY, kms_key_administrators=ADMINS[:1])
    assert sids(changed) == sids(profile("sse-kms"))


def test_clusters_that_share_a_prefix_let_each_their_own_role_use_the_key() -> None:
    """One that restores from the bucket of another does not take its key away."""
    policies = [_documents.key_policy_statements(profile("sse-kms", role_arns=[role])) for role in ROLES]
    statements = merge(merge(None, policies[0]).document, policies[1]).document["Statement"]
    assert statements == _documents.key_policy_statements(profile("sse-kms"))
    both = [_documents.bucket_policy_statements(profile("sse-kms", role_arns=[role])) for role in ROLES]
    assert both[0] == both[1]


# --- what the bucket policy stops, and what not ----------------------------------------------------------------------


def denied(statements: list[dict[str, Any]], key: str, context: dict[str, str]) -> list[str]:
    """The purposes of the statements that deny a PutObject; ``context`` are the condition keys that it has."""
    return [
        re.sub(rf"^VeleroDeny|{HERE}$", "", statement["Sid"])
        for statement in statements
        if statement["Action"] in ("s3:*", "s3:PutObject")
        and any(fnmatchcase(f"arn:aws:s3:::acme-backups/{key}", pattern) for pattern in _listed(statement["Resource"]))
        and all(
            _holds(operator, name, value, context)
            for operator, conditions in statement["Condition"].items()
            for name, value in conditions.items()
        )
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(operator: str, name: str, value: str, context: dict[str, str]) -> bool:
    """As AWS does: a negated operator holds where the key is absent, the others do not."""
    match operator:
        case "Null":
            return (name not in context) == (value == "true")
        case "StringNotEquals":
            return context.get(name) != value
        case "StringEquals" | "Bool":
            return context.get(name) == value
    raise AssertionError(f"the test does not know {operator}")


TLS = {"aws:SecureTransport": "true"}
WRITES: list[tuple[str, dict[str, str], dict[str, list[str]]]] = [
    # What is written, with which headers, and what denies it in which mode; in the other modes it is let through.
    ("kopia: no header at all", {}, {}),
    ("the plugin with kmsKeyId", {SSE: "aws:kms", SSE_KEY: KEY}, {
        "sse-s3": ["OtherAlgorithm"], "dsse-kms": ["OtherAlgorithm"],
    }),
    ("the plugin with AES256", {SSE: "AES256"}, {"sse-kms": ["OtherAlgorithm"], "dsse-kms": ["OtherAlgorithm"]}),
    ("the plugin with a customer key", {SSE_C: "AES256"}, {
        "sse-s3": ["CustomerKeys"], "sse-kms": ["CustomerKeys"], "dsse-kms": ["CustomerKeys"],
    }),
    ("another key", {SSE: "aws:kms", SSE_KEY: OTHER_KEY}, {
        "sse-s3": ["OtherAlgorithm"], "sse-kms": ["OtherKey"], "dsse-kms": ["OtherAlgorithm", "OtherKey"],
    }),
    ("aws:kms without a key, which means aws/s3", {SSE: "aws:kms"}, {
        "sse-s3": ["OtherAlgorithm"], "sse-kms": ["ManagedKey"], "dsse-kms": ["OtherAlgorithm"],
    }),
    ("DSSE with the key", {SSE: "aws:kms:dsse", SSE_KEY: KEY}, {
        "sse-s3": ["OtherAlgorithm"], "sse-kms": ["OtherAlgorithm"],
    }),
    ("DSSE without a key", {SSE: "aws:kms:dsse"}, {
        "sse-s3": ["OtherAlgorithm"], "sse-kms": ["OtherAlgorithm"], "dsse-kms": ["ManagedKey"],
    }),
]  # fmt: skip


@pytest.mark.parametrize(("what", "headers", "denials"), WRITES, ids=[what for what, dummy, dummy in WRITES])
@pytest.mark.parametrize("mode", MODES)
def test_bucket_policy(mode: str, what: str, headers: dict[str, str], denials: dict[str, list[str]]) -> None:
    statements = _documents.bucket_policy_statements(profile(mode))
    assert denied(statements, "production/backups/x", TLS | headers) == denials.get(mode, [])


@pytest.mark.parametrize("mode", MODES)
def test_bucket_policy_leaves_other_prefixes_alone(mode: str) -> None:
    statements = _documents.bucket_policy_statements(profile(mode))
    assert denied(statements, "elsewhere/x", TLS | {SSE_C: "AES256", SSE: "BOGUS"}) == []


@pytest.mark.parametrize("mode", MODES)
def test_bucket_policy_demands_tls_everywhere(mode: str) -> None:
    statements = _documents.bucket_policy_statements(profile(mode))
    assert denied(statements, "elsewhere/x", {"aws:SecureTransport": "false"}) == ["InsecureTransport"]


@pytest.mark.parametrize("mode", MODES)
def test_what_the_plugin_sends_is_let_through(mode: str) -> None:
    """The location's config and the bucket policy follow from one profile, so that they cannot disagree."""
    statements = _documents.bucket_policy_statements(profile(mode))
    assert denied(statements, "production/backups/x", TLS | plugin_headers(profile(mode))) == []


def plugin_headers(of: StorageProfile) -> dict[str, str]:
    """What the plugin sends with a write, in the order in which it looks at its config (object_store.go)."""
    config = _documents.backup_storage_location_spec(of)["config"]
    if "kmsKeyId" in config:
        return {SSE: "aws:kms", SSE_KEY: config["kmsKeyId"]}
    if "customerKeyEncryptionSecret" in config:
        return {SSE_C: "AES256"}
    return {SSE: config["serverSideEncryption"]} if "serverSideEncryption" in config else {}


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(MODES, 2)))
def test_statements_of_another_mode_do_not_stand_in_the_way(before: str, after: str) -> None:
    """Only the Sids of the new mode are replaced, so that some of the old statements stay in the policy."""
    old, new = (_documents.bucket_policy_statements(profile(mode)) for mode in (before, after))
    statements = merge(merge(None, old).document, new).document["Statement"]
    for headers in ({}, plugin_headers(profile(after))):
        assert denied(statements, "production/x", TLS | headers) == []


@pytest.mark.parametrize("mode", ["sse-kms", "dsse-kms"])
def test_statements_of_another_key_do_not_stand_in_the_way(mode: str) -> None:
    old, new = (_documents.bucket_policy_statements(profile(mode, kms_key_arn=key)) for key in (OTHER_KEY, KEY))
    statements = merge(merge(None, old).document, new).document["Statement"]
    assert statements == new


# --- other -----------------------------------------------------------------------------------------------------------


def test_administrators_cannot_use_the_key() -> None:
    uses = re.compile(r"kms:(\*|Encrypt|Decrypt|ReEncrypt|GenerateDataKey|GenerateMac|Sign|DeriveShared|CreateGrant)")
    assert [action for action in _documents.KEY_ADMINISTRATION if uses.match(action) or "*" in action] == []


@pytest.mark.parametrize("mode", MODES)
def test_every_value_of_a_location_is_text(mode: str) -> None:
    spec = _documents.backup_storage_location_spec(profile(mode, s3_force_path_style=True, tagging="a=b&c=d"))
    assert {type(value) for value in spec["config"].values()} == {str}
