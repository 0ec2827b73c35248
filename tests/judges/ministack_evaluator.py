# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask MiniStack's evaluator, by the functions that judge each of its requests; runs in MiniStack's own environment.

Reads simulations as ``simulation.py`` makes them, one in a line, and writes ``Allow``, ``Deny``, ``ImplicitDeny`` for
each. ``test_access_judges.py`` asks some of them of a running MiniStack too.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from ministack.core import iam_evaluator as judge

TYPES = {"user": "User", "assumed-role": "AssumedRole"}
#: Keys that it takes from its clock or, against AWS, from the session's ARN: they get names that mean nothing to it.
OWN_KEYS = re.compile(r'"aws:(currenttime|epochtime|principalarn)":', re.IGNORECASE)


def verdict(simulation: dict[str, Any]) -> str:
    request = simulation["request"]
    context = context_of(request)
    trust = simulation["resourcePolicy"]
    if request["action"] == "sts:AssumeRoleWithWebIdentity":
        return "Allow" if judge.evaluate_trust_policy(trust, request["principal"], context) else "ImplicitDeny"
    limits = [[judge.parse_policy_document(one["policy"])] for one in simulation["permissionBoundaryPolicies"] or []]
    if simulation["sessionPolicy"]:
        limits.append([judge.parse_policy_document(simulation["sessionPolicy"])])
    identity = [judge.parse_policy_document(one["policy"]) for one in simulation["identityPolicies"]]
    found = judge.evaluate(context, identity, *limits)
    required = request["resource"]["resource"].startswith("arn:aws:kms:")
    if simulation["resourcePolicy"] or required:
        owner = request["resource"]["accountId"]
        policy = simulation["resourcePolicy"] or {"Statement": []}
        found = judge.combine_resource_policy(found, context, policy, owner, required=required, limits=tuple(limits))
    return str(found.decision)


def context_of(request: dict[str, Any]) -> Any:
    keys = {name.lower(): value for name, value in request["contextVariables"].items()}
    arn = request["principal"].split(":", 5)
    return judge.EvalContext(
        principal_arn=request["principal"],
        principal_type=TYPES.get(arn[5].partition("/")[0], "FederatedUser"),
        principal_account=arn[4],
        action=request["action"],
        resource_arn=request["resource"]["resource"],
        region=keys["aws:requestedregion"],
        source_ip=keys.get("aws:sourceip"),
        secure_transport=keys["aws:securetransport"] == "true",
        tag_keys=None,
        service_context={"aws:tagkeys": None, **keys},
    )


if __name__ == "__main__":
    for line in sys.stdin:
        print(verdict(json.loads(OWN_KEYS.sub(r'"test:\1":', line))))
