# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's CloudWatch Logs: log groups and metric filters. Logs Insights is in insights.py."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from tests.support.moto_patches import policy as evaluation
from tests.support.moto_patches.registry import around, patch

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
FILTERS = 100
PAGE = 50


def _group(backend: Any, name: str) -> Any:
    """The log group of a name, or of an ARN."""
    name = name.split(":log-group:")[-1].removesuffix(":*")
    if name not in backend.groups:
        raise ResourceNotFoundException()
    return backend.groups[name]


def _refuse_key(group: Any, arn: str) -> None:
    """Refuse a key that is not there or disabled, or whose policy does not let CloudWatch Logs use it for the group."""
    key = kms_backends[group.account_id][group.region].keys.get(arn.rpartition("/")[2])
    service = f"logs.{group.region}.amazonaws.com"
    # The evaluation knows AWS principals, so the service is made one.
    statements = [
        {**one, "Principal": {"AWS": one["Principal"]["Service"]}}
        for one in evaluation.statements(json.loads(key.policy) if key else {})
        if isinstance(one.get("Principal"), dict) and "Service" in one["Principal"]
    ]
    context = {"kms:encryptioncontext:aws:logs:arn": group.arn}

    def allows(action: str) -> bool:
        request = evaluation.Request(evaluation.Caller((service,), service), action, arn, context)
        return evaluation.verdict({"Statement": statements}, request) == "Allow"

    usable = arn.startswith("arn:") and key is not None and key.enabled
    if not usable or not all(map(allows, ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"))):
        message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{group.arn}'"
        raise JsonRESTError("InvalidParameterException", message)


@patch
def retention_is_one_of_certain_numbers() -> None:
    """InvalidParameterException for other days; moto takes any."""

    @around(LogsBackend, "put_retention_policy")
    def put_retention_policy(original: Any, self: Any, log_group_name: str, retention_in_days: Any) -> Any:
        if int(retention_in_days) not in RETENTIONS:
            raise InvalidParameterException("enum", "retentionInDays", retention_in_days)
        return original(self, log_group_name, retention_in_days)


@patch
def key_of_a_log_group_lets_it_in() -> None:
    """The key exists, is enabled and lets CloudWatch Logs in, and can be changed; moto takes any and changes none."""

    @around(LogsBackend, "create_log_group")
    def create_log_group(original: Any, self: Any, log_group_name: Any, tags: Any, **options: Any) -> Any:
        if options.get("kmsKeyId") and log_group_name not in self.groups:
            _refuse_key(LogGroup(self.account_id, self.region_name, log_group_name), options["kmsKeyId"])
        return original(self, log_group_name, tags, **options)

    def associate_kms_key(self: Any) -> str:
        group = _group(self.logs_backend, self._get_param("logGroupName"))
        _refuse_key(group, self._get_param("kmsKeyId"))
        group.kms_key_id = self._get_param("kmsKeyId")
        return ""

    def disassociate_kms_key(self: Any) -> str:
        _group(self.logs_backend, self._get_param("logGroupName")).kms_key_id = None
        return ""

    LogsResponse.associate_kms_key = associate_kms_key
    LogsResponse.disassociate_kms_key = disassociate_kms_key


@patch
def log_group_is_protected_from_deletion() -> None:
    """By CreateLogGroup and PutLogGroupDeletionProtection; moto does not know it."""

    @around(LogsResponse, "create_log_group")
    def create_log_group(original: Any, self: Any) -> Any:
        answer = original(self)
        group = _group(self.logs_backend, self._get_param("logGroupName"))
        group.deletion_protection = bool(self._get_param("deletionProtectionEnabled"))
        return answer

    def put_log_group_deletion_protection(self: Any) -> str:
        group = _group(self.logs_backend, self._get_param("logGroupIdentifier"))
        group.deletion_protection = bool(self._get_param("deletionProtectionEnabled"))
        return ""

    @around(LogGroup, "to_describe_dict")
    def to_describe_dict(original: Any, self: Any) -> Any:
        return {**original(self), "deletionProtectionEnabled": getattr(self, "deletion_protection", False)}

    @around(LogsBackend, "delete_log_group")
    def delete_log_group(original: Any, self: Any, log_group_name: str) -> None:
        if getattr(_group(self, log_group_name), "deletion_protection", False):
            raise JsonRESTError("ValidationException", "The log group has deletion protection enabled.")
        original(self, log_group_name)

    LogsResponse.put_log_group_deletion_protection = put_log_group_deletion_protection


@patch
def deleted_log_group_takes_all_with_it() -> None:
    """Its tags and metric filters; moto keeps them for the next one of its name."""

    @around(LogsBackend, "delete_log_group")
    def delete_log_group(original: Any, self: Any, log_group_name: str) -> None:
        group = _group(self, log_group_name)
        original(self, log_group_name)
        self.tagger.delete_all_tags_for_resource(group.arn)
        for one in self.filters.get_matching_filters(log_group_name=log_group_name):
            self.filters.delete_filter(one["filterName"], log_group_name)


@patch
def metric_filter_belongs_to_a_log_group() -> None:
    """ResourceNotFoundException without the log group, or without the filter to delete; moto asks for neither."""

    @around(LogsResponse, "put_metric_filter")
    def put_metric_filter(original: Any, self: Any) -> Any:
        _group(self.logs_backend, self._get_param("logGroupName"))
        return original(self)

    @around(LogsResponse, "describe_metric_filters")
    def describe_metric_filters(original: Any, self: Any) -> Any:
        if self._get_param("logGroupName"):
            _group(self.logs_backend, self._get_param("logGroupName"))
        return original(self)

    @around(LogsResponse, "delete_metric_filter")
    def delete_metric_filter(original: Any, self: Any) -> Any:
        group = _group(self.logs_backend, self._get_param("logGroupName"))
        there = self.logs_backend.filters.get_matching_filters(log_group_name=group.name)
        if self._get_param("filterName") not in [one["filterName"] for one in there]:
            raise JsonRESTError("ResourceNotFoundException", "The specified metric filter does not exist.")
        return original(self)


@patch
def metric_filter_is_replaced_as_a_whole() -> None:
    """One of a name, 100 of a log group, no default with dimensions; moto takes all, and keeps two of a name."""

    @around(LogsResponse, "put_metric_filter")
    def put_metric_filter(original: Any, self: Any) -> Any:
        group, name = self._get_param("logGroupName"), self._get_param("filterName")
        metric = self._get_param("metricTransformations")[0]
        if "defaultValue" in metric and metric.get("dimensions"):
            message = "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
            raise JsonRESTError("InvalidParameterException", message)
        filters = self.logs_backend.filters
        names = {one["filterName"] for one in filters.get_matching_filters(log_group_name=group)}
        if len(names | {name}) > FILTERS:
            raise JsonRESTError("LimitExceededException", "Resource limit exceeded.")
        filters.delete_filter(name, group)
        return original(self)


@patch
def metric_filters_come_in_pages() -> None:
    """At most 50 at once; moto lists all."""

    @around(LogsResponse, "describe_metric_filters")
    def describe_metric_filters(original: Any, self: Any) -> Any:
        filters = json.loads(original(self))["metricFilters"]
        begin, size = int(self._get_param("nextToken") or 0), int(self._get_param("limit") or PAGE)
        answer: dict[str, Any] = {"metricFilters": filters[begin : begin + size]}
        if begin + size < len(filters):
            answer["nextToken"] = str(begin + size)
        return json.dumps(answer)
