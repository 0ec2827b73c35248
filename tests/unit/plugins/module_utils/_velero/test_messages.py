# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that Velero and its plugin can put into a location's status has its remediation."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.messages import is_final, plain, remediation_for

TEXTS = [
    ("config has invalid keys [x]; valid keys are [region]", "Remove the key", True),
    ('could not parse s3ForcePathStyle (expected bool): strconv.ParseBool: parsing "x": invalid', "Write true", True),
    ("you can only use one of: kmsKeyId, customerKeyEncryptionFile, or customerKeyEncryptionSecret", "Leave one", True),
    ("Invalid s3 url x, URL must be valid according to", "Correct s3_url", True),
    ("unable to determine bucket's region, bucket: b", "Set region", True),
    ("provided customerKeyEncryptionFile does not exist: /k: stat /k: no such file", "Mount the Secret", False),
    ("could not stat customerKeyEncryptionFile: /k: permission denied", "Mount the Secret", False),
    ("contents of customerKeyEncryptionFile (/k) are not exactly 32 bytes", "32 raw bytes", False),
    ("invalid secret reference format: x, expected secretName/key", "as name/key", True),
    ("VELERO_NAMESPACE environment variable is not set", "in a pod", False),
    ("failed to create in-cluster config: unable to load", "in a pod", False),
    ('failed to get secret velero/s: secrets "s" not found', "sse_c_secret does", False),
    ('failed to get secret velero/s: secrets "s" is forbidden: User', "Allow Velero's ServiceAccount", False),
    ("key k not found in secret velero/s", "sse_c_secret does", False),
    ("customer key from secret velero/s/k must be exactly 32 bytes, got 44 bytes", "32 raw bytes", False),
    ("Tags are not seperated with an &", "Correct tagging", True),
    ("Aws S3 allows only ten tags per object", "Correct tagging", True),
    ("An S3 tag key can not be more than 128 Unicode characters in length", "Correct tagging", True),
    ("An S3 tag values can not be more 256 Unicode characters in length", "Correct tagging", True),
    ("invalid checksum algorithm: crc32", "checksum_algorithm", True),
    ("backup storage location does not use object storage", "Give the name of the bucket", True),
    ("backup storage location's bucket name \"b/p\" must not contain a '/'", "Give the name of the bucket", True),
    ("cannot specify both caCert and caCertRef in objectStorage", "Leave one", True),
    ("unable to get credentials: unable to get key for secret: x", "credential names", False),
    ("error getting CA certificate from secret: unable to get key for secret: x", "object_storage_ca_cert_ref", False),
    ("Backup store contains 4 invalid top-level directories: [a b c ...]", "out of the prefix", False),
    ("unable to locate ObjectStore plugin named velero.io/aws", "velero plugin add", False),
    ("StatusCode: 403, Not authorized to perform sts:AssumeRoleWithWebIdentity", "trust policy", False),
    ("StatusCode: 403, api error AccessDenied: Access Denied", "s3:ListBucket", False),
    ("get credentials: failed to refresh cached credentials, no EC2 IMDS role found", "velero_identity", False),
    ("https response error StatusCode: 404, NoSuchBucket", "Correct bucket and s3_url", False),
    ("StatusCode: 301, PermanentRedirect", "Set region", False),
    ("x509: certificate signed by unknown authority", "object_storage_ca_cert", False),
    ("dial tcp 127.0.0.1:9: connect: connection refused", "does not reach the endpoint", False),
    ("something new", "See the log of the Velero server.", False),
]


@pytest.mark.parametrize(("text", "expected", "final"), TEXTS, ids=[text[:30] for text, _e, _f in TEXTS])
def test_remedy(text: str, expected: str, final: bool) -> None:
    assert expected in remediation_for(text)
    assert is_final(text) == final


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('BackupStorageLocation "d" is unavailable: rpc error: code = Unknown desc = no.', "no"),
        ("plain", "plain"),
        ("", "no message"),
    ],
)
def test_plain(message: str, expected: str) -> None:
    assert plain(message) == expected
