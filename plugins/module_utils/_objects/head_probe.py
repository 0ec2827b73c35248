# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out how S3 encrypts one object; the caller of the generator sends the requests. PRIVATE to coffer.velero.

A HEAD needs neither the key nor kms:Decrypt. Its error answers have no body, so that 400 may mean SSE-C, expired
credentials or another Region: a GET of one byte, which S3 refuses for the same cause, returns that cause.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from . import model
from .model import SSE_C

_SSE = "x-amz-server-side-encryption"

#: The refusals of a request without the customer's key: that of AWS, and that of other servers.
_KEY_REQUIRED_CODES = frozenset({"InvalidRequest", "InvalidArgument"})

#: Refusals that concern the object. Any other (an unknown access key, a wrong signature) concerns the request.
OBJECT_CODES = frozenset({"AccessDenied", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}) | _KEY_REQUIRED_CODES

#: Refusals that every further request would meet too.
CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired", "SignatureDoesNotMatch"}
)

Probe = Generator[model.Request, model.Response, model.Observation]


def writes_with_customer_key(options: model.ScanOptions, key: str) -> bool:
    """Whether Velero writes the object with SSE-C: only its plugin does, kopia cannot."""
    return options.mode == "sse-c" and model.group_of(key, options.prefix).kind in ("backup", "restore")


def probe(version: model.ObjectVersion, options: model.ScanOptions) -> Probe:
    """The requests that one object takes; the caller sends in the answer to each."""
    key, version_id = version.key, version.requested_version
    with_key = options.customer_key is not None and writes_with_customer_key(options, key)
    first = yield model.Request("HEAD", key, version_id, with_key)
    if first.status == 200:
        return _read(first.headers)
    second = None
    if first.status in (400, 403) and options.customer_key is not None:
        second = yield model.Request("HEAD", key, version_id, not with_key)
        if second.status == 200:
            return _read(second.headers)
    if first.status == 404:
        return model.Observation("deleted")
    if first.status == 405:  # the version is a delete marker by now
        return model.Observation("deleted", detail="405")
    plain, keyed = (second, first) if with_key else (first, second)
    return (yield from _find_cause(key, version_id, plain or first, keyed))


def _find_cause(key: str, version_id: str | None, plain: model.Response, keyed: model.Response | None) -> Probe:
    """Why S3 did not return the encryption."""
    if plain.status not in (400, 403):
        return model.Observation("failed", detail=plain.code or str(plain.status))
    cause = plain if plain.code else (yield model.Request("GET", key, version_id))
    if cause.status in (404, 405):
        return model.Observation("deleted", detail=cause.code)
    code = cause.code or str(cause.status)
    if plain.status == 400 and (code in _KEY_REQUIRED_CODES or (cause.status == 400 and not cause.code)):
        return model.Observation("wrong_key" if keyed else "key_required", SSE_C)
    if cause.status == 200:  # the cause is gone: credentials were renewed, a policy was corrected
        again = yield model.Request("HEAD", key, version_id)
        return _read(again.headers) if again.status == 200 else model.Observation("failed", detail=str(again.status))
    return model.Observation("denied" if code in ("AccessDenied", "403") else "failed", detail=code)


def _read(headers: Mapping[str, str]) -> model.Observation:
    """The encryption in the headers of an answer."""
    if f"{_SSE}-customer-algorithm" in headers:
        return model.Observation("read", SSE_C)
    return model.Observation(
        "read",
        headers.get(_SSE, "none"),
        headers.get(f"{_SSE}-aws-kms-key-id"),
        headers.get(f"{_SSE}-bucket-key-enabled", "").lower() == "true",
    )
