# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CloudWatch Logs needs of others. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import hashlib

from .._arn import Arn, service_host
from .._errors import ValidationError
from .._types import Document


def log_group_key_statements(log_group_arn: str) -> list[Document]:
    """What the policy of the key must say that a log group is encrypted under.

    Of this log group alone: CloudWatch Logs puts its ARN into the encryption context (CloudWatch Logs user guide,
    "Encrypt log data in CloudWatch Logs using AWS Key Management Service"). The principal is that of the Region, and in
    China it has the suffix of the partition.
    """
    group = log_group(log_group_arn)
    return [
        {
            "Sid": f"VeleroLogGroup{hashlib.sha256(str(group).encode()).hexdigest()[:8]}",
            "Effect": "Allow",
            "Principal": {"Service": service_host("logs", group.region)},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": str(group)}},
        }
    ]


def log_group(text: str) -> Arn:
    """The ARN of a log group, without the ``:*`` that some services give it."""
    arn = Arn.parse(text.removesuffix(":*"))
    if arn is None or arn.service != "logs" or not arn.resource.startswith("log-group:"):
        remediation = "Give its ARN: arn:aws:logs:eu-central-1:111122223333:log-group:velero-audit."
        raise ValidationError("log_group_arn", text, "is not the ARN of a log group", remediation)
    return arn
