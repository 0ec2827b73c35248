# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto for CloudTrail's records: Event history, and a key's last usage.

Tests plant CloudTrail's records as the events of the log group ``HISTORY``.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError
from moto.kms.responses import KmsResponse
from moto.logs.models import logs_backends

from tests.support.insights import HISTORY
from tests.support.moto_patches.registry import patch

HISTORY_SECONDS = 90 * 24 * 60 * 60
PER_SECOND = 2
#: Requests that were sent at the right moments may arrive closer together on a busy machine.
LENIENT_SECOND = 0.6


def _records(response: Any) -> list[dict[str, Any]]:
    """The planted records, latest first."""
    groups = logs_backends[response.current_account][response.region].groups
    streams = groups[HISTORY].streams.values() if HISTORY in groups else ()
    records = [json.loads(event.message) for stream in streams for event in stream.events]
    return sorted(records, key=lambda record: str(record["eventTime"]), reverse=True)


@patch
def event_history_is_looked_up() -> None:
    """LookupEvents finds events of 90 days by one attribute, 50 at once and two requests a second; moto fails."""

    def lookup_events(self: CloudTrailResponse) -> str:
        _keep_rate(self.cloudtrail_backend)
        attributes = self._get_param("LookupAttributes") or []
        if len(attributes) > 1:
            raise JsonRESTError("InvalidLookupAttributesException", "You must specify exactly one attribute.")
        start = max(self._get_param("StartTime") or 0, time.time() - HISTORY_SECONDS)
        end = self._get_param("EndTime") or time.time()
        events = [
            event
            for event in _history(self)
            if start <= event["EventTime"] <= end and all(_has(event, attribute) for attribute in attributes)
        ]
        begin = int(self._get_param("NextToken") or 0)
        size = self._get_param("MaxResults") or 50
        answer: dict[str, Any] = {"Events": events[begin : begin + size]}
        if begin + size < len(events):
            answer["NextToken"] = str(begin + size)
        return json.dumps(answer)

    CloudTrailResponse.lookup_events = lookup_events


def _keep_rate(backend: Any) -> None:
    recent = [at for at in getattr(backend, "lookups", []) if time.monotonic() - at < LENIENT_SECOND]
    if len(recent) >= PER_SECOND:
        raise JsonRESTError("ThrottlingException", "Rate exceeded")
    backend.lookups = [*recent, time.monotonic()]


def _history(response: CloudTrailResponse) -> Iterator[dict[str, Any]]:
    for record in _records(response):
        if record.get("eventCategory", "Management") != "Management":
            continue
        who = record.get("userIdentity", {})
        moment = dt.datetime.fromisoformat(record["eventTime"])
        yield {
            "EventId": record.get("eventID", ""),
            "EventName": record["eventName"],
            "EventSource": record["eventSource"],
            "EventTime": moment.timestamp(),
            "ReadOnly": str(record.get("readOnly", False)).lower(),
            "Username": str(who.get("userName") or str(who.get("arn", "")).rpartition("/")[2]),
            "Resources": [
                {"ResourceName": resource["ARN"], "ResourceType": resource.get("type", "AWS::KMS::Key")}
                for resource in record.get("resources") or []
                if resource.get("ARN")
            ],
            "CloudTrailEvent": json.dumps(record),
        }


def _has(event: dict[str, Any], attribute: dict[str, str]) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    if key == "ResourceName":
        return any(resource["ResourceName"] == value for resource in event["Resources"])
    return bool(event.get(key) == value)


@patch
def key_tells_its_last_usage() -> None:
    """GetKeyLastUsage tells the last successful cryptographic operation; moto has no such request."""

    def get_key_last_usage(self: KmsResponse) -> str:
        arn = self._get_param("KeyId")
        if str(arn).startswith("alias/"):
            raise JsonRESTError("InvalidArnException", "Alias names are not supported.")
        key = self.kms_backend.keys[self.kms_backend.get_key_id(arn)]
        used = next(
            (
                record
                for record in _records(self)
                if record["eventName"] in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt")
                and not record.get("errorCode")
                and any(resource.get("ARN") == key.arn for resource in record.get("resources") or [])
            ),
            None,
        )
        usage = {}
        if used:
            usage = {
                "Operation": used["eventName"],
                "Timestamp": dt.datetime.fromisoformat(used["eventTime"]).timestamp(),
                "CloudTrailEventId": used["eventID"],
            }
        created = key.to_dict()["KeyMetadata"]["CreationDate"]
        return json.dumps(
            {"KeyId": key.id, "KeyLastUsage": usage, "TrackingStartDate": created, "KeyCreationDate": created}
        )

    KmsResponse.get_key_last_usage = get_key_last_usage
