# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the backups of a location would lose by a plan for it. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

from .._arn import is_alias, same_key
from .._plan import Difference, Plan
from .location import CUSTOMER_KEY, ENCRYPTION, DesiredLocation
from .validators import server_of


class BreakingChange(t.NamedTuple):
    """Why a plan must not be applied to a location that holds backups.

    :param reason: goes on after "holds 2 backups, "
    """

    option: str
    reason: str
    remediation: str


_PLACE = {"objectStorage.bucket": "bucket", "objectStorage.prefix": "prefix", "config.s3Url": "s3_url"}


def relocation(plan: Plan) -> Difference | None:
    """The difference by which a plan points an existing location at another place."""
    moved = (i for i in plan.differences if i.name != "config.s3Url" or server_of(i.before) != server_of(i.after))
    return next((item for item in moved if item.name in _PLACE), None)


def writing_option(plan: Plan) -> str | None:
    """The option by which a plan changes where or how objects are written."""
    options = {**_PLACE, "config.region": "region", **{f"config.{key}": option for option, key in ENCRYPTION.items()}}
    return next((options[item.name] for item in plan.differences if item.name in options), None)


def rekeying_option(desired: DesiredLocation, plan: Plan) -> str | None:
    """The option by which a plan makes what is in the location unreadable.

    With a customer-provided key the plugin sends it with every read, so that it reads nothing that was written
    otherwise; without one it cannot read what was written with it. All other modes are S3's own affair.
    """
    changed = {item.name.removeprefix("config.") for item in plan.differences}
    found = [option for option, key in ENCRYPTION.items() if key in CUSTOMER_KEY and key in changed]
    return found[0] if found and not (desired.customer_provided_key_unchanged and _is_moved(plan)) else None


def _is_moved(plan: Plan) -> bool:
    """Whether there is a customer-provided key before and after; whether it is the same one cannot be seen."""
    keys = [item for item in plan.differences if item.name.removeprefix("config.") in CUSTOMER_KEY]
    return any(item.before for item in keys) and any(item.after for item in keys)


#: The annotation of a location in which the role backup_proof notes the key that it has verified.
KMS_KEY_ANNOTATION = "coffer.velero/kms-key-arn"


def dropped_kms_key(desired: DesiredLocation, plan: Plan) -> str | None:
    """The KMS key that the plan takes from a location, and that Velero may not use any more as far as the task says.

    A task that names neither an encryption nor earlier keys only asks for the other rules. With aws:kms:dsse a location
    cannot name its key, and of an alias only KMS could tell which key it meant: then it is the key that the last
    verification has noted.
    """
    if desired.previous_kms_key_ids is None and not (desired.kms_key_id or desired.server_side_encryption):
        return None
    before = next((item.before for item in plan.differences if item.name == "config.kmsKeyId"), None)
    named = (plan.result["previous_spec"] or {}).get("config", {}).get("kmsKeyId")
    if not named or (before and is_alias(before)):
        resolved = before and desired.present_kms_key_arn
        before = resolved or plan.result["annotations"].get(KMS_KEY_ANNOTATION) or before
    known = (desired.kms_key_id or "", *(desired.previous_kms_key_ids or ()))
    return before if before and not any(same_key(before, key) for key in known) else None


def breaking_change(desired: DesiredLocation, plan: Plan) -> BreakingChange | None:
    """What the backups of a location would lose by a plan; ``None`` where that is nothing."""
    if moved := relocation(plan):
        option = _PLACE[moved.name]
        reason = "and Velero deletes Backup objects that it does not find in the new place"
        remediation = (
            f"Set {option} to {moved.before or repr('')} to leave them where they are (velero_{option} in the roles), "
            "make a location under another name (velero_backup_location_name), or let a task of "
            "coffer.velero.backup_storage_location with allow_relocation=true change it; the objects in the old place "
            "stay."
        )
        return BreakingChange(option, reason, remediation)
    if rekeying := rekeying_option(desired, plan):
        reason = "which Velero could no longer read: with a customer-provided key (SSE-C) it reads nothing else"
        remediation = (
            "Make a location under another name (velero_backup_location_name in the roles), with another prefix or "
            "bucket, for each customer-provided key."
        )
        if _is_moved(plan):
            remediation += (
                " Where it is the same key in another place, let a task of coffer.velero.backup_storage_location with "
                "customer_provided_key_unchanged=true change it."
            )
        return BreakingChange(rekeying, reason, remediation)
    if (key := dropped_kms_key(desired, plan)) and not is_alias(key):
        reason = f"which Velero cannot read without the key {key} that they may be encrypted under"
        remediation = (
            "Let Velero's role decrypt with it and list it in previous_kms_key_ids; the roles do both for a key in "
            "velero_kms_previous_key_arns."
        )
        return BreakingChange("kms_key_id", reason, remediation)
    return None


def alias_warning(desired: DesiredLocation, plan: Plan) -> tuple[str, ...]:
    """What is said in place of a refusal where only KMS could tell whether the key is another one."""
    key = dropped_kms_key(desired, plan)
    if not key or not is_alias(key):
        return ()
    return (
        f"{desired.resource} named its key as {key}. What is there is encrypted under the key that this meant: if that "
        "is another one than from now on, list its ARN in previous_kms_key_ids (velero_kms_previous_key_arns).",
    )
