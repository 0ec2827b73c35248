# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a storage profile refuses, with the whole text, and what it makes of what it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._profile import MODES, StorageProfile, with_created_key
from tests.support.refusal import refusal

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VALID: dict[str, Any] = {
    "account_id": ACCOUNT,
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "kms_key_arn": KEY,
}


def parse(**values: Any) -> StorageProfile:
    """A valid profile but for what is given."""
    return StorageProfile.parse(VALID | values)


ACCOUNT_REMEDY = "Give its 12 digits, quoted."
BUCKET_REMEDY = (
    "A bucket name has 3 to 63 lower-case letters, digits, hyphens and dots, and starts and ends with a letter or "
    "digit; only one from before 2018 may have more."
)
PREFIX_REMEDY = "Leave out wildcards, '$', white space and empty parts: the prefix becomes part of policies."
KEY_REMEDY = (
    "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: S3 resolves aliases and bare ids in the account "
    "of whoever writes."
)
PRINCIPAL_REMEDY = "Give full ARNs of IAM, such as arn:aws:iam::111122223333:role/NAME, without wildcards."
ISSUER_REMEDY = "Give it as the cluster reports it: https://oidc.eks.REGION.amazonaws.com/id/ID."
URL_REMEDY = "Write https://HOST or https://HOST:PORT."
SECRET_REMEDY = "Write the name of the Secret, a slash and the key in it: velero-sse-c/key."
MODE_REMEDY = "Leave the key out, or choose sse-kms or dsse-kms."
FIELDS = (
    "account_id, bucket, bucket_key_enabled, ebs_kms_key_arns, ebs_snapshots, encryption_mode, kms_key_administrators, "
    "kms_key_arn, kms_previous_key_arns, namespace, oidc_audience, oidc_issuer_url, partition, policy_arns, prefix, "
    "region, role_arns, s3_force_path_style, s3_url, service_account, sse_c_secret, tagging, update_encryption_arns"
)


def role(resource: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{resource}"


NO_BUCKET_REMEDY = "Give the name of the bucket for the backups, such as acme-velero-backups."

# What is wrong, and the whole text of the refusal.
REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"buckt": "x"}, f"velero_buckt: it is not part of a storage profile. Known are {FIELDS}."),
    (
        {"account_id": None},
        "velero_account_id: it is not set. Give the 12 digits of the account, quoted; coffer.velero.aws_caller_info "
        "returns them.",
    ),
    ({"region": None}, "velero_region: it is not set. Give the Region of the bucket, such as eu-central-1."),
    *(({"bucket": empty}, f"velero_bucket: it is not set. {NO_BUCKET_REMEDY}") for empty in (None, "")),
    # account
    *(
        ({"account_id": wrong}, f"velero_account_id: {wrong} is not an account. {ACCOUNT_REMEDY}")
        for wrong in (12345, "11112222333", "1111-2222-3333", "١١١١٢٢٢٢٣٣٣٣", f"{ACCOUNT}\n")
    ),
    # Region and partition
    *(
        ({"region": wrong}, f"velero_region: {wrong} is not a Region. Write it as in eu-central-1.")
        for wrong in ("eu", "Frankfurt", "eu-central-1a", "eu-central-*", "*")
    ),
    (
        {"region": "cn-north-1", "partition": "aws"},
        "velero_region: cn-north-1 is in partition aws-cn, the credentials are of aws. "
        "Choose a Region of the credentials' partition.",
    ),
    (
        {"partition": "aws-us-gov"},
        "velero_region: eu-central-1 is in partition aws, the credentials are of aws-us-gov. "
        "Choose a Region of the credentials' partition.",
    ),
    # bucket
    *(
        ({"bucket": wrong}, f"velero_bucket: {json.dumps(wrong)} {reason}. {BUCKET_REMEDY}")
        for wrong, reason in (
            ("ab", "is too short"),
            ("a" * 256, "is too long"),
            ("192.168.5.4", "looks like an IP address"),
            ("acme/prefix", "has characters that S3 does not take: /"),
            ("acme*", "has characters that S3 does not take: *"),
            ("arn:aws:s3:::acme", "has characters that S3 does not take: :"),
            ("acme\n", r"has characters that S3 does not take: \n"),
        )
    ),
    (
        {"bucket": "acme-s3alias"},
        'velero_bucket: "acme-s3alias" is the name of an access point, and not of a bucket. Name the general purpose '
        "bucket that keeps the objects.",
    ),
    # prefix: everything that would mean more in a policy
    *(
        ({"prefix": wrong}, f"velero_prefix: {wrong} cannot be used safely. {PREFIX_REMEDY}")
        for wrong in ("a*", "a?b", "${aws:username}", "a b", "a//b", "a\tb", "*")
    ),
    # Kubernetes
    *(
        ({"namespace": wrong}, f"velero_namespace: {wrong} is not a namespace. Give a DNS label, such as velero.")
        for wrong in ("Velero", "velero.x", "velero:x", "-velero", "*", "v" * 64)
    ),
    *(
        (
            {"service_account": wrong},
            f"velero_service_account: {wrong} is not a ServiceAccount. Give its name alone, such as velero.",
        )
        for wrong in ("velero:velero", "velero/velero", "*", "Velero", "a..b", "v" * 254)
    ),
    *(
        (
            {"encryption_mode": "sse-c", "kms_key_arn": None, "sse_c_secret": wrong},
            f"velero_sse_c_secret: {wrong} does not name a key of a Secret. {SECRET_REMEDY}",
        )
        for wrong in ("secret", "secret/", "/key", "a/b/c", "Secret/key")
    ),
    # mode and key
    (
        {"encryption_mode": "aws:kms"},
        "velero_encryption_mode: aws:kms is not a mode. Choose one of sse-s3, sse-kms, dsse-kms, sse-c.",
    ),
    *(
        (
            {"encryption_mode": mode, "kms_key_arn": None},
            f"velero_kms_key_arn: it is not set, and {mode} needs a key. Give arn:aws:kms:REGION:ACCOUNT:key/ID, or "
            "let the role coffer.velero.kms_key run first.",
        )
        for mode in ("sse-kms", "dsse-kms")
    ),
    *(
        (
            {"encryption_mode": mode},
            f"velero_kms_key_arn: {KEY} has no meaning with velero_encryption_mode {mode}. {MODE_REMEDY}",
        )
        for mode in ("sse-s3", "sse-c")
    ),
    *(
        ({"kms_key_arn": wrong}, f"velero_kms_key_arn: {wrong} is not the ARN of a key. {KEY_REMEDY}")
        for wrong in (
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/velero",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/velero",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/*",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/",
            "arn:aws:kms:eu-central-1:*:key/1234abcd",
            "arn:aws:kms:eu-central-1::key/1234abcd",
            f"arn:aws:iam::{ACCOUNT}:role/velero",
        )
    ),
    (
        {"kms_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd"},
        f"velero_kms_key_arn: arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd is in us-east-1, the bucket is in "
        "eu-central-1. S3 encrypts with keys of the bucket's Region only: choose a key in eu-central-1.",
    ),
    (
        {"kms_key_arn": f"arn:aws-cn:kms:eu-central-1:{ACCOUNT}:key/1234abcd"},
        f"velero_kms_key_arn: arn:aws-cn:kms:eu-central-1:{ACCOUNT}:key/1234abcd is not in partition aws. "
        "Choose a key in eu-central-1.",
    ),
    # principals: what would let in more than one role or user
    *(
        ({"role_arns": [wrong]}, f"velero_role_arns: {wrong} is not the ARN of a role. {PRINCIPAL_REMEDY}")
        for wrong in (
            "velero",
            "*",
            role("role/*"),
            role("role/veler?"),
            role("role/"),
            role("user/velero"),
            role("root"),
            role("or/velero"),
            role("role/a:b"),
            role(f"role/a,{role('role/b', account='222222222222')}"),
            role("role/a b"),
            role("role/a\n"),
            role("role//a"),
            role("role/ü"),
            role(f"role/{'a' * 65}"),
            role(f"role/{'a' * 512}/b/{'c' * 64}"),
            role("role/velero", account="*"),
            role("role/velero", account=""),
            f"arn:aws:sts::{ACCOUNT}:assumed-role/velero/session",
            "AROAEXAMPLEID1234567",
        )
    ),
    *(
        (
            {"kms_key_administrators": [role("role/admin"), wrong]},
            f"velero_kms_key_administrators: {wrong} is not the ARN of a role or user or root. {PRINCIPAL_REMEDY}",
        )
        for wrong in (ACCOUNT, role("group/admins"), role("rootling"), role("root/x"), role("root/"), role("user/*"))
    ),
    *(
        (
            {"update_encryption_arns": [wrong]},
            f"velero_update_encryption_arns: {wrong} is not the ARN of a role or user. {PRINCIPAL_REMEDY}",
        )
        for wrong in (role("root"), role("policy/admin"))
    ),
    *(
        ({"oidc_issuer_url": wrong}, f"velero_oidc_issuer_url: {wrong} is not an issuer. {ISSUER_REMEDY}")
        for wrong in (
            "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE",
            "http://oidc.example.com",
            "https://",
            "https://oidc.example.com/*",
            "https://oidc.example.com?x=y",
            "https://oidc.example.com#x",
            "https://[oidc",
        )
    ),
    (
        {"oidc_issuer_url": "https://user:word@oidc.example.com"},
        f"velero_oidc_issuer_url: oidc.example.com is not an issuer. {ISSUER_REMEDY}",
    ),
    # another S3
    ({"s3_url": "minio:9000"}, f"velero_s3_url: minio:9000 is not an http or https URL. {URL_REMEDY}"),
    # tags of objects
    (
        {"tagging": "a=b"},
        "velero_object_tagging: a=b is a single tag, which velero-plugin-for-aws takes for an error. "
        "Give two or more, or none.",
    ),
    # booleans
    *(
        ({name: "maybe"}, f"velero_{name}: maybe is neither true nor false. Write true or false.")
        for name in ("bucket_key_enabled", "s3_force_path_style", "ebs_snapshots")
    ),
]


@pytest.mark.parametrize(("values", "text"), REFUSALS, ids=lambda value: str(value)[:60])
def test_refusal(values: dict[str, Any], text: str) -> None:
    assert refusal(parse, **values) == text


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"account_id": 111122223333}, "account_id", ACCOUNT),
        ({"prefix": "/production/"}, "prefix", "production"),
        ({"prefix": "/"}, "prefix", ""),
        ({"prefix": None}, "prefix", ""),
        ({"prefix": "a/b"}, "prefix", "a/b"),
        ({"encryption_mode": ""}, "encryption_mode", "sse-kms"),
        ({"encryption_mode": "sse-s3", "kms_key_arn": ""}, "kms_key_arn", None),
        ({"role_arns": [role("role/velero")]}, "role_arns", (role("role/velero"),)),
        ({"role_arns": role("role/path/velero")}, "role_arns", (role("role/path/velero"),)),
        ({"role_arns": []}, "role_arns", ()),
        ({"role_arns": f"{role('role/a')},{role('role/b')}"}, "role_arns", (role("role/a"), role("role/b"))),
        ({"kms_previous_key_arns": f"{KEY}, {KEY}"}, "kms_previous_key_arns", (KEY, KEY)),
        ({"role_arns": [role("role/a,b")]}, "role_arns", (role("role/a,b"),)),
        (
            {"kms_key_administrators": [role("root"), role("user/a")]},
            "kms_key_administrators",
            (role("root"), role("user/a")),
        ),
        ({"bucket_key_enabled": False}, "bucket_key_enabled", False),
        ({"bucket_key_enabled": "no"}, "bucket_key_enabled", False),
        ({"ebs_snapshots": "True"}, "ebs_snapshots", True),
        ({"s3_force_path_style": 1}, "s3_force_path_style", True),
        ({"bucket_key_enabled": None}, "bucket_key_enabled", True),
        ({"bucket": "backups.x"}, "bucket", "backups.x"),
        ({"bucket": "123456"}, "bucket", "123456"),
        ({"s3_url": "https://minio:9000/"}, "s3_url", "https://minio:9000/"),
        (
            {"kms_key_arn": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/mrk-12ab"},
            "kms_key_arn",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/mrk-12ab",
        ),
    ],
    ids=str,
)
def test_values_are_normalized(given: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(parse(**given), field) == value


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "found"])
def test_partition(region: str, partition: str, told: bool) -> None:
    key = f"arn:{partition}:kms:{region}:{ACCOUNT}:key/1234abcd"
    profile = parse(region=region, kms_key_arn=key, partition=partition if told else None)
    assert profile.partition == partition
    assert profile.bucket_arn == f"arn:{partition}:s3:::acme-backups"


@pytest.mark.parametrize(("prefix", "pattern"), [("", "acme-backups/*"), ("a/b", "acme-backups/a/b/*")])
def test_objects_are_those_below_the_prefix(prefix: str, pattern: str) -> None:
    assert parse(prefix=prefix).objects_arn == f"arn:aws:s3:::{pattern}"


@pytest.mark.parametrize(
    ("s3_url", "tls"),
    [(None, True), ("https://minio", True), ("http://minio", False), ("HTTP://minio", False)],
)
def test_tls_is_used_but_where_the_endpoint_says_otherwise(s3_url: str | None, tls: bool) -> None:
    assert parse(s3_url=s3_url).uses_tls is tls


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_accepted_with_its_key(mode: str) -> None:
    kms = mode.endswith("kms")
    profile = parse(encryption_mode=mode, kms_key_arn=KEY if kms else None)
    assert profile.encrypts_with_kms is kms


def test_parse_takes_what_it_gave() -> None:
    profile = parse(role_arns=[role("role/velero")], prefix="p", tagging="a=b&c=d", ebs_snapshots=True)
    assert StorageProfile.parse(vars(profile)) == profile


@pytest.mark.parametrize("values", [VALID, VALID | {"encryption_mode": "sse-s3"}, {}, {"region": "eu-central-1"}])
def test_key_is_made_up_only_where_it_is_missing(values: dict[str, Any]) -> None:
    assert with_created_key(values) == values
