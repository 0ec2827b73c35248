# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of kms_usage_info: window, questions, counts, cost, and the wait for a query."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.usage import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._errors import ServiceError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._usage import insights, lake, records
from ansible_collections.coffer.velero.plugins.module_utils._usage.model import Answer, Row, Target, Window, window
from ansible_collections.coffer.velero.plugins.module_utils._usage.tally import bucket_key, cost, report
from ansible_collections.coffer.velero.plugins.module_utils._usage.watch import Watch, stopped_unless_done

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-central-1:111122223333:key/{ID}"
KEY = Target.parse(ARN, ["alias/velero"])
NOW = dt.datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=dt.UTC)
NAMES = f'["{ARN}", "{ID}", "alias/velero", "arn:aws:kms:eu-central-1:111122223333:alias/velero"]'
PRICES = {"currency": "USD", "key_per_month": 1.0, "requests_per_10000": 0.03}
QUERY = FilterModule().filters()["kms_usage_query"]
PROFILE = {"account_id": "111122223333", "region": "eu-central-1", "bucket": "acme-backups", "kms_key_arn": ARN}


# --- which key, and when ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", ID, "alias/velero", ARN.replace("key/", "alias/"), ARN + '" or 1', ARN + "\n"])
def test_only_the_arn_of_a_key_is_one(text: str) -> None:
    with pytest.raises(ValidationError, match="is not the ARN of a key"):
        Target.parse(text)


def test_alias_can_be_given_by_its_arn() -> None:
    assert Target.parse(ARN, ["arn:aws:kms:eu-central-1:111122223333:alias/a/b_c-1"]).aliases == ("alias/a/b_c-1",)
    for text in ("velero", 'alias/"', "alias/", "alias/a b"):
        with pytest.raises(ValidationError, match="is not the name of an alias"):
            Target.parse(ARN, [text])


@pytest.mark.parametrize(
    ("options", "start", "end", "hours"),
    [
        ({}, "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z", 24),
        ({"hours": 1.5}, "2026-11-24T06:30:00Z", "2026-11-24T08:00:00Z", 1.5),
        ({"end": "2026-11-20"}, "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z", 24),
        ({"start": "2026-11-24T08:00:00+02:00"}, "2026-11-24T06:00:00Z", "2026-11-24T08:00:00Z", 2),
        ({"start": "2026-11-24T07:00:00", "end": "2026-11-24T07:20:00Z"}, "2026-11-24T07:00:00Z", None, 0.33),
    ],
)
def test_window(options: dict[str, Any], start: str, end: str | None, hours: float) -> None:
    told = window({"start": None, "end": None, "hours": None, **options}, NOW).as_dict()
    assert told == {"start": start, "end": end or told["end"], "hours": hours}


# --- questions -------------------------------------------------------------------------------------------------------


def test_usage_query() -> None:
    named = " or ".join(
        f"requestParameters.{name} in {NAMES}" for name in ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
    )
    assert insights.usage_query(KEY).splitlines() == [
        'filter eventSource = "kms.amazonaws.com"',
        f'| filter resources.0.ARN = "{ARN}" or resources.1.ARN = "{ARN}" or errorMessage like "{ARN}"'
        f' or (not ispresent(resources.0.ARN) and (requestParameters.keyId = "{ARN}" or'
        f' (awsRegion = "eu-central-1" and userIdentity.accountId = "111122223333" and ({named}))))',
        "| fields coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy,"
        " userIdentity.principalId) as principal, coalesce(userIdentity.invokedBy, sourceIPAddress) as source",
        "| stats count(*) as calls, earliest(eventTime) as first_call, latest(eventTime) as last_call"
        " by eventName, principal, userAgent, source, errorCode",
        "| sort calls desc",
        "| limit 10000",
    ]


def test_questions_are_short_enough() -> None:
    """Both services take 10,000 characters (StartQuery); a key can have 50 aliases (KMS Developer Guide, "Quotas")."""
    many = Target.parse(ARN, [f"alias/{'a' * 240}{number:03}" for number in range(3)])
    span = Window(NOW - dt.timedelta(hours=1), NOW)
    texts = [insights.usage_query(many), lake.usage_sql(ID, many, span), lake.failures_sql(ID, many, span, most=9)]
    assert max(map(len, texts)) < 10_000


def test_filter_gives_the_query() -> None:
    assert QUERY(ARN) == QUERY(PROFILE) == insights.usage_query(Target.parse(ARN))
    assert QUERY(ARN, aliases="alias/velero") == QUERY(PROFILE, "usage", ["alias/velero"]) == insights.usage_query(KEY)
    assert QUERY(ARN, "usage", limit=5).endswith("limit 5")
    assert QUERY(PROFILE, "failures") == insights.failures_query(Target.parse(ARN), most=100)
    assert QUERY(PROFILE, "objects") == insights.objects_query("acme-backups")


@pytest.mark.parametrize(
    ("value", "arguments", "text"),
    [
        ("alias/velero", {}, "kms_usage_query: alias/velero is not the ARN of a key. Give the full ARN of the key"),
        (ARN, {"question": "all"}, "question: all is not known. Ask for usage, failures or objects."),
        (ARN, {"question": "objects"}, "A storage profile is a dictionary of bucket"),
        (ARN, {"aliases": ["velero"]}, "aliases: velero is not the name of an alias."),
        (None, {}, "A storage profile is a dictionary of bucket"),
        ({**PROFILE, "encryption_mode": "sse-s3", "kms_key_arn": None}, {}, "velero_kms_key_arn: it is not set."),
    ],
)
def test_filter_refuses(value: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        QUERY(value, **arguments)
    assert text in str(raised.value)


# --- counts and cost -------------------------------------------------------------------------------------------------


def row(calls: int, event: str, error: str | None = None, **changes: str) -> Row:
    told = Row(calls, event, "role/velero", "sdk", "s3.amazonaws.com", error, "2026-11-24T01", "2026-11-24T02")
    return told._replace(**changes)


def test_report() -> None:
    rows = (
        row(5, "Decrypt"),
        row(3, "Decrypt", "AccessDenied", principal="role/app", last="2026-11-24T03"),
        row(2, "Encrypt", "DisabledException", first="2026-11-24T00"),
    )
    told = report(Answer(rows))
    assert told["totals"] == {"calls": 10, "succeeded": 5, "failed": 5, "denied": 3}
    assert told["by_event"] == [
        {"event": "Decrypt", "calls": 8, "succeeded": 5, "failed": 3, "denied": 3}
        | {"first": "2026-11-24T01", "last": "2026-11-24T03"},
        {"event": "Encrypt", "calls": 2, "succeeded": 0, "failed": 2, "denied": 0}
        | {"first": "2026-11-24T00", "last": "2026-11-24T02"},
    ]
    assert [entry["error"] for entry in told["by_error"]] == ["AccessDenied", "DisabledException"]
    assert report(Answer())["totals"] == {"calls": 0, "succeeded": 0, "failed": 0, "denied": 0}


def test_bucket_key_counts_what_did_not_reach_kms() -> None:
    rows = (row(4, "GenerateDataKey"), row(1, "Decrypt"), row(9, "Encrypt"), row(9, "Decrypt", "AccessDenied"))
    assert bucket_key(rows, 100, "", "data events")["calls_saved"] == 95
    assert bucket_key(rows, 3, "", "data events")["calls_saved"] == 0
    unknown = bucket_key(rows, None, "Because.", "data events")
    assert (unknown["calls_saved"], unknown["reason"], unknown["method"]) == (None, "Because.", None)


def test_cost_of_a_month() -> None:
    day = Window(NOW - dt.timedelta(hours=73), NOW)
    told = cost(Answer((row(10_000, "Decrypt"),), bytes_scanned=2 * 1024**3), 20_000, day, PRICES, 0.005)
    assert told["requests_per_month"] == 0.3
    assert told["total_per_month"] == 1.3
    assert told["saved_per_month"] == 0.6
    assert told["this_query"] == 0.01
    assert cost(Answer(), None, day, PRICES, 0.0)["this_query"] is None


def test_record_without_anything_is_counted_as_it_is() -> None:
    (told,) = records.rows([{"eventName": "Decrypt"}])
    assert told == Row(1, "Decrypt", "", "", "", None, "", "")
    assert not records.concerns({}, KEY)
    assert not records.concerns({"eventSource": "kms.amazonaws.com", "requestParameters": None}, KEY)


# --- the wait --------------------------------------------------------------------------------------------------------


def test_wait_grows_speaks_and_ends() -> None:
    clock, pauses, said = [0.0], [], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    watch = Watch(30, sleep, said.append, lambda: clock[0])
    with pytest.raises(ValidationError) as raised:
        for _pause in watch.pauses("query q"):
            pass
    assert pauses[:3] == [0.5, 0.75, 1.125]
    assert max(pauses) == 5.0
    assert sum(pauses) <= 30
    assert str(raised.value) == (
        "timeout: query q was not done after 30 seconds. It was stopped. Raise the limit, or ask for a shorter window."
    )
    assert said[0].startswith("query q: ")
    assert 5 <= len(said) <= 8


def test_what_ended_the_wait_is_not_hidden() -> None:
    stopped = []

    def stop() -> None:
        stopped.append(True)
        raise ServiceError("logs:StopQuery", "InvalidParameterException", "is not running")

    with pytest.raises(KeyboardInterrupt), stopped_unless_done(stop):
        raise KeyboardInterrupt
    with stopped_unless_done(stop):
        pass
    assert stopped == [True]
