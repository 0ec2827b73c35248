# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a KMS key and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .._arn import Arn
from .._errors import ValidationError
from .._plan import NOTHING, PLACEHOLDER_KEY_ID, Changes, Computed, Difference, Plan, Step, compare, created, joined
from .._tags import tag_changes, tag_list, tags_after
from .model import CREATED_FOR_TAG, Key, refuse_unusable


@dataclass(frozen=True, kw_only=True)
class DesiredKey:
    """What a task wants of a key. ``None`` means: leave it as it is (AWS's default for a new key).

    :param creation_defaults: what is wanted of a key that the collection creates or created, and of no other one
    :param tag_with_alias: whether a new key gets the tag by which the collection knows its own
    """

    alias: str | None = None
    description: str | None = None
    enabled: bool | None = None
    require_usable_for_s3: bool = False
    cancel_deletion: bool = False
    repoint_alias: bool = False
    rotation_enabled: bool | None = None
    rotation_period_in_days: int | None = None
    multi_region: bool | None = None
    replica_regions: Sequence[str] | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    creation_defaults: Mapping[str, t.Any] | None = None
    tag_with_alias: bool = True

    def of(self, key: Key | None) -> DesiredKey:
        """The same for a certain key (``None``: for a new one), without defaults that are not for a key of others."""
        if key is not None and not key.created_here:
            return replace(self, creation_defaults=None)
        asked = {name: value for name, value in (self.creation_defaults or {}).items() if value is not None}
        if self.rotation_enabled is False:
            asked.pop("rotation_period_in_days", None)
        unset = {name: value for name, value in asked.items() if getattr(self, name) is None}
        return replace(self, creation_defaults=None, **unset)

    def refuse_contradictions(self) -> None:
        """Refuse options that no key could satisfy, before AWS is asked anything."""
        period = self.rotation_period_in_days
        for days in (period, (self.creation_defaults or {}).get("rotation_period_in_days")):
            if days is not None and not 90 <= days <= 2560:
                remediation = "KMS takes 90 to 2560 days."
                raise ValidationError("rotation_period_in_days", str(days), "is not a rotation period", remediation)
        if period is not None and self.rotation_enabled is False:
            remediation = "Leave the period out, or set rotation_enabled=true."
            reason = "contradicts rotation_enabled=false"
            raise ValidationError("rotation_period_in_days", str(period), reason, remediation)
        if self.require_usable_for_s3 and self.enabled is False:
            remediation = "Leave one of them out."
            raise ValidationError("require_usable_for_s3", "true", "contradicts enabled=false", remediation)
        if self.replica_regions and self.multi_region is False:
            remediation = "Set multi_region=true, or leave the replicas out."
            reason = "contradicts multi_region=false"
            raise ValidationError("replica_regions", str(self.replica_regions), reason, remediation)


def alias_name(text: str, *, option: str = "alias") -> str:
    """The alias as KMS spells it: ``velero`` and ``alias/velero`` are the same.

    :raises ValidationError: for ARNs (an alias is managed in its own account and Region) and for AWS's own aliases
    """
    name = text if text.startswith("alias/") else f"alias/{text}"
    if text.startswith("arn:"):
        remediation = "Give the alias by its name and use credentials and the Region of the account that owns it."
        raise ValidationError(option, text, "is an ARN", remediation)
    if name.startswith("alias/aws/"):
        remediation = "Choose a name of your own."
        raise ValidationError(option, text, "is reserved for keys that AWS manages", remediation)
    if not re.fullmatch(r"alias/[a-zA-Z0-9/_-]{1,250}", name):
        # Found out by KMS only after the key was made.
        remediation = "An alias has at most 250 letters, digits, slashes, underscores and hyphens."
        raise ValidationError(option, repr(text), "is not a name for an alias", remediation)
    return name


def validate_window(pending_window_in_days: int) -> None:
    """Refuse a waiting time that KMS does not take."""
    if not 7 <= pending_window_in_days <= 30:
        remediation = "KMS takes 7 to 30 days."
        reason = "is not a waiting period"
        raise ValidationError("pending_window_in_days", str(pending_window_in_days), reason, remediation)


def create_key(desired: DesiredKey, *, partition: str, region: str, account_id: str) -> Plan:
    """The plan for a key that does not exist: created with everything that is wanted of it."""
    tags, _none = tag_changes(desired.tags, None, purge=False)
    replicas = [replica for replica in desired.replica_regions or () if replica != region]
    result = {
        "key_id": Computed("key_id", PLACEHOLDER_KEY_ID),
        "key_arn": Computed("key_arn", str(Arn(partition, "kms", region, account_id, f"key/{PLACEHOLDER_KEY_ID}"))),
        "alias": desired.alias,
        "account_id": account_id,
        "key_state": "Disabled" if desired.enabled is False else "Enabled",
        "description": desired.description or "",
        "multi_region": bool(desired.multi_region or desired.replica_regions),
        **_rotation_result(desired, {}),
        "tags": tags,
    }
    shown = {
        "alias": desired.alias,
        "description": desired.description,
        "enabled": desired.enabled is not False,
        "multi_region": result["multi_region"] or None,
        **{name: value for name, value in _rotation_result(desired, {}).items() if _rotates(desired)},
        "replica_regions": replicas,
        "tags": tags,
    }
    return Plan(_create_steps(desired, result, replicas), created(shown), result)


def _create_steps(desired: DesiredKey, result: Mapping[str, t.Any], replicas: Sequence[str]) -> tuple[Step, ...]:
    own_tag = {CREATED_FOR_TAG: str(desired.alias)} if desired.tag_with_alias else {}
    arguments = {
        "Description": result["description"],
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": result["multi_region"],
        "Tags": tag_list({**result["tags"], **own_tag}, key="TagKey", value="TagValue"),
    }
    outputs = {"key_id": "KeyMetadata.KeyId", "key_arn": "KeyMetadata.Arn"}
    key_id = result["key_id"]
    return (
        Step("kms:CreateKey", arguments, outputs),
        Step("kms:CreateAlias", {"AliasName": desired.alias, "TargetKeyId": key_id}),
        *([_rotation_step(desired, key_id)] if _rotates(desired) else []),
        *_replica_steps(replicas, key_id),
        *([Step("kms:DisableKey", {"KeyId": key_id})] if desired.enabled is False else []),
    )


def change_key(desired: DesiredKey, key: Key) -> Plan:
    """The plan for a key that exists.

    :raises ValidationError: for what KMS cannot change, and for what must not change without being asked for
    """
    _refuse_change(desired, key)
    # KMS changes little about a key that is pending deletion or disabled: awake first, asleep last.
    parts = (
        _enable(desired, key),
        _alias(desired, key),
        _description(desired, key),
        _rotation(desired, key),
        _tags(desired, key),
        _replicas(desired, key),
        _disable(desired, key),
    )
    steps, differences = joined(parts)
    return Plan(steps, differences, describe_key(desired, key), tuple(_warnings(desired, key)))


def _warnings(desired: DesiredKey, key: Key) -> Iterator[str]:
    if key.adopted:
        yield (
            f"{key.arn} is given the alias {desired.alias} in place of a new key: it was made for it, by a run that "
            "was cut, and neither its policy nor its rotation was changed since."
        )
    if _state_after(desired, key) == "Disabled" and desired.enabled is None:
        yield f"{key.arn} is disabled: nothing that it encrypted can be read. Set enabled=true to enable it."


def delete_key(key: Key, *, alias: str | None, pending_window_in_days: int) -> Plan:
    """The plan that takes a key and its alias away.

    The deletion is scheduled first: a run that is cut between the two still finds the key by its alias.
    """
    steps: list[Step] = []
    differences: list[Difference] = []
    if not key.pending_deletion:
        arguments = {"KeyId": key.key_id, "PendingWindowInDays": pending_window_in_days}
        steps.append(Step("kms:ScheduleKeyDeletion", arguments))
        differences.append(Difference("key_state", key.state, "PendingDeletion"))
    if alias and key.alias_exists:
        steps.append(Step("kms:DeleteAlias", {"AliasName": alias}))
        differences.append(Difference("alias", alias, None))
    result = {"key_id": key.key_id, "key_arn": key.arn, "alias": alias, "key_state": "PendingDeletion"}
    return Plan(tuple(steps), tuple(differences), result)


def describe_key(desired: DesiredKey, key: Key) -> dict[str, t.Any]:
    """What a task returns of a key, as it is after the plan."""
    current = key.metadata.get("Description", "")
    return {
        "key_id": key.key_id,
        "key_arn": key.arn,
        "alias": desired.alias,
        "account_id": key.metadata.get("AWSAccountId", key.arn.split(":")[4]),
        "key_state": _state_after(desired, key),
        "description": current if desired.description is None else desired.description,
        "multi_region": bool(key.metadata.get("MultiRegion")),
        **_rotation_result(desired, key.rotation or {}),
        "tags": _tags_after(desired, key),
    }


def _refuse_change(desired: DesiredKey, key: Key) -> None:
    option = "alias" if desired.alias else "key_id"
    if key.pending_deletion and not desired.cancel_deletion:
        date = key.metadata.get("DeletionDate", "an unknown date")
        remediation = (
            "Find out who scheduled it. cancel_deletion=true cancels it (the key is disabled then; enabled=true "
            "enables it), or give another alias for a new key."
        )
        raise ValidationError(option, key.arn, f"is pending deletion until {date}", remediation)
    if desired.require_usable_for_s3:
        after = replace(key, metadata={**key.metadata, "KeyState": _state_after(desired, key)})
        refuse_unusable(after, option=option, region=key.region, editable=True)
    if desired.multi_region is not None and desired.multi_region != bool(key.metadata.get("MultiRegion")):
        remediation = "KMS cannot change that: create a key under another alias and move to it."
        kind = "a multi-Region key" if key.metadata.get("MultiRegion") else "a single-Region key"
        raise ValidationError("multi_region", key.arn, f"is {kind}", remediation)
    if desired.replica_regions and not key.metadata.get("MultiRegion"):
        remediation = "Only a multi-Region key has replicas, and KMS cannot make it one: create another key."
        raise ValidationError("replica_regions", key.arn, "is a single-Region key", remediation)
    if _rotates(desired) and not key.rotatable:
        remediation = (
            "KMS rotates only symmetric keys whose material it made: leave rotation_enabled and the period out, or "
            "choose another key."
        )
        raise ValidationError("rotation_enabled", key.arn, "cannot be rotated automatically", remediation)


def _alias(desired: DesiredKey, key: Key) -> Changes:
    if desired.alias is None or key.alias_exists:
        return NOTHING
    target = key.alias_target
    if target is None:
        step = Step("kms:CreateAlias", {"AliasName": desired.alias, "TargetKeyId": key.key_id})
        return (step,), (Difference("alias", None, desired.alias),)
    if not desired.repoint_alias:
        remediation = (
            "Everything that was encrypted through the alias still needs the old key. repoint_alias=true points the "
            "alias at the new one; keep the old key enabled."
        )
        raise ValidationError("alias", desired.alias, f"points at {target}, not at {key.arn}", remediation)
    step = Step("kms:UpdateAlias", {"AliasName": desired.alias, "TargetKeyId": key.key_id})
    return (step,), (Difference("alias_target", target, key.arn),)


def _state_after(desired: DesiredKey, key: Key) -> str:
    state = "Disabled" if key.pending_deletion and desired.cancel_deletion else key.state
    if desired.enabled is not None and state in ("Enabled", "Disabled"):
        state = "Enabled" if desired.enabled else "Disabled"
    return state


def _enable(desired: DesiredKey, key: Key) -> Changes:
    after = _state_after(desired, key)
    steps = []
    if key.pending_deletion:
        steps.append(Step("kms:CancelKeyDeletion", {"KeyId": key.key_id}))
    if after == "Enabled" and key.state != "Enabled":
        steps.append(Step("kms:EnableKey", {"KeyId": key.key_id}))
    return steps, (Difference("key_state", key.state, after),) if steps else ()


def _disable(desired: DesiredKey, key: Key) -> Changes:
    if key.state != "Enabled" or _state_after(desired, key) == "Enabled":
        return NOTHING
    return (Step("kms:DisableKey", {"KeyId": key.key_id}),), (Difference("key_state", key.state, "Disabled"),)


def _refuse_disabled(desired: DesiredKey, key: Key, option: str) -> None:
    """Refuse what KMS does to the enabled primary of a key only."""
    if key.primary_region != key.region:
        remediation = f"Run the task in {key.primary_region}: KMS changes that at the primary key only."
        raise ValidationError(option, key.arn, f"is a replica of the key in {key.primary_region}", remediation)
    if "Enabled" not in (key.state, _state_after(desired, key)):
        remediation = "KMS changes that of an enabled key only: set enabled=true too."
        raise ValidationError(option, key.arn, "is disabled", remediation)


def _description(desired: DesiredKey, key: Key) -> Changes:
    before, after = key.metadata.get("Description", ""), desired.description
    if after in (None, before):
        return NOTHING
    step = Step("kms:UpdateKeyDescription", {"KeyId": key.key_id, "Description": after})
    return (step,), (Difference("description", before, after),)


def _rotates(desired: DesiredKey) -> bool:
    return bool(desired.rotation_enabled or desired.rotation_period_in_days)


def _rotation_step(desired: DesiredKey, key_id: str | Computed) -> Step:
    period = {"RotationPeriodInDays": desired.rotation_period_in_days} if desired.rotation_period_in_days else {}
    return Step("kms:EnableKeyRotation", {"KeyId": key_id, **period})


def _rotation_result(desired: DesiredKey, rotation: Mapping[str, t.Any]) -> dict[str, t.Any]:
    period = desired.rotation_period_in_days or rotation.get("RotationPeriodInDays")
    left_alone = desired.rotation_enabled is None and not _rotates(desired)
    enabled = rotation.get("KeyRotationEnabled") if left_alone else _rotates(desired)
    return {"rotation_enabled": enabled, "rotation_period_in_days": (period or 365) if enabled else None}


def _rotation(desired: DesiredKey, key: Key) -> Changes:
    if desired.rotation_enabled is None and desired.rotation_period_in_days is None:
        return NOTHING
    rotation = key.rotation or {}
    current = {
        "rotation_enabled": bool(rotation.get("KeyRotationEnabled")),
        "rotation_period_in_days": rotation.get("RotationPeriodInDays"),
    }
    rotates = _rotates(desired)
    asked: dict[str, t.Any] = {"rotation_enabled": rotates}
    if rotates and desired.rotation_period_in_days is not None:
        asked["rotation_period_in_days"] = desired.rotation_period_in_days
    differences = compare(asked, current)
    if not differences:
        return NOTHING
    _refuse_disabled(desired, key, "rotation_enabled")
    disable = Step("kms:DisableKeyRotation", {"KeyId": key.key_id})
    return [_rotation_step(desired, key.key_id) if rotates else disable], differences


def _tags(desired: DesiredKey, key: Key) -> Changes:
    present, absent = tag_changes(desired.tags, key.tags, purge=desired.purge_tags, keep=(CREATED_FOR_TAG,))
    steps = []
    if present:
        tags = tag_list(present, key="TagKey", value="TagValue")
        steps.append(Step("kms:TagResource", {"KeyId": key.key_id, "Tags": tags}))
    if absent:
        steps.append(Step("kms:UntagResource", {"KeyId": key.key_id, "TagKeys": list(absent)}))
    before = {name: value for name, value in (key.tags or {}).items() if name != CREATED_FOR_TAG}
    return steps, (Difference("tags", before, _tags_after(desired, key)),) if steps else ()


def _tags_after(desired: DesiredKey, key: Key) -> dict[str, str]:
    """The tags but for the collection's own."""
    after = tags_after(desired.tags, key.tags, purge=desired.purge_tags)
    return {name: value for name, value in after.items() if name != CREATED_FOR_TAG}


def _replica_steps(regions: Sequence[str], key_id: str | Computed) -> list[Step]:
    return [Step("kms:ReplicateKey", {"KeyId": key_id, "ReplicaRegion": region}) for region in regions]


def _replicas(desired: DesiredKey, key: Key) -> Changes:
    if not desired.replica_regions:
        return NOTHING
    configuration = key.metadata.get("MultiRegionConfiguration", {})
    current = sorted(replica["Region"] for replica in configuration.get("ReplicaKeys", ()))
    missing = [region for region in desired.replica_regions if region not in current and region != key.region]
    if not missing:
        return NOTHING
    _refuse_disabled(desired, key, "replica_regions")
    after = sorted({*current, *missing})
    return _replica_steps(missing, key.key_id), (Difference("replica_regions", current, after),)
