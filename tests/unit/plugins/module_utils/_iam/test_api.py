# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IAM may still agree to is tried again."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws
from ansible_collections.coffer.velero.plugins.module_utils._errors import ConflictError, ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account, RoleResource
from ansible_collections.coffer.velero.plugins.module_utils._iam.decide_role import DesiredRole
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from tests.support.iam import trust


@pytest.mark.parametrize(
    ("action", "code", "message", "again"),
    [
        ("iam:AttachRolePolicy", "NoSuchEntity", "Policy does not exist or is not attachable.", True),
        ("iam:DeleteRole", "DeleteConflict", "must detach all policies first", True),
        ("iam:CreatePolicyVersion", "LimitExceeded", "up to 5 versions", True),
        ("iam:CreateRole", "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", False),
        ("iam:CreateRole", "MalformedPolicyDocument", "Invalid principal in policy: AWS", True),
        ("iam:CreateRole", "MalformedPolicyDocument", "Syntax errors in policy.", False),
        ("iam:CreateRole", "AccessDenied", "no", False),
    ],
)
def test_what_iam_may_still_agree_to_is_tried_again(action: str, code: str, message: str, again: bool) -> None:
    class Refusing:
        def apply(self, plan: Plan, *, creates: frozenset[str]) -> dict[str, Any]:
            raise ServiceError(action, code, message)

    resource = RoleResource(
        cast(Aws, Refusing()), DesiredRole(name="velero", trust_statements=[trust()]), Account(cast(Aws, None))
    )
    with pytest.raises(ConflictError if again else ServiceError):
        resource.apply(Plan())
