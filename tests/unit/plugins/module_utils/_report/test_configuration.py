# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired configuration beside the actual one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import evidence as example
from tests.support.evidence import KEY, OLD_KEY, Evidence, actual, document, good, objects, refused, untested


def statements(name: str) -> list[dict[str, Any]]:
    value = actual()[name]
    return list(value["Statement"] if isinstance(value, dict) else value)


def changed(name: str, **values: Any) -> Any:
    return {**actual()[name], **values}


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
    parts = document(good(configuration={"actual": actual(**{name: value})}))["configuration"]["parts"]
    found = {part["name"]: part for part in parts}
    told = [(one["path"], one["desired"], one["actual"]) for one in found[name]["differences"]]
    assert told == differences
    assert [part["status"] for part in parts if part["name"] != name] == ["compliant"] * 4


SAME: list[tuple[str, Any]] = [
    ("key_policy_statements", json.dumps(actual()["key_policy_statements"])),
    ("key_policy_statements", {"Statement": list(reversed(statements("key_policy_statements")))}),
    (
        "bucket_policy_statements",
        [{**one, "Action": [one["Action"]]} for one in statements("bucket_policy_statements")],
    ),
    ("encryption_rule", {**actual()["encryption_rule"], "Other": 1}),
]


@pytest.mark.parametrize(("name", "value"), SAME)
def test_what_means_the_same_is_no_difference(name: str, value: Any) -> None:
    configuration = document(good(configuration={"actual": actual(**{name: value})}))["configuration"]
    assert configuration["status"] == "compliant"


def test_unmanaged_statements_are_named_and_not_evaluated() -> None:
    part = document(good())["configuration"]["parts"][1]
    assert part["name"] == "key_policy_statements"
    assert part["unmanaged_statements"] == ["Enable IAM User Permissions"]
    assert [statement["Sid"] for statement in part["actual"]] == [statement["Sid"] for statement in part["desired"]]


def test_a_module_in_check_mode_compares() -> None:
    checks = {
        "encryption_rule": {"changed": True, "diff": {"before": {"bucket_key_enabled": False}, "after": {"x": 1}}},
        "bucket_policy_statements": {"changed": False},
        "backup_storage_location_spec": {"failed": True, "msg": "The cluster does not answer."},
        "key_policy_statements": {"skipped": True, "changed": False},
    }
    configuration = document(good(configuration={"checks": checks, "actual": {"key": {}}}))["configuration"]
    assert {part["name"]: (part["status"], part["reason"]) for part in configuration["parts"]} == {
        "key": ("not_evaluated", "not_requested"),
        "key_policy_statements": ("not_evaluated", "not_requested"),
        "encryption_rule": ("non_compliant", "differs"),
        "bucket_policy_statements": ("compliant", None),
        "backup_storage_location_spec": ("not_evaluated", "check_failed"),
    }
    assert configuration["parts"][2]["differences"] == [
        {"path": "bucket_key_enabled", "desired": None, "actual": False},
        {"path": "x", "desired": 1, "actual": None},
    ]
    assert configuration["parts"][4]["message"] == "The cluster does not answer."


ROLE_PARTS = ("bucket", "iam_policy", "identity")


def test_parts_that_only_a_module_compares() -> None:
    checks = {name: {"changed": False, "kept_statements": ["VeleroObjects0123abcd"]} for name in ROLE_PARTS}
    told = document(good(configuration={"actual": actual(), "checks": checks}))["configuration"]
    assert told["status"] == "compliant"
    assert [part["name"] for part in told["parts"]][-3:] == list(ROLE_PARTS)
    assert told["parts"][-2]["unmanaged_statements"] == ["VeleroObjects0123abcd"]


def test_what_others_allow_the_role_is_a_difference() -> None:
    """Another installation's statements are not."""
    check = {"changed": False, "kept_statements": ["VeleroObjects0123abcd", "Everything"]}
    told = document(good(configuration={"actual": actual(), "checks": {"iam_policy": check}}))["configuration"]
    assert (told["status"], told["parts"][-1]["name"]) == ("non_compliant", "iam_policy")
    assert told["parts"][-1]["differences"] == [{"path": "Everything", "desired": None, "actual": "added"}]


def test_parts_that_others_manage_do_not_count() -> None:
    given = {name: value for name, value in actual().items() if name != "bucket_policy_statements"}
    external = ["bucket_policy_statements", "bucket"]
    told = document(good(configuration={"actual": given, "externally_managed": external}))["configuration"]
    outcomes = {part["name"]: (part["status"], part["reason"]) for part in told["parts"]}
    assert {outcomes[name] for name in external} == {("not_applicable", "externally_managed")}
    assert (told["status"], told["message"]) == ("compliant", "4 of 4 parts are as desired.")


def test_no_report_says_less_than_the_plan() -> None:
    """A change of what has no part of its own, as of an alarm."""
    given = {"actual": actual(), "planned_changes": ["account 1, r: CloudWatch alarms: a -> b"]}
    made = document(good(configuration=given))
    assert (made["status"], made["configuration"]["status"]) == ("non_compliant", "non_compliant")
    assert document(good(configuration={**given, "planned_changes": []}))["status"] == "compliant"


def test_an_empty_list_is_a_policy_without_statements() -> None:
    parts = document(good(configuration={"actual": {"bucket_policy_statements": []}}))["configuration"]["parts"]
    assert len(parts[3]["differences"]) == len(parts[3]["desired"])


def test_a_mode_without_a_key_has_no_part_for_it() -> None:
    profile = example.profile(encryption_mode="sse-s3", kms_key_arn=None)
    told = document(untested(profile=profile, configuration=None, objects=objects(by_algorithm={}, by_key=[])))
    assert [part["name"] for part in told["configuration"]["parts"]] == [
        "encryption_rule",
        "bucket_policy_statements",
        "backup_storage_location_spec",
    ]


REFUSALS: list[tuple[Evidence, str]] = [
    (
        good(configuration={"actual": {"vault": 1}}),
        "evidence.configuration.actual: it has vault, which is not compared",
    ),
    (
        good(configuration={"checks": {"vault": {}}}),
        "evidence.configuration.checks: it has vault, which is not compared",
    ),
    (good(configuration={"checks": {"plan": {}}}), "evidence.configuration.checks: it has plan, which is not"),
    (good(configuration={"externally_managed": ["vault"]}), "evidence.configuration: it has vault, which is not"),
    (good(configuration={"actual": {"encryption_rule": "x"}}), "evidence.configuration.encryption_rule: it is not a"),
    (
        good(configuration={"actual": {"bucket_policy_statements": "x"}}),
        "evidence.configuration.actual.bucket_policy_statements: it has a policy that is not valid JSON",
    ),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    assert refused(evidence).startswith(message)
