# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage profile from the variables of a host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleLookupError

from ansible_collections.coffer.velero.plugins.lookup.storage_profile import LookupModule
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.plugin_utils import _variables

ROLE = Path(__file__).resolve().parents[3] / "roles" / "velero"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
VARIABLES: dict[str, Any] = {
    **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()),
    "velero_caller": {"account_id": "111122223333", "partition": "aws"},
    "velero_region": "eu-central-1",
    "velero_bucket": "acme-backups",
    "kms_key_result": {"alias": "alias/velero", "key_arn": KEY},
}


class Templar:
    """Stands for the templating engine: a text in braces is the name of another variable."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def template(self, value: Any) -> Any:
        name = re.fullmatch(r"{{ (\w+) }}", value) if isinstance(value, str) else None
        return self.variables[name[1]] if name else value


def look_up(variables: dict[str, Any], **options: Any) -> dict[str, Any]:
    [profile] = LookupModule(templar=Templar(variables)).run([], variables, **options)
    return profile


def test_defaults_of_the_role_are_those_of_a_profile() -> None:
    expected = StorageProfile(
        account_id="111122223333",
        region="eu-central-1",
        bucket="acme-backups",
        kms_key_arn=KEY,
        role_arns=("arn:aws:iam::111122223333:role/velero",),
    )
    assert StorageProfile.parse(look_up(VARIABLES)) == expected


@pytest.mark.parametrize("name", [*_variables.OWN, "object_tagging"])
def test_every_variable_is_read_and_templated(name: str) -> None:
    given = {
        "region": "us-west-2",
        "encryption_mode": "sse-c",
        "kms_key_arn": KEY.replace("1234", "5678"),
        "kms_previous_key_arns": [KEY.replace("1234", "5678")],
        "kms_key_administrators": ["arn:aws:iam::111122223333:role/admin"],
        "bucket_key_enabled": False,
        "oidc_issuer_url": "https://issuer.example",
        "s3_url": "https://s3.example",
        "s3_force_path_style": True,
        "ebs_snapshots": True,
        "sse_c_secret": "other/key",
        "object_tagging": "team=backup&env=prod",
    }.get(name, "other")
    variables = {**VARIABLES, f"velero_{name}": "{{ theirs }}", "theirs": given}
    if name == "region":
        variables["velero_encryption_mode"] = "sse-s3"
    assert look_up(variables)[{"object_tagging": "tagging"}.get(name, name)] == given


def test_role_is_the_one_of_that_name_in_the_account_of_the_caller() -> None:
    variables = {**VARIABLES, "velero_role_name": "{{ theirs }}", "theirs": "velero-two"}
    assert look_up(variables)["role_arns"] == ["arn:aws:iam::111122223333:role/velero-two"]


IAM = "is not a name for IAM. Give 1 to {} letters, digits and _+=,.@- without path or ARN."
KUBERNETES = (
    "is not a name for Kubernetes. Give up to 253 lower-case letters, digits, hyphens and dots, with a letter or digit "
    "beside each dot."
)


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        *(
            ("velero_role_name", wrong, IAM.format(64))
            for wrong in ("a,arn:aws:iam::222222222222:role/b", "backup/velero", "a*", "a b", "r" * 65, "")
        ),
        *(("velero_policy_name", wrong, IAM.format(128)) for wrong in ("backup/velero", "p" * 129, None)),
        *(("velero_backup_location_name", wrong, KUBERNETES) for wrong in ("Default", "a/b", "-a", "a..b", "l" * 254)),
    ],
)
def test_name_that_a_later_role_could_not_use(name: str, wrong: Any, text: str) -> None:
    with pytest.raises(AnsibleLookupError) as refused:
        look_up({**VARIABLES, name: wrong})
    assert str(refused.value) == f"{name}: {wrong or 'it'} {text}"


def test_key_of_another_alias_is_not_that_of_this_installation() -> None:
    with pytest.raises(AnsibleLookupError, match=r"velero_kms_key_arn: it is not set, and sse-kms needs a key\. "):
        look_up({**VARIABLES, "velero_kms_alias": "other"})


def test_alias_may_be_given_without_its_prefix() -> None:
    assert look_up({**VARIABLES, "velero_kms_alias": "velero"})["kms_key_arn"] == KEY


OTHER_KEY = KEY.replace("1234", "5678")
NOTED = {"coffer.velero/kms-key-arn": OTHER_KEY}
NOTE = " The last proof noted it in the location's annotation coffer.velero/kms-key-arn, which the next one renews."
#: What the guard found where the location so far has the other key, and what the refusal adds to it.
LOCATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "named": ({"previous_spec": {"config": {"kmsKeyId": OTHER_KEY}}, "annotations": {}}, ""),
    "noted": ({"previous_spec": {}, "annotations": NOTED}, NOTE),
    "alias": ({"previous_spec": {"config": {"kmsKeyId": "alias/theirs"}}, "annotations": NOTED}, NOTE),
}


@pytest.mark.parametrize("mode", ["sse-kms", "dsse-kms", "sse-s3", "sse-c"])
@pytest.mark.parametrize("location", LOCATIONS)
def test_key_of_the_backups_so_far_is_not_left_behind(location: str, mode: str) -> None:
    guard, origin = LOCATIONS[location]
    variables = {**VARIABLES, "velero_encryption_mode": mode, "__backup_location_guard": guard}
    with pytest.raises(AnsibleLookupError) as refused:
        look_up(variables)
    assert str(refused.value) == (
        f"velero_kms_previous_key_arns: {OTHER_KEY} is the key of the location's backups so far, and is not listed. "
        "Add it: Velero reads, restores and deletes those backups with it. Take it out when no backup needs it any "
        f"more.{origin}"
    )
    for listed in ([OTHER_KEY], f"{KEY},{OTHER_KEY}"):
        assert look_up({**variables, "velero_kms_previous_key_arns": listed})["encryption_mode"] == mode


@pytest.mark.parametrize("so_far", [KEY, "alias/theirs", KEY.replace("key/1234abcd", "alias/theirs"), ""])
def test_location_whose_key_stays(so_far: str) -> None:
    named, noted = {"config": {"kmsKeyId": so_far}}, {"coffer.velero/kms-key-arn": so_far}
    for guard in ({"previous_spec": named}, {"previous_spec": {}, "annotations": noted}, {"previous_spec": None}):
        assert look_up({**VARIABLES, "__backup_location_guard": guard})["kms_key_arn"] == KEY


def test_key_that_a_location_names_wins_over_the_one_of_the_last_proof() -> None:
    guard = {"previous_spec": {"config": {"kmsKeyId": KEY}}, "annotations": NOTED}
    assert look_up({**VARIABLES, "__backup_location_guard": guard})["kms_key_arn"] == KEY


def test_location_that_was_not_looked_at() -> None:
    assert look_up({**VARIABLES, "__backup_location_guard": {"skipped": True}})["kms_key_arn"] == KEY


def test_key_that_is_yet_to_be_found_may_be_the_one_of_the_location() -> None:
    variables = {**VARIABLES, "__backup_location_guard": {"previous_spec": {"config": {"kmsKeyId": KEY}}}}
    del variables["kms_key_result"]
    assert PLACEHOLDER_KEY_ID in look_up(variables, with_created_key=True)["kms_key_arn"]


def test_key_that_was_made_has_no_meaning_without_kms() -> None:
    assert look_up({**VARIABLES, "velero_encryption_mode": "sse-s3"})["kms_key_arn"] is None


def test_issuer_that_the_cluster_told_wins() -> None:
    provider = {"issuer_url": "https://oidc.eks.eu-central-1.amazonaws.com/id/A"}
    assert look_up({**VARIABLES, "velero_irsa_oidc_provider": provider})["oidc_issuer_url"] == provider["issuer_url"]
    skipped = {
        **VARIABLES,
        "velero_irsa_oidc_provider": {"skipped": True},
        "velero_oidc_issuer_url": "https://i.example",
    }
    assert look_up(skipped)["oidc_issuer_url"] == "https://i.example"


def test_key_that_is_yet_to_be_created_is_asked_for() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "kms_key_result"}
    with pytest.raises(AnsibleLookupError, match="velero_kms_key_arn: it is not set"):
        look_up(variables)
    expected = f"arn:aws:kms:eu-central-1:111122223333:key/{PLACEHOLDER_KEY_ID}"
    assert look_up(variables, with_created_key=True)["kms_key_arn"] == expected
    assert look_up(VARIABLES, with_created_key=True)["kms_key_arn"] == KEY


def test_without_the_role_it_says_what_to_do() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "velero_caller"}
    remediation = r"velero_caller: it is not known\. Let the role coffer\.velero\.velero run first, as every role of"
    with pytest.raises(AnsibleLookupError, match=remediation):
        look_up(variables)


@pytest.mark.parametrize(
    ("terms", "options"), [(["bucket"], {}), ([], {"bucket": "other"}), ([], {"with_created_key": "maybe"})]
)
def test_nothing_is_ignored(terms: list[str], options: dict[str, str]) -> None:
    with pytest.raises(AnsibleLookupError, match=r"takes with_created_key=true and nothing else"):
        LookupModule(templar=Templar(VARIABLES)).run(terms, VARIABLES, **options)
