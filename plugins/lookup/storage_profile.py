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
  with_created_key:
    description:
      - Whether a key that the roles have yet to create is taken as created, with an id of zeros.
      - Without it, a profile that needs a key is refused until its key is known.
    type: bool
    default: false
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

from ansible_collections.coffer.velero.plugins.module_utils import _profile
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.plugin_utils._filters import plain_profile
from ansible_collections.coffer.velero.plugins.plugin_utils._variables import profile_values, refuse_lost_key


class LookupModule(LookupBase):
    """The lookup coffer.velero.storage_profile."""

    def run(
        self, terms: t.Any, variables: t.Any = None, with_created_key: bool = False, **options: t.Any
    ) -> list[dict[str, t.Any]]:
        if terms or options or not isinstance(with_created_key, bool):
            raise AnsibleLookupError("coffer.velero.storage_profile takes with_created_key=true and nothing else.")
        variable = self._variable(variables)
        try:
            values = profile_values(variable)
            profile = _profile.StorageProfile.parse(_profile.with_created_key(values) if with_created_key else values)
            if not with_created_key:
                refuse_lost_key(variable, profile)
        except ValidationError as refusal:
            raise AnsibleLookupError(str(refusal)) from refusal
        return [plain_profile(profile)]

    def _variable(self, variables: t.Any) -> t.Callable[[str], t.Any]:
        template = t.cast("t.Any", self._templar).template
        return lambda name: template(variables[name]) if name in variables else None
