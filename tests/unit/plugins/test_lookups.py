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

from ansible_collections.coffer.velero.plugins.lookup import variable_errors
from ansible_collections.coffer.velero.plugins.lookup.storage_profile import LookupModule
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.plugin_utils import _variables

ROLE = Path(__file__).resolve().parents[3] / "roles" / "velero"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
VARIABLES: dict[str, Any] = {
    **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()),
    "velero_region": "eu-central-1",
    "velero_bucket": "acme-backups",
}
#: What the roles have found.
FOUND: dict[str, Any] = {"account_id": "111122223333", "partition": "aws", "kms_key_arn": KEY}


class Templar:
    """Stands for the templating engine: a text in braces is the name of another variable."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def template(self, value: Any) -> Any:
        name = re.fullmatch(r"{{ (\w+) }}", value) if isinstance(value, str) else None
        return self.variables[name[1]] if name else value


def look_up(variables: dict[str, Any], **options: Any) -> dict[str, Any]:
    [profile] = LookupModule(templar=Templar(variables)).run([], variables, **FOUND | options)
    return profile


def errors(variables: dict[str, Any], **options: Any) -> list[str]:
    return variable_errors.LookupModule(templar=Templar(variables)).run([], variables, **options)


def test_defaults_of_the_role_are_those_of_a_profile() -> None:
    expected = StorageProfile(
        account_id="111122223333",
        region="eu-central-1",
        bucket="acme-backups",
        kms_key_arn=KEY,
        role_arns=("arn:aws:iam::111122223333:role/velero",),
    )
    assert StorageProfile.parse(look_up(VARIABLES)) == expected


@pytest.mark.parametrize("name", [*_variables.PROFILE_FIELDS, "object_tagging"])
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
    assert errors({**VARIABLES, name: wrong}, with_created_key=True) == [str(refused.value)]


def test_key_that_was_made_has_no_meaning_without_kms() -> None:
    assert look_up({**VARIABLES, "velero_encryption_mode": "sse-s3"})["kms_key_arn"] is None


def test_issuer_that_the_cluster_told_wins() -> None:
    told = "https://oidc.eks.eu-central-1.amazonaws.com/id/A"
    variables = {**VARIABLES, "velero_oidc_issuer_url": "https://i.example"}
    assert look_up(variables, oidc_issuer_url=told)["oidc_issuer_url"] == told
    assert look_up(variables, oidc_issuer_url="")["oidc_issuer_url"] == "https://i.example"


def test_key_that_is_yet_to_be_created_is_asked_for() -> None:
    with pytest.raises(AnsibleLookupError, match="velero_kms_key_arn: it is not set"):
        look_up(VARIABLES, kms_key_arn="")
    expected = f"arn:aws:kms:eu-central-1:111122223333:key/{PLACEHOLDER_KEY_ID}"
    assert look_up(VARIABLES, kms_key_arn="", with_created_key=True)["kms_key_arn"] == expected
    assert look_up(VARIABLES, with_created_key=True)["kms_key_arn"] == KEY


def test_variables_are_checked_before_the_account_is_known() -> None:
    assert errors(VARIABLES, with_created_key=True) == []
    without = {name: value for name, value in VARIABLES.items() if name != "velero_bucket"}
    [error] = errors(without, with_created_key=True)
    assert error.startswith("velero_bucket: it is not set.")


@pytest.mark.parametrize(("terms", "options"), [(["bucket"], {}), ([], {"bucket": "other"})])
def test_nothing_is_ignored(terms: list[str], options: dict[str, str]) -> None:
    with pytest.raises(AnsibleLookupError, match=r"is not an option of this lookup\. It takes the"):
        LookupModule(templar=Templar(VARIABLES)).run(terms, VARIABLES, **options)
