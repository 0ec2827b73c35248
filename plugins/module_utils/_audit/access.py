# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls of the roles that Velero runs as, and of what they may do with the key. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.coffer.velero.plugins.module_utils import _documents, _policy
from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn, same_key
from ansible_collections.coffer.velero.plugins.module_utils._audit import policies
from ansible_collections.coffer.velero.plugins.module_utils._audit.bucket_checks import live_encryption
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import Facts, NoValue, PolicyFacts, RoleFacts
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import (
    Answer,
    Ask,
    Control,
    Expected,
    Question,
    about,
    does_not_apply,
    fails,
    passes,
    related,
)
from ansible_collections.coffer.velero.plugins.module_utils._types import Document

_USES = ("kms:decrypt", "kms:generatedatakey")
_AWS_MANAGED = ":iam::aws:policy/"


def _of_roles(answer: Callable[[RoleFacts, Expected], Answer]) -> Ask:
    """A question about each role."""

    def ask(facts: Facts, expected: Expected) -> Iterator[Question]:
        if not expected.profile.role_arns:
            yield Question(expected.account_arn, lambda: does_not_apply("The profile names no role."))
        for role in facts.roles:
            yield Question(role.arn, partial(answer, role, expected))

    return ask


def _of_policies(facts: Facts, expected: Expected) -> Iterator[Question]:
    """KMS.1 of each customer managed policy that is attached to a role, and of Velero's own."""
    seen: dict[str, PolicyFacts] = {}
    if expected.policy_arn:
        seen[expected.policy_arn] = PolicyFacts(arn=expected.policy_arn, document=facts.role_policy)
    for role in facts.roles:
        try:
            seen.update({policy.arn: policy for policy in role.attached.value if _AWS_MANAGED not in policy.arn})
        except NoValue as nothing:
            answer = Answer(nothing.status, nothing.reason, nothing.permission)
            yield Question(role.arn, partial(_same, answer))
    for policy in seen.values():
        yield Question(policy.arn, partial(_no_decryption, policy, expected))
    if not seen and not facts.roles:
        yield Question(expected.account_arn, lambda: does_not_apply("The profile names no role, the task no policy."))


def _same(answer: Answer) -> Answer:
    return answer


def _no_decryption(policy: PolicyFacts, expected: Expected) -> Answer:
    found = policies.decrypts_everything(policy.document.value, expected.profile.partition)
    if found:
        return fails(f"It allows decryption under every key: {', '.join(found)}.")
    return passes("It allows decryption under named keys only, or not at all.")


def _no_inline_decryption(role: RoleFacts, expected: Expected) -> Answer:
    inline = role.inline.value
    found = [
        f"{statement} of {name}"
        for name, document in inline.items()
        for statement in policies.decrypts_everything(document, expected.profile.partition)
    ]
    if found:
        return fails(f"Inline policies allow decryption under every key: {', '.join(found)}.")
    return passes(f"None of its {len(inline)} inline policies allows decryption under every key.")


def _policy_exact(facts: Facts, expected: Expected) -> Answer:
    if expected.policy_arn is None:
        return does_not_apply("No policy was named (policy_arn).")
    wanted, live = _documents.iam_policy(expected.profile), facts.role_policy.value
    if _policy.same_document(wanted, live, partition=expected.profile.partition):
        return passes("It means exactly what the filter iam_policy says.")
    different = policies.differences(live, wanted["Statement"], expected.profile.partition)
    ours = {statement["Sid"] for statement in wanted["Statement"]}
    more = [name for name, _statement in _policy.named_statements(live) if name not in ours]
    reasons = [*different, *([f"{', '.join(more)} was added"] if more else [])] or ["its Version is another one"]
    return fails(f"It is not as wanted: {'; '.join(reasons)}.")


def _trust(role: RoleFacts, expected: Expected) -> Answer:
    wanted = _documents.trust_policy_statements(expected.profile)
    if not wanted:
        return does_not_apply("The profile does not say whose ServiceAccount it is (oidc_issuer_url).")
    live = role.trust.value
    different = policies.differences(live, wanted, expected.profile.partition)
    ours = {statement["Sid"] for statement in wanted}
    more = [name for name, _statement in policies.allowing(live) if name not in ours]
    if different or more:
        others = [f"{', '.join(more)} lets others in too"] if more else []
        return fails(f"The trust policy is not as wanted: {'; '.join([*different, *others])}.")
    return passes("Velero's ServiceAccount of that cluster may assume it, and nobody else.")


def _attachments(role: RoleFacts, expected: Expected) -> Answer:
    attached = [policy.arn for policy in role.attached.value if policy.arn != expected.policy_arn]
    inline = sorted(role.inline.value)
    if expected.policy_arn is None and len(attached) == 1:
        attached = []  # without a name the only one is taken for Velero's
    if attached or inline:
        named = [*attached, *(f"inline {name}" for name in inline)]
        return fails(f"It has policies beside Velero's: {', '.join(named)}.")
    return passes("It has no policy beside Velero's.")


def _has_policy(role: RoleFacts, expected: Expected) -> Answer:
    if expected.policy_arn is None:
        return does_not_apply("No policy was named (policy_arn).")
    if expected.policy_arn in [policy.arn for policy in role.attached.value]:
        return passes("Velero's policy is attached.")
    return fails(f"{expected.policy_arn} is not attached.")


def _agreement(facts: Facts, expected: Expected) -> Answer:
    """Whether bucket, IAM policy and key policy speak of the same key, whatever the profile says."""
    profile = expected.profile
    if not profile.encrypts_with_kms:
        return does_not_apply(f"With {profile.encryption_mode} there is no KMS key of yours.")
    key = live_encryption(facts).key_id
    if not key or not Arn.parse_key(key):
        return fails(f"The bucket names {key or 'no key'}, which is not the ARN of a key: nothing can agree with it.")
    reasons = []
    if not same_key(key, str(profile.kms_key_arn)):
        reasons.append(f"the bucket encrypts under {key}, and the key that was looked at is {profile.kms_key_arn}")
    if expected.policy_arn and (lacking := _lacking(facts.role_policy.value, key)):
        reasons.append(f"{expected.policy_arn} does not allow {lacking} under the bucket's key")
    shut_out = [role for role in profile.role_arns if not _lets_in(facts.key_policy.value, role)]
    if shut_out:
        reasons.append(f"the key policy lets {', '.join(shut_out)} neither in itself nor by the account's IAM policies")
    if reasons:
        return fails(f"They do not agree: {'; '.join(reasons)}.")
    return passes("The bucket, the policy of the role and the key policy speak of the same key.")


def _lacking(document: Document, key: str) -> str:
    missing = [
        use
        for use in _USES
        if not any(
            policies.speaks_of(statement, (use,)) and policies.covers(statement, key)
            for _name, statement in policies.allowing(document)
        )
    ]
    return " and ".join(missing)


def _lets_in(document: Document, role_arn: str) -> bool:
    """Whether a statement allows the use to a role by its name or to its account; conditions are not looked at."""
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    names = {role_arn, account, _policy.account_root(account, partition)}
    return all(
        any(
            policies.speaks_of(statement, (use,))
            and any(kind == "AWS" and str(name) in names for kind, name in _policy.principals(statement))
            for _name, statement in policies.allowing(document)
        )
        for use in _USES
    )


_LEAST = "AC-2 AC-2(1) AC-3 AC-3(7) AC-3(15) AC-5 AC-6 AC-6(3)"
_RUN = "Run site.yml with the tag velero_irsa"

ACCESS = (
    Control(
        identifier="KMS.1",
        title="IAM customer managed policies should not allow decryption actions on all KMS keys",
        severity="medium",
        standards=related(fsbp="KMS.1", nist=_LEAST),
        checked=(
            "No customer managed policy of Velero's roles allows kms:Decrypt or kms:ReEncryptFrom under any key at "
            "all, whatever the condition. Policies that Velero does not have are not looked at."
        ),
        remediation="Name the keys in Resource, as the filter iam_policy does; kms:ViaService does not help here.",
        ask=_of_policies,
    ),
    Control(
        identifier="KMS.2",
        title="IAM principals should not have IAM inline policies that allow decryption actions on all KMS keys",
        severity="medium",
        standards=related(fsbp="KMS.2", nist=_LEAST),
        checked=(
            "No inline policy of Velero's roles allows kms:Decrypt or kms:ReEncryptFrom under any key at all; no "
            "condition counts. Other principals are not looked at."
        ),
        remediation="Name the keys in Resource, or remove the inline policy.",
        ask=_of_roles(_no_inline_decryption),
    ),
    Control(
        identifier="coffer.15",
        title="Velero's policy is exactly what the profile wants",
        severity="high",
        checked="The default version of the managed policy means what the filter iam_policy says, no less and no more.",
        remediation=f"{_RUN}, or coffer.velero.iam_policy.",
        ask=about(lambda _facts, expected: expected.policy_arn or expected.account_arn, _policy_exact),
    ),
    Control(
        identifier="coffer.16",
        title="Only Velero's ServiceAccount may assume the role",
        severity="high",
        checked="The trust policy has the statement of the filter trust_policy_statements, and no other that lets in.",
        remediation=f"{_RUN}; remove what others added with purge_trust_statements=true of coffer.velero.iam_role.",
        ask=_of_roles(_trust),
    ),
    Control(
        identifier="coffer.17",
        title="The role has Velero's policy",
        severity="high",
        checked="The managed policy is attached to the role.",
        remediation=f"{_RUN}, or coffer.velero.iam_role.",
        ask=_of_roles(_has_policy),
    ),
    Control(
        identifier="coffer.18",
        title="The role has no policy beside Velero's",
        severity="medium",
        checked="No other managed policy is attached to the role, and it has no inline policy.",
        remediation="Find out who needs them; purge_policies=true of coffer.velero.iam_role detaches managed ones.",
        ask=_of_roles(_attachments),
    ),
    Control(
        identifier="coffer.19",
        title="Bucket, role and key policy speak of the same key",
        severity="critical",
        checked=(
            "The key of the bucket's default encryption is the one that Velero's policy allows, and whose policy lets "
            "Velero's roles in, by name or by the account."
        ),
        remediation="Run site.yml: what disagrees here denies the next backup or restore.",
        ask=about(lambda _facts, expected: expected.profile.bucket_arn, _agreement),
    ),
)
