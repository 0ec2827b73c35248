# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How values are written that Velero and its plugin read. Pure. PRIVATE to coffer.velero.

The storage profile and the modules refuse by the same rules, each under the name that its user gave the value.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from .._errors import ValidationError
from .model import DURATION

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"

#: The name of most objects of Kubernetes (a DNS subdomain).
OBJECT_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")

_SECRET_KEY = re.compile(rf"{_LABEL}(\.{_LABEL})*/[-._a-zA-Z0-9]+")


def validate_object_name(text: str, *, option: str) -> None:
    """Refuse what Kubernetes would not take as the name of an object."""
    if not OBJECT_NAME.fullmatch(text):
        remediation = (
            "Give up to 253 lower-case letters, digits, hyphens and dots, with a letter or digit beside each dot."
        )
        raise ValidationError(option, text or "it", "is not a name for Kubernetes", remediation)


def validate_duration(text: str | None, *, option: str) -> None:
    """Refuse what Go does not read as a duration; ``None`` is none."""
    if text is not None and not DURATION.fullmatch(text):
        raise ValidationError(option, text or "it", "is not a duration", "Write it as in 30s, 72h, 1h30m or 0.")


def validate_secret_key(text: str, *, option: str) -> None:
    """Refuse what is not ``name/key`` of a Secret."""
    if not _SECRET_KEY.fullmatch(text):
        remediation = "Write the name of the Secret, a slash and the key in it: velero-sse-c/key."
        raise ValidationError(option, text or "it", "does not name a key of a Secret", remediation)


def split_url(text: str) -> SplitResult | None:
    """The parts of a URL, or ``None`` where it has no host, a port that is no number, or credentials in it."""
    try:
        url = urlsplit(text)
        return None if not url.hostname or "@" in url.netloc or url.port == 0 else url
    except ValueError:
        return None


def is_at_aws(s3_url: str | None) -> bool:
    """Whether a location's endpoint, ``None`` or empty for the plugin's default, is one of AWS's own."""
    url = split_url(s3_url or "https://s3.amazonaws.com")
    return url is not None and str(url.hostname).endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))


#: S3's own endpoints, where a bucket has its name to itself: not those of Outposts or of a VPC.
_OWN_ENDPOINT = re.compile(r"s3(-fips)?([.-](dualstack\.)?[a-z0-9-]+)?\.amazonaws\.(com(\.cn)?|eu)")


def server_of(url: str | None) -> tuple[str, str, int | None] | str | None:
    """The server that a URL leads to; ``None`` for S3 itself, which is one however its endpoint is spelled."""
    parts = split_url(url or "")
    if parts is None:
        return url or None
    if _OWN_ENDPOINT.fullmatch(str(parts.hostname)):
        return None
    return parts.scheme, str(parts.hostname), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def validate_url(text: str, *, option: str, endpoint: bool = True) -> None:
    """Refuse what is no URL of a server.

    :param endpoint: of S3 itself; Velero's kopia refuses a path in it (unified_repo.go)
    """
    remediation = "Write https://HOST or https://HOST:PORT."
    if "@" in text:  # and what stands before it is not shown
        raise ValidationError(option, text.rpartition("@")[2] or "it", "has a credential before it", remediation)
    url = split_url(text)
    if url is None or url.scheme not in ("http", "https"):
        raise ValidationError(option, text or "it", "is not an http or https URL", remediation)
    if endpoint and (url.path.strip("/") or url.query or url.fragment):
        raise ValidationError(option, text, "has a path, which Velero does not accept", "Give scheme, host and port.")


def validate_tagging(text: str, *, option: str) -> None:
    """Refuse tags of objects that velero-plugin-for-aws or S3 does not take; none are well."""
    if not text:
        return
    tags = parse_qsl(text, keep_blank_values=True)
    if any("=" not in part or part.startswith("=") for part in text.split("&")):
        raise ValidationError(option, text, "is not a list of tags", "Write key=value&key=value, URL-encoded.")
    if len(tags) == 1:
        reason = "is a single tag, which velero-plugin-for-aws takes for an error"
        raise ValidationError(option, text, reason, "Give two or more, or none.")
    if len(tags) > 10:
        raise ValidationError(option, text, f"holds {len(tags)} tags", "S3 allows 10 tags on an object.")
    if any(len(key) > 128 or len(value) > 248 for key, value in tags):
        remediation = "The plugin takes keys of up to 128 characters and values of up to 248."
        raise ValidationError(option, text, "holds a tag that is too long", remediation)
