# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs, partitions and host names, and which names mean one key."""

from __future__ import annotations

from functools import partial

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._arn import (
    Arn,
    is_alias,
    partition_of,
    s3_arn,
    same_key,
    service_host,
)
from tests.support.refusal import refusal


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("arn:aws:s3:::bucket", ("aws", "s3", "", "", "bucket")),
        ("arn:aws:iam::111122223333:role/path/name", ("aws", "iam", "", "111122223333", "role/path/name")),
        (
            "arn:aws-cn:kms:cn-north-1:111122223333:key/1234",
            ("aws-cn", "kms", "cn-north-1", "111122223333", "key/1234"),
        ),
        (
            "arn:aws:logs:eu-central-1:111122223333:log-group:name:*",
            ("aws", "logs", "eu-central-1", "111122223333", "log-group:name:*"),
        ),
    ],
)
def test_arn(text: str, parts: tuple[str, ...]) -> None:
    arn = Arn.parse(text)
    assert arn == parts
    assert str(arn) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alias/velero",
        "1234abcd",
        "arn",
        "arn:aws:s3:::",
        "arn::s3:::x",
        "arn:aws::::x",
        "ARN:aws:s3:::x",
        "a:b:c:d:e:f",
    ],
)
def test_not_an_arn(text: str) -> None:
    assert Arn.parse(text) is None


@pytest.mark.parametrize(
    ("region", "partition", "host"),
    [
        ("eu-central-1", "aws", "s3.eu-central-1.amazonaws.com"),
        ("us-east-1", "aws", "s3.us-east-1.amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "s3.cn-northwest-1.amazonaws.com.cn"),
        ("us-gov-east-1", "aws-us-gov", "s3.us-gov-east-1.amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "s3.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "aws-iso", "s3.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "s3.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "s3.us-isof-south-1.csp.hci.ic.gov"),
        ("mx-central-9", "aws", "s3.mx-central-9.amazonaws.com"),
    ],
)
def test_partition_and_host(region: str, partition: str, host: str) -> None:
    assert partition_of(region) == partition
    assert service_host("s3", region) == host


ACCOUNT = "arn:aws:kms:eu-central-1:111122223333:"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"{ACCOUNT}key/{ID}"
MULTI_REGION = f"{ACCOUNT}key/mrk-1234abcd12ab34cd56ef1234567890ab"
ALIAS = f"{ACCOUNT}alias/velero"


def test_arn_of_a_bucket() -> None:
    assert s3_arn("aws-cn", "velero/production/*") == "arn:aws-cn:s3:::velero/production/*"


@pytest.mark.parametrize("text", [KEY, MULTI_REGION, KEY.replace("aws", "aws-cn", 1)])
def test_key_arn(text: str) -> None:
    assert str(Arn.parse_key(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID,
        f"key/{ID}",
        "alias/velero",
        ALIAS,
        f"{ACCOUNT}key/*",
        f"{ACCOUNT}key/",
        f"{ACCOUNT}key/a/b",
        KEY.replace("kms", "s3"),
        KEY.replace("eu-central-1", ""),
        KEY.replace("111122223333", ""),
        KEY.replace("111122223333", "1111"),
    ],
)
def test_not_a_key_arn(text: str) -> None:
    assert Arn.parse_key(text) is None


@pytest.mark.parametrize(
    ("name", "alias"), [("alias/velero", True), (ALIAS, True), (KEY, False), (ID, False), ("", False)]
)
def test_is_alias(name: str, alias: bool) -> None:
    assert is_alias(name) is alias


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (KEY, KEY, True),
        (KEY, KEY.replace("1234abcd", "5678abcd"), False),
        pytest.param(KEY, KEY.replace("eu-central-1", "us-east-1"), False, id="another Region"),
        pytest.param(KEY, KEY.replace("111122223333", "444455556666"), False, id="another account"),
        pytest.param(MULTI_REGION, MULTI_REGION.replace("eu-central-1", "us-east-1"), True, id="replica"),
        pytest.param(MULTI_REGION, MULTI_REGION.replace("111122223333", "444455556666"), False, id="not a replica"),
        pytest.param(MULTI_REGION, MULTI_REGION.replace("mrk-1", "mrk-2"), False, id="other multi-Region keys"),
        pytest.param(KEY, ID, True, id="its id"),
        pytest.param(KEY, f"key/{ID}", True, id="its id with the type"),
        pytest.param(KEY, ID.replace("1234abcd", "5678abcd"), False, id="another id"),
        pytest.param(MULTI_REGION, MULTI_REGION.rpartition("/")[2], True, id="its multi-Region id"),
        pytest.param("alias/velero", "alias/velero", True, id="the same alias"),
        pytest.param("alias/velero", KEY, None, id="only KMS could tell"),
        pytest.param(ALIAS, KEY, None, id="the same of an ARN"),
        pytest.param("alias/velero", "alias/other", None, id="two aliases may lead to one key"),
        pytest.param("alias/velero", ALIAS, None, id="in which account and Region?"),
    ],
)
def test_same_key(one: str, other: str, same: bool | None) -> None:
    assert [same_key(*pair) for pair in ((one, other), (other, one))] == [same, same]


@pytest.mark.parametrize("region", ["", "Frankfurt", "xx-moon-1", "us-iso-east", "cn"])
def test_a_region_of_no_partition_is_refused(region: str) -> None:
    for ask in (partition_of, partial(service_host, "s3")):
        assert refusal(ask, region) == (
            f"region: {region or 'it'} is not a Region that boto3 knows. Write it as in eu-central-1; for one of a new "
            "partition install a newer boto3."
        )


def test_partitions_are_those_of_botocore() -> None:
    """Every Region that botocore has an endpoint in is found, in its partition."""
    from botocore.session import Session

    session = Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("s3", partition_name=partition):
            assert partition_of(region) == partition
