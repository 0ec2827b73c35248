# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change key policies. PRIVATE to coffer.velero."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from .. import _policy
from .._arn import Arn, is_alias, partition_of
from .._aws import Aws
from .._concurrency import verify_write
from .._errors import ConflictError, ServiceError, ValidationError
from .._plan import PLACEHOLDER_KEY_ID, Plan
from .._sts import Caller, caller, refuse_as_caller
from .api import describe
from .policy import POLICY_NAME, KeyPolicy, decide_key_policy, named_principals, new_key_policy, refuse_key_lockout

#: How KMS answers GetKeyPolicy for a key that cannot be read; it works in the own account only.
_UNREADABLE_CODES = frozenset({"AccessDeniedException", "InvalidArnException", "NotFoundException"})
#: Seconds between two tries while a new principal becomes visible to KMS, doubled each time up to the second.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 8.0


@dataclass
class KeyPolicyResource:
    """Our statements in the policy of a key, for the runner.

    :param key_id: id, ARN, alias (``alias/velero``) or ARN of an alias
    :param principal_timeout: seconds to wait for principals that KMS cannot see yet
    """

    aws: Aws
    desired: _policy.Desired
    key_id: str
    bypass: bool
    principal_timeout: int
    sleep: Callable[[float], None]
    _current: KeyPolicy | None = None
    _waited: float = 0

    def read(self) -> KeyPolicy:
        key_id: str | None = self.key_id
        if is_alias(self.key_id):
            key = describe(self.aws, self.key_id)
            key_id = key.arn if key else None
        if key_id is None or key_id.endswith(PLACEHOLDER_KEY_ID):
            self._current = self._of_new_key()
        else:
            arn = Arn.parse(key_id)
            document = _policy.parse(self._policy(key_id, arn), option="key_id", resource=key_id)
            self._current = KeyPolicy(key_id, document, arn.partition if arn else partition_of(self.aws.region))
        return self._current

    def _of_new_key(self) -> KeyPolicy:
        """What the policy will be where an earlier task of this check run would create the key."""
        arn = Arn.parse(self.key_id)
        who = arn or caller(self.aws)
        region = arn.region if arn else self.aws.region
        key_arn = Arn(who.partition, "kms", region, who.account_id, f"key/{PLACEHOLDER_KEY_ID}")
        document = new_key_policy(_policy.account_root(who.account_id, who.partition))
        remediation = f"Create it first: coffer.velero.kms_key creates a key with its alias in {self.aws.region}."
        missing = ValidationError("key_id", self.key_id, "does not exist", remediation)
        return KeyPolicy(str(key_arn), document, who.partition, missing)

    def _policy(self, key_id: str, arn: Arn | None) -> str:
        try:
            return str(self.aws.call("kms:GetKeyPolicy", KeyId=key_id, PolicyName=POLICY_NAME)["Policy"])
        except ServiceError as error:
            if arn and error.code in _UNREADABLE_CODES:
                self._refuse_other_account(arn, caller(self.aws))
            if error.code == "NotFoundException":
                remediation = (
                    f"Give a key in {self.aws.region}, or its alias with alias/; coffer.velero.kms_key creates one."
                )
                raise ValidationError("key_id", key_id, "does not exist", remediation) from error
            raise

    def _refuse_other_account(self, arn: Arn, who: Caller) -> None:
        if arn.account_id != who.account_id:
            absent = f"Remove the statements {', '.join(self.desired.absent_sids)}"
            request = json.dumps(self.desired.statements) if self.desired.statements else absent
            remediation = (
                f"KMS shows and changes a key policy to its own account only, and {who.account_id} asks here: use "
                f"credentials of {arn.account_id}, or leave this task out and hand this to the key's owner: {request}"
            )
            raise ValidationError("key_id", str(arn), f"belongs to account {arn.account_id}", remediation)

    def decide(self, current: KeyPolicy) -> Plan:
        return decide_key_policy(self.desired, current, bypass=self.bypass)

    def guard(self, plan: Plan) -> None:
        current = t.cast(KeyPolicy, self._current)
        who = caller(self.aws)
        arn = Arn.parse(current.key_id)
        if arn:
            self._refuse_other_account(arn, who)
        if not self.bypass:
            key_arn = str(arn or Arn(who.partition, "kms", self.aws.region, who.account_id, f"key/{current.key_id}"))
            before, after = current.document, plan.result["policy"]
            refuse_as_caller(self.aws, who, partial(refuse_key_lockout, before, after, key_arn))

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        before = t.cast(KeyPolicy, self._current)
        self._write(plan, before)
        if not self.bypass:  # else the caller may no longer be allowed to look
            verify_write(before, action="kms:PutKeyPolicy", read=self.read, decide=self.decide, sleep=self.sleep)
        return {}

    def _write(self, plan: Plan, before: KeyPolicy) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                return self.aws.replace(plan)
            except ServiceError as error:
                if error.code != "MalformedPolicyDocumentException" or "principal" not in str(error).lower():
                    raise
                if self._waited >= self.principal_timeout:
                    raise self._invisible(plan) from error
                pause = min(pause, self.principal_timeout - self._waited)
                self.sleep(pause)
                self._waited, pause = self._waited + pause, min(pause * 2, _LONGEST_PAUSE)
                if self.read() != before:
                    raise ConflictError(error) from error

    def _invisible(self, plan: Plan) -> ValidationError:
        found = named_principals(self.desired.statements) or named_principals(
            _policy.listed(plan.result["policy"]["Statement"])
        )
        names = f"a policy that names {', '.join(found)}" if found else f"the policy of {self.key_id}"
        reason = f"cannot be set: KMS still says after {self._waited:g} s that a principal does not exist"
        remediation = "Create the roles and users first, correct their names, or set a longer principal_timeout."
        return ValidationError("statements", names, reason, remediation)
