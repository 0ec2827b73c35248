# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and plans of IAM for the tests of its tables."""

from __future__ import annotations

from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._iam.model import Owner
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan

OWNER = Owner("aws", "111122223333")
PROVIDER_ARN = OWNER.arn("oidc-provider/oidc.example.com")
POLICY_ARN = OWNER.arn("policy/velero")
OTHER_ARN = OWNER.arn("policy/other")


def document(action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "A", "Effect": "Allow", "Action": action, "Resource": "*", **more}],
    }


def trust(sid: str = "Ours", user: str = "velero", **more: Any) -> dict[str, Any]:
    principal = {"AWS": OWNER.arn(f"user/{user}")}
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def steps(plan: Plan) -> list[str]:
    """The requests with the one argument that tells them apart."""
    names = ("VersionId", "PolicyArn", "ClientID", "PolicyName")
    told = []
    for step in plan.steps:
        argument = next((step.arguments[name] for name in names if name in step.arguments), "")
        told.append(f"{step.action.removeprefix('iam:')} {argument}".strip())
    return told
