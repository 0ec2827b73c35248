# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom policies name for the identity that STS tells."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._sts import Caller

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/path/me", f"arn:aws:iam::{ACCOUNT}:user/path/me"),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/session", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/admin/a.b@c", f"arn:aws-cn:iam::{ACCOUNT}:role/admin"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/me", f"arn:aws:sts::{ACCOUNT}:federated-user/me"),
    ],
)
def test_principal_of_a_caller(arn: str, principal: str) -> None:
    assert Caller(ACCOUNT, arn.split(":")[1], arn).principal_arn == principal
