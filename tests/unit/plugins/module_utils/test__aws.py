# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to AWS: what an answer becomes, what is repeated and what never is.

A counting proxy stands in for AWS: it answers with the fault that a test wants, and counts what was sent.
"""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils import _aws
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ConflictError, ServiceError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Computed, Difference, Plan, Step


class Answers(http.server.ThreadingHTTPServer):
    """Says what it was told to, one answer after the other, the last one for ever; ``None`` hangs up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, Any]] | None] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def say(self, *answers: tuple[int, dict[str, Any]] | None) -> None:
        self.answers, self.bodies = list(answers), []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together, or the body would wait for the client's delayed ACK
    server: Answers

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answer = self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        content = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def server() -> Iterator[Answers]:
    with Answers() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test, and no waiting."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(_aws.time, "sleep", lambda seconds: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


def parameters(**options: Any) -> dict[str, Any]:
    """Options as they come out of the validation, all connection options included."""
    defaults = {name: option.get("default") for name, option in aws_spec({}).options.items()}
    return defaults | {"access_key": "test", "secret_key": "test"} | options


@pytest.fixture
def aws(server: Answers) -> Aws:
    return Aws(parameters(region="eu-central-1", endpoint_url=server.url))


def error(code: str, message: str = "words of AWS", status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"__type": code, "message": message}


KEY = (200, {"KeyMetadata": {"KeyId": "1234", "Arn": "arn:x"}})
THROTTLED = error("ThrottlingException")
FAILED = error("InternalFailure", status=500)

# --- one request -----------------------------------------------------------------------------------------------------


def test_answer(aws: Aws, server: Answers) -> None:
    server.say(KEY)
    assert aws.call("kms:DescribeKey", KeyId="alias/velero")["KeyMetadata"]["KeyId"] == "1234"
    assert server.bodies == [{"KeyId": "alias/velero"}]


@pytest.mark.parametrize(
    ("action", "arguments", "answer", "text"),
    [
        (
            "kms:DescribeKey",
            {"KeyId": "x"},
            error("InvalidArnException"),
            "kms:DescribeKey failed: InvalidArnException: words of AWS",
        ),
        (
            "kms:DescribeKey",
            {"KeyId": "x"},
            error("AccessDeniedException"),
            "kms:DescribeKey failed: AccessDeniedException: words of AWS "
            "The credentials of this task need kms:DescribeKey there.",
        ),
        (
            "resourcegroupstaggingapi:GetResources",
            {},
            error("AccessDeniedException"),
            "resourcegroupstaggingapi:GetResources failed: AccessDeniedException: words of AWS "
            "The credentials of this task need tag:GetResources there.",
        ),
    ],
    ids=["plain", "denied", "denied by another name"],
)
def test_error_in_the_words_of_aws(
    aws: Aws, server: Answers, action: str, arguments: dict[str, Any], answer: Any, text: str
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as raised:
        aws.call(action, **arguments)
    assert str(raised.value) == text
    assert (raised.value.action, raised.value.code, raised.value.status) == (action, answer[1]["__type"], 400)


def test_find_is_none_only_for_the_named_codes(aws: Aws, server: Answers) -> None:
    server.say(error("NotFoundException"))
    assert aws.call_or_none("kms:DescribeKey", "NotFoundException", KeyId="x") is None
    with pytest.raises(ServiceError, match="NotFoundException"):
        aws.call_or_none("kms:DescribeKey", "NoSuchKey", KeyId="x")
    server.say(error("AccessDeniedException"))
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        aws.call_or_none("kms:DescribeKey", "NotFoundException", KeyId="x")
    server.say(KEY)
    found = aws.call_or_none("kms:DescribeKey", "NotFoundException", KeyId="x")
    assert found is not None
    assert found["KeyMetadata"]["KeyId"] == "1234"


def test_a_parameter_that_this_boto3_does_not_know(aws: Aws, server: Answers) -> None:
    server.say(KEY)
    with pytest.raises(ServiceError) as raised:
        aws.call("kms:DescribeKey", KeyId="x", Novelty=1)
    assert raised.value.code == "InvalidParameter"
    assert 'Unknown parameter in input: "Novelty"' in str(raised.value)
    assert str(raised.value).endswith("The collection is tested with boto3 >= 1.41.0.")
    assert server.bodies == []


def test_an_operation_that_this_boto3_does_not_know(aws: Aws) -> None:
    with pytest.raises(ServiceError) as raised:
        aws.call("kms:Levitate")
    assert str(raised.value) == (
        "kms:Levitate failed: UnknownOperation: this boto3 does not know it; install boto3 >= 1.41.0"
    )


def test_knows(aws: Aws) -> None:
    assert aws.supports_member("s3", "ServerSideEncryptionRule", "BlockedEncryptionTypes")
    assert not aws.supports_member("s3", "ServerSideEncryptionRule", "Novelty")


def test_pages(aws: Aws, server: Answers) -> None:
    tags = [{"TagKey": name, "TagValue": "x"} for name in "abc"]
    server.say((200, {"Tags": tags[:2], "Truncated": True, "NextMarker": "m"}), (200, {"Tags": tags[2:]}))
    assert list(aws.pages("kms:ListResourceTags", "Tags", KeyId="x")) == tags
    assert server.bodies[1]["Marker"] == "m"


def test_error_while_paging_is_no_empty_list(aws: Aws, server: Answers) -> None:
    server.say(error("AccessDeniedException"))
    with pytest.raises(ServiceError, match="need kms:ListResourceTags there"):
        list(aws.pages("kms:ListResourceTags", "Tags", KeyId="x"))


def test_nobody_answers(server: Answers) -> None:
    aws = Aws(
        parameters(
            region="eu-central-1", endpoint_url="http://127.0.0.1:1", aws_config={"retries": {"total_max_attempts": 1}}
        )
    )
    with pytest.raises(ServiceError, match="kms:DescribeKey failed: unreachable: there is no connection to"):
        aws.call("kms:DescribeKey", KeyId="x")
    with pytest.raises(ServiceError, match="unreachable"):  # not sent: nothing can have moved
        aws.create_non_idempotent("kms:CreateKey")


# --- repeated or not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [THROTTLED, FAILED, None], ids=["throttled", "failed", "cut"])
def test_request_is_repeated(aws: Aws, server: Answers, trouble: Any) -> None:
    server.say(trouble, trouble, KEY)
    assert aws.call("kms:DescribeKey", KeyId="x")["KeyMetadata"]
    assert len(server.bodies) == 3


def test_request_is_not_repeated_for_ever(aws: Aws, server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    server.say(FAILED)
    with pytest.raises(ServiceError, match="InternalFailure"):
        aws.call("kms:DescribeKey", KeyId="x")
    assert len(server.bodies) == 4


def test_throttled_create_was_not_carried_out_and_is_repeated(aws: Aws, server: Answers) -> None:
    server.say(THROTTLED, THROTTLED, KEY)
    assert aws.create_non_idempotent("kms:CreateKey")["KeyMetadata"]
    assert len(server.bodies) == 3


def test_create_that_stays_throttled_fails(aws: Aws, server: Answers) -> None:
    server.say(THROTTLED)
    with pytest.raises(ServiceError, match="ThrottlingException"):
        aws.create_non_idempotent("kms:CreateKey")
    assert len(server.bodies) == 8


@pytest.mark.parametrize("trouble", [FAILED, None], ids=["failed", "cut"])
@pytest.mark.parametrize(
    "options",
    [{}, {"aws_config": {"retries": {"mode": "standard", "total_max_attempts": 5}}}],
    ids=["as is", "with retries of the user"],
)
def test_create_whose_fate_is_unknown_is_never_repeated(server: Answers, trouble: Any, options: Any) -> None:
    server.say(trouble)
    aws = Aws(parameters(region="eu-central-1", endpoint_url=server.url, **options))
    with pytest.raises(ConflictError) as moved:
        aws.create_non_idempotent("kms:CreateKey")
    assert isinstance(moved.value.cause, ServiceError)
    assert len(server.bodies) == 1


def test_refused_create_is_an_error(aws: Aws, server: Answers) -> None:
    server.say(error("AccessDeniedException"))
    with pytest.raises(ServiceError, match="need kms:CreateKey there"):
        aws.create_non_idempotent("kms:CreateKey")
    assert len(server.bodies) == 1


# --- plans -----------------------------------------------------------------------------------------------------------

NEW_KEY = Computed("key_id", "0000")
PLAN = Plan(
    steps=(
        Step("kms:CreateKey", {"Description": "x"}, outputs={"key_id": "KeyMetadata.KeyId"}),
        Step("kms:CreateAlias", {"AliasName": "alias/velero", "TargetKeyId": NEW_KEY}),
    ),
    differences=(Difference("alias", None, "alias/velero"),),
)


def test_plan_is_applied_in_order_with_what_was_learned(aws: Aws, server: Answers) -> None:
    server.say(KEY, (200, {}))
    assert aws.apply(PLAN) == {"key_id": "1234"}
    assert server.bodies == [{"Description": "x"}, {"AliasName": "alias/velero", "TargetKeyId": "1234"}]


def test_creates_are_sent_once(aws: Aws, server: Answers) -> None:
    server.say(None)
    with pytest.raises(ConflictError):
        aws.apply(PLAN, creates=frozenset({"kms:CreateKey"}))
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "code",
    [
        "AlreadyExistsException",
        "EntityAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "OperationAborted",
        "ConcurrentModification",
    ],
)
def test_a_rival_was_faster(aws: Aws, server: Answers, code: str) -> None:
    server.say(KEY, error(code))
    with pytest.raises(ConflictError, match=f"kms:CreateAlias failed: {code}: words of AWS"):
        aws.apply(PLAN)


def test_error_ends_the_plan(aws: Aws, server: Answers) -> None:
    server.say(error("TagException"))
    with pytest.raises(ServiceError, match="TagException"):
        aws.apply(PLAN)
    assert len(server.bodies) == 1


# --- connection options ----------------------------------------------------------------------------------------------


def test_no_region() -> None:
    aws = Aws(parameters())
    with pytest.raises(CofferError) as raised:
        dummy = aws.region
    assert str(raised.value) == "region: it is not set. Set the option, AWS_REGION or the Region of the profile."
    with pytest.raises(CofferError, match="region: it is not set"):
        aws.call("kms:DescribeKey", KeyId="x")


def test_region_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile backup]\nregion = eu-west-1\naws_access_key_id = A\naws_secret_access_key = s\n"
    )
    assert Aws(parameters(access_key=None, secret_key=None, profile="backup")).region == "eu-west-1"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"access_key": None, "secret_key": None, "profile": "nobody"},
            'profile: "nobody" is in no configuration file of the AWS CLI. Choose one that aws configure list-profiles '
            "names, on the machine that runs the task.",
        ),
        (
            {"profile": "nobody"},
            "profile: it cannot be used: Passing both a profile and access tokens is not supported. Correct the "
            "connection options.",
        ),
        (
            {"aws_config": {"levitate": True}},
            "aws_config: levitate is not an option of botocore's Config. Write it as the documentation of botocore's "
            "Config says.",
        ),
    ],
    ids=["profile", "profile and key", "aws_config"],
)
def test_connection_options_that_cannot_be_used(options: dict[str, Any], text: str) -> None:
    with pytest.raises(CofferError) as raised:
        Aws(parameters(region="eu-central-1", **options))
    assert str(raised.value) == text


def test_endpoint_that_is_no_url() -> None:
    aws = Aws(parameters(region="eu-central-1", endpoint_url="nonsense"))
    with pytest.raises(CofferError, match=r"endpoint_url: nonsense is not a URL. Write it as https://HOST"):
        aws.call("kms:DescribeKey", KeyId="x")


def test_nobody_signs() -> None:
    with pytest.raises(CofferError, match=r"profile: the credentials are not set. Set profile, or access_key and"):
        Aws(parameters(region="eu-central-1", access_key=None, secret_key=None))


def test_partition() -> None:
    assert Aws(parameters(region="cn-north-1")).partition == "aws-cn"


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws, "HAS_BOTO3", False)
    with pytest.raises(CofferError) as raised:
        Aws(parameters())
    assert str(raised.value) == "boto3: it is not installed for this Python. Install boto3 >= 1.41.0."
    _aws.preload("kms")


@pytest.mark.parametrize(("name", "value"), [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "nonsense")])
def test_settings_of_the_controller_do_not_stop_its_plugins_from_loading(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    _aws.preload("kms")


def test_models_that_were_loaded_are_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _aws.preload("iam", "kms")

    def search(path: str) -> list[str]:
        pytest.fail(f"{path} was searched")

    monkeypatch.setattr(os, "listdir", search)
    aws = Aws(parameters(region="eu-central-1"))
    for service, operation in (("iam", "list_attached_role_policies"), ("kms", "list_aliases")):
        assert aws._client(service, once=False).get_paginator(operation)


@pytest.mark.parametrize("options", [{"profile": "backup"}, {}], ids=["option", "environment"])
def test_session_reads_the_settings_of_the_task_whatever_was_preloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    _aws.preload("kms")
    other = tmp_path / "of the task"
    other.write_text(
        "[profile backup]\nregion = eu-west-2\naws_access_key_id = AKIATASK\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(other))
    if not options:
        monkeypatch.setenv("AWS_PROFILE", "backup")
    aws = Aws(parameters(access_key=None, secret_key=None, **options))
    assert (aws.region, aws.credentials()[0]) == ("eu-west-2", "AKIATASK")


def test_role_of_a_profile_is_assumed_in_the_region_of_the_task() -> None:
    """Which is in the right partition, where the SDK's own choice need not be."""
    aws = Aws(parameters(region="cn-north-1"))
    assert aws._session.get_config_variable("region") == "cn-north-1"


def test_what_is_registered_with_one_client_is_not_with_the_next() -> None:
    for dummy in range(2):
        events = Aws(parameters(region="eu-central-1"))._client("kms", once=False).meta.events
        assert events.emit("of.the.test") == []
        events.register("of.the.test", lambda **_: "added")
        assert len(events.emit("of.the.test")) == 1


def test_another_region() -> None:
    here = Aws(parameters(region="eu-central-1"))
    assert here.for_region("eu-west-1").region == "eu-west-1"
    assert here.for_region("eu-central-1") is here
