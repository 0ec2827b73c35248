# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy names, counts and disturbs calls, and passes everything else unchanged."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.support.emulators import ROOT, MiniStack, Moto
from tests.support.fixtures import Aws
from tests.support.proxy import CUT, Kind, Proxy, Recorded, read_log

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
BUCKET = "velero-backups"
# One service for each protocol: JSON, query and REST-XML.
PROBES = [("kms", "list_keys", "ListKeys"), ("iam", "list_roles", "ListRoles"), ("s3", "list_buckets", "ListBuckets")]


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    moto.reset()
    with Proxy(moto.url) as proxy:
        yield proxy


def client(moto: Moto, proxy: Proxy, service: str, config: Config = ONCE) -> Any:
    return moto.client(service, endpoint_url=proxy.url, config=config)


def test_calls_are_named_by_service_and_operation(moto: Moto, proxy: Proxy) -> None:
    s3 = client(moto, proxy, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.get_bucket_encryption(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="a b/ü", Body=b"x")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "a b/ü"})
    s3.list_objects_v2(Bucket=BUCKET)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=BUCKET, Key="none")
    client(moto, proxy, "kms").list_aliases()
    client(moto, proxy, "iam").list_roles()
    client(moto, proxy, "sts").get_caller_identity()
    client(moto, proxy, "eks").list_clusters()
    client(moto, proxy, "resourcegroupstaggingapi").get_resources()
    client(moto, proxy, "cloudwatch").describe_alarms()
    assert proxy.requests == [
        ("s3", "CreateBucket", 200),
        ("s3", "GetBucketEncryption", 200),
        ("s3", "PutObject", 200),
        ("s3", "CopyObject", 200),
        ("s3", "ListObjectsV2", 200),
        ("s3", "HeadObject", 404),
        ("kms", "ListAliases", 200),
        ("iam", "ListRoles", 200),
        ("sts", "GetCallerIdentity", 200),
        ("eks", "ListClusters", 200),
        ("tagging", "GetResources", 200),
        ("monitoring", "DescribeAlarms", 200),
    ]


def test_count_and_reset(moto: Moto, proxy: Proxy) -> None:
    kms = client(moto, proxy, "kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.describe_key(KeyId=key_id)
    with pytest.raises(ClientError):
        kms.describe_key(KeyId="alias/none")
    assert (proxy.count(), proxy.count(service="kms"), proxy.count(service="s3")) == (3, 3, 0)
    assert (proxy.count(operation="DescribeKey"), proxy.count(status=400)) == (2, 1)
    proxy.reset()
    assert proxy.requests == []


def test_unsigned_web_identity_is_a_call_of_sts(moto: Moto, proxy: Proxy) -> None:
    role = "arn:aws:iam::123456789012:role/velero"
    client(moto, proxy, "sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="velero", WebIdentityToken="token"
    )
    assert proxy.requests == [("sts", "AssumeRoleWithWebIdentity", 200)]


def test_large_bodies_pass_unchanged(moto: Moto, proxy: Proxy) -> None:
    body = os.urandom(50 * 1024 * 1024)
    s3 = client(moto, proxy, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    read = s3.get_object(Bucket=BUCKET, Key="large")["Body"].read()
    assert hashlib.sha256(read).digest() == hashlib.sha256(body).digest()
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == len(body)


def test_chunked_transfer_encoding_passes_unchanged(moto: Moto, proxy: Proxy) -> None:
    body = os.urandom(3 * 1024 * 1024)
    moto.client("s3").create_bucket(Bucket=BUCKET)
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc)
    authorization = "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/s3/aws4_request, Signature=0"
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    headers = {"Transfer-Encoding": "chunked", "Authorization": authorization}
    connection.request("PUT", f"/{BUCKET}/chunked", pieces, headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert moto.client("s3").get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == body
    assert proxy.requests == [("s3", "PutObject", 200)]


@pytest.mark.parametrize(("service", "method", "operation"), PROBES)
@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("fail", {"InternalFailure", "InternalError"}),
        ("throttle", {"ThrottlingException", "Throttling", "SlowDown"}),
        ("deny", {"AccessDeniedException", "AccessDenied"}),
    ],
)
def test_error_faults_are_in_the_services_protocol(
    moto: Moto, proxy: Proxy, service: str, method: str, operation: str, kind: Kind, codes: set[str]
) -> None:
    caller = client(moto, proxy, service)
    proxy.fault(2, kind)
    getattr(caller, method)()
    with pytest.raises(ClientError) as caught:
        getattr(caller, method)()
    getattr(caller, method)()
    assert caught.value.response["Error"]["Code"] in codes
    assert caught.value.response["Error"]["Message"] == f"{kind} by the test's proxy"
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert proxy.requests == [(service, operation, 200), (service, operation, status), (service, operation, 200)]


@pytest.mark.parametrize("service", ["eks", "cloudwatch"])
def test_faults_of_the_rarer_protocols(moto: Moto, proxy: Proxy, service: str) -> None:
    caller = client(moto, proxy, service)
    proxy.deny({"cloudwatch": "monitoring"}.get(service, service))
    with pytest.raises(ClientError) as caught:
        caller.list_clusters() if service == "eks" else caller.describe_alarms()
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(("kind", "keys"), [("cut_before", 0), ("cut_after", 1)])
def test_cut_connection(moto: Moto, proxy: Proxy, kind: Kind, keys: int) -> None:
    kms = client(moto, proxy, "kms")
    proxy.fault(1, kind)
    with pytest.raises(ConnectionClosedError):
        kms.create_key()
    assert proxy.requests == [("kms", "CreateKey", CUT)]
    assert len(moto.client("kms").list_keys()["Keys"]) == keys


def test_head_can_be_refused(moto: Moto, proxy: Proxy) -> None:
    s3 = client(moto, proxy, "s3")
    moto.client("s3").create_bucket(Bucket=BUCKET)
    proxy.fault(1, "throttle", operation="HeadBucket")
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=BUCKET)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_delay(moto: Moto, proxy: Proxy) -> None:
    kms = client(moto, proxy, "kms")
    proxy.fault(1, "delay", seconds=0.3)
    start = time.monotonic()
    kms.list_keys()
    assert time.monotonic() - start >= 0.3


def test_fault_of_one_operation_counts_only_that(moto: Moto, proxy: Proxy) -> None:
    kms = client(moto, proxy, "kms")
    proxy.fault(2, "fail", service="kms", operation="ListAliases")
    kms.list_keys()
    kms.list_aliases()
    kms.list_keys()
    with pytest.raises(ClientError):
        kms.list_aliases()
    kms.list_aliases()


def test_throttled_share_is_repeatable(moto: Moto, proxy: Proxy) -> None:
    kms = client(moto, proxy, "kms")

    def statuses() -> list[int]:
        proxy.reset()
        proxy.throttle(0.5, seed=7)
        for dummy in range(20):
            with contextlib.suppress(kms.exceptions.ClientError):
                kms.list_keys()
        return [seen.status for seen in proxy.requests]

    first = statuses()
    assert set(first) == {200, 400}
    assert first == statuses()


def test_retries_of_an_sdk_get_through_throttling(moto: Moto, proxy: Proxy) -> None:
    s3 = client(moto, proxy, "s3", Config(retries={"mode": "standard", "total_max_attempts": 3}))
    proxy.fault(1, "throttle")
    s3.list_buckets()
    assert [seen.status for seen in proxy.requests] == [503, 200]


def test_deny_lasts_until_reset(moto: Moto, proxy: Proxy) -> None:
    kms = client(moto, proxy, "kms")
    proxy.deny("kms", "ListKeys")
    for dummy in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.list_keys()
    kms.list_aliases()
    proxy.reset()
    kms.list_keys()


def test_shell_counts_a_child_process(moto: Moto, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    command = [sys.executable, "-m", "tests.support.proxy", "--upstream", moto.url, "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        moto.client("kms", endpoint_url=url).list_keys()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert read_log(log) == [Recorded("kms", "ListKeys", 200)]


def test_fixture_counts_the_environments_calls_only(aws: Aws) -> None:
    aws.client("kms").list_keys()
    script = "import boto3; boto3.client('kms').list_keys()"
    subprocess.run([sys.executable, "-c", script], env=os.environ | aws.environment, check=True)
    assert aws.proxy.requests == [("kms", "ListKeys", 200)]


needs_ministack = pytest.mark.skipif(not MiniStack.is_installed(), reason="MiniStack is not installed")


@pytest.fixture(scope="module")
def ministack() -> Iterator[MiniStack]:
    with MiniStack() as server:
        yield server


@needs_ministack
def test_signatures_stay_valid(ministack: MiniStack) -> None:
    with Proxy(ministack.url) as proxy:
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        s3 = ministack.user("s3", everything, endpoint_url=proxy.url)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="a b/ü+", Body=os.urandom(10_000_000))
        assert s3.list_objects_v2(Bucket=BUCKET, Prefix="a b/ü+")["KeyCount"] == 1
        ministack.user("kms", everything, endpoint_url=proxy.url).list_keys()
        ministack.user("iam", everything, endpoint_url=proxy.url).list_roles()
        forged = ministack.user("kms", everything, endpoint_url=proxy.url, aws_secret_access_key="forged")
        with pytest.raises(ClientError, match="InvalidSignature"):
            forged.list_keys()


@needs_ministack
@pytest.mark.parametrize("secure", [True, False])
def test_secure_proxy_meets_a_policy_that_demands_tls(ministack: MiniStack, secure: bool) -> None:
    bucket = f"tls-{secure}".lower()
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": condition}
    root = ministack.client("s3")
    root.create_bucket(Bucket=bucket)
    root.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": resources}]}
    with Proxy(ministack.url, secure=secure) as proxy:
        s3 = ministack.user("s3", allow, endpoint_url=proxy.url)
        if secure:
            s3.put_object(Bucket=bucket, Key="object")
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.put_object(Bucket=bucket, Key="object")
