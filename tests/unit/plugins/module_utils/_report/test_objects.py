# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of object_encryption_info in the document: bounded, and consistent."""

from __future__ import annotations

from tests.support.evidence import KEY, counts, document, group, object_finding, objects, untested


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
