# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asking. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from dataclasses import replace

from ._access.model import Principal
from ._arn import Arn
from ._aws import Aws
from ._errors import ServiceError, ValidationError


class Caller(t.NamedTuple):
    """The identity behind the task's credentials, as ``sts:GetCallerIdentity`` describes it."""

    account_id: str
    partition: str
    arn: str
    user_id: str = ""

    @property
    def principal(self) -> Principal:
        """As whom policies see it."""
        return Principal(self.arn, unique_id=self.user_id.partition(":")[0] or None)

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
    return Caller(answer["Account"], arn.partition if arn else "aws", answer["Arn"], answer["UserId"])


def refuse_as_caller(aws: Aws, who: Caller, refuse: Callable[[Principal], None]) -> None:
    """Refuse what the caller must not do to itself; with the path of its role where that makes a difference.

    The ARN of a session does not tell the path, and ``aws:PrincipalArn`` has it. Where IAM does not, it is not known.

    :raises ValidationError: by ``refuse``
    """
    try:
        refuse(who.principal)
    except ValidationError:
        if who.principal.session is None:
            raise
        try:
            role = aws.call("iam:GetRole", RoleName=who.principal_arn.rpartition("/")[2])
        except ServiceError:
            role = None
        if role is None:
            raise
        refuse(replace(who.principal, role_arn=role["Role"]["Arn"]))
