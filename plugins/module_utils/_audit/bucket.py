# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the bucket, and the checks that it shares with a trail's bucket. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from .. import _documents, _policy
from .._s3.model import BLOCKED, NO_RULE, OWNER_ENFORCED, Encryption
from .._s3.velero_access import Denial, VeleroAccess
from .._types import Document
from . import policies
from .facts import BucketFacts, CheckResult, Fact, Facts
from .model import Control, Desired, check_account, check_bucket, compliant, enabled, non_compliant, not_applicable

_READ = ("s3:getobject", "s3:getobjectversion", "s3:listbucket", "s3:listbucketversions", "s3:getbucketacl")
_WRITE = (
    *("s3:putobject", "s3:deleteobject", "s3:deleteobjectversion", "s3:putobjectacl", "s3:putbucketacl"),
    *("s3:putbucketpolicy", "s3:deletebucketpolicy", "s3:deletebucket", "s3:putencryptionconfiguration"),
)
#: What S3.6 lets no other account do.
_NOT_FOR_OTHERS = (
    *("s3:deletebucketpolicy", "s3:putbucketacl", "s3:putbucketpolicy"),
    *("s3:putencryptionconfiguration", "s3:putobjectacl"),
)
_PUBLIC_GROUPS = {"AllUsers", "AuthenticatedUsers"}
_GRANTS = {"read": ("READ", "READ_ACP", "FULL_CONTROL"), "write": ("WRITE", "WRITE_ACP", "FULL_CONTROL")}


def not_public(bucket: BucketFacts, way: t.Literal["read", "write"], account: Fact[Document]) -> CheckResult:
    """Whether policy and ACL grant no public access, or Block Public Access is on.

    :param account: Block Public Access of the account, which matters only where that of the bucket is not enough
    """
    names = ("IgnorePublicAcls", "RestrictPublicBuckets")
    block = bucket.public_access_block.value
    if all(block.get(name) for name in names):
        return compliant("The bucket blocks public access, whatever policy and ACL grant.")
    ignored, restricted = (bool(block.get(name) or account.value.get(name)) for name in names)
    if ignored and restricted:
        return compliant("Bucket and account block public access, whatever policy and ACL grant.")
    grants = []
    document = bucket.policy.value
    if document and not restricted:
        found = policies.public(document, _READ if way == "read" else _WRITE)
        grants += [f"the bucket policy grants public {way} access ({', '.join(found)})"] if found else []
    if not ignored and bucket.ownership.value != OWNER_ENFORCED:
        groups = _public_groups(bucket.acl.value, _GRANTS[way])
        grants += [f"the bucket's ACL grants {' and '.join(groups)} {way} access"] if groups else []
    if grants:
        message = " and ".join(grants)
        return non_compliant("too_permissive", f"{message[0].upper()}{message[1:]}.")
    return compliant(f"Neither policy nor ACL grants public {way} access.")


def _public_groups(acl: Mapping[str, t.Any], grants: Sequence[str]) -> list[str]:
    found = {
        str(grant.get("Grantee", {}).get("URI", "")).rpartition("/")[2]
        for grant in acl.get("Grants", ())
        if grant.get("Permission") in grants
    }
    return sorted(found & _PUBLIC_GROUPS)


def _public_access_blocked(block: Mapping[str, t.Any], owner: str) -> CheckResult:
    missing = [name for name in BLOCKED if not block.get(name)]
    if missing:
        return non_compliant("not_enabled", f"Block Public Access of the {owner} lacks {', '.join(missing)}.")
    return compliant(f"Block Public Access of the {owner} is on, by all four settings.")


def _tls_only(facts: Facts, desired: Desired) -> CheckResult:
    """A Deny of s3:* on bucket and objects for everybody where aws:SecureTransport is false, as S3.5 asks for."""
    document = facts.bucket.policy.value
    arn = desired.profile.bucket_arn
    for name, statement in _policy.named_statements(document) if document else ():
        insecure = list(_policy.conditions(statement)) == [("bool", "aws:securetransport", ["false"])]
        everything = "s3:*" in [str(action).lower() for action in _policy.listed(statement.get("Action", ()))]
        covered = all(policies.covers(statement, resource) for resource in (arn, f"{arn}/any"))
        denies_everybody = statement["Effect"] == "Deny" and policies.names_everybody(statement)
        if denies_everybody and insecure and everything and covered:
            return compliant(f"{name} denies every request without TLS.")
    message = "No statement of the bucket policy denies requests without TLS (aws:SecureTransport)."
    return non_compliant("not_found", message)


def _others_restricted(facts: Facts, desired: Desired) -> CheckResult:
    document = facts.bucket.policy.value
    own = {desired.profile.account_id}
    found = policies.external_principals(document, _NOT_FOR_OTHERS, own) if document else []
    if found:
        message = f"The bucket policy allows other accounts to change policy, ACLs or encryption: {', '.join(found)}."
        return non_compliant("too_permissive", message)
    return compliant("The bucket policy allows no other account to change policy, ACLs or encryption.")


def access_logging(bucket: BucketFacts) -> CheckResult:
    found = bucket.logging.value
    if not found:
        return non_compliant("not_enabled", "Server access logging is off.")
    return compliant(f"Requests are logged to {found.get('TargetBucket')}/{found.get('TargetPrefix', '')}.")


def _no_acls(facts: Facts, _desired: Desired) -> CheckResult:
    if facts.bucket.ownership.value == OWNER_ENFORCED:
        return compliant("ACLs are disabled (BucketOwnerEnforced).")
    acl = facts.bucket.acl.value
    owner = acl.get("Owner", {}).get("ID")
    others = [grant for grant in acl.get("Grants", ()) if grant.get("Grantee", {}).get("ID") != owner]
    if others:
        return non_compliant("too_permissive", f"The bucket's ACL has {len(others)} grants beside that of the owner.")
    return compliant("The bucket's ACL grants access to the owner only.")


def _versioned(facts: Facts, _desired: Desired) -> CheckResult:
    status = facts.bucket.versioning.value.get("Status")
    if status == "Enabled":
        return compliant("Versioning is enabled.")
    return non_compliant("not_enabled", f"Versioning is {status or 'off'}.")


def _lifecycle(facts: Facts, _desired: Desired) -> CheckResult:
    rules = [rule for rule in facts.bucket.lifecycle.value if rule.get("Status") == "Enabled"]
    if rules:
        return compliant(f"{len(rules)} lifecycle rules are enabled.")
    return non_compliant("not_found", "No lifecycle rule is enabled.")


def _mfa_delete(facts: Facts, _desired: Desired) -> CheckResult:
    is_on = facts.bucket.versioning.value.get("MFADelete") == "Enabled"
    if not is_on and facts.bucket.lifecycle.value:
        message = "The bucket has a lifecycle configuration, with which S3 does not allow MFA delete."
        return not_applicable("not_supported", message)
    return enabled(is_on, "MFA delete")


def _object_lock(facts: Facts, _desired: Desired) -> CheckResult:
    found = facts.bucket.object_lock.value or {}
    return enabled(found.get("ObjectLockEnabled") == "Enabled", "Object Lock")


# --- encryption ------------------------------------------------------------------------------------------------------


def live_encryption(facts: Facts) -> Encryption:
    return Encryption((facts.bucket.encryption.value or {}).get("Rules") or [NO_RULE])


def _default_is_kms(facts: Facts, _desired: Desired) -> CheckResult:
    algorithm = live_encryption(facts).algorithm
    message = f"The default encryption is {algorithm}."
    is_kms = algorithm in ("aws:kms", "aws:kms:dsse")
    return compliant(message) if is_kms else non_compliant("not_enabled", message)


def _default_encryption(facts: Facts, desired: Desired) -> CheckResult:
    default = _documents.encryption_rule(desired.profile)["ApplyServerSideEncryptionByDefault"]
    live = live_encryption(facts)
    different = []
    if live.algorithm != default["SSEAlgorithm"]:
        different.append(f"encrypts with {live.algorithm}, not with {default['SSEAlgorithm']}")
    if live.key_id != default.get("KMSMasterKeyID"):
        key = f"under {live.key_id}" if live.key_id else "without naming a key"
        different.append(f"encrypts {key}, not under {default.get('KMSMasterKeyID') or 'a key of S3'}")
    if different:
        return non_compliant("differs", f"The bucket {' and '.join(different)}.")
    return compliant(f"The bucket encrypts with {live.algorithm}" + (f" under {live.key_id}." if live.key_id else "."))


def _bucket_key(facts: Facts, desired: Desired) -> CheckResult:
    if desired.profile.encryption_mode != "sse-kms":
        return not_applicable("encryption_mode", f"{desired.profile.encryption_mode} has no Bucket Key.")
    found = live_encryption(facts).bucket_key_enabled
    message = f"The Bucket Key is {'on' if found else 'off'}"
    if found == desired.profile.bucket_key_enabled:
        return compliant(f"{message}.")
    return non_compliant("differs", f"{message}, and should be {'off' if found else 'on'}.")


def _sse_c_blocked(facts: Facts, desired: Desired) -> CheckResult:
    if desired.profile.encryption_mode == "sse-c":
        return not_applicable("encryption_mode", "Velero writes the backups with SSE-C.")
    if "SSE-C" in live_encryption(facts).blocked:
        return compliant("SSE-C is blocked (BlockedEncryptionTypes).")
    return non_compliant("not_enabled", "SSE-C is not blocked (BlockedEncryptionTypes).")


def _velero_can_work(facts: Facts, desired: Desired) -> CheckResult:
    profile = desired.profile
    velero = VeleroAccess(
        profile.prefix,
        profile.role_arns,
        profile.encryption_mode,
        profile.kms_key_arn,
        uses_tls=profile.uses_tls,
    )
    document = facts.bucket.policy.value
    denials = velero.denials(document, profile.bucket_arn) if document else []
    certain = [f"{one.name} denies {velero.who} {_what(one)}" for one in denials if not one.unknown]
    if certain:
        return non_compliant("unusable", f"{'; '.join(certain)}.")
    if denials:
        doubts = [f"{one.name}, which depends on {', '.join(one.unknown)}" for one in denials]
        message = f"It is not known whether these statements deny {velero.who} its requests: {'; '.join(doubts)}."
        return CheckResult("not_evaluated", "unknown_condition", message)
    return compliant("No statement denies what Velero and kopia do, also without an encryption header.")


def _what(denial: Denial) -> str:
    return "writes without an encryption header, as kopia sends them" if denial.header else f"its {denial.what}"


_RUN = "Run site.yml with the tag bucket_encryption"
_BLOCK = "Turn Block Public Access of the bucket on with coffer.velero.s3_bucket."

BUCKET = (
    Control(
        identifier="S3.1",
        title="S3 general purpose buckets should have block public access settings enabled",
        severity="medium",
        requirement="Block Public Access of the account is on, by all four settings.",
        remediation="Turn it on if no bucket of the account is public (aws s3control put-public-access-block).",
        checks=check_account(lambda facts, _desired: _public_access_blocked(facts.account_block.value, "account")),
    ),
    Control(
        identifier="S3.2",
        title="S3 general purpose buckets should block public read access",
        severity="critical",
        requirement="Neither bucket policy nor ACL grants public read access, or Block Public Access is on.",
        remediation=_BLOCK,
        checks=check_bucket(lambda facts, _desired: not_public(facts.bucket, "read", facts.account_block)),
    ),
    Control(
        identifier="S3.3",
        title="S3 general purpose buckets should block public write access",
        severity="critical",
        requirement="Neither bucket policy nor ACL grants public write access, or Block Public Access is on.",
        remediation=_BLOCK,
        checks=check_bucket(lambda facts, _desired: not_public(facts.bucket, "write", facts.account_block)),
    ),
    Control(
        identifier="S3.5",
        title="S3 general purpose buckets should require requests to use SSL",
        severity="medium",
        requirement="A statement denies s3:* on bucket and objects to everybody where aws:SecureTransport is false.",
        remediation=f"{_RUN}; the filter bucket_policy_statements has the statement.",
        checks=check_bucket(_tls_only),
    ),
    Control(
        identifier="S3.6",
        title="S3 general purpose bucket policies should restrict access to other AWS accounts",
        severity="high",
        requirement=(
            "The bucket policy allows no principal of another account to call DeleteBucketPolicy, PutBucketAcl, "
            "PutBucketPolicy, PutEncryptionConfiguration or PutObjectAcl, whatever the condition."
        ),
        remediation="Remove these actions from the statement, or the principal.",
        checks=check_bucket(_others_restricted),
    ),
    Control(
        identifier="S3.8",
        title="S3 general purpose buckets should block public access",
        severity="high",
        requirement="Block Public Access of the bucket is on, by all four settings.",
        remediation=_BLOCK,
        checks=check_bucket(
            lambda facts, _desired: _public_access_blocked(facts.bucket.public_access_block.value, "bucket")
        ),
    ),
    Control(
        identifier="S3.9",
        title="S3 general purpose buckets should have server access logging enabled",
        severity="medium",
        requirement="Server access logging has a target bucket.",
        remediation="Enable server access logging to a bucket of its own (aws s3api put-bucket-logging).",
        checks=check_bucket(lambda facts, _desired: access_logging(facts.bucket)),
    ),
    Control(
        identifier="S3.12",
        title="ACLs should not be used to manage user access to S3 general purpose buckets",
        severity="medium",
        requirement="ACLs are disabled (BucketOwnerEnforced), or the bucket's ACL grants access to the owner only.",
        remediation="Disable ACLs with coffer.velero.s3_bucket.",
        checks=check_bucket(_no_acls),
    ),
    Control(
        identifier="S3.13",
        title="S3 general purpose buckets should have Lifecycle configurations",
        severity="low",
        requirement="A lifecycle rule is enabled. What it expires is evaluated by coffer.29.",
        remediation="Add a rule that aborts incomplete multipart uploads. Never expire objects that Velero needs.",
        checks=check_bucket(_lifecycle),
    ),
    Control(
        identifier="S3.14",
        title="S3 general purpose buckets should have versioning enabled",
        severity="low",
        requirement="Versioning is enabled.",
        remediation="Set velero_bucket_versioning, and expire noncurrent versions with a lifecycle rule.",
        checks=check_bucket(_versioned),
    ),
    Control(
        identifier="S3.15",
        title="S3 general purpose buckets should have Object Lock enabled",
        severity="medium",
        requirement="Object Lock is enabled.",
        remediation="Enable Object Lock, if backups have to be protected from the administrators of the account.",
        checks=check_bucket(_object_lock),
    ),
    Control(
        identifier="S3.17",
        title="S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
        severity="medium",
        requirement="The default encryption is aws:kms or aws:kms:dsse, with any key, even aws/s3.",
        remediation="Set velero_encryption_mode to sse-kms or dsse-kms, and run site.yml.",
        checks=check_bucket(_default_is_kms),
    ),
    Control(
        identifier="S3.20",
        title="S3 general purpose buckets should have MFA delete enabled",
        severity="low",
        requirement="MFA delete is enabled. It does not apply to a bucket with a lifecycle configuration.",
        remediation="Only the root user can enable MFA delete. Object Lock may suit better.",
        checks=check_bucket(_mfa_delete),
    ),
    Control(
        identifier="coffer.9",
        title="The bucket encrypts under the key of the storage profile",
        severity="critical",
        requirement="Algorithm and key of the default encryption are those of the storage profile, the key by its ARN.",
        remediation=f"{_RUN}. Objects that were written meanwhile, kopia's above all, keep the key they have.",
        checks=check_bucket(_default_encryption),
    ),
    Control(
        identifier="coffer.10",
        title="The Bucket Key is as the storage profile says",
        severity="medium",
        requirement="The Bucket Key of the default encryption is on or off as the storage profile says.",
        remediation=f"{_RUN}.",
        checks=check_bucket(_bucket_key),
    ),
    Control(
        identifier="coffer.11",
        title="SSE-C is blocked",
        severity="high",
        requirement="The bucket blocks SSE-C (BlockedEncryptionTypes). It does not apply to the mode sse-c.",
        remediation=f"{_RUN}. Else who may write can overwrite the backups under a key that nobody else has.",
        checks=check_bucket(_sse_c_blocked),
    ),
    Control(
        identifier="coffer.12",
        title="The bucket policy has the Deny statements of the storage profile",
        severity="high",
        requirement="Each statement of the filter bucket_policy_statements is in the bucket policy, unchanged.",
        remediation=f"{_RUN}.",
        checks=check_bucket(
            lambda facts, desired: policies.compare_statements(
                facts.bucket.policy.value,
                _documents.bucket_policy_statements(desired.profile),
                desired.profile.partition,
            )
        ),
    ),
    Control(
        identifier="coffer.13",
        title="The bucket policy allows Velero and kopia to work",
        severity="high",
        requirement=(
            "No statement denies Velero's roles to list, read, write or delete in their place, with the headers that "
            "Velero sends and without an encryption header, as kopia writes."
        ),
        remediation=(
            "Deny a wrong header, not a missing one, as the filter bucket_policy_statements does, and except Velero's "
            "roles from other Deny statements."
        ),
        checks=check_bucket(_velero_can_work),
    ),
    Control(
        identifier="coffer.14",
        title="The bucket policy names no deleted principal",
        severity="medium",
        requirement="No statement names the unique ID of a role or user (AROA..., AIDA...) in place of its ARN.",
        remediation="Correct or remove the statement with coffer.velero.s3_bucket_policy.",
        checks=check_bucket(
            lambda facts, _desired: policies.no_deleted_principals(facts.bucket.policy.value, "bucket policy")
        ),
    ),
)
