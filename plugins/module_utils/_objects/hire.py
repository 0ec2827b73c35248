# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who looks at the objects: processes of our own where everything is as usual, else boto3. PRIVATE to coffer.velero."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, SentRequest
from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._objects.boto import BotoCrew
from ansible_collections.coffer.velero.plugins.module_utils._objects.crew import MOST_PROCESSES, FastCrew
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Wanted
from ansible_collections.coffer.velero.plugins.module_utils._objects.sign import Credentials, Endpoint
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import Crew
from ansible_collections.coffer.velero.plugins.module_utils._objects.worker import Setup

#: Threads of boto3: more of them only wait for each other.
MOST_THREADS = 32

#: The part of a ceiling that is kept for what the processes leave to boto3.
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


def hire(aws: Aws, wanted: Wanted, params: Mapping[str, t.Any]) -> Crew:
    """The crew for a scan."""
    threads, ceiling = min(params["concurrency"], MOST_THREADS), params["max_requests_per_second"]
    endpoint = None
    if params["engine"] != "boto3":
        try:
            endpoint = find_endpoint(aws, wanted)
        except ServiceError:
            if not params["inventory"]:  # whose reader need not be allowed to list
                raise
    if endpoint is None:
        return BotoCrew(aws, wanted, threads, ceiling)
    count = min(_processors(), MOST_PROCESSES, params["concurrency"])
    each = None if ceiling is None else ceiling * (1 - _BOTO3_SHARE) / count
    setup = Setup(wanted, endpoint, -(-params["concurrency"] // count), each)
    boto = BotoCrew(aws, wanted, threads, ceiling and ceiling * _BOTO3_SHARE)
    return FastCrew(setup, count, lambda: Credentials(*aws.credentials()), boto)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def find_endpoint(aws: Aws, wanted: Wanted) -> Endpoint | None:
    """Where S3 is for this bucket, learned from a listing that boto3 sends; ``None`` where only boto3 can go there.

    :raises ServiceError: where even boto3 cannot list
    """
    owner = {"ExpectedBucketOwner": wanted.owner} if wanted.owner else {}
    action = "s3:ListObjectVersions" if wanted.versions else "s3:ListObjectsV2"
    return endpoint_of(aws.capture_request(action, Bucket=wanted.bucket, Prefix=wanted.prefix, MaxKeys=1, **owner))


def endpoint_of(sent: SentRequest) -> Endpoint | None:
    """The endpoint of a request that was sent, where nothing about it is unusual."""
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
