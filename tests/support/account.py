# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in an account that ``site.yml`` could have made or changed, read back to be compared with ``==``.

What AWS chooses by itself is left out or, for the ids of keys, replaced by a number.
"""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from tests.support.fixtures import Aws

State = dict[str, Any]


def account(aws: Aws) -> State:
    """The whole state, but for keys that are pending deletion and have no alias: they are counted."""
    keys, given_up = _keys(aws)
    state = {"keys": keys, "iam": _iam(aws), "buckets": _buckets(aws)}
    text = json.dumps(state, sort_keys=True, default=str)
    for number, key_id in enumerate(sorted(keys, key=lambda key_id: str(keys[key_id]["aliases"]))):
        text = text.replace(key_id, f"KEY-{number}")
    # The Sid stands for the ServiceAccount, whose namespace is that of the test.
    text = re.sub(r"VeleroServiceAccount[0-9a-f]{8}", "VeleroServiceAccountHERE", text)
    return {**json.loads(text), "given_up": given_up}


def current(state: State) -> State:
    """The same without the numbers of versions of policies: their documents as they are in force."""
    found: State = json.loads(json.dumps(state))
    for policy in found["iam"]["policies"].values():
        policy["document"] = policy.pop("versions")[policy.pop("default")]
    return found


def lost(before: Any, now: Any, path: str = "") -> list[str]:
    """Where something of an earlier state is not as it was; there may be more, in lists too."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [place for key in before for place in lost(before[key], now.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(now, list):
        return [] if [one for one in now if one in before] == before else [path]
    nothing = isinstance(before, str) and re.fullmatch(r"NoSuch\w+", before)
    return [] if before == now or nothing else [path]


def _keys(aws: Aws) -> tuple[State, int]:
    kms = aws.moto.client("kms")
    aliases: dict[str, list[str]] = {}
    for alias in kms.list_aliases()["Aliases"]:
        aliases.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    found, given_up = {}, 0
    for key_id in (entry["KeyId"] for entry in kms.list_keys()["Keys"]):
        metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        if metadata["KeyState"] == "PendingDeletion" and key_id not in aliases:
            given_up += 1
            continue
        rotation = kms.get_key_rotation_status(KeyId=key_id)
        found[key_id] = {
            "aliases": sorted(aliases.get(key_id, [])),
            "description": metadata["Description"],
            "policy": json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]),
            "rotation": [rotation["KeyRotationEnabled"], rotation.get("RotationPeriodInDays")],
            "state": metadata["KeyState"],
            "tags": _tags(kms.list_resource_tags(KeyId=key_id)["Tags"], "TagKey", "TagValue"),
        }
    return found, given_up


def _iam(aws: Aws) -> State:
    iam = aws.moto.client("iam")
    providers = [entry["Arn"] for entry in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    details = iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
    return {
        "providers": {arn: _provider(iam, arn) for arn in providers},
        "policies": {policy["Arn"]: _policy(iam, policy) for policy in details["Policies"]},
        "roles": {role["Arn"]: _role(iam, role) for role in details["RoleDetailList"]},
    }


def _provider(iam: Any, arn: str) -> State:
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "clients": sorted(provider["ClientIDList"]),
        "thumbprints": provider.get("ThumbprintList"),
        "tags": _tags(provider.get("Tags", ())),
    }


def _policy(iam: Any, details: State) -> State:
    return {
        "default": details["DefaultVersionId"],
        "versions": {version["VersionId"]: version["Document"] for version in details["PolicyVersionList"]},
        "tags": _tags(iam.list_policy_tags(PolicyArn=details["Arn"])["Tags"]),
    }


def _role(iam: Any, details: State) -> State:
    role = iam.get_role(RoleName=details["RoleName"])["Role"]
    return {
        "trust": details["AssumeRolePolicyDocument"],
        "settings": [role.get("Description"), role["MaxSessionDuration"], role.get("PermissionsBoundary")],
        "attached": sorted(policy["PolicyArn"] for policy in details["AttachedManagedPolicies"]),
        "inline": {policy["PolicyName"]: policy["PolicyDocument"] for policy in details["RolePolicyList"]},
        "tags": _tags(details["Tags"]),
    }


def _buckets(aws: Aws) -> State:
    s3 = aws.moto.client("s3")
    return {bucket["Name"]: _bucket(s3, bucket["Name"]) for bucket in s3.list_buckets()["Buckets"]}


def _bucket(s3: Any, name: str) -> State:
    def ask(operation: str) -> Any:
        try:
            answer = getattr(s3, operation)(Bucket=name)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    policy = ask("get_bucket_policy")
    tags = ask("get_bucket_tagging")
    return {
        "policy": json.loads(policy["Policy"]) if isinstance(policy, dict) else policy,
        "tags": _tags(tags["TagSet"]) if isinstance(tags, dict) else tags,
        **{
            operation: ask(operation)
            for operation in (
                "get_bucket_encryption",
                "get_bucket_lifecycle_configuration",
                "get_bucket_location",
                "get_bucket_ownership_controls",
                "get_bucket_versioning",
                "get_public_access_block",
            )
        },
    }


def _tags(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}
