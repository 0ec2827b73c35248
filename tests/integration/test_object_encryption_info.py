# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module object_encryption_info: planted faults are all found and named, and none else."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects import process_pool
from tests.support.emulators import Emulator, MiniStack, Moto, SeaweedFS
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, Result, run_in_module

#: Only tests fork beside threads, those of their servers; a module and Ansible's worker have none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

MODULE = "object_encryption_info"
BUCKET = "acme-backups"
CUSTOMER_KEY = bytes(range(32))
TEXT_KEY = base64.b64encode(CUSTOMER_KEY).decode()
NAMES = ["new\nline", "é中", "<script>alert(1)</script>", "50%", "%41", " lead", "a+b", "a&b", "q'\"", "#?=", "a//b"]
UPLOAD = "production/backups/nightly/half\t.tar.gz"
ENGINES = ["auto", "boto3"]

#: What an emulator cannot show, and why; each of it is shown by another one.
CANNOT = {
    Moto: {"sse-c": "ignores SSE-C", "newline": "has no route to names with line breaks"},
    MiniStack: {
        "dsse": "refuses aws:kms:dsse",
        "bucket key": "does not return the Bucket Key",
        "aes256": "has no default",
    },
    SeaweedFS: {
        "dsse": "ignores aws:kms:dsse",
        "bucket key": "does not return the Bucket Key",
        "aes256": "has no default encryption, and does not take AES256 beside KMS",
        "//": "stores a//b as a/b",
        "403": "has no bucket policy that denies one object to its only identity",
    },
}


@dataclass
class Planted:
    """A bucket with objects as they should be, and with every fault that the server can show."""

    server: Emulator
    s3: Any
    key: str = ""
    other: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    good: int = 0

    def can(self, what: str) -> bool:
        return what not in CANNOT[type(self.server)]

    def put(self, name: str, fault: str = "", **more: Any) -> None:
        key = f"production/{name}"
        bucket_key = {"BucketKeyEnabled": True}
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key, **bucket_key} | more
        if more.get("ServerSideEncryption", "") is None:
            encryption = {}
        if "SSECustomerKey" in more:
            encryption = more
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", **encryption)
        if fault:
            self.faults[key] = fault
        else:
            self.good += 1

    def plant(self, kms: Any) -> Planted:
        self.key, self.other = (kms.create_key()["KeyMetadata"]["Arn"] for dummy in range(2))
        self.s3.create_bucket(Bucket=BUCKET)
        versioning = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning)
        for number in range(9):
            self.put(f"backups/nightly/{number}.gz")
        self.put("restores/r/restore-r-logs.gz")
        for name in NAMES:
            if ("\n" not in name or self.can("newline")) and ("//" not in name or self.can("//")):
                self.put(f"kopia/shop/p{name}")
        self._plant_faults()
        return self

    def _plant_faults(self) -> None:
        plain = self.can("aes256")
        reason = "is encrypted with AES256, not with aws:kms" if plain else "is not encrypted by S3, aws:kms is desired"
        self.put("backups/nightly/plain", reason, ServerSideEncryption=None)
        other = f"is encrypted under {self.other}, not {self.key}"
        self.put("kopia/shop/other", other, SSEKMSKeyId=self.other)
        self.put("kopia/shop/<b>\u202egpj.%00", other, SSEKMSKeyId=self.other)
        if self.can("bucket key"):
            self.put("backups/nightly/no-bucket-key", "does not use a Bucket Key", BucketKeyEnabled=False)
        if self.can("dsse"):
            reason = "is encrypted with aws:kms:dsse, not with aws:kms"
            self.put("kopia/shop/dsse", reason, ServerSideEncryption="aws:kms:dsse", BucketKeyEnabled=False)
        if self.can("sse-c"):
            reason = "is encrypted with SSE-C, not with aws:kms"
            customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
            self.put("restores/r/customer", reason, **customer)
        self.put("kopia/shop/noncurrent", other, SSEKMSKeyId=self.other)
        self.put("kopia/shop/noncurrent")
        self.put("backups/nightly/deleted")
        self.s3.delete_object(Bucket=BUCKET, Key="production/backups/nightly/deleted")
        self.s3.create_multipart_upload(Bucket=BUCKET, Key=UPLOAD)
        self.s3.put_object(Bucket=BUCKET, Key="production2/foreign", Body=b"x")

    def profile(self, **more: Any) -> dict[str, Any]:
        account = "123456789012"
        place = {"account_id": account, "region": "us-east-1", "bucket": BUCKET, "prefix": "production"}
        return {**place, "kms_key_arn": self.key, "bucket_key_enabled": self.can("bucket key"), **more}

    def matches(self, result: Result) -> None:
        """All of it is found, and nothing else."""
        found = {one["key"]: one["message"] for one in result["non_compliant_objects"]}
        assert found == self.faults
        counts = {"compliant": self.good, "non_compliant": len(self.faults), "not_evaluated": 0}
        assert result["counts"] == {"total": sum(counts.values()), **counts, "deleted_during_scan": 0}
        assert result["status"] == "non_compliant"
        assert result["delete_markers"] == 1
        assert [upload["key"] for upload in result["incomplete_multipart_uploads"]] == [
            "production/backups/nightly/half\t.tar.gz"
        ]
        noncurrent = [one["key"] for one in result["non_compliant_objects"] if not one["is_latest"]]
        assert noncurrent == ["production/kopia/shop/noncurrent"]
        assert {(group["kind"], group["name"]) for group in result["groups"]} == {
            ("backup", "nightly"),
            ("restore", "r"),
            ("kopia", "shop"),
        }
        assert result["notes"] == []
        assert not result["changed"]


def environ(monkeypatch: pytest.MonkeyPatch, server: Emulator) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def planted(aws: Aws) -> Planted:
    return Planted(aws.moto, aws.client("s3")).plant(aws.client("kms"))


@pytest.fixture(scope="module")
def seaweed() -> Iterator[Planted]:
    with Moto() as kms, SeaweedFS(kms) as server:
        yield Planted(server, server.client("s3")).plant(kms.client("kms"))


@pytest.fixture(scope="module")
def ministack() -> Iterator[Planted]:
    if not MiniStack.is_installed():
        pytest.skip("MiniStack is not installed: make .venv-ministack/.stamp")
    with MiniStack() as server:
        yield Planted(server, server.client("s3")).plant(server.client("kms"))


# --- planted faults --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("check", [True, False])
def test_moto(run: ModuleRunner, planted: Planted, engine: str, check: bool) -> None:
    planted.matches(run.ok(MODULE, check=check, storage_profile=planted.profile(), engine=engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_seaweedfs_where_objects_really_are_encrypted(
    seaweed: Planted, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """It checks signatures, and nothing is left to boto3: those of our processes are right."""
    environ(monkeypatch, seaweed.server)
    monkeypatch.setattr(process_pool.ProcessPoolScanner, "_submit_to_boto3", None)
    result = run_in_module(MODULE, {"storage_profile": seaweed.profile(), "engine": engine}, check=False)
    seaweed.matches(result)


@pytest.mark.parametrize("engine", ENGINES)
def test_ministack(ministack: Planted, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    environ(monkeypatch, ministack.server)
    ministack.matches(run_in_module(MODULE, {"storage_profile": ministack.profile(), "engine": engine}, check=False))


def test_the_engines_send_the_same_number_of_heads(run: ModuleRunner, aws: Aws, planted: Planted) -> None:
    sent = {}
    for engine in ENGINES:
        aws.proxy.clear()
        run.ok(MODULE, storage_profile=planted.profile(), engine=engine)
        sent[engine] = aws.proxy.count(operation="HeadObject")
        assert {call.operation for call in aws.proxy.requests} == {
            "GetBucketLifecycleConfiguration",
            "HeadObject",
            "ListMultipartUploads",
            "ListObjectVersions",
        }
    assert sent == dict.fromkeys(ENGINES, planted.good + len(planted.faults))


@pytest.mark.parametrize("engine", ENGINES)
def test_current_objects_only(run: ModuleRunner, planted: Planted, engine: str) -> None:
    result = run.ok(MODULE, storage_profile=planted.profile(), versions=False, engine=engine)
    noncurrent = 2  # the old version under another key, and what the delete marker hides
    assert result["counts"]["total"] == planted.good + len(planted.faults) - noncurrent
    assert result["delete_markers"] == 0
    assert "production/kopia/shop/noncurrent" not in {one["key"] for one in result["non_compliant_objects"]}


def test_a_key_that_is_accepted_is_no_fault(run: ModuleRunner, planted: Planted) -> None:
    result = run.ok(MODULE, storage_profile=planted.profile(), accepted_kms_key_arns=[planted.other])
    assert {one["key"].rpartition("/")[2] for one in result["non_compliant_objects"]} == {
        "plain",
        "no-bucket-key",
        "dsse",
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_head_that_is_denied_is_never_compliant(run: ModuleRunner, aws: Aws, planted: Planted, engine: str) -> None:
    key = "production/backups/nightly/3.gz"
    arn = f"arn:aws:s3:::{BUCKET}/{key}"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject*", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    planted.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    result = run.ok(MODULE, storage_profile=planted.profile(prefix="production/backups/nightly/3.gz"), engine=engine)
    assert (result["status"], result["reason"]) == ("not_evaluated", "no_objects")  # a prefix is a directory
    result = run.ok(MODULE, storage_profile=planted.profile(), engine=engine)
    unreadable = [one for one in result["non_compliant_objects"] if one["status"] == "not_evaluated"]
    assert [(one["key"], one["message"]) for one in unreadable] == [(key, "S3 denied the request (AccessDenied)")]
    assert unreadable[0]["reason"] == "access_denied"
    assert "s3:GetObjectVersion" in unreadable[0]["remediation"]
    assert result["counts"]["not_evaluated"] == 1
    assert result["counts"]["compliant"] == planted.good - 1


@pytest.mark.parametrize("engine", ENGINES)
def test_what_cannot_be_read_is_not_evaluated(run: ModuleRunner, aws: Aws, engine: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="backups/b/x", Body=b"x")
    profile = {"account_id": "123456789012", "region": "us-east-1", "bucket": BUCKET, "encryption_mode": "sse-s3"}
    assert run.ok(MODULE, storage_profile=profile, engine=engine)["status"] == "compliant"
    aws.proxy.deny("s3", "HeadObject")
    aws.proxy.deny("s3", "GetObject")
    result = run.ok(MODULE, storage_profile=profile, engine=engine)
    assert (result["status"], result["reason"]) == ("not_evaluated", "access_denied")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_object_that_is_deleted_between_list_and_head(
    run: ModuleRunner, aws: Aws, planted: Planted, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    place = "production/kopia/shop/"
    last = planted.s3.list_object_versions(Bucket=BUCKET, Prefix=place)["Versions"][-1]
    record = aws.proxy.record
    deleted: list[str] = []

    def delete_then_record(call: Any, status: int) -> None:
        if call.operation == "HeadObject" and not deleted:
            deleted.append(last["Key"])
            planted.s3.delete_object(Bucket=BUCKET, Key=last["Key"], VersionId=last["VersionId"])
        record(call, status)

    monkeypatch.setattr(aws.proxy, "record", delete_then_record)
    # One HEAD after the other, in the order of the listing: the last object goes during the first.
    result = run.ok(MODULE, storage_profile=planted.profile(prefix=place), engine=engine, concurrency=1)
    assert deleted
    assert result["counts"]["deleted_during_scan"] == 1
    assert result["counts"]["not_evaluated"] == 1
    assert deleted[0] not in {one["key"] for one in result["non_compliant_objects"]}


@pytest.mark.parametrize("engine", ENGINES)
def test_uploads_that_may_not_be_listed_are_noted(run: ModuleRunner, aws: Aws, planted: Planted, engine: str) -> None:
    aws.proxy.deny("s3", "ListMultipartUploads")
    result = run.ok(MODULE, storage_profile=planted.profile(), engine=engine)
    assert result["incomplete_multipart_uploads"] == []
    for texts in (result["notes"], result["warnings"]):
        assert len(texts) == 1
        assert texts[0].startswith("Incomplete multipart uploads could not be read: s3:ListMultipartUploads failed")
        assert "s3:ListBucketMultipartUploads" in texts[0]


def test_lifecycle_rules_that_take_backups_away_are_noted(run: ModuleRunner, aws: Aws, planted: Planted) -> None:
    rule = {"ID": "month", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    configuration = {"Rules": [rule]}
    bucket = planted.profile()["bucket"]
    aws.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)
    result = run.ok(MODULE, storage_profile=planted.profile())
    told = "A lifecycle rule takes backups away: month expires objects. Limit it to noncurrent versions."
    assert result["notes"] == result["warnings"] == [told]
    aws.proxy.deny("s3", "GetBucketLifecycleConfiguration")
    (note,) = run.ok(MODULE, storage_profile=planted.profile())["notes"]
    assert note.startswith("Whether a lifecycle rule takes backups away could not be read: ")
    assert "s3:GetLifecycleConfiguration" in note


# --- SSE-C -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (TEXT_KEY, "is encrypted with SSE-C, not with aws:kms"),
        (base64.b64encode(bytes(32)).decode(), "and not under the given customer_key"),
    ],
)
def test_sse_c_where_kms_is_desired(
    ministack: Planted, monkeypatch: pytest.MonkeyPatch, engine: str, key: str, message: str
) -> None:
    environ(monkeypatch, ministack.server)
    profile = ministack.profile(prefix="production/restores")
    result = run_in_module(MODULE, {"storage_profile": profile, "customer_key": key, "engine": engine}, check=False)
    (found,) = result["non_compliant_objects"]
    assert (found["status"], found["reason"]) == ("non_compliant", "wrong_algorithm")
    assert message in found["message"]
    assert key not in json.dumps(result)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fixture", ["ministack", "seaweed"])
def test_sse_c_where_it_is_desired(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str, fixture: str
) -> None:
    planted: Planted = request.getfixturevalue(fixture)
    environ(monkeypatch, planted.server)
    (tmp_path / "key").write_bytes(CUSTOMER_KEY)
    profile = planted.profile(encryption_mode="sse-c", kms_key_arn=None, prefix="production")
    outcomes = {}
    for name, options in (
        ("right", {"customer_key_file": str(tmp_path / "key")}),
        ("wrong", {"customer_key": base64.b64encode(bytes(32)).decode()}),
        ("none", {}),
    ):
        arguments = {"storage_profile": profile, "engine": engine, **options}
        result = run_in_module(MODULE, arguments, check=False)
        found = {one["key"]: (one["status"], one["reason"], one["message"]) for one in result["non_compliant_objects"]}
        outcomes[name] = found.get("production/restores/r/customer")
    assert outcomes == {
        "right": None,
        "wrong": ("not_evaluated", "wrong_customer_key", "is encrypted with SSE-C under another key than customer_key"),
        "none": ("not_evaluated", "customer_key_required", "is encrypted with SSE-C: its key is needed"),
    }


# --- the list of every object ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_the_list_of_every_object(run: ModuleRunner, planted: Planted, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"objects.{suffix}"
    result = run.ok(MODULE, storage_profile=planted.profile(), path=str(path), max_findings=1)
    lines = path.read_text().splitlines()
    if suffix == "csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(lines))
    else:
        rows = list(map(json.loads, lines))
    assert len(rows) == result["counts"]["total"]
    assert sum(row["status"] == "non_compliant" for row in rows) == len(planted.faults)
    assert len(result["non_compliant_objects"]) == 1
    assert result["findings_truncated"] == len(planted.faults) - 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


# --- refusals --------------------------------------------------------------------------------------------------------

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
WITHOUT_KMS = {"account_id": "123456789012", "region": "us-east-1", "bucket": BUCKET, "encryption_mode": "sse-s3"}
PROFILE = {"account_id": "123456789012", "region": "us-east-1", "bucket": BUCKET, "kms_key_arn": KEY}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"storage_profile": {}},
            "velero_account_id: it is not set. Give the 12 digits of the account, quoted; "
            "coffer.velero.aws_caller_info returns them.",
            id="no profile",
        ),
        pytest.param(
            {"storage_profile": {**PROFILE, "kms_key_arn": "alias/velero"}},
            "velero_kms_key_arn: alias/velero is not the ARN of a key.",
            id="alias",
        ),
        pytest.param(
            {"accepted_kms_key_arns": ["alias/velero"]},
            "accepted_kms_key_arns: alias/velero is not the ARN of a key. Give the full ARN of the key, "
            "arn:aws:kms:REGION:ACCOUNT:key/ID: an alias may name another key by now.",
            id="accepted alias",
        ),
        pytest.param(
            {
                "storage_profile": {**PROFILE, "encryption_mode": "sse-s3", "kms_key_arn": ""},
                "accepted_kms_key_arns": [KEY],
            },
            f"accepted_kms_key_arns: {KEY} has no meaning with encryption_mode sse-s3. Leave it out.",
            id="accepted key without KMS",
        ),
        pytest.param(
            {"path": "list.txt"},
            "path: list.txt has a suffix that stands for no format. End it with .jsonl or .csv.",
            id="suffix",
        ),
        pytest.param(
            {"path": "missing/list.csv"},
            "path: missing/list.csv cannot be written: its directory does not exist. Name a file in a directory that",
            id="directory",
        ),
        pytest.param(
            {"customer_key": "AAA"}, "customer_key: it is not base64. Give the key as a Secret shows", id="b64"
        ),
        pytest.param(
            {"customer_key": "QUFB"},
            "customer_key: it has 3 bytes, a key has 32. Give the key that Velero uses.",
            id="length",
        ),
        pytest.param(
            {"customer_key_file": "missing"},
            "customer_key_file: missing cannot be read (No such file or directory). Name a file with the 32 bytes.",
            id="file",
        ),
        pytest.param({"concurrency": 0}, "concurrency: 0 is no number of requests. Give 1 to 1024.", id="concurrency"),
        pytest.param(
            {"max_requests_per_second": 0},
            "max_requests_per_second: 0.0 is no rate. Give a number above 0, or leave it out.",
            id="rate",
        ),
        pytest.param({"max_findings": -1}, "max_findings: -1 is no number of objects. Give 0 or", id="findings"),
    ],
)
def test_refusals(run: ModuleRunner, aws: Aws, arguments: dict[str, Any], message: str) -> None:
    assert run.refused(MODULE, **({"storage_profile": PROFILE} | arguments)).startswith(message)
    assert aws.proxy.requests == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bucket_that_is_not_there_is_an_error(run: ModuleRunner, aws: Aws, engine: str) -> None:
    message = run.refused(MODULE, storage_profile=PROFILE, engine=engine)
    assert message.startswith("s3:ListObjectVersions failed: NoSuchBucket")
    result = run.ok(MODULE, check=True, storage_profile=PROFILE, engine=engine)  # an earlier task would make it
    assert (result["status"], result["reason"], result["counts"]["total"]) == ("not_evaluated", "no_objects", 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_listing_that_is_denied_is_an_error_with_its_permission(
    run: ModuleRunner, aws: Aws, planted: Planted, engine: str
) -> None:
    aws.proxy.deny("s3", "ListObjectVersions")
    message = run.refused(MODULE, storage_profile=planted.profile(), engine=engine)
    assert message.startswith("s3:ListObjectVersions failed: AccessDenied")
    assert "s3:ListBucketVersions" in message
    assert "versions=false" in message
