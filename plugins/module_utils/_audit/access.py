# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the roles that Velero assumes, and of what they may do with the key. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from functools import partial

from .. import _documents, _policy
from .._access.evaluate import evaluate
from .._access.model import Answer, Policies, Policy
from .._access.pattern import Partial
from .._access.requests import USES_OF_KEY, key_request
from .._arn import Arn, same_key, service_host
from .._types import Document
from . import policies
from .bucket import live_encryption
from .facts import AWS_MANAGED, CheckResult, Facts, NoValue, PolicyFacts, RoleFacts
from .model import Check, Checks, Control, Desired, check_bucket, compliant, non_compliant, not_applicable, one_check

_NO_POLICY = not_applicable("not_requested", "The task names no policy (policy_arn).")


def _check_roles(evaluate: Callable[[RoleFacts, Desired], CheckResult]) -> Checks:
    """A check of each role."""

    def checks(facts: Facts, desired: Desired) -> Iterator[Check]:
        if not desired.profile.role_arns:
            yield Check.of(desired.account_arn, not_applicable("not_requested", "The storage profile names no role."))
        for role in facts.roles:
            yield Check(role.arn, partial(evaluate, role, desired))

    return checks


def _check_policies(facts: Facts, desired: Desired) -> Iterator[Check]:
    """KMS.1 of Velero's policy, and of each customer managed policy that is attached to a role."""
    found: dict[str, PolicyFacts] = {}
    if desired.policy_arn:
        found[desired.policy_arn] = PolicyFacts(arn=desired.policy_arn, document=facts.role_policy)
    for role in facts.roles:
        try:
            found.update({policy.arn: policy for policy in role.attached.value if AWS_MANAGED not in policy.arn})
        except NoValue as nothing:
            yield Check.of(role.arn, nothing.result)
    for policy in found.values():
        yield Check(policy.arn, partial(_decrypts_named_keys, policy, desired))
    if not found and not facts.roles:
        none = not_applicable("not_requested", "The storage profile names no role, and the task no policy.")
        yield Check.of(desired.account_arn, none)


def _decrypts_named_keys(policy: PolicyFacts, desired: Desired) -> CheckResult:
    found = policies.decrypts_everything(policy.document.value, desired.profile.partition)
    if found:
        return non_compliant("too_permissive", f"It allows decryption under every key: {', '.join(found)}.")
    return compliant("It allows decryption under named keys only, or not at all.")


def _inline_decrypts_named_keys(role: RoleFacts, desired: Desired) -> CheckResult:
    inline = role.inline.value
    found = [
        f"{statement} of {name}"
        for name, document in inline.items()
        for statement in policies.decrypts_everything(document, desired.profile.partition)
    ]
    if found:
        return non_compliant("too_permissive", f"Inline policies allow decryption under every key: {', '.join(found)}.")
    return compliant(f"None of its {len(inline)} inline policies allows decryption under every key.")


def _policy_as_desired(facts: Facts, desired: Desired) -> CheckResult:
    if desired.policy_arn is None:
        return _NO_POLICY
    document, live = _documents.iam_policy(desired.profile), facts.role_policy.value
    different = policies.differences(live, document["Statement"], desired.profile.partition)
    owned = {statement["Sid"] for statement in document["Statement"]}
    more = [name for name, _statement in _policy.named_statements(live) if name not in owned]
    absent = _documents.iam_policy_absent_sids(desired.profile)
    others = [name for name in more if _documents.is_iam_sid(name) and name not in absent]
    added = [name for name in more if name not in others]
    version = [] if document["Version"] == live.get("Version") else ["its Version is another one"]
    reasons = [*different, *([f"{', '.join(added)} was added"] if added else []), *version]
    if reasons:
        return non_compliant("differs", f"It differs from the storage profile: {'; '.join(reasons)}.")
    shared = f" Other installations have {', '.join(others)} in it." if others else ""
    return compliant(f"It has the statements of the filter iam_policy.{shared}")


def _trust(role: RoleFacts, desired: Desired) -> CheckResult:
    statements = _documents.trust_policy_statements(desired.profile)
    if not statements:
        message = "The storage profile does not name the cluster of the ServiceAccount (oidc_issuer_url)."
        return not_applicable("not_requested", message)
    live = role.trust.value
    different = policies.differences(live, statements, desired.profile.partition)
    owned = {statement["Sid"] for statement in statements}
    more = [name for name, _statement in policies.allowing(live) if name not in owned]
    others = [f"{', '.join(more)} allows others to assume the role"] if more else []
    if different or more:
        message = f"The trust policy differs from the storage profile: {'; '.join([*different, *others])}."
        return non_compliant("too_permissive" if more else "differs", message)
    return compliant("Velero's ServiceAccount of that cluster may assume it, and nobody else.")


def _attachments(role: RoleFacts, desired: Desired) -> CheckResult:
    attached = [policy.arn for policy in role.attached.value if policy.arn != desired.policy_arn]
    inline = sorted(role.inline.value)
    if desired.policy_arn is None and len(attached) == 1:
        attached = []  # without a name the only one is taken for Velero's
    if attached or inline:
        named = [*attached, *(f"inline {name}" for name in inline)]
        return non_compliant("too_permissive", f"It has policies beside Velero's: {', '.join(named)}.")
    return compliant("It has no policy beside Velero's.")


def _has_policy(role: RoleFacts, desired: Desired) -> CheckResult:
    if desired.policy_arn is None:
        return _NO_POLICY
    if desired.policy_arn in [policy.arn for policy in role.attached.value]:
        return compliant("Velero's policy is attached.")
    return non_compliant("not_found", f"{desired.policy_arn} is not attached.")


def _same_key(facts: Facts, desired: Desired) -> CheckResult:
    """Whether bucket, IAM policy and key policy are about the same key, whatever the profile says."""
    profile = desired.profile
    if not profile.encrypts_with_kms:
        return not_applicable("encryption_mode", f"{profile.encryption_mode} uses no KMS key of yours.")
    key = live_encryption(facts).key_id
    if not key or not Arn.parse_key(key):
        message = f"The bucket names {key or 'no key'}, which is not the ARN of a key: no policy can name the same."
        return non_compliant("differs", message)
    if not same_key(key, str(profile.kms_key_arn)):
        message = f"The bucket encrypts under {key}, and the storage profile names {profile.kms_key_arn}."
        return non_compliant("differs", message)
    answers = [
        (role, use, _use_of_key(role, use, key, facts, desired)) for role in profile.role_arns for use in USES_OF_KEY
    ]
    denied = [f"{use} of {role}: {answer}" for role, use, answer in answers if answer.decision == "denied"]
    if denied:
        return non_compliant("unusable", f"The policies do not allow the use of the bucket's key: {'; '.join(denied)}.")
    unknown = [f"{use} of {role}: {answer}" for role, use, answer in answers if answer.decision == "unknown"]
    if unknown:
        message = f"It is not known whether the policies allow the use of the bucket's key: {'; '.join(unknown)}."
        return CheckResult("not_evaluated", "unknown_condition", message)
    return compliant("The key policy and the policies of the role allow the use of the bucket's key.")


def _use_of_key(role_arn: str, action: str, key: str, facts: Facts, desired: Desired) -> Answer:
    """Whether the policies let a role use the key through S3. Grants are not counted."""
    profile = desired.profile
    via = service_host("s3", profile.region)
    context_arn = profile.bucket_arn if live_encryption(facts).bucket_key_enabled else Partial(profile.objects_arn)
    request = key_request(role_arn, action, key, via=via, context_arn=context_arn)
    key_policy = Policy("the key policy", facts.key_policy.value)
    role = next((role for role in facts.roles if role.arn == role_arn), None)
    boundary = Policy(f"the permissions boundary {role.boundary}", None) if role and role.boundary else None
    try:
        identity = _identity(role_arn, role, facts, desired)
    except NoValue:  # what was not read hides no Deny
        answer = evaluate(request, Policies([Policy(f"the policies of {role_arn}", None)], resource=key_policy))
        if answer.decision != "denied":
            raise
        return answer
    return evaluate(request, Policies(identity, boundary, resource=key_policy))


def _document(policy: PolicyFacts) -> Document | None:
    """Its document; of a policy that AWS manages none is read."""
    return None if AWS_MANAGED in policy.arn else t.cast("Document", policy.document.value)


def _identity(role_arn: str, role: RoleFacts | None, facts: Facts, desired: Desired) -> list[Policy]:
    """The IAM policies of a role, as far as they were read; else Velero's policy, which the audit was given."""
    if role is None:
        named = [] if desired.policy_arn is None else [Policy(desired.policy_arn, facts.role_policy.value)]
        return [*named, Policy(f"the other policies of {role_arn}", None)]
    inline = [Policy(f"inline policy {name}", document) for name, document in role.inline.value.items()]
    return [*inline, *(Policy(one.arn, _document(one)) for one in role.attached.value)]


_RUN = "Run site.yml with the tag velero_irsa"

ACCESS = (
    Control(
        identifier="KMS.1",
        title="IAM customer managed policies should not allow decryption actions on all KMS keys",
        severity="medium",
        requirement=(
            "No customer managed policy of Velero's roles allows kms:Decrypt or kms:ReEncryptFrom under every key, "
            "whatever the condition. Other policies of the account are not evaluated."
        ),
        remediation="Name the keys in Resource, as the filter iam_policy does; a condition is not enough.",
        checks=_check_policies,
    ),
    Control(
        identifier="KMS.2",
        title="IAM principals should not have IAM inline policies that allow decryption actions on all KMS keys",
        severity="medium",
        requirement=(
            "No inline policy of Velero's roles allows kms:Decrypt or kms:ReEncryptFrom under every key, whatever the "
            "condition. Other principals are not evaluated."
        ),
        remediation="Name the keys in Resource, or remove the inline policy.",
        checks=_check_roles(_inline_decrypts_named_keys),
    ),
    Control(
        identifier="coffer.15",
        title="Velero's policy is that of the storage profile",
        severity="high",
        requirement=(
            "The default version of the managed policy has the statements of the filter iam_policy, and beside them "
            "only those of other installations that share it."
        ),
        remediation=f"{_RUN}, or coffer.velero.iam_policy.",
        checks=one_check(lambda _facts, desired: desired.policy_arn or desired.account_arn, _policy_as_desired),
    ),
    Control(
        identifier="coffer.16",
        title="Only Velero's ServiceAccount may assume the role",
        severity="high",
        requirement="The trust policy has the statement of the filter trust_policy_statements, and allows nobody else.",
        remediation=f"{_RUN}; purge_trust_statements=true of coffer.velero.iam_role removes what others added.",
        checks=_check_roles(_trust),
    ),
    Control(
        identifier="coffer.17",
        title="The role has Velero's policy",
        severity="high",
        requirement="The managed policy is attached to the role.",
        remediation=f"{_RUN}, or coffer.velero.iam_role.",
        checks=_check_roles(_has_policy),
    ),
    Control(
        identifier="coffer.18",
        title="The role has no policy beside Velero's",
        severity="medium",
        requirement="No other managed policy is attached to the role, and it has no inline policy.",
        remediation="Find out who needs them; purge_policies=true of coffer.velero.iam_role detaches managed ones.",
        checks=_check_roles(_attachments),
    ),
    Control(
        identifier="coffer.19",
        title="Bucket, IAM policy and key policy name the same key",
        severity="critical",
        requirement=(
            "The key of the bucket's default encryption is that of the storage profile, and all policies that are read "
            "together allow Velero's roles to use it through S3. Grants are not counted."
        ),
        remediation="Run site.yml: as it is, the next backup or restore is denied.",
        checks=check_bucket(_same_key),
    ),
)
