# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects, what S3 says of them, and what that means. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

Verdict = t.Literal["proven", "wrong", "unreadable", "gone", "unproven"]
VERDICTS: tuple[Verdict, ...] = t.get_args(Verdict)
State = t.Literal["read", "needs_key", "wrong_key", "denied", "gone", "failed", "told"]

#: How this collection names SSE-C among the algorithms; S3 itself answers with AES256 in another header.
SSE_C = "SSE-C"


class Entry(t.NamedTuple):
    """One version of an object, as a listing or an Inventory report tells of it.

    :param version_id: ``None`` where the listing did not ask for versions
    :param told: what an Inventory report says of the encryption; such an entry is asked for only when ``ask`` is set
    """

    key: str
    version_id: str | None
    is_latest: bool
    size: int
    last_modified: str
    told: Seen | None = None
    ask: bool = True

    @property
    def asked_version(self) -> str | None:
        """The version to name in a request; naming one takes a permission more (s3:GetObjectVersion).

        The only version of an object that was never versioned is called ``null`` and need not be named.
        """
        return None if self.version_id == "null" and self.is_latest else self.version_id


class Seen(t.NamedTuple):
    """What is known of an object's encryption.

    :param detail: S3's own words where it did not tell
    """

    state: State
    algorithm: str = "none"
    key_arn: str | None = None
    bucket_key_enabled: bool = False
    detail: str = ""


class Judgment(t.NamedTuple):
    """What that means."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remediation: str = ""


class Request(t.NamedTuple):
    """A question to S3; ``GET`` asks for one byte, for only its answer has a body with the cause of a refusal."""

    method: t.Literal["HEAD", "GET"]
    key: str
    version_id: str | None
    with_customer_key: bool = False


class Response(t.NamedTuple):
    """The answer; ``headers`` have lower-case names, ``code`` is S3's where there is a body."""

    status: int
    headers: Mapping[str, str] = {}
    code: str = ""


class Listing(t.NamedTuple):
    """One page of a listing, to be asked for.

    :param delimited: only what is directly under the prefix, and the names of the prefixes below
    :param marker: the key, and the version of it, after which the page begins
    """

    prefix: str
    delimited: bool = False
    marker: tuple[str, str] | None = None


class Page(t.NamedTuple):
    """One page of a listing, as S3 answered.

    :param following: the marker of the next page, ``None`` at the end
    """

    entries: tuple[Entry, ...]
    delete_markers: int = 0
    prefixes: tuple[str, ...] = ()
    following: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked at, and what it is judged by; plain values, for it travels to other processes.

    :param prefix: with its slash at the end, empty for the whole bucket
    :param key_arns: the key that is wanted, then the others that are accepted
    :param customer_key: the 32 bytes of SSE-C, where they are known
    :param lines: the format of the complete list, ``None`` where none is written
    """

    bucket: str
    owner: str
    prefix: str
    mode: str
    key_arns: tuple[str, ...] = ()
    bucket_key_enabled: bool = False
    versions: bool = True
    max_offenders: int = 100
    customer_key: bytes | None = None
    lines: t.Literal["jsonl", "csv"] | None = None

    def __repr__(self) -> str:
        return f"Wanted({self.bucket}/{self.prefix})"  # never the customer's key
