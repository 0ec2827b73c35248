# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``site.yml`` that ends with a proof, and ``verify.yml``: a real backup and restore, every object, and the report.

Planted faults are found and named, and nothing else is. AWS is moto, which writes nothing encrypted; that objects are
encrypted under what their headers say is S3's word there as it is at AWS.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack
from tests.stack.api import BACKUP, NAMESPACE, RESTORE
from tests.support.emulators import Moto
from tests.support.installation import Installation, open_shop
from tests.support.site import COLLECTION, PLAYBOOK_SECONDS

BUCKET, PREFIX = "backups-proof", "production"


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as moto:
        yield moto


@pytest.fixture(scope="module")
def stack(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), moto) as stack:
        open_shop(stack)
        yield stack


@pytest.fixture(scope="module")
def installation(moto: Moto, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Made once, with the proof that ``site.yml`` ends with."""
    directory = tmp_path_factory.mktemp("proof")
    variables = {"velero_proof": "on_change", "backup_proof_dest": f"{directory}/reports/"}
    return Installation(directory, stack, moto, "proof", moto, variables=variables)


def reports(installation: Installation) -> list[Path]:
    return sorted((installation.directory / "reports").glob("*.json"))


def left_behind(stack: Stack) -> list[str]:
    """What a proof has made and not removed; deleted namespaces stay Terminating here."""
    kinds = [stack.api.list(kind, stack.namespace) for kind in (BACKUP, RESTORE)]
    namespaces = [item for item in stack.api.list(NAMESPACE) if not item["metadata"].get("deletionTimestamp")]
    names = [item["metadata"]["name"] for items in [*kinds, namespaces] for item in items]
    return [name for name in names if name.startswith("velero-proof")]


def verify(installation: Installation, **variables: Any) -> tuple[int, str, list[dict[str, Any]]]:
    """Run ``verify.yml``: its exit code, its output, and what its tasks of ours returned."""
    site = replace(installation.with_(**variables).site, playbook="playbooks/verify.yml")
    process = site.start()
    output, dummy = process.communicate(timeout=PLAYBOOK_SECONDS)
    return process.returncode, output, site.records()


def test_a_new_site_is_proven_and_an_unchanged_one_is_left_alone(installation: Installation, stack: Stack) -> None:
    made = installation.install()
    report = made["evidence_report"]
    assert report["status"] == "compliant"
    compliant = dict.fromkeys(("objects", "backup_and_restore", "configuration"), "compliant")
    statuses = {name: part["status"] for name, part in report["parts"].items()}
    assert statuses == {**compliant, "audit": "not_evaluated"}
    assert report["parts"]["audit"]["reason"] == "not_requested"
    assert made["object_encryption_info"]["counts"]["compliant"] > 9
    assert left_behind(stack) == []
    assert len(reports(installation)) == 1
    noted = installation.location["metadata"]["annotations"]["coffer.velero/kms-key-arn"]
    assert noted == made["kms_key"]["key_arn"]

    again = installation.install()
    assert "backup" not in again
    assert not any(result["changed"] for result in again.values())
    assert len(reports(installation)) == 1


def noted(installation: Installation) -> str:
    return str(installation.location["metadata"]["annotations"]["coffer.velero/verified-profile"])


def test_verify_only_reads_where_it_is_asked_to(installation: Installation, stack: Stack, moto: Moto) -> None:
    installation.complete_backup("kept")
    installation.write_volume_data()
    before, note = sorted(installation.keys()), noted(installation)
    code, output, records = verify(installation, velero_proof_backup=False)
    assert code == 0, output
    assert {record["action"].removeprefix(COLLECTION) for record in records} & {"backup", "restore"} == set()
    assert not any(record["result"]["changed"] for record in records if not record["action"].endswith("_report"))
    assert noted(installation) == note  # which is of more than this
    assert installation.with_(velero_proof_backup=False).changed() == set()  # nor is less than what is noted proven
    lists = sorted((installation.directory / "reports").glob("objects-*.jsonl"))
    assert {path.stat().st_mode & 0o777 for path in lists} == {0o600}
    assert len(lists[-1].read_text().splitlines()) == records[-2]["result"]["counts"]["total"]
    document = json.loads(reports(installation)[-1].read_text())
    assert Path(document["object_manifest"]["path"]).name == lists[-1].name
    assert document["installation"]["inventory_host"] == document["installation"]["backup_storage_location"] == "proof"
    assert document["installation"]["cluster"].startswith("http")
    assert {part["name"] for part in document["configuration"]["parts"] if part["status"] == "compliant"} == {
        *(
            "key",
            "key_policy_statements",
            "oidc_provider",
            "iam_policy",
            "trust_policy_statements",
            "bucket",
            "encryption_rule",
        ),
        *("bucket_policy_statements", "identity", "backup_storage_location_spec", "plan"),
    }
    told = " ".join(output.split())
    assert f"Report: {reports(installation)[-1].with_suffix('.html')}" in told
    groups = records[-2]["result"]["groups"]
    assert {(group["kind"], group["name"]) for group in groups} == {("backup", "kept"), ("kopia", "shop")}
    assert sorted(installation.keys()) == before
    assert left_behind(stack) == []


def test_planted_faults_are_found_and_named(installation: Installation, stack: Stack, moto: Moto) -> None:
    other = moto.client("kms").create_key()["KeyMetadata"]["Arn"]
    key = moto.client("kms").describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"]
    s3 = moto.client("s3")
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)  # it denies what is planted here
    planted = {
        "backups/kept/plain": {"ServerSideEncryption": "AES256"},
        "backups/kept/other": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other, "BucketKeyEnabled": True},
        "kopia/shop/<script>alert(1)</script> 100%": {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": key,
            "BucketKeyEnabled": False,
        },
    }
    for name, arguments in planted.items():
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"x", **arguments)
    try:
        code, output, records = verify(installation, velero_proof_backup=False)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
        now = dt.datetime.now(dt.UTC)
        accepting = {"velero_accept_objects_before": now.isoformat(), "velero_accept_objects_until": f"{now.date()}"}
        accepted = verify(installation, velero_proof_backup=False, **accepting)
    finally:
        for name in planted:
            s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    assert accepted[0] == 0, accepted[1]
    told = accepted[2][-1]["result"]
    assert (told["status"], told["reason"], told["counts"]["non_compliant"]) == ("non_compliant", "accepted", 3)
    assert code == 2
    assert "The location is non_compliant" in output
    assert "3 are non-compliant" in output
    objects = next(record["result"] for record in records if record["action"].endswith("object_encryption_info"))
    assert {found["key"].removeprefix(f"{PREFIX}/") for found in objects["non_compliant_objects"]} == set(planted)
    page = reports(installation)[-2].with_suffix(".html").read_text()
    assert "<script>" not in page
    document = json.loads(reports(installation)[-2].read_text())
    assert document["configuration"]["status"] == "non_compliant"  # the policy was away
    assert left_behind(stack) == []


def test_what_differs_is_named_and_left_as_it_is(installation: Installation, stack: Stack, moto: Moto) -> None:
    """Also what the report has no part for, and where a task of a role has a check mode of its own."""
    s3, iam = moto.client("s3"), moto.client("iam")
    s3.delete_public_access_block(Bucket=BUCKET)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    (attached,) = iam.list_attached_role_policies(RoleName="velero")["AttachedPolicies"]
    iam.detach_role_policy(RoleName="velero", PolicyArn=attached["PolicyArn"])

    def planted() -> list[Any]:
        with pytest.raises(s3.exceptions.ClientError, match="NoSuchPublicAccessBlockConfiguration"):
            s3.get_public_access_block(Bucket=BUCKET)
        (found,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
        return [found, iam.list_attached_role_policies(RoleName="velero")["AttachedPolicies"]]

    before = planted()
    code, output, _records = verify(installation, velero_proof_backup=False)
    assert code == 2
    told = " ".join(output.split())
    assert "The configuration differs from the variables: account 123456789012, us-east-1: " in told
    for differs in (
        "IAM role velero: managed_policies: ",
        f"bucket {BUCKET}: public_access_block: ",
        "sse_algorithm: AES256 -> ",
    ):
        assert differs in told
    assert planted() == before
    assert json.loads(reports(installation)[-1].read_text())["configuration"]["status"] == "non_compliant"
    assert installation.with_(velero_proof="never").changed() == {"iam_role", "s3_bucket", "s3_bucket_encryption"}


def test_a_changed_site_is_proven_again(installation: Installation, stack: Stack) -> None:
    stack.wait_location("proof")
    before = len(reports(installation))
    changed = installation.with_(velero_kms_rotation_period_in_days=180).install()
    assert changed["evidence_report"]["status"] == "compliant"
    assert len(reports(installation)) == before + 1
    never = installation.with_(velero_kms_rotation_period_in_days=365, velero_proof="never").install()
    assert "evidence_report" not in never


def test_a_key_that_no_location_names_is_not_left_behind(installation: Installation, moto: Moto) -> None:
    """With DSSE-KMS the location says nothing of its key; the last proof has noted it."""
    key = moto.client("kms").describe_key(KeyId="alias/velero")["KeyMetadata"]["Arn"]
    dsse = installation.with_(velero_encryption_mode="dsse-kms", velero_proof="never")
    dsse.install()
    assert "kmsKeyId" not in dsse.location["spec"]["config"]
    told = f"which Velero cannot read without the key {key} that they may be encrypted under. "
    assert told in dsse.with_(velero_kms_alias="alias/next").refused()
