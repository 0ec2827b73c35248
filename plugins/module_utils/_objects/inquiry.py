# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask S3 how one object is encrypted; whoever runs the generator sends the requests. PRIVATE to coffer.velero.

A HEAD needs neither the key nor kms:Decrypt. Its refusals have no body, so that 400 may mean SSE-C, expired
credentials or another Region: the cause is asked for with a GET of one byte, which S3 refuses with the same cause.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._objects.layout import group_of
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import (
    SSE_C,
    Entry,
    Request,
    Response,
    Seen,
    Wanted,
)

_SSE = "x-amz-server-side-encryption"

#: Refusals that concern the object. Any other (an unknown access key, a wrong signature) concerns how it was asked.
OBJECT_CODES = frozenset({"AccessDenied", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"})

#: The refusals of a request without the customer's key: that of AWS, and that of other servers.
NEEDS_KEY_CODES = frozenset({"InvalidRequest", "InvalidArgument"})
OBJECT_CODES |= NEEDS_KEY_CODES

#: Refusals that every further request would meet too.
CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired", "SignatureDoesNotMatch"}
)

Inquiry = Generator[Request, Response, Seen]


def writes_with_customer_key(wanted: Wanted, key: str) -> bool:
    """Whether Velero writes the object with SSE-C: only its plugin does, kopia cannot."""
    return wanted.mode == "sse-c" and group_of(key, wanted.prefix).kind in ("backup", "restore")


def inquire(entry: Entry, wanted: Wanted) -> Inquiry:
    """The requests that one object takes; the answer to each is sent in."""
    key, version = entry.key, entry.asked_version
    with_key = wanted.customer_key is not None and writes_with_customer_key(wanted, key)
    first = yield Request("HEAD", key, version, with_key)
    if first.status == 200:
        return _read(first.headers)
    second = None
    if first.status in (400, 403) and wanted.customer_key is not None:
        second = yield Request("HEAD", key, version, not with_key)
        if second.status == 200:
            return _read(second.headers)
    if first.status == 404:
        return Seen("gone")
    if first.status == 405:  # the version is a delete marker by now
        return Seen("gone", detail="405")
    plain, keyed = (second, first) if with_key else (first, second)
    return (yield from _refused(key, version, plain or first, keyed))


def _refused(key: str, version: str | None, plain: Response, keyed: Response | None) -> Inquiry:
    """Why S3 does not tell."""
    if plain.status not in (400, 403):
        return Seen("failed", detail=plain.code or str(plain.status))
    cause = plain if plain.code else (yield Request("GET", key, version))
    if cause.status in (404, 405):
        return Seen("gone", detail=cause.code)
    code = cause.code or str(cause.status)
    if plain.status == 400 and (code in NEEDS_KEY_CODES or (cause.status == 400 and not cause.code)):
        return Seen("wrong_key" if keyed else "needs_key", SSE_C)
    if cause.status == 200:  # whatever it was, it is over: credentials that were renewed, a policy that was put right
        again = yield Request("HEAD", key, version)
        return _read(again.headers) if again.status == 200 else Seen("failed", detail=str(again.status))
    return Seen("denied" if code in ("AccessDenied", "403") else "failed", detail=code)


def _read(headers: Mapping[str, str]) -> Seen:
    """The encryption that the headers of an answer tell of."""
    if f"{_SSE}-customer-algorithm" in headers:
        return Seen("read", SSE_C)
    return Seen(
        "read",
        headers.get(_SSE, "none"),
        headers.get(f"{_SSE}-aws-kms-key-id"),
        headers.get(f"{_SSE}-bucket-key-enabled", "").lower() == "true",
    )
