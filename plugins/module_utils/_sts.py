# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asking. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

from ._arn import Arn
from ._aws import Aws


class Caller(t.NamedTuple):
    """The identity behind the task's credentials, as ``sts:GetCallerIdentity`` describes it."""

    account_id: str
    partition: str
    arn: str

    @property
    def principal_arn(self) -> str:
        """The ARN that policies name: of the role where ``arn`` is the ARN of a session of it.

        The path of the role is not part of a session's ARN, so a role with a path is named without it.
        """
        arn = Arn.parse(self.arn)
        if arn and arn.service == "sts" and arn.resource.startswith("assumed-role/"):
            return str(Arn(arn.partition, "iam", "", arn.account_id, f"role/{arn.resource.split('/')[1]}"))
        return self.arn


def caller(aws: Aws) -> Caller:
    """Ask STS who the task is."""
    answer = aws.call("sts:GetCallerIdentity")
    arn = Arn.parse(answer["Arn"])
    return Caller(answer["Account"], arn.partition if arn else "aws", answer["Arn"])
