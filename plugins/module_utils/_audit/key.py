# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the key, its policy and its alias. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils import _documents, _policy
from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn, same_key
from ansible_collections.coffer.velero.plugins.module_utils._audit import policies
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Facts
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Ask,
    Control,
    Expected,
    about,
    does_not_apply,
    fails,
    passes,
    related,
)
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key, refuse_unusable

#: What lets somebody read what is encrypted under the key, or give that to others.
_DANGEROUS = ("kms:decrypt", "kms:creategrant", "kms:putkeypolicy", "kms:reencryptfrom", "kms:schedulekeydeletion")
_HARMLESS = ("kms:describekey", "kms:encrypt", "kms:generatedatakey", "kms:getkeypolicy")


def _key_arn(_facts: Facts, expected: Expected) -> str:
    return expected.profile.kms_key_arn or expected.account_arn


def _of_key(answer: Callable[[Facts, Expected], Answer]) -> Ask:
    """A question about the key, where the mode has one."""

    def answered(facts: Facts, expected: Expected) -> Answer:
        if not expected.profile.encrypts_with_kms:
            return does_not_apply(f"With {expected.profile.encryption_mode} there is no KMS key of yours.")
        return answer(facts, expected)

    return about(_key_arn, answered)


def _key(facts: Facts) -> Key:
    return Key(facts.key.value)


def _usable(facts: Facts, expected: Expected) -> Answer:
    try:
        refuse_unusable(_key(facts), option="key", region=expected.profile.region)
    except ValidationError as refusal:
        return fails(f"The key {refusal.reason}.")
    return passes("The key is Enabled, symmetric, and in the Region of the bucket.")


def _not_deleted(facts: Facts, _expected: Expected) -> Answer:
    key = _key(facts)
    if key.pending_deletion:
        return fails(f"The key is pending deletion until {key.metadata.get('DeletionDate', 'an unknown date')}.")
    return passes(f"The key is {key.state} and not scheduled for deletion.")


def _rotation(facts: Facts, _expected: Expected) -> Answer:
    if not _key(facts).rotatable:
        return does_not_apply("KMS cannot rotate the material of this key: it is imported, asymmetric or elsewhere.")
    rotation = facts.rotation.value
    if not rotation.get("KeyRotationEnabled"):
        return fails("Automatic rotation is off.")
    return passes(f"Automatic rotation is on, every {rotation.get('RotationPeriodInDays', 365)} days.")


def _period(facts: Facts, expected: Expected) -> Answer:
    wanted = expected.rotation_period_in_days
    if wanted is None:
        return does_not_apply("No rotation period was asked for.")
    if not _key(facts).rotatable:
        return does_not_apply("KMS cannot rotate the material of this key.")
    rotation = facts.rotation.value
    found = rotation.get("RotationPeriodInDays", 365) if rotation.get("KeyRotationEnabled") else None
    if found != wanted:
        return fails(f"The period is {found} days, not {wanted}." if found else "Automatic rotation is off.")
    return passes(f"The period is {found} days.")


def _not_public(facts: Facts, _expected: Expected) -> Answer:
    open_ones = policies.public(facts.key_policy.value, (*_DANGEROUS, *_HARMLESS))
    if open_ones:
        return fails(f"The key policy lets anybody in: {', '.join(open_ones)}.")
    return passes("No statement of the key policy lets anybody in for whom no fixed condition says who it is.")


def _statements(facts: Facts, expected: Expected) -> Answer:
    wanted = _documents.key_policy_statements(expected.profile)
    if not wanted:
        return does_not_apply("The profile names neither administrators nor roles, so that no statement is wanted.")
    different = policies.differences(facts.key_policy.value, wanted, expected.profile.partition)
    if different:
        return fails(f"Of the statements that are ours {'; '.join(different)}.")
    return passes(f"{', '.join(str(statement['Sid']) for statement in wanted)}: as wanted.")


def _no_orphans(facts: Facts, _expected: Expected) -> Answer:
    orphans = _policy.orphaned_principals(facts.key_policy.value)
    if orphans:
        named = ", ".join(f"{orphan['principal']} in {orphan['sid']}" for orphan in orphans)
        return fails(f"The key policy names principals that were deleted: {named}.")
    return passes("Every principal that the key policy names exists.")


def _manageable(facts: Facts, expected: Expected) -> Answer:
    arn = Arn.parse(str(expected.profile.kms_key_arn))
    owner = arn.account_id if arn else expected.profile.account_id
    root = _policy.account_root(owner, expected.profile.partition)
    if _policy.permits(facts.key_policy.value, _policy.Access("kms:PutKeyPolicy", str(arn), root)):
        return passes(f"The account {owner} can change the key policy by its IAM policies.")
    return fails(
        f"The key policy does not let the account {owner} change it: the key is lost with the last principal that the "
        "policy names."
    )


def _not_shared(facts: Facts, _expected: Expected) -> Answer:
    document = facts.shared_policy.value
    if document is None:
        return passes("AWS RAM shares the key with nobody.")
    named = sorted(
        {str(n) for s in _policy.listed(document.get("Statement", ())) for _kind, n in _policy.principals(s)}
    )
    return fails(f"AWS RAM shares the key (policy AWS_RAM), with {', '.join(named) or 'others'}.")


def _own_accounts_only(facts: Facts, expected: Expected) -> Answer:
    arn = Arn.parse(str(expected.profile.kms_key_arn))
    own = {expected.profile.account_id, arn.account_id if arn else ""}
    found = policies.strangers(facts.key_policy.value, _DANGEROUS, own, conditions_count=True)
    if found:
        return fails(f"The key policy lets other accounts decrypt, grant or manage: {', '.join(found)}.")
    return passes("No other account may decrypt with the key, grant its use or manage it.")


def _alias(facts: Facts, expected: Expected) -> Answer:
    if expected.alias is None:
        return does_not_apply("No alias was asked for.")
    target = facts.alias_target.value
    if target is None:
        return fails(f"There is no alias {expected.alias}.")
    if not same_key(target, str(expected.profile.kms_key_arn)):
        return fails(f"{expected.alias} points at {target}.")
    return passes(f"{expected.alias} points at the key.")


KEY = (
    Control(
        identifier="KMS.3",
        title="AWS KMS keys should not be deleted unintentionally",
        severity="critical",
        standards=related(fsbp="KMS.3", nist="SC-12 SC-12(2)"),
        checked="The key is not scheduled for deletion.",
        remediation="Find out who scheduled it; coffer.velero.kms_key cancels it with cancel_deletion=true.",
        ask=_of_key(_not_deleted),
    ),
    Control(
        identifier="KMS.4",
        title="AWS KMS key rotation should be enabled",
        severity="medium",
        standards=related(
            cis7="4.6", cis5="3.6", cis3="3.6", cis1="3.8", nist="SC-12 SC-12(2) SC-28(3)", pci4="3.7.4", pci3="3.6.4"
        ),
        checked="Automatic rotation is on, with any period. Keys that KMS cannot rotate have no finding.",
        remediation="Run coffer.velero.kms_key with rotation_period_in_days.",
        ask=_of_key(_rotation),
    ),
    Control(
        identifier="KMS.5",
        title="KMS keys should not be publicly accessible",
        severity="critical",
        standards=related(fsbp="KMS.5"),
        checked=(
            "No statement of the key policy lets anybody use, grant or manage; of conditions only those with fixed "
            "values count."
        ),
        remediation=(
            "Remove the statement, or name who may come (kms:CallerAccount, aws:PrincipalOrgID, aws:SourceAccount)."
        ),
        ask=_of_key(_not_public),
    ),
    Control(
        identifier="coffer.1",
        title="The key can be used by S3",
        severity="critical",
        checked="The key is Enabled, symmetric, for encryption, and in the Region of the bucket.",
        remediation="Enable the key, or choose another one; S3 says nothing before the next write.",
        ask=_of_key(_usable),
    ),
    Control(
        identifier="coffer.2",
        title="The key rotates as often as wanted",
        severity="medium",
        checked="The rotation period is the one that was asked for.",
        remediation="Run coffer.velero.kms_key with rotation_period_in_days.",
        ask=_of_key(_period),
    ),
    Control(
        identifier="coffer.3",
        title="The key policy has exactly the statements that the profile wants",
        severity="high",
        checked="Each statement that is ours, by its Sid, means what the filter key_policy_statements says.",
        remediation="Run site.yml with the tags kms_key and velero_irsa, or coffer.velero.kms_key_policy.",
        ask=_of_key(_statements),
    ),
    Control(
        identifier="coffer.4",
        title="The key policy names no deleted principal",
        severity="medium",
        checked="No statement names the unique id of a role or user (AROA..., AIDA...) in place of its ARN.",
        remediation="Correct or remove the statement with coffer.velero.kms_key_policy; it bars every change.",
        ask=_of_key(_no_orphans),
    ),
    Control(
        identifier="coffer.5",
        title="The key cannot be lost by its own policy",
        severity="critical",
        checked="The key policy lets its account change it by IAM policies, without a condition.",
        remediation="Let the account root call kms:PutKeyPolicy while there is somebody who still can.",
        ask=_of_key(_manageable),
    ),
    Control(
        identifier="coffer.6",
        title="The key is not shared by AWS RAM",
        severity="high",
        checked="There is no policy AWS_RAM beside the key policy.",
        remediation="End the resource share in AWS RAM: its policy cannot be changed in KMS.",
        ask=_of_key(_not_shared),
    ),
    Control(
        identifier="coffer.7",
        title="The alias points at the key",
        severity="medium",
        checked="The alias exists and its target is the key of the profile.",
        remediation="Find out who moved it; coffer.velero.kms_key points it back with repoint_alias=true.",
        ask=_of_key(_alias),
    ),
    Control(
        identifier="coffer.8",
        title="No other account may use the key",
        severity="high",
        checked=(
            "The key policy lets no principal of another account than those of the key and the bucket decrypt, grant "
            "or manage, unless a condition names these accounts (kms:CallerAccount, aws:PrincipalAccount)."
        ),
        remediation="Remove the statement, or the principal from it.",
        ask=_of_key(_own_accounts_only),
    ),
)
