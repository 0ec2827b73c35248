# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of a host to the values of a storage profile. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.coffer.velero.plugins.module_utils._arn import Arn
from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._kms.decide import alias_name
from ansible_collections.coffer.velero.plugins.module_utils._profile import KMS_MODES, VARIABLE_PREFIX

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


def profile_values(variables: Variables) -> dict[str, t.Any]:
    """What the variables say, and what the tasks that ran have learned.

    :raises Refusal: where nobody has asked yet whose credentials these are
    """
    caller = variables("velero_caller")
    if not caller:
        remedy = "Let the role coffer.velero.velero run first, as every role of the collection does."
        raise Refusal("velero_caller", "it", "is not known", remedy)
    values = {name: variables(VARIABLE_PREFIX + name) for name in OWN}
    role = Arn(caller["partition"], "iam", "", caller["account_id"], f"role/{variables('velero_role_name')}")
    provider = variables("velero_irsa_oidc_provider") or {}
    return {
        **values,
        "account_id": caller["account_id"],
        "partition": caller["partition"],
        "kms_key_arn": values["kms_key_arn"] or _created_key(variables, values["encryption_mode"]),
        "oidc_issuer_url": provider.get("issuer_url") or values["oidc_issuer_url"],
        "role_arns": [str(role)],
        "tagging": variables("velero_object_tagging"),
    }


def _created_key(variables: Variables, mode: t.Any) -> str | None:
    """The key is known once the role kms_key has run, for this alias and not for another installation of the host."""
    if mode not in KMS_MODES:
        return None
    key = variables("kms_key_result") or {}
    ours = key.get("alias") and key["alias"] == alias_name(str(variables("velero_kms_alias")))
    return str(key["key_arn"]) if ours else None
