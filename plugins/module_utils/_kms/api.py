# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read and change KMS keys. PRIVATE to coffer.velero."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from .._aws import Aws
from .._documents import is_use_of_key_sid
from .._errors import ConflictError, ServiceError, ValidationError
from .._plan import Plan, outputs_of
from .._policy import named_statements, parse, principals
from .._sts import Caller, caller
from .._tags import tag_dict
from .decide import DesiredKey, change_key, create_key, delete_key
from .model import CREATED_FOR_TAG, Key
from .policy import POLICY_NAME, is_as_created

#: Days until KMS deletes a key that this run created and lost the race for the alias with; KMS's minimum.
_ORPHAN_WINDOW_IN_DAYS = 7
#: Seconds to look again for a key or alias that should be there: KMS and the tagging API show new ones with a delay.
_VERIFY_AGAIN = (1.0, 2.0, 4.0)
#: KMS shows new keys and states with a delay, and a key cannot be replicated while it is being replicated.
_UNSETTLED_CODES = frozenset({"NotFoundException", "KMSInvalidStateException"})
#: "It might take up to five minutes for tag and alias changes to affect KMS key authorization" (KMS Developer Guide).
_NEW_KEY_HINT = (
    "Where a policy asks for the tags of the key, KMS may see those of a new one only after five minutes: "
    "run again then."
)


def describe(aws: Aws, key_id: str) -> Key | None:
    """A key by id, ARN, alias or alias ARN; ``None`` where there is none."""
    answer = aws.call_or_none("kms:DescribeKey", "NotFoundException", KeyId=key_id)
    return Key(answer["KeyMetadata"]) if answer else None


@dataclass
class KeyResource:
    """A key and its alias, for the runner.

    :param key_id: an existing key, else the key is found or created by its alias
    :param delete_after: days until the key is deleted; ``None`` where it should exist
    """

    aws: Aws
    desired: DesiredKey
    key_id: str | None = None
    delete_after: int | None = None
    sleep: Callable[[float], None] = time.sleep
    _caller: Caller | None = None
    _created: str | None = None
    _answer_lost: bool = False

    def read(self) -> Key | None:
        key = self._by_id() if self.key_id else describe(self.aws, str(self.desired.alias))
        if self.delete_after is not None:
            # Never by the tag: what was made for the alias may have served under it, and may be needed still.
            return key
        key = key or self._unfinished()
        if key is None:
            self._caller = caller(self.aws)
            return None
        # The tags of a key of another account cannot be read; who names a key has not had it created here.
        if self.desired.tags is not None or (self.desired.creation_defaults and not self.key_id):
            listed = self.aws.pages("kms:ListResourceTags", "Tags", KeyId=key.key_id)
            tags = tag_dict(listed, key="TagKey", value="TagValue")
            created_here = CREATED_FOR_TAG in tags or key.key_id == self._created
            key = replace(key, tags=None if self.desired.tags is None else tags, created_here=created_here)
        desired = self.desired.of(key)
        if desired.rotation_enabled is not None or desired.rotation_period_in_days is not None:
            # By the ARN: an id is looked for in the account of the credentials only.
            rotation = self.aws.call("kms:GetKeyRotationStatus", KeyId=key.arn) if key.rotatable else {}
            key = replace(key, rotation=rotation)
        return key

    def _by_id(self) -> Key | None:
        key = describe(self.aws, str(self.key_id))
        if key is None:
            if self.delete_after is not None:
                return None
            remediation = f"Give the ARN of a key in {self.aws.region} that these credentials may describe."
            raise ValidationError("key_id", str(self.key_id), "does not exist", remediation)
        if self.desired.alias is None:
            return key
        target = describe(self.aws, self.desired.alias)
        same = target is not None and target.arn == key.arn
        return replace(key, alias_exists=same, alias_target=None if same or target is None else target.arn)

    def _unfinished(self) -> Key | None:
        """The key of a run that was cut before it could create the alias: of this one, else of an earlier one."""
        if self._created:
            # KMS has shown it, so that the last try ends in KMS's own error and not a reason for another key.
            key = self._await(partial(describe, self.aws, self._created))
            known = key or Key(self.aws.call("kms:DescribeKey", KeyId=self._created)["KeyMetadata"])
            return replace(known, alias_exists=False)
        return self._await(self._tagged) if self._answer_lost else self._tagged()

    def _await(self, look: Callable[[], Key | None]) -> Key | None:
        for pause in _VERIFY_AGAIN:
            if (found := look()) is not None:
                return found
            self.sleep(pause)
        return look()

    def _tagged(self) -> Key | None:
        """The oldest usable key that was made for the alias and was not used since.

        A key that lost the alias later has the tag as well. It may have been replaced for a reason, and what it
        encrypted still needs it: so it is left alone.
        """
        tagged = {"Key": CREATED_FOR_TAG, "Values": [str(self.desired.alias)]}
        found = self.aws.pages(
            "resourcegroupstaggingapi:GetResources",
            "ResourceTagMappingList",
            TagFilters=[tagged],
            ResourceTypeFilters=["kms:key"],
        )
        keys = [describe(self.aws, resource["ResourceARN"]) for resource in found]
        usable = [key for key in keys if key is not None and key.state == "Enabled" and self._is_untouched(key)]
        oldest = min(usable, key=lambda key: (str(key.metadata.get("CreationDate")), key.arn), default=None)
        return replace(oldest, alias_exists=False, adopted=not self._answer_lost) if oldest else None

    def _is_untouched(self, key: Key) -> bool:
        """Whether a key is as CreateKey left it: whatever is done for its use comes after the alias."""
        policy = self.aws.call_or_none("kms:GetKeyPolicy", "NotFoundException", KeyId=key.arn, PolicyName=POLICY_NAME)
        if policy is None or not is_as_created(policy["Policy"], key.arn):
            return False
        return not self.aws.call("kms:GetKeyRotationStatus", KeyId=key.arn)["KeyRotationEnabled"]

    def decide(self, current: Key | None) -> Plan:
        if self.delete_after is not None:
            if current is None:
                return Plan(result={"alias": self.desired.alias, "key_state": None})
            return delete_key(current, alias=self.desired.alias, pending_window_in_days=self.delete_after)
        if current is not None:
            return change_key(self.desired.of(current), current)
        who = t.cast(Caller, self._caller)
        return create_key(
            self.desired.of(None), partition=who.partition, region=self.aws.region, account_id=who.account_id
        )

    def guard(self, plan: Plan) -> None:
        """Refuse to delete a key that installations use.

        :raises ValidationError: where its policy has the statement of a role
        """
        step = plan.steps[0]
        if step.action != "kms:ScheduleKeyDeletion":
            return
        arn, key_id = plan.result["key_arn"], step.arguments["KeyId"]
        policy = self.aws.call("kms:GetKeyPolicy", KeyId=key_id, PolicyName=POLICY_NAME)["Policy"]
        document = parse(policy, option="key_id", resource=arn)
        users = {sid: statement for sid, statement in named_statements(document) if is_use_of_key_sid(sid)}
        if users:
            names = ", ".join(str(name) for one in users.values() for _kind, name in principals(one))
            remediation = (
                f"Take {', '.join(users)} out of its policy first where none of its backups is needed any more: "
                "coffer.velero.kms_key_policy with state=absent and sids."
            )
            raise ValidationError("state", arn, f"is the key that {names} may use", remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        outputs: dict[str, t.Any] = {}
        try:
            for step in plan.steps:
                once = step.action == "kms:CreateKey"
                outputs.update(outputs_of(step, self.aws.run_step(step, outputs, once=once)))
        except ConflictError as moved:
            self._answer_lost = moved.cause.action == "kms:CreateKey"
            self._look_after(outputs, alias_taken=moved.cause.code == "AlreadyExistsException")
            raise
        except ServiceError as error:
            if error.code not in _UNSETTLED_CODES:
                if outputs and error.code == "AccessDeniedException":
                    error.add_hint(_NEW_KEY_HINT)
                raise
            self._look_after(outputs)
            raise ConflictError(error) from error
        return outputs

    def _look_after(self, outputs: Mapping[str, t.Any], *, alias_taken: bool = False) -> None:
        """See to the key that was made a moment ago: finish it, or give it up where somebody else got the alias."""
        self._created = outputs.get("key_id", self._created)
        if self._created is None:
            return
        look = partial(describe, self.aws, str(self.desired.alias))
        winner = self._await(look) if alias_taken else look()
        if winner is not None and winner.key_id != self._created:
            key_id, self._created = self._created, None
            try:
                self.aws.call("kms:ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=_ORPHAN_WINDOW_IN_DAYS)
            except ServiceError as error:
                error.add_hint(
                    f"Another run was faster with {self.desired.alias}, and this one has made the key {key_id} in "
                    f"vain: delete it (aws kms schedule-key-deletion --key-id {key_id}) and run again."
                )
                raise
