# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of the trail: what is compliant, what is not and why; and which trail is checked."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import CheckResult, Facts, Present
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import compliant, non_compliant
from ansible_collections.coffer.velero.plugins.module_utils._audit.trail import TRAIL, select_trail
from tests.support.audit_facts import (
    BUCKET_ARN,
    EVERY_OBJECT,
    MANAGEMENT,
    READER,
    TRAIL_ARN,
    UNREAD,
    Case,
    Doc,
    assert_case,
    desired,
    document,
    facts,
    failing,
    findings,
    good,
    names,
    of_cases,
    of_trail,
    trail,
)


def data(operator: str, value: str, read_only: str | None = None) -> Doc:
    selector = [*EVERY_OBJECT["FieldSelectors"], {"Field": "resources.ARN", operator: [value]}]
    if read_only:
        selector.append({"Field": "readOnly", "Equals": [read_only]})
    return {"FieldSelectors": selector}


NO_KMS = {
    "FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]
}
WRITES = {"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "readOnly", "Equals": ["false"]}]}


CASES: list[Case] = [
    ("CloudTrail.1", of_trail(IsMultiRegionTrail=False), non_compliant("no_trail", "No multi-Region trail")),
    ("CloudTrail.1", of_trail(NO_KMS), non_compliant("no_trail", "No multi-Region trail")),
    ("CloudTrail.1", of_trail(WRITES), non_compliant("no_trail", "No multi-Region trail")),
    ("CloudTrail.2", of_trail(KmsKeyId=None), non_compliant("not_enabled", "not encrypted under a KMS key")),
    ("CloudTrail.4", of_trail(LogFileValidationEnabled=False), non_compliant("not_enabled", "off")),
    ("CloudTrail.5", of_trail(CloudWatchLogsLogGroupArn=None), non_compliant("no_log_group", "no log group")),
    (
        "CloudTrail.6",
        replace(
            good(),
            trail_bucket=replace(
                good().trail_bucket, public_access_block=Present({}), policy=Present(document(READER))
            ),
        ),
        non_compliant("too_permissive", "grants public read access"),
    ),
    (
        "CloudTrail.7",
        replace(good(), trail_bucket=replace(good().trail_bucket, logging=Present(None))),
        non_compliant("not_enabled", "off"),
    ),
    (
        "CloudWatch.16",
        facts(log_group={"retentionInDays": 90}),
        non_compliant("differs", "after 90 days, not after 365"),
    ),
    ("CloudWatch.16", facts(log_group={}), compliant("never expire")),
    ("coffer.20", facts(trails=[]), non_compliant("no_trail", "There is no trail")),
    ("coffer.20", of_trail(status={"IsLogging": False}), non_compliant("not_enabled", "is not logging")),
    ("coffer.20", of_trail(NO_KMS), non_compliant("not_enabled", "records no calls of KMS")),
    (
        "coffer.21",
        of_trail(status={"IsLogging": True, "LatestDeliveryError": "AccessDenied"}),
        non_compliant("unusable", "s3: AccessDenied"),
    ),
    ("coffer.22", of_trail(MANAGEMENT), non_compliant("differs", "it records none, not write")),
    ("coffer.22", of_trail(MANAGEMENT, data("StartsWith", f"{BUCKET_ARN}/production/", "false")), compliant("write")),
    (
        "coffer.22",
        of_trail(MANAGEMENT, data("StartsWith", f"{BUCKET_ARN}/production/", "true")),
        non_compliant("differs", "read, not"),
    ),
    ("coffer.23", of_trail(S3BucketName="acme-backups"), non_compliant("too_permissive", "the bucket of the backups")),
    ("CloudTrail.1", of_trail(status={"IsLogging": False}), non_compliant("no_trail", "No multi-Region trail")),
]


@of_cases(CASES)
def test_cases(control: str, state: Facts, result: CheckResult) -> None:
    assert_case(control, state, result)


def test_every_control_has_a_case_that_fails() -> None:
    assert failing(CASES) == names(TRAIL)


def test_without_a_trail_its_controls_do_not_apply() -> None:
    state = facts(trails=[])
    for control in ("CloudTrail.2", "CloudTrail.4", "CloudTrail.5", "CloudTrail.7", "coffer.21", "coffer.23"):
        (found,) = findings(control, state)
        status, reason, message = found["status"], found["reason"], found["message"]
        assert (status, reason, message) == ("not_applicable", "no_trail", "There is no trail.")
    (found,) = findings("CloudTrail.2", state, desired(trail_name="ours"))
    assert found["message"] == "There is no trail ours."


def test_the_best_trail_is_selected_where_none_is_named() -> None:
    silent = replace(trail(NO_KMS, Name="first", TrailARN=f"{TRAIL_ARN}1"))
    locked = replace(trail(Name="locked", TrailARN=f"{TRAIL_ARN}2"), selectors=UNREAD)
    best = trail(Name="best", TrailARN=f"{TRAIL_ARN}3")
    trails = [silent, locked, best]
    assert select_trail(trails, desired()) is best
    assert select_trail([silent, locked], desired()) is silent
    assert select_trail([], desired()) is None
    for name in ("locked", f"{TRAIL_ARN}2"):
        assert select_trail(trails, desired(trail_name=name)) is locked
    assert select_trail(trails, desired(trail_name="none")) is None


def test_one_trail_that_is_enough_makes_up_for_one_that_could_not_be_read() -> None:
    locked = replace(trail(Name="locked", TrailARN=f"{TRAIL_ARN}2"), selectors=UNREAD, status=UNREAD)
    (found,) = findings("CloudTrail.1", facts(trails=[locked, trail()]))
    assert found["status"] == "compliant"
    (found,) = findings("CloudTrail.1", facts(trails=[trail(NO_KMS, status={}), locked]))
    assert found["status"] == "not_evaluated"


def test_a_trail_without_selectors_records_management_events() -> None:
    plain = replace(trail(HasCustomEventSelectors=False), selectors=Present(None))
    state = facts(trails=[plain])
    controls = ("CloudTrail.1", "coffer.20", "coffer.22")
    found = [findings(name, state)[0]["status"] for name in controls]
    assert found == ["compliant", "compliant", "non_compliant"]
