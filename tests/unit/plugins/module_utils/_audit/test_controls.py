# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All controls together: their table, that nothing that was not read is compliant, and what does not apply."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._audit.controls import CONTROLS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import (
    Absent,
    BucketFacts,
    Facts,
    Present,
    RoleFacts,
)
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    SEVERITIES,
    evaluate_controls,
    highest_severity,
    overall_status,
)
from tests.support.audit_facts import ROLE, UNREAD, desired, good, of_role, profile, trail


def test_identifiers_are_unique_and_ours_are_numbered_in_order() -> None:
    names = [control.identifier for control in CONTROLS]
    assert len(names) == len(set(names))
    ours = [name for name in names if name.startswith("coffer.")]
    assert ours == [f"coffer.{number}" for number in range(1, len(ours) + 1)]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.identifier)
def test_a_control_is_whole(control: Any) -> None:
    assert control.severity in SEVERITIES
    assert control.requirement.endswith(".")
    assert control.remediation.endswith(".")
    if not control.identifier.startswith("coffer."):
        assert control.covers is None
        assert control.security_hub_control == control.identifier


def test_a_security_hub_control_is_named_once() -> None:
    named = [control.security_hub_control for control in CONTROLS if control.security_hub_control]
    assert len(named) == len(set(named))


def test_a_good_installation_meets_every_control() -> None:
    found = evaluate_controls(CONTROLS, good(), desired())
    assert [(one["control"], one["message"]) for one in found if one["status"] != "compliant"] == []
    assert {one["control"] for one in found} == {control.identifier for control in CONTROLS}
    assert (overall_status(found), highest_severity(found)) == ("compliant", None)
    assert [one for one in found if one["remediation"] or one["reason"]] == []


def test_nothing_that_was_not_read_is_compliant() -> None:
    found = evaluate_controls(CONTROLS, Facts(roles=[RoleFacts(arn=ROLE)]), desired())
    assert {(one["status"], one["reason"]) for one in found} == {("not_evaluated", "not_requested")}
    assert {one["control"] for one in found} == {control.identifier for control in CONTROLS}


def parts() -> list[tuple[str, ...]]:
    """Every fact, by its path."""
    whole = [("bucket", field.name) for field in fields(BucketFacts)]
    whole += [("trail_bucket", name) for name in ("public_access_block", "policy", "ownership", "logging")]
    whole += [("role", name) for name in ("trust", "attached", "inline")]
    whole += [("trail", name) for name in ("selectors", "status")]
    whole += [("topic", name) for name in ("attributes", "subscriptions")]
    skipped = {"bucket", "trail_bucket", "roles"}
    return [*whole, *((field.name,) for field in fields(Facts) if field.name not in skipped)]


def without(path: tuple[str, ...]) -> Facts:
    state = good()
    if len(path) == 1:
        return replace(state, **{path[0]: UNREAD})
    owner, name = path
    if owner == "role":
        return of_role(**{name: UNREAD})
    if owner == "trail":
        return replace(state, trails=Present([replace(trail(), **{name: UNREAD})]))
    if owner == "topic":
        return replace(state, topics=Present([replace(state.topics.value[0], **{name: UNREAD})]))
    return replace(state, **{owner: replace(getattr(state, owner), **{name: UNREAD})})


@pytest.mark.parametrize("path", parts(), ids=".".join)
def test_what_was_not_read_names_the_permission_and_hides_nothing_else(path: tuple[str, ...]) -> None:
    found = evaluate_controls(CONTROLS, without(path), desired())
    changed = [one for one in found if one["status"] != "compliant"]
    assert changed or path in {("bucket", "acl"), ("trail_bucket", "policy"), ("trail_bucket", "ownership")}
    for one in changed:
        assert (one["status"], one["reason"]) == ("not_evaluated", "access_denied")
        assert one["missing_permission"] == "kms:GetKeyPolicy"
        assert one["remediation"] == "Grant kms:GetKeyPolicy to the principal that runs the audit, and run it again."
        assert "AccessDenied" in one["message"]


@pytest.mark.parametrize(("owner", "number"), [("key", 11), ("bucket", 17)])
def test_what_does_not_exist_is_not_compliant(owner: str, number: int) -> None:
    absent = Absent("It does not exist.")
    state = good()
    if owner == "key":
        state = replace(state, key=absent, rotation=absent, key_policy=absent, shared_policy=absent)
    else:
        state = replace(state, bucket=BucketFacts(**{field.name: absent for field in fields(BucketFacts)}))
    failed = [one for one in evaluate_controls(CONTROLS, state, desired()) if one["status"] == "non_compliant"]
    assert {(one["reason"], one["message"]) for one in failed} == {("not_found", "It does not exist.")}
    assert len(failed) >= number - 3


@pytest.mark.parametrize("mode", ["sse-s3", "sse-c"])
def test_without_a_key_its_controls_do_not_apply(mode: str) -> None:
    no_kms = profile(encryption_mode=mode, kms_key_arn=None)
    bucket = replace(good().bucket, encryption=Present({"Rules": [_documents.encryption_rule(no_kms)]}))
    found = evaluate_controls(CONTROLS, Facts(bucket=bucket), desired(profile=no_kms, alias=None))
    no_key = {one["control"] for one in found if one["reason"] == "encryption_mode"}
    assert {one["status"] for one in found if one["reason"] == "encryption_mode"} == {"not_applicable"}
    assert no_key >= {"KMS.4", "KMS.5", "coffer.1", "coffer.3", "coffer.5", "coffer.10", "coffer.19"}
    assert ("coffer.11" in no_key) == (mode == "sse-c")
    (kms,) = [one for one in found if one["control"] == "S3.17"]
    assert kms["status"] == "non_compliant", "that the profile asks for no KMS does not meet the control"


def test_what_was_not_requested_does_not_apply() -> None:
    goal = desired(monitoring=False, data_events="none", alias=None, rotation_period_in_days=None, policy_arn=None)
    found = evaluate_controls(CONTROLS, good(), goal)
    names = {"CloudWatch.15", "CloudWatch.17", "SNS.1"}
    names |= {f"coffer.{number}" for number in (2, 7, 15, 17, 22, 24, 25, 26, 27, 28)}
    assert {one["control"] for one in found if one["status"] == "not_applicable"} == names
    assert {one["reason"] for one in found if one["status"] == "not_applicable"} == {"not_requested"}
