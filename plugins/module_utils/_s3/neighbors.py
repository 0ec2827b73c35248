# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the other installations in a bucket need of its one default encryption. Pure. PRIVATE to coffer.velero.

An installation says it in the bucket policy: its denials name the algorithm and the key that it asks for. kopia asks
for nothing and follows the bucket's default, so a default for somebody else would silently change what it writes.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._policy import (
    Statement,
    conditions,
    listed,
    named_statements,
)
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

#: How ``bucket_policy_statements`` names the denials that tell an installation's mode and key.
_DENIAL = re.compile(r"VeleroDeny(CustomerKeys|OtherAlgorithm|OtherKey)[0-9a-f]{8}")

#: A denial's Sid, and the only value that it lets pass.
Demand = tuple[str, str]


def refuse_other_demands(document: Document | None, rule: Mapping[str, t.Any], *, objects_arn: str) -> None:
    """Refuse a rule that is not what another installation in the bucket needs.

    :param document: the bucket's policy
    :param rule: algorithm, key and blocked types, as the options of ``bucket_encryption`` call them
    :param objects_arn: the objects of the installation that the rule is for; what its own statements say is outdated
    :raises ValidationError: where another one demands something else
    """
    for place, demands in _installations(document).items():
        if place == objects_arn:
            continue
        for option, (sid, value) in _needs(demands):
            given = rule[option]
            if option == "blocked_encryption_types" and value in given:
                raise _refusal(option, ", ".join(given), f"the statement {sid} for {place} lets {value} in")
            if option != "blocked_encryption_types" and value != given:
                raise _refusal(option, given, f"the statement {sid} for {place} demands {value}")


def _refusal(option: str, given: str, demand: str) -> ValidationError:
    remediation = (
        "A bucket has one default encryption, and kopia's objects follow nothing else: keep to it, or use a bucket of "
        "its own. If that is this installation, say so with prefix. If it is gone, or changes too, remove its "
        "statements by their Sids with coffer.velero.s3_bucket_policy; its next run brings the new ones."
    )
    return ValidationError(
        option, given, f"is not what another installation in the bucket relies on: {demand}", remediation
    )


def _installations(document: Document | None) -> dict[str, dict[str, Demand]]:
    """What each installation's denials demand, by its objects and the denial's purpose."""
    found: dict[str, dict[str, Demand]] = {}
    for sid, statement in named_statements(document) if document else ():
        name = _DENIAL.fullmatch(sid)
        demand = next(_let_pass(statement), None)
        if name and demand is not None:
            place = " ".join(map(str, listed(statement.get("Resource", "*"))))
            found.setdefault(place, {})[name[1]] = (sid, demand)
    return found


def _let_pass(statement: Statement) -> Iterator[str]:
    for operator, _key, values in conditions(statement):
        if operator == "stringnotequals":
            yield from values


def _needs(demands: Mapping[str, Demand]) -> Iterator[tuple[str, Demand]]:
    """The options by which an installation's demands can be met.

    An installation that changed its mode leaves denials of the earlier one behind, so the newer ones decide: customers'
    keys over an algorithm, an algorithm without a key over a key.
    """
    if "CustomerKeys" in demands:  # it says which ones may come, so they do: mode sse-c, whose default is SSE-S3
        sid, algorithm = demands["CustomerKeys"]
        yield "sse_algorithm", (sid, algorithm)
        yield "blocked_encryption_types", (sid, "SSE-C")
    elif "OtherAlgorithm" in demands:
        yield "sse_algorithm", demands["OtherAlgorithm"]
        if "OtherKey" in demands and demands["OtherAlgorithm"][1] != "AES256":
            yield "kms_master_key_id", demands["OtherKey"]
