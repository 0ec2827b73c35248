# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module kms_key against moto, run both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.coffer.velero.plugins.module_utils._documents import key_policy_statements
from ansible_collections.coffer.velero.plugins.module_utils._kms import api
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from tests.support.fixtures import Aws
from tests.support.running import ModuleRunner, assert_lifecycle

ALIAS = "alias/velero"
MARK = "coffer.velero:alias"
REGION = "us-east-1"
PREDICTED = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def kms(aws: Aws) -> Any:
    return aws.client("kms")


def keys(kms: Any) -> list[dict[str, Any]]:
    """All keys with everything that the module manages."""
    aliases: dict[str, list[str]] = {}
    for alias in kms.list_aliases()["Aliases"]:
        aliases.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    found = []
    for entry in kms.list_keys()["Keys"]:
        metadata = kms.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
        found.append(
            {
                "id": metadata["KeyId"],
                "state": metadata["KeyState"],
                "description": metadata["Description"],
                "rotation": kms.get_key_rotation_status(KeyId=entry["KeyId"]).get("RotationPeriodInDays"),
                "tags": {
                    tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=entry["KeyId"])["Tags"]
                },
                "aliases": sorted(aliases.get(metadata["KeyId"], [])),
                "replicas": [
                    replica["Region"] for replica in metadata.get("MultiRegionConfiguration", {}).get("ReplicaKeys", [])
                ],
            }
        )
    return found


def only(kms: Any) -> dict[str, Any]:
    (key,) = keys(kms)
    return key


def test_lifecycle(run: ModuleRunner, kms: Any) -> None:
    created, modified, deleted = assert_lifecycle(
        run,
        "kms_key",
        create={
            "alias": "velero",
            "description": "Velero",
            "rotation_period_in_days": 365,
            "tags": {"service": "velero", "cost": 42},
        },
        modify={
            "alias": "velero",
            "description": "Velero backups",
            "rotation_period_in_days": 90,
            "enabled": False,
            "tags": {"service": "backup"},
        },
        delete={"alias": "velero", "state": "absent", "pending_window_in_days": 7},
        state=lambda: keys(kms),
    )
    tags = {"service": "velero", "cost": "42"}
    assert created["diff"] == {
        "before": {},
        "after": {
            "alias": ALIAS,
            "description": "Velero",
            "enabled": True,
            "rotation_enabled": True,
            "rotation_period_in_days": 365,
            "tags": tags,
        },
    }
    assert modified["diff"] == {
        "before": {"description": "Velero", "rotation_period_in_days": 365, "tags": tags, "key_state": "Enabled"},
        "after": {
            "description": "Velero backups",
            "rotation_period_in_days": 90,
            "tags": {"service": "backup"},
            "key_state": "Disabled",
        },
    }
    assert deleted["diff"] == {
        "before": {"key_state": "Disabled", "alias": ALIAS},
        "after": {"key_state": "PendingDeletion"},
    }
    key = only(kms)
    assert created["key_id"] == modified["key_id"] == deleted["key_id"] == key["id"]
    assert (key["state"], key["aliases"]) == ("PendingDeletion", [])


def test_a_check_run_promises_the_arn(run: ModuleRunner, kms: Any) -> None:
    result = run.ok("kms_key", check=True, alias="velero", rotation_period_in_days=90)
    assert result["key_arn"] == PREDICTED
    assert result["rotation_period_in_days"] == 90
    assert keys(kms) == []


DEFAULTS = {"creation_defaults": {"description": "Velero backups", "rotation_period_in_days": 365}}


def test_defaults_are_for_own_keys(run: ModuleRunner, kms: Any) -> None:
    run.ok("kms_key", alias="velero", **DEFAULTS)
    created = only(kms)
    assert (created["description"], created["rotation"]) == ("Velero backups", 365)
    kms.disable_key_rotation(KeyId=created["id"])
    assert run.ok("kms_key", alias="velero", **DEFAULTS)["diff"]["after"] == {
        "rotation_enabled": True,
        "rotation_period_in_days": 365,
    }
    assert only(kms) == created
    asked = run.ok("kms_key", alias="velero", description="Ours", rotation_period_in_days=100, **DEFAULTS)
    assert asked["diff"]["after"] == {"description": "Ours", "rotation_period_in_days": 100}


@pytest.mark.parametrize("origin", ["AWS_KMS", "EXTERNAL"])
def test_keys_of_others_keep_their_settings(run: ModuleRunner, kms: Any, origin: str) -> None:
    """Also one with imported material, which KMS could not rotate."""
    key_id = kms.create_key(Description="theirs", Origin=origin)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key_id)
    before = only(kms)
    for check in (True, False):
        result = run.ok("kms_key", check=check, alias="velero", **DEFAULTS)
        assert (result["changed"], result["description"], only(kms)) == (False, "theirs", before)


def test_without_the_tag(run: ModuleRunner, kms: Any) -> None:
    run.ok("kms_key", alias="velero", tag_with_alias=False, tags={"a": "1"}, **DEFAULTS)
    created = only(kms)
    assert (created["rotation"], created["tags"]) == (365, {"a": "1"})
    assert not run.ok("kms_key", alias="velero", tag_with_alias=False, tags={"a": "1"}, **DEFAULTS)["changed"]


def test_what_nobody_asked_for_is_left_alone(run: ModuleRunner, kms: Any) -> None:
    key_id = kms.create_key(Description="theirs", Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key_id)
    kms.create_alias(AliasName="alias/theirs", TargetKeyId=key_id)
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=100)
    before = only(kms)
    for options in (
        {"alias": "velero"},
        {"alias": "velero", "tags": {}, "purge_tags": False},
        {"alias": "velero", "rotation_enabled": True, "enabled": True},
        {"key_id": key_id},
        {"key_id": "alias/theirs"},
    ):
        result = run.ok("kms_key", **options)
        assert not result["changed"]
        assert result["key_id"] == key_id
    assert result["description"] == "theirs"
    assert only(kms) == before
    run.ok("kms_key", alias="velero", tags={"b": "2"}, purge_tags=False)
    assert only(kms) == {**before, "tags": {"a": "1", "b": "2"}}


def test_the_mark_is_neither_shown_nor_purged(run: ModuleRunner, kms: Any) -> None:
    run.ok("kms_key", alias="velero", tags={"a": "1"})
    assert run.ok("kms_key", alias="velero", tags={})["diff"] == {"before": {"tags": {"a": "1"}}, "after": {"tags": {}}}
    assert only(kms)["tags"] == {MARK: ALIAS}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"alias": "velero", "rotation_period_in_days": 365, "tags": {"a": "1"}, "description": "Velero"},
            ["DescribeKey", "ListResourceTags", "GetKeyRotationStatus"],
        ),
        ({"alias": "velero"}, ["DescribeKey"]),
        ({"alias": "velero", "state": "absent"}, ["DescribeKey"]),
    ],
)
def test_requests_of_a_no_op(run: ModuleRunner, aws: Aws, options: dict[str, Any], expected: list[str]) -> None:
    run.ok("kms_key", **options)
    aws.proxy.clear()
    assert not run.ok("kms_key", **options)["changed"]
    assert [call.operation for call in aws.proxy.requests] == expected


# --- interrupted and in company -----------------------------------------------------------------------------------

OPTIONS = {"alias": "velero", "rotation_period_in_days": 90, "tags": {"a": "1"}, "enabled": False}
WRITES = ["CreateKey", "CreateAlias", "EnableKeyRotation", "DisableKey"]


def assert_wanted(kms: Any) -> None:
    assert only(kms) | {"id": ""} == {
        "id": "",
        "state": "Disabled",
        "description": "",
        "rotation": 90,
        "tags": {"a": "1", MARK: ALIAS},
        "aliases": [ALIAS],
        "replicas": [],
    }


@pytest.mark.parametrize("operation", WRITES)
def test_an_interrupted_run_is_completed_by_the_next(run: ModuleRunner, aws: Aws, kms: Any, operation: str) -> None:
    aws.proxy.deny("kms", operation)
    assert f"kms:{operation} failed: AccessDenied" in run.refused("kms_key", **OPTIONS)
    aws.proxy.reset()
    placeholder = run.ok("kms_key", check=True, **OPTIONS)
    assert run.ok("kms_key", **OPTIONS)["diff"] == placeholder["diff"]
    assert_wanted(kms)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "fail", "throttle"])
@pytest.mark.parametrize("operation", ["DescribeKey", *WRITES])
def test_a_disturbed_request_leaves_one_key(run: ModuleRunner, aws: Aws, kms: Any, operation: str, kind: Any) -> None:
    aws.proxy.fault(1, kind, service="kms", operation=operation)
    assert run.ok("kms_key", **OPTIONS)["changed"]
    assert_wanted(kms)


def test_the_oldest_unfinished_key_is_adopted(run: ModuleRunner, kms: Any) -> None:
    tags = [{"TagKey": MARK, "TagValue": ALIAS}]
    first, second = (kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"] for dummy in range(2))
    kms.create_key(Tags=[{"TagKey": MARK, "TagValue": "alias/other"}])
    creation = {key_id: kms.describe_key(KeyId=key_id)["KeyMetadata"]["CreationDate"] for key_id in (first, second)}
    oldest = min(creation, key=lambda key_id: (str(creation[key_id]), key_id))
    result = run.ok("kms_key", alias="velero")
    assert result["key_id"] == oldest
    assert result["diff"] == {"before": {}, "after": {"alias": ALIAS}}
    assert result["warnings"] == [
        f"{result['key_arn']} is given the alias {ALIAS} in place of a new key: it was made for it, by a run that was "
        "cut, and neither its policy nor its rotation was changed since."
    ]


def test_an_unfinished_key_that_is_pending_deletion_is_not_adopted(run: ModuleRunner, kms: Any) -> None:
    key_id = kms.create_key(Tags=[{"TagKey": MARK, "TagValue": ALIAS}])["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert run.ok("kms_key", alias="velero")["key_id"] != key_id


def test_an_unfinished_key_is_deleted_once_it_is_finished(run: ModuleRunner, kms: Any) -> None:
    """The tag alone does not tell it from a key that is needed still."""
    kms.create_key(Tags=[{"TagKey": MARK, "TagValue": ALIAS}])
    assert not run.ok("kms_key", alias="velero", state="absent")["changed"]
    assert only(kms)["state"] == "Enabled"
    run.ok("kms_key", alias="velero")
    assert run.ok("kms_key", alias="velero", state="absent")["changed"]
    assert only(kms)["state"] == "PendingDeletion"
    assert not run.ok("kms_key", alias="velero", state="absent")["changed"]


def use(kms: Any, key_id: str) -> None:
    """Let somebody use a key, as kms_key_policy does."""
    policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    more = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    policy["Statement"].append(more)
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(policy))


def rotate(kms: Any, key_id: str) -> None:
    kms.enable_key_rotation(KeyId=key_id)


@pytest.mark.parametrize("serve", [use, rotate])
def test_a_key_that_was_replaced_is_neither_deleted_nor_taken_again(
    run: ModuleRunner, kms: Any, serve: Callable[[Any, str], None]
) -> None:
    first = run.ok("kms_key", alias="velero")["key_id"]
    serve(kms, first)
    second = kms.create_key()["KeyMetadata"]["KeyId"]
    run.ok("kms_key", key_id=second, alias="velero", repoint_alias=True)
    assert run.ok("kms_key", alias="velero", state="absent")["key_id"] == second
    assert not run.ok("kms_key", alias="velero", state="absent")["changed"]
    third = run.ok("kms_key", alias="velero")
    assert third["key_id"] not in (first, second)
    assert third["warnings"] == []
    states = {key["id"]: (key["state"], key["aliases"]) for key in keys(kms)}
    assert states[first] == ("Enabled", [])
    assert states[second] == ("PendingDeletion", [])


def test_a_key_is_not_taken_whose_policy_cannot_be_read(run: ModuleRunner, aws: Aws, kms: Any) -> None:
    kms.create_key(Tags=[{"TagKey": MARK, "TagValue": ALIAS}])
    aws.proxy.deny("kms", "GetKeyPolicy")
    assert "The credentials of this task need kms:GetKeyPolicy there." in run.refused("kms_key", alias="velero")
    assert len(keys(kms)) == 1


@pytest.fixture
def rival(kms: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of somebody who creates the alias in the moment before the task does."""
    key_id = str(kms.create_key()["KeyMetadata"]["KeyId"])
    run_step = api.Aws.run_step

    def with_a_rival(self: Any, step: Any, *arguments: Any, **options: Any) -> Any:
        if step.action == "kms:CreateAlias":
            kms.create_alias(AliasName=ALIAS, TargetKeyId=key_id)
        return run_step(self, step, *arguments, **options)

    monkeypatch.setattr(api.Aws, "run_step", with_a_rival)
    return key_id


def test_a_key_that_lost_the_race_for_the_alias_is_given_up(run: ModuleRunner, kms: Any, rival: str) -> None:
    result = run.ok("kms_key", alias="velero", description="ours")
    assert result["key_id"] == rival
    states = {key["id"]: key["state"] for key in keys(kms)}
    assert states.pop(rival) == "Enabled"
    assert list(states.values()) == ["PendingDeletion"]


def test_a_key_that_lost_the_race_and_cannot_be_given_up_is_named(
    run: ModuleRunner, aws: Aws, kms: Any, rival: str
) -> None:
    """As with the permissions of docs/permissions.md, which do not let anybody delete a key."""
    aws.proxy.deny("kms", "ScheduleKeyDeletion", "not authorized to run_step: kms:ScheduleKeyDeletion")
    said = run.refused("kms_key", alias="velero")
    (loser,) = (key for key in keys(kms) if key["id"] != rival)
    assert said == (
        "kms:ScheduleKeyDeletion failed: AccessDeniedException: not authorized to run_step: kms:ScheduleKeyDeletion "
        "The credentials of this task need kms:ScheduleKeyDeletion there. Another run was faster with "
        f"{ALIAS}, and this one has made the key {loser['id']} in vain: delete it (aws kms schedule-key-deletion "
        f"--key-id {loser['id']}) and run again."
    )
    assert (loser["state"], loser["aliases"]) == ("Enabled", [])
    assert run.ok("kms_key", alias="velero")["key_id"] == rival


def test_a_new_key_that_kms_does_not_find_at_once_is_not_made_twice(
    run: ModuleRunner, kms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KMS and the tagging API tell of a new key with a delay."""
    run_step, pages, refused = api.Aws.run_step, api.Aws.pages, []

    def late(self: Any, step: Any, *arguments: Any, **options: Any) -> Any:
        if step.action == "kms:CreateAlias" and not refused:
            refused.append(step)
            raise api.ServiceError(step.action, "NotFoundException", "Key does not exist", status=400)
        return run_step(self, step, *arguments, **options)

    monkeypatch.setattr(api.Aws, "run_step", late)
    monkeypatch.setattr(
        api.Aws, "pages", lambda self, action, *a, **b: [] if "tagging" in action else pages(self, action, *a, **b)
    )
    result = run.ok("kms_key", alias="velero", tags={"a": "1"})
    assert result["key_id"] == only(kms)["id"]
    assert only(kms)["aliases"] == [ALIAS]


@pytest.mark.parametrize(("times", "found"), [(1, True), (99, False)])
def test_a_new_key_that_is_not_described_at_once_is_looked_for_again(
    run: ModuleRunner, kms: Any, monkeypatch: pytest.MonkeyPatch, times: int, found: bool
) -> None:
    call, run_step, late = api.Aws.call, api.Aws.run_step, []

    def without_the_new_key(self: Any, action: str, **arguments: Any) -> Any:
        if late and action == "kms:DescribeKey" and arguments["KeyId"] != ALIAS and len(late) <= times:
            late.append(action)
            raise api.ServiceError(action, "NotFoundException", "There is no such key.", status=400)
        return call(self, action, **arguments)

    def unsettled(self: Any, step: Any, *arguments: Any, **options: Any) -> Any:
        if step.action == "kms:CreateAlias" and not late:
            late.append(step.action)
            raise api.ServiceError(step.action, "NotFoundException", "There is no such key.", status=400)
        return run_step(self, step, *arguments, **options)

    monkeypatch.setattr(api.Aws, "call", without_the_new_key)
    monkeypatch.setattr(api.Aws, "run_step", unsettled)
    if found:
        assert run.ok("kms_key", alias="velero")["key_id"] == only(kms)["id"]
    else:
        said = "kms:DescribeKey failed: NotFoundException: There is no such key."
        assert run.refused("kms_key", alias="velero") == said
    assert only(kms)["aliases"] == [ALIAS] * found


# --- state --------------------------------------------------------------------------------------------------------


@pytest.fixture
def key_id(kms: Any) -> str:
    """A key with the alias."""
    made: str = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=made)
    return made


def test_a_disabled_key_is_enabled_only_when_asked(run: ModuleRunner, kms: Any, key_id: str) -> None:
    kms.disable_key(KeyId=key_id)
    result = run.ok("kms_key", alias="velero")
    assert not result["changed"]
    assert result["key_state"] == "Disabled"
    (warning,) = result["warnings"]
    assert "is disabled: nothing that it encrypted can be read. Set enabled=true to enable it." in warning
    assert only(kms)["state"] == "Disabled"
    assert run.ok("kms_key", alias="velero", enabled=True, rotation_enabled=True)["key_state"] == "Enabled"
    assert only(kms)["rotation"] == 365


@pytest.mark.parametrize(
    "options", [{}, {"enabled": True}, {"description": "a"}, {"rotation_enabled": True}, {"tags": {"a": "1"}}]
)
def test_a_key_that_is_pending_deletion_is_refused(
    run: ModuleRunner, kms: Any, key_id: str, options: dict[str, Any]
) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    before = only(kms)
    message = run.refused("kms_key", alias="velero", **options)
    assert message.startswith("alias: arn:aws:kms:us-east-1:")
    assert f":key/{key_id} is pending deletion until " in message
    assert message.endswith(
        ". Find out who scheduled it. cancel_deletion=true cancels it (the key is disabled then; enabled=true enables "
        "it), or give another alias for a new key."
    )
    assert only(kms) == before


def test_a_deletion_is_cancelled_when_asked(run: ModuleRunner, kms: Any, key_id: str) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert run.ok("kms_key", alias="velero", cancel_deletion=True)["key_state"] == "Disabled"
    assert only(kms)["state"] == "Disabled"
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    options = {"key_id": key_id, "alias": "new", "cancel_deletion": True, "enabled": True, "description": "back"}
    assert run.ok("kms_key", **options)["key_state"] == "Enabled"
    key = only(kms)
    assert (key["state"], key["aliases"], key["description"]) == ("Enabled", ["alias/new", ALIAS], "back")


def test_the_alias_of_a_key_whose_deletion_was_scheduled_by_a_cut_run_goes(
    run: ModuleRunner, kms: Any, key_id: str
) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    result = run.ok("kms_key", alias="velero", state="absent")
    assert result["diff"] == {"before": {"alias": ALIAS}, "after": {}}
    assert only(kms)["aliases"] == []


def test_a_key_that_installations_use_is_not_deleted(run: ModuleRunner, aws: Aws, kms: Any, key_id: str) -> None:
    """What they encrypted could not be read again."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = aws.client("iam").create_role(RoleName="velero", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    profile = {"account_id": "123456789012", "region": REGION, "bucket": "theirs", "role_arns": [role]}
    (statement,) = key_policy_statements(StorageProfile.parse({**profile, "kms_key_arn": arn}))
    run.ok("kms_key_policy", key_id=key_id, statements=[statement])
    for check in (True, False):
        assert run.refused("kms_key", check=check, alias="velero", state="absent") == (
            f"state: {arn} is the key that {role} may use. Take {statement['Sid']} out of its policy first "
            "where none of its backups is needed any more: coffer.velero.kms_key_policy with state=absent and sids."
        )
    run.ok("kms_key_policy", key_id=key_id, statements=[statement], state="absent")
    assert run.ok("kms_key", alias="velero", state="absent")["changed"]


def test_a_key_is_deleted_by_its_id(run: ModuleRunner, kms: Any, key_id: str) -> None:
    assert run.ok("kms_key", key_id=key_id, state="absent")["changed"]
    assert not run.ok("kms_key", key_id=key_id, state="absent")["changed"]
    assert not run.ok("kms_key", key_id=key_id[::-1], state="absent")["changed"]
    assert only(kms)["state"] == "PendingDeletion"


@pytest.mark.parametrize("check", [True, False])
def test_a_key_that_has_to_be_usable_is_refused_before_anything_is_changed(
    run: ModuleRunner, aws: Aws, kms: Any, key_id: str, check: bool
) -> None:
    assert run.ok("kms_key", check=check, alias="new", require_usable_for_s3=True)["key_state"] == "Enabled"
    kms.disable_key(KeyId=key_id)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    before = keys(kms)
    aws.proxy.clear()
    assert run.refused("kms_key", check=check, alias="velero", require_usable_for_s3=True, description="new") == (
        f"alias: {arn} is disabled. Find out who disabled it; coffer.velero.kms_key enables it with enabled=true."
    )
    assert [call.operation for call in aws.proxy.requests] == ["DescribeKey"]
    assert keys(kms) == before
    assert (
        run.ok("kms_key", check=check, alias="velero", require_usable_for_s3=True, enabled=True)["key_state"]
        == "Enabled"
    )
    assert run.ok("kms_key", alias="velero", state="absent", require_usable_for_s3=True)["changed"]


def test_the_rotation_of_a_key_of_another_account_is_asked_for_by_its_arn(
    run: ModuleRunner, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    asked: list[tuple[str, str]] = []

    def of_another_account(self: Any, action: str, **arguments: Any) -> dict[str, Any]:
        asked.append((action, arguments["KeyId"]))
        if action == "kms:DescribeKey":
            return {"KeyMetadata": {"Arn": arn, "KeyId": arn.rpartition("/")[2], "KeyState": "Enabled"}}
        return {"KeyRotationEnabled": True, "RotationPeriodInDays": 180}

    monkeypatch.setattr(api.Aws, "call", of_another_account)
    result = run.ok("kms_key", key_id=arn, rotation_enabled=True)
    assert not result["changed"]
    assert (result["account_id"], result["rotation_period_in_days"]) == ("444455556666", 180)
    assert asked == [("kms:DescribeKey", arn), ("kms:GetKeyRotationStatus", arn)]


# --- alias --------------------------------------------------------------------------------------------------------


def test_an_alias_is_pointed_at_another_key_only_when_asked(run: ModuleRunner, kms: Any, key_id: str) -> None:
    new = kms.create_key()["KeyMetadata"]
    options = {"key_id": new["KeyId"], "alias": "velero"}
    old = new["Arn"].replace(new["KeyId"], key_id)
    assert run.refused("kms_key", **options) == (
        f"alias: {ALIAS} points at {old}, not at {new['Arn']}. Everything that was encrypted through the alias still "
        "needs the old key. repoint_alias=true points the alias at the new one; keep the old key enabled."
    )
    placeholder = run.ok("kms_key", check=True, repoint_alias=True, **options)
    result = run.ok("kms_key", repoint_alias=True, **options)
    assert result["diff"] == placeholder["diff"]
    assert result["diff"] == {"before": {"alias_target": old}, "after": {"alias_target": new["Arn"]}}
    assert not run.ok("kms_key", repoint_alias=True, **options)["changed"]
    assert kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"] == new["KeyId"]


def test_an_existing_key_gets_an_alias(run: ModuleRunner, kms: Any, key_id: str) -> None:
    result = run.ok("kms_key", key_id=key_id, alias="second")
    assert result["diff"] == {"before": {}, "after": {"alias": "alias/second"}}
    assert only(kms)["aliases"] == ["alias/second", ALIAS]


# --- replicas -----------------------------------------------------------------------------------------------------


def test_a_multi_region_key_with_replicas(run: ModuleRunner, aws: Aws, kms: Any) -> None:
    options = {"alias": "velero", "replica_regions": ["eu-central-1"]}
    assert run.ok("kms_key", **options)["multi_region"]
    assert not run.ok("kms_key", **options)["changed"]
    options["replica_regions"].append("us-west-2")
    result = run.ok("kms_key", **options)
    assert result["diff"] == {
        "before": {"replica_regions": ["eu-central-1"]},
        "after": {"replica_regions": ["eu-central-1", "us-west-2"]},
    }
    assert not run.ok("kms_key", **options)["changed"]
    assert not run.ok("kms_key", alias="velero", replica_regions=["us-west-2"])["changed"]
    for region in options["replica_regions"]:
        replica = aws.client("kms", region_name=region).describe_key(KeyId=result["key_id"])
        assert replica["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_replica_is_not_replicated(run: ModuleRunner, kms: Any) -> None:
    made = run.ok("kms_key", alias="velero", replica_regions=["eu-central-1"])
    arn = made["key_arn"].replace(REGION, "eu-central-1")
    assert run.refused("kms_key", region="eu-central-1", key_id=arn, replica_regions=["us-west-2"]) == (
        f"replica_regions: {arn} is a replica of the key in us-east-1. Run the task in us-east-1: KMS changes that at "
        "the primary key only."
    )


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"alias": "velero", "rotation_period_in_days": 30},
            "rotation_period_in_days: 30 is not a rotation period. KMS takes 90 to 2560 days.",
        ),
        (
            {"alias": "velero", "state": "absent", "pending_window_in_days": 3},
            "pending_window_in_days: 3 is not a waiting period. KMS takes 7 to 30 days.",
        ),
        (
            {"alias": "alias/aws/s3"},
            "alias: alias/aws/s3 is reserved for keys that AWS manages. Choose a name of your own.",
        ),
        ({}, "one of the following is required: alias, key_id"),
    ],
)
def test_bad_options_are_refused_before_any_request(
    run: ModuleRunner, aws: Aws, options: dict[str, Any], message: str
) -> None:
    assert run.refused("kms_key", **options).startswith(message)
    assert not aws.proxy.requests


@pytest.mark.parametrize(
    ("there", "options", "message"),
    [
        (
            {"MultiRegion": True},
            {"multi_region": False},
            "multi_region: {arn} is a multi-Region key. KMS cannot change that: create a key under another alias and "
            "move to it.",
        ),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
            {"rotation_enabled": True},
            "rotation_enabled: {arn} cannot be rotated automatically. KMS rotates only symmetric keys whose material "
            "it made: leave rotation_enabled and the period out, or choose another key.",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_what_kms_cannot_change_is_refused(
    run: ModuleRunner, kms: Any, there: dict[str, Any], options: dict[str, Any], message: str, check: bool
) -> None:
    metadata = kms.create_key(**there)["KeyMetadata"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=metadata["KeyId"])
    before = only(kms)
    assert run.refused("kms_key", check=check, alias="velero", **options) == message.format(arn=metadata["Arn"])
    assert only(kms) == before


@pytest.mark.parametrize("option", [{"rotation_enabled": True}, {"rotation_period_in_days": 90}])
def test_the_rotation_of_a_disabled_key_is_refused(
    run: ModuleRunner, kms: Any, key_id: str, option: dict[str, Any]
) -> None:
    kms.disable_key(KeyId=key_id)
    message = run.refused("kms_key", alias="velero", **option)
    assert message.endswith(f"{key_id} is disabled. KMS changes that of an enabled key only: set enabled=true too.")


def test_a_key_id_that_is_not_there_is_refused(run: ModuleRunner, aws: Aws) -> None:
    arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert run.refused("kms_key", key_id=arn) == (
        f"key_id: {arn} does not exist. Give the ARN of a key in us-east-1 that these credentials may describe."
    )


@pytest.mark.parametrize("operation", ["DescribeKey", "ListResourceTags", "GetKeyRotationStatus"])
def test_what_cannot_be_read_is_an_error(run: ModuleRunner, aws: Aws, kms: Any, key_id: str, operation: str) -> None:
    before = only(kms)
    aws.proxy.deny("kms", operation)
    message = run.refused("kms_key", alias="velero", rotation_enabled=True, tags={"a": "1"})
    assert message.startswith(f"kms:{operation} failed: AccessDenied")
    assert only(kms) == before


def test_without_the_permission_to_look_for_an_unfinished_key_none_is_made(
    run: ModuleRunner, aws: Aws, kms: Any
) -> None:
    aws.proxy.deny("tagging")
    message = run.refused("kms_key", alias="velero")
    assert "The credentials of this task need tag:GetResources there." in message
    assert keys(kms) == []


def test_an_alias_is_never_left_without_its_key(run: ModuleRunner, kms: Any) -> None:
    run.ok("kms_key", alias="velero")
    run.ok("kms_key", alias="velero", state="absent")
    with pytest.raises(ClientError):
        kms.describe_key(KeyId=ALIAS)
    assert run.ok("kms_key", alias="velero")["changed"]
    assert sorted(key["state"] for key in keys(kms)) == ["Enabled", "PendingDeletion"]
