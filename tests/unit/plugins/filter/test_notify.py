# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the topic, the rules and the dashboard, and their pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.filter.audit import FilterModule

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
NAMES = ("audit_dashboard", "audit_event_rules", "audit_topic_key_statements", "audit_topic_statements")
FILTERS = {name: build for name, build in FilterModule().filters().items() if name in NAMES}
TOPIC = "arn:aws:sns:eu-central-1:111122223333:velero-acme-backups"
REQUIRED: dict[str, dict[str, Any]] = {
    "audit_event_rules": {"topic_arn": TOPIC},
    "audit_dashboard": {"schedule_hours": 24},
}


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_page(name: str) -> None:
    """Each filter has its page, whose example works."""
    page = yaml.safe_load((PLUGINS / "filter" / f"{name}.yml").read_text())
    assert page["DOCUMENTATION"]["name"] == name
    for task in yaml.safe_load(page["EXAMPLES"]):
        assert f"coffer.velero.{name}" in str(task)
        arguments = {key: value for key, value in task["vars"].items() if key != "profile"}
        assert FILTERS[name](task["vars"]["profile"], **arguments)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_refusal_is_a_filter_error(name: str) -> None:
    arguments = REQUIRED.get(name, {})
    with pytest.raises(AnsibleFilterError, match="velero_account_id: it is not set"):
        FILTERS[name]({}, **arguments)
    with pytest.raises(AnsibleFilterError, match="A storage profile is a dictionary"):
        FILTERS[name]("acme-backups", **arguments)
