# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live state that an audit evaluates, typed. Pure. PRIVATE to coffer.velero.

A fact is present, absent or unavailable. A check asks for ``.value``; where there is none, the fact itself ends the
check with the status that follows, so that what could not be read can never count as compliant.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._types import Document

T = t.TypeVar("T")

Status = t.Literal["compliant", "non_compliant", "not_evaluated", "not_applicable"]
STATUSES: tuple[Status, ...] = t.get_args(Status)
#: What stands in the ARN of a policy that AWS manages.
AWS_MANAGED = ":iam::aws:policy/"

Reason = t.Literal[
    "not_found",
    "not_enabled",
    "differs",
    "too_permissive",
    "unusable",
    "no_trail",
    "no_log_group",
    "no_topic",
    "access_denied",
    "request_failed",
    "invalid_policy",
    "out_of_scope",
    "not_requested",
    "encryption_mode",
    "not_supported",
    "unknown_condition",
]
#: Every ``reason`` of a finding that is not compliant, as docs/controls.md explains it.
REASONS: dict[Reason, str] = {
    "not_found": "The resource, or the part of it that the check asks for, does not exist.",
    "not_enabled": "The setting is off.",
    "differs": "It differs from what the storage profile or an option of the task asks for.",
    "too_permissive": "It allows more principals, actions or keys than the check accepts.",
    "unusable": "It exists and cannot do its work: a disabled key, a failed delivery, a principal that was deleted.",
    "no_trail": "No CloudTrail trail was found.",
    "no_log_group": "The trail delivers to no CloudWatch Logs log group.",
    "no_topic": "No alarm of this installation notifies an SNS topic, and the task names none.",
    "access_denied": "AWS denied the request; `missing_permission` names the IAM action.",
    "request_failed": "AWS answered the request with another error.",
    "invalid_policy": "The policy document could not be parsed.",
    "out_of_scope": "It belongs to another account or Region. Run the audit with credentials for that one.",
    "not_requested": "Neither the storage profile nor an option of the task asks for it.",
    "encryption_mode": "The setting does not exist with the encryption mode of the storage profile.",
    "not_supported": "AWS does not offer the setting for this resource as it is configured.",
    "unknown_condition": "A policy decides it by a condition key, or by a document, that the audit does not know.",
}


class CheckResult(t.NamedTuple):
    """What a check found.

    :param reason: why it is not compliant; ``None`` where it is
    :param message: what was found, as a sentence
    :param permission: the IAM action that was denied
    """

    status: Status
    reason: Reason | None
    message: str
    permission: str | None = None


class NoValue(Exception):
    """There is nothing to evaluate; ends a check with its result."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__(result.message)
        self.result = result


@dataclass(frozen=True)
class Present(t.Generic[T]):
    """What AWS answered."""

    value: T


@dataclass(frozen=True)
class Unavailable:
    """What could not be read.

    :param message: what happened, as a sentence
    :param permission: the IAM action that was denied
    """

    message: str
    reason: Reason = "request_failed"
    permission: str | None = None

    @property
    def value(self) -> t.Any:
        raise NoValue(CheckResult("not_evaluated", self.reason, self.message, self.permission))


@dataclass(frozen=True)
class Absent:
    """What does not exist, so that whatever a check asks of it is not compliant.

    :param message: what does not exist, as a sentence
    """

    message: str
    reason: Reason = "not_found"
    status: Status = "non_compliant"

    @property
    def value(self) -> t.Any:
        raise NoValue(CheckResult(self.status, self.reason, self.message))


Fact: t.TypeAlias = "Present[T] | Unavailable | Absent"

_NOT_READ = Unavailable("It was not requested.", "not_requested")


@dataclass(frozen=True, kw_only=True)
class BucketFacts:
    """A bucket, each part as S3 answers; ``None`` where that part was never configured."""

    encryption: Fact[Document | None] = _NOT_READ
    policy: Fact[Document | None] = _NOT_READ
    public_access_block: Fact[Document] = _NOT_READ
    ownership: Fact[str | None] = _NOT_READ
    acl: Fact[Document] = _NOT_READ
    versioning: Fact[Document] = _NOT_READ
    lifecycle: Fact[Sequence[Document]] = _NOT_READ
    logging: Fact[Document | None] = _NOT_READ
    object_lock: Fact[Document | None] = _NOT_READ


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
    :param boundary: ARN of its permissions boundary, whose document is not read
    """

    arn: str
    trust: Fact[Document] = _NOT_READ
    attached: Fact[Sequence[PolicyFacts]] = _NOT_READ
    inline: Fact[Mapping[str, Document]] = _NOT_READ
    boundary: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrailState:
    """A CloudTrail trail, as ``DescribeTrails``, ``GetEventSelectors`` and ``GetTrailStatus`` describe it.

    :param selectors: the answer of ``GetEventSelectors``; ``None`` where ``DescribeTrails`` says that the trail has
        none
    """

    trail: Document
    selectors: Fact[Document | None] = _NOT_READ
    status: Fact[Document] = _NOT_READ

    @property
    def arn(self) -> str:
        return str(self.trail["TrailARN"])


@dataclass(frozen=True, kw_only=True)
class TopicFacts:
    """An SNS topic that alarms notify.

    :param subscriptions: as ``ListSubscriptionsByTopic`` lists them
    """

    arn: str
    attributes: Fact[Document] = _NOT_READ
    subscriptions: Fact[Sequence[Document]] = _NOT_READ


@dataclass(frozen=True, kw_only=True)
class RuleFacts:
    """An EventBridge rule with its targets."""

    rule: Document
    targets: Fact[Sequence[Document]] = _NOT_READ


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The live state of everything on AWS that the controls check.

    :param key: the metadata of the key
    :param shared_policy: the policy by which AWS RAM shares the key, ``None`` where it is not shared
    :param alias_target: ARN of the key that the alias points at, ``None`` where there is no such alias
    :param role_policy: Velero's managed policy, attached or not
    :param trails: those that record this Region, also of other Regions and of the organization
    :param metric_filters: of the log group that the trail delivers to
    :param alarms: the metric alarms of this installation by name
    """

    key: Fact[Document] = _NOT_READ
    rotation: Fact[Document] = _NOT_READ
    key_policy: Fact[Document] = _NOT_READ
    shared_policy: Fact[Document | None] = _NOT_READ
    alias_target: Fact[str | None] = _NOT_READ
    bucket: BucketFacts = field(default_factory=BucketFacts)
    account_block: Fact[Document] = _NOT_READ
    role_policy: Fact[Document] = _NOT_READ
    roles: Sequence[RoleFacts] = ()
    trails: Fact[Sequence[TrailState]] = _NOT_READ
    trail_bucket: BucketFacts = field(default_factory=BucketFacts)
    log_group: Fact[Document] = _NOT_READ
    metric_filters: Fact[Sequence[Document]] = _NOT_READ
    alarms: Fact[Mapping[str, Document]] = _NOT_READ
    topics: Fact[Sequence[TopicFacts]] = _NOT_READ
    rules: Fact[Mapping[str, RuleFacts]] = _NOT_READ
