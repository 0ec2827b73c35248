# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the other installations in a bucket need of its one default encryption. Pure. PRIVATE to coffer.velero.

An installation says it in the bucket policy: its Deny statements name the algorithm and the key that it asks for. kopia
asks for nothing and follows the bucket's default, so a default for another installation would silently change what it
writes.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from .. import _policy
from .._errors import ValidationError
from .._types import Document

#: How ``bucket_policy_statements`` names the Deny statements that show an installation's mode and key.
_DENIAL = re.compile(r"VeleroDeny(CustomerKeys|OtherAlgorithm|OtherKey)[0-9a-f]{8}")

#: The Sid of a Deny statement, and the only value that it lets pass.
Requirement = tuple[str, str]


def refuse_conflicting_requirements(document: Document | None, rule: Mapping[str, t.Any], *, objects_arn: str) -> None:
    """Refuse a rule that is not what another installation in the bucket needs.

    :param document: the bucket's policy
    :param rule: algorithm, key and blocked types, as the options of ``s3_bucket_encryption`` call them
    :param objects_arn: the objects of the installation that the rule is for; what its own statements say is outdated
    :raises ValidationError: where another one requires something else
    """
    for place, requirements in _installations(document).items():
        if place == objects_arn:
            continue
        for option, (sid, value) in _needs(requirements):
            given = rule[option]
            if option == "blocked_encryption_types" and value in given:
                raise _refusal(option, ", ".join(given), f"the statement {sid} for {place} lets {value} in")
            if option != "blocked_encryption_types" and value != given:
                raise _refusal(option, given, f"the statement {sid} for {place} requires {value}")


def _refusal(option: str, given: str, requirement: str) -> ValidationError:
    remediation = (
        "A bucket has one default encryption, and kopia's objects follow nothing else: keep to it, or use a bucket of "
        "its own. If that is this installation, say so with prefix. If it is gone, or changes too, remove its "
        "statements by their Sids with coffer.velero.s3_bucket_policy; its next run brings the new ones."
    )
    reason = f"is not what another installation in the bucket relies on: {requirement}"
    return ValidationError(option, given, reason, remediation)


def _installations(document: Document | None) -> dict[str, dict[str, Requirement]]:
    """What each installation's Deny statements require, by its objects and their purpose."""
    found: dict[str, dict[str, Requirement]] = {}
    for sid, statement in _policy.named_statements(document) if document else ():
        name = _DENIAL.fullmatch(sid)
        conditions = _policy.conditions(statement)
        let_pass = [value for operator, _key, values in conditions if operator == "stringnotequals" for value in values]
        if name and let_pass:
            place = " ".join(map(str, _policy.listed(statement.get("Resource", "*"))))
            found.setdefault(place, {})[name[1]] = (sid, let_pass[0])
    return found


def _needs(requirements: Mapping[str, Requirement]) -> Iterator[tuple[str, Requirement]]:
    """The options by which an installation's requirements can be met.

    An installation that changed its mode leaves Deny statements of the earlier one behind, so the newer ones decide:
    customer-provided keys over an algorithm, an algorithm without a key over a key.
    """
    if "CustomerKeys" in requirements:  # it says which ones may come, so they do: mode sse-c, whose default is SSE-S3
        sid, algorithm = requirements["CustomerKeys"]
        yield "sse_algorithm", (sid, algorithm)
        yield "blocked_encryption_types", (sid, "SSE-C")
    elif "OtherAlgorithm" in requirements:
        yield "sse_algorithm", requirements["OtherAlgorithm"]
        if "OtherKey" in requirements and requirements["OtherAlgorithm"][1] != "AES256":
            yield "kms_master_key_id", requirements["OtherKey"]
