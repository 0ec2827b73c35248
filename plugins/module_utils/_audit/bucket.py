# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the bucket. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils._audit import bucket_checks as checks
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Facts
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Ask,
    Control,
    Expected,
    about,
    related,
)

#: What the controls that keep the public out belong to.
_NETWORK = "AC-21 AC-3 AC-3(7) AC-4 AC-4(21) AC-6 SC-7 SC-7(3) SC-7(4) SC-7(9) SC-7(11) SC-7(16) SC-7(20) SC-7(21)"
_LOGGING = "AC-2(4) AC-4(26) AC-6(9) AU-2 AU-3 AU-6(3) AU-6(4) AU-10 AU-12 CA-7 SC-7(9) SI-3(8) SI-4(20) SI-7(8)"
_RECOVERY = "CP-6(2) CP-9 CP-10 SC-5(2) SI-13(5)"
_PUT = "Run site.yml with the tag bucket_encryption"
_BLOCK = "Block public access of the bucket with coffer.velero.bucket."


def _of_bucket(answer: Callable[[Facts, Expected], Answer]) -> Ask:
    return about(lambda _facts, expected: expected.profile.bucket_arn, answer)


def _of_account(answer: Callable[[Facts, Expected], Answer]) -> Ask:
    return about(lambda _facts, expected: expected.account_arn, answer)


BUCKET = (
    Control(
        identifier="S3.1",
        title="S3 general purpose buckets should have block public access settings enabled",
        severity="medium",
        standards=related(
            fsbp="S3.1",
            cis5="2.1.4",
            cis3="2.1.4",
            cis1="2.1.5",
            nist=_NETWORK,
            pci4="1.4.4",
            pci3="1.2.1 1.3.1 1.3.2 1.3.4 1.3.6",
        ),
        checked="The account blocks public access by all four settings.",
        remediation=(
            "Block public access for the account (aws s3control put-public-access-block), if no bucket needs it."
        ),
        ask=_of_account(checks.account_block),
    ),
    Control(
        identifier="S3.2",
        title="S3 general purpose buckets should block public read access",
        severity="critical",
        standards=related(fsbp="S3.2", nist=_NETWORK, pci3="1.2.1 1.3.1 1.3.2 1.3.6 7.2.1"),
        checked="Neither bucket policy nor ACL lets anybody read who is not named, or a block stands before them.",
        remediation=_BLOCK,
        ask=_of_bucket(checks.no_public_read),
    ),
    Control(
        identifier="S3.3",
        title="S3 general purpose buckets should block public write access",
        severity="critical",
        standards=related(fsbp="S3.3", nist=_NETWORK, pci3="1.2.1 1.3.1 1.3.2 1.3.4 1.3.6 7.2.1"),
        checked="Neither bucket policy nor ACL lets anybody write who is not named, or a block stands before them.",
        remediation=_BLOCK,
        ask=_of_bucket(checks.no_public_write),
    ),
    Control(
        identifier="S3.5",
        title="S3 general purpose buckets should require requests to use SSL",
        severity="medium",
        standards=related(
            fsbp="S3.5",
            cis7="3.1.1",
            cis5="2.1.1",
            cis3="2.1.1",
            cis1="2.1.2",
            pci3="4.1",
            nist="AC-17(2) AC-4 IA-5(1) SC-12(3) SC-13 SC-23 SC-23(3) SC-7(4) SC-8 SC-8(1) SC-8(2) SI-7(6)",
        ),
        checked="A statement denies s3:* on bucket and objects to everybody where aws:SecureTransport is false.",
        remediation=f"{_PUT}; the filter bucket_policy_statements has the statement.",
        ask=_of_bucket(checks.tls_only),
    ),
    Control(
        identifier="S3.6",
        title="S3 general purpose bucket policies should restrict access to other AWS accounts",
        severity="high",
        standards=related(fsbp="S3.6", nist="CA-9(1) CM-2"),
        checked=(
            "No principal of another account may call DeleteBucketPolicy, PutBucketAcl, PutBucketPolicy, "
            "PutEncryptionConfiguration or PutObjectAcl; no condition counts."
        ),
        remediation="Remove these actions from the statement, or the principal.",
        ask=_of_bucket(checks.others_restricted),
    ),
    Control(
        identifier="S3.7",
        title="S3 general purpose buckets should use cross-Region replication",
        severity="low",
        standards=related(nist="AU-9(2) CP-6 CP-6(1) CP-6(2) CP-9 CP-10 SC-36(2) SC-5(2) SI-13(5)", pci3="2.2"),
        checked="A replication rule is enabled.",
        remediation=(
            "Replicate the bucket, if backups have to outlive its Region; the replica's key needs its own care."
        ),
        ask=_of_bucket(checks.replicated),
    ),
    Control(
        identifier="S3.8",
        title="S3 general purpose buckets should block public access",
        severity="high",
        standards=related(fsbp="S3.8", cis5="2.1.4", cis3="2.1.4", cis1="2.1.5", nist=_NETWORK, pci4="1.4.4"),
        checked="The bucket blocks public access by all four settings.",
        remediation=_BLOCK,
        ask=_of_bucket(checks.bucket_block),
    ),
    Control(
        identifier="S3.9",
        title="S3 general purpose buckets should have server access logging enabled",
        severity="medium",
        standards=related(fsbp="S3.9", nist=_LOGGING, pci4="10.2.1"),
        checked="Server access logging has a target.",
        remediation="Turn server access logging on, to a bucket of its own (aws s3api put-bucket-logging).",
        ask=_of_bucket(checks.logged),
    ),
    Control(
        identifier="S3.10",
        title="S3 general purpose buckets with versioning enabled should have Lifecycle configurations",
        severity="medium",
        standards=related(nist=_RECOVERY),
        checked="A lifecycle rule is enabled, where the bucket uses versioning.",
        remediation="Let a lifecycle rule expire noncurrent versions, and abort incomplete uploads.",
        ask=_of_bucket(checks.lifecycle_of_versions),
    ),
    Control(
        identifier="S3.11",
        title="S3 general purpose buckets should have event notifications enabled",
        severity="medium",
        standards=related(nist="CA-7 SI-3(8) SI-4 SI-4(4)"),
        checked="The bucket notifies somebody of something.",
        remediation="Configure notifications, if somebody listens to them.",
        ask=_of_bucket(checks.notifying),
    ),
    Control(
        identifier="S3.12",
        title="ACLs should not be used to manage user access to S3 general purpose buckets",
        severity="medium",
        standards=related(fsbp="S3.12", nist="AC-2(1) AC-3 AC-3(7) AC-3(15) AC-6"),
        checked="ACLs are off (BucketOwnerEnforced), or the bucket's names nobody but the owner.",
        remediation="Turn ACLs off with coffer.velero.bucket.",
        ask=_of_bucket(checks.no_acls),
    ),
    Control(
        identifier="S3.13",
        title="S3 general purpose buckets should have Lifecycle configurations",
        severity="low",
        standards=related(fsbp="S3.13", nist=_RECOVERY),
        checked="A lifecycle rule is enabled.",
        remediation=(
            "Let a lifecycle rule abort incomplete uploads; never let one expire objects that Velero still needs."
        ),
        ask=_of_bucket(checks.lifecycle),
    ),
    Control(
        identifier="S3.14",
        title="S3 general purpose buckets should have versioning enabled",
        severity="low",
        standards=related(nist="AU-9(2) CP-6 CP-6(1) CP-6(2) CP-9 CP-10 SC-5(2) SI-12 SI-13(5)"),
        checked="Versioning is enabled.",
        remediation=(
            "Enable versioning with velero_bucket_versioning, and let a lifecycle rule expire noncurrent versions."
        ),
        ask=_of_bucket(checks.versioned),
    ),
    Control(
        identifier="S3.15",
        title="S3 general purpose buckets should have Object Lock enabled",
        severity="medium",
        standards=related(nist="CP-6(2)", pci4="10.5.1"),
        checked="Object Lock is enabled.",
        remediation="Enable Object Lock, if backups have to withstand their own administrators.",
        ask=_of_bucket(checks.locked),
    ),
    Control(
        identifier="S3.17",
        title="S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
        severity="medium",
        standards=related(nist="AU-9 CA-9(1) CM-3(6) SC-12(2) SC-13 SC-28 SC-28(1) SC-7(10) SI-7(6)", pci4="3.5.1"),
        checked="The algorithm of the default encryption is aws:kms or aws:kms:dsse; any key passes, even aws/s3.",
        remediation="Choose sse-kms or dsse-kms as velero_encryption_mode, and run site.yml.",
        ask=_of_bucket(checks.default_is_kms),
    ),
    Control(
        identifier="S3.20",
        title="S3 general purpose buckets should have MFA delete enabled",
        severity="low",
        standards=related(cis5="2.1.2", cis3="2.1.2", cis1="2.1.3", nist="CA-9(1) CM-2 CM-2(2) CM-3 SC-5(2)"),
        checked="MFA delete is enabled. A bucket with a lifecycle configuration has no finding.",
        remediation=(
            "Only the root user can enable it, and no lifecycle rule can be beside it: Object Lock may suit better."
        ),
        ask=_of_bucket(checks.mfa_delete),
    ),
    Control(
        identifier="coffer.9",
        title="The bucket encrypts under the key that the profile names",
        severity="critical",
        checked="Algorithm and key of the default encryption are those of the profile, the key by its ARN.",
        remediation=f"{_PUT}. It alone covers kopia's data; objects written meanwhile keep the key they have.",
        ask=_of_bucket(checks.default_encryption),
    ),
    Control(
        identifier="coffer.10",
        title="The Bucket Key is as wanted",
        severity="medium",
        checked="The Bucket Key of the default encryption is on or off as the profile says.",
        remediation=f"{_PUT}.",
        ask=_of_bucket(checks.bucket_key),
    ),
    Control(
        identifier="coffer.11",
        title="S3 refuses objects under a customer's key",
        severity="high",
        checked="The bucket blocks SSE-C (BlockedEncryptionTypes), but in the mode sse-c.",
        remediation=f"{_PUT}. Whoever may write could else lock the backups with a key of their own.",
        ask=_of_bucket(checks.sse_c_blocked),
    ),
    Control(
        identifier="coffer.12",
        title="The bucket policy has exactly the denials that the profile wants",
        severity="high",
        checked="Each statement that is ours, by its Sid, means what the filter bucket_policy_statements says.",
        remediation=f"{_PUT}.",
        ask=_of_bucket(checks.denials),
    ),
    Control(
        identifier="coffer.13",
        title="The bucket policy lets kopia write",
        severity="high",
        checked="No statement denies writes that carry no encryption header; the bucket's default encrypts them.",
        remediation="Deny a wrong header, not a missing one, as the filter bucket_policy_statements does.",
        ask=_of_bucket(checks.writes_pass),
    ),
    Control(
        identifier="coffer.14",
        title="The bucket policy names no deleted principal",
        severity="medium",
        checked="No statement names the unique id of a role or user (AROA..., AIDA...) in place of its ARN.",
        remediation="Correct or remove the statement with coffer.velero.bucket_policy.",
        ask=_of_bucket(checks.no_orphans),
    ),
)
