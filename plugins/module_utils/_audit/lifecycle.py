# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control of what lifecycle rules do to backups. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from .._s3.lifecycle import what_takes_backups_away
from .facts import CheckResult, Facts
from .model import Control, Desired, check_bucket, compliant, non_compliant


def _keeps_backups(facts: Facts, desired: Desired) -> CheckResult:
    faults = what_takes_backups_away(facts.bucket.lifecycle.value, desired.profile)
    if faults:
        return non_compliant("unusable", f"A lifecycle rule takes backups away: {'; '.join(faults)}.")
    return compliant("No lifecycle rule expires or archives current objects of the location.")


LIFECYCLE = (
    Control(
        identifier="coffer.29",
        title="No lifecycle rule takes backups away",
        severity="critical",
        requirement=(
            "No enabled lifecycle rule that applies to objects under the prefix expires current objects, or moves them "
            "to GLACIER or DEEP_ARCHIVE. Velero expires its backups by their TTL."
        ),
        remediation=(
            "Disable the rule, or limit it to noncurrent versions and incomplete multipart uploads, before it takes "
            "effect."
        ),
        checks=check_bucket(_keeps_backups),
    ),
)
