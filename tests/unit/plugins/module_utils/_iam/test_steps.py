# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that change the tags of policies, roles and providers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._iam.steps import DesiredTags
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Step

PRESENT = Step("iam:TagRole", {"RoleName": "velero", "Tags": [{"Key": "a", "Value": "1"}]})
ABSENT = Step("iam:UntagRole", {"RoleName": "velero", "TagKeys": ["old"]})


@pytest.mark.parametrize(
    ("desired", "current", "steps", "after"),
    [
        ({}, {"old": "1"}, [], {"old": "1"}),
        ({"tags": {"a": "1"}}, {"a": "1"}, [], {"a": "1"}),
        ({"tags": {"a": 1}}, {"old": "1"}, [PRESENT, ABSENT], {"a": "1"}),
        ({"tags": {"a": "1"}, "purge_tags": False}, {"old": "1"}, [PRESENT], {"old": "1", "a": "1"}),
        ({"tags": {}, "purge_tags": False}, {"old": "1"}, [], {"old": "1"}),
        ({"tags": {}}, {"aws:a": "1"}, [], {"aws:a": "1"}),
    ],
)
def test_tags(desired: dict[str, Any], current: dict[str, str], steps: list[Step], after: dict[str, str]) -> None:
    tags = DesiredTags(**desired)
    found, differences = tags.tag_steps("Role", {"RoleName": "velero"}, current)
    assert list(found) == steps
    assert tags.after(current) == after
    assert tuple(differences) == ((Difference("tags", current, after),) if steps else ())


def test_create_without_tags_does_not_name_them() -> None:
    assert DesiredTags(tags={}).created() == DesiredTags().created() == {}
    assert DesiredTags(tags={"a": "1"}).created() == {"Tags": PRESENT.arguments["Tags"]}
