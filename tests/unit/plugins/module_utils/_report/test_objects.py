# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of object_encryption_info in the document: bounded, and consistent."""

from __future__ import annotations

import pytest

from tests.support.evidence import (
    KEY,
    OLD_KEY,
    Evidence,
    counts,
    document,
    good,
    group,
    judged_by,
    object_finding,
    objects,
    profile,
    refused,
    scanned,
    untested,
    with_objects,
)


def test_long_lists_are_bounded_and_counted() -> None:
    many = 1200
    evidence = untested(
        objects=objects(
            status="non_compliant",
            counts=counts(many, non_compliant=many),
            by_algorithm={"aws:kms": 2 * many},
            by_key=[
                {"key_arn": f"{KEY}{number}", "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 2}
                for number in range(many)
            ],
            groups=[group("kopia", f"n{number}", 2) for number in range(many)],
            groups_omitted=7,
            non_compliant_objects=[object_finding(f"k{number}") for number in range(many)],
            incomplete_multipart_uploads=[{"key": "k", "upload_id": "u", "initiated": "t"}] * many,
        )
    )
    told = document(evidence)["objects"]
    assert [
        len(told[name]) for name in ("by_key", "groups", "non_compliant_objects", "incomplete_multipart_uploads")
    ] == [1000] * 4
    omitted = ("by_key_omitted", "groups_omitted", "findings_truncated", "incomplete_multipart_uploads_omitted")
    assert [told[name] for name in omitted] == [200, 207, 200, 200]


REFUSALS: list[tuple[Evidence, str]] = [
    (with_objects(bucket="other"), "evidence.objects: it is of other/production, the profile is of acme-backups/"),
    (with_objects(prefix=""), "evidence.objects: it is of acme-backups/, the profile is of acme-backups/production"),
    *(
        ({**good(), "objects": objects(judged_by=judged_by(profile(**values)))}, f"evidence.objects.{message}")
        for values, message in (
            (
                {"encryption_mode": "sse-s3", "kms_key_arn": None},
                "judged_by.encryption_mode: it is sse-s3, the profile",
            ),
            ({"encryption_mode": "dsse-kms"}, "judged_by.encryption_mode: it is dsse-kms, the profile has sse-kms"),
            ({"kms_key_arn": OLD_KEY}, f"judged_by.kms_key_arns: it is {OLD_KEY}, the profile has {KEY}"),
            ({"account_id": "444455556666"}, "judged_by.account_id: it is 444455556666, the profile has 111122223333"),
            ({"region": "us-east-1"}, "judged_by.region: it is us-east-1, the profile has eu-central-1"),
            ({"bucket_key_enabled": False}, "judged_by.bucket_key_enabled: it is false, the profile has true"),
        )
    ),
    (
        {**good(), "objects": objects(judged_by=judged_by(profile(), OLD_KEY))},
        f"evidence.objects.judged_by.kms_key_arns: it has {OLD_KEY}, which is not among evidence.accepted_kms_key_",
    ),
    ({**good(), "objects": objects(judged_by=None)}, "evidence.objects.judged_by: it is missing"),
    (with_objects(counts={"total": 5, "compliant": 4}), "evidence.objects.counts: it has a total that is not the sum"),
    (
        with_objects(counts={**counts(1846), "deleted_during_scan": 1}),
        "evidence.objects.counts: it has more objects deleted during the scan than not evaluated",
    ),
    (
        with_objects(**scanned(counts(4, not_evaluated=1), non_compliant_objects=[])),
        "evidence.objects.non_compliant_objects: it has another number of objects",
    ),
    (with_objects(by_reason={"accepted": 1}), "evidence.objects.by_reason: it has more accepted objects than non-"),
    (with_objects(counts=None), "evidence.objects.counts: it is missing"),
    (with_objects(status="non_compliant"), "evidence.objects.status: it is non_compliant, its counts say compliant"),
    (with_objects(by_algorithm={"AES256": 9999}), "evidence.objects.by_algorithm: it has more objects than there are"),
    (
        with_objects(non_compliant_objects=[object_finding("k")]),
        "evidence.objects.non_compliant_objects: it has another number of objects",
    ),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    assert refused(evidence).startswith(message)
