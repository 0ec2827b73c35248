# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select what scans the objects: our own processes where nothing is unusual, else boto3. PRIVATE to coffer.velero."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

from .._aws import Aws, SentRequest
from .._errors import ServiceError
from .boto3_scanner import Boto3Scanner, listing_call
from .model import PageRequest, ScanOptions
from .process_pool import ProcessPoolScanner
from .sigv4 import Credentials, Endpoint
from .worker import WorkerConfig

Scanner: t.TypeAlias = "Boto3Scanner | ProcessPoolScanner"

#: Threads of boto3: more of them only wait for each other.
MAX_THREADS = 32
MAX_PROCESSES = 4

#: The part of a rate limit that is kept for what the processes leave to boto3.
_BOTO3_SHARE = 0.1

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+),")
_KNOWN_HEADERS = frozenset(
    {
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-expected-bucket-owner",
        "x-amz-security-token",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
    }
)


def select_engine(aws: Aws, options: ScanOptions, params: Mapping[str, t.Any]) -> Scanner:
    """The scanner for a task.

    :raises ServiceError: where even boto3 cannot list the bucket
    """
    threads, limit = min(params["concurrency"], MAX_THREADS), params["max_requests_per_second"]
    endpoint = None
    if params["engine"] != "boto3":
        action, arguments = listing_call(PageRequest(options.prefix), options)
        try:
            endpoint = endpoint_of(aws.capture_request(action, **arguments, MaxKeys=1))
        except ServiceError:
            if not params["inventory"]:  # whose reader need not be allowed to list
                raise
    if endpoint is None:
        return Boto3Scanner(aws, options, threads, limit)
    count = min(_processors(), MAX_PROCESSES, params["concurrency"])
    each = None if limit is None else limit * (1 - _BOTO3_SHARE) / count
    config = WorkerConfig(options, endpoint, -(-params["concurrency"] // count), each)
    boto3 = Boto3Scanner(aws, options, threads, limit and limit * _BOTO3_SHARE)
    return ProcessPoolScanner(config, count, lambda: Credentials(*aws.credentials()), boto3)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def endpoint_of(sent: SentRequest) -> Endpoint | None:
    """The endpoint that boto3 sent a request to; ``None`` where something about it is unusual and needs boto3."""
    url = urlsplit(sent.url)
    found = _AUTHORIZATION.match(sent.headers.get("authorization", ""))
    if not sent.plain or not found or url.scheme not in ("http", "https") or not url.hostname:
        return None
    signed = set(found[2].split(";"))
    if not signed <= _KNOWN_HEADERS or any(name.startswith("x-amz-") and name not in signed for name in sent.headers):
        return None
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    host = sent.headers.get("host") or url.netloc
    return Endpoint(host, url.hostname, port, url.path.rstrip("/"), found[1], secure, sent.certificates)
