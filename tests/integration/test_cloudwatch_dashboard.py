# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_dashboard against moto."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws as Door
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only, every_interruption, interrupted_runs

MODULE = "cloudwatch_dashboard"
NAME = "velero-acme-backups"
ARN = f"arn:aws:cloudwatch::123456789012:dashboard/{NAME}"

Document = dict[str, Any]


def text(markdown: str = "# Backups", **elements: Any) -> Document:
    return {"type": "text", "width": 24, "height": 2, "properties": {"markdown": markdown}, **elements}


def metric(**properties: Any) -> Document:
    return {"type": "metric", "properties": {"metrics": [["AWS/S3", "NumberOfObjects"]], "region": "x", **properties}}


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws.client("cloudwatch")


def body(cloudwatch: Any) -> Document | None:
    try:
        return dict(json.loads(cloudwatch.get_dashboard(DashboardName=NAME)["DashboardBody"]))
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("ResourceNotFound", "DashboardNotFoundError")  # noqa: PT017
        return None


def test_lifecycle(run: ModuleRunner, cloudwatch: Any) -> None:
    first, second = {"widgets": [text()]}, {"start": "-P3M", "widgets": [text("# Other"), metric(period=86400)]}
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create={"name": NAME, "body": first},
        modify={"name": NAME, "body": second},
        delete={"name": NAME, "state": "absent"},
        state=lambda: body(cloudwatch),
    )
    assert created["diff"] == {"before": {}, "after": {"body": first}}
    assert modified["diff"] == {"before": {"body": first}, "after": {"body": second}}
    assert deleted["diff"] == {"before": {"body": second}, "after": {}}
    assert [one["dashboard_arn"] for one in (created, modified, deleted)] == [ARN] * 3
    assert [one["body"] for one in (created, modified, deleted)] == [first, second, None]


def test_predictions_hold(run: ModuleRunner, cloudwatch: Any) -> None:
    placeholder = run.ok(MODULE, check=True, name=NAME, body={"widgets": [text()]})
    real = run.ok(MODULE, name=NAME, body={"widgets": [text()]})
    assert {**placeholder, "invocation": None} == {**real, "invocation": None}
    assert real["dashboard_arn"] == cloudwatch.get_dashboard(DashboardName=NAME)["DashboardArn"]


def test_same_meaning_is_no_change(run: ModuleRunner, cloudwatch: Any) -> None:
    wanted = {"widgets": [metric(period=60, liveData=True)], "start": "-PT6H"}
    stored = json.dumps(wanted, sort_keys=True, indent=4).replace('"period": 60', '"period": 60.0')
    cloudwatch.put_dashboard(DashboardName=NAME, DashboardBody=stored)
    assert not run.ok(MODULE, name=NAME, body=wanted)["changed"]
    assert run.ok(MODULE, name=NAME, body={**wanted, "widgets": [metric(period=60, liveData=1)]})["changed"]


def test_other_dashboards_are_left_alone(run: ModuleRunner, cloudwatch: Any) -> None:
    cloudwatch.put_dashboard(DashboardName=f"{NAME}-2", DashboardBody='{"widgets": []}')
    run.ok(MODULE, name=NAME, body={"widgets": [text()]})
    run.ok(MODULE, name=NAME, state="absent")
    assert [one["DashboardName"] for one in cloudwatch.list_dashboards()["DashboardEntries"]] == [f"{NAME}-2"]


def test_requests(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, name=NAME, **options)
        return [call.operation for call in aws.proxy.requests]

    assert calls(body={"widgets": []}) == ["GetDashboard", "GetCallerIdentity", "PutDashboard"]
    assert calls(body={"widgets": []}) == ["GetDashboard"]
    assert calls(state="absent") == ["GetDashboard", "DeleteDashboards"]


def test_refusals(run: ModuleRunner, cloudwatch: Any) -> None:
    for check in (True, False):
        assert run.refused(MODULE, check=check, name=NAME, body={"widgets": [text(width=25, x=-1)]}) == (
            f"body: {NAME} is not what CloudWatch takes: widgets[0].x is -1, not 0 to 23; widgets[0].width is 25, not "
            '1 to 24. See "Dashboard Body Structure and Syntax" in CloudWatch\'s API reference.'
        )
    assert body(cloudwatch) is None
    assert run.refused(MODULE, name="acme.backups", body={"widgets": []}) == (
        "name: 'acme.backups' is not the name of a dashboard. Use 1 to 255 letters, digits, - and _."
    )


def test_what_cloudwatch_says_of_a_body(run: ModuleRunner, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto says nothing; CloudWatch warns of what it takes, and says where what it refuses is wrong."""
    said = [{"DataPath": "/widgets/0/properties/yAxis", "Message": "Should NOT have additional properties"}]
    call = Door.call

    def warning(self: Door, action: str, **arguments: Any) -> Any:
        answer = call(self, action, **arguments)
        return {**answer, "DashboardValidationMessages": said} if action == "cloudwatch:PutDashboard" else answer

    monkeypatch.setattr(Door, "call", warning)
    assert run.ok(MODULE, name=NAME, body={"widgets": [text()]})["warnings"] == [
        f"{NAME}: CloudWatch has taken the body and says: /widgets/0/properties/yAxis: Should NOT have additional "
        "properties"
    ]
    details = {"Error": {"Code": "InvalidParameterInput", "Message": "The dashboard body is invalid"}}
    refusal = ClientError({**details, "dashboardValidationMessages": said}, "PutDashboard")  # type: ignore[typeddict-unknown-key]

    def refusing(self: Door, action: str, **arguments: Any) -> Any:
        if action == "cloudwatch:PutDashboard":
            monkeypatch.setattr(type(self._client("cloudwatch", once=False)), "put_dashboard", raising)
        return call(self, action, **arguments)

    def raising(self: Any, **arguments: Any) -> Any:
        raise refusal

    monkeypatch.setattr(Door, "call", refusing)
    assert run.refused(MODULE, name=NAME, body={"widgets": []}) == (
        "cloudwatch:PutDashboard failed: InvalidParameterInput: The dashboard body is invalid "
        "/widgets/0/properties/yAxis: Should NOT have additional properties"
    )


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, cloudwatch: Any) -> None:
    run.ok(MODULE, name=NAME, body={"widgets": [text()]})
    aws.proxy.deny("monitoring", "GetDashboard")
    for options in ({"body": {"widgets": []}}, {"state": "absent"}):
        assert run.refused(MODULE, name=NAME, **options).startswith("cloudwatch:GetDashboard failed: ")
    assert body(cloudwatch) == {"widgets": [text()]}


def test_body_that_is_not_json_is_not_empty(
    run: ModuleRunner, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Door, "call_or_none", lambda *arguments, **keywords: {"DashboardArn": ARN, "DashboardBody": "{"}
    )
    assert "CloudWatch has a body that is not JSON" in run.refused(MODULE, name=NAME, body={"widgets": []})


@controller_only
@every_interruption
def test_interrupted_anywhere(
    run: ModuleRunner, aws: Aws, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    present = {"name": NAME, "body": {"widgets": [text()]}}
    for _run in interrupted_runs(run, aws, MODULE, present, kind=kind, requests=3):
        assert body(cloudwatch) == present["body"]
    absent, made = {"name": NAME, "state": "absent"}, partial(run.ok, MODULE, **present)
    for _run in interrupted_runs(run, aws, MODULE, absent, kind=kind, requests=3, arrange=made):
        assert body(cloudwatch) is None
