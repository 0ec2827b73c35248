# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects, what S3 returns of their encryption, and what that is compared with. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

Status = t.Literal["compliant", "non_compliant", "not_evaluated"]
State = t.Literal["read", "from_inventory", "key_required", "wrong_key", "denied", "deleted", "failed"]
#: Key and version id after which a page of a listing begins.
Marker = tuple[str, str]

#: What the evaluation of an object can come to, ``compliant`` or a reason, with the status that it stands for.
STATUS_OF: dict[str, Status] = {
    "compliant": "compliant",
    "not_encrypted": "non_compliant",
    "wrong_algorithm": "non_compliant",
    "wrong_kms_key": "non_compliant",
    "bucket_key_disabled": "non_compliant",
    "accepted": "non_compliant",
    "access_denied": "not_evaluated",
    "customer_key_required": "not_evaluated",
    "wrong_customer_key": "not_evaluated",
    "encryption_unknown": "not_evaluated",
    "source_has_no_key": "not_evaluated",
    "only_reported": "not_evaluated",
    "not_in_report": "not_evaluated",
    "deleted_during_scan": "not_evaluated",
}

#: How this collection names SSE-C among the algorithms; S3 itself answers with AES256 in another header.
SSE_C = "SSE-C"

_KINDS = {"backups": "backup", "restores": "restore", "kopia": "kopia"}


class ObjectVersion(t.NamedTuple):
    """One version of an object, from a listing or an Inventory report.

    :param version_id: ``None`` where the listing did not ask for versions
    :param etag: without its quotes, by which an answer shows that it is of this object; empty where it is not known
    :param reported: the encryption in an Inventory report; such an object gets a HEAD only where ``probe`` is set
    """

    key: str
    version_id: str | None
    is_latest: bool
    size: int
    last_modified: str
    etag: str = ""
    reported: Observation | None = None
    probe: bool = True

    @property
    def requested_version(self) -> str | None:
        """The version to name in a request; naming one takes a further permission (s3:GetObjectVersion).

        The only version of an object that was never versioned is called ``null`` and need not be named.
        """
        return None if self.version_id == "null" and self.is_latest else self.version_id


class Observation(t.NamedTuple):
    """What is known of an object's encryption.

    :param detail: S3's error code or status where it did not return the encryption
    """

    state: State
    algorithm: str = "none"
    key_arn: str | None = None
    bucket_key_enabled: bool = False
    detail: str = ""


class Evaluation(t.NamedTuple):
    """How an object compares with the storage profile; ``reason`` is ``None`` where it is compliant."""

    reason: str | None = None
    message: str = ""
    remediation: str = ""


class Request(t.NamedTuple):
    """A request for one object; ``GET`` is for one byte: only its answer has a body, with the cause of an error."""

    method: t.Literal["HEAD", "GET"]
    key: str
    version_id: str | None
    with_customer_key: bool = False


class Response(t.NamedTuple):
    """The answer; ``headers`` have lower-case names, ``code`` is S3's where there is a body."""

    status: int
    headers: Mapping[str, str] = {}
    code: str = ""


class PageRequest(t.NamedTuple):
    """A request for one page of a listing.

    :param delimited: only what is directly under the prefix, and the names of the prefixes below
    """

    prefix: str
    delimited: bool = False
    marker: Marker | None = None


class Page(t.NamedTuple):
    """One page of a listing; ``next_marker`` is ``None`` on the last one."""

    objects: tuple[ObjectVersion, ...]
    delete_markers: int = 0
    prefixes: tuple[str, ...] = ()
    next_marker: Marker | None = None


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What is scanned, and which encryption is desired; plain values, for they travel to other processes.

    :param prefix: with its slash at the end, empty for the whole bucket
    :param key_arns: the desired key, then the others that are accepted
    :param accepted_before: what is not compliant and was written before this time is accepted, until a date
    :param customer_key: the 32 bytes of SSE-C, where they are known
    :param list_format: of the file that lists every object, ``None`` where none is written
    """

    bucket: str
    owner: str
    prefix: str
    mode: str
    key_arns: tuple[str, ...] = ()
    bucket_key_enabled: bool = False
    versions: bool = True
    max_findings: int = 100
    customer_key: bytes | None = None
    list_format: t.Literal["jsonl", "csv"] | None = None
    accepted_before: str = ""
    accepted_until: str = ""

    def __repr__(self) -> str:
        return f"ScanOptions({self.bucket}/{self.prefix})"  # never the customer's key


class Group(t.NamedTuple):
    """A backup, a restore, the kopia repository of a namespace, or another directory under the prefix."""

    kind: str
    name: str


def group_of(key: str, prefix: str) -> Group:
    """The group of a key under ``prefix``, which ends with a slash or is empty.

    Velero uses exactly six directories under a location's prefix. The objects of one kopia repository belong to the
    namespace whose volumes it keeps, and to no single backup.
    """
    first, slash, rest = key[len(prefix) :].partition("/")
    kind = _KINDS.get(first)
    name, inner, _rest = rest.partition("/")
    if slash and inner and kind and name:
        return Group(kind, name)
    return Group("other", first if slash else "")
