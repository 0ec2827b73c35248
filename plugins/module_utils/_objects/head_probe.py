# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out how S3 encrypts one object; the caller of the generator sends the requests. PRIVATE to coffer.velero.

A HEAD needs neither the key nor kms:Decrypt. Its error answers have no body, so that 400 may mean SSE-C, expired
credentials or another Region: a GET of one byte, which S3 refuses for the same cause, returns that cause.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
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

#: A request for the object, or for the page of the listing that would have it, and the answer; ``None`` where there is
#: no page to be had.
Probe = Generator["model.Request | model.PageRequest", "model.Response | model.Page | None", model.Observation]
Head = Generator["model.Request | model.PageRequest", "model.Response | model.Page | None", model.Response]


def writes_with_customer_key(options: model.ScanOptions, key: str) -> bool:
    """Whether Velero writes the object with SSE-C: only its plugin does, kopia cannot."""
    return options.mode == "sse-c" and model.group_of(key, options.prefix).kind in ("backup", "restore")


def probe(version: model.ObjectVersion, options: model.ScanOptions) -> Probe:
    """The requests that one object takes; the caller sends in the answer to each."""
    key, version_id = version.key, version.requested_version
    with_key = options.customer_key is not None and writes_with_customer_key(options, key)
    first = yield from _ask(model.Request("HEAD", key, version_id, with_key))
    if version_id is None and version.version_id == "null" and _is_of_another_version(first):
        version_id = "null"  # another version is the current one by now
        first = yield from _ask(model.Request("HEAD", key, version_id, with_key))
    if first.status == 200:
        return (yield from _observed(version, model.Request("HEAD", key, version_id, with_key), first, options))
    second = None
    if first.status in (400, 403) and options.customer_key is not None:
        other = model.Request("HEAD", key, version_id, not with_key)
        second = yield from _ask(other)
        if second.status == 200:
            return (yield from _observed(version, other, second, options))
    if first.status in (404, 405):  # 405: the version is a delete marker by now
        return (yield from _confirm_deletion(version, first))
    plain, keyed = (second, first) if with_key else (first, second)
    return (yield from _find_cause(version, version_id, plain or first, keyed, options))


def _ask(request: model.Request) -> Head:
    answer = yield request
    return t.cast(model.Response, answer)


def _is_of_another_version(answer: model.Response) -> bool:
    if answer.status == 404:  # deleted, or behind a delete marker
        return True
    return answer.status == 200 and answer.headers.get("x-amz-version-id", "null") != "null"


def _observed(
    version: model.ObjectVersion, request: model.Request, answer: model.Response, options: model.ScanOptions
) -> Probe:
    """What an answer says, where it is of this object: a mixed-up answer would credit one object with another's."""
    if request.version_id and answer.headers.get("x-amz-version-id", request.version_id) != request.version_id:
        return model.Observation("failed", detail="the answer is of another version")
    etag = answer.headers.get("etag", "").strip('"')
    if version.etag and etag and etag != version.etag:  # it may have been replaced since it was listed
        page = yield model.PageRequest(version.key)
        listed = page.objects if isinstance(page, model.Page) else ()
        if not any((one.key, one.etag) == (version.key, etag) for one in listed):
            return model.Observation("failed", detail="the answer is of another object than the listing has")
    return _read(answer.headers, options)


def _confirm_deletion(version: model.ObjectVersion, answer: model.Response) -> Probe:
    """Deleted is only what a second listing does not show any more."""
    page = yield model.PageRequest(version.key)
    detail = answer.code or str(answer.status)
    if not isinstance(page, model.Page):
        return model.Observation("failed", detail=f"{detail}, and no listing confirms that it was deleted")
    found = [one for one in page.objects if one.key == version.key]
    if any(version.version_id in (None, one.version_id) or one.version_id is None for one in found):
        return model.Observation("failed", detail=f"{detail}, and the listing still has it")
    if page.next_marker and len(found) == len(page.objects):  # versions of this key alone, and there are more
        return model.Observation("failed", detail=f"{detail}, and the listing does not say whether it was deleted")
    return model.Observation("deleted", detail=detail)


def _find_cause(
    version: model.ObjectVersion,
    version_id: str | None,
    plain: model.Response,
    keyed: model.Response | None,
    options: model.ScanOptions,
) -> Probe:
    """Why S3 did not return the encryption."""
    if plain.status not in (400, 403):
        return model.Observation("failed", detail=plain.code or str(plain.status))
    cause = plain if plain.code else (yield from _ask(model.Request("GET", version.key, version_id)))
    if cause.status in (404, 405):
        return (yield from _confirm_deletion(version, cause))
    code = cause.code or str(cause.status)
    if plain.status == 400 and (code in _KEY_REQUIRED_CODES or (cause.status == 400 and not cause.code)):
        return model.Observation("wrong_key" if keyed else "key_required", SSE_C)
    if cause.status == 200:  # the cause is gone: credentials were renewed, a policy was corrected
        request = model.Request("HEAD", version.key, version_id)
        again = yield from _ask(request)
        if again.status == 200:
            return (yield from _observed(version, request, again, options))
        return model.Observation("failed", detail=str(again.status))
    return model.Observation("denied" if code in ("AccessDenied", "403") else "failed", detail=code)


def _read(headers: Mapping[str, str], options: model.ScanOptions) -> model.Observation:
    """The encryption in the headers of an answer."""
    if f"{_SSE}-customer-algorithm" in headers:
        if options.customer_key is None:
            return model.Observation("key_required", SSE_C)
        # SeaweedFS sends the header twice, which urllib3 joins.
        digests = {text.strip() for text in headers.get(f"{_SSE}-customer-key-md5", "").split(",")}
        return model.Observation("read" if digests == {key_md5(options.customer_key)} else "wrong_key", SSE_C)
    return model.Observation(
        "read",
        headers.get(_SSE, "none"),
        headers.get(f"{_SSE}-aws-kms-key-id"),
        headers.get(f"{_SSE}-bucket-key-enabled", "").lower() == "true",
    )


def key_md5(key: bytes) -> str:
    """The digest of a customer key, as S3 names it in requests and answers."""
    return base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
