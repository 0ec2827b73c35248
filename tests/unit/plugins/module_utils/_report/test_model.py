# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the modules returned to the document: verdicts, comparison, limits, refusals, the schema."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._report.model import assemble, to_json
from ansible_collections.coffer.velero.plugins.module_utils._version import VERSION
from tests.support import evidence as example
from tests.support.evidence import (
    KEY,
    OLD_KEY,
    PROOF,
    Evidence,
    audit,
    counts,
    finding,
    group,
    live,
    objects,
    offender,
    operation,
)

ROOT = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "docs" / "evidence.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(evidence: Evidence) -> Any:
    """The document, which keeps to the schema whatever the evidence."""
    made = assemble(evidence)
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(made)] == []
    return made


def good(**values: Any) -> Evidence:
    return {**copy.deepcopy(example.good()), **values}


def verdicts(evidence: Evidence) -> list[str]:
    verdict = document(evidence)["verdict"]
    return [verdict[part] for part in ("overall", "objects", "backup_and_restore", "configuration")]


def untried(**values: Any) -> Evidence:
    evidence = good(**values)
    for part in ("backup", "metadata", "restore", "content"):
        evidence.pop(part)
    return evidence


def scan(verdict: str, found: dict[str, int], **values: Any) -> Evidence:
    bad = found["wrong"] + found["unreadable"]
    return objects(
        verdict=verdict, counts=found, groups=[group("backup", PROOF, 1)], by_algorithm={}, by_key=[],
        offenders=[offender(f"production/backups/{number}") for number in range(bad)], **values,
    )  # fmt: skip


# --- verdicts --------------------------------------------------------------------------------------------------------

FAILED: Evidence = {
    "failed": True,
    "msg": 'Backup "p" is Finalizing. Allow kms:Decrypt.',
    "name": PROOF,
    "error": {"layer": "key", "cause": "the role may not decrypt", "remediation": "Allow kms:Decrypt."},
}
ITEMS = example.good()["content"]["items"]
VERDICTS: list[tuple[str, Callable[[], Evidence], list[str]]] = [
    ("all", good, ["proven", "proven", "proven", "proven"]),
    ("objects alone", untried, ["proven", "proven", "not_done", "proven"]),
    ("nothing compared", lambda: good(configuration=None), ["proven", "proven", "proven", "not_done"]),
    (
        "partly compared",
        lambda: good(configuration={"live": live(key=None)}),
        ["proven", "proven", "proven", "incomplete"],
    ),
    ("wrong", example.bad, ["wrong", "wrong", "not_done", "wrong"]),
    (
        "unreadable",
        lambda: good(objects=scan("incomplete", counts(5, unreadable=1))),
        ["incomplete", "incomplete", "proven", "proven"],
    ),
    (
        "inventoried",
        lambda: good(objects=scan("incomplete", counts(5, unproven=1))),
        ["incomplete", "incomplete", "proven", "proven"],
    ),
    ("empty", lambda: untried(objects=scan("empty", counts())), ["empty", "empty", "not_done", "proven"]),
    ("all gone", lambda: untried(objects=scan("empty", counts(gone=4))), ["empty", "empty", "not_done", "proven"]),
    ("some gone", lambda: good(objects=scan("proven", counts(5, gone=4))), ["proven", "proven", "proven", "proven"]),
    ("failed backup", lambda: good(backup=FAILED), ["wrong", "proven", "wrong", "proven"]),
    (
        "failed backup, empty",
        lambda: untried(objects=scan("empty", counts())) | {"backup": FAILED},
        ["wrong", "empty", "wrong", "proven"],
    ),
    (
        "partial backup",
        lambda: good(backup=operation("backup", PROOF, "PartiallyFailed")),
        ["wrong", "proven", "wrong", "proven"],
    ),
    (
        "unfinished backup",
        lambda: good(backup=operation("backup", PROOF, "Finalizing")),
        ["incomplete", "proven", "incomplete", "proven"],
    ),
    ("no restore", lambda: good(restore={"skipped": True}), ["incomplete", "proven", "incomplete", "proven"]),
    ("no content", lambda: good(content={}), ["incomplete", "proven", "incomplete", "proven"]),
    (
        "other content",
        lambda: good(content={"items": [*ITEMS, {"kind": "Secret", "name": "s", "same": False}]}),
        ["wrong", "proven", "wrong", "proven"],
    ),
    (
        "contradicting bucket",
        lambda: good(metadata={"agrees": False, "exists": True, "key": "k", "contradictions": []}),
        ["wrong", "proven", "wrong", "proven"],
    ),
    (
        "another backup restored",
        lambda: good(restore=operation("restore", PROOF, spec={"backupName": "other"})),
        ["incomplete", "proven", "incomplete", "proven"],
    ),
    (
        "objects of the backup not looked at",
        lambda: good(objects=objects(groups=[group("backup", "another", 9)])),
        ["incomplete", "proven", "incomplete", "proven"],
    ),
]


@pytest.mark.parametrize(("evidence", "expected"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_verdicts(evidence: Callable[[], Evidence], expected: list[str]) -> None:
    assert verdicts(evidence()) == expected


def test_a_failure_keeps_its_cause_and_remedy() -> None:
    told = document(good(backup=FAILED))["backup_and_restore"]
    assert told["backup"]["failure"] == {
        "message": FAILED["msg"],
        "layer": "key",
        "cause": "the role may not decrypt",
        "remediation": "Allow kms:Decrypt.",
    }
    assert told["reasons"] == [f"The backup {PROOF} did not end: the role may not decrypt."]


def test_sentences() -> None:
    reasons = document(example.bad())["verdict"]["reasons"]
    assert reasons == {
        "objects": "6 of 1,845 object versions are not encrypted as wanted, and 2 more could not be proven.",
        "configuration": "1 of 5 parts differs from what is wanted; 1 was not compared.",
        "backup_and_restore": "No backup was made for this report.",
        "audit": "2 checks passed, 1 of critical or high severity failed, 2 of lower severity failed, "
        "1 could not be read.",
    }


# --- configuration ---------------------------------------------------------------------------------------------------


def statements(name: str) -> list[dict[str, Any]]:
    value = live()[name]
    return list(value["Statement"] if isinstance(value, dict) else value)


def changed(name: str, **values: Any) -> Any:
    return {**live()[name], **values}


CONFIGURATIONS: list[tuple[str, Any, list[tuple[str, Any, Any]]]] = [
    ("key", {"key_arn": OLD_KEY, "key_state": "Enabled"}, [("key_arn", KEY, OLD_KEY)]),
    ("key", {"key_arn": KEY, "key_state": "PendingDeletion"}, [("key_state", "Enabled", "PendingDeletion")]),
    ("encryption_rule", changed("encryption_rule", BucketKeyEnabled=False), [("BucketKeyEnabled", True, False)]),
    (
        "encryption_rule",
        changed("encryption_rule", ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "AES256"}),
        [
            ("ApplyServerSideEncryptionByDefault.KMSMasterKeyID", KEY, None),
            ("ApplyServerSideEncryptionByDefault.SSEAlgorithm", "aws:kms", "AES256"),
        ],
    ),
    (
        "backup_storage_location_spec",
        {"spec": changed("backup_storage_location_spec", config={"region": "eu-central-1", "kmsKeyId": OLD_KEY})},
        [("config.kmsKeyId", KEY, OLD_KEY)],
    ),
    (
        "backup_storage_location_spec",
        changed(
            "backup_storage_location_spec",
            config={"region": "eu-central-1", "kmsKeyId": KEY, "serverSideEncryption": "AES256"},
        ),
        [("config.serverSideEncryption", None, "AES256")],
    ),
    (
        "bucket_policy_statements",
        statements("bucket_policy_statements")[1:],
        [("VeleroDenyInsecureTransport", statements("bucket_policy_statements")[0], None)],
    ),
    (
        "bucket_policy_statements",
        [{**statements("bucket_policy_statements")[0], "Effect": "Allow"}, *statements("bucket_policy_statements")[1:]],
        [("VeleroDenyInsecureTransport.Effect", "Deny", "Allow")],
    ),
]


@pytest.mark.parametrize(("name", "value", "differences"), CONFIGURATIONS)
def test_each_difference_is_named(name: str, value: Any, differences: list[tuple[str, Any, Any]]) -> None:
    parts = document(good(configuration={"live": live(**{name: value})}))["configuration"]["parts"]
    found = {part["name"]: part for part in parts}
    told = [(one["path"], one["wanted"], one["live"]) for one in found[name]["differences"]]
    assert told == differences
    assert [part["verdict"] for part in parts if part["name"] != name] == ["same"] * 4


SAME: list[tuple[str, Any]] = [
    ("key_policy_statements", json.dumps(live()["key_policy_statements"])),
    ("key_policy_statements", {"Statement": list(reversed(statements("key_policy_statements")))}),
    (
        "bucket_policy_statements",
        [{**one, "Action": [one["Action"]]} for one in statements("bucket_policy_statements")],
    ),
    ("encryption_rule", {**live()["encryption_rule"], "Other": 1}),
]


@pytest.mark.parametrize(("name", "value"), SAME)
def test_what_means_the_same_is_no_difference(name: str, value: Any) -> None:
    assert verdicts(good(configuration={"live": live(**{name: value})})) == ["proven"] * 4


def test_statements_of_others_are_named_and_not_judged() -> None:
    part = document(good())["configuration"]["parts"][1]
    assert part["name"] == "key_policy_statements"
    assert part["foreign_statements"] == ["Enable IAM User Permissions"]
    assert [statement["Sid"] for statement in part["live"]] == [statement["Sid"] for statement in part["wanted"]]


def test_the_word_of_a_module_in_check_mode_counts() -> None:
    checks = {
        "encryption_rule": {"changed": True, "diff": {"before": {"bucket_key_enabled": False}, "after": {"x": 1}}},
        "bucket_policy_statements": {"changed": False},
        "backup_storage_location_spec": {"failed": True, "msg": "The cluster does not answer."},
        "key_policy_statements": {"skipped": True, "changed": False},
    }
    configuration = document(good(configuration={"checks": checks, "live": {"key": {}}}))["configuration"]
    assert {part["name"]: part["verdict"] for part in configuration["parts"]} == {
        "key": "not_compared",
        "key_policy_statements": "not_compared",
        "encryption_rule": "differs",
        "bucket_policy_statements": "same",
        "backup_storage_location_spec": "not_compared",
    }
    assert configuration["parts"][2]["differences"] == [
        {"path": "bucket_key_enabled", "wanted": None, "live": False},
        {"path": "x", "wanted": 1, "live": None},
    ]
    assert configuration["parts"][4]["reason"] == "The cluster does not answer."


def test_an_empty_list_is_a_policy_without_statements() -> None:
    parts = document(good(configuration={"live": {"bucket_policy_statements": []}}))["configuration"]["parts"]
    assert len(parts[3]["differences"]) == len(parts[3]["wanted"])


def test_a_mode_without_a_key_has_no_part_for_it() -> None:
    profile = example.profile(encryption_mode="sse-s3", kms_key_arn=None)
    told = document(untried(profile=profile, configuration=None, objects=objects(by_algorithm={}, by_key=[])))
    assert [part["name"] for part in told["configuration"]["parts"]] == [
        "encryption_rule",
        "bucket_policy_statements",
        "backup_storage_location_spec",
    ]


# --- the audit -------------------------------------------------------------------------------------------------------

AUDITS: list[tuple[Evidence, str, str]] = [
    (audit(finding("KMS.3", severity="critical")), "sound", "1 check passed."),
    (audit(finding("S3.14", "not applicable")), "sound", "0 checks passed."),
    (
        audit(finding("KMS.3"), finding("S3.14", "fail", "low")),
        "weak",
        "1 check passed, 1 of lower severity failed.",
    ),
    (audit(finding("S3.14", "could not be read", "low")), "weak", "0 checks passed, 1 could not be read."),
    (audit(finding("KMS.5", "could not be read", "critical")), "incomplete", "0 checks passed, 1 could not be read."),
    (
        audit(finding("KMS.5", "could not be read", "critical"), finding("S3.8", "fail")),
        "wrong",
        "0 checks passed, 1 of critical or high severity failed, 1 could not be read.",
    ),
]


@pytest.mark.parametrize(("result", "verdict", "sentence"), AUDITS)
def test_the_audit_has_a_verdict_of_its_own(result: Evidence, verdict: str, sentence: str) -> None:
    told = document(good(audit=result))["verdict"]
    assert (told["audit"], told["reasons"]["audit"]) == (verdict, sentence)
    assert told["overall"] == "proven", "objects are proven by looking at objects"


@pytest.mark.parametrize("result", [None, {}, {"skipped": True}])
def test_without_an_audit_it_is_said(result: Evidence | None) -> None:
    told = document(good(audit=result))
    assert told["verdict"]["audit"] == "not_done"
    assert told["audit"]["counts"]["total"] == 0
    (limit,) = [limit for limit in told["not_proven"] if limit["resource"] == "audit"]
    assert "was not judged" in limit["text"]


def test_the_audit_keeps_only_what_it_knows() -> None:
    result = audit(finding("KMS.3", secret="s3cr3t"), invocation={"module_args": {"access_key": "s3cr3t"}})
    assert "s3cr3t" not in to_json(document(good(audit=result)))


def test_the_sums_of_the_audit_are_those_of_its_findings() -> None:
    result = audit(finding("KMS.3"), finding("KMS.3", "fail"), summary={"total": 9}, standards=[])
    told = document(good(audit=result))["audit"]
    assert told["counts"]["by_severity"]["high"] == {
        "pass": 1,
        "fail": 1,
        "not_applicable": 0,
        "could_not_be_read": 0,
    }
    assert told["standards"] == [
        {
            "standard": "NIST SP 800-53 Rev. 5",
            "pass": [],
            "fail": ["SC-28", "XX-5"],
            "not_applicable": [],
            "could_not_be_read": [],
        }
    ]


def test_a_long_audit_is_cut_and_says_so() -> None:
    told = document(good(audit=audit(*(finding(f"coffer.{number}") for number in range(1003)))))["audit"]
    assert (len(told["findings"]), told["findings_omitted"], told["counts"]["total"]) == (1000, 3, 1003)


# --- what is not proven ----------------------------------------------------------------------------------------------

ALWAYS = ["audit", "the word of S3", "access to the key", "other times and places"]
INVENTORY = {"kind": "inventory", "created": "2026-11-22T00:00:00Z", "versions": False}
LIMITS: list[tuple[Evidence, list[str]]] = [
    (good(), ALWAYS),
    (
        example.bad(),
        [
            "unreadable objects",
            "objects gone meanwhile",
            "unfinished uploads",
            "delete markers",
            "backup and restore",
            "configuration",
            "audit",
            *ALWAYS,
        ],
    ),
    (good(objects=objects(notes=["Uploads could not be read."])), ["said by the run", *ALWAYS]),
    (good(objects=objects(versions=False)), ["noncurrent versions", *ALWAYS]),
    (good(objects=objects(versions=None)), ["noncurrent versions", *ALWAYS]),
    (good(metadata=None), ["velero-backup.json", *ALWAYS]),
    (good(objects=objects(groups=[], groups_omitted=9)), ["objects of the backup", *ALWAYS]),
    (
        good(objects=scan("incomplete", counts(4, unproven=5), source=INVENTORY)),
        ["S3 Inventory", "key of inventoried objects", "noncurrent versions", *ALWAYS],
    ),
]


@pytest.mark.parametrize(("evidence", "resources"), LIMITS)
def test_what_is_not_proven_is_said(evidence: Evidence, resources: list[str]) -> None:
    assert [limit["resource"] for limit in document(evidence)["not_proven"]] == resources


@pytest.mark.parametrize(
    ("mode", "resource"), [("sse-s3", "SSE-S3"), ("dsse-kms", "DSSE-KMS"), ("sse-c", "SSE-C"), ("sse-kms", None)]
)
def test_limits_of_a_mode(mode: str, resource: str | None) -> None:
    profile = example.profile(encryption_mode=mode, kms_key_arn=KEY if mode.endswith("kms") else None)
    resources = [limit["resource"] for limit in document(untried(profile=profile, configuration=None))["not_proven"]]
    assert [one for one in ("SSE-S3", "DSSE-KMS", "SSE-C") if one in resources] == ([resource] if resource else [])


# --- refusals --------------------------------------------------------------------------------------------------------


def wrong_objects(**values: Any) -> Evidence:
    return good(objects=objects(**values))


REFUSALS: list[tuple[Evidence, str]] = [
    ({**good(), "objects": None}, "evidence.objects: it is missing."),
    ({**good(), "profile": {}}, "evidence.profile: it is missing."),
    (good(audit=audit(bucket="other")), "evidence.audit.bucket: it is of other, the report is of acme-backups."),
    (good(audit=audit(prefix=None)), "evidence.audit.prefix: it is of another place, the report is of production."),
    (good(audit=audit(findings=[])), "evidence.audit.findings: it is missing."),
    (good(audit=audit(failed=True)), "evidence.audit: it is of a task that failed."),
    (good(audit=audit(verdict="sound")), "evidence.audit.verdict: it says sound, and the findings say weak."),
    (good(audit=audit(finding("A", "maybe"))), "evidence.audit.findings[0].status: it is none of pass, fail"),
    (good(audit=audit(finding("A", severity="x"))), "evidence.audit.findings[0].severity: it is none of critical"),
    (good(audit=audit(finding("A", resource=""))), "evidence.audit.findings[0].resource: it is missing."),
    (good(profile=example.profile(kms_key_arn="alias/x")), "evidence.profile.kms_key_arn: alias/x is not the ARN"),
    (wrong_objects(bucket="other"), "evidence.objects: it is of other/production, the profile is of acme-backups/"),
    (wrong_objects(prefix=""), "evidence.objects: it is of acme-backups/, the profile is of acme-backups/production"),
    (wrong_objects(counts={"total": 5, "proven": 4}), "evidence.objects.counts: it has a total that is not the sum"),
    (wrong_objects(counts=counts(-1)), "evidence.objects.counts.total: it is below zero"),
    (wrong_objects(counts={"total": "many"}), "evidence.objects.counts.total: it is not a number"),
    (wrong_objects(counts=None), "evidence.objects.counts: it is missing"),
    (wrong_objects(verdict="wrong"), "evidence.objects.verdict: it is wrong, its counts say proven"),
    (wrong_objects(by_algorithm={"AES256": 9999}), "evidence.objects.by_algorithm: it has more objects than there are"),
    (wrong_objects(offenders=[offender("k")]), "evidence.objects.offenders: it has another number of objects"),
    (wrong_objects(offenders=[offender("k", "proven")]), "evidence.objects.offenders[0].verdict: it is none of wrong"),
    (wrong_objects(offenders="none"), "evidence.objects.offenders: it is not a list"),
    (wrong_objects(groups=[{"kind": "x"}]), "evidence.objects.groups[0].kind: it is none of backup, restore"),
    (wrong_objects(groups=["x"]), "evidence.objects.groups[0]: it is not a mapping"),
    (wrong_objects(started_at=None), "evidence.objects.started_at: it is missing"),
    (wrong_objects(versions="perhaps"), "evidence.objects.versions: it is neither true nor false"),
    (wrong_objects(started_at={}), "evidence.objects.started_at: it is not text"),
    (good(configuration={"live": {"vault": 1}}), "evidence.configuration.live: it has vault, which is not compared"),
    (good(configuration={"live": {"encryption_rule": "x"}}), "evidence.configuration.encryption_rule: it is not a"),
    (
        good(configuration={"live": {"bucket_policy_statements": "x"}}),
        "evidence.configuration.live.bucket_policy_statements: it has a policy that is not valid JSON",
    ),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        assemble(evidence)
    assert str(refusal.value).startswith(message)
    assert refusal.value.remediation.endswith((".", ":"))


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [example.good, example.bad, example.hostile])
def test_the_same_evidence_gives_the_same_document_in_ascii(make: Callable[[], Evidence]) -> None:
    text = to_json(document(make()))
    assert text == to_json(assemble(make()))
    assert text.isascii()
    assert json.loads(text) == document(make())


def test_the_order_in_which_the_parts_are_given_means_nothing() -> None:
    evidence = example.bad()
    assert to_json(assemble(dict(reversed(evidence.items())))) == to_json(assemble(evidence))


def test_nothing_that_was_not_asked_for_is_kept() -> None:
    evidence = good()
    for part in ("objects", "caller", "backup", "restore", "metadata"):
        evidence[part] = {
            **evidence[part],
            "token": "s3cret",
            "invocation": {"module_args": {"customer_key": "s3cret"}},
        }
    evidence["content"]["items"][0]["data"] = {"password": "s3cret"}
    evidence["configuration"]["live"]["key"]["secret"] = "s3cret"
    assert "s3cret" not in to_json(document(evidence))


def test_long_lists_are_bounded_and_counted() -> None:
    many = 1200
    evidence = untried(
        objects=objects(
            verdict="wrong",
            counts=counts(many, wrong=many),
            by_algorithm={"aws:kms": 2 * many},
            by_key=[
                {"key_arn": f"{KEY}{number}", "algorithm": "aws:kms", "bucket_key_enabled": True, "count": 2}
                for number in range(many)
            ],
            groups=[group("kopia", f"n{number}", 2) for number in range(many)],
            groups_omitted=7,
            offenders=[offender(f"k{number}") for number in range(many)],
            unfinished_uploads=[{"key": "k", "upload_id": "u", "initiated": "t"}] * many,
        )
    )
    told = document(evidence)["objects"]
    assert [len(told[name]) for name in ("by_key", "groups", "offenders", "unfinished_uploads")] == [1000] * 4
    omitted = ("by_key_omitted", "groups_omitted", "offenders_omitted", "unfinished_uploads_omitted")
    assert [told[name] for name in omitted] == [200, 207, 200, 200]


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(SCHEMA["properties"]))
def test_the_schema_demands_every_part(name: str) -> None:
    made = assemble(good())
    del made[name]
    assert [error.validator for error in VALIDATOR.iter_errors(made)] == ["required"]


def test_the_schema_takes_nothing_else() -> None:
    made = {**assemble(good()), "other": 1}
    assert [error.validator for error in VALIDATOR.iter_errors(made)] == ["additionalProperties"]


def test_the_version_is_that_of_the_collection() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == VERSION


def test_the_validator_is_needed_by_tests_alone() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert any(one.startswith("jsonschema") for one in groups["dev"])
    assert "jsonschema" not in (ROOT / "requirements.txt").read_text()
