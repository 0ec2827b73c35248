# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's records from ``events/*.yml``, where each has only what is its own; see the README there."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

EVENTS = Path(__file__).with_name("events")
ACCOUNT, REGION = "111122223333", "eu-central-1"
#: The order in which CloudTrail writes the members of a record.
_ORDER = (
    *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"),
    *("userAgent", "errorCode", "errorMessage", "requestParameters", "responseElements", "additionalEventData"),
    *("requestID", "eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId"),
    "eventCategory",
)
_TRANSFER = {
    "SignatureVersion": "SigV4",
    "CipherSuite": "TLS_AES_128_GCM_SHA256",
    "bytesTransferredIn": 0,
    "AuthenticationMethod": "AuthHeader",
}
_START = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)

_KNOWN: dict[str, Mapping[str, str]] = {"alice": {"user": "alice"}, "velero": {"role": "acme-velero"}}

Record = dict[str, Any]


def entries() -> dict[str, dict[str, Any]]:
    """All entries by file, number and what has happened; their ``record`` is whole."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(EVENTS.glob("*.yml")):
        for number, entry in enumerate(yaml.safe_load(path.read_text()), 1):
            name = f"{path.stem}, {number}: {entry['is']}"
            found[name] = {**entry, "record": whole(entry["record"], len(found), name)}
    return found


def whole(own: Mapping[str, Any], place: int, name: str) -> Record:
    """A record with what CloudTrail writes into every one, or derives from the rest.

    :param place: of all records, for the time
    :param name: of its own, for the ids
    """
    identity = _identity(own["userIdentity"])
    category = own.get("eventCategory", "Management")
    record = {
        "eventVersion": "1.11",
        "eventTime": (_START + dt.timedelta(seconds=7 * place)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "awsRegion": REGION,
        # A service that calls for somebody is told in the place of the address and the agent.
        "sourceIPAddress": identity.get("invokedBy", "192.0.2.10"),
        "userAgent": identity.get("invokedBy", "aws-sdk-go-v2/1.41.0"),
        "responseElements": None,
        "requestID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"request {name}")),
        "eventID": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": category == "Management",
        "recipientAccountId": ACCOUNT,
        "eventCategory": category,
        **own,
        "userIdentity": identity,
    }
    if "resources" in own:
        record["resources"] = [_resource(arn) for arn in own["resources"]]
    if own["eventSource"] == "s3.amazonaws.com" and "resources" in own:
        record.setdefault("additionalEventData", _TRANSFER | {"bytesTransferredOut": 243 if category == "Data" else 0})
    return {member: record[member] for member in _ORDER if member in record}


def _identity(own: str | Mapping[str, str]) -> Record:
    """``alice`` is a user and ``velero`` a session of Velero's role; any other is spelled out."""
    given = _KNOWN[own] if isinstance(own, str) else own
    account = given.get("account", ACCOUNT)
    invoked_by = {"invokedBy": given["invokedBy"]} if "invokedBy" in given else {}
    if "user" in given:
        arn = f"arn:aws:iam::{account}:user/{given['user']}"
        user = {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": arn, "accountId": account}
        return {**user, "accessKeyId": "AKIAEXAMPLE", "userName": given["user"], **invoked_by}
    if "role" not in given:
        return {"type": "AWSAccount", "principalId": "AROAEXAMPLEOUT:job", "accountId": account, **invoked_by}
    role, session = given["role"], given.get("session", "1764000000000000000")
    role_id = "AROAEXAMPLE" + role.replace("-", "").upper()[:9]
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-11-24T01:00:00Z", "mfaAuthenticated": "false"},
        },
        **invoked_by,
    }


def _resource(arn: str) -> Record:
    """A resource of KMS has its account in its ARN, and an object none."""
    service, account = arn.split(":")[2], arn.split(":")[4]
    if service == "s3" and "/" in arn:
        return {"type": "AWS::S3::Object", "ARN": arn}
    kind = "AWS::KMS::Key" if service == "kms" else "AWS::S3::Bucket"
    return {"accountId": account or ACCOUNT, "type": kind, "ARN": arn}


# --- the installations that the events belong to ---

OTHER_ACCOUNT = "444455556666"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FOREIGN_KEY = f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/5678efab-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-velero"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:velero-acme-backups"
VALUES: dict[str, Any] = {
    "account_id": ACCOUNT,
    "region": REGION,
    "bucket": "acme-backups",
    "prefix": "production",
    "kms_key_arn": KEY,
    "role_arns": [ROLE],
    "policy_arns": [f"arn:aws:iam::{ACCOUNT}:policy/acme-velero"],
}
WITHOUT_KMS = {"encryption_mode": "sse-s3", "kms_key_arn": None}


def profile(**changes: Any) -> StorageProfile:
    return StorageProfile.parse({**VALUES, **changes})


PROFILES = {
    "sse-kms": profile(),
    "sse-s3": profile(**WITHOUT_KMS),
    "foreign-key": profile(kms_key_arn=FOREIGN_KEY),
}
