# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bar chart: every object version once."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._report.bar_chart import bars
from tests.support import evidence as example
from tests.support.evidence import KEY, OLD_KEY, document, objects


def test_bars_count_every_object_version_once() -> None:
    made = document(example.bad())
    found = [(line.algorithm, line.key_arn, line.number, line.status) for line in bars(made)]
    assert found == [
        ("aws:kms", KEY, 1837, "compliant"),
        ("aws:kms", OLD_KEY, 2, "non_compliant"),
        ("AES256", None, 2, "non_compliant"),
        ("aws:kms", KEY, 1, "non_compliant"),
        ("SSE-C", None, 1, "non_compliant"),
        ("Unknown", None, 3, "not_evaluated"),
    ]
    assert sum(line.number for line in bars(made)) == made["objects"]["counts"]["total"]


def test_an_accepted_key_is_compliant() -> None:
    evidence = example.bad() | {"accepted_kms_key_arns": [OLD_KEY]}
    assert {line.status for line in bars(document(evidence)) if line.key_arn == OLD_KEY} == {"compliant"}


@pytest.mark.parametrize(
    ("mode", "algorithm", "status"),
    [
        ("sse-s3", "AES256", "compliant"),
        ("sse-s3", "none", "non_compliant"),
        ("sse-c", "SSE-C", "undetermined"),
        ("sse-c", "aws:kms", "non_compliant"),
        ("sse-kms", "aws:kms", "undetermined"),
    ],
)
def test_bars_without_a_key(mode: str, algorithm: str, status: str) -> None:
    profile = example.profile(encryption_mode=mode, kms_key_arn=KEY if mode.endswith("kms") else None)
    found = bars(document(example.good(profile=profile, objects=objects(by_algorithm={algorithm: 1846}, by_key=[]))))
    assert [line.status for line in found] == [status]
