# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Velero and its plugin say about a location, and what to do about it. Pure. PRIVATE to coffer.velero.

The texts are those of object_store.go and config.go of velero-plugin-for-aws, and of storagelocation.go and
object_store.go of Velero. The first pattern that is found counts.
"""

from __future__ import annotations

import re

#: What the spec alone brings about, so that waiting does not help.
SPEC_ERRORS: tuple[tuple[str, str], ...] = (
    (
        r"config has invalid keys",
        "Remove the key from spec.config, or bring velero-plugin-for-aws to a version that knows it "
        "(customerKeyEncryptionSecret came with 1.13, checksumAlgorithm with 1.9.2).",
    ),
    (r"could not parse (s3ForcePathStyle|insecureSkipTLSVerify)", "Write true or false."),
    (r"you can only use one of", "Leave one of the keys in spec.config; the options of this module do."),
    (r"Invalid s3 url", "Correct s3_url or public_url: https://HOST or https://HOST:PORT."),
    (r"invalid secret reference format", "Write customer_key_encryption_secret as name/key."),
    (
        r"[Tt]ags are not seperated|ten tags per object|invalid tags|S3 tag (key|values) can",
        "Correct tagging: two to ten tags as key=value&key=value, URL-encoded.",
    ),
    (r"invalid checksum algorithm", "Choose a checksum_algorithm that this plugin knows."),
    (
        r"must not contain a '/'|must not be empty|does not use object storage",
        "Give the name of the bucket in bucket, and what follows it in prefix.",
    ),
    (r"cannot specify both caCert and caCertRef", "Leave one of them in spec.objectStorage."),
    (r"unable to determine bucket's region", "Set region to the bucket's Region."),
)

#: What may pass, or may have been put right since.
OTHER_ERRORS: tuple[tuple[str, str], ...] = (
    (
        r"customerKeyEncryptionFile does not exist|could not (stat|read) customerKeyEncryptionFile",
        "Mount the Secret at that path in the Deployment of Velero, or use customer_key_encryption_secret.",
    ),
    (
        r"not exactly 32 bytes|must be exactly 32 bytes",
        "The Secret must hold 32 raw bytes, no base64 and no hexadecimal text; see coffer.velero.sse_c_secret.",
    ),
    (r"failed to get secret .*forbidden", "Allow Velero's ServiceAccount to get Secrets in its namespace."),
    (
        r"failed to get secret|key \S+ not found in secret",
        "Create the Secret with the customer-provided key first; coffer.velero.sse_c_secret does.",
    ),
    (
        r"failed to create (in-cluster config|kubernetes client)|VELERO_NAMESPACE environment variable",
        "customer_key_encryption_secret works only where Velero runs in a pod; use customer_key_encryption_file.",
    ),
    (r"error getting CA certificate", "Make the Secret that object_storage_ca_cert_ref names."),
    (r"unable to get credentials|unable to get key for secret", "Make the Secret that credential names."),
    (
        r"invalid top-level directories",
        "Move what is not Velero's (access logs, inventories) out of the prefix, or give Velero its own prefix.",
    ),
    (
        r"unable to locate ObjectStore plugin",
        "Add velero-plugin-for-aws to Velero: velero plugin add, or initContainers of the Helm chart.",
    ),
    (
        r"AssumeRoleWithWebIdentity|InvalidIdentityToken|No OpenIDConnect provider",
        "The role's trust policy must name the cluster's OIDC issuer, the audience sts.amazonaws.com and Velero's "
        "ServiceAccount; see coffer.velero.iam_role.",
    ),
    (
        r"no EC2 IMDS role found|failed to refresh cached credentials|get credentials: failed",
        "Velero's pods have no role: coffer.velero.velero_identity sets one and restarts them.",
    ),
    (
        r"ExpiredToken|InvalidAccessKeyId|InvalidClientTokenId|SignatureDoesNotMatch",
        "Velero uses credentials that are not valid: look for a static credential that should not be there.",
    ),
    (r"NoSuchBucket|StatusCode: 404", "Correct bucket and s3_url, or make the bucket with coffer.velero.s3_bucket."),
    (r"PermanentRedirect|StatusCode: 301|AuthorizationHeaderMalformed", "Set region to the bucket's Region."),
    (
        r"AccessDenied|Access Denied|StatusCode: 403|Forbidden",
        "Velero's role needs s3:ListBucket on the bucket, and no bucket policy may deny it; see "
        "coffer.velero.iam_policy.",
    ),
    (r"x509|tls: |certificate", "Give the endpoint's CA in object_storage_ca_cert, or correct s3_url."),
    (
        r"dial tcp|no such host|connection refused|i/o timeout|deadline exceeded|connection reset|EOF",
        "Velero's pod does not reach the endpoint: check s3_url, network policies and VPC endpoints.",
    ),
)


def known_remediation(message: str) -> str | None:
    """What to do about a message of a location's status; ``None`` where no pattern matches."""
    return next((text for pattern, text in (*SPEC_ERRORS, *OTHER_ERRORS) if re.search(pattern, message)), None)


def remediation_for(message: str) -> str:
    """What to do about a message of a location's status, whatever it says."""
    return known_remediation(message) or "See the log of the Velero server."


def is_final(message: str) -> bool:
    """Whether only another spec can help."""
    return any(re.search(pattern, message) for pattern, _text in SPEC_ERRORS)


def plain(message: str) -> str:
    """The message without the wrapping of Velero and of its plugin protocol."""
    text = re.sub(r'^BackupStorageLocation "[^"]*" is unavailable: ', "", message.strip())
    return text.removeprefix("rpc error: code = Unknown desc = ").rstrip(".") or "no message"
