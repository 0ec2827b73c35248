# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a bucket: of the backups' and of the trail's. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.coffer.velero.plugins.module_utils import _documents, _policy
from ansible_collections.coffer.velero.plugins.module_utils._audit import policies
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import BucketFacts, Fact, Facts
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Expected,
    does_not_apply,
    fails,
    passes,
)
from ansible_collections.coffer.velero.plugins.module_utils._s3.model import (
    BLOCKED,
    NO_RULE,
    OWNER_ENFORCED,
    Encryption,
)
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy import header_requirement
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

READ = ("s3:getobject", "s3:getobjectversion", "s3:listbucket", "s3:listbucketversions", "s3:getbucketacl")
WRITE = (
    *("s3:putobject", "s3:deleteobject", "s3:deleteobjectversion", "s3:putobjectacl", "s3:putbucketacl"),
    *("s3:putbucketpolicy", "s3:deletebucketpolicy", "s3:deletebucket", "s3:putencryptionconfiguration"),
)
#: What S3.6 lets no other account do.
_NOT_FOR_OTHERS = (
    *("s3:deletebucketpolicy", "s3:putbucketacl", "s3:putbucketpolicy"),
    *("s3:putencryptionconfiguration", "s3:putobjectacl"),
)
_GROUPS = ("AllUsers", "AuthenticatedUsers")
_GRANTS = {"read": ("READ", "READ_ACP", "FULL_CONTROL"), "write": ("WRITE", "WRITE_ACP", "FULL_CONTROL")}


def not_open(bucket: BucketFacts, way: t.Literal["read", "write"], account: Fact[Document]) -> Answer:
    """Whether nobody without a name may read or write, by policy or ACL, as far as no block stands before it.

    :param account: the block of the account, which is only looked at where that of the bucket is not enough
    """
    names = ("IgnorePublicAcls", "RestrictPublicBuckets")
    block = bucket.public_access_block.value
    if all(block.get(name) for name in names):
        return passes("The bucket blocks public access, whatever policy and ACLs say.")
    ignored, restricted = (bool(block.get(name) or account.value.get(name)) for name in names)
    if ignored and restricted:
        return passes("Bucket and account block public access, whatever policy and ACLs say.")
    reasons = []
    document = bucket.policy.value
    if document and not restricted:
        found = policies.public(document, READ if way == "read" else WRITE)
        reasons += [f"the bucket policy lets anybody {way} ({', '.join(found)})"] if found else []
    if not ignored and bucket.ownership.value != OWNER_ENFORCED:
        groups = _public_groups(bucket.acl.value, _GRANTS[way])
        reasons += [f"its ACL lets {' and '.join(groups)} {way}"] if groups else []
    if reasons:
        text = " and ".join(reasons)
        return fails(f"{text[:1].upper()}{text[1:]}.")
    return passes(f"Neither policy nor ACL lets anybody {way} who is not named.")


def _public_groups(acl: Mapping[str, t.Any], grants: Sequence[str]) -> list[str]:
    found = {
        str(grant.get("Grantee", {}).get("URI", "")).rpartition("/")[2]
        for grant in acl.get("Grants", ())
        if grant.get("Permission") in grants
    }
    return sorted(found & set(_GROUPS))


def blocked(block: Mapping[str, t.Any], whose: str) -> Answer:
    missing = [name for name in BLOCKED if not block.get(name)]
    if missing:
        return fails(f"The block of the {whose} lacks {', '.join(missing)}.")
    return passes(f"The {whose} blocks public access, by all four settings.")


def bucket_block(facts: Facts, _expected: Expected) -> Answer:
    return blocked(facts.bucket.public_access_block.value, "bucket")


def account_block(facts: Facts, _expected: Expected) -> Answer:
    return blocked(facts.account_block.value, "account")


def no_public_read(facts: Facts, _expected: Expected) -> Answer:
    return not_open(facts.bucket, "read", facts.account_block)


def no_public_write(facts: Facts, _expected: Expected) -> Answer:
    return not_open(facts.bucket, "write", facts.account_block)


def tls_only(facts: Facts, expected: Expected) -> Answer:
    """A Deny of s3:* on bucket and objects for everybody where aws:SecureTransport is false, as S3.5 wants it."""
    document = facts.bucket.policy.value
    arn = expected.profile.bucket_arn
    for name, statement in _policy.named_statements(document) if document else ():
        condition = list(_policy.conditions(statement))
        insecure = condition == [("bool", "aws:securetransport", ["false"])]
        everybody = ("AWS", "*") in set(_policy.principals(statement)) and "Principal" in statement
        everything = "s3:*" in [str(action).lower() for action in _policy.listed(statement.get("Action", ()))]
        covered = all(policies.covers(statement, resource) for resource in (arn, f"{arn}/any"))
        if statement["Effect"] == "Deny" and insecure and everybody and everything and covered:
            return passes(f"{name} denies every request without TLS.")
    return fails("No statement of the bucket policy denies requests without TLS (aws:SecureTransport).")


def others_restricted(facts: Facts, expected: Expected) -> Answer:
    document = facts.bucket.policy.value
    found = policies.strangers(document, _NOT_FOR_OTHERS, {expected.profile.account_id}) if document else []
    if found:
        return fails(f"The bucket policy lets other accounts change policy, ACLs or encryption: {', '.join(found)}.")
    return passes("The bucket policy lets no other account change policy, ACLs or encryption.")


def logged(facts: Facts, _expected: Expected) -> Answer:
    return access_logging(facts.bucket)


def access_logging(bucket: BucketFacts) -> Answer:
    found = bucket.logging.value
    if not found:
        return fails("Server access logging is off.")
    return passes(f"Requests are logged to {found.get('TargetBucket')}/{found.get('TargetPrefix', '')}.")


def no_acls(facts: Facts, _expected: Expected) -> Answer:
    """Whether the ACL lets nobody in but the owner."""
    if facts.bucket.ownership.value == OWNER_ENFORCED:
        return passes("ACLs are off (BucketOwnerEnforced).")
    acl = facts.bucket.acl.value
    owner = acl.get("Owner", {}).get("ID")
    others = [grant for grant in acl.get("Grants", ()) if grant.get("Grantee", {}).get("ID") != owner]
    if others:
        return fails(f"The bucket's ACL has {len(others)} grants to others than the owner.")
    return passes("The bucket's ACL names nobody but the owner.")


def versioned(facts: Facts, _expected: Expected) -> Answer:
    status = facts.bucket.versioning.value.get("Status")
    return passes("Versioning is enabled.") if status == "Enabled" else fails(f"Versioning is {status or 'off'}.")


def _rules(facts: Facts) -> list[t.Any]:
    return [rule for rule in facts.bucket.lifecycle.value if rule.get("Status") == "Enabled"]


def lifecycle(facts: Facts, _expected: Expected) -> Answer:
    rules = _rules(facts)
    return passes(f"{len(rules)} lifecycle rules are enabled.") if rules else fails("No lifecycle rule is enabled.")


def lifecycle_of_versions(facts: Facts, expected: Expected) -> Answer:
    if facts.bucket.versioning.value.get("Status") != "Enabled":
        return does_not_apply("The bucket does not use versioning.")
    return lifecycle(facts, expected)


def mfa_delete(facts: Facts, _expected: Expected) -> Answer:
    if facts.bucket.versioning.value.get("MFADelete") == "Enabled":
        return passes("MFA delete is enabled.")
    if facts.bucket.lifecycle.value:
        return does_not_apply("The bucket has a lifecycle configuration, with which MFA delete cannot be.")
    return fails("MFA delete is off.")


def locked(facts: Facts, _expected: Expected) -> Answer:
    found = facts.bucket.object_lock.value
    if found and found.get("ObjectLockEnabled") == "Enabled":
        return passes("Object Lock is enabled.")
    return fails("Object Lock is off.")


def replicated(facts: Facts, _expected: Expected) -> Answer:
    rules = [
        rule for rule in (facts.bucket.replication.value or {}).get("Rules", ()) if rule.get("Status") == "Enabled"
    ]
    return passes(f"{len(rules)} replication rules are enabled.") if rules else fails("Nothing is replicated.")


def notifying(facts: Facts, _expected: Expected) -> Answer:
    found = [name for name in facts.bucket.notifications.value if name.endswith(("Configurations", "Configuration"))]
    return (
        passes(f"Notifications are configured: {', '.join(found)}.")
        if found
        else fails("The bucket notifies nobody of anything.")
    )


# --- encryption ------------------------------------------------------------------------------------------------------


def live_encryption(facts: Facts) -> Encryption:
    rules = (facts.bucket.encryption.value or {}).get("Rules") or [NO_RULE]
    return Encryption(rules)


def default_is_kms(facts: Facts, _expected: Expected) -> Answer:
    algorithm = live_encryption(facts).algorithm
    if algorithm in ("aws:kms", "aws:kms:dsse"):
        return passes(f"The default encryption is {algorithm}.")
    return fails(f"The default encryption is {algorithm}.")


def default_encryption(facts: Facts, expected: Expected) -> Answer:
    wanted = _documents.encryption_rule(expected.profile)["ApplyServerSideEncryptionByDefault"]
    live = live_encryption(facts)
    reasons = []
    if live.algorithm != wanted["SSEAlgorithm"]:
        reasons.append(f"encrypts with {live.algorithm}, not with {wanted['SSEAlgorithm']}")
    if live.key_id != wanted.get("KMSMasterKeyID"):
        key = f"under {live.key_id}" if live.key_id else "without a key that it names"
        reasons.append(f"encrypts {key}, not under {wanted.get('KMSMasterKeyID') or 'a key of S3'}")
    if reasons:
        return fails(f"The bucket {' and '.join(reasons)}.")
    return passes(f"The bucket encrypts with {live.algorithm}" + (f" under {live.key_id}." if live.key_id else "."))


def bucket_key(facts: Facts, expected: Expected) -> Answer:
    if expected.profile.encryption_mode != "sse-kms":
        return does_not_apply(f"{expected.profile.encryption_mode} has no Bucket Key.")
    found, wanted = live_encryption(facts).bucket_key_enabled, expected.profile.bucket_key_enabled
    text = f"The Bucket Key is {'on' if found else 'off'}"
    return passes(f"{text}.") if found == wanted else fails(f"{text}, and should be {'on' if wanted else 'off'}.")


def sse_c_blocked(facts: Facts, expected: Expected) -> Answer:
    if expected.profile.encryption_mode == "sse-c":
        return does_not_apply("The backups themselves are written with SSE-C.")
    if "SSE-C" in live_encryption(facts).blocked:
        return passes("S3 refuses writes with a customer's key (SSE-C).")
    return fails("S3 takes writes with a customer's key (SSE-C), which nobody could read without that key.")


# --- the bucket policy -----------------------------------------------------------------------------------------------


def denials(facts: Facts, expected: Expected) -> Answer:
    wanted = _documents.bucket_policy_statements(expected.profile)
    different = policies.differences(facts.bucket.policy.value, wanted, expected.profile.partition)
    if different:
        return fails(f"Of the statements that are ours {'; '.join(different)}.")
    return passes(f"{', '.join(str(statement['Sid']) for statement in wanted)}: as wanted.")


def writes_pass(facts: Facts, expected: Expected) -> Answer:
    document = facts.bucket.policy.value
    demanding = (
        [name for name, statement in _policy.named_statements(document) if header_requirement(statement)]
        if document
        else []
    )
    if demanding:
        return fails(f"Statements deny writes without an encryption header: {', '.join(demanding)}.")
    return passes("No statement denies writes that carry no encryption header, as kopia's.")


def no_orphans(facts: Facts, _expected: Expected) -> Answer:
    document = facts.bucket.policy.value
    orphans = _policy.orphaned_principals(document) if document else []
    if orphans:
        named = ", ".join(f"{orphan['principal']} in {orphan['sid']}" for orphan in orphans)
        return fails(f"The bucket policy names principals that were deleted: {named}.")
    return passes("Every principal that the bucket policy names exists.")
