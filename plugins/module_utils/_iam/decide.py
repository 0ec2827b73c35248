# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of IAM and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.coffer.velero.plugins.module_utils import _policy
from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import (
    policy_document,
    trust_statements,
    trust_warnings,
)
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import (
    MAX_THUMBPRINTS,
    MAX_VERSIONS,
    PREDICTED_ROLE_ID,
    Owner,
    Policy,
    Provider,
    Role,
    refuse_name,
    refuse_path,
    refuse_policy_arn,
)
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Pending, Plan, Step, compare
from ansible_collections.coffer.velero.plugins.module_utils._tags import tag_changes, tag_list

Document = Mapping[str, t.Any]
Part = tuple[Sequence[Step], Sequence[Difference]]
_NOTHING: Part = ((), ())


@dataclass(frozen=True, kw_only=True)
class WantedTags:
    """What a task wants of the tags; ``None`` leaves them alone."""

    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    def after(self, current: Mapping[str, str]) -> dict[str, str]:
        """The tags as they are after the plan."""
        present, absent = tag_changes(self.tags, current, purge=self.purge_tags)
        return {name: value for name, value in {**current, **present}.items() if name not in absent}

    def created(self) -> dict[str, t.Any]:
        """The parameter of a create; left out where there is no tag, since it takes a permission of its own."""
        return {"Tags": tag_list(self.tags)} if self.tags else {}

    def part(self, kind: str, identity: Mapping[str, str], current: Mapping[str, str]) -> Part:
        """The requests that change the tags of an existing entity."""
        present, absent = tag_changes(self.tags, current, purge=self.purge_tags)
        steps = []
        if present:
            steps.append(Step(f"iam:Tag{kind}", {**identity, "Tags": tag_list(present)}))
        if absent:
            steps.append(Step(f"iam:Untag{kind}", {**identity, "TagKeys": list(absent)}))
        return steps, (Difference("tags", dict(current), self.after(current)),) if steps else ()


def _joined(parts: Sequence[Part]) -> tuple[tuple[Step, ...], tuple[Difference, ...]]:
    return tuple(step for part in parts for step in part[0]), tuple(one for part in parts for one in part[1])


def _created(shown: Mapping[str, t.Any]) -> tuple[Difference, ...]:
    """The differences of something new: whatever it has."""
    return tuple(Difference(name, None, value) for name, value in shown.items() if value not in (None, "", [], {}))


# --- managed policies


@dataclass(frozen=True, kw_only=True)
class WantedPolicy(WantedTags):
    """What a task wants of a customer managed policy. ``None`` means: leave it as it is."""

    name: str
    path: str = "/"
    description: str | None = None
    document: Document | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> WantedPolicy:
        """From the options of a task.

        :raises Refusal: for what IAM would not take
        """
        name, policy = params["name"], params["policy"]
        refuse_name(name, length=128)
        refuse_path(params["path"])
        wanted = {option: params[option] for option in ("name", "path", "description", "tags", "purge_tags")}
        return cls(document=policy_document(policy, option="policy", subject=name) if policy else None, **wanted)


def create_policy(wanted: WantedPolicy, arn: str) -> Plan:
    """The plan for a policy that does not exist."""
    document = wanted.document or {}
    arguments: dict[str, t.Any] = {
        "PolicyName": wanted.name,
        "Path": wanted.path,
        "PolicyDocument": _policy.text(document),
        **({"Description": wanted.description} if wanted.description else {}),
        **wanted.created(),
    }
    tags = wanted.after({})
    shown = {"policy_arn": arn, "description": wanted.description, "policy": document, "tags": tags}
    step = Step("iam:CreatePolicy", arguments, {"version_id": "Policy.DefaultVersionId"})
    version_id = Pending("version_id", "v1")
    result = _policy_result(wanted, arn, version_id, description=wanted.description or "", tags=tags)
    return Plan((step,), _created(shown), result)


def change_policy(wanted: WantedPolicy, policy: Policy) -> Plan:
    """The plan for a policy that exists.

    A wanted document that an older version has becomes a new version all the same: the history of versions then
    tells what was in force when.
    """
    document, deleted = _document(wanted, policy)
    steps, differences = _joined([document, wanted.part("Policy", {"PolicyArn": policy.arn}, policy.tags)])
    version_id = Pending("version_id", _next_version(policy)) if document[0] else policy.default_version_id
    result = _policy_result(
        wanted,
        policy.arn,
        version_id,
        description=policy.description,
        tags=wanted.after(policy.tags),
        deleted_version_id=deleted,
    )
    warnings: tuple[str, ...] = ()
    if wanted.description is not None and wanted.description != policy.description:
        warnings = (
            f"description: {policy.arn} is described as {policy.description!r}, and IAM cannot change that. It is left "
            "as it is; delete the policy first to have it created anew.",
        )
    return Plan(steps, differences, result, warnings)


def delete_policy(policy: Policy) -> Plan:
    """The plan that takes a policy and its versions away."""
    versions = policy.other_version_ids
    steps = [
        *(Step("iam:DeletePolicyVersion", {"PolicyArn": policy.arn, "VersionId": version}) for version in versions),
        Step("iam:DeletePolicy", {"PolicyArn": policy.arn}),
    ]
    differences = (
        Difference("policy_arn", policy.arn, None),
        Difference("versions", sorted(policy.version_ids), None),
    )
    return Plan(tuple(steps), differences, {"policy_arn": policy.arn})


def _policy_result(wanted: WantedPolicy, arn: str, version_id: str | Pending, **details: t.Any) -> dict[str, t.Any]:
    return {
        "policy_arn": arn,
        "policy_name": wanted.name,
        "path": wanted.path,
        "policy": wanted.document,
        "default_version_id": version_id,
        "deleted_version_id": None,
        **details,
    }


def _next_version(policy: Policy) -> str:
    return f"v{max(int(version[1:]) for version in (*policy.version_ids, policy.default_version_id)) + 1}"


def _document(wanted: WantedPolicy, policy: Policy) -> tuple[Part, str | None]:
    """The new version, with the oldest one out of its way where there is no room, and the id of that one."""
    if wanted.document is None or _policy.same_document(wanted.document, policy.document, partition=policy.partition):
        return _NOTHING, None
    steps: list[Step] = []
    differences = [Difference("policy", policy.document, wanted.document)]
    deleted = None
    if len(policy.version_ids) >= MAX_VERSIONS:
        deleted = policy.other_version_ids[0]
        steps.append(Step("iam:DeletePolicyVersion", {"PolicyArn": policy.arn, "VersionId": deleted}))
        differences.append(Difference("deleted_version_id", deleted, None))
    arguments = {"PolicyArn": policy.arn, "PolicyDocument": _policy.text(wanted.document), "SetAsDefault": True}
    steps.append(Step("iam:CreatePolicyVersion", arguments, {"version_id": "PolicyVersion.VersionId"}))
    return (steps, differences), deleted


# --- roles


@dataclass(frozen=True, kw_only=True)
class WantedRole(WantedTags):
    """What a task wants of a role. ``None`` means: leave it as it is (IAM's default for a new role).

    :param permissions_boundary: empty for none
    """

    name: str
    path: str | None = None
    description: str | None = None
    trust_statements: Sequence[Document] | None = None
    purge_trust_statements: bool = False
    managed_policies: Sequence[str] | None = None
    purge_policies: bool = False
    max_session_duration: int | None = None
    permissions_boundary: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> WantedRole:
        """From the options of a task.

        :raises Refusal: for what IAM would not take, and see :func:`trust_statements`
        """
        wanted = {option: params[option] for option in cls.__dataclass_fields__}
        refuse_name(wanted["name"], length=64)
        if wanted["path"] is not None:
            refuse_path(wanted["path"])
        for arn in wanted["managed_policies"] or ():
            refuse_policy_arn(arn, option="managed_policies")
        if wanted["permissions_boundary"]:
            refuse_policy_arn(wanted["permissions_boundary"], option="permissions_boundary")
        seconds = wanted["max_session_duration"]
        if seconds is not None and not 3600 <= seconds <= 43200:
            remedy = "IAM takes 3600 to 43200 seconds."
            raise Refusal("max_session_duration", str(seconds), "is not the duration of a session", remedy)
        if wanted["trust_statements"] is not None:
            wanted["trust_statements"] = trust_statements(wanted["trust_statements"])
        return cls(**wanted)


def create_role(wanted: WantedRole, owner: Owner) -> Plan:
    """The plan for a role that does not exist.

    :raises Refusal: where nobody is said to be able to assume it
    """
    if not wanted.trust_statements:
        remedy = "Say who may assume it; the filter coffer.velero.trust_policy_statements makes the statements."
        raise Refusal("trust_statements", wanted.name, "does not exist, and a role needs a trust policy", remedy)
    path = wanted.path or "/"
    trust = _policy.merge(None, wanted.trust_statements).document
    arguments = {
        "RoleName": wanted.name,
        "Path": path,
        "AssumeRolePolicyDocument": _policy.text(trust),
        **({"Description": wanted.description} if wanted.description else {}),
        **({"MaxSessionDuration": wanted.max_session_duration} if wanted.max_session_duration else {}),
        **({"PermissionsBoundary": wanted.permissions_boundary} if wanted.permissions_boundary else {}),
        **wanted.created(),
    }
    policies = list(wanted.managed_policies or ())
    steps = [Step("iam:CreateRole", arguments, {"role_arn": "Role.Arn", "role_id": "Role.RoleId"})]
    steps.extend(_attach(wanted.name, policies))
    shown: dict[str, t.Any] = {
        "description": wanted.description or "",
        "managed_policies": policies,
        "max_session_duration": wanted.max_session_duration or 3600,
        "permissions_boundary": wanted.permissions_boundary or "",
        "tags": wanted.after({}),
    }
    arn = owner.arn(f"role{path}{wanted.name}")
    result = {
        "role_arn": Pending("role_arn", arn),
        "role_id": Pending("role_id", PREDICTED_ROLE_ID),
        "role_name": wanted.name,
        "path": path,
        **shown,
        "trust_statements": list(wanted.trust_statements),
        "kept_trust_statements": [],
        "kept_policies": [],
    }
    by_sid = {str(statement["Sid"]): statement for statement in wanted.trust_statements}
    return Plan(tuple(steps), _created({"role_arn": arn, "trust_statements": by_sid, **shown}), result)


def change_role(wanted: WantedRole, role: Role) -> Plan:
    """The plan for a role that exists.

    :raises Refusal: where it is at another path than wanted
    """
    path = str(role.metadata["Path"])
    if wanted.path not in (None, path):
        remedy = "IAM cannot move it: give that path, leave the option out, or choose another name."
        raise Refusal("path", wanted.name, f"exists at {path}, not at {wanted.path}", remedy)
    trust = _trust(wanted, role)
    parts = (
        _trust_part(wanted, trust),
        _settings(wanted, role),
        _boundary(wanted, role),
        _attachments(wanted, role),
        wanted.part("Role", {"RoleName": wanted.name}, role.tags),
    )
    steps, differences = _joined(parts)
    boundary = wanted.permissions_boundary
    result = {
        "role_arn": role.arn,
        "role_id": role.metadata["RoleId"],
        "role_name": wanted.name,
        "path": path,
        "description": role.description if wanted.description is None else wanted.description,
        "trust_statements": _policy.listed(trust.document["Statement"]),
        "kept_trust_statements": list(trust.kept),
        "managed_policies": _attached_after(wanted, role),
        "kept_policies": [arn for arn in _attached_after(wanted, role) if arn not in (wanted.managed_policies or ())],
        "max_session_duration": wanted.max_session_duration or role.max_session_duration,
        "permissions_boundary": role.permissions_boundary if boundary is None else boundary,
        "tags": wanted.after(role.tags),
    }
    warnings: Iterable[str] = ()
    if wanted.trust_statements is not None:
        warnings = trust_warnings(wanted.name, trust.document, wanted.trust_statements, partition=role.partition)
    return Plan(steps, differences, result, tuple(warnings))


def delete_role(wanted: WantedRole, role: Role) -> Plan:
    """The plan that takes a role away.

    :raises Refusal: where it has more than this task knows of, and purging was not asked for
    """
    attached = role.attached or ()
    foreign = [arn for arn in attached if arn not in (wanted.managed_policies or ())]
    foreign.extend(f"inline policy {name}" for name in role.inline)
    if foreign and not wanted.purge_policies:
        remedy = (
            "Somebody else may rely on the role. Find out who; purge_policies=true detaches and deletes them with it."
        )
        raise Refusal("state", wanted.name, f"has what managed_policies does not name: {', '.join(foreign)}", remedy)
    steps = [
        *_detach(wanted.name, attached),
        *(Step("iam:DeleteRolePolicy", {"RoleName": wanted.name, "PolicyName": name}) for name in role.inline),
        Step("iam:DeleteRole", {"RoleName": wanted.name}),
    ]
    shown = {
        "role_arn": role.arn,
        "managed_policies": list(attached) or None,
        "inline_policies": list(role.inline) or None,
    }
    differences = tuple(Difference(name, value, None) for name, value in shown.items() if value)
    return Plan(tuple(steps), differences, {"role_name": wanted.name, "role_arn": role.arn})


def _trust(wanted: WantedRole, role: Role) -> _policy.Merge:
    if wanted.trust_statements is None:
        return _policy.merge(role.trust, ())
    ours, partition = wanted.trust_statements, role.partition
    merged = _policy.merge(role.trust, ours, purge=wanted.purge_trust_statements, partition=partition)
    _policy.refuse_plain_variables(merged, ours, option="trust_statements")
    orphans = _policy.orphaned_principals(merged.document)
    if merged.differences and orphans:
        reason = f"has a trust statement {orphans[0]['sid']} for {orphans[0]['principal']}, which was deleted"
        remedy = "IAM takes no trust policy that names it: correct that statement, or set purge_trust_statements=true."
        raise Refusal("trust_statements", wanted.name, reason, remedy)
    return merged


def _trust_part(wanted: WantedRole, trust: _policy.Merge) -> Part:
    if not trust.differences:
        return _NOTHING
    arguments = {"RoleName": wanted.name, "PolicyDocument": _policy.text(trust.document)}
    before = {one.name: one.before for one in trust.differences if one.before is not None}
    after = {one.name: one.after for one in trust.differences if one.after is not None}
    return (Step("iam:UpdateAssumeRolePolicy", arguments),), (Difference("trust_statements", before, after),)


def _settings(wanted: WantedRole, role: Role) -> Part:
    """Description and session duration; what is left out of the request stays as it is."""
    asked = {"description": wanted.description, "max_session_duration": wanted.max_session_duration}
    current = {"description": role.description, "max_session_duration": role.max_session_duration}
    differences = compare({name: value for name, value in asked.items() if value is not None}, current)
    members = {"description": "Description", "max_session_duration": "MaxSessionDuration"}
    arguments = {members[one.name]: one.after for one in differences}
    return [Step("iam:UpdateRole", {"RoleName": wanted.name, **arguments})] if differences else (), differences


def _boundary(wanted: WantedRole, role: Role) -> Part:
    asked, current = wanted.permissions_boundary, role.permissions_boundary
    if asked is None or asked == current:
        return _NOTHING
    identity = {"RoleName": wanted.name}
    step = Step("iam:DeleteRolePermissionsBoundary", identity)
    if asked:
        step = Step("iam:PutRolePermissionsBoundary", {**identity, "PermissionsBoundary": asked})
    return (step,), (Difference("permissions_boundary", current or None, asked or None),)


def _attachments(wanted: WantedRole, role: Role) -> Part:
    before, after = list(role.attached or ()), _attached_after(wanted, role)
    steps = [
        *_attach(wanted.name, [arn for arn in after if arn not in before]),
        *_detach(wanted.name, [arn for arn in before if arn not in after]),
    ]
    return steps, (Difference("managed_policies", before, after),) if steps else ()


def _attached_after(wanted: WantedRole, role: Role) -> list[str]:
    """The attached policies as they are after the plan; the foreign ones first, as they were."""
    attached = role.attached or ()
    if wanted.managed_policies is None:
        return list(attached)
    kept = [arn for arn in attached if arn in wanted.managed_policies or not wanted.purge_policies]
    return list(dict.fromkeys((*kept, *wanted.managed_policies)))


def _attach(name: str, arns: Sequence[str]) -> list[Step]:
    return [Step("iam:AttachRolePolicy", {"RoleName": name, "PolicyArn": arn}) for arn in dict.fromkeys(arns)]


def _detach(name: str, arns: Sequence[str]) -> list[Step]:
    return [Step("iam:DetachRolePolicy", {"RoleName": name, "PolicyArn": arn}) for arn in arns]


# --- OIDC providers


@dataclass(frozen=True, kw_only=True)
class WantedProvider(WantedTags):
    """What a task wants of an OIDC provider.

    :param issuer: as ARNs spell it
    :param thumbprints: ``None`` leaves them to IAM
    """

    issuer: str
    client_ids: Sequence[str] = ()
    thumbprints: Sequence[str] | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any], issuer: str) -> WantedProvider:
        """From the options of a task.

        :raises Refusal: for what IAM would not take
        """
        thumbprints = [text.lower() for text in params["thumbprints"] or ()]
        for text in thumbprints:
            if not re.fullmatch(r"[0-9a-f]{40}", text):
                remedy = "Give the SHA-1 fingerprint of a certificate: 40 hexadecimal digits without colons."
                raise Refusal("thumbprints", text, "is not a thumbprint", remedy)
        if len(thumbprints) > MAX_THUMBPRINTS:
            remedy = "Leave out those of certificates that are no longer served."
            raise Refusal("thumbprints", issuer, f"has {len(thumbprints)}, and IAM takes {MAX_THUMBPRINTS}", remedy)
        tags = {option: params[option] for option in ("tags", "purge_tags")}
        return cls(issuer=issuer, client_ids=params["client_ids"], thumbprints=thumbprints or None, **tags)


def create_provider(wanted: WantedProvider, arn: str) -> Plan:
    """The plan for a provider that does not exist."""
    client_ids = list(dict.fromkeys(wanted.client_ids))
    arguments = {
        "Url": f"https://{wanted.issuer}",
        "ClientIDList": client_ids,
        **({"ThumbprintList": list(wanted.thumbprints)} if wanted.thumbprints else {}),
        **wanted.created(),
    }
    shown = {"client_ids": client_ids, "thumbprints": list(wanted.thumbprints or ()), "tags": wanted.after({})}
    differences = _created({"oidc_provider_arn": arn, **shown})
    return Plan(
        (Step("iam:CreateOpenIDConnectProvider", arguments),), differences, _provider_result(wanted, arn, shown)
    )


def change_provider(wanted: WantedProvider, provider: Provider) -> Plan:
    """The plan for a provider that exists; audiences that somebody else added are kept."""
    identity = {"OpenIDConnectProviderArn": provider.arn}
    missing = [one for one in dict.fromkeys(wanted.client_ids) if one not in provider.client_ids]
    client_ids = [*provider.client_ids, *missing]
    add = [Step("iam:AddClientIDToOpenIDConnectProvider", {**identity, "ClientID": one}) for one in missing]
    shown = {
        "client_ids": client_ids,
        "thumbprints": list(wanted.thumbprints or provider.thumbprints),
        "tags": wanted.after(provider.tags),
    }
    steps, differences = _joined(
        [
            (add, (Difference("client_ids", list(provider.client_ids), client_ids),) if add else ()),
            _thumbprints(wanted, provider),
            wanted.part("OpenIDConnectProvider", identity, provider.tags),
        ]
    )
    return Plan(steps, differences, _provider_result(wanted, provider.arn, shown))


def delete_provider(wanted: WantedProvider, provider: Provider) -> Plan:
    """The plan that takes a provider away."""
    step = Step("iam:DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider.arn})
    result = {"oidc_provider_arn": provider.arn, "issuer_url": f"https://{wanted.issuer}"}
    return Plan((step,), (Difference("oidc_provider_arn", provider.arn, None),), result)


def _provider_result(wanted: WantedProvider, arn: str, shown: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "oidc_provider_arn": arn,
        "oidc_provider": wanted.issuer,
        "issuer_url": f"https://{wanted.issuer}",
        **shown,
    }


def _thumbprints(wanted: WantedProvider, provider: Provider) -> Part:
    """IAM replaces the whole list; the order of it means nothing."""
    if not wanted.thumbprints or set(wanted.thumbprints) == set(provider.thumbprints):
        return _NOTHING
    arguments = {"OpenIDConnectProviderArn": provider.arn, "ThumbprintList": list(wanted.thumbprints)}
    difference = Difference("thumbprints", list(provider.thumbprints), list(wanted.thumbprints))
    return (Step("iam:UpdateOpenIDConnectProviderThumbprint", arguments),), (difference,)
