# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudtrail against moto, with the bucket, the role and the key that its filters and the other modules make."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.filter.audit import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils import _runner
from ansible_collections.coffer.velero.plugins.module_utils._cloudtrail import api
from tests.support.cloudtrail import ACCOUNT, BUCKET, GROUP, NAME, OBJECTS, Account, arn_of, foreign_trail, log_bucket
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle, controller_only

MODULE = "cloudtrail"
ARN = arn_of(NAME)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero-trail"
FILTERS = FilterModule().filters()

Document = dict[str, Any]


@pytest.fixture
def cloudtrail(aws: Aws) -> Any:
    log_bucket(aws, BUCKET, ARN)
    return aws.client("cloudtrail")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(api, "_LONGEST_PAUSE", 0.0)


@pytest.fixture
def delivery(run: ModuleRunner, aws: Aws) -> None:
    """Log group and role, the role as the modules make it of the filters."""
    aws.client("logs").create_log_group(logGroupName="velero-audit")
    policy = {"Version": "2012-10-17", "Statement": FILTERS["trail_log_delivery_statements"](GROUP)}
    made = run.ok("iam_policy", name="velero-trail", policy=policy)
    run.ok(
        "iam_role",
        name="velero-trail",
        trust_statements=FILTERS["trail_trust_statements"](ARN),
        managed_policies=[made["policy_arn"]],
    )


def state(aws: Aws, name: str = NAME) -> Any:
    """All that can be read back of a trail."""
    client = aws.client("cloudtrail")
    found = client.describe_trails(trailNameList=[name])["trailList"]
    if not found:
        return None
    selectors = client.get_event_selectors(TrailName=name)
    return {
        "trail": found[0],
        "is_logging": client.get_trail_status(Name=name)["IsLogging"],
        "selectors": selectors.get("AdvancedEventSelectors") or selectors["EventSelectors"],
        "tags": client.list_tags(ResourceIdList=[ARN])["ResourceTagList"][0]["TagsList"],
    }


def management(*fields: Document, name: str = "coffer.velero management events") -> Document:
    return {"Name": name, "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, *fields]}


def data(
    *fields: Document, name: str = "coffer.velero data events", kind: str = "AWS::S3::Object", **arns: Any
) -> Document:
    return {
        "Name": name,
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": [kind]},
            *fields,
            *([{"Field": "resources.ARN", **arns}] if arns else []),
        ],
    }


WRITES = {"Field": "readOnly", "Equals": ["false"]}
READS = {"Field": "readOnly", "Equals": ["true"]}
LAMBDA = data(name="theirs", kind="AWS::Lambda::Function")


def wanted(**options: Any) -> Document:
    return {"name": NAME, "s3_bucket_name": BUCKET, "propagation_timeout": 0, **options}


def test_lifecycle(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create=wanted(tags={"service": "velero"}),
        modify=wanted(
            tags={"service": "audit", "cost": 1},
            s3_key_prefix="",
            enable_log_file_validation=False,
            enable_logging=False,
            data_events="write",
            data_event_arns=[OBJECTS],
        ),
        delete={"name": NAME, "state": "absent"},
        state=lambda: state(aws),
    )
    assert created["diff"] == {
        "before": {"is_logging": False},
        "after": {
            "trail_arn": ARN,
            "s3_bucket_name": BUCKET,
            "is_multi_region_trail": True,
            "include_global_service_events": True,
            "enable_log_file_validation": True,
            "tags": {"service": "velero"},
            "is_logging": True,
        },
    }
    assert (created["trail_arn"], created["kms_events"], created["data_events"]) == (ARN, "all", "none")
    assert modified["diff"]["before"]["is_logging"] is True
    assert set(modified["diff"]["after"]) == {"enable_log_file_validation", "event_selectors", "is_logging", "tags"}
    assert modified["event_selectors"] == [
        {"Name": "Management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        data(WRITES, StartsWith=[OBJECTS]),
    ]
    assert (modified["kms_events"], modified["data_events"]) == ("all", "write")
    assert modified["tags"] == {"service": "audit", "cost": "1"}
    assert deleted["diff"] == {"before": {"trail_arn": ARN}, "after": {}}
    assert deleted["kept"] == {"s3_bucket_name": BUCKET}
    assert aws.client("s3").head_bucket(Bucket=BUCKET)


def test_everything_a_trail_has(run: ModuleRunner, aws: Aws, cloudtrail: Any, delivery: None) -> None:
    """Prefix, key and log group; the policies of bucket, key and role are those that the filters make."""
    key = run.ok("kms_key", alias="velero-audit")["key_arn"]
    run.ok("kms_key_policy", key_id=key, statements=FILTERS["trail_key_policy_statements"](ARN))
    log_bucket(aws, "other-audit", ARN, s3_key_prefix="trails")
    whole = wanted(
        s3_bucket_name="other-audit",
        s3_key_prefix="/trails/",
        kms_key_id="alias/velero-audit",
        cloud_watch_logs_log_group_arn=GROUP,
        cloud_watch_logs_role_arn=ROLE,
    )
    run.ok(MODULE, **wanted())
    _created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create=whole,
        modify=wanted(s3_key_prefix="", kms_key_id="", cloud_watch_logs_log_group_arn="", cloud_watch_logs_role_arn=""),
        delete={"name": NAME, "state": "absent"},
        state=lambda: state(aws),
    )
    assert (modified["kms_key_arn"], modified["log_group_arn"], modified["s3_key_prefix"]) == (None, None, "")
    assert deleted["kept"] == {"s3_bucket_name": BUCKET}
    made = run.ok(MODULE, **whole)
    assert (made["kms_key_arn"], made["log_group_arn"], made["log_role_arn"]) == (key, GROUP, ROLE)
    told = run.ok(MODULE, name=NAME, state="absent")["kept"]
    assert told == {
        "s3_bucket_name": "other-audit",
        "s3_key_prefix": "trails",
        "cloud_watch_logs_log_group_arn": f"{GROUP}:*",
        "cloud_watch_logs_role_arn": ROLE,
        "kms_key_id": key,
    }
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["velero-audit"]


def test_requests(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    def calls(**options: Any) -> list[str]:
        aws.proxy.clear()
        run.ok(MODULE, **options)
        return [call.operation for call in aws.proxy.requests]

    assert calls(name=NAME, state="absent") == ["DescribeTrails"]
    assert calls(**wanted()) == ["DescribeTrails", "GetCallerIdentity", "CreateTrail", "StartLogging"]
    assert calls(**wanted()) == ["DescribeTrails", "GetTrailStatus"]
    assert calls(**wanted(tags={})) == ["DescribeTrails", "GetTrailStatus", "ListTags"]
    recorded = wanted(data_events="all", data_event_arns=[OBJECTS])
    assert calls(**recorded) == [
        "DescribeTrails",
        "GetTrailStatus",
        "PutEventSelectors",
        "GetEventSelectors",  # whether they are still there
    ]
    assert calls(**recorded) == ["DescribeTrails", "GetTrailStatus", "GetEventSelectors"]
    assert calls(name=NAME, state="absent") == ["DescribeTrails", "DeleteTrail"]
    assert calls(**recorded) == [
        "DescribeTrails",
        "GetCallerIdentity",
        "CreateTrail",
        "PutEventSelectors",
        "StartLogging",
        "GetEventSelectors",
    ]


def test_foreign_selectors_are_kept(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    theirs = [management(name="theirs too"), LAMBDA]
    cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=theirs)
    _created, modified, deleted = assert_lifecycle(
        run,
        MODULE,
        create=wanted(data_events="all", data_event_arns=[OBJECTS]),
        modify=wanted(data_events="read", data_event_arns=[OBJECTS, "arn:aws:s3:::second/"]),
        delete=wanted(),
        state=lambda: state(aws),
    )
    ours = data(READS, StartsWith=[OBJECTS, "arn:aws:s3:::second/"])
    assert modified["event_selectors"] == [*theirs, ours]
    assert deleted["event_selectors"] == theirs


def test_installations_that_share_a_trail(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted(data_events="all", data_event_arns=[OBJECTS]))
    second = wanted(selector_name="second", data_events="write", data_event_arns=["arn:aws:s3:::second/"])
    assert run.ok(MODULE, **second)["changed"]
    assert not run.ok(MODULE, **wanted(data_events="all", data_event_arns=[OBJECTS]))["changed"]
    assert not run.ok(MODULE, **second)["changed"]
    assert len(state(aws)["selectors"]) == 3


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([management({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]})], management()),
        ([management(READS, name="reads"), LAMBDA], management()),
        (
            [management({"Field": "eventSource", "NotEquals": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]})],
            management({"Field": "eventSource", "NotEquals": ["rdsdata.amazonaws.com"]}),
        ),
        ([LAMBDA], management()),
    ],
)
def test_key_is_not_left_out(
    run: ModuleRunner, aws: Aws, cloudtrail: Any, theirs: list[Document], ours: Document
) -> None:
    run.ok(MODULE, **wanted())
    cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=theirs)
    assert run.ok(MODULE, check=True, **wanted())["changed"]
    assert run.ok(MODULE, **wanted())["kms_events"] == "all"
    assert state(aws)["selectors"] == [ours, *(one for one in theirs if one == LAMBDA)]
    assert not run.ok(MODULE, **wanted())["changed"]


def test_other_services_may_be_left_out(run: ModuleRunner, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    theirs = management({"Field": "eventSource", "NotEquals": ["rdsdata.amazonaws.com"]}, name="cheap")
    cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=[theirs])
    assert not run.ok(MODULE, **wanted())["changed"]


def basic(mode: str = "All", **elements: Any) -> Document:
    return {
        "ReadWriteType": mode,
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
        **elements,
    }


FUNCTIONS = {"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}
FUNCTION = {"Type": "AWS::Lambda::Function", "Values": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:one"]}
OTHER_OBJECTS = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::other/", "arn:aws:s3:::third/x"]}


def test_basic_selectors_are_carried_over(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    theirs = [
        basic(DataResources=[FUNCTIONS]),
        basic("WriteOnly", IncludeManagementEvents=False, DataResources=[OTHER_OBJECTS, FUNCTION]),
    ]
    cloudtrail.put_event_selectors(TrailName=NAME, EventSelectors=theirs)
    assert not run.ok(MODULE, **wanted())["changed"], "no need to touch them"
    recorded = wanted(data_events="all", data_event_arns=[OBJECTS])
    result = run.ok(MODULE, **recorded)
    assert result["diff"]["before"] == {"event_selectors": theirs}
    assert state(aws)["selectors"] == [
        management(name="Management events"),
        data(name="Data events of AWS::Lambda::Function", kind="AWS::Lambda::Function"),
        data(WRITES, name="Data events of AWS::S3::Object", StartsWith=OTHER_OBJECTS["Values"]),
        data(
            WRITES,
            name="Data events of AWS::Lambda::Function",
            kind="AWS::Lambda::Function",
            Equals=FUNCTION["Values"],
        ),
        data(StartsWith=[OBJECTS]),
    ]
    assert not run.ok(MODULE, **recorded)["changed"]


def test_objects_that_are_recorded_already(run: ModuleRunner, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    everything = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}
    cloudtrail.put_event_selectors(TrailName=NAME, EventSelectors=[basic(DataResources=[everything])])
    result = run.ok(MODULE, **wanted(data_events="write", data_event_arns=[OBJECTS]))
    assert (result["changed"], result["data_events"]) == (False, "all")


def test_basic_selectors_without_an_equal_are_refused(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    odd = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::other/*"]}
    cloudtrail.put_event_selectors(TrailName=NAME, EventSelectors=[basic(DataResources=[odd])])
    before = state(aws)
    for check in (True, False):
        assert run.refused(MODULE, check=check, **wanted(data_events="all", data_event_arns=[OBJECTS])) == (
            f"name: {NAME} has a basic event selector that names arn:aws:s3:::other/*, and advanced selectors take no "
            "*. A trail has basic or advanced event selectors, never both, and this task needs advanced ones. Correct "
            "that selector (aws cloudtrail put-event-selectors), or use another trail."
        )
    assert state(aws) == before


def test_a_trail_for_data_events_alone(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    """The management events are another trail's, and are not paid twice."""
    foreign_trail(aws, "company", "company-audit")
    only = wanted(management_events="none", data_events="all", data_event_arns=[OBJECTS])
    result = run.ok(MODULE, **only)
    assert result["event_selectors"] == [data(StartsWith=[OBJECTS])]
    assert (result["kms_events"], result["data_events"]) == ("none", "all")
    assert not run.ok(MODULE, **only)["changed"]


def test_changing_calls_alone(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    result = run.ok(MODULE, **wanted(management_events="write"))
    assert (result["event_selectors"], result["kms_events"]) == ([management(WRITES)], "write")
    assert not run.ok(MODULE, **wanted(management_events="write"))["changed"]


def test_trail_that_doubles_another_is_refused(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    theirs = foreign_trail(aws, "company", "company-audit")
    for check in (True, False):
        assert run.refused(MODULE, check=check, **wanted()) == (
            f"name: {NAME} would record what the trail company records already; AWS bills the second copy. Use "
            f"{theirs}, which coffer.velero.cloudtrail_info finds: leave this task out (kms_audit_trail=false), or "
            "set "
            "allow_duplicate=true to pay for the copy."
        )
    assert state(aws) is None
    assert run.ok(MODULE, **wanted(allow_duplicate=True))["changed"]
    assert not run.ok(MODULE, **wanted())["changed"], "one that is there is left there"


@pytest.mark.parametrize("why", ["stopped", "key left out"])
def test_trail_that_records_something_else_is_none(run: ModuleRunner, aws: Aws, cloudtrail: Any, why: str) -> None:
    foreign_trail(aws, "company", "company-audit")
    if why == "stopped":
        cloudtrail.stop_logging(Name="company")
    else:
        selectors = [basic(ExcludeManagementEventSources=["kms.amazonaws.com"])]
        cloudtrail.put_event_selectors(TrailName="company", EventSelectors=selectors)
    assert run.ok(MODULE, **wanted())["warnings"] == []


def test_trail_that_records_the_same_objects(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    foreign_trail(aws, "company", "company-audit")
    everything = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::"]}
    cloudtrail.put_event_selectors(TrailName="company", EventSelectors=[basic(DataResources=[everything])])
    only = wanted(management_events="none", data_events="write", data_event_arns=[OBJECTS])
    assert "would record what the trail company records already" in run.refused(MODULE, **only)


def test_trail_of_the_organization(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    """Seen and used, not doubled and not changed; with selectors that it keeps to itself, there is a warning."""
    other = Account(aws, "444455556666")
    theirs = foreign_trail(other, "organization", "organization-audit", IsOrganizationTrail=True)
    for state_ in ("present", "absent"):
        assert run.refused(MODULE, **wanted(name="organization", state=state_)) == (
            f"name: {theirs} is the trail of an organization that 444455556666 manages. Use it as it is, without this "
            "task (kms_audit_trail=false), or choose another name. Credentials of 444455556666 may change it; those "
            "of a delegated administrator with is_organization_trail=true."
        )
    assert "would record what the trail organization of the organization records already" in run.refused(
        MODULE, **wanted()
    )
    selectors = [management(WRITES)]
    other.client("cloudtrail").put_event_selectors(TrailName="organization", AdvancedEventSelectors=selectors)
    for check in (True, False):
        assert run.ok(MODULE, check=check, **wanted())["warnings"] == [
            f"{NAME}: the trail {theirs} of the organization may record the same, and AWS bills each copy of an event "
            "but the first. Only the account 444455556666 can tell."
        ]


def test_own_trail_of_the_organization_is_not_deleted_in_passing(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    log_bucket(aws, "organization-audit", ARN, organization_id="o-exampleorgid")
    ours = wanted(s3_bucket_name="organization-audit", is_organization_trail=True)
    run.ok(MODULE, **ours)
    assert not run.ok(MODULE, **wanted(s3_bucket_name="organization-audit"))["changed"], "left alone"
    assert run.refused(MODULE, name=NAME, state="absent") == (
        f"state: {ARN} is the trail of the whole organization, whose accounts would all be without it. Set "
        "is_organization_trail=true if that is meant."
    )
    assert run.ok(MODULE, name=NAME, state="absent", is_organization_trail=True)["changed"]


def test_trail_of_another_region(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted())
    for options in (wanted(region="eu-west-1"), {"name": NAME, "state": "absent", "region": "eu-west-1"}):
        assert run.refused(MODULE, **options) == (
            f"region: {ARN} has its home in us-east-1, and CloudTrail changes it nowhere else. Set region to us-east-1 "
            "for this task, or choose another name for a trail of this Region."
        )


def test_empty_account(run: ModuleRunner, aws: Aws) -> None:
    """Bucket, key, log group and role are made by earlier tasks."""
    options = wanted(
        kms_key_id="alias/velero-audit",
        cloud_watch_logs_log_group_arn=GROUP,
        cloud_watch_logs_role_arn=ROLE,
        data_events="write",
        data_event_arns=[OBJECTS],
    )
    placeholder = run.ok(MODULE, check=True, **options)
    assert placeholder["trail_arn"] == ARN
    assert placeholder["kms_key_arn"].endswith("key/00000000-0000-0000-0000-000000000000")
    assert run.refused(MODULE, **options) == (
        "kms_key_id: alias/velero-audit does not exist in us-east-1. Create it first: coffer.velero.kms_key creates a "
        "key with its alias."
    )
    promised = wanted(kms_key_id=placeholder["kms_key_arn"])
    assert run.ok(MODULE, check=True, **promised)["kms_key_arn"] == placeholder["kms_key_arn"]
    assert run.refused(MODULE, **promised).endswith(
        "is what a check run promised, not a key. Use the ARN that the real run of the task that makes the key returns."
    )
    assert "cloudtrail:CreateTrail failed: S3BucketDoesNotExistException: " in run.refused(MODULE, **wanted())


def test_what_others_must_allow(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    """Each is said with what makes it right, after the time that a new policy is given."""
    aws.client("s3").create_bucket(Bucket="bare")
    assert run.refused(MODULE, **wanted(s3_bucket_name="bare")) == (
        "cloudtrail:CreateTrail failed: InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected "
        "for bucket: bare The policy of the bucket lacks the statements of the filter "
        "coffer.velero.trail_bucket_policy_statements; coffer.velero.s3_bucket_policy merges them."
    )
    key = run.ok("kms_key", alias="velero-audit")["key_arn"]
    refused = run.refused(MODULE, **wanted(kms_key_id=key))
    assert "InsufficientEncryptionPolicyException" in refused
    assert "coffer.velero.trail_key_policy_statements" in refused
    group = {"cloud_watch_logs_log_group_arn": GROUP, "cloud_watch_logs_role_arn": ROLE}
    assert run.refused(MODULE, **wanted(**group)).endswith("The log group must exist, and the role may write to it.")
    aws.client("logs").create_log_group(logGroupName="velero-audit")
    assert "coffer.velero.trail_trust_statements" in run.refused(MODULE, **wanted(**group))
    aws.client("kms").disable_key(KeyId=key)
    assert "kms_key_id: " in run.refused(MODULE, **wanted(kms_key_id="alias/velero-audit"))
    assert state(aws) is None


def test_new_policies_are_waited_for(
    run: ModuleRunner, aws: Aws, cloudtrail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as is asked for, and no longer than that."""
    monkeypatch.setattr(api, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(api, "_LONGEST_PAUSE", 0.01)
    s3 = aws.client("s3")
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    aws.proxy.clear()
    run.refused(MODULE, **wanted())
    assert aws.proxy.count(operation="CreateTrail") == 1
    settled = threading.Timer(0.3, s3.put_bucket_policy, kwargs={"Bucket": BUCKET, "Policy": policy})
    settled.start()
    assert run.ok(MODULE, **wanted(propagation_timeout=60))["changed"]
    settled.join()
    assert aws.proxy.count(operation="CreateTrail") > 2


def test_rival_that_takes_our_selectors_back(
    run: ModuleRunner, aws: Aws, cloudtrail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both installations that share the trail are there in the end."""
    run.ok(MODULE, **wanted())
    theirs = [management(), LAMBDA]
    looked: list[Any] = []
    real = api.verify_write

    def rival(*arguments: Any, **options: Any) -> None:
        if not looked:
            cloudtrail.put_event_selectors(TrailName=NAME, AdvancedEventSelectors=theirs)
        looked.append(arguments)
        real(*arguments, **options)

    monkeypatch.setattr(api, "verify_write", rival)
    monkeypatch.setattr(_runner, "_PAUSES", (0.0,))
    options = wanted(data_events="all", data_event_arns=[OBJECTS])
    assert run.ok(MODULE, **options)["changed"]
    assert len(looked) == 2
    assert state(aws)["selectors"] == [*theirs, data(StartsWith=[OBJECTS])]


def test_unreadable_is_not_empty(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    run.ok(MODULE, **wanted(data_events="all", data_event_arns=[OBJECTS]))
    before = state(aws)
    for operation in ("DescribeTrails", "GetTrailStatus", "GetEventSelectors", "ListTags"):
        aws.proxy.deny("cloudtrail", operation)
        refused = run.refused(MODULE, **wanted(tags={"a": "b"}))
        assert refused.startswith(f"cloudtrail:{operation} failed: AccessDenied")
        aws.proxy.reset()
    assert state(aws) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"s3_bucket_name": None}, "state is present but all of the following are missing: s3_bucket_name"),
        ({"name": "a..b"}, "name: a..b is not a name of a trail. Give 3 to 128 letters and digits"),
        ({"management_events": "none"}, "management_events: none leaves the trail nothing to record. Set data_events"),
        (
            {"include_global_service_events": False},
            "include_global_service_events: false contradicts a trail of all Regions. Leave it out",
        ),
        (
            {"data_events": "all", "data_event_arns": [f"arn:aws:s3:::{BUCKET}/"]},
            f"data_event_arns: arn:aws:s3:::{BUCKET}/ covers the logs of the trail itself, {BUCKET}/AWSLogs/. Give the",
        ),
        (
            {
                "s3_key_prefix": "logs",
                "data_events": "read",
                "data_event_arns": [f"arn:aws:s3:::{BUCKET}/logs/AWSLogs/1"],
            },
            "covers the logs of the trail itself",
        ),
        ({"s3_key_prefix": "x" * 201}, "is longer than 200 characters. Give a shorter one."),
        ({"cloud_watch_logs_role_arn": ROLE}, "parameters are required together: cloud_watch_logs_log_group_arn"),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, cloudtrail: Any, options: Document, message: str) -> None:
    given = {name: value for name, value in wanted(**options).items() if value is not None}
    for check in (True, False):
        assert message in run.refused(MODULE, check=check, **given)
    assert state(aws) is None


def test_cut_off_after_the_create(run: ModuleRunner, aws: Aws, cloudtrail: Any) -> None:
    """The next run starts what this one has made."""
    aws.proxy.deny("cloudtrail", "StartLogging")
    assert "cloudtrail:StartLogging failed" in run.refused(MODULE, **wanted(tags={"a": "b"}))
    aws.proxy.reset()
    result = run.ok(MODULE, **wanted(tags={"a": "b"}))
    assert result["diff"] == {"before": {"is_logging": False}, "after": {"is_logging": True}}
    assert state(aws)["is_logging"]


REQUESTS = 6  # of the run that makes a trail with data events


@controller_only
@pytest.mark.parametrize("kind", ["fail", "cut_before", "cut_after", "throttle"])
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
def test_disturbed(
    run: ModuleRunner, aws: Aws, cloudtrail: Any, monkeypatch: pytest.MonkeyPatch, number: int, kind: Any
) -> None:
    """Whatever request is lost, this run or the next one ends where an undisturbed one does, and makes no second."""
    monkeypatch.setattr(_runner, "_PAUSES", (0.0, 0.0))
    options = wanted(data_events="all", data_event_arns=[OBJECTS], tags={"service": "velero"})
    aws.proxy.fault(number, kind)
    run(MODULE, **options)
    aws.proxy.reset()
    run.ok(MODULE, **options)
    assert not run.ok(MODULE, **options)["changed"]
    there = state(aws)
    assert there["is_logging"]
    assert there["tags"] == [{"Key": "service", "Value": "velero"}]
    assert len(there["selectors"]) == 2
    assert len(cloudtrail.describe_trails()["trailList"]) == 1
