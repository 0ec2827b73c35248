# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of a location do not show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.evidence import Evidence, counts, document, good, scanned

LABEL = {"velero.io/exclude-from-backup": "true"}
PASSWORD = {"name": "velero-repo-credentials", "namespace": "velero"}


def location(name: str, default: bool = False) -> Evidence:
    return {"metadata": {"name": name}, "spec": {"default": default}}


def schedule(name: str, **template: Any) -> Evidence:
    return {"metadata": {"name": name}, "spec": {"template": template}}


def backup(started: str, expiration: str, place: str = "default") -> Evidence:
    return {"spec": {"storageLocation": place}, "status": {"startTimestamp": started, "expiration": expiration}}


def told(cluster: Evidence, **evidence: Any) -> dict[str, str]:
    """Of the location ``default``."""
    found = document(good(cluster=cluster, **evidence))["limitations"]
    reasons = ("unnamed_backups_elsewhere", "secret_in_backups", "backups_from_before")
    return {one["reason"]: one["message"] for one in found if one["reason"] in reasons}


@pytest.mark.parametrize(
    ("locations", "elsewhere"),
    [
        ([], None),
        ([location("default")], None),
        ([location("default", True), location("old")], None),
        ([location("default"), location("old")], None),  # Velero takes the one called default
        ([location("default"), location("old", True)], "old"),
        ([location("other")], None),
    ],
)
def test_where_backups_go_that_name_no_location(locations: list[Evidence], elsewhere: str | None) -> None:
    schedules = [schedule("nightly"), schedule("weekly", storageLocation="default")]
    found = told({"locations": locations, "schedules": schedules})
    expected = f'go to BackupStorageLocation "{elsewhere}", among them Schedule nightly.'
    assert (expected in found.get("unnamed_backups_elsewhere", "")) == bool(elsewhere)
    assert bool(found) == bool(elsewhere)


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ({}, "the backups of Schedule nightly"),
        ({"includedNamespaces": ["*"]}, "the backups of Schedule nightly"),
        ({"includedNamespaces": ["shop", "velero"]}, "the backups of Schedule nightly"),
        ({"includedNamespaces": ["shop"]}, "each backup of velero"),
        ({"excludedNamespaces": ["velero"]}, "each backup of velero"),
    ],
)
def test_a_secret_that_travels_in_the_backups_it_protects(template: Evidence, where: str) -> None:
    found = told({"schedules": [schedule("nightly", **template)], "secrets": [PASSWORD]})
    assert found == {"secret_in_backups": f"Secret velero-repo-credentials travels in {where}, which it protects."}


def test_a_secret_with_the_label_stays_out() -> None:
    assert told({"schedules": [schedule("nightly")], "secrets": [{**PASSWORD, "labels": LABEL}]}) == {}
    assert "secret_in_backups" in told({"secrets": [{**PASSWORD, "labels": dict.fromkeys(LABEL, "false")}]})


def test_when_the_last_backup_from_before_the_change_expires() -> None:
    backups = [
        backup("2026-10-01T02:00:00Z", "2026-12-01T02:00:00Z"),
        backup("2026-11-01T02:00:00Z", "2026-12-15T02:00:00Z"),
        backup("2026-11-20T02:00:00Z", "2027-01-15T02:00:00Z"),  # from after it
        backup("2026-10-01T02:00:00Z", "2028-01-01T02:00:00Z", "other"),
        {"spec": {"storageLocation": "default"}},
    ]
    last = {"compliant": "2026-11-20T02:00:12Z", "non_compliant": "2026-11-01T02:00:12Z"}
    found = told({"backups": backups}, objects=scanned(counts(5, 2), last_written=last))
    assert "expire by 15 December 2026, 02:00:00 UTC." in found["backups_from_before"]
    assert told({"backups": backups}) == {}
