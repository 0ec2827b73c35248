# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric filter and every rule against every event."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from moto.events.models import EventPattern

from ansible_collections.coffer.velero.plugins.module_utils import _alerts
from ansible_collections.coffer.velero.plugins.module_utils._usage import insights_queries, records
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import CallGroup, KeyIdentifiers, Usage
from ansible_collections.coffer.velero.plugins.module_utils._usage.summary import summarize
from tests.support import cloudtrail_events
from tests.support.cloudtrail_events import (
    ACCOUNT,
    PROFILES,
    REGION,
    ROLE,
    TOPIC,
    profile,
)
from tests.support.filter_pattern import matches
from tests.support.insights import execute
from tests.support.moto_patches.events import objects_apart

ROOT = Path(__file__).resolve().parents[4]
ENTRIES = cloudtrail_events.entries()
RECORDS: list[dict[str, Any]] = [entry["record"] for entry in ENTRIES.values()]
ALERT_NAMES = [alert.name for alert in _alerts.ALERTS]
WITH_RULES = {alert.name for alert in _alerts.ALERTS if alert.event_detail}


# --- every filter and every rule against every event -----------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("name", PROFILES)
def test_metric_filters_count_what_they_should(name: str, entry: dict[str, Any]) -> None:
    filters = _alerts.metric_filters(PROFILES[name], data_events=True)
    prefix = _alerts.resource_name(PROFILES[name], "")
    counting = [one["name"].removeprefix(prefix) for one in filters if matches(one["filter_pattern"], entry["record"])]
    assert counting == entry["alerts"][name]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("name", PROFILES)
def test_rules_match_what_they_should(name: str, entry: dict[str, Any]) -> None:
    """With moto's matcher of event patterns, and what it lacks."""
    record = entry["record"]
    event = {
        "version": "0",
        "id": record["eventID"],
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }
    matching = [
        rule["name"].removeprefix(_alerts.resource_name(PROFILES[name], ""))
        for rule in _alerts.event_rules(PROFILES[name], topic_arn=TOPIC)
        if any(EventPattern.load(json.dumps(rule["event_pattern"])).matches_event(one) for one in objects_apart(event))
    ]
    arrives = record["recipientAccountId"] == ACCOUNT and record["awsRegion"] == REGION
    assert not arrives or matching == [alert for alert in entry["alerts"][name] if alert in WITH_RULES]


def test_every_alert_has_true_events_and_near_misses() -> None:
    fired = [{alert for alerts in entry["alerts"].values() for alert in alerts} for entry in ENTRIES.values()]
    assert set.union(*fired) == set(ALERT_NAMES)
    assert sum(not alerts for alerts in fired) >= 40


@pytest.mark.parametrize("name", ["sse-kms", "sse-s3"])
def test_no_condition_is_idle(name: str) -> None:
    """Each condition of each pattern is needed: always true or never true in its place, a record is judged wrongly."""
    idle = []
    for one in _alerts.metric_filters(PROFILES[name], data_events=True):
        pattern = one["filter_pattern"]
        judged = [matches(pattern, record) for record in RECORDS]
        for found in re.finditer(r"\(\$[^()]*\)", pattern):
            for constant in ('($.eventVersion = "*")', "($.eventVersion NOT EXISTS)"):
                other = pattern[: found.start()] + constant + pattern[found.end() :]
                if all(matches(other, record) == was for record, was in zip(RECORDS, judged, strict=True)):
                    idle.append((one["name"], found[0], constant))
    assert idle == []


def test_records_are_as_cloudtrail_has_them() -> None:
    """What every record has (CloudTrail User Guide, "Record contents"), and requests that the services know."""
    session = Session()
    kms = session.get_service_model("kms")
    for record in RECORDS:
        assert list(record)[:7] == [
            *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress")
        ]
        assert {"requestID", "eventID", "readOnly", "eventType", "recipientAccountId", "eventCategory"} <= set(record)
        assert ("errorCode" in record) == ("errorMessage" in record)
        if record["eventSource"] == "kms.amazonaws.com":
            known = kms.operation_model(record["eventName"]).input_shape.members
            assert {name[:1].upper() + name[1:] for name in record["requestParameters"] or {}} <= set(known)
    assert len({record["eventID"] for record in RECORDS}) == len(RECORDS)


# --- the same events in the usage query ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sse-kms", "foreign-key"])
def test_usage_query_agrees(name: str) -> None:
    """What the filters count as refused and as written is what kms_usage_info tells of the same records."""
    wanted = PROFILES[name]
    target = KeyIdentifiers.parse(str(wanted.kms_key_arn))
    query = insights_queries.usage_query(target)
    told, _matched = execute(query, [(at, json.dumps(one)) for at, one in enumerate(RECORDS)])
    rows = [
        CallGroup(
            *(int(row["calls"]), row["eventName"], row["principal"], row["userAgent"], row["source"]),
            *(row.get("errorCode", ""), row["first_call"], row["last_call"]),
        )
        for row in told
    ]
    assert set(rows) == set(records.count(one for one in RECORDS if records.concerns(one, target)))

    counted = {
        one["name"]: [record for record in RECORDS if matches(one["filter_pattern"], record)]
        for one in _alerts.metric_filters(wanted)
    }
    refused = counted[_alerts.resource_name(wanted, "key-access-denied")]
    stopped = sum(row.calls for row in rows if row.error in ("DisabledException", "KMSInvalidStateException"))
    assert len(refused) == summarize(Usage(tuple(rows)))["totals"]["denied"] + stopped > 0

    written = [row for row in rows if row.event == "GenerateDataKey" and not row.error and row.principal == ROLE]
    assert len(counted[_alerts.resource_name(wanted, "no-recent-backup")]) == sum(row.calls for row in written) > 0


def test_whole_bucket_is_watched_without_a_prefix() -> None:
    denied = next(
        one
        for one in _alerts.metric_filters(profile(prefix=None), data_events=True)
        if one["name"].endswith("-object-writes-denied")
    )
    outside = next(e["record"] for e in ENTRIES.values() if e["is"] == "an object outside of the prefix")
    assert matches(denied["filter_pattern"], outside)
