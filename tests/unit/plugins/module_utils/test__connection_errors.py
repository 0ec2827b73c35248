# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exceptions of botocore and urllib3 become. What raises them for real is in ``test_errors.py``."""

from __future__ import annotations

import json

import pytest
import urllib3
from botocore import exceptions

from ansible_collections.coffer.velero.plugins.module_utils._connection_errors import (
    last_line,
    no_answer,
    no_credentials,
    request_error,
)

PLACE = "https://kms.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exceptions.EndpointConnectionError(endpoint_url=PLACE), "unreachable"),
        (exceptions.ConnectTimeoutError(endpoint_url=PLACE), "timeout"),
        (exceptions.ReadTimeoutError(endpoint_url=PLACE), "timeout"),
        (exceptions.ConnectionClosedError(endpoint_url=PLACE), "closed"),
        (exceptions.HTTPClientError(error="IncompleteRead(3 bytes read)"), "closed"),
        (exceptions.SSLError(endpoint_url=PLACE, error="x"), "TLS"),
        (exceptions.ProxyConnectionError(proxy_url="http://user:secret@proxy"), "proxy"),
        (urllib3.exceptions.SSLError("x"), "TLS"),
        (urllib3.exceptions.ProtocolError("x"), "closed"),
        (urllib3.exceptions.ResponseError("too many 503 error responses"), "busy"),
        (urllib3.exceptions.LocationParseError("x"), "address"),
    ],
)
def test_nobody_answers(error: Exception, code: str) -> None:
    found = no_answer("kms:DescribeKey", error, PLACE, address="endpoint_url", ca="aws_ca_bundle")
    assert found is not None
    assert str(found).startswith(f"kms:DescribeKey failed: {code}: ")
    assert PLACE in str(found)
    assert "secret" not in str(found)
    assert found.describe()["remediation"]


@pytest.mark.parametrize("error", [ValueError("x"), exceptions.NoCredentialsError()])
def test_something_else(error: Exception) -> None:
    assert no_answer("kms:DescribeKey", error, PLACE, address="", ca="") is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.UnauthorizedSSOTokenError(), "Run aws sso login --profile dev as the user"),
        (exceptions.CredentialRetrievalError(provider="p", error_msg="Trace\nKeyError: 'x'"), "could not be had: 'x'."),
        (json.JSONDecodeError("x", "x", 0), "are not what the profile's credential_process has to print."),
        (FileNotFoundError(2, "No such file or directory", "helper"), "helper: No such file or directory."),
        (RuntimeError("x"), "could not be had. Correct the profile"),
    ],
)
def test_no_credentials(error: Exception, words: str) -> None:
    assert words in str(no_credentials(error, "dev"))
    assert 'profile: the credentials of profile "dev" ' in str(no_credentials(error, "dev"))


def test_parameters_without_the_types_of_python() -> None:
    report = "Invalid type for parameter KeyId, value: 1, type: <class 'int'>, valid types: <class 'str'>"
    error = exceptions.ParamValidationError(report=report)
    found = request_error("kms:DescribeKey", error, place=PLACE, profile=None, signs=False)
    assert str(found) == (
        "kms:DescribeKey failed: InvalidParameter: Invalid type for parameter KeyId, value: 1 is of the wrong type. "
        "The collection is tested with boto3 >= 1.41.0."
    )


def test_last_line() -> None:
    assert last_line(OSError(28, "No space left on device")) == "No space left on device"
    assert last_line(ValueError("")) == "it says nothing"
