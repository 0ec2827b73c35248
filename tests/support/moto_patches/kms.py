# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's KMS."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends
from moto.kms import responses
from moto.kms.exceptions import NotFoundException
from moto.kms.models import Key, KmsBackend, kms_backends
from moto.kms.responses import KmsResponse

from tests.support.moto_patches import policy as evaluation
from tests.support.moto_patches.identity import caller_of
from tests.support.moto_patches.registry import around, patch

DAY = 24 * 60 * 60
DEFAULT_PERIOD = 365
POLICY_LIMIT = 32 * 1024


def _key(response: KmsResponse) -> Key:
    """The key that a request names."""
    backend = response.kms_backend
    return backend.keys[backend.any_id_to_key_id(response._get_param("KeyId"))]


def _refuse_state(key: Key, *, disabled: bool = True) -> None:
    """Refuse a key that is not Enabled, in AWS's words; a Disabled one only if asked to."""
    if key.key_state == "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if disabled and key.key_state == "Disabled":
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")


@patch
def key_usage_and_multi_region_are_always_told() -> None:
    """Metadata always has both; moto leaves out what the creator left out."""

    @around(Key, "__init__")
    def init(original: Any, self: Any, *arguments: Any, **keywords: Any) -> Any:
        original(self, *arguments, **keywords)
        self.key_usage = self.key_usage or "ENCRYPT_DECRYPT"
        self.multi_region = bool(self.multi_region)


@patch
def key_of_another_account_or_region_is_not_found() -> None:
    """An ARN names one key; moto looks only at the id in it. Whom the key's policy names may describe it."""

    @around(KmsResponse, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        parameters = json.loads(self.body or "{}")
        for name in ("KeyId", "TargetKeyId", "DestinationKeyId"):
            arn = str(parameters.get(name, ""))
            if arn.startswith("arn:") and arn.split(":")[3:5] != [self.region, self.current_account]:
                dummy, dummy, dummy, region, account, resource = arn.split(":", 5)
                key = kms_backends[account][region].keys.get(resource.removeprefix("key/"))
                if key and self._get_action() == "DescribeKey" and f"::{self.current_account}:root" in key.policy:
                    return 200, {}, json.dumps(key.to_dict())
                error = NotFoundException(f"Key '{arn}' does not exist")
                return error.code, dict(error.get_headers()), error.description
        return original(self)


@patch
def key_state_changes_by_arn() -> None:
    """AWS takes an id or an ARN; moto fails with a KeyError on the ARN."""
    for name in ("enable_key", "disable_key", "schedule_key_deletion", "cancel_key_deletion"):

        @around(KmsBackend, name)
        def change(original: Any, self: Any, key_id: Any, *arguments: Any) -> Any:
            return original(self, self.get_key_id(key_id), *arguments)


@patch
def key_pending_deletion_changes_only_by_cancelling() -> None:
    """Enabling, disabling or scheduling it again is an invalid state, and so is cancelling without a schedule."""
    for name in ("enable_key", "disable_key", "schedule_key_deletion"):

        @around(KmsResponse, name)
        def change(original: Any, self: Any) -> Any:
            self._validate_cmk_id(self._get_param("KeyId"))
            _refuse_state(_key(self), disabled=False)
            return original(self)

    @around(KmsResponse, "cancel_key_deletion")
    def cancel_key_deletion(original: Any, self: Any) -> Any:
        self._validate_cmk_id(self._get_param("KeyId"))
        key = _key(self)
        if key.key_state != "PendingDeletion":
            raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
        return original(self)


@patch
def disabled_key_does_not_encrypt() -> None:
    """DisabledException or KMSInvalidStateException; moto never looks at the state."""

    @around(KmsBackend, "encrypt")  # GenerateDataKey and ReEncrypt end here too
    def encrypt(original: Any, self: Any, key_id: Any, *arguments: Any, **keywords: Any) -> Any:
        _refuse_state(self.keys[self.any_id_to_key_id(key_id)])
        return original(self, key_id, *arguments, **keywords)

    @around(KmsBackend, "decrypt")
    def decrypt(original: Any, self: Any, *arguments: Any, **keywords: Any) -> Any:
        plaintext, arn = original(self, *arguments, **keywords)
        _refuse_state(self.keys[self.get_key_id(arn)])
        return plaintext, arn


@patch
def disabled_key_does_not_rotate() -> None:
    """Switching rotation on or off wants an enabled key."""
    for name in ("enable_key_rotation", "disable_key_rotation"):

        @around(KmsResponse, name)
        def switch(original: Any, self: Any) -> Any:
            self._validate_cmk_id(self._get_param("KeyId"))
            _refuse_state(_key(self))
            return original(self)


@patch
def rotation_period_is_kept() -> None:
    """GetKeyRotationStatus tells the period, the next date and the key; moto forgets the period."""

    @around(KmsResponse, "enable_key_rotation")
    def enable_key_rotation(original: Any, self: Any) -> Any:
        answer = original(self)
        key: Any = _key(self)
        key.rotation_period = self._get_param("RotationPeriodInDays") or DEFAULT_PERIOD
        key.rotation_start = time.time()
        return answer

    @around(KmsResponse, "get_key_rotation_status")
    def get_key_rotation_status(original: Any, self: Any) -> Any:
        status = json.loads(original(self))
        key: Any = _key(self)
        status["KeyId"] = key.id
        if status["KeyRotationEnabled"]:
            status["RotationPeriodInDays"] = key.rotation_period
            status["NextRotationDate"] = key.rotation_start + key.rotation_period * DAY
        return json.dumps(status)


@patch
def policy_name_left_out_means_default() -> None:
    """PolicyName is optional; moto says there is no such policy."""

    @around(responses, "_assert_default_policy")
    def assert_default_policy(original: Any, policy_name: Any) -> Any:
        original(policy_name or "default")


@patch
def key_policy_is_checked() -> None:
    """A policy that AWS would refuse is refused: see ``_check_policy``; moto takes any text."""

    @around(KmsResponse, "put_key_policy")
    def put_key_policy(original: Any, self: Any) -> Any:
        self._validate_cmk_id(self._get_param("KeyId"))
        _check_policy(self, self._get_param("Policy"))
        return original(self)

    @around(KmsResponse, "create_key")
    def create_key(original: Any, self: Any) -> Any:
        text = self._get_param("Policy")
        if text is not None:
            _check_policy(self, text)
        return original(self)


def _check_policy(response: KmsResponse, text: str) -> None:
    """Size, syntax, existing principals, and that the caller can still change the policy."""
    if len(text.encode()) > POLICY_LIMIT:
        raise JsonRESTError("LimitExceededException", f"A key policy cannot exceed {POLICY_LIMIT} bytes.")
    document = _parsed(text)
    account, region = response.current_account, response.region
    caller = caller_of(account, region, response.access_key)
    for statement in evaluation.statements(document):
        if not all(_exists(one, caller) for one in evaluation.principals(statement)):
            raise _malformed("Policy contains a statement with one or more invalid principals.")
    if response._get_param("BypassPolicyLockoutSafetyCheck"):
        return
    # An allowed account root passes the question on to IAM, where moto's callers may do everything.
    wanted = evaluation.Request(caller, "kms:PutKeyPolicy", "*", {"aws:principalarn": caller.arns[-1]})
    if evaluation.verdict(document, wanted) != "Allow":
        raise _malformed("The new key policy will not allow you to update the key policy in the future.")


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("The policy is not valid JSON.") from None
    if not isinstance(document, dict) or not evaluation.statements(document):
        raise _malformed("The policy has no statement.")
    for statement in evaluation.statements(document):
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise _malformed("A statement's Effect is neither Allow nor Deny.")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("A statement has no principal.")
    return document


def _malformed(message: str) -> JsonRESTError:
    return JsonRESTError("MalformedPolicyDocumentException", message)


def _exists(principal: str, caller: evaluation.Caller) -> bool:
    """Whether a role or user of the caller's account is there; other accounts cannot be looked into."""
    own = re.fullmatch(r"arn:[^:]+:iam::(\d{12}):(role|user)/.+", principal)
    if not own or own[1] != caller.account or principal in caller.arns:
        return re.fullmatch(r"\*|\d{12}|arn:.+", principal) is not None
    backend = iam_backends[caller.account][caller.partition]
    entities = backend.roles.values() if own[2] == "role" else backend.users.values()
    return any(entity.arn == principal for entity in entities)
