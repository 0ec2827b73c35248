# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What should notice, in the words of AWS: from the table of signals to what can be compared. Pure.

PRIVATE to coffer.velero.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

Document = Mapping[str, t.Any]


def wanted_metric_filters(profile: StorageProfile) -> Sequence[Document]:
    """The metric filters, as ``DescribeMetricFilters`` tells of them."""
    return ()


def wanted_alarms(profile: StorageProfile, topic_arn: str | None, hours: int | None) -> Sequence[Document]:
    """The alarms, as ``DescribeAlarms`` tells of them."""
    return ()


def wanted_rules(profile: StorageProfile, topic_arn: str | None) -> Sequence[Document]:
    """The rules of EventBridge, as ``DescribeRule`` tells of them, with their targets."""
    return ()
