# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are written that Velero and its plugin read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.validators import (
    validate_object_name,
    validate_secret_key,
    validate_tagging,
    validate_url,
)
from tests.support.refusal import refusal

Validate = Callable[..., None]
WRITE_URL = "Write https://HOST or https://HOST:PORT."
NAME = (
    "is not a name for Kubernetes. Give up to 253 lower-case letters, digits, hyphens and dots, with a letter or digit "
    "beside each dot."
)
REFERENCE = (
    "does not name a key of a Secret. Write the name of the Secret, a slash and the key in it: velero-sse-c/key."
)


@pytest.mark.parametrize(
    ("validate", "text"),
    [
        *((validate_object_name, text) for text in ("a", "a-b.c0", "l" * 253)),
        *((validate_secret_key, text) for text in ("velero-sse-c/key", "a.b/_K-1.x")),
        *((validate_url, text) for text in ("https://minio", "http://minio:9000/", "HTTPS://[::1]:9000")),
        *((validate_tagging, text) for text in ("", "a=b&c=d", "a=&b=%26")),
    ],
)
def test_taken(validate: Validate, text: str) -> None:
    validate(text, option="o")


@pytest.mark.parametrize(
    ("validate", "text", "message"),
    [
        *((validate_object_name, text, f"{text or 'it'} {NAME}") for text in ("a/b", "-a", "a..b", "A", "l" * 254, "")),
        *(
            (validate_secret_key, text, f"{text or 'it'} {REFERENCE}")
            for text in ("velero-sse-c", "a/b/c", "/key", "UPPER/key", "")
        ),
        *(
            (validate_url, text, f"{text} is not an http or https URL. {WRITE_URL}")
            for text in ("s3.example.com", "ftp://example.com", "https://", "https://[::1", "https://minio:port")
        ),
        (validate_url, "https://user:word@minio", f"minio has a credential before it. {WRITE_URL}"),
        (validate_url, "https://user:word@[::1", f"[::1 has a credential before it. {WRITE_URL}"),
        *(
            (validate_url, text, f"{text} has a path, which Velero does not accept. Give scheme, host and port.")
            for text in ("https://minio/bucket", "https://minio/?x=y", "https://minio#x")
        ),
        *(
            (validate_tagging, text, f"{text} is not a list of tags. Write key=value&key=value, URL-encoded.")
            for text in ("novalue", "a=b&c", "a=b&", "=a&b=c")
        ),
        (validate_tagging, "a=b&" * 10 + "c=d", f"{'a=b&' * 10}c=d holds 11 tags. S3 allows 10 tags on an object."),
        (
            validate_tagging,
            "a=b",
            "a=b is a single tag, which velero-plugin-for-aws takes for an error. Give two or more, or none.",
        ),
        (
            validate_tagging,
            f"a=b&c={'d' * 249}",
            f"a=b&c={'d' * 249} holds a tag that is too long. The plugin takes keys of up to 128 characters and values "
            "of up to 248.",
        ),
    ],
)
def test_refused(validate: Validate, text: str, message: str) -> None:
    assert refusal(validate, text, option="o") == f"o: {message}"
