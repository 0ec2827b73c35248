# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change log groups. PRIVATE to coffer.velero."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._arn import Arn
from .._aws import Aws
from .._connection_errors import MINIMUM_BOTO3
from .._errors import ConflictError, ServiceError, ValidationError
from .._kms.api import describe
from .._kms.model import Key
from .._kms.service_key import is_predicted
from .._plan import Plan
from .._sts import caller
from .logs import DesiredGroup, Group, State, decide_group, delete_group

_MISSING = "ResourceNotFoundException"
#: Created or deleted by a concurrent writer, or being changed at this moment.
_UNSETTLED_CODES = frozenset({_MISSING, "ResourceAlreadyExistsException", "OperationAbortedException"})


@dataclass
class GroupResource:
    """A log group, for the runner."""

    aws: Aws
    desired: DesiredGroup
    absent: bool = False

    def __post_init__(self) -> None:
        known = self.aws.supports_member("logs", "CreateLogGroupRequest", "deletionProtectionEnabled")
        if self.desired.protected is not None and not known:
            reason = "is not known to this boto3"
            remediation = f"Install a newer one than {MINIMUM_BOTO3}, or leave the option out."
            given = str(self.desired.protected).lower()
            raise ValidationError("deletion_protection_enabled", given, reason, remediation)

    def read(self) -> State:
        """One request, and one each for the tags and the key where they are asked for and not known already."""
        group = self._group()
        if self.absent:
            return State(group)
        if group is None:
            who = caller(self.aws)
            arn = Arn(who.partition, "logs", self.aws.region, who.account_id, f"log-group:{self.desired.name}")
            return State(None, str(arn), self._key(""))
        return State(group, group.arn, self._key(group.key_arn))

    def _group(self) -> Group | None:
        name = self.desired.name
        listed = self.aws.pages("logs:DescribeLogGroups", "logGroups", logGroupNamePrefix=name)
        answer = next((one for one in listed if one["logGroupName"] == name), None)
        if answer is None:
            return None
        group = Group(answer, None, (time.time() - answer.get("creationTime", 0) / 1000) / 86_400)
        if self.absent or self.desired.tags is None:
            return group
        tags = self.aws.call_or_none("logs:ListTagsForResource", _MISSING, resourceArn=group.arn)
        return None if tags is None else Group(answer, tags.get("tags", {}), group.age)

    def _key(self, current: str) -> Key | None:
        """The key that was asked for, unless its ARN says that it is the one already."""
        given = self.desired.key_id
        return None if not given or is_predicted(given) or given == current else describe(self.aws, given)

    def decide(self, current: State) -> Plan:
        if self.absent:
            return delete_group(self.desired, current)
        return decide_group(self.desired, current, region=self.aws.region)

    def guard(self, plan: Plan) -> None:
        """Nothing that CloudWatch Logs does not ask itself."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        try:
            return self.aws.apply(plan, conflicts=_UNSETTLED_CODES)
        except ServiceError as error:
            if error.code == "InvalidParameterException" and "KMS" in str(error):
                error.add_hint(
                    "The policy of the key must let CloudWatch Logs use it for this log group: "
                    "coffer.velero.log_group_key_statements."
                )
                # It may have been changed a moment ago, and KMS takes some seconds to act on it.
                raise ConflictError(error) from error
            raise
