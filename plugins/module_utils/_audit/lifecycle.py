# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control of what lifecycle rules do to backups. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .._types import Document
from .facts import CheckResult, Facts
from .model import Control, Desired, check_bucket, compliant, non_compliant

#: What an object has to be restored from before it can be read, which Velero does not do.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def _keeps_backups(facts: Facts, desired: Desired) -> CheckResult:
    """Velero expires its own backups; kopia's objects are shared by many backups, whatever their age.

    Noncurrent versions, delete markers and incomplete uploads are nothing that Velero reads.
    """
    faults = []
    for number, rule in enumerate(facts.bucket.lifecycle.value, 1):
        if rule.get("Status") != "Enabled" or not _covers_backups(rule, desired):
            continue
        name, expiration = rule.get("ID") or f"#{number}", rule.get("Expiration") or {}
        if "Days" in expiration or "Date" in expiration:
            faults.append(f"{name} expires objects")
        archives = [one.get("StorageClass") for one in rule.get("Transitions") or ()]
        if found := [one for one in archives if one in _ARCHIVES]:
            faults.append(f"{name} moves objects to {found[0]}")
    if faults:
        return non_compliant("unusable", f"A lifecycle rule takes backups away: {'; '.join(faults)}.")
    return compliant("No lifecycle rule expires or archives current objects of the location.")


def _covers_backups(rule: Document, desired: Desired) -> bool:
    """Whether a rule applies to objects under the prefix; one by size may."""
    chosen = rule.get("Filter") or {}
    chosen = chosen.get("And") or chosen
    prefix, own = str(chosen.get("Prefix", rule.get("Prefix")) or ""), desired.profile.prefix
    location = f"{own}/" if own else ""
    tags = [*(chosen.get("Tags") or ()), *([chosen["Tag"]] if chosen.get("Tag") else [])]
    has_tags = all((tag["Key"], tag["Value"]) in parse_qsl(desired.profile.tagging) for tag in tags)
    return has_tags and (location.startswith(prefix) or prefix.startswith(location))


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
