# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is desired of a trail and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._errors import CofferError, ValidationError
from .._plan import Difference, Plan, Step, compare, created
from .._tags import tag_changes, tag_list, tags_after
from .desired_selectors import FRESH, DesiredSelectors, change_selectors, object_event_coverage
from .evaluate import evaluate_trail
from .selectors import KMS_EVENTS, Selector, event_coverage, selectors_of

#: The options that are settings of a trail, with the members of DescribeTrails and of CreateTrail and UpdateTrail.
SETTINGS: Mapping[str, tuple[str, str]] = {
    "s3_bucket_name": ("S3BucketName", "S3BucketName"),
    "s3_key_prefix": ("S3KeyPrefix", "S3KeyPrefix"),
    "is_multi_region_trail": ("IsMultiRegionTrail", "IsMultiRegionTrail"),
    "is_organization_trail": ("IsOrganizationTrail", "IsOrganizationTrail"),
    "include_global_service_events": ("IncludeGlobalServiceEvents", "IncludeGlobalServiceEvents"),
    "enable_log_file_validation": ("LogFileValidationEnabled", "EnableLogFileValidation"),
    "cloud_watch_logs_log_group_arn": ("CloudWatchLogsLogGroupArn", "CloudWatchLogsLogGroupArn"),
    "cloud_watch_logs_role_arn": ("CloudWatchLogsRoleArn", "CloudWatchLogsRoleArn"),
    "kms_key_id": ("KmsKeyId", "KmsKeyId"),
}
_GROUP = ("cloud_watch_logs_log_group_arn", "cloud_watch_logs_role_arn")
_PREFIX_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class DesiredTrail:
    """What a task wants of a trail.

    :param settings: by option; those that are left alone are not in it, an empty text removes
    """

    name: str
    settings: Mapping[str, t.Any] = field(default_factory=dict)
    enable_logging: bool = True
    selectors: DesiredSelectors = field(default_factory=DesiredSelectors)
    tags: Mapping[str, t.Any] | None = None
    purge_tags: bool = True
    allow_duplicate: bool = False

    def with_key(self, arn: str) -> DesiredTrail:
        """The same, with the ARN of the key in place of its alias."""
        return replace(self, settings={**self.settings, "kms_key_id": arn})


@dataclass(frozen=True)
class Trail:
    """A trail with what belongs to it.

    :param description: from DescribeTrails
    :param selectors: the answer of GetEventSelectors
    """

    description: Mapping[str, t.Any]
    is_logging: bool = False
    selectors: Mapping[str, t.Any] = field(default_factory=lambda: FRESH)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return str(self.description["TrailARN"])


@dataclass(frozen=True)
class OtherTrail:
    """Another trail, as :func:`evaluate_trail` takes it."""

    description: Mapping[str, t.Any]
    selectors: Mapping[str, t.Any] | None
    status: Mapping[str, t.Any]


def desired_trail(params: Mapping[str, t.Any]) -> DesiredTrail:
    """From the options of a task.

    :raises ValidationError: for what CloudTrail would not take
    """
    name = params["name"]
    # No two of the characters ._- in a row.
    if not re.fullmatch(r"(?=.{3,128}$)[A-Za-z0-9]+([._-][A-Za-z0-9]+)*", name):
        remediation = "Give 3 to 128 letters and digits, with single . _ or - between them."
        raise ValidationError("name", name, "is not a name of a trail", remediation)
    settings = {option: params[option] for option in SETTINGS if params[option] is not None}
    if settings.get("s3_key_prefix"):
        settings["s3_key_prefix"] = settings["s3_key_prefix"].strip("/")
    if len(settings.get("s3_key_prefix", "")) > _PREFIX_LENGTH:
        reason = f"is longer than {_PREFIX_LENGTH} characters"
        raise ValidationError("s3_key_prefix", settings["s3_key_prefix"], reason, "Give a shorter one.")
    group = settings.get("cloud_watch_logs_log_group_arn")
    if group:  # CloudTrail takes and returns the ARN with an asterisk, all other services the one without
        settings["cloud_watch_logs_log_group_arn"] = f"{group.removesuffix(':*')}:*"
    if settings["is_multi_region_trail"]:
        if settings.get("include_global_service_events") is False:
            reason, remediation = (
                "contradicts a trail of all Regions",
                "Leave it out, or set is_multi_region_trail=false.",
            )
            raise ValidationError("include_global_service_events", "false", reason, remediation)
        settings["include_global_service_events"] = True
    selectors = DesiredSelectors(
        management_events=params["management_events"],
        data_events=params["data_events"],
        arns=tuple(params["data_event_arns"] or ()),
        name=params["selector_name"],
    )
    if params["data_events"] != "none" and "s3_bucket_name" in settings:
        _refuse_self_recording(selectors.arns, settings)
    others = {option: params[option] for option in ("enable_logging", "tags", "purge_tags", "allow_duplicate")}
    return DesiredTrail(name=name, settings=settings, selectors=selectors, **others)


def _refuse_self_recording(arns: Sequence[str], settings: Mapping[str, t.Any]) -> None:
    """Refuse a trail that records its own writing: each log is an event of the next one, without end, and billed."""
    prefix = settings.get("s3_key_prefix")
    logs = "/".join((settings["s3_bucket_name"], *([prefix] if prefix else []), "AWSLogs/"))
    for arn in arns:
        objects = arn.partition(":::")[2]
        if logs.startswith(objects) or objects.startswith(logs):
            remediation = "Give the logs a bucket of their own, or data_event_arns that do not cover them."
            raise ValidationError("data_event_arns", arn, f"covers the logs of the trail itself, {logs}", remediation)


def create_trail(
    desired: DesiredTrail,
    arn: str,
    *,
    region: str,
    others: Sequence[OtherTrail],
    unmet_dependency: CofferError | None = None,
) -> Plan:
    """The plan for a trail that does not exist.

    :param others: the other trails of this Region
    :raises ValidationError: where one of them records the same
    """
    warnings = () if desired.allow_duplicate else tuple(_duplicates(desired, others))
    given = {option: value for option, value in desired.settings.items() if value not in ("", None)}
    arguments: dict[str, t.Any] = {SETTINGS[option][1]: value for option, value in given.items()}
    tags = tags_after(desired.tags, None, purge=False)
    if tags:
        arguments["TagsList"] = tag_list(tags)
    description = {SETTINGS[option][0]: value for option, value in given.items()}
    trail = Trail({"Name": desired.name, "TrailARN": arn, "HomeRegion": region, **description}, tags=tags)
    steps = [Step("cloudtrail:CreateTrail", {"Name": desired.name, **arguments})]
    shown = list(created({"trail_arn": arn, **given, "tags": tags}))
    selectors = change_selectors(desired.selectors, FRESH, trail=desired.name)
    _record(desired, trail, selectors, steps, shown)
    return Plan(tuple(steps), tuple(shown), _result(desired, trail, selectors), warnings, unmet_dependency)


def change_trail(desired: DesiredTrail, trail: Trail, *, unmet_dependency: CofferError | None = None) -> Plan:
    """The plan for a trail that exists."""
    current = {option: _setting(trail, option) for option in desired.settings}
    differences = list(compare(desired.settings, current))
    steps: list[Step] = []
    if differences:
        steps.append(Step("cloudtrail:UpdateTrail", {"Name": trail.arn, **_update(desired, differences)}))
    selectors = change_selectors(desired.selectors, trail.selectors, trail=desired.name)
    _record(desired, trail, selectors, steps, differences)
    present, absent = tag_changes(desired.tags, trail.tags, purge=desired.purge_tags)
    tags = tags_after(desired.tags, trail.tags, purge=desired.purge_tags)
    if present:
        steps.append(Step("cloudtrail:AddTags", {"ResourceId": trail.arn, "TagsList": tag_list(present)}))
    if absent:
        removed = [{"Key": name} for name in absent]
        steps.append(Step("cloudtrail:RemoveTags", {"ResourceId": trail.arn, "TagsList": removed}))
    if present or absent:
        differences.append(Difference("tags", dict(trail.tags), tags))
    changed = {SETTINGS[one.name][0]: one.after for one in differences if one.name in SETTINGS}
    after = Trail({**trail.description, **changed}, trail.is_logging, trail.selectors, tags)
    return Plan(tuple(steps), tuple(differences), _result(desired, after, selectors), unmet_dependency=unmet_dependency)


def delete_trail(trail: Trail) -> Plan:
    """The plan that takes a trail away, and nothing of what it has recorded."""
    step = Step("cloudtrail:DeleteTrail", {"Name": trail.arn})
    return Plan((step,), (Difference("trail_arn", trail.arn, None),), absent_result(trail))


def absent_result(trail: Trail | None, name: str = "") -> dict[str, t.Any]:
    """What a task returns of a trail that is gone."""
    if trail is None:
        return {"name": name, "trail_arn": None, "kept": {}}
    kept = {option: _setting(trail, option) for option in ("s3_bucket_name", "s3_key_prefix", *_GROUP, "kms_key_id")}
    there = {option: value for option, value in kept.items() if value}
    return {"name": str(trail.description["Name"]), "trail_arn": trail.arn, "kept": there}


def _setting(trail: Trail, option: str) -> t.Any:
    """The value of a setting; a text that is not set is empty, and a flag false."""
    value = trail.description.get(SETTINGS[option][0])
    return (False if option.startswith(("is_", "include_", "enable_")) else "") if value is None else value


def _update(desired: DesiredTrail, differences: Sequence[Difference]) -> dict[str, t.Any]:
    arguments = {SETTINGS[one.name][1]: one.after for one in differences}
    if any(name.startswith("CloudWatchLogs") for name in arguments):  # CloudTrail takes both or none
        for option in _GROUP:
            arguments[SETTINGS[option][1]] = desired.settings[option]
    return arguments


def _record(
    desired: DesiredTrail,
    trail: Trail,
    selectors: list[Selector] | None,
    steps: list[Step],
    differences: list[Difference],
) -> None:
    """The selectors, and whether it records at all: stopped before they change, started after."""
    if trail.is_logging and not desired.enable_logging:
        steps.append(Step("cloudtrail:StopLogging", {"Name": trail.arn}))
    if selectors is not None:
        put, difference = _put(trail.arn, trail.selectors, selectors)
        steps.append(put)
        differences.append(difference)
    if desired.enable_logging and not trail.is_logging:
        steps.append(Step("cloudtrail:StartLogging", {"Name": trail.arn}))
    if desired.enable_logging != trail.is_logging:
        differences.append(Difference("is_logging", trail.is_logging, desired.enable_logging))


def decide_selectors(desired: DesiredTrail, answer: Mapping[str, t.Any], arn: str) -> Plan:
    """The plan for the selectors alone."""
    selectors = change_selectors(desired.selectors, answer, trail=desired.name)
    if selectors is None:
        return Plan()
    step, difference = _put(arn, answer, selectors)
    return Plan((step,), (difference,))


def _put(arn: str, answer: Mapping[str, t.Any], selectors: list[Selector]) -> tuple[Step, Difference]:
    step = Step("cloudtrail:PutEventSelectors", {"TrailName": arn, "AdvancedEventSelectors": selectors})
    return step, Difference("event_selectors", _shown(answer), selectors)


def _shown(answer: Mapping[str, t.Any]) -> list[Selector]:
    return list(answer.get("AdvancedEventSelectors") or answer.get("EventSelectors") or ())


def _result(desired: DesiredTrail, trail: Trail, selectors: list[Selector] | None) -> dict[str, t.Any]:
    recorded = selectors_of(trail.selectors) if selectors is None else selectors
    settings = {option: _setting(trail, option) for option in SETTINGS}
    return {
        "name": desired.name,
        "trail_arn": trail.arn,
        "home_region": trail.description["HomeRegion"],
        **{option: settings[option] for option in SETTINGS if option not in ("kms_key_id", *_GROUP)},
        "kms_key_arn": settings["kms_key_id"] or None,
        "log_group_arn": settings[_GROUP[0]].removesuffix(":*") or None,
        "log_role_arn": settings[_GROUP[1]] or None,
        "is_logging": desired.enable_logging,
        "event_selectors": _shown(trail.selectors) if selectors is None else selectors,
        "kms_events": event_coverage(recorded, KMS_EVENTS),
        "data_events": object_event_coverage(recorded, desired.selectors.arns),
        "tags": dict(trail.tags),
    }


def _duplicates(desired: DesiredTrail, others: Sequence[OtherTrail]) -> t.Iterator[str]:
    """Warnings of trails that may record the same.

    :raises ValidationError: where one does
    """
    for other in others:
        facts = evaluate_trail(other.description, other.selectors, other.status)
        of = "of the organization " if facts.is_organization_trail else ""
        if facts.is_logging and other.selectors is None and facts.kms_events is None:
            yield (
                f"{desired.name}: the trail {facts.arn} {of}may record the same, and AWS bills each copy of an event "
                f"but the first. Only the account {facts.account_id} can tell."
            )
        elif _records_the_same(desired.selectors, other, facts.is_logging):
            remediation = (
                f"Use {facts.arn}, which coffer.velero.cloudtrail_info finds: leave this task out "
                "(kms_audit_trail=false), or set allow_duplicate=true to pay for the copy."
            )
            reason = f"would record what the trail {facts.name} {of}records already; AWS bills the second copy"
            raise ValidationError("name", desired.name, reason, remediation)


def _records_the_same(desired: DesiredSelectors, other: OtherTrail, is_logging: bool) -> bool:
    recorded = selectors_of(other.selectors or FRESH)
    if desired.management_events != "none":
        return is_logging and event_coverage(recorded, KMS_EVENTS) in (desired.management_events, "all")
    return is_logging and object_event_coverage(recorded, desired.arns) in (desired.data_events, "all")
