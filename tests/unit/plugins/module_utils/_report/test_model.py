# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the modules returned to the document: each status, the refusals, the schema."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable

import pytest
import yaml

from ansible_collections.coffer.velero.plugins.module_utils._report.model import assemble, to_json
from ansible_collections.coffer.velero.plugins.module_utils._version import VERSION
from tests.support import evidence as example
from tests.support.evidence import (
    FAILED,
    INVENTORY,
    PROOF,
    ROOT,
    SCHEMA,
    VALIDATOR,
    Evidence,
    actual,
    counts,
    document,
    good,
    group,
    objects,
    operation,
    refused,
    scanned,
    untested,
)

# --- the status ------------------------------------------------------------------------------------------------------

ITEMS = good()["content"]["items"]
YES, NO = "compliant", "non_compliant"


def accepted(failed: int, accepted: int, unread: int = 0) -> Evidence:
    found = counts(5, non_compliant=failed, not_evaluated=unread)
    status = "non_compliant" if failed > accepted or not unread else "not_evaluated"
    reason = "wrong_algorithm" if failed > accepted else "access_denied" if unread else "accepted"
    return scanned(found, status=status, reason=reason, by_reason={"accepted": accepted})


#: The status or the reason of the whole, the objects, the backup and restore, and the configuration.
STATUSES: list[tuple[str, Callable[[], Evidence], list[str]]] = [
    ("all", good, [YES, YES, YES, YES]),
    ("objects alone", untested, [YES, YES, "not_requested", YES]),
    ("nothing compared", lambda: good(configuration=None), [YES, YES, YES, "not_requested"]),
    (
        "partly compared",
        lambda: good(configuration={"actual": actual(key=None)}),
        [YES, YES, YES, "partly_compared"],
    ),
    ("bad", example.bad, [NO, NO, "not_requested", NO]),
    ("accepted", lambda: good(objects=accepted(2, 2)), [NO, NO, YES, YES]),
    ("accepted but one", lambda: good(objects=accepted(2, 1)), [NO, NO, YES, YES]),
    ("accepted, unread", lambda: good(objects=accepted(2, 2, unread=1)), ["access_denied", "access_denied", YES, YES]),
    (
        "accepted, no restore",
        lambda: good(objects=accepted(2, 2), restore={"skipped": True}),
        ["no_restore", NO, "no_restore", YES],
    ),
    (
        "unreadable",
        lambda: good(objects=scanned(counts(5, not_evaluated=1))),
        ["access_denied", "access_denied", YES, YES],
    ),
    (
        "inventoried",
        lambda: good(
            objects=scanned(
                counts(5, not_evaluated=1), reason="source_has_no_key", source=INVENTORY, non_compliant_objects=[]
            )
        ),
        ["source_has_no_key", "source_has_no_key", YES, YES],
    ),
    ("empty", lambda: untested(objects=scanned(counts())), ["no_objects", "no_objects", "not_requested", YES]),
    (
        "all deleted",
        lambda: untested(objects=scanned(counts(deleted=4))),
        ["no_objects", "no_objects", "not_requested", YES],
    ),
    ("some deleted", lambda: good(objects=scanned(counts(5, deleted=4))), [YES, YES, YES, YES]),
    ("failed backup", lambda: good(backup=FAILED), [NO, YES, NO, YES]),
    (
        "failed backup, empty",
        lambda: untested(objects=scanned(counts())) | {"backup": FAILED},
        [NO, "no_objects", NO, YES],
    ),
    (
        "partial backup",
        lambda: good(backup=operation("backup", PROOF, "PartiallyFailed")),
        [NO, YES, NO, YES],
    ),
    (
        "unfinished backup",
        lambda: good(backup=operation("backup", PROOF, "Finalizing")),
        ["backup_not_completed", YES, "backup_not_completed", YES],
    ),
    ("no restore", lambda: good(restore={"skipped": True}), ["no_restore", YES, "no_restore", YES]),
    ("no content", lambda: good(content={}), ["content_not_compared", YES, "content_not_compared", YES]),
    (
        "other content",
        lambda: good(content={"items": [*ITEMS, {"kind": "Secret", "name": "s", "matches": False}]}),
        [NO, YES, NO, YES],
    ),
    (
        "other metadata",
        lambda: good(metadata={"matches": False, "exists": True, "key": "k", "mismatches": []}),
        [NO, YES, NO, YES],
    ),
    (
        "another backup restored",
        lambda: good(restore=operation("restore", PROOF, spec={"backupName": "other"})),
        ["other_backup_restored", YES, "other_backup_restored", YES],
    ),
    (
        "objects of the backup not found",
        lambda: good(objects=objects(groups=[group("backup", "another", 9)])),
        ["objects_not_found", YES, "objects_not_found", YES],
    ),
]


@pytest.mark.parametrize(("evidence", "expected"), [row[1:] for row in STATUSES], ids=[row[0] for row in STATUSES])
def test_status(evidence: Callable[[], Evidence], expected: list[str]) -> None:
    made = document(evidence())
    found = [made, made["objects"], made["backup_and_restore"], made["configuration"]]
    assert all((part["reason"] is None) == (part["status"] == "compliant") for part in found)
    told = [part["reason"] if part["status"] == "not_evaluated" else part["status"] for part in found]
    assert told == expected


def test_only_what_is_accepted_in_full_has_that_reason() -> None:
    reasons = [document(good(objects=accepted(2, number)))["reason"] for number in (2, 1)]
    assert reasons == ["accepted", "wrong_algorithm"]


def test_objects_from_before_the_change_are_told_apart() -> None:
    old, new = "2026-11-01T02:00:12Z", "2026-11-20T02:00:12Z"
    told = {
        compliant: document(
            good(objects=scanned(counts(5, 2), last_written={"compliant": compliant, "non_compliant": old}))
        )["message"]
        for compliant in (new, old, None)
    }
    since = "written on 1 November 2026, 02:00:12 UTC, and everything that was written since is compliant"
    assert [since in message for message in told.values()] == [True, False, False]


def test_messages() -> None:
    made = document(example.bad())
    assert {part: made[part]["message"] for part in ("objects", "configuration", "backup_and_restore", "audit")} == {
        "objects": "6 of 1,845 object versions are not encrypted as the profile requires, and 2 more could not be "
        "evaluated.",
        "configuration": "1 of 5 parts differs from the desired configuration; 1 was not compared.",
        "backup_and_restore": "No backup was made for this report.",
        "audit": "2 checks passed, 1 of critical or high severity failed, 2 of lower severity failed, "
        "1 could not be evaluated.",
    }
    assert made["message"] == f"{made['objects']['message']} {made['configuration']['message']}"


# --- refusals --------------------------------------------------------------------------------------------------------


REFUSALS: list[tuple[Evidence, str]] = [
    ({**good(), "objects": None}, "evidence.objects: it is missing."),
    ({**good(), "profile": {}}, "evidence.profile: it is missing."),
    (good(profile=example.profile(kms_key_arn="alias/x")), "evidence.profile.kms_key_arn: alias/x is not the ARN"),
]


@pytest.mark.parametrize(("evidence", "message"), REFUSALS)
def test_refusals(evidence: Evidence, message: str) -> None:
    assert refused(evidence).startswith(message)


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
    evidence["configuration"]["actual"]["key"]["secret"] = "s3cret"
    assert "s3cret" not in to_json(document(evidence))


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
