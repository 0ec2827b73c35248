# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who writes backups into a bucket, and where. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import _policy
from .._arn import Arn
from .._errors import ValidationError


@dataclass(frozen=True)
class WritePrincipals:
    """Velero's roles and their place, to find which statements of a bucket policy concern them.

    In doubt a statement does: patterns may meet, and every principal may be meant where no role is known.

    :param prefix: without slashes at its ends; empty for the whole bucket
    :param role_arns: of the roles that Velero runs as
    """

    prefix: str = ""
    role_arns: Sequence[str] = ()

    def refuse_other_names(self) -> None:
        """Refuse what is no role: no statement would concern it."""
        for name in self.role_arns:
            arn = Arn.parse(name)
            if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
                remediation = "Give the ARN of a role, like arn:aws:iam::111122223333:role/velero."
                raise ValidationError("role_arns", name, "is not the ARN of a role", remediation)

    def concerned_by(self, statement: _policy.Statement, bucket_arn: str) -> bool:
        """Whether a Deny of writes can speak of these principals and objects."""
        place = f"{bucket_arn}/{self.prefix}/" if self.prefix else f"{bucket_arn}/"
        if "NotResource" in statement:
            excluded = map(str, _policy.listed(statement["NotResource"]))
            reached = not any(one.endswith("*") and _policy.matches(one, place) for one in excluded)
        else:
            reached = any(_meet(str(pattern), place) for pattern in _policy.listed(statement.get("Resource", ())))
        return reached and (not self.role_arns or any(self._named(statement)))

    def _named(self, statement: _policy.Statement) -> Iterator[bool]:
        # What is asked here is the principal alone: everything else of the statement is made to hold.
        names = {name: value for name, value in statement.items() if name in ("Effect", "Principal", "NotPrincipal")}
        document = {"Statement": [{**names, "Action": "*", "Resource": "*"}]}
        for role_arn in self.role_arns:
            arn = t.cast(Arn, Arn.parse(role_arn))
            root = _policy.account_root(arn.account_id, arn.partition)
            yield _policy.denies(document, _policy.Access("s3:putobject", "*", root, (role_arn,)))


def _meet(pattern: str, place: str) -> bool:
    """Whether a pattern can stand for an object in the place; what follows its first wildcard may be anything."""
    head = re.split(r"[*?]|\$\{", pattern, maxsplit=1)[0]
    return head.startswith(place) or (head != pattern and place.startswith(head))
