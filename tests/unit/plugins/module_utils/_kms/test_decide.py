# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted of a KMS key and what there is, to a plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._kms.decide import (
    DesiredKey,
    alias_name,
    change_key,
    create_key,
    delete_key,
    validate_window,
)
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import CREATED_FOR_TAG, Key
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID, Computed, Plan, resolve
from tests.support.refusal import refusal

ALIAS = "alias/velero"
REGION = "eu-central-1"
ACCOUNT = "111122223333"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
OTHER = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-12ab-34cd-56ef-1234567890ab"


def desired(**options: Any) -> DesiredKey:
    return DesiredKey(**{"alias": ALIAS, **options})


def key(state: str = "Enabled", *, more: dict[str, Any] | None = None, **metadata: Any) -> Key:
    return Key({"Arn": ARN, "KeyId": KEY_ID, "KeyState": state, **metadata}, **(more or {}))


def multi_region(*replicas: str, primary: str = REGION) -> dict[str, Any]:
    return {
        "MultiRegion": True,
        "MultiRegionConfiguration": {
            "PrimaryKey": {"Region": primary},
            "ReplicaKeys": [{"Region": region} for region in replicas],
        },
    }


def actions(plan: Plan) -> list[str]:
    return [step.action.removeprefix("kms:") for step in plan.steps]


def create(**options: Any) -> Plan:
    return create_key(desired(**options), partition="aws", region=REGION, account_id=ACCOUNT)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["CreateKey", "CreateAlias"]),
        ({"rotation_enabled": False}, ["CreateKey", "CreateAlias"]),
        ({"rotation_enabled": True}, ["CreateKey", "CreateAlias", "EnableKeyRotation"]),
        ({"rotation_period_in_days": 90}, ["CreateKey", "CreateAlias", "EnableKeyRotation"]),
        ({"enabled": True}, ["CreateKey", "CreateAlias"]),
        ({"replica_regions": [REGION]}, ["CreateKey", "CreateAlias"]),
        (
            {"enabled": False, "rotation_enabled": True, "replica_regions": ["us-east-1"]},
            ["CreateKey", "CreateAlias", "EnableKeyRotation", "ReplicateKey", "DisableKey"],
        ),
    ],
)
def test_a_key_is_created_with_everything_and_disabled_last(options: dict[str, Any], expected: list[str]) -> None:
    assert actions(create(**options)) == expected


def test_a_new_key_is_marked_until_it_has_its_alias() -> None:
    plan = create(tags={"cost": 42, "on": True}, description="Velero")
    arguments = plan.steps[0].arguments
    assert arguments["Tags"] == [
        {"TagKey": CREATED_FOR_TAG, "TagValue": ALIAS},
        {"TagKey": "cost", "TagValue": "42"},
        {"TagKey": "on", "TagValue": "true"},
    ]
    assert arguments["Description"] == "Velero"
    assert not arguments["MultiRegion"]
    assert plan.result["tags"] == plan.diff["after"]["tags"] == {"cost": "42", "on": "true"}


def test_a_new_key_is_promised_with_its_arn() -> None:
    plan = create()
    assert resolve(plan.result, {})["key_arn"] == ARN.replace(KEY_ID, PLACEHOLDER_KEY_ID)
    assert resolve(plan.result, {"key_id": KEY_ID, "key_arn": ARN})["key_arn"] == ARN
    assert plan.steps[1].arguments["TargetKeyId"] == Computed("key_id", PLACEHOLDER_KEY_ID)


@pytest.mark.parametrize("options", [{"multi_region": True}, {"replica_regions": ["us-east-1"]}])
def test_a_key_with_replicas_is_a_multi_region_key(options: dict[str, Any]) -> None:
    assert create(**options).steps[0].arguments["MultiRegion"] is True


ROTATED = {"rotation": {"KeyRotationEnabled": True, "RotationPeriodInDays": 365}}
STILL = {"rotation": {"KeyRotationEnabled": False}}
NO_ALIAS = {"alias_exists": False}
OTHER_ALIAS = {"alias_exists": False, "alias_target": OTHER}


@pytest.mark.parametrize(
    ("options", "there", "expected", "diff"),
    [
        ({}, key(), [], {}),
        ({"alias": None}, key(more=NO_ALIAS), [], {}),
        ({}, key(more=NO_ALIAS), ["CreateAlias"], {"alias": (None, ALIAS)}),
        ({"repoint_alias": True}, key(more=OTHER_ALIAS), ["UpdateAlias"], {"alias_target": (OTHER, ARN)}),
        ({"repoint_alias": True}, key(), [], {}),
        ({"description": "a"}, key(Description="a"), [], {}),
        ({"description": ""}, key(Description="a"), ["UpdateKeyDescription"], {"description": ("a", "")}),
        ({"description": "a"}, key(), ["UpdateKeyDescription"], {"description": ("", "a")}),
        ({"enabled": True}, key("Enabled"), [], {}),
        ({"enabled": True}, key("Disabled"), ["EnableKey"], {"key_state": ("Disabled", "Enabled")}),
        ({"enabled": False}, key("Enabled"), ["DisableKey"], {"key_state": ("Enabled", "Disabled")}),
        ({"enabled": False}, key("Disabled"), [], {}),
        ({}, key("Disabled"), [], {}),
        ({"enabled": True}, key("PendingImport"), [], {}),
        ({"enabled": True}, key("Unavailable"), [], {}),
        ({"cancel_deletion": True}, key(), [], {}),
        (
            {"cancel_deletion": True},
            key("PendingDeletion"),
            ["CancelKeyDeletion"],
            {"key_state": ("PendingDeletion", "Disabled")},
        ),
        (
            {"cancel_deletion": True, "enabled": False},
            key("PendingReplicaDeletion"),
            ["CancelKeyDeletion"],
            {"key_state": ("PendingReplicaDeletion", "Disabled")},
        ),
        (
            {"cancel_deletion": True, "enabled": True, "description": "a"},
            key("PendingDeletion", more=NO_ALIAS),
            ["CancelKeyDeletion", "EnableKey", "CreateAlias", "UpdateKeyDescription"],
            {"key_state": ("PendingDeletion", "Enabled"), "alias": (None, ALIAS), "description": ("", "a")},
        ),
        ({"rotation_enabled": True}, key(more=ROTATED), [], {}),
        ({"rotation_period_in_days": 365}, key(more=ROTATED), [], {}),
        ({"rotation_enabled": False}, key(more=STILL), [], {}),
        (
            {"rotation_period_in_days": 90},
            key(more=ROTATED),
            ["EnableKeyRotation"],
            {"rotation_period_in_days": (365, 90)},
        ),
        ({"rotation_enabled": True}, key(more=STILL), ["EnableKeyRotation"], {"rotation_enabled": (False, True)}),
        ({"rotation_enabled": False}, key(more=ROTATED), ["DisableKeyRotation"], {"rotation_enabled": (True, False)}),
        ({"rotation_enabled": False}, key(KeySpec="RSA_2048", more={"rotation": {}}), [], {}),
        (
            {"rotation_enabled": True, "enabled": False},
            key(more=STILL),
            ["EnableKeyRotation", "DisableKey"],
            {"rotation_enabled": (False, True), "key_state": ("Enabled", "Disabled")},
        ),
        (
            {"rotation_enabled": True, "enabled": True},
            key("Disabled", more=STILL),
            ["EnableKey", "EnableKeyRotation"],
            {"key_state": ("Disabled", "Enabled"), "rotation_enabled": (False, True)},
        ),
        ({"rotation_enabled": True}, key("Disabled", more=ROTATED), [], {}),
        ({"tags": {"a": "1"}}, key(more={"tags": {"a": "1", CREATED_FOR_TAG: ALIAS}}), [], {}),
        (
            {"tags": {"a": "1"}},
            key(more={"tags": {"b": "2", CREATED_FOR_TAG: ALIAS, "aws:x": "y"}}),
            ["TagResource", "UntagResource"],
            {"tags": ({"b": "2", "aws:x": "y"}, {"aws:x": "y", "a": "1"})},
        ),
        (
            {"tags": {"a": "1"}, "purge_tags": False},
            key(more={"tags": {"b": "2"}}),
            ["TagResource"],
            {"tags": ({"b": "2"}, {"b": "2", "a": "1"})},
        ),
        ({"multi_region": False}, key(), [], {}),
        ({"multi_region": True}, key(**multi_region()), [], {}),
        ({"replica_regions": ["us-east-1", REGION]}, key(**multi_region("us-east-1", "us-west-2")), [], {}),
        (
            {"replica_regions": ["us-east-1", "us-east-2"]},
            key(**multi_region("us-east-1")),
            ["ReplicateKey"],
            {"replica_regions": (["us-east-1"], ["us-east-1", "us-east-2"])},
        ),
        (
            {"replica_regions": ["us-east-1"], "enabled": False},
            key(**multi_region()),
            ["ReplicateKey", "DisableKey"],
            {"replica_regions": ([], ["us-east-1"]), "key_state": ("Enabled", "Disabled")},
        ),
    ],
)
def test_only_what_differs_is_changed(
    options: dict[str, Any], there: Key, expected: list[str], diff: dict[str, Any]
) -> None:
    plan = change_key(desired(**options), there)
    assert actions(plan) == expected
    assert {d.name: (d.before, d.after) for d in plan.differences} == diff


@pytest.mark.parametrize(
    ("options", "there", "expected"),
    [
        ({}, key(), {"key_state": "Enabled", "rotation_enabled": None, "tags": {}}),
        ({"enabled": False}, key(), {"key_state": "Disabled"}),
        ({"enabled": True}, key("PendingImport"), {"key_state": "PendingImport"}),
        ({"cancel_deletion": True}, key("PendingDeletion"), {"key_state": "Disabled"}),
        ({"cancel_deletion": True, "enabled": True}, key("PendingDeletion"), {"key_state": "Enabled"}),
        (
            {"rotation_enabled": True},
            key(more=STILL),
            {"rotation_enabled": True, "rotation_period_in_days": 365},
        ),
        (
            {"rotation_enabled": True},
            key(more={"rotation": {"KeyRotationEnabled": True, "RotationPeriodInDays": 90}}),
            {"rotation_enabled": True, "rotation_period_in_days": 90},
        ),
        ({"rotation_enabled": False}, key(more=ROTATED), {"rotation_enabled": False, "rotation_period_in_days": None}),
        ({"tags": {"a": 1}}, key(more={"tags": {"b": "2", CREATED_FOR_TAG: ALIAS}}), {"tags": {"a": "1"}}),
        ({}, key(AWSAccountId="999988887777"), {"account_id": "999988887777"}),
        ({}, key(), {"account_id": ACCOUNT, "key_id": KEY_ID, "key_arn": ARN, "alias": ALIAS}),
    ],
)
def test_the_result_is_the_key_after_the_plan(options: dict[str, Any], there: Key, expected: dict[str, Any]) -> None:
    result = change_key(desired(**options), there).result
    assert {name: result[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "there", "warned"),
    [
        ({}, key("Disabled"), True),
        ({"enabled": False}, key("Disabled"), False),
        ({"enabled": True}, key("Disabled"), False),
        ({"cancel_deletion": True}, key("PendingDeletion"), True),
        ({}, key(), False),
    ],
)
def test_a_disabled_key_is_told(options: dict[str, Any], there: Key, warned: bool) -> None:
    warnings = change_key(desired(**options), there).warnings
    assert [ARN in warning for warning in warnings] == [True] * warned


@pytest.mark.parametrize(
    ("options", "there", "message"),
    [
        (
            {},
            key("PendingDeletion", DeletionDate="tomorrow"),
            f"alias: {ARN} is pending deletion until tomorrow. Find out who scheduled it.",
        ),
        (
            {"alias": None, "enabled": True},
            key("PendingReplicaDeletion"),
            f"key_id: {ARN} is pending deletion until an unknown date. ",
        ),
        ({"multi_region": True}, key(), f"multi_region: {ARN} is a single-Region key. KMS cannot change that"),
        (
            {"multi_region": False},
            key(**multi_region()),
            f"multi_region: {ARN} is a multi-Region key. KMS cannot change that",
        ),
        (
            {"replica_regions": ["us-east-1"]},
            key(),
            f"replica_regions: {ARN} is a single-Region key. Only a multi-Region key has replicas, and KMS cannot make "
            "it one: create another key.",
        ),
        (
            {"replica_regions": ["us-east-1"]},
            key(**multi_region(REGION, primary="us-west-2")),
            f"replica_regions: {ARN} is a replica of the key in us-west-2. Run the task in us-west-2",
        ),
        (
            {"replica_regions": ["us-east-1"]},
            key("Disabled", **multi_region()),
            f"replica_regions: {ARN} is disabled. KMS changes that of an enabled key only: set enabled=true too.",
        ),
        ({"rotation_enabled": True}, key(KeySpec="RSA_2048"), f"rotation_enabled: {ARN} cannot be rotated automatical"),
        ({"rotation_period_in_days": 90}, key(Origin="EXTERNAL"), f"rotation_enabled: {ARN} cannot be rotated autom"),
        ({"rotation_enabled": True}, key("Disabled", more=STILL), f"rotation_enabled: {ARN} is disabled. KMS changes"),
        ({"rotation_enabled": False}, key("Disabled", more=ROTATED), f"rotation_enabled: {ARN} is disabled. KMS chan"),
        (
            {"rotation_enabled": True, "cancel_deletion": True},
            key("PendingDeletion", more=STILL),
            f"rotation_enabled: {ARN} is disabled. ",
        ),
        (
            {"rotation_enabled": True},
            key(**multi_region(REGION, primary="us-west-2"), more=STILL),
            f"rotation_enabled: {ARN} is a replica of the key in us-west-2. ",
        ),
        (
            {},
            key(more=OTHER_ALIAS),
            f"alias: {ALIAS} points at {OTHER}, not at {ARN}. Everything that was encrypted through the alias still",
        ),
    ],
)
def test_what_kms_cannot_do_and_nobody_should_in_passing_is_refused(
    options: dict[str, Any], there: Key, message: str
) -> None:
    assert refusal(change_key, desired(**options), there).startswith(message)


@pytest.mark.parametrize(
    ("options", "there", "message"),
    [
        ({}, key(), None),
        ({}, key("Updating"), None),
        ({"enabled": True}, key("Disabled"), None),
        ({"enabled": True, "cancel_deletion": True}, key("PendingDeletion"), None),
        ({}, key(KeyManager="CUSTOMER", **multi_region()), None),
        (
            {},
            key("Disabled"),
            f"alias: {ARN} is disabled. Find out who disabled it; coffer.velero.kms_key enables it with enabled=true.",
        ),
        (
            {"alias": None, "cancel_deletion": True},
            key("PendingDeletion"),
            f"key_id: {ARN} is disabled. Find out who disabled it; coffer.velero.kms_key enables it with enabled=true.",
        ),
        (
            {},
            key("PendingDeletion", DeletionDate="tomorrow"),
            f"alias: {ARN} is pending deletion until tomorrow. Find out who scheduled it. cancel_deletion=true cancels "
            "it (the key is disabled then; enabled=true enables it), or give another alias for a new key.",
        ),
        (
            {"alias": None},
            key(KeyManager="AWS"),
            f"key_id: {ARN} is managed by AWS. Its policy cannot be edited: choose a customer managed key.",
        ),
    ],
)
def test_a_key_that_has_to_be_usable(options: dict[str, Any], there: Key, message: str | None) -> None:
    if message is None:
        assert change_key(desired(require_usable_for_s3=True, **options), there) == change_key(
            desired(**options), there
        )
        return
    assert refusal(change_key, desired(require_usable_for_s3=True, **options), there) == message


def test_a_new_key_is_usable() -> None:
    assert create(require_usable_for_s3=True) == create()


@pytest.mark.parametrize(
    ("there", "alias", "expected", "diff"),
    [
        (
            key(),
            ALIAS,
            ["ScheduleKeyDeletion", "DeleteAlias"],
            {"key_state": ("Enabled", "PendingDeletion"), "alias": (ALIAS, None)},
        ),
        (key(), None, ["ScheduleKeyDeletion"], {"key_state": ("Enabled", "PendingDeletion")}),
        (key("Disabled"), None, ["ScheduleKeyDeletion"], {"key_state": ("Disabled", "PendingDeletion")}),
        (key("PendingImport"), None, ["ScheduleKeyDeletion"], {"key_state": ("PendingImport", "PendingDeletion")}),
        (key("PendingDeletion"), ALIAS, ["DeleteAlias"], {"alias": (ALIAS, None)}),
        (key("PendingDeletion", more=NO_ALIAS), ALIAS, [], {}),
        (key(more=OTHER_ALIAS), ALIAS, ["ScheduleKeyDeletion"], {"key_state": ("Enabled", "PendingDeletion")}),
    ],
)
def test_the_deletion_is_scheduled_before_the_alias_goes(
    there: Key, alias: str | None, expected: list[str], diff: dict[str, Any]
) -> None:
    plan = delete_key(there, alias=alias, pending_window_in_days=7)
    assert actions(plan) == expected
    assert {d.name: (d.before, d.after) for d in plan.differences} == diff


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation_period_in_days": 89}, "rotation_period_in_days: 89 is not a rotation period. KMS takes 90 to 2560"),
        ({"rotation_period_in_days": 2561}, "rotation_period_in_days: 2561 is not a rotation period. "),
        (
            {"rotation_period_in_days": 90, "rotation_enabled": False},
            "rotation_period_in_days: 90 contradicts rotation_enabled=false. Leave the period out, or set "
            "rotation_enabled=true.",
        ),
        (
            {"require_usable_for_s3": True, "enabled": False},
            "require_usable_for_s3: true contradicts enabled=false. Leave one of them out.",
        ),
        (
            {"replica_regions": ["us-east-1"], "multi_region": False},
            "replica_regions: ['us-east-1'] contradicts multi_region=false. Set multi_region=true, or leave the "
            "replicas out.",
        ),
    ],
)
def test_contradictions_are_refused(options: dict[str, Any], message: str) -> None:
    assert refusal(desired(**options).refuse_contradictions).startswith(message)


@pytest.mark.parametrize("days", [6, 31, 0, -1])
def test_a_waiting_period_that_kms_does_not_take_is_refused(days: int) -> None:
    assert (
        refusal(validate_window, days)
        == f"pending_window_in_days: {days} is not a waiting period. KMS takes 7 to 30 days."
    )


@pytest.mark.parametrize("days", [7, 30])
def test_a_waiting_period_that_kms_takes(days: int) -> None:
    validate_window(days)


@pytest.mark.parametrize("text", ["velero", "alias/velero"])
def test_an_alias_with_and_without_its_prefix(text: str) -> None:
    assert alias_name(text) == ALIAS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/velero",
            "is an ARN. Give the alias by its name and use credentials and the Region of the account that owns it.",
        ),
        ("aws/s3", "is reserved for keys that AWS manages. Choose a name of your own."),
        ("alias/aws/s3", "is reserved for keys that AWS manages. "),
        (
            "velero.backups",
            "is not a name for an alias. An alias has at most 250 letters, digits, slashes, underscores and hyphens.",
        ),
        ("", "is not a name for an alias. "),
        ("v" * 251, "is not a name for an alias. "),
    ],
)
def test_an_alias_that_kms_would_refuse_is_refused_before_a_key_is_made(text: str, message: str) -> None:
    assert message in refusal(alias_name, text)
