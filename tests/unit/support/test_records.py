# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the patches of moto answer for CloudTrail's records, seen through boto3 and held against its models."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from tests.support.emulators import Moto
from tests.support.insights import HISTORY

ACCOUNT = "123456789012"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def _empty(moto: Moto) -> None:
    moto.reset()


def asked(client: Any, operation: str, **arguments: Any) -> dict[str, Any]:
    """An answer, which has to be of the shape that the service's model has for it."""
    model = client.meta.service_model.operation_model(operation)
    answer: dict[str, Any] = client._make_api_call(operation, arguments)
    plain = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(plain, model.output_shape)
    assert not report.has_errors(), report.generate_report()
    return plain


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def plant(moto: Moto, *records: dict[str, Any]) -> None:
    logs = moto.client("logs")
    logs.create_log_group(logGroupName=HISTORY)
    logs.create_log_stream(logGroupName=HISTORY, logStreamName="trail")
    events = [{"timestamp": int(NOW.timestamp() * 1000), "message": json.dumps(record)} for record in records]
    logs.put_log_events(logGroupName=HISTORY, logStreamName="trail", logEvents=events)


def record(name: str, arn: str, **changes: Any) -> dict[str, Any]:
    return {
        "eventID": str(uuid.uuid4()),
        "eventTime": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventName": name,
        "eventSource": "kms.amazonaws.com",
        "userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/anna", "userName": "anna"},
        "requestParameters": {"keyId": arn, "encryptionContext": {"a": "b"}},
        "resources": [{"ARN": arn, "type": "AWS::KMS::Key"}],
        "readOnly": True,
        **changes,
    }


def test_insights_queries_filter_and_count(moto: Moto) -> None:
    plant(moto, record("Decrypt", "a"), record("Decrypt", "a"), record("Encrypt", "a"))
    logs = moto.client("logs")
    window = {"startTime": int(NOW.timestamp()) - 60, "endTime": int(NOW.timestamp()) + 60}
    query = 'filter eventName = "Decrypt" | stats count(*) as calls by eventName'
    started = asked(logs, "StartQuery", logGroupName=HISTORY, queryString=query, **window)["queryId"]
    assert asked(logs, "GetQueryResults", queryId=started)["status"] == "Running"
    done = asked(logs, "GetQueryResults", queryId=started)
    assert done["status"] == "Complete"
    assert done["results"] == [[{"field": "eventName", "value": "Decrypt"}, {"field": "calls", "value": "2"}]]
    assert (done["statistics"]["recordsMatched"], done["statistics"]["recordsScanned"]) == (2, 3)
    with pytest.raises(ClientError) as caught:
        logs.stop_query(queryId=started)
    assert code(caught) == "InvalidParameterException"
    for arguments, expected in (
        ({"logGroupName": HISTORY, "queryString": "this is not a query"}, "MalformedQueryException"),
        ({"logGroupName": "none", "queryString": "limit 1"}, "ResourceNotFoundException"),
        ({"logGroupName": HISTORY, "logGroupIdentifiers": [HISTORY], "queryString": "limit 1"}, "InvalidParameter"),
    ):
        with pytest.raises(ClientError) as caught:
            logs.start_query(**arguments, **window)
        assert code(caught).startswith(expected)


def test_event_history_is_looked_up(moto: Moto) -> None:
    long_ago = (NOW - dt.timedelta(days=91)).strftime("%Y-%m-%dT%H:%M:%SZ")
    plant(
        moto,
        *(record("Decrypt", "a") for dummy in range(51)),
        record("Encrypt", "b"),
        record("Decrypt", "a", eventTime=long_ago),
        record("PutObject", "a", eventCategory="Data"),
    )
    trail = moto.client("cloudtrail")
    by_key = [{"AttributeKey": "ResourceName", "AttributeValue": "a"}]
    first = asked(trail, "LookupEvents", LookupAttributes=by_key)
    assert len(first["Events"]) == 50
    assert json.loads(first["Events"][0]["CloudTrailEvent"])["eventName"] == "Decrypt"
    second = asked(trail, "LookupEvents", LookupAttributes=by_key, NextToken=first["NextToken"])
    assert len(second["Events"]) == 1
    with pytest.raises(ClientError) as caught:
        trail.lookup_events()
    assert code(caught) == "ThrottlingException"
    time.sleep(1)
    with pytest.raises(ClientError) as caught:
        trail.lookup_events(LookupAttributes=by_key * 2)
    assert code(caught) == "InvalidLookupAttributesException"


def test_key_tells_its_last_usage(moto: Moto) -> None:
    kms = moto.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert asked(kms, "GetKeyLastUsage", KeyId=arn)["KeyLastUsage"] == {}
    used = record("Decrypt", arn)
    plant(moto, used, record("Encrypt", arn, errorCode="AccessDenied"), record("DescribeKey", arn))
    told = asked(kms, "GetKeyLastUsage", KeyId=arn)["KeyLastUsage"]
    assert told["Operation"] == "Decrypt"
    assert told["CloudTrailEventId"] == used["eventID"]
    with pytest.raises(ClientError) as caught:
        kms.get_key_last_usage(KeyId="alias/velero")
    assert code(caught) == "InvalidArnException"
