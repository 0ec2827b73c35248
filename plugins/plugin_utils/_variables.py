# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of a host to the values of a storage profile. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from functools import partial

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import refuse_name
from ansible_collections.coffer.velero.plugins.module_utils._kms.decide import alias_name
from ansible_collections.coffer.velero.plugins.module_utils._profile import KMS_MODES, StorageProfile, variable_of
from ansible_collections.coffer.velero.plugins.module_utils._velero.validators import validate_object_name

#: What a variable is, templated; ``None`` where it is not defined.
Variables = Callable[[str], t.Any]

#: The fields of a profile that are a variable each.
OWN = (
    "region",
    "bucket",
    "prefix",
    "encryption_mode",
    "kms_key_arn",
    "kms_previous_key_arns",
    "kms_key_administrators",
    "bucket_key_enabled",
    "oidc_issuer_url",
    "namespace",
    "service_account",
    "s3_url",
    "s3_force_path_style",
    "ebs_snapshots",
    "sse_c_secret",
)

#: The annotation of a location in which the role backup_proof notes the key that it found.
NOTED_KEY = "coffer.velero/kms-key-arn"
NOTE = f" The last proof noted it in the location's annotation {NOTED_KEY}, which the next one renews."

#: Names that are not part of a profile, and what refuses those that cannot be one.
_NAMES: dict[str, Callable[..., None]] = {
    "velero_role_name": partial(refuse_name, length=64),
    "velero_policy_name": partial(refuse_name, length=128),
    "velero_backup_location_name": validate_object_name,
}


def profile_values(variables: Variables) -> dict[str, t.Any]:
    """What the variables say, and what the tasks that ran have learned.

    :raises ValidationError: where nobody has asked yet whose credentials these are, and for a name that a later role
        could not use
    """
    caller = variables("velero_caller")
    if not caller:
        remediation = "Let the role coffer.velero.velero run first, as every role of the collection does."
        raise ValidationError("velero_caller", "it", "is not known", remediation)
    values = {name: variables(variable_of(name)) for name in OWN}
    names = {name: str(variables(name) or "") for name in _NAMES}
    for name, refuse in _NAMES.items():
        refuse(names[name], option=name)
    role = Arn(caller["partition"], "iam", "", caller["account_id"], f"role/{names['velero_role_name']}")
    provider = variables("velero_irsa_oidc_provider") or {}
    return {
        **values,
        "account_id": caller["account_id"],
        "partition": caller["partition"],
        "kms_key_arn": values["kms_key_arn"] or _created_key(variables, values["encryption_mode"]),
        "oidc_issuer_url": provider.get("issuer_url") or values["oidc_issuer_url"],
        "role_arns": [str(role)],
        "tagging": variables(variable_of("tagging")),
    }


def _created_key(variables: Variables, mode: t.Any) -> str | None:
    """The key is known once the role kms_key has run, for this alias and not for another installation of the host."""
    if mode not in KMS_MODES:
        return None
    key = variables("kms_key_result") or {}
    ours = key.get("alias") and key["alias"] == alias_name(str(variables("velero_kms_alias")))
    return str(key["key_arn"]) if ours else None


def refuse_lost_key(variables: Variables, profile: StorageProfile) -> None:
    """Known once the location was looked at, before the policy of Velero's role follows from the profile.

    With aws:kms:dsse a location cannot name its key, and of an alias nobody knows which key it meant; then it is the
    one that the last proof has noted.

    :raises ValidationError: where the role could no longer use the key of the location
    """
    guard = variables("__backup_location_guard") or {}
    named = str((guard.get("previous_spec") or {}).get("config", {}).get("kmsKeyId", ""))
    noted = str((guard.get("annotations") or {}).get(NOTED_KEY, ""))
    so_far, origin = (named, "") if _is_key(named) else (noted, NOTE)
    if _is_key(so_far) and so_far not in (profile.kms_key_arn, *profile.kms_previous_key_arns):
        reason = "is the key of the location's backups so far, and is not listed"
        remediation = (
            "Add it: Velero reads, restores and deletes those backups with it. Take it out when no backup needs it any "
            "more."
        )
        raise ValidationError("velero_kms_previous_key_arns", so_far, reason, remediation + origin)


def _is_key(text: str) -> bool:
    arn = Arn.parse(text)
    return arn is not None and arn.resource.startswith("key/")
