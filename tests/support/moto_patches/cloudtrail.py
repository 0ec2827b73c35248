# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's CloudTrail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from moto.cloudtrail.exceptions import TrailNotFoundException
from moto.cloudtrail.models import CloudTrailBackend, Trail, cloudtrail_backends
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends
from moto.kms.exceptions import NotFoundException
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

from tests.support.moto_patches import policy as evaluation
from tests.support.moto_patches.registry import around, patch

SERVICE = "cloudtrail.amazonaws.com"
ORGANIZATION = "o-exampleorgid"  # which all accounts are in
BASIC_TYPES = ("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
FRESH = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


def _allows(policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a policy lets CloudTrail do something: the evaluation knows AWS principals, so it is made one."""
    statements = [
        {**one, "Principal": {"AWS": one["Principal"]["Service"]}}
        if isinstance(one.get("Principal"), dict) and "Service" in one["Principal"]
        else one
        for one in evaluation.statements(policy)
        if isinstance(one.get("Principal"), dict) or one.get("Principal") == "*"
    ]
    request = evaluation.Request(evaluation.Caller((SERVICE,), SERVICE), action, resource, dict(context))
    return evaluation.verdict({"Statement": statements}, request) == "Allow"


def _everywhere() -> Iterator[tuple[CloudTrailBackend, Trail]]:
    for account in cloudtrail_backends.values():
        for backend in account.values():
            for trail in backend.trails.values():
                yield backend, trail


def _visible(backend: CloudTrailBackend) -> Iterator[Trail]:
    """The trails of this Region, the shadows of others, and those of the organization that everybody here is in."""
    for owner, trail in _everywhere():
        here = trail.region_name == backend.region_name
        if (here or trail.is_multi_region) and (owner.account_id == backend.account_id or trail.is_org_trail):
            yield trail


def _own(response: CloudTrailResponse, name: str) -> Trail:
    """The trail that a request wants to change; only its home does."""
    backend = response.cloudtrail_backend
    for trail in _visible(backend):
        if name in (trail.trail_name, trail.arn) and trail.account_id == backend.account_id:
            if trail.region_name != backend.region_name:
                message = f"Trail {trail.arn} must be updated from its home region {trail.region_name}."
                raise JsonRESTError("InvalidHomeRegionException", message)
            return trail
    raise TrailNotFoundException(backend.account_id, name)


# --- which trails there are ---------------------------------------------------------------------------------------


@patch
def trail_name_is_taken_once() -> None:
    """TrailAlreadyExistsException, for a shadow trail's name too; moto silently replaces the trail."""

    @around(CloudTrailResponse, "create_trail")
    def create_trail(original: Any, self: Any) -> Any:
        name = self._get_param("Name")
        if any(name == one.trail_name for one in _visible(self.cloudtrail_backend)):
            raise JsonRESTError("TrailAlreadyExistsException", f"Trail {name} already exists for this account.")
        return original(self)


@patch
def missing_trail_is_not_deleted() -> None:
    """TrailNotFoundException, and by name or ARN, with its tags; moto answers 200."""

    @around(CloudTrailResponse, "delete_trail")
    def delete_trail(original: Any, self: Any) -> Any:
        trail = _own(self, self._get_param("Name"))
        self.cloudtrail_backend.tagging_service.delete_all_tags_for_resource(trail.arn)
        self.cloudtrail_backend.delete_trail(trail.trail_name)
        return json.dumps({})


@patch
def trails_are_described_by_name() -> None:
    """``trailNameList`` takes names and ARNs; moto tells of all."""

    @around(CloudTrailBackend, "describe_trails")
    def describe_trails(original: Any, self: Any, include_shadow_trails: Any) -> Any:
        return [one for one in _visible(self) if include_shadow_trails or one.region_name == self.region_name]

    @around(CloudTrailResponse, "describe_trails")
    def describe(original: Any, self: Any) -> Any:
        answer = json.loads(original(self))
        wanted = self._get_param("trailNameList")
        if wanted:
            answer["trailList"] = [
                one for one in answer["trailList"] if one["Name"] in wanted or one["TrailARN"] in wanted
            ]
        return json.dumps(answer)


@patch
def trail_is_changed_in_its_home_only() -> None:
    """InvalidHomeRegionException; moto does not know the trail elsewhere."""
    for operation in ("update_trail", "start_logging", "stop_logging"):

        @around(CloudTrailResponse, operation)
        def change(original: Any, self: Any) -> Any:
            _own(self, json.loads(self.body)["Name"])
            return original(self)


@patch
def organization_trail_is_seen_by_members() -> None:
    """All accounts see it and its status, and no other than its own its selectors; moto keeps accounts apart.

    Here all accounts are in one organization. The status has the errors of delivery only where there are any.
    """

    @around(CloudTrailBackend, "get_trail")
    def get_trail(original: Any, self: Any, name_or_arn: str) -> Any:
        for owner, trail in _everywhere():
            if name_or_arn == trail.arn and owner.account_id != self.account_id:
                message = f"AccountID in ARN is wrong, you can only access resources with AccountID {self.account_id}."
                raise JsonRESTError("CloudTrailARNInvalidException", message)
        return original(self, name_or_arn)


# --- what a trail is ----------------------------------------------------------------------------------------------


@patch
def trail_has_no_empty_settings() -> None:
    """What is not set is left out; moto tells of it as null. HomeRegion and HasCustomEventSelectors are told."""

    @around(Trail, "description")
    def description(original: Any, self: Any, include_region: bool = False) -> Any:
        told = original(self, True)
        told["HasCustomEventSelectors"] = bool(self.event_selectors or self.advanced_event_selectors)
        return {name: value for name, value in told.items() if value not in (None, "")}


@patch
def trail_needs_the_policy_of_its_bucket() -> None:
    """InsufficientS3BucketPolicyException unless CloudTrail may read the ACL and write; moto never looks."""

    def check(trail: Trail) -> None:
        bucket = s3_backends[trail.account_id][trail.partition].get_bucket(trail.bucket_name)
        policy = json.loads(bucket.policy or "{}")
        arn = f"arn:{trail.partition}:s3:::{trail.bucket_name}"
        prefix = f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""
        source = {"aws:sourcearn": trail.arn, "aws:sourceaccount": trail.account_id, "aws:securetransport": "true"}
        acl = {**source, "s3:x-amz-acl": "bucket-owner-full-control"}
        key = f"{arn}/{prefix}AWSLogs/{trail.account_id}/CloudTrail/x"
        if not (
            _allows(policy, "s3:GetBucketAcl", arn, source)
            and _allows(policy, "s3:PutObject", key, acl)
            and (
                not trail.is_org_trail
                or _allows(policy, "s3:PutObject", key.replace(trail.account_id, ORGANIZATION), acl)
            )
        ):
            message = f"Incorrect S3 bucket policy is detected for bucket: {trail.bucket_name}"
            raise JsonRESTError("InsufficientS3BucketPolicyException", message)

    @around(Trail, "check_bucket_exists")
    def check_bucket_exists(original: Any, self: Any) -> Any:
        original(self)
        check(self)

    @around(Trail, "update")
    def update(original: Any, self: Any, **settings: Any) -> Any:
        before = dict(vars(self))
        try:
            original(self, **settings)
            self.check_bucket_exists()
            _check_key(self)
            _check_log_group(self)
        except Exception:
            vars(self).update(before)
            raise


@patch
def trail_key_is_told_by_its_arn() -> None:
    """KmsKeyNotFoundException, KmsKeyDisabledException, InsufficientEncryptionPolicyException; moto keeps any text."""

    @around(Trail, "check_topic_exists")
    def check_topic_exists(original: Any, self: Any) -> Any:
        original(self)
        _check_key(self)


def _check_key(trail: Trail) -> None:
    if not trail.kms_key_id:
        return
    backend = kms_backends[trail.account_id][trail.region_name]
    try:
        key = backend.keys[backend.any_id_to_key_id(trail.kms_key_id)]
    except (AttributeError, KeyError, NotFoundException):  # an alias that is none has no id
        raise JsonRESTError("KmsKeyNotFoundException", f"KMS key {trail.kms_key_id} not found.") from None
    if key.key_state != "Enabled":
        raise JsonRESTError("KmsKeyDisabledException", f"KMS key {key.arn} is disabled.")
    context = {
        "aws:sourcearn": trail.arn,
        "aws:sourceaccount": trail.account_id,
        "kms:encryptioncontext:aws:cloudtrail:arn": trail.arn,
    }
    policy = json.loads(key.policy)
    if not _allows(policy, "kms:GenerateDataKey", "*", context):
        message = f"Insufficient permissions to access S3 bucket {trail.bucket_name} or KMS key {key.arn}."
        raise JsonRESTError("InsufficientEncryptionPolicyException", message)
    trail.kms_key_id = key.arn


@patch
def trail_log_group_and_role_are_checked() -> None:
    """Both or none, the group is there, the role trusts CloudTrail and may write; moto never looks."""

    @around(Trail, "check_name")
    def check_name(original: Any, self: Any) -> Any:
        original(self)
        _check_log_group(self)


def _check_log_group(trail: Trail) -> None:
    group, role_arn = trail.cw_log_group_arn, trail.cw_role_arn
    if not group and not role_arn:
        return
    if not group or not role_arn:
        message = "You must specify both the log group and the role."
        raise JsonRESTError("InvalidParameterCombinationException", message)
    name = group.split(":log-group:")[-1].removesuffix(":*")
    if not group.endswith(":*") or name not in logs_backends[trail.account_id][trail.region_name].groups:
        message = "CloudTrail cannot validate the specified log group ARN."
        raise JsonRESTError("InvalidCloudWatchLogsLogGroupArnException", message)
    backend = iam_backends[trail.account_id][trail.partition]
    role = next((one for one in backend.roles.values() if one.arn == role_arn), None)
    trust = json.loads(unquote(role.assume_role_policy_document)) if role else {}
    if role is None or not _trusts(trust):
        raise JsonRESTError("InvalidCloudWatchLogsRoleArnException", "CloudTrail cannot assume the specified role.")
    stream = f"{group.removesuffix(':*')}:log-stream:{trail.account_id}_CloudTrail_{trail.region_name}"
    attached = [version for policy in role.managed_policies.values() for version in policy.versions]
    documents = [*role.policies.values(), *(version.document for version in attached if version.is_default)]
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        if not any(_grants(text, action, stream) for text in documents):
            message = "Access denied. Check the permissions for your role."
            raise JsonRESTError("InvalidCloudWatchLogsLogGroupArnException", message)


def _trusts(document: Mapping[str, Any]) -> bool:
    """A trust policy has no Resource, which the evaluation wants."""
    statements = [{**one, "Resource": "*"} for one in evaluation.statements(document)]
    return _allows({"Statement": statements}, "sts:AssumeRole", "*", {})


def _grants(document: Any, action: str, resource: str) -> bool:
    """What a policy of the role grants: it has no Principal, which the evaluation wants."""
    policy = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = [{**one, "Principal": "*"} for one in evaluation.statements(policy)]
    return _allows({"Statement": statements}, action, resource, {})


# --- what a trail records -----------------------------------------------------------------------------------------


@patch
def event_selectors_are_of_one_kind() -> None:
    """A trail has basic or advanced ones, from the beginning one basic one; moto tells of both, or of none."""

    @around(CloudTrailResponse, "get_event_selectors")
    def get_event_selectors(original: Any, self: Any) -> Any:
        trail = self.cloudtrail_backend.get_trail(json.loads(self.body)["TrailName"])
        told: dict[str, Any] = {"TrailARN": trail.arn}
        if trail.advanced_event_selectors:
            told["AdvancedEventSelectors"] = trail.advanced_event_selectors
        else:
            told["EventSelectors"] = trail.event_selectors or [FRESH]
        return json.dumps(told)

    @around(CloudTrailResponse, "put_event_selectors")
    def put_event_selectors(original: Any, self: Any) -> Any:
        body = json.loads(self.body)
        basic, advanced = body.get("EventSelectors"), body.get("AdvancedEventSelectors")
        _check_selectors(basic, advanced)
        trail = _own(self, body["TrailName"])
        trail.event_selectors, trail.advanced_event_selectors = basic or [], advanced or []
        kind = "AdvancedEventSelectors" if advanced else "EventSelectors"
        return json.dumps({"TrailARN": trail.arn, kind: advanced or basic})


def _check_selectors(basic: Any, advanced: Any) -> None:
    """What PutEventSelectors refuses, as far as its reference says so."""
    problem = "exactly one of EventSelectors and AdvancedEventSelectors" if bool(basic) == bool(advanced) else ""
    for resource in (resource for one in basic or () for resource in one.get("DataResources") or ()):
        if resource["Type"] not in BASIC_TYPES:
            problem = f"the resource type {resource['Type']} is not one of basic event selectors"
    for one in advanced or ():
        fields = {field["Field"]: field for field in one["FieldSelectors"]}
        kind = fields.get("eventCategory", {}).get("Equals", [""])[0]
        if kind not in ("Management", "Data", "NetworkActivity"):
            problem = "eventCategory is required"
        if kind == "Data" and "resources.type" not in fields:
            problem = "resources.type is required"
        for field in fields.values():
            values = [value for operator, listed in field.items() if operator != "Field" for value in listed]
            if any("*" in value for value in values) or not values:
                problem = f"the values of {field['Field']} are not valid"
    if problem:
        raise JsonRESTError("InvalidEventSelectorsException", f"Invalid event selectors: {problem}.")
