# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storage profile, and every document that follows from it. Each filter has its page beside this file."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import with_created_key
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import as_filter, lazy, plain_profile, profile_of


def _permissions(build: Callable[..., t.Any], alias: str) -> Callable[..., t.Any]:
    """A policy of whoever runs something.

    :param alias: the variable with the alias of the key of the backups, with which the key need not be there yet
    """

    def policy(values: t.Any, **variables: t.Any) -> t.Any:
        known = with_created_key(values) if variables.get(alias) and isinstance(values, Mapping) else values
        return build(profile_of(known), **variables)

    return as_filter(policy, parse=lambda values: values)


class FilterModule:
    """The filters of coffer.velero."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        documents = (
            _documents.backup_storage_location_spec,
            _documents.bucket_policy_statements,
            _documents.encryption_rule,
            _documents.iam_policy,
            _documents.iam_policy_absent_sids,
            _documents.key_policy_statements,
            _documents.trust_policy_statements,
        )
        aliases = {"audit_deployer_policy": "backup_kms_alias", "deployer_policy": "kms_alias"}
        return {
            "storage_profile": as_filter(plain_profile),
            **{build.__name__: as_filter(build) for build in documents},
            **{name: _permissions(lazy(f"_{name}", name), alias) for name, alias in aliases.items()},
        }
