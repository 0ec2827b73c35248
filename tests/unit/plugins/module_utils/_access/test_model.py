# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, and which condition keys that decides."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._access.model import (
    Answer,
    Context,
    Principal,
    Reason,
    Request,
)

ACCOUNT = "111122223333"
IAM = f"arn:aws:iam::{ACCOUNT}:"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/me"


@pytest.mark.parametrize(
    ("principal", "kind", "role", "session"),
    [
        (Principal(f"{IAM}root"), "AWS", None, None),
        (Principal(f"{IAM}user/team/ann"), "AWS", None, None),
        (
            Principal(f"{IAM}role/team/admin"),
            "AWS",
            f"{IAM}role/team/admin",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/*",
        ),
        (Principal(SESSION), "AWS", f"{IAM}role/*admin", SESSION),
        (Principal(SESSION, role_arn=f"{IAM}role/team/admin"), "AWS", f"{IAM}role/team/admin", SESSION),
        (Principal("cloudtrail.amazonaws.com"), "Service", None, None),
        (Principal(f"{IAM}oidc-provider/example.com", is_provider=True), "Federated", None, None),
        (Principal("*"), "*", None, None),
    ],
)
def test_principal(principal: Principal, kind: str, role: str | None, session: str | None) -> None:
    assert (principal.kind, principal.role, principal.session) == (kind, role, session)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("aws:PrincipalArn", (True, (f"{IAM}role/*admin",))),
        ("AWS:principalaccount", (True, (ACCOUNT,))),
        ("aws:PrincipalType", (True, ("AssumedRole",))),
        ("aws:userid", (True, ("AROA1:me",))),
        ("aws:username", (True, ())),
        ("s3:x-amz-acl", (True, ())),
        ("kms:CallerAccount", (True, ())),
        ("aws:SourceIp", (False, ())),
        ("aws:ResourceAccount", (True, (ACCOUNT,))),
        ("aws:SecureTransport", (True, ("true",))),
    ],
)
def test_context(key: str, found: tuple[bool, tuple[str, ...]]) -> None:
    context = Context({"aws:securetransport": ("true",)}, absent=("s3:x-amz-*",))
    principal = Principal(SESSION, unique_id="AROA1")
    assert Request(principal, "s3:PutObject", "*", ACCOUNT, context).values(key) == found


def test_owner_of_the_resource() -> None:
    who = Principal(SESSION)
    assert Request(who, "s3:GetObject", "arn:aws:s3:::bucket/key").owner is None
    assert Request(who, "s3:GetObject", "arn:aws:s3:::bucket/key", ACCOUNT).owner == ACCOUNT
    assert Request(who, "kms:Decrypt", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1").owner == ACCOUNT


def test_words() -> None:
    answer = Answer(
        "unknown",
        (Reason("the bucket policy", "Vpc", "Deny", ("aws:sourcevpce",)), Reason("boundary", unknown=("boundary",))),
    )
    assert answer.unknown_keys == ("aws:sourcevpce", "boundary")
    assert (
        str(answer) == "statement Vpc of the bucket policy may deny it, which depends on aws:sourcevpce; "
        "boundary was not read"
    )
