# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as the modules return it: the good case, the bad one, and names that mean harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.model import assemble

Evidence = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "evidence.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

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
    "</pre></dd></dl><h1>Compliant</h1>",
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


def counts(compliant: int = 0, non_compliant: int = 0, not_evaluated: int = 0, deleted: int = 0) -> dict[str, int]:
    """Counts of object versions.

    :param not_evaluated: besides the deleted ones
    """
    return {
        "total": compliant + non_compliant + not_evaluated + deleted,
        "compliant": compliant,
        "non_compliant": non_compliant,
        "not_evaluated": not_evaluated + deleted,
        "deleted_during_scan": deleted,
    }


def group(kind: str, name: str, compliant: int = 0, **others: int) -> Evidence:
    return {"kind": kind, "name": name, "counts": counts(compliant, **others)}


def object_finding(key: str, status: str = "non_compliant", **values: Any) -> Evidence:
    return {
        "key": key,
        "version_id": "3HL4kqtJvjVBH40Nrjfkd",
        "is_latest": True,
        "status": status,
        "reason": "wrong_algorithm",
        "message": "is encrypted with AES256, not with aws:kms",
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
        "status": "compliant",
        "reason": None,
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
        "non_compliant_objects": [],
        "findings_truncated": 0,
        "incomplete_multipart_uploads": [],
        "notes": [],
        "source": {"kind": "list"},
        "versions": True,
        "bucket": "acme-backups",
        "prefix": "production/",
        "judged_by": judged_by(profile()),
        "started_at": "2026-11-24T08:00:12Z",
        "finished_at": "2026-11-24T08:00:14Z",
        "seconds": 1.92,
        "objects_per_second": 961.5,
        "resumed": False,
        "path": None,
        "checkpoint": None,
        "invocation": {"module_args": {"customer_key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}},
        **values,
    }


def judged_by(of: Evidence, *accepted: str, **values: Any) -> Evidence:
    """What a scan with this profile compares with."""
    mode, key = of["encryption_mode"], of.get("kms_key_arn")
    return {
        **{name: of[name] for name in ("account_id", "region", "encryption_mode")},
        "kms_key_arns": [key, *accepted] if key else [],
        "bucket_key_enabled": mode == "sse-kms" and of.get("bucket_key_enabled", True),
        "customer_key_given": False,
        "endpoint_url": None,
        **values,
    }


def actual(**values: Any) -> Evidence:
    """The actual configuration as it is desired, beside unmanaged statements."""
    desired = StorageProfile.parse(profile())
    root = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": "111122223333"}}
    return {
        "key": {"key_arn": KEY, "key_state": "Enabled", "rotation_enabled": True, "alias": "alias/velero"},
        "key_policy_statements": {
            "Version": "2012-10-17",
            "Statement": [
                {**root, "Action": "kms:*", "Resource": "*"},
                *_documents.key_policy_statements(desired),
            ],
        },
        "encryption_rule": _documents.encryption_rule(desired),
        "bucket_policy_statements": _documents.bucket_policy_statements(desired),
        "backup_storage_location_spec": {
            **_documents.backup_storage_location_spec(desired),
            "default": True,
            "accessMode": "ReadWrite",
        },
        **values,
    }


#: A finding of each control: of this severity, this status, and about this.
BUCKET_ARN = "arn:aws:s3:::acme-backups"


def finding(control: str, status: str = "compliant", severity: str = "high", **values: Any) -> Evidence:
    bad = status in ("non_compliant", "not_evaluated")
    return {
        "control": control,
        "title": f"What {control} asks for",
        "severity": severity,
        "security_hub_control": None if control.startswith("coffer.") else control,
        "resource": BUCKET_ARN,
        "status": status,
        "reason": {"non_compliant": "control_failed", "not_evaluated": "access_denied"}.get(status),
        "message": "It was read.",
        "missing_permission": "s3:GetBucketPolicy" if status == "not_evaluated" else None,
        "remediation": "Do something about it." if bad else None,
        **values,
    }


def audit(*findings: Evidence, **values: Any) -> Evidence:
    """The result of audit_info, whose status follows from the findings."""
    found = list(findings) or [
        finding("KMS.3", severity="critical"),
        finding("KMS.4", severity="medium"),
        finding("S3.14", "non_compliant", "low"),
        finding("S3.10", "not_applicable", "medium"),
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
FAILED: Evidence = {
    "failed": True,
    "msg": 'Backup "p" is Finalizing. Allow kms:Decrypt.',
    "name": PROOF,
    "error": {"layer": "key", "cause": "the role may not decrypt", "remediation": "Allow kms:Decrypt."},
}
INVENTORY = {"kind": "inventory", "created": "2026-11-22T00:00:00Z", "versions": False}
GRANT_READ = "Grant s3:GetObject and s3:GetObjectVersion on it; look for a Deny in the bucket policy."


def good(**values: Any) -> Evidence:
    """Everything was evaluated by the profile of the report, and is compliant."""
    of = values.get("profile") or profile()
    return {
        "profile": profile(),
        "installation": {
            "inventory_host": "production",
            "cluster": "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
            "backup_storage_location": "default",
        },
        "caller": {"arn": CALLER, "account_id": "111122223333", "changed": False},
        "configuration": {"actual": actual()},
        "backup": operation(
            "backup", PROOF, spec={"includedNamespaces": ["velero-proof"], "storageLocation": "default"}
        ),
        "metadata": {
            "matches": True,
            "exists": True,
            "key": f"production/backups/{PROOF}/velero-backup.json",
            "mismatches": [],
        },
        "restore": operation(
            "restore", PROOF, spec={"backupName": PROOF, "namespaceMapping": {"velero-proof": "velero-proof-restored"}}
        ),
        "content": {
            "namespace": "velero-proof",
            "restored_namespace": "velero-proof-restored",
            "items": [
                {"kind": "ConfigMap", "name": "plain", "matches": True},
                {"kind": "ConfigMap", "name": "binary", "matches": True},
                {"kind": "Secret", "name": "secret", "matches": True},
            ],
        },
        "audit": audit(),
        **values,
        "objects": {**(values.get("objects") or objects()), "judged_by": judged_by(of)},
    }


def untested(**values: Any) -> Evidence:
    """The same without a test backup."""
    evidence = good(**values)
    for part in ("backup", "metadata", "restore", "content"):
        evidence.pop(part)
    return evidence


def scanned(found: dict[str, int], **values: Any) -> Evidence:
    """The result of a scan with these counts."""
    listed = found["non_compliant"] + found["not_evaluated"] - found["deleted_during_scan"]
    status = "non_compliant" if found["non_compliant"] else "not_evaluated" if listed else "compliant"
    findings = [object_finding(f"production/backups/{number}", status) for number in range(listed)]
    empty = found["total"] == found["deleted_during_scan"]
    result = {
        "status": "not_evaluated" if empty else status,
        "reason": "no_objects" if empty else "access_denied" if listed else None,
        "counts": found,
        "groups": [group("backup", PROOF, 1)],
        "by_algorithm": {},
        "by_key": [],
        "non_compliant_objects": findings,
    }
    return objects(**{**result, **values})


def document(evidence: Evidence) -> Any:
    """The document, which keeps to the schema whatever the evidence."""
    made = assemble(evidence)
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(made)] == []
    return made


def refused(evidence: Evidence) -> str:
    """The message with which the evidence is refused; it ends with what to do."""
    with pytest.raises(ValidationError) as refusal:
        assemble(evidence)
    assert refusal.value.remediation.endswith((".", ":"))
    return str(refusal.value)


def with_objects(**values: Any) -> Evidence:
    return good(objects=objects(**values))


def bad() -> Evidence:
    """A location with one fault of each kind."""
    evidence = good()
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
        status="non_compliant",
        counts=counts(1837, non_compliant=6, not_evaluated=2, deleted=1),
        delete_markers=3,
        by_algorithm={"AES256": 2, "SSE-C": 1, "aws:kms": 1840},
        by_key=[
            {"key_arn": OLD_KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 2},
            {"key_arn": KEY, "algorithm": "aws:kms", "bucket_key_enabled": False, "count": 1},
            {"key_arn": KEY, "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 1837},
        ],
        groups=[
            group("backup", "nightly-20261122", 7, non_compliant=2),
            group("backup", "nightly-20261123", 9),
            group("backup", PROOF, 9),
            group("restore", PROOF, 4),
            group("kopia", "shop", 1211, non_compliant=4, not_evaluated=2, deleted=1),
            group("kopia", "billing", 597),
        ],
        non_compliant_objects=[
            object_finding("production/backups/nightly-20261122/velero-backup.json"),
            object_finding("production/backups/nightly-20261122/nightly-20261122.tar.gz"),
            object_finding("production/kopia/shop/p0aa51", message=wrong_key, **noncurrent),
            object_finding("production/kopia/shop/p0aa52", message=wrong_key, **noncurrent),
            object_finding(
                "production/kopia/shop/p<script>alert(1)</script>\nof\u202ereversed",
                message="does not use a Bucket Key",
                algorithm="aws:kms",
                key_arn=KEY,
            ),
            object_finding(
                "production/kopia/shop/q77",
                message="is encrypted with SSE-C, not with aws:kms",
                algorithm="SSE-C",
            ),
            object_finding(
                "production/kopia/shop/q78",
                status="not_evaluated",
                message="S3 refused to tell (403 Forbidden)",
                remediation=GRANT_READ,
                algorithm=None,
            ),
            object_finding(
                "production/kopia/shop/q79",
                status="not_evaluated",
                message="S3 refused to tell (403 Forbidden)",
                remediation=GRANT_READ,
                algorithm=None,
            ),
        ],
        incomplete_multipart_uploads=[
            {"key": "production/kopia/shop/p9f", "upload_id": "VXBsb2Fk", "initiated": "2026-11-01T02:00:12Z"}
        ],
        path="objects.jsonl",
    )
    rule = actual()["encryption_rule"]
    evidence["audit"] = audit(
        finding(
            "coffer.10",
            "non_compliant",
            "medium",
            title="The Bucket Key is as desired",
            message="The Bucket Key is off, and should be on.",
            remediation="Run site.yml with the tag bucket_encryption.",
        ),
        finding(
            "coffer.8",
            "non_compliant",
            title="No other account may use the key",
            resource=KEY,
            message="The key policy lets arn:aws:iam::999988887777:root decrypt (statement Partner).",
            remediation="Remove the statement, or the principal from it.",
        ),
        finding(
            "coffer.27",
            "not_evaluated",
            title="The alarms have a subscriber",
            resource="arn:aws:sns:eu-central-1:111122223333:velero-acme-backups",
            message="sns:ListSubscriptionsByTopic failed: AuthorizationError: not authorized.",
            missing_permission="sns:ListSubscriptionsByTopic",
            remediation="Grant sns:ListSubscriptionsByTopic to the principal that audits, and run again.",
        ),
        finding(
            "KMS.4",
            severity="medium",
            title="AWS KMS key rotation should be enabled",
            resource=KEY,
        ),
        finding(
            "S3.17",
            severity="medium",
            title="S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
        ),
        finding(
            "S3.14",
            "non_compliant",
            "low",
            title="S3 general purpose buckets should have versioning enabled",
            message="Versioning is off.",
            remediation="Enable versioning with velero_bucket_versioning.",
        ),
    )
    evidence["configuration"]["actual"]["encryption_rule"] = {**rule, "BucketKeyEnabled": False}
    evidence["configuration"]["actual"].pop("backup_storage_location_spec")
    del evidence["backup"], evidence["metadata"], evidence["restore"], evidence["content"]
    return evidence


def hostile() -> Evidence:
    """Every name that means harm, everywhere a name can stand."""
    evidence = bad()
    names = [f"production/kopia/{name}" for name in HOSTILE]
    number = len(HOSTILE)
    evidence["caller"]["arn"] = f"{CALLER}{HOSTILE[0]}"
    evidence["objects"] = objects(
        status="non_compliant",
        counts=counts(0, non_compliant=number),
        by_algorithm={HOSTILE[1]: number},
        by_key=[
            {"key_arn": name, "algorithm": HOSTILE[0], "bucket_key_enabled": False, "count": 1} for name in HOSTILE[:3]
        ],
        groups=[group("kopia", name, non_compliant=1) for name in HOSTILE],
        non_compliant_objects=[
            object_finding(key, version_id=name, message=name, remediation=name, last_modified=name)
            for key, name in zip(names, HOSTILE, strict=True)
        ],
        incomplete_multipart_uploads=[{"key": name, "upload_id": name, "initiated": name} for name in HOSTILE],
        notes=HOSTILE,
        path=HOSTILE[0],
    )
    evidence["configuration"]["actual"]["key_policy_statements"] = [
        {"Sid": name, "Effect": "Allow", "Action": name} for name in HOSTILE
    ]
    evidence["configuration"]["actual"]["key"] = {"key_arn": HOSTILE[0], "key_state": HOSTILE[10]}
    evidence["audit"] = audit(
        *(
            finding(
                name,
                status,
                title=name,
                resource=name,
                message=name,
                missing_permission=name,
                remediation=name,
            )
            for name in HOSTILE
            for status in ("compliant", "non_compliant", "not_evaluated", "not_applicable")
        ),
        trail_arn=HOSTILE[0],
        started_at=HOSTILE[10],
        finished_at=HOSTILE[11],
    )
    evidence["backup"] = operation("backup", HOSTILE[0], HOSTILE[1], {"includedNamespaces": HOSTILE})
    evidence["restore"] = {"failed": True, "msg": HOSTILE[0], "name": HOSTILE[12], "error": {"remediation": HOSTILE[2]}}
    evidence["content"] = {"items": [{"kind": name, "name": name, "matches": False} for name in HOSTILE]}
    evidence["metadata"] = {
        "matches": False,
        "exists": True,
        "key": HOSTILE[0],
        "mismatches": [{"field": name, "backup": name, "metadata": {name: name}} for name in HOSTILE],
        "remediation": HOSTILE[3],
    }
    return evidence
