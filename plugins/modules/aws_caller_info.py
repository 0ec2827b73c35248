#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_caller_info
short_description: Get the identity behind the task's AWS credentials
version_added: 0.1.0
description:
  - Asks STS for the identity behind the task's credentials, in one request that needs no permission.
  - M(amazon.aws.aws_caller_info) asks the same, in a process of its own that takes most of a second, and reports
    neither the partition nor the principal that a policy names.
author: The coffer.velero authors (@coffer-velero)
options:
  expected_account_id:
    description: Id of the account that the credentials must be of. Other credentials are an error.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
"""

EXAMPLES = r"""
- name: Who am I
  coffer.velero.aws_caller_info:
  register: caller

- name: Stop where the credentials are of another account
  coffer.velero.aws_caller_info:
    expected_account_id: '111122223333'
"""

RETURN = r"""
account_id:
  description: Id of the account.
  returned: success
  type: str
  sample: '111122223333'
partition:
  description: Partition of the account.
  returned: success
  type: str
  sample: aws
arn:
  description: ARN of the identity, as STS reports it.
  returned: success
  type: str
  sample: arn:aws:sts::111122223333:assumed-role/admin/session
principal_arn:
  description:
    - ARN that policies name; the ARN of the role where RV(arn) is that of a session of it. STS does not report the path
      of a role, so a role that has one is named without it.
  returned: success
  type: str
  sample: arn:aws:iam::111122223333:role/admin
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._sts import caller

SPEC = aws_spec({"expected_account_id": {"type": "str"}})


def run(task: Task) -> dict[str, t.Any]:
    who = caller(Aws(task.params))
    if task.params["expected_account_id"] not in (None, "", who.account_id):
        reason, remediation = f"is not the account of the credentials, {who.account_id}", "Use credentials of it."
        raise ValidationError("expected_account_id", task.params["expected_account_id"], reason, remediation)
    return {
        "changed": False,
        "account_id": who.account_id,
        "partition": who.partition,
        "arn": who.arn,
        "principal_arn": who.principal_arn,
    }


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
