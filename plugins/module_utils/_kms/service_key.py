# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that SNS and CloudWatch Logs encrypt with. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from .._errors import ValidationError
from .._plan import PLACEHOLDER_KEY_ID
from .model import Key, refuse_state


def is_predicted(key_id: str | None) -> bool:
    """Whether the key is one that a check run has only promised."""
    return PLACEHOLDER_KEY_ID in (key_id or "")


def service_key(
    given: str | None,
    key: Key | None,
    *,
    option: str,
    region: str,
    service: str,
    resource: str,
    aws_managed: str,
    statements: str,
) -> tuple[str | None, ValidationError | None]:
    """The ARN to encrypt with (empty for none, ``None`` to leave it), and what is not there yet.

    :param given: the key as it was given
    :param key: the key as KMS tells of it
    :param resource: what is encrypted, in the words of an error
    :param aws_managed: what the policy of an AWS managed key does not let the service do
    :param statements: the filter with the statements of the key's policy
    :raises ValidationError: for a key that the service could not encrypt with
    """
    if not given or is_predicted(given):
        return given, None
    if key is None:
        remediation = f"Give a key in {region} by its id or ARN, or an alias as alias/name."
        return given, ValidationError(option, given, "does not exist, or not for these credentials", remediation)
    if key.metadata.get("KeyManager") == "AWS":
        reason = f"is an AWS managed key, whose policy cannot be changed and {aws_managed}"
        remediation = f"Choose a customer managed key, with the statements of coffer.velero.{statements}."
        raise ValidationError(option, given, reason, remediation)
    if not key.symmetric or key.metadata.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        remediation = f"{service} encrypts with symmetric keys only."
        raise ValidationError(option, key.arn, "is not a symmetric key", remediation)
    if key.region != region:
        remediation = f"{service} encrypts with keys of the {resource}'s Region only: choose a key in {region}."
        raise ValidationError(option, key.arn, f"is in {key.region}, the {resource} is in {region}", remediation)
    refuse_state(key, option=option)
    return key.arn, None
