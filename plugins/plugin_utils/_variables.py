# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of a host to the values of a storage profile. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from functools import partial

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn, partition_of, validate_account_id
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import (
    validate_name,
    validate_path,
    validate_policy_arn,
)
from ansible_collections.coffer.velero.plugins.module_utils._objects.acceptance import accepted_objects
from ansible_collections.coffer.velero.plugins.module_utils._profile import (
    KMS_MODES,
    StorageProfile,
    variable_of,
    with_created_key,
)
from ansible_collections.coffer.velero.plugins.module_utils._tags import validate_tags
from ansible_collections.coffer.velero.plugins.module_utils._velero.model import TRUE
from ansible_collections.coffer.velero.plugins.module_utils._velero.validators import server_of, validate_object_name

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
    "ebs_kms_key_arns",
    "sse_c_secret",
)

#: The options of the lookup plugins, see the doc fragment ``found``.
_FOUND = {
    "account_id",
    "partition",
    "kms_key_arn",
    "oidc_issuer_url",
    "with_created_key",
    "identity",
    "location",
}

#: The fields that a location keeps where no variable says otherwise, and their names in its ``config``.
_KEPT = {"s3_url": "s3Url", "s3_force_path_style": "s3ForcePathStyle", "tagging": "tagging"}

_NO = ("false", "no", "off", "0")

#: Stands for the account before anybody has asked whose the credentials are.
PLACEHOLDER_ACCOUNT_ID = "000000000000"

#: Names that are not part of a profile, and what refuses those that cannot be one.
_NAMES: dict[str, Callable[..., None]] = {
    "velero_role_name": partial(validate_name, length=64),
    "velero_policy_name": partial(validate_name, length=128),
    "velero_backup_location_name": validate_object_name,
    "velero_role_path": validate_path,
    "velero_policy_path": validate_path,
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
    _refuse_kinds(variables)
    values = {name: variables(variable_of(name)) for name in (*PROFILE_FIELDS, "tagging")}
    names = {name: str(variables(name) or ("/" if name.endswith("_path") else "")) for name in _NAMES}
    for name, refuse in _NAMES.items():
        refuse(names[name], option=name)
    boundary = "velero_role_permissions_boundary"
    if variables(boundary):
        validate_policy_arn(str(variables(boundary)), option=boundary)
    role, policy = (f"{names[f'velero_{kind}_path']}{names[f'velero_{kind}_name']}" for kind in ("role", "policy"))
    region = str(values["region"] or "")
    partition = options.get("partition") or (partition_of(region, option="velero_region") if region else "aws")
    account_id = options.get("account_id") or PLACEHOLDER_ACCOUNT_ID
    key_arn = options.get("kms_key_arn") if values["encryption_mode"] in KMS_MODES else None
    values |= {
        "account_id": account_id,
        "partition": partition,
        "kms_key_arn": values["kms_key_arn"] or key_arn,
        "oidc_issuer_url": options.get("oidc_issuer_url") or values["oidc_issuer_url"],
        "role_arns": [str(Arn(partition, "iam", "", account_id, f"role{role}"))],
        "policy_arns": [str(Arn(partition, "iam", "", account_id, f"policy{policy}"))],
        **_of_cluster(values, options.get("identity") or {}, options.get("location") or {}),
    }
    accepted = ("velero_accept_objects_before", "velero_accept_objects_until")
    accepted_objects(variables(accepted[0]), variables(accepted[1]), accepted)
    _refuse_reader(variables, options.get("location") or {})
    return StorageProfile.parse(with_created_key(values) if options.get("with_created_key") else values)


def _refuse_kinds(variables: Variables) -> None:
    """Refuse what Ansible would drop with a warning, or a task would take for something else."""
    for name in ("velero_environment", "velero_tags"):
        value = variables(name)
        if value not in (None, "") and not isinstance(value, Mapping):
            remediation = f"""Give it as a dictionary, with -e as JSON: -e '{{"{name}": {{"NAME": "value"}}}}'."""
            raise ValidationError(name, str(value), "is no dictionary, so that it would be ignored", remediation)
    validate_tags(variables("velero_tags") or {}, option="velero_tags")
    if account_id := variables("velero_account_id"):
        validate_account_id(account_id, option="velero_account_id")


def _of_cluster(
    values: Mapping[str, t.Any], identity: Mapping[str, t.Any], location: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """What no variable says and the cluster does, so that it is left as it is and every document knows of it.

    :raises ValidationError: for an endpoint of another server: nobody said that the bucket is there
    """
    config = (location.get("spec") or {}).get("config") or {}
    kept = {name: config.get(key) for name, key in _KEPT.items() if values[name] is None}
    if "s3_force_path_style" in kept:
        kept["s3_force_path_style"] = kept["s3_force_path_style"] in TRUE
    if kept.get("s3_url") and server_of(kept["s3_url"]):
        reason = f'is not set, and BackupStorageLocation "{location.get("name")}" has its objects at {kept["s3_url"]}'
        remediation = f"Set it to {kept['s3_url']} to keep them there, or to '' for a bucket of S3 itself."
        raise ValidationError(variable_of("s3_url"), "it", reason, remediation)
    return {
        **kept,
        "service_account": values["service_account"] or identity.get("service_account"),
        "oidc_audience": identity.get("audience"),
    }


def _refuse_reader(variables: Variables, location: Mapping[str, t.Any]) -> None:
    """A test backup is not possible in a location that is only restored from."""
    tries = variables("velero_proof") != "never" and str(variables("velero_proof_backup")).lower() not in _NO
    if tries and (location.get("spec") or {}).get("accessMode") == "ReadOnly":
        reason = (
            f'is not false, and BackupStorageLocation "{location.get("name")}" is ReadOnly: it takes no test backup'
        )
        remediation = (
            "Set velero_proof_backup=false for a cluster that only restores from it; the verification then reads the "
            "objects. velero_access_mode=ReadWrite lets this cluster write there."
        )
        raise ValidationError("velero_proof_backup", "it", reason, remediation)
