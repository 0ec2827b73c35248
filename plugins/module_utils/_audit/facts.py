# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live state that an audit looks at, typed. Pure. PRIVATE to coffer.velero.

A fact is known, not readable, or of a thing that is not there. A check asks for ``.value``; where there is none, the
fact itself ends the check with the status that follows, so that what was not read can never count as good.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.coffer.velero.plugins.module_utils._types import Document

T = t.TypeVar("T")

Status = t.Literal["pass", "fail", "not applicable", "could not be read"]
STATUSES: tuple[Status, ...] = t.get_args(Status)


class NoValue(Exception):
    """There is nothing to judge; ends a check with a status.

    :param permission: what IAM calls the permission that was missing
    """

    def __init__(self, status: Status, reason: str, permission: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.permission = permission


@dataclass(frozen=True)
class Known(t.Generic[T]):
    """What AWS answered."""

    value: T


@dataclass(frozen=True)
class Unread:
    """What AWS did not tell.

    :param permission: what IAM calls the permission that it takes, where AWS refused
    :param reason: what happened, as a sentence
    """

    reason: str
    permission: str | None = None

    @property
    def value(self) -> t.Any:
        raise NoValue("could not be read", self.reason, self.permission)


@dataclass(frozen=True)
class Missing:
    """What is not there, so that whatever is demanded of it fails.

    :param reason: what is not there, as a sentence
    """

    reason: str
    status: Status = "fail"

    @property
    def value(self) -> t.Any:
        raise NoValue(self.status, self.reason)


Fact: t.TypeAlias = "Known[T] | Unread | Missing"

_NOT_ASKED = Unread("It was not asked for.")


@dataclass(frozen=True, kw_only=True)
class BucketFacts:
    """A bucket, each part as S3 answers; ``None`` where that part was never configured."""

    encryption: Fact[Document | None] = _NOT_ASKED
    policy: Fact[Document | None] = _NOT_ASKED
    public_access_block: Fact[Document] = _NOT_ASKED
    ownership: Fact[str | None] = _NOT_ASKED
    acl: Fact[Document] = _NOT_ASKED
    versioning: Fact[Document] = _NOT_ASKED
    lifecycle: Fact[Sequence[Document]] = _NOT_ASKED
    logging: Fact[Document | None] = _NOT_ASKED
    replication: Fact[Document | None] = _NOT_ASKED
    notifications: Fact[Document] = _NOT_ASKED
    object_lock: Fact[Document | None] = _NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class PolicyFacts:
    """A managed policy that is attached to a role.

    :param document: its default version
    """

    arn: str
    document: Fact[Document]


@dataclass(frozen=True, kw_only=True)
class RoleFacts:
    """A role that Velero runs as.

    :param inline: its inline policies by name
    """

    arn: str
    trust: Fact[Document] = _NOT_ASKED
    attached: Fact[Sequence[PolicyFacts]] = _NOT_ASKED
    inline: Fact[Mapping[str, Document]] = _NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class TrailState:
    """A trail of CloudTrail, as ``DescribeTrails``, ``GetEventSelectors`` and ``GetTrailStatus`` tell of it.

    :param selectors: the whole answer of ``GetEventSelectors``; ``None`` where ``DescribeTrails`` says that the trail
        was never given any
    """

    trail: Document
    selectors: Fact[Document | None] = _NOT_ASKED
    status: Fact[Document] = _NOT_ASKED

    @property
    def arn(self) -> str:
        return str(self.trail["TrailARN"])


@dataclass(frozen=True, kw_only=True)
class TopicFacts:
    """A topic that alarms notify.

    :param subscriptions: as ``ListSubscriptionsByTopic`` lists them
    """

    arn: str
    attributes: Fact[Document] = _NOT_ASKED
    subscriptions: Fact[Sequence[Document]] = _NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class RuleFacts:
    """A rule of EventBridge with its targets."""

    rule: Document
    targets: Fact[Sequence[Document]] = _NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the collection manages on AWS, as it is.

    :param key: the metadata of the key
    :param shared_policy: the policy by which AWS RAM shares the key, ``None`` where it is not shared
    :param alias_target: ARN of the key that the alias points at, ``None`` where there is no such alias
    :param role_policy: the managed policy that is Velero's, whether it is attached or not
    :param trails: those that record this Region, also of other Regions and of the organization
    :param metric_filters: of the log group that the trail delivers to
    :param alarms: the metric alarms of this installation by name
    """

    key: Fact[Document] = _NOT_ASKED
    rotation: Fact[Document] = _NOT_ASKED
    key_policy: Fact[Document] = _NOT_ASKED
    shared_policy: Fact[Document | None] = _NOT_ASKED
    alias_target: Fact[str | None] = _NOT_ASKED
    bucket: BucketFacts = field(default_factory=BucketFacts)
    account_block: Fact[Document] = _NOT_ASKED
    role_policy: Fact[Document] = _NOT_ASKED
    roles: Sequence[RoleFacts] = ()
    trails: Fact[Sequence[TrailState]] = _NOT_ASKED
    trail_bucket: BucketFacts = field(default_factory=BucketFacts)
    log_group: Fact[Document] = _NOT_ASKED
    metric_filters: Fact[Sequence[Document]] = _NOT_ASKED
    alarms: Fact[Mapping[str, Document]] = _NOT_ASKED
    topics: Fact[Sequence[TopicFacts]] = _NOT_ASKED
    rules: Fact[Mapping[str, RuleFacts]] = _NOT_ASKED
