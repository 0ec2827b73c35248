# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module aws_caller_info against moto, run both ways."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner

ROLE = "arn:aws:iam::111122223333:role/backup-admin"


@pytest.mark.parametrize("check", [True, False])
def test_a_session_is_told_with_its_role(run: ModuleRunner, aws: Aws, check: bool) -> None:
    session = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="deploy")["Credentials"]
    result = run.ok(
        "aws_caller_info",
        check=check,
        access_key=session["AccessKeyId"],
        secret_key=session["SecretAccessKey"],
        session_token=session["SessionToken"],
    )
    expected: dict[str, Any] = {
        "changed": False,
        "account_id": "111122223333",
        "partition": "aws",
        "arn": "arn:aws:sts::111122223333:assumed-role/backup-admin/deploy",
        "principal_arn": ROLE,
    }
    assert {name: result[name] for name in expected} == expected
    assert [call.operation for call in aws.proxy.requests] == ["GetCallerIdentity"]


def test_a_user_is_told_as_it_is(run: ModuleRunner, aws: Aws) -> None:
    result = run.ok("aws_caller_info")
    assert result["account_id"] == "123456789012"
    assert result["principal_arn"] == result["arn"]


def test_credentials_that_do_not_work_are_an_error(run: ModuleRunner, aws: Aws) -> None:
    aws.proxy.deny("sts")
    assert run.refused("aws_caller_info").startswith("sts:GetCallerIdentity failed: AccessDenied")


def test_credentials_of_another_account_are_refused(run: ModuleRunner, aws: Aws) -> None:
    assert run.refused("aws_caller_info", expected_account_id="111122223333") == (
        "expected_account_id: 111122223333 is not the account of the credentials, 123456789012. Use credentials of it."
    )
    assert run.ok("aws_caller_info", expected_account_id="123456789012")["account_id"] == "123456789012"
    assert "Give its 12 digits, quoted." in run.refused("aws_caller_info", expected_account_id=1402433619)
