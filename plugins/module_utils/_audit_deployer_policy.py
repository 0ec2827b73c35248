# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the person who runs the role ``kms_audit`` has to be allowed. Pure. PRIVATE to coffer.velero.

Which actions a request asks for, and what they can be limited to, is in the Service Authorization Reference. A test
compares both with what the role's modules send.
"""

from __future__ import annotations

import os.path
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ._alert_patterns import resource_name
from ._alerts import rule_name
from ._arn import Arn, s3_arn, service_host
from ._deployer_policy import allow, created_key, find_key, managed_bucket, role_with_policy
from ._kms.decide import alias_name
from ._kms.model import CREATED_FOR_TAG
from ._notify.documents import audit_event_rules, topic_name
from ._policy import VERSION
from ._profile import StorageProfile
from ._types import Document

#: What a look at a bucket of logs takes, and what more a look at the bucket of the backups.
_LOGS = (
    "s3:GetBucketAcl",
    "s3:GetBucketLogging",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
)
_BACKUPS = (
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
)


def audit_deployer_policy(
    profile: StorageProfile,
    *,
    trail: bool = False,
    trail_name: str | None = None,
    audit_bucket: str | None = None,
    topic_arn: str | None = None,
    kms_alias: str | None = None,
    log_group_name: str | None = None,
    role_name: str = "velero",
    backup_kms_alias: str | None = None,
    tags: Mapping[str, t.Any] | None = None,
    usage: bool = False,
    manage: bool = True,
    teardown: bool = False,
) -> Document:
    """The policy for a run with these variables of the role.

    :param trail: whether there is a trail of its own; ``trail_name`` is its name
    :param audit_bucket: the bucket of the trail, and ``log_group_name`` its log group. Of a trail that somebody else
        made any bucket and log group may be looked at where they are not named
    :param topic_arn: a topic that somebody else made
    :param kms_alias: the alias of the audit's own key
    :param role_name: Velero's role, where the profile names none of the account
    :param backup_kms_alias: the alias of the key of the backups, where its ARN is not known
    :param usage: whether a run reads who used the key
    :param manage: whether it makes what notices, or only looks
    :param teardown: whether it may delete it again
    """
    group = log_group_name or (f"velero-{profile.bucket}" if trail else "*")
    scope = _Scope(
        profile=profile,
        trail=trail,
        trail_name=trail_name or f"velero-{profile.bucket}",
        bucket=audit_bucket or (f"{profile.bucket}-audit" if trail else "*"),
        topic_arn=topic_arn or None,
        log_groups=("*",) if group == "*" else (group, f"{group}:*"),
        tagged=bool(tags),
        usage=usage and profile.encrypts_with_kms,
        manage=manage,
        teardown=teardown,
    )
    own_alias = alias_name(kms_alias or f"alias/{topic_name(profile)}-audit")  # an alias has no dots either
    statements = [
        *_look(scope, role_name),
        *_backup_key(scope, backup_kms_alias),
        *_notice(scope),
        *(_events(scope) if scope.usage else ()),
        *(created_key(profile, own_alias, scope.tagged, "VeleroAudit") if scope.own_key else ()),
        *(_own_trail(scope) if trail else ()),
    ]
    return {"Version": VERSION, "Statement": [one for one in statements if one["Action"]]}


@dataclass(frozen=True)
class _Scope:
    """What :func:`audit_deployer_policy` was asked for, with its defaults.

    :param log_groups: the resources of the log group; some of CloudWatch Logs' actions see its ARN with ``:*`` behind
        it and some without
    """

    profile: StorageProfile
    trail: bool
    trail_name: str
    bucket: str
    topic_arn: str | None
    log_groups: tuple[str, ...]
    tagged: bool
    usage: bool
    manage: bool
    teardown: bool

    @property
    def own_key(self) -> bool:
        """Whether there is a key for topic, log group and trail; none where somebody else made topic and trail."""
        return self.manage and (self.trail or not self.topic_arn)

    @property
    def bucket_arn(self) -> str:
        return s3_arn(self.profile.partition, self.bucket)

    def actions(
        self, read: Sequence[str] = (), make: Sequence[str] = (), tag: str = "", delete: Sequence[str] = ()
    ) -> list[str]:
        """Those that this run needs.

        :param tag: the action that puts tags on it
        """
        make = [*make, *([tag] if tag and self.tagged else [])] if self.manage else []
        return list(dict.fromkeys([*read, *make, *(delete if self.teardown else ())]))


def _look(scope: _Scope, role_name: str) -> list[Document]:
    """What ``audit_info`` and ``cloudtrail_info`` read, but for the key and for what notices.

    "You can't return information about composite alarms if your cloudwatch:DescribeAlarms permission has a narrower
    scope" than ``*`` (CloudWatch API, "DescribeAlarms"), and one may have the name of one of ours. The others know no
    resources.
    """
    profile = scope.profile
    lists = [
        "cloudtrail:DescribeTrails",
        "cloudwatch:DescribeAlarms",
        "events:ListRules",
        "logs:DescribeLogGroups",
        "s3:GetAccountPublicAccessBlock",
        *(["cloudtrail:LookupEvents", "kms:ListAliases", "logs:StopQuery"] if scope.usage else []),
    ]
    velero, policies = (profile.arn("iam", name, region="") for name in (f"role/{role_name}", "policy/*"))
    own = [arn for arn in profile.role_arns if arn.split(":")[4] == profile.account_id] or [velero]
    roles = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    statements = [
        allow("VeleroAuditList", lists, "*"),
        # Of other Regions too, and of the organization's management account.
        allow(
            "VeleroAuditTrails",
            ["cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"],
            str(Arn(profile.partition, "cloudtrail", "*", "*", "trail/*")),
        ),
        allow("VeleroAuditBackups", [*_LOGS, *_BACKUPS], profile.bucket_arn),
        allow("VeleroAuditVelero", roles, own if len(own) > 1 else own[0]),
        # Whatever is attached to the role: that there is more than Velero's policy is what has to be noticed.
        allow("VeleroAuditPolicies", ["iam:GetPolicy", "iam:GetPolicyVersion"], policies),
    ]
    if not (scope.trail and scope.manage):
        statements.append(allow("VeleroAuditBucket", _LOGS, scope.bucket_arn))
    return statements


def _backup_key(scope: _Scope, alias: str | None) -> list[Document]:
    """The key of the backups, which is only looked at."""
    profile = scope.profile
    if not profile.encrypts_with_kms:
        return []
    last = ["kms:GetKeyLastUsage"] if scope.usage else []
    reads = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", *last]
    if not alias:
        return [allow("VeleroAuditBackupKey", reads, str(profile.kms_key_arn))]
    keys = profile.arn("kms", "key/*")
    condition = {"StringEquals": {f"aws:ResourceTag/{CREATED_FOR_TAG}": alias_name(alias)}}
    return [
        *(() if scope.own_key else find_key(profile, "VeleroAudit")),
        allow("VeleroAuditBackupKey", [*reads[1:], "kms:ListResourceTags"], keys, condition),
    ]


def _notice(scope: _Scope) -> list[Document]:
    """Metric filters, alarms, rules, dashboard and topic."""
    actions, profile = scope.actions, scope.profile
    arn = profile.arn
    topic = scope.topic_arn or arn("sns", topic_name(profile))
    rules = os.path.commonprefix([rule["name"] for rule in audit_event_rules(profile, topic)])  # noqa: RUF071
    of_rules = actions(
        ["events:ListTargetsByRule"],
        ["events:ListTagsForResource", "events:PutRule", "events:PutTargets"],
        "events:TagResource",
        ["events:DeleteRule", "events:RemoveTargets"],
    )
    of_alarms = actions(
        make=["cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm"],
        tag="cloudwatch:TagResource",
        delete=["cloudwatch:DeleteAlarms"],
    )
    of_dashboard = actions(
        make=["cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
        delete=["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard"],
    )
    groups = [arn("logs", f"log-group:{name}") for name in scope.log_groups]
    return [
        allow("VeleroAuditLogGroup", _on_log_group(scope), groups if len(groups) > 1 else groups[0]),
        _topic(scope, topic),
        allow("VeleroAuditAlarms", of_alarms, arn("cloudwatch", f"alarm:{resource_name(profile, '*')}")),
        allow("VeleroAuditRules", of_rules, arn("events", f"rule/{rules}*")),
        allow("VeleroAuditDashboard", of_dashboard, arn("cloudwatch", f"dashboard/{topic_name(profile)}", region="")),
    ]


def _on_log_group(scope: _Scope) -> list[str]:
    """On its metric filters, on itself where it is that of a trail of one's own, and on its events."""
    own = [
        "logs:AssociateKmsKey",
        "logs:CreateLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
    ]
    query = ["logs:GetQueryResults", "logs:StartQuery"] if scope.usage else []
    return [
        *scope.actions(
            ["logs:DescribeMetricFilters", *query],
            ["logs:DeleteMetricFilter", "logs:PutMetricFilter"],
            delete=["logs:DeleteMetricFilter"],
        ),
        *(scope.actions(make=own, tag="logs:TagResource") if scope.trail else ()),
    ]


def _events(scope: _Scope) -> list[Document]:
    """The events of a log group that is encrypted are decrypted for whoever reads them.

    "CloudWatch Logs now supports kms:ViaService which allows logs to make AWS KMS calls on your behalf. You should add
    this to your roles which call CloudWatch Logs" (CloudWatch Logs User Guide, "Encrypt log data"). The managed policy
    ``CloudWatchLogsAPIKeyAccess`` has the condition on the context.
    """
    profile = scope.profile
    conditions = {
        "StringEquals": {"kms:ViaService": service_host("logs", profile.region)},
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": profile.arn("logs", f"log-group:{scope.log_groups[0]}")},
    }
    return [allow("VeleroAuditEvents", ["kms:Decrypt"], profile.arn("kms", "key/*"), conditions)]


def _topic(scope: _Scope, arn: str) -> Document:
    read = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
    if scope.topic_arn:
        return allow("VeleroAuditTopic", read, arn)
    make = ["sns:CreateTopic", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe"]
    return allow("VeleroAuditTopic", scope.actions(read, make, "sns:TagResource", ["sns:DeleteTopic"]), arn)


def _own_trail(scope: _Scope) -> list[Document]:
    """The trail, and the bucket, the role and the policy that it needs."""
    profile = scope.profile
    delivery = rule_name(profile, "trail")  # a role has 64 characters too
    make = [
        "cloudtrail:CreateTrail",
        "cloudtrail:ListTags",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StartLogging",
        "cloudtrail:UpdateTrail",
    ]
    on_trail = scope.actions(make=make, tag="cloudtrail:AddTags", delete=["cloudtrail:DeleteTrail"])
    statements = [allow("VeleroAuditTrail", on_trail, profile.arn("cloudtrail", f"trail/{scope.trail_name}"))]
    if scope.manage:
        passed = {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}
        bucket = {*_LOGS, *managed_bucket(scope.tagged, versioned=True)}
        statements += [
            allow("VeleroAuditBucket", list(bucket), scope.bucket_arn),
            *role_with_policy(profile, delivery, delivery, scope.tagged, "VeleroAuditDelivery"),
            allow("VeleroAuditPassRole", ["iam:PassRole"], profile.arn("iam", f"role/{delivery}", region=""), passed),
        ]
    return statements
