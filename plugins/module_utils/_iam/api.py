# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change IAM. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from .. import _policy
from .._aws import Aws
from .._concurrency import verify_write
from .._errors import ConflictError, ServiceError, ValidationError
from .._plan import Plan, Step
from .._sts import caller
from .._tags import tag_dict
from .._types import Document
from . import decide_policy, decide_provider, decide_role
from .model import Owner, Policy, Provider, Role, issuer_of, refuse_other_spelling

_MISSING = "NoSuchEntity"


def _apply(aws: Aws, plan: Plan) -> dict[str, t.Any]:
    """Carry a plan out; what IAM may still agree to is tried again from the beginning.

    IAM takes some seconds to agree with itself: what was created a moment ago may not exist yet, what was detached may
    still be attached, and a concurrent writer may have used up the room for one more version.
    """
    try:
        # A second version with the same document would push one more old version out.
        return aws.apply(plan, creates=frozenset({"iam:CreatePolicyVersion"}))
    except ServiceError as error:
        full = (error.action, error.code) == ("iam:CreatePolicyVersion", "LimitExceeded")
        new_principal = error.code == "MalformedPolicyDocument" and "invalid principal" in str(error).lower()
        if (error.action, error.code) == (decide_role.UPDATE_TRUST, "LimitExceeded"):
            error.add_hint(decide_role.TRUST_QUOTA)
        if error.code in (_MISSING, "DeleteConflict") or full or new_principal:
            raise ConflictError(error) from error
        raise


@dataclass
class Account:
    """The account of the task's entities: as it was given, else as STS reports it."""

    aws: Aws
    account_id: str | None = None
    partition: str | None = None
    _owner: Owner | None = None

    def __post_init__(self) -> None:
        if self.account_id and not re.fullmatch(r"\d{12}", self.account_id):
            raise ValidationError("account_id", self.account_id, "is not an account", "Give its 12 digits, quoted.")

    def owner(self) -> Owner:
        if self._owner is None:
            if self.account_id and self.partition:
                self._owner = Owner(self.partition, self.account_id)
            else:
                who = caller(self.aws)
                self._owner = Owner(self.partition or who.partition, self.account_id or who.account_id)
        return self._owner

    def confirm(self) -> None:
        """Ask whether the credentials are of the account that was given: IAM creates in their account alone.

        :raises ValidationError: where they are of another one
        """
        if self.account_id is None:
            return
        who = caller(self.aws)
        if who.account_id != self.account_id:
            remediation = "Use credentials of that account, or leave account_id out."
            raise ValidationError("account_id", self.account_id, f"is not the account of {who.arn}", remediation)


@dataclass
class PolicyResource:
    """A customer managed policy, for the runner."""

    aws: Aws
    desired: decide_policy.DesiredPolicy
    account: Account
    absent: bool = False
    sleep: Callable[[float], None] = time.sleep
    _before: Document | None = None

    @property
    def arn(self) -> str:
        return self.account.owner().arn(f"policy{self.desired.path}{self.desired.name}")

    def read(self) -> Policy | None:
        found = self.aws.call_or_none("iam:GetPolicy", _MISSING, PolicyArn=self.arn)
        if found is None:
            if not self.absent:
                self._refuse_other_spelling()
            return None
        policy = Policy(found["Policy"], {})
        if self._deletes:
            return replace(policy, version_ids=self._versions())
        policy = replace(policy, document=self._document(policy.default_version_id))
        self._before = policy.document
        # The versions matter only where one more is needed.
        merged = self.desired.merged_into(policy.document, partition=policy.partition, resource=policy.arn)
        return replace(policy, version_ids=self._versions()) if merged.differences else policy

    def _refuse_other_spelling(self) -> None:
        for one in _listed(self.aws, "iam:ListPolicies", "Policies", Scope="Local"):
            if one["PolicyName"].lower() == self.desired.name.lower():
                refuse_other_spelling(self.desired.name, one["PolicyName"], one["Path"], self.desired.path)

    @property
    def _deletes(self) -> bool:
        return self.absent and self.desired.deletes

    def _document(self, version_id: str) -> Document:
        version = self.aws.call("iam:GetPolicyVersion", PolicyArn=self.arn, VersionId=version_id)
        return _policy.parse(version["PolicyVersion"]["Document"], option="name", resource=self.arn)

    def _versions(self) -> tuple[str, ...]:
        listed = self.aws.pages("iam:ListPolicyVersions", "Versions", PolicyArn=self.arn)
        return tuple(sorted((version["VersionId"] for version in listed), key=lambda text: int(text[1:])))

    def decide(self, current: Policy | None) -> Plan:
        if self.absent:
            if current is None:
                return Plan(result={"policy_arn": self.arn})
            deletes = self._deletes
            return (
                decide_policy.delete_policy(current)
                if deletes
                else decide_policy.remove_statements(self.desired, current)
            )
        if current is None:
            return decide_policy.create_policy(self.desired, self.arn)
        return decide_policy.change_policy(self.desired, current)

    def guard(self, plan: Plan) -> None:
        if plan.steps[0].action == "iam:CreatePolicy":
            self.account.confirm()
        if plan.steps[-1].action != "iam:DeletePolicy":
            return
        # A policy that is in use is never detached from its users in passing.
        members = {"PolicyRoles": "role", "PolicyUsers": "user", "PolicyGroups": "group"}
        users = [
            f"{kind} {entity[f'{kind.title()}Name']}"
            for member, kind in members.items()
            for entity in self.aws.pages("iam:ListEntitiesForPolicy", member, PolicyArn=self.arn)
        ]
        if users:
            remediation = "Detach it there first; for a role, coffer.velero.iam_role does so."
            raise ValidationError("state", self.arn, f"is attached to {', '.join(users)}", remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        try:
            outputs = _apply(self.aws, plan)
        except ConflictError as moved:
            if moved.cause.code != "EntityAlreadyExists":
                raise
            hint = f"Names are unique whatever the path: if it is not at {self.desired.path}, give its path."
            taken = ServiceError("iam:CreatePolicy", moved.cause.code, "The name is taken.", hint=hint)
            raise ConflictError(taken) from moved
        if any(step.action == decide_policy.NEW_VERSION for step in plan.steps):
            verify_write(
                self._before,
                action=decide_policy.NEW_VERSION,
                read=self._current_document,
                decide=self._decide_document,
                sleep=self.sleep,
            )
        return outputs

    def _current_document(self) -> Document | None:
        found = self.aws.call_or_none("iam:GetPolicy", _MISSING, PolicyArn=self.arn)
        return self._document(found["Policy"]["DefaultVersionId"]) if found else None

    def _decide_document(self, document: Document | None) -> Plan:
        """What is still to do about the statements alone."""
        merged = self.desired.merged_into(document, partition=self.arn.split(":")[1], resource=self.arn)
        steps = (Step(decide_policy.NEW_VERSION, {"PolicyArn": self.arn}),) if merged.differences else ()
        return Plan(steps, merged.differences)


def _listed(aws: Aws, action: str, member: str, **arguments: t.Any) -> Iterator[Mapping[str, t.Any]]:
    """All entities of a kind; none where the credentials may not list them: IAM will tell when one is created."""
    try:
        yield from aws.pages(action, member, **arguments)
    except ServiceError as error:
        if error.code != "AccessDenied":
            raise


@dataclass
class RoleResource:
    """A role, its trust policy and its attachments, for the runner."""

    aws: Aws
    desired: decide_role.DesiredRole
    account: Account
    sleep: Callable[[float], None] = time.sleep
    _trust: Role | None = None

    def read(self) -> Role | None:
        name = self.desired.name
        found = self._find()
        if found is None:
            if not self.absent:
                self.account.owner()
                for one in _listed(self.aws, "iam:ListRoles", "Roles"):
                    if one["RoleName"].lower() == name.lower():
                        refuse_other_spelling(name, one["RoleName"], one["Path"], self.desired.path)
            return None
        refuse_other_spelling(name, str(found.metadata["RoleName"]), str(found.metadata["Path"]), self.desired.path)
        self._trust = found.trust_only
        attached = None
        if self.absent or self.desired.managed_policies is not None:
            listed = self.aws.pages("iam:ListAttachedRolePolicies", "AttachedPolicies", RoleName=name)
            attached = tuple(str(policy["PolicyArn"]) for policy in listed)
        inline: tuple[str, ...] = ()
        if self.absent:
            inline = tuple(self.aws.pages("iam:ListRolePolicies", "PolicyNames", RoleName=name))
        return Role(found.metadata, attached, inline)

    @property
    def absent(self) -> bool:
        return self.desired.state == "absent"

    def _find(self) -> Role | None:
        found = self.aws.call_or_none("iam:GetRole", _MISSING, RoleName=self.desired.name)
        return Role(found["Role"]) if found else None

    def decide(self, current: Role | None) -> Plan:
        if self.absent:
            absent = Plan(result={"role_name": self.desired.name})
            return decide_role.take_back(self.desired, current) if current else absent
        if current is None:
            return decide_role.create_role(self.desired, self.account.owner())
        return decide_role.change_role(self.desired, current)

    def guard(self, plan: Plan) -> None:
        if plan.steps[-1].action != "iam:DeleteRole":
            return
        listed = self.aws.pages("iam:ListInstanceProfilesForRole", "InstanceProfiles", RoleName=self.desired.name)
        profiles = [str(profile["InstanceProfileName"]) for profile in listed]
        if profiles:
            remediation = "Instances may run as it: take it out of there first."
            reason = f"is in the instance profile {', '.join(profiles)}"
            raise ValidationError("state", self.desired.name, reason, remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        outputs = _apply(self.aws, plan)
        if any(step.action == decide_role.UPDATE_TRUST for step in plan.steps):
            verify_write(
                self._trust,
                action=decide_role.UPDATE_TRUST,
                read=lambda: found.trust_only if (found := self._find()) else None,
                decide=lambda role: decide_role.change_trust(self.desired, role) if role else self.decide(None),
                sleep=self.sleep,
                what="the trust policy",
            )
        return outputs


@dataclass
class ProviderResource:
    """The OIDC provider of a cluster, for the runner."""

    aws: Aws
    desired: decide_provider.DesiredProvider
    account: Account
    absent: bool = False

    @property
    def arn(self) -> str:
        return self.account.owner().arn(f"oidc-provider/{self.desired.issuer}")

    def read(self) -> Provider | None:
        found = self.aws.call_or_none("iam:GetOpenIDConnectProvider", _MISSING, OpenIDConnectProviderArn=self.arn)
        if found is None:
            return None
        return Provider(
            self.arn,
            tuple(found.get("ClientIDList") or ()),
            tuple(found.get("ThumbprintList") or ()),
            tag_dict(found.get("Tags") or ()),
        )

    def decide(self, current: Provider | None) -> Plan:
        if self.absent:
            result = {"oidc_provider_arn": self.arn, "issuer_url": f"https://{self.desired.issuer}"}
            return decide_provider.delete_provider(self.desired, current) if current else Plan(result=result)
        if current is None:
            return decide_provider.create_provider(self.desired, self.arn)
        return decide_provider.change_provider(self.desired, current)

    def guard(self, plan: Plan) -> None:
        action = plan.steps[0].action
        if action == "iam:CreateOpenIDConnectProvider":
            self.account.confirm()
        if action == "iam:DeleteOpenIDConnectProvider":
            self._refuse_trusted()

    def _refuse_trusted(self) -> None:
        """IAM deletes a provider that roles trust; nobody could assume them then."""
        listed = self.aws.pages("iam:ListRoles", "Roles")
        roles = [one["RoleName"] for one in listed if f'"{self.arn}"' in _policy.text(one["AssumeRolePolicyDocument"])]
        if roles:
            remediation = (
                "Take its statements out of their trust policies first (coffer.velero.iam_role with state=absent), or "
                f"delete it by aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {self.arn}."
            )
            raise ValidationError("state", self.arn, f"is trusted by role {', '.join(roles)}", remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        return _apply(self.aws, plan)


def cluster_issuer(aws: Aws, name: str) -> tuple[str, Owner]:
    """The issuer of an EKS cluster, as ARNs spell it, and the account that the cluster is in.

    :raises ValidationError: where there is no such cluster, and see :func:`issuer_of`
    """
    found = aws.call_or_none("eks:DescribeCluster", "ResourceNotFoundException", name=name)
    if found is None:
        remediation = "Give the name, Region and credentials of an existing cluster, or issuer_url."
        raise ValidationError("cluster_name", name, f"does not exist in {aws.region}", remediation)
    return issuer_of(found["cluster"])
