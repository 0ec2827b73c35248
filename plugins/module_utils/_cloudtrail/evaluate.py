# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trail really records, and which of several to rely on. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn
from .selectors import (
    DEFAULT,
    KMS_EVENTS,
    MANAGEMENT_EVENTS,
    EventCoverage,
    event_coverage,
    object_events,
    selectors_of,
)

#: Members of GetTrailStatus that tell of what could not be delivered, and where to.
_ERRORS = {
    "LatestDeliveryError": "s3",
    "LatestDigestDeliveryError": "digest",
    "LatestCloudWatchLogsDeliveryError": "cloudwatch_logs",
    "LatestNotificationError": "sns",
}


@dataclass(frozen=True)
class TrailFacts:
    """What the audit has to know of a trail.

    :param management_events: of every service; ``None`` where the selectors cannot be read
    :param kms_events: the use of keys, and what is done to them; ``None`` where the selectors cannot be read
    :param data_events: of the objects that were asked for; ``None`` where the selectors cannot be read
    :param delivery_errors: by destination (``s3``, ``digest``, ``cloudwatch_logs``, ``sns``)
    :param reasons: why it does not record every use of the key, as ends of sentences; none where it does
    :param remarks: what is missing beyond that
    """

    name: str
    arn: str
    account_id: str
    home_region: str
    is_organization_trail: bool
    is_multi_region_trail: bool
    is_logging: bool
    management_events: EventCoverage | None
    kms_events: EventCoverage | None
    data_events: EventCoverage | None
    log_file_validation: bool
    kms_key_arn: str | None
    s3_bucket_name: str
    s3_key_prefix: str
    log_group_arn: str | None
    log_group_account_id: str | None
    delivery_errors: Mapping[str, str]
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def records_kms(self) -> bool:
        """Whether every use of a key is recorded, now."""
        return self.is_logging and self.kms_events == "all"


def evaluate_trail(
    trail: Mapping[str, t.Any],
    selectors: Mapping[str, t.Any] | None,
    status: Mapping[str, t.Any],
    objects_arn_prefix: str | None = None,
) -> TrailFacts:
    """What a trail records.

    :param trail: as DescribeTrails tells of it
    :param selectors: the answer of GetEventSelectors; ``None`` where CloudTrail does not give it, as it does for the
        trail of an organization that another account asks for
    :param status: the answer of GetTrailStatus
    :param objects_arn_prefix: ``arn:aws:s3:::bucket/prefix/``
    """
    known = None if selectors is None else selectors_of(selectors)
    if known is None and trail.get("HasCustomEventSelectors") is False:
        known = (DEFAULT,)  # its selectors were never set, so that it records what all such trails do
    arn = Arn.parse(str(trail["TrailARN"]))
    log_group = Arn.parse(str(trail.get("CloudWatchLogsLogGroupArn") or "").removesuffix(":*"))
    errors = {place: str(status[name]) for name, place in _ERRORS.items() if status.get(name)}
    kms_events = None if known is None else event_coverage(known, KMS_EVENTS)
    is_logging = bool(status.get("IsLogging"))
    data_events: EventCoverage | None = "none"
    if objects_arn_prefix:
        data_events = None if known is None else event_coverage(known, object_events(objects_arn_prefix))
    return TrailFacts(
        name=str(trail["Name"]),
        arn=str(trail["TrailARN"]),
        account_id=arn.account_id if arn else "",
        home_region=str(trail.get("HomeRegion") or (arn.region if arn else "")),
        is_organization_trail=bool(trail.get("IsOrganizationTrail")),
        is_multi_region_trail=bool(trail.get("IsMultiRegionTrail")),
        is_logging=is_logging,
        management_events=None if known is None else event_coverage(known, MANAGEMENT_EVENTS),
        kms_events=kms_events,
        data_events=data_events,
        log_file_validation=bool(trail.get("LogFileValidationEnabled")),
        kms_key_arn=trail.get("KmsKeyId") or None,
        s3_bucket_name=str(trail.get("S3BucketName") or ""),
        s3_key_prefix=str(trail.get("S3KeyPrefix") or ""),
        log_group_arn=str(log_group) if log_group else None,
        log_group_account_id=log_group.account_id if log_group else None,
        delivery_errors=errors,
        reasons=tuple(_reasons(is_logging, kms_events)),
        remarks=tuple(_remarks(trail, errors)),
    )


def _reasons(is_logging: bool, kms_events: EventCoverage | None) -> t.Iterator[str]:
    if not is_logging:
        yield "is not logging"
    if kms_events is None:
        yield "has selectors that only the account of the trail may read"
    elif kms_events != "all":
        only = {"read": "only the reading calls of KMS", "write": "only the changing calls of KMS, not the use of keys"}
        yield f"records {only.get(kms_events, 'no calls of KMS')}"


def _remarks(trail: Mapping[str, t.Any], errors: Mapping[str, str]) -> t.Iterator[str]:
    for place, error in errors.items():
        yield f"could not deliver to {place}: {error}"
    if not trail.get("CloudWatchLogsLogGroupArn"):
        yield "delivers to no log group, so that no metric filter and no query sees its events"
    elif trail.get("IsOrganizationTrail"):
        group = str(trail["CloudWatchLogsLogGroupArn"])
        yield f"delivers to a log group of the account {group.split(':')[4]}: metric filters and queries are made there"
    if not trail.get("LogFileValidationEnabled"):
        yield "has no log file validation"
    if not trail.get("IsMultiRegionTrail"):
        yield "records one Region only"


def select_best_trail(facts: Sequence[TrailFacts], *, data_events: EventCoverage = "none") -> TrailFacts | None:
    """The trail to rely on: of those that record every use of the key, the one that offers most.

    :param data_events: those that should be recorded, too
    """
    enough = {data_events, "all"} if data_events != "none" else {"none", "read", "write", "all", None}
    usable = [trail for trail in facts if trail.records_kms]
    return max(
        usable,
        key=lambda trail: (
            not trail.delivery_errors,
            # That of an organization's trail is in the account that manages it: out of reach for most.
            trail.log_group_arn is not None and not trail.is_organization_trail,
            trail.log_group_arn is not None,
            trail.data_events in enough,
            trail.is_multi_region_trail,
            trail.log_file_validation,
            not trail.is_organization_trail,
        ),
        default=None,
    )
