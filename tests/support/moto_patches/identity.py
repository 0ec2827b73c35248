# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls, as far as moto can tell by the access key."""

from __future__ import annotations

from typing import Any

from moto.sts.models import STSBackend, sts_backends
from moto.utilities.utils import get_partition

from tests.support.moto_patches.policy import Caller
from tests.support.moto_patches.registry import around, patch


def caller_of(account: str, region: str, access_key: str) -> Caller:
    """The caller with every ARN by which a policy can name it."""
    partition = get_partition(region)
    backend = sts_backends[account][partition]
    dummy, arn, dummy = backend.get_caller_identity(access_key, region)
    role = backend.get_assumed_role_from_access_key(access_key)
    return Caller((arn, role.role_arn) if role else (arn,), account, partition)


@patch
def caller_without_a_user_has_a_users_arn() -> None:
    """A user's ARN is of IAM; moto's user of made-up credentials has one of STS, that no policy could name."""

    @around(STSBackend, "get_caller_identity")
    def get_caller_identity(original: Any, self: Any, access_key_id: Any, region: Any) -> Any:
        user_id, arn, account = original(self, access_key_id, region)
        return user_id, arn.replace(":sts:", ":iam:") if ":user/" in arn else arn, account
