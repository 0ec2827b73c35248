# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A case as the simulation that iam-simulate takes."""

from __future__ import annotations

from typing import Any

from .cases import Case

#: No judge knows that a root may do everything: they are asked about one with this policy.
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def simulation(case: Case) -> dict[str, Any]:
    caller, target = case.caller, case.target
    identity = [_EVERYTHING] if caller.kind == "root" else case.identity
    return {
        "request": {
            "principal": {"type": "Anonymous"} if caller.kind == "anonymous" else caller.arn,
            "action": target.action,
            "resource": {"resource": target.resource, "accountId": target.owner},
            "contextVariables": case.whole_context,
        },
        "identityPolicies": [_named(f"identity{n}", document) for n, document in enumerate(identity)],
        "serviceControlPolicies": _levels("scp", case.scps),
        "resourceControlPolicies": _levels("rcp", case.rcps),
        "resourcePolicy": case.resource,
        "permissionBoundaryPolicies": [_named("boundary", case.boundary)] if case.boundary else None,
        "sessionPolicy": case.session,
    }


def _named(name: str, document: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "policy": document}


def _levels(name: str, levels: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "orgIdentifier": f"{name}-{level}",
            "policies": [_named(f"{name}-{level}-{n}", document) for n, document in enumerate(documents)],
        }
        for level, documents in enumerate(levels)
    ]
