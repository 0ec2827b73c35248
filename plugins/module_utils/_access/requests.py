# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that this collection and Velero send, with their condition keys. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Context, Principal, Request

LIST, READ, WRITE, DELETE = "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
#: What S3 does with a key for a role that reads and writes.
USES_OF_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
#: The condition keys of S3 that are the encryption headers of a request.
ENCRYPTION_HEADERS = "s3:x-amz-server-side-encryption*"
_NOT_OF_A_SERVICE = ("aws:calledvia*", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorg*", "aws:sourceowner")
_PLAIN = ("s3:x-amz-acl", "s3:x-amz-copy-source*", "s3:x-amz-grant-*")
_SIGNED = {
    "aws:securetransport": ("true",),
    "s3:authtype": ("REST-HEADER",),
    "s3:signatureversion": ("AWS4-HMAC-SHA256",),
    "s3:tlsversion": ("1.2",),
}
#: What a request of this collection has and lacks: it is signed, goes to AWS itself by TLS, and comes from no service.
_DIRECT = Context(
    {**_SIGNED, "aws:viaawsservice": ("false",), "kms:bypasspolicylockoutsafetycheck": ("false",)},
    absent=(
        *_NOT_OF_A_SERVICE,
        *("kms:encryptioncontext*", "kms:grant*", "kms:viaservice"),
        *(*_PLAIN, ENCRYPTION_HEADERS),
        *("s3:prefix", "s3:delimiter", "s3:max-keys"),
    ),
)


def direct(principal: Principal, action: str, resource: str, resource_account: str | None = None) -> Request:
    """A request that a principal sends itself, not a service for it."""
    return Request(principal, action, resource, resource_account, _DIRECT)


def object_request(
    role_arn: str | None, action: str, resource: str, headers: Mapping[str, str] | None = None, *, tls: bool = True
) -> Request:
    """A request for objects or for the list of a bucket, in the account of the role that sends it.

    :param role_arn: ``None`` where it is not known who sends it
    :param headers: its encryption headers, by their condition key in lower case; ``None`` where they are not known
    """
    values = {**_SIGNED, "aws:securetransport": (str(tls).lower(),)}
    values |= {key: (value,) for key, value in (headers or {}).items()}
    absent = [*_NOT_OF_A_SERVICE, *_PLAIN]
    if headers is not None:
        absent.append(ENCRYPTION_HEADERS)
    principal = Principal(role_arn or "")
    return Request(principal, action, resource, principal.account_id, Context(values, absent))


def key_request(role_arn: str, action: str, key_arn: str, *, via: str, context_arn: str) -> Request:
    """A use of a key that S3 makes for a role.

    :param via: the host name of S3 in the Region of the bucket
    :param context_arn: of the bucket or object, as the encryption context says it
    """
    values = {
        "aws:viaawsservice": ("true",),
        "kms:viaservice": (via,),
        "kms:encryptioncontext:aws:s3:arn": (context_arn,),
        "kms:encryptioncontextkeys": ("aws:s3:arn",),
    }
    absent = (*_NOT_OF_A_SERVICE, "kms:grantisforawsresource")
    return Request(Principal(role_arn), action, key_arn, context=Context(values, absent))
