# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: the documents for whoever has a dictionary."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.doc_fragments._velero import ModuleDocFragment
from ansible_collections.coffer.velero.plugins.filter.documents import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
FILTERS = FilterModule().filters()
PROFILE: dict[str, Any] = {
    "account_id": "111122223333",
    "region": "eu-central-1",
    "bucket": "acme-backups",
    "kms_key_arn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
    "role_arns": ["arn:aws:iam::111122223333:role/velero"],
}


#: The filters that are not a document of the profile alone; the operators' policies have tests of their own.
OTHERS = {"storage_profile", "audit_deployer_policy", "deployer_policy"}
#: What the example of a filter gives to it beside a profile.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "audit_deployer_policy": {"backup_kms_alias": "alias/velero"},
    "deployer_policy": {"kms_alias": "alias/velero"},
}


@pytest.mark.parametrize("name", sorted(set(FILTERS) - OTHERS))
def test_filter_is_the_document(name: str) -> None:
    assert FILTERS[name](PROFILE) == getattr(_documents, name)(StorageProfile.parse(PROFILE))


def test_profile_has_every_value_and_is_a_profile_again() -> None:
    whole = FILTERS["storage_profile"](PROFILE)
    assert set(whole) == set(StorageProfile.__dataclass_fields__)
    assert whole["role_arns"] == PROFILE["role_arns"]
    assert whole["encryption_mode"] == "sse-kms"
    assert FILTERS["storage_profile"](whole) == whole


@pytest.mark.parametrize("name", sorted(FILTERS))
@pytest.mark.parametrize(
    ("values", "text"),
    [
        (PROFILE | {"bucket": "*"}, "velero_bucket: '*' is too short. "),
        (
            {},
            "velero_account_id: it is not set. Give the 12 digits of the account, quoted; "
            "coffer.velero.aws_caller_info returns them.",
        ),
        ("acme-backups", "A storage profile is a dictionary of bucket, region, account_id and so on."),
        (None, "A storage profile is a dictionary of bucket, region, account_id and so on."),
    ],
    ids=["refused", "empty", "text", "none"],
)
def test_refusal_is_a_filter_error(name: str, values: Any, text: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        FILTERS[name](values)
    assert text in str(raised.value)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_page(name: str) -> None:
    """Each filter has its page, which names every part of a profile; the profile of its example is a valid one."""
    page = yaml.safe_load((PLUGINS / "filter" / f"{name}.yml").read_text())
    assert page["DOCUMENTATION"]["name"] == name
    fragment = yaml.safe_load(ModuleDocFragment.PROFILE)["options"]["_input"]
    assert page["DOCUMENTATION"]["extends_documentation_fragment"] == ["coffer.velero._velero.profile"]
    described = " ".join(fragment["description"])
    missing = [field for field in StorageProfile.__dataclass_fields__ if f"C({field})" not in described]
    assert missing == []
    for task in yaml.safe_load(page["EXAMPLES"]):
        assert f"coffer.velero.{name}" in str(task)
        FILTERS[name](task["vars"]["profile"], **ARGUMENTS.get(name, {}))


def test_no_page_without_its_filter() -> None:
    modules = (
        importlib.import_module(f"ansible_collections.coffer.velero.plugins.filter.{path.stem}")
        for path in (PLUGINS / "filter").glob("*.py")
    )
    filters = {name for module in modules for name in module.FilterModule().filters()}
    assert {page.stem for page in (PLUGINS / "filter").glob("*.yml")} == filters
