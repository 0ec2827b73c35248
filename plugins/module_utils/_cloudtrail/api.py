# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change trails. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._arn import Arn
from .._aws import Aws
from .._concurrency import verify_write
from .._errors import CofferError, ServiceError, ValidationError
from .._kms.api import describe
from .._kms.model import refuse_state
from .._plan import PLACEHOLDER_KEY_ID, Plan, Step, outputs_of
from .._sts import caller
from .._tags import tag_dict
from .decide import (
    DesiredTrail,
    OtherTrail,
    Trail,
    absent_result,
    change_trail,
    create_trail,
    decide_selectors,
    delete_trail,
)
from .desired_selectors import FRESH

#: How CloudTrail tells of a new policy or role that is not everywhere yet; and of one that was forgotten.
_PROPAGATING = {
    "InsufficientS3BucketPolicyException": (
        "The policy of the bucket lacks the statements of the filter coffer.velero.trail_bucket_policy_statements; "
        "coffer.velero.s3_bucket_policy merges them."
    ),
    "InsufficientEncryptionPolicyException": (
        "The policy of the key does not let CloudTrail encrypt; coffer.velero.kms_key_policy merges the statements of "
        "the filter coffer.velero.trail_key_policy_statements."
    ),
    "InvalidCloudWatchLogsLogGroupArnException": "The log group must exist, and the role may write to it.",
    "InvalidCloudWatchLogsRoleArnException": (
        "The role must exist, trust CloudTrail (filter coffer.velero.trail_trust_statements) and may write to the log "
        "group (coffer.velero.trail_log_delivery_statements)."
    ),
}
#: A concurrent writer was faster, or CloudTrail is still busy with the last change ("wait", ConflictException).
_CONFLICTS = frozenset({"ConflictException", "TrailAlreadyExistsException", "TrailNotFoundException"})
#: How CloudTrail keeps the selectors of an organization's trail from the members of the organization.
_UNREADABLE_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "CloudTrailARNInvalidException",
        "OperationNotPermittedException",
        "TrailNotFoundException",
        "UnsupportedOperationException",
    }
)
#: Seconds between two tries, doubled each time up to the second.
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 10.0


def trails(aws: Aws) -> list[dict[str, t.Any]]:
    """All trails that record in this Region: its own, the shadows of others and those of the organization."""
    return list(aws.call("cloudtrail:DescribeTrails", includeShadowTrails=True).get("trailList") or ())


def selectors_of_trail(aws: Aws, trail: Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """The answer of GetEventSelectors, ``None`` where CloudTrail keeps it from this account.

    For an organization's trail a member gets "AccountID in ARN is wrong, you can only access resources with AccountID"
    (CloudTrailARNInvalidException; turbot/steampipe-plugin-aws, issue 577). A shadow trail is asked for where it is at
    home: nothing says that other Regions tell its selectors.
    """
    if trail.get("HasCustomEventSelectors") is False:
        return dict(FRESH)
    try:
        return _selectors(aws.for_region(str(trail["HomeRegion"])), str(trail["TrailARN"]))
    except ServiceError as error:
        if trail.get("IsOrganizationTrail") and error.code in _UNREADABLE_CODES:
            return None
        raise


def _selectors(aws: Aws, arn: str) -> dict[str, t.Any]:
    answer = aws.call("cloudtrail:GetEventSelectors", TrailName=arn)
    return {kind: answer[kind] for kind in ("EventSelectors", "AdvancedEventSelectors") if answer.get(kind)}


def read_other_trail(aws: Aws, trail: Mapping[str, t.Any]) -> OtherTrail:
    """A trail with all that is needed to evaluate it.

    The status is that of this Region, and had by ARN for a shadow trail and for a member of the organization
    (CloudTrail API, "GetTrailStatus").
    """
    status = aws.call("cloudtrail:GetTrailStatus", Name=trail["TrailARN"])
    return OtherTrail(trail, selectors_of_trail(aws, trail), status)


@dataclass
class TrailResource:
    """A trail, for the runner.

    :param desired: with ``absent`` only its name counts
    :param propagation_timeout: seconds to wait for a policy or role that CloudTrail cannot see yet
    """

    aws: Aws
    desired: DesiredTrail
    absent: bool
    propagation_timeout: int
    sleep: Callable[[float], None]
    _new_arn: str = ""
    _others: tuple[OtherTrail, ...] = ()
    _unmet_dependency: CofferError | None = None
    _waited: float = 0
    _current: Trail | None = None

    def read(self) -> Trail | None:
        listed = trails(self.aws)
        found = self._find(listed)
        if self.absent:
            return Trail(found) if found else None
        self.desired = self._with_key()
        if found is None:
            who = caller(self.aws)
            arn = Arn(who.partition, "cloudtrail", self.aws.region, who.account_id, f"trail/{self.desired.name}")
            self._new_arn, self._current = str(arn), None
            others = [] if self.desired.allow_duplicate else listed
            self._others = tuple(read_other_trail(self.aws, trail) for trail in others)
            return None
        status = self.aws.call("cloudtrail:GetTrailStatus", Name=found["TrailARN"])
        selectors = selectors_of_trail(self.aws, found)
        if selectors is None:
            selectors = _selectors(self.aws, str(found["TrailARN"]))
        tags = self._tags(found["TrailARN"]) if self.desired.tags is not None else {}
        self._current = Trail(found, bool(status.get("IsLogging")), selectors, tags)
        return self._current

    def _find(self, listed: list[dict[str, t.Any]]) -> dict[str, t.Any] | None:
        """The trail of the name, if it can be changed from here.

        :raises ValidationError: where it belongs to another Region or account
        """
        named = [trail for trail in listed if trail["Name"] == self.desired.name]
        here = next((trail for trail in named if trail.get("HomeRegion") == self.aws.region), None)
        found = here or next(iter(named), None)
        if found is None:
            return None
        self._refuse_foreign(found)
        if here is None:
            home = found.get("HomeRegion")
            remediation = f"Set region to {home} for this task, or choose another name for a trail of this Region."
            reason = f"has its home in {home}, and CloudTrail changes it nowhere else"
            raise ValidationError("region", str(found["TrailARN"]), reason, remediation)
        return here

    def _refuse_foreign(self, found: Mapping[str, t.Any]) -> None:
        """An organization's trail is seen by all its accounts, and changed by its management account."""
        if not found.get("IsOrganizationTrail") or self.desired.settings.get("is_organization_trail"):
            return
        arn = Arn.parse(str(found["TrailARN"]))
        who = caller(self.aws)
        if arn and arn.account_id != who.account_id:
            remediation = (
                "Use it as it is, without this task (kms_audit_trail=false), or choose another name. Credentials of "
                f"{arn.account_id} may change it; those of a delegated administrator with is_organization_trail=true."
            )
            reason = f"is the trail of an organization that {arn.account_id} manages"
            raise ValidationError("name", str(arn), reason, remediation)
        if self.absent:
            remediation = "Set is_organization_trail=true if that is meant."
            reason = "is the trail of the whole organization, whose accounts would all be without it"
            raise ValidationError("state", str(arn), reason, remediation)

    def _with_key(self) -> DesiredTrail:
        """What is desired, with the ARN of the key: CloudTrail takes an alias, and then tells the ARN."""
        key_id = str(self.desired.settings.get("kms_key_id") or "")
        if not key_id:
            return self.desired
        if key_id.endswith(PLACEHOLDER_KEY_ID):
            remediation = "Use the ARN that the real run of the task that makes the key returns."
            reason = "is what a check run promised, not a key"
            self._unmet_dependency = ValidationError("kms_key_id", key_id, reason, remediation)
            return self.desired
        if Arn.parse_key(key_id):
            return self.desired
        key = describe(self.aws, key_id)
        if key is not None:
            refuse_state(key, option="kms_key_id")
            self._unmet_dependency = None
            return self.desired.with_key(key.arn)
        remediation = "Create it first: coffer.velero.kms_key creates a key with its alias."
        reason = f"does not exist in {self.aws.region}"
        self._unmet_dependency = ValidationError("kms_key_id", key_id, reason, remediation)
        who = caller(self.aws)
        arn = Arn(who.partition, "kms", self.aws.region, who.account_id, f"key/{PLACEHOLDER_KEY_ID}")
        return self.desired.with_key(str(arn))

    def _tags(self, arn: str) -> dict[str, str]:
        listed = self.aws.call("cloudtrail:ListTags", ResourceIdList=[arn])["ResourceTagList"]
        return {name: value for one in listed for name, value in tag_dict(one.get("TagsList") or ()).items()}

    def decide(self, current: Trail | None) -> Plan:
        if self.absent:
            return delete_trail(current) if current else Plan(result=absent_result(None, self.desired.name))
        if current is not None:
            return change_trail(self.desired, current, unmet_dependency=self._unmet_dependency)
        return create_trail(
            self.desired,
            self._new_arn,
            region=self.aws.region,
            others=self._others,
            unmet_dependency=self._unmet_dependency,
        )

    def guard(self, plan: Plan) -> None:
        """Nothing beyond what reading and deciding refuse."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        outputs: dict[str, t.Any] = {}
        for step in plan.steps:
            outputs.update(outputs_of(step, self._run_step(step, outputs)))
        put = next((step for step in plan.steps if step.action == "cloudtrail:PutEventSelectors"), None)
        if put:  # the selectors of a trail are replaced as a whole, by others too
            arn = str(put.arguments["TrailName"])
            verify_write(
                dict(self._current.selectors if self._current else FRESH),
                action=put.action,
                read=lambda: _selectors(self.aws, arn),
                decide=lambda answer: decide_selectors(self.desired, answer, arn),
                sleep=self.sleep,
                what="the event selectors of the trail",
            )
        return outputs

    def _run_step(self, step: Step, outputs: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
        pause = _FIRST_PAUSE
        while True:
            try:
                once = step.action == "cloudtrail:CreateTrail"
                return self.aws.run_step(step, outputs, once=once, conflicts=_CONFLICTS)
            except ServiceError as error:
                if error.code not in _PROPAGATING:
                    raise
                if self._waited >= self.propagation_timeout:
                    error.add_hint(_PROPAGATING[error.code])
                    raise
                pause = min(pause, self.propagation_timeout - self._waited)
                self.sleep(pause)
                self._waited, pause = self._waited + pause, min(pause * 2, _LONGEST_PAUSE)
