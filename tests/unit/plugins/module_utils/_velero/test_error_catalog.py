# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of Velero, S3 and KMS, each with its layer, cause and remediation."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.error_catalog import explain

PUT = (
    "rpc error: code = Unknown desc = error putting object p/backups/b/velero-backup.json: operation error S3: "
    "PutObject, https response error StatusCode: {status}, RequestID: R, HostID: H, api error {error}"
)
GET = (
    "error downloading backup: rpc error: code = Unknown desc = error getting object p/backups/b/b.tar.gz: operation "
    "error S3: GetObject, https response error StatusCode: {status}, RequestID: R, HostID: H, api error {error}"
)
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DENIED = "AccessDenied: User: arn:aws:sts::1:assumed-role/velero/x is not authorized to perform: {} on resource: " + KEY

TEXTS = [
    (PUT.format(status=403, error=DENIED.format("kms:GenerateDataKey")), "key", "kms:GenerateDataKey", "iam_policy"),
    (GET.format(status=403, error=DENIED.format("kms:Decrypt")), "key", "kms:Decrypt", "kms_key_policy"),
    (PUT.format(status=403, error=DENIED.format("s3:PutObject")), "storage", "(s3:PutObject)", "s3:PutObject on"),
    (PUT.format(status=403, error="AccessDenied: Access Denied"), "storage", "kms:GenerateDataKey", "bucket_policy"),
    (
        GET.format(status=403, error="AccessDenied: Access Denied"),
        "storage",
        "s3:GetObject or kms:Decrypt",
        "s3:GetObj",
    ),
    (PUT.format(status=400, error=f"KMS.DisabledException: {KEY} is disabled."), "key", "is disabled", "enabled=true"),
    (
        PUT.format(status=400, error=f"KMS.KMSInvalidStateException: {KEY} is pending deletion."),
        "key",
        "scheduled for deletion",
        "cancel_deletion=true",
    ),
    (
        PUT.format(status=400, error=f"KMS.NotFoundException: Key '{KEY}' does not exist"),
        "key",
        "no such key",
        "kms_key",
    ),
    (GET.format(status=404, error="NoSuchKey: The specified key does not exist."), "storage", "is not in", "lifecycle"),
    (
        PUT.format(status=404, error="NoSuchBucket: The specified bucket does not exist"),
        "location",
        "bucket",
        "Correct",
    ),
    (
        GET.format(status=400, error="InvalidRequest: The object was stored using a form of Server Side Encryption."),
        "key",
        "SSE-C",
        "bucket_encryption",
    ),
    (PUT.format(status=400, error="ExpiredToken: The provided token has expired."), "identity", "expired", "an hour"),
    (PUT.format(status=403, error="InvalidAccessKeyId: The key does not exist"), "identity", "not valid", "static"),
    (
        "error checking if backup already exists in object storage: rpc error: code = Unknown desc = operation error "
        "S3: HeadObject, https response error StatusCode: 403, RequestID: R, HostID: H, api error Forbidden: Forbidden",
        "storage",
        "s3:ListBucket, without which S3 hides",
        "without a condition",
    ),
    ("backup already exists in object storage", "storage", "a backup of that name", "another name"),
    (
        "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, api error AccessDenied: "
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "identity",
        "cannot assume its role",
        "trust policy",
    ),
    (
        "get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found",
        "identity",
        "have no role",
        "velero_identity",
    ),
    ("unable to locate ObjectStore plugin named velero.io/aws", "plugin", "without its plugin", "velero plugin add"),
    ("Backup store contains invalid top-level directories: [AWSLogs]", "location", "under the location's", "Move it"),
    (
        'found a backup with status "InProgress" during the server starting, mark it as "Failed"',
        "server",
        "was restarted",
        "memory",
    ),
    ("Error retrieving backup: can't find backup velero/x: not found", "request", "does not exist", "Name one"),
    (
        "an existing backup storage location was not specified at backup creation time and the default x was not fou",
        "location",
        "does not exist",
        "Make it",
    ),
    (
        "backup can't be created because backup storage location x is currently in read-only mode",
        "location",
        "read",
        "W",
    ),
    ("pod volume backup failed: error to connect to storage: Access Denied", "repository", "kopia", "no bucket policy"),
    (
        PUT.format(status=0, error="dial tcp 10.0.0.1:443: connect: connection refused"),
        "network",
        "not reach",
        "s3_url",
    ),
    (
        "DeleteObject, https response error StatusCode: 403, api error AccessDenied: x",
        "storage",
        "s3:DeleteObject",
        "pr",
    ),
    (PUT.format(status=500, error="InternalError: We encountered an internal error"), "storage", "own", "see its log"),
    ("customer key from secret a/b/c must be exactly 32 bytes, got 44 bytes", "location", "32 bytes", "32 raw bytes"),
]


@pytest.mark.parametrize(("text", "layer", "cause", "remediation"), TEXTS, ids=[f"{n}" for n in range(len(TEXTS))])
def test_explain(text: str, layer: str, cause: str, remediation: str) -> None:
    found = explain(text)
    assert found is not None
    assert found.layer == layer
    assert cause in found.cause
    assert remediation in found.remediation
    assert found.final
    assert not found.cause.endswith(".")
    assert found.remediation.endswith((".", "?"))


def test_unheard_of() -> None:
    assert explain("something new") is None
