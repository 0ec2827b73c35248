# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A BackupStorageLocation as it is and as it should be."""

from __future__ import annotations

from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._velero.location import DesiredLocation, decide_location


def current_location(config: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    storage = spec.pop("objectStorage", {"bucket": "b", "prefix": "p"})
    spec = {"provider": "aws", "objectStorage": storage, "config": {"region": "us-east-1", **(config or {})}, **spec}
    return {"metadata": {"name": "default", "resourceVersion": "7"}, "spec": spec}


def desired_location(**desired: Any) -> DesiredLocation:
    options = {"name": "default", "namespace": "velero", "bucket": "b", "prefix": "p", "region": "us-east-1", **desired}
    return DesiredLocation(**options)


def plan_location(current: dict[str, Any] | None, **desired: Any) -> Plan:
    return decide_location(desired_location(**desired), current)
