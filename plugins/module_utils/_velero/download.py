# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what Velero keeps of a backup or restore in S3, with the right of Velero's role. PRIVATE to coffer.velero.

Velero signs a URL for every principal that may create a DownloadRequest. Whether the object exists and may be read
shows only when it is fetched, and what S3 answers then is what it answers Velero itself. The URL is a credential: no
text shows it.
"""

from __future__ import annotations

import gzip
import http.client
import re
import ssl
import time
import typing as t
import urllib.error
import urllib.request
import zlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._kube import Kube
from .diagnosis import ObjectReadResult
from .server_api import ask

_MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Download:
    """An object that Velero keeps, or why it could not be read."""

    read_result: ObjectReadResult
    content: bytes = b""


def download(
    kube: Kube, namespace: str, kind: str, name: str, location: Mapping[str, t.Any] | None, seconds: float
) -> Download:
    """Fetch one of Velero's objects.

    :param kind: what of it, in the words of a DownloadRequest: BackupResults, RestoreLog
    :param location: where it is, for the certificate of the endpoint
    :param seconds: how long Velero may take to sign the URL; it never does where its plugin cannot start
    """
    spec = {"target": {"kind": kind, "name": name}}
    status = ask(kube, namespace, "DownloadRequest", spec, time.monotonic() + seconds)
    if not status or not status.get("downloadURL"):
        return Download(ObjectReadResult("unreachable", "Velero gave no URL for it"))
    url = str(status["downloadURL"])
    spec = (location or {}).get("spec") or {}
    if not is_of_endpoint(url, str((spec.get("config") or {}).get("s3Url") or "")):
        return Download(ObjectReadResult("unreachable", "Velero gave a link to it that is not one of S3 over TLS"))
    return fetch(url, _trust(location or {}))


def is_of_endpoint(url: str, s3_url: str) -> bool:
    """Whether a signed link may be followed: of https, or of http where the location's endpoint is.

    Whoever may write a DownloadRequest's status would otherwise choose what the controller reads (``file:``).
    """
    schemes = ("https", "http") if s3_url.lower().startswith("http:") else ("https",)
    return urlsplit(url).scheme in schemes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed link is of one host; where it leads elsewhere, it is an error."""

    def redirect_request(self, *_args: t.Any, **_more: t.Any) -> None:
        return None


def fetch(url: str, trust: ssl.SSLContext) -> Download:
    """Get a signed URL, and no more of it than fits."""
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust), _NoRedirect())
        with opener.open(url, timeout=15) as response, gzip.GzipFile(fileobj=response) as file:
            return Download(ObjectReadResult("read"), file.read(_MAX_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return Download(_refusal(error.code, error.read(10_000)))
    except urllib.error.URLError as error:
        return Download(ObjectReadResult("unreachable", f"S3 cannot be reached from here ({error.reason})"))
    except (OSError, http.client.HTTPException, EOFError, zlib.error):
        reason = "its content cannot be used: it was cut off or is damaged"
        return Download(ObjectReadResult("unreachable", reason))


def _refusal(status: int, body: bytes) -> ObjectReadResult:
    """S3's answer in its own words: ``AccessDenied: User: ... is not authorized to perform: kms:Decrypt``."""
    text = body.decode(errors="replace")
    code, message = (re.search(rf"<{name}>([^<]*)</{name}>", text) for name in ("Code", "Message"))
    words = f"{code[1] if code else f'HTTP {status}'}: {message[1] if message else text[:200]}"
    return ObjectReadResult("missing" if status == 404 else "refused", words)


def _trust(location: Mapping[str, t.Any]) -> ssl.SSLContext:
    """What the plugin itself trusts: the location's certificate, or anything where it says so."""
    spec = location.get("spec") or {}
    context = ssl.create_default_context()
    certificate = (spec.get("objectStorage") or {}).get("caCert")
    if certificate:
        context.load_verify_locations(cadata=b64decode(certificate).decode())
    if str((spec.get("config") or {}).get("insecureSkipTLSVerify")).lower() in ("true", "t", "1"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
