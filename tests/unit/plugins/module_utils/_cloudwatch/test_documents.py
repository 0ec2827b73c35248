# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key policy of a log group."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudwatch.documents import log_group_key_statements
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError

ARN = "arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit"


def test_key_policy_statement() -> None:
    (statement,) = log_group_key_statements(ARN)
    assert log_group_key_statements(f"{ARN}:*") == [statement]
    assert statement.pop("Sid").startswith("VeleroLogGroup")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": ARN}},
    }
    china = ARN.replace("arn:aws:logs:eu-central-1", "arn:aws-cn:logs:cn-north-1")
    assert log_group_key_statements(china)[0]["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    for value in ("velero-audit", "arn:aws:s3:::velero-audit"):
        with pytest.raises(ValidationError, match="is not the ARN of a log group"):
            log_group_key_statements(value)
