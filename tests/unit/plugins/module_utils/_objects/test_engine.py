# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which endpoints take the HTTP client of object scans, and which need boto3."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._aws import SentRequest
from ansible_collections.coffer.velero.plugins.module_utils._objects.engine import endpoint_of
from ansible_collections.coffer.velero.plugins.module_utils._objects.sigv4 import Endpoint

SCOPE = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/s3/aws4_request"
SIGNED = f"{SCOPE}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0"
HEADERS = {"authorization": SIGNED, "x-amz-date": "", "x-amz-content-sha256": "", "user-agent": "x"}
URL = "https://acme-backups.s3.eu-central-1.amazonaws.com/?versions&prefix=p"
HOST = "acme-backups.s3.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (URL, Endpoint(HOST, HOST, 443, "", "eu-central-1", True, "/ca.pem")),
        (
            "https://s3.dualstack.eu-central-1.amazonaws.com/acme.backups?versions",
            Endpoint(
                "s3.dualstack.eu-central-1.amazonaws.com",
                "s3.dualstack.eu-central-1.amazonaws.com",
                443,
                "/acme.backups",
                "eu-central-1",
                True,
                "/ca.pem",
            ),
        ),
        (
            "http://127.0.0.1:9000/b?versions",
            Endpoint("127.0.0.1:9000", "127.0.0.1", 9000, "/b", "eu-central-1", False, "/ca.pem"),
        ),
        ("http://[::1]:9000/b", Endpoint("[::1]:9000", "::1", 9000, "/b", "eu-central-1", False, "/ca.pem")),
    ],
)
def test_the_endpoint_is_that_of_boto3(url: str, endpoint: Endpoint) -> None:
    assert endpoint_of(SentRequest(url, HEADERS, True, "/ca.pem")) == endpoint


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(SentRequest(URL, HEADERS, False, None), id="a proxy or a client certificate"),
        pytest.param(SentRequest(URL, {}, True, None), id="anonymous"),
        pytest.param(SentRequest(URL, {"authorization": "AWS AKID:x"}, True, None), id="signature version 2"),
        pytest.param(
            SentRequest(URL, {"authorization": SIGNED.replace("HMAC", "ECDSA")}, True, None), id="several Regions"
        ),
        pytest.param(
            SentRequest(URL, {"authorization": SIGNED.replace("/s3/", "/s3express/")}, True, None), id="another service"
        ),
        pytest.param(
            SentRequest(
                URL,
                {**HEADERS, "authorization": SIGNED.replace("x-amz-date", "x-amz-date;x-amz-request-payer")},
                True,
                None,
            ),
            id="a header of the user's",
        ),
    ],
)
def test_what_is_unusual_is_left_to_boto3(sent: SentRequest) -> None:
    assert endpoint_of(sent) is None
