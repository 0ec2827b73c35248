# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of moto's IAM."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import EmptyResult
from moto.iam.exceptions import DeleteConflictException, EntityAlreadyExists, LimitExceededException
from moto.iam.models import IAMBackend, ManagedPolicy
from moto.iam.responses import IamResponse

from tests.support.moto_patches.registry import around, patch

POLICY_LIMIT = 6144


@patch
def attaching_twice_counts_once() -> None:
    """AttachmentCount is of the roles, users and groups; moto counts the calls."""

    @around(ManagedPolicy, "attach_to")
    def attach_to(original: Any, self: Any, entity: Any) -> Any:
        if self.arn not in entity.managed_policies:
            original(self, entity)


@patch
def attached_policy_is_not_deleted() -> None:
    """DeleteConflict while something has it, or while it has more than the default version; moto just deletes it."""

    @around(IAMBackend, "delete_policy")
    def delete_policy(original: Any, self: Any, policy_arn: Any) -> Any:
        policy = self.get_policy(policy_arn)
        if policy.attachment_count:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise DeleteConflictException("This policy has more than one version; delete the others before.")
        original(self, policy_arn)


@patch
def managed_policy_has_a_size_limit() -> None:
    """6,144 characters, white space not counted; moto has none."""

    def check(document: str) -> None:
        if len(re.sub(r"\s", "", document)) > POLICY_LIMIT:
            raise LimitExceededException(f"Cannot exceed quota for PolicySize: {POLICY_LIMIT}")

    @around(IAMBackend, "create_policy")
    def create_policy(
        original: Any, self: Any, description: Any, path: Any, policy_document: Any, policy_name: Any, tags: Any
    ) -> Any:
        check(policy_document)
        return original(self, description, path, policy_document, policy_name, tags)

    @around(IAMBackend, "create_policy_version")
    def create_policy_version(
        original: Any, self: Any, policy_arn: Any, policy_document: Any, set_as_default: Any
    ) -> Any:
        check(policy_document)
        return original(self, policy_arn, policy_document, set_as_default)


@patch
def policy_name_is_unique_whatever_the_path() -> None:
    """EntityAlreadyExists for the same name at another path; moto makes a second policy."""

    @around(IAMBackend, "create_policy")
    def create_policy(
        original: Any, self: Any, description: Any, path: Any, policy_document: Any, policy_name: Any, tags: Any
    ) -> Any:
        if any(policy.name == policy_name for policy in self.managed_policies.values() if "::aws:" not in policy.arn):
            raise EntityAlreadyExists(f"A policy called {policy_name} already exists. Duplicate names are not allowed.")
        return original(self, description, path, policy_document, policy_name, tags)


@patch
def role_update_keeps_what_it_does_not_name() -> None:
    """UpdateRole changes the members that it is given; moto resets the others."""

    @around(IamResponse, "update_role")
    def update_role(original: Any, self: Any) -> Any:
        role = self.backend.get_role(self._get_param("RoleName"))
        before = {"Description": role.description, "MaxSessionDuration": role.max_session_duration}
        answer = original(self)
        if self._get_param("Description") is None:
            role.description = before["Description"]
        if self._get_param("MaxSessionDuration") is None:
            role.max_session_duration = before["MaxSessionDuration"]
        return answer


@patch
def audience_is_added_to_an_oidc_provider() -> None:
    """AddClientIDToOpenIDConnectProvider, which moto does not know; adding one twice is no error."""

    def add_client_id_to_open_id_connect_provider(self: IamResponse) -> EmptyResult:
        provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
        client_id = self._get_param("ClientID")
        if client_id not in provider.client_id_list:
            provider.client_id_list.append(client_id)
        return EmptyResult()

    name = add_client_id_to_open_id_connect_provider.__name__
    setattr(IamResponse, name, add_client_id_to_open_id_connect_provider)
