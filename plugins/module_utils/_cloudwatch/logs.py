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
from .._kms.model import Key
from .._kms.service_key import service_key
from .._plan import NOTHING, Changes, Difference, Plan, Step, created, joined
from .._tags import tag_changes, tags_after

#: Days that PutRetentionPolicy takes (CloudWatch Logs API reference); 0 stands for no policy, which keeps for good.
RETENTION = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


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
        if not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", name) or name.startswith("aws/"):
            remediation = "Use 1 to 512 letters, digits and ._-/#, and another beginning than aws/."
            raise ValidationError("name", repr(name), "is not the name of a log group", remediation)
        if retention is not None and retention not in RETENTION:
            longer = next((days for days in RETENTION if days > retention), 0)
            reason = "is not a number of days that CloudWatch Logs can keep events for"
            remediation = f"Use {longer}, or 0 to keep them for good."
            raise ValidationError("retention_in_days", str(retention), reason, remediation)
        return cls(
            name=name,
            retention=retention,
            key_id=params["kms_key_id"],
            protected=params["deletion_protection_enabled"],
            delete_data=params["delete_data"],
            tags=params["tags"],
            purge_tags=params["purge_tags"],
        )


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
    result = _result(desired, there, state.arn, key_arn)
    if there is None:
        return _create(desired, key_arn, result, unmet_dependency)
    encryption, tags = _encryption(desired, there, key_arn), _tags(desired, there)
    steps, differences = joined((_protection(desired, there), _retention(desired, there), encryption, tags))
    kind = there.answer.get("logGroupClass", "STANDARD")  # CloudWatch Logs user guide, "Log classes"
    warning = f"{there.arn}: is of class {kind}, for which there are no metric filters, so that no alarm follows."
    warnings = () if kind == "STANDARD" else (warning,)
    return Plan(steps, differences, result, warnings, unmet_dependency)


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
    if state.group and desired.key_id == state.group.key_arn:
        return desired.key_id, None
    return service_key(
        desired.key_id,
        state.key,
        option="kms_key_id",
        region=region,
        service="CloudWatch Logs",
        resource="log group",
        aws_managed="does not allow CloudWatch Logs",
        statements="log_group_key_statements",
    )


def _result(desired: DesiredGroup, there: Group | None, arn: str, key_arn: str | None) -> dict[str, t.Any]:
    before = there or Group({})
    return {
        "name": desired.name,
        "log_group_arn": arn,
        "retention_in_days": (before.retention if desired.retention is None else desired.retention) or None,
        "kms_key_arn": (before.key_arn if key_arn is None else key_arn) or None,
        "deletion_protection_enabled": before.protected if desired.protected is None else desired.protected,
        "tags": tags_after(desired.tags, before.tags, purge=desired.purge_tags),
    }


def _create(
    desired: DesiredGroup, key_arn: str | None, result: Mapping[str, t.Any], unmet_dependency: ValidationError | None
) -> Plan:
    """One request makes it encrypted, protected and with its tags; the retention has a request of its own."""
    arguments: dict[str, t.Any] = {
        "logGroupName": desired.name,
        "kmsKeyId": key_arn,
        "tags": result["tags"],
        "deletionProtectionEnabled": desired.protected,
    }
    steps = [Step("logs:CreateLogGroup", {name: value for name, value in arguments.items() if value})]
    if desired.retention:
        steps.append(_retain(desired.name, desired.retention))
    shown = {name: value for name, value in result.items() if name != "name" and value}
    return Plan(tuple(steps), created(shown), result, unmet_dependency=unmet_dependency)


def _retain(name: str, days: int) -> Step:
    return Step("logs:PutRetentionPolicy", {"logGroupName": name, "retentionInDays": days})


def _protect(name: str, *, protected: bool) -> Step:
    arguments = {"logGroupIdentifier": name, "deletionProtectionEnabled": protected}
    return Step("logs:PutLogGroupDeletionProtection", arguments)


def _retention(desired: DesiredGroup, there: Group) -> Changes:
    """The retention; one that deletes events which the log group may hold takes ``delete_data``."""
    days = desired.retention
    if days in (None, there.retention):
        return NOTHING
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
        return NOTHING
    step = Step("logs:DisassociateKmsKey", {"logGroupName": desired.name})
    if key_arn:
        step = Step("logs:AssociateKmsKey", {"logGroupName": desired.name, "kmsKeyId": key_arn})
    return (step,), (Difference("kms_key_arn", there.key_arn or None, key_arn or None),)


def _protection(desired: DesiredGroup, there: Group) -> Changes:
    if desired.protected in (None, there.protected):
        return NOTHING
    step = _protect(desired.name, protected=bool(desired.protected))
    return (step,), (Difference("deletion_protection_enabled", there.protected, desired.protected),)


def _tags(desired: DesiredGroup, there: Group) -> Changes:
    """CloudWatch Logs spells all members of these requests otherwise than other services."""
    before = dict(there.tags or {})
    present, surplus = tag_changes(desired.tags, before, purge=desired.purge_tags)
    steps = []
    if surplus:
        steps.append(Step("logs:UntagResource", {"resourceArn": there.arn, "tagKeys": list(surplus)}))
    if present:
        steps.append(Step("logs:TagResource", {"resourceArn": there.arn, "tags": present}))
    if not steps:
        return NOTHING
    after = tags_after(desired.tags, before, purge=desired.purge_tags)
    return steps, (Difference("tags", before or None, after or None),)
