# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage profile that the variables of a host describe."""

from __future__ import annotations

DOCUMENTATION = r"""
name: storage_profile
short_description: The storage profile that the variables of a host describe
version_added: 0.1.0
description:
  - Reads the variables of the roles, such as C(velero_region), C(velero_bucket) and C(velero_encryption_mode), and
    checks them as the filter P(coffer.velero.storage_profile#filter) does.
  - What no variable says, such as the account and the ARN of the key that was created, is given as options.
  - The roles have its result as C(velero_profile). The variables are read where it is used.
author: The coffer.velero authors (@coffer-velero)
options:
  _terms:
    description: There are none.
extends_documentation_fragment:
  - coffer.velero._velero.found
seealso:
  - plugin: coffer.velero.storage_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the policy of Velero's role
  ansible.builtin.debug:
    msg: "{{ lookup('coffer.velero.storage_profile', kms_key_arn=key, account_id=caller) | coffer.velero.iam_policy }}"
  vars:
    caller: "111122223333"
    key: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab

- name: Show it before there is a key
  ansible.builtin.debug:
    msg: "{{ lookup('coffer.velero.storage_profile', with_created_key=true) | coffer.velero.iam_policy }}"
"""

RETURN = r"""
_raw:
  description: The profile, for the filters of the collection.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import plain_profile
from ansible_collections.coffer.velero.plugins.plugin_utils._variables import parse_profile, variables_of


class LookupModule(LookupBase):
    """The lookup coffer.velero.storage_profile."""

    def run(self, terms: t.Any, variables: t.Any = None, **options: t.Any) -> list[dict[str, t.Any]]:
        try:
            return [plain_profile(parse_profile(variables_of(self._templar, variables), terms, options))]
        except ValidationError as error:
            raise AnsibleLookupError(str(error)) from error
