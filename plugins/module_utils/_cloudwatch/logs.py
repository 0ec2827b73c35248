# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is desired of a log group and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import ValidationError
from .._kms.model import Key, refuse_state
from .._plan import PLACEHOLDER_KEY_ID, Changes, Difference, Plan, Step
from .._tags import tag_changes, tag_dict, tag_list

#: Days that PutRetentionPolicy takes (CloudWatch Logs API reference); 0 stands for no policy, which keeps for good.
RETENTION = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


@dataclass(frozen=True, kw_only=True)
class DesiredGroup:
    """What a task wants of a log group. ``None`` means: leave it as it is.

    :param retention: days; 0 for good
    :param key_id: the key as it was given; empty for none
    :param delete_data: whether log events may be lost
    """

    name: str
    retention: int | None = None
    key_id: str | None = None
    protected: bool | None = None
    delete_data: bool = False
    tags: Mapping[str, t.Any] | None = None
    purge_tags: bool = True

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> DesiredGroup:
        """From the options of a task.

        :raises ValidationError: for what CloudWatch Logs would refuse
        """
        name, retention = str(params["name"]), params["retention_in_days"]
        if not _NAME.fullmatch(name) or name.startswith("aws/"):
            remediation = "Use 1 to 512 letters, digits and ._-/#, and another beginning than aws/."
            raise ValidationError("name", repr(name), "is not the name of a log group", remediation)
        if retention is not None and retention not in RETENTION:
            longer = next((days for days in RETENTION if days > retention), 0)
            reason = "is not a number of days that CloudWatch Logs can keep events for"
            raise ValidationError(
                "retention_in_days", str(retention), reason, f"Use {longer}, or 0 to keep them for good."
            )
        return cls(
            name=name,
            retention=retention,
            key_id=params["kms_key_id"],
            protected=params["deletion_protection_enabled"],
            delete_data=params["delete_data"],
            tags=params["tags"],
            purge_tags=params["purge_tags"],
        )

    @property
    def key_predicted(self) -> bool:
        """Whether the key is one that a check run has only promised."""
        return PLACEHOLDER_KEY_ID in (self.key_id or "")


@dataclass(frozen=True)
class Group:
    """A log group as CloudWatch Logs tells of it.

    :param tags: ``None`` where they were not asked for
    :param age: days since it was made
    """

    answer: Mapping[str, t.Any]
    tags: Mapping[str, str] | None = None
    age: float = 0.0

    @property
    def arn(self) -> str:
        """Without the ``:*`` that ``arn`` ends with."""
        return str(self.answer["arn"]).removesuffix(":*")

    @property
    def retention(self) -> int:
        return int(self.answer.get("retentionInDays") or 0)

    @property
    def key_arn(self) -> str:
        return str(self.answer.get("kmsKeyId") or "")

    @property
    def protected(self) -> bool:
        return bool(self.answer.get("deletionProtectionEnabled"))


@dataclass(frozen=True)
class State:
    """The log group, ``None`` where there is none; where it is or would be; and the key that was asked for.

    :param key: ``None`` too where the log group has the key already
    """

    group: Group | None
    arn: str = ""
    key: Key | None = None


def decide_group(desired: DesiredGroup, state: State, *, region: str) -> Plan:
    """The plan for a log group that should exist."""
    there = state.group
    key_arn, unmet_dependency = _key(desired, state, region)
    if there is None:
        return _create(desired, state.arn, key_arn, unmet_dependency)
    tags, tag_part = _tags(desired, there)
    parts = (_protection(desired, there), _retention(desired, there), _encryption(desired, there, key_arn), tag_part)
    result = _result(
        desired.name,
        there.arn,
        retention=there.retention if desired.retention is None else desired.retention,
        key_arn=there.key_arn if key_arn is None else key_arn,
        protected=there.protected if desired.protected is None else desired.protected,
        tags=tags,
    )
    steps = tuple(step for part in parts for step in part[0])
    differences = tuple(difference for part in parts for difference in part[1])
    return Plan(steps, differences, result, _warnings(there), unmet_dependency)


def delete_group(desired: DesiredGroup, state: State) -> Plan:
    """The plan for a log group that should not exist.

    :raises ValidationError: where delete_data does not allow to delete its events, or it is protected
    """
    there = state.group
    result = {"name": desired.name}
    if there is None:
        return Plan(result=result)
    if not desired.delete_data:
        reason = "holds log events that are evidence and would be deleted with it for good"
        remediation = "Keep it; or export what must be kept (logs:CreateExportTask) and set delete_data=true."
        raise ValidationError("state", there.arn, reason, remediation)
    steps = [Step("logs:DeleteLogGroup", {"logGroupName": desired.name})]
    if there.protected:
        if desired.protected is not False:
            remediation = "Find out who protected it; deletion_protection_enabled=false ends that and deletes it."
            raise ValidationError("state", there.arn, "is protected from deletion", remediation)
        steps.insert(0, _protect(desired.name, protected=False))
    return Plan(tuple(steps), (Difference("log_group_arn", there.arn, None),), result)


def _key(desired: DesiredGroup, state: State, region: str) -> tuple[str | None, ValidationError | None]:
    """The ARN to encrypt with (empty for none, ``None`` to leave it), and what is not there yet.

    :raises ValidationError: for a key that CloudWatch Logs could not encrypt with
    """
    given, key = desired.key_id, state.key
    if not given or desired.key_predicted or (state.group and given == state.group.key_arn):
        return given, None
    if key is None:
        remediation = f"Give a key in {region} by its id or ARN, or an alias as alias/name."
        return given, ValidationError("kms_key_id", given, "does not exist, or not for these credentials", remediation)
    if key.metadata.get("KeyManager") == "AWS":
        reason = "is an AWS managed key, whose policy cannot be changed and does not allow CloudWatch Logs"
        remediation = "Choose a customer managed key, with the statements of coffer.velero.log_group_key_statements."
        raise ValidationError("kms_key_id", given, reason, remediation)
    if not key.symmetric or key.metadata.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        remediation = "CloudWatch Logs encrypts with symmetric keys only."
        raise ValidationError("kms_key_id", key.arn, "is not a symmetric key", remediation)
    if key.region != region:
        remediation = f"CloudWatch Logs encrypts with keys of the log group's Region only: choose a key in {region}."
        raise ValidationError("kms_key_id", key.arn, f"is in {key.region}, the log group is in {region}", remediation)
    refuse_state(key, option="kms_key_id")
    return key.arn, None


def _create(desired: DesiredGroup, arn: str, key_arn: str | None, unmet_dependency: ValidationError | None) -> Plan:
    """One request makes it encrypted, protected and with its tags; the retention has a request of its own."""
    tags = tag_dict(tag_list(desired.tags or {}))
    arguments: dict[str, t.Any] = {
        "logGroupName": desired.name,
        "kmsKeyId": key_arn,
        "tags": tags,
        "deletionProtectionEnabled": desired.protected,
    }
    steps = [Step("logs:CreateLogGroup", {name: value for name, value in arguments.items() if value})]
    if desired.retention:
        steps.append(_retain(desired.name, desired.retention))
    named = {
        "log_group_arn": arn,
        "retention_in_days": desired.retention,
        "kms_key_arn": key_arn,
        "deletion_protection_enabled": desired.protected,
        "tags": tags,
    }
    differences = tuple(Difference(name, None, value) for name, value in named.items() if value)
    result = _result(
        desired.name,
        arn,
        retention=desired.retention or 0,
        key_arn=key_arn or "",
        protected=bool(desired.protected),
        tags=tags,
    )
    return Plan(tuple(steps), differences, result, unmet_dependency=unmet_dependency)


def _retain(name: str, days: int) -> Step:
    return Step("logs:PutRetentionPolicy", {"logGroupName": name, "retentionInDays": days})


def _protect(name: str, *, protected: bool) -> Step:
    arguments = {"logGroupIdentifier": name, "deletionProtectionEnabled": protected}
    return Step("logs:PutLogGroupDeletionProtection", arguments)


def _retention(desired: DesiredGroup, there: Group) -> Changes:
    """
    :raises ValidationError: where events that the log group may hold would be deleted, and nobody has said that they
        may
    """
    days = desired.retention
    if days in (None, there.retention):
        return (), ()
    step = Step("logs:DeleteRetentionPolicy", {"logGroupName": desired.name})
    if days:
        shorter = not there.retention or days < there.retention
        if shorter and days < there.age and not desired.delete_data:
            kept = f"for {there.retention} days" if there.retention else "for good"
            reason = f"would delete the log events of {there.arn} that are older; they are kept {kept} now"
            remediation = "Keep them as long as they are evidence; or set delete_data=true."
            raise ValidationError("retention_in_days", f"{days}", reason, remediation)
        step = _retain(desired.name, days)
    return (step,), (Difference("retention_in_days", there.retention or None, days or None),)


def _encryption(desired: DesiredGroup, there: Group, key_arn: str | None) -> Changes:
    if key_arn in (None, there.key_arn):
        return (), ()
    step = Step("logs:DisassociateKmsKey", {"logGroupName": desired.name})
    if key_arn:
        step = Step("logs:AssociateKmsKey", {"logGroupName": desired.name, "kmsKeyId": key_arn})
    return (step,), (Difference("kms_key_arn", there.key_arn or None, key_arn or None),)


def _protection(desired: DesiredGroup, there: Group) -> Changes:
    if desired.protected in (None, there.protected):
        return (), ()
    step = _protect(desired.name, protected=bool(desired.protected))
    return (step,), (Difference("deletion_protection_enabled", there.protected, desired.protected),)


def _tags(desired: DesiredGroup, there: Group) -> tuple[Mapping[str, str], Changes]:
    """The tags afterwards, and what brings them there."""
    before = dict(there.tags or {})
    present, surplus = tag_changes(desired.tags, before, purge=desired.purge_tags)
    after = {name: value for name, value in {**before, **present}.items() if name not in surplus}
    if after == before:
        return after, ((), ())
    steps = []
    if surplus:
        steps.append(Step("logs:UntagResource", {"resourceArn": there.arn, "tagKeys": list(surplus)}))
    if present:
        steps.append(Step("logs:TagResource", {"resourceArn": there.arn, "tags": present}))
    return after, (steps, (Difference("tags", before or None, after or None),))


def _result(
    name: str, arn: str, *, retention: int, key_arn: str, protected: bool, tags: Mapping[str, str]
) -> dict[str, t.Any]:
    return {
        "name": name,
        "log_group_arn": arn,
        "retention_in_days": retention or None,
        "kms_key_arn": key_arn or None,
        "deletion_protection_enabled": protected,
        "tags": dict(tags),
    }


def _warnings(there: Group) -> tuple[str, ...]:
    """What its class cannot do (CloudWatch Logs user guide, "Log classes")."""
    kind = there.answer.get("logGroupClass", "STANDARD")
    if kind == "STANDARD":
        return ()
    return (f"{there.arn}: is of class {kind}, for which there are no metric filters, so that no alarm follows.",)
