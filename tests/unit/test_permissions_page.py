# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/permissions.md shows the policies that the code makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.filter.documents import FilterModule
from ansible_collections.coffer.velero.plugins.module_utils._iam.documents import POLICY_SIZE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "permissions.md").read_text()
FILTERS = FilterModule().filters()
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROFILE = {"account_id": "111122223333", "region": "eu-central-1", "bucket": "acme-backups", "prefix": "production"}
TAGS = {"service": "velero"}
OPERATOR = FILTERS["deployer_policy"](PROFILE, kms_alias="alias/velero", cluster_name="production", tags=TAGS)
WITH_KEY = FILTERS["deployer_policy"](PROFILE | {"kms_key_arn": KEY}, cluster_name="production", tags=TAGS)
AUDIT = FILTERS["audit_deployer_policy"](PROFILE, trail=True, backup_kms_alias="alias/velero", tags=TAGS)
POLICIES: dict[str, Any] = {
    "Deployer permissions": OPERATOR,
    "Use an existing KMS key": {"Statement": [one for one in WITH_KEY["Statement"] if one["Sid"] == "VeleroKey"]},
    "Audit deployer permissions": AUDIT,
    "Permissions of Velero's role": FILTERS["iam_policy"](PROFILE | {"kms_key_arn": KEY}),
}


@pytest.mark.parametrize("heading", POLICIES)
def test_policy_is_shown_as_it_is(heading: str) -> None:
    section = re.search(rf"^##+ {heading}$(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section, f"no section {heading}"
    (shown,) = re.findall(r"```json\n(.*?)```", section[1], re.DOTALL)
    expected = json.dumps(POLICIES[heading], indent=2)
    assert shown.strip() == expected, f"docs/permissions.md, {heading}: write\n{expected}"


def test_every_statement_is_explained() -> None:
    missing = [one["Sid"] for one in [*OPERATOR["Statement"], *AUDIT["Statement"]] if f"| `{one['Sid']}` |" not in PAGE]
    assert missing == []


@pytest.mark.parametrize(("usage", "fits"), [(False, True), (True, False)])
def test_size_of_the_audit_policy_is_as_the_page_says(usage: bool, fits: bool) -> None:
    policy = FILTERS["audit_deployer_policy"](
        PROFILE, trail=True, backup_kms_alias="alias/velero", tags=TAGS, usage=usage
    )
    assert (len(json.dumps(policy, separators=(",", ":"))) <= POLICY_SIZE) is fits
