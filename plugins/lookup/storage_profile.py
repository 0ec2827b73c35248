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
    what the tasks of the roles have learned, such as the ARN of the key that was made, and checks all of it as the
    filter P(coffer.velero.storage_profile#filter) does.
  - The roles have its result as C(velero_profile). Everything is read where it is used, with what is known then.
author:
  - The coffer.velero authors (@coffer-velero)
options:
  _terms:
    description: There are none.
  values:
    description:
      - Fields of the profile, such as C(kms_key_arn), that take the place of what the variables say.
    type: dict
notes:
  - The role C(coffer.velero.velero), on which every role of the collection depends, must have run.
seealso:
  - plugin: coffer.velero.storage_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the policy that Velero's role gets
  ansible.builtin.debug:
    msg: "{{ lookup('coffer.velero.storage_profile') | coffer.velero.iam_policy }}"

- name: Show it for another key
  ansible.builtin.debug:
    msg: "{{ lookup('coffer.velero.storage_profile', values={'kms_key_arn': theirs}) | coffer.velero.iam_policy }}"
  vars:
    theirs: arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab
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

from ansible_collections.coffer.velero.plugins.module_utils._errors import Refusal
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import plain_profile
from ansible_collections.coffer.velero.plugins.plugin_utils._variables import profile_values


class LookupModule(LookupBase):
    """The lookup coffer.velero.storage_profile."""

    def run(
        self, terms: t.Any, variables: t.Any = None, values: dict[str, t.Any] | None = None, **options: t.Any
    ) -> list[dict[str, t.Any]]:
        if terms or options:
            raise AnsibleLookupError("The lookup coffer.velero.storage_profile takes values={...} and nothing else.")
        try:
            profile = StorageProfile.parse(profile_values(self._variable(variables)) | (values or {}))
        except Refusal as refusal:
            raise AnsibleLookupError(str(refusal)) from refusal
        return [plain_profile(profile)]

    def _variable(self, variables: t.Any) -> t.Callable[[str], t.Any]:
        template = t.cast("t.Any", self._templar).template
        return lambda name: template(variables[name]) if name in variables else None
