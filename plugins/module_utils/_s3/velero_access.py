# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a bucket policy lets Velero work in its place of the bucket. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .. import _policy
from .._access.model import Policy, Request
from .._access.pattern import Partial, matches
from .._access.requests import DELETE, ENCRYPTION_HEADERS, LIST, READ, WRITE, object_request
from .._access.statements import Applied, applied
from .._arn import Arn
from .._errors import ValidationError
from .._types import Document

_SSE = "s3:x-amz-server-side-encryption"
_KEY = f"{_SSE}-aws-kms-key-id"


class _Need(t.NamedTuple):
    """A request of Velero.

    :param what: what a message calls it, before "of ROLE"
    :param by_kopia: whether kopia sends it, which knows no encryption header
    :param is_vital: whether no backup is possible without it
    """

    what: str
    request: Request
    by_kopia: bool = False
    is_vital: bool = True


@dataclass(frozen=True)
class Denial:
    """A statement that denies a request of Velero, or may.

    :param what: the requests, in words
    :param header: operator and key, where it denies kopia's writes for the header that they lack
    :param unknown: what it depends on; nothing where it denies them for sure
    """

    name: str
    what: str
    header: str = ""
    unknown: tuple[str, ...] = ()
    is_vital: bool = True


@dataclass(frozen=True)
class VeleroAccess:
    """Velero's roles, their place in the bucket, and how they write.

    :param prefix: without slashes at its ends; empty for the whole bucket
    :param role_arns: of the roles that Velero runs as; every principal may be one where there are none, and only what
        is asked of encryption headers is found
    :param encryption_mode: of the location, which says what headers Velero's own writes carry; ``None``: not known
    :param uses_kopia: whether kopia writes, too: file system backups and data movement
    """

    prefix: str = ""
    role_arns: Sequence[str] = ()
    encryption_mode: str | None = None
    kms_key_arn: str | None = None
    uses_kopia: bool = True
    uses_tls: bool = True

    def refuse_other_names(self) -> None:
        """Refuse what is no role: no statement would concern it."""
        for name in self.role_arns:
            arn = Arn.parse(name)
            if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
                remediation = "Give the ARN of a role, like arn:aws:iam::111122223333:role/velero."
                raise ValidationError("role_arns", name, "is not the ARN of a role", remediation)

    @property
    def who(self) -> str:
        return ", ".join(self.role_arns) or "Velero's role"

    def denials(self, document: Document, bucket_arn: str) -> list[Denial]:
        """What of a bucket policy denies Velero's requests, or may; one for each statement."""
        found: dict[str, list[tuple[_Need, Applied]]] = {}
        for need in self._needs(bucket_arn):
            for one in applied(Policy("the bucket policy", document), need.request, of_resource=True):
                if one.reason.effect == "Deny" and not self._is_in_doubt_by_headers(one):
                    found.setdefault(str(one.reason.statement), []).append((need, one))
        statements = dict(_policy.named_statements(document))
        denials = [_denial(name, statements[name], hits) for name, hits in found.items()]
        return [one for one in denials if one.header or self.role_arns]

    def _is_in_doubt_by_headers(self, one: Applied) -> bool:
        """Without the mode of the location it is not known which headers Velero's own writes carry."""
        keys = [key.lower() for key in one.reason.unknown]
        return bool(keys) and all(matches(ENCRYPTION_HEADERS, key) for key in keys)

    def _needs(self, bucket_arn: str) -> Iterator[_Need]:
        place = f"{bucket_arn}/{self.prefix}/" if self.prefix else f"{bucket_arn}/"

        def ask(action: str, resource: str, headers: Mapping[str, str] | None) -> Request:
            return object_request(role, action, Partial(f"{place}{resource}"), headers, tls=self.uses_tls)

        for role in self.role_arns or (None,):
            yield _Need("writes", ask(WRITE, "kopia/*", {}), by_kopia=True, is_vital=self.uses_kopia)
            for directory in ("backups/*", "restores/*"):
                yield _Need("writes", ask(WRITE, directory, self._headers))
            for directory in ("kopia/*", "backups/*", "restores/*"):
                yield _Need("reads", ask(READ, directory, {}))
                yield _Need("deletions", ask(DELETE, directory, {}), is_vital=False)
            yield _Need("lists", object_request(role, LIST, bucket_arn, {}, tls=self.uses_tls))

    @property
    def _headers(self) -> Mapping[str, str] | None:
        """The encryption headers of Velero's own writes, by the condition keys that see them."""
        match self.encryption_mode:
            case "sse-s3":
                return {_SSE: "AES256"}
            case "sse-kms":
                return {_SSE: "aws:kms", _KEY: str(self.kms_key_arn)}
            case "sse-c":
                return {f"{_SSE}-customer-algorithm": "AES256"}
            case "dsse-kms":  # the plugin knows no header for it
                return {}
        return None


def _denial(name: str, statement: _policy.Statement, hits: Sequence[tuple[_Need, Applied]]) -> Denial:
    certain = [need for need, one in hits if one.applies]
    vital = [need for need in certain if need.is_vital]
    needs = vital or certain or [need for need, _one in hits]
    unknown = () if certain else tuple(dict.fromkeys(key for _need, one in hits for key in one.reason.unknown))
    what = " and ".join(dict.fromkeys(need.what for need in needs))
    header = _header(statement) if any(need.by_kopia for need in needs) else ""
    return Denial(name, what, header, unknown, bool(vital) if certain else any(need.is_vital for need in needs))


def _header(statement: _policy.Statement) -> str:
    """The first condition on an encryption header, in words."""
    conditions = _policy.conditions(statement)
    return next((f"{operator} {key}" for operator, key, _v in conditions if matches(ENCRYPTION_HEADERS, key)), "")
