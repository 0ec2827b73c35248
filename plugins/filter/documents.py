# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storage profile, and every document that follows from it. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import asdict

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._operator import operator_policy, with_created_key
from ansible_collections.coffer.velero.plugins.module_utils._operator_audit import audit_operator_policy
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile


def _parse(values: t.Any) -> StorageProfile:
    if not isinstance(values, Mapping):
        raise AnsibleFilterError("A storage profile is a dictionary of bucket, region, account_id and so on.")
    try:
        return StorageProfile.parse(values)
    except Refusal as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


def _document(build: Callable[[StorageProfile], t.Any]) -> Callable[[t.Any], t.Any]:
    return lambda values: build(_parse(values))


def _storage_profile(profile: StorageProfile) -> dict[str, t.Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(profile).items()}


def _permissions(build: Callable[..., t.Any], alias: str) -> Callable[..., t.Any]:
    """A policy of whoever runs something.

    :param alias: the variable with the alias of the key of the backups, with which the key need not be there yet
    """

    def policy(values: t.Any, **variables: t.Any) -> t.Any:
        if variables.get(alias) and isinstance(values, Mapping):
            values = with_created_key(values)
        profile = _parse(values)
        try:
            return build(profile, **variables)
        except Refusal as refusal:
            raise AnsibleFilterError(str(refusal)) from refusal

    return policy


class FilterModule:
    """The filters of coffer.velero."""

    def filters(self) -> dict[str, Callable[[t.Any], t.Any]]:
        documents = (
            _documents.backup_storage_location_spec,
            _documents.bucket_policy_statements,
            _documents.encryption_rule,
            _documents.iam_policy,
            _documents.key_policy_statements,
            _documents.trust_policy_statements,
        )
        filters = {build.__name__: _document(build) for build in documents}
        more: dict[str, Callable[..., t.Any]] = {
            "audit_operator_policy": _permissions(audit_operator_policy, "backup_kms_alias"),
            "operator_policy": _permissions(operator_policy, "kms_alias"),
        }
        return {"storage_profile": _document(_storage_profile), **filters, **more}
