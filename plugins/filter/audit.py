# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What records and reports the use of a key. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, import_util, lazy, text_of

#: The functions of ``module_utils`` that take a storage profile, and those that take a name or an ARN.
_OF_A_PROFILE = {
    "_cloudtrail.documents": ("trail_event_selectors",),
    "_notify.documents": ("audit_event_rules", "audit_topic_key_statements", "audit_topic_statements"),
    "_notify.overview": ("audit_dashboard",),
}
_OF_A_NAME = {
    "_cloudtrail.documents": (
        "trail_bucket_policy_statements",
        "trail_key_policy_statements",
        "trail_log_delivery_statements",
        "trail_trust_statements",
    ),
    "_cloudwatch.documents": ("log_group_key_statements",),
}


def audit_metric_filters(profile: StorageProfile, data_events: t.Any = False) -> t.Any:
    return import_util("_alerts").metric_filters(profile, data_events=_yes("data_events", data_events))


def audit_alarms(
    profile: StorageProfile,
    topic_arn: str | None = None,
    *,
    schedule_hours: t.Any,
    data_events: t.Any = False,
    log_group: t.Any = True,
) -> t.Any:
    return import_util("_alerts").alarms(
        profile,
        topic_arn=topic_arn or None,
        schedule_hours=_hours(schedule_hours),
        data_events=_yes("data_events", data_events),
        log_group=_yes("log_group", log_group),
    )


def _hours(value: t.Any) -> int:
    """A variable from the command line is a text."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise AnsibleFilterError(f"schedule_hours: {value!r} is not a number of hours. Write it as in 24.") from None


def _yes(option: str, value: t.Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError:
        raise AnsibleFilterError(f"{option}: {value!r} is neither true nor false. Write true or false.") from None


class FilterModule:
    """The filters of coffer.velero for the audit."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {
            **{build.__name__: as_filter(build) for build in (audit_alarms, audit_metric_filters)},
            **{name: as_filter(lazy(util, name)) for util, names in _OF_A_PROFILE.items() for name in names},
            **{name: as_filter(lazy(util, name), text_of) for util, names in _OF_A_NAME.items() for name in names},
        }
