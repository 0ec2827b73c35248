# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of an audit. It only reads, and a denied request ends nothing. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .._arn import Arn
from .._aws import Aws, missing_permission
from .._cloudtrail.api import selectors_of_trail
from .._errors import ServiceError, ValidationError
from .._kms.model import Key
from .._policy import parse
from .._profile import StorageProfile
from .._s3.model import OWNER_ENFORCED, address
from .._types import Document
from .facts import Absent, BucketFacts, Fact, PolicyFacts, Present, RoleFacts, TrailState, Unavailable

#: The most of each that are asked for one by one: IAM attaches 20 policies to a role, CloudTrail has 5 trails a Region
#: beside those of the organization.
MOST_POLICIES, MOST_TRAILS = 20, 10

Pick: t.TypeAlias = Callable[[dict[str, t.Any]], t.Any]
_AWS_MANAGED = ":iam::aws:policy/"


def _unavailable(error: ServiceError) -> Unavailable:
    """What could not be read, in the service's own words."""
    permission = missing_permission(error)
    return Unavailable(str(error), "access_denied" if permission else "request_failed", permission)


@dataclass(frozen=True)
class Reader:
    """Sends one request at a time, so that a denied one hides nothing else."""

    aws: Aws

    def ask(
        self, action: str, pick: Pick, absent: Mapping[str, Fact[t.Any]] | None = None, **arguments: t.Any
    ) -> t.Any:
        """A fact from one request.

        :param pick: the fact from the answer
        :param absent: the fact that an error code stands for
        """
        try:
            return Present(pick(self.aws.call(action, **arguments)))
        except ServiceError as error:
            known = (absent or {}).get(error.code)
            return _unavailable(error) if known is None else known
        except ValidationError as refusal:
            return Unavailable(str(refusal), "invalid_policy")

    def list(self, action: str, member: str, *, most: int = 100, **arguments: t.Any) -> t.Any:
        """A fact from a paged list, the first ``most`` entries of it."""
        found: list[t.Any] = []
        try:
            for entry in self.aws.pages(action, member, **arguments):
                found.append(entry)
                if len(found) == most:
                    break
        except ServiceError as error:
            return _unavailable(error)
        return Present(found)


# --- the key ---------------------------------------------------------------------------------------------------------


def read_key(reader: Reader, profile: StorageProfile, alias: str | None) -> dict[str, t.Any]:
    """The facts of the key by their names in ``Facts``; none where the mode has no key."""
    if not profile.kms_key_arn:
        return {}
    arn = profile.kms_key_arn
    gone = {"NotFoundException": Absent(f"The key {arn} does not exist.")}
    key = reader.ask("kms:DescribeKey", lambda answer: answer["KeyMetadata"], gone, KeyId=arn)
    facts = {"key": key, "rotation": key, "key_policy": key, "shared_policy": key}
    if not isinstance(key, Absent):
        facts.update(_details(reader, profile, key))
    if alias is not None:
        none: dict[str, Fact[t.Any]] = {"NotFoundException": Present(None)}
        facts["alias_target"] = reader.ask("kms:DescribeKey", lambda a: a["KeyMetadata"]["Arn"], none, KeyId=alias)
    return facts


def _details(reader: Reader, profile: StorageProfile, key: Fact[t.Any]) -> dict[str, Fact[t.Any]]:
    arn = str(profile.kms_key_arn)

    def policy(name: str, absent: Mapping[str, Fact[t.Any]] | None = None) -> t.Any:
        found = reader.ask("kms:GetKeyPolicy", lambda a: _parsed(a["Policy"], arn), absent, KeyId=arn, PolicyName=name)
        owner = arn.split(":")[4]
        if isinstance(found, Unavailable) and owner != profile.account_id:
            note = f"KMS returns a key policy to its own account only: audit it with credentials of {owner}."
            return replace(found, message=f"{found.message} {note}")
        return found

    facts: dict[str, Fact[t.Any]] = {
        "key_policy": policy("default"),
        "shared_policy": policy("AWS_RAM", {"NotFoundException": Present(None)}),
    }
    if not isinstance(key, Present) or Key(key.value).rotatable:
        facts["rotation"] = reader.ask("kms:GetKeyRotationStatus", lambda answer: answer, KeyId=arn)
    return facts


def _parsed(text: str | Mapping[str, t.Any], resource: str) -> t.Any:
    return parse(text, option="policy", resource=resource)


# --- buckets ---------------------------------------------------------------------------------------------------------


class _Setting(t.NamedTuple):
    """A setting of a bucket: the request, what to take of the answer, the error code for none, and its fact."""

    action: str
    pick: Pick
    code: str = ""
    none: t.Any = None


_SETTINGS = {
    "public_access_block": _Setting(
        "s3:GetPublicAccessBlock",
        lambda answer: answer["PublicAccessBlockConfiguration"],
        "NoSuchPublicAccessBlockConfiguration",
        {},
    ),
    "policy": _Setting(
        "s3:GetBucketPolicy", lambda answer: _parsed(answer["Policy"], "the bucket"), "NoSuchBucketPolicy"
    ),
    "ownership": _Setting(
        "s3:GetBucketOwnershipControls",
        lambda answer: next((rule["ObjectOwnership"] for rule in answer["OwnershipControls"]["Rules"]), None),
        "OwnershipControlsNotFoundError",
    ),
    "logging": _Setting("s3:GetBucketLogging", lambda answer: answer.get("LoggingEnabled")),
    "encryption": _Setting(
        "s3:GetBucketEncryption",
        lambda answer: answer["ServerSideEncryptionConfiguration"],
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    "versioning": _Setting("s3:GetBucketVersioning", lambda answer: answer),
    "lifecycle": _Setting(
        "s3:GetBucketLifecycleConfiguration", lambda answer: answer["Rules"], "NoSuchLifecycleConfiguration", ()
    ),
    "object_lock": _Setting(
        "s3:GetObjectLockConfiguration",
        lambda answer: answer["ObjectLockConfiguration"],
        "ObjectLockConfigurationNotFoundError",
    ),
}
#: The settings that matter of a trail's bucket.
OF_TRAIL = ("public_access_block", "policy", "ownership", "logging")


def read_bucket(
    reader: Reader, name: str, owner: str | None, settings: t.Collection[str] = tuple(_SETTINGS)
) -> BucketFacts:
    """The settings of a bucket; the ACL is read only where ACLs are not disabled."""
    gone = Absent(f"The bucket {name} does not exist.")
    facts: dict[str, Fact[t.Any]] = {}
    for setting in settings:
        if gone in facts.values():
            facts[setting] = gone
            continue
        action, pick, code, none = _SETTINGS[setting]
        absent: dict[str, Fact[t.Any]] = {"NoSuchBucket": gone, **({code: Present(none)} if code else {})}
        found = reader.ask(action, pick, absent, **address(name, owner))
        if owner and isinstance(found, Unavailable) and found.permission:
            found = replace(found, message=f"{found.message} Or the bucket does not belong to account {owner}.")
        facts[setting] = found
    if facts.get("ownership") == gone:
        facts["acl"] = gone
    elif facts.get("ownership") != Present(OWNER_ENFORCED):
        facts["acl"] = reader.ask("s3:GetBucketAcl", lambda answer: answer, **address(name, owner))
    return BucketFacts(**facts)


def read_account_block(reader: Reader, account_id: str) -> t.Any:
    """Block Public Access of the account.

    Sent once: on an endpoint other than AWS's own botocore puts the account before the host, where there may be none.
    """
    absent: dict[str, Fact[t.Any]] = {"NoSuchPublicAccessBlockConfiguration": Present({})}
    return reader.ask(
        "s3control:GetPublicAccessBlock",
        lambda answer: answer["PublicAccessBlockConfiguration"],
        absent,
        once=True,
        AccountId=account_id,
    )


# --- roles -----------------------------------------------------------------------------------------------------------


def read_policy(reader: Reader, arn: str) -> t.Any:
    """The default version of a managed policy."""
    gone = {"NoSuchEntity": Absent(f"The policy {arn} does not exist.")}
    found = reader.ask("iam:GetPolicy", lambda answer: answer["Policy"]["DefaultVersionId"], gone, PolicyArn=arn)
    if not isinstance(found, Present):
        return found
    return reader.ask(
        "iam:GetPolicyVersion",
        lambda answer: _parsed(answer["PolicyVersion"]["Document"], arn),
        gone,
        PolicyArn=arn,
        VersionId=found.value,
    )


def read_role(reader: Reader, arn: str, account_id: str, known: Mapping[str, Fact[t.Any]]) -> RoleFacts:
    """A role with its policies.

    :param known: documents of policies that have been read already, by ARN
    """
    parts = Arn.parse(arn)
    if parts is None or parts.account_id != account_id:
        message = f"IAM returns {arn} to its own account only: audit it with credentials of that account."
        other = Unavailable(message, "out_of_scope")
        return RoleFacts(arn=arn, trust=other, attached=other, inline=other)
    name = parts.resource.rpartition("/")[2]
    gone = Absent(f"The role {arn} does not exist.")
    role = reader.ask("iam:GetRole", lambda answer: answer["Role"], {"NoSuchEntity": gone}, RoleName=name)
    if isinstance(role, Present) and role.value["Arn"] != arn:
        role = gone  # a role of the same name in another account or under another path
    if role == gone:
        return RoleFacts(arn=arn, trust=gone, attached=gone, inline=gone)
    trust = role if not isinstance(role, Present) else _trust(role.value, arn)
    return RoleFacts(arn=arn, trust=trust, attached=_attached(reader, name, known), inline=_inline(reader, name))


def _trust(role: Mapping[str, t.Any], arn: str) -> Fact[t.Any]:
    try:
        return Present(_parsed(role["AssumeRolePolicyDocument"], arn))
    except ValidationError as refusal:
        return Unavailable(str(refusal), "invalid_policy")


def _attached(reader: Reader, role: str, known: Mapping[str, Fact[t.Any]]) -> t.Any:
    listed = reader.list("iam:ListAttachedRolePolicies", "AttachedPolicies", most=MOST_POLICIES, RoleName=role)
    if not isinstance(listed, Present):
        return listed
    not_needed = Unavailable("AWS manages this policy.", "not_requested")
    policies = []
    for arn in (str(entry["PolicyArn"]) for entry in listed.value):
        document = not_needed if _AWS_MANAGED in arn else known.get(arn) or read_policy(reader, arn)
        policies.append(PolicyFacts(arn=arn, document=document))
    return Present(policies)


def _inline(reader: Reader, role: str) -> t.Any:
    listed = reader.list("iam:ListRolePolicies", "PolicyNames", most=MOST_POLICIES, RoleName=role)
    if not isinstance(listed, Present):
        return listed
    documents = {}
    for name in listed.value:
        found = reader.ask(
            "iam:GetRolePolicy", lambda a: _parsed(a["PolicyDocument"], a["RoleName"]), RoleName=role, PolicyName=name
        )
        if not isinstance(found, Present):
            return found
        documents[name] = found.value
    return Present(documents)


# --- trails ----------------------------------------------------------------------------------------------------------


def read_trails(reader: Reader) -> t.Any:
    """The trails that record the Region, those of other Regions and of the organization too."""
    listed = reader.ask("cloudtrail:DescribeTrails", lambda answer: answer["trailList"], includeShadowTrails=True)
    if not isinstance(listed, Present):
        return listed
    return Present([_trail(reader, trail) for trail in listed.value[:MOST_TRAILS]])


def _trail(reader: Reader, trail: Document) -> TrailState:
    arn = trail["TrailARN"]
    status = reader.ask("cloudtrail:GetTrailStatus", lambda answer: answer, Name=arn)
    return TrailState(trail=trail, selectors=_selectors(reader, trail), status=status)


def _selectors(reader: Reader, trail: Mapping[str, t.Any]) -> Fact[t.Any]:
    try:
        found = selectors_of_trail(reader.aws, trail)
    except ServiceError as error:
        return _unavailable(error)
    owner = str(trail["TrailARN"]).split(":")[4]
    message = f"CloudTrail returns the selectors of {trail['TrailARN']} to {owner} only: audit it with its credentials."
    return Unavailable(message, "out_of_scope") if found is None else Present(found)
