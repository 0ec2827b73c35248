# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the key, its policy and its alias. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from .. import _documents, _policy
from .._access.evaluate import EVERYTHING, evaluate
from .._access.model import Policies, Policy, Principal
from .._access.requests import direct
from .._arn import Arn, same_key
from .._errors import ValidationError
from .._kms.model import Key, refuse_unusable
from . import policies
from .facts import CheckResult, Facts
from .model import Checks, Control, Desired, Evaluate, compliant, non_compliant, not_applicable, one_check

#: What lets a principal read what is encrypted under the key, or grant that to others.
_DANGEROUS = ("kms:decrypt", "kms:creategrant", "kms:putkeypolicy", "kms:reencryptfrom", "kms:schedulekeydeletion")
_HARMLESS = ("kms:describekey", "kms:encrypt", "kms:generatedatakey", "kms:getkeypolicy")


def _check_key(evaluate: Evaluate) -> Checks:
    """A check of the key, where the mode has one."""

    def evaluated(facts: Facts, desired: Desired) -> CheckResult:
        if not desired.profile.encrypts_with_kms:
            return not_applicable("encryption_mode", f"{desired.profile.encryption_mode} uses no KMS key of yours.")
        return evaluate(facts, desired)

    return one_check(lambda _facts, desired: desired.profile.kms_key_arn or desired.account_arn, evaluated)


def _usable(facts: Facts, desired: Desired) -> CheckResult:
    try:
        refuse_unusable(Key(facts.key.value), option="key", region=desired.profile.region)
    except ValidationError as refusal:
        return non_compliant("unusable", f"The key {refusal.reason}.")
    return compliant("The key is Enabled, symmetric, and in the Region of the bucket.")


def _rotation(facts: Facts, _desired: Desired) -> CheckResult:
    if not Key(facts.key.value).rotatable:
        message = "KMS cannot rotate this key: its material is imported or in a custom key store, or it is asymmetric."
        return not_applicable("not_supported", message)
    rotation = facts.rotation.value
    if not rotation.get("KeyRotationEnabled"):
        return non_compliant("not_enabled", "Automatic rotation is off.")
    return compliant(f"Automatic rotation is on, every {rotation.get('RotationPeriodInDays', 365)} days.")


def _rotation_period(facts: Facts, desired: Desired) -> CheckResult:
    period = desired.rotation_period_in_days
    if period is None:
        return not_applicable("not_requested", "The task sets no rotation period (kms_rotation_period_in_days).")
    rotates = _rotation(facts, desired)
    if rotates.status != "compliant":
        return rotates
    found = facts.rotation.value.get("RotationPeriodInDays", 365)
    if found != period:
        return non_compliant("differs", f"The period is {found} days, not {period}.")
    return compliant(f"The period is {found} days.")


def _not_public(facts: Facts, _desired: Desired) -> CheckResult:
    found = policies.public(facts.key_policy.value, (*_DANGEROUS, *_HARMLESS))
    if found:
        return non_compliant("too_permissive", f"The key policy grants public access: {', '.join(found)}.")
    return compliant("No statement of the key policy grants public access.")


def _statements(facts: Facts, desired: Desired) -> CheckResult:
    statements = _documents.key_policy_statements(desired.profile)
    if not statements:
        message = "The profile names neither key administrators nor roles, so that it has no key policy statements."
        return not_applicable("not_requested", message)
    return policies.compare_statements(facts.key_policy.value, statements, desired.profile.partition)


def _manageable(facts: Facts, desired: Desired) -> CheckResult:
    arn = Arn.parse(str(desired.profile.kms_key_arn))
    owner = arn.account_id if arn else desired.profile.account_id
    root = _policy.account_root(owner, desired.profile.partition)
    policy = Policy("the key policy", facts.key_policy.value)
    answer = evaluate(direct(Principal(root), "kms:PutKeyPolicy", str(arn)), Policies([EVERYTHING], resource=policy))
    if answer.decision == "allowed":
        return compliant(f"IAM policies of the account {owner} can allow a principal to change the key policy.")
    verb = "does" if answer.decision == "denied" else "may"
    message = (
        f"The key policy {verb} not let the account {owner} change it: {answer}. Once the principals that it names are "
        "deleted, the key cannot be managed any more."
    )
    return non_compliant("unusable", message)


def _not_shared(facts: Facts, _desired: Desired) -> CheckResult:
    document = facts.shared_policy.value
    if document is None:
        return compliant("AWS RAM does not share the key.")
    named = sorted(
        {str(n) for s in _policy.listed(document.get("Statement", ())) for _kind, n in _policy.principals(s)}
    )
    message = f"AWS RAM shares the key (policy AWS_RAM), with {', '.join(named) or 'others'}."
    return non_compliant("too_permissive", message)


def _own_accounts_only(facts: Facts, desired: Desired) -> CheckResult:
    arn = Arn.parse(str(desired.profile.kms_key_arn))
    own = {desired.profile.account_id, arn.account_id if arn else ""}
    found = policies.external_principals(facts.key_policy.value, _DANGEROUS, own, conditions_count=True)
    if found:
        message = f"The key policy allows other accounts to decrypt, grant or manage: {', '.join(found)}."
        return non_compliant("too_permissive", message)
    return compliant("No other account may decrypt with the key, grant its use or manage it.")


def _alias(facts: Facts, desired: Desired) -> CheckResult:
    if desired.alias is None:
        return not_applicable("not_requested", "The task names no alias (kms_alias).")
    target = facts.alias_target.value
    if target is None:
        return non_compliant("not_found", f"There is no alias {desired.alias}.")
    if not same_key(target, str(desired.profile.kms_key_arn)):
        return non_compliant("differs", f"{desired.alias} points at {target}.")
    return compliant(f"{desired.alias} points at the key.")


KEY = (
    Control(
        identifier="KMS.4",
        title="AWS KMS key rotation should be enabled",
        severity="medium",
        requirement="Automatic rotation is on, with any period. It does not apply to a key that KMS cannot rotate.",
        remediation="Run coffer.velero.kms_key with rotation_period_in_days.",
        checks=_check_key(_rotation),
    ),
    Control(
        identifier="KMS.5",
        title="KMS keys should not be publicly accessible",
        severity="critical",
        requirement=(
            "No statement of the key policy allows every principal to use, grant or manage the key, unless a condition "
            "with fixed values limits who that is."
        ),
        remediation="Remove the statement, or limit it (kms:CallerAccount, aws:PrincipalOrgID, aws:SourceAccount).",
        checks=_check_key(_not_public),
    ),
    Control(
        identifier="coffer.1",
        title="The key can be used by S3",
        severity="critical",
        requirement="The key is Enabled, symmetric, for ENCRYPT_DECRYPT, and in the Region of the bucket.",
        remediation=(
            "Enable the key (enabled=true of coffer.velero.kms_key), cancel its deletion (cancel_deletion=true), or "
            "choose another key. S3 returns no error before the next write."
        ),
        checks=_check_key(_usable),
        covers="KMS.3",
    ),
    Control(
        identifier="coffer.2",
        title="The key rotates with the requested period",
        severity="medium",
        requirement="The rotation period is kms_rotation_period_in_days.",
        remediation="Run coffer.velero.kms_key with rotation_period_in_days.",
        checks=_check_key(_rotation_period),
    ),
    Control(
        identifier="coffer.3",
        title="The key policy has the statements of the storage profile",
        severity="high",
        requirement="Each statement of the filter key_policy_statements is in the key policy, unchanged.",
        remediation="Run site.yml with the tags kms_key and velero_irsa, or coffer.velero.kms_key_policy.",
        checks=_check_key(_statements),
    ),
    Control(
        identifier="coffer.4",
        title="The key policy names no deleted principal",
        severity="medium",
        requirement="No statement names the unique ID of a role or user (AROA..., AIDA...) in place of its ARN.",
        remediation="Correct or remove the statement with coffer.velero.kms_key_policy: KMS rejects all other changes.",
        checks=_check_key(lambda facts, _desired: policies.no_deleted_principals(facts.key_policy.value, "key policy")),
    ),
    Control(
        identifier="coffer.5",
        title="The key policy cannot lock out its account",
        severity="critical",
        requirement="The key policy allows its account, without a condition, to change it by IAM policies.",
        remediation="Allow kms:PutKeyPolicy to the account root while a principal still can change the key policy.",
        checks=_check_key(_manageable),
    ),
    Control(
        identifier="coffer.6",
        title="The key is not shared by AWS RAM",
        severity="high",
        requirement="There is no policy AWS_RAM beside the key policy.",
        remediation="Delete the resource share in AWS RAM: its policy cannot be changed in KMS.",
        checks=_check_key(_not_shared),
    ),
    Control(
        identifier="coffer.7",
        title="The alias points at the key",
        severity="medium",
        requirement="The alias exists and its target is the key of the storage profile.",
        remediation="Find out who moved it; coffer.velero.kms_key points it back with repoint_alias=true.",
        checks=_check_key(_alias),
    ),
    Control(
        identifier="coffer.8",
        title="No other account may use the key",
        severity="high",
        requirement=(
            "The key policy allows no principal outside the accounts of the key and the bucket to decrypt, grant or "
            "manage, unless a condition limits it to these accounts (kms:CallerAccount, aws:PrincipalAccount)."
        ),
        remediation="Remove the statement, or the principal from it.",
        checks=_check_key(_own_accounts_only),
    ),
)
