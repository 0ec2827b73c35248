# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IAM's policies, roles and OIDC providers look like to this collection. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .. import _policy
from .._arn import Arn
from .._errors import ValidationError
from .._plan import Changes, Difference, Step
from .._tags import tag_changes, tag_dict, tag_list, tags_after
from .._types import Document

#: What the unique id of a role would look like; IAM never gives this one.
PREDICTED_ROLE_ID = "AROA00000000000000000"


class Owner(t.NamedTuple):
    """The account that the entities of IAM belong to, as their ARNs name it."""

    partition: str
    account_id: str

    def arn(self, resource: str) -> str:
        return str(Arn(self.partition, "iam", "", self.account_id, resource))


@dataclass(frozen=True)
class Policy:
    """A customer managed policy.

    :param metadata: as ``iam:GetPolicy`` describes it
    :param document: its default version; empty where it was not asked for
    :param version_ids: all versions, the oldest first; empty where they were not asked for
    """

    metadata: Mapping[str, t.Any]
    document: Document
    version_ids: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return str(self.metadata["Arn"])

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def default_version_id(self) -> str:
        return str(self.metadata["DefaultVersionId"])

    @property
    def description(self) -> str:
        return str(self.metadata.get("Description") or "")

    @property
    def tags(self) -> dict[str, str]:
        return tag_dict(self.metadata.get("Tags") or ())

    @property
    def other_version_ids(self) -> tuple[str, ...]:
        """The versions that can be deleted, the oldest first."""
        return tuple(version for version in self.version_ids if version != self.default_version_id)


@dataclass(frozen=True)
class Role:
    """A role.

    :param metadata: as ``iam:GetRole`` describes it
    :param attached: ARNs of the attached managed policies; ``None`` where they were not asked for
    :param inline: names of the inline policies; empty where they were not asked for
    """

    metadata: Mapping[str, t.Any]
    attached: tuple[str, ...] | None = None
    inline: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return str(self.metadata["Arn"])

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def trust(self) -> Document:
        return _policy.parse(self.metadata["AssumeRolePolicyDocument"], option="name", resource=self.arn)

    @property
    def trust_only(self) -> Role:
        """The role with nothing of it that can change but its trust policy."""
        return Role({name: self.metadata[name] for name in ("Arn", "AssumeRolePolicyDocument")})

    @property
    def description(self) -> str:
        return str(self.metadata.get("Description") or "")

    @property
    def max_session_duration(self) -> int:
        return int(self.metadata.get("MaxSessionDuration") or 3600)

    @property
    def permissions_boundary(self) -> str:
        return str((self.metadata.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""))

    @property
    def tags(self) -> dict[str, str]:
        return tag_dict(self.metadata.get("Tags") or ())


@dataclass(frozen=True)
class Provider:
    """An OIDC provider, as ``iam:GetOpenIDConnectProvider`` describes it."""

    arn: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DesiredTags:
    """What a task wants of the tags; ``None`` leaves them alone."""

    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    def after(self, current: Mapping[str, str]) -> dict[str, str]:
        """The tags as they are after the plan."""
        return tags_after(self.tags, current, purge=self.purge_tags)

    def created(self) -> dict[str, t.Any]:
        """The parameter of a create; left out where there is no tag, since it takes a permission of its own."""
        return {"Tags": tag_list(self.tags)} if self.tags else {}

    def tag_steps(self, kind: str, identity: Mapping[str, str], current: Mapping[str, str]) -> Changes:
        """The requests that change the tags of an existing entity."""
        present, absent = tag_changes(self.tags, current, purge=self.purge_tags)
        steps = []
        if present:
            steps.append(Step(f"iam:Tag{kind}", {**identity, "Tags": tag_list(present)}))
        if absent:
            steps.append(Step(f"iam:Untag{kind}", {**identity, "TagKeys": list(absent)}))
        return steps, (Difference("tags", dict(current), self.after(current)),) if steps else ()


def validate_name(text: str, *, option: str = "name", length: int) -> None:
    """Refuse a name that IAM does not take.

    :raises ValidationError: for an ARN, a path, and characters that IAM does not know
    """
    if not re.fullmatch(r"[\w+=,.@-]+", text, re.ASCII) or len(text) > length:
        remediation = f"Give 1 to {length} letters, digits and _+=,.@- without path or ARN."
        raise ValidationError(option, text or "it", "is not a name for IAM", remediation)


def refuse_other_spelling(name: str, found: str, path: str, wanted_path: str | None) -> None:
    """Refuse a name that IAM takes for another one that is in use: whatever its case, and whatever its path.

    :param found: the name that is in use, at ``path``
    :raises ValidationError: where name or path are spelled otherwise
    """
    if found != name:
        remediation = f"IAM does not tell names apart by case: write {found}, or choose another name."
        raise ValidationError("name", name, f"exists as {found}", remediation)
    if wanted_path not in (None, path):
        remediation = (
            f"IAM cannot move it: give {path} (velero_role_path or velero_policy_path of the roles), or choose another "
            "name."
        )
        raise ValidationError("path", name, f"exists at {path}, not at {wanted_path}", remediation)


def validate_path(text: str, *, option: str = "path") -> None:
    """Refuse a path that IAM does not take.

    :raises ValidationError: where it does not begin and end with a slash
    """
    if not re.fullmatch(r"/([!-~]+/)?", text) or len(text) > 512:
        raise ValidationError(option, text or "it", "is not a path of IAM", "Begin and end it with a slash: /backup/.")


def validate_policy_arn(text: str, *, option: str) -> None:
    """Refuse what is not the ARN of a managed policy.

    :raises ValidationError: for names too: finding a policy by its name means listing every policy there is
    """
    arn = Arn.parse(text)
    if arn is None or arn.service != "iam" or not arn.resource.startswith("policy/"):
        remediation = "Give its ARN, arn:aws:iam::ACCOUNT:policy/NAME; coffer.velero.iam_policy returns it."
        raise ValidationError(option, text or "it", "is not the ARN of a managed policy", remediation)


def issuer_name(url: str, *, option: str = "issuer_url") -> str:
    """The issuer as ARNs and condition keys of IAM spell it: without scheme and trailing slash.

    :raises ValidationError: for what cannot be the issuer of a cluster's tokens
    """
    remediation = "Give it as the cluster reports it: https://oidc.eks.REGION.amazonaws.com/id/ID."
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme != "https":
        raise ValidationError(option, url, f"is an {parts.scheme} URL, and IAM trusts https alone", remediation)
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValidationError(option, url, "has a query or a fragment, which no issuer has", remediation)
    if not parts.hostname or "@" in parts.netloc or re.search(r"[*?\s]", text):
        # What stands before an @ is a password.
        raise ValidationError(option, url.rpartition("@")[2] or "it", "is not the URL of an issuer", remediation)
    if len(text) > 255:
        raise ValidationError(option, url, "is longer than the 255 characters that IAM takes", remediation)
    return parts.netloc.lower() + parts.path.rstrip("/")


def issuer_of(cluster: Mapping[str, t.Any]) -> tuple[str, Owner]:
    """The issuer of an EKS cluster, and the account that the cluster is in.

    :param cluster: as ``eks:DescribeCluster`` describes it
    :raises ValidationError: where the cluster cannot be used, or has no issuer
    """
    name, status = str(cluster["name"]), cluster["status"]
    # A cluster goes on working while it is being upgraded.
    if status not in ("ACTIVE", "UPDATING"):
        raise ValidationError("cluster_name", name, f"is {status}", "Wait until it is ACTIVE, or give issuer_url.")
    issuer = ((cluster.get("identity") or {}).get("oidc") or {}).get("issuer")
    if not issuer:
        remediation = "Use EKS Pod Identity there, or give issuer_url."
        raise ValidationError("cluster_name", name, "has no OIDC issuer", remediation)
    partition, account_id = str(cluster["arn"]).split(":")[1:5:3]
    return issuer_name(issuer, option="cluster_name"), Owner(partition, account_id)
