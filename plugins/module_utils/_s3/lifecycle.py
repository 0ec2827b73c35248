# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lifecycle rules do to backups. Pure. PRIVATE to coffer.velero.

Velero expires its own backups; kopia's objects are shared by many backups, whatever their age. Noncurrent versions,
delete markers and incomplete uploads are nothing that Velero reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from .._profile import StorageProfile
from .._types import Document

#: What an object has to be restored from before it can be read, which Velero does not do.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def what_takes_backups_away(rules: Iterable[Document], profile: StorageProfile) -> list[str]:
    """What each enabled rule does to current objects of the location that Velero needs."""
    faults = []
    for number, rule in enumerate(rules, 1):
        if rule.get("Status") != "Enabled" or not _covers_backups(rule, profile):
            continue
        name, expiration = rule.get("ID") or f"#{number}", rule.get("Expiration") or {}
        if "Days" in expiration or "Date" in expiration:
            faults.append(f"{name} expires objects")
        archives = [one.get("StorageClass") for one in rule.get("Transitions") or ()]
        if found := [one for one in archives if one in _ARCHIVES]:
            faults.append(f"{name} moves objects to {found[0]}")
    return faults


def _covers_backups(rule: Document, profile: StorageProfile) -> bool:
    """Whether a rule applies to objects under the prefix; one by size may."""
    chosen = rule.get("Filter") or {}
    chosen = chosen.get("And") or chosen
    prefix = str(chosen.get("Prefix", rule.get("Prefix")) or "")
    location = f"{profile.prefix}/" if profile.prefix else ""
    tags = [*(chosen.get("Tags") or ()), *([chosen["Tag"]] if chosen.get("Tag") else [])]
    has_tags = all((tag["Key"], tag["Value"]) in parse_qsl(profile.tagging) for tag in tags)
    return has_tags and (location.startswith(prefix) or prefix.startswith(location))
