# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a text of Velero, its plugin, S3 or KMS means, and what to do about it. Pure. PRIVATE to coffer.velero.

The texts are those of a status, of the results that Velero keeps, and of S3's own answer to a read. Unlike those of a
location (messages.py) they speak of an object, and so of the key that it is encrypted under.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .messages import known_remediation, plain

#: Where a fault is, from the server outwards.
Layer = t.Literal[
    "server",
    "plugin",
    "request",
    "location",
    "identity",
    "key",
    "storage",
    "network",
    "repository",
    "content",
    "queue",
    "operations",
    "unknown",
]


@dataclass(frozen=True)
class Diagnosis:
    """A cause with its remediation.

    :param layer: where it is
    :param cause: one sentence without its full stop
    :param remediation: what to do, as sentences
    :param final: whether waiting does not help
    """

    layer: Layer
    cause: str
    remediation: str
    final: bool = True


_DENIED = r"(AccessDenied|Access Denied|StatusCode: 403|Forbidden)"
_READS = r"(error getting object|GetObject|HeadObject|downloading backup|reading back)"
_WRITES = r"(error putting object|PutObject|UploadPart|MultipartUpload)"
_KEY_RIGHTS = (
    "Allow kms:GenerateDataKey and kms:Decrypt on the key to Velero's role, in the role's policy "
    "(coffer.velero.iam_policy) and in the policy of the key (coffer.velero.kms_key_policy)."
)
_STORAGE_RIGHTS = (
    "Allow {actions} on the objects under the prefix to Velero's role (coffer.velero.iam_policy), and look for a "
    "Deny statement in the bucket's policy (coffer.velero.s3_bucket_policy)."
)


class Entry(t.NamedTuple):
    """A pattern of an error's text, and what :class:`Diagnosis` says of it."""

    pattern: str
    layer: Layer
    cause: str
    remediation: str


#: The first pattern that is found counts. docs/troubleshooting.md shows all of them.
CATALOG: tuple[Entry, ...] = (
    Entry(
        r"kms:GenerateDataKey", "key", "Velero's role may not encrypt under the key (kms:GenerateDataKey)", _KEY_RIGHTS
    ),
    Entry(r"kms:Decrypt", "key", "Velero's role may not decrypt what it wrote (kms:Decrypt)", _KEY_RIGHTS),
    Entry(
        r"DisabledException|key/\S+ is disabled|KMS key is disabled",
        "key",
        "the key is disabled, so that nothing under it can be written or read",
        "Enable it (coffer.velero.kms_key with enabled=true), and find out who disabled it.",
    ),
    Entry(
        r"KMSInvalidState|pending deletion|PendingDeletion",
        "key",
        "the key is scheduled for deletion, so that nothing under it can be written or read",
        "Cancel that now (coffer.velero.kms_key with cancel_deletion=true): once it is deleted, everything that was "
        "written under it is lost.",
    ),
    Entry(
        r"KMS\.NotFound|Invalid keyId|[Kk]ey '\S+' does not exist",
        "key",
        "there is no such key in the bucket's Region",
        "Correct kms_key_id of the location, or the bucket's default encryption, whichever names the key.",
    ),
    Entry(
        r"AssumeRoleWithWebIdentity|InvalidIdentityToken|No OpenIDConnect provider",
        "identity",
        "Velero cannot assume its role",
        "The role's trust policy must name the cluster's OIDC issuer, the audience sts.amazonaws.com and Velero's "
        "ServiceAccount; see coffer.velero.iam_role.",
    ),
    Entry(
        r"no EC2 IMDS role found|failed to refresh cached credentials|get credentials: failed",
        "identity",
        "Velero's pods have no role",
        "coffer.velero.velero_identity sets one and restarts them.",
    ),
    Entry(
        r"ExpiredToken|token.{0,20} (has )?expired",
        "identity",
        "Velero's credentials expired while it worked",
        "A kopia operation keeps the credentials that it began with, for an hour with a role: split the backup, or see "
        "why it takes so long.",
    ),
    Entry(
        r"InvalidAccessKeyId|InvalidClientTokenId|SignatureDoesNotMatch",
        "identity",
        "Velero uses credentials that are not valid",
        "Look for a static credential that should not be there; coffer.velero.velero_identity names it.",
    ),
    Entry(
        r"unable to locate ObjectStore plugin",
        "plugin",
        "Velero runs without its plugin for AWS",
        "Add velero-plugin-for-aws to Velero: velero plugin add, or initContainers of the Helm chart.",
    ),
    Entry(
        r"invalid top-level directories",
        "location",
        "something that is not Velero's lies under the location's prefix",
        "Move it (access logs, inventories) out of the prefix, or give Velero its own prefix.",
    ),
    Entry(
        r"SSE-C|form of Server Side Encryption|customer-provided|encryption with customer",
        "key",
        "S3 refuses a customer-provided key (SSE-C), or requires one that Velero does not send",
        "The bucket must not block SSE-C (coffer.velero.s3_bucket_encryption), and the location must name the key that "
        "its objects were written with.",
    ),
    Entry(
        r"with status .* during the server starting",
        "server",
        "the Velero server was restarted while it was at work on it",
        "Remove it and create it again. If the server was not restarted on purpose, see why its pod ended: memory, "
        "most often.",
    ),
    Entry(
        r"(?<!checking if )backup already exists in object storage",
        "storage",
        "the bucket holds a backup of that name already",
        "Choose another name. Velero shows the other one when it has synchronized the location.",
    ),
    Entry(
        r"perform: s3:PutObject\b",
        "storage",
        "Velero's role may not write objects (s3:PutObject)",
        _STORAGE_RIGHTS.format(actions="s3:PutObject"),
    ),
    Entry(
        r"perform: s3:GetObject\b",
        "storage",
        "Velero's role may not read objects (s3:GetObject)",
        _STORAGE_RIGHTS.format(actions="s3:GetObject"),
    ),
    Entry(
        rf"{_WRITES}.*{_DENIED}",
        "storage",
        "Velero's role may not write objects, or not encrypt them (s3:PutObject or kms:GenerateDataKey)",
        _STORAGE_RIGHTS.format(actions="s3:PutObject") + " " + _KEY_RIGHTS,
    ),
    Entry(
        rf"checking if backup already exists.*{_DENIED}",
        "storage",
        "Velero's role may not look for an object (s3:GetObject, and s3:ListBucket, without which S3 hides what is not "
        "there)",
        _STORAGE_RIGHTS.format(actions="s3:GetObject") + " Allow s3:ListBucket on the bucket without a condition.",
    ),
    Entry(
        rf"{_READS}.*{_DENIED}",
        "storage",
        "Velero's role may not read objects, or not decrypt them (s3:GetObject or kms:Decrypt)",
        _STORAGE_RIGHTS.format(actions="s3:GetObject") + " " + _KEY_RIGHTS,
    ),
    Entry(
        rf"(DeleteObject|error deleting).*{_DENIED}",
        "storage",
        "Velero's role may not delete objects (s3:DeleteObject)",
        _STORAGE_RIGHTS.format(actions="s3:DeleteObject"),
    ),
    Entry(
        r"NoSuchBucket",
        "location",
        "there is no such bucket",
        "Correct the location, or make the bucket (coffer.velero.s3_bucket).",
    ),
    Entry(
        rf"{_READS}.*(StatusCode: 404|NoSuchKey)|NoSuchKey",
        "storage",
        "an object of the backup is not in the bucket",
        "Was it removed by a lifecycle rule or by hand, or does the location point elsewhere now?",
    ),
    Entry(
        r"Error retrieving backup|can't find backup",
        "request",
        "the backup does not exist",
        "Name one that exists (kubectl get backups); one of another cluster appears when Velero has synchronized it.",
    ),
    Entry(
        r"storage location was not specified at backup creation time",
        "location",
        "the backup location does not exist",
        "Make it (coffer.velero.backup_storage_location), or name another in storage_location.",
    ),
    Entry(
        r"read-only mode",
        "location",
        "the backup location is read-only",
        "Set access_mode=ReadWrite (coffer.velero.backup_storage_location), or name another location.",
    ),
    Entry(
        r"api error (InternalError|ServiceUnavailable)|StatusCode: 50[0-9]|^(reading back: )?InternalError",
        "storage",
        "S3 answers with an error of its own",
        "Run it again later. A server other than AWS's may also say so where its KMS refuses the key: see its log, and "
        "whether the key is enabled.",
    ),
    Entry(
        r"error to connect to storage|[Bb]ackup[Rr]epository|repository .*not ready|kopia",
        "repository",
        "kopia cannot use its repository for volume data",
        "It uses the location's bucket and Velero's role, and no encryption header: the same rights, and no bucket "
        "policy that demands the header. It does not know s3_force_path_style either.",
    ),
    Entry(
        r"dial tcp|no such host|connection refused|i/o timeout|deadline exceeded|connection reset|x509|tls: ",
        "network",
        "Velero does not reach S3",
        "Check s3_url, its certificate, network policies and VPC endpoints.",
    ),
)


def explain(text: str) -> Diagnosis | None:
    """What a text means; ``None`` where no pattern matches."""
    for pattern, layer, cause, remediation in CATALOG:
        if re.search(pattern, text, re.DOTALL):
            return Diagnosis(layer, cause, remediation)
    known = known_remediation(text)
    return Diagnosis("location", plain(text), known) if known else None
