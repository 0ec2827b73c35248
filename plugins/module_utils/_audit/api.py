# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of an audit. It only reads, and a denied request ends nothing. PRIVATE to coffer.velero."""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

from .._arn import Arn
from .._aws import Aws, missing_permission
from .._cloudtrail.api import selectors_of_trail
from .._errors import ServiceError, ValidationError
from .._kms.model import Key
from .._policy import parse
from .._profile import StorageProfile
from .._s3.model import OWNER_ENFORCED, address
from .facts import AWS_MANAGED, Absent, BucketFacts, Fact, PolicyFacts, Present, RoleFacts, TrailState, Unavailable

#: The most of each that are asked for one by one: IAM attaches 20 policies to a role, CloudTrail has 5 trails a Region
#: beside those of the organization.
MOST_POLICIES, MOST_TRAILS = 20, 10

Pick: t.TypeAlias = Callable[[t.Any], t.Any]
FactMap: t.TypeAlias = "Mapping[str, Fact[t.Any]]"
_BLOCK = itemgetter("PublicAccessBlockConfiguration")


def _whole(answer: t.Any) -> t.Any:
    return answer


@dataclass(frozen=True)
class Reader:
    """Sends one request at a time, so that a denied one hides nothing else."""

    aws: Aws

    def fact(self, read: Callable[[], t.Any], absent: FactMap | None = None) -> t.Any:
        """What ``read`` returns, or why it could not, in the service's own words.

        :param absent: the fact that an error code stands for
        """
        try:
            return Present(read())
        except ServiceError as error:
            if absent and error.code in absent:
                return absent[error.code]
            permission = missing_permission(error)
            return Unavailable(str(error), "access_denied" if permission else "request_failed", permission)
        except ValidationError as refusal:
            return Unavailable(str(refusal), "invalid_policy")

    def ask(self, action: str, pick: Pick = _whole, absent: FactMap | None = None, **arguments: t.Any) -> t.Any:
        """A fact from one request: what ``pick`` takes from the answer."""
        return self.fact(lambda: pick(self.aws.call(action, **arguments)), absent)

    def list(self, action: str, member: str, pick: Pick = _whole, *, most: int = 100, **arguments: t.Any) -> t.Any:
        """A fact from a paged list: what ``pick`` takes from the first ``most`` entries of it."""
        return self.fact(lambda: pick([*itertools.islice(self.aws.pages(action, member, **arguments), most)]))


# --- the key ---------------------------------------------------------------------------------------------------------


def read_key(reader: Reader, profile: StorageProfile, alias: str | None) -> dict[str, t.Any]:
    """The facts of the key by their names in ``Facts``; none where the mode has no key."""
    arn = profile.kms_key_arn
    if not arn:
        return {}
    gone = {"NotFoundException": Absent(f"The key {arn} does not exist.")}
    none = {"NotFoundException": Present(None)}
    key = reader.ask("kms:DescribeKey", itemgetter("KeyMetadata"), gone, KeyId=arn)
    facts = dict.fromkeys(("key", "rotation", "key_policy", "shared_policy"), key)
    if not isinstance(key, Absent):
        facts["key_policy"] = _key_policy(reader, arn, profile.account_id, "default")
        facts["shared_policy"] = _key_policy(reader, arn, profile.account_id, "AWS_RAM", none)
        if not isinstance(key, Present) or Key(key.value).rotatable:
            facts["rotation"] = reader.ask("kms:GetKeyRotationStatus", KeyId=arn)
    if alias is not None:
        facts["alias_target"] = reader.ask("kms:DescribeKey", lambda a: a["KeyMetadata"]["Arn"], none, KeyId=alias)
    return facts


def _key_policy(reader: Reader, arn: str, account_id: str, name: str, absent: FactMap | None = None) -> t.Any:
    found = reader.ask("kms:GetKeyPolicy", lambda a: _parsed(a["Policy"], arn), absent, KeyId=arn, PolicyName=name)
    owner = arn.split(":")[4]
    if isinstance(found, Unavailable) and owner != account_id:
        note = f"KMS returns a key policy to its own account only: audit it with credentials of {owner}."
        return replace(found, message=f"{found.message} {note}")
    return found


def _parsed(text: str | Mapping[str, t.Any], resource: str) -> t.Any:
    return parse(text, option="policy", resource=resource)


# --- buckets ---------------------------------------------------------------------------------------------------------


class _Setting(t.NamedTuple):
    """A setting of a bucket: the request, what to take of the answer, the error code for none, and its fact."""

    action: str
    pick: Pick = _whole
    code: str = ""
    none: t.Any = None


_SETTINGS = {
    "public_access_block": _Setting("s3:GetPublicAccessBlock", _BLOCK, "NoSuchPublicAccessBlockConfiguration", {}),
    "policy": _Setting("s3:GetBucketPolicy", lambda a: _parsed(a["Policy"], "the bucket"), "NoSuchBucketPolicy"),
    "ownership": _Setting(
        "s3:GetBucketOwnershipControls",
        lambda answer: next((rule["ObjectOwnership"] for rule in answer["OwnershipControls"]["Rules"]), None),
        "OwnershipControlsNotFoundError",
    ),
    "logging": _Setting("s3:GetBucketLogging", lambda answer: answer.get("LoggingEnabled")),
    "encryption": _Setting(
        "s3:GetBucketEncryption",
        itemgetter("ServerSideEncryptionConfiguration"),
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    "versioning": _Setting("s3:GetBucketVersioning"),
    "lifecycle": _Setting(
        "s3:GetBucketLifecycleConfiguration", itemgetter("Rules"), "NoSuchLifecycleConfiguration", ()
    ),
    "object_lock": _Setting(
        "s3:GetObjectLockConfiguration", itemgetter("ObjectLockConfiguration"), "ObjectLockConfigurationNotFoundError"
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
        absent: FactMap = {"NoSuchBucket": gone, **({code: Present(none)} if code else {})}
        found = reader.ask(action, pick, absent, **address(name, owner))
        if owner and isinstance(found, Unavailable) and found.permission:
            found = replace(found, message=f"{found.message} Or the bucket does not belong to account {owner}.")
        facts[setting] = found
    if facts.get("ownership") == gone:
        facts["acl"] = gone
    elif facts.get("ownership") != Present(OWNER_ENFORCED):
        facts["acl"] = reader.ask("s3:GetBucketAcl", **address(name, owner))
    return BucketFacts(**facts)


def read_account_block(reader: Reader, account_id: str) -> t.Any:
    """Block Public Access of the account.

    Sent once: on an endpoint other than AWS's own botocore puts the account before the host, where there may be none.
    """
    absent: FactMap = {"NoSuchPublicAccessBlockConfiguration": Present({})}
    return reader.ask("s3control:GetPublicAccessBlock", _BLOCK, absent, once=True, AccountId=account_id)


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


def read_role(reader: Reader, arn: str, account_id: str, known: FactMap) -> RoleFacts:
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
    role = reader.ask("iam:GetRole", itemgetter("Role"), {"NoSuchEntity": gone}, RoleName=name)
    if isinstance(role, Present) and role.value["Arn"] != arn:
        role = gone  # a role of the same name in another account or under another path
    if role == gone:
        return RoleFacts(arn=arn, trust=gone, attached=gone, inline=gone)
    boundary = None
    if isinstance(role, Present):
        boundary = role.value.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        document = role.value["AssumeRolePolicyDocument"]
        role = reader.fact(lambda: _parsed(document, arn))
    attached, inline = _attached(reader, name, known), _inline(reader, name)
    return RoleFacts(arn=arn, trust=role, attached=attached, inline=inline, boundary=boundary)


def _attached(reader: Reader, role: str, known: FactMap) -> t.Any:
    not_needed = Unavailable("AWS manages this policy.", "not_requested")

    def policy(arn: str) -> PolicyFacts:
        document = not_needed if AWS_MANAGED in arn else known.get(arn) or read_policy(reader, arn)
        return PolicyFacts(arn=arn, document=document)

    return reader.list(
        "iam:ListAttachedRolePolicies",
        "AttachedPolicies",
        lambda listed: [policy(str(entry["PolicyArn"])) for entry in listed],
        most=MOST_POLICIES,
        RoleName=role,
    )


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

    def states(answer: t.Any) -> list[TrailState]:
        return [
            TrailState(
                trail=trail,
                status=reader.ask("cloudtrail:GetTrailStatus", Name=trail["TrailARN"]),
                selectors=_selectors(reader, trail),
            )
            for trail in answer["trailList"][:MOST_TRAILS]
        ]

    return reader.ask("cloudtrail:DescribeTrails", states, includeShadowTrails=True)


def _selectors(reader: Reader, trail: Mapping[str, t.Any]) -> t.Any:
    found = reader.fact(lambda: selectors_of_trail(reader.aws, trail))
    if found != Present(None):
        return found
    owner = str(trail["TrailARN"]).split(":")[4]
    message = f"CloudTrail returns the selectors of {trail['TrailARN']} to {owner} only: audit it with its credentials."
    return Unavailable(message, "out_of_scope")
