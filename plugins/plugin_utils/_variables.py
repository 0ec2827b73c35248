# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of a host to the values of a storage profile. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from functools import partial

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn, partition_of
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import validate_name
from ansible_collections.coffer.velero.plugins.module_utils._profile import (
    KMS_MODES,
    StorageProfile,
    variable_of,
    with_created_key,
)
from ansible_collections.coffer.velero.plugins.module_utils._velero.validators import validate_object_name

#: What a variable is, templated; ``None`` where it is not defined.
Variables = Callable[[str], t.Any]

#: The fields of a profile that are a variable each.
PROFILE_FIELDS = (
    "region",
    "bucket",
    "prefix",
    "encryption_mode",
    "kms_key_arn",
    "kms_previous_key_arns",
    "kms_key_administrators",
    "update_encryption_arns",
    "bucket_key_enabled",
    "oidc_issuer_url",
    "namespace",
    "service_account",
    "s3_url",
    "s3_force_path_style",
    "ebs_snapshots",
    "sse_c_secret",
)

#: The options of the lookup plugins, see the doc fragment ``found``.
_FOUND = {"account_id", "partition", "kms_key_arn", "oidc_issuer_url", "with_created_key"}

#: Stands for the account before anybody has asked whose the credentials are.
PLACEHOLDER_ACCOUNT_ID = "000000000000"

#: Names that are not part of a profile, and what refuses those that cannot be one.
_NAMES: dict[str, Callable[..., None]] = {
    "velero_role_name": partial(validate_name, length=64),
    "velero_policy_name": partial(validate_name, length=128),
    "velero_backup_location_name": validate_object_name,
}


def variables_of(templar: t.Any, variables: Mapping[str, t.Any] | None) -> Variables:
    """The variables that a lookup plugin is given, templated where they are read."""
    given = variables or {}
    return lambda name: templar.template(given[name]) if name in given else None


def parse_profile(variables: Variables, terms: t.Any, options: Mapping[str, t.Any]) -> StorageProfile:
    """The profile that the variables describe, with what no variable says.

    :param options: of the lookup plugins, see the doc fragment ``found``
    :raises ValidationError: for what cannot be a profile, and for a name that a role could not use
    """
    if terms or set(options) - _FOUND:
        remediation = f"It takes the options {', '.join(sorted(_FOUND))} and no terms."
        given = ", ".join(map(str, [*terms, *sorted(set(options) - _FOUND)]))
        raise ValidationError("lookup", given, "is not an option of this lookup", remediation)
    values = {name: variables(variable_of(name)) for name in PROFILE_FIELDS}
    names = {name: str(variables(name) or "") for name in _NAMES}
    for name, refuse in _NAMES.items():
        refuse(names[name], option=name)
    partition = options.get("partition") or partition_of(str(values["region"] or ""))
    account_id = options.get("account_id") or PLACEHOLDER_ACCOUNT_ID
    key_arn = options.get("kms_key_arn") if values["encryption_mode"] in KMS_MODES else None
    values |= {
        "account_id": account_id,
        "partition": partition,
        "kms_key_arn": values["kms_key_arn"] or key_arn,
        "oidc_issuer_url": options.get("oidc_issuer_url") or values["oidc_issuer_url"],
        "role_arns": [str(Arn(partition, "iam", "", account_id, f"role/{names['velero_role_name']}"))],
        "policy_arns": [str(Arn(partition, "iam", "", account_id, f"policy/{names['velero_policy_name']}"))],
        "tagging": variables(variable_of("tagging")),
    }
    return StorageProfile.parse(with_created_key(values) if options.get("with_created_key") else values)
