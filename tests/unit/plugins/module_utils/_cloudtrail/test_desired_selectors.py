# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selectors of a trail among those of others, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail.desired_selectors import (
    FRESH,
    DesiredSelectors,
    change_selectors,
)
from tests.support.refusal import refusal

OBJECTS = "arn:aws:s3:::velero/production/"
MANAGEMENT = DesiredSelectors().management()[0]
WRITES = DesiredSelectors(data_events="write", arns=(OBJECTS,))
FOREIGN = {**DesiredSelectors(data_events="all", arns=("arn:aws:s3:::other/",), name="theirs").data[0]}
COVERING = {**DesiredSelectors(data_events="all", arns=("arn:aws:s3:::velero/",), name="theirs").data[0]}


@pytest.mark.parametrize(
    ("desired", "current", "after"),
    [
        (DesiredSelectors(), [MANAGEMENT], None),
        (WRITES, [MANAGEMENT], [MANAGEMENT, *WRITES.data]),
        (WRITES, [MANAGEMENT, FOREIGN], [MANAGEMENT, FOREIGN, *WRITES.data]),
        (WRITES, [MANAGEMENT, COVERING], None),
        (WRITES, [*WRITES.data, MANAGEMENT], None),
        (DesiredSelectors(), [MANAGEMENT, FOREIGN, *WRITES.data], [MANAGEMENT, FOREIGN]),
    ],
    ids=["as it is", "ours", "beside others'", "others record it", "in another order", "no longer"],
)
def test_only_ours_change(desired: DesiredSelectors, current: list[Any], after: list[Any] | None) -> None:
    assert change_selectors(desired, {"AdvancedEventSelectors": current}, trail="velero") == after


def test_selectors_of_a_new_trail_record_management_events() -> None:
    assert change_selectors(DesiredSelectors(), FRESH, trail="velero") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_events": "all"}, "data_events: all has no objects to record. Give data_event_arns"),
        (
            {"arns": ("arn:aws:s3:::velero/*",)},
            "data_event_arns: arn:aws:s3:::velero/* would match nothing. Write arn:aws:s3:::velero/: a selector takes",
        ),
        (
            {"arns": ("arn:aws:s3:::velero",)},
            "data_event_arns: arn:aws:s3:::velero is not the beginning of ARNs of objects. Write arn:aws:s3:::bucket/",
        ),
        (
            {"data_events": "all", "arns": tuple(f"{OBJECTS}{number}" for number in range(500))},
            "data_event_arns: velero would have selectors with 503 values. A trail takes 500.",
        ),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    assert refusal(lambda: change_selectors(DesiredSelectors(**options), FRESH, trail="velero")).startswith(message)
