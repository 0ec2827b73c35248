# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the backups of a location would lose by a plan for it. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._velero.location import (
    CUSTOMER_KEY,
    ENCRYPTION,
    WantedLocation,
)
from ansible_collections.coffer.velero.plugins.module_utils._velero.syntax import split_url

#: S3's own endpoints, where a bucket has its name to itself: not those of Outposts or of a VPC.
_OWN_ENDPOINT = re.compile(r"s3(-fips)?([.-](dualstack\.)?[a-z0-9-]+)?\.amazonaws\.(com(\.cn)?|eu)")


class Stake(t.NamedTuple):
    """Why a plan must not be applied to a location that holds backups.

    :param reason: goes on after "holds 2 backups, "
    """

    option: str
    reason: str
    remediation: str


def relocated(plan: Plan) -> str | None:
    """The option by which a plan points an existing location at another place."""
    options = {"objectStorage.bucket": "bucket", "objectStorage.prefix": "prefix", "config.s3Url": "s3_url"}
    moved = (i.name for i in plan.differences if i.name != "config.s3Url" or _server(i.before) != _server(i.after))
    return next((options[name] for name in moved if name in options), None)


def _server(url: str | None) -> t.Any:
    """The server that a URL leads to; ``None`` for S3 itself, which is one however its endpoint is spelled."""
    parts = split_url(url or "")
    if parts is None:
        return url
    if _OWN_ENDPOINT.fullmatch(str(parts.hostname)):
        return None
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def rekeyed(wanted: WantedLocation, plan: Plan) -> str | None:
    """The option by which a plan makes what is in the location unreadable.

    With a customer's key the plugin sends it with every read, so that it reads nothing that was written otherwise;
    without one it cannot read what was written with it. All other modes are S3's own affair.
    """
    changed = {i.name.removeprefix("config."): i for i in plan.differences}
    found = [option for option, key in ENCRYPTION.items() if key in CUSTOMER_KEY and key in changed]
    return found[0] if found and not (wanted.same_customer_key and _is_moved(plan)) else None


def _is_moved(plan: Plan) -> bool:
    """Whether there is a customer's key before and after; whether it is the same one, nobody can see."""
    keys = [item for item in plan.differences if item.name.removeprefix("config.") in CUSTOMER_KEY]
    return any(item.before for item in keys) and any(item.after for item in keys)


def given_up_key(wanted: WantedLocation, plan: Plan) -> str | None:
    """The KMS key of an existing location that the plan takes away, and that nobody says Velero may still use.

    A task that names neither an encryption nor earlier keys only asks for the other rules.
    """
    if wanted.previous_kms_key_ids is None and not (wanted.kms_key_id or wanted.server_side_encryption):
        return None
    before = next((item.before for item in plan.differences if item.name == "config.kmsKeyId"), None)
    known = (wanted.kms_key_id or "", *(wanted.previous_kms_key_ids or ()))
    return before if before and not any(_same_key(before, key) for key in known) else None


def _same_key(one: str, other: str) -> bool:
    """Whether two names mean one key; next to an ARN an id alone is as good."""
    arns = Arn.parse(one), Arn.parse(other)
    return one == other if all(arns) else one.rpartition("/")[2] == other.rpartition("/")[2]


def _is_alias(key: str) -> bool:
    """Which key an alias means, only KMS could tell."""
    arn = Arn.parse(key)
    return (arn.resource if arn else key).startswith("alias/")


def at_stake(wanted: WantedLocation, plan: Plan) -> Stake | None:
    """What the backups of a location would lose by a plan; ``None`` where that is nothing."""
    if option := relocated(plan):
        reason = "and Velero deletes Backup objects that it does not find in the new place"
        remediation = (
            "Make a location under another name instead (velero_backup_location_name in the roles), or let a task of "
            "coffer.velero.backup_storage_location with allow_relocation=true change it; the objects in the old place "
            "stay."
        )
        return Stake(option, reason, remediation)
    if option := rekeyed(wanted, plan):
        reason = "which Velero could no longer read: with a customer's key it reads nothing else"
        remediation = (
            "Make a location under another name (velero_backup_location_name in the roles), with another prefix or "
            "bucket, for each customer's key."
        )
        if _is_moved(plan):
            remediation += (
                " Where it is the same key in another place, let a task of coffer.velero.backup_storage_location with "
                "same_customer_key=true change it."
            )
        return Stake(option, reason, remediation)
    if (key := given_up_key(wanted, plan)) and not _is_alias(key):
        reason = f"which Velero cannot read without the key {key} that they may be encrypted under"
        remediation = (
            "Let Velero's role decrypt with it and list it in previous_kms_key_ids; the roles do both for a key in "
            "velero_kms_previous_key_arns."
        )
        return Stake("kms_key_id", reason, remediation)
    return None


def alias_warning(wanted: WantedLocation, plan: Plan) -> tuple[str, ...]:
    """What is said in place of a refusal where only KMS could tell whether the key is another one."""
    key = given_up_key(wanted, plan)
    if not key or not _is_alias(key):
        return ()
    return (
        f"{wanted.resource} named its key as {key}. What is there is encrypted under the key that this meant: if that "
        "is another one than from now on, list its ARN in previous_kms_key_ids (velero_kms_previous_key_arns).",
    )
