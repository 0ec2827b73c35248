# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change bucket policies. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from .. import _policy
from .._arn import partition_of, s3_arn
from .._aws import Aws
from .._concurrency import verify_write
from .._errors import ServiceError
from .._plan import Plan
from .._sts import caller, refuse_as_caller
from .._types import Document
from .model import address, explain
from .policy import decide_bucket_policy, refuse_bucket_lockout
from .velero_access import VeleroAccess


def read_policy(aws: Aws, bucket: str, owner: str | None) -> Document | None:
    """The policy of a bucket. One that does not exist has none either; a real run learns of it when it writes."""
    try:
        answer = aws.call_or_none("s3:GetBucketPolicy", "NoSuchBucketPolicy", "NoSuchBucket", **address(bucket, owner))
    except ServiceError as error:
        explain(error, owner)
        raise
    return _policy.parse(answer["Policy"], option="bucket", resource=bucket) if answer else None


@dataclass
class BucketPolicyResource:
    """Our statements in the policy of a bucket, for the runner.

    :param owner: the account that must own the bucket
    :param bypass: allow a policy that denies the caller to change it again
    :param velero: whose requests must not be denied
    """

    aws: Aws
    desired: _policy.Desired
    bucket: str
    owner: str | None
    bypass: bool
    velero: VeleroAccess
    sleep: Callable[[float], None]
    _current: Document | None = None

    def read(self) -> Document | None:
        self._current = read_policy(self.aws, self.bucket, self.owner)
        return self._current

    def decide(self, current: Document | None) -> Plan:
        return decide_bucket_policy(
            self.desired,
            current,
            partition=partition_of(self.aws.region),
            arguments=address(self.bucket, self.owner),
            bypass=self.bypass,
            velero=self.velero,
        )

    def guard(self, plan: Plan) -> None:
        if self.bypass or plan.result["policy"] is None:
            return
        who = caller(self.aws)
        bucket_arn = s3_arn(who.partition, self.bucket)
        before, after = self._current, plan.result["policy"]
        refuse_as_caller(self.aws, who, partial(refuse_bucket_lockout, before, after, bucket_arn))

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        before = self._current
        try:
            self.aws.replace(plan)
        except ServiceError as error:
            explain(error, None)
            raise
        if not self.bypass:  # else the caller may no longer be allowed to look
            action = plan.steps[0].action
            verify_write(before, action=action, read=self.read, decide=self.decide, sleep=self.sleep)
        return {}
