# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CloudTrail needs of others: of the bucket, the key and the role that it delivers with. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import hashlib
import re

from .._arn import Arn, s3_arn
from .._cloudwatch.documents import log_group
from .._errors import ValidationError
from .._profile import StorageProfile
from .._types import Document
from .desired_selectors import DATA_NAME, DesiredSelectors
from .selectors import EventCoverage, Selector

#: The same in every partition (CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail").
SERVICE = {"Service": "cloudtrail.amazonaws.com"}


def trail_bucket_policy_statements(
    bucket: str,
    trail_arn: str,
    account_id: str | None = None,
    s3_key_prefix: str = "",
    organization_id: str | None = None,
) -> list[Document]:
    """What the policy of a trail's bucket must say, and that nobody comes without TLS.

    Of this trail alone: ``aws:SourceArn`` keeps the trails of other accounts out of the bucket.
    """
    trail = _trail(trail_arn)
    arn = s3_arn(trail.partition, bucket)
    folder = f"{arn}/{s3_key_prefix.strip('/')}/AWSLogs" if s3_key_prefix.strip("/") else f"{arn}/AWSLogs"
    owners = [account_id or trail.account_id, *([_organization(organization_id)] if organization_id else [])]
    source = {"aws:SourceArn": trail_arn}
    allow = {"Effect": "Allow", "Principal": SERVICE}
    return [
        {
            "Sid": _sid("TrailAcl", trail_arn),
            **allow,
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": {"StringEquals": source},
        },
        {
            "Sid": _sid("TrailWrite", trail_arn),
            **allow,
            "Action": "s3:PutObject",
            "Resource": [f"{folder}/{owner}/*" for owner in owners],
            "Condition": {"StringEquals": {**source, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
        {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


def trail_key_policy_statements(trail_arn: str) -> list[Document]:
    """What the policy of the key must say that a trail encrypts with.

    Who reads the logs needs ``kms:Decrypt`` beside it (CloudTrail user guide, "Configure KMS key policies").
    """
    trail = _trail(trail_arn)
    context = str(Arn(trail.partition, "cloudtrail", "*", trail.account_id, "trail/*"))
    allow = {"Effect": "Allow", "Principal": SERVICE, "Resource": "*"}
    return [
        {
            "Sid": _sid("TrailEncrypt", trail_arn),
            **allow,
            "Action": "kms:GenerateDataKey*",
            "Condition": {
                "StringEquals": {"aws:SourceArn": trail_arn},
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": context},
            },
        },
        {"Sid": _sid("TrailDescribe", trail_arn), **allow, "Action": "kms:DescribeKey"},
    ]


def trail_trust_statements(trail_arn: str) -> list[Document]:
    """Who assumes the role that delivers to CloudWatch Logs.

    Without a condition: "The role policy doesn't support the use of aws:SourceArn and aws:SourceAccount" (CloudTrail
    user guide, "Role policy document for CloudTrail to use CloudWatch Logs for monitoring").
    """
    _trail(trail_arn)
    return [{"Sid": "VeleroTrailDelivery", "Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}]


def trail_log_delivery_statements(
    log_group_arn: str, account_id: str | None = None, region: str | None = None, organization_id: str | None = None
) -> list[Document]:
    """What the role may do that delivers to CloudWatch Logs: write to the streams that CloudTrail makes there."""
    group = log_group(log_group_arn)
    streams = [f"{account_id or group.account_id}_CloudTrail_{region or group.region}*"]
    if organization_id:
        streams.append(f"{_organization(organization_id)}_*")
    return [
        {
            "Sid": "VeleroTrailDelivery",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"{group}:log-stream:{stream}" for stream in streams],
        }
    ]


def trail_event_selectors(
    profile: StorageProfile,
    data_events: EventCoverage = "none",
    management_events: EventCoverage = "all",
    name: str = DATA_NAME,
) -> list[Selector]:
    """The advanced event selectors of a trail that records the use of the key, and of the objects where it is asked."""
    arns = (objects_arn_prefix(profile),)
    desired = DesiredSelectors(management_events=management_events, data_events=data_events, arns=arns, name=name)
    return [*desired.management(), *desired.data]


def objects_arn_prefix(profile: StorageProfile) -> str:
    """How the ARNs of all objects begin that Velero owns."""
    return profile.objects_arn.removesuffix("*")


def _trail(text: str) -> Arn:
    arn = Arn.parse(text)
    if arn is None or arn.service != "cloudtrail" or not arn.resource.startswith("trail/"):
        remediation = "Give its ARN: arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-audit."
        raise ValidationError("trail_arn", text, "is not the ARN of a trail", remediation)
    return arn


def _organization(text: str) -> str:
    if not re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        raise ValidationError("organization_id", text, "is not the id of an organization", "Give it as o-exampleorgid.")
    return text


def _sid(purpose: str, trail_arn: str) -> str:
    """A Sid of one trail: several trails may write to one bucket, and with one key."""
    return f"Velero{purpose}{hashlib.sha256(trail_arn.encode()).hexdigest()[:8]}"
