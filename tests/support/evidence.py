# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as the modules return it: the good case, the bad one, and names that mean harm."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

Evidence = dict[str, Any]

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OLD_KEY = "arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
ROLE = "arn:aws:iam::111122223333:role/velero"
CALLER = "arn:aws:sts::111122223333:assumed-role/backup-auditor/anna"

#: Names that a careless page would obey, or that would hide themselves; each is a legal name of an object.
HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '"><svg/onload=document.title=1>',
    "</style><style>body{display:none}</style>",
    "</pre></dd></dl><h1>Proven</h1>",
    "<!--",
    "]]><![CDATA[",
    "&lt;b&gt; &amp; &#60;",
    "javascript:document.title=1",
    "{{ 7 * 7 }} ${7*7} <%= 7*7 %>",
    "line\nbreak\r\nand\ttab",
    "\x00\x01\x1b[31mred\x7f\x9b",
    "left\u202egnp.exe\u202c and \u2067isolated\u2069 \u200fmark",
    "zero\u200bwidth\u200d joined\ufeff",
    "line\u2028and\u2029paragraph separators",
    " leading and trailing ",
    "two  spaces, nbsp\u00a0here",
    "%3Cscript%3E%0A+percent",
    "日本語/ملف/קובץ/ελληνικά/😀",
    "e\u0301\u0302\u0303" + "\u0336" * 40,
    "private \ue000 unassigned \U000e0001 surrogate \ud800",
    "' onmouseover='document.title=1",
    "../../../etc/passwd",
    "x" * 1000,
    "a/" * 500,
]


def profile(**values: Any) -> Evidence:
    return {
        "account_id": "111122223333",
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "encryption_mode": "sse-kms",
        "kms_key_arn": KEY,
        "kms_key_administrators": ["arn:aws:iam::111122223333:role/key-admin"],
        "role_arns": [ROLE],
        **values,
    }


def counts(proven: int = 0, **others: int) -> dict[str, int]:
    found = {"proven": proven, "wrong": 0, "unreadable": 0, "gone": 0, "unproven": 0, **others}
    return {"total": sum(found.values()), **found}


def group(kind: str, name: str, proven: int = 0, **others: int) -> Evidence:
    return {"kind": kind, "name": name, "counts": counts(proven, **others)}


def offender(key: str, verdict: str = "wrong", **values: Any) -> Evidence:
    return {
        "key": key,
        "version_id": "3HL4kqtJvjVBH40Nrjfkd",
        "is_latest": True,
        "verdict": verdict,
        "reasons": ["is encrypted with AES256, not with aws:kms"],
        "remediation": f"Encrypt it anew with aws:kms and {KEY}.",
        "algorithm": "AES256",
        "key_arn": None,
        "bucket_key_enabled": False,
        "size": 2048,
        "last_modified": "2026-11-01T02:00:12Z",
        **values,
    }


def objects(**values: Any) -> Evidence:
    return {
        "changed": False,
        "verdict": "proven",
        "counts": counts(1846),
        "delete_markers": 0,
        "groups": [
            group("backup", "nightly-20261122", 9),
            group("backup", "nightly-20261123", 9),
            group("backup", "velero-proof-20261124080001", 9),
            group("restore", "velero-proof-20261124080001", 4),
            group("kopia", "shop", 1218),
            group("kopia", "billing", 597),
        ],
        "groups_omitted": 0,
        "by_algorithm": {"aws:kms": 1846},
        "by_key": [{"key_arn": KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 1846}],
        "offenders": [],
        "offenders_omitted": 0,
        "unfinished_uploads": [],
        "notes": [],
        "source": {"kind": "list"},
        "versions": True,
        "bucket": "acme-backups",
        "prefix": "production/",
        "started_at": "2026-11-24T08:00:12Z",
        "finished_at": "2026-11-24T08:00:14Z",
        "seconds": 1.92,
        "objects_per_second": 961.5,
        "continued": False,
        "path": None,
        "checkpoint": None,
        "invocation": {"module_args": {"customer_key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}},
        **values,
    }


def live(**values: Any) -> Evidence:
    """What is in force, as it is wanted, beside statements of others."""
    wanted = StorageProfile.parse(profile())
    root = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": "111122223333"}}
    return {
        "key": {"key_arn": KEY, "key_state": "Enabled", "rotation_enabled": True, "alias": "alias/velero"},
        "key_policy_statements": {
            "Version": "2012-10-17",
            "Statement": [
                {**root, "Action": "kms:*", "Resource": "*"},
                *_documents.key_policy_statements(wanted),
            ],
        },
        "encryption_rule": _documents.encryption_rule(wanted),
        "bucket_policy_statements": _documents.bucket_policy_statements(wanted),
        "backup_storage_location_spec": {
            **_documents.backup_storage_location_spec(wanted),
            "default": True,
            "accessMode": "ReadWrite",
        },
        **values,
    }


#: A finding of each control: of this severity, this status, and about this.
BUCKET_ARN = "arn:aws:s3:::acme-backups"


def finding(control: str, status: str = "pass", severity: str = "high", **values: Any) -> Evidence:
    bad = status in ("fail", "could not be read")
    return {
        "control": control,
        "title": f"What {control} asks for",
        "severity": severity,
        "standards": {"NIST SP 800-53 Rev. 5": ["SC-28", f"XX-{len(control)}"]},
        "resource": BUCKET_ARN,
        "status": status,
        "reason": "It was seen.",
        "missing_permission": "s3:GetBucketPolicy" if status == "could not be read" else None,
        "remediation": "Do something about it." if bad else None,
        **values,
    }


def audit(*findings: Evidence, **values: Any) -> Evidence:
    """The result of audit_info, with a verdict that follows from the findings."""
    found = list(findings) or [
        finding("KMS.3", severity="critical"),
        finding("KMS.4", severity="medium"),
        finding("S3.14", "fail", "low"),
        finding("S3.10", "not applicable", "medium"),
    ]
    return {
        "changed": False,
        "findings": found,
        "account_id": "111122223333",
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "prefix": "production",
        "trail_arn": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/velero-acme-backups",
        "started_at": "2026-11-24T08:00:14Z",
        "finished_at": "2026-11-24T08:00:18Z",
        **values,
    }


def operation(kind: str, name: str, phase: str = "Completed", spec: Evidence | None = None, **values: Any) -> Evidence:
    done = "itemsBackedUp" if kind == "backup" else "itemsRestored"
    status = {
        "phase": phase,
        "startTimestamp": "2026-11-24T08:00:01Z",
        "completionTimestamp": "2026-11-24T08:00:04Z",
        "progress": {"totalItems": 4, done: 4},
    }
    return {
        "changed": True,
        "name": name,
        "namespace": "velero",
        "phase": phase,
        "warnings": [],
        kind: {
            "metadata": {"name": name, "namespace": "velero", "uid": "0b0c5c4e"},
            "spec": spec or {},
            "status": status,
        },
        **values,
    }


PROOF = "velero-proof-20261124080001"
GRANT_READ = "Grant s3:GetObject and s3:GetObjectVersion on it; look for a Deny in the bucket policy."


def good() -> Evidence:
    """Everything was looked at, and is as it should be."""
    return {
        "profile": profile(),
        "caller": {"arn": CALLER, "account_id": "111122223333", "changed": False},
        "configuration": {"live": live()},
        "backup": operation(
            "backup", PROOF, spec={"includedNamespaces": ["velero-proof"], "storageLocation": "default"}
        ),
        "metadata": {
            "agrees": True,
            "exists": True,
            "key": f"production/backups/{PROOF}/velero-backup.json",
            "contradictions": [],
        },
        "restore": operation(
            "restore", PROOF, spec={"backupName": PROOF, "namespaceMapping": {"velero-proof": "velero-proof-restored"}}
        ),
        "content": {
            "namespace": "velero-proof",
            "restored_namespace": "velero-proof-restored",
            "items": [
                {"kind": "ConfigMap", "name": "plain", "same": True},
                {"kind": "ConfigMap", "name": "binary", "same": True},
                {"kind": "Secret", "name": "secret", "same": True},
            ],
        },
        "objects": objects(),
        "audit": audit(),
    }


def bad() -> Evidence:
    """A location with one fault of each kind."""
    evidence = copy.deepcopy(good())
    wrong_key = f"is encrypted under {OLD_KEY}, not {KEY}"
    noncurrent: dict[str, Any] = {
        "is_latest": False,
        "algorithm": "aws:kms",
        "key_arn": OLD_KEY,
        "bucket_key_enabled": True,
        "remediation": f"Encrypt this noncurrent version anew with aws:kms and {KEY}, or let it expire "
        "(NoncurrentVersionExpiration).",
    }
    evidence["objects"] = objects(
        verdict="wrong",
        counts=counts(1837, wrong=6, unreadable=2, gone=1),
        delete_markers=3,
        by_algorithm={"AES256": 2, "SSE-C": 1, "aws:kms": 1840},
        by_key=[
            {"key_arn": OLD_KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 2},
            {"key_arn": KEY, "algorithm": "aws:kms", "bucket_key_enabled": False, "count": 1},
            {"key_arn": KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 1837},
        ],
        groups=[
            group("backup", "nightly-20261122", 7, wrong=2),
            group("backup", "nightly-20261123", 9),
            group("backup", PROOF, 9),
            group("restore", PROOF, 4),
            group("kopia", "shop", 1211, wrong=4, unreadable=2, gone=1),
            group("kopia", "billing", 597),
        ],
        offenders=[
            offender("production/backups/nightly-20261122/velero-backup.json"),
            offender("production/backups/nightly-20261122/nightly-20261122.tar.gz"),
            offender("production/kopia/shop/p0aa51", reasons=[wrong_key], **noncurrent),
            offender("production/kopia/shop/p0aa52", reasons=[wrong_key], **noncurrent),
            offender(
                "production/kopia/shop/p<script>alert(1)</script>\nof\u202ereversed",
                reasons=["does not use a Bucket Key"],
                algorithm="aws:kms",
                key_arn=KEY,
            ),
            offender(
                "production/kopia/shop/q77",
                reasons=["is encrypted with SSE-C, not with aws:kms"],
                algorithm="SSE-C",
            ),
            offender(
                "production/kopia/shop/q78",
                verdict="unreadable",
                reasons=["S3 refused to tell (403 Forbidden)"],
                remediation=GRANT_READ,
                algorithm=None,
            ),
            offender(
                "production/kopia/shop/q79",
                verdict="unreadable",
                reasons=["S3 refused to tell (403 Forbidden)"],
                remediation=GRANT_READ,
                algorithm=None,
            ),
        ],
        unfinished_uploads=[
            {"key": "production/kopia/shop/p9f", "upload_id": "VXBsb2Fk", "initiated": "2026-11-01T02:00:12Z"}
        ],
        path="objects.jsonl",
    )
    rule = live()["encryption_rule"]
    evidence["audit"] = audit(
        finding(
            "coffer.10",
            "fail",
            "medium",
            title="The Bucket Key is as wanted",
            standards={},
            reason="The Bucket Key is off, and should be on.",
            remediation="Run site.yml with the tag bucket_encryption.",
        ),
        finding(
            "coffer.8",
            "fail",
            title="No other account may use the key",
            standards={},
            resource=KEY,
            reason="The key policy lets arn:aws:iam::999988887777:root decrypt (statement Partner).",
            remediation="Remove the statement, or the principal from it.",
        ),
        finding(
            "coffer.27",
            "could not be read",
            title="Somebody listens to the alarms",
            standards={},
            resource="arn:aws:sns:eu-central-1:111122223333:velero-acme-backups",
            reason="sns:ListSubscriptionsByTopic failed: AuthorizationError: not authorized.",
            missing_permission="sns:ListSubscriptionsByTopic",
            remediation="Grant sns:ListSubscriptionsByTopic to whoever audits, and run again.",
        ),
        finding(
            "KMS.4",
            severity="medium",
            title="AWS KMS key rotation should be enabled",
            standards={"CIS AWS Foundations Benchmark v5.0.0": ["3.6"], "PCI DSS v4.0.1": ["3.7.4"]},
            resource=KEY,
        ),
        finding(
            "S3.17",
            severity="medium",
            title="S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
            standards={"NIST SP 800-53 Rev. 5": ["SC-28", "SC-28(1)"], "PCI DSS v4.0.1": ["3.5.1"]},
        ),
        finding(
            "S3.14",
            "fail",
            "low",
            title="S3 general purpose buckets should have versioning enabled",
            standards={"NIST SP 800-53 Rev. 5": ["CP-9", "CP-10"]},
            reason="Versioning is off.",
            remediation="Enable versioning with velero_bucket_versioning.",
        ),
    )
    evidence["configuration"]["live"]["encryption_rule"] = {**rule, "BucketKeyEnabled": False}
    evidence["configuration"]["live"].pop("backup_storage_location_spec")
    del evidence["backup"], evidence["metadata"], evidence["restore"], evidence["content"]
    return evidence


def hostile() -> Evidence:
    """Every name that means harm, everywhere a name can stand."""
    evidence = copy.deepcopy(bad())
    names = [f"production/kopia/{name}" for name in HOSTILE]
    number = len(HOSTILE)
    evidence["caller"]["arn"] = f"{CALLER}{HOSTILE[0]}"
    evidence["objects"] = objects(
        verdict="wrong",
        counts=counts(0, wrong=number),
        by_algorithm={HOSTILE[1]: number},
        by_key=[
            {"key_arn": name, "algorithm": HOSTILE[0], "bucket_key_enabled": False, "count": 1} for name in HOSTILE[:3]
        ],
        groups=[group("kopia", name, wrong=1) for name in HOSTILE],
        offenders=[
            offender(key, version_id=name, reasons=[name], remediation=name, last_modified=name)
            for key, name in zip(names, HOSTILE, strict=True)
        ],
        unfinished_uploads=[{"key": name, "upload_id": name, "initiated": name} for name in HOSTILE],
        notes=HOSTILE,
        path=HOSTILE[0],
    )
    evidence["configuration"]["live"]["key_policy_statements"] = [
        {"Sid": name, "Effect": "Allow", "Action": name} for name in HOSTILE
    ]
    evidence["configuration"]["live"]["key"] = {"key_arn": HOSTILE[0], "key_state": HOSTILE[10]}
    evidence["audit"] = audit(
        *(
            finding(
                name,
                status,
                title=name,
                resource=name,
                reason=name,
                missing_permission=name,
                remediation=name,
                standards={name: [name]},
            )
            for name in HOSTILE
            for status in ("pass", "fail", "could not be read", "not applicable")
        ),
        trail_arn=HOSTILE[0],
        started_at=HOSTILE[10],
        finished_at=HOSTILE[11],
    )
    evidence["backup"] = operation("backup", HOSTILE[0], HOSTILE[1], {"includedNamespaces": HOSTILE})
    evidence["restore"] = {"failed": True, "msg": HOSTILE[0], "name": HOSTILE[12], "error": {"remediation": HOSTILE[2]}}
    evidence["content"] = {"items": [{"kind": name, "name": name, "same": False} for name in HOSTILE]}
    evidence["metadata"] = {
        "agrees": False,
        "exists": True,
        "key": HOSTILE[0],
        "contradictions": [{"field": name, "backup": name, "metadata": {name: name}} for name in HOSTILE],
        "remediation": HOSTILE[3],
    }
    return evidence
