# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key policy of a log group."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.audit import FilterModule

ARN = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"


def test_key_policy_statement() -> None:
    build = FilterModule().filters()["log_group_key_statements"]
    (statement,) = build(ARN)
    assert build(f"{ARN}:*") == [statement]
    assert statement.pop("Sid").startswith("VeleroLogGroup")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": ARN}},
    }
    china = ARN.replace("arn:aws:logs:eu-central-1", "arn:aws-cn:logs:cn-north-1")
    assert build(china)[0]["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    for value in ("velero-audit", "arn:aws:s3:::velero-audit"):
        with pytest.raises(AnsibleFilterError, match="is not the ARN of a log group"):
            build(value)
    with pytest.raises(AnsibleFilterError, match="takes a text"):
        build(["a"])
