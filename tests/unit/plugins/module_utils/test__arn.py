# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs, partitions and host names."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn, partition_of, service_host


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
    ],
)
def test_partition_and_host(region: str, partition: str, host: str) -> None:
    assert partition_of(region) == partition
    assert service_host("s3", region) == host


def test_partitions_are_those_of_botocore() -> None:
    """A Region that AWS adds to a partition of ours must be found there."""
    from botocore.session import Session

    ours = {"aws", "aws-cn", "aws-us-gov", "aws-eusc"}
    session = Session()
    for partition in ours & set(session.get_available_partitions()):
        for region in session.get_available_regions("s3", partition_name=partition):
            assert partition_of(region) == partition
